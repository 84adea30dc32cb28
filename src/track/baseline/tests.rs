use super::*;
use crate::config;

const DAY: u32 = 1_440;
/// 2026-03-02, a Monday, 00:00 in Moscow.
const MONDAY: u32 = 29_539_980;

/// A small generator of pseudo-random numbers (Knuth's MMIX constants), so that tests are the same every time.
struct Noise(u64);

impl Noise {
    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / 4_294_967_296.0
    }

    /// A count of this mean: Poisson, by multiplying uniforms in pieces.
    fn count(&mut self, mut mean: f64) -> u32 {
        let mut count = 0;
        while mean > 0.0 {
            let piece = mean.min(30.0);
            mean -= piece;
            let (limit, mut product) = ((-piece).exp(), self.unit());
            while product > limit {
                count += 1;
                product *= self.unit();
            }
        }
        count
    }
}

struct World {
    plan: Plan,
    baseline: Baseline,
    counts: TrackCounts,
    noise: Noise,
}

impl World {
    fn new() -> Self {
        World::of(config::Track::default())
    }

    fn of(settings: config::Track) -> Self {
        let plan = Plan::new(Vec::new(), Vec::new(), settings);
        World {
            baseline: Baseline::new(&plan),
            plan,
            counts: TrackCounts::default(),
            noise: Noise(42),
        }
    }

    fn minute(&mut self, minute: u32, count: u32) -> Vec<Finding> {
        let observation = Observation {
            client: "crm".into(),
            minute: Timestamp::from_micros(i64::from(minute) * MINUTE_US),
            count,
            late: 0,
            ids: ids::Codes::None,
        };
        self.baseline.observe(observation, &mut self.counts);
        let mut findings = Vec::new();
        while self.baseline.next_end().is_some() {
            self.baseline
                .close(&self.plan, &mut self.counts, &mut findings);
        }
        findings
    }

    /// Noise up to a minute.
    fn until(&mut self, from: u32, to: u32, rate: impl Fn(u32) -> f64) -> usize {
        let mut findings = 0;
        for minute in from..to {
            let count = self.noise.count(rate((minute - MONDAY) % DAY));
            findings += self.minute(minute, count).len();
        }
        findings
    }

    /// Days of noise around `rate(minute of the day)`; returns how many minutes were findings.
    fn days(&mut self, from: u32, days: u32, rate: impl Fn(u32) -> f64) -> usize {
        self.until(from, from + days * DAY, rate)
    }
}

/// 40 requests a minute at noon, few at night.
fn office(minute: u32) -> f64 {
    let hour = f64::from(minute) / 60.0;
    2.0 + 38.0 * (-((hour - 13.0) / 4.0).powi(2)).exp()
}

#[test]
fn two_quiet_weeks_raise_no_alarm() {
    let shapes: [fn(u32) -> f64; 5] = [
        office,
        |_| 90.0,
        |minute| {
            if (120..180).contains(&minute) {
                300.0
            } else {
                0.5
            }
        },
        |minute| {
            if minute.is_multiple_of(60) {
                600.0
            } else {
                0.0
            }
        },
        |_| 0.02,
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let mut world = World::new();
        let warm_up = world.days(MONDAY, 3, shape);
        let findings = world.days(MONDAY + 3 * DAY, 11, shape);
        assert_eq!(findings, 0, "shape {number}, {warm_up} while warming up");
    }
}

#[test]
fn a_burst_is_found_with_expected_and_observed() {
    let mut world = World::new();
    let three_at_night = MONDAY + 8 * DAY + 3 * 60;
    world.until(MONDAY, three_at_night, office);
    let findings = world.minute(three_at_night, 150);
    let [finding] = &findings[..] else {
        panic!("one finding")
    };
    let Reason::Baseline {
        observed,
        expected,
        probability,
        ..
    } = &finding.reason
    else {
        panic!("a baseline")
    };
    assert!((*observed - 150.0).abs() < f64::EPSILON);
    assert!(*expected > 0.3 && *expected < 20.0, "{expected}");
    assert!(*probability < 1e-6);
    assert_eq!(finding.count, 150);
}

#[test]
fn the_same_count_at_noon_is_far_less_surprising_than_at_night() {
    let expected = |minute_of_day: u32| {
        let mut world = World::new();
        let minute = MONDAY + 9 * DAY + minute_of_day;
        world.until(MONDAY, minute, office);
        let findings = world.minute(minute, 100_000);
        let Reason::Baseline { expected, .. } = findings[0].reason else {
            panic!("a baseline")
        };
        expected
    };
    let (noon, night) = (expected(13 * 60), expected(3 * 60));
    assert!(noon > 20.0 && noon < 60.0, "{noon}");
    assert!(night < noon / 3.0, "{night} at night, {noon} at noon");
}

#[test]
fn a_holiday_is_expected_to_be_as_calm_as_a_sunday() {
    // The Monday five weeks later, 2026-04-06.
    let holiday = MONDAY + 5 * 7 * DAY;
    let expected = |days: &[&str]| {
        let days = days.iter().map(|day| (*day).to_owned().try_into().unwrap());
        let mut world = World::of(config::Track {
            holidays: days.collect(),
            ..config::Track::default()
        });
        for minute in MONDAY..holiday {
            let is_sunday = (minute - MONDAY) / DAY % 7 == 6;
            let count = world.noise.count(if is_sunday { 4.0 } else { 40.0 });
            world.minute(minute, count);
        }
        let findings = world.minute(holiday, 100_000);
        let Reason::Baseline { expected, .. } = findings[0].reason else {
            panic!("a baseline")
        };
        expected
    };
    let (workday, free) = (expected(&[]), expected(&["2026-04-06"]));
    assert!(workday > 20.0, "{workday}");
    assert!(free < workday / 2.0, "{free} on a holiday, {workday} else");
}

#[test]
fn an_attack_of_an_hour_stays_an_attack() {
    let mut world = World::new();
    world.days(MONDAY, 8, |_| 20.0);
    let found = (0..60)
        .filter(|at| !world.minute(MONDAY + 8 * DAY + at, 600).is_empty())
        .count();
    assert_eq!(found, 60);
    assert!(!world.minute(MONDAY + 9 * DAY, 600).is_empty());
}

#[test]
fn a_new_client_is_left_alone_until_it_has_a_past() {
    let mut world = World::new();
    for minute in 0..59 {
        assert!(world.minute(MONDAY + minute, 30_000).is_empty());
    }
}

#[test]
fn a_lasting_change_of_level_is_learned() {
    let mut world = World::new();
    world.days(MONDAY, 8, |_| 20.0);
    let changed = MONDAY + 8 * DAY;
    assert!(world.days(changed, 1, |_| 120.0) > 0);
    world.days(changed + DAY, 2, |_| 120.0);
    assert_eq!(world.days(changed + 3 * DAY, 2, |_| 120.0), 0);
}

#[test]
fn silence_is_made_up_for_as_if_every_minute_had_been_seen() {
    let prior = Prior::built_in();
    let plan = Plan::new(Vec::new(), Vec::new(), config::Track::default());
    let mut pool = Pool::new(&prior);
    let mut client = Client::new(MONDAY);
    for minute in 0..2_000 {
        if minute % 7 == 0 {
            client.close(MONDAY + minute, 70, &mut pool, &plan);
        }
    }
    let mut findings = World::new();
    findings.baseline.clients.touch(&"crm".into(), || client);
    let found = findings.minute(MONDAY + 2_000, 100_000);
    let Reason::Baseline { expected, .. } = found[0].reason else {
        panic!("a baseline")
    };
    assert!(
        expected > 2.0 && expected < 30.0,
        "70 every seventh minute is 10 a minute, not {expected}"
    );
}

#[test]
fn late_and_absurd_minutes_are_counted_and_passed_over() {
    let mut world = World::new();
    world.minute(MONDAY, 5);
    assert!(world.minute(MONDAY - 3, 5).is_empty());
    assert_eq!(world.counts.late_requests, 5);
    for micros in [i64::MIN, -1, i64::MAX] {
        let observation = Observation {
            client: "crm".into(),
            minute: Timestamp::from_micros(micros),
            count: 2,
            late: 1,
            ids: ids::Codes::None,
        };
        world.baseline.observe(observation, &mut world.counts);
    }
    assert_eq!(world.counts.unobserved_requests, 6);
    assert_eq!(world.counts.late_requests, 8);
}

#[test]
fn the_number_of_clients_is_bounded_and_evictions_are_counted() {
    let mut settings = config::Track::default();
    settings.baseline.max_clients = 64 * 3;
    let plan = Plan::new(Vec::new(), Vec::new(), settings);
    let (mut baseline, mut counts, mut out) =
        (Baseline::new(&plan), TrackCounts::default(), Vec::new());
    for client in 0..20u32 {
        let observation = Observation {
            client: compact_str::format_compact!("c{client}"),
            minute: Timestamp::from_micros(i64::from(MONDAY) * MINUTE_US),
            count: 1,
            late: 0,
            ids: ids::Codes::None,
        };
        baseline.observe(observation, &mut counts);
    }
    assert_eq!(
        counts.unobserved_requests, 8,
        "four times as many may be open as are kept"
    );
    baseline.close(&plan, &mut counts, &mut out);
    assert_eq!((baseline.clients(), counts.evicted_clients), (3, 9));
}
