//! The callers one by one: ids, addresses, agents and tokens follow from the seed and their number.

use std::net::Ipv6Addr;
use std::ops::Range;

use compact_str::{CompactString, format_compact};

use super::class::{CLASSES, Class};
use super::shape::normal;
use crate::random::{Random, splitmix, stable_hash};

/// Fewest residential complexes; scenarios may name their first clients.
const LEAST_COMPLEXES: u32 = 4;
/// Most of them: two octets of an address tell the devices of a class apart.
const MOST_COMPLEXES: u32 = 30_000;

/// One caller.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) class: &'static Class,
    /// Number within the class, from 1.
    pub(crate) number: u32,
    pub(crate) id: CompactString,
    pub(crate) address: CompactString,
    pub(crate) agent: &'static str,
    /// TLS version and suite that it negotiates.
    pub(crate) tls: (&'static str, &'static str),
    /// Stable hash of the id; what partitions go by.
    pub(crate) key_hash: u64,
    /// Bits that tell it from others of its class.
    pub(crate) trait_bits: u64,
}

/// All callers.
#[derive(Debug)]
pub(crate) struct Population {
    clients: Vec<Client>,
    /// Where each class's clients stand.
    ranges: Vec<Range<usize>>,
    /// How much each client and those of its class before it call, the whole class being 1; empty for a class whose clients are alike.
    shares: Vec<Vec<f32>>,
}

impl Population {
    /// A population whose ordinary rates a client fit `per_minute` requests, or of about `clients` callers.
    pub(crate) fn new(seed: u64, per_minute: f64, clients: Option<u32>) -> Self {
        let complexes = complexes(per_minute, clients);
        let mut population = Population {
            clients: Vec::new(),
            ranges: Vec::new(),
            shares: Vec::new(),
        };
        for class in CLASSES {
            let begin = population.clients.len();
            let count = class.per_complex * complexes + class.fixed;
            population
                .clients
                .extend((1..=count).map(|number| client(seed, class, number)));
            let shares = shares(class, &population.clients[begin..]);
            population.shares.push(shares);
            population.ranges.push(begin..population.clients.len());
        }
        population
    }

    /// The clients of the class with this index in [`CLASSES`].
    pub(crate) fn of_class(&self, class: usize) -> &[Client] {
        &self.clients[self.ranges[class].clone()]
    }

    /// One of the clients of a class, busy ones more often: its place there.
    #[allow(clippy::cast_possible_truncation)] // a random number loses digits
    pub(crate) fn one_of(&self, class: usize, random: &mut Random) -> usize {
        let clients = self.ranges[class].len();
        let shares = &self.shares[class];
        if shares.is_empty() {
            return random.below(u32::try_from(clients).unwrap_or(u32::MAX)) as usize;
        }
        let roll = random.unit() as f32;
        shares
            .partition_point(|share| *share <= roll)
            .min(clients - 1)
    }

    /// The client `nth` behind that of this id, round and round in its class.
    pub(crate) fn following(&self, id: &str, nth: u32) -> Option<&Client> {
        let at = self.clients.iter().position(|client| client.id == id)?;
        let range = self.ranges.iter().find(|range| range.contains(&at))?;
        let place = (at - range.start + nth as usize) % range.len();
        self.clients.get(range.start + place)
    }

    /// How many callers there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }
}

/// Shares that add up to 1, as unlike as the class has it.
fn shares(class: &Class, clients: &[Client]) -> Vec<f32> {
    if class.unlike == 0.0 || clients.len() < 2 {
        return Vec::new();
    }
    let rate = |client: &Client| (class.unlike * normal(&mut Random::new(client.trait_bits))).exp();
    let sum: f32 = clients.iter().map(rate).sum();
    let mut passed = 0.0;
    clients
        .iter()
        .map(|client| {
            passed += rate(client) / sum;
            passed
        })
        .collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped before
fn complexes(per_minute: f64, clients: Option<u32>) -> u32 {
    let fixed: u32 = CLASSES.iter().map(|class| class.fixed).sum();
    let each: u32 = CLASSES.iter().map(|class| class.per_complex).sum();
    if let Some(clients) = clients {
        return (clients.saturating_sub(fixed) / each).clamp(LEAST_COMPLEXES, MOST_COMPLEXES);
    }
    let rate = |count: fn(&Class) -> u32| -> f64 {
        CLASSES
            .iter()
            .map(|class| f64::from(count(class)) * class.rate)
            .sum()
    };
    let wanted = (per_minute - rate(|class| class.fixed)) / rate(|class| class.per_complex);
    wanted
        .round()
        .clamp(f64::from(LEAST_COMPLEXES), f64::from(MOST_COMPLEXES)) as u32
}

fn client(seed: u64, class: &'static Class, number: u32) -> Client {
    let id = if class.per_complex == 0 && class.fixed == 1 {
        CompactString::const_new(class.prefix)
    } else {
        format_compact!("{}-{number:04}", class.prefix)
    };
    let key_hash = stable_hash(&id);
    let bits = splitmix(key_hash ^ splitmix(seed));
    let agent = Random::new(bits).pick(class.agents);
    let tls = if (bits >> 32).is_multiple_of(4) {
        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    } else {
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    };
    Client {
        class,
        number,
        address: address(class, number, bits),
        id,
        agent,
        tls,
        key_hash,
        trait_bits: bits,
    }
}

/// Devices and offices have private addresses (RFC 1918), partners those of RFC 2544, residents those of RFC 3849:
/// none belongs to anybody.
fn address(class: &Class, number: u32, bits: u64) -> CompactString {
    if let Some((first, second)) = class.network {
        let [.., high, low] = number.to_be_bytes();
        return format_compact!("{first}.{second}.{high}.{low}");
    }
    let [.., a, b] = bits.to_be_bytes();
    let host = u16::from_be_bytes([a, b]);
    let [n0, n1, n2, n3] = number.to_be_bytes();
    let (high, low) = (u16::from_be_bytes([n0, n1]), u16::from_be_bytes([n2, n3]));
    format_compact!("{}", Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, host))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_client_has_an_id_and_an_address_of_its_own() {
        let population = Population::new(1, 5_000.0, None);
        let ids: BTreeSet<_> = population.clients.iter().map(|c| &c.id).collect();
        let addresses: BTreeSet<_> = population.clients.iter().map(|c| &c.address).collect();
        assert_eq!(ids.len(), population.len());
        assert_eq!(addresses.len(), population.len());
        assert!(population.following("barrier-0008", 0).is_some());
        assert!(population.following("nobody", 0).is_none());
        let next = population.following("barrier-0001", 1).unwrap();
        assert_eq!(next.id, "barrier-0002");
        let last = population.following("admin-console-0002", 1).unwrap();
        assert_eq!(
            last.id, "admin-console-0001",
            "round and round in the class"
        );
    }

    #[test]
    fn as_many_clients_as_asked_for() {
        let count = Population::new(1, 100.0, Some(100_000)).len();
        assert!((99_900..=100_100).contains(&count), "{count}");
    }
}
