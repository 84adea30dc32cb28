//! Webhook: what is sent of an alert, and how it is signed (Standard Webhooks, <https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

use crate::alert::Alert;
use crate::event::Timestamp;

/// Ids of messages are UUID v5 of alert and stage in this namespace: sent again, a message has the same.
const NAMESPACE: Uuid = Uuid::from_u128(0x3f6c_b1d2_0a87_4c55_8e19_6d2b_94f0_7a11);
/// Characters of a text of the log.
const TEXT: usize = 300;

/// Signs messages.
#[derive(Clone)]
pub struct Signer(Vec<u8>);

/// Not shown.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// The secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "webhook.secret is not `whsec_` and base64 of 24 to 64 bytes; make one with: echo whsec_$(openssl rand -base64 32)"
)]
pub struct SecretError;

impl Signer {
    /// With a secret as Standard Webhooks writes it.
    ///
    /// # Errors
    /// It is something else.
    pub fn new(secret: &str) -> Result<Signer, SecretError> {
        let encoded = secret.strip_prefix("whsec_").ok_or(SecretError)?;
        let key = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        (24..=64)
            .contains(&key.len())
            .then_some(Signer(key))
            .ok_or(SecretError)
    }

    /// The value of `webhook-signature` for a message sent at an instant.
    ///
    /// # Panics
    /// Never: a key of HMAC may have any length.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        mac.update(format!("{id}.{}.{body}", at.seconds()).as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Id of the message that tells so much of an alert.
#[must_use]
pub fn message_id(alert: Uuid, stage: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{alert}/{stage}").as_bytes())
}

/// The body of a message; `is_reopened` where it is sent since its alert was closed and shows more since. Texts of the log are cut, and nothing in them is markup for JSON.
#[must_use]
pub fn body(alert: &Alert, is_reopened: bool, installation: &str, console_url: &str) -> Value {
    let cut = |text: &str| text.chars().take(TEXT).collect::<String>();
    let link = (!console_url.is_empty())
        .then(|| format!("{}/alerts/{}", console_url.trim_end_matches('/'), alert.id));
    json!({
        "type": "alert",
        "timestamp": alert.last,
        "data": {
            "installation": installation,
            "id": alert.id,
            "revision": alert.revision,
            "reopened": is_reopened,
            "title": cut(&alert.rule.title),
            "title_ru": alert.rule.title_ru.as_deref().map(cut),
            "level": alert.rule.level.name(),
            "family": alert.rule.family,
            "tags": alert.rule.tags,
            "entity_kind": alert.entity.kind.name(),
            "entity": cut(&alert.entity.value),
            "integrations": alert.integrations().into_iter().map(cut).collect::<Vec<_>>(),
            "first": alert.first,
            "last": alert.last,
            "count": alert.count,
            "url": link,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_reference_libraries() {
        // The values of their test of signing.
        let signer = Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_micros(1_614_265_330_999_999);
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_long_enough() {
        for wrong in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
        ] {
            assert_eq!(Signer::new(wrong).unwrap_err(), SecretError, "{wrong}");
        }
    }
}
