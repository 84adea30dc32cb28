//! Settings of track: lateness, windows, bounds, the baseline.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Date;

/// Settings of track: lateness, windows, bounds. Bounds are of the whole process; each shard gets its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Track {
    /// How much older than the newest event of its partition an event may be and still count in windows, in seconds.
    pub lateness_s: u32,
    /// A partition without unread records that was silent for so many seconds does not hold the watermark back.
    pub idle_s: u32,
    /// Findings of one family and entity go into one alert until none came for so long, in seconds of event time.
    pub merge_s: u32,
    /// Matches that wait for their turn.
    pub max_waiting: usize,
    /// Groups of one correlation.
    pub max_groups: usize,
    /// Events in the window of one group that are kept one by one, more where a threshold is higher (to 1750), no more than 1000 of a percentile. Beyond that sums over
    /// 32nds of the window and sketches of distinct values stand for them, and alerts say so.
    pub max_window: usize,
    /// Alerts that may still grow.
    pub max_open_alerts: usize,
    /// Days that are like a Sunday, in the local time of `baseline.utc_offset`, such as `2026-01-01`.
    pub holidays: Vec<Date>,
    /// Requests of each client in a minute against its own past.
    pub baseline: Baseline,
    /// What each entity does in an hour against its own past and its like.
    pub behaviour: Behaviour,
    /// Numbers of each integration, named here, each against its own past.
    pub series: Series,
}

impl Default for Track {
    fn default() -> Self {
        Track {
            lateness_s: 30,
            idle_s: 45,
            merge_s: 3_600,
            max_waiting: 500_000,
            max_groups: 100_000,
            max_window: 1_500,
            max_open_alerts: 20_000,
            holidays: Vec::new(),
            baseline: Baseline::default(),
            behaviour: Behaviour::default(),
            series: Series::default(),
        }
    }
}

/// Settings of the baseline of request rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Baseline {
    /// Whether it runs.
    pub enabled: bool,
    /// Alert when something at least so high would be less probable than this, were all as before.
    pub p_threshold: f64,
    /// Fewer requests in a minute are never worth an alert.
    pub min_requests: u32,
    /// Less than so many times the expected is never worth an alert.
    pub min_ratio: f64,
    /// Minutes since a client was first seen before it can raise an alert.
    pub min_history: u32,
    /// Minutes over which the level of a client is averaged.
    pub memory: u32,
    /// Minutes added to UTC to get the local time in which weeks and hours are counted.
    pub utc_offset: i32,
    /// Clients whose past is kept.
    pub max_clients: usize,
}

impl Default for Baseline {
    fn default() -> Self {
        Baseline {
            enabled: true,
            p_threshold: 1e-6,
            min_requests: 60,
            min_ratio: 3.0,
            min_history: 60,
            memory: 1_440,
            utc_offset: 180,
            max_clients: 200_000,
        }
    }
}

/// Settings of behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// Whether it runs. Off until asked for: it takes memory and time (`docs/detectors/behaviour.md`).
    pub enabled: bool,
    /// How many findings of behaviour a day may be false, all integrations together; what other detectors tell comes on top (`docs/detectors/README.md`).
    pub false_alarms_per_day: f64,
    /// Scores that count. Of one that is left out nothing is told; without `amounts` no model is scored. It is not among the usual ones: it found nothing
    /// that the others did not (ADR 0023).
    pub scores: Vec<BehaviourScore>,
    /// Entities of each integration whose past is kept.
    pub max_entities: usize,
    /// Folder of the models that `gatewatch train` makes; the one in use is where shards begin that know nothing yet.
    /// Empty: none is used.
    pub models: PathBuf,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            enabled: false,
            false_alarms_per_day: 3.0,
            scores: vec![BehaviourScore::Change, BehaviourScore::News],
            max_entities: 100_000,
            models: PathBuf::from("models/behaviour"),
        }
    }
}

/// What of an hour is held against what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BehaviourScore {
    /// Its amounts together are unlike those of others.
    Amounts,
    /// One amount is unlike what the entity did before.
    Change,
    /// It shows what the entity never showed.
    News,
}

impl BehaviourScore {
    /// All of them.
    pub const ALL: [BehaviourScore; 3] = [
        BehaviourScore::Amounts,
        BehaviourScore::Change,
        BehaviourScore::News,
    ];
}

/// Settings of watched numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Series {
    /// What is watched.
    pub watched: Vec<WatchedSeries>,
    /// How many findings a month may be false, of each number and integration.
    pub false_alarms_per_month: f64,
    /// Series that are kept, of all numbers and integrations.
    pub max_series: usize,
}

impl Default for Series {
    fn default() -> Self {
        Series {
            watched: Vec::new(),
            false_alarms_per_month: 1.0,
            max_series: 2_048,
        }
    }
}

/// A number that is watched: a value every few minutes, of each integration a series of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchedSeries {
    /// Its name, as people read it.
    pub name: String,
    /// What is made of the calls.
    pub measure: SeriesMeasure,
    /// The number of each call that `sum` and `mean` are of, such as `record_count`.
    pub field: Option<String>,
    /// Integrations; empty for all.
    pub integrations: Vec<String>,
    /// Operations whose calls count; empty for all.
    pub operations: Vec<String>,
    /// Minutes of a value; they divide a day.
    pub minutes: u32,
}

impl Default for WatchedSeries {
    fn default() -> Self {
        WatchedSeries {
            name: String::new(),
            measure: SeriesMeasure::Calls,
            field: None,
            integrations: Vec::new(),
            operations: Vec::new(),
            minutes: 5,
        }
    }
}

/// What is made of the calls of some minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesMeasure {
    /// How many there are.
    #[default]
    Calls,
    /// How many are refused: 401, 403, 429.
    Refused,
    /// How many fail: 5xx.
    Failed,
    /// The share that fails.
    FailedShare,
    /// The sum of a field.
    Sum,
    /// The mean of a field.
    Mean,
}
