//! Response in the service: proposes what alerts ask for, takes what the configuration lets it take, renews it while its alert goes on, ends what an alert did that turns out to
//! be none, keeps what is published fresh.
//!
//! Everything goes through the store, so any number of instances may do it: the same alert proposes the same decision, and readers get the same from each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::looks::Looks;
use crate::config;
use crate::event::Timestamp;
use crate::notify::now;
use crate::response::api::{self, Keys, KeysError};
use crate::response::{
    AUTOMATIC, AllowList, AllowListError, Book, Decision, Standing, Step, Target, What, proposal,
    renewal,
};
use crate::sigma::Level;
use crate::store::{Cleared, GoingOn, Store, StoreError, Unanswered};
use crate::telemetry::metric;

/// How often decisions are looked at: so long after its approval one is published at most.
const LOOK: Duration = Duration::from_secs(2);
const MINUTE_US: i64 = 60_000_000;
/// Who rejects what is on the allow-list.
const ALLOWED: &str = "gatewatch: response.allow";
/// Who ends what stands on an alert that was none.
const CLEARED: &str = "gatewatch: alert closed";

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

/// Decisions as they were read last. They are read again when there are other steps than then.
#[derive(Default)]
struct Known {
    mark: Option<(u64, u64)>,
    decisions: Vec<Decision>,
}

impl Known {
    async fn refresh(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let mark = store.decisions_mark().await?;
        if self.mark != Some(mark) {
            self.decisions = store.decisions(now).await?;
            self.mark = Some(mark);
        }
        Ok(())
    }

    /// Puts steps on record that the decisions have already; whether that goes well or not, they are read again at the next look.
    async fn record(&mut self, store: &Store, steps: &[Step]) -> Result<(), StoreError> {
        if steps.is_empty() {
            return Ok(());
        }
        self.mark = None;
        store.record_decisions(steps).await
    }
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
        let (mut looks, mut known) = (Looks::default(), Known::default());
        let mut well = true;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            match self.look(&mut looks, &mut known, &book, &store).await {
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

    async fn look(
        &self,
        looks: &mut Looks,
        known: &mut Known,
        book: &Mutex<Book>,
        store: &Store,
    ) -> Result<(), StoreError> {
        let now = now();
        let clock = store.clock().await?;
        let since = looks.since(clock);
        self.answer(store, now, since).await?;
        known.refresh(store, now).await?;
        let cleared = store.cleared_alerts(now, since).await?;
        let ended = withdraw(&mut known.decisions, &cleared, now);
        known.record(store, &ended).await?;
        self.renew(store, known, now).await?;
        looks.went_well(clock, since);
        let waiting = known.decisions.iter();
        let waiting = waiting.filter(|decision| decision.standing(now) == Standing::Proposed);
        gauge!(metric::DECISIONS, "state" => "waiting").set(waiting.count() as f64);
        let published: &[Decision] = if self.settings.dry_run {
            &[]
        } else {
            &known.decisions
        };
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        book.update(published, now);
        gauge!(metric::DECISIONS, "state" => "published").set(book.active(now).count() as f64);
        gauge!(metric::DECISIONS, "state" => "held_back").set(book.held_back() as f64);
        Ok(())
    }

    /// Puts on record what alerts ask for, and what of it is taken at once.
    async fn answer(
        &self,
        store: &Store,
        now: Timestamp,
        since: Option<u32>,
    ) -> Result<(), StoreError> {
        let families = self.families();
        if families.is_empty() {
            return Ok(());
        }
        let least = Level::from(self.settings.minimum_level);
        // Of older ones a decision would have ended already.
        let mut after = (now.plus_micros(-self.lasts()), Uuid::nil());
        loop {
            let found = store.alerts_to_answer(&families, least, after, since);
            let (alerts, next) = found.await?;
            let steps: Vec<Step> = alerts
                .iter()
                .flat_map(|alert| self.steps(alert, now))
                .collect();
            if !steps.is_empty() {
                store.record_decisions(&steps).await?;
            }
            // Those that nobody can be blocked for stay: they must not hide what comes after them.
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// Puts on record that decisions end later whose alerts go on.
    async fn renew(
        &self,
        store: &Store,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let families = self.families();
        if families.is_empty() {
            return Ok(());
        }
        let least = Level::from(self.settings.minimum_level);
        let going = store.alerts_that_go_on(&families, least, self.lasts(), now);
        let steps = self.renewals(&mut known.decisions, &going.await?, now);
        // One by one, so that of several instances one does it, whatever else each of them renews.
        for step in &steps {
            known.record(store, std::slice::from_ref(step)).await?;
        }
        Ok(())
    }

    /// Renews decisions whose alerts go on; the steps that say so. What `automatic` took is renewed while it still has the family, and what waits while its alert is open.
    fn renewals(&self, decisions: &mut [Decision], going: &[GoingOn], now: Timestamp) -> Vec<Step> {
        let going: HashMap<Uuid, &GoingOn> = going.iter().map(|it| (it.alert, it)).collect();
        let mut steps = Vec::new();
        for decision in decisions {
            let alert = decision.proposal.alert;
            let Some(goes_on) = alert.and_then(|alert| going.get(&alert)) else {
                continue;
            };
            let is_automatic = decision.last_deed().is_some_and(|it| it.actor == AUTOMATIC);
            let is_wanted = match decision.decided() {
                Standing::Proposed => goes_on.is_open,
                _ => !is_automatic || self.settings.automatic.contains(&decision.proposal.family),
            };
            if !is_wanted || self.allow.covers(&decision.proposal.target) {
                continue;
            }
            if let Some(step) = renewal(decision, goes_on.last, self.lasts(), now) {
                decision.steps.push(step.clone());
                steps.push(step);
            }
        }
        steps
    }

    /// Families whose alerts are answered.
    fn families(&self) -> Vec<String> {
        let settings = &self.settings;
        let families = settings.propose.iter().chain(&settings.automatic);
        families.cloned().collect()
    }

    /// How long a decision lasts.
    fn lasts(&self) -> i64 {
        i64::from(self.settings.minutes.max(1)) * MINUTE_US
    }

    /// The answer to an alert; nothing where nobody can be blocked for it.
    fn steps(&self, unanswered: &Unanswered, now: Timestamp) -> Vec<Step> {
        let Unanswered { alert, round } = unanswered;
        let Some(proposed) = proposal(alert, *round, self.lasts(), now) else {
            return Vec::new();
        };
        let taken = |actor: &str, what: What, reason: String| Step {
            decision: proposed.decision,
            time: now,
            actor: actor.to_owned(),
            what,
            reason,
        };
        let family = &alert.rule.family;
        let answer = if Target::of(alert).is_some_and(|target| self.allow.covers(&target)) {
            // On record, so that people see it and the alert is not looked at again.
            let reason = "on the allow-list, which always wins";
            Some(taken(ALLOWED, What::Rejected, reason.to_owned()))
        } else if self.settings.automatic.contains(family) {
            let reason = format!("family {family}");
            Some(taken(AUTOMATIC, What::Approved { until: None }, reason))
        } else {
            None
        };
        std::iter::once(proposed).chain(answer).collect()
    }
}

/// Ends what was proposed or taken by itself because of alerts that a person has called false or harmless since; the steps that say so. What a person approved, a person
/// revokes.
fn withdraw(decisions: &mut [Decision], cleared: &[Cleared], now: Timestamp) -> Vec<Step> {
    let cleared: HashMap<Uuid, &Cleared> = cleared.iter().map(|it| (it.alert, it)).collect();
    let mut steps = Vec::new();
    for decision in decisions {
        let alert = decision.proposal.alert;
        let Some(cleared) = alert.and_then(|alert| cleared.get(&alert)) else {
            continue;
        };
        // That it went on meanwhile is no answer.
        let last = decision.last_deed();
        let Some(last) = last.filter(|step| step.time <= cleared.time) else {
            continue;
        };
        let what = match decision.standing(now) {
            Standing::Proposed => What::Rejected,
            Standing::Approved if last.actor == AUTOMATIC => What::Revoked,
            _ => continue,
        };
        let step = Step {
            decision: decision.id,
            // Of the verdict, so that all instances say the same.
            time: cleared.time,
            actor: CLEARED.to_owned(),
            what,
            reason: format!(
                "the alert was closed as {} by {}",
                cleared.verdict, cleared.by
            ),
        };
        decision.steps.push(step.clone());
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests;
