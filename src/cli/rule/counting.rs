//! What a correlation counts in a few events: the plain way, window by window, for people to follow.
//!
//! The tracker counts the same as the events come; `rule test` asks the tracker, and shows this beside it.

use serde::Serialize;

use crate::event::Event;
use crate::sigma::{Correlation, CorrelationKind, MemberSource, RuleSet, Scratch};
use crate::track::Looks;
use crate::track::speed;

/// One event of a group, as a correlation sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Count {
    /// Which event, from 0.
    pub(super) event: usize,
    /// Which of the correlation's rules it matched.
    pub(super) member: u32,
    /// The group that it falls in.
    pub(super) group: String,
    /// What is counted in the window that ends with it.
    pub(super) observed: f64,
    /// Whether that meets the condition.
    pub(super) holds: bool,
}

/// An event that a member of the correlation took.
struct Taken {
    event: usize,
    member: u32,
    group: String,
    micros: i64,
    /// See [`Looks::value`]; for numbers the number.
    value: Option<u64>,
}

/// What a correlation sees of events, in the order of their times.
pub(super) fn count(
    rules: &RuleSet,
    correlation: &Correlation,
    events: &[Event<'_>],
) -> Vec<Count> {
    let mut scratch = rules.scratch();
    counted(rules, correlation, events, &mut scratch)
}

fn counted(
    rules: &RuleSet,
    correlation: &Correlation,
    events: &[Event<'_>],
    scratch: &mut Scratch,
) -> Vec<Count> {
    let mut taken = Vec::new();
    for (number, member) in (0_u32..).zip(&correlation.members) {
        let which: Vec<usize> = match member.source {
            MemberSource::Rule(rule) => (0..events.len())
                .filter(|at| rules.matches(&events[*at], scratch).contains(&rule))
                .collect(),
            MemberSource::Correlation(inner) => {
                let inner = &rules.correlations()[inner as usize];
                begins(inner, &counted(rules, inner, events, scratch))
            }
        };
        for at in which {
            let event = &events[at];
            let mut looks = Looks::at(event);
            if let Some(group) = looks.group(&member.group_by) {
                taken.push(Taken {
                    event: at,
                    member: number,
                    group: group.value.to_string(),
                    micros: event.time.micros(),
                    value: looks.value(&correlation.kind, number),
                });
            }
        }
    }
    taken.sort_by_key(|taken| (taken.micros, taken.event, taken.member));
    if correlation.kind.is_absence() {
        let newest = events.iter().map(|event| event.time.micros()).max();
        return absent(correlation, &taken, newest.unwrap_or(i64::MIN));
    }
    (0..taken.len())
        .map(|at| {
            let observed = observed(correlation, &taken[..=at]);
            Count {
                event: taken[at].event,
                member: taken[at].member,
                group: taken[at].group.clone(),
                observed,
                holds: correlation.condition.holds(observed),
            }
        })
        .collect()
}

/// The events with which a correlation is an event of another: each while a temporal one holds, else those with which it
/// begins to hold.
fn begins(correlation: &Correlation, counts: &[Count]) -> Vec<usize> {
    let mut held = std::collections::HashMap::new();
    let mut events = Vec::new();
    for count in counts {
        let before = held
            .insert(count.group.as_str(), count.holds)
            .unwrap_or(false);
        if count.holds && (correlation.kind.is_temporal() || !before) {
            events.push(count.event);
        }
    }
    events.dedup();
    events
}

/// What happened, each with whether what belongs to it stayed away until the newest event.
fn absent(correlation: &Correlation, taken: &[Taken], newest: i64) -> Vec<Count> {
    let span = correlation.timespan_us;
    let happened = taken.iter().filter(|one| one.member == 0);
    happened
        .map(|one| {
            let is_answer = |other: &&Taken| {
                let after = other.micros - one.micros;
                let first = if correlation.kind == CorrelationKind::Absence {
                    -span
                } else {
                    0
                };
                let is_other =
                    other.member > 0 || correlation.members.len() == 1 && other.event != one.event;
                is_other && other.group == one.group && (first..=span).contains(&after)
            };
            let is_over = newest - one.micros > span;
            let holds = is_over && !taken.iter().any(|other| is_answer(&other));
            Count {
                event: one.event,
                member: 0,
                group: one.group.clone(),
                observed: f64::from(u8::from(holds)),
                holds,
            }
        })
        .collect()
}

/// What the window shows that ends with the last of what was taken.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index below the length
fn observed(correlation: &Correlation, taken: &[Taken]) -> f64 {
    let Some(last) = taken.last() else {
        return 0.0;
    };
    let window: Vec<&Taken> = taken
        .iter()
        .filter(|one| one.group == last.group && one.micros > last.micros - correlation.timespan_us)
        .collect();
    let mut values: Vec<u64> = window.iter().filter_map(|one| one.value).collect();
    values.sort_unstable();
    let sum = || values.iter().map(|value| *value as f64).sum::<f64>();
    match &correlation.kind {
        CorrelationKind::EventCount => window.len() as f64,
        CorrelationKind::ValueCount { .. } => {
            values.dedup();
            values.len() as f64
        }
        CorrelationKind::Temporal => {
            let mut members: Vec<u32> = window.iter().map(|one| one.member).collect();
            members.sort_unstable();
            members.dedup();
            members.len() as f64
        }
        CorrelationKind::TemporalOrdered => {
            let in_order = |next: u32, one: &&Taken| next + u32::from(one.member == next);
            f64::from(window.iter().fold(0, in_order))
        }
        CorrelationKind::Absence | CorrelationKind::AbsenceOrdered => 0.0, // not seen in a window
        CorrelationKind::ValueSum { .. } => sum(),
        CorrelationKind::ValueAvg { .. } if values.is_empty() => 0.0,
        CorrelationKind::ValueAvg { .. } => sum() / values.len() as f64,
        CorrelationKind::ValuePercentile { percentile, .. } => match values.len() {
            0 => 0.0,
            length => {
                let rank = percentile / 100.0 * (length - 1) as f64;
                let low = values[rank.floor() as usize] as f64;
                let high = values[rank.ceil() as usize] as f64;
                low + (high - low) * rank.fract()
            }
        },
        CorrelationKind::TravelSpeed { .. } => {
            let journeys = window.iter().filter(|one| one.value != last.value);
            let speeds = journeys
                .filter_map(|one| Some(speed(one.value?, last.value?, last.micros - one.micros)));
            speeds.fold(0.0, f64::max)
        }
        CorrelationKind::ValueShare { .. } => {
            let same = values
                .iter()
                .filter(|value| Some(**value) == last.value)
                .count();
            100.0 * same as f64 / values.len().max(1) as f64
        }
    }
}

/// `event_count of 198.51.100.7: 12, asked for ≥ 20`.
pub(super) fn asked(correlation: &Correlation) -> String {
    let comparisons: Vec<String> = correlation
        .condition
        .0
        .iter()
        .map(|one| format!("{} {}", one.op.sign(), one.value))
        .collect();
    comparisons.join(" and ")
}

/// What is counted, in words.
pub(super) fn what(kind: &CorrelationKind) -> String {
    let names = |fields: &[crate::event::Field]| {
        let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
        names.join(" and ")
    };
    match kind {
        CorrelationKind::EventCount => "events".to_owned(),
        CorrelationKind::ValueCount { fields } => format!("distinct values of {}", names(fields)),
        CorrelationKind::Temporal => "different rules that match".to_owned(),
        CorrelationKind::TemporalOrdered => "rules that match one after the other".to_owned(),
        CorrelationKind::Absence => "what happened and stayed alone".to_owned(),
        CorrelationKind::AbsenceOrdered => "what happened and was not followed".to_owned(),
        CorrelationKind::ValueSum { field } => format!("the sum of {}", field.name()),
        CorrelationKind::ValueAvg { field } => format!("the mean of {}", field.name()),
        CorrelationKind::ValuePercentile { field, percentile } => {
            format!("percentile {percentile} of {}", field.name())
        }
        CorrelationKind::TravelSpeed { .. } => "km/h between two countries".to_owned(),
        CorrelationKind::ValueShare { field } => {
            format!("per cent of events with the same {}", field.name())
        }
    }
}

/// A length of time as rules write it.
pub(super) fn span(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds >= length && seconds % length == 0 {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::rule::set::{Loaded, Reader};
    use crate::config::{Config, Format};
    use crate::sigma::TestEvent;
    use crate::track::rule_tests;

    /// Whether the plain count and the tracker agree on a sequence.
    fn agree(loaded: &Loaded, reader: &Reader, correlation: &Correlation, case: &[TestEvent]) {
        let fired = rule_tests::fires(&loaded.rules, case, &mut |case, hand_on| {
            reader.test_event(case).map(|event| hand_on(&event))
        });
        let events: Vec<Event<'_>> = case
            .iter()
            .map(|test| reader.test_event(test).unwrap())
            .collect();
        let counted = count(&loaded.rules, correlation, &events);
        assert_eq!(
            counted.iter().any(|count| count.holds),
            fired.unwrap().contains(&correlation.meta.id),
            "{}:{}",
            correlation.source.path.display(),
            case.first().map_or(0, |event| event.line)
        );
    }

    #[test]
    fn what_is_shown_is_what_the_tracker_counts() {
        let config = Config::default();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let loaded = Loaded::of(&[folder], &config).unwrap();
        let reader = Reader::new(&config, Format::Native).unwrap();
        let mut cases = 0;
        for correlation in loaded.rules.correlations() {
            let tests = &correlation.tests;
            for case in tests.matching.iter().chain(&tests.not_matching) {
                agree(&loaded, &reader, correlation, case);
                cases += 1;
            }
        }
        assert!(cases > 20, "only {cases} sequences");
    }

    #[test]
    fn spans_are_written_as_in_rules() {
        for (seconds, written) in [(90, "90s"), (120, "2m"), (7_200, "2h"), (86_400, "1d")] {
            assert_eq!(span(seconds * 1_000_000), written);
        }
    }
}
