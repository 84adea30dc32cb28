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

/// A model that could not be read is tried again at the first, second, fourth look and so on, and at each of so many: every 26 seconds.
const SELDOM: u32 = 64;

/// Errors that are told one by one.
const MOST_TOLD: usize = 20;

/// Watches the files of the rules.
pub struct Reload {
    settings: config::Rules,
    detection: Arc<Detection>,
    health: Arc<Health>,
    /// The state of the files that were read last, right or wrong.
    read: u64,
    /// Models of behaviour; `None` where none is used.
    models: Option<WatchedModels>,
}

/// Models of behaviour, and which of them is in force.
struct WatchedModels {
    models: Models,
    in_force: Option<String>,
    refused: Option<Refused>,
}

/// The version that is to be used and could not be read.
struct Refused {
    version: Option<String>,
    problem: String,
    /// Looks since then.
    looks: u32,
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
        let is_known = detection.active().plan().learned().is_some();
        let models = models.map(|models| WatchedModels {
            // One that could not be read at the start is tried again.
            in_force: models.current().ok().flatten().filter(|_| is_known),
            models,
            refused: None,
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

    /// Puts another model in force when another is in use. One that cannot be read is told once; the one before stays, and it is tried again.
    async fn look_at_models(&mut self) {
        let Some(watched) = &mut self.models else {
            return;
        };
        let Ok(current) = watched.models.current() else {
            return; // half of a name is no name; the next look sees it whole
        };
        if current == watched.in_force {
            watched.refused = None;
            return;
        }
        if !watched.is_due(current.as_deref()) {
            return;
        }
        let (models, wanted) = (watched.models.clone(), current.clone());
        let read = move || wanted.map(|version| models.read(&version)).transpose();
        let learned = spawn_blocking(read)
            .await
            .expect("reading a model does not panic");
        match learned {
            Ok(learned) => {
                info!(version = ?current, "another model of behaviour is in force");
                self.detection.replace_model(learned.map(Arc::new));
                watched.in_force = current;
                watched.refused = None;
            }
            Err(problem) => watched.refuse(current, problem.to_string()),
        }
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

impl WatchedModels {
    /// Whether it is time to read this version.
    fn is_due(&mut self, version: Option<&str>) -> bool {
        match &mut self.refused {
            Some(refused) if refused.version.as_deref() == version => {
                refused.looks = refused.looks.saturating_add(1);
                refused.looks.is_power_of_two() || refused.looks.is_multiple_of(SELDOM)
            }
            _ => true,
        }
    }

    fn refuse(&mut self, version: Option<String>, problem: String) {
        let before = self.refused.take();
        let before = before.filter(|refused| refused.version == version);
        if before.as_ref().is_none_or(|it| it.problem != problem) {
            error!(%problem, "the model of behaviour that is to be used cannot be read; what was in force stays, and it is tried again");
        }
        self.refused = Some(Refused {
            version,
            problem,
            looks: before.map_or(0, |refused| refused.looks),
        });
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::{Config, Secret};
    use crate::track::Learned;

    fn watching(folder: &Path) -> (Reload, Arc<Detection>) {
        let mut config = Config::default();
        config.enrich.pseudonym_key = Secret::new("k".repeat(32));
        config.store.dead_letter_key = Secret::new("00".repeat(32));
        config.track.behaviour.enabled = true;
        config.track.behaviour.models = folder.to_owned();
        let rules = RuleSet::from_sources(&[]).unwrap_or_else(|errors| panic!("{errors}"));
        let detection = Arc::new(Detection::new(&config, Arc::new(rules)).unwrap());
        let models = Models::configured(&config.track.behaviour);
        let health = Arc::new(Health::default());
        let reload = Reload::new(config.rules, Arc::clone(&detection), health, 0, models);
        (reload, detection)
    }

    /// Writes a version and puts it in use; its file.
    fn train(models: &Models, version: &str) -> PathBuf {
        models.write(version, &Learned::default(), version).unwrap();
        models.put_in_use(version).unwrap();
        models.folder().join(version).join("behaviour.model")
    }

    fn damage(path: &Path) -> Vec<u8> {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
        whole
    }

    fn generation(detection: &Detection) -> u64 {
        detection.active().plan().generation
    }

    fn learned(detection: &Detection) -> Option<Arc<Learned>> {
        detection.active().plan().learned().cloned()
    }

    /// Looks until another plan is in force; whether that came.
    async fn changes(reload: &mut Reload, detection: &Detection) -> bool {
        let before = generation(detection);
        for _ in 0..=SELDOM {
            reload.look_at_models().await;
            if generation(detection) > before {
                return true;
            }
        }
        false
    }

    #[tokio::test]
    async fn another_model_is_taken_a_broken_one_refused_until_it_is_mended_and_rolled_back() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(folder.path());
        train(&models, "a");
        let (mut reload, detection) = watching(folder.path());
        let first = learned(&detection).expect("the first is read at the start");
        reload.look_at_models().await;
        assert_eq!(generation(&detection), 0, "it is not read twice");

        let path = train(&models, "b");
        let whole = damage(&path);
        for _ in 0..5 {
            reload.look_at_models().await;
        }
        let still = learned(&detection).expect("the first goes on");
        assert!(Arc::ptr_eq(&first, &still) && generation(&detection) == 0);
        fs::write(&path, &whole).unwrap();
        assert!(changes(&mut reload, &detection).await);
        assert!(!Arc::ptr_eq(&first, &learned(&detection).unwrap()));

        train(&models, "c");
        reload.look_at_models().await;
        assert_eq!(generation(&detection), 2, "a good one is taken at once");
        assert_eq!(models.roll_back().unwrap(), "b");
        reload.look_at_models().await;
        assert_eq!(generation(&detection), 3);
        assert!(
            !changes(&mut reload, &detection).await,
            "nothing more to do"
        );
    }

    #[tokio::test]
    async fn a_broken_model_is_given_up_when_the_one_before_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(folder.path());
        train(&models, "a");
        let (mut reload, detection) = watching(folder.path());
        let path = train(&models, "b");
        let whole = damage(&path);
        reload.look_at_models().await;
        assert_eq!(models.roll_back().unwrap(), "a");
        fs::write(&path, whole).unwrap();
        assert!(!changes(&mut reload, &detection).await, "a is in force");
        models.put_in_use("b").unwrap();
        reload.look_at_models().await;
        assert_eq!(generation(&detection), 1, "the looks begin anew");
    }

    #[tokio::test]
    async fn a_model_that_could_not_be_read_at_the_start_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = train(&Models::new(folder.path()), "a");
        let whole = damage(&path);
        let (mut reload, detection) = watching(folder.path());
        assert!(learned(&detection).is_none());
        reload.look_at_models().await;
        assert!(learned(&detection).is_none());
        fs::write(&path, whole).unwrap();
        assert!(changes(&mut reload, &detection).await);
        assert!(learned(&detection).is_some());
    }
}
