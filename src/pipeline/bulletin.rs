//! What the notifier has to know besides alerts: the counts of the day, open incidents with personal data, what people did to alerts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::warn;

use super::daily::Counts;
use crate::config;
use crate::notify::mail::Bulletin;
use crate::notify::{Outcomes, now};
use crate::sigma::Level;
use crate::store::Store;

/// How often the counts are taken; the daily mail goes out with the newest.
const COUNTS: Duration = Duration::from_mins(15);
/// How often incidents are looked at: a declaration is mailed so much later at most.
const INCIDENTS: Duration = Duration::from_secs(5);
/// How often alerts that nobody acknowledged are looked at.
const ESCALATED: Duration = Duration::from_secs(15);
const MINUTE_US: i64 = 60_000_000;
/// How often it is looked for alerts that were reopened by what came since. Most were told when it came.
const REOPENED: Duration = Duration::from_secs(15);
/// How often it is looked at what people did to alerts.
const DECIDED: Duration = Duration::from_secs(5);

/// Keeps the bulletin fresh until nobody looks any more. A gateway silent for `gap_minutes` is a gap. With `reminds` off it has no incidents, escalates nothing and knows of no reopened alerts:
/// where the ledger of mails is forgotten with the process, each start would tell of all of them again.
pub fn keep(
    store: Arc<Store>,
    outcomes: Arc<Outcomes>,
    settings: &config::Mail,
    reminds: bool,
) -> watch::Receiver<Bulletin> {
    let silence = Duration::from_mins(settings.gap_minutes.into());
    let (sender, receiver) = watch::channel(Bulletin::default());
    let sender = Arc::new(sender);
    if reminds {
        tokio::spawn(look(store.clone(), sender.clone()));
        tokio::spawn(reopen(store.clone(), settings.clone(), sender.clone()));
        if settings.escalate_minutes > 0 {
            tokio::spawn(escalate(store.clone(), settings.clone(), sender.clone()));
        }
    }
    tokio::spawn(follow(store.clone(), sender.clone()));
    tokio::spawn(async move {
        let mut counts = Counts::new(outcomes, silence);
        let mut ticks = every(COUNTS);
        while !sender.is_closed() {
            ticks.tick().await;
            match counts.take(&store).await {
                Ok(counts) => sender.send_modify(|bulletin| bulletin.daily = Some(counts)),
                Err(error) => {
                    warn!(%error, "the counts of the day could not be taken, so there may be no daily mail");
                }
            }
        }
    });
    receiver
}

async fn look(store: Arc<Store>, sender: Arc<watch::Sender<Bulletin>>) {
    let mut ticks = every(INCIDENTS);
    let mut well = true;
    while !sender.is_closed() {
        ticks.tick().await;
        match store.open_incidents().await {
            Ok(incidents) => {
                well = true;
                sender.send_modify(|bulletin| bulletin.incidents = incidents);
            }
            // An outage is one line of the log; its end is the store's to tell.
            Err(error) if well => {
                well = false;
                warn!(%error, "personal-data incidents cannot be looked at: reminders are those of what was known");
            }
            Err(_) => {}
        }
    }
}

async fn escalate(store: Arc<Store>, settings: config::Mail, sender: Arc<watch::Sender<Bulletin>>) {
    let mut ticks = every(ESCALATED);
    let level = Level::from(settings.escalate_level);
    let mut well = true;
    while !sender.is_closed() {
        ticks.tick().await;
        let now = now();
        let before = now.plus_micros(-i64::from(settings.escalate_minutes) * MINUTE_US);
        let since = now.plus_micros(-i64::from(settings.max_age_minutes) * MINUTE_US);
        match store.unacknowledged(level, before, since).await {
            Ok(alerts) => {
                well = true;
                sender.send_modify(|bulletin| bulletin.unacknowledged = alerts);
            }
            Err(error) if well => {
                well = false;
                warn!(%error, "alerts that nobody acknowledged cannot be looked at: none is escalated until it ends");
            }
            Err(_) => {}
        }
    }
}

async fn reopen(store: Arc<Store>, settings: config::Mail, sender: Arc<watch::Sender<Bulletin>>) {
    let mut ticks = every(REOPENED);
    let mut well = true;
    while !sender.is_closed() {
        ticks.tick().await;
        if sender.borrow().decided.closed.is_empty() {
            sender.send_if_modified(|bulletin| {
                let is_news = !bulletin.reopened.is_empty();
                bulletin.reopened.clear();
                is_news
            });
            continue;
        }
        let since = now().plus_micros(-i64::from(settings.max_age_minutes) * MINUTE_US);
        match store.reopened(since).await {
            Ok(alerts) => {
                well = true;
                sender.send_modify(|bulletin| {
                    let decided = &bulletin.decided;
                    let alerts = alerts.into_iter();
                    let reopened = alerts.filter_map(|alert| decided.reopening(alert));
                    bulletin.reopened = reopened.collect();
                });
            }
            Err(error) if well => {
                well = false;
                warn!(%error, "reopened alerts cannot be looked at: until it ends they are told by their revisions alone");
            }
            Err(_) => {}
        }
    }
}

async fn follow(store: Arc<Store>, sender: Arc<watch::Sender<Bulletin>>) {
    let mut ticks = every(DECIDED);
    let mut well = true;
    while !sender.is_closed() {
        ticks.tick().await;
        match store.decided().await {
            Ok(decided) => {
                well = true;
                sender.send_modify(|bulletin| bulletin.decided = decided);
            }
            Err(error) if well => {
                well = false;
                warn!(%error, "what people did to alerts cannot be looked at: what was known goes on");
            }
            Err(_) => {}
        }
    }
}

fn every(time: Duration) -> Interval {
    let mut ticks = tokio::time::interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
