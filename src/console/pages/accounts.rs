//! Accounts: who may sign in, as what; theirs to reset, not to read.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::json;

use crate::access::{self, Account, Permission, Role, random};
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;

#[derive(Template)]
#[template(path = "accounts.html")]
struct List {
    page: Page,
    rows: Vec<Row>,
    roles: Vec<(&'static str, &'static str)>,
    fresh: Option<(Clean, String)>,
    said: Option<&'static str>,
}

#[expect(clippy::struct_excessive_bools, reason = "a row shows each of them")]
struct Row {
    name: Clean,
    link: String,
    role: Role,
    role_name: &'static str,
    has_second_factor: bool,
    must_change: bool,
    disabled: bool,
    changed: Timestamp,
    by: Clean,
    sessions: usize,
    is_reader: bool,
}

pub(in crate::console) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let page = Page::new(&shared, &reader, "administration");
    let said = match query.get("said").map(String::as_str) {
        Some("done") => Some(page.say("Записано.", "It is on record.")),
        Some("last") => Some(page.say(
            "Не записано: без этой учётной записи не осталось бы администратора.",
            "Not on record: there would be no administrator left without this account.",
        )),
        Some("kept") => Some(page.say(
            "Отменено: в то же мгновение права лишили и другого администратора, и не осталось бы ни одного. Сеансы этой учётной записи завершены.",
            "Taken back: at the same instant another administrator lost the right too, and there would be none left. The sessions of this account have ended.",
        )),
        _ => None,
    };
    shown(&shared, page, &reader, None, said).await
}

async fn shown(
    shared: &Shared,
    page: Page,
    reader: &Reader,
    fresh: Option<(Clean, String)>,
    said: Option<&'static str>,
) -> Result<Response, Failure> {
    let accounts = shared.store.accounts().await?;
    let sessions = shared.store.live_sessions(None, now()).await?;
    let rows = accounts.iter().map(|account| Row {
        name: Clean::of(&account.name, 64),
        link: link(&account.name),
        role: account.role,
        role_name: page.role_name(account.role),
        has_second_factor: account.has_second_factor(),
        must_change: account.must_change,
        disabled: account.disabled,
        changed: micros(account.revision),
        by: Clean::of(&account.by, 64),
        sessions: sessions
            .iter()
            .filter(|it| it.account == account.name)
            .count(),
        is_reader: account.name == reader.name(),
    });
    answer::page(&List {
        rows: rows.collect(),
        roles: Role::ALL
            .into_iter()
            .map(|role| (role.name(), page.role_name(role)))
            .collect(),
        fresh,
        said,
        page,
    })
}

fn micros(revision: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(revision).unwrap_or(0))
}

fn link(name: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("/accounts/{name}")
}

/// A password for the first sign-in, to be told by word of mouth: 20 letters and digits.
pub(crate) fn first_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let letters = random::<20>().into_iter();
    let letters = letters.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    letters.collect()
}

pub(in crate::console) async fn add(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let name = access::name(form.get("name")).map_err(|_| {
        Failure::Wrong(
            "Имя: до 64 букв, цифр и знаков . - _ @, начинается с буквы или цифры.",
            "A name is up to 64 letters, digits and . - _ @, and begins with a letter or digit.",
        )
    })?;
    let role = Role::named(form.get("role")).ok_or(Failure::Wrong("Какая роль?", "Which role?"))?;
    if shared.store.account(&name).await?.is_some() {
        return Err(Failure::Wrong(
            "Такое имя уже есть.",
            "There is such a name already.",
        ));
    }
    let password = first_password();
    let hash = shared.verifier.hash(password.clone()).await?;
    let now = now();
    let account = Account::new(name, role, hash, reader.name(), now);
    shared.store.add_account(&account).await?;
    let title = format!("account {} added as {}", account.name, role.name());
    audit(&shared, &reader, &account, "added", title, now).await?;
    let page = Page::new(&shared, &reader, "administration");
    // Shown once, in the answer itself: it goes into no address and no log.
    let fresh = Some((Clean::of(&account.name, 64), password));
    shown(&shared, page, &reader, fresh, None).await
}

async fn audit(
    shared: &Shared,
    reader: &Reader,
    account: &Account,
    action: &'static str,
    title: String,
    now: Timestamp,
) -> Result<(), Failure> {
    let deed = Deed {
        actor: reader.name(),
        action,
        kind: "account",
        object: &account.name,
        title,
        detail: json!({ "role": account.role.name(), "disabled": account.disabled, "address": reader.from() }),
    };
    Ok(shared.audit(deed, now).await?)
}

pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let account = shared
        .store
        .account(&name)
        .await?
        .ok_or(Failure::NotFound)?;
    let now = now();
    let mut changed = account.changed(reader.name(), now);
    let mut fresh = None;
    let (action, title) = match form.get("deed") {
        "role" => {
            let role = Role::named(form.get("role"));
            changed.role = role.ok_or(Failure::Wrong("Какая роль?", "Which role?"))?;
            (
                "changed",
                format!("account {name} is {} now", changed.role.name()),
            )
        }
        "disable" => {
            changed.disabled = true;
            ("disabled", format!("account {name} disabled"))
        }
        "enable" => {
            changed.disabled = false;
            ("enabled", format!("account {name} enabled"))
        }
        "sign_out" => ("signed_out", format!("all sessions of {name} ended")),
        "reset" => {
            let password = first_password();
            changed.password = shared.verifier.hash(password.clone()).await?;
            changed.must_change = true;
            fresh = Some((Clean::of(&name, 64), password));
            ("reset", format!("password of {name} reset"))
        }
        "second_factor" => {
            changed.second_factor = String::new();
            changed.recovery = Vec::new();
            ("reset", format!("second factor of {name} taken away"))
        }
        _ => return Err(Failure::Wrong("Что сделать?", "What is to be done?")),
    };
    // Whatever an administrator changes, what was allowed before ends.
    changed.sessions_since = shared.store.end_of_sessions(&name, now).await?;
    if !leaves_an_administrator(&shared, &changed).await? {
        return Ok(answer::elsewhere("/accounts?said=last"));
    }
    shared.change(&account, &changed).await?;
    if is_taken_back(&shared, &reader, &account, &changed).await? {
        return Ok(answer::elsewhere("/accounts?said=kept"));
    }
    audit(&shared, &reader, &changed, action, title, now).await?;
    if fresh.is_some() {
        let page = Page::new(&shared, &reader, "administration");
        return shown(&shared, page, &reader, fresh, None).await;
    }
    Ok(answer::elsewhere("/accounts?said=done"))
}

/// Whether somebody can still administer accounts after a change.
async fn leaves_an_administrator(shared: &Shared, changed: &Account) -> Result<bool, Failure> {
    let administers = |account: &Account| account.is_let(Permission::Administer);
    let accounts = shared.store.accounts().await?;
    let mut others = accounts.iter().filter(|it| it.name != changed.name);
    Ok(administers(changed) || others.any(administers))
}

/// Whether a change that took an administrator's right was taken back, since the others lost theirs meanwhile.
async fn is_taken_back(
    shared: &Shared,
    reader: &Reader,
    before: &Account,
    changed: &Account,
) -> Result<bool, Failure> {
    let administers = |account: &Account| account.is_let(Permission::Administer);
    if !administers(before) || administers(changed) {
        return Ok(false);
    }
    let (name, now) = (&before.name, now());
    let store = &shared.store;
    let is_kept = store.keep_administrator(before, reader.name(), now).await?;
    if is_kept {
        shared.sessions.forget_account(name);
        let title = format!("account {name} stays as it was: no administrator would be left");
        audit(shared, reader, before, "refused", title, now).await?;
    }
    Ok(is_kept)
}
