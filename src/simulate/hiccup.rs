//! Short troubles of what stands behind the gateway, as every week has some: more calls fail for a few minutes.

use serde::{Deserialize, Serialize};

use super::class::CLASSES;
use crate::event::Timestamp;
use crate::random::{Random, splitmix};

const DAY_US: i64 = 86_400_000_000;
/// Hiccups of one class in a day, on average.
const A_DAY: f64 = 2.0;
/// Calls of 12,000 that fail at all times.
const USUAL: u32 = 30;
/// Calls of 12,000 that fail in a hiccup: a twelfth to a third.
const FAILING: (u32, u32) = (1_000, 4_000);
/// Seconds that one lasts.
const LASTS_S: (u32, u32) = (20, 150);

/// A time in which the simulator itself makes calls of an integration fail: what is told of it is no false alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble<'i> {
    /// Whose calls.
    pub integration: &'i str,
    /// From when to when.
    pub first: Timestamp,
    /// The end.
    pub last: Timestamp,
}

/// One hiccup of a class.
#[derive(Clone, Copy, Debug)]
struct Hiccup {
    begin: Timestamp,
    end: Timestamp,
    failing: u32,
}

/// Those of a span, class by class, each in the order of its times.
#[derive(Debug)]
pub(crate) struct Hiccups {
    planned: Vec<Vec<Hiccup>>,
    /// The one of each class that is next, or under way.
    next: Vec<usize>,
}

impl Hiccups {
    pub(crate) fn new(seed: u64, start: Timestamp, span_us: i64) -> Self {
        let mut random = Random::new(splitmix(seed ^ 0x41cc));
        let planned = CLASSES.iter().map(|_| plan(&mut random, start, span_us));
        Hiccups {
            planned: planned.collect(),
            next: vec![0; CLASSES.len()],
        }
    }

    /// Each, class by class.
    pub(crate) fn troubles(&self) -> impl Iterator<Item = Trouble<'static>> {
        let classes = CLASSES.iter().zip(&self.planned);
        classes.flat_map(|(class, planned)| {
            planned.iter().map(|hiccup| Trouble {
                integration: class.integration,
                first: hiccup.begin,
                last: hiccup.end,
            })
        })
    }

    /// Calls of 12,000 that fail at an instant. Instants of a class must not fall.
    pub(crate) fn failing(&mut self, class: usize, time: Timestamp) -> u32 {
        let (planned, next) = (&self.planned[class], &mut self.next[class]);
        while planned.get(*next).is_some_and(|hiccup| hiccup.end <= time) {
            *next += 1;
        }
        let hiccup = planned.get(*next).filter(|hiccup| hiccup.begin <= time);
        hiccup.map_or(USUAL, |hiccup| hiccup.failing)
    }
}

/// One after the other, at distances as chance has it.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // a part of a bounded span
fn plan(random: &mut Random, start: Timestamp, span_us: i64) -> Vec<Hiccup> {
    let mut planned = Vec::new();
    let mut at = 0;
    loop {
        let wait = -(1.0 - random.unit()).ln() / A_DAY * DAY_US as f64;
        at += wait as i64;
        if at >= span_us {
            return planned;
        }
        let lasts = i64::from(LASTS_S.0 + random.below(LASTS_S.1 - LASTS_S.0)) * 1_000_000;
        let begin = start.plus_micros(at);
        planned.push(Hiccup {
            begin,
            end: begin.plus_micros(lasts),
            failing: FAILING.0 + random.below(FAILING.1 - FAILING.0),
        });
        at += lasts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiccups_come_now_and_then_and_pass() {
        let start = Timestamp::from_seconds(1_772_398_800);
        let mut hiccups = Hiccups::new(1, start, 10 * DAY_US);
        let seconds = 10 * 86_400;
        let failing = (0..seconds)
            .filter(|second| hiccups.failing(0, start.plus_micros(second * 1_000_000)) > USUAL)
            .count();
        // Twenty of 85 seconds, on average.
        assert!((300..4_000).contains(&failing), "{failing}");
    }
}
