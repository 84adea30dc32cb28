//! What a mail says beyond its alert: the course as a picture, and other alerts of the same callers. Somebody beside the notifier looks it up, and no
//! mail waits long for it: when it is not there in time the mail goes without, and after that nothing is asked for, for a while.

use std::error::Error;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{info, warn};

use super::Outcomes;
use crate::alert::{Alert, Background, Course};
use crate::event::Timestamp;

/// A mail waits so long for its background.
const PATIENCE: Duration = Duration::from_secs(2);
/// After one was waited for in vain, mails go without for so long, in microseconds.
const PAUSE: i64 = 60_000_000;

/// The background of an alert.
pub type Found = Result<Background, Box<dyn Error + Send + Sync>>;

/// A background that is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Of what.
    pub alert: Alert,
    /// Takes the answer; closed when nobody waits for it any more.
    pub answer: oneshot::Sender<Found>,
}

/// Asks for backgrounds. Clones ask the same.
#[derive(Clone, Debug)]
pub struct Backgrounds {
    wanted: mpsc::Sender<Wanted>,
    patience: Duration,
    /// Nothing is asked before.
    silent_until: Option<Timestamp>,
}

impl Backgrounds {
    /// What asks, and where it is answered, one after another.
    #[must_use]
    pub fn new() -> (Backgrounds, mpsc::Receiver<Wanted>) {
        let (wanted, asked) = mpsc::channel(1);
        let backgrounds = Backgrounds {
            wanted,
            patience: PATIENCE,
            silent_until: None,
        };
        (backgrounds, asked)
    }

    /// The background of an alert, within two seconds or never.
    pub(crate) async fn of(
        &mut self,
        alert: &Alert,
        now: Timestamp,
        outcomes: &Outcomes,
    ) -> Background {
        // Of what has none nobody is asked.
        if Course::of(alert).is_none() && alert.callers().is_empty() {
            return Background::default();
        }
        // A clock that was set back makes no pause longer.
        let is_silent = |until: Timestamp| (1..=PAUSE).contains(&until.since(now));
        if self.silent_until.is_some_and(is_silent) {
            outcomes.no_background.count();
            return Background::default();
        }
        match self.ask(alert).await {
            Ok(found) => {
                if self.silent_until.take().is_some() {
                    info!("mails have their background again");
                }
                found
            }
            Err(error) => {
                outcomes.no_background.count();
                // An outage is one line of the log.
                if self.silent_until.is_none() {
                    warn!(%error, "no picture and no related alerts for a mail; mails go without until it works again");
                }
                self.silent_until = Some(now.plus_micros(PAUSE));
                Background::default()
            }
        }
    }

    async fn ask(&self, alert: &Alert) -> Found {
        let answered = async {
            let (answer, answered) = oneshot::channel();
            let wanted = Wanted {
                alert: alert.clone(),
                answer,
            };
            self.wanted.send(wanted).await.map_err(|_| GONE)?;
            answered.await.map_err(|_| GONE)?
        };
        match timeout(self.patience, answered).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {} s", self.patience.as_secs()).into()),
        }
    }
}

const GONE: &str = "nobody answers";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Counted, Series, samples};
    use crate::event::Timestamp;

    fn background() -> Background {
        let series = Series {
            counted: Counted::Calls,
            from: Timestamp::from_seconds(samples::START),
            minutes: 60,
            values: vec![1.0, 9.0],
            marked: 1..2,
            expected: None,
        };
        Background {
            series: Some(series),
            ..Background::default()
        }
    }

    fn nothing() -> Background {
        Background::default()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(samples::START + second)
    }

    #[tokio::test]
    async fn no_mail_waits_long_for_a_picture_and_after_one_none_does() {
        let (mut backgrounds, mut asked) = Backgrounds::new();
        assert_eq!(backgrounds.patience, Duration::from_secs(2));
        backgrounds.patience = Duration::from_millis(50);
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        let began = std::time::Instant::now();
        // Asked for, and never answered.
        for second in 0..60 {
            assert_eq!(
                backgrounds.of(&alert, at(second), &outcomes).await,
                nothing()
            );
        }
        assert!(began.elapsed() < Duration::from_secs(2), "one waited");
        assert_eq!(outcomes.no_background.get(), 60);
        let wanted = asked.recv().await.unwrap();
        assert!(wanted.answer.is_closed(), "nobody waits any more");
        assert!(asked.try_recv().is_err(), "nothing else was asked");
        // After the pause it is tried again, and works; so it does when the clock was set back.
        backgrounds.patience = Duration::from_secs(20);
        tokio::spawn(async move {
            while let Some(wanted) = asked.recv().await {
                let _ = wanted.answer.send(Ok(background()));
            }
        });
        let mut set_back = backgrounds.clone();
        for second in [60, 61] {
            let found = backgrounds.of(&alert, at(second), &outcomes).await;
            assert_eq!(found, background());
        }
        let found = set_back.of(&alert, at(-100), &outcomes).await;
        assert_eq!(found, background());
        assert_eq!(outcomes.no_background.get(), 60);
    }

    #[tokio::test]
    async fn an_error_is_no_course_and_that_there_is_none_is_an_answer() {
        let (mut backgrounds, mut asked) = Backgrounds::new();
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        tokio::spawn(async move {
            let refused = asked.recv().await.unwrap();
            let _ = refused.answer.send(Err("refused".into()));
            let unknown = asked.recv().await.unwrap();
            let _ = unknown.answer.send(Ok(nothing()));
        });
        assert_eq!(backgrounds.of(&alert, at(0), &outcomes).await, nothing());
        assert_eq!(outcomes.no_background.get(), 1);
        assert_eq!(backgrounds.of(&alert, at(60), &outcomes).await, nothing());
        assert_eq!(outcomes.no_background.get(), 1);
        assert_eq!(backgrounds.silent_until, None);
        // Of what has neither course nor callers nobody is asked.
        let mut nobodys = samples::hostile();
        nobodys.entity.kind = crate::track::EntityKind::Gateway;
        nobodys.evidence.clear();
        assert_eq!(backgrounds.of(&nobodys, at(61), &outcomes).await, nothing());
        assert_eq!(outcomes.no_background.get(), 1);
        // Whoever answered is gone.
        assert_eq!(backgrounds.of(&alert, at(61), &outcomes).await, nothing());
        assert_eq!(outcomes.no_background.get(), 2);
    }
}
