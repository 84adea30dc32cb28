//! Persons: from what is known of somebody (an id, a car plate) to the pseudonym under which they are stored. Each time has a case number and is on record.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::entity;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::enrich::Redactor;
use crate::event::Field;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::store::{Criterion, Search};
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
    let redactor = redactor(&shared)?;
    let kinds = [
        (
            Field::Subject,
            EntityKind::Subject,
            page.say("субъект", "subject"),
        ),
        (
            Field::ResourceId,
            EntityKind::Resource,
            page.say("ресурс", "resource"),
        ),
    ];
    let pseudonyms = kinds.map(|(field, kind, what)| {
        let pseudonym = redactor.pseudonym(field, identifier).into_string();
        (pseudonym, kind, what)
    });
    // On record before it is shown, and without what was asked for in clear.
    let deed = Deed {
        actor: reader.name(),
        action: "revealed",
        kind: "person",
        object: case,
        title: format!("{} looked a person up for case {case}", reader.name()),
        detail: json!({
            "pseudonyms": pseudonyms.iter().map(|(it, ..)| it).collect::<Vec<_>>(),
            "key": redactor.key_id(),
            "address": reader.from(),
        }),
    };
    shared.audit(deed, now).await?;
    let mut found = Vec::new();
    for (pseudonym, kind, what) in pseudonyms {
        let search = Search {
            criteria: Criterion::entity(kind, &pseudonym).into_iter().collect(),
            from: crate::event::Timestamp::from_seconds(0),
            until: now,
            limit: 0,
        };
        found.push(Found {
            what,
            link: entity::link(kind, &pseudonym),
            calls: shared.store.count(&search).await?,
            pseudonym: Clean::of(&pseudonym, 80),
        });
    }
    answer::page(&Persons {
        page,
        found: Some(found),
        case: Clean::of(case, 80),
    })
}

fn redactor(shared: &Shared) -> Result<Redactor, Failure> {
    let enrich = &shared.config.enrich;
    let file = enrich.pseudonym_key_file.as_deref();
    let key = enrich.pseudonym_key.resolve(file, "enrich.pseudonym_key");
    let key = key
        .ok()
        .filter(|key| !key.is_empty())
        .ok_or(Failure::Wrong(
            "У консоли нет ключа псевдонимов (enrich.pseudonym_key).",
            "The console has no key of pseudonyms (enrich.pseudonym_key).",
        ))?;
    Ok(Redactor::new(
        key.expose().as_bytes(),
        &enrich.pseudonym_key_id,
    ))
}
