//! Answers the notifier when it wants the background of an alert for a mail.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::alert::{Alert, Background};
use crate::notify::{Backgrounds, Wanted};
use crate::store::{Store, StoreError};

/// What the notifier asks; answered from the store until it asks no more. To be called within a Tokio runtime.
#[must_use]
pub fn answer(store: Arc<Store>) -> Backgrounds {
    let (backgrounds, asked) = Backgrounds::new();
    tokio::spawn(serve(store, asked));
    backgrounds
}

async fn serve(store: Arc<Store>, mut asked: mpsc::Receiver<Wanted>) {
    while let Some(Wanted { alert, mut answer }) = asked.recv().await {
        let found = tokio::select! {
            // Nobody waits for it any more, and the next may be wanted.
            () = answer.closed() => continue,
            found = of(&store, &alert) => found,
        };
        // Whoever does not wait any more does not miss it.
        let _ = answer.send(found.map_err(Into::into));
    }
}

async fn of(store: &Store, alert: &Alert) -> Result<Background, StoreError> {
    let (series, kin) = tokio::try_join!(store.series_of(alert), store.kin_of(alert))?;
    Ok(Background { series, kin })
}
