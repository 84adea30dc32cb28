//! The link of a mail that says: somebody has seen this alert. Its signature lets in for that alone, once; a button does it, as programs that look at mails follow links.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use uuid::Uuid;

use super::alert;
use crate::access::Acknowledgement;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::notify::mail::{self, Clean};
use crate::notify::now;
use crate::triage::{self, Action, Deed, Seen, State as Stands};

#[derive(Template)]
#[template(path = "acknowledge.html")]
struct Shown {
    page: Page,
    title: Clean,
    id: Uuid,
    who: Clean,
    pairs: [(&'static str, String); 4],
    is_new: bool,
    is_done: bool,
}

fn read<'q>(shared: &Shared, get: impl Fn(&str) -> &'q str) -> Result<Acknowledgement, Failure> {
    Acknowledgement::read(&shared.vault, get, now()).ok_or(Failure::Wrong(
        "Ссылка не отсюда или её срок истёк. Войдите и примите оповещение на его странице.",
        "This link is not from here, or has run out. Sign in and acknowledge the alert on its page.",
    ))
}

async fn shown(
    link: &Acknowledgement,
    shared: &Shared,
    reader: &Reader,
    is_done: bool,
) -> Result<Response, Failure> {
    let found = alert::find(shared, link.alert).await?;
    let (alert, actions) = found.ok_or(Failure::NotFound)?;
    answer::page(&Shown {
        page: Page::new(shared, reader, ""),
        title: mail::title(&alert, reader.locale),
        id: link.alert,
        who: Clean::of(&link.who, 120),
        pairs: link.pairs(&shared.vault),
        is_new: is_new(&actions, Seen::of(&alert)),
        is_done,
    })
}

fn is_new(actions: &[Action], seen: Seen) -> bool {
    matches!(triage::state(actions, seen), Stands::New | Stands::Reopened)
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let link = read(&shared, |name| query.get(name).map_or("", String::as_str))?;
    shown(&link, &shared, &reader, false).await
}

pub(in crate::console) async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let link = read(&shared, |name| form.exactly(name))?;
    let found = alert::find(&shared, link.alert).await?;
    let (alert, actions) = found.ok_or(Failure::NotFound)?;
    let seen = Seen::of(&alert);
    // Once: what somebody has seen already, or is at work on, stays as it stands.
    let is_new = is_new(&actions, seen);
    if is_new {
        let action = Action {
            alert: alert.id,
            time: now(),
            actor: link.who.clone(),
            deed: Deed::Acknowledge,
            comment: String::new(),
            seen,
        };
        shared.store.record_action(&action).await?;
    }
    shown(&link, &shared, &reader, is_new).await
}
