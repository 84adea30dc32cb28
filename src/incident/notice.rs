//! The draft of a notice to the authority, in Russian: what the log and the record of the incident know is filled in, the rest is left
//! open for a person.

use super::{About, Affected, Clock, Incident};
use crate::config::Locale;
use crate::event::Timestamp;
use crate::paper::Paper;

/// Who gives notice; what is empty is left open.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// Its name.
    pub name: String,
    /// Its taxpayer number (INN).
    pub taxpayer: String,
    /// Its address.
    pub address: String,
    /// Who talks to the authority: name, telephone, mail.
    pub contact: String,
}

/// The draft of the notice that a duty asks for, as one page of HTML.
#[must_use]
pub fn notice(incident: &Incident, clock: Clock, operator: &Operator, now: Timestamp) -> String {
    let title = match clock {
        Clock::First => {
            "Уведомление о факте неправомерной или случайной передачи персональных данных"
        }
        Clock::Inquiry => {
            "Уведомление о результатах внутреннего расследования инцидента с персональными данными"
        }
        Clock::Gdpr => "Уведомление надзорного органа о нарушении защиты персональных данных",
    };
    let mut paper = Paper::new(title);
    paper.paragraph(&format!(
        "Проект от {} (UTC). {}",
        instant(now),
        clock.duty().0
    ));
    paper.rows(&[
        ("Оператор", operator.name.clone()),
        ("ИНН", operator.taxpayer.clone()),
        ("Адрес", operator.address.clone()),
        ("Лицо для связи", operator.contact.clone()),
    ]);
    paper.heading("Инцидент");
    paper.rows(&happened(incident, clock));
    paper.heading("Затронутые данные");
    paper.rows(&affected(incident));
    paper.heading("Причины, вред, меры");
    paper.rows(&known(incident, clock));
    if clock == Clock::Gdpr {
        paper.paragraph(
            "Если сведения нельзя сообщить сразу, они сообщаются по частям без дальнейшей задержки (ст. 33, п. 4); о задержке свыше 72 часов \
             указывается её причина.",
        );
    }
    paper.paragraph("Подпись: ____________________   Дата: ____________________");
    paper.finish()
}

fn happened(incident: &Incident, clock: Clock) -> Vec<(&'static str, String)> {
    let declared = &incident.declared;
    let due = declared.detected.plus_micros(clock.micros());
    let affected = declared.affected.clone().unwrap_or_default();
    vec![
        ("Номер в учёте", incident.id.to_string()),
        ("Время выявления (UTC)", instant(declared.detected)),
        ("Срок уведомления (UTC)", instant(due)),
        (
            "Время события (UTC)",
            format!(
                "с {} по {}",
                instant(declared.events.0),
                instant(declared.events.1)
            ),
        ),
        ("Что произошло", declared.title(Locale::Ru).to_owned()),
        ("Источник запросов", declared.entity.clone()),
        ("Информационная система", joined(&affected.integrations)),
        ("Страны источников", joined(&affected.countries)),
    ]
}

fn affected(incident: &Incident) -> Vec<(&'static str, String)> {
    let declared = &incident.declared;
    let affected = declared.affected.as_ref();
    // What is not known is left open, not 0.
    let said = |say: &dyn Fn(&Affected) -> String| affected.map(say).unwrap_or_default();
    let resources = |affected: &Affected| {
        let resources = affected.resources.iter();
        let resources = resources.map(|(kind, count)| format!("{kind}: {count}"));
        joined(&resources.collect::<Vec<_>>())
    };
    vec![
        (
            "Категории персональных данных",
            joined(&declared.categories),
        ),
        ("Категории субъектов", String::new()),
        ("Число субъектов (уточняется)", String::new()),
        ("Ответов шлюза с данными", said(&|it| it.calls.to_string())),
        ("Записей в ответах", said(&|it| it.records.to_string())),
        ("Разных объектов по видам", said(&resources)),
        (
            "Лиц, от имени которых шли запросы",
            said(&|it| it.subjects.to_string()),
        ),
        ("Поля в ответах", said(&|it| joined(&it.fields))),
        (
            "Отклонённых и неудачных запросов",
            said(&|it| it.refused.to_string()),
        ),
    ]
}

fn known(incident: &Incident, clock: Clock) -> Vec<(&'static str, String)> {
    let said = |about| incident.said(about).collect::<Vec<_>>().join("; ");
    let mut rows = vec![
        ("Предполагаемые причины", said(About::Cause)),
        ("Предполагаемый вред правам субъектов", said(About::Harm)),
        ("Принятые меры", said(About::Measure)),
    ];
    if clock == Clock::Inquiry {
        rows[0].0 = "Установленные причины";
        rows.push((
            "Лица, действия которых стали причиной",
            said(About::Culprit),
        ));
    }
    rows
}

/// Date and time to the second.
fn instant(time: Timestamp) -> String {
    let text = time.to_string();
    let second = text.split('.').next().unwrap_or(&text);
    second.replace('T', " ")
}

fn joined(texts: &[String]) -> String {
    texts.join(", ")
}
