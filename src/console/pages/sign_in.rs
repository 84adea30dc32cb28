//! Signing in and out: a password, then the second factor where there is one.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use metrics::counter;
use serde_json::json;

use crate::access::{
    self, Account, Device, Kind, Session, Wait, random, recovery_hash, second_factor, token_hash,
};
use crate::console::answer;
use crate::console::cookie;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::{Reader, Visitor};
use crate::console::shared::{Deed, Shared};
use crate::console::tries::{self, Refusal, Tried};
use crate::event::Timestamp;
use crate::notify::now;
use crate::telemetry::metric;

const HOUR_US: i64 = 3_600_000_000;
/// Whoever has shown a password has so long for the second factor.
const HALF_US: i64 = 5 * 60_000_000;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    back: String,
    name: String,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Code {
    page: Page,
    back: String,
    problem: Option<Problem>,
}

/// Why a password and a code are not taken, for the audit.
const PASSWORD: Refusal = Refusal {
    kind: "session",
    route: "/sign-in",
    reason: "password",
};
const CODE: Refusal = Refusal {
    kind: "session",
    route: "/second-factor",
    reason: "code",
};

/// Why somebody was not let in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Problem {
    Wrong,
    Wait(u64),
}

/// The same where it was not looked at, since too many failed.
pub(super) fn too_many(refusal: Refusal) -> Refusal {
    Refusal {
        reason: "too_many_tries",
        ..refusal
    }
}

fn back_of(query: &HashMap<String, String>) -> String {
    let path = query.get("back").map_or("/", String::as_str);
    answer::back(path).to_owned()
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    answer::page(&SignIn {
        page: Page::new(&shared, &reader, ""),
        back: back_of(&query),
        name: String::new(),
        problem: None,
    })
}

pub(in crate::console) async fn password(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let now = now();
    // Whatever is no name is nobody's.
    let name = access::name(form.get("name")).unwrap_or_default();
    let back = answer::back(form.get("back"));
    let refused = |problem| {
        let page = answer::page(&SignIn {
            page: Page::new(&shared, &reader, ""),
            back: back.to_owned(),
            name: name.clone(),
            problem: Some(problem),
        })?;
        let status = match problem {
            Problem::Wrong => StatusCode::FORBIDDEN,
            Problem::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
        };
        Ok((status, page).into_response())
    };
    let device = tries::device(&shared, &reader, &name, now).await?;
    let tried = match Tried::begin(&shared, &reader, &name, device, now) {
        Ok(tried) => tried,
        Err(held) => {
            counter!(metric::SIGN_INS, "outcome" => "delayed").increment(1);
            let name = if held.is_address { "" } else { name.as_str() };
            tries::delayed(&shared, &reader, name, too_many(PASSWORD), now);
            return refused(Problem::Wait(held.seconds));
        }
    };
    let account = shared.store.account(&name).await?;
    let usable = account.filter(|account| !account.disabled);
    let hash = usable.as_ref().map(|account| account.password.clone());
    let password = form.exactly("password").to_owned();
    let is_right = shared.verifier.matches(password, hash).await?;
    let Some(account) = usable.filter(|_| is_right) else {
        tries::failed(&shared, &reader, &name, PASSWORD, now);
        return refused(Problem::Wrong);
    };
    tried.take_back(&shared);
    if account.has_second_factor() {
        let token = begin(&shared, &reader, &account, Kind::Half, now).await?;
        let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
        let next = format!("/second-factor?back={back}");
        return Ok(answer::elsewhere_with(&next, &cookie::session(&token)));
    }
    tries::is_in(&shared, &reader, &account, now);
    let token = begin(&shared, &reader, &account, Kind::Whole, now).await?;
    Ok(inside(&shared, &account, back, &token, now))
}

/// Goes on with a whole session, from a browser that is known by that from now on.
pub(super) fn inside(
    shared: &Shared,
    account: &Account,
    next: &str,
    token: &str,
    now: Timestamp,
) -> Response {
    let device = Device::new(now).cookie(&shared.vault, account);
    let response = answer::elsewhere_with(next, &cookie::session(token));
    answer::with_cookie(response, &cookie::device(&device))
}

/// Begins a session: what the browser has to show from then on.
pub(super) async fn begin(
    shared: &Shared,
    reader: &Reader,
    account: &Account,
    kind: Kind,
    now: Timestamp,
) -> Result<String, Failure> {
    let token = URL_SAFE_NO_PAD.encode(random::<32>());
    let lasts = match kind {
        Kind::Half => HALF_US,
        _ => i64::from(shared.config.console.session_hours.max(1)) * HOUR_US,
    };
    let session = Session {
        id: token_hash(&token),
        account: account.name.clone(),
        kind,
        title: String::new(),
        started: account.session_start(now),
        until: now.plus_micros(lasts),
        ended: false,
        address: reader.from(),
        agent: reader.agent.clone(),
    };
    shared.store.record_session(&session, now).await?;
    if kind == Kind::Whole {
        counter!(metric::SIGN_INS, "outcome" => "ok").increment(1);
        let deed = Deed {
            actor: &account.name,
            action: "signed_in",
            kind: "session",
            object: &session.id,
            title: format!("{} signed in", account.name),
            detail: json!({ "address": session.address, "agent": session.agent, "until": session.until }),
        };
        shared.audit(deed, now).await?;
    }
    Ok(token)
}

pub(in crate::console) async fn show_code(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    answer::page(&Code {
        page: Page::new(&shared, &reader, ""),
        back: back_of(&query),
        problem: None,
    })
}

pub(in crate::console) async fn code(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let now = now();
    let visitor = reader.visitor.as_ref().ok_or(Failure::NotFound)?;
    let Visitor {
        account, session, ..
    } = visitor;
    let back = answer::back(form.get("back")).to_owned();
    let refused = |problem| {
        let page = answer::page(&Code {
            page: Page::new(&shared, &reader, ""),
            back: back.clone(),
            problem: Some(problem),
        })?;
        Ok((StatusCode::FORBIDDEN, page).into_response())
    };
    // Whoever gets here has shown the password: those who only know the name hold nobody up.
    let tried = match shared.by_account.begin(account.name.clone(), now) {
        Ok(tried) => tried,
        Err(Wait(seconds)) => {
            tries::delayed(&shared, &reader, &account.name, too_many(CODE), now);
            return refused(Problem::Wait(seconds));
        }
    };
    if !takes(&shared, visitor, form.get("code"), now).await? {
        tries::failed(&shared, &reader, &account.name, CODE, now);
        return refused(Problem::Wrong);
    }
    shared.by_account.take_back(&tried);
    tries::is_in(&shared, &reader, account, now);
    // What was shown before the second factor is worth nothing after it.
    let ended = Session {
        ended: true,
        ..session.clone()
    };
    shared.store.record_session(&ended, now).await?;
    shared.sessions.forget(&session.id);
    let token = begin(&shared, &reader, account, Kind::Whole, now).await?;
    Ok(inside(&shared, account, &back, &token, now))
}

/// Whether a code is that of the authenticator and was not shown before, or a recovery code, which is used up then.
async fn takes(
    shared: &Shared,
    visitor: &Visitor,
    code: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    // One at a time, so that two recovery codes at once are both good; two instances are told apart by the store.
    let _alone = shared.codes.lock().await;
    let account = shared.account_now(visitor, now).await?;
    let sealed = &account.second_factor;
    if let Some(step) = second_factor(&shared.vault, &account.name, sealed, code, now) {
        return Ok(shared.store.take_code(&account.name, step, now).await?);
    }
    let hash = recovery_hash(&account.name, code);
    if !account.recovery.contains(&hash) {
        return Ok(false);
    }
    let mut changed = account.changed(&account.name, now);
    changed.recovery.retain(|it| *it != hash);
    shared.change(&account, &changed).await?;
    let deed = Deed {
        actor: &account.name,
        action: "used",
        kind: "recovery_code",
        object: &account.name,
        title: format!("{} used a recovery code", account.name),
        detail: json!({ "left": changed.recovery.len() }),
    };
    shared.audit(deed, now).await?;
    Ok(true)
}

pub(in crate::console) async fn out(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    if let Some(visitor) = &reader.visitor {
        let now = now();
        let ended = Session {
            ended: true,
            ..visitor.session.clone()
        };
        shared.store.record_session(&ended, now).await?;
        shared.sessions.forget(&ended.id);
        let deed = Deed {
            actor: reader.name(),
            action: "signed_out",
            kind: "session",
            object: &ended.id,
            title: format!("{} signed out", reader.name()),
            detail: json!({}),
        };
        shared.audit(deed, now).await?;
    }
    Ok(answer::elsewhere_with("/sign-in", &cookie::no_session()))
}
