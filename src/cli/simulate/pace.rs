//! How fast records go out by the wall clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::event::Timestamp;

/// Sleeps are cut into pieces, so that a stop is seen soon and acknowledgements are taken in.
const PIECE: Duration = Duration::from_millis(50);

/// The pace: by event time, by count, both or none.
#[derive(Debug)]
pub(super) struct Pace {
    start: Timestamp,
    /// Wall-clock seconds of one microsecond of event time.
    stretch: Option<f64>,
    rate: Option<u64>,
    begun: Option<Instant>,
    sent: u64,
}

impl Pace {
    #[allow(clippy::cast_precision_loss)] // a bounded span
    pub(super) fn new(
        start: Timestamp,
        span_us: i64,
        seconds: Option<u64>,
        rate: Option<u64>,
    ) -> Self {
        Pace {
            start,
            stretch: seconds.map(|seconds| seconds as f64 / span_us as f64),
            rate,
            begun: None,
            sent: 0,
        }
    }

    /// Waits until a record of this event time is due; meanwhile calls `idle` now and then.
    pub(super) fn wait(&mut self, time: Timestamp, stop: &AtomicBool, mut idle: impl FnMut()) {
        self.sent += 1;
        if self.stretch.is_none() && self.rate.is_none() {
            return;
        }
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let due = self.due(time);
        loop {
            let early = due.saturating_sub(begun.elapsed());
            if early.is_zero() || stop.load(Ordering::Relaxed) {
                return;
            }
            idle();
            std::thread::sleep(early.min(PIECE));
        }
    }

    /// When a record of this event time goes out, after the first one.
    #[allow(clippy::cast_precision_loss)] // counts and spans far below 2^52
    fn due(&self, time: Timestamp) -> Duration {
        let by_time = self.stretch.map_or(0.0, |stretch| {
            time.since(self.start).max(0) as f64 * stretch
        });
        let by_count = self
            .rate
            .map_or(0.0, |rate| (self.sent - 1) as f64 / rate as f64);
        Duration::from_secs_f64(by_time.max(by_count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_is_spread_over_the_seconds_and_the_rate_is_kept() {
        let start = Timestamp::from_seconds(1_000);
        let middle = Timestamp::from_seconds(1_000 + 43_200);
        let day = 86_400_000_000;
        let mut pace = Pace::new(start, day, Some(60), None);
        assert_eq!(pace.due(middle).as_secs(), 30);
        pace = Pace::new(start, day, None, Some(100));
        pace.sent = 501;
        assert_eq!(pace.due(middle).as_secs(), 5);
    }
}
