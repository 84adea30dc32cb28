//! The same for programs: JSON, with a token in `Authorization: Bearer`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{alert, alerts, decisions as blocks, events as searches};
use crate::config::Locale;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::query;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::now;
use crate::sigma::Level;
use crate::store::{AlertFilter, AlertOrder};
use crate::triage::{self, Seen};

/// Alerts of one answer at most.
const ALERTS: u32 = 1_000;

/// What can be asked for, as `OpenAPI` says it.
pub(in crate::console) async fn description() -> impl IntoResponse {
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (headers, include_str!("../assets/openapi.json"))
}

pub(in crate::console) async fn alerts(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let text = |name: &str| query.get(name).filter(|it| !it.is_empty()).cloned();
    let states = text("state").unwrap_or_default();
    let states: Vec<&'static str> = states
        .split(',')
        .filter_map(triage::State::named)
        .map(triage::State::name)
        .collect();
    let limit = text("limit").and_then(|limit| limit.parse().ok());
    let filter = AlertFilter {
        states,
        least: text("level").and_then(|level| Level::from_name(&level)),
        family: text("family"),
        entities: text("entity").into_iter().collect(),
        integration: text("integration"),
        incident: text("incident").and_then(|incident| incident.parse().ok()),
        titled: alerts::titled(&shared, query.get("text").map_or("", String::as_str)),
        text: text("text"),
        since: text("since").and_then(|since| Timestamp::parse_rfc3339(&since)),
        order: AlertOrder::named(query.get("order").map_or("", String::as_str)),
        limit: limit.unwrap_or(100).clamp(1, ALERTS),
        ..AlertFilter::default()
    };
    let alerts = shared.store.list_alerts(&filter).await?;
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
    Ok(Json(json!({ "alerts": alerts })).into_response())
}

pub(in crate::console) async fn alert(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (alert, actions) = alert::wanted(&shared, &id).await?;
    let state = triage::state(&actions, Seen::of(&alert));
    let actions: Vec<Value> = actions
        .iter()
        .map(|it| json!({ "time": it.time, "actor": it.actor, "deed": it.deed.name(), "comment": it.comment }))
        .collect();
    let answer = json!({ "alert": alert, "state": state.name(), "actions": actions });
    Ok(Json(answer).into_response())
}

pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let deed = alert::deed(&shared, &form, reader.name()).await?;
    let (alert, actions) = alert::wanted(&shared, &id).await?;
    let comment = form.get("comment");
    let is_done = alert::record(&shared, &reader, &alert, &actions, deed, comment).await?;
    let status = if is_done {
        StatusCode::CREATED
    } else {
        StatusCode::CONFLICT
    };
    Ok((status, Json(json!({ "done": is_done }))).into_response())
}

pub(in crate::console) async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok());
    let limit = limit
        .unwrap_or(100)
        .clamp(1, shared.config.console.search_rows.get());
    match query::search(&shared, &query, &TimeZone::UTC, limit).await? {
        Ok(search) => {
            let events = shared.store.search(&search).await?;
            searches::audit(&shared, &reader, &query, "searched").await?;
            Ok(Json(json!({ "events": events })).into_response())
        }
        Err(wrong) => {
            let answer = Json(json!({ "error": wrong.said(Locale::En) }));
            Ok((StatusCode::BAD_REQUEST, answer).into_response())
        }
    }
}

pub(in crate::console) async fn decisions(
    State(shared): State<Arc<Shared>>,
) -> Result<Response, Failure> {
    let now = now();
    let decisions = shared.store.decisions(now).await?;
    let decisions: Vec<Value> = decisions
        .iter()
        .map(|it| {
            let proposal = &it.proposal;
            json!({
                "id": it.id, "standing": it.standing(now).name(), "scope": proposal.target.scope(), "value": proposal.target.value(),
                "until": proposal.until, "family": proposal.family, "alert": proposal.alert,
            })
        })
        .collect();
    Ok(Json(json!({ "decisions": decisions })).into_response())
}

pub(in crate::console) async fn decide(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    let what = blocks::what(form.get("deed"))?;
    let reason = blocks::reason(&form)?;
    let said = blocks::step(&shared, reader.name(), id, what, reason).await?;
    let status = if said == "done" {
        StatusCode::CREATED
    } else {
        StatusCode::CONFLICT
    };
    Ok((status, Json(json!({ "outcome": said }))).into_response())
}
