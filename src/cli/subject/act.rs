//! The act of destruction of personal data with its extract from the log: what order 179 of Roskomnadzor (28 October 2022) asks of data that
//! is processed with automation.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::paper::Paper;
use crate::store::SubjectRows;

/// What was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Act {
    pub(super) id: String,
    pub(super) time: Timestamp,
    pub(super) operator: String,
    pub(super) system: String,
    pub(super) by: String,
    pub(super) basis: String,
    /// What stands for the person.
    pub(super) subject: String,
    pub(super) rows: SubjectRows,
    /// What was found when it was looked again.
    pub(super) left: SubjectRows,
    /// Links of the hash chain that were replaced.
    pub(super) links: usize,
    pub(super) in_kafka: Vec<String>,
    pub(super) alerts: Vec<String>,
    /// Incidents whose record names the person and is kept.
    pub(super) incidents: Vec<String>,
}

/// Act and extract as one page of HTML that prints on A4, with room for signatures.
pub(super) fn html(act: &Act) -> String {
    let mut paper = Paper::new("Акт об уничтожении персональных данных");
    let what = categories(&act.rows);
    paper.rows(&[
        ("Номер и дата", format!("{} от {}", act.id, act.time)),
        ("Оператор", act.operator.clone()),
        ("Адрес оператора", String::new()),
        ("Лица, уничтожившие данные", act.by.clone()),
        ("Субъект (код в системе)", act.subject.clone()),
        ("Фамилия, имя, отчество субъекта", String::new()),
        ("Перечень уничтоженных данных", what.clone()),
        ("Информационная система", act.system.clone()),
        (
            "Способ уничтожения",
            "удаление записей базы данных (мутации ClickHouse) с повторным поиском".to_owned(),
        ),
        ("Причина уничтожения", act.basis.clone()),
        ("Повторный поиск", again(act)),
    ]);
    paper.paragraph("Подписи: ____________________   ____________________");
    paper.sheet();
    paper.heading("Выгрузка из журнала регистрации событий");
    paper.rows(&[
        ("Субъект (код в системе)", act.subject.clone()),
        ("Перечень уничтоженных данных", what),
        ("Информационная система", act.system.clone()),
        ("Причина уничтожения", act.basis.clone()),
        ("Дата и время", act.time.to_string()),
        ("Звеньев цепочки хешей заменено", act.links.to_string()),
    ]);
    paper.list(
        "Лежит в Kafka до истечения её срока хранения",
        &act.in_kafka,
    );
    paper.list(
        "Оповещения, о которых могли быть отправлены письма",
        &act.alerts,
    );
    paper.list(
        "Записи учёта инцидентов с кодом субъекта, хранимые для исполнения обязанностей оператора (152-ФЗ, ст. 21)",
        &act.incidents,
    );
    paper.finish()
}

fn categories(rows: &SubjectRows) -> String {
    format!(
        "записи журнала запросов: {}; оповещения: {}; действия с оповещениями: {}; решения о блокировке: {}; непрочитанные записи: {}; снимки состояния детекторов: {}. \
         Сводные таблицы сведений о субъекте не содержат",
        rows.events,
        rows.alerts,
        rows.alert_actions,
        rows.decision_steps,
        rows.dead_letters,
        rows.snapshots
    )
}

fn again(act: &Act) -> String {
    if act.left.total() == 0 {
        "ничего не найдено".to_owned()
    } else {
        format!("найдено записей: {}", act.left.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_act_has_what_the_order_asks_for_and_no_markup_of_others() {
        let act = Act {
            id: "7".to_owned(),
            time: Timestamp::from_seconds(1_790_000_000),
            operator: "ООО <b>".to_owned(),
            system: "gatewatch".to_owned(),
            by: "Анна".to_owned(),
            basis: "отзыв согласия".to_owned(),
            subject: "ab12".to_owned(),
            rows: SubjectRows {
                events: 12,
                ..SubjectRows::default()
            },
            left: SubjectRows::default(),
            links: 2,
            in_kafka: vec!["requests/0".to_owned()],
            alerts: Vec::new(),
            incidents: vec!["5b221916".to_owned()],
        };
        let page = html(&act);
        for expected in [
            "ООО &lt;b&gt;",
            "записи журнала запросов: 12",
            "Способ уничтожения",
            "отзыв согласия",
            "ничего не найдено",
            "Выгрузка из журнала",
            "requests/0",
            "<li>5b221916</li>",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
    }
}
