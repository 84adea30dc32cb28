//! Integrations: what was agreed, requirement by requirement what became of it, service levels, the report.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::agreement;
use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::contract::Document;
use crate::contract::document::ServiceLevel;
use crate::event::Timestamp;
use crate::notify::mail::{Block, Clean, Picture};
use crate::notify::now;
use crate::report::{self, Report, Verdict};
use crate::store::Scope;

const DAY_US: i64 = 86_400_000_000;
/// Days that can be looked at.
const SPANS: [i64; 4] = [1, 7, 30, 90];
/// The report is one page that nothing is loaded into, with its style in it.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "integrations.html")]
struct List {
    page: Page,
    rows: Vec<Row>,
}

struct Row {
    name: Clean,
    link: String,
    title: Clean,
    owner: Clean,
    valid: Clean,
    is_over: bool,
    is_accepted: bool,
}

#[derive(Template)]
#[template(path = "integration.html")]
struct Shown {
    page: Page,
    link: String,
    days: i64,
    spans: [i64; 4],
    report: Report,
    title: Clean,
    owner: Clean,
    calls: u64,
    refused: u64,
    failed: u64,
    breaches: u64,
    lines: Vec<Line>,
    levels: Vec<Level>,
    /// What the contract says.
    blocks: Vec<Block>,
}

/// What was promised of the calls, and what became of it.
struct Level {
    promised: Clean,
    attained: Clean,
    calls: u64,
    is_kept: bool,
}

/// What became of a requirement.
struct Line {
    id: &'static str,
    meaning: &'static str,
    clause: &'static str,
    verdict: Verdict,
    said: &'static str,
    checks: Vec<Check>,
    alerts: Vec<(String, Clean)>,
    alerts_total: u64,
    attested: Vec<Clean>,
    unseen: Option<&'static str>,
}

struct Check {
    says: &'static str,
    on: u64,
    allowed: u64,
    refused: u64,
    query: String,
}

/// The page of an integration.
pub(super) fn link(name: &str) -> String {
    format!(
        "/integrations/{}",
        utf8_percent_encode(name, NON_ALPHANUMERIC)
    )
}

pub(in crate::console) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    let today = now().to_string();
    let rows = shared.contracts.documents().map(|document| {
        let until = document.valid.until.to_string();
        Row {
            name: Clean::of(&document.integration, 64),
            link: link(&document.integration),
            title: Clean::of(&document.title, 160),
            owner: Clean::of(&document.owner.name, 80),
            valid: Clean::of(&format!("{} – {until}", document.valid.from), 40),
            // Days in this form stand in the order of their text.
            is_over: until.as_str() < &today[..10],
            is_accepted: document.acceptance.is_some(),
        }
    });
    answer::page(&List {
        rows: rows.collect(),
        page: Page::new(&shared, &reader, "integrations"),
    })
}

fn days_of(query: &HashMap<String, String>) -> i64 {
    let days = query.get("days").and_then(|days| days.parse().ok());
    days.filter(|days| SPANS.contains(days)).unwrap_or(7)
}

async fn built(shared: &Shared, name: &str, days: i64) -> Result<Report, Failure> {
    let mut documents = shared.contracts.documents();
    let document: &Document = documents
        .find(|document| document.integration == name)
        .ok_or(Failure::NotFound)?;
    let now = now();
    let until = shared.end_of_events(now).await?;
    let rules = shared.rules.borrow().clone();
    let kept = shared.config.store.retention.events_days;
    let period = (until.plus_micros(-days * DAY_US), until);
    Ok(report::build(&shared.store, document, &rules, kept, period, now).await?)
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let days = days_of(&query);
    let report = built(&shared, &name, days).await?;
    let page = Page::new(&shared, &reader, "integrations");
    let sum = |of: fn(&report::Day) -> u64| report.days.iter().map(of).sum();
    let mut documents = shared.contracts.documents();
    let document = documents.find(|document| document.integration == name);
    let document = document.ok_or(Failure::NotFound)?;
    answer::page(&Shown {
        link: link(&name),
        days,
        spans: SPANS,
        title: Clean::of(&report.title, 160),
        owner: Clean::of(&format!("{}, {}", report.owner.0, report.owner.1), 160),
        calls: sum(|day| day.calls),
        refused: sum(|day| day.refused),
        failed: sum(|day| day.failed),
        breaches: sum(|day| day.breaches),
        lines: report
            .requirements
            .iter()
            .map(|it| line(it, &page))
            .collect(),
        levels: levels(&shared, &page, &report, &document.service_levels).await?,
        blocks: agreement::blocks(document, reader.locale),
        report,
        page,
    })
}

async fn levels(
    shared: &Shared,
    page: &Page,
    report: &Report,
    promises: &[ServiceLevel],
) -> Result<Vec<Level>, Failure> {
    let scope = Scope {
        integration: &report.integration,
        from: report.from,
        until: report.until,
    };
    let mut levels = Vec::new();
    for promise in promises {
        let (calls, good) = shared
            .store
            .attained(scope, promise.within_ms, &promise.operations)
            .await?;
        let share = good as f64 * 100.0 / calls.max(1) as f64;
        let within = promise.within_ms.map_or_else(String::new, |ms| {
            format!(
                " {} {ms} {}",
                page.say("за", "within"),
                page.say("мс", "ms")
            )
        });
        let of = promise.operations.join(", ");
        levels.push(Level {
            promised: Clean::of(&format!("{} %{within} {of}", promise.share), 300),
            attained: match calls {
                0 => Clean::fixed("–"),
                _ => Clean::of(&format!("{share:.3} %"), 20),
            },
            calls,
            is_kept: calls == 0 || share >= promise.share,
        });
    }
    Ok(levels)
}

fn line(line: &report::Line, page: &Page) -> Line {
    let checks = line.checks.iter().filter(|check| check.agreed);
    let unseen = line.unseen;
    let attested = line.attestations.iter().map(|it| {
        let counts = if it.counts {
            ""
        } else {
            page.say(" (истекла)", " (run out)")
        };
        Clean::of(
            &format!("{}: {}, {} – {}{counts}", it.says, it.by, it.on, it.until),
            300,
        )
    });
    Line {
        id: line.id,
        meaning: page.say(line.meaning.0, line.meaning.1),
        clause: line.clause,
        verdict: line.verdict,
        said: verdict(line.verdict, page),
        checks: checks
            .map(|check| Check {
                says: page.say(check.says.0, check.says.1),
                on: check.on,
                allowed: check.allowed,
                refused: check.refused,
                query: check.query.clone(),
            })
            .collect(),
        alerts: line
            .alerts
            .iter()
            .map(|alert| {
                (
                    alert.id.clone(),
                    Clean::of(&format!("{}: {}", alert.title, alert.entity), 160),
                )
            })
            .collect(),
        alerts_total: line.alerts_total,
        attested: attested.collect(),
        unseen: unseen.map(|(russian, english)| page.say(russian, english)),
    }
}

fn verdict(verdict: Verdict, page: &Page) -> &'static str {
    match verdict {
        Verdict::Breached => page.say("нарушено", "breached"),
        Verdict::Alarmed => page.say("есть тревоги", "alarmed"),
        Verdict::AttestationExpired => page.say("аттестация истекла", "attestation run out"),
        Verdict::Refused => page.say("попытки отклонены", "attempts refused"),
        Verdict::Kept => page.say("соблюдено", "kept"),
        Verdict::Attested => page.say("подтверждено", "attested"),
        Verdict::NotObservable => page.say("не видно", "not observable"),
    }
}

impl Line {
    fn class(&self) -> &'static str {
        match self.verdict {
            Verdict::Breached | Verdict::Alarmed => "bad",
            Verdict::AttestationExpired | Verdict::Refused => "warn",
            Verdict::Kept | Verdict::Attested => "good",
            Verdict::NotObservable => "calm",
        }
    }
}

pub(in crate::console) async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let days = days_of(&query);
    let report = built(&shared, &name, days).await?;
    let deed = Deed {
        actor: reader.name(),
        action: "viewed",
        kind: "report",
        object: &report.integration,
        title: format!(
            "{} took the report of {}",
            reader.name(),
            report.integration
        ),
        detail: json!({ "days": days, "address": reader.from() }),
    };
    shared.audit_look(deed, now()).await?;
    let html = report::html(&report, reader.locale);
    let language = match reader.locale {
        Locale::Ru => "ru",
        Locale::En => "en",
    };
    let file = format!(
        "inline; filename=\"{}-{days}-{language}.html\"",
        report.integration
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, file),
        (CONTENT_SECURITY_POLICY, REPORT_POLICY.to_owned()),
    ];
    Ok((headers, html).into_response())
}

/// The time of a report, for its page.
impl Shown {
    fn period(&self) -> (Timestamp, Timestamp) {
        (self.report.from, self.report.until)
    }
}
