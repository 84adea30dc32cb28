//! The alerts of Prometheus, run by its own engine: silent while all is well, and each is there in the trouble that it is for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

mod prometheus;

use prometheus::{Query, Scrape, ask};
use serde_json::Value;

/// Minutes that are shown; more than any alert waits and looks back to, but for a look at a day.
const END: i64 = 14 * 60;
/// Minutes from one scrape to the next.
const STEP: i64 = 2;
/// The instance that reads, and one that did before.
const ACTIVE: &str = "gatewatch-0:9464";
const STANDBY: &str = "gatewatch-1:9464";

/// The course of a series of one instance, in minutes.
struct Course {
    instance: &'static str,
    series: &'static str,
    /// Its value when it is first there.
    first: f64,
    a_minute: f64,
    /// When it is first there, and when it grows no more.
    since: i64,
    until: i64,
}

impl Course {
    fn value(&self, minute: i64) -> Option<f64> {
        let grown = (minute.min(self.until) - self.since).max(0);
        (minute >= self.since)
            .then(|| self.first + self.a_minute * f64::from(u16::try_from(grown).unwrap()))
    }
}

fn grows(series: &'static str, first: f64, a_minute: f64) -> Course {
    Course {
        instance: ACTIVE,
        series,
        first,
        a_minute,
        since: 0,
        until: END,
    }
}

fn stands(series: &'static str, at: f64) -> Course {
    grows(series, at, 0.0)
}

/// All series of both instances.
struct World(Vec<Course>);

impl World {
    /// A busy day without trouble, which is not one without any failure.
    fn healthy() -> Self {
        let standby = [
            stands("gatewatch_active", 0.0),
            stands("gatewatch_ready", 1.0),
            stands("gatewatch_rules_refused", 0.0),
            stands(r#"gatewatch_records_read_total{partition="0"}"#, 700.0),
            stands("gatewatch_watermark_seconds", 500_000.0),
        ];
        let standby = standby.map(|course| Course {
            instance: STANDBY,
            ..course
        });
        let active = [
            stands("gatewatch_active", 1.0),
            stands("gatewatch_ready", 1.0),
            stands("gatewatch_rules_refused", 0.0),
            grows(r#"gatewatch_records_read_total{partition="0"}"#, 0.0, 600.0),
            grows(r#"gatewatch_records_read_total{partition="1"}"#, 0.0, 300.0),
            // Nobody ever writes to this one.
            stands(r#"gatewatch_records_read_total{partition="2"}"#, 0.0),
            stands(r#"gatewatch_lag_records{partition="0"}"#, 40.0),
            stands(r#"gatewatch_lag_records{partition="1"}"#, 0.0),
            grows(r#"gatewatch_dead_letters_total{reason="syntax"}"#, 9.0, 1.0),
            stands("gatewatch_pauses_total", 3.0),
            grows("gatewatch_insert_seconds_sum", 2.0, 6.0),
            grows("gatewatch_insert_seconds_count", 9.0, 60.0),
            stands(r#"gatewatch_retries_total{part="clickhouse"}"#, 2.0),
            grows(r#"gatewatch_mails_total{outcome="sent"}"#, 0.0, 1.0),
            stands(r#"gatewatch_mails_total{outcome="put_off"}"#, 2.0),
            grows("gatewatch_watermark_seconds", 1_000_000.0, 60.0),
            grows(r#"gatewatch_evictions_total{kind="group"}"#, 0.0, 3.0),
            grows("gatewatch_late_events_total", 0.0, 1.0),
            stands("gatewatch_calibration_ratio", 1.1),
            stands(r#"gatewatch_decisions{state="held_back"}"#, 0.0),
            grows(
                r#"gatewatch_webhook_messages_total{outcome="sent"}"#,
                0.0,
                1.0,
            ),
            stands(
                r#"gatewatch_webhook_messages_total{outcome="retried"}"#,
                4.0,
            ),
            stands(
                r#"gatewatch_webhook_messages_total{outcome="refused"}"#,
                0.0,
            ),
        ];
        World(standby.into_iter().chain(active).collect())
    }

    /// Something takes another course.
    fn put(&mut self, course: Course) {
        self.0
            .retain(|one| (one.instance, one.series) != (course.instance, course.series));
        self.0.push(course);
    }

    /// What an instance says at a minute.
    fn text(&self, instance: &str, minute: i64) -> String {
        let mut text = String::new();
        for course in self.0.iter().filter(|one| one.instance == instance) {
            if let Some(value) = course.value(minute) {
                writeln!(text, "{} {value}", course.series).unwrap();
            }
        }
        text
    }

    fn scrapes(&self) -> Vec<Scrape> {
        let minutes = (0..=END).step_by(usize::try_from(STEP).unwrap());
        minutes
            .flat_map(|minute| {
                [ACTIVE, STANDBY].map(|instance| {
                    Scrape::new(instance, self.text(instance, minute), [minute * 60])
                })
            })
            .collect()
    }

    /// The alerts that fire at the end: what is true at every step of the time for which it has to be.
    fn firing(&self, rules: &[Rule]) -> BTreeSet<String> {
        let query = |rule: &Rule| Query {
            expr: rule.expression.clone(),
            start: (END - rule.minutes) * 60,
            end: END * 60,
            step: STEP * 60,
        };
        let queries: Vec<Query> = rules.iter().map(query).collect();
        let answers = ask(&self.scrapes(), &queries);
        let mut firing = BTreeSet::new();
        for (rule, answer) in rules.iter().zip(answers) {
            let series = answer.unwrap_or_else(|error| panic!("{}: {error}", rule.name));
            let steps = usize::try_from(rule.minutes / STEP + 1).unwrap();
            if series.iter().any(|one| one.values.len() == steps) {
                firing.insert(rule.name.clone());
            }
        }
        firing
    }
}

/// An alert as its file says it.
struct Rule {
    name: String,
    expression: String,
    /// For so long it has to be true.
    minutes: i64,
}

fn rules() -> Vec<Rule> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/prometheus/alerts.yml");
    let file: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rules = file["groups"][0]["rules"].as_array().unwrap();
    let text = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    rules
        .iter()
        .map(|rule| Rule {
            name: text(rule, "alert"),
            expression: text(rule, "expr"),
            minutes: minutes(&text(rule, "for")),
        })
        .collect()
}

/// `15m` or `6h`; nothing is at once.
fn minutes(duration: &str) -> i64 {
    let (number, of_unit) = match duration.split_at(duration.len().saturating_sub(1)) {
        (number, "m") => (number, 1),
        (number, "h") => (number, 60),
        _ => ("0", 0),
    };
    // At least one step, so that no alert waits for less than it says.
    (number.parse::<i64>().unwrap() * of_unit + STEP - 1) / STEP * STEP
}

/// A trouble, and the alerts that it raises.
type Case = (&'static [&'static str], fn(&mut World));

/// One trouble after the other, each on an otherwise healthy day.
const CASES: &[Case] = &[
    (&["GatewatchDown", "GatewatchNoActiveInstance"], |world| {
        world.0.retain(|course| course.instance != ACTIVE);
    }),
    (&["GatewatchTwoActiveInstances"], |world| {
        world.put(Course {
            instance: STANDBY,
            ..stands("gatewatch_active", 1.0)
        });
    }),
    (&["GatewatchNotReady"], |world| {
        world.put(stands("gatewatch_ready", 0.0));
    }),
    (&["GatewatchRulesRefused"], |world| {
        world.put(stands("gatewatch_rules_refused", 1.0));
    }),
    (&["GatewatchLagGrows"], |world| {
        world.put(grows(
            r#"gatewatch_lag_records{partition="1"}"#,
            9.0,
            1_000.0,
        ));
    }),
    // All is silent: one alert, not one more for each partition.
    (&["GatewatchSourceSilent"], |world| {
        for (series, a_minute) in [
            (r#"gatewatch_records_read_total{partition="0"}"#, 600.0),
            (r#"gatewatch_records_read_total{partition="1"}"#, 300.0),
        ] {
            world.put(Course {
                until: END - 90,
                ..grows(series, 0.0, a_minute)
            });
        }
        for series in ["gatewatch_late_events_total", "gatewatch_watermark_seconds"] {
            world.put(stands(series, 1_000_000.0));
        }
        world.put(stands(
            r#"gatewatch_dead_letters_total{reason="syntax"}"#,
            9.0,
        ));
    }),
    // So since the start of the process.
    (&["GatewatchSourceSilent"], |world| {
        for series in [
            r#"gatewatch_records_read_total{partition="0"}"#,
            r#"gatewatch_records_read_total{partition="1"}"#,
            r#"gatewatch_dead_letters_total{reason="syntax"}"#,
            "gatewatch_late_events_total",
            "gatewatch_watermark_seconds",
        ] {
            world.put(stands(series, 0.0));
        }
    }),
    (&["GatewatchPartitionSilent"], |world| {
        world.put(Course {
            until: END - 90,
            ..grows(r#"gatewatch_records_read_total{partition="1"}"#, 0.0, 300.0)
        });
    }),
    (&["GatewatchDeadLetters"], |world| {
        world.put(grows(
            r#"gatewatch_dead_letters_total{reason="syntax"}"#,
            9.0,
            20.0,
        ));
    }),
    // An instance that starts after the records were deleted says so from the first time on.
    (&["GatewatchOffsetsLost"], |world| {
        world.put(Course {
            since: END - 10,
            ..stands("gatewatch_offsets_lost_total", 1_200.0)
        });
    }),
    (&["GatewatchOffsetsLost"], |world| {
        world.put(grows("gatewatch_offsets_lost_total", 1_200.0, 1.0));
    }),
    (&[], |world| {
        world.put(stands("gatewatch_offsets_lost_total", 1_200.0));
    }),
    (&["GatewatchBackPressure"], |world| {
        world.put(grows("gatewatch_pauses_total", 0.0, 4.0));
    }),
    (&["GatewatchSlowInserts"], |world| {
        world.put(grows("gatewatch_insert_seconds_sum", 0.0, 600.0));
    }),
    (&["GatewatchRetries"], |world| {
        world.put(grows(
            r#"gatewatch_retries_total{part="clickhouse"}"#,
            0.0,
            3.0,
        ));
    }),
    (&["GatewatchMailsFail"], |world| {
        world.put(grows(
            r#"gatewatch_mails_total{outcome="put_off"}"#,
            0.0,
            1.0,
        ));
    }),
    (&["GatewatchWebhookFails"], |world| {
        world.put(grows(
            r#"gatewatch_webhook_messages_total{outcome="retried"}"#,
            0.0,
            0.1,
        ));
    }),
    // One is enough, and is not there an hour later.
    (&["GatewatchWebhookLosesAlerts"], |world| {
        world.put(Course {
            since: END - 30,
            until: END - 29,
            ..grows(
                r#"gatewatch_webhook_messages_total{outcome="refused"}"#,
                0.0,
                1.0,
            )
        });
    }),
    (&["GatewatchWatermarkStands"], |world| {
        world.put(stands("gatewatch_watermark_seconds", 1_000_000.0));
    }),
    (&["GatewatchEvictions"], |world| {
        world.put(grows(
            r#"gatewatch_evictions_total{kind="group"}"#,
            0.0,
            30.0,
        ));
    }),
    (&["GatewatchLateEvents"], |world| {
        world.put(grows("gatewatch_late_events_total", 0.0, 20.0));
    }),
    (&["GatewatchCalibrationDrifts"], |world| {
        world.put(stands("gatewatch_calibration_ratio", 3.4));
    }),
    (&["GatewatchCalibrationTooLow"], |world| {
        world.put(stands("gatewatch_calibration_ratio", 0.1));
    }),
    (&["GatewatchDecisionsHeldBack"], |world| {
        world.put(stands(r#"gatewatch_decisions{state="held_back"}"#, 2.0));
    }),
];

#[test]
fn nothing_fires_while_all_is_well() {
    let firing = World::healthy().firing(&rules());
    assert!(firing.is_empty(), "{firing:?}");
}

#[test]
fn each_trouble_raises_its_alerts_and_no_other() {
    let rules = rules();
    let mut raised = BTreeSet::new();
    for (number, (expected, change)) in CASES.iter().enumerate() {
        let mut world = World::healthy();
        change(&mut world);
        let firing = world.firing(&rules);
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(firing, expected, "case {number}");
        raised.extend(firing);
    }
    let all: BTreeSet<String> = rules.into_iter().map(|rule| rule.name).collect();
    assert_eq!(raised, all, "an alert without a trouble to raise it");
}

#[test]
fn what_prometheus_refuses_or_warns_of_is_an_error() {
    let scrape = Scrape::new(ACTIVE, "gatewatch_ready 1\n".to_owned(), [0, 60]);
    let query = |expression: &str| Query {
        expr: expression.to_owned(),
        start: 60,
        end: 60,
        step: 60,
    };
    let queries = [
        query("sum(gatewatch_ready"),
        query("rate(gatewatch_ready[2m])"),
        query("gatewatch_ready + up"),
    ];
    let answers = ask(&[scrape], &queries);
    let [unclosed, no_counter, both] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(unclosed.as_ref().unwrap_err().contains("parse error"));
    assert!(
        no_counter
            .as_ref()
            .unwrap_err()
            .contains("not be a counter")
    );
    let series = &both.as_ref().unwrap()[0];
    assert_eq!(series.values, [(60.0, "2".to_owned())]);
}
