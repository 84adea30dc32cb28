//! What is new: values that an entity shows for the first time, how seldom it shows new ones, and how rare the value is among its like.
//!
//! The surprise of a new value is −log10 of a probability of two factors. The first says how often the entity shows something new of that kind: its own
//! hours with something new, with a prior of [`PRIOR`] hours that all entities of the integration make together (for an entity that is new itself: how often
//! that happens). The second is the share of hours, of all entities, that show a value at least so rare; for one that nobody ever showed, how often such
//! come (the estimate of Good, "The population frequencies of species and the estimation of population parameters", 1953, counted in hours).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize, Serializer};

use super::hashed::Hashed;
use super::traits::{DIMENSIONS, Traits, dimension_of};
use crate::event::Event;
use crate::track::EntityKind;
use crate::track::packed::{self, Fixed};

const KINDS: usize = DIMENSIONS.len();
/// How many hours of the entity itself weigh as much as what is usual among all.
const PRIOR: f64 = 20.0;
/// Hours of an entity after which its counts are halved, and the same of all entities.
const OWN_HOURS: u16 = 500;
const ALL_HOURS: f32 = 200_000.0;
/// Values that are kept of an entity, and of one kind in an integration.
const MOST_OWN: usize = 96;
const MOST_OF_KIND: usize = 1_024;
/// Days of an entity after which a value that it did not show is new again. Days on which it showed nothing at all do not count: whoever comes back from a long leave, or
/// from a model of long ago, is who they were.
const FORGOTTEN: u16 = 60;

/// The values that one entity showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Habits {
    hours: u16,
    /// Hours, but for the first, with something new of each kind.
    #[serde(with = "packed")]
    renewed: [u8; KINDS],
    /// Ascending.
    #[serde(with = "packed::list")]
    known: Vec<Known>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    code: u32,
    /// The newest day on which it was seen, since the epoch.
    day: u16,
}

impl Fixed for Known {
    const BYTES: usize = <(u32, u16)>::BYTES;

    fn put(&self, to: &mut [u8]) {
        (self.code, self.day).put(to);
    }

    fn get(from: &[u8]) -> Self {
        let (code, day) = Fixed::get(from);
        Known { code, day }
    }
}

/// The values that entities of one integration show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Customs {
    kinds: [Kind; KINDS],
    /// Hours of entities that showed a value.
    #[serde(serialize_with = "in_order")]
    values: HashMap<u32, f32, FixedState>,
    /// Hours of entities, and how many of these were the first of an entity.
    hours: f32,
    firsts: f32,
}

/// The same values are the same bytes.
fn in_order<S: Serializer>(
    values: &HashMap<u32, f32, FixedState>,
    to: S,
) -> Result<S::Ok, S::Error> {
    values.iter().collect::<BTreeMap<_, _>>().serialize(to)
}

/// Hours of entities, of one kind of value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kind {
    /// That showed any.
    hours: f32,
    /// That showed one which nobody had shown.
    unseen: f32,
    /// Of those that were known already: that showed any, that showed one new to themselves.
    asked: f32,
    renewed: f32,
    values: u16,
}

/// How rare the values of an integration are, as of the end of an hour.
pub(super) struct Rarity<'c> {
    customs: &'c Customs,
    /// For each kind: hours of a value, ascending, and the share of hours with a value so rare.
    shares: Vec<Vec<(f32, f64)>>,
}

/// A value that was never seen of an entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct New {
    pub(super) code: u32,
    /// −log10 of its probability.
    pub(super) surprise: f64,
    /// How often the entity shows something new of this kind, and the share of hours with a value so rare.
    pub(super) own: f64,
    pub(super) share: f64,
    /// Whether nobody showed it before.
    pub(super) is_unseen: bool,
}

impl Habits {
    fn position(&self, code: u32) -> Result<usize, usize> {
        self.known.binary_search_by_key(&code, |known| known.code)
    }

    fn is_new(&self, code: u32, newest: u16) -> bool {
        let known = self.position(code).ok().map(|at| self.known[at].day);
        known.is_none_or(|known| newest.saturating_sub(known) > FORGOTTEN)
    }

    /// The newest day on which it showed anything.
    fn newest(&self) -> u16 {
        let days = self.known.iter().map(|known| known.day);
        days.max().unwrap_or(0)
    }

    /// What of an hour is new, the most surprising first.
    pub(super) fn news(of: Option<&Habits>, traits: &Traits, rarity: &Rarity) -> Vec<New> {
        let newest = of.map_or(0, Habits::newest);
        let new = traits.codes().iter().filter(|code| {
            of.is_none_or(|habits| habits.hours == 0 || habits.is_new(**code, newest))
        });
        let mut news: Vec<New> = new
            .map(|code| {
                let own = rarity.of_renewal(of, dimension_of(*code));
                let share = rarity.of_value(*code);
                New {
                    code: *code,
                    surprise: -(own * share).log10(),
                    own,
                    share,
                    is_unseen: !rarity.customs.values.contains_key(code),
                }
            })
            .collect();
        news.sort_by(|a, b| b.surprise.total_cmp(&a.surprise));
        news
    }

    /// Learns an hour, for the entity and for all.
    pub(super) fn learn(&mut self, traits: &Traits, day: u16, customs: &mut Customs, begun: bool) {
        let mut shown = [Shown::default(); KINDS];
        let newest = self.newest();
        for code in traits.codes() {
            let Some(shown) = shown.get_mut(dimension_of(*code)) else {
                continue;
            };
            shown.any = true;
            if let Ok(at) = self.position(*code) {
                let known = &mut self.known[at].day;
                shown.new |= newest.saturating_sub(*known) > FORGOTTEN;
                *known = day.max(*known);
            } else {
                shown.new = true;
                shown.unseen |= !customs.values.contains_key(code);
                self.keep(*code, day);
            }
        }
        for code in traits.codes() {
            customs.count(*code);
        }
        let is_known = self.hours > 0;
        for (at, shown) in shown.iter().enumerate().filter(|(_, shown)| shown.any) {
            let kind = &mut customs.kinds[at];
            kind.hours += 1.0;
            kind.unseen += f32::from(u8::from(shown.unseen && begun));
            if is_known {
                kind.asked += 1.0;
                kind.renewed += f32::from(u8::from(shown.new));
                self.renewed[at] = self.renewed[at].saturating_add(shown.new.into());
            }
        }
        customs.hours += f32::from(u8::from(begun));
        customs.firsts += f32::from(u8::from(begun && !is_known));
        customs.fade();
        self.hours += 1;
        if self.hours >= OWN_HOURS {
            self.hours /= 2;
            self.renewed = self.renewed.map(|hours| hours / 2);
        }
    }

    fn keep(&mut self, code: u32, day: u16) {
        let Err(at) = self.position(code) else { return };
        self.known.insert(at, Known { code, day });
        if self.known.len() > MOST_OWN {
            let known = self.known.iter().enumerate();
            // Of one day those of the kinds that differ most from call to call: else they would push out what is always the same, and a new one of that would be nothing new.
            let oldest = known.min_by_key(|(at, known)| (known.day, Reverse(*at)));
            let oldest = oldest.map_or(0, |(at, _)| at);
            self.known.remove(oldest);
        }
    }
}

/// What an hour of an entity showed of one kind.
#[derive(Clone, Copy, Default)]
struct Shown {
    any: bool,
    new: bool,
    unseen: bool,
}

impl Customs {
    fn count(&mut self, code: u32) {
        if let Some(hours) = self.values.get_mut(&code) {
            *hours += 1.0;
            return;
        }
        let Some(kind) = self.kinds.get_mut(dimension_of(code)) else {
            return;
        };
        if usize::from(kind.values) < MOST_OF_KIND {
            kind.values += 1;
            self.values.insert(code, 1.0);
        }
    }

    /// Halves what was counted when it is much, and forgets what became too little.
    fn fade(&mut self) {
        if self.hours < ALL_HOURS {
            return;
        }
        self.hours /= 2.0;
        self.firsts /= 2.0;
        for kind in &mut self.kinds {
            for count in [
                &mut kind.hours,
                &mut kind.unseen,
                &mut kind.asked,
                &mut kind.renewed,
            ] {
                *count /= 2.0;
            }
            kind.values = 0;
        }
        self.values.retain(|_, hours| {
            *hours /= 2.0;
            *hours >= 0.5
        });
        for code in self.values.keys() {
            self.kinds[dimension_of(*code)].values += 1;
        }
    }

    pub(super) fn rarity(&self) -> Rarity<'_> {
        let mut shares: Vec<Vec<(f32, f64)>> = vec![Vec::new(); KINDS];
        for (code, hours) in &self.values {
            if let Some(share) = shares.get_mut(dimension_of(*code)) {
                share.push((*hours, 0.0));
            }
        }
        for (kind, shares) in self.kinds.iter().zip(&mut shares) {
            shares.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let mut sum = f64::from(kind.unseen) + 0.5;
            for (hours, share) in &mut *shares {
                sum += f64::from(*hours);
                *share = (sum / (f64::from(kind.hours) + 1.0)).min(1.0);
            }
        }
        Rarity {
            customs: self,
            shares,
        }
    }
}

impl Rarity<'_> {
    /// How often something new of a kind is shown by an entity; an unknown one: how often such come.
    fn of_renewal(&self, habits: Option<&Habits>, kind: usize) -> f64 {
        let Some(habits) = habits.filter(|habits| habits.hours > 0) else {
            let Customs { hours, firsts, .. } = self.customs;
            return (f64::from(*firsts) + 0.5) / (f64::from(*hours) + 1.0);
        };
        let Some(all) = self.customs.kinds.get(kind) else {
            return 1.0;
        };
        let usual = (f64::from(all.renewed) + 0.5) / (f64::from(all.asked) + 1.0);
        let renewed = f64::from(habits.renewed[kind]) + PRIOR * usual;
        renewed / (f64::from(habits.hours) + PRIOR)
    }

    /// The share of hours that show a value of the kind so rare.
    fn of_value(&self, code: u32) -> f64 {
        let kind = dimension_of(code);
        let (Some(all), Some(shares)) = (self.customs.kinds.get(kind), self.shares.get(kind))
        else {
            return 1.0;
        };
        let unseen = (f64::from(all.unseen) + 0.5) / (f64::from(all.hours) + 1.0);
        let Some(hours) = self.customs.values.get(&code) else {
            return unseen.min(1.0);
        };
        // The last of those as rare.
        let behind = shares.partition_point(|(known, _)| known <= hours);
        let last = behind.checked_sub(1).and_then(|at| shares.get(at));
        last.map_or(unseen, |(_, share)| *share)
    }
}

/// Requests of callers of whom nothing else is known: what is usual among them, and how far others are from it. For measurements on data of others.
#[derive(Debug, Default)]
pub struct Requests(Customs);

impl Requests {
    /// Learns an ordinary one.
    pub fn learn(&mut self, event: &Event<'_>) {
        Habits::default().learn(&traits_of(event), 0, &mut self.0, true);
    }

    /// −log10 of the probability of the most surprising value of each.
    #[must_use]
    pub fn surprises<'e>(&self, events: impl IntoIterator<Item = &'e Event<'e>>) -> Vec<f64> {
        let rarity = self.0.rarity();
        let surprise = |event| {
            let news = Habits::news(None, &traits_of(event), &rarity);
            news.first().map_or(0.0, |new| new.surprise)
        };
        events.into_iter().map(surprise).collect()
    }
}

fn traits_of(event: &Event<'_>) -> Traits {
    let mut traits = Traits::default();
    let of = (EntityKind::Address, Hashed::operation(event));
    traits.take(event, of, |_, _| ());
    traits
}

#[cfg(test)]
mod tests {
    use super::super::traits::Dimension;
    use super::*;

    /// Twenty entities, each of its own network and of one of two suites, for so many hours.
    fn usual(hours: u16) -> (Customs, Vec<Habits>) {
        let mut customs = Customs::default();
        let mut all = vec![Habits::default(); 20];
        for hour in 0..hours {
            for (at, habits) in all.iter_mut().enumerate() {
                let mut traits = Traits::of(Dimension::Tls, &[["a", "b"][at % 2]]);
                traits.join(&Traits::of(
                    Dimension::Network,
                    &[&format!("net-{at}-{}", hour / 10)],
                ));
                habits.learn(&traits, 20_000 + hour / 24, &mut customs, hour >= 24);
            }
        }
        (customs, all)
    }

    fn surprise(habits: Option<&Habits>, traits: &Traits, customs: &Customs) -> f64 {
        let news = Habits::news(habits, traits, &customs.rarity());
        news.first().map_or(0.0, |new| new.surprise)
    }

    #[test]
    fn what_never_changes_surprises_by_a_change_and_what_changes_often_does_not() {
        let (customs, all) = usual(240);
        let other = Traits::of(Dimension::Tls, &["b"]);
        let unseen = Traits::of(Dimension::Tls, &["c"]);
        let moved = Traits::of(Dimension::Network, &["elsewhere"]);
        let same = Traits::of(Dimension::Tls, &["a"]);
        let of = |traits| surprise(Some(&all[0]), traits, &customs);
        assert!(of(&same) < 1e-9);
        assert!(of(&moved) < 2.5, "{}", of(&moved));
        assert!(of(&other) > 3.0, "{}", of(&other));
        assert!(of(&unseen) > of(&other) + 2.0, "{}", of(&unseen));
        // Nobody new ever came after the first day.
        assert!(surprise(None, &same, &customs) > 3.0);
    }

    #[test]
    fn a_value_is_new_once_and_again_after_long() {
        let (mut customs, mut all) = usual(240);
        let unseen = Traits::of(Dimension::Tls, &["c"]);
        all[0].learn(&unseen, 20_010, &mut customs, true);
        assert!(surprise(Some(&all[0]), &unseen, &customs) < 1e-9);
        // On leave for long, it comes back as who it was.
        let same = Traits::of(Dimension::Tls, &["a"]);
        all[0].learn(&same, 20_080, &mut customs, true);
        let news = |habits, traits| Habits::news(Some(habits), traits, &customs.rarity()).len();
        assert_eq!(news(&all[0], &unseen), 1);
        assert_eq!(news(&all[1], &Traits::of(Dimension::Tls, &["b"])), 0);
    }

    #[test]
    fn of_who_shows_much_what_is_always_the_same_stays_known() {
        let (mut customs, mut habits) = (Customs::default(), Habits::default());
        let usual = |hour: u16| {
            let mut traits = Traits::of(Dimension::Tls, &["TLSv1.3"]);
            traits.join(&Traits::of(Dimension::Grant, &["authorization_code"]));
            for at in 0..u32::try_from(MOST_OWN).unwrap() + 30 {
                let signs = format!("signs {}", at + u32::from(hour % 3));
                traits.join(&Traits::of(Dimension::Signs, &[&signs]));
            }
            traits
        };
        for hour in 0..100 {
            habits.learn(&usual(hour), hour / 24, &mut customs, true);
        }
        assert!(habits.known.len() <= MOST_OWN);
        let new = |traits: &Traits| {
            let news = Habits::news(Some(&habits), traits, &customs.rarity());
            news.into_iter()
                .find(|new| new.code >> 27 < Dimension::Signs as u32)
        };
        assert_eq!(new(&usual(100)), None, "it is usual");
        let another = new(&Traits::of(Dimension::Tls, &["TLSv1"])).unwrap();
        assert!(another.own < 0.05, "and another is a surprise: {another:?}");
    }

    #[test]
    fn it_stays_small_and_fades() {
        let (mut customs, mut habits) = (Customs::default(), Habits::default());
        for hour in 0..3_000_u16 {
            let name = format!("net-{hour}");
            habits.learn(
                &Traits::of(Dimension::Network, &[&name]),
                hour / 24,
                &mut customs,
                true,
            );
        }
        assert!(habits.known.len() <= MOST_OWN && habits.hours <= OWN_HOURS);
        assert_eq!(customs.values.len(), MOST_OF_KIND);
        customs.hours = ALL_HOURS;
        customs.fade();
        assert!(customs.hours <= ALL_HOURS / 2.0);
        assert_eq!(
            usize::from(customs.kinds[Dimension::Network as usize].values),
            customs.values.len()
        );
    }
}
