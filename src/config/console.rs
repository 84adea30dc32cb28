//! Settings of the console: where it listens, its key, how long sessions last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

const SEARCH_ROWS: NonZeroU32 = NonZeroU32::new(10_000).expect("ten thousand are more than none");

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
            search_rows: SEARCH_ROWS,
        }
    }
}
