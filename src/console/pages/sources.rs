//! Sources and pipeline: who was heard of, what could not be read, how the service does.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Condition, Shared};
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;

const DAY_US: i64 = 86_400_000_000;

#[derive(Template)]
#[template(path = "sources.html")]
struct Sources {
    page: Page,
    condition: Condition,
    newest: Option<Timestamp>,
    lag: i64,
    gateways: Vec<(Clean, Timestamp, u64)>,
    unread: Vec<(Clean, u64)>,
    narrowings: Vec<Narrowed>,
    exceptions: Vec<Excepted>,
}

/// What is told less of since somebody called an alert false.
struct Narrowed {
    alert: uuid::Uuid,
    entity: Clean,
    metric: Clean,
    actor: Clean,
    time: Timestamp,
}

/// An exception or a silence of the rule files.
struct Excepted {
    title: Clean,
    kind: &'static str,
    owner: Clean,
    reason: Clean,
    expires: Timestamp,
    is_over: bool,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    let now = now();
    let store = &shared.store;
    let newest = store.newest_event().await?;
    let until = newest.map_or(now, |newest| newest.min(now)).plus_micros(1);
    let (heard, unread, decided) = tokio::try_join!(
        store.heard(until.plus_micros(-7 * DAY_US), until),
        store.unread_since(now.plus_micros(-7 * DAY_US)),
        store.decided(),
    )?;
    let gateways = heard.iter().map(|it| {
        let last = Timestamp::from_micros(it.last);
        (Clean::of(&it.gateway, 64), last, it.events)
    });
    let narrowings = decided.narrowings.iter().map(|it| Narrowed {
        alert: it.alert,
        entity: Clean::of(&it.entity.value, 80),
        metric: Clean::of(&it.metric, 80),
        actor: Clean::of(&it.actor, 64),
        time: it.time,
    });
    answer::page(&Sources {
        condition: (shared.condition)(),
        lag: newest.map_or(0, |newest| now.since(newest)),
        newest,
        gateways: gateways.collect(),
        unread: unread
            .iter()
            .map(|it| (Clean::of(&it.reason, 80), it.records))
            .collect(),
        narrowings: narrowings.collect(),
        exceptions: exceptions(&shared, now),
        page: Page::new(&shared, &reader, "administration"),
    })
}

fn exceptions(shared: &Shared, now: Timestamp) -> Vec<Excepted> {
    let rules = shared.rules.borrow();
    let exceptions = rules.exceptions().iter().map(|it| Excepted {
        title: Clean::of(&it.title, 120),
        kind: it.kind.name(),
        owner: Clean::of(&it.owner, 80),
        reason: Clean::of(&it.reason, 200),
        expires: it.expires,
        is_over: it.expires <= now,
    });
    exceptions.collect()
}
