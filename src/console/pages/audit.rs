//! The audit: who did what, also to alerts and about decisions.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::json;

use crate::access::{Permission, Role};
use crate::config::Locale;
use crate::console::answer;
use crate::console::csv::Sheet;
use crate::console::failure::Failure;
use crate::console::names;
use crate::console::on_record;
use crate::console::page::Page;
use crate::console::query;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::console::times;
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::{AuditFilter, AuditLine};

/// What a file has of each line.
const HEAD: [&str; 9] = [
    "time", "actor", "kind", "action", "object", "title", "role", "address", "reason",
];
/// Lines on a page.
const ROWS: u32 = 100;
/// Pages that can be turned to: what is further back is found by filters.
const MOST_OFFSET: u32 = 10_000;
/// Parameters of the address that say which lines are shown.
const CHOSEN: [&str; 6] = ["text", "actor", "kind", "action", "from", "until"];
/// Kinds whose lines for people are sentences of ours, which are kept in English; of others they are words of people.
const OURS: [&str; 10] = [
    "page",
    "audit",
    "session",
    "token",
    "account",
    "recovery_code",
    "search",
    "person",
    "report",
    "subject",
];

/// What somebody may see of the audit who administers no accounts.
const OF_PERSONS: &[&str] = &["person", "search", "account"];
const WRONG: Failure = Failure::Wrong(
    "Время в запросе не читается; страница аудита показывает, какое.",
    "A time cannot be read; the page of the audit says which.",
);

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
    /// The address of the same as a file.
    file: String,
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
    address: Clean,
    reason: Clean,
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
    // One more says whether there is a next page.
    let (mut lines, problem) = match filter(&query, &reader, offset, ROWS + 1) {
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
    let page_at = |offset| format!("/audit?{}", at(&chosen, offset));
    let next = (has_more && offset + ROWS <= MOST_OFFSET).then(|| page_at(offset + ROWS));
    let previous = (offset > 0).then(|| page_at(offset.saturating_sub(ROWS)));
    let file = format!("/audit.csv?{}", at(&chosen, 0));
    for name in ["from", "until"] {
        if let Some(text) = chosen.get_mut(name) {
            *text = times::field(text, &reader.zone);
        }
    }
    answer::page(&Audit {
        rows: lines.iter().map(|line| row(line, &page)).collect(),
        kinds: kinds(&reader),
        actions: names::choice(names::ACTIONS, reader.locale),
        page,
        chosen,
        problem,
        next,
        previous,
        file,
    })
}

/// Kinds of things that the reader may see; empty: all.
fn only(reader: &Reader) -> &'static [&'static str] {
    if reader.may(Permission::Administer) {
        &[]
    } else {
        OF_PERSONS
    }
}

/// Those kinds with their words.
fn kinds(reader: &Reader) -> Vec<(&'static str, Clean)> {
    let mut kinds = names::choice(names::KINDS, reader.locale);
    let only = only(reader);
    kinds.retain(|(name, _)| only.is_empty() || only.contains(name));
    kinds
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
    limit: u32,
) -> Result<AuditFilter, query::Wrong> {
    Ok(AuditFilter {
        text: chosen(query, "text"),
        actor: chosen(query, "actor"),
        kind: chosen(query, "kind"),
        only: only(reader),
        action: chosen(query, "action"),
        since: query::time(query, "from", &reader.zone)?,
        until: query::time(query, "until", &reader.zone)?,
        offset,
        limit,
    })
}

/// The query of these lines from another place on.
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
    query.finish()
}

fn row(line: &AuditLine, page: &Page) -> Row {
    let kind = line.object_kind.as_str();
    let is_foreign = page.locale() == Locale::Ru && OURS.contains(&kind);
    let title = if is_foreign { "" } else { &line.title };
    Row {
        time: Timestamp::from_micros(line.micros),
        actor: if line.actor.is_empty() {
            Clean::fixed(page.say("без входа", "not signed in"))
        } else {
            Clean::of(&line.actor, 80)
        },
        address: Clean::of(&line.address, 48),
        reason: names::said(names::REASONS, &line.reason, page.locale()),
        kind: names::said(names::KINDS, kind, page.locale()),
        action: names::said(names::ACTIONS, &line.action, page.locale()),
        role: Role::named(&line.role).map_or("", |role| page.role_name(role)),
        title: Clean::of(title, 200),
        object: Clean::of(&line.object, 120),
        link: (kind == "alert").then(|| format!("/alerts/{}", line.object)),
    }
}

/// The same as a file, for spreadsheets and programs: stable names, and sentences as they are kept.
pub(in crate::console) async fn csv(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let limit = shared.config.console.search_rows.get();
    // One more says whether there are more.
    let filter = filter(&query, &reader, 0, limit.saturating_add(1)).map_err(|_| WRONG)?;
    let mut lines = shared.store.audit_lines(&filter).await?;
    let is_cut = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let deed = Deed {
        actor: reader.name(),
        action: "exported",
        kind: "audit",
        object: "",
        title: format!("{} exported the audit", reader.name()),
        detail: json!({
            "text": on_record::search(&filter.text), "actor": filter.actor, "kind": filter.kind, "action": filter.action,
            "from": filter.since, "until": filter.until, "address": reader.from(),
        }),
    };
    shared.audit(deed, now()).await?;
    let mut sheet = Sheet::new(reader.locale);
    sheet.row(HEAD);
    for line in &lines {
        add(&mut sheet, line);
    }
    let words = cut_at(limit, reader.locale);
    let cut = is_cut.then_some((limit, words.as_str()));
    Ok(sheet.answer("audit.csv", cut))
}

fn add(sheet: &mut Sheet, line: &AuditLine) {
    let time = Timestamp::from_micros(line.micros).to_string();
    sheet.row([
        time.as_str(),
        &line.actor,
        &line.object_kind,
        &line.action,
        &line.object,
        &line.title,
        &line.role,
        &line.address,
        &line.reason,
    ]);
}

/// The last line of a file that does not hold all.
fn cut_at(limit: u32, locale: Locale) -> String {
    match locale {
        Locale::Ru => {
            format!("Здесь только {limit} самых новых строк, нашлось больше: сузьте запрос.")
        }
        Locale::En => {
            format!("These are the newest {limit} lines, more were found: narrow the search.")
        }
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
        assert_eq!(at(&chosen, 100), "actor=anna&action=close&offset=100");
        assert_eq!(at(&chosen, 0), "actor=anna&action=close");
    }

    #[test]
    fn a_line_of_the_file_has_address_and_reason() {
        let line = AuditLine {
            micros: 1_000_000,
            actor: "anna".into(),
            action: "refused".into(),
            object_kind: "page".into(),
            object: "GET /accounts".into(),
            title: "a \"page\"".into(),
            role: String::new(),
            address: "192.0.2.7".into(),
            reason: "permission".into(),
        };
        let mut sheet = Sheet::new(Locale::En);
        add(&mut sheet, &line);
        let text = sheet.finish();
        let expected = "\"anna\",\"page\",\"refused\",\"GET /accounts\",\"a \"\"page\"\"\",\"\",\"192.0.2.7\",\"permission\"\r\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(
            cut_at(7, Locale::Ru).contains("только 7")
                && cut_at(7, Locale::En).contains("newest 7")
        );
    }
}
