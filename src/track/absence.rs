//! Correlations of what did not come: something happened, and nothing of what ought to follow did within the timespan.
//!
//! What happens opens a wait of its group, an answer closes all waits before it, and a wait that the watermark has passed
//! is given up: that is the finding. What comes at the last instant still answers. An answer that comes late answers too, by
//! its own time; something late opens no wait. A wait that runs out after the newest event is never given up: where no time
//! passed, nothing is missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use compact_str::CompactString;

use super::plan::{CorrelationSpec, share};
use super::split::{Target, Turn, Waiting};
use super::{Entity, Finding, Note, Places, Plan, Reason, TrackCounts, finding_id};
use crate::event::Timestamp;
use crate::sigma::CorrelationKind;

/// Most waits of one group; what happens beyond is counted with the newest of them.
const MOST_WAITS: usize = 16;

/// The waits of one shard.
pub(super) struct Absences {
    groups: BTreeMap<Key, Group>,
    /// When to look at which group next; each group stands here once.
    agenda: BTreeSet<(Timestamp, Key)>,
    most: usize,
}

/// A correlation by its index, and a group of it.
type Key = (u32, Entity);

struct Group {
    waits: VecDeque<Wait>,
    /// The newest answer, where one that comes before counts.
    answered: Option<Timestamp>,
    look: Timestamp,
}

/// Something that happened and waits for what ought to follow.
#[derive(Clone)]
struct Wait {
    turn: Turn,
    waiting: Waiting,
    /// How often it happened.
    count: u32,
}

/// A wait that was given up.
pub(super) struct Missed {
    pub(super) correlation: usize,
    /// When it ran out; the rest is of what happened.
    pub(super) turn: Turn,
    pub(super) waiting: Waiting,
    pub(super) finding: Finding,
}

impl Absences {
    pub(super) fn new(plan: &Plan) -> Self {
        Absences {
            groups: BTreeMap::new(),
            agenda: BTreeSet::new(),
            most: share(plan.settings.max_groups),
        }
    }

    /// The end of the first wait.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Takes an event of a correlation in its turn.
    pub(super) fn take(
        &mut self,
        correlation: usize,
        (plan, spec): (&Plan, &CorrelationSpec),
        turn: Turn,
        waiting: Waiting,
        counts: &mut TrackCounts,
    ) {
        counts.late_for_window += u64::from(waiting.late);
        let members = waiting.value.unwrap_or(0);
        let happens = members & 1 == 1 && !waiting.late;
        let answers = members > 1 || spec.members == 1;
        let key = (index_of(correlation), waiting.entity.clone());
        if answers {
            counts.evicted_groups += self.answer(&key, spec, waiting.time);
        }
        if happens && !self.is_answered(&key, spec, waiting.time) {
            let wait = Wait {
                turn,
                waiting,
                count: 1,
            };
            counts.evicted_groups += self.open(&key, wait, plan);
        }
    }

    fn is_answered(&self, key: &Key, spec: &CorrelationSpec, time: Timestamp) -> bool {
        let answered = self.groups.get(key).and_then(|group| group.answered);
        answered.is_some_and(|answered| answered.plus_micros(spec.timespan_us) >= time)
    }

    /// An answer closes the waits that it came for; says how many groups had to go for it.
    fn answer(&mut self, key: &Key, spec: &CorrelationSpec, time: Timestamp) -> u64 {
        let both_ways = spec.kind == CorrelationKind::Absence;
        let mut evicted = 0;
        if both_ways && !self.groups.contains_key(key) {
            evicted = self.make_room();
            self.groups.insert(key.clone(), Group::new());
        }
        let Some(group) = self.groups.get_mut(key) else {
            return evicted;
        };
        let last = if both_ways {
            group.answered = Some(group.answered.map_or(time, |known| known.max(time)));
            time.plus_micros(spec.timespan_us)
        } else {
            time
        };
        group.waits.retain(|wait| wait.waiting.time > last);
        self.schedule(key, spec);
        evicted
    }

    /// Opens a wait; says how many groups had to go for it.
    fn open(&mut self, key: &Key, wait: Wait, plan: &Plan) -> u64 {
        let mut evicted = 0;
        if !self.groups.contains_key(key) {
            evicted = self.make_room();
            self.groups.insert(key.clone(), Group::new());
        }
        let Some(group) = self.groups.get_mut(key) else {
            return evicted;
        };
        let is_full = group.waits.len() >= MOST_WAITS;
        match group.waits.back_mut() {
            Some(newest) if is_full => {
                newest.count = newest.count.saturating_add(wait.count);
            }
            _ => group.waits.push_back(wait),
        }
        self.schedule(key, &plan.correlations[key.0 as usize]);
        evicted
    }

    /// Forgets the group that would be looked at first when there is no room for another.
    fn make_room(&mut self) -> u64 {
        if self.groups.len() < self.most {
            return 0;
        }
        let Some((_, key)) = self.agenda.pop_first() else {
            return 0;
        };
        self.groups.remove(&key);
        1
    }

    /// Notes when to look at a group next, or forgets it when there is nothing to look for.
    fn schedule(&mut self, key: &Key, spec: &CorrelationSpec) {
        let Some(group) = self.groups.get_mut(key) else {
            return;
        };
        let due = group.waits.front().map(|wait| wait.turn.due);
        let next = due.into_iter().chain(group.answered).min();
        let next = next.map(|from| from.plus_micros(spec.timespan_us));
        if next == Some(group.look) {
            return;
        }
        self.agenda.remove(&(group.look, key.clone()));
        match next {
            Some(next) => {
                group.look = next;
                self.agenda.insert((next, key.clone()));
            }
            None => drop(self.groups.remove(key)),
        }
    }

    /// Looks at the group whose time came first: gives its oldest wait up, if it has one that ran out.
    pub(super) fn give_up(&mut self, plan: &Plan) -> Option<Missed> {
        let (now, key) = self.agenda.first()?.clone();
        let spec = &plan.correlations[key.0 as usize];
        let group = self.groups.get_mut(&key)?;
        let ran_out = |from: Timestamp| from.plus_micros(spec.timespan_us) <= now;
        group.answered = group.answered.filter(|answered| !ran_out(*answered));
        let wait = match group.waits.front() {
            Some(wait) if ran_out(wait.turn.due) => group.waits.pop_front(),
            _ => None,
        };
        self.schedule(&key, spec);
        let Wait {
            turn,
            waiting,
            count,
        } = wait?;
        Some(Missed {
            correlation: key.0 as usize,
            finding: Finding {
                id: finding_id(spec.meta.id, &key.1, plan.bucket(now)),
                rule: spec.meta.id,
                entity: key.1,
                within: CompactString::default(),
                first: waiting.time,
                last: now,
                count: u64::from(count),
                reason: Reason::Correlation {
                    measure: spec.kind.clone(),
                    observed: f64::from(count),
                    condition: spec.condition.clone(),
                    window_s: u64::try_from(spec.timespan_us / 1_000_000).unwrap_or(0),
                },
                evidence: waiting.evidence.unpacked().into_iter().collect(),
                notes: notes(count),
            },
            turn: Turn { due: now, ..turn },
            waiting,
        })
    }

    /// Everything worth keeping, in the order of the groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = KnownGroup<'_>> {
        self.groups
            .iter()
            .map(|((correlation, entity), group)| KnownGroup {
                correlation: *correlation,
                entity,
                answered: group.answered,
                waits: group
                    .waits
                    .iter()
                    .map(|wait| (&wait.turn, &wait.waiting, wait.count))
                    .collect(),
            })
    }

    /// Takes the answers of other waits over; gives back the waits, for [`Absences::await_again`].
    pub(super) fn take_over(
        &mut self,
        other: Absences,
        places: &Places,
        plan: &Plan,
    ) -> Vec<(Turn, Waiting, u32)> {
        let mut waits = Vec::new();
        for ((correlation, entity), group) in other.groups {
            if let (Some(correlation), Some(answered)) =
                (places.correlation(correlation), group.answered)
            {
                self.answer_again(correlation, entity, answered, plan);
            }
            let again = group.waits.into_iter();
            waits.extend(again.map(|wait| (wait.turn, wait.waiting, wait.count)));
        }
        waits
    }

    /// An answer that was known before.
    pub(super) fn answer_again(
        &mut self,
        correlation: u32,
        entity: Entity,
        time: Timestamp,
        plan: &Plan,
    ) {
        let spec = &plan.correlations[correlation as usize];
        self.answer(&(correlation, entity), spec, time);
    }

    /// A wait that was open before.
    pub(super) fn await_again(&mut self, turn: Turn, waiting: Waiting, count: u32, plan: &Plan) {
        if let Target::Group { correlation, .. } = turn.target {
            let key = (correlation, waiting.entity.clone());
            let wait = Wait {
                turn,
                waiting,
                count,
            };
            self.open(&key, wait, plan);
        }
    }
}

impl Group {
    fn new() -> Self {
        Group {
            waits: VecDeque::with_capacity(1),
            answered: None,
            look: Timestamp::MIN,
        }
    }
}

/// What is known of one group.
pub(super) struct KnownGroup<'a> {
    pub(super) correlation: u32,
    pub(super) entity: &'a Entity,
    pub(super) answered: Option<Timestamp>,
    pub(super) waits: Vec<(&'a Turn, &'a Waiting, u32)>,
}

fn notes(times: u32) -> Vec<Note> {
    let again = (times > 1).then_some(Note::Again { times });
    again.into_iter().collect()
}

fn index_of(correlation: usize) -> u32 {
    u32::try_from(correlation).expect("correlations are counted in 32 bits")
}

#[cfg(test)]
mod tests;
