//! What a contract says of many things alike, as tables: limits, schedules, operations.

use super::{LONGEST, accepted, joined};
use crate::config::Locale;
use crate::contract::Document;
use crate::contract::document::{LimitOf, Operation};
use crate::notify::mail::words::{pick, say};
use crate::notify::mail::{Block, Clean};

/// Rows of a table at most: a partner's OpenAPI document may have thousands of operations.
const ROWS: usize = 300;

/// A heading and a table, cut where it has too many rows; nothing without any.
fn table(title: Clean, heads: Vec<Clean>, mut rows: Vec<Vec<Clean>>, locale: Locale) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let mut blocks = vec![Block::Heading(title), Block::Table(heads, rows)];
    if more > 0 {
        let more = Clean::of(&more.to_string(), 20);
        blocks.push(Block::Paragraph(Clean::fill(
            pick(
                locale,
                "Не показано строк: {}",
                "Rows that are not shown: {}",
            ),
            &[more],
        )));
    }
    blocks
}

pub(super) fn limits(document: &Document, locale: Locale) -> Vec<Block> {
    let limits = document.limits.iter();
    let rows = limits.map(|limit| {
        let of = match limit.of {
            LimitOf::Client => ("каждого клиента", "each client"),
            LimitOf::Subject => ("каждого субъекта", "each subject"),
            LimitOf::Address => ("каждого адреса", "each address"),
            LimitOf::Integration => ("всей интеграции", "the whole integration"),
        };
        vec![
            say(locale, of.0, of.1),
            Clean::of(&format!("{} / {}", limit.requests, limit.within), LONGEST),
            scope(&limit.operations, locale),
        ]
    });
    let heads = vec![
        say(locale, "Вызовы кого", "Calls of"),
        say(locale, "Не больше", "At most"),
        say(locale, "Операции", "Operations"),
    ];
    table(
        say(locale, "Лимиты", "Limits"),
        heads,
        rows.collect(),
        locale,
    )
}

/// Operations that something is said of.
fn scope(operations: &[String], locale: Locale) -> Clean {
    if operations.is_empty() {
        say(locale, "все", "all")
    } else {
        Clean::of(&operations.join(", "), LONGEST)
    }
}

pub(super) fn schedules(document: &Document, locale: Locale) -> Vec<Block> {
    let schedules = document.schedules.iter();
    let rows = schedules.map(|it| {
        let dash = || "–".to_owned();
        let offset = it
            .offset
            .map_or_else(String::new, |offset| format!(" + {offset}"));
        let records = match (it.records.least, it.records.most) {
            (None, None) => dash(),
            (least, most) => format!(
                "{} – {}",
                least.unwrap_or(0),
                most.map_or_else(|| "∞".to_owned(), |most| most.to_string())
            ),
        };
        let cells = [
            it.name.clone(),
            format!("{}{offset} ± {}", it.every, it.tolerance),
            it.lasts.map_or_else(dash, |lasts| lasts.to_string()),
            records,
            it.deletions.map_or_else(dash, |most| most.to_string()),
        ];
        let cells = cells.iter().map(|cell| Clean::of(cell, LONGEST));
        cells.chain([scope(&it.operations, locale)]).collect()
    });
    let heads = vec![
        say(locale, "Название", "Name"),
        say(
            locale,
            "Каждые, от полуночи UTC",
            "Every, from midnight UTC",
        ),
        say(locale, "Длится до", "Lasts up to"),
        say(locale, "Записей", "Records"),
        say(locale, "Удалений до", "Deletions up to"),
        say(locale, "Операции", "Operations"),
    ];
    let title = say(locale, "Расписание", "Schedule");
    table(title, heads, rows.collect(), locale)
}

pub(super) fn operations(document: &Document, locale: Locale) -> Vec<Block> {
    let operations = document.operations.iter();
    let rows = operations.map(|(name, it)| {
        // `None` is not checked, an empty list allows nothing.
        let fields = |fields: Option<&[_]>| match fields {
            None => "–".to_owned(),
            Some([]) => pick(locale, "ничего", "nothing").to_owned(),
            Some(fields) => joined(fields),
        };
        let cells = [
            name.clone(),
            joined(&it.roles),
            fields(it.sends.as_deref()),
            fields(it.receives.as_deref()),
            demands(it, locale),
        ];
        cells.iter().map(|cell| Clean::of(cell, LONGEST)).collect()
    });
    let heads = vec![
        say(locale, "Операция", "Operation"),
        say(locale, "Роли", "Roles"),
        say(locale, "Отправляет поля", "Fields sent"),
        say(locale, "Получает поля", "Fields received"),
        say(locale, "Условия", "Conditions"),
    ];
    let title = say(locale, "Операции", "Operations");
    table(title, heads, rows.collect(), locale)
}

/// What else is asked of an operation.
fn demands(operation: &Operation, locale: Locale) -> String {
    let mut demands = Vec::new();
    if operation.mfa {
        demands.push(pick(locale, "второй фактор", "second factor").to_owned());
    }
    if operation.idempotent {
        demands.push(pick(locale, "можно повторять", "may be repeated").to_owned());
    }
    if let Some(records) = operation.records {
        let up_to = pick(locale, "записей до", "records up to");
        demands.push(format!("{up_to} {records}"));
    }
    if let Some(acceptance) = &operation.acceptance {
        let word = pick(locale, "приёмка", "acceptance");
        demands.push(format!("{word} {}", accepted(acceptance)));
    }
    demands.join("; ")
}
