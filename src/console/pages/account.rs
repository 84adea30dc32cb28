//! One's own account: password, second factor, sessions, tokens, language.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use qrcodegen::{QrCode, QrCodeEcc};
use serde_json::json;

use super::sign_in;
use crate::access::{
    self, Account, Enrolment, Kind, Session, Standing, random, recovery_codes, recovery_hash,
    second_factor, token_hash,
};
use crate::console::answer;
use crate::console::cookie;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::{Reader, Visitor};
use crate::console::shared::{Deed, Shared};
use crate::console::tries::{self, Refusal};
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;

const DAY_US: i64 = 86_400_000_000;
/// Tokens of one account at most.
const MOST_TOKENS: usize = 20;

#[derive(Template)]
#[template(path = "account.html")]
struct Shown {
    page: Page,
    has_second_factor: bool,
    recovery: usize,
    sessions: Vec<SessionRow>,
    fresh: Option<String>,
    said: Option<&'static str>,
}

struct SessionRow {
    id: String,
    kind: &'static str,
    title: Clean,
    started: Timestamp,
    until: Timestamp,
    address: Clean,
    agent: Clean,
    is_this: bool,
    is_token: bool,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    is_due: bool,
    shortest: usize,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "enrolment.html")]
struct EnrolmentPage {
    page: Page,
    is_due: bool,
    /// Whether there is a second factor already, so that the password is asked for.
    is_anew: bool,
    problem: Option<&'static str>,
    enrolment: Enrolment,
    picture: String,
    side: i32,
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct Recovery {
    page: Page,
    codes: Vec<String>,
}

fn visitor(reader: &Reader) -> Result<&Visitor, Failure> {
    reader.visitor.as_ref().ok_or(Failure::NotFound)
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let page = Page::new(&shared, &reader, "");
    let said = query
        .contains_key("done")
        .then(|| page.say("Записано.", "It is on record."));
    shown(&shared, &reader, page, None, said).await
}

async fn shown(
    shared: &Shared,
    reader: &Reader,
    page: Page,
    fresh: Option<String>,
    said: Option<&'static str>,
) -> Result<Response, Failure> {
    let visitor = visitor(reader)?;
    let name = &visitor.account.name;
    let sessions = shared.store.live_sessions(Some(name), now()).await?;
    let rows = sessions
        .iter()
        .filter(|it| it.kind != Kind::Half)
        .map(|session| SessionRow {
            kind: match session.kind {
                Kind::Reader => page.say("токен, только чтение", "token, reads only"),
                Kind::Program => page.say("токен", "token"),
                _ => page.say("сеанс", "session"),
            },
            title: Clean::of(&session.title, 80),
            started: session.started,
            until: session.until,
            address: Clean::of(&session.address, 48),
            agent: Clean::of(&session.agent, 120),
            is_this: session.id == visitor.session.id,
            is_token: session.kind.is_token(),
            id: session.id.clone(),
        });
    answer::page(&Shown {
        has_second_factor: visitor.account.has_second_factor(),
        recovery: visitor.account.recovery.len(),
        sessions: rows.collect(),
        fresh,
        said,
        page,
    })
}

pub(in crate::console) async fn show_password(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    password_page(&shared, &reader, None)
}

fn password_page(
    shared: &Shared,
    reader: &Reader,
    problem: Option<&'static str>,
) -> Result<Response, Failure> {
    answer::page(&PasswordPage {
        page: Page::new(shared, reader, ""),
        is_due: visitor(reader)?.standing == Standing::Password,
        shortest: access::SHORTEST_PASSWORD,
        problem,
    })
}

pub(in crate::console) async fn password(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let now = now();
    let account = shared.account_now(visitor(&reader)?, now).await?;
    let page = Page::new(&shared, &reader, "");
    let (old, new) = (form.exactly("old"), form.exactly("new"));
    let refused = |problem| {
        let page = password_page(&shared, &reader, Some(problem))?;
        Ok((StatusCode::BAD_REQUEST, page).into_response())
    };
    if let Some(problem) =
        wrong_password(&shared, &reader, &account, "/account/password", old, now).await?
    {
        return refused(problem);
    }
    if new != form.exactly("again") {
        return refused(page.say(
            "Новый пароль введён по-разному.",
            "The new password was typed differently.",
        ));
    }
    if let Err(problem) = access::check_password(new, &account.name) {
        return refused(match problem {
            access::PasswordError::Length => page.say(
                "Новый пароль: от 12 до 256 знаков.",
                "The new password: 12 to 256 characters.",
            ),
            access::PasswordError::Guessable => page.say(
                "Этот пароль легко угадать.",
                "This password is easy to guess.",
            ),
        });
    }
    if new == old {
        return refused(page.say("Это нынешний пароль.", "This is the present password."));
    }
    let mut changed = account.changed(&account.name, now);
    changed.password = shared.verifier.hash(new.to_owned()).await?;
    changed.must_change = false;
    // Whoever came in by the old one is out, tokens too; this browser goes on with a session of its own.
    changed.sessions_since = shared.store.end_of_sessions(&account.name, now).await?;
    shared.change(&account, &changed).await?;
    let title = format!("{} changed the password", account.name);
    audit(&shared, &reader, "changed", title, now).await?;
    let token = sign_in::begin(&shared, &reader, &changed, Kind::Whole, now).await?;
    Ok(sign_in::inside(
        &shared,
        &changed,
        "/account?done=1",
        &token,
        now,
    ))
}

/// Why the present password of an account is not taken; `None` when it is.
async fn wrong_password(
    shared: &Arc<Shared>,
    reader: &Reader,
    account: &Account,
    route: &'static str,
    password: &str,
    now: Timestamp,
) -> Result<Option<&'static str>, Failure> {
    let refusal = Refusal {
        kind: "account",
        route,
        reason: "present_password",
    };
    let page = Page::new(shared, reader, "");
    let Ok(tried) = shared.by_account.begin(account.name.clone(), now) else {
        let refusal = sign_in::too_many(refusal);
        tries::delayed(shared, reader, &account.name, refusal, now);
        return Ok(Some(page.say(
            "Слишком много неудачных попыток; подождите.",
            "Too many tries failed; wait a little.",
        )));
    };
    let hash = Some(account.password.clone());
    if shared.verifier.matches(password.to_owned(), hash).await? {
        shared.by_account.take_back(&tried);
        return Ok(None);
    }
    tries::wrong(shared, reader, &account.name, refusal, now);
    Ok(Some(page.say(
        "Нынешний пароль не подходит.",
        "The present password does not fit.",
    )))
}

async fn audit(
    shared: &Shared,
    reader: &Reader,
    action: &'static str,
    title: String,
    now: Timestamp,
) -> Result<(), Failure> {
    let deed = Deed {
        actor: reader.name(),
        action,
        kind: "account",
        object: reader.name(),
        title,
        detail: json!({ "address": reader.from() }),
    };
    Ok(shared.audit(deed, now).await?)
}

pub(in crate::console) async fn show_enrolment(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    let installation = &shared.config.mail.name;
    let enrolment = Enrolment::new(&shared.vault, reader.name(), installation);
    enrolment_page(&shared, &reader, enrolment, None)
}

fn enrolment_page(
    shared: &Shared,
    reader: &Reader,
    enrolment: Enrolment,
    problem: Option<&'static str>,
) -> Result<Response, Failure> {
    let (picture, side) = picture(&enrolment.address);
    answer::page(&EnrolmentPage {
        page: Page::new(shared, reader, ""),
        is_due: visitor(reader)?.standing == Standing::Enrolment,
        is_anew: !visitor(reader)?.account.second_factor.is_empty(),
        problem,
        enrolment,
        picture,
        side,
    })
}

/// The dark squares of a picture that authenticators read, as a path of SVG, and its side.
fn picture(address: &str) -> (String, i32) {
    let Ok(code) = QrCode::encode_text(address, QrCodeEcc::Medium) else {
        return (String::new(), 1);
    };
    let side = code.size();
    let mut path = String::new();
    for y in 0..side {
        for x in (0..side).filter(|x| code.get_module(*x, y)) {
            // Writing into a string does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + 4, y + 4);
        }
    }
    (path, side + 8)
}

pub(in crate::console) async fn enrol(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let now = now();
    let account = shared.account_now(visitor(&reader)?, now).await?;
    let sealed = form.get("sealed");
    let page = Page::new(&shared, &reader, "");
    let again = |problem| {
        let name = &shared.config.mail.name;
        let enrolment = Enrolment::again(sealed, &shared.vault, &account.name, name);
        let enrolment = enrolment.ok_or(Failure::NotFound)?;
        enrolment_page(&shared, &reader, enrolment, Some(problem))
    };
    // Whoever finds a browser signed in gives the account no other phone.
    if !account.second_factor.is_empty()
        && let Some(problem) = wrong_password(
            &shared,
            &reader,
            &account,
            "/account/second-factor",
            form.exactly("password"),
            now,
        )
        .await?
    {
        return again(problem);
    }
    let step = second_factor(&shared.vault, &account.name, sealed, form.get("code"), now);
    let Some(step) = step else {
        return again(page.say(
            "Код не подходит. Проверьте часы телефона.",
            "The code does not fit. Look at the clock of the phone.",
        ));
    };
    // What set it up lets nobody in after that.
    shared.store.take_code(&account.name, step, now).await?;
    let codes = recovery_codes();
    let mut changed = account.changed(&account.name, now);
    changed.second_factor = sealed.to_owned();
    changed.recovery = codes
        .iter()
        .map(|code| recovery_hash(&account.name, code))
        .collect();
    // Whoever came in without it is out, tokens too; this browser goes on with a session of its own.
    changed.sessions_since = shared.store.end_of_sessions(&account.name, now).await?;
    shared.change(&account, &changed).await?;
    let title = format!("{} set up a second factor", account.name);
    audit(&shared, &reader, "enrolled", title, now).await?;
    let token = sign_in::begin(&shared, &reader, &changed, Kind::Whole, now).await?;
    // The forms of the page are signed for that session.
    let reader = reader.with_session(token_hash(&token));
    let page = answer::page(&Recovery {
        page: Page::new(&shared, &reader, ""),
        codes,
    })?;
    Ok(answer::with_cookie(page, &cookie::session(&token)))
}

pub(in crate::console) async fn end_session(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let session = shared.store.session(form.get("id")).await?;
    let own = session.filter(|session| session.account == reader.name());
    let session = own.ok_or(Failure::NotFound)?;
    let now = now();
    shared.sessions.forget(&session.id);
    let title = format!("{} ended a session or token", reader.name());
    let ended = Session {
        ended: true,
        ..session
    };
    shared.store.record_session(&ended, now).await?;
    audit(&shared, &reader, "ended", title, now).await?;
    Ok(answer::elsewhere("/account?done=1"))
}

pub(in crate::console) async fn make_token(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let now = now();
    let title: String = form.get("title").chars().take(80).collect();
    let days = form.get("days").parse::<i64>().ok();
    let days = days.filter(|days| (1..=366).contains(days) && !title.is_empty());
    let days = days.ok_or(Failure::Wrong(
        "Токену нужны название и срок от 1 до 366 дней.",
        "A token needs a title and 1 to 366 days.",
    ))?;
    let sessions = shared.store.live_sessions(Some(reader.name()), now).await?;
    if sessions.iter().filter(|it| it.kind.is_token()).count() >= MOST_TOKENS {
        return Err(Failure::Wrong(
            "Токенов уже 20.",
            "There are 20 tokens already.",
        ));
    }
    let token = format!("gw_{}", URL_SAFE_NO_PAD.encode(random::<32>()));
    let kind = if form.get("scope") == "program" {
        Kind::Program
    } else {
        Kind::Reader
    };
    let session = Session {
        id: token_hash(&token),
        account: reader.name().to_owned(),
        kind,
        title,
        started: visitor(&reader)?.account.session_start(now),
        until: now.plus_micros(days * DAY_US),
        ended: false,
        address: reader.from(),
        agent: String::new(),
    };
    shared.store.record_session(&session, now).await?;
    let said = format!("{} made a token ({})", reader.name(), kind.name());
    audit(&shared, &reader, "added", said, now).await?;
    let page = Page::new(&shared, &reader, "");
    shown(&shared, &reader, page, Some(token), None).await
}

/// Chooses a language, for this browser.
pub(in crate::console) async fn language(Extension(form): Extension<Form>) -> Response {
    let language = match form.get("language") {
        "ru" => "ru",
        _ => "en",
    };
    let back = answer::back(form.get("back"));
    answer::elsewhere_with(back, &cookie::choice(cookie::LANGUAGE, language))
}
