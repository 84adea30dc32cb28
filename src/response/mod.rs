//! Response: decisions to block an address, a client, a subject or a token, proposed by alerts, taken by people or by the configuration, published to what enforces them.
//!
//! A decision is the sum of its steps, which are only ever added to. What is published at an instant is what was approved, has not ended, and touches nothing of the allow-list
//! ([`Book`]); the allow-list always wins. Firewalls and gateways fetch it by CrowdSec's bouncer API ([`api`]) or as a text list.

pub mod api;
mod book;
mod decision;

use std::net::{IpAddr, Ipv6Addr};

use compact_str::CompactString;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::alert::{Alert, Caller};
use crate::track::EntityKind;
pub use book::{AllowList, AllowListError, Book, Published};
pub use decision::{
    AUTOMATIC, Decision, Proposal, Standing, Step, What, blocked, proposal, renewal,
};

/// A decision of a person lasts no longer: what has to be blocked for good belongs into the firewall itself.
pub const LONGEST_MINUTES: u32 = 366 * 1_440;
/// Days for which steps of decisions are kept at least: a block is known until it is over.
pub const KEPT_DAYS: u32 = LONGEST_MINUTES / 1_440 + 2;

/// Shortest prefixes of networks that may be blocked.
pub const WIDEST_V4: u8 = 8;
/// The same of IPv6.
pub const WIDEST_V6: u8 = 32;

/// IPv4 as IPv6 writes it: `::ffff:0:0/96`.
const MAPPED_BITS: u8 = 96;
const MAPPED: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), MAPPED_BITS);

/// What is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// An address, or a network of addresses.
    Network(IpNet),
    /// A client, by its id.
    Client(CompactString),
    /// A subject, by its pseudonym.
    Subject(CompactString),
    /// A token, by its pseudonym.
    Token(CompactString),
}

impl Target {
    /// What blocking the caller that an alert is about would block; `None` where there is none.
    #[must_use]
    pub fn of(alert: &Alert) -> Option<Target> {
        let Caller { kind, value } = alert.culprit()?;
        match kind {
            EntityKind::Address => Target::parse("ip", &value),
            EntityKind::Client => Some(Target::Client(value.into())),
            EntityKind::Subject => Some(Target::Subject(value.into())),
            EntityKind::Token => Some(Target::Token(value.into())),
            _ => None,
        }
    }

    /// By the name of its scope and its value, as they are stored or a person writes them; `None` for what is no target.
    #[must_use]
    pub fn parse(scope: &str, value: &str) -> Option<Target> {
        if value.is_empty() {
            return None;
        }
        match scope {
            "ip" | "range" => {
                let address = || value.parse::<IpAddr>().ok().map(IpNet::from);
                let network = value.parse::<IpNet>().ok().or_else(address)?;
                Some(Target::Network(canonical(network)))
            }
            "client" => Some(Target::Client(value.into())),
            "subject" => Some(Target::Subject(value.into())),
            "token" => Some(Target::Token(value.into())),
            _ => None,
        }
    }

    /// Whether it is so many addresses that nobody means to block them: a slip of the keyboard would shut everybody out.
    #[must_use]
    pub fn is_too_wide(&self) -> bool {
        match self {
            Target::Network(IpNet::V4(network)) => network.prefix_len() < WIDEST_V4,
            Target::Network(IpNet::V6(network)) => {
                network.prefix_len() < WIDEST_V6 || network.contains(&MAPPED)
            }
            _ => false,
        }
    }

    /// The name of its scope: CrowdSec's `ip` and `range`, and three of our own.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self {
            Target::Network(network) if network.prefix_len() == network.max_prefix_len() => "ip",
            Target::Network(_) => "range",
            Target::Client(_) => "client",
            Target::Subject(_) => "subject",
            Target::Token(_) => "token",
        }
    }

    /// Its value: an address without a prefix, a network with one, an id.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Target::Network(network) if self.scope() == "ip" => network.addr().to_string(),
            Target::Network(network) => network.to_string(),
            Target::Client(id) | Target::Subject(id) | Target::Token(id) => id.to_string(),
        }
    }
}

/// A network by its first address; of IPv4 written as IPv6 (RFC 4291, section 2.5.5.2) the IPv4 that it is, so that one address has one name.
fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let short = mapped.prefix_len().checked_sub(MAPPED_BITS);
    match (mapped.addr().to_ipv4_mapped(), short) {
        (Some(address), Some(length)) => Ipv4Net::new(address, length).map_or(network, IpNet::V4),
        _ => network,
    }
}

#[cfg(test)]
mod tests;
