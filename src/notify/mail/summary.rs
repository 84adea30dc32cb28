//! Mails that are not about one alert: digest, backlog, daily, test.

use serde::{Deserialize, Serialize};

use super::alert::{headline, tone};
use super::clean::Clean;
use super::document::{Block, Document, Tone};
use super::words::{self, ALERTS, GAPS, counted, grouped, pick, say};
use super::{Context, Mail, reopened};
use crate::alert::Alert;
use crate::config::Locale;
use crate::event::Timestamp;
use crate::incident::Incident;
use crate::sigma::Level;
use crate::triage::{Closing, Decided, Reopened, Unacknowledged};

/// What a summary shows of one alert that got no mail of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// How bad it is.
    pub level: Level,
    /// Events behind it.
    pub count: u64,
    /// Newest event.
    pub last: Timestamp,
    /// Title, entity, count, in the recipient's language, clean and short.
    pub text: String,
}

impl Line {
    /// The line about an alert.
    #[must_use]
    pub fn of(alert: &Alert, locale: Locale) -> Self {
        Line {
            level: alert.rule.level,
            count: alert.count,
            last: alert.last,
            text: headline(alert, locale).as_str().to_owned(),
        }
    }

    /// The same of one that nobody has acknowledged, which it says first.
    #[must_use]
    pub fn escalated(alert: &Alert, locale: Locale) -> Self {
        let line = Line::of(alert, locale);
        let said = pick(locale, "никто не принял: ", "nobody has acknowledged it: ");
        Line {
            text: format!("{said}{}", line.text),
            ..line
        }
    }

    /// The same of one that was closed and shows more since: it says first that it was reopened, and by what.
    #[must_use]
    pub fn reopened(alert: &Alert, closing: &Closing, locale: Locale) -> Self {
        let line = Line::of(alert, locale);
        let said = pick(locale, "открыто снова", "reopened");
        let causes = reopened::causes(alert, closing, locale);
        Line {
            text: format!("{said} ({causes}): {}", line.text),
            ..line
        }
    }
}

/// Why alerts are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    /// The recipient had enough mails this hour.
    Digest,
    /// The alerts' last events are older than a mail is worth.
    Backlog,
}

/// What the daily mail says: counts of a day and what was amiss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyCounts {
    /// From here.
    pub since: Timestamp,
    /// To here.
    pub until: Timestamp,
    /// Events read from the source.
    pub events: u64,
    /// Rows in the store.
    pub stored: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
    /// Alerts by level, least first.
    pub alerts: [u64; 5],
    /// Mails the server took, as far as this instance sent them; so the two below.
    pub mails_sent: u64,
    /// Mails held back for a digest or a backlog summary.
    pub mails_held: u64,
    /// Mails the server refused or that were given up.
    pub mails_failed: u64,
    /// Number and hash of the newest link of the hash chain over the store: kept with the mail, outside the database.
    pub chain: Option<(u64, String)>,
    /// What was silent or lost, at most twenty are shown.
    pub gaps: Vec<Gap>,
}

/// What is told besides alerts.
#[derive(Clone, Debug, Default)]
pub struct Bulletin {
    /// The counts of the last day, once there are any.
    pub daily: Option<DailyCounts>,
    /// Incidents with personal data that are open.
    pub incidents: Vec<Incident>,
    /// Open alerts that nobody has done anything about for too long.
    pub unacknowledged: Vec<Unacknowledged>,
    /// Alerts that were closed and show more since.
    pub reopened: Vec<Reopened>,
    /// What follows from what people did to alerts.
    pub decided: Decided,
}

/// A stretch without records, or with lost ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Gateway, or topic and partition.
    pub source: String,
    /// From here.
    pub since: Timestamp,
    /// To here.
    pub until: Timestamp,
    /// What is known of lost records; `None`: the source was silent.
    pub lost: Option<String>,
}

/// The mail that tells many alerts at once: how many, and the worst of them.
#[must_use]
pub fn render_bundle(
    kind: BundleKind,
    total: u64,
    worst: &[Line],
    locale: Locale,
    context: &Context,
) -> Mail {
    let alerts = counted(locale, total, &ALERTS);
    let (title, lead) = match kind {
        BundleKind::Digest => (
            Clean::fill(pick(locale, "Сводка: {}", "Digest: {}"), &[alerts]),
            say(
                locale,
                "Лимит писем на час исчерпан или были тихие часы, поэтому эти оповещения собраны в одно письмо. Ни одно не потеряно: все они в таблице alerts.",
                "The limit of mails an hour was reached, or it was quiet hours, so these alerts come in one mail. None is lost: all are in the table alerts.",
            ),
        ),
        BundleKind::Backlog => (
            Clean::fill(pick(locale, "Накопившееся: {}", "Backlog: {}"), &[alerts]),
            say(
                locale,
                "События этих оповещений уже старые, поэтому отдельных писем о них не было. Все они в таблице alerts.",
                "The events of these alerts are old already, so there was no mail for each. All are in the table alerts.",
            ),
        ),
    };
    let rows = worst
        .iter()
        .map(|line| {
            vec![
                words::level(locale, line.level),
                words::time(locale, &context.zone, line.last),
                Clean::of(&line.text, 200),
            ]
        })
        .collect();
    let heads = vec![
        say(locale, "Уровень", "Level"),
        say(locale, "Последнее событие", "Last event"),
        say(locale, "Оповещение", "Alert"),
    ];
    let mut blocks = vec![
        Block::Paragraph(lead),
        Block::Heading(say(locale, "Самые серьёзные", "The worst")),
        Block::Table(heads, rows),
    ];
    blocks.push(Block::Heading(say(locale, "Что делать", "What to do next")));
    blocks.push(Block::Paragraph(say(
        locale,
        "Начните с верхней строки. Если оповещений слишком много каждый день, добавьте исключения или поднимите порог.",
        "Begin with the first line. If there are too many every day, add exceptions or raise a threshold.",
    )));
    let worst_level = worst.first().map_or(Level::Low, |line| line.level);
    finish(
        tone(worst_level),
        say(locale, "СВОДКА", "SUMMARY"),
        title,
        blocks,
        locale,
        context,
    )
}

/// The daily mail. It comes every day, so that its absence tells that gatewatch or its mail is down.
#[must_use]
pub fn render_daily(counts: &DailyCounts, locale: Locale, context: &Context) -> Mail {
    let well = counts.gaps.is_empty() && counts.mails_failed == 0 && counts.events > 0;
    let title = if well {
        say(locale, "За сутки всё в порядке", "All is well for the day")
    } else if counts.gaps.is_empty() {
        say(
            locale,
            "За сутки есть на что посмотреть",
            "Something to look at for the day",
        )
    } else {
        Clean::fill(
            pick(locale, "За сутки есть пробелы: {}", "The day has {}"),
            &[counted(
                locale,
                u64::try_from(counts.gaps.len()).unwrap_or(u64::MAX),
                &GAPS,
            )],
        )
    };
    let mut blocks = vec![Block::Facts(daily_facts(counts, locale, context))];
    if counts.events == 0 {
        blocks.push(Block::Paragraph(say(
            locale,
            "За сутки не пришло ни одного события. Проверьте, пишет ли шлюз свой журнал.",
            "Not one event came in the whole day. See whether the gateway writes its log.",
        )));
    }
    if !counts.gaps.is_empty() {
        blocks.push(Block::Heading(say(locale, "Пробелы", "Gaps")));
        let rows = counts.gaps.iter().take(20).map(|gap| {
            vec![
                Clean::of(&gap.source, 60),
                words::time(locale, &context.zone, gap.since),
                words::time(locale, &context.zone, gap.until),
                match &gap.lost {
                    Some(detail) => Clean::of(detail, 120),
                    None => say(locale, "не было ни одного события", "not one event"),
                },
            ]
        });
        let heads = vec![
            say(locale, "Источник", "Source"),
            say(locale, "С", "From"),
            say(locale, "По", "To"),
            say(locale, "Что известно", "What is known"),
        ];
        blocks.push(Block::Table(heads, rows.collect()));
    }
    blocks.push(Block::Paragraph(say(
        locale,
        "Это письмо приходит каждый день. Если его нет, не работает gatewatch или почта.",
        "This mail comes every day. When it does not, gatewatch or the mail is down.",
    )));
    let tone = if well { Tone::Calm } else { Tone::Warning };
    finish(
        tone,
        say(locale, "ЗА СУТКИ", "DAILY"),
        title,
        blocks,
        locale,
        context,
    )
}

fn daily_facts(counts: &DailyCounts, locale: Locale, context: &Context) -> Vec<(Clean, Clean)> {
    let number = |number| grouped(locale, number);
    let by_level = [
        Level::Critical,
        Level::High,
        Level::Medium,
        Level::Low,
        Level::Informational,
    ]
    .iter()
    .zip(counts.alerts.iter().rev())
    .filter(|(_, count)| **count > 0)
    .map(|(level, count)| Clean::fill("{}: {}", &[words::level(locale, *level), number(*count)]))
    .collect::<Vec<_>>();
    let alerts = if by_level.is_empty() {
        Clean::from(0)
    } else {
        Clean::join(&by_level, ", ")
    };
    let mut facts = vec![
        (
            say(locale, "Время", "Time"),
            Clean::fill(
                "{} – {} ({})",
                &[
                    words::time(locale, &context.zone, counts.since),
                    words::time(locale, &context.zone, counts.until),
                    words::zone_name(&context.zone, counts.until),
                ],
            ),
        ),
        (say(locale, "Событий", "Events"), number(counts.events)),
        (say(locale, "Сохранено", "Stored"), number(counts.stored)),
        (
            say(locale, "Непрочитанных записей", "Dead letters"),
            number(counts.dead_letters),
        ),
        (say(locale, "Оповещений", "Alerts"), alerts),
        (
            say(locale, "Писем отправлено", "Mails sent"),
            number(counts.mails_sent),
        ),
        (
            say(locale, "Писем в сводках", "Mails held back"),
            number(counts.mails_held),
        ),
        (
            say(locale, "Писем не принято", "Mails not taken"),
            number(counts.mails_failed),
        ),
    ];
    if let Some((link, hash)) = &counts.chain {
        facts.push((
            say(locale, "Цепочка хешей", "Hash chain"),
            Clean::fill(
                pick(locale, "звено {}: {}", "link {}: {}"),
                &[number(*link), Clean::of(hash, 64)],
            ),
        ));
    }
    facts
}

/// The mail that only proves that mail arrives.
#[must_use]
pub fn render_test(locale: Locale, context: &Context) -> Mail {
    let blocks = vec![Block::Paragraph(say(
        locale,
        "Это проверка. Если вы читаете это письмо, оповещения дойдут до вас. Делать ничего не нужно.",
        "This is a test. As you can read it, alerts will reach you. There is nothing to do.",
    ))];
    let title = say(locale, "Проверка почты", "Test mail");
    finish(
        Tone::Calm,
        say(locale, "ПРОВЕРКА", "TEST"),
        title,
        blocks,
        locale,
        context,
    )
}

pub(super) fn finish(
    tone: Tone,
    label: Clean,
    title: Clean,
    mut blocks: Vec<Block>,
    locale: Locale,
    context: &Context,
) -> Mail {
    blocks.extend(context.console(locale));
    let document = Document {
        tone,
        label,
        title: title.clone(),
        blocks,
        footer: vec![context.name()],
        language: pick(locale, "ru", "en"),
        names: vec![context.name.clone()],
    };
    document.mail(&Clean::fill("[{}] {}", &[context.name(), title]))
}
