//! The webhook in the service: sends what alerts have to tell, again and again until it is taken, and puts on record that it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use metrics::counter;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};
use uuid::Uuid;

use super::health::Health;
use crate::alert::Alert;
use crate::config::{self, Config, SecretError};
use crate::event::Timestamp;
use crate::notify::now;
use crate::sigma::Level;
use crate::store::{Delivery, Store, StoreError, tells_reopened};
use crate::telemetry::metric;
use crate::tls;
use crate::webhook::{self, Signer};

/// How often it is looked for what is to be sent.
const LOOK: Duration = Duration::from_secs(2);
const HOUR_US: i64 = 3_600_000_000;
const SECOND_US: i64 = 1_000_000;
/// What was not taken is tried again after so many seconds, then twice as many, at most so many.
const FIRST_WAIT_S: i64 = 5;
const LONGEST_WAIT_S: i64 = 600;

/// Messages that are sent in one look.
const AT_ONCE: usize = 50;

/// Why there can be no webhook.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// The address.
    #[error("webhook.url: {0}")]
    Url(&'static str),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] webhook::SecretError),
    /// The secret cannot be had.
    #[error("webhook: {0}")]
    Unreadable(#[from] SecretError),
    /// The authorities.
    #[error("webhook.ca_file {0}")]
    Authorities(String),
}

/// So much of an alert, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    id: Uuid,
    alert: Uuid,
    stage: String,
}

/// What is tried again.
#[derive(Clone, Copy, Debug)]
struct Tried {
    times: u32,
    not_before: Timestamp,
}

/// The webhook, set up and not running yet.
pub struct Webhook {
    settings: config::Webhook,
    url: Uri,
    signer: Signer,
    client: Client<HttpsConnector<HttpConnector>, Body>,
    installation: String,
    console_url: String,
    tried: HashMap<Uuid, Tried>,
}

impl Webhook {
    /// As the configuration says; `None` where there is no address.
    ///
    /// # Errors
    /// Address, secret or authorities are wrong.
    pub fn configured(config: &Config) -> Result<Option<Webhook>, WebhookError> {
        let settings = config.webhook.clone();
        if settings.url.is_empty() {
            return Ok(None);
        }
        let url = address(&settings.url)?;
        let secret = settings
            .secret
            .resolve(settings.secret_file.as_deref(), "webhook.secret")?;
        let tls = match tls::client(settings.ca_file.as_deref()) {
            Err(_) if settings.ca_file.is_none() && url.scheme_str() == Some("http") => {
                tls::nobody()
            }
            tls => tls.map_err(WebhookError::Authorities)?,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Some(Webhook {
            signer: Signer::new(secret.expose())?,
            client: Client::builder(TokioExecutor::new()).build(connector),
            installation: config.mail.name.clone(),
            console_url: config.mail.console_url.clone(),
            tried: HashMap::new(),
            settings,
            url,
        }))
    }

    /// Sends until `stop`, while this instance is the active one.
    pub async fn run(
        mut self,
        store: Arc<Store>,
        health: Arc<Health>,
        mut stop: watch::Receiver<bool>,
    ) {
        info!(host = self.url.host(), "alerts go to a webhook");
        // Counted from nothing: of a counter that begins with 1, Prometheus sees no increase.
        for outcome in ["sent", "refused", "given_up", "retried"] {
            counter!(metric::WEBHOOKS, "outcome" => outcome).increment(0);
        }
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut well = true;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            if health.readiness().state != "active" {
                continue;
            }
            // A message on its way at a stop is sent again, with the same id.
            let looked = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                looked = self.look(&store) => looked,
            };
            match looked {
                Ok(()) => well = true,
                Err(problem) if well => {
                    well = false;
                    warn!(%problem, "the webhook cannot look for alerts until this ends");
                }
                Err(_) => {}
            }
        }
    }

    async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        let now = now();
        let lasts = i64::from(self.settings.give_up_hours.max(1)) * HOUR_US;
        let least = Level::from(self.settings.minimum_level);
        // What is a look older than the end is still looked at, so that giving up is on record.
        let since = now.plus_micros(-lasts - HOUR_US);
        let waiting = store
            .alerts_to_send(&self.settings.families, least, since)
            .await?;
        let batch = due(waiting, &mut self.tried, now);
        if batch.is_empty() {
            return Ok(());
        }
        let alerts: Vec<Uuid> = batch.iter().map(|message| message.alert).collect();
        let alerts = store.alerts_by_id(&alerts).await?;
        for Message { id, alert, stage } in batch {
            let times = self.tried.get(&id).map_or(0, |tried| tried.times) + 1;
            let Some(alert) = alerts.get(&alert) else {
                // It cannot be read now: the others go first.
                let not_before = now.plus_micros(LONGEST_WAIT_S * SECOND_US);
                self.tried.insert(id, Tried { times, not_before });
                continue;
            };
            let is_reopened = tells_reopened(&stage);
            let status = self.send(alert, is_reopened, id).await;
            let is_over = now.since(alert.last) > lasts;
            let Some(outcome) = outcome(status, is_over) else {
                self.put_off(id, times, status, now);
                if status.is_none() {
                    // Nobody answers: the others would wait as long in vain.
                    break;
                }
                continue;
            };
            counter!(metric::WEBHOOKS, "outcome" => outcome).increment(1);
            let delivery = Delivery {
                alert: alert.id,
                stage,
                time: now,
                outcome,
                status: status.map_or(0, |status| status.as_u16()),
                attempts: times,
            };
            store.record_delivery(&delivery).await?;
            if outcome != "sent" {
                warn!(alert = %alert.id, outcome, status = delivery.status, "the webhook did not take an alert");
            }
        }
        Ok(())
    }

    fn put_off(&mut self, id: Uuid, times: u32, status: Option<StatusCode>, now: Timestamp) {
        counter!(metric::WEBHOOKS, "outcome" => "retried").increment(1);
        let wait = (FIRST_WAIT_S << (times - 1).min(10)).min(LONGEST_WAIT_S);
        if times == 1 {
            let status = status.map_or(0, |status| status.as_u16());
            warn!(message = %id, status, "the webhook did not take a message, which is sent again");
        }
        let not_before = now.plus_micros(wait * SECOND_US);
        self.tried.insert(id, Tried { times, not_before });
    }

    /// The status of the answer; `None` without one.
    async fn send(&self, alert: &Alert, is_reopened: bool, id: Uuid) -> Option<StatusCode> {
        let (installation, console_url) = (&self.installation, &self.console_url);
        let body = webhook::body(alert, is_reopened, installation, console_url).to_string();
        let (id, at) = (id.to_string(), now());
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", at.seconds())
            .header("webhook-signature", self.signer.sign(&id, at, &body))
            .body(Body::from(body))
            .ok()?;
        let limit = Duration::from_secs(u64::from(self.settings.timeout_seconds.max(1)));
        let answer = tokio::time::timeout(limit, self.client.request(request)).await;
        Some(answer.ok()?.ok()?.status())
    }
}

/// What is to be sent now, of all that waits: first what was never tried, then what was put off and is due, the longest due first. What does not wait any more is forgotten.
fn due(
    waiting: Vec<(Uuid, String)>,
    tried: &mut HashMap<Uuid, Tried>,
    now: Timestamp,
) -> Vec<Message> {
    let messages = waiting.into_iter().map(|(alert, stage)| Message {
        id: webhook::message_id(alert, &stage),
        alert,
        stage,
    });
    let messages: Vec<Message> = messages.collect();
    let ids: HashSet<Uuid> = messages.iter().map(|message| message.id).collect();
    tried.retain(|id, _| ids.contains(id));
    let from = |message: &Message| {
        let tried = tried.get(&message.id);
        tried.map_or(Timestamp::MIN, |tried| tried.not_before)
    };
    let mut due: Vec<Message> = messages.into_iter().filter(|it| from(it) <= now).collect();
    due.sort_by_key(from);
    due.truncate(AT_ONCE);
    due
}

/// What became of a message for good; `None` where it is tried again.
fn outcome(status: Option<StatusCode>, is_over: bool) -> Option<&'static str> {
    let passes = |status: StatusCode| {
        status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT
            )
    };
    match status {
        Some(status) if status.is_success() => Some("sent"),
        Some(status) if !passes(status) => Some("refused"),
        _ if is_over => Some("given_up"),
        _ => None,
    }
}

/// An address that tells nobody else what is sent.
fn address(url: &str) -> Result<Uri, WebhookError> {
    let url: Uri = url
        .parse()
        .map_err(|_| WebhookError::Url("is no address"))?;
    let host = url.host().ok_or(WebhookError::Url("has no host"))?;
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_here => Ok(url),
        Some("http") => Err(WebhookError::Url(
            "must be https where the host is another one",
        )),
        _ => Err(WebhookError::Url("must be https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_is_over() {
        let of = |status: u16, is_over| outcome(StatusCode::from_u16(status).ok(), is_over);
        assert_eq!(of(204, false), Some("sent"));
        assert_eq!(of(410, false), Some("refused"));
        assert_eq!(
            of(301, false),
            Some("refused"),
            "nobody is followed elsewhere"
        );
        assert_eq!(of(429, false), None);
        assert_eq!(of(503, true), Some("given_up"));
        assert_eq!(outcome(None, false), None);
    }

    #[test]
    fn what_is_put_off_does_not_hold_back_what_is_newer() {
        let now = Timestamp::from_seconds(1_000);
        let waiting: Vec<(Uuid, String)> = (0..60)
            .map(|number| (Uuid::from_u128(number), "high/0".to_owned()))
            .collect();
        let mut tried = HashMap::new();
        let alerts = |batch: &[Message]| -> Vec<u128> {
            batch.iter().map(|it| it.alert.as_u128()).collect()
        };
        let first = due(waiting.clone(), &mut tried, now);
        assert_eq!(alerts(&first), (0..50).collect::<Vec<_>>());
        for (at, message) in (0..).zip(&first) {
            let not_before = now.plus_micros((at + 1) * SECOND_US);
            let times = 1;
            tried.insert(message.id, Tried { times, not_before });
        }
        let second = due(waiting.clone(), &mut tried, now);
        assert_eq!(alerts(&second), (50..60).collect::<Vec<_>>());
        // Those that were never tried first, then those that are due.
        let later = now.plus_micros(2 * SECOND_US);
        let third = due(waiting[..55].to_vec(), &mut tried, later);
        assert_eq!(alerts(&third), [50, 51, 52, 53, 54, 0, 1]);
        due(waiting[49..].to_vec(), &mut tried, later);
        assert_eq!(tried.len(), 1, "what does not wait is forgotten");
    }

    #[test]
    fn alerts_do_not_travel_in_clear() {
        assert!(address("https://chat.example.org/hook").is_ok());
        assert!(address("http://127.0.0.1:9000/hook").is_ok());
        for wrong in ["http://chat.example.org/", "ftp://a/", "", "/hook"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
