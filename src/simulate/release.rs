//! Releases: what callers and the gateway's services change for good, as every month has some.

use super::class::CLASSES;
use super::population::Client;
use super::traffic::{Draft, LONGEST_US};
use crate::event::Timestamp;
use crate::random::{Random, splitmix};

/// Callers take a release of their own up within so long.
const ROLLOUT_US: i64 = 2 * 86_400_000_000;
/// What a slower operation takes, in tenths of what it took.
const SLOWER: u32 = 16;
/// Programs that callers change to.
const AGENTS: &[&str] = &["ktor-client/3.1.0", "undici/7.2", "guzzle/8.0"];

/// What a release changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Callers send one more parameter.
    Parameter,
    /// Callers come with another program.
    Agent,
    /// An operation answers with one more field.
    Field,
    /// An operation takes longer.
    Slower,
}

#[derive(Clone, Copy, Debug)]
struct Release {
    at: Timestamp,
    kind: Kind,
    class: usize,
    route: &'static str,
    agent: &'static str,
}

/// Those of a span, in the order of their times.
#[derive(Debug)]
pub(super) struct Releases(Vec<Release>);

/// What is other than it was in one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Released {
    pub(super) parameter: bool,
    pub(super) field: bool,
    pub(super) agent: Option<&'static str>,
}

impl Releases {
    /// So many, spread evenly over the span but for chance, each kind in turn.
    pub(super) fn plan(seed: u64, start: Timestamp, span_us: i64, count: u32) -> Self {
        let mut random = Random::new(splitmix(seed ^ 0x4e1e));
        let classes = u32::try_from(CLASSES.len()).unwrap_or(u32::MAX);
        let kinds = [Kind::Field, Kind::Parameter, Kind::Slower, Kind::Agent];
        let each = span_us / i64::from(count.max(1));
        let planned = (0..count).zip(kinds.into_iter().cycle());
        let planned = planned.map(|(nth, kind)| {
            let class = random.below(classes) as usize;
            let part = i64::from(random.below(1_000));
            Release {
                at: start.plus_micros(i64::from(nth) * each + each / 1_000 * part),
                kind,
                class,
                route: random.pick(CLASSES[class].operations).route,
                agent: random.pick::<&str>(AGENTS),
            }
        });
        Releases(planned.collect())
    }

    /// Changes an exchange of a class by the releases before it, and says what else they change.
    pub(super) fn change(&self, class: usize, client: &Client, draft: &mut Draft) -> Released {
        let mut released = Released::default();
        for release in &self.0 {
            let is_of_route = draft.operation.route == release.route;
            let since = draft.time.since(release.at);
            // Each caller at its own time.
            let part = i64::try_from(client.trait_bits % 1_000).unwrap_or(0);
            let is_taken_up = class == release.class && since >= ROLLOUT_US / 1_000 * part;
            match release.kind {
                Kind::Parameter => released.parameter |= is_of_route && is_taken_up,
                Kind::Agent if is_taken_up => released.agent = Some(release.agent),
                Kind::Field => released.field |= is_of_route && since >= 0,
                Kind::Slower if is_of_route && since >= 0 => {
                    let slower = (draft.duration_us / 10 * SLOWER).min(LONGEST_US);
                    let longer = slower.saturating_sub(draft.duration_us);
                    draft.duration_us += longer;
                    draft.time = draft.time.plus_micros(-i64::from(longer));
                }
                Kind::Agent | Kind::Slower => {}
            }
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Generator, Settings, Shapes};

    const DAY_US: i64 = 86_400_000_000;

    /// Records of eight days with so many releases.
    fn records(releases: u32) -> Vec<String> {
        let settings = Settings {
            seed: 4,
            start: Timestamp::from_seconds(1_772_398_800),
            span_us: 8 * DAY_US,
            quiet_us: 0,
            events: 40_000,
            clients: None,
            broken: 0,
            scenarios: Vec::new(),
            shapes: Shapes::default(),
            holidays: Vec::new(),
            releases,
        };
        let mut generator = Generator::new(settings).unwrap();
        let (mut record, mut records) = (Vec::new(), Vec::new());
        while generator.next_into(&mut record).is_some() {
            records.push(String::from_utf8(std::mem::take(&mut record)).unwrap());
        }
        records
    }

    #[test]
    fn what_a_release_changes_stays_changed_and_nothing_else_does() {
        let (without, with) = (records(0), records(8));
        assert_eq!(without.len(), with.len());
        let first = (0..with.len())
            .find(|at| with[*at] != without[*at])
            .unwrap();
        assert!(first > 100, "{first}");
        let is_new = |record: &&String| {
            let signs = [
                "updated_at",
                "view=short",
                "ktor-client",
                "undici",
                "guzzle",
            ];
            signs.iter().any(|sign| record.contains(sign))
        };
        assert_eq!(without.iter().filter(is_new).count(), 0);
        let (early, late) = with.split_at(with.len() / 2);
        let counts = [early, late].map(|part| part.iter().filter(is_new).count());
        assert!(counts[1] > counts[0] && counts[1] > 20, "{counts:?}");
    }
}
