//! The key of the console: seals what has to be read back, signs what is given away.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals and signs, each with a key of its own that comes from the one of the configuration.
pub struct Vault {
    cipher: Aes256Gcm,
    signing: [u8; 32],
}

/// Not shown.
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// The key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "console.key is not 64 hexadecimal digits; make one with `openssl rand -hex 32` and name its file in console.key_file"
)]
pub struct KeyError;

impl Vault {
    /// With a key of 64 hexadecimal digits.
    ///
    /// # Errors
    /// It is something else.
    pub fn new(key: &str) -> Result<Vault, KeyError> {
        let is_hex = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err(KeyError);
        }
        let key = key.to_lowercase();
        let derive = |purpose: &[u8]| mac(key.as_bytes(), &[purpose]);
        let sealing: Key<Aes256Gcm> = derive(b"gatewatch console seal").into();
        Ok(Vault {
            cipher: Aes256Gcm::new(&sealing),
            signing: derive(b"gatewatch console sign"),
        })
    }

    /// Seals a secret for one owner, as text.
    ///
    /// # Panics
    /// The system has no random numbers, or the secret is longer than 64 GiB.
    #[must_use]
    pub fn seal(&self, owner: &str, secret: &[u8]) -> String {
        let nonce = random::<NONCE>();
        let payload = Payload {
            msg: secret,
            aad: owner.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.expect("a secret is far shorter than a cipher takes");
        URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// What was sealed for this owner; `None` for anything else.
    #[must_use]
    pub fn open(&self, owner: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()
    }

    /// A signature of some texts for one purpose.
    #[must_use]
    pub fn sign(&self, purpose: &str, texts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(purpose, texts))
    }

    /// Whether a signature is that of these texts for this purpose; how long it takes to say tells nothing.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, texts: &[&str], signature: &str) -> bool {
        let Ok(given) = URL_SAFE_NO_PAD.decode(signature) else {
            return false;
        };
        // Hashes of both are compared, which nobody can aim at.
        Sha256::digest(given) == Sha256::digest(self.tag(purpose, texts))
    }

    fn tag(&self, purpose: &str, texts: &[&str]) -> [u8; 32] {
        let lengths: Vec<[u8; 8]> = texts
            .iter()
            .map(|text| (text.len() as u64).to_be_bytes())
            .collect();
        let mut parts: Vec<&[u8]> = vec![purpose.as_bytes(), b"\0"];
        for (text, length) in texts.iter().zip(&lengths) {
            parts.push(length);
            parts.push(text.as_bytes());
        }
        mac(&self.signing, &parts)
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("a key of HMAC may have any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Random bytes for secrets.
///
/// # Panics
/// The system has no random numbers: nothing secret can be made then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// A text that nobody makes twice, which is no secret.
#[must_use]
pub fn mark() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// What is kept of a token: enough to know it again.
#[must_use]
pub fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert!(Vault::new(&"ab".repeat(32)).is_ok());
        for wrong in ["", "ab", &"xy".repeat(32), &"ab".repeat(33)] {
            assert_eq!(Vault::new(wrong).unwrap_err(), KeyError);
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_owner_alone() {
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let sealed = vault.seal("anna", b"secret");
        assert_eq!(vault.open("anna", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(vault.open("ivan", &sealed), None);
        assert_eq!(vault.open("anna", &sealed[1..]), None);
        assert_eq!(vault.open("anna", ""), None);
        let other = Vault::new(&"cd".repeat(32)).unwrap();
        assert_eq!(other.open("anna", &sealed), None);
        assert_ne!(sealed, vault.seal("anna", b"secret"));
    }

    #[test]
    fn a_signature_holds_for_its_texts_and_purpose() {
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let signature = vault.sign("mail", &["a", "bc"]);
        assert!(vault.is_signed("mail", &["a", "bc"], &signature));
        assert!(!vault.is_signed("mail", &["ab", "c"], &signature));
        assert!(!vault.is_signed("form", &["a", "bc"], &signature));
        assert!(!vault.is_signed("mail", &["a", "bc"], ""));
    }
}
