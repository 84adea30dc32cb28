//! Response in the service: proposes what alerts ask for, takes what the configuration lets it take, keeps what is published fresh.
//!
//! Everything goes through the store, so any number of instances may do it: the same alert proposes the same decision, and readers get the same from each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::config;
use crate::event::Timestamp;
use crate::notify::now;
use crate::response::api::{self, Keys, KeysError};
use crate::response::{
    AllowList, AllowListError, Book, Decision, Standing, Step, Target, What, proposal,
};
use crate::sigma::Level;
use crate::store::{Store, StoreError};
use crate::telemetry::metric;

/// How often decisions are looked at: so long after its approval one is published at most.
const LOOK: Duration = Duration::from_secs(2);
const MINUTE_US: i64 = 60_000_000;
/// Who approves where the configuration lets it, and who rejects what is on the allow-list.
const AUTOMATIC: &str = "gatewatch: response.automatic";
const ALLOWED: &str = "gatewatch: response.allow";

/// Why response cannot be set up.
#[derive(Debug, Error)]
pub enum ResponseError {
    /// The keys of readers.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The allow-list.
    #[error(transparent)]
    Allow(#[from] AllowListError),
    /// No file of keys.
    #[error("response.keys_file is not set: nobody could read what is published")]
    NoKeys,
    /// The listener.
    #[error("response.listen: cannot listen on {listen}: {source}")]
    Listen {
        /// Where.
        listen: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Response, set up and not running yet.
pub struct Responder {
    settings: config::Response,
    keys: Keys,
    allow: AllowList,
}

impl Responder {
    /// As the configuration says; `None` where it is off.
    ///
    /// # Errors
    /// The keys or the allow-list are wrong.
    pub fn configured(settings: &config::Response) -> Result<Option<Responder>, ResponseError> {
        let allow = AllowList::parse(&settings.allow)?;
        if !settings.enabled {
            return Ok(None);
        }
        let file = settings.keys_file.as_deref();
        Ok(Some(Responder {
            keys: Keys::read(file.ok_or(ResponseError::NoKeys)?)?,
            settings: settings.clone(),
            allow,
        }))
    }

    /// Listens, and runs until `stop`.
    ///
    /// # Errors
    /// Nothing can listen there.
    pub async fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        store: Arc<Store>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), ResponseError> {
        let listen = self.settings.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ResponseError::Listen { listen, source })?;
        info!(%listen, dry_run = self.settings.dry_run, "decisions are published");
        let book = Arc::new(Mutex::new(Book::new(self.allow.clone())));
        let (served, stopped) = (Arc::clone(&book), stop.clone());
        let keys = self.keys.clone();
        tasks.spawn(async move {
            if let Err(problem) = api::serve(listener, served, keys, now, stopped).await {
                error!(%problem, "decisions are not published any more");
            }
        });
        tasks.spawn(self.keep(book, store, stop));
        Ok(())
    }

    async fn keep(
        self,
        book: Arc<Mutex<Book>>,
        store: Arc<Store>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut well = true;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            match self.look(&book, &store).await {
                Ok(()) => well = true,
                // An outage is one line of the log.
                Err(problem) if well => {
                    well = false;
                    warn!(%problem, "decisions cannot be looked at: what was known is published until it ends");
                }
                Err(_) => {}
            }
        }
    }

    async fn look(&self, book: &Mutex<Book>, store: &Store) -> Result<(), StoreError> {
        let now = now();
        let steps = self.answers(store, now).await?;
        if !steps.is_empty() {
            store.record_decisions(&steps).await?;
        }
        let decisions = store.decisions(now).await?;
        let waiting = decisions.iter();
        let waiting = waiting.filter(|decision| decision.standing(now) == Standing::Proposed);
        gauge!(metric::DECISIONS, "state" => "waiting").set(waiting.count() as f64);
        let published: &[Decision] = if self.settings.dry_run {
            &[]
        } else {
            &decisions
        };
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        book.update(published, now);
        gauge!(metric::DECISIONS, "state" => "published").set(book.active(now).count() as f64);
        gauge!(metric::DECISIONS, "state" => "held_back").set(book.held_back() as f64);
        Ok(())
    }

    /// What alerts ask for, and what of it is taken at once.
    async fn answers(&self, store: &Store, now: Timestamp) -> Result<Vec<Step>, StoreError> {
        let settings = &self.settings;
        let families: Vec<String> = settings
            .propose
            .iter()
            .chain(&settings.automatic)
            .cloned()
            .collect();
        if families.is_empty() {
            return Ok(Vec::new());
        }
        let lasts = i64::from(settings.minutes.max(1)) * MINUTE_US;
        let least = Level::from(settings.minimum_level);
        // Of older ones a decision would have ended already.
        let since = now.plus_micros(-lasts);
        let alerts = store.alerts_to_answer(&families, least, since).await?;
        let mut steps = Vec::new();
        for alert in &alerts {
            let Some(proposed) = proposal(alert, lasts, now) else {
                continue;
            };
            let decision = proposed.decision;
            if Target::of(alert).is_some_and(|target| self.allow.covers(&target)) {
                // On record, so that people see it and the alert is not looked at again.
                steps.push(proposed);
                steps.push(Step {
                    decision,
                    time: now,
                    actor: ALLOWED.to_owned(),
                    what: What::Rejected,
                    reason: "on the allow-list, which always wins".to_owned(),
                });
                continue;
            }
            let is_automatic = settings.automatic.contains(&alert.rule.family);
            steps.push(proposed);
            if is_automatic {
                steps.push(Step {
                    decision,
                    time: now,
                    actor: AUTOMATIC.to_owned(),
                    what: What::Approved,
                    reason: format!("family {}", alert.rule.family),
                });
            }
        }
        Ok(steps)
    }
}
