//! Searches over stored events: on a page, as a file, kept under a name.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::json;

use super::entity::{EventRow, event_row};
use super::event::{self, Opened};
use crate::config::Locale;
use crate::console::answer;
use crate::console::csv::Sheet;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::on_record;
use crate::console::page::Page;
use crate::console::query;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::console::times;
use crate::event::{Field, Timestamp};
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::{SavedSearch, Search, Spot, StoredEvent, column_of};

/// Events on a page.
const ROWS: u32 = 100;
const WRONG: Failure = Failure::Wrong(
    "В запросе ошибка; страница поиска показывает, какая.",
    "The search is wrong; its page says how.",
);
/// What a file has of each event.
const HEAD: [&str; 15] = [
    "time",
    "status",
    "integration",
    "operation",
    "method",
    "path",
    "query",
    "client_address",
    "country",
    "client_id",
    "subject",
    "user_agent",
    "request_id",
    "duration_us",
    "facts",
];

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    page: Page,
    q: String,
    from: String,
    until: String,
    fields: Vec<&'static str>,
    problem: Option<Clean>,
    /// One event, where it is asked for and not a search.
    opened: Option<Opened>,
    /// Events of the file, where these are not all.
    csv_rows: Option<u64>,
    rows: Vec<EventRow>,
    /// What comes behind them; and where the list begins, if not with them.
    older: Option<String>,
    newest: Option<String>,
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

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    // What one reader sees in their zone, the next would see in another.
    if let Some(address) = times::shareable("/events", &query, &reader.zone) {
        return Ok(answer::elsewhere(&address));
    }
    let (mut found, mut problem, mut opened) = (Found::default(), None, None);
    if let Some(spot) = query.get("event").filter(|spot| !spot.is_empty()) {
        let spot = Spot::named(spot).ok_or(Failure::NotFound)?;
        opened = Some(event::opened(&shared, &spot, reader.locale).await?);
        audit(&shared, &reader, &query, "searched").await?;
    } else {
        match query::search(&shared, &query, &reader.zone, ROWS + 1).await? {
            Ok(search) => {
                found = find(&shared, &reader, &query, &search).await?;
                audit(&shared, &reader, &query, "searched").await?;
            }
            Err(wrong) => problem = Some(Clean::of(&wrong.said(reader.locale), 400)),
        }
    }
    let saved = shared.store.saved_searches(reader.name()).await?;
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let stored = Field::ALL
        .iter()
        .filter(|field| column_of(**field).is_some());
    let csv_rows = u64::from(shared.config.console.search_rows.get());
    answer::page(&Events {
        page: Page::new(&shared, &reader, "events"),
        q: text("q"),
        from: times::field(&text("from"), &reader.zone),
        until: times::field(&text("until"), &reader.zone),
        fields: stored.map(|field| field.name()).collect(),
        problem,
        opened,
        csv_rows: Some(csv_rows).filter(|rows| found.total > *rows),
        rows: found.rows,
        older: found.older,
        newest: found.newest,
        total: found.total,
        saved: saved
            .into_iter()
            .map(|it| (Clean::of(&it.name, 80), it.query))
            .collect(),
        query: address(&query),
    })
}

/// What a page shows of a search.
#[derive(Default)]
struct Found {
    rows: Vec<EventRow>,
    total: u64,
    older: Option<String>,
    newest: Option<String>,
}

async fn find(
    shared: &Shared,
    reader: &Reader,
    query: &HashMap<String, String>,
    search: &Search,
) -> Result<Found, Failure> {
    let _turn = shared.turns.take(reader.name())?;
    let store = &shared.store;
    let (mut events, total) = tokio::try_join!(store.search(search), store.count(search))?;
    let has_more = events.len() > ROWS as usize;
    events.truncate(ROWS as usize);
    let last = events.last().filter(|_| has_more);
    Ok(Found {
        rows: events.iter().map(event_row).collect(),
        total,
        older: last.map(|last| query::older("/events", query, search, last)),
        newest: search
            .behind
            .as_ref()
            .map(|_| format!("/events?{}", address(query))),
    })
}

/// A search, a list without criteria and an event that is opened are on record: they may be about a person.
pub(super) async fn audit(
    shared: &Shared,
    reader: &Reader,
    query: &HashMap<String, String>,
    action: &'static str,
) -> Result<(), Failure> {
    let text = |name: &str| query.get(name).filter(|text| !text.is_empty());
    let text = text("event").or(text("q")).map_or("", String::as_str);
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
    // One more says whether there are more.
    let most = limit.saturating_add(1);
    let Ok(search) = query::search(&shared, &query, &reader.zone, most).await? else {
        return Err(WRONG);
    };
    let turn = shared.turns.take(reader.name())?;
    let mut events = shared.store.search(&search).await?;
    drop(turn);
    let is_cut = events.len() > limit as usize;
    events.truncate(limit as usize);
    audit(&shared, &reader, &query, "exported").await?;
    let mut sheet = Sheet::new(reader.locale);
    sheet.row(HEAD);
    for event in &events {
        line(&mut sheet, event);
    }
    let words = cut_at(limit, reader.locale);
    let cut = is_cut.then_some((limit, words.as_str()));
    Ok(sheet.answer("events.csv", cut))
}

/// The last line of a file that does not hold all.
fn cut_at(limit: u32, locale: Locale) -> String {
    match locale {
        Locale::Ru => {
            format!("Здесь только {limit} самых новых событий, нашлось больше: сузьте запрос.")
        }
        Locale::En => {
            format!("These are the newest {limit} events, more were found: narrow the search.")
        }
    }
}

fn line(sheet: &mut Sheet, event: &StoredEvent) {
    let time = Timestamp::from_micros(event.micros).to_string();
    let (status, duration) = (event.status.to_string(), event.duration_us.to_string());
    let facts = event.facts.join(" ");
    sheet.row([
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
    ]);
}

/// The address of a search that is to be kept; it may name nobody, since erasing a person does not look there.
async fn kept(shared: &Shared, reader: &Reader, asked: &str) -> Result<String, Failure> {
    let pairs: HashMap<String, String> = form_urlencoded::parse(asked.as_bytes())
        .into_owned()
        .collect();
    if query::search(shared, &pairs, &reader.zone, 0)
        .await?
        .is_err()
    {
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
        kept(&shared, &reader, &asked).await?
    };
    let search = SavedSearch { name, query };
    shared
        .store
        .save_search(reader.name(), &search, removes, now())
        .await?;
    let action = if removes { "removed" } else { "kept" };
    let deed = Deed {
        actor: reader.name(),
        action,
        kind: "search",
        object: &search.name,
        title: format!("{} {action} a search", reader.name()),
        detail: json!({ "query": search.query, "address": reader.from() }),
    };
    shared.audit(deed, now()).await?;
    Ok(answer::elsewhere(&format!("/events?{asked}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_says_so() {
        assert!(cut_at(7, Locale::En).contains("newest 7 events"));
        assert!(cut_at(7, Locale::Ru).contains("только 7 самых новых"));
    }
}
