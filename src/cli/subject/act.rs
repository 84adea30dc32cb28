//! The act of destruction of personal data with its extract from the log: what order 179 of Roskomnadzor (28 October 2022) asks of data that
//! is processed with automation.

use std::fmt::Write as _;

use crate::event::Timestamp;
use crate::store::SubjectRows;

/// What was done.
#[derive(Clone, Debug)]
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
}

const STYLE: &str = "@page{size:A4;margin:20mm}body{font:14px/1.5 serif;max-width:170mm;margin:24px auto}h1,h2{font-size:16px;text-align:center}\
table{border-collapse:collapse;width:100%}td,th{border:1px solid #888;padding:4px 8px;text-align:left;vertical-align:top}section{break-before:page}";

/// Act and extract as one page of HTML that prints on A4, with room for signatures.
pub(super) fn html(act: &Act) -> String {
    let mut page = format!(
        "<!doctype html><html lang=ru><head><meta charset=utf-8><title>Акт об уничтожении персональных данных</title><style>{STYLE}</style></head><body>"
    );
    page.push_str("<h1>Акт об уничтожении персональных данных</h1>");
    let what = categories(&act.rows);
    rows(
        &mut page,
        &[
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
        ],
    );
    page.push_str("<p>Подписи: ____________________ &nbsp; ____________________</p>");
    page.push_str("<section><h2>Выгрузка из журнала регистрации событий</h2>");
    rows(
        &mut page,
        &[
            ("Субъект (код в системе)", act.subject.clone()),
            ("Перечень уничтоженных данных", what),
            ("Информационная система", act.system.clone()),
            ("Причина уничтожения", act.basis.clone()),
            ("Дата и время", act.time.to_string()),
            ("Звеньев цепочки хешей заменено", act.links.to_string()),
        ],
    );
    list(
        &mut page,
        "Лежит в Kafka до истечения её срока хранения",
        &act.in_kafka,
    );
    list(
        &mut page,
        "Оповещения, о которых могли быть отправлены письма",
        &act.alerts,
    );
    page.push_str("</section></body></html>\n");
    page
}

fn categories(rows: &SubjectRows) -> String {
    format!(
        "записи журнала запросов: {}; оповещения: {}; действия с оповещениями: {}; непрочитанные записи: {}; снимки состояния детекторов: {}. \
         Сводные таблицы сведений о субъекте не содержат",
        rows.events, rows.alerts, rows.alert_actions, rows.dead_letters, rows.snapshots
    )
}

fn again(act: &Act) -> String {
    if act.left.total() == 0 {
        "ничего не найдено".to_owned()
    } else {
        format!("найдено записей: {}", act.left.total())
    }
}

fn rows(page: &mut String, rows: &[(&str, String)]) {
    page.push_str("<table>");
    for (name, value) in rows {
        let _ = write!(page, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value));
    }
    page.push_str("</table>");
}

fn list(page: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(page, "<h2>{title}</h2><ul>");
    for line in lines {
        let _ = write!(page, "<li>{}</li>", escaped(line));
    }
    page.push_str("</ul>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
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
        ] {
            assert!(page.contains(expected), "{expected}");
        }
    }
}
