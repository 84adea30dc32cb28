//! Links of mails that acknowledge their alert without signing in.

use std::sync::Arc;

use crate::access::{Acknowledgement, Vault};
use crate::alert::Alert;

/// Makes such links.
#[derive(Clone, Debug)]
pub struct Links {
    /// Signs them.
    pub vault: Arc<Vault>,
    /// They are good for so many microseconds from the newest event of their alert on.
    pub lasts_us: i64,
}

impl Links {
    /// The address in the mail about an alert to one reader; the same mail has the same. Empty where there is no console.
    pub(super) fn acknowledge(&self, console_url: &str, alert: &Alert, reader: &str) -> String {
        if console_url.is_empty() {
            return String::new();
        }
        let link = Acknowledgement {
            alert: alert.id,
            who: reader.to_owned(),
            until: alert.last.plus_micros(self.lasts_us).floor_to(1_000_000),
        };
        let query = link.query(&self.vault);
        format!("{}/acknowledge?{query}", console_url.trim_end_matches('/'))
    }
}
