//! Seals the raw bytes of dead letters with AES-256-GCM (NIST SP 800-38D).

use aes_gcm::aead::{Aead, Generate, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};

use super::StoreError;
use crate::config;

/// Holds the key that seals dead letters.
///
/// Each letter has a random nonce of 96 bits: a key may seal 2^32 letters. Topic, partition and offset are authenticated with it,
/// so a sealed record cannot be passed off as that of another offset.
pub struct Sealer {
    cipher: Aes256Gcm,
    key_id: String,
    /// Raw bytes that are kept at most.
    limit: usize,
}

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The record and its tag of 16 bytes.
    pub bytes: Vec<u8>,
    /// The nonce.
    pub nonce: [u8; 12],
}

/// Where a sealed record stands; part of what the seal holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'o> {
    /// Topic or file.
    pub topic: &'o str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl Origin<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.topic.len() + 12);
        bytes.extend_from_slice(&self.partition.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(self.topic.as_bytes());
        bytes
    }
}

impl Sealer {
    /// Takes key, key id and limit from the configuration.
    ///
    /// # Errors
    /// When the key is absent, cannot be read or is not 64 hexadecimal digits.
    pub fn from_config(config: &config::Store) -> Result<Self, StoreError> {
        let key = config
            .dead_letter_key
            .resolve(config.dead_letter_key_file.as_deref(), "dead_letter_key")?;
        Sealer::new(
            key.expose(),
            &config.dead_letter_key_id,
            config.dead_letter_bytes,
        )
    }

    /// A sealer with a key of 64 hexadecimal digits, its name, and the bytes of a record that are kept at most.
    ///
    /// # Errors
    /// When the key is something else.
    pub fn new(key: &str, key_id: &str, limit: usize) -> Result<Self, StoreError> {
        let key: Key<Aes256Gcm> = decode_key(key)?.into();
        Ok(Sealer {
            cipher: Aes256Gcm::new(&key),
            key_id: key_id.to_owned(),
            limit,
        })
    }

    /// Name of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals a record, cut to the limit of the configuration.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn seal(&self, origin: Origin<'_>, raw: &[u8]) -> Result<Sealed, StoreError> {
        let failed = |problem| StoreError::Seal {
            act: "seal",
            problem,
        };
        let nonce =
            Nonce::try_generate().map_err(|_| failed("the system has no random numbers"))?;
        let payload = Payload {
            msg: &raw[..raw.len().min(self.limit)],
            aad: &origin.bytes(),
        };
        let bytes = self
            .cipher
            .encrypt(&nonce, payload)
            .map_err(|_| failed("the record is too long"))?;
        Ok(Sealed {
            bytes,
            nonce: nonce.into(),
        })
    }

    /// Opens a sealed record.
    ///
    /// # Errors
    /// When it was sealed with another key or for another origin, or was changed.
    pub fn open(&self, origin: Origin<'_>, sealed: &Sealed) -> Result<Vec<u8>, StoreError> {
        let payload = Payload {
            msg: &sealed.bytes,
            aad: &origin.bytes(),
        };
        self.cipher
            .decrypt(&Nonce::from(sealed.nonce), payload)
            .map_err(|_| StoreError::Seal {
                act: "open",
                problem: "another key sealed it, it belongs to another offset, or it was changed",
            })
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The bytes of a key of 64 hexadecimal digits.
pub(super) fn decode_key(text: &str) -> Result<[u8; 32], StoreError> {
    let bytes = (text.len() == 64).then(|| decode_hex(text)).flatten();
    let key = bytes.and_then(|bytes| bytes.try_into().ok());
    key.ok_or(StoreError::Config {
        setting: "dead_letter_key_file",
        problem: "must hold 64 hexadecimal digits; make them with `openssl rand -hex 32`"
            .to_owned(),
    })
}

/// The bytes of hexadecimal digits, two each.
pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: &str) -> Result<Sealer, StoreError> {
        Sealer::new(key, "1", 8)
    }

    const ORIGIN: Origin<'_> = Origin {
        topic: "requests",
        partition: 3,
        offset: 7,
    };

    #[test]
    fn what_is_sealed_opens_again_and_nowhere_else() {
        let sealer = sealer(&"a1".repeat(32)).unwrap();
        let sealed = sealer.seal(ORIGIN, b"secret").unwrap();
        assert_ne!(sealed.bytes[..6], *b"secret");
        assert_eq!(sealer.open(ORIGIN, &sealed).unwrap(), b"secret");
        let elsewhere = Origin {
            offset: 8,
            ..ORIGIN
        };
        assert!(sealer.open(elsewhere, &sealed).is_err());
        let mut changed = sealed.clone();
        changed.bytes[0] ^= 1;
        assert!(sealer.open(ORIGIN, &changed).is_err());
        assert_ne!(sealer.seal(ORIGIN, b"secret").unwrap().nonce, sealed.nonce);
    }

    #[test]
    fn long_records_are_cut() {
        let sealer = sealer(&"a1".repeat(32)).unwrap();
        let sealed = sealer.seal(ORIGIN, b"0123456789").unwrap();
        assert_eq!(sealer.open(ORIGIN, &sealed).unwrap(), b"01234567");
    }

    #[test]
    fn a_bad_key_is_refused_with_a_hint() {
        for key in ["", "abc", &"é".repeat(32), &"zz".repeat(32)] {
            let error = sealer(key).unwrap_err().to_string();
            assert!(error.contains("openssl rand -hex 32"), "{error}");
        }
    }
}
