//! The mail about one alert.

use super::clean::Clean;
use super::document::{Block, Document, Tone};
use super::words::{self, EVENTS, VALUES, counted, pick, say};
use super::{Context, Mail, expectation, query, requirements};
use crate::alert::Alert;
use crate::config::Locale;
use crate::notify::Stage;
use crate::sigma::{Condition, CorrelationKind, Level};
use crate::track::{Evidence, PatternHit, Reason, ServiceState};

/// Longest subject, in characters: what a list of mails shows on a wide screen.
const SUBJECT: usize = 140;
/// Sample events in a mail.
const SAMPLES: usize = 10;
/// Entries in a list.
const ENTRIES: usize = 20;
/// Characters of a sentence by the rule's author.
const PROSE: usize = 2_000;

/// Writes the mail about an alert. Pure: the same alert, stage, locale and context give the same mail.
#[must_use]
pub fn render(alert: &Alert, stage: Stage, locale: Locale, context: &Context) -> Mail {
    let title = title(alert, locale);
    let document = Document {
        tone: tone(alert.rule.level),
        label: Clean::fill(
            "{} · {}",
            &[
                words::level(locale, alert.rule.level),
                stage_name(stage, locale),
            ],
        ),
        title: title.clone(),
        blocks: blocks(alert, locale, context),
        footer: footer(alert, locale, context),
        language: pick(locale, "ru", "en"),
    };
    Mail {
        subject: subject(alert, locale, context).as_str().to_owned(),
        text: document.text(),
        html: document.html(),
    }
}

/// Level, title, entity, count: what must be known within ten seconds.
pub(super) fn subject(alert: &Alert, locale: Locale, context: &Context) -> Clean {
    Clean::fill(
        "[{}] {}: {}",
        &[
            context.name(),
            words::level(locale, alert.rule.level),
            headline(alert, locale),
        ],
    )
    .shorten(SUBJECT)
}

/// Title, entity, count.
pub(crate) fn headline(alert: &Alert, locale: Locale) -> Clean {
    Clean::fill(
        "{} — {} {}, {}",
        &[
            title(alert, locale).shorten(60),
            words::entity(locale, alert.entity.kind),
            Clean::of(&alert.entity.value, 40),
            counted(locale, alert.count, &EVENTS),
        ],
    )
}

fn title(alert: &Alert, locale: Locale) -> Clean {
    let title = match (locale, &alert.rule.title_ru) {
        (Locale::Ru, Some(russian)) => russian,
        _ => &alert.rule.title,
    };
    Clean::of(title, 160)
}

pub(super) fn tone(level: Level) -> Tone {
    match level {
        Level::Informational | Level::Low => Tone::Calm,
        Level::Medium => Tone::Warning,
        Level::High => Tone::Serious,
        Level::Critical => Tone::Alarm,
    }
}

fn stage_name(stage: Stage, locale: Locale) -> Clean {
    match stage {
        Stage::Grown(_) => say(locale, "оповещение выросло", "the alert has grown"),
        _ => say(locale, "новое оповещение", "new alert"),
    }
}

fn blocks(alert: &Alert, locale: Locale, context: &Context) -> Vec<Block> {
    let mut blocks = vec![Block::Facts(facts(alert, locale, context))];
    if !alert.rule.description.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "Что произошло",
            "What happened",
        )));
        blocks.push(Block::Paragraph(Clean::of(&alert.rule.description, PROSE)));
    }
    blocks.push(Block::Heading(say(
        locale,
        "Почему сработало",
        "Why it fired",
    )));
    blocks.extend(why(alert, locale));
    if !alert.evidence.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "События для примера",
            "Sample events",
        )));
        blocks.push(samples(alert, locale, context));
    }
    blocks.push(Block::Heading(say(locale, "Что делать", "What to do next")));
    blocks.push(Block::Paragraph(advice(alert, locale)));
    let query = query::lines(alert, &context.events_table);
    if !query.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "Все события: запрос для ClickHouse",
            "All events: a query for ClickHouse",
        )));
        blocks.push(Block::Code(query));
    }
    push_list(
        &mut blocks,
        say(locale, "Когда это безобидно", "When it is harmless"),
        entries(&alert.rule.false_positives),
    );
    let kept = alert
        .rule
        .tags
        .iter()
        .filter_map(|tag| requirements::meaning(locale, tag));
    push_list(
        &mut blocks,
        say(locale, "Затронутые требования", "Requirements concerned"),
        kept.take(ENTRIES).collect(),
    );
    push_list(
        &mut blocks,
        say(locale, "Что известно неточно", "What is not exact"),
        entries(&alert.notes),
    );
    blocks.extend(context.console_link(alert.id, locale));
    blocks
}

fn push_list(blocks: &mut Vec<Block>, heading: Clean, points: Vec<Clean>) {
    if !points.is_empty() {
        blocks.push(Block::Heading(heading));
        blocks.push(Block::List(points));
    }
}

fn entries(lines: &[String]) -> Vec<Clean> {
    lines
        .iter()
        .take(ENTRIES)
        .map(|line| Clean::of(line, 400))
        .collect()
}

fn facts(alert: &Alert, locale: Locale, context: &Context) -> Vec<(Clean, Clean)> {
    let zone = &context.zone;
    let mut facts = vec![
        (
            say(locale, "Кто", "Who"),
            Clean::fill(
                "{} {}",
                &[
                    words::entity(locale, alert.entity.kind),
                    Clean::of(&alert.entity.value, 256),
                ],
            ),
        ),
        (
            say(locale, "С какого времени", "Since"),
            Clean::fill(
                "{} ({})",
                &[
                    words::time(locale, zone, alert.first),
                    words::zone_name(zone, alert.first),
                ],
            ),
        ),
        (
            say(locale, "Последнее событие", "Last event"),
            words::time(locale, zone, alert.last),
        ),
        (
            say(locale, "Сколько раз", "How often"),
            how_often(alert, locale),
        ),
    ];
    let others: Vec<Clean> = alert
        .rule
        .tags
        .iter()
        .filter(|tag| !tag.starts_with("requirement."))
        .take(ENTRIES)
        .map(|tag| Clean::of(tag, 60))
        .collect();
    if !others.is_empty() {
        facts.push((say(locale, "Метки", "Tags"), Clean::join(&others, ", ")));
    }
    facts
}

fn how_often(alert: &Alert, locale: Locale) -> Clean {
    let events = counted(locale, alert.count, &EVENTS);
    let micros = alert.last.since(alert.first);
    if micros < 1_000_000 {
        return events;
    }
    let template = pick(locale, "{} (длительность: {})", "{} in {}");
    Clean::fill(template, &[events, words::span(locale, micros)])
}

fn why(alert: &Alert, locale: Locale) -> Vec<Block> {
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
        Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
        } => {
            let text = Clean::fill(
                pick(
                    locale,
                    "Обычно около {}, сейчас {} ({}). Случайно так бывает редко: {}.",
                    "Expected about {}, observed {} ({}). By chance that is rare: {}.",
                ),
                &[
                    words::amount(locale, *expected),
                    words::amount(locale, *observed),
                    metric_name(metric, locale),
                    words::rarity(locale, *probability),
                ],
            );
            vec![Block::Paragraph(text)]
        }
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

fn metric_name(metric: &str, locale: Locale) -> Clean {
    let named = match locale {
        Locale::Ru => METRICS.iter().find(|(name, _)| *name == metric),
        Locale::En => None,
    };
    named.map_or_else(|| Clean::of(metric, 80), |(_, ru)| Clean::fixed(ru))
}

/// What detectors count, in Russian.
const METRICS: &[(&str, &str)] = &[
    ("requests a minute", "запросов в минуту"),
    ("calls an hour", "вызовов в час"),
    ("minutes with calls", "минут с вызовами за час"),
    ("calls in a busy minute", "вызовов в минуту с вызовами"),
    ("different records an hour", "разных записей в час"),
    ("different operations an hour", "разных операций в час"),
    ("different addresses an hour", "разных адресов в час"),
    (
        "different user agents an hour",
        "разных программ-клиентов в час",
    ),
    ("refused calls an hour", "отклонённых вызовов в час"),
    (
        "calls for what is not there",
        "обращений к несуществующему в час",
    ),
    ("failed calls an hour", "сбоев в час"),
    ("changes an hour", "изменений в час"),
    ("records answered an hour", "записей в ответах за час"),
    ("bytes answered a call", "байт в ответе на вызов"),
    ("milliseconds a call", "миллисекунд на вызов"),
];

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

fn samples(alert: &Alert, locale: Locale, context: &Context) -> Block {
    let heads = vec![
        say(locale, "Время", "Time"),
        say(locale, "Ответ", "Status"),
        say(locale, "От кого", "From"),
        say(locale, "Запрос", "Request"),
    ];
    let rows = alert
        .evidence
        .iter()
        .take(SAMPLES)
        .map(|evidence| {
            vec![
                words::short_time(locale, &context.zone, evidence.time),
                match evidence.status {
                    0 => Clean::fixed("–"),
                    status => Clean::from(u64::from(status)),
                },
                from(evidence),
                Clean::fill(
                    "{} {}",
                    &[
                        Clean::of(&evidence.method, 16),
                        Clean::of(&evidence.target, 160),
                    ],
                ),
            ]
        })
        .collect();
    Block::Table(heads, rows)
}

/// Address, client and program, as far as the log shows them.
fn from(evidence: &Evidence) -> Clean {
    let address = evidence
        .client_address
        .map(|address| Clean::of(&address.to_string(), 48));
    let client = (!evidence.client_id.is_empty()).then(|| Clean::of(&evidence.client_id, 40));
    let agent = (!evidence.user_agent.is_empty()).then(|| Clean::of(&evidence.user_agent, 40));
    let pieces: Vec<Clean> = [address, client, agent].into_iter().flatten().collect();
    Clean::join(&pieces, ", ")
}

fn advice(alert: &Alert, locale: Locale) -> Clean {
    let given = match locale {
        Locale::Ru => alert.rule.advice_ru.as_ref().or(alert.rule.advice.as_ref()),
        Locale::En => alert.rule.advice.as_ref(),
    };
    match given {
        Some(advice) => Clean::of(advice, PROSE),
        None => say(
            locale,
            "Выполните запрос ниже и посмотрите на все события. Если вызовы не ваши, ограничьте клиента на шлюзе и отзовите его токены; если это ваша работа, отметьте оповещение как ложное.",
            "Run the query below and look at all events. If the calls are not yours, limit the client at the gateway and revoke its tokens; if they are your own work, mark the alert as a false positive.",
        ),
    }
}

fn footer(alert: &Alert, locale: Locale, context: &Context) -> Vec<Clean> {
    vec![
        Clean::fill(
            pick(
                locale,
                "{}: оповещение {}, ревизия {}",
                "{}: alert {}, revision {}",
            ),
            &[
                context.name(),
                Clean::of(&alert.id.to_string(), 36),
                Clean::from(alert.revision),
            ],
        ),
        Clean::fill(
            pick(locale, "правило {}, семейство {}", "rule {}, family {}"),
            &[
                Clean::of(&alert.rule.id.to_string(), 36),
                Clean::of(&alert.rule.family, 64),
            ],
        ),
        say(
            locale,
            "Одно письмо на оповещение; следующее придёт, если событий станет в десять раз больше или вырастет уровень.",
            "One mail an alert; the next one comes when its events are ten times as many or its level rises.",
        ),
    ]
}
