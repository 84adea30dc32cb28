//! Makes an alert of what `/readyz` says at once: that a part has not answered for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::health::{Health, Part};
use super::outbox::Outbox;
use crate::alert::{Alert, own};
use crate::event::Timestamp;
use crate::notify::now;
use crate::track::Note;

/// How often the parts are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Parts that are down.
#[derive(Default)]
struct Outages(BTreeMap<Part, Outage>);

struct Outage {
    since: Timestamp,
    /// The alert, once it was made.
    alert: Option<Alert>,
}

/// Watches until `stop`. A part that is down for `patience` is one alert, and its end another revision of it.
pub async fn run(
    health: Arc<Health>,
    outbox: Outbox,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut outages = Outages::default();
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        let missing = health.readiness().missing;
        let alerts = outages.look(&missing, now(), patience);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = outbox.tell(&alerts) => {}
        }
    }
}

impl Outages {
    /// What is to be said now, when `missing` are the parts that are down.
    fn look(
        &mut self,
        missing: &BTreeMap<Part, String>,
        now: Timestamp,
        patience: Duration,
    ) -> Vec<Alert> {
        let patience_us = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
        let over = self.0.extract_if(.., |part, _| !missing.contains_key(part));
        let mut alerts: Vec<Alert> = over
            .filter_map(|(_, outage)| outage.alert)
            .map(|alert| Alert {
                revision: alert.revision + 1,
                last: now,
                notes: vec![Note::Answers],
                ..alert
            })
            .collect();
        for (&part, error) in missing {
            // Alerts travel through Kafka: of its own absence they cannot tell.
            if part == Part::Kafka {
                continue;
            }
            let outage = self.0.entry(part).or_insert(Outage {
                since: now,
                alert: None,
            });
            if outage.alert.is_none() && now.since(outage.since) >= patience_us {
                let alert = own::unreachable(part.name(), outage.since, now, error);
                outage.alert = Some(alert.clone());
                alerts.push(alert);
            }
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn an_outage_is_told_once_after_a_while_and_ended_once() {
        let at = Timestamp::from_seconds;
        let down = BTreeMap::from([(Part::ClickHouse, "refused".to_owned())]);
        let mut outages = Outages::default();
        assert!(outages.look(&down, at(0), MINUTE).is_empty());
        assert!(outages.look(&down, at(59), MINUTE).is_empty());
        let told = outages.look(&down, at(60), MINUTE);
        assert_eq!((told.len(), told[0].first), (1, at(0)));
        assert!(outages.look(&down, at(120), MINUTE).is_empty());
        let over = outages.look(&BTreeMap::new(), at(130), MINUTE);
        assert_eq!(
            (over[0].id, over[0].revision, over[0].last),
            (told[0].id, 2, at(130))
        );
        assert!(outages.look(&BTreeMap::new(), at(131), MINUTE).is_empty());
    }

    #[test]
    fn a_short_one_and_that_of_kafka_are_not_told() {
        let at = Timestamp::from_seconds;
        let mut outages = Outages::default();
        let down = BTreeMap::from([(Part::Mail, "refused".to_owned())]);
        outages.look(&down, at(0), MINUTE);
        outages.look(&BTreeMap::new(), at(30), MINUTE);
        assert!(
            outages.look(&down, at(70), MINUTE).is_empty(),
            "a new outage"
        );
        let kafka = BTreeMap::from([(Part::Kafka, "refused".to_owned())]);
        assert!(outages.look(&kafka, at(80), MINUTE).is_empty());
        assert!(outages.look(&kafka, at(300), MINUTE).is_empty());
    }
}
