//! Runs the notifier beside the pipeline and shows what became of mails.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use rdkafka::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::health::{Health, Part};
use super::{background, bulletin};
use crate::access::Vault;
use crate::alert::Alert;
use crate::config::Config;
use crate::notify::mail::Bulletin;
use crate::notify::{self, Extras, Ledger, Links, NotifyError, Outcomes, Topics};
use crate::store::Store;
use crate::telemetry::metric;

/// How often the outcomes are shown.
const SHOW: Duration = Duration::from_secs(1);
const HOUR_US: i64 = 3_600_000_000;

/// What the notifier needs besides its settings.
pub struct Mailing {
    /// The whole configuration.
    pub config: Config,
    /// For the counts of the daily mail, incidents, and the background of alerts.
    pub store: Arc<Store>,
    /// Where a notifier that cannot work is said.
    pub health: Arc<Health>,
    /// When to stop.
    pub stop: watch::Receiver<bool>,
}

impl Mailing {
    /// The notifier on the alerts topic.
    pub fn spawn_on_topic(self, tasks: &mut JoinSet<()>, client: ClientConfig) {
        let kafka = &self.config.kafka;
        let topics = Topics {
            alerts: kafka.alerts_topic.clone(),
            mailed: kafka.mailed_topic.clone(),
            group: format!("{}.notifier", kafka.group),
            session_timeout_ms: kafka.session_timeout_ms,
        };
        let outcomes = self.begin(tasks);
        tasks.spawn(async move {
            let bulletin = self.bulletin(&outcomes, true);
            let extras = self.extras();
            let result = notify::run(
                client,
                topics,
                &self.config.mail,
                bulletin,
                extras,
                self.stop,
                outcomes,
            )
            .await;
            ended(result, &self.health);
        });
    }

    /// The notifier on a channel, without Kafka. It ends when the channel does and its letters are out.
    pub fn spawn_on_channel(
        self,
        tasks: &mut JoinSet<()>,
        alerts: mpsc::Receiver<Alert>,
    ) -> JoinHandle<()> {
        let outcomes = self.begin(tasks);
        tokio::spawn(async move {
            let bulletin = self.bulletin(&outcomes, false);
            let extras = self.extras();
            let mail = &self.config.mail;
            let result = notify::run_direct(
                alerts,
                Ledger::Memory,
                mail,
                bulletin,
                extras,
                self.stop,
                outcomes,
            )
            .await;
            ended(result, &self.health);
        })
    }

    fn bulletin(&self, outcomes: &Arc<Outcomes>, reminds: bool) -> watch::Receiver<Bulletin> {
        let settings = &self.config.mail;
        bulletin::keep(self.store.clone(), outcomes.clone(), settings, reminds)
    }

    /// Pictures out of the store, and links where the console has a key.
    fn extras(&self) -> Extras {
        let settings = &self.config.console;
        let key = settings
            .key
            .resolve(settings.key_file.as_deref(), "console.key");
        let vault = key.map_err(|problem| problem.to_string());
        let vault = vault.and_then(|key| {
            if key.is_empty() {
                return Ok(None);
            }
            let vault = Vault::new(key.expose()).map(Some);
            vault.map_err(|problem| problem.to_string())
        });
        let vault = vault.unwrap_or_else(|problem| {
            warn!(problem, "mails have no links that acknowledge");
            None
        });
        let links = vault
            .filter(|_| settings.acknowledge_hours > 0)
            .map(|vault| Links {
                vault: Arc::new(vault),
                lasts_us: i64::from(settings.acknowledge_hours) * HOUR_US,
            });
        Extras {
            backgrounds: Some(background::answer(self.store.clone())),
            links,
        }
    }

    fn begin(&self, tasks: &mut JoinSet<()>) -> Arc<Outcomes> {
        if !self.config.mail.enabled {
            info!("mail.enabled is false: alerts are stored and published, nobody is mailed");
        }
        let outcomes = Arc::new(Outcomes::default());
        let (shown, health, stop) = (outcomes.clone(), self.health.clone(), self.stop.clone());
        tasks.spawn(async move { show(&shown, &health, stop).await });
        outcomes
    }
}

fn ended(result: Result<(), NotifyError>, health: &Health) {
    if let Err(problem) = result {
        error!(%problem, "the notifier cannot work: alerts are stored, nobody is mailed");
        health.down(Part::Mail, &problem.to_string());
    }
}

async fn show(outcomes: &Outcomes, health: &Health, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(SHOW);
    let mut trouble = None;
    loop {
        for (outcome, total) in outcomes.all() {
            counter!(metric::MAILS, "outcome" => outcome).absolute(total);
        }
        let now = outcomes.trouble.get();
        if now != trouble {
            match &now {
                Some(error) => health.down(Part::Mail, &error.to_string()),
                None => health.up(Part::Mail),
            }
            trouble = now;
        }
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
