//! What became of alerts on their way to people, counted. The pipeline reads the counters for its metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::SendError;

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// Counters of the notifier, shared with whoever shows them.
        #[derive(Debug, Default)]
        pub struct Outcomes {
            $($(#[doc = $doc])+ pub $name: Counter,)+
            /// Why mails wait, if they do.
            pub trouble: Trouble,
        }

        impl Outcomes {
            /// Every counter with its name, in a fixed order.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get())),+]
            }
        }
    };
}

outcomes! {
    /// Alert revisions taken from the source.
    alerts,
    /// Records of the alerts topic that are not alerts; passed over.
    unreadable,
    /// Revisions that nothing new was said of: no step in count, no rise in level.
    quiet,
    /// Revisions of closed alerts that show no more than was seen then.
    closed,
    /// Alerts held back since a person called the like false; they are stored.
    narrowed,
    /// Alerts that a recipient did not want: below the level, or another family.
    unwanted,
    /// Mails that the server took.
    sent,
    /// Among them digests and backlog summaries.
    summaries,
    /// Alerts held back for a digest.
    held,
    /// Alerts too old for a mail, told in a backlog summary.
    backlog,
    /// Attempts that the server or the network put off.
    put_off,
    /// Attempts that failed because the server refused our login or wants another protection; retried.
    login_failed,
    /// Mails that the server refused for good.
    refused,
    /// Mails given up after being put off for too long.
    given_up,
    /// Alerts mailed without the picture and the related alerts that they might have had, since the store did not answer in time.
    no_background,
    /// Mails that could not be composed; passed over.
    not_composed,
    /// Alerts forgotten because too many are open; a later revision is told as new.
    forgotten,
    /// Writes of the ledger that failed and were tried again.
    ledger_retries,
    /// Entries of the ledger that could not be read.
    ledger_unreadable,
}

/// What keeps mails from going out now: the last attempt's failure, until one lands or another instance sends.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<SendError>>);

impl Trouble {
    /// Takes in how the last attempt went; whether that is news.
    pub(crate) fn set(&self, failure: Option<&SendError>) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = held.as_ref() != failure;
        if news {
            *held = failure.cloned();
        }
        news
    }

    /// The failure.
    #[must_use]
    pub fn get(&self) -> Option<SendError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn count(&self) {
        self.add(1);
    }

    /// Adds several.
    pub fn add(&self, several: u64) {
        self.0.fetch_add(several, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
