//! What a draft remembers: values with the number of calls, addresses as networks, numbers as a spread. All of it is bounded.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::event::{Text, Timestamp};

/// Most different values.
const MOST_VALUES: usize = 2_000;
/// Longest value.
const LONGEST: usize = 256;
/// So many values that differ in a number at their end are written as one.
const ALIKE: usize = 5;
/// Most values that a list is written of.
const MOST_LISTED: usize = 50;
/// Most networks.
const MOST_NETWORKS: usize = 16;

/// Texts and how many calls had each.
#[derive(Debug, Default)]
pub(super) struct Tally {
    values: BTreeMap<String, u64>,
    /// Values beyond the most.
    further: u64,
}

impl Tally {
    pub(super) fn add(&mut self, value: Option<&Text<'_>>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        if let Some(calls) = self.values.get_mut(value.as_str()) {
            *calls += 1;
        } else if self.values.len() < MOST_VALUES && value.len() <= LONGEST {
            self.values.insert(value.as_str().to_owned(), 1);
        } else {
            self.further += 1;
        }
    }

    pub(super) fn add_all(&mut self, values: &[Text<'_>]) {
        for value in values {
            self.add(Some(value));
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values
            .iter()
            .map(|(value, calls)| (value.as_str(), *calls))
    }

    /// Names for a list, those that differ in a number at their end as one; `None` when there are too many.
    pub(super) fn names(&self) -> Option<Vec<(String, u64)>> {
        let mut families: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
        for (value, calls) in self.values() {
            let stem = value.trim_end_matches(|c: char| c.is_ascii_digit());
            families.entry(stem).or_default().push((value, calls));
        }
        let mut names = Vec::new();
        for (stem, members) in families {
            if members.len() >= ALIKE && !stem.is_empty() {
                let calls = members.iter().map(|(_, calls)| calls).sum();
                names.push((format!("{stem}*"), calls));
            } else {
                names.extend(
                    members
                        .iter()
                        .map(|(value, calls)| ((*value).to_owned(), *calls)),
                );
            }
        }
        // A `*` of a value cannot be written, and a list with a gap would forbid what was seen.
        let writable = self.values.keys().all(|value| !value.contains('*'));
        (self.further == 0 && writable && names.len() <= MOST_LISTED).then_some(names)
    }
}

/// Addresses and how many calls came from each.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    calls: BTreeMap<IpAddr, u64>,
    further: u64,
}

impl Addresses {
    pub(super) fn add(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        if let Some(calls) = self.calls.get_mut(&address) {
            *calls += 1;
        } else if self.calls.len() < MOST_VALUES {
            self.calls.insert(address, 1);
        } else {
            self.further += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The addresses when they are few, else networks, as small as they can be to be few; `None` when even large ones are many.
    pub(super) fn networks(&self) -> Option<Vec<(String, u64)>> {
        if self.further > 0 {
            return None;
        }
        [(32, 128), (24, 64), (16, 48)]
            .into_iter()
            .find_map(|(v4, v6)| {
                let mut networks: BTreeMap<IpNet, u64> = BTreeMap::new();
                for (address, calls) in &self.calls {
                    let length = if address.is_ipv4() { v4 } else { v6 };
                    let network = IpNet::new(*address, length).ok()?.trunc();
                    *networks.entry(network).or_default() += calls;
                }
                let whole = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
                (networks.len() <= MOST_NETWORKS).then(|| {
                    let text = |network: IpNet| {
                        if whole(&network) {
                            network.addr().to_string()
                        } else {
                            network.to_string()
                        }
                    };
                    networks
                        .into_iter()
                        .map(|(network, calls)| (text(network), calls))
                        .collect()
                })
            })
    }
}

/// Numbers, each kept to its first two digits, rounded up: some hundred cells hold any of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    cells: BTreeMap<u64, u64>,
    count: u64,
}

impl Spread {
    pub(super) fn add(&mut self, number: u64) {
        *self.cells.entry(two_digits(number)).or_default() += 1;
        self.count += 1;
    }

    /// The number that this share of all does not exceed; `None` without any.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    pub(super) fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut below = 0;
        let cell = self.cells.iter().find(|(_, count)| {
            below += **count;
            below >= wanted
        });
        cell.map(|(number, _)| *number)
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

/// Calls of each client in each minute of the clock.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// Minutes that may still grow, by number and client.
    open: BTreeMap<(i64, String), u64>,
    closed: Spread,
}

/// Records of a log are out of order by no more minutes than this.
const OPEN_MINUTES: i64 = 10;
/// Most clients and minutes that are open; of further ones the oldest are closed.
const MOST_OPEN: usize = 100_000;

impl Rates {
    pub(super) fn add(&mut self, client: Option<&Text<'_>>, time: Timestamp) {
        let Some(client) = client.filter(|client| client.len() <= LONGEST) else {
            return;
        };
        let minute = time.micros().div_euclid(60_000_000);
        *self
            .open
            .entry((minute, client.as_str().to_owned()))
            .or_default() += 1;
        while let Some(oldest) = self.open.first_entry() {
            let is_over = oldest.key().0 < minute - OPEN_MINUTES;
            if !is_over && self.open.len() <= MOST_OPEN {
                break;
            }
            if let Some((_, calls)) = self.open.pop_first() {
                self.closed.add(calls);
            }
        }
    }

    /// How many calls a minute had, minute by minute and client by client.
    pub(super) fn spread(&self) -> Spread {
        let mut spread = self.closed.clone();
        self.open.values().for_each(|calls| spread.add(*calls));
        spread
    }
}

fn two_digits(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number.div_ceil(unit).saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_a_number_are_one() {
        let mut tally = Tally::default();
        for number in 0..7 {
            tally.add(Some(&Text::from(format!("terminal-{number}"))));
        }
        tally.add(Some(&Text::from("es-2026")));
        tally.add(Some(&Text::from("")));
        let names = tally.names().unwrap();
        assert_eq!(
            names,
            [("es-2026".to_owned(), 1), ("terminal-*".to_owned(), 7)]
        );
        tally.add(Some(&Text::from("a*b")));
        assert_eq!(
            tally.names(),
            None,
            "a star in the middle cannot be written"
        );
        let mut many = Tally::default();
        for number in 0..60 {
            many.add(Some(&Text::from(format!("{number}x"))));
        }
        assert_eq!(many.names(), None);
    }

    #[test]
    fn addresses_become_networks_when_they_are_many() {
        let mut few = Addresses::default();
        few.add(Some([10, 1, 2, 3].into()));
        few.add(Some([10, 1, 2, 3].into()));
        assert_eq!(few.networks().unwrap(), [("10.1.2.3".to_owned(), 2)]);
        let mut more = Addresses::default();
        (0..40).for_each(|last| more.add(Some([10, 1, 2, last].into())));
        assert_eq!(more.networks().unwrap(), [("10.1.2.0/24".to_owned(), 40)]);
        let mut all = Addresses::default();
        (0..40).for_each(|second| all.add(Some([second, second, 2, 1].into())));
        assert_eq!(all.networks(), None);
    }

    #[test]
    fn rates_are_of_a_client_and_a_minute() {
        let mut rates = Rates::default();
        let at = |second: i64| Timestamp::from_seconds(1_772_400_000 + second);
        (0..120).for_each(|half| rates.add(Some(&Text::from("a")), at(half / 2)));
        (0..120).for_each(|half| rates.add(Some(&Text::from("b")), at(half * 30)));
        rates.add(Some(&Text::from("a")), at(59));
        rates.add(None, at(59));
        let spread = rates.spread();
        // The call that came an hour late begins its minute anew.
        assert_eq!((spread.count(), spread.quantile(1.0)), (62, Some(120)));
        assert_eq!(spread.quantile(0.9), Some(2));
    }

    #[test]
    fn a_quantile_is_never_below_what_was_seen() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(1.0), None);
        (1..=1_000).for_each(|number| spread.add(number * 3));
        assert_eq!(spread.quantile(1.0), Some(3_000));
        let median = spread.quantile(0.5).unwrap();
        assert!((1_500..=1_600).contains(&median), "{median}");
        assert_eq!(
            (two_digits(7), two_digits(100), two_digits(101)),
            (7, 100, 110)
        );
    }
}
