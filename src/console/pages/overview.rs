//! The overview: traffic, open alerts, what of the requirements is breached, who is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::alerts::{self, Row};
use super::sources;
use crate::console::answer;
use crate::console::chart::{self, Bar, Usual};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::{Fact, Timestamp};
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::report::requirement_of;
use crate::sigma::Level;
use crate::store::{AlertFilter, AlertOrder, FactCalls, Heard, OpenAlerts};
use crate::triage;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Alerts that are shown.
const ALERTS: u32 = 10;
/// A gateway that was silent for so long is one to look at.
const SILENT_US: i64 = HOUR_US;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    missing: Vec<(Clean, Clean)>,
    rules_refused: Option<String>,
    stale: Option<i64>,
    bars: Vec<Bar>,
    calls: u64,
    refused: u64,
    levels: Vec<Tile>,
    open: u64,
    alerts: Vec<Row>,
    integrations: Vec<Integration>,
    gateways: Vec<Gateway>,
    unread: u64,
}

/// Open alerts of a level, those of them that nobody has looked at, and the list of them.
struct Tile {
    level: Level,
    all: u64,
    new: u64,
    link: String,
}

/// What of an integration was breached or tried in a day.
struct Integration {
    name: Clean,
    link: String,
    breached: Vec<&'static str>,
    tried: Vec<&'static str>,
}

struct Gateway {
    name: Clean,
    last: Timestamp,
    ago: i64,
    events: u64,
    is_silent: bool,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    let now = now();
    let store = &shared.store;
    let until = shared.end_of_events(now).await?;
    let from = until.plus_micros(-DAY_US).floor_to(HOUR_US);
    let end = until.floor_to(HOUR_US).plus_micros(HOUR_US);
    let states = triage::State::ALL.into_iter();
    let worst = AlertFilter {
        states: states
            .filter(|it| it.is_open())
            .map(triage::State::name)
            .collect(),
        order: AlertOrder::Worst,
        limit: ALERTS,
        ..AlertFilter::default()
    };
    let (traffic, open, alerts, facts, heard, unread) = tokio::try_join!(
        store.traffic(from, end),
        store.open_alerts(),
        store.list_alerts(&worst),
        store.facts_since(from),
        store.heard(from, end),
        store.unread_since(now.plus_micros(-DAY_US)),
    )?;
    let page = Page::new(&shared, &reader, "overview");
    let rows = alerts::rows(&shared, &page, alerts);
    let condition = (shared.condition)(false);
    answer::page(&Overview {
        missing: sources::missing(&condition, reader.locale),
        rules_refused: condition.rules_refused,
        stale: Some(now.since(until)).filter(|age| *age > DAY_US),
        bars: chart::calls(&page, &traffic, &Usual::default(), (from, until), HOUR_US).0,
        calls: traffic.iter().map(|it| it.calls).sum(),
        refused: traffic.iter().map(|it| it.refused).sum(),
        levels: levels(&open),
        open: open.iter().map(|it| it.alerts).sum(),
        alerts: rows,
        integrations: integrations(&shared, &facts),
        gateways: heard.iter().map(|it| gateway(it, until)).collect(),
        unread: unread.iter().map(|it| it.records).sum(),
        page,
    })
}

/// A tile for each level, the worst first.
fn levels(open: &[OpenAlerts]) -> Vec<Tile> {
    let all = [
        Level::Critical,
        Level::High,
        Level::Medium,
        Level::Low,
        Level::Informational,
    ];
    let of = |level: Level| {
        let of_level = open.iter().filter(|it| it.level == level.name());
        let (mut all, mut new) = (0, 0);
        for it in of_level {
            all += it.alerts;
            new += if it.state == triage::State::New.name() {
                it.alerts
            } else {
                0
            };
        }
        Tile {
            level,
            all,
            new,
            link: alerts::of_level(level),
        }
    };
    all.into_iter().map(of).collect()
}

/// Every integration that has a contract, or calls with facts.
fn integrations(shared: &Shared, facts: &[FactCalls]) -> Vec<Integration> {
    let mut found: BTreeMap<&str, (BTreeSet<&'static str>, BTreeSet<&'static str>)> =
        BTreeMap::new();
    for document in shared.contracts.documents() {
        found.entry(&document.integration).or_default();
    }
    for calls in facts.iter().filter(|calls| !calls.integration.is_empty()) {
        let Some(requirement) = Fact::from_name(&calls.fact).and_then(requirement_of) else {
            continue;
        };
        let (breached, tried) = found.entry(&calls.integration).or_default();
        if calls.allowed > 0 {
            breached.insert(requirement);
        } else {
            tried.insert(requirement);
        }
    }
    let all = found.into_iter();
    all.map(|(name, (breached, tried))| Integration {
        name: Clean::of(name, 64),
        link: super::integrations::link(name),
        tried: tried.difference(&breached).copied().collect(),
        breached: breached.into_iter().collect(),
    })
    .collect()
}

fn gateway(heard: &Heard, until: Timestamp) -> Gateway {
    let last = Timestamp::from_micros(heard.last);
    let ago = until.since(last);
    Gateway {
        name: Clean::of(&heard.gateway, 64),
        last,
        ago,
        events: heard.events,
        is_silent: ago > SILENT_US,
    }
}
