//! One entity: how much, when, with what beside it, its alerts and its newest calls.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::alerts::{self, Row};
use crate::alert::Caller;
use crate::console::answer;
use crate::console::chart::{self, Bar, Usual};
use crate::console::failure::Failure;
use crate::console::on_record;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::risk;
use crate::console::shared::{Deed, Shared};
use crate::enrich::is_pseudonymised;
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::{AlertFilter, AlertLine, Beside, Criterion, Profile, Search, Spot, StoredEvent};
use crate::track::EntityKind;

const HOUR_US: i64 = 3_600_000_000;
/// Hours that can be looked at.
const SPANS: [i64; 4] = [6, 24, 168, 720];
/// Bars of the picture at most.
const BARS: i64 = 84;
/// What is usual is that of the days before what is shown, in microseconds.
const USUAL_US: i64 = 7 * 24 * HOUR_US;
/// Newest calls that are shown.
const CALLS: u32 = 30;
/// Alerts that are shown, and those that make up the risk.
const ALERTS: usize = 20;
const WEIGHED: u32 = 200;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Template)]
#[template(path = "entity.html")]
struct Shown {
    page: Page,
    kind: Clean,
    value: Clean,
    link: String,
    hours: i64,
    spans: [i64; 4],
    until: Timestamp,
    profile: Profile,
    first: Timestamp,
    last: Timestamp,
    bars: Vec<Bar>,
    /// Points of the line of what is usual.
    usual: String,
    beside: Vec<Group>,
    alerts: Vec<Row>,
    /// The list of all of them.
    alerts_link: String,
    risk: u64,
    risks: Vec<Bar>,
    events: Vec<EventRow>,
    search: Option<String>,
}

/// Values of one column.
struct Group {
    title: &'static str,
    values: Vec<BesideRow>,
}

struct BesideRow {
    value: Clean,
    link: Option<String>,
    calls: u64,
    share: u64,
    is_new: bool,
}

/// An event as lists show it.
pub(super) struct EventRow {
    /// Where it is shown whole.
    pub(super) link: String,
    pub(super) time: Timestamp,
    pub(super) status: u16,
    pub(super) operation: Clean,
    pub(super) target: Clean,
    pub(super) client: Clean,
    pub(super) client_link: Option<String>,
    pub(super) address: Clean,
    pub(super) address_link: Option<String>,
    pub(super) subject: Clean,
    pub(super) subject_link: Option<String>,
    pub(super) country: Clean,
    pub(super) agent: Clean,
    pub(super) request_id: Clean,
    pub(super) facts: Clean,
}

/// The page of an entity; `None` for one that no event shows.
pub(super) fn link(kind: EntityKind, value: &str) -> Option<String> {
    (!value.is_empty() && Criterion::entity(kind, value).is_some()).then(|| {
        let value = utf8_percent_encode(value, SEGMENT);
        format!("/entities/{}/{value}", kind.name())
    })
}

/// The search that finds its events.
pub(super) fn criterion(kind: EntityKind, value: &str) -> Option<String> {
    link(kind, value)?;
    let field = kind.field()?.name();
    // A quote in the value cannot be written in a search.
    (!value.contains('"')).then(|| format!("\"{field}={value}\""))
}

pub(super) fn event_row(event: &StoredEvent) -> EventRow {
    let target = match event.query.as_str() {
        "" => event.path.clone(),
        query => format!("{}?{query}", event.path),
    };
    EventRow {
        link: super::event::link(&Spot::of(event)),
        time: Timestamp::from_micros(event.micros),
        status: event.status,
        operation: Clean::of(&event.operation, 120),
        target: Clean::of(&format!("{} {target}", event.method), 200),
        client: Clean::of(&event.client_id, 60),
        client_link: link(EntityKind::Client, &event.client_id),
        address: Clean::of(&event.client_address, 48),
        address_link: link(EntityKind::Address, &event.client_address),
        subject: Clean::of(&event.subject, 60),
        subject_link: link(EntityKind::Subject, &event.subject),
        country: Clean::of(&event.country, 8),
        agent: Clean::of(&event.user_agent, 120),
        request_id: Clean::of(&event.request_id, 80),
        facts: Clean::of(&event.facts.join(", "), 400),
    }
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Path((kind, value)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let kind = EntityKind::named(&kind).ok_or(Failure::NotFound)?;
    let criterion = Criterion::entity(kind, &value).ok_or(Failure::NotFound)?;
    let now = now();
    if kind.field().is_some_and(is_pseudonymised) {
        audit(&shared, &reader, kind, &value, now).await?;
    }
    let hours = query.get("hours").and_then(|hours| hours.parse().ok());
    let hours = hours.filter(|hours| SPANS.contains(hours)).unwrap_or(24);
    let store = &shared.store;
    let until = shared.end_of_events(now).await?;
    let search = Search {
        criteria: vec![criterion],
        from: until.plus_micros(-hours * HOUR_US),
        until,
        behind: None,
        limit: CALLS,
    };
    let step = bar_seconds(hours);
    let before = Search {
        from: search.from.plus_micros(-USUAL_US),
        until: search.from,
        ..search.clone()
    };
    let (profile, calls, daily, beside) = tokio::try_join!(
        store.profile(&search),
        store.calls_by(&search, step),
        store.daily_calls(&before, step),
        store.seen_with(&search),
    )?;
    let (lines, weighed) = lines(&shared, kind, &value).await?;
    let events = if reader.may(crate::access::Permission::Search) {
        store.search(&search).await?
    } else {
        Vec::new()
    };
    let page = Page::new(&shared, &reader, "events");
    let risk = risk::at(&weighed, until);
    let width = i64::from(step) * 1_000_000;
    let span = (search.from, until);
    let risks = if weighed.is_empty() {
        Vec::new()
    } else {
        risk::course(&page, &weighed, span, width)
    };
    let alerts = alerts::rows(&shared, &page, lines);
    let usual = Usual::of(&daily, search.from);
    let (bars, usual) = chart::calls(&page, &calls, &usual, span, width);
    answer::page(&Shown {
        kind: page.entity(&kind),
        value: Clean::of(&value, 256),
        link: link(kind, &value).ok_or(Failure::NotFound)?,
        hours,
        spans: SPANS,
        until,
        first: Timestamp::from_micros(profile.first),
        last: Timestamp::from_micros(profile.last),
        bars,
        usual,
        beside: groups(&page, &beside, profile.calls),
        alerts,
        alerts_link: alerts::of_entity(kind, &value),
        risk,
        risks,
        events: events.iter().map(event_row).collect(),
        search: self::criterion(kind, &value),
        profile,
        page,
    })
}

/// Who looks at a person is on record, as a look-up is, before anything is shown.
async fn audit(
    shared: &Shared,
    reader: &Reader,
    kind: EntityKind,
    value: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let pseudonym = on_record::pseudonym(value);
    let deed = Deed {
        actor: reader.name(),
        action: "viewed",
        kind: "person",
        object: pseudonym,
        title: format!("{} looked at {} {pseudonym}", reader.name(), kind.name()),
        detail: json!({ "kind": kind.name(), "address": reader.from() }),
    };
    Ok(shared.audit_look(deed, now).await?)
}

/// The newest alerts of an entity, and those that make up its risk.
async fn lines(
    shared: &Shared,
    kind: EntityKind,
    value: &str,
) -> Result<(Vec<AlertLine>, Vec<AlertLine>), Failure> {
    let filter = AlertFilter {
        about: Some((Some(kind), value.to_owned())),
        limit: WEIGHED,
        ..AlertFilter::default()
    };
    let mut lines = shared.store.list_alerts(&filter).await?;
    let weighed = lines.iter().filter(|line| weighs(kind, value, line));
    let weighed = weighed.cloned().collect();
    lines.truncate(ALERTS);
    Ok((lines, weighed))
}

/// Whether an alert counts for the risk of an entity. One client is used by many, so what merely shows it says nothing of it.
fn weighs(kind: EntityKind, value: &str, line: &AlertLine) -> bool {
    let about = || Caller::of_entity(EntityKind::named(&line.entity_kind)?, &line.entity);
    kind != EntityKind::Client || about().is_some_and(|it| it.kind == kind && it.value == value)
}

fn bar_seconds(hours: i64) -> u32 {
    let rounded = [300, 900, 3_600, 7_200, 21_600, 43_200];
    let least = hours * 3_600 / BARS;
    let found = rounded.into_iter().find(|step| i64::from(*step) >= least);
    found.unwrap_or(86_400)
}

fn groups(page: &Page, beside: &[Beside], calls: u64) -> Vec<Group> {
    let titles = [
        (
            "operation",
            page.say("Операции", "Operations"),
            Some(EntityKind::Operation),
        ),
        (
            "client_id",
            page.say("Клиенты", "Clients"),
            Some(EntityKind::Client),
        ),
        (
            "subject",
            page.say("Субъекты", "Subjects"),
            Some(EntityKind::Subject),
        ),
        (
            "client_address",
            page.say("Адреса", "Addresses"),
            Some(EntityKind::Address),
        ),
        ("country", page.say("Страны", "Countries"), None),
        ("user_agent", page.say("Программы", "Programs"), None),
        (
            "integration",
            page.say("Интеграции", "Integrations"),
            Some(EntityKind::Integration),
        ),
    ];
    let groups = titles.into_iter().map(|(column, title, kind)| Group {
        title,
        values: beside
            .iter()
            .filter(|it| it.column == column)
            .map(|it| BesideRow {
                value: Clean::of(&it.value, 120),
                link: kind.and_then(|kind| link(kind, &it.value)),
                calls: it.calls,
                share: (it.calls * 100).div_ceil(calls.max(1)).min(100),
                is_new: is_new(beside, it),
            })
            .collect(),
    });
    groups.filter(|group| !group.values.is_empty()).collect()
}

/// Whether a value first came when half of the time that is shown of the entity was over.
fn is_new(beside: &[Beside], of: &Beside) -> bool {
    let first = beside.iter().map(|it| it.first).min().unwrap_or(0);
    let last = beside.iter().map(|it| it.first).max().unwrap_or(0);
    last > first && of.first - first > (last - first) / 2 && of.first - first > HOUR_US
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_has_an_address_whatever_it_is_called() {
        let address = link(EntityKind::Operation, "GET /a/{id}?x=<b>").unwrap();
        assert_eq!(
            address,
            "/entities/operation/GET%20%2Fa%2F%7Bid%7D%3Fx%3D%3Cb%3E"
        );
        assert_eq!(link(EntityKind::Part, "Kafka"), None);
        assert_eq!(link(EntityKind::Address, "no address"), None);
        assert_eq!(
            criterion(EntityKind::Client, "a b").unwrap(),
            "\"client_id=a b\""
        );
        assert_eq!(criterion(EntityKind::Client, "a\"b"), None);
    }

    #[test]
    fn what_merely_shows_a_client_does_not_weigh() {
        let line = |kind: EntityKind, entity: &str| AlertLine {
            id: String::new(),
            first: 0,
            micros: 0,
            level: "high".into(),
            state: "new".into(),
            assignee: String::new(),
            changed: 0,
            rule: String::new(),
            title: String::new(),
            entity_kind: kind.name().into(),
            entity: entity.into(),
            count: 1,
            probability: None,
            q: None,
        };
        let subject = line(EntityKind::Subject, "p_1");
        assert!(!weighs(EntityKind::Client, "app", &subject));
        assert!(weighs(EntityKind::Address, "192.0.2.1", &subject));
        let joined = line(EntityKind::Client, "app | 192.0.2.1");
        assert!(weighs(EntityKind::Client, "app", &joined));
    }

    #[test]
    fn a_picture_has_a_bounded_number_of_bars() {
        for hours in SPANS {
            let bars = hours * 3_600 / i64::from(bar_seconds(hours));
            assert!((20..=BARS).contains(&bars), "{hours}: {bars}");
        }
    }
}
