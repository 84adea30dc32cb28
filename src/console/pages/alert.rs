//! One alert: why, what is behind it, what was done, what is near it, and what to do.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use tracing::warn;
use uuid::Uuid;

use super::alerts::{self, Row};
use super::deeds::{self, COMMENT, Left};
use super::{entity, incidents};
use crate::access::Permission;
use crate::alert::Alert;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::names;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::mail::{self, Block, Clean, Drawn, Picture};
use crate::notify::now;
use crate::response::Target;
use crate::sigma::Level;
use crate::store::DeliveryLine;
use crate::triage::{
    self, Action, Basis, CHECK, Deed, Draft, Narrowing, Seen, Verdict, is_of_rules,
};

/// Other alerts of its incident that are shown.
const RELATED: u32 = 10;

#[derive(Template)]
#[template(path = "alert.html")]
struct Shown {
    page: Page,
    id: Uuid,
    title: Clean,
    alert: Alert,
    state: triage::State,
    /// Whether it can be acknowledged.
    is_unseen: bool,
    kind: Clean,
    entity: Clean,
    entity_link: Option<String>,
    blocks: Vec<Block>,
    history: Vec<Past>,
    assignee: Clean,
    /// Who may be asked to work on it.
    assignable: Vec<Clean>,
    incident: Option<Uuid>,
    related: Vec<Row>,
    narrows: bool,
    /// Of an alert of rules that was no attack.
    exception: Option<Excepted>,
    target: Option<Clean>,
    events_link: Option<String>,
    /// What a deed of the reader builds on.
    upon: Basis,
    said: Said,
}

/// How rules learn that an alert was no attack.
struct Excepted {
    file: Clean,
    /// The file, line by line; none where nothing can be drafted.
    lines: Vec<Clean>,
    check: &'static str,
}

/// What is said above an alert.
struct Said {
    done: Option<&'static str>,
    refused: Option<Refused>,
}

/// A deed that is not on record.
struct Refused {
    /// What was done since the reader looked.
    missed: Vec<Past>,
    /// What the reader had written.
    comment: String,
}

/// Something that was done.
pub(super) struct Past {
    pub(super) time: Timestamp,
    pub(super) actor: Clean,
    pub(super) said: Clean,
    pub(super) comment: Clean,
    /// What the alert showed then.
    level: Option<Level>,
    count: Option<u64>,
}

/// The alert of an id, and what was done to it.
pub(super) async fn find(
    shared: &Shared,
    id: Uuid,
) -> Result<Option<(Alert, Vec<Action>)>, Failure> {
    let Some((alert, _)) = shared.store.alert(id).await? else {
        return Ok(None);
    };
    let actions = shared.store.actions_of(id).await?;
    Ok(Some((alert, actions)))
}

/// The same of an id as an address has it; there is nothing where there is none.
pub(super) async fn wanted(shared: &Shared, id: &str) -> Result<(Alert, Vec<Action>), Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    find(shared, id).await?.ok_or(Failure::NotFound)
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let (alert, actions) = wanted(&shared, &id).await?;
    let page = Page::new(&shared, &reader, "alerts");
    let done = match query.get("said").map(String::as_str) {
        Some("done") => Some(page.say("Записано.", "It is on record.")),
        Some("blocked") => Some(page.say("Блокировка действует.", "The block is in force.")),
        _ => None,
    };
    let said = Said {
        done,
        refused: None,
    };
    shown(&shared, &reader, page, alert, &actions, said).await
}

async fn shown(
    shared: &Shared,
    reader: &Reader,
    page: Page,
    alert: Alert,
    actions: &[Action],
    said: Said,
) -> Result<Response, Failure> {
    let context = shared.context(&reader.zone);
    let drawn = drawn(shared, &alert).await;
    let (incident, related) = incident(shared, &alert, &page).await?;
    let assignee = actions.iter().rev().find_map(|action| match &action.deed {
        Deed::Assign { to } => Some(Clean::of(to, 64)),
        _ => None,
    });
    let state = triage::state(actions, Seen::of(&alert));
    answer::page(&Shown {
        id: alert.id,
        title: mail::title(&alert, reader.locale),
        state,
        is_unseen: Deed::Acknowledge.fits(state),
        kind: page.entity(&alert.entity.kind),
        entity: Clean::of(&alert.entity.value, 256),
        entity_link: entity::link(alert.entity.kind, &alert.first_value()),
        blocks: mail::blocks(&alert, drawn.as_ref(), reader.locale, &context),
        history: history(shared, alert.id, actions, &page).await?,
        assignable: assignable(shared, &page).await?,
        assignee: assignee.unwrap_or_default(),
        incident,
        related,
        narrows: Narrowing::of(&alert, "", alert.last).is_some(),
        exception: excepted(shared, &alert, actions, state),
        target: Target::of(&alert).map(|target| Clean::of(&target.value(), 256)),
        events_link: events_link(&alert),
        upon: Basis::of(actions),
        alert,
        page,
        said,
    })
}

/// What rules may be told of an alert that was closed as no attack.
fn excepted(
    shared: &Shared,
    alert: &Alert,
    actions: &[Action],
    state: triage::State,
) -> Option<Excepted> {
    let is_none = matches!(
        state,
        triage::State::Closed(Verdict::False | Verdict::Harmless)
    );
    if !is_none || !is_of_rules(alert) {
        return None;
    }
    let mut deeds = actions.iter().rev();
    let closed = deeds.find(|it| matches!(it.deed, Deed::Close(_)))?;
    let rules = Arc::clone(&shared.rules.borrow());
    let draft = Draft::of(alert, closed, &rules, &shared.config.rules, now());
    let (file, text) = draft.map_or_else(Default::default, |draft| {
        (draft.file.display().to_string(), draft.text)
    });
    // Nothing of it has to be shown instead: it holds nothing hidden.
    let lines = text.lines().map(|line| Clean::of(line, line.len()));
    Some(Excepted {
        file: Clean::of(&file, 1_000),
        lines: lines.collect(),
        check: CHECK,
    })
}

/// Names of those who may work on alerts, for a reader who may ask them to.
async fn assignable(shared: &Shared, page: &Page) -> Result<Vec<Clean>, Failure> {
    if !page.triages() {
        return Ok(Vec::new());
    }
    let accounts = shared.store.accounts().await?.into_iter();
    let fit = accounts.filter(|it| it.is_let(Permission::Triage));
    Ok(fit.map(|it| Clean::of(&it.name, 64)).collect())
}

/// The course of the alert; the page is there without it.
async fn drawn(shared: &Shared, alert: &Alert) -> Option<Drawn> {
    let series = shared.store.series_of(alert).await;
    let series =
        series.inspect_err(|problem| warn!(%problem, "an alert is shown without its course"));
    let series = series.ok().flatten()?;
    tokio::task::spawn_blocking(move || Drawn::of(series))
        .await
        .ok()
}

/// The incident of an alert and its other alerts, the newest first.
async fn incident(
    shared: &Shared,
    alert: &Alert,
    page: &Page,
) -> Result<(Option<Uuid>, Vec<Row>), Failure> {
    let Some(incident) = shared.store.incident_of(alert.id).await? else {
        return Ok((None, Vec::new()));
    };
    let lines = incidents::alerts_of(shared, incident, RELATED + 1).await?;
    let id = alert.id.to_string();
    let others = lines.into_iter().filter(|line| line.id != id);
    let others = others.take(RELATED as usize).collect();
    Ok((Some(incident), alerts::rows(shared, page, others)))
}

/// The search for the events of the entity in the time of the alert; of several that it joins those of the first.
fn events_link(alert: &Alert) -> Option<String> {
    let text = entity::criterion(alert.entity.kind, &alert.first_value())?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", &text);
    query.append_pair("from", &alert.first.to_string());
    query.append_pair("until", &alert.last.plus_micros(1).to_string());
    Some(format!("/events?{}", query.finish()))
}

pub(super) fn past(action: &Action, page: &Page) -> Past {
    let said = match &action.deed {
        Deed::Acknowledge => page.say("принял(а)", "acknowledged it").to_owned(),
        Deed::Assign { to } if to.is_empty() => page
            .say("снял(а) поручение", "assigned it to nobody")
            .to_owned(),
        Deed::Assign { to } => format!("{} {to}", page.say("поручил(а):", "assigned it to")),
        Deed::Comment => page.say("отметил(а)", "commented").to_owned(),
        Deed::Close(Verdict::True) => page
            .say("закрыл(а) как верное", "closed it as true")
            .to_owned(),
        Deed::Close(Verdict::False) => page
            .say("закрыл(а) как ложное", "closed it as false")
            .to_owned(),
        Deed::Close(Verdict::Harmless) => page
            .say("закрыл(а) как безобидное", "closed it as harmless")
            .to_owned(),
        Deed::Reopen => page.say("открыл(а) снова", "opened it again").to_owned(),
    };
    Past {
        time: action.time,
        actor: Clean::of(&action.actor, 80),
        said: Clean::of(&said, 160),
        comment: Clean::of(&action.comment, COMMENT),
        level: Some(action.seen.level),
        count: Some(action.seen.count),
    }
}

/// A message of the webhook, as something that was done.
fn told(delivery: &DeliveryLine, page: &Page) -> Past {
    Past {
        time: Timestamp::from_micros(delivery.micros),
        actor: Clean::fixed(page.say("вебхук", "webhook")),
        said: names::said(names::OUTCOMES, &delivery.outcome, page.locale()),
        comment: Clean::default(),
        level: Level::from_name(&delivery.level),
        count: None,
    }
}

/// What was done and told, the oldest first.
async fn history(
    shared: &Shared,
    id: Uuid,
    actions: &[Action],
    page: &Page,
) -> Result<Vec<Past>, Failure> {
    let deliveries = shared.store.deliveries_of(id).await?;
    let told = deliveries.iter().map(|it| told(it, page));
    let mut history: Vec<Past> = actions
        .iter()
        .map(|it| past(it, page))
        .chain(told)
        .collect();
    history.sort_by_key(|past| past.time);
    Ok(history)
}

pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    let wanted = deeds::wanted(&shared, &form, reader.name()).await?;
    // A form that does not say what was seen was made before there was anything.
    let seen = Basis::parse(form.get("upon")).unwrap_or_default();
    let outcome = deeds::record(&shared, &reader, &[(id, Some(seen))], &wanted).await?;
    if outcome.done > 0 {
        return Ok(answer::elsewhere(&format!("/alerts/{id}?said=done")));
    }
    let left = outcome.left.into_iter().next().ok_or(Failure::NotFound)?;
    refuse(&shared, &reader, left, wanted.comment).await
}

/// The alert as it stands now, for somebody who wanted to do something to what it was.
async fn refuse(
    shared: &Shared,
    reader: &Reader,
    left: Left,
    comment: &str,
) -> Result<Response, Failure> {
    let page = Page::new(shared, reader, "alerts");
    let missed = left.missed().into_iter().map(|it| past(it, &page));
    let refused = Refused {
        missed: missed.collect(),
        comment: comment.to_owned(),
    };
    let said = Said {
        done: None,
        refused: Some(refused),
    };
    let mut response = shown(shared, reader, page, left.alert, &left.actions, said).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}
