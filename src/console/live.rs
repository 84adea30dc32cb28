//! News as they come: open alerts, told to pages that stay open by server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

use super::failure::Failure;
use super::shared::Shared;

/// The address of the stream.
pub(super) const PATH: &str = "/live";

/// How often ClickHouse is asked, once for all pages.
const LOOK: Duration = Duration::from_secs(3);

/// So long a page listens at once.
const LISTENS: Duration = Duration::from_mins(5);

/// What is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct News {
    /// Alerts that are open.
    pub(super) open: u64,
    /// Alerts that nobody has looked at.
    pub(super) new: u64,
    /// When the newest alert had its newest event, in microseconds.
    pub(super) newest: i64,
}

/// Asks until `stop`, while anybody listens.
pub(super) async fn watch(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut well = true;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            _ = ticks.tick() => {}
        }
        if shared.news.receiver_count() == 0 {
            continue;
        }
        match shared.store.open_counts().await {
            Ok((open, new, newest)) => {
                well = true;
                let news = News { open, new, newest };
                shared.news.send_if_modified(|known| {
                    let differs = *known != news;
                    *known = news;
                    differs
                });
            }
            Err(problem) if well => {
                well = false;
                warn!(%problem, "the console cannot ask for news until this ends");
            }
            Err(_) => {}
        }
    }
    // Pages that listen would keep the process up.
    shared.listening.close();
    shared.news.send_modify(|_| {});
}

/// The stream of one page.
pub(super) async fn listen(State(shared): State<Arc<Shared>>) -> Result<Response, Failure> {
    let semaphore = Arc::clone(&shared.listening);
    let place = semaphore.try_acquire_owned().map_err(|_| {
        Failure::Wrong(
            "Слишком много открытых страниц ждут новостей.",
            "Too many open pages wait for news.",
        )
    })?;
    let news = shared.news.subscribe();
    // Then the browser asks again, and shows that it still may.
    let end = Instant::now() + LISTENS;
    let stream = stream::unfold(
        (news, shared, place, true),
        move |(mut news, shared, place, first)| async move {
            if !first {
                let changed = tokio::time::timeout_at(end, news.changed()).await;
                changed.ok()?.ok()?;
            }
            if shared.listening.is_closed() {
                return None;
            }
            let said = news.borrow_and_update().clone();
            let event = Event::default().event("news").json_data(said).ok()?;
            Some((Ok::<_, Infallible>(event), (news, shared, place, false)))
        },
    );
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
        .into_response())
}
