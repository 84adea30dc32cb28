//! Rules in force: what each found in a week, and what became of it.

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
use crate::notify::mail::Clean;
use crate::notify::now;
use crate::sigma::{Level, RuleMeta};
use crate::store::RuleOutcome;

const WEEK_US: i64 = 7 * 86_400_000_000;

#[derive(Template)]
#[template(path = "rules.html")]
struct Rules {
    page: Page,
    rows: Vec<Row>,
    text: String,
    all: usize,
}

struct Row {
    title: Clean,
    family: Clean,
    link: String,
    level: Level,
    kind: &'static str,
    shadow: bool,
    events: u64,
    alerts: u64,
    called_true: u64,
    called_false: u64,
    harmless: u64,
    false_share: Option<u64>,
    /// Nanoseconds on one event.
    cost: Option<u64>,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let page = Page::new(&shared, &reader, "administration");
    let from = shared.end_of_events(now()).await?.plus_micros(-WEEK_US);
    let (outcomes, matches) = tokio::try_join!(
        shared.store.rule_outcomes(from),
        shared.store.rule_matches(from)
    )?;
    let outcomes: HashMap<String, RuleOutcome> = outcomes
        .into_iter()
        .map(|it| (it.rule.clone(), it))
        .collect();
    let matches: HashMap<String, u64> =
        matches.into_iter().map(|it| (it.rule, it.events)).collect();
    let text = query
        .get("text")
        .map_or("", |text| text.trim())
        .to_lowercase();
    let rules = shared.rules.borrow().clone();
    let of_rules = rules.rules().iter();
    let of_rules = of_rules.map(|rule| (&rule.meta, page.say("правило", "rule")));
    let of_correlations = rules.correlations().iter();
    let of_correlations =
        of_correlations.map(|it| (&it.meta, page.say("корреляция", "correlation")));
    let detectors = crate::track::detectors();
    let of_detectors = detectors
        .iter()
        .map(|meta| (meta, page.say("детектор", "detector")));
    let all: Vec<(&RuleMeta, &'static str)> = of_rules
        .chain(of_correlations)
        .chain(of_detectors)
        .collect();
    let wanted = all.iter().filter(|(meta, _)| {
        let is_in = |it: &str| it.to_lowercase().contains(&text);
        is_in(&meta.title) || is_in(&meta.family) || meta.title_ru.as_deref().is_some_and(is_in)
    });
    let costs = (shared.condition)(false).costs;
    let mut rows: Vec<Row> = wanted
        .map(|(meta, kind)| row((meta, kind), &page, &outcomes, &matches, &costs))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.alerts, row.events)));
    answer::page(&Rules {
        rows,
        text,
        all: all.len(),
        page,
    })
}

fn row(
    (meta, kind): (&RuleMeta, &'static str),
    page: &Page,
    outcomes: &HashMap<String, RuleOutcome>,
    matches: &HashMap<String, u64>,
    costs: &HashMap<String, u64>,
) -> Row {
    let id = meta.id.to_string();
    let outcome = outcomes.get(&id);
    let of = |get: fn(&RuleOutcome) -> u64| outcome.map_or(0, get);
    let (called_true, called_false, harmless) = (
        of(|it| it.called_true),
        of(|it| it.called_false),
        of(|it| it.harmless),
    );
    let judged = called_true + called_false + harmless;
    let family: String = form_urlencoded::byte_serialize(meta.family.as_bytes()).collect();
    let russian = meta.title_ru.as_deref().unwrap_or(&meta.title);
    let title = match page.locale() {
        crate::config::Locale::Ru => russian,
        crate::config::Locale::En => &meta.title,
    };
    Row {
        title: Clean::of(title, 160),
        family: Clean::of(&meta.family, 64),
        link: format!("/alerts?state=all&family={family}"),
        level: meta.level,
        kind,
        shadow: meta.shadow,
        events: matches.get(&id).copied().unwrap_or(0),
        alerts: of(|it| it.alerts),
        called_true,
        called_false,
        harmless,
        cost: costs.get(&id).copied(),
        false_share: (judged > 0).then(|| called_false * 100 / judged),
    }
}
