//! The mail about one alert.

use super::clean::Clean;
use super::document::{Block, Document, Tone};
use super::words::{self, ALERTS, EVENTS, counted, pick, say};
use super::{Context, Drawn, Mail, course, note, query, reopened, requirements, why};
use crate::alert::Alert;
use crate::config::Locale;
use crate::notify::Stage;
use crate::sigma::Level;
use crate::track::Evidence;

/// Longest subject, in characters: what a list of mails shows on a wide screen.
const SUBJECT: usize = 140;
/// Sample events in a mail.
const SAMPLES: usize = 10;
/// Entries in a list.
const ENTRIES: usize = 20;
/// Characters of a sentence by the rule's author.
const PROSE: usize = 2_000;

/// Writes the mail about an alert, with a picture of its course where that is known. Pure: the same alert, course, stage, locale and
/// context give the same mail.
#[must_use]
pub fn render(
    alert: &Alert,
    course: Option<&Drawn>,
    stage: Stage,
    locale: Locale,
    context: &Context,
) -> Mail {
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
        blocks: blocks(alert, course, locale, context),
        footer: footer(alert, locale, context),
        language: pick(locale, "ru", "en"),
        names: [&alert.rule.tags[..], std::slice::from_ref(&context.name)].concat(),
    };
    document.mail(&subject(alert, stage, locale, context))
}

/// Level, what is new of an alert that was told before, title, entity, count: what must be known within ten seconds.
fn subject(alert: &Alert, stage: Stage, locale: Locale, context: &Context) -> Clean {
    let level = words::level(locale, alert.rule.level);
    let news = match stage {
        Stage::Grown(_) => Some(say(locale, "выросло", "grown")),
        Stage::Escalated(_) => Some(say(locale, "никто не принял", "not acknowledged")),
        Stage::Reopened(_) => Some(by_what(alert, locale, context)),
        _ => None,
    };
    let level = match news {
        Some(news) => Clean::fill("{}, {}", &[level, news]),
        None => level,
    };
    Clean::fill(
        "[{}] {}: {}",
        &[context.name(), level, headline(alert, locale)],
    )
    .shorten(SUBJECT)
}

/// That it was reopened, and by what.
fn by_what(alert: &Alert, locale: Locale, context: &Context) -> Clean {
    let said = say(locale, "открыто снова", "reopened");
    match &context.closing {
        Some(closing) => {
            let causes = reopened::causes(alert, closing, locale);
            Clean::fill("{} ({})", &[said, causes])
        }
        None => said,
    }
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

/// What happened, in one line.
pub(crate) fn title(alert: &Alert, locale: Locale) -> Clean {
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
        Stage::Escalated(_) => say(locale, "никто не принял", "nobody has acknowledged it"),
        Stage::Reopened(_) => say(
            locale,
            "было закрыто, открыто снова",
            "was closed, is reopened",
        ),
        _ => say(locale, "новое оповещение", "new alert"),
    }
}

/// All that is said of an alert, from top to bottom.
pub(crate) fn blocks(
    alert: &Alert,
    course: Option<&Drawn>,
    locale: Locale,
    context: &Context,
) -> Vec<Block> {
    let mut blocks = vec![Block::Facts(facts(alert, locale, context))];
    // Who reads it on a telephone needs no more than one screen to act.
    blocks.extend(context.ways(alert.id, locale));
    if !alert.rule.description.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "Что произошло",
            "What happened",
        )));
        let description = match (locale, &alert.rule.description_ru) {
            (Locale::Ru, Some(russian)) => russian,
            _ => &alert.rule.description,
        };
        blocks.push(Block::Prose(Clean::of(description, PROSE)));
    }
    blocks.push(Block::Heading(say(locale, "Что делать", "What to do next")));
    blocks.push(Block::Prose(advice(alert, locale)));
    blocks.push(Block::Heading(say(
        locale,
        "Почему сработало",
        "Why it fired",
    )));
    blocks.extend(why::blocks(alert, locale));
    blocks.extend(course.map(|drawn| course::block(drawn, locale, context)));
    if !alert.evidence.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "События для примера",
            "Sample events",
        )));
        blocks.push(samples(alert, locale, context));
    }
    push_kin(&mut blocks, locale, context);
    let query = query::lines(alert, &context.events_table);
    if !query.is_empty() {
        blocks.push(Block::Heading(say(
            locale,
            "Все события: запрос для ClickHouse",
            "All events: a query for ClickHouse",
        )));
        blocks.push(Block::Code(query));
    }
    let harmless = match locale {
        Locale::Ru if !alert.rule.false_positives_ru.is_empty() => &alert.rule.false_positives_ru,
        _ => &alert.rule.false_positives,
    };
    if !harmless.is_empty() {
        let points = harmless.iter().take(ENTRIES).map(|it| Clean::of(it, 400));
        blocks.push(Block::Heading(say(
            locale,
            "Когда это безобидно",
            "When it is harmless",
        )));
        blocks.push(Block::ProseList(points.collect()));
    }
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
        say(locale, "Примечания", "Notes"),
        alert
            .other_notes()
            .take(ENTRIES)
            .map(|it| note::say(it, locale))
            .collect(),
    );
    blocks
}

/// Other alerts of the same callers, the oldest first.
fn push_kin(blocks: &mut Vec<Block>, locale: Locale, context: &Context) {
    let kin = &context.kin;
    let line = |alert: &Alert| {
        let level = words::level(locale, alert.rule.level);
        Clean::fill("{}: {}", &[level, headline(alert, locale)])
    };
    let mut lines: Vec<Clean> = kin.alerts.iter().map(line).collect();
    if kin.more > 0 {
        let more = counted(locale, kin.more, &ALERTS);
        lines.push(match locale {
            Locale::Ru => Clean::fill("и ещё {}", &[more]),
            Locale::En => Clean::fill("and {} more", &[more]),
        });
    }
    let heading = say(
        locale,
        "О тех же, за сутки",
        "Of the same callers, within a day",
    );
    push_list(blocks, heading, lines);
}

fn push_list(blocks: &mut Vec<Block>, heading: Clean, points: Vec<Clean>) {
    if !points.is_empty() {
        blocks.push(Block::Heading(heading));
        blocks.push(Block::List(points));
    }
}

fn facts(alert: &Alert, locale: Locale, context: &Context) -> Vec<(Clean, Clean)> {
    let zone = &context.zone;
    let closing = context.closing.as_ref();
    let reopened = closing.map(|closing| reopened::facts(alert, closing, locale, context));
    let mut facts: Vec<(Clean, Clean)> = reopened.into_iter().flatten().collect();
    facts.extend([
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
            last_event(alert, locale, context),
        ),
        (
            say(locale, "Сколько раз", "How often"),
            how_often(alert, locale),
        ),
    ]);
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

/// When, and how long before the mail: whether it still goes on.
fn last_event(alert: &Alert, locale: Locale, context: &Context) -> Clean {
    let last = words::time(locale, &context.zone, alert.last);
    match context.written.map(|written| written.since(alert.last)) {
        Some(before) if before >= 0 => Clean::fill(
            pick(
                locale,
                "{} (до письма прошло: {})",
                "{} ({} before this mail)",
            ),
            &[last, words::span(locale, before)],
        ),
        _ => last,
    }
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
            "Одно письмо на оповещение; следующее придёт, если событий станет в десять раз больше, вырастет уровень или закрытое покажет больше, чем видел закрывший.",
            "One mail an alert; the next one comes when its events are ten times as many, its level rises, or, once closed, it shows more than was seen then.",
        ),
    ]
}
