//! The same for programs: JSON, with a token in `Authorization: Bearer`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::alerts::Chosen;
use super::{alert, alerts, decisions as blocks, deeds, events as searches};
use crate::config::Locale;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::query::{self, Wrong};
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::now;
use crate::store::{DecisionFilter, DecisionPlace};
use crate::triage::{self, Action, Basis, Seen};

/// Alerts of one answer at most.
const ALERTS: u32 = 1_000;
/// Decisions of one answer at most.
const DECISIONS: u32 = 1_000;

/// What can be asked for, as `OpenAPI` says it.
pub(in crate::console) async fn description() -> impl IntoResponse {
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (headers, include_str!("../assets/openapi.json"))
}

pub(in crate::console) async fn alerts(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok());
    let limit: u32 = limit.unwrap_or(100).clamp(1, ALERTS);
    let chosen = Chosen::of_program(&query);
    let (alerts, has_more) = match alerts::listed(&shared, &chosen, &TimeZone::UTC, limit).await? {
        Ok(listed) => listed,
        Err(wrong) => return Ok(refused(&wrong)),
    };
    let next = has_more
        .then(|| chosen.next("/api/alerts", limit))
        .flatten();
    let next = next.map(|address| format!("{address}&limit={limit}"));
    let alerts: Vec<Value> = alerts
        .iter()
        .map(|it| {
            json!({
                "id": it.id, "last": Timestamp::from_micros(it.micros), "level": it.level, "state": it.state, "assignee": it.assignee,
                "title": it.title, "entity_kind": it.entity_kind, "entity": it.entity, "count": it.count,
                "probability": it.probability, "q": it.q,
            })
        })
        .collect();
    Ok(Json(json!({ "alerts": alerts, "next": next })).into_response())
}

/// What is wrong with what a program asked.
fn refused(wrong: &Wrong) -> Response {
    let answer = Json(json!({ "error": wrong.said(Locale::En) }));
    (StatusCode::BAD_REQUEST, answer).into_response()
}

pub(in crate::console) async fn alert(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (alert, actions) = alert::wanted(&shared, &id).await?;
    let state = triage::state(&actions, Seen::of(&alert));
    let upon = Basis::of(&actions).to_string();
    let tag = [(ETAG, format!("\"{upon}\""))];
    let actions: Vec<Value> = actions.iter().map(action).collect();
    let answer = json!({ "alert": alert, "state": state.name(), "upon": upon, "actions": actions });
    Ok((tag, Json(answer)).into_response())
}

fn action(action: &Action) -> Value {
    let (time, actor, comment) = (action.time, &action.actor, &action.comment);
    json!({ "time": time, "actor": actor, "deed": action.deed.name(), "comment": comment })
}

/// What a program says that it saw, in the field `upon` or the header `If-Match`; `None` where it says nothing.
fn seen(headers: &HeaderMap, form: &Form) -> Result<Option<Basis>, Failure> {
    let header = headers.get(IF_MATCH).map(|value| value.to_str());
    let said = match (form.get("upon"), header) {
        ("", None) => return Ok(None),
        ("", Some(header)) => header.unwrap_or_default().trim(),
        (upon, _) => upon,
    };
    if said == "*" {
        return Ok(None);
    }
    let bare = said.strip_prefix("W/").unwrap_or(said).trim_matches('"');
    Basis::parse(bare).map(Some).ok_or(Failure::Wrong(
        "`upon` и `If-Match` — это `upon` оповещения, как его отдаёт GET.",
        "`upon` and `If-Match` are `upon` of the alert, as GET gives it.",
    ))
}

pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    let wanted = deeds::wanted(&shared, &form, reader.name()).await?;
    let asked = [(id, seen(&headers, &form)?)];
    let outcome = deeds::record(&shared, &reader, &asked, &wanted).await?;
    if outcome.done > 0 {
        let answer = Json(json!({ "done": true }));
        return Ok((StatusCode::CREATED, answer).into_response());
    }
    let left = outcome.left.first().ok_or(Failure::NotFound)?;
    let since: Vec<Value> = left.missed().into_iter().map(action).collect();
    let answer = json!({
        "done": false, "state": left.state().name(), "upon": Basis::of(&left.actions).to_string(), "since": since,
    });
    Ok((StatusCode::CONFLICT, Json(answer)).into_response())
}

pub(in crate::console) async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok());
    let limit: u32 = limit
        .unwrap_or(100)
        .clamp(1, shared.config.console.search_rows.get());
    // One more says whether there are more.
    let most = limit.saturating_add(1);
    let search = match query::search(&shared, &query, &TimeZone::UTC, most).await? {
        Ok(search) => search,
        Err(wrong) => return Ok(refused(&wrong)),
    };
    let turn = shared.turns.take(reader.name())?;
    let mut events = shared.store.search(&search).await?;
    drop(turn);
    searches::audit(&shared, &reader, &query, "searched").await?;
    let has_more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let last = events.last().filter(|_| has_more);
    let next = last.map(|last| query::older("/api/events", &query, &search, last));
    Ok(Json(json!({ "events": events, "next": next })).into_response())
}

pub(in crate::console) async fn decisions(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let now = now();
    let limit = query.get("limit").and_then(|limit| limit.parse().ok());
    let limit: u32 = limit.unwrap_or(100).clamp(1, DECISIONS);
    let filter = DecisionFilter {
        // One more says whether there are older ones.
        limit: limit + 1,
        ..blocks::filter(&query)?
    };
    let mut decisions = shared.store.list_decisions(&filter, now).await?;
    let has_more = decisions.len() > limit as usize;
    decisions.truncate(limit as usize);
    let last = decisions.last().filter(|_| has_more);
    let older = last.map(|last| DecisionPlace::of(last).to_string());
    let decisions: Vec<Value> = decisions
        .iter()
        .map(|it| {
            let proposal = &it.proposal;
            let proposed = it.steps.first().map(|step| step.time);
            json!({
                "id": it.id, "standing": it.standing(now).name(), "scope": proposal.target.scope(), "value": proposal.target.value(),
                "proposed": proposed, "until": it.until(), "renewed": it.renewals().count(), "family": proposal.family, "alert": proposal.alert,
            })
        })
        .collect();
    Ok(Json(json!({ "decisions": decisions, "older": older })).into_response())
}

pub(in crate::console) async fn decide(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let said = blocks::step(&shared, reader.name(), &id, &form).await?;
    let status = if said == "done" {
        StatusCode::CREATED
    } else {
        StatusCode::CONFLICT
    };
    Ok((status, Json(json!({ "outcome": said }))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn what_a_program_saw_is_in_the_form_or_the_header() {
        let said = |header: Option<&'static str>, body: &str| {
            let header = header.map(|it| (IF_MATCH, HeaderValue::from_static(it)));
            let headers: HeaderMap = header.into_iter().collect();
            seen(&headers, &Form::parse(body.as_bytes())).ok()
        };
        let saw = |micros: i64| Some(Some(Basis::from_micros(micros)));
        assert_eq!(said(None, "deed=take"), Some(None));
        assert_eq!(said(None, "upon=17"), saw(17));
        assert_eq!(said(Some("\"17\""), ""), saw(17));
        assert_eq!(said(Some("W/\"17\""), ""), saw(17));
        assert_eq!(said(Some("\"17\""), "upon=18"), saw(18));
        assert_eq!(said(Some("*"), ""), Some(None));
        assert_eq!(said(Some("\"v17\""), ""), None);
        assert_eq!(said(None, "upon=now"), None);
    }
}
