//! The mail about an incident with personal data: that it was declared, and how long its clocks still run.

use super::clean::Clean;
use super::document::{Block, Tone};
use super::summary::finish;
use super::words::{self, ALERTS, counted, grouped, pick, say};
use super::{Context, Mail};
use crate::config::Locale;
use crate::event::Timestamp;
use crate::incident::{Clock, Incident, Reminder, State};

/// Values of a list at most.
const MOST: usize = 12;

/// The mail of a reminder.
#[must_use]
pub(crate) fn render_incident(
    incident: &Incident,
    reminder: Reminder,
    now: Timestamp,
    locale: Locale,
    context: &Context,
) -> Mail {
    let title = title(incident, reminder, now, locale);
    let blocks = vec![
        Block::Heading(say(locale, "Сроки", "Clocks")),
        Block::Table(
            vec![
                say(locale, "Обязанность", "Duty"),
                say(locale, "Срок", "Due"),
                say(locale, "Состояние", "State"),
            ],
            incident
                .clocks()
                .map(|(clock, state)| row(clock, &state, now, locale, context))
                .collect(),
        ),
        Block::Heading(say(locale, "Инцидент", "The incident")),
        Block::Facts(facts(incident, locale, context)),
        Block::Heading(say(locale, "Что делать", "What to do next")),
        Block::List(vec![
            say(
                locale,
                "Запишите, что известно о причинах, вреде и мерах (say), возьмите проект уведомления (notice), проверьте и отправьте его.",
                "Record what is known of causes, harm and measures (say), take the draft of the notice (notice), check it and send it.",
            ),
            say(
                locale,
                "Отметьте отправку (notified): после этого напоминаний об этом сроке не будет.",
                "Record that it was sent (notified): there are no more reminders of that clock then.",
            ),
        ]),
        Block::Code(commands(incident, reminder)),
    ];
    let is_late = open(incident).any(|(_, state)| state.due <= now);
    let tone = if is_late { Tone::Alarm } else { Tone::Serious };
    let label = say(locale, "ПЕРСОНАЛЬНЫЕ ДАННЫЕ", "PERSONAL DATA");
    finish(tone, label, title, blocks, locale, context)
}

fn title(incident: &Incident, reminder: Reminder, now: Timestamp, locale: Locale) -> Clean {
    let what = Clean::of(incident.declared.title(locale), 80);
    let state = reminder
        .clock
        .and_then(|which| incident.clocks().find(|(clock, _)| *clock == which));
    let Some((clock, state)) = state else {
        let title = pick(
            locale,
            "Инцидент с персональными данными: {}",
            "Personal-data incident: {}",
        );
        return Clean::fill(title, &[what]);
    };
    let left = state.due.since(now);
    let name = Clean::fixed(clock.name());
    if left > 0 {
        let title = pick(locale, "Срок {}: осталось {}. {}", "Clock {}: {} left. {}");
        Clean::fill(title, &[name, words::hours(locale, left), what])
    } else {
        let title = pick(locale, "Срок {} истёк. {}", "Clock {} has run out. {}");
        Clean::fill(title, &[name, what])
    }
}

fn row(
    clock: Clock,
    state: &State,
    now: Timestamp,
    locale: Locale,
    context: &Context,
) -> Vec<Clean> {
    let (russian, english) = clock.duty();
    let left = state.due.since(now);
    let stands = match &state.told {
        Some((at, reference)) => Clean::fill(
            pick(locale, "выполнено {}, {}", "done {}, {}"),
            &[
                words::time(locale, &context.zone, *at),
                Clean::of(reference, 60),
            ],
        ),
        None if left > 0 => Clean::fill(
            pick(locale, "осталось {}", "{} left"),
            &[words::hours(locale, left)],
        ),
        None => say(locale, "срок истёк", "has run out"),
    };
    vec![
        say(locale, russian, english),
        words::time(locale, &context.zone, state.due),
        stands,
    ]
}

fn facts(incident: &Incident, locale: Locale, context: &Context) -> Vec<(Clean, Clean)> {
    let declared = &incident.declared;
    let affected = declared.affected.clone().unwrap_or_default();
    let time = |time| {
        Clean::fill(
            "{} ({})",
            &[
                words::time(locale, &context.zone, time),
                words::zone_name(&context.zone, time),
            ],
        )
    };
    let resources: Vec<Clean> = affected
        .resources
        .iter()
        .take(MOST)
        .map(|(kind, many)| Clean::fill("{}: {}", &[Clean::of(kind, 40), grouped(locale, *many)]))
        .collect();
    let title = Clean::of(declared.title(locale), 200);
    let what = match u64::try_from(declared.linked.len()).unwrap_or(u64::MAX) {
        0 => title,
        more => Clean::fill(
            pick(locale, "{}, и ещё {}", "{}, and {} more"),
            &[title, counted(locale, more, &ALERTS)],
        ),
    };
    vec![
        (say(locale, "Что случилось", "What happened"), what),
        (say(locale, "Кто", "Who"), Clean::of(&declared.entity, 200)),
        (say(locale, "Выявлен", "Detected"), time(declared.detected)),
        (
            say(locale, "Объявил", "Declared by"),
            Clean::fill(
                "{}, {}",
                &[Clean::of(&incident.by, 80), time(incident.time)],
            ),
        ),
        (
            say(locale, "Категории данных", "Categories of data"),
            listed(&declared.categories),
        ),
        (
            say(locale, "Ответов с данными", "Answers with data"),
            grouped(locale, affected.calls),
        ),
        (
            say(locale, "Записей в них", "Records in them"),
            grouped(locale, affected.records),
        ),
        (
            say(locale, "Разных объектов", "Different resources"),
            Clean::join(&resources, ", "),
        ),
        (
            say(locale, "Интеграции", "Integrations"),
            listed(&affected.integrations),
        ),
        (
            say(locale, "Номер", "Number"),
            Clean::of(&incident.id.to_string(), 40),
        ),
    ]
}

fn listed(texts: &[String]) -> Clean {
    if texts.is_empty() {
        return Clean::fixed("–");
    }
    let shown: Vec<Clean> = texts
        .iter()
        .take(MOST)
        .map(|text| Clean::of(text, 60))
        .collect();
    Clean::join(&shown, ", ")
}

fn open(incident: &Incident) -> impl Iterator<Item = (Clock, State)> {
    incident.clocks().filter(|(_, state)| state.told.is_none())
}

fn commands(incident: &Incident, reminder: Reminder) -> Vec<Clean> {
    let clock = reminder
        .clock
        .or_else(|| open(incident).map(|(clock, _)| clock).next())
        .unwrap_or(Clock::First);
    let (id, clock) = (incident.id, clock.name());
    [
        format!("gatewatch incident show {id}"),
        format!("gatewatch incident notice {id} --clock {clock} --output notice.html"),
        format!("gatewatch incident notified {id} --clock {clock} --reference NUMBER --by NAME"),
    ]
    .iter()
    .map(|command| Clean::of(command, 200))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Affected, Declared, Step, What, incident_id};
    use jiff::tz::TimeZone;
    use uuid::Uuid;

    const HOUR: i64 = 3_600_000_000;

    fn incident() -> Incident {
        let alert = Uuid::from_u128(7);
        let detected = Timestamp::from_seconds(1_790_000_000);
        let step = Step {
            incident: incident_id(alert),
            time: detected.plus_micros(HOUR),
            actor: "Анна <Петрова>".to_owned(),
            what: What::Declared(Box::new(Declared {
                alert,
                title: "Residents of others were read".to_owned(),
                title_ru: Some("Прочитаны чужие данные".to_owned()),
                linked: vec![Uuid::nil()],
                entity: "crm\u{202e}".to_owned(),
                detected,
                events: (detected, detected),
                clocks: Clock::ALL.to_vec(),
                categories: vec!["contacts".to_owned()],
                affected: Some(Affected {
                    calls: 1_200,
                    resources: vec![("resident".to_owned(), 120)],
                    ..Affected::default()
                }),
            })),
        };
        Incident::of(vec![step]).remove(0)
    }

    #[test]
    fn the_mail_says_how_long_is_left_and_what_to_do() {
        let context = Context {
            kin: crate::alert::Kin::default(),
            closing: None,
            written: None,
            zone: TimeZone::UTC,
            name: "gatewatch".to_owned(),
            console_url: String::new(),
            acknowledge: String::new(),
            events_table: "events".to_owned(),
        };
        let incident = incident();
        let now = incident.declared.detected.plus_micros(20 * HOUR);
        let reminders = incident.reminders(now);
        let render =
            |at: usize, locale| render_incident(&incident, reminders[at], now, locale, &context);
        let declared = render(0, Locale::En);
        assert!(
            declared
                .subject
                .contains("Personal-data incident: Residents"),
            "{}",
            declared.subject
        );
        let first = render(1, Locale::En);
        assert!(
            first.subject.contains("152-fz-24h: 4 hours left"),
            "{}",
            first.subject
        );
        let wanted = format!(
            "gatewatch incident notified {} --clock 152-fz-24h",
            incident.id
        );
        assert!(first.text.contains(&wanted), "{}", first.text);
        assert!(
            first.html.contains("Анна &lt;Петрова&gt;"),
            "{}",
            first.html
        );
        assert!(!first.html.contains('\u{202e}') && !first.text.contains('\u{202e}'));
        let russian = render(1, Locale::Ru);
        for expected in [
            "осталось 4 часа",
            "осталось 52 часа",
            "resident: 120",
            "152-ФЗ, ст. 21",
            "Прочитаны чужие",
        ] {
            assert!(
                russian.text.contains(expected),
                "{expected}: {}",
                russian.text
            );
        }
        let late = incident.declared.detected.plus_micros(25 * HOUR);
        let reminder = incident.reminders(late)[1];
        let mail = render_incident(&incident, reminder, late, Locale::Ru, &context);
        assert!(
            mail.subject.contains("152-fz-24h истёк"),
            "{}",
            mail.subject
        );
    }
}
