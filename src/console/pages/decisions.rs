//! Decisions to block: what waits, what is in force, who decided.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use uuid::Uuid;

use super::{alert, alerts};
use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::names;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::response::{self, Decision, LONGEST_MINUTES, Standing, Step, Target, What};

const MINUTE_US: i64 = 60_000_000;
/// Decisions that are shown, those that wait first.
const ROWS: usize = 500;

#[derive(Template)]
#[template(path = "decisions.html")]
struct List {
    page: Page,
    rows: Vec<Row>,
    said: Option<&'static str>,
    is_published: bool,
    is_dry: bool,
}

struct Row {
    id: Uuid,
    standing: Standing,
    said: &'static str,
    scope: Clean,
    value: Clean,
    until: Timestamp,
    family: Clean,
    alert: Option<Uuid>,
    actor: Clean,
    reason: Clean,
    is_allowed: bool,
}

pub(in crate::console) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let now = now();
    let page = Page::new(&shared, &reader, "administration");
    let decisions = shared.store.decisions(now).await?;
    // Why gatewatch proposes something is the title of a rule.
    let mut titles = HashMap::new();
    if page.locale() == Locale::Ru {
        alerts::each_meta(&shared, |meta| {
            if let Some(russian) = &meta.title_ru {
                titles.insert(meta.title.clone(), russian.clone());
            }
        });
    }
    let mut rows: Vec<Row> = decisions
        .iter()
        .map(|decision| row(&shared, &page, &titles, decision, now))
        .collect();
    rows.sort_by_key(|row| (order(row.standing), std::cmp::Reverse(row.until)));
    rows.truncate(ROWS);
    let settings = &shared.config.response;
    answer::page(&List {
        said: said(&page, query.get("said").map_or("", String::as_str)),
        rows,
        is_published: settings.enabled,
        is_dry: settings.dry_run,
        page,
    })
}

fn said(page: &Page, said: &str) -> Option<&'static str> {
    match said {
        "done" => Some(page.say("Записано.", "It is on record.")),
        "unfit" => Some(page.say(
            "Не записано: решение уже в другом состоянии.",
            "Not on record: the decision stands otherwise by now.",
        )),
        "allowed" => Some(page.say(
            "Не записано: цель в списке разрешённых, он всегда сильнее.",
            "Not on record: the target is on the allow-list, which always wins.",
        )),
        _ => None,
    }
}

const fn order(standing: Standing) -> u8 {
    match standing {
        Standing::Proposed => 0,
        Standing::Approved => 1,
        Standing::Revoked | Standing::Rejected => 2,
        Standing::Ended => 3,
    }
}

fn row(
    shared: &Shared,
    page: &Page,
    titles: &HashMap<String, String>,
    decision: &Decision,
    now: Timestamp,
) -> Row {
    let proposal = &decision.proposal;
    let standing = decision.standing(now);
    let last = decision.steps.last();
    let reason = last.map_or("", |step| step.reason.as_str());
    Row {
        id: decision.id,
        standing,
        said: match standing {
            Standing::Proposed => page.say("ждёт решения", "waits"),
            Standing::Approved => page.say("действует", "in force"),
            Standing::Rejected => page.say("отклонено", "rejected"),
            Standing::Revoked => page.say("отменено", "revoked"),
            Standing::Ended => page.say("истекло", "over"),
        },
        scope: names::said(names::SCOPES, proposal.target.scope(), page.locale()),
        value: Clean::of(&proposal.target.value(), 120),
        until: proposal.until,
        family: Clean::of(&proposal.family, 64),
        alert: proposal.alert,
        actor: Clean::of(last.map_or("", |step| &step.actor), 80),
        reason: Clean::of(titles.get(reason).map_or(reason, String::as_str), 200),
        is_allowed: shared.allow.covers(&proposal.target),
    }
}

/// Why, which every decision has to say.
pub(super) fn reason(form: &Form) -> Result<String, Failure> {
    let reason: String = form.get("reason").chars().take(500).collect();
    if reason.is_empty() {
        return Err(Failure::Wrong("Напишите, почему.", "Say why."));
    }
    Ok(reason)
}

/// Adds a step to a decision: whether it was allowed and fitted.
pub(super) async fn step(
    shared: &Shared,
    actor: &str,
    id: Uuid,
    what: What,
    reason: String,
) -> Result<&'static str, Failure> {
    let now = now();
    let decisions = shared.store.decisions(now).await?;
    let mut decisions = decisions.into_iter();
    let decision = decisions
        .find(|decision| decision.id == id)
        .ok_or(Failure::NotFound)?;
    if what.follows() != Some(decision.standing(now)) {
        return Ok("unfit");
    }
    if what == What::Approved && shared.allow.covers(&decision.proposal.target) {
        return Ok("allowed");
    }
    let step = Step {
        decision: id,
        time: now,
        actor: actor.to_owned(),
        what,
        reason,
    };
    shared.store.record_decisions(&[step]).await?;
    Ok("done")
}

/// What a form or a program wants done to a decision.
pub(super) fn what(name: &str) -> Result<What, Failure> {
    match name {
        "approve" => Ok(What::Approved),
        "reject" => Ok(What::Rejected),
        "revoke" => Ok(What::Revoked),
        _ => Err(Failure::Wrong("Что сделать?", "What is to be done?")),
    }
}

pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    let what = what(form.get("deed"))?;
    let said = step(&shared, reader.name(), id, what, reason(&form)?).await?;
    Ok(answer::elsewhere(&format!("/decisions?said={said}")))
}

fn lasts(form: &Form) -> Result<i64, Failure> {
    let minutes = form.get("minutes").parse::<u32>().ok();
    let minutes = minutes.filter(|minutes| (1..=LONGEST_MINUTES).contains(minutes));
    let minutes = minutes.ok_or(Failure::Wrong(
        "Сколько минут: от 1 до 527040.",
        "How many minutes: 1 to 527,040.",
    ))?;
    Ok(i64::from(minutes) * MINUTE_US)
}

async fn blocked(
    shared: &Shared,
    reader: &Reader,
    form: &Form,
    target: Target,
) -> Result<&'static str, Failure> {
    if shared.allow.covers(&target) {
        return Ok("allowed");
    }
    let (lasts, reason) = (lasts(form)?, reason(form)?);
    let steps = response::blocked(target, lasts, reader.name(), &reason, now());
    shared.store.record_decisions(&steps).await?;
    Ok("done")
}

/// Blocks what a person names.
pub(in crate::console) async fn block(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let target = Target::parse(form.get("scope"), form.get("value")).ok_or(Failure::Wrong(
        "Такого адреса, сети или идентификатора не бывает.",
        "There is no such address, network or id.",
    ))?;
    if target.is_too_wide() {
        return Err(Failure::Wrong(
            "Сеть слишком велика: самая широкая — /8, для IPv6 — /32.",
            "The network is too wide: the widest is /8, of IPv6 /32.",
        ));
    }
    let said = blocked(&shared, &reader, &form, target).await?;
    Ok(answer::elsewhere(&format!("/decisions?said={said}")))
}

/// Blocks the caller that an alert is about.
pub(in crate::console) async fn block_entity(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (alert, _) = alert::wanted(&shared, &id).await?;
    let target = Target::of(&alert).ok_or(Failure::Wrong(
        "Это нельзя заблокировать.",
        "This cannot be blocked.",
    ))?;
    match blocked(&shared, &reader, &form, target).await? {
        "done" => Ok(answer::elsewhere(&format!(
            "/alerts/{}?said=blocked",
            alert.id
        ))),
        said => Ok(answer::elsewhere(&format!("/decisions?said={said}"))),
    }
}
