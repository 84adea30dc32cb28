//! How many rows come a day: what the budget of false alarms is divided by.

use serde::{Deserialize, Serialize};

/// Rows of an hour of the day, as they came last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rate {
    rows: [u32; 24],
    hour: u32,
    /// Hours that are known; at most a day.
    known: u32,
}

impl Rate {
    /// Takes the rows of an hour, later than those before.
    pub(super) fn take(&mut self, hour: u32, rows: u32) {
        let passed = if self.known == 0 {
            1
        } else {
            hour.saturating_sub(self.hour)
        };
        // After more than a day nothing was read, or it comes from a model of some time ago: that says nothing of the hours between.
        if passed <= 24 {
            for silent in 1..passed {
                self.rows[((hour - silent) % 24) as usize] /= 2;
            }
        }
        self.rows[(hour % 24) as usize] = rows;
        self.known = (self.known + passed.min(24)).min(24);
        self.hour = hour;
    }

    /// The newest hour that was taken.
    pub(super) fn newest(&self) -> u32 {
        self.hour
    }

    /// How many come a day, from as much of a day as is known.
    pub(super) fn a_day(&self) -> f64 {
        let rows: f64 = self.rows.iter().map(|rows| f64::from(*rows)).sum();
        (rows * 24.0 / f64::from(self.known.max(1))).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_a_day_are_those_of_the_newest_day() {
        let mut rate = Rate::default();
        rate.take(100, 10);
        assert!(
            (rate.a_day() - 240.0).abs() < 1e-9,
            "an hour stands for a day"
        );
        for hour in 101..130 {
            rate.take(hour, 10);
        }
        assert!((rate.a_day() - 240.0).abs() < 1e-9);
        rate.take(141, 20);
        // Twelve hours had ten rows each, eleven were silent for the first time.
        assert!((rate.a_day() - 195.0).abs() < 1e-9);
    }

    #[test]
    fn hours_that_fall_silent_are_forgotten_and_a_gap_says_nothing() {
        let mut rate = Rate::default();
        for hour in 0..48 {
            rate.take(hour, 100);
        }
        let gap = 40 * 24;
        rate.take(48 + gap, 100);
        assert!((rate.a_day() - 2_400.0).abs() < 1e-9);
        // From now on only one hour of a day has any.
        for day in 1..12 {
            rate.take(48 + gap + day * 24, 100);
        }
        assert!((rate.a_day() - 100.0).abs() < 1e-9);
    }
}
