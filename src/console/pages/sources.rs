//! Sources and pipeline: who was heard of, what could not be read, how the service does.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::config::Locale;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::names;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Condition, Shared};
use crate::event::Timestamp;
use crate::notify::mail::{Clean, metric_name};
use crate::notify::now;
use crate::telemetry::metric;

const DAY_US: i64 = 86_400_000_000;
/// Partitions whose lag is shown at most.
const PARTITIONS: usize = 16;

#[derive(Template)]
#[template(path = "sources.html")]
struct Sources {
    page: Page,
    state: Clean,
    missing: Vec<(Clean, Clean)>,
    /// How this instance does; empty where the console is served alone.
    figures: Vec<(&'static str, Clean)>,
    newest: Option<Timestamp>,
    lag: i64,
    gateways: Vec<(Clean, Timestamp, u64)>,
    unread: Vec<(Clean, u64)>,
    narrowings: Vec<Narrowed>,
    exceptions: Vec<Excepted>,
}

/// What is told less of since somebody called an alert false.
struct Narrowed {
    alert: uuid::Uuid,
    entity: Clean,
    metric: Clean,
    actor: Clean,
    time: Timestamp,
}

/// An exception or a silence of the rule files.
struct Excepted {
    title: Clean,
    kind: Clean,
    owner: Clean,
    reason: Clean,
    expires: Timestamp,
    is_over: bool,
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
) -> Result<Response, Failure> {
    let now = now();
    let store = &shared.store;
    let newest = store.newest_event().await?;
    let until = newest.map_or(now, |newest| newest.min(now)).plus_micros(1);
    let (heard, unread, decided) = tokio::try_join!(
        store.heard(until.plus_micros(-7 * DAY_US), until),
        store.unread_since(now.plus_micros(-7 * DAY_US)),
        store.decided(),
    )?;
    let gateways = heard.iter().map(|it| {
        let last = Timestamp::from_micros(it.last);
        (Clean::of(&it.gateway, 64), last, it.events)
    });
    let narrowings = decided.narrowings.iter().map(|it| Narrowed {
        alert: it.alert,
        entity: Clean::of(&it.entity.value, 80),
        metric: metric_name(&it.metric, reader.locale),
        actor: Clean::of(&it.actor, 64),
        time: it.time,
    });
    let condition = (shared.condition)(true);
    let page = Page::new(&shared, &reader, "administration");
    answer::page(&Sources {
        state: names::said(names::SERVICE, condition.state, reader.locale),
        missing: missing(&condition, reader.locale),
        figures: figures(&shared, &page, &condition),
        lag: newest.map_or(0, |newest| now.since(newest)),
        newest,
        gateways: gateways.collect(),
        unread: unread
            .iter()
            .map(|it| {
                (
                    names::said(names::UNREAD, &it.reason, reader.locale),
                    it.records,
                )
            })
            .collect(),
        narrowings: narrowings.collect(),
        exceptions: exceptions(&shared, now, reader.locale),
        page,
    })
}

/// Parts that do not answer, and why.
pub(super) fn missing(condition: &Condition, locale: Locale) -> Vec<(Clean, Clean)> {
    let said = |name: &str| names::said(names::SERVICE, name, locale);
    let missing = condition.missing.iter();
    missing.map(|(part, why)| (said(part), said(why))).collect()
}

fn figures(shared: &Shared, page: &Page, condition: &Condition) -> Vec<(&'static str, Clean)> {
    if condition.measures.is_empty() {
        return Vec::new();
    }
    let number = |value: i64| page.number(&u64::try_from(value).unwrap_or(0));
    let one = |metric| condition.of(metric).next().map(|(_, value)| value);
    let watermark = one(metric::WATERMARK).filter(|seconds| *seconds > 0);
    let buffer = |bytes: i64| {
        let limit = (shared.config.delivery.buffer_bytes >> 20).to_string();
        let used = [number(bytes >> 20), Clean::of(&limit, 20)];
        Clean::fill(page.say("{} из {} МиБ", "{} of {} MiB"), &used)
    };
    let told = |metric, is_on: bool| {
        if is_on {
            outcomes(page, condition, metric)
        } else {
            Clean::fixed(page.say("выключено", "off"))
        }
    };
    let mails = shared.config.mail.enabled;
    let webhook = !shared.config.webhook.url.is_empty();
    let figures = [
        (
            page.say("Партиций", "Partitions held"),
            one(metric::PARTITIONS).map(number),
        ),
        (
            page.say("Ещё не сохранено записей", "Records not stored yet"),
            lag(page, condition),
        ),
        (
            page.say(
                "Окна закрыты до (водяной знак)",
                "Windows closed up to (watermark)",
            ),
            watermark.map(|seconds| page.time(&Timestamp::from_seconds(seconds))),
        ),
        (
            page.say(
                "Срабатываний ждут водяного знака",
                "Matches that wait for the watermark",
            ),
            one(metric::WAITING).map(number),
        ),
        (
            page.say("Буфер", "Buffer"),
            one(metric::BUFFERED).map(buffer),
        ),
        (
            page.say("Письма с запуска", "Mails since the start"),
            Some(told(metric::MAILS, mails)),
        ),
        (
            page.say("Вебхук с запуска", "Webhook since the start"),
            Some(told(metric::WEBHOOKS, webhook)),
        ),
    ];
    let known = figures.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// All that is behind, and the partitions of which something is, those of most first.
fn lag(page: &Page, condition: &Condition) -> Option<Clean> {
    let mut lags: Vec<(&str, i64)> = condition.of(metric::LAG).collect();
    if lags.is_empty() {
        return None;
    }
    let all: i64 = lags.iter().map(|(_, records)| records).sum();
    lags.retain(|(_, records)| *records > 0);
    lags.sort_by_key(|(_, records)| std::cmp::Reverse(*records));
    let word = page.say("партиция", "partition");
    let most = lags.iter().take(PARTITIONS);
    let most: Vec<String> = most
        .map(|(partition, records)| format!("{word} {partition}: {records}"))
        .collect();
    let all = page.number(&u64::try_from(all).unwrap_or(0));
    Some(match most.as_slice() {
        [] => all,
        most => Clean::fill("{} ({})", &[all, Clean::of(&most.join(", "), 1_000)]),
    })
}

/// What became of what was sent, as far as people care.
fn outcomes(page: &Page, condition: &Condition, metric: &'static str) -> Clean {
    let known = names::OUTCOMES.iter();
    let told = known.filter_map(|(name, ..)| {
        let (_, count) = condition.of(metric).find(|(label, _)| label == name)?;
        let said = names::said(names::OUTCOMES, name, page.locale());
        let count = page.number(&u64::try_from(count).unwrap_or(0));
        Some(Clean::fill("{}: {}", &[said, count]))
    });
    let told: Vec<Clean> = told.collect();
    if told.is_empty() {
        return Clean::fixed("–");
    }
    Clean::join(&told, ", ")
}

fn exceptions(shared: &Shared, now: Timestamp, locale: Locale) -> Vec<Excepted> {
    let rules = shared.rules.borrow();
    let exceptions = rules.exceptions().iter().map(|it| Excepted {
        title: Clean::of(&it.title, 120),
        kind: names::said(names::KINDS, it.kind.name(), locale),
        owner: Clean::of(&it.owner, 80),
        reason: Clean::of(&it.reason, 200),
        expires: it.expires,
        is_over: it.expires <= now,
    });
    exceptions.collect()
}
