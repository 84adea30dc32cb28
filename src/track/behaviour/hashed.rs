//! Hashes of what an event shows that many look at, so that each is computed once.

use std::net::IpAddr;

use crate::event::{Event, Text};
use crate::random::splitmix;
use crate::track::hash::{quick_hash, quick_hash_of};

/// A text and its hash, which many values of an event begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashed<'e> {
    pub(super) text: &'e str,
    pub(super) hash: u64,
}

impl<'e> Hashed<'e> {
    pub(super) fn of(text: &'e str) -> Hashed<'e> {
        Hashed {
            text,
            hash: quick_hash(text),
        }
    }

    /// The operation that an event calls; empty where the log names none.
    pub(super) fn operation(event: &'e Event<'_>) -> Hashed<'e> {
        let operation = event.operation.as_ref().or(event.route.as_ref());
        Hashed::of(operation.map_or("", Text::as_str))
    }

    /// `None` where the text is empty.
    pub(super) fn filled(text: Option<&'e str>) -> Option<Hashed<'e>> {
        text.filter(|text| !text.is_empty()).map(Hashed::of)
    }
}

/// Hashes of what an event shows, taken once for all that look at it.
pub(super) struct Marks {
    pub(super) operation: Option<u64>,
    pub(super) agent: Option<u64>,
    pub(super) address: Option<u64>,
    pub(super) record: Option<u64>,
}

impl Marks {
    pub(super) fn of(event: &Event<'_>, operation: Hashed<'_>) -> Marks {
        let is_named = event.operation.is_some() || event.route.is_some();
        Marks {
            operation: is_named.then_some(operation.hash),
            agent: event.user_agent.as_deref().map(quick_hash),
            address: event.client_address.map(|address| match address {
                IpAddr::V4(address) => quick_hash_of(&address.octets()),
                IpAddr::V6(address) => quick_hash_of(&address.octets()),
            }),
            record: event.resource_id.as_deref().map(quick_hash),
        }
    }
}

/// A hash of several in this order.
pub(super) fn joined<const N: usize>(hashes: [u64; N]) -> u64 {
    let each = hashes.into_iter();
    each.fold(0, |known, more| splitmix(known ^ more))
}
