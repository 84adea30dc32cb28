//! Settings of the console: where it listens, its key, how long sessions last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

const fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is more than none")
}

/// Settings of the console.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// Whether `gatewatch run` serves the console too; `gatewatch console` serves it alone.
    pub enabled: bool,
    /// Address of the console; loopback unless told otherwise. It speaks plain HTTP: put a proxy with TLS before it.
    pub listen: SocketAddr,
    /// Key that seals second factors and signs links: 64 hexadecimal digits.
    pub key: Secret,
    /// File that holds the key.
    pub key_file: Option<PathBuf>,
    /// Header in which the proxy before the console says the reader's address, such as `x-real-ip`; empty: the address of the connection is the reader's.
    pub address_header: String,
    /// A session ends after so many hours.
    pub session_hours: u32,
    /// A session ends after so many minutes in which nothing was asked for.
    pub idle_minutes: u32,
    /// A link in a mail that acknowledges its alert is good for so many hours; 0: mails have none.
    pub acknowledge_hours: u32,
    /// Rows of a search at most; 1 or more.
    pub search_rows: NonZeroU32,
    /// What questions of people may take of ClickHouse.
    pub bounds: Bounds,
}

/// What a question of a person may take of ClickHouse, and how many searches run at once. Every number is 1 or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Seconds that one question may take; a page may ask several.
    pub seconds: NonZeroU32,
    /// Bytes of memory that one question may take of the server.
    pub memory_bytes: NonZeroU64,
    /// Threads of the server that work on one question.
    pub threads: NonZeroU32,
    /// Searches over events that run at once for one account, its tokens included; one more is refused.
    pub searches_a_reader: NonZeroU32,
    /// Searches over events that run at once for all.
    pub searches: NonZeroU32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            seconds: some(60),
            memory_bytes: NonZeroU64::new(2_000_000_000).expect("a default is more than none"),
            threads: some(4),
            searches_a_reader: some(2),
            searches: some(8),
        }
    }
}

impl Default for Console {
    fn default() -> Self {
        Console {
            enabled: false,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9466),
            key: Secret::default(),
            key_file: None,
            address_header: String::new(),
            session_hours: 10,
            idle_minutes: 60,
            acknowledge_hours: 72,
            search_rows: some(10_000),
            bounds: Bounds::default(),
        }
    }
}
