//! The audit: who did what.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;

use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::mail::Clean;

/// What the audit is about.
const KINDS: [&str; 13] = [
    "session",
    "token",
    "account",
    "recovery_code",
    "search",
    "person",
    "report",
    "incident",
    "subject",
    "rule",
    "correlation",
    "exception",
    "silence",
];

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    page: Page,
    rows: Vec<Row>,
    kinds: [&'static str; 13],
    kind: String,
    text: String,
}

struct Row {
    time: Timestamp,
    actor: Clean,
    action: Clean,
    kind: Clean,
    title: Clean,
    object: Clean,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let text = query.get("text").map_or("", |text| text.trim()).to_owned();
    let kind = query.get("kind").map_or("", String::as_str);
    let kind = KINDS.into_iter().find(|it| *it == kind).unwrap_or_default();
    let lines = shared.store.audit_lines(&text, kind).await?;
    let rows = lines.iter().map(|line| Row {
        time: Timestamp::from_micros(line.micros),
        actor: Clean::of(&line.actor, 80),
        action: Clean::of(&line.action, 40),
        kind: Clean::of(&line.object_kind, 40),
        title: Clean::of(&line.title, 200),
        object: Clean::of(&line.object, 120),
    });
    answer::page(&Audit {
        rows: rows.collect(),
        page: Page::new(&shared, &reader, "administration"),
        kinds: KINDS,
        kind: kind.to_owned(),
        text,
    })
}
