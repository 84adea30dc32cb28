//! Puts alerts that belong together into incidents, a few seconds after they are stored.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::warn;
use uuid::Uuid;

use super::health::Health;
use crate::alert::{Link, Linkable, Linker};
use crate::notify::now;
use crate::store::{Cursor, Store, StoreError};
use crate::telemetry::metric;

/// How often new alerts are looked for.
const LOOK: Duration = Duration::from_secs(3);
/// So much is looked at again: what is stored within a second or by another server's clock may come later.
const AGAIN_S: u32 = 10;
/// At the start so much is looked at: what is within a day of something that comes, some of it late.
const START_S: u32 = 2 * 86_400;
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
            let looked = linking
                .get_or_insert_with(Linking::default)
                .look(&store)
                .await;
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
#[derive(Default)]
struct Linking {
    linker: Linker,
    /// `None`: from as long ago as anything may be linked to what comes.
    behind: Option<Cursor>,
}

impl Linking {
    async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        let clock = store.clock().await?;
        let place = |seconds_ago: u32| Cursor {
            stored: clock.saturating_sub(seconds_ago),
            id: Uuid::nil(),
        };
        let mut behind = self.behind.unwrap_or_else(|| place(START_S));
        loop {
            let (alerts, next) = store.linkable(behind, MOST).await?;
            self.link(store, &alerts).await?;
            match next {
                Some(next) => behind = next,
                None => break,
            }
        }
        self.behind = Some(place(AGAIN_S));
        Ok(())
    }

    async fn link(&mut self, store: &Store, alerts: &[Linkable]) -> Result<(), StoreError> {
        let forgotten = self.linker.forgotten();
        let links = alerts.iter().flat_map(|alert| self.linker.take(alert));
        let links: Vec<Link> = links.collect();
        if !links.is_empty() {
            store.record_links(&links, now()).await?;
        }
        counter!(metric::LINKS).increment(links.len() as u64);
        counter!(metric::EVICTIONS, "kind" => "linked_alert")
            .increment(self.linker.forgotten() - forgotten);
        Ok(())
    }
}
