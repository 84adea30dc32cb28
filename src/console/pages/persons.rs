//! Persons: from what is known of somebody (an id, a car plate) to the pseudonyms under which they are stored, by every key at hand. Each time has a case number and is on record.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use tracing::warn;

use super::entity;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::enrich::{self, Alias, PERSON_FIELDS, Redactor};
use crate::event::Field;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::Subject;
use crate::track::EntityKind;

/// Shortest identifier and case number.
const SHORTEST: usize = 3;
/// Longest.
const LONGEST: usize = 400;

#[derive(Template)]
#[template(path = "persons.html")]
struct Persons {
    page: Page,
    found: Option<Vec<Found>>,
    case: Clean,
}

/// Under which pseudonym somebody is stored.
struct Found {
    what: &'static str,
    /// Name of the key that it was made with.
    key: Clean,
    pseudonym: Clean,
    link: Option<String>,
    calls: u64,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    answer::page(&Persons {
        page: Page::new(&shared, &reader, "administration"),
        found: None,
        case: Clean::default(),
    })
}

pub(in crate::console) async fn find(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let fits = |text: &str| (SHORTEST..=LONGEST).contains(&text.chars().count());
    let (case, identifier) = (form.get("case"), form.get("identifier"));
    if !fits(case) || !fits(identifier) {
        return Err(Failure::Wrong(
            "Нужны номер дела и то, что известно о человеке: от 3 знаков.",
            "A case number and what is known of the person are needed: 3 characters at least.",
        ));
    }
    let now = now();
    let page = Page::new(&shared, &reader, "administration");
    let redactors = redactors(&shared)?;
    let aliases = enrich::aliases(&redactors, identifier);
    let pseudonyms: Vec<String> = aliases.iter().map(|it| it.pseudonym.clone()).collect();
    // On record before it is shown, and without what was asked for in clear.
    let deed = Deed {
        actor: reader.name(),
        action: "revealed",
        kind: "person",
        object: case,
        title: format!("{} looked a person up for case {case}", reader.name()),
        detail: json!({
            "pseudonyms": pseudonyms,
            "keys": redactors.iter().map(Redactor::key_id).collect::<Vec<_>>(),
            "address": reader.from(),
        }),
    };
    shared.audit(deed, now).await?;
    let calls = shared
        .store
        .subject_calls(&Subject::new(pseudonyms)?)
        .await?;
    let calls_of = |pseudonym: &str| {
        let found = calls.iter().find(|(known, _)| known == pseudonym);
        found.map_or(0, |(_, calls)| *calls)
    };
    let found = aliases.iter().enumerate().filter_map(|(at, alias)| {
        let calls = calls_of(&alias.pseudonym);
        // What new calls would be stored under is told even when there are none.
        (calls > 0 || at < PERSON_FIELDS.len()).then(|| Found::of(alias, calls, &page))
    });
    answer::page(&Persons {
        found: Some(found.collect()),
        page,
        case: Clean::of(case, 80),
    })
}

impl Found {
    fn of(alias: &Alias, calls: u64, page: &Page) -> Found {
        let (what, kind) = match alias.field {
            Field::Subject => (page.say("субъект", "subject"), Some(EntityKind::Subject)),
            Field::ResourceId => (page.say("ресурс", "resource"), Some(EntityKind::Resource)),
            _ => (page.say("устройство", "device"), None),
        };
        let page_of = |kind| {
            Some(format!(
                "{}?hours=720",
                entity::link(kind, &alias.pseudonym)?
            ))
        };
        let search = || {
            Some(format!(
                "/events?q={}%3D{}",
                alias.field.name(),
                alias.pseudonym
            ))
        };
        Found {
            what,
            key: Clean::of(&alias.key, 40),
            link: kind.map_or_else(search, page_of),
            calls,
            pseudonym: Clean::of(&alias.pseudonym, 80),
        }
    }
}

/// One of each key at hand, the current one first.
fn redactors(shared: &Shared) -> Result<Vec<Redactor>, Failure> {
    let enrich = &shared.config.enrich;
    if enrich.pseudonym_key.is_empty() && enrich.pseudonym_key_file.is_none() {
        return Err(Failure::Wrong(
            "У консоли нет ключа псевдонимов (enrich.pseudonym_key).",
            "The console has no key of pseudonyms (enrich.pseudonym_key).",
        ));
    }
    Redactor::of_all_keys(enrich).map_err(|error| {
        warn!(%error, "no key of pseudonyms");
        Failure::Wrong(
            "Ключ псевдонимов не читается; подробности в журнале gatewatch.",
            "A key of pseudonyms cannot be read; gatewatch's own log says more.",
        )
    })
}
