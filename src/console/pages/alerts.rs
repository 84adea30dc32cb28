//! The list of alerts: filter, order, and the same deed for several at once.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::alert::{self, Past};
use super::deeds::{self, Left, Outcome};
use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::query;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::console::times;
use crate::event::Timestamp;
use crate::notify::mail::{self, Clean};
use crate::notify::now;
use crate::requirement::{REQUIREMENTS, Requirement};
use crate::sigma::{Level, RuleMeta};
use crate::store::{AlertFilter, AlertLine, AlertOrder};
use crate::track::EntityKind;
use crate::triage::{self, Basis};

/// Alerts on a page.
const ROWS: u32 = 50;
/// Pages that can be turned to: what is further back is found by filters.
const MOST_OFFSET: u32 = 10_000;
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

/// What was chosen, as the address of the page has it.
#[derive(Clone, Debug, Default)]
struct Chosen {
    state: String,
    level: String,
    family: String,
    text: String,
    integration: String,
    /// `kind:value`, or a value of any kind.
    entity: String,
    /// Id of a requirement.
    requirement: String,
    from: String,
    until: String,
    assignee: String,
    order: String,
    offset: u32,
}

/// Before the name of a level: that one alone, and none above it.
const ONLY: &str = "only-";

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

impl Chosen {
    /// A level alone, as the address has it.
    fn only(level: &str) -> String {
        format!("{ONLY}{level}")
    }

    fn of(query: &HashMap<String, String>) -> Chosen {
        let text = |name: &str| {
            let value = query.get(name).map_or("", |value| value.trim());
            value.chars().take(200).collect::<String>()
        };
        Chosen {
            state: text("state"),
            level: text("level"),
            family: text("family"),
            text: text("text"),
            integration: text("integration"),
            entity: text("entity"),
            requirement: text("requirement"),
            from: text("from"),
            until: text("until"),
            assignee: text("assignee"),
            order: text("order"),
            offset: text("offset").parse().unwrap_or(0).min(MOST_OFFSET),
        }
    }

    fn states(&self) -> Vec<&'static str> {
        let all = triage::State::ALL.into_iter();
        let chosen: Vec<triage::State> = match self.state.as_str() {
            "all" => return Vec::new(),
            "closed" => all.filter(|state| !state.is_open()).collect(),
            name => match triage::State::named(name) {
                Some(state) => vec![state],
                None => all.filter(|state| state.is_open()).collect(),
            },
        };
        chosen.into_iter().map(triage::State::name).collect()
    }

    fn filter(&self) -> AlertFilter {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        AlertFilter {
            states: self.states(),
            least: Level::from_name(&self.level),
            level: self.level.strip_prefix(ONLY).and_then(Level::from_name),
            family: some(&self.family),
            about: some(&self.entity).map(|text| about(&text)),
            tag: requirement(&self.requirement).map(|it| format!("requirement.{}", it.tag)),
            integration: some(&self.integration),
            assignee: some(&self.assignee),
            text: some(&self.text),
            order: AlertOrder::named(&self.order),
            offset: self.offset,
            // One more says whether there is a next page.
            limit: ROWS + 1,
            ..AlertFilter::default()
        }
    }

    /// The address of this page of it.
    fn here(&self) -> String {
        self.at(self.offset)
    }

    /// The address of the list from another place on.
    fn at(&self, offset: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("state", &self.state),
            ("level", &self.level),
            ("family", &self.family),
            ("text", &self.text),
            ("integration", &self.integration),
            ("entity", &self.entity),
            ("requirement", &self.requirement),
            ("from", &self.from),
            ("until", &self.until),
            ("assignee", &self.assignee),
            ("order", &self.order),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if offset > 0 {
            query.append_pair("offset", &offset.to_string());
        }
        format!("/alerts?{}", query.finish())
    }
}

fn requirement(id: &str) -> Option<&'static Requirement> {
    REQUIREMENTS.iter().find(|it| it.id == id)
}

/// An entity as people write it: `client:portal`, or of any kind `portal`.
fn about(text: &str) -> (Option<EntityKind>, String) {
    let named = text.split_once(':');
    let named = named.and_then(|(kind, value)| Some((EntityKind::named(kind)?, value)));
    match named {
        Some((kind, value)) => (Some(kind), value.to_owned()),
        None => (None, text.to_owned()),
    }
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
pub(super) fn titled(shared: &Shared, text: &str) -> Vec<String> {
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
    if let Some(address) = times::shareable("/alerts", &query, &reader.zone) {
        return Ok(answer::elsewhere(&address));
    }
    let chosen = Chosen::of(&query);
    let times = query::time(&query, "from", &reader.zone)
        .and_then(|from| Ok((from, query::time(&query, "until", &reader.zone)?)));
    let (mut lines, problem) = match times {
        Ok((since, until)) => {
            let filter = AlertFilter {
                since,
                until,
                titled: titled(&shared, &chosen.text),
                ..chosen.filter()
            };
            (shared.store.list_alerts(&filter).await?, None)
        }
        Err(wrong) => (Vec::new(), Some(Clean::of(&wrong.said(reader.locale), 400))),
    };
    let has_more = lines.len() > ROWS as usize;
    lines.truncate(ROWS as usize);
    let page = Page::new(&shared, &reader, "alerts");
    let rows = rows(&shared, &page, lines);
    let next =
        (has_more && chosen.offset + ROWS <= MOST_OFFSET).then(|| chosen.at(chosen.offset + ROWS));
    let previous = (chosen.offset > 0).then(|| chosen.at(chosen.offset.saturating_sub(ROWS)));
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

    fn chosen(pairs: &[(&str, &str)]) -> Chosen {
        let pairs = pairs.iter();
        let query = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Chosen::of(&query.collect())
    }

    #[test]
    fn a_tile_leads_to_as_many_alerts_as_it_counts() {
        let address = of_level(Level::Medium);
        let level = address.split_once("level=").unwrap().1;
        let filter = chosen(&[("level", level)]).filter();
        assert_eq!((filter.level, filter.least), (Some(Level::Medium), None));
        let open = triage::State::ALL.iter().filter(|it| it.is_open()).count();
        assert_eq!(filter.states.len(), open, "a tile counts what is open");
        let from = chosen(&[("level", "medium")]).filter();
        assert_eq!((from.level, from.least), (None, Some(Level::Medium)));
    }

    #[test]
    fn an_alert_is_ticked_once_with_what_was_seen_of_it() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let body = format!("id={one}%2F17&id={two}&id={one}%2F18&id=x%2F19&id=");
        let seen = |micros: i64| Some(Basis::from_micros(micros));
        let form = Form::parse(body.as_bytes());
        assert_eq!(ticked(&form), [(one, seen(17)), (two, seen(0))]);
    }

    #[test]
    fn an_order_is_kept_from_page_to_page() {
        for (name, order) in [
            ("", AlertOrder::Newest),
            ("level", AlertOrder::Worst),
            ("rarest", AlertOrder::Rarest),
        ] {
            let chosen = chosen(&[("order", name)]);
            assert_eq!(chosen.filter().order, order);
            let named = (!name.is_empty()).then(|| format!("order={name}&"));
            let next = format!("/alerts?{}offset=50", named.unwrap_or_default());
            assert_eq!(chosen.at(50), next);
        }
    }

    #[test]
    fn a_list_is_of_an_entity_and_a_requirement() {
        let filter = chosen(&[("entity", "client:a:b"), ("requirement", "SEC-01")]).filter();
        assert_eq!(
            filter.about,
            Some((Some(EntityKind::Client), "a:b".to_owned()))
        );
        assert_eq!(filter.tag.as_deref(), Some("requirement.sec-01"));
        let address = of_entity(EntityKind::Client, "a:b");
        assert_eq!(address, "/alerts?state=all&entity=client%3Aa%3Ab");
        let other = chosen(&[("entity", "2001:db8::1"), ("requirement", "X-1")]);
        assert_eq!(other.filter().about, Some((None, "2001:db8::1".to_owned())));
        assert_eq!(other.filter().tag, None);
        assert!(
            other.here().contains("entity=2001%3Adb8%3A%3A1"),
            "{}",
            other.here()
        );
    }
}
