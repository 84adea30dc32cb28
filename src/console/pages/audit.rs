//! The audit: who did what, also to alerts and about decisions.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;

use crate::access::Role;
use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::names;
use crate::console::page::Page;
use crate::console::query;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::console::times;
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::store::{AuditFilter, AuditLine};

/// Lines on a page.
const ROWS: u32 = 100;
/// Pages that can be turned to: what is further back is found by filters.
const MOST_OFFSET: u32 = 10_000;
/// Parameters of the address that say which lines are shown.
const CHOSEN: [&str; 6] = ["text", "actor", "kind", "action", "from", "until"];
/// Kinds whose lines for people are sentences of ours, which are kept in English; of others they are words of people.
const OURS: [&str; 8] = [
    "session",
    "token",
    "account",
    "recovery_code",
    "search",
    "person",
    "report",
    "subject",
];

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    page: Page,
    rows: Vec<Row>,
    kinds: Vec<(&'static str, Clean)>,
    actions: Vec<(&'static str, Clean)>,
    chosen: HashMap<&'static str, String>,
    problem: Option<Clean>,
    next: Option<String>,
    previous: Option<String>,
}

struct Row {
    time: Timestamp,
    actor: Clean,
    kind: Clean,
    action: Clean,
    /// What an account was given.
    role: &'static str,
    title: Clean,
    object: Clean,
    link: Option<String>,
}

impl Audit {
    /// What was chosen of a parameter.
    fn of(&self, name: &str) -> &str {
        self.chosen.get(name).map_or("", String::as_str)
    }
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    if let Some(address) = times::shareable("/audit", &query, &reader.zone) {
        return Ok(answer::elsewhere(&address));
    }
    let offset = query.get("offset").and_then(|offset| offset.parse().ok());
    let offset: u32 = offset.unwrap_or(0).min(MOST_OFFSET);
    let (mut lines, problem) = match filter(&query, &reader, offset) {
        Ok(filter) => (shared.store.audit_lines(&filter).await?, None),
        Err(wrong) => (Vec::new(), Some(Clean::of(&wrong.said(reader.locale), 400))),
    };
    let has_more = lines.len() > ROWS as usize;
    lines.truncate(ROWS as usize);
    let page = Page::new(&shared, &reader, "administration");
    let mut chosen: HashMap<&'static str, String> = CHOSEN
        .into_iter()
        .map(|name| (name, chosen(&query, name)))
        .collect();
    let next = (has_more && offset + ROWS <= MOST_OFFSET).then(|| at(&chosen, offset + ROWS));
    let previous = (offset > 0).then(|| at(&chosen, offset.saturating_sub(ROWS)));
    for name in ["from", "until"] {
        if let Some(text) = chosen.get_mut(name) {
            *text = times::field(text, &reader.zone);
        }
    }
    answer::page(&Audit {
        rows: lines.iter().map(|line| row(line, &page)).collect(),
        kinds: names::choice(names::KINDS, reader.locale),
        actions: names::choice(names::ACTIONS, reader.locale),
        page,
        chosen,
        problem,
        next,
        previous,
    })
}

/// A parameter, bounded.
fn chosen(query: &HashMap<String, String>, name: &str) -> String {
    let text = query.get(name).map_or("", |text| text.trim());
    text.chars().take(200).collect()
}

fn filter(
    query: &HashMap<String, String>,
    reader: &Reader,
    offset: u32,
) -> Result<AuditFilter, query::Wrong> {
    Ok(AuditFilter {
        text: chosen(query, "text"),
        actor: chosen(query, "actor"),
        kind: chosen(query, "kind"),
        action: chosen(query, "action"),
        since: query::time(query, "from", &reader.zone)?,
        until: query::time(query, "until", &reader.zone)?,
        offset,
        // One more says whether there is a next page.
        limit: ROWS + 1,
    })
}

/// The address of these lines from another place on.
fn at(chosen: &HashMap<&'static str, String>, offset: u32) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in CHOSEN {
        if let Some(value) = chosen.get(name).filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    if offset > 0 {
        query.append_pair("offset", &offset.to_string());
    }
    format!("/audit?{}", query.finish())
}

fn row(line: &AuditLine, page: &Page) -> Row {
    let kind = line.object_kind.as_str();
    let is_foreign = page.locale() == Locale::Ru && OURS.contains(&kind);
    let title = if is_foreign { "" } else { &line.title };
    Row {
        time: Timestamp::from_micros(line.micros),
        actor: Clean::of(&line.actor, 80),
        kind: names::said(names::KINDS, kind, page.locale()),
        action: names::said(names::ACTIONS, &line.action, page.locale()),
        role: Role::named(&line.role).map_or("", |role| page.role_name(role)),
        title: Clean::of(title, 200),
        object: Clean::of(&line.object, 120),
        link: (kind == "alert").then(|| format!("/alerts/{}", line.object)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_page_keeps_what_was_chosen() {
        let query = HashMap::from([
            ("actor".to_owned(), " anna ".to_owned()),
            ("action".to_owned(), "close".to_owned()),
            ("other".to_owned(), "x".to_owned()),
        ]);
        let chosen = CHOSEN.map(|name| (name, chosen(&query, name)));
        let chosen = HashMap::from(chosen);
        assert_eq!(
            at(&chosen, 100),
            "/audit?actor=anna&action=close&offset=100"
        );
        assert_eq!(at(&chosen, 0), "/audit?actor=anna&action=close");
    }
}
