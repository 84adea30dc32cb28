//! What can go wrong on the way to a mail. No message holds an address of a person or words of the mail server, which
//! may quote one.

use thiserror::Error;

/// Why the notifier cannot go on, or cannot start.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// A setting that cannot work.
    #[error("mail.{key}: {problem}; {hint}")]
    Setting {
        /// The key below `[mail]`.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// Kafka did not do what was asked.
    #[error("kafka, {what}: {source}")]
    Kafka {
        /// What was asked.
        what: &'static str,
        /// What it said.
        source: rdkafka::error::KafkaError,
    },
    /// A mail was not taken.
    #[error("mail not sent: {0}")]
    Send(#[from] SendError),
}

impl NotifyError {
    /// Whether the same may work later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            NotifyError::Setting { .. } => false,
            NotifyError::Kafka { source, .. } => !matches!(
                source,
                rdkafka::error::KafkaError::ClientConfig(..)
                    | rdkafka::error::KafkaError::ClientCreation(_)
                    | rdkafka::error::KafkaError::MessageConsumptionFatal(_)
            ),
            NotifyError::Send(error) => !matches!(error, SendError::Refused { .. }),
        }
    }
}

/// Why one attempt to send a mail failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The server put it off (4xx): this mail is tried again later.
    #[error("the server answered {code}, try again later")]
    PutOff {
        /// SMTP reply code.
        code: u16,
    },
    /// The server could not be spoken to: every mail is tried again later.
    #[error("{reason}")]
    Unreachable {
        /// What failed, without the server's words.
        reason: String,
    },
    /// The server wants another login or protection; a matter of settings, so every mail waits.
    #[error(
        "the server answered {code}: it refused the login, or wants one; check mail.smtp.user, its password and mail.smtp.security"
    )]
    Login {
        /// SMTP reply code.
        code: u16,
    },
    /// The server refused this mail for good (5xx).
    #[error("the server refused the mail with {code}")]
    Refused {
        /// SMTP reply code.
        code: u16,
    },
}
