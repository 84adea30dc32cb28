//! Keyed pseudonyms: the same id gives the same pseudonym under one key, and nothing leads back without it.
//!
//! `p_` and the first 128 bits of HMAC-SHA256 (RFC 2104) in base64url. Each field has its own key, so equal ids in different
//! fields cannot be linked: field key = HMAC(key, "gatewatch pseudonym 1 " + field name).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compact_str::CompactString;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::Field;

const PREFIX: &str = "p_";
const BYTES: usize = 16;
/// Base64 of 16 bytes without padding.
const TEXT: usize = 22;
/// The fields that are pseudonymised in every event; their keys are made ready once.
const READY: [Field; 4] = [
    Field::Subject,
    Field::TokenId,
    Field::ResourceId,
    Field::DeviceId,
];

/// Whether the ids of a field are stored as pseudonyms.
#[must_use]
pub fn is_pseudonymised(field: Field) -> bool {
    READY.contains(&field)
}

/// Whether a text has the form of a pseudonym.
#[must_use]
pub fn is_pseudonym(text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == TEXT && rest.bytes().all(is_base64))
}

/// The key, ready for each field. Never printed.
#[derive(Clone)]
pub(super) struct Pseudonyms {
    root: Hmac<Sha256>,
    ready: [Hmac<Sha256>; READY.len()],
}

impl Pseudonyms {
    pub(super) fn new(key: &[u8]) -> Self {
        let root = keyed(key);
        let ready = READY.map(|field| field_key(&root, field));
        Pseudonyms { root, ready }
    }

    /// The pseudonym of an id of a field; 24 bytes, so it needs no allocation.
    pub(super) fn of(&self, field: Field, id: &str) -> CompactString {
        let mut mac = match READY.iter().position(|ready| *ready == field) {
            Some(at) => self.ready[at].clone(),
            None => field_key(&self.root, field),
        };
        mac.update(id.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut text = [0; PREFIX.len() + TEXT];
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        let written = URL_SAFE_NO_PAD.encode_slice(&digest[..BYTES], &mut text[PREFIX.len()..]);
        debug_assert_eq!(written.ok(), Some(TEXT));
        CompactString::from_utf8(text).expect("base64 is text")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn field_key(root: &Hmac<Sha256>, field: Field) -> Hmac<Sha256> {
    let mut mac = root.clone();
    mac.update(b"gatewatch pseudonym 1 ");
    mac.update(field.name().as_bytes());
    keyed(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_stable_and_bound_to_key_and_field() {
        let one = Pseudonyms::new(&[1; 32]);
        let subject = one.of(Field::Subject, "42");
        assert_eq!(subject, Pseudonyms::new(&[1; 32]).of(Field::Subject, "42"));
        assert_eq!((subject.len(), &subject[..2]), (24, "p_"));
        assert_ne!(subject, one.of(Field::DeviceId, "42"));
        assert_ne!(subject, one.of(Field::Path, "42"));
        assert_ne!(subject, one.of(Field::Subject, "43"));
        assert_ne!(subject, Pseudonyms::new(&[2; 32]).of(Field::Subject, "42"));
    }

    #[test]
    fn a_pseudonym_is_known_by_its_form() {
        assert!(is_pseudonym(
            &Pseudonyms::new(b"k").of(Field::Subject, "42")
        ));
        for other in ["42", "p_ivan.petrov", "p_KJyjNTW0NNo7iiY76dBWc", ""] {
            assert!(!is_pseudonym(other), "{other}");
        }
        assert!(is_pseudonymised(Field::DeviceId) && !is_pseudonymised(Field::ClientId));
    }

    #[test]
    fn pseudonyms_stay_the_same_across_versions() {
        // Stored rows are joined by them: a change here needs a new key id.
        let got = Pseudonyms::new(b"0123456789abcdef0123456789abcdef").of(Field::Subject, "42");
        assert_eq!(got, "p_KJyjNTW0NNo7iiY76dBWcA");
    }
}
