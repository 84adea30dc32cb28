//! Answers the notifier when it wants the course of an alert for a mail.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::notify::{Courses, Wanted};
use crate::store::Store;

/// What the notifier asks; answered from the store until it asks no more. To be called within a Tokio runtime.
#[must_use]
pub fn answer(store: Arc<Store>) -> Courses {
    let (courses, asked) = Courses::new();
    tokio::spawn(serve(store, asked));
    courses
}

async fn serve(store: Arc<Store>, mut asked: mpsc::Receiver<Wanted>) {
    while let Some(Wanted { alert, mut answer }) = asked.recv().await {
        let found = tokio::select! {
            // Nobody waits for it any more, and the next may be wanted.
            () = answer.closed() => continue,
            found = store.series_of(&alert) => found,
        };
        // Whoever does not wait any more does not miss it.
        let _ = answer.send(found.map_err(Into::into));
    }
}
