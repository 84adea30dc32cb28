//! Settings of mail: server, recipients, limits.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Settings of mail: server, recipients, limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Whether mail is sent at all.
    pub enabled: bool,
    /// Who the mails are from: `gatewatch <gatewatch@example.org>` or a bare address.
    pub from: String,
    /// Domain in Message-ID and List-Id; empty: the domain of `from`.
    pub domain: String,
    /// Name of this installation, shown in every subject.
    pub name: String,
    /// IANA time zone in which mails show times, such as `Europe/Moscow`.
    pub time_zone: String,
    /// Address of the console, linked from mails; empty: no link.
    pub console_url: String,
    /// The events table as the query in a mail names it.
    pub events_table: String,
    /// Who gets mail.
    pub recipients: Vec<Recipient>,
    /// Alerts whose last event is older than this many minutes get no mail of their own, only a line in one summary.
    pub max_age_minutes: u32,
    /// Mails about alerts that one recipient gets in an hour; what is beyond waits for a digest. A critical alert may use as many again.
    pub hourly_limit: u32,
    /// An open alert that nobody has done anything about for so many minutes is told to those with `escalation`; 0: never.
    pub escalate_minutes: u32,
    /// Least level of an alert that is escalated.
    pub escalate_level: MinimumLevel,
    /// A digest goes out at most once in this many minutes.
    pub digest_minutes: u32,
    /// Local time of the daily mail, `HH:MM`; empty: none.
    pub daily_at: String,
    /// A gateway that was silent for so many minutes is a gap in the daily mail.
    pub gap_minutes: u32,
    /// A mail that the server keeps putting off is given up after this many hours, recorded and counted.
    pub give_up_hours: u32,
    /// Mails are written as `.eml` files into this folder instead of being sent; empty: they are sent.
    pub directory: PathBuf,
    /// The server that takes the mails.
    pub smtp: Smtp,
}

impl Default for Mail {
    fn default() -> Self {
        Mail {
            enabled: false,
            from: "gatewatch@localhost".to_owned(),
            domain: String::new(),
            name: "gatewatch".to_owned(),
            time_zone: "UTC".to_owned(),
            console_url: String::new(),
            events_table: "events".to_owned(),
            recipients: Vec::new(),
            max_age_minutes: 360,
            hourly_limit: 20,
            escalate_minutes: 0,
            escalate_level: MinimumLevel::High,
            digest_minutes: 30,
            daily_at: "08:00".to_owned(),
            gap_minutes: 60,
            give_up_hours: 72,
            directory: PathBuf::new(),
            smtp: Smtp::default(),
        }
    }
}

/// One person or list that gets mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Mail address, bare.
    #[serde(default)]
    pub address: String,
    /// Further addresses to which all of this applies: a group.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Language of the mails.
    #[serde(default)]
    pub locale: Locale,
    /// Alerts below this level are not mailed to this recipient.
    #[serde(default)]
    pub minimum_level: MinimumLevel,
    /// Only alerts of these rule families; empty: all. `gatewatch` is the family of alerts about gatewatch itself: a part that does not
    /// answer, records that were lost.
    #[serde(default)]
    pub families: Vec<String>,
    /// Only alerts on these requirements, such as `SEC-07`; empty: all.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// Only alerts about these integrations, or with a sample event of one of them, such as `barrier-operator`; empty: all.
    #[serde(default)]
    pub integrations: Vec<String>,
    /// Only within these hours of `time_zone`, such as `09:00-18:00` or `22:00-07:00`; empty: always. What comes outside them is for others.
    #[serde(default)]
    pub hours: String,
    /// Within these hours only critical alerts are mailed one by one; the others wait for a digest when they are over. Empty: never.
    #[serde(default)]
    pub quiet: String,
    /// Mails about alerts in an hour, for this recipient; `hourly_limit` without it.
    #[serde(default)]
    pub hourly_limit: Option<u32>,
    /// Whether alerts that nobody acknowledged in time go to this recipient.
    #[serde(default)]
    pub escalation: bool,
    /// Whether the daily mail goes to this recipient.
    #[serde(default = "yes")]
    pub daily: bool,
    /// Whether mails about incidents with personal data and their clocks go to this recipient.
    #[serde(default = "yes")]
    pub incidents: bool,
}

fn yes() -> bool {
    true
}

/// The least level of which something is done; Sigma's levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinimumLevel {
    /// Everything.
    Informational,
    /// Low and above.
    Low,
    /// Medium and above.
    #[default]
    Medium,
    /// High and critical.
    High,
    /// Critical alone.
    Critical,
}

/// Language of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Russian.
    Ru,
    /// English.
    #[default]
    En,
}

/// The SMTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// Name or address; the certificate must be valid for it.
    pub host: String,
    /// Port; 0: 587 for `starttls`, 465 for `tls`, 25 for `plaintext`.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// User for AUTH; empty: none.
    pub user: String,
    /// Password for AUTH.
    pub password: Secret,
    /// File that holds the password; one trailing newline is dropped. Wins over `password`.
    pub password_file: PathBuf,
    /// PEM file with further certificate authorities, for a private one; empty: only the system's.
    pub ca_file: PathBuf,
    /// Name given in EHLO; empty: this machine's host name.
    pub hello_name: String,
    /// Seconds that one mail may take, connection included.
    pub timeout_seconds: u32,
}

impl Default for Smtp {
    fn default() -> Self {
        Smtp {
            host: "localhost".to_owned(),
            port: 0,
            security: SmtpSecurity::default(),
            user: String::new(),
            password: Secret::default(),
            password_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            hello_name: String::new(),
            timeout_seconds: 30,
        }
    }
}

/// How the connection to the SMTP server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// STARTTLS is required (RFC 3207); a server that does not offer it gets no mail.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// No protection; only taken for a loopback host.
    Plaintext,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_printed_nor_serialised() {
        let smtp = Smtp {
            password: Secret::new("hunter2"),
            ..Smtp::default()
        };
        assert!(!format!("{smtp:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&smtp).unwrap().contains("hunter2"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = serde_json::from_str::<Mail>(r#"{"recipient": []}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
