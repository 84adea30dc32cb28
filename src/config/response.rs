//! Settings of response: what is proposed, what is taken without a person, who reads.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::MinimumLevel;

/// Settings of response: decisions to block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Response {
    /// Whether decisions are published on `listen`, and proposed.
    pub enabled: bool,
    /// Address of CrowdSec's bouncer API and of `/blocklist.txt`; loopback unless told otherwise. It speaks plain HTTP: put a proxy with TLS before it where
    /// readers are on other hosts.
    pub listen: SocketAddr,
    /// File with the keys of those who may read, one a line: a name, a space, the key.
    pub keys_file: Option<PathBuf>,
    /// Addresses, networks, `client:ID`, `subject:ID` and `token:ID` that are never blocked, whoever decides.
    pub allow: Vec<String>,
    /// Rule families whose alerts propose a decision that a person has to approve.
    pub propose: Vec<String>,
    /// Rule families whose alerts are answered without a person.
    pub automatic: Vec<String>,
    /// Least level of an alert that is answered.
    pub minimum_level: MinimumLevel,
    /// How long a decision lasts, in minutes from the newest event of its alert: it is renewed while that goes on. A person who approves one may say otherwise; it counts
    /// from then on.
    pub minutes: u32,
    /// Whether nothing is published: decisions are made, listed and counted, and readers get an empty list.
    pub dry_run: bool,
}

impl Default for Response {
    fn default() -> Self {
        Response {
            enabled: false,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9465),
            keys_file: None,
            allow: Vec::new(),
            propose: Vec::new(),
            automatic: Vec::new(),
            minimum_level: MinimumLevel::High,
            minutes: 240,
            dry_run: false,
        }
    }
}
