//! Searches over stored events: on a page, as a file, kept under a name.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::entity::{EventRow, event_row};
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::on_record;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::event::{Field, Timestamp};
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::{Criterion, SavedSearch, Search, StoredEvent, column_of};

const HOUR_US: i64 = 3_600_000_000;
/// Events on a page.
const ROWS: u32 = 100;
const WRONG: Failure = Failure::Wrong(
    "В запросе ошибка; страница поиска показывает, какая.",
    "The search is wrong; its page says how.",
);

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    page: Page,
    q: String,
    from: String,
    until: String,
    fields: Vec<(&'static str, &'static str)>,
    problem: Option<Clean>,
    rows: Vec<EventRow>,
    total: u64,
    saved: Vec<(Clean, String)>,
    query: String,
}

/// The address of a search.
fn address(query: &HashMap<String, String>) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for name in ["q", "from", "until"] {
        if let Some(value) = query.get(name).filter(|value| !value.is_empty()) {
            text.append_pair(name, value);
        }
    }
    text.finish()
}

/// What is searched for, or what is wrong with it. Without times it is the last day that is stored.
pub(super) async fn search(
    shared: &Shared,
    query: &HashMap<String, String>,
    limit: u32,
) -> Result<Result<Search, String>, Failure> {
    let text = |name: &str| query.get(name).map_or("", |value| value.trim());
    let time = |name: &'static str| match text(name) {
        "" => Ok(None),
        text => parse_time(text)
            .map(Some)
            .ok_or_else(|| format!("{name}: `{text}` is neither RFC 3339 nor `2026-11-01 12:00`")),
    };
    let criteria = Criterion::parse_all(text("q")).map_err(|problem| problem.to_string());
    let (criteria, from, until) = match (criteria, time("from"), time("until")) {
        (Ok(criteria), Ok(from), Ok(until)) => (criteria, from, until),
        (Err(problem), ..) | (_, Err(problem), _) | (.., Err(problem)) => return Ok(Err(problem)),
    };
    let until = match until {
        Some(until) => until,
        None => shared.end_of_events(now()).await?,
    };
    Ok(Ok(Search {
        criteria,
        from: from.unwrap_or_else(|| until.plus_micros(-24 * HOUR_US)),
        until,
        limit,
    }))
}

/// RFC 3339, or as browsers and people write it, in UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{}:00Z", text.replace(' ', "T"))))
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let (mut rows, mut total, mut problem) = (Vec::new(), 0, None);
    match search(&shared, &query, ROWS).await? {
        Ok(search) => {
            let (events, count) =
                tokio::try_join!(shared.store.search(&search), shared.store.count(&search))?;
            rows = events.iter().map(event_row).collect();
            total = count;
            audit(&shared, &reader, &query, "searched").await?;
        }
        Err(said) => problem = Some(Clean::of(&said, 400)),
    }
    let saved = shared.store.saved_searches(reader.name()).await?;
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let stored = Field::ALL
        .iter()
        .filter(|field| column_of(**field).is_some());
    answer::page(&Events {
        page: Page::new(&shared, &reader, "events"),
        q: text("q"),
        from: text("from"),
        until: text("until"),
        fields: stored.map(|field| (field.name(), field.doc())).collect(),
        problem,
        rows,
        total,
        saved: saved
            .into_iter()
            .map(|it| (Clean::of(&it.name, 80), it.query))
            .collect(),
        query: address(&query),
    })
}

/// A search with criteria is on record: it may be about a person.
pub(super) async fn audit(
    shared: &Shared,
    reader: &Reader,
    query: &HashMap<String, String>,
    action: &'static str,
) -> Result<(), Failure> {
    let text = query.get("q").map_or("", String::as_str);
    if text.is_empty() && action == "searched" {
        return Ok(());
    }
    let deed = Deed {
        actor: reader.name(),
        action,
        kind: "search",
        object: &on_record::search(text),
        title: format!("{} {action} events", reader.name()),
        detail: json!({ "from": query.get("from"), "until": query.get("until"), "address": reader.from() }),
    };
    Ok(shared.audit(deed, now()).await?)
}

pub(in crate::console) async fn csv(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let limit = shared.config.console.search_rows.get();
    let Ok(search) = search(&shared, &query, limit).await? else {
        return Err(WRONG);
    };
    let events = shared.store.search(&search).await?;
    audit(&shared, &reader, &query, "exported").await?;
    let mut text = String::from(
        "time,status,integration,operation,method,path,query,client_address,country,client_id,subject,user_agent,request_id,duration_us,facts\r\n",
    );
    for event in &events {
        line(&mut text, event);
    }
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"events.csv\""),
    ];
    Ok((headers, text).into_response())
}

fn line(text: &mut String, event: &StoredEvent) {
    let time = Timestamp::from_micros(event.micros).to_string();
    let (status, duration) = (event.status.to_string(), event.duration_us.to_string());
    let facts = event.facts.join(" ");
    let cells = [
        time.as_str(),
        &status,
        &event.integration,
        &event.operation,
        &event.method,
        &event.path,
        &event.query,
        &event.client_address,
        &event.country,
        &event.client_id,
        &event.subject,
        &event.user_agent,
        &event.request_id,
        &duration,
        &facts,
    ];
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// A cell in quotes (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises.
fn push_cell(text: &mut String, cell: &str) {
    text.push('"');
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

/// The address of a search that is to be kept; it may name nobody, since erasing a person does not look there.
async fn kept(shared: &Shared, query: &str) -> Result<String, Failure> {
    let pairs: HashMap<String, String> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    if search(shared, &pairs, 0).await?.is_err() {
        return Err(WRONG);
    }
    if !on_record::names_nobody(pairs.get("q").map_or("", String::as_str)) {
        return Err(Failure::Wrong(
            "Сохраняются только запросы, в которых нет людей: у каждого слова есть поле, а идентификаторы стоят псевдонимами.",
            "Only searches without persons are kept: each word has a field, and ids are pseudonyms.",
        ));
    }
    Ok(address(&pairs))
}

/// Keeps the search under a name, or takes it away.
pub(in crate::console) async fn save(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let name: String = form.get("name").chars().take(80).collect();
    if name.is_empty() {
        return Err(Failure::Wrong(
            "Как назвать поиск?",
            "What is the search called?",
        ));
    }
    let asked: String = form.get("query").chars().take(4_000).collect();
    let removes = form.get("deed") == "remove";
    let query = if removes {
        String::new()
    } else {
        kept(&shared, &asked).await?
    };
    let search = SavedSearch { name, query };
    shared
        .store
        .save_search(reader.name(), &search, removes, now())
        .await?;
    Ok(answer::elsewhere(&format!("/events?{asked}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_ends() {
        let cell = |text: &str| {
            let mut cell = String::new();
            push_cell(&mut cell, text);
            cell
        };
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(cell("a\",\"b\r\nc"), "\"a\"\",\"\"b\r\nc\"");
        assert_eq!(cell(""), "\"\"");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let hour = Timestamp::parse_rfc3339("2026-11-01T12:00:00Z");
        assert_eq!(parse_time("2026-11-01T15:00:00+03:00"), hour);
        assert_eq!(parse_time("2026-11-01 12:00"), hour);
        assert_eq!(parse_time("2026-11-01T12:00"), hour);
        assert!(parse_time("2026-11-01").is_some());
        assert_eq!(parse_time("yesterday"), None);
    }
}
