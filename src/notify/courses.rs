//! Courses of alerts for their mails. Somebody beside the notifier looks them up, and no mail waits long for them: one that is not
//! there in time goes without its picture, and after that none is asked for, for a while.

use std::error::Error;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{info, warn};

use super::Outcomes;
use crate::alert::{Alert, Course, Series};
use crate::event::Timestamp;

/// A mail waits so long for its picture.
const PATIENCE: Duration = Duration::from_secs(2);
/// After one was waited for in vain, mails go without for so long, in microseconds.
const PAUSE: i64 = 60_000_000;

/// The course of an alert; none where a count says nothing of it.
pub type Found = Result<Option<Series>, Box<dyn Error + Send + Sync>>;

/// A course that is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Of what.
    pub alert: Alert,
    /// Takes the answer; closed when nobody waits for it any more.
    pub answer: oneshot::Sender<Found>,
}

/// Asks for courses. Clones ask the same.
#[derive(Clone, Debug)]
pub struct Courses {
    wanted: mpsc::Sender<Wanted>,
    patience: Duration,
    /// Nothing is asked before.
    silent_until: Option<Timestamp>,
}

impl Courses {
    /// What asks, and where it is answered, one after another.
    #[must_use]
    pub fn new() -> (Courses, mpsc::Receiver<Wanted>) {
        let (wanted, asked) = mpsc::channel(1);
        let courses = Courses {
            wanted,
            patience: PATIENCE,
            silent_until: None,
        };
        (courses, asked)
    }

    /// The course of an alert, within two seconds or never.
    pub(crate) async fn of(
        &mut self,
        alert: &Alert,
        now: Timestamp,
        outcomes: &Outcomes,
    ) -> Option<Series> {
        // Of what has none nobody is asked.
        Course::of(alert)?;
        // A clock that was set back makes no pause longer.
        let is_silent = |until: Timestamp| (1..=PAUSE).contains(&until.since(now));
        if self.silent_until.is_some_and(is_silent) {
            outcomes.no_picture.count();
            return None;
        }
        match self.ask(alert).await {
            Ok(found) => {
                if self.silent_until.take().is_some() {
                    info!("mails have pictures again");
                }
                found
            }
            Err(error) => {
                outcomes.no_picture.count();
                // An outage is one line of the log.
                if self.silent_until.is_none() {
                    warn!(%error, "no picture for a mail; mails go without until it works again");
                }
                self.silent_until = Some(now.plus_micros(PAUSE));
                None
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
    use crate::alert::{Counted, samples};
    use crate::event::Timestamp;

    fn series() -> Series {
        Series {
            counted: Counted::Calls,
            from: Timestamp::from_seconds(samples::START),
            minutes: 60,
            values: vec![1.0, 9.0],
            marked: 1..2,
            expected: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(samples::START + second)
    }

    #[tokio::test]
    async fn no_mail_waits_long_for_a_picture_and_after_one_none_does() {
        let (mut courses, mut asked) = Courses::new();
        assert_eq!(courses.patience, Duration::from_secs(2));
        courses.patience = Duration::from_millis(50);
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        let began = std::time::Instant::now();
        // Asked for, and never answered.
        for second in 0..60 {
            assert_eq!(courses.of(&alert, at(second), &outcomes).await, None);
        }
        assert!(began.elapsed() < Duration::from_secs(2), "one waited");
        assert_eq!(outcomes.no_picture.get(), 60);
        let wanted = asked.recv().await.unwrap();
        assert!(wanted.answer.is_closed(), "nobody waits any more");
        assert!(asked.try_recv().is_err(), "nothing else was asked");
        // After the pause it is tried again, and works; so it does when the clock was set back.
        courses.patience = Duration::from_secs(20);
        tokio::spawn(async move {
            while let Some(wanted) = asked.recv().await {
                let _ = wanted.answer.send(Ok(Some(series())));
            }
        });
        let mut set_back = courses.clone();
        for second in [60, 61] {
            let found = courses.of(&alert, at(second), &outcomes).await;
            assert_eq!(found, Some(series()));
        }
        let found = set_back.of(&alert, at(-100), &outcomes).await;
        assert_eq!(found, Some(series()));
        assert_eq!(outcomes.no_picture.get(), 60);
    }

    #[tokio::test]
    async fn an_error_is_no_course_and_that_there_is_none_is_an_answer() {
        let (mut courses, mut asked) = Courses::new();
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        tokio::spawn(async move {
            let refused = asked.recv().await.unwrap();
            let _ = refused.answer.send(Err("refused".into()));
            let unknown = asked.recv().await.unwrap();
            let _ = unknown.answer.send(Ok(None));
        });
        assert_eq!(courses.of(&alert, at(0), &outcomes).await, None);
        assert_eq!(outcomes.no_picture.get(), 1);
        assert_eq!(courses.of(&alert, at(60), &outcomes).await, None);
        assert_eq!(outcomes.no_picture.get(), 1);
        assert_eq!(courses.silent_until, None);
        // Of what has no course nobody is asked.
        assert_eq!(
            courses.of(&samples::hostile(), at(61), &outcomes).await,
            None
        );
        assert_eq!(outcomes.no_picture.get(), 1);
        // Whoever answered is gone.
        assert_eq!(courses.of(&alert, at(61), &outcomes).await, None);
        assert_eq!(outcomes.no_picture.get(), 2);
    }
}
