//! The second factor: codes of an authenticator (RFC 6238: SHA-1, six digits, thirty seconds, as every such program knows them), and recovery codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

use super::{Vault, random};
use crate::event::Timestamp;

/// Recovery codes that are made at once.
const CODES: usize = 10;
/// Bytes of a secret: RFC 4226 asks for 16 at least, and advises 20.
const SECRET: usize = 20;

/// A second factor that is being set up.
#[derive(Clone)]
pub struct Enrolment {
    /// The secret, sealed for its account: it goes to the browser and comes back.
    pub sealed: String,
    /// The secret as people type it.
    pub secret: String,
    /// The same as authenticators take it from a picture.
    pub address: String,
}

fn totp(secret: Vec<u8>) -> Option<Totp> {
    Builder::new().with_secret(secret).build().ok()
}

impl Enrolment {
    /// A new secret for an account of an installation.
    #[must_use]
    pub fn new(vault: &Vault, account: &str, installation: &str) -> Enrolment {
        Enrolment::of(random::<SECRET>().to_vec(), vault, account, installation)
    }

    /// The same again, when its code was mistyped; `None` when it was not made here.
    #[must_use]
    pub fn again(
        sealed: &str,
        vault: &Vault,
        account: &str,
        installation: &str,
    ) -> Option<Enrolment> {
        let secret = vault.open(account, sealed)?;
        Some(Enrolment::of(secret, vault, account, installation))
    }

    fn of(secret: Vec<u8>, vault: &Vault, account: &str, installation: &str) -> Enrolment {
        let sealed = vault.seal(account, &secret);
        let secret = Secret::from(secret).to_base32();
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let address = format!(
            "otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}",
            encoded(account),
            issuer = encoded(installation),
        );
        Enrolment {
            sealed,
            secret,
            address,
        }
    }
}

/// Whether a code is that of a sealed secret at this time: the number of its thirty seconds, which must not be taken again; `None` when it is not.
#[must_use]
pub fn second_factor(
    vault: &Vault,
    account: &str,
    sealed: &str,
    code: &str,
    now: Timestamp,
) -> Option<u64> {
    let digits: String = code.chars().filter(|it| !it.is_whitespace()).collect();
    let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let secret = vault.open(account, sealed)?;
    let time = u64::try_from(now.seconds()).ok()?;
    is_code
        .then(|| totp(secret)?.check(&digits, time))
        .flatten()
}

/// New recovery codes, each good once.
#[must_use]
pub fn recovery_codes() -> Vec<String> {
    // Nothing that is mistaken for something else.
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    let code = || {
        let letters: String = random::<12>().into_iter().map(letter).collect();
        format!("{}-{}-{}", &letters[..4], &letters[4..8], &letters[8..])
    };
    (0..CODES).map(|_| code()).collect()
}

/// What is kept of a recovery code. It has some 59 random bits, so a fast hash is enough.
#[must_use]
pub fn recovery_hash(account: &str, code: &str) -> String {
    let letters = code.chars().filter(|it| it.is_alphanumeric());
    let letters: String = letters.flat_map(char::to_lowercase).collect();
    let hash = Sha256::digest(format!("{account}\0{letters}"));
    URL_SAFE_NO_PAD.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, of which six digits are shown here: at 59 s the code is 94287082.
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let sealed = vault.seal("anna", b"12345678901234567890");
        let at = |seconds| {
            second_factor(
                &vault,
                "anna",
                &sealed,
                "287 082",
                Timestamp::from_seconds(seconds),
            )
        };
        assert_eq!(at(59), Some(1));
        assert_eq!(at(89), Some(1), "one step late");
        assert_eq!(at(120), None);
        let wrong =
            |code| second_factor(&vault, "anna", &sealed, code, Timestamp::from_seconds(59));
        for code in ["287083", "28708", "2870822", "", "287082a", "٢٨٧٠٨٢"] {
            assert_eq!(wrong(code), None, "{code}");
        }
        assert_eq!(
            second_factor(
                &vault,
                "ivan",
                &sealed,
                "287082",
                Timestamp::from_seconds(59)
            ),
            None
        );
    }

    #[test]
    fn an_enrolment_comes_back_as_it_went() {
        let vault = Vault::new(&"ab".repeat(32)).unwrap();
        let first = Enrolment::new(&vault, "анна@example.org", "gatewatch");
        let again =
            Enrolment::again(&first.sealed, &vault, "анна@example.org", "gatewatch").unwrap();
        assert_eq!(first.secret, again.secret);
        assert_eq!(first.secret.len(), 32);
        assert!(
            first.address.starts_with("otpauth://totp/gatewatch:%D0%B0"),
            "{}",
            first.address
        );
        assert!(Enrolment::again(&first.sealed, &vault, "ivan", "gatewatch").is_none());
    }

    #[test]
    fn recovery_codes_differ_and_are_read_leniently() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), CODES);
        let mut sorted = codes.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), CODES);
        let typed = codes[0].to_uppercase().replace('-', " ");
        assert_eq!(
            recovery_hash("anna", &codes[0]),
            recovery_hash("anna", &typed)
        );
        assert_ne!(
            recovery_hash("anna", &codes[0]),
            recovery_hash("ivan", &codes[0])
        );
    }
}
