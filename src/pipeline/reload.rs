//! Edited rules while the service runs: looked at twice a second, taken up as a whole or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::detection::Detection;
use super::health::Health;
use super::models::Models;
use crate::config;
use crate::sigma::{ExceptionKind, RuleErrors, RuleSet, stamp};
use crate::telemetry::metric;

/// How often the files are looked at. An edit counts when two looks in a row see the same, so half-written files are not read.
const LOOK: Duration = Duration::from_millis(400);

/// Errors that are told one by one.
const MOST_TOLD: usize = 20;

/// Watches the files of the rules.
pub struct Reload {
    settings: config::Rules,
    detection: Arc<Detection>,
    health: Arc<Health>,
    /// The state of the files that were read last, right or wrong.
    read: u64,
    /// Models of behaviour, and which of them was read last; `None` where none is used.
    models: Option<(Models, Option<String>)>,
}

impl Reload {
    /// Loads the rules for the first time; what [`Reload::run`] watches for are edits since then.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(settings: &config::Rules) -> Result<(RuleSet, u64), RuleErrors> {
        // Before the files are read: an edit in between is an edit.
        let read = stamp(settings);
        Ok((RuleSet::load(settings)?, read))
    }

    /// Goes on from what [`Reload::load`] gave.
    #[must_use]
    pub fn new(
        settings: config::Rules,
        detection: Arc<Detection>,
        health: Arc<Health>,
        read: u64,
        models: Option<Models>,
    ) -> Self {
        show(detection.active().rules());
        health.set_rules_refused(None); // so that the metric is there before the files change
        let models = models.map(|models| {
            let current = models.current().ok().flatten();
            (models, current)
        });
        Reload {
            settings,
            detection,
            health,
            read,
            models,
        }
    }

    /// Puts edited rules (unless they are not to be watched) and other models in force until `stop`. `taken_up` is told after each time.
    pub async fn run(
        mut self,
        taken_up: watch::Sender<Arc<RuleSet>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut seen = self.read;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            self.look_at_models().await;
            if !self.settings.reload {
                continue;
            }
            let settings = self.settings.clone();
            let now = spawn_blocking(move || stamp(&settings))
                .await
                .expect("looking at files does not panic");
            if now == seen && now != self.read {
                self.read = now;
                self.read_again(&taken_up).await;
            }
            seen = now;
        }
    }

    /// Puts another model in force when another is in use; one that does not fit is told, and the one before stays.
    async fn look_at_models(&mut self) {
        let Some((models, read)) = &mut self.models else {
            return;
        };
        let Ok(current) = models.current() else {
            return; // half of a name is no name; the next look sees it whole
        };
        if current == *read {
            return;
        }
        let wanted = models.clone();
        let learned = spawn_blocking(move || wanted.in_use())
            .await
            .expect("reading a model does not panic");
        match learned {
            Ok(learned) => {
                info!(version = ?current, "another model of behaviour is in force");
                self.detection.replace_model(learned.map(Arc::new));
            }
            Err(problem) => {
                error!(%problem, "the model of behaviour that is to be used does not fit; the one before stays in force");
            }
        }
        *read = current;
    }

    async fn read_again(&self, taken_up: &watch::Sender<Arc<RuleSet>>) {
        let settings = self.settings.clone();
        let begin = Instant::now();
        let loaded = spawn_blocking(move || RuleSet::load(&settings))
            .await
            .expect("loading rules does not panic");
        match loaded {
            Ok(rules) => {
                let rules = Arc::new(rules);
                show(&rules);
                self.detection.replace_rules(Arc::clone(&rules));
                self.health.set_rules_refused(None);
                counter!(metric::RELOADS, "outcome" => "ok").increment(1);
                info!(
                    rules = rules.rules().len(),
                    correlations = rules.correlations().len(),
                    exceptions = rules.exceptions().len(),
                    fingerprint = format!("{:016x}", rules.fingerprint()),
                    seconds = begin.elapsed().as_secs_f64(),
                    "edited rules are in force"
                );
                taken_up.send_replace(rules);
            }
            Err(errors) => {
                counter!(metric::RELOADS, "outcome" => "refused").increment(1);
                for problem in errors.0.iter().take(MOST_TOLD) {
                    error!(%problem, "edited rules are wrong; the set before stays in force");
                }
                self.health.set_rules_refused(Some(summary(&errors)));
            }
        }
    }
}

/// The first thing that is wrong and how many there are.
fn summary(errors: &RuleErrors) -> String {
    let first = errors.0.first().map(ToString::to_string);
    format!(
        "{} wrong, the set before stays in force: {}",
        errors.0.len(),
        first.unwrap_or_default()
    )
}

fn show(rules: &RuleSet) {
    let of_kind = |kind| {
        let exceptions = rules.exceptions().iter();
        exceptions
            .filter(|exception| exception.kind == kind)
            .count()
    };
    for (kind, count) in [
        ("rule", rules.rules().len()),
        ("correlation", rules.correlations().len()),
        ("exception", of_kind(ExceptionKind::Exception)),
        ("silence", of_kind(ExceptionKind::Silence)),
    ] {
        gauge!(metric::RULES, "kind" => kind).set(count as f64);
    }
}
