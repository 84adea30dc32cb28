//! Why an alert was raised, in a mail's blocks.

use super::clean::Clean;
use super::document::Block;
use super::words::{self, EVENTS, VALUES, counted, pick, say};
use super::{expectation, metric};
use crate::alert::Alert;
use crate::config::Locale;
use crate::sigma::{Condition, CorrelationKind};
use crate::track::{Feature, MOST_FEATURES, PatternHit, Reason, ServiceState};

/// Patterns in a mail.
const ENTRIES: usize = 20;

/// What made the alert's rule fire.
pub(super) fn blocks(alert: &Alert, locale: Locale) -> Vec<Block> {
    match &alert.reason {
        Reason::Pattern { hits } => pattern(hits, locale),
        Reason::Correlation {
            measure,
            observed,
            condition,
            window_s,
        } => {
            let micros = i64::try_from(*window_s)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000);
            let text = Clean::fill(
                pick(
                    locale,
                    "{} (окно: {}, условие правила: {}).",
                    "{} within {}; the rule's condition is {}.",
                ),
                &[
                    measured(measure, *observed, locale),
                    words::span(locale, micros),
                    wanted(condition, locale),
                ],
            );
            let mut blocks = vec![Block::Paragraph(text)];
            let hits = alert
                .evidence
                .first()
                .map_or(&[][..], |evidence| &evidence.hits);
            if !hits.is_empty() {
                blocks.extend(pattern(hits, locale));
            }
            blocks
        }
        Reason::Baseline { .. } => baseline(&alert.reason, locale),
        Reason::Expectation {
            measure,
            observed,
            expected,
        } => vec![Block::Paragraph(expectation::missed(
            *measure, *observed, *expected, locale,
        ))],
        Reason::Service { state } => vec![Block::Paragraph(service_state(state, locale))],
    }
}

/// What was far from what was expected, and the features that stand out.
fn baseline(reason: &Reason, locale: Locale) -> Vec<Block> {
    let Reason::Baseline {
        metric,
        observed,
        expected,
        probability,
        features,
    } = reason
    else {
        return Vec::new();
    };
    let text = Clean::fill(
        pick(
            locale,
            "Обычно около {}, сейчас {} ({}). Случайно так бывает редко: {}.",
            "Expected about {}, observed {} ({}). By chance that is rare: {}.",
        ),
        &[
            words::amount(locale, *expected),
            words::amount(locale, *observed),
            metric::name(metric, locale),
            words::rarity(locale, *probability),
        ],
    );
    let mut blocks = vec![Block::Paragraph(text)];
    if !features.is_empty() {
        blocks.push(table(features, locale));
    }
    blocks
}

/// What a correlation looks at and what it saw.
fn measured(measure: &CorrelationKind, observed: f64, locale: Locale) -> Clean {
    let names: Vec<Clean> = measure
        .fields()
        .iter()
        .map(|field| Clean::of(field.name(), 64))
        .collect();
    let field = Clean::join(&names, ", ");
    let number = words::amount(locale, observed);
    match measure {
        CorrelationKind::EventCount => counted(locale, whole(observed), &EVENTS),
        CorrelationKind::ValueCount { .. } => Clean::fill(
            pick(locale, "Поле {}: {}", "Field {}: {}"),
            &[field, counted(locale, whole(observed), &VALUES)],
        ),
        CorrelationKind::Temporal => Clean::fill(
            pick(locale, "Сработало правил: {}", "Rules that matched: {}"),
            &[number],
        ),
        CorrelationKind::TemporalOrdered => Clean::fill(
            pick(
                locale,
                "Сработало правил одно за другим: {}",
                "Rules that matched one after the other: {}",
            ),
            &[number],
        ),
        CorrelationKind::Absence | CorrelationKind::AbsenceOrdered => Clean::fill(
            pick(
                locale,
                "Произошло и осталось без ожидаемого продолжения: {}",
                "Happened, and what belongs to it did not: {}",
            ),
            &[number],
        ),
        CorrelationKind::ValueSum { .. } => Clean::fill(
            pick(locale, "Сумма поля {}: {}", "Sum of {}: {}"),
            &[field, number],
        ),
        CorrelationKind::ValueAvg { .. } => Clean::fill(
            pick(locale, "Среднее поля {}: {}", "Mean of {}: {}"),
            &[field, number],
        ),
        CorrelationKind::ValuePercentile { percentile, .. } => Clean::fill(
            pick(
                locale,
                "Перцентиль {} поля {}: {}",
                "Percentile {} of {}: {}",
            ),
            &[words::amount(locale, *percentile), field, number],
        ),
        CorrelationKind::ValueShare { .. } => Clean::fill(
            pick(
                locale,
                "Доля этого значения поля {} среди всех: {} %",
                "Share of this value of {} among all: {} %",
            ),
            &[field, number],
        ),
        CorrelationKind::TravelSpeed { .. } => Clean::fill(
            pick(
                locale,
                "Такой путь между странами потребовал бы скорости не менее {} км/ч",
                "To be in both countries they must have travelled at {} km/h or more",
            ),
            &[number],
        ),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count from 0, and the cast saturates"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

fn wanted(condition: &Condition, locale: Locale) -> Clean {
    let comparisons: Vec<Clean> = condition
        .0
        .iter()
        .map(|comparison| {
            let sign = Clean::fixed(comparison.op.sign());
            Clean::fill("{} {}", &[sign, words::amount(locale, comparison.value)])
        })
        .collect();
    Clean::join(&comparisons, pick(locale, " и ", " and "))
}

/// Why an alert about gatewatch itself was raised.
fn service_state(state: &ServiceState, locale: Locale) -> Clean {
    let number = |offset: i64| Clean::of(&offset.to_string(), 20);
    match state {
        ServiceState::Unreachable { error } => Clean::fill(
            pick(locale, "Последний ответ: {}", "The last answer: {}"),
            &[Clean::of(error, 400)],
        ),
        ServiceState::Lost { begin, end } => Clean::fill(
            pick(
                locale,
                "Смещений с {} по {} в Kafka уже нет.",
                "Offsets {} to {} are no longer in Kafka.",
            ),
            &[number(*begin), number(end - 1)],
        ),
        ServiceState::Miscounted {
            begin,
            end,
            expected,
            stored,
        } => Clean::fill(
            pick(
                locale,
                "Смещения с {} по {}: прочитано записей {}, сохранено {}.",
                "Offsets {} to {}: {} records read, {} stored.",
            ),
            &[
                number(*begin),
                number(end - 1),
                Clean::from(*expected),
                Clean::from(*stored),
            ],
        ),
    }
}

/// The features that stand out, the first of which is the reason.
fn table(features: &[Feature], locale: Locale) -> Block {
    let heads = vec![
        say(locale, "Признак", "Feature"),
        say(locale, "Сейчас", "Observed"),
        say(locale, "Обычно", "Expected"),
        say(locale, "Как редко бывает", "How rare"),
    ];
    let rows = features.iter().take(MOST_FEATURES).map(|feature| {
        let name = metric::name(&feature.metric, locale);
        let name = if feature.value.is_empty() {
            name
        } else {
            Clean::fill("{}: {}", &[name, Clean::of(&feature.value, 120)])
        };
        vec![
            name,
            words::amount(locale, feature.observed),
            words::amount(locale, feature.expected),
            words::rarity(locale, feature.probability),
        ]
    });
    Block::Table(heads, rows.collect())
}

fn pattern(hits: &[PatternHit], locale: Locale) -> Vec<Block> {
    if hits.is_empty() {
        let text = say(
            locale,
            "Выполнилось условие правила.",
            "The rule's condition was met.",
        );
        return vec![Block::Paragraph(text)];
    }
    let rows = hits
        .iter()
        .take(ENTRIES)
        .map(|hit| vec![Clean::of(&hit.field, 64), Clean::of(&hit.pattern, 160)])
        .collect();
    vec![Block::Table(
        vec![
            say(locale, "Поле", "Field"),
            say(locale, "Образец", "Pattern"),
        ],
        rows,
    )]
}
