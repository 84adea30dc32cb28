//! Accounts: who may sign in, as what; theirs to reset, not to read.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::json;

use super::proposals;
use crate::access::{self, Account, Change, Permission, Role, random};
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
    fresh: Option<Fresh>,
    proposals: Vec<proposals::Row>,
    said: Option<&'static str>,
}

/// A first password, or a half of one, which is shown once.
pub(super) struct Fresh {
    pub(super) name: Clean,
    pub(super) password: String,
    /// Which half; empty where it is all.
    pub(super) part: &'static str,
}

/// What becomes of an account.
pub(super) struct Wanted<'w> {
    pub(super) change: Change,
    pub(super) name: &'w str,
    /// As it stands; `None` where there is none yet.
    pub(super) before: Option<&'w Account>,
    /// Its role after that.
    pub(super) role: Role,
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
        Some("proposed") => Some(page.say(
            "Предложено: другой администратор подтвердит это за сутки.",
            "Proposed: another administrator confirms it within a day.",
        )),
        Some("alone") => Some(page.say(
            "Нужен второй администратор, а его нет. Это делает команда: gatewatch account add, role или reset.",
            "A second administrator is needed, and there is none. The command line does it: gatewatch account add, role or reset.",
        )),
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

pub(super) async fn shown(
    shared: &Shared,
    page: Page,
    reader: &Reader,
    fresh: Option<Fresh>,
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
        proposals: proposals::rows(shared, reader, &page).await?,
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
    letters(random::<20>())
}

/// One half of such a password, where two administrators tell it: enough for nobody to guess the other.
pub(super) fn half_password() -> String {
    letters(random::<12>())
}

fn letters<const N: usize>(bytes: [u8; N]) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let letters = bytes.into_iter();
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
    let wanted = Wanted {
        change: Change::Add,
        name: &name,
        before: None,
        role,
    };
    change(&shared, &reader, &wanted).await
}

/// Makes a change, or proposes it where it needs two administrators.
async fn change(
    shared: &Shared,
    reader: &Reader,
    wanted: &Wanted<'_>,
) -> Result<Response, Failure> {
    let now = now();
    if wanted.role.needs_two() {
        return proposals::propose(shared, reader, wanted, now).await;
    }
    let password = wanted.change.makes_password().then(first_password);
    let said = make(shared, reader, wanted, password.as_deref(), now).await?;
    let Some(password) = password.filter(|_| said == "done") else {
        return Ok(answer::elsewhere(&format!("/accounts?said={said}")));
    };
    let page = Page::new(shared, reader, "administration");
    // Shown once, in the answer itself: it goes into no address and no log.
    let fresh = Fresh {
        name: Clean::of(wanted.name, 64),
        password,
        part: "",
    };
    shown(shared, page, reader, Some(fresh), None).await
}

/// Makes a change: what is said of it then.
pub(super) async fn make(
    shared: &Shared,
    reader: &Reader,
    wanted: &Wanted<'_>,
    password: Option<&str>,
    now: Timestamp,
) -> Result<&'static str, Failure> {
    let (name, role) = (wanted.name, wanted.role);
    let mut changed = wanted.before.map_or_else(
        || Account::new(name.to_owned(), role, String::new(), reader.name(), now),
        |account| account.changed(reader.name(), now),
    );
    if let Some(password) = password {
        changed.password = shared.verifier.hash(password.to_owned()).await?;
        changed.must_change = true;
    }
    let (action, title) = match wanted.change {
        Change::Add => ("added", format!("account {name} added as {}", role.name())),
        Change::Role => {
            changed.role = role;
            ("changed", format!("account {name} is {} now", role.name()))
        }
        Change::Password => ("reset", format!("password of {name} reset")),
        Change::SecondFactor => {
            changed.second_factor = String::new();
            changed.recovery = Vec::new();
            (
                "factor_reset",
                format!("second factor of {name} taken away"),
            )
        }
    };
    let Some(before) = wanted.before else {
        shared.store.add_account(&changed).await?;
        audit(shared, reader, &changed, action, title, now).await?;
        return Ok("done");
    };
    record(shared, reader, before, changed, (action, title), now).await
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
    if let Some(asked) = Change::named(form.get("deed")).filter(|it| *it != Change::Add) {
        let role = match asked {
            Change::Role => Role::named(form.get("role")),
            _ => Some(account.role),
        };
        let wanted = Wanted {
            change: asked,
            name: &name,
            before: Some(&account),
            role: role.ok_or(Failure::Wrong("Какая роль?", "Which role?"))?,
        };
        return change(&shared, &reader, &wanted).await;
    }
    let now = now();
    let mut changed = account.changed(reader.name(), now);
    let done = match form.get("deed") {
        "disable" => {
            changed.disabled = true;
            ("disabled", format!("account {name} disabled"))
        }
        "enable" => {
            changed.disabled = false;
            ("enabled", format!("account {name} enabled"))
        }
        "sign_out" => ("signed_out", format!("all sessions of {name} ended")),
        _ => return Err(Failure::Wrong("Что сделать?", "What is to be done?")),
    };
    let said = record(&shared, &reader, &account, changed, done, now).await?;
    Ok(answer::elsewhere(&format!("/accounts?said={said}")))
}

/// Puts a change on record, with what was done in one word and in a sentence: what is said of it then.
async fn record(
    shared: &Shared,
    reader: &Reader,
    before: &Account,
    mut changed: Account,
    (action, title): (&'static str, String),
    now: Timestamp,
) -> Result<&'static str, Failure> {
    // Whatever an administrator changes, what was allowed before ends.
    let ends = shared.store.end_of_sessions(&before.name, now);
    changed.sessions_since = ends.await?;
    if !leaves_an_administrator(shared, &changed).await? {
        return Ok("last");
    }
    shared.change(before, &changed).await?;
    if is_taken_back(shared, reader, before, &changed).await? {
        return Ok("kept");
    }
    audit(shared, reader, &changed, action, title, now).await?;
    Ok("done")
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
