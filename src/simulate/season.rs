//! Day and week: how many events fall in each minute, and who makes them.

use super::class::{CLASSES, Class};
use super::population::Population;
use super::shape::{Shapes, normal};
use crate::event::Timestamp;
use crate::random::{Random, splitmix};

/// Local time of the complexes: Moscow, UTC+3 all year.
const LOCAL_OFFSET_S: i64 = 3 * 3_600;
/// Width of a slot.
pub(crate) const SLOT_US: i64 = 60_000_000;

/// How much more a class calls each day: a third of a per cent, a tenth in a month.
const GROWTH_A_DAY: f64 = 0.003;

/// The events of a span, minute by minute.
#[derive(Debug)]
pub(crate) struct Season {
    start: Timestamp,
    /// Events in each slot; the last slot may be shorter.
    counts: Vec<u32>,
    /// How far each class departs from its season in each slot, class by class within a slot.
    departures: Vec<f32>,
    /// Days kept like a weekend, since 1970-01-01.
    holidays: Vec<i64>,
}

impl Season {
    /// Shares `events` out over the span, exactly, as season and shapes have it. The same seed gives the same shares.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // shares of a count, rounded down on purpose
    pub(crate) fn new(
        seed: u64,
        start: Timestamp,
        span_us: i64,
        events: u64,
        population: &Population,
        (shapes, holidays): (&Shapes, &[i64]),
    ) -> Self {
        let slots = span_us.max(1).div_euclid(SLOT_US) + i64::from(span_us.max(1) % SLOT_US != 0);
        let mut season = Season {
            start,
            counts: Vec::new(),
            departures: departures(seed, slots as usize, shapes),
            holidays: holidays.to_vec(),
        };
        let weights: Vec<f64> = (0..slots)
            .map(|slot| {
                let width = (span_us - slot * SLOT_US).clamp(1, SLOT_US) as f64 / SLOT_US as f64;
                let growth = 1.0 + GROWTH_A_DAY * (slot / (24 * 60)) as f64;
                let total: f64 = season.class_weights(slot as usize, population).iter().sum();
                total * width * growth
            })
            .collect();
        let sum: f64 = weights.iter().sum();
        let mut given = 0;
        let mut passed = 0.0;
        let last = weights.len() - 1;
        season.counts = weights
            .iter()
            .enumerate()
            .map(|(slot, weight)| {
                passed += weight;
                let until = if slot == last {
                    events
                } else {
                    ((passed / sum * events as f64) as u64).min(events)
                };
                let count = until.saturating_sub(given);
                given += count;
                u32::try_from(count).unwrap_or(u32::MAX)
            })
            .collect();
        season
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.counts.len()
    }

    /// Events in a slot.
    pub(crate) fn count(&self, slot: usize) -> u32 {
        self.counts[slot]
    }

    /// When a slot begins.
    #[allow(clippy::cast_possible_wrap)] // slots of a bounded span
    pub(crate) fn begin(&self, slot: usize) -> Timestamp {
        self.start.plus_micros(slot as i64 * SLOT_US)
    }

    /// How much each class calls in a slot, relative to the others.
    pub(crate) fn class_weights(&self, slot: usize, population: &Population) -> Vec<f64> {
        let begin = self.begin(slot);
        let departures = &self.departures[slot * CLASSES.len()..];
        CLASSES
            .iter()
            .zip(departures)
            .enumerate()
            .map(|(index, (class, departure))| {
                let clients = u32::try_from(population.of_class(index).len()).unwrap_or(u32::MAX);
                f64::from(clients)
                    * class.rate
                    * busy(class, begin, &self.holidays)
                    * f64::from(*departure)
            })
            .collect()
    }
}

/// How far each class departs from its season: a course that all share (weather, a match, a holiday), one of its own, and noise from
/// minute to minute.
fn departures(seed: u64, slots: usize, shapes: &Shapes) -> Vec<f32> {
    let mut random = Random::new(splitmix(seed ^ 0x5ea5));
    let shared = shapes.course(slots, &mut random);
    let own: Vec<Vec<f32>> = CLASSES
        .iter()
        .map(|_| shapes.course(slots, &mut random))
        .collect();
    let mut departures = Vec::with_capacity(slots * CLASSES.len());
    for slot in 0..slots {
        for (class, own) in CLASSES.iter().zip(&own) {
            let bursts = (shared[slot] * own[slot]).sqrt().powf(class.bursty);
            let noise = 1.0 + 0.25 * class.bursty * normal(&mut random).clamp(-3.0, 3.0);
            departures.push(bursts * noise);
        }
    }
    departures
}

/// How busy a class is at an instant, 1 being its average.
fn busy(class: &Class, time: Timestamp, holidays: &[i64]) -> f64 {
    let local = time.seconds() + LOCAL_OFFSET_S;
    let minute_of_day = local.rem_euclid(86_400) / 60;
    // 1970-01-01 was a Thursday; days 5 and 6 from Monday are the weekend.
    let day = local.div_euclid(86_400);
    let weekend = (day + 3).rem_euclid(7) >= 5 || holidays.contains(&day);
    let profile = class.profile;
    if profile.period > 0 {
        let (period, active) = (i64::from(profile.period), i64::from(profile.active));
        return if minute_of_day % period < active {
            f64::from(profile.period) / f64::from(profile.active)
        } else {
            0.0
        };
    }
    let hours = if weekend {
        &profile.weekend
    } else {
        &profile.workday
    };
    let hour = usize::try_from(minute_of_day / 60).unwrap_or(0);
    let part = f64::from(i32::try_from(minute_of_day % 60).unwrap_or(0)) / 60.0;
    hours[hour] * (1.0 - part) + hours[(hour + 1) % 24] * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn season(start: &str, hours: i64, events: u64) -> Season {
        let population = Population::new(1, 139.0, None);
        let start = Timestamp::parse_rfc3339(start).unwrap();
        Season::new(
            1,
            start,
            hours * 3_600_000_000,
            events,
            &population,
            (&Shapes::default(), &[]),
        )
    }

    #[test]
    fn counts_add_up_to_what_was_asked_for() {
        for events in [0, 1, 59, 200_000] {
            let season = season("2026-03-02T00:00:00Z", 24, events);
            let total: u64 = (0..season.slots())
                .map(|s| u64::from(season.count(s)))
                .sum();
            assert_eq!(total, events);
        }
    }

    #[test]
    fn evenings_are_busier_than_nights_and_workday_mornings_than_weekend_ones() {
        // From Monday 00:00 Moscow time, a week.
        let season = season("2026-03-01T21:00:00Z", 24 * 7, 2_000_000);
        let hour = |day: usize, hour: usize| -> u32 {
            (0..60)
                .map(|m| season.count((day * 24 + hour) * 60 + m))
                .sum()
        };
        assert!(hour(0, 18) > 3 * hour(0, 3));
        assert!(hour(1, 8) * 10 > 12 * hour(5, 8));
    }

    #[test]
    fn a_holiday_is_like_a_weekend() {
        let class = CLASSES.iter().find(|c| c.prefix == "desk").unwrap();
        // A Monday, the 20,514th day.
        let time = Timestamp::parse_rfc3339("2026-03-02T07:00:00Z").unwrap();
        assert!(busy(class, time, &[]) > 2.0 * busy(class, time, &[20_514]));
        assert!((busy(class, time, &[20_515]) - busy(class, time, &[])).abs() < 1e-9);
    }

    #[test]
    fn the_synchronisation_runs_each_quarter_of_an_hour() {
        let class = CLASSES.iter().find(|c| c.prefix == "tenant-sync").unwrap();
        let at = |text: &str| busy(class, Timestamp::parse_rfc3339(text).unwrap(), &[]);
        assert!(at("2026-03-02T10:15:00Z") > 1.0);
        assert!(at("2026-03-02T10:20:00Z") == 0.0);
    }
}
