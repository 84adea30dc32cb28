//! Courses of alerts for their mails. Somebody beside the notifier looks them up, and no mail waits long for them: one that is not
//! there in time goes without its picture, and after that none is asked for, for a while.

use std::error::Error;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::Outcomes;
use crate::alert::{Alert, Series};

/// A mail waits so long for its picture.
const PATIENCE: Duration = Duration::from_secs(2);
/// After one was waited for in vain, mails go without for so long.
const PAUSE: Duration = Duration::from_mins(1);

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
    /// Nothing is asked before.
    silent_until: Option<Instant>,
}

impl Courses {
    /// What asks, and where it is answered, one after another.
    #[must_use]
    pub fn new() -> (Courses, mpsc::Receiver<Wanted>) {
        let (wanted, asked) = mpsc::channel(1);
        let courses = Courses {
            wanted,
            silent_until: None,
        };
        (courses, asked)
    }

    /// The course of an alert, within two seconds or never.
    pub(crate) async fn of(&mut self, alert: &Alert, outcomes: &Outcomes) -> Option<Series> {
        if self
            .silent_until
            .is_some_and(|until| Instant::now() < until)
        {
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
                self.silent_until = Some(Instant::now() + PAUSE);
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
        match timeout(PATIENCE, answered).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs()).into()),
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

    #[tokio::test(start_paused = true)]
    async fn no_mail_waits_for_a_picture_longer_than_two_seconds_and_few_wait() {
        let (mut courses, mut asked) = Courses::new();
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        let began = Instant::now();
        // Asked for, and never answered.
        for _ in 0..100 {
            assert_eq!(courses.of(&alert, &outcomes).await, None);
        }
        assert_eq!(began.elapsed(), PATIENCE);
        assert_eq!(outcomes.no_picture.get(), 100);
        let wanted = asked.recv().await.unwrap();
        assert!(wanted.answer.is_closed(), "nobody waits any more");
        // After the pause it is tried again, and works.
        tokio::time::advance(PAUSE).await;
        let answering = tokio::spawn(async move {
            while let Some(wanted) = asked.recv().await {
                let _ = wanted.answer.send(Ok(Some(series())));
            }
        });
        for _ in 0..3 {
            assert_eq!(courses.of(&alert, &outcomes).await, Some(series()));
        }
        assert_eq!(outcomes.no_picture.get(), 100);
        answering.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_no_course_and_ends_with_the_first_answer() {
        let (mut courses, mut asked) = Courses::new();
        let outcomes = Outcomes::default();
        let alert = samples::correlation();
        tokio::spawn(async move {
            let refused = asked.recv().await.unwrap();
            let _ = refused.answer.send(Err("refused".into()));
            let unknown = asked.recv().await.unwrap();
            let _ = unknown.answer.send(Ok(None));
        });
        assert_eq!(courses.of(&alert, &outcomes).await, None);
        assert_eq!(outcomes.no_picture.get(), 1);
        tokio::time::advance(PAUSE).await;
        assert_eq!(courses.of(&alert, &outcomes).await, None);
        assert_eq!(
            outcomes.no_picture.get(),
            1,
            "that there is none is an answer"
        );
        assert_eq!(courses.silent_until, None);
        // Whoever answered is gone.
        assert_eq!(courses.of(&alert, &outcomes).await, None);
        assert_eq!(outcomes.no_picture.get(), 2);
    }
}
