//! Behaviour: what each entity did in an hour, against its own past and against its like: callers of one integration, services, operations.
//!
//! An hour is closed by the watermark. Each entity that was active in it is a row ([`stratum`]) with three scores: its amounts ([`conduct`], [`owners`]) by an ensemble of models, how far one of
//! them is from its own past ([`past`]), and what it never showed before ([`traits`], [`novelty`]). Each is held against all scores so far, which makes it the share of hours so odd
//! ([`calibration`]). The operator says how many false findings a day may be: what is rarer than that allows, over the rows of a day ([`rate`]), is a finding.
//!
//! Like entities live in one shard, so the state recovers with the shard; how many rows a day all shards have, each counts by the same sketches.

mod calibration;
mod conduct;
mod hashed;
mod learned;
mod left_out;
mod meta;
mod novelty;
mod order;
mod owners;
mod past;
mod query;
mod rate;
mod steps;
mod stratum;
mod sums;
mod traits;
mod value;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::hash::quick_hash;
use super::sketch::Sketch;
use super::{
    Entity, Feature, Finding, MOST_FEATURES, NEW, Note, Plan, Reason, TrackCounts,
    finding_id_within,
};
use crate::event::Timestamp;
use crate::random::splitmix;
pub use calibration::Fit;
use calibration::Kind;
pub use conduct::Conduct;
pub(crate) use conduct::ConductBuilder;
use conduct::{Deeds, Like, Who};
pub use learned::{Learned, LearnedError, LearnedLike};
pub use left_out::LeftOut;
pub(super) use meta::metas;
pub use novelty::Requests;
use rate::Rate;
use stratum::{Odd, StoredStratum, Stratum};
use sums::{HOUR_US, ORDER};
use traits::{DIMENSIONS, dimension_of};

/// Most integrations of a shard, and entities in the open hours of a shard.
const MOST_STRATA: usize = 64;
/// Hours after which an integration that nobody calls gives its place to another.
const IDLE_HOURS: u32 = 30 * 24;
const MOST_OPEN: usize = 200_000;
/// Most texts of values of an integration in an hour; a finding names what has none without it.
const MOST_TEXTS: usize = 16_384;
/// The share of the budget that is spent: what is usual changes, and calibrations lag behind.
const MARGIN: f64 = 0.85;

/// The part of one shard.
pub(super) struct Behaviour {
    strata: BTreeMap<Like, Stratum>,
    open: BTreeMap<u32, Open>,
    opened: usize,
    /// Hours before this one are closed.
    closed: u32,
    /// Rows a day of all shards.
    rate: Rate,
    /// Fingerprint of the model that it grew from; 0 where there was none.
    model: u64,
}

/// Who did something in each hour, as sketches of their hashes.
pub(super) type Active = BTreeMap<u32, Sketch>;

/// Who did something in each hour of these.
pub(super) fn active_in<'c>(conducts: impl IntoIterator<Item = &'c Conduct>) -> Active {
    let mut active = Active::new();
    for conduct in conducts {
        if !conduct.is_of_somebody() {
            continue;
        }
        let Conduct {
            like, who, hour, ..
        } = conduct;
        let hash = quick_hash(like.home()) ^ quick_hash(&who.value).rotate_left(1);
        active
            .entry(*hour)
            .or_insert_with(Sketch::new)
            .add(splitmix(hash));
    }
    active
}

/// An hour that is not closed.
struct Open {
    /// Who did something, also in other shards: one row each.
    active: Sketch,
    likes: BTreeMap<Like, OpenHour>,
}

impl Default for Open {
    fn default() -> Self {
        Open {
            active: Sketch::new(),
            likes: BTreeMap::new(),
        }
    }
}

/// What like entities did so far in an hour.
#[derive(Clone, Debug, Default)]
struct OpenHour {
    entities: HashMap<Who, Box<Deeds>, FixedState>,
    /// Texts of what they showed.
    texts: BTreeMap<u32, CompactString>,
}

impl Behaviour {
    /// Knows what the model of the plan knows, if there is one.
    pub(super) fn new(plan: &Plan) -> Self {
        let learned = plan.learned.as_deref();
        Behaviour {
            strata: BTreeMap::new(),
            open: BTreeMap::new(),
            opened: 0,
            closed: 0,
            rate: learned.map_or_else(Rate::default, |learned| learned.rate),
            model: learned.map_or(0, |learned| learned.fingerprint),
        }
    }

    /// Takes up the model of a plan in place of what grew from another one. Without a model all goes on.
    pub(super) fn adopt(&mut self, plan: &Plan) {
        let Some(learned) = &plan.learned else {
            return;
        };
        if learned.fingerprint != self.model {
            self.model = learned.fingerprint;
            self.rate = learned.rate;
            // What it knows begins anew from it when it is met.
            self.strata.retain(|like, _| !learned.knows(like));
        }
    }

    /// What is known now, for a model.
    pub(super) fn learned(&self) -> Learned {
        let strata = self.strata.iter();
        Learned::of(
            self.rate,
            strata.map(|(like, stratum)| (like.clone(), stratum.store())),
        )
    }

    /// Adds what a block showed: to this shard, and to all.
    pub(super) fn observe(
        &mut self,
        conducts: impl IntoIterator<Item = Conduct>,
        active: &Active,
        counts: &mut TrackCounts,
    ) {
        for (hour, active) in active {
            let open = self.open.entry((*hour).max(self.closed)).or_default();
            open.active.join(active);
        }
        for conduct in conducts {
            let hour = conduct.hour.max(self.closed);
            let Conduct {
                like,
                who,
                deeds,
                texts,
                ..
            } = conduct;
            let open = self.open.entry(hour).or_default();
            let open = open.likes.entry(like).or_default();
            for (code, text) in texts {
                if open.texts.len() < MOST_TEXTS {
                    open.texts.insert(code, text);
                }
            }
            match open.entities.entry(who) {
                Entry::Occupied(mut known) => known.get_mut().join(*deeds),
                Entry::Vacant(place) if self.opened < MOST_OPEN => {
                    self.opened += 1;
                    place.insert(deeds);
                }
                Entry::Vacant(_) => counts.unobserved_requests += u64::from(deeds.sums.calls),
            }
        }
    }

    /// The end of the oldest open hour.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let (hour, _) = self.open.first_key_value()?;
        Some(Timestamp::from_micros((i64::from(*hour) + 1) * HOUR_US))
    }

    /// Closes the oldest open hour. What is found comes in the order of integrations and entities.
    pub(super) fn close(&mut self, plan: &Plan, counts: &mut TrackCounts, out: &mut Vec<Finding>) {
        let Some((hour, open)) = self.open.pop_first() else {
            return;
        };
        let Open { active, likes } = open;
        self.opened -= likes
            .values()
            .map(|open| open.entities.len())
            .sum::<usize>();
        self.closed = hour + 1;
        let settings = &plan.settings.behaviour;
        let local = local_hour(hour, plan.settings.baseline.utc_offset);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate of a count"
        )]
        let rows = active.estimate().round() as u32;
        self.rate.take(hour, rows);
        // So rare that of all rows of a day the budget comes out, with a margin.
        let budget = MARGIN * settings.false_alarms_per_day.max(1e-6);
        let threshold = (self.rate.a_day() / budget).log10();
        for (like, OpenHour { entities, texts }) in likes {
            let mut conducts = in_order(entities);
            if like == Like::Operations {
                // In an hour in which all its calls were refused one that is known is still one.
                let known = self.strata.get(&like);
                conducts.retain(|(who, deeds)| {
                    deeds.is_of_somebody() || known.is_some_and(|known| known.knows(who))
                });
            }
            if conducts.is_empty() {
                continue;
            }
            if !self.strata.contains_key(&like) {
                if self.strata.len() >= MOST_STRATA {
                    self.strata
                        .retain(|_, it| hour.saturating_sub(it.newest()) <= IDLE_HOURS);
                }
                if self.strata.len() >= MOST_STRATA {
                    counts.unwatched += 1;
                    continue;
                }
                let most = settings.max_entities;
                let learned = plan.learned.as_deref();
                let stratum = learned
                    .and_then(|learned| learned.stratum(&like, most))
                    .unwrap_or_else(|| Stratum::new(hour, most));
                self.strata.insert(like.clone(), stratum);
            }
            let Some(stratum) = self.strata.get_mut(&like) else {
                continue;
            };
            let told = (threshold, settings.scores.as_slice());
            let closed = stratum.close((hour, local), &mut conducts, &texts, told);
            counts.evicted_entities += closed.evicted;
            let (begin, more) = (out.len(), closed.more);
            let odd = closed.odd.into_iter();
            out.extend(odd.map(|odd| finding(plan, (hour, &like, &texts), odd)));
            let more = more as u64;
            counts.as_odd += more;
            if let Some(last) = out[begin..].last_mut().filter(|_| more > 0) {
                last.notes.push(Note::AsOdd { more });
            }
        }
    }

    /// Whether the calibrations of all likes still fit.
    pub(super) fn fit(&self) -> Fit {
        let fits = self.strata.values().map(Stratum::fit);
        fits.fold(Fit::default(), Fit::join)
    }

    /// Of each like of which nothing is told yet, since all that they do is new: until when.
    pub(super) fn learning(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let strata = self.strata.values();
        let learning = strata.filter(|stratum| !stratum.is_begun(self.closed));
        learning
            .map(|stratum| Timestamp::from_micros(i64::from(stratum.begins_to_tell()) * HOUR_US))
    }

    /// How many entities are known, of each integration.
    pub(super) fn entities(&self) -> usize {
        self.strata.values().map(Stratum::entities).sum()
    }

    pub(super) fn store(&self) -> StoredBehaviour<'_> {
        StoredBehaviour {
            strata: self
                .strata
                .iter()
                .map(|(like, stratum)| (Cow::Borrowed(like), stratum.store()))
                .collect(),
            open: self
                .open
                .iter()
                .map(|(hour, open)| {
                    let likes = open.likes.iter().map(|(like, open)| {
                        let entities = open.entities.iter();
                        let mut entities: Vec<(Cow<'_, Who>, Cow<'_, Deeds>)> = entities
                            .map(|(who, deeds)| (Cow::Borrowed(who), Cow::Borrowed(&**deeds)))
                            .collect();
                        entities.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                        (Cow::Borrowed(like), entities, Cow::Borrowed(&open.texts))
                    });
                    (*hour, Cow::Borrowed(&open.active), likes.collect())
                })
                .collect(),
            closed: self.closed,
            rate: self.rate,
            model: self.model,
        }
    }

    pub(super) fn restore(&mut self, stored: StoredBehaviour<'_>, plan: &Plan) {
        let entities = plan.settings.behaviour.max_entities;
        let strata = stored.strata.into_iter();
        self.strata = strata
            .map(|(like, stratum)| (like.into_owned(), Stratum::restore(stratum, entities)))
            .collect();
        let open = stored.open.into_iter().map(|(hour, active, likes)| {
            let likes = likes.into_iter().map(|(like, entities, texts)| {
                let entities = entities.into_iter();
                let entities =
                    entities.map(|(who, deeds)| (who.into_owned(), Box::new(deeds.into_owned())));
                let open = OpenHour {
                    entities: entities.collect(),
                    texts: texts.into_owned(),
                };
                (like.into_owned(), open)
            });
            let likes = likes.collect();
            let active = active.into_owned();
            (hour, Open { active, likes })
        });
        self.open = open.collect();
        let open = self.open.values().flat_map(|open| open.likes.values());
        self.opened = open.map(|open| open.entities.len()).sum();
        self.closed = stored.closed;
        self.rate = stored.rate;
        self.model = stored.model;
        self.adopt(plan);
    }
}

/// The hour of local time in which an hour of UTC begins; where the two are apart by a part of an hour, it also has some of the next.
fn local_hour(hour: u32, utc_offset: i32) -> u32 {
    let begin = i64::from(hour) * 60 + i64::from(utc_offset);
    u32::try_from(begin.div_euclid(60)).unwrap_or(0)
}

fn in_order(entities: HashMap<Who, Box<Deeds>, FixedState>) -> Vec<(Who, Box<Deeds>)> {
    let mut entities: Vec<(Who, Box<Deeds>)> = entities.into_iter().collect();
    entities.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    entities
}

/// What is odd of an entity in an hour, with the texts of what it and its like showed.
fn finding(
    plan: &Plan,
    (hour, like, texts): (u32, &Like, &BTreeMap<u32, CompactString>),
    odd: Odd,
) -> Finding {
    let first = Timestamp::from_micros(i64::from(hour) * HOUR_US);
    let is_new = odd.surprise.most() == Kind::News;
    let probability = 10_f64.powf(-odd.surprise.all);
    let features = reasons(&odd, texts);
    let entity = Entity {
        kind: odd.who.kind,
        value: odd.who.value,
    };
    // The first feature is the reason itself; of what is new the note says which.
    let notes = features.iter().skip(usize::from(!is_new));
    let mut notes: Vec<Note> = notes.cloned().map(Note::Feature).collect();
    let (metric, observed, expected) = match features.first() {
        Some(first) => (first.metric.clone(), first.observed, first.expected),
        None => ("calls an hour".to_owned(), odd.calls.into(), 0.0),
    };
    let is_of_order =
        |feature: &Feature| feature.metric == ORDER && feature.observed > feature.expected;
    let is_of_order = features.iter().any(is_of_order);
    notes.extend(odd.step.filter(|_| is_of_order).map(Note::Step));
    if let Like::Callers(integration) = like
        && !integration.is_empty()
    {
        notes.push(Note::Through {
            integration: integration.clone(),
        });
    }
    let extrapolated = odd.surprise.extrapolated_from();
    notes.extend(extrapolated.map(|hours| Note::Extrapolated { hours }));
    // Through another integration it is weighed in another shard, which knows nothing of this one.
    let within = like.home();
    Finding {
        id: finding_id_within(within, meta::BEHAVIOUR, &entity, plan.bucket(first)),
        rule: meta::BEHAVIOUR,
        entity,
        within: within.into(),
        first,
        last: first.plus_micros(HOUR_US - 1),
        count: odd.calls.into(),
        reason: Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            features,
        },
        evidence: odd.first.into_iter().collect(),
        notes,
    }
}

/// What stands out: what counts more comes first, and only that is told where the other is nothing.
fn reasons(odd: &Odd, texts: &BTreeMap<u32, CompactString>) -> Vec<Feature> {
    let news = odd.news.iter().map(|new| {
        let (_, kind) = DIMENSIONS[dimension_of(new.code)];
        let text = texts.get(&new.code);
        Feature {
            metric: format!("{NEW}{kind}"),
            value: text.map_or_else(|| "(no room for its text)".to_owned(), ToString::to_string),
            observed: 1.0,
            expected: new.own,
            probability: new.share,
        }
    });
    let amounts = odd.features.iter().cloned();
    let amount = odd
        .surprise
        .of(Kind::Amounts)
        .max(odd.surprise.of(Kind::Change));
    let mut features: Vec<Feature> = if odd.surprise.most() == Kind::News {
        let also = usize::from(amount > 2.0);
        news.chain(amounts.take(also)).collect()
    } else {
        let also = usize::from(odd.surprise.of(Kind::News) > 2.0);
        amounts.chain(news.take(also)).collect()
    };
    features.truncate(MOST_FEATURES);
    features
}

/// Names of the amounts of an hour.
pub(super) fn amounts() -> impl Iterator<Item = &'static str> {
    sums::FEATURES.iter().map(|it| it.name)
}

/// Kinds of values that can be new.
pub(super) fn values() -> impl Iterator<Item = &'static str> {
    DIMENSIONS.iter().map(|(_, kind)| *kind)
}

/// Every metric that a feature may have, for those who translate them.
#[cfg(test)]
pub(crate) fn features() -> Vec<String> {
    let news = values().map(|kind| format!("{NEW}{kind}"));
    amounts().map(str::to_owned).chain(news).collect()
}

/// The entities of an [`Open`] hour, in order.
type StoredOpen<'a> = Vec<(
    Cow<'a, Like>,
    Vec<(Cow<'a, Who>, Cow<'a, Deeds>)>,
    Cow<'a, BTreeMap<u32, CompactString>>,
)>;

/// The behaviour of one shard's integrations in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredBehaviour<'a> {
    strata: Vec<(Cow<'a, Like>, StoredStratum<'a>)>,
    open: Vec<(u32, Cow<'a, Sketch>, StoredOpen<'a>)>,
    closed: u32,
    rate: Rate,
    model: u64,
}

#[cfg(test)]
mod tests;
