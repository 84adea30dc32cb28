//! Response: decisions to block an address, a client, a subject or a token, proposed by alerts, taken by people or by the configuration, published to what enforces them.
//!
//! A decision is the sum of its steps, which are only ever added to. What is published at an instant is what was approved, has not ended, and touches nothing of the allow-list
//! ([`Book`]); the allow-list always wins. Firewalls and gateways fetch it by CrowdSec's bouncer API ([`api`]) or as a text list.

pub mod api;
mod book;

use std::net::{IpAddr, Ipv6Addr};

use compact_str::CompactString;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use uuid::Uuid;

use crate::alert::{Alert, Caller};
use crate::event::Timestamp;
use crate::track::EntityKind;
pub use book::{AllowList, AllowListError, Book, Published};

/// Ids of proposals are UUID v5 of their alert in this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x54c1_0e6b_7a3d_4f90_9d28_b3e7_1fa4_60c5);

/// A decision of a person lasts no longer: what has to be blocked for good belongs into the firewall itself.
pub const LONGEST_MINUTES: u32 = 366 * 1_440;
/// Days for which steps of decisions are kept at least: a block is known until it is over.
pub const KEPT_DAYS: u32 = LONGEST_MINUTES / 1_440 + 2;

/// Who approves where the configuration lets it.
pub const AUTOMATIC: &str = "gatewatch: response.automatic";

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

/// One thing that was done about a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The decision.
    pub decision: Uuid,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub what: What,
    /// Why.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody should decide.
    Proposed(Proposal),
    /// It is in force.
    Approved,
    /// It will not be.
    Rejected,
    /// It is no longer.
    Revoked,
}

/// What is to be blocked, until when, and because of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What.
    pub target: Target,
    /// Until then.
    pub until: Timestamp,
    /// The alert, where one proposed it.
    pub alert: Option<Uuid>,
    /// The rule family of the alert; `manual` where a person proposed it.
    pub family: String,
}

impl What {
    /// The stable name, as it is stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            What::Proposed(_) => "proposed",
            What::Approved => "approved",
            What::Rejected => "rejected",
            What::Revoked => "revoked",
        }
    }
}

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody should decide.
    Proposed,
    /// It is in force, until it ends.
    Approved,
    /// It never was in force.
    Rejected,
    /// It was, and is no longer.
    Revoked,
    /// Its time is over.
    Ended,
}

impl Standing {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Proposed => "proposed",
            Standing::Approved => "approved",
            Standing::Rejected => "rejected",
            Standing::Revoked => "revoked",
            Standing::Ended => "ended",
        }
    }
}

/// A decision with all that was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: Uuid,
    /// What is to be blocked.
    pub proposal: Proposal,
    /// What was done, oldest first.
    pub steps: Vec<Step>,
}

impl What {
    /// How a decision has to stand for it.
    #[must_use]
    pub const fn follows(&self) -> Option<Standing> {
        match self {
            What::Proposed(_) => None,
            What::Approved | What::Rejected => Some(Standing::Proposed),
            What::Revoked => Some(Standing::Approved),
        }
    }
}

/// What a person decides at once: proposed and approved in one.
#[must_use]
pub fn blocked(
    target: Target,
    lasts_us: i64,
    actor: &str,
    reason: &str,
    now: Timestamp,
) -> [Step; 2] {
    let decision = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{target:?}/{}/{actor}", now.micros()).as_bytes(),
    );
    let step = |what: What| Step {
        decision,
        time: now,
        actor: actor.to_owned(),
        what,
        reason: reason.to_owned(),
    };
    let proposal = Proposal {
        target,
        until: now.plus_micros(lasts_us),
        alert: None,
        family: "manual".to_owned(),
    };
    [step(What::Proposed(proposal)), step(What::Approved)]
}

impl Decision {
    /// Decisions that steps, oldest first, make; steps of none that was proposed are left out.
    #[must_use]
    pub fn of(steps: Vec<Step>) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for step in steps {
            if let Some(at) = places.get(&step.decision) {
                let decision: &mut Decision = &mut decisions[*at];
                decision.steps.push(step);
            } else if let What::Proposed(proposal) = &step.what {
                places.insert(step.decision, decisions.len());
                decisions.push(Decision {
                    id: step.decision,
                    proposal: proposal.clone(),
                    steps: vec![step],
                });
            }
        }
        decisions
    }

    /// Where it stands. What was rejected or revoked stays so.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        let mut standing = Standing::Proposed;
        for step in &self.steps {
            standing = match (&step.what, standing) {
                (What::Approved, Standing::Proposed) => Standing::Approved,
                (What::Rejected, Standing::Proposed) => Standing::Rejected,
                (What::Revoked, Standing::Approved) => Standing::Revoked,
                _ => standing,
            };
        }
        let is_over = self.proposal.until <= now;
        match standing {
            Standing::Proposed | Standing::Approved if is_over => Standing::Ended,
            _ => standing,
        }
    }
}

/// The first step of what an alert proposes, for so many microseconds from its newest event on; the same alert proposes the same decision.
#[must_use]
pub fn proposal(alert: &Alert, lasts_us: i64, now: Timestamp) -> Option<Step> {
    let target = Target::of(alert)?;
    Some(Step {
        decision: Uuid::new_v5(&NAMESPACE, alert.id.as_bytes()),
        time: now,
        actor: "gatewatch".to_owned(),
        what: What::Proposed(Proposal {
            target,
            until: alert.last.plus_micros(lasts_us),
            alert: Some(alert.id),
            family: alert.rule.family.clone(),
        }),
        reason: alert.rule.title.clone(),
    })
}

#[cfg(test)]
mod tests;
