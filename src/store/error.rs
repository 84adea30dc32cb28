//! Errors of the store, and which of them pass by themselves.

use thiserror::Error;

use crate::config::SecretError;

/// Why ClickHouse did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A setting is not usable.
    #[error("store.{setting} {problem}")]
    Config {
        /// The setting.
        setting: &'static str,
        /// What is wrong, with a hint.
        problem: String,
    },
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach clickhouse at {url}: {reason}")]
    Network {
        /// Scheme, host and port.
        url: String,
        /// What happened, cut short.
        reason: String,
    },
    /// No answer in time; whether the statement was done is not known.
    #[error("clickhouse at {url} did not answer within {seconds} s")]
    Timeout {
        /// Scheme, host and port.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server refused the statement.
    #[error("clickhouse refused {what}: {name} (code {code}){hint}")]
    Refused {
        /// What was asked, in our words; never data.
        what: String,
        /// ClickHouse's number of the error; 0 when it gave none.
        code: u32,
        /// ClickHouse's name of the error, with its text where that cannot quote data.
        name: String,
        /// What to do, where we know it.
        hint: &'static str,
    },
    /// The tables are not what this build expects.
    #[error("the tables in {database} do not fit: {problem}; {hint}")]
    Schema {
        /// The database.
        database: String,
        /// What differs.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// The hash chain cannot be continued.
    #[error("the hash chain: {problem}; {hint}")]
    Chain {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// A mutation does not get through.
    #[error(
        "rows of {table} cannot be erased: the mutation fails; see system.mutations, and erase again when its reason is gone"
    )]
    Mutation {
        /// The table.
        table: String,
    },
    /// A dead letter cannot be sealed or opened.
    #[error("cannot {act} the dead letter: {problem}")]
    Seal {
        /// `seal` or `open`.
        act: &'static str,
        /// Why.
        problem: &'static str,
    },
    /// An alert or a snapshot cannot be written as JSON, or read from it.
    #[error("cannot write or read JSON of {what}: {source}")]
    Json {
        /// What.
        what: &'static str,
        /// Where it failed.
        source: serde_json::Error,
    },
}

/// Errors that pass by themselves: the same bytes under the same token are sent again.
/// Names by `https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp`.
const RETRYABLE: &[u32] = &[
    32,  // ATTEMPT_TO_READ_AFTER_EOF: the connection broke inside the block
    33,  // CANNOT_READ_ALL_DATA: the same
    75,  // CANNOT_WRITE_TO_FILE_DESCRIPTOR: disk full
    95,  // CANNOT_READ_FROM_SOCKET
    96,  // CANNOT_WRITE_TO_SOCKET
    159, // TIMEOUT_EXCEEDED
    160, // TOO_SLOW
    173, // CANNOT_ALLOCATE_MEMORY
    201, // QUOTA_EXCEEDED
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    203, // NO_FREE_CONNECTION
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    236, // ABORTED
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY
    243, // NOT_ENOUGH_SPACE
    252, // TOO_MANY_PARTS: merges must catch up
    279, // ALL_CONNECTION_TRIES_FAILED
    285, // TOO_FEW_LIVE_REPLICAS
    286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319, // UNKNOWN_STATUS_OF_INSERT
    394, // QUERY_WAS_CANCELLED
    425, // SYSTEM_ERROR
    439, // CANNOT_SCHEDULE_TASK
    473, // DEADLOCK_AVOIDED
    499, // S3_ERROR
    733, // TABLE_IS_BEING_RESTARTED
    745, // SERVER_OVERLOADED
    999, // KEEPER_EXCEPTION
];

impl StoreError {
    /// Whether sending the same again can succeed without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            StoreError::Network { .. } | StoreError::Timeout { .. } => true,
            StoreError::Refused { code, name, .. } => {
                RETRYABLE.contains(code) || (*code == 0 && is_gateway_error(name))
            }
            _ => false,
        }
    }

    /// Whether a question took more time or memory than it may: one that asks for less can succeed.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        // TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED.
        matches!(
            self,
            StoreError::Refused {
                code: 159 | 160 | 241,
                ..
            }
        )
    }

    /// Translates an error of the client. `what` is asked in our words. The server's text is kept only with `quotable`:
    /// when it cannot quote data that must not reach a log.
    pub(crate) fn from_client(
        error: &clickhouse::error::Error,
        what: &str,
        url: &str,
        timeout_s: u64,
        quotable: bool,
    ) -> Self {
        use clickhouse::error::Error;
        match error {
            Error::BadResponse(text) => refused(text, what, quotable),
            Error::TimedOut => StoreError::Timeout {
                url: url.to_owned(),
                seconds: timeout_s,
            },
            Error::Network(source) => StoreError::Network {
                url: url.to_owned(),
                reason: chain(source.as_ref()),
            },
            other => StoreError::Refused {
                what: what.to_owned(),
                code: 0,
                name: if quotable {
                    cut(&other.to_string(), 300).to_owned()
                } else {
                    "its answer cannot be understood".to_owned()
                },
                hint: "",
            },
        }
    }
}

/// The causes of an error, one after the other; connection errors say what happened only at the end.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    cut(&text, 300).to_owned()
}

fn refused(text: &str, what: &str, quotable: bool) -> StoreError {
    let code = text
        .split_once("Code: ")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    let name = if quotable || code == 0 {
        cut(text.trim(), 500).to_owned()
    } else {
        error_name(text).unwrap_or("no name").to_owned()
    };
    StoreError::Refused {
        what: what.to_owned(),
        code,
        name,
        hint: hint(code),
    }
}

/// The last word in capitals within parentheses: `… (TOO_MANY_PARTS) (version 26.7.2.1)`.
fn error_name(text: &str) -> Option<&str> {
    text.rsplit('(')
        .filter_map(|rest| rest.split_once(')').map(|(name, _)| name))
        .find(|name| {
            name.len() > 3
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
}

/// A proxy before ClickHouse answers for it while it is away: no code, only the status.
fn is_gateway_error(text: &str) -> bool {
    ["502", "503", "504"]
        .iter()
        .any(|status| text.starts_with(status))
}

fn hint(code: u32) -> &'static str {
    match code {
        16 | 47 | 60 | 81 => "; run `gatewatch migrate`",
        107 => {
            "; some versions cannot sync directories on an encrypted disk: set store.durable to false, or see docs/clickhouse.md"
        }
        192 | 193 | 194 | 516 => {
            "; check store.user and store.password (or its file): the server does not accept them"
        }
        243 | 75 => "; the disk is full: free space, or lower store.retention",
        252 => "; inserts are too small or merges too slow: see docs/clickhouse.md",
        478 | 471 => {
            "; store.storage_policy must name a policy of the server's storage_configuration"
        }
        497 => "; the user lacks a right: see the roles in docs/clickhouse.md",
        _ => "",
    }
}

/// At most `limit` bytes, cut at a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_server(text: &str, quotable: bool) -> StoreError {
        let error = clickhouse::error::Error::BadResponse(text.to_owned());
        StoreError::from_client(&error, "an insert", "http://localhost:8123", 5, quotable)
    }

    #[test]
    fn a_full_disk_and_too_many_parts_are_tried_again() {
        for code in [243, 252, 241, 159, 202, 999] {
            let error = from_server(
                &format!("Code: {code}. DB::Exception: x. (X_Y) (version 1)"),
                false,
            );
            assert!(error.is_retryable(), "{code}");
        }
        assert!(from_server("503 Service Unavailable", false).is_retryable());
    }

    #[test]
    fn what_takes_too_much_is_known() {
        for (code, is_too_much) in [(159, true), (241, true), (160, true), (60, false)] {
            let text = format!("Code: {code}. DB::Exception: x. (X_Y) (version 1)");
            assert_eq!(from_server(&text, false).is_too_much(), is_too_much);
        }
        let away = StoreError::Network {
            url: String::new(),
            reason: String::new(),
        };
        assert!(!away.is_too_much());
    }

    #[test]
    fn a_wrong_password_is_not() {
        let error = from_server(
            "Code: 516. DB::Exception: nobody: Authentication failed. (AUTHENTICATION_FAILED) (version 1)",
            true,
        );
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("store.password"), "{error}");
    }

    #[test]
    fn data_in_the_servers_words_does_not_reach_ours() {
        let error = from_server(
            "Code: 6. DB::Exception: Cannot parse string 'ivan@example.org (HOME)' as UInt16. (CANNOT_PARSE_TEXT) (version 26.7.2.1)",
            false,
        );
        let text = error.to_string();
        assert_eq!(
            text,
            "clickhouse refused an insert: CANNOT_PARSE_TEXT (code 6)"
        );
    }

    #[test]
    fn odd_answers_do_not_break_it() {
        for text in ["", "Code: ", "Code: 99999999999", "((((", "Code: 1 ()"] {
            assert!(!from_server(text, false).is_retryable(), "{text}");
        }
    }
}
