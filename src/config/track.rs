//! Settings of track: lateness, windows, bounds, the baseline.

use serde::{Deserialize, Serialize};

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
    /// Events in the window of one group that are kept one by one, more where a threshold is higher (to 100000). Beyond that sums over
    /// 64ths of the window and sketches of distinct values stand for them, and alerts say so.
    pub max_window: usize,
    /// Alerts that may still grow.
    pub max_open_alerts: usize,
    /// Requests of each client in a minute against its own past.
    pub baseline: Baseline,
    /// What each entity does in an hour against its own past and its like.
    pub behaviour: Behaviour,
}

impl Default for Track {
    fn default() -> Self {
        Track {
            lateness_s: 30,
            idle_s: 45,
            merge_s: 3_600,
            max_waiting: 500_000,
            max_groups: 100_000,
            max_window: 10_000,
            max_open_alerts: 20_000,
            baseline: Baseline::default(),
            behaviour: Behaviour::default(),
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
    /// How many findings a day may be false, all integrations together.
    pub false_alarms_per_day: f64,
    /// Entities of each integration whose past is kept.
    pub max_entities: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            enabled: false,
            false_alarms_per_day: 3.0,
            max_entities: 100_000,
        }
    }
}
