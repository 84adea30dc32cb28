//! Puts alerts that belong together into incidents, a few seconds after they are stored.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::health::Health;
use crate::alert::{APART_US, Linker};
use crate::notify::now;
use crate::store::{Store, StoreError};
use crate::telemetry::metric;

/// How often new alerts are looked for.
const LOOK: Duration = Duration::from_secs(3);
/// So much is looked at again: what is stored within a second or by another server's clock may come later.
const AGAIN_S: u32 = 10;
/// Alerts that are looked at at once.
const MOST: u32 = 20_000;

/// Links until `stop`, while this instance is the active one; what was stored until then is linked before it ends.
pub async fn run(store: Arc<Store>, health: Arc<Health>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut linking: Option<Linking> = None;
    let mut well = true;
    loop {
        let is_last = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            _ = ticks.tick() => false,
        };
        if health.readiness().state == "standby" {
            // Another instance goes on; what it links is read when this one becomes active.
            linking = None;
        } else {
            let looked = linking.get_or_insert_with(Linking::new).look(&store).await;
            if let Err(problem) = &looked {
                // What was linked and is not on record is found again from the start.
                linking = None;
                if well {
                    warn!(%problem, "alerts are not linked until this ends");
                }
            }
            well = looked.is_ok();
        }
        if is_last {
            return;
        }
    }
}

/// What was linked, and up to where alerts were looked at.
struct Linking {
    linker: Linker,
    /// By the clock of the store, in seconds.
    since: u32,
}

impl Linking {
    /// Alerts that were stored so long ago that nothing is linked to them any more are left out.
    fn new() -> Self {
        let since = now().plus_micros(-2 * APART_US).seconds();
        Linking {
            linker: Linker::default(),
            since: u32::try_from(since).unwrap_or(0),
        }
    }

    async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        let (alerts, newest) = store.linkable(self.since, MOST).await?;
        let forgotten = self.linker.forgotten();
        let mut links = Vec::new();
        for alert in &alerts {
            links.extend(self.linker.take(alert));
        }
        if !links.is_empty() {
            store.record_links(&links, now()).await?;
        }
        counter!(metric::LINKS).increment(links.len() as u64);
        counter!(metric::EVICTIONS, "kind" => "linked_alert")
            .increment(self.linker.forgotten() - forgotten);
        self.since = newest.saturating_sub(AGAIN_S).max(self.since);
        Ok(())
    }
}
