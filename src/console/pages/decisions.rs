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
use crate::store::{DecisionFilter, DecisionPlace};

const MINUTE_US: i64 = 60_000_000;
/// Decisions on a page.
const ROWS: u32 = 100;
/// Parameters of the address that say which decisions are shown.
const CHOSEN: [&str; 3] = ["value", "scope", "standing"];

#[derive(Template)]
#[template(path = "decisions.html")]
struct List {
    page: Page,
    rows: Vec<Row>,
    scopes: Vec<(&'static str, Clean)>,
    standings: Vec<(&'static str, &'static str)>,
    chosen: HashMap<&'static str, String>,
    said: Option<&'static str>,
    /// How many wait for a person, where others are shown.
    waiting: u64,
    /// Addresses of the newest and of those that come after these.
    newest: Option<String>,
    older: Option<String>,
    minutes: u32,
    is_published: bool,
    is_dry: bool,
}

impl List {
    /// What was chosen of a parameter.
    fn of(&self, name: &str) -> &str {
        self.chosen.get(name).map_or("", String::as_str)
    }
}

struct Row {
    id: Uuid,
    standing: Standing,
    said: &'static str,
    scope: Clean,
    value: Clean,
    until: Timestamp,
    /// How often it was renewed, and when last.
    renewed: u64,
    renewed_last: Timestamp,
    family: Clean,
    alert: Option<Uuid>,
    actor: Clean,
    reason: Clean,
    is_allowed: bool,
    /// Nobody has decided, be it over or not.
    is_undecided: bool,
}

pub(in crate::console) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let now = now();
    let page = Page::new(&shared, &reader, "administration");
    let mut filter = filter(&query)?;
    // One more says whether there are older ones.
    filter.limit = ROWS + 1;
    let mut decisions = shared.store.list_decisions(&filter, now).await?;
    let has_more = decisions.len() > ROWS as usize;
    decisions.truncate(ROWS as usize);
    let last = decisions.last().filter(|_| has_more);
    let chosen = CHOSEN.map(|name| (name, chosen(&query, name)));
    let chosen = HashMap::from(chosen);
    let waiting = if filter.standings == [Standing::Proposed] {
        0
    } else {
        shared.store.waiting_decisions(now).await?
    };
    // Why gatewatch proposes something is the title of a rule.
    let mut titles = HashMap::new();
    if page.locale() == Locale::Ru {
        alerts::each_meta(&shared, |meta| {
            if let Some(russian) = &meta.title_ru {
                titles.insert(meta.title.clone(), russian.clone());
            }
        });
    }
    let rows = decisions.iter();
    let rows = rows.map(|decision| row(&shared, &page, &titles, decision, now));
    let settings = &shared.config.response;
    answer::page(&List {
        said: said(&page, query.get("said").map_or("", String::as_str)),
        rows: rows.collect(),
        scopes: names::choice(names::SCOPES, reader.locale),
        standings: Standing::ALL
            .map(|it| (it.name(), stands(&page, it)))
            .into(),
        waiting,
        newest: filter.before.map(|_| at(&chosen, None)),
        older: last.map(|last| at(&chosen, Some(DecisionPlace::of(last)))),
        chosen,
        minutes: settings.minutes.clamp(1, LONGEST_MINUTES),
        is_published: settings.enabled,
        is_dry: settings.dry_run,
        page,
    })
}

/// A parameter, bounded.
fn chosen(query: &HashMap<String, String>, name: &str) -> String {
    let text = query.get(name).map_or("", |text| text.trim());
    text.chars().take(256).collect()
}

/// Which decisions an address asks for.
pub(super) fn filter(query: &HashMap<String, String>) -> Result<DecisionFilter, Failure> {
    let standing = chosen(query, "standing");
    let standings = standing.split(',').filter(|name| !name.is_empty());
    let standings: Option<Vec<Standing>> = standings.map(Standing::named).collect();
    let before = chosen(query, "before");
    let place = DecisionPlace::parse(&before);
    if place.is_none() && !before.is_empty() {
        return Err(Failure::Wrong(
            "Такого места в списке нет.",
            "There is no such place in the list.",
        ));
    }
    Ok(DecisionFilter {
        value: chosen(query, "value"),
        scope: chosen(query, "scope"),
        standings: standings.ok_or(Failure::Wrong(
            "Такого состояния не бывает.",
            "There is no such standing.",
        ))?,
        before: place,
        limit: 0,
    })
}

/// The address of these decisions from a place on.
fn at(chosen: &HashMap<&'static str, String>, before: Option<DecisionPlace>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in CHOSEN {
        if let Some(value) = chosen.get(name).filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    if let Some(place) = before {
        query.append_pair("before", &place.to_string());
    }
    format!("/decisions?{}", query.finish())
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

fn stands(page: &Page, standing: Standing) -> &'static str {
    match standing {
        Standing::Proposed => page.say("ждёт решения", "waits"),
        Standing::Approved => page.say("действует", "in force"),
        Standing::Rejected => page.say("отклонено", "rejected"),
        Standing::Revoked => page.say("отменено", "revoked"),
        Standing::Ended => page.say("истекло", "over"),
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
    let last = decision.last_deed();
    let reason = last.map_or("", |step| step.reason.as_str());
    let renewed_last = decision.renewals().next_back();
    Row {
        id: decision.id,
        standing,
        said: stands(page, standing),
        scope: names::said(names::SCOPES, proposal.target.scope(), page.locale()),
        value: Clean::of(&proposal.target.value(), 120),
        until: decision.until(),
        renewed: decision.renewals().count() as u64,
        renewed_last: renewed_last.map_or(now, |step| step.time),
        family: Clean::of(&proposal.family, 64),
        alert: proposal.alert,
        actor: Clean::of(last.map_or("", |step| &step.actor), 80),
        reason: Clean::of(titles.get(reason).map_or(reason, String::as_str), 200),
        is_allowed: shared.allow.covers(&proposal.target),
        is_undecided: decision.decided() == Standing::Proposed,
    }
}

/// Why, which every decision has to say.
fn reason(form: &Form) -> Result<String, Failure> {
    let reason: String = form.get("reason").chars().take(500).collect();
    if reason.is_empty() {
        return Err(Failure::Wrong("Напишите, почему.", "Say why."));
    }
    Ok(reason)
}

/// Adds the step that a form or a program wants to a decision: whether it was allowed and fitted.
pub(super) async fn step(
    shared: &Shared,
    actor: &str,
    id: &str,
    form: &Form,
) -> Result<&'static str, Failure> {
    let id: Uuid = id.parse().map_err(|_| Failure::NotFound)?;
    let now = now();
    let (what, reason) = (what(shared, form, now)?, reason(form)?);
    let found = shared.store.decision(id).await?;
    let decision = found.ok_or(Failure::NotFound)?;
    if !decision.takes(&what, now) {
        return Ok("unfit");
    }
    let is_approval = matches!(what, What::Approved { .. });
    if is_approval && shared.allow.covers(&decision.proposal.target) {
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

/// What is to be done. Who approves says for how long from now on; `response.minutes` where they do not.
fn what(shared: &Shared, form: &Form, now: Timestamp) -> Result<What, Failure> {
    match form.get("deed") {
        "approve" => {
            let lasts = if form.get("minutes").is_empty() {
                i64::from(shared.config.response.minutes.max(1)) * MINUTE_US
            } else {
                lasts(form)?
            };
            let until = Some(now.plus_micros(lasts));
            Ok(What::Approved { until })
        }
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
    let said = step(&shared, reader.name(), &id, &form).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect()
    }

    #[test]
    fn an_address_says_which_decisions_are_wanted() {
        let found = filter(&query(&[
            ("value", " 10.0.0.5 "),
            ("scope", "ip"),
            ("standing", "proposed,approved"),
        ]));
        let found = found.unwrap();
        assert_eq!(
            (found.value.as_str(), found.scope.as_str()),
            ("10.0.0.5", "ip")
        );
        assert_eq!(found.standings, [Standing::Proposed, Standing::Approved]);
        assert!(filter(&query(&[])).unwrap().standings.is_empty());
        for wrong in [("standing", "asleep"), ("before", "yesterday")] {
            let said = filter(&query(&[wrong])).unwrap_err().to_string();
            assert!(said.contains("There is no such"), "{said}");
        }
    }

    #[test]
    fn the_address_of_older_ones_keeps_what_was_chosen() {
        let asked = query(&[("value", "a b"), ("other", "x")]);
        let chosen = HashMap::from(CHOSEN.map(|name| (name, chosen(&asked, name))));
        let place = DecisionPlace::parse("7-00000000-0000-0000-0000-000000000001");
        assert_eq!(
            at(&chosen, place),
            "/decisions?value=a+b&before=7-00000000-0000-0000-0000-000000000001"
        );
        assert_eq!(at(&chosen, None), "/decisions?value=a+b");
    }
}
