//! Like entities: who they are, what is usual among them, and which of an hour are odd.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Fit, Kind, Surprise};
use super::conduct::{Deeds, Who};
use super::novelty::{Customs, Habits, New};
use super::order::{Chain, Step, Trail};
use super::owners::{Callers, Owners};
use super::past::{COLUMNS, Past};
use super::rate::Rate;
use super::sums::FEATURES;
use crate::track::model::{Ensemble, Rows};
use crate::track::{Evidence, Feature, Lru, NotedStep, packed};

/// Rows that models are fitted to, and how few will do.
const ROWS: usize = 2_048;
const FEW_ROWS: usize = 256;
/// Days over which these rows are spread.
const SPREAD_DAYS: f64 = 7.0;
/// Hours in which everything is new, so that nothing is scored.
const FIRST_HOURS: u32 = 24;
/// Features that a finding names.
const NAMED: usize = 3;
/// Findings of one cause and hour, and of an hour. What nobody showed before may come to one caller after the other, as a release does: of such a value so many are told a
/// day, for two weeks.
const MOST_OF_A_CAUSE: usize = 3;
const MOST_AT_ONCE: usize = 16;
const RELEASE_HOURS: u32 = 14 * 24;
const MOST_RELEASED: usize = 4_096;

type Row = [f32; COLUMNS];
/// Of each entity of an hour its most surprising step, its row, and what is new of it.
type Looks = (Vec<Option<Step>>, (Vec<Row>, Vec<Vec<New>>));

/// Entities that are held against one another.
pub(super) struct Stratum {
    entities: Lru<Who, Known>,
    customs: Customs,
    owners: Owners,
    chain: Chain,
    first_hour: u32,
    /// Rows of late, what comes next stands at `next`, and how many were passed over since.
    recent: Vec<Row>,
    next: usize,
    passed: u32,
    model: Option<Model>,
    calibration: Calibration,
    rate: Rate,
    /// Values of late that nobody had shown before.
    released: BTreeMap<u32, Released>,
}

/// A value that nobody had shown before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Released {
    first: u32,
    /// Since when in this day, and how often it was told.
    since: u32,
    told: u8,
}

/// What is known of an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    past: Past,
    habits: Habits,
    trail: Trail,
}

/// Models fitted to rows; kept with these, of which they can be made again.
struct Model {
    rows: Vec<Row>,
    day: u32,
    ensemble: Ensemble,
}

/// What came of an hour.
#[derive(Default)]
pub(super) struct Closed {
    /// The oddest of each cause, in the order of entities.
    pub(super) odd: Vec<Odd>,
    /// How many more were as odd.
    pub(super) more: usize,
    /// Entities that had to be forgotten for want of room.
    pub(super) evicted: u64,
}

/// An hour that is unlike what is usual.
pub(super) struct Odd {
    pub(super) who: Who,
    pub(super) calls: u32,
    pub(super) surprise: Surprise,
    /// The oddest features.
    pub(super) features: Vec<Feature>,
    /// What is new, the most surprising first.
    pub(super) news: Vec<New>,
    /// Its most surprising step, for people.
    pub(super) step: Option<NotedStep>,
    /// Its first call of the hour.
    pub(super) first: Option<Evidence>,
}

impl Stratum {
    pub(super) fn new(hour: u32, entities: usize) -> Stratum {
        Stratum {
            entities: Lru::new(entities),
            customs: Customs::default(),
            owners: Owners::new(),
            chain: Chain::default(),
            first_hour: hour,
            recent: Vec::new(),
            next: 0,
            passed: 0,
            model: None,
            calibration: Calibration::default(),
            rate: Rate::default(),
            released: BTreeMap::new(),
        }
    }

    /// Entities that are known.
    pub(super) fn entities(&self) -> usize {
        self.entities.len()
    }

    /// Whether an entity is one of them.
    pub(super) fn knows(&self, who: &Who) -> bool {
        self.entities.contains(who)
    }

    /// Whether its first day is over.
    pub(super) fn is_begun(&self, hour: u32) -> bool {
        hour >= self.begins_to_tell()
    }

    /// The hour in which its first day is over.
    pub(super) fn begins_to_tell(&self) -> u32 {
        self.first_hour.saturating_add(FIRST_HOURS)
    }

    /// The newest hour with a row.
    pub(super) fn newest(&self) -> u32 {
        self.rate.newest()
    }

    /// Rows that were scored.
    pub(super) fn scored(&self) -> u32 {
        self.calibration.scored()
    }

    /// Whether its calibration still fits.
    pub(super) fn fit(&self) -> Fit {
        self.calibration.fit()
    }

    /// Takes what entities did in an hour, in their order. What surprises by `threshold` or more by these kinds is odd.
    pub(super) fn close(
        &mut self,
        (hour, local): (u32, u32),
        conducts: &mut [(Who, Box<Deeds>)],
        texts: &BTreeMap<u32, CompactString>,
        (threshold, kinds): (f64, &[Kind]),
    ) -> Closed {
        let day = local / 24;
        self.chain.fade(day);
        let (steps, (rows, news)) = self.look(hour, local, conducts);
        let conducts = &*conducts;
        let begun = self.is_begun(hour);
        self.refit(begun, day);
        self.rate
            .take(hour, u32::try_from(conducts.len()).unwrap_or(u32::MAX));
        self.calibration.begin(hour, self.rate.a_day(), kinds);
        let model = self.model.as_ref();
        let model = model.filter(|_| kinds.contains(&Kind::Amounts));
        let scores = model.map(|model| model.scores(&rows));
        let mut odd = Vec::new();
        let mut closed = Closed::default();
        for (at, (who, deeds)) in conducts.iter().enumerate() {
            let (known, gone) = self.entities.touch(who, || Known {
                past: Past::new(day),
                habits: Habits::default(),
                trail: Trail::default(),
            });
            closed.evicted += u64::from(gone.is_some());
            let mut is_odd = false;
            if begun {
                let amounts = scores.as_ref().and_then(|scores| scores.get(at));
                let amounts = amounts.map_or(0.0, |score| known.past.beyond_usual(*score));
                let new = news[at].first().map(|new| (new.code, new.surprise));
                let changes = &rows[at][FEATURES.len()..2 * FEATURES.len()];
                let surprise = self.calibration.take(&who.value, amounts, changes, new);
                is_odd = surprise.all >= threshold;
                if is_odd {
                    odd.push((at, surprise));
                }
            }
            let habits = &mut known.habits;
            habits.learn(&deeds.traits, short(day), &mut self.customs, begun);
            self.owners.learn(&deeds.records);
            // Amounts that are odd teach neither its own means and spreads nor the others; how unlike others its hours are, and how often it happens, they do.
            if !is_odd {
                known.past.learn(&rows[at], local);
            }
            let chain = &mut self.chain;
            chain.learn(known.trail, &deeds.steps, hour, is_odd);
            known.trail = known.trail.after(&deeds.steps, hour);
            if !is_odd {
                self.remember(rows[at]);
            }
        }
        self.chain.name(texts);
        odd.sort_by(|a, b| b.1.all.total_cmp(&a.1.all));
        self.released
            .retain(|_, it| hour.saturating_sub(it.first) < RELEASE_HOURS);
        let odd = self.by_cause(hour, odd, (&rows, &news), &mut closed.more);
        for (at, surprise) in odd {
            let (who, deeds) = &conducts[at];
            closed.odd.push(Odd {
                who: who.clone(),
                calls: deeds.sums.calls,
                surprise,
                features: self.features((who, deeds), &rows[at], surprise),
                news: news[at].iter().take(NAMED).copied().collect(),
                step: steps[at].map(|step| self.chain.noted(step, texts)),
                first: deeds.first.unpacked(),
            });
        }
        closed
    }

    /// What befalls many at once has one cause, and is no reason to tell of each: the oddest of each cause, in the order of entities.
    fn by_cause(
        &mut self,
        hour: u32,
        odd: Vec<(usize, Surprise)>,
        (rows, news): (&[Row], &[Vec<New>]),
        more: &mut usize,
    ) -> Vec<(usize, Surprise)> {
        let mut causes: HashMap<(Kind, usize), u8> = HashMap::new();
        let mut told = Vec::new();
        for (at, surprise) in odd {
            let kind = surprise.most();
            let new = news[at].first().filter(|_| kind == Kind::News);
            let cause = match (kind, new) {
                (_, Some(new)) => new.code as usize,
                (Kind::Amounts, _) => self.rarest(&rows[at]).next().map_or(0, |(at, _)| at),
                _ => surprise.changed,
            };
            let told_of = match new.and_then(|new| self.released_of(hour, new)) {
                Some(released) => &mut released.told,
                None => causes.entry((kind, cause)).or_default(),
            };
            if usize::from(*told_of) < MOST_OF_A_CAUSE && told.len() < MOST_AT_ONCE {
                *told_of += 1;
                told.push((at, surprise));
            } else {
                *more += 1;
            }
        }
        told.sort_unstable_by_key(|(at, _)| *at);
        told
    }

    /// What is known of a value that nobody had shown before some days ago, in this day of its own.
    fn released_of(&mut self, hour: u32, new: &New) -> Option<&mut Released> {
        let fresh = Released {
            first: hour,
            since: hour,
            told: 0,
        };
        if new.is_unseen && self.released.len() < MOST_RELEASED {
            self.released.entry(new.code).or_insert(fresh);
        }
        let released = self.released.get_mut(&new.code)?;
        if hour.saturating_sub(released.since) >= 24 {
            (released.since, released.told) = (hour, 0);
        }
        Some(released)
    }

    /// The features in which a row lies farthest out among others, by their place, and the share of rows that lie so far out.
    fn rarest(&self, row: &Row) -> impl Iterator<Item = (usize, f64)> {
        let model = self.model.as_ref();
        let rarest = model.map(|model| model.ensemble.rarest(&wide(row), COLUMNS));
        // The last column is the hour of the day, of which there is no feature.
        let columns = rarest.into_iter().flatten();
        let columns = columns.filter(|(column, _)| column + 1 < COLUMNS);
        columns.map(|(column, rarity)| (column % FEATURES.len(), (-rarity).exp()))
    }

    /// Adds to each what is known only by what the others did and it did before; its most surprising step, its row, and what is new of it.
    fn look(&mut self, hour: u32, local: u32, conducts: &mut [(Who, Box<Deeds>)]) -> Looks {
        let day = local / 24;
        let rarity = self.customs.rarity();
        let each = conducts.iter_mut().map(|(who, deeds)| {
            let known = self.entities.peek_mut(who);
            deeds.sums.foreign = self.owners.foreign(&deeds.records);
            deeds.sums.evenness = deeds.steps.evenness();
            let trail = known.as_ref().map_or(Trail::default(), |it| it.trail);
            let step = self.chain.oddest(trail, &deeds.steps, hour);
            deeds.sums.order = step.map_or(0.0, |step| step.bits);
            let habits = known.as_ref().map(|known| &known.habits);
            let news = Habits::news(habits, &deeds.traits, &rarity);
            let past = known.map_or_else(|| Past::new(day), |known| known.past);
            (step, (past.row(&deeds.sums, local), news))
        });
        each.unzip()
    }

    /// The features in which a row lies farthest out; first of all the one that changed, if that is the reason.
    fn features(
        &mut self,
        (who, deeds): (&Who, &Deeds),
        row: &Row,
        surprise: Surprise,
    ) -> Vec<Feature> {
        let past = self.entities.peek_mut(who).map(|known| known.past);
        let rarest: Vec<(usize, f64)> = self.rarest(row).collect();
        let model = self.model.as_ref();
        let change = 10_f64.powf(-surprise.of(Kind::Change));
        let changed = (surprise.most() == Kind::Change).then_some((surprise.changed, change));
        let mut named: Vec<(usize, f64)> = Vec::new();
        for (at, share) in changed.into_iter().chain(rarest) {
            if named.len() < NAMED && !named.iter().any(|(named, _)| *named == at) {
                named.push((at, share));
            }
        }
        let told = named.into_iter().map(|(at, probability)| {
            let of_itself = past.and_then(|past| past.usual(at));
            let usual = of_itself.or_else(|| model.map(|model| model.usual(at)));
            let feature = FEATURES[at];
            Feature {
                metric: feature.name.to_owned(),
                value: String::new(),
                observed: feature.of(&deeds.sums),
                expected: usual.unwrap_or(0.0),
                probability,
            }
        });
        told.collect()
    }

    /// Keeps rows of the newest days, evenly spread.
    fn remember(&mut self, row: Row) {
        if self.recent.len() < ROWS {
            self.recent.push(row);
            return;
        }
        self.passed += 1;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let apart = self.rate.a_day() * SPREAD_DAYS / ROWS as f64;
        let is_due = f64::from(self.passed) >= apart;
        if is_due {
            self.recent[self.next] = row;
            self.next = (self.next + 1) % ROWS;
            self.passed = 0;
        }
    }

    /// Fits models once a day.
    fn refit(&mut self, begun: bool, day: u32) {
        let is_new = self.model.as_ref().is_none_or(|model| model.day != day);
        if begun && is_new && self.recent.len() >= FEW_ROWS {
            self.model = Model::fit(self.recent.clone(), day);
        }
    }

    pub(super) fn store(&self) -> StoredStratum<'_> {
        StoredStratum {
            entities: self
                .entities
                .iter()
                .map(|(who, known)| (Cow::Borrowed(who), Cow::Borrowed(known)))
                .collect(),
            customs: Cow::Borrowed(&self.customs),
            owners: self.owners.store(),
            chain: Cow::Borrowed(&self.chain),
            first_hour: self.first_hour,
            recent: Cow::Borrowed(&self.recent),
            next: self.next,
            passed: self.passed,
            model: self.model.as_ref().map(|model| StoredModel {
                day: model.day,
                rows: Cow::Borrowed(&model.rows),
            }),
            calibration: Cow::Borrowed(&self.calibration),
            rate: self.rate,
            released: Cow::Borrowed(&self.released),
        }
    }

    pub(super) fn restore(stored: StoredStratum<'_>, entities: usize) -> Stratum {
        let mut known: Lru<Who, Known> = Lru::new(entities);
        for (who, entity) in stored.entities {
            known.touch(&who, || entity.into_owned());
        }
        Stratum {
            entities: known,
            customs: stored.customs.into_owned(),
            owners: Owners::restore(stored.owners),
            chain: stored.chain.into_owned(),
            first_hour: stored.first_hour,
            recent: stored.recent.into_owned(),
            next: stored.next,
            passed: stored.passed,
            model: stored
                .model
                .and_then(|model| Model::fit(model.rows.into_owned(), model.day)),
            calibration: stored.calibration.into_owned(),
            rate: stored.rate,
            released: stored.released.into_owned(),
        }
    }
}

impl Model {
    /// The same rows and day make the same models.
    fn fit(rows: Vec<Row>, day: u32) -> Option<Model> {
        let table = table(&rows)?;
        Some(Model {
            ensemble: Ensemble::fit(&table, day.into()),
            day,
            rows,
        })
    }

    fn scores(&self, rows: &[Row]) -> Vec<f64> {
        table(rows).map_or_else(Vec::new, |table| self.ensemble.screened_scores(&table))
    }

    /// The median of a feature among the fitted rows.
    fn usual(&self, feature: usize) -> f64 {
        let mut values: Vec<f32> = self.rows.iter().map(|row| row[feature]).collect();
        values.sort_unstable_by(f32::total_cmp);
        let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
        f64::from(median).exp_m1()
    }
}

/// A day as habits keep it.
fn short(day: u32) -> u16 {
    u16::try_from(day).unwrap_or(u16::MAX)
}

fn wide(row: &Row) -> [f64; COLUMNS] {
    row.map(f64::from)
}

fn table(rows: &[Row]) -> Option<Rows> {
    let wide: Vec<[f64; COLUMNS]> = rows.iter().map(wide).collect();
    Rows::new(wide.iter().map(<[f64; COLUMNS]>::as_slice)).ok()
}

/// The same in a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredStratum<'a> {
    entities: Vec<(Cow<'a, Who>, Cow<'a, Known>)>,
    customs: Cow<'a, Customs>,
    #[serde(with = "packed::list")]
    owners: Vec<(u32, [Callers; 2])>,
    chain: Cow<'a, Chain>,
    first_hour: u32,
    #[serde(with = "packed::list")]
    recent: Cow<'a, [Row]>,
    next: usize,
    passed: u32,
    model: Option<StoredModel<'a>>,
    calibration: Cow<'a, Calibration>,
    rate: Rate,
    released: Cow<'a, BTreeMap<u32, Released>>,
}

#[derive(Serialize, Deserialize)]
struct StoredModel<'a> {
    day: u32,
    #[serde(with = "packed::list")]
    rows: Cow<'a, [Row]>,
}
