//! Where an event is stored, as addresses and lists name it.

use std::fmt;

use super::search::StoredEvent;
use crate::event::Timestamp;

/// The time of an event and the place of its record, written `<microseconds>.<partition>.<offset>.<topic>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// When it was.
    pub time: Timestamp,
    /// Partition of its record.
    pub partition: i32,
    /// Offset of its record.
    pub offset: i64,
    /// Topic or file of its record.
    pub topic: String,
}

impl Spot {
    /// That of an event.
    #[must_use]
    pub fn of(event: &StoredEvent) -> Spot {
        Spot {
            time: Timestamp::from_micros(event.micros),
            partition: event.partition,
            offset: event.offset,
            topic: event.topic.clone(),
        }
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn named(text: &str) -> Option<Spot> {
        let mut parts = text.splitn(4, '.');
        Some(Spot {
            time: Timestamp::from_micros(parts.next()?.parse().ok()?),
            partition: parts.next()?.parse().ok()?,
            offset: parts.next()?.parse().ok()?,
            topic: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.time.micros();
        write!(
            f,
            "{micros}.{}.{}.{}",
            self.partition, self.offset, self.topic
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_by_its_name() {
        let spot = Spot {
            time: Timestamp::from_micros(-5),
            partition: 3,
            offset: 42,
            topic: "/var/log/a.b/access.log".to_owned(),
        };
        assert_eq!(spot.to_string(), "-5.3.42./var/log/a.b/access.log");
        assert_eq!(Spot::named(&spot.to_string()), Some(spot));
        for text in ["", "1.2", "a.1.2.t", "1.2.3"] {
            assert_eq!(Spot::named(text), None, "{text}");
        }
    }
}
