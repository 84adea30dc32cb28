//! The list of alerts: filter, order, and the same deed for several at once.

mod chosen;

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::alert::{self, Past};
use super::deeds::{self, Left, Outcome};
use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::query::Wrong;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::console::times;
use crate::event::Timestamp;
use crate::notify::mail::{self, Clean};
use crate::notify::now;
use crate::requirement::{REQUIREMENTS, Requirement};
use crate::sigma::{Level, RuleMeta};
use crate::store::{AlertFilter, AlertLine};
use crate::track::EntityKind;
use crate::triage::{self, Basis};
pub(super) use chosen::Chosen;

/// Alerts on a page.
const ROWS: u32 = 50;
/// The address of the list.
const PATH: &str = "/alerts";
/// Alerts of one deed.
const MOST_AT_ONCE: usize = 200;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    page: Page,
    rows: Vec<Row>,
    chosen: Chosen,
    /// What the fields of times show.
    from: String,
    until: String,
    problem: Option<Clean>,
    requirements: &'static [Requirement],
    families: Vec<String>,
    next: Option<String>,
    previous: Option<String>,
    done: Option<u64>,
}

/// An alert as the list shows it.
pub(super) struct Row {
    pub(super) id: String,
    /// What a deed of the reader builds on.
    pub(super) upon: Basis,
    pub(super) last: Timestamp,
    pub(super) ago: i64,
    pub(super) level: Level,
    pub(super) state: triage::State,
    pub(super) assignee: Clean,
    pub(super) title: Clean,
    pub(super) entity_kind: Clean,
    pub(super) entity: Clean,
    pub(super) count: u64,
    /// Of the alerts down to this one the share that is expected to be chance, where the list has the rarest first.
    pub(super) q: Option<f64>,
}

/// The list of open alerts of one level.
pub(super) fn of_level(level: Level) -> String {
    format!("/alerts?level={}", Chosen::only(level.name()))
}

/// The list of all alerts about an entity, and of those that show it.
pub(super) fn of_entity(kind: EntityKind, value: &str) -> String {
    let chosen = Chosen {
        state: "all".to_owned(),
        entity: format!("{}:{value}", kind.name()),
        ..Chosen::default()
    };
    chosen.here()
}

/// Alerts that were chosen, so many at most, and whether there are more behind them; or what is wrong with the choice.
pub(super) async fn listed(
    shared: &Shared,
    chosen: &Chosen,
    zone: &TimeZone,
    limit: u32,
) -> Result<Result<(Vec<AlertLine>, bool), Wrong>, Failure> {
    let filter = match chosen.filter(zone) {
        Ok(filter) => filter,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let filter = AlertFilter {
        titled: titled(shared, &chosen.text),
        // One more says whether there are more.
        limit: limit + 1,
        ..filter
    };
    let mut lines = shared.store.list_alerts(&filter).await?;
    let has_more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    Ok(Ok((lines, has_more)))
}

/// Rows of lines; what this version does not know is left out.
pub(super) fn rows(shared: &Shared, page: &Page, lines: Vec<AlertLine>) -> Vec<Row> {
    let (titles, now) = (titles(shared, page), now());
    let rows = lines.into_iter();
    rows.filter_map(|line| row(line, page, &titles, now))
        .collect()
}

/// Titles of rules in the reader's language by their ids, where that is not the one they are stored in.
pub(super) fn titles(shared: &Shared, page: &Page) -> HashMap<String, String> {
    if page.locale() == Locale::En {
        return HashMap::new();
    }
    let mut titles = HashMap::new();
    each_meta(shared, |meta| {
        if let Some(title) = &meta.title_ru {
            titles.insert(meta.id.to_string(), title.clone());
        }
    });
    titles
}

/// Goes through what is said of the rules in force and the detectors.
pub(super) fn each_meta(shared: &Shared, each: impl FnMut(&RuleMeta)) {
    let rules = shared.rules.borrow();
    let of_rules = rules.rules().iter().map(|rule| &rule.meta);
    let of_correlations = rules.correlations().iter().map(|it| &it.meta);
    let detectors = crate::track::detectors();
    let all = of_rules.chain(of_correlations).chain(&detectors);
    all.for_each(each);
}

/// Ids of rules whose Russian title has this in it: alerts are stored with the English one.
fn titled(shared: &Shared, text: &str) -> Vec<String> {
    let (text, mut ids) = (text.to_lowercase(), Vec::new());
    each_meta(shared, |meta| {
        let title = meta.title_ru.as_ref().map(|title| title.to_lowercase());
        if !text.is_empty() && title.is_some_and(|title| title.contains(&text)) {
            ids.push(meta.id.to_string());
        }
    });
    ids
}

fn row(
    line: AlertLine,
    page: &Page,
    titles: &HashMap<String, String>,
    now: Timestamp,
) -> Option<Row> {
    let kind = EntityKind::named(&line.entity_kind)?;
    let last = Timestamp::from_micros(line.micros);
    Some(Row {
        level: Level::from_name(&line.level)?,
        state: triage::State::named(&line.state)?,
        ago: now.since(last),
        last,
        assignee: Clean::of(&line.assignee, 40),
        title: Clean::of(titles.get(&line.rule).unwrap_or(&line.title), 160),
        entity_kind: page.entity(&kind),
        entity: Clean::of(&line.entity, 80),
        count: line.count,
        q: line.q,
        upon: Basis::from_micros(line.changed),
        id: line.id,
    })
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    if let Some(address) = times::shareable(PATH, &query, &reader.zone) {
        return Ok(answer::elsewhere(&address));
    }
    let chosen = Chosen::of(&query);
    let listed = listed(&shared, &chosen, &reader.zone, ROWS).await?;
    let ((lines, has_more), problem) = match listed {
        Ok(listed) => (listed, None),
        Err(wrong) => {
            let said = Clean::of(&wrong.said(reader.locale), 400);
            ((Vec::new(), false), Some(said))
        }
    };
    let page = Page::new(&shared, &reader, "alerts");
    let rows = rows(&shared, &page, lines);
    let next = has_more.then(|| chosen.next(PATH, ROWS)).flatten();
    let previous = (chosen.offset > 0).then(|| chosen.at(PATH, chosen.offset.saturating_sub(ROWS)));
    answer::page(&Alerts {
        requirements: REQUIREMENTS,
        families: families(&shared),
        page,
        rows,
        next,
        previous,
        from: times::field(&chosen.from, &reader.zone),
        until: times::field(&chosen.until, &reader.zone),
        problem,
        chosen,
        done: query.get("done").and_then(|done| done.parse().ok()),
    })
}

/// Families of the rules in force.
fn families(shared: &Shared) -> Vec<String> {
    let mut families = Vec::new();
    each_meta(shared, |meta| families.push(meta.family.clone()));
    families.sort();
    families.dedup();
    families
}

#[derive(Template)]
#[template(path = "alerts_left.html")]
struct Unlike {
    page: Page,
    done: usize,
    left: Vec<LeftRow>,
    gone: usize,
    back: String,
}

/// An alert that stood otherwise than the reader saw it.
struct LeftRow {
    id: Uuid,
    level: Level,
    state: triage::State,
    title: Clean,
    entity_kind: Clean,
    entity: Clean,
    missed: Vec<Past>,
}

fn left_row(left: &Left, page: &Page) -> LeftRow {
    let missed = left.missed().into_iter();
    LeftRow {
        id: left.alert.id,
        level: left.alert.rule.level,
        state: left.state(),
        title: mail::title(&left.alert, page.locale()),
        entity_kind: page.entity(&left.alert.entity.kind),
        entity: Clean::of(&left.alert.entity.value, 80),
        missed: missed.map(|it| alert::past(it, page)).collect(),
    }
}

/// Alerts that were ticked, each once, with what was seen of it: nothing where a row does not say.
fn ticked(form: &Form) -> Vec<(Uuid, Option<Basis>)> {
    let mut ticked: Vec<(Uuid, Option<Basis>)> = Vec::new();
    for value in form.all("id") {
        let (id, upon) = value.split_once('/').unwrap_or((value, ""));
        let Ok(id) = id.parse() else {
            continue;
        };
        if ticked.iter().all(|(known, _)| *known != id) {
            ticked.push((id, Some(Basis::parse(upon).unwrap_or_default())));
        }
    }
    ticked
}

/// The same deed for all that were ticked; those that it does not fit, or that somebody did something to since, are left as they are and named.
pub(in crate::console) async fn act(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let wanted = deeds::wanted(&shared, &form, reader.name()).await?;
    let ticked = ticked(&form);
    if ticked.is_empty() || ticked.len() > MOST_AT_ONCE {
        return Err(Failure::Wrong(
            "Не отмечено ни одного оповещения, или их больше 200.",
            "No alert is ticked, or more than 200 are.",
        ));
    }
    let Outcome { done, left, gone } = deeds::record(&shared, &reader, &ticked, &wanted).await?;
    let back = answer::back(form.get("back"));
    if left.is_empty() && gone == 0 {
        let sign = if back.contains('?') { '&' } else { '?' };
        return Ok(answer::elsewhere(&format!("{back}{sign}done={done}")));
    }
    let page = Page::new(&shared, &reader, "alerts");
    let mut response = answer::page(&Unlike {
        left: left.iter().map(|it| left_row(it, &page)).collect(),
        page,
        done,
        gone,
        back: back.to_owned(),
    })?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_ticked_once_with_what_was_seen_of_it() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let body = format!("id={one}%2F17&id={two}&id={one}%2F18&id=x%2F19&id=");
        let seen = |micros: i64| Some(Basis::from_micros(micros));
        let form = Form::parse(body.as_bytes());
        assert_eq!(ticked(&form), [(one, seen(17)), (two, seen(0))]);
    }
}
