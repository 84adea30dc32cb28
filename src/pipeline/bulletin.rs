//! What the notifier tells besides alerts: the counts of the day, and open incidents with personal data.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::daily::Counts;
use crate::notify::Outcomes;
use crate::notify::mail::Bulletin;
use crate::store::Store;

/// How often the counts are taken; the daily mail goes out with the newest.
const COUNTS: Duration = Duration::from_mins(15);
/// How often incidents are looked at: a declaration is mailed so much later at most.
const INCIDENTS: Duration = Duration::from_secs(5);

/// Keeps the bulletin fresh until nobody looks any more. A gateway silent for `silence` is a gap.
pub fn keep(
    store: Arc<Store>,
    outcomes: Arc<Outcomes>,
    silence: Duration,
) -> watch::Receiver<Bulletin> {
    let (sender, receiver) = watch::channel(Bulletin::default());
    tokio::spawn(async move {
        let mut counts = Counts::new(outcomes, silence);
        let mut counting = tokio::time::interval(COUNTS);
        let mut looking = tokio::time::interval(INCIDENTS);
        while !sender.is_closed() {
            tokio::select! {
                _ = counting.tick() => match counts.take(&store).await {
                    Ok(counts) => sender.send_modify(|bulletin| bulletin.daily = Some(counts)),
                    Err(error) => {
                        warn!(%error, "the counts of the day could not be taken, so there may be no daily mail");
                    }
                },
                _ = looking.tick() => match store.incidents().await {
                    Ok(mut incidents) => {
                        incidents.retain(|incident| incident.closed().is_none());
                        sender.send_modify(|bulletin| bulletin.incidents = incidents);
                    }
                    Err(error) => {
                        warn!(%error, "incidents with personal data could not be looked at, so there may be no reminders");
                    }
                },
            }
        }
    });
    receiver
}
