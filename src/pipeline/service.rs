//! The service: sets the parts up, runs sessions while this instance is active, stops in order.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc::channel;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::alert_store;
use super::audit;
use super::chain;
use super::control::Control;
use super::detection::{Detection, DetectionError};
use super::file_session::{self, FileParts};
use super::health::{Health, Part};
use super::http;
use super::linking;
use super::mailing::Mailing;
use super::measures;
use super::models::Models;
use super::outage;
use super::outbox::Outbox;
use super::publish::Publisher;
use super::reload::Reload;
use super::responder::{Responder, ResponseError};
use super::session::{self, Parts};
use super::webhook::{Webhook, WebhookError};
use crate::config::{Config, SourceKind};
use crate::console::{Condition, Console, ConsoleError};
use crate::contract::{ContractErrors, Contracts};
use crate::sigma::RuleErrors;
use crate::source::kafka::{self, Cluster, KafkaProblem};
use crate::store::{Store, StoreError};
use crate::telemetry::metric;

/// How long the parts may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(30);
/// An ordered stop of a session takes no longer, even when a part hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(6);
/// What comes behind the last block (alerts table, mails) may take so long at a stop.
const DRAIN: Duration = Duration::from_secs(2);
/// Without Kafka: alerts that wait for the notifier.
const WAITING_ALERTS: usize = 1_000;

/// Why the service did not start or had to stop.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// A rule is wrong.
    #[error(transparent)]
    Rules(#[from] RuleErrors),
    /// A setting of decode or enrich is wrong.
    #[error(transparent)]
    Detection(#[from] DetectionError),
    /// A setting asks for what is not there yet.
    #[error(
        "delivery.scale_out = true is not supported yet: run one active instance, others stand by"
    )]
    ScaleOut,
    /// Times can be moved where there is one first event.
    #[error(
        "source.first_event_at moves the times of a file or of standard input that is read once; it is not for Kafka, nor with source.follow"
    )]
    MovedTimes,
    /// Kafka refuses or does not answer.
    #[error(transparent)]
    Kafka(#[from] KafkaProblem),
    /// ClickHouse refuses or does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The listener cannot be opened.
    #[error("http.listen {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The recorder of metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] BuildError),
    /// Response cannot be set up.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The webhook cannot be set up.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The console cannot be served.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// A contract is wrong.
    #[error(transparent)]
    Contracts(#[from] ContractErrors),
    /// The input cannot be read.
    #[error("source: {0}")]
    Input(#[from] io::Error),
}

impl ServiceError {
    /// Whether a part is unreachable (exit code 3) rather than a setting wrong (2).
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            ServiceError::Kafka(problem) => problem.is_retryable(),
            ServiceError::Store(error) => error.is_retryable(),
            _ => false,
        }
    }
}

/// How the service does, for the console.
fn condition(
    health: Arc<Health>,
    detection: Arc<Detection>,
    metrics: PrometheusHandle,
) -> Box<dyn Fn(bool) -> Condition + Send + Sync> {
    Box::new(move |is_measured| {
        let readiness = health.readiness();
        let missing = readiness.missing.into_iter();
        Condition {
            state: readiness.state,
            missing: missing
                .map(|(part, why)| (part.name().to_owned(), why))
                .collect(),
            rules_refused: readiness.rules_refused,
            costs: detection.active().costs(),
            // The text of all metrics: only the page that shows them pays for it.
            measures: if is_measured {
                measures::of(&metrics.render())
            } else {
                Vec::new()
            },
        }
    })
}

/// Runs until `stop`, or until the end of a finite source.
///
/// # Errors
/// A setting is wrong, or a part does not answer at the start. Later failures are logged and tried again.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    if config.delivery.scale_out {
        return Err(ServiceError::ScaleOut);
    }
    let is_read_once = config.source.kind != SourceKind::Kafka && !config.source.follow;
    if config.source.first_event_at.is_some() && !is_read_once {
        return Err(ServiceError::MovedTimes);
    }
    let begin = Instant::now();
    // First: whoever registers a metric before the recorder is there counts in vain.
    let recorder = PrometheusBuilder::new().install_recorder()?;
    metric::describe();
    let (rules, read) = Reload::load(&config.rules)?;
    let rules = Arc::new(rules);
    let detection = Arc::new(Detection::new(&config, Arc::clone(&rules))?);
    let responder = Responder::configured(&config.response)?;
    let webhook = Webhook::configured(&config)?;
    let console = config
        .console
        .enabled
        .then(|| Console::configured(&config))
        .transpose()?;
    let health = Arc::new(Health::default());
    health.down(Part::ClickHouse, "not connected yet");
    let listener = TcpListener::bind(config.http.listen)
        .await
        .map_err(|source| ServiceError::Listen {
            address: config.http.listen,
            source,
        })?;
    // Its own signal: health and metrics are served until everything else has stopped.
    let (http_stop, http_stopped) = watch::channel(false);
    let http = tokio::spawn(http::serve(
        listener,
        health.clone(),
        recorder.clone(),
        http_stopped,
    ));
    let store = Arc::new(open_store(&config).await?);
    health.up(Part::ClickHouse);
    info!(
        rules = rules.rules().len(),
        correlations = rules.correlations().len(),
        exceptions = rules.exceptions().len(),
        listen = %config.http.listen,
        seconds = begin.elapsed().as_secs_f64(),
        "gatewatch started"
    );
    let reload = Reload::new(
        config.rules.clone(),
        detection.clone(),
        health.clone(),
        read,
        Models::configured(&config.track.behaviour),
    );
    let (taken_up, in_force) = watch::channel(rules);
    let (side_stop, side_stopped) = watch::channel(false);
    let mut beside = JoinSet::new();
    beside.spawn(reload.run(taken_up, side_stopped.clone()));
    if let Some(console) = console {
        let contracts = Arc::new(Contracts::configured(&config.contracts)?);
        let (rules, stop) = (in_force.clone(), side_stopped.clone());
        let condition = condition(health.clone(), detection.clone(), recorder);
        let (address, serving) = console
            .listen(store.clone(), rules, contracts, condition, stop)
            .await?;
        info!(%address, "the console is served");
        beside.spawn(async move {
            if let Err(problem) = serving.await {
                error!(%problem, "the console is not served any more");
            }
        });
    }
    beside.spawn(audit::run(store.clone(), in_force, side_stopped.clone()));
    beside.spawn(linking::run(
        store.clone(),
        health.clone(),
        side_stopped.clone(),
    ));
    if let Some(webhook) = webhook {
        beside.spawn(webhook.run(store.clone(), health.clone(), side_stopped.clone()));
    }
    if let Some(responder) = responder {
        responder
            .spawn(&mut beside, store.clone(), side_stopped)
            .await?;
    }
    let result = match config.source.kind {
        SourceKind::Kafka => run_kafka(config, detection, store, health.clone(), stop).await,
        SourceKind::File | SourceKind::Stdin => {
            run_file(config, detection, store, health.clone(), stop).await
        }
    };
    side_stop.send_replace(true);
    let _ =
        tokio::time::timeout(DRAIN, async { while beside.join_next().await.is_some() {} }).await;
    health.set_stopping();
    http_stop.send_replace(true);
    let _ = tokio::time::timeout(DRAIN, http).await;
    info!("gatewatch stopped");
    result
}

/// Connects and brings the tables up to date; waits for a server that is still starting.
async fn open_store(config: &Config) -> Result<Store, StoreError> {
    let store = Store::prepare(&config.store)?;
    let begin = Instant::now();
    loop {
        match store.migrate().await {
            Err(error) if error.is_retryable() && begin.elapsed() < PATIENCE => {
                warn!(%error, "ClickHouse does not answer yet, trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error),
            Ok(_) => {
                store.check_schema().await?;
                return Ok(store);
            }
        }
    }
}

async fn run_kafka(
    config: Config,
    detection: Arc<Detection>,
    store: Arc<Store>,
    health: Arc<Health>,
    stop: watch::Receiver<bool>,
) -> Result<(), ServiceError> {
    let client = kafka::client_config(&config.kafka)?;
    health.down(Part::Kafka, "not connected yet");
    let cluster = check_kafka(&client, &config).await?;
    if config.kafka.create_topics {
        kafka::create_topics(&client, &config.kafka).await?;
    }
    health.up(Part::Kafka);
    // Whoever reads alerts stops after those who write them.
    let (drain, drained) = watch::channel(false);
    let mut behind = JoinSet::new();
    spawn_alert_store(
        &mut behind,
        &client,
        &config,
        store.clone(),
        drained.clone(),
    );
    let mailing = Mailing {
        config: config.clone(),
        store: store.clone(),
        health: health.clone(),
        stop: drained.clone(),
    };
    mailing.spawn_on_topic(&mut behind, client.clone());
    let outbox = Outbox::Topic(Publisher::new(&client, &config.kafka).map_err(KafkaProblem::from)?);
    behind.spawn(outage::run(
        health.clone(),
        outbox.clone(),
        Duration::from_secs(config.delivery.outage_seconds),
        drained.clone(),
    ));
    let control = Control::join(&client, &config.kafka).map_err(KafkaProblem::from)?;
    let topic = chain::Topic {
        client: client.clone(),
        kafka: config.kafka.clone(),
        partitions: cluster.partitions,
    };
    behind.spawn(chain::run(
        store.clone(),
        config.store.clone(),
        Some(topic),
        control.active(),
        drained,
    ));
    let parts = Parts {
        config,
        client,
        cluster,
        detection,
        store,
        outbox,
        health,
    };
    run_sessions(&parts, control.active(), stop).await;
    drain.send_replace(true);
    let _ =
        tokio::time::timeout(DRAIN, async { while behind.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn check_kafka(client: &ClientConfig, config: &Config) -> Result<Cluster, KafkaProblem> {
    let (client, kafka) = (client.clone(), config.kafka.clone());
    tokio::task::spawn_blocking(move || kafka::check(&client, &kafka, PATIENCE))
        .await
        .expect("the connection test does not panic")
}

fn spawn_alert_store(
    tasks: &mut JoinSet<()>,
    client: &ClientConfig,
    config: &Config,
    store: Arc<Store>,
    stop: watch::Receiver<bool>,
) {
    let (client, kafka) = (client.clone(), config.kafka.clone());
    tasks.spawn(async move {
        if let Err(error) = alert_store::run(&client, &kafka, store, stop).await {
            warn!(%error, "the alerts table is not filled");
        }
    });
}

/// Runs a session whenever this instance is active; a session that failed is followed by another.
async fn run_sessions(
    parts: &Parts,
    mut active: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = Duration::from_millis(200);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = active.wait_for(|active| *active) => {}
        }
        parts.health.set_active(true);
        let (session_stop, session_stopped) = watch::channel(false);
        let watcher = watch_for_end(active.clone(), stop.clone(), session_stop);
        let begin = Instant::now();
        let result = tokio::select! {
            result = session::run(parts, session_stopped) => result,
            // A part that hangs must not hold the stop up; what was under way is recovered at the next start.
            () = long_after(stop.clone()) => {
                warn!("a part does not answer; stopping without it");
                return;
            }
        };
        watcher.abort();
        parts.health.set_active(false);
        match result {
            Ok(()) => parts.health.up(Part::Kafka),
            Err(error) => {
                report(parts, &error);
                pause = if begin.elapsed() > PATIENCE {
                    Duration::from_millis(200)
                } else {
                    (pause * 2).min(Duration::from_secs(10))
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Ends when the stop was asked for and an ordered one takes too long.
async fn long_after(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the process; if it were gone, that would be a stop too.
    drop(stop.wait_for(|stop| *stop).await);
    tokio::time::sleep(STOP_PATIENCE).await;
}

fn report(parts: &Parts, error: &KafkaError) {
    parts.health.down(Part::Kafka, &error.to_string());
    warn!(%error, "the session ended; the next one recovers what was under way");
}

/// Ends the session when the service stops or another instance takes over.
fn watch_for_end(
    mut active: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
    session_stop: watch::Sender<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            _ = active.wait_for(|active| !*active) => {}
        }
        session_stop.send_replace(true);
    })
}

async fn run_file(
    config: Config,
    detection: Arc<Detection>,
    store: Arc<Store>,
    health: Arc<Health>,
    stop: watch::Receiver<bool>,
) -> Result<(), ServiceError> {
    health.set_active(true);
    let (alerts, inbox) = channel(WAITING_ALERTS);
    let mut behind = JoinSet::new();
    let (drain, drained) = watch::channel(false);
    let mailing = Mailing {
        config: config.clone(),
        store: store.clone(),
        health: health.clone(),
        stop: drained.clone(),
    };
    let (_always, active) = watch::channel(true);
    behind.spawn(chain::run(
        store.clone(),
        config.store.clone(),
        None,
        active,
        drained,
    ));
    let notifier = mailing.spawn_on_channel(&mut behind, inbox);
    let outbox = Outbox::Table(store.clone(), alerts);
    let (session_over, watched) = watch::channel(false);
    let patience = Duration::from_secs(config.delivery.outage_seconds);
    let outages = tokio::spawn(outage::run(
        health.clone(),
        outbox.clone(),
        patience,
        watched,
    ));
    let parts = FileParts {
        config,
        detection,
        store,
        outbox,
        health,
    };
    file_session::run(&parts, stop.clone()).await?;
    session_over.send_replace(true);
    outages.await.expect("watching does not panic");
    drop(parts); // the notifier ends when the last sender is gone and its letters are out
    let patience = if *stop.borrow() { DRAIN } else { PATIENCE };
    let mailed = tokio::time::timeout(patience, notifier).await;
    drain.send_replace(true);
    if mailed.is_err() {
        warn!("mails were still waiting for the server when the time was up");
    }
    Ok(())
}
