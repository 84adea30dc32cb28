//! Incidents: alerts that belong together, their list and each one with all of its alerts.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use uuid::Uuid;

use super::alerts::{self, Row};
use super::entity;
use crate::alert::Caller;
use crate::console::answer;
use crate::console::chart::Bar;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::risk;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::sigma::Level;
use crate::store::{AlertFilter, AlertLine, IncidentLine};

/// Incidents on a page.
const ROWS: u32 = 50;
/// Pages that can be turned to.
const MOST_OFFSET: u32 = 10_000;
/// Incidents without an event for so long are not listed.
const KEPT_US: i64 = 30 * 86_400_000_000;
/// Alerts of one incident at most, with room for what two instances linked at once.
const ALERTS: u32 = 200;
/// Bars of the course of its risk.
const BARS: i64 = 60;

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    page: Page,
    rows: Vec<Line>,
    is_all: bool,
    next: Option<String>,
    previous: Option<String>,
}

/// An incident as a list shows it.
pub(super) struct Line {
    id: String,
    level: Level,
    title: Clean,
    alerts: u64,
    open: u64,
    entities: Vec<Clean>,
    integrations: Vec<Clean>,
    first: Timestamp,
    last: Timestamp,
    ago: i64,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Shown {
    page: Page,
    line: Line,
    rows: Vec<Row>,
    back: String,
    callers: Vec<Common>,
    risk: u64,
    bars: Vec<Bar>,
    done: Option<u64>,
}

/// A caller that several of its alerts show.
struct Common {
    kind: Clean,
    value: Clean,
    link: Option<String>,
    alerts: u64,
}

fn line(line: IncidentLine, titles: &HashMap<String, String>) -> Option<Line> {
    let last = Timestamp::from_micros(line.last);
    let entities = line.entities.iter();
    let entities = entities.map(|text| match text.split_once(':') {
        Some((_, value)) => Clean::of(value, 60),
        None => Clean::of(text, 60),
    });
    Some(Line {
        level: Level::from_name(&line.level)?,
        title: Clean::of(titles.get(&line.rule).unwrap_or(&line.title), 160),
        alerts: line.alerts,
        open: line.open,
        entities: entities.collect(),
        integrations: line
            .integrations
            .iter()
            .map(|name| Clean::of(name, 60))
            .collect(),
        first: Timestamp::from_micros(line.first),
        ago: now().since(last),
        last,
        id: line.id,
    })
}

pub(in crate::console) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let is_all = query.get("state").is_some_and(|state| state == "all");
    let offset = query.get("offset").and_then(|offset| offset.parse().ok());
    let offset: u32 = offset.unwrap_or(0).min(MOST_OFFSET);
    let since = now().plus_micros(-KEPT_US);
    // One more says whether there is a next page.
    let range = (offset, ROWS + 1);
    let store = &shared.store;
    let mut lines = store.linked_incidents(is_all, since, range).await?;
    let has_more = lines.len() > ROWS as usize;
    lines.truncate(ROWS as usize);
    let page = Page::new(&shared, &reader, "alerts");
    let titles = alerts::titles(&shared, &page);
    let rows = lines.into_iter();
    let state = if is_all { "all" } else { "open" };
    let at = |offset: u32| format!("/incidents?state={state}&offset={offset}");
    answer::page(&Incidents {
        rows: rows.filter_map(|it| line(it, &titles)).collect(),
        next: has_more.then(|| at(offset + ROWS)),
        previous: (offset > 0).then(|| at(offset.saturating_sub(ROWS))),
        page,
        is_all,
    })
}

/// Alerts of an incident, the newest first.
pub(super) async fn alerts_of(
    shared: &Shared,
    incident: Uuid,
    limit: u32,
) -> Result<Vec<AlertLine>, Failure> {
    let filter = AlertFilter {
        incident: Some(incident),
        limit,
        ..AlertFilter::default()
    };
    Ok(shared.store.list_alerts(&filter).await?)
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let id: Uuid = id.parse().map_err(|_| Failure::NotFound)?;
    let store = &shared.store;
    let found = store.linked_incident(id);
    let (found, callers) = tokio::try_join!(found, store.shared_callers(id))?;
    let lines = alerts_of(&shared, id, ALERTS).await?;
    let page = Page::new(&shared, &reader, "alerts");
    let titles = alerts::titles(&shared, &page);
    let line = found.and_then(|it| line(it, &titles));
    let line = line.ok_or(Failure::NotFound)?;
    let callers = callers.iter().filter_map(|it| {
        let caller = Caller::named(&it.caller)?;
        Some(Common {
            kind: page.entity(&caller.kind),
            value: Clean::of(&caller.value, 80),
            link: entity::link(caller.kind, &caller.value),
            alerts: it.alerts,
        })
    });
    let span = line.last.since(line.first).max(BARS);
    let bars = risk::course(&page, &lines, (line.first, line.last), span / BARS + 1);
    answer::page(&Shown {
        callers: callers.collect(),
        risk: risk::at(&lines, now()),
        bars,
        rows: alerts::rows(&shared, &page, lines),
        back: format!("/incidents/{id}"),
        done: query.get("done").and_then(|done| done.parse().ok()),
        line,
        page,
    })
}
