//! Settings of the webhook: where alerts go besides mail, such as a chat or a ticket system.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{MinimumLevel, Secret};

/// Settings of the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Address that takes alerts by POST, `https` (or `http` on this machine); empty: none does.
    pub url: String,
    /// Secret that signs what is sent, as Standard Webhooks writes it: `whsec_` and base64 of 24 to 64 bytes.
    pub secret: Secret,
    /// File that holds the secret.
    pub secret_file: Option<PathBuf>,
    /// PEM file with certificate authorities instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Least level of an alert that is sent.
    pub minimum_level: MinimumLevel,
    /// Only alerts of these rule families; empty: all.
    pub families: Vec<String>,
    /// Seconds that one attempt may take.
    pub timeout_seconds: u32,
    /// What was not taken is given up so many hours after the newest event of its alert, recorded and counted.
    pub give_up_hours: u32,
}

impl Default for Webhook {
    fn default() -> Self {
        Webhook {
            url: String::new(),
            secret: Secret::default(),
            secret_file: None,
            ca_file: None,
            minimum_level: MinimumLevel::High,
            families: Vec::new(),
            timeout_seconds: 10,
            give_up_hours: 24,
        }
    }
}
