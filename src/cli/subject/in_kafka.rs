//! What lies in Kafka until its retention takes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::terminal;
use crate::config::Config;
use crate::event::Timestamp;
use crate::source::kafka::{self, Kept};
use crate::store::{InKafka, SubjectRows};

/// What erasing cannot take away, a line each, with the time by which the broker has let go of it.
pub(super) async fn lines(config: &Config, places: &[InKafka], rows: &SubjectRows) -> Vec<String> {
    if places.is_empty() {
        return Vec::new(); // records that came from files
    }
    let own = [
        (rows.alerts, &config.kafka.alerts_topic, "alerts"),
        (
            rows.dead_letters,
            &config.kafka.dead_letters_topic,
            "dead letters, as they came",
        ),
    ];
    let own: Vec<_> = own.iter().filter(|(rows, ..)| *rows > 0).collect();
    let mut topics: BTreeSet<&str> = places.iter().map(|place| place.topic.as_str()).collect();
    topics.extend(own.iter().map(|(_, topic, _)| topic.as_str()));
    let topics: Vec<&str> = topics.into_iter().collect();
    let kept = match kafka::client_config(&config.kafka) {
        Ok(client) => kafka::retention(&client, &topics).await,
        Err(problem) => Err(problem),
    };
    let kept = kept.unwrap_or_else(|problem| {
        eprintln!("how long topics keep records is not known: {problem}");
        BTreeMap::new()
    });
    let of_source = places.iter().map(|place| {
        format!(
            "{}/{}: {} records, offsets {} to {}, the newest of {}, {}",
            terminal::escaped(&place.topic),
            place.partition,
            place.records,
            place.first,
            place.last,
            Timestamp::from_micros(place.newest),
            until(kept.get(&place.topic).copied(), place.newest)
        )
    });
    let newest = places.iter().map(|place| place.newest).max().unwrap_or(0);
    let of_own = own.iter().map(|(rows, topic, what)| {
        format!(
            "{}: {rows} {what}, {}",
            terminal::escaped(topic),
            until(kept.get(topic.as_str()).copied(), newest)
        )
    });
    of_source.chain(of_own).collect()
}

/// Until when a record of this time, in microseconds, is kept.
fn until(kept: Option<Kept>, newest: i64) -> String {
    match kept {
        Some(Kept::Millis(millis)) => {
            let end = newest.saturating_add(millis.saturating_mul(1_000));
            let end = Timestamp::from_micros(end);
            format!("kept until {end} and the end of its segment")
        }
        Some(Kept::Forever) => "kept without end in time".to_owned(),
        Some(Kept::Compacted) => "kept by key: the topic is compacted".to_owned(),
        None => "kept for an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_newest_record_and_the_retention() {
        let newest = 1_790_000_000_000_000;
        let week = until(Some(Kept::Millis(604_800_000)), newest);
        let end = Timestamp::from_micros(newest + 604_800_000_000);
        assert!(week.starts_with(&format!("kept until {end}")), "{week}");
        let most = until(Some(Kept::Millis(i64::MAX)), newest);
        assert!(most.starts_with("kept until"), "{most}");
        assert_ne!(until(None, newest), until(Some(Kept::Forever), newest));
    }
}
