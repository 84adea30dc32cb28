//! Event time of one partition: what is late, and when an event's turn comes.
//!
//! An event is late by the newest event of its **own** partition, so lateness does not depend on how partitions interleave.
//! A late event's turn (`due`) is the bound that it missed. Within a partition a later offset is thus never due before
//! the partition's bound, and sorting by (due, partition, offset) gives one order, however blocks were cut or interleaved.

use crate::event::Timestamp;

/// How far an event's time may lie ahead of its record's stamp and still move the clock, in microseconds: a second. A record is
/// written after its event, so what is further ahead is a wrong clock, and would make what is on time late.
const AHEAD_US: i64 = 1_000_000;

/// When one event's turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The event's own time, or the bound that it missed.
    pub due: Timestamp,
    /// Whether it missed the bound.
    pub late: bool,
}

/// The newest event time of one partition, fed in offset order.
#[derive(Clone, Copy, Debug)]
pub struct PartitionClock {
    newest: Timestamp,
    lateness_us: i64,
}

impl PartitionClock {
    /// A clock that goes on from `newest` ([`Timestamp::MIN`] when nothing was read yet). `lateness_us` is in microseconds.
    #[must_use]
    pub const fn new(newest: Timestamp, lateness_us: i64) -> Self {
        PartitionClock {
            newest,
            lateness_us,
        }
    }

    /// The newest event time so far, clamped to the record stamps.
    #[must_use]
    pub const fn newest(self) -> Timestamp {
        self.newest
    }

    /// Takes the next event of the partition: its time, and the stamp of its record where the source has one.
    pub fn take(&mut self, time: Timestamp, stamped: Option<Timestamp>) -> Turn {
        let bound = self.newest.plus_micros(-self.lateness_us);
        if time < bound {
            return Turn {
                due: bound,
                late: true,
            };
        }
        let clamped = stamped.map_or(time, |stamp| time.min(stamp.plus_micros(AHEAD_US)));
        self.newest = self.newest.max(clamped);
        Turn {
            due: time,
            late: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn an_event_is_late_by_its_own_partition_and_due_at_the_bound() {
        let mut clock = PartitionClock::new(Timestamp::MIN, MINUTE);
        assert!(!clock.take(Timestamp::from_seconds(1_000), None).late);
        assert!(!clock.take(Timestamp::from_seconds(940), None).late);
        let late = clock.take(Timestamp::from_seconds(939), None);
        assert_eq!(
            late,
            Turn {
                due: Timestamp::from_seconds(940),
                late: true
            }
        );
    }

    #[test]
    fn a_time_from_the_future_moves_the_clock_no_further_than_its_record() {
        let mut clock = PartitionClock::new(Timestamp::MIN, MINUTE);
        let stamp = Timestamp::from_seconds(10_000);
        clock.take(Timestamp::from_seconds(4_000_000_000), Some(stamp));
        assert_eq!(clock.newest(), Timestamp::from_seconds(10_001));
        assert!(!clock.take(Timestamp::from_seconds(9_990), Some(stamp)).late);
    }
}
