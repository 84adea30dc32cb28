//! An exception for the rules of an alert that was no attack, ready to be put into a file.
//!
//! Rules learn nothing of verdicts: without an exception the same cause is a new alert. What is drafted names the rules and what tells the alert apart: its entity, as
//! far as rules see it as it is stored, else what all of its sample events have in common. What these have in common besides stands there as comments: without its
//! sign such a line makes the exception narrower. Nothing that a caller wrote leaves its quotes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use uuid::Uuid;

use super::Action;
use crate::alert::Alert;
use crate::config;
use crate::event::{Field, Kind, Timestamp, is_hidden};
use crate::sigma::{Rule, RuleSet};
use crate::track::{Evidence, Reason, kind_of};

/// The command that says whether the files of the rules are right.
pub const CHECK: &str = "gatewatch check";

/// An exception ends after so long: whoever wrote it looks at it again.
const LASTS_US: i64 = 90 * 86_400_000_000;
/// Longest value that is taken, in bytes: sample events cut longer ones. User agents are longer.
const LONGEST: usize = 120;
const LONGEST_AGENT: usize = 240;
/// So many characters of the title of the rule.
const TITLE: usize = 120;

/// A file with an exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it goes.
    pub file: PathBuf,
    /// What goes into it: YAML, without anything that hides, reorders or controls.
    pub text: String,
}

/// A field and the value that an event has to have in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Telling {
    field: Field,
    value: String,
}

/// The logs that rules are about, and their ids.
type About<'r> = (Vec<(&'r str, &'r str)>, Vec<Uuid>);

/// Whether rules raised an alert, which learn nothing of a verdict.
#[must_use]
pub fn is_of_rules(alert: &Alert) -> bool {
    matches!(
        alert.reason,
        Reason::Pattern { .. } | Reason::Correlation { .. }
    )
}

impl Draft {
    /// For an alert and the deed that closed it; `None` where no rule raised it that is still in force, and where nothing tells it apart that rules see.
    #[must_use]
    pub fn of(
        alert: &Alert,
        closed: &Action,
        rules: &RuleSet,
        settings: &config::Rules,
        now: Timestamp,
    ) -> Option<Draft> {
        if !is_of_rules(alert) {
            return None;
        }
        let (telling, narrower) = telling(alert)?;
        // A filter names no other logs than its rules are about.
        let mut about: Vec<About<'_>> = Vec::new();
        for rule in rules_of(alert, rules) {
            let (logs, id) = (logs(rule), rule.meta.id);
            match about.iter_mut().find(|(known, _)| *known == logs) {
                Some((_, ids)) => ids.push(id),
                None => about.push((logs, vec![id])),
            }
        }
        let mut conditions = String::new();
        for (sign, tests) in [("", &telling), ("# ", &narrower)] {
            for test in tests {
                // Writing into a string does not fail.
                let _ = writeln!(conditions, "    {sign}{}", condition(test));
            }
        }
        let until = now.plus_micros(LASTS_US).to_string();
        let until = until.split('T').next().unwrap_or_default();
        let documents = about.iter().zip(0_u32..).map(|((logs, ids), number)| {
            let id = Uuid::new_v5(&alert.id, format!("exception/{number}").as_bytes());
            document(alert, closed, (id, until), (logs, ids), &conditions)
        });
        let documents: Vec<String> = documents.collect();
        let folder = settings.own.first().unwrap_or(&settings.folder);
        let name = format!("exception-{}.yml", beginning(alert));
        (!documents.is_empty()).then(|| Draft {
            file: folder.join(name),
            text: documents.join("---\n"),
        })
    }
}

fn document(
    alert: &Alert,
    closed: &Action,
    (id, until): (Uuid, &str),
    (logs, rules): (&[(&str, &str)], &[Uuid]),
    conditions: &str,
) -> String {
    let title: String = alert.rule.title.chars().take(TITLE).collect();
    let title = quoted(&format!("{title} ({})", beginning(alert)));
    // Writing into a string does not fail.
    let (mut about, mut named) = (String::new(), String::new());
    for (key, value) in logs {
        let _ = writeln!(about, "  {key}: {}", quoted(value));
    }
    for rule in rules {
        let _ = writeln!(named, "    - {rule}");
    }
    let said: Vec<&str> = closed.comment.split_whitespace().collect();
    let said = said.join(" ");
    let reason = if said.is_empty() {
        closed.deed.name()
    } else {
        &said
    };
    format!(
        "title: {title}\nid: {id}\nlogsource:\n{about}filter:\n  rules:\n{named}  known:\n{conditions}  condition: not known\ngatewatch:\n  exception:\n    owner: {}\n    \
         reason: {}\n    expires: {until}\n",
        quoted(&closed.actor),
        quoted(reason)
    )
}

/// The beginning of its id, by which commands name it.
fn beginning(alert: &Alert) -> String {
    alert.id.simple().to_string()[..8].to_owned()
}

/// The rules of an alert that are in force, as filters name them: of a correlation those that feed it.
fn rules_of<'r>(alert: &Alert, set: &'r RuleSet) -> Vec<&'r Rule> {
    let mut numbers = BTreeSet::new();
    for (rule, number) in set.rules().iter().zip(0_u32..) {
        if alert.rules.contains(&rule.meta.id) {
            numbers.insert(number);
        }
    }
    for (correlation, number) in set.correlations().iter().zip(0_u32..) {
        if alert.rules.contains(&correlation.meta.id) {
            numbers.extend(set.needed_by(number));
        }
    }
    let rules = numbers.into_iter();
    rules
        .filter_map(|number| set.rules().get(number as usize))
        .collect()
}

fn logs(rule: &Rule) -> Vec<(&str, &str)> {
    let logs = &rule.logsource;
    let all = [
        ("category", &logs.category),
        ("product", &logs.product),
        ("service", &logs.service),
    ];
    let named = all.into_iter();
    named
        .filter_map(|(key, value)| Some((key, value.as_deref()?)))
        .collect()
}

/// What tells the alert apart, and what its sample events have in common besides. An entity that rules do not see is told by all that names its caller.
fn telling(alert: &Alert) -> Option<(Vec<Telling>, Vec<Telling>)> {
    let shared = SHOWN.into_iter();
    let mut shared: Vec<Telling> = shared
        .filter_map(|field| usable(field, &common(alert, field)?))
        .collect();
    let entity = of_entity(alert);
    let is_telling = |it: &Telling| match &entity {
        Some(entity) => it.field == entity.field,
        None => CALLER.contains(&it.field),
    };
    let mut telling: Vec<Telling> = shared.extract_if(.., |it| is_telling(it)).collect();
    if telling.is_empty() {
        telling.extend(entity);
    }
    (!telling.is_empty()).then_some((telling, shared))
}

/// Fields that sample events show as rules see them, those that tell most first.
const SHOWN: [Field; 5] = [
    Field::ClientId,
    Field::ClientAddress,
    Field::UserAgent,
    Field::Integration,
    Field::Method,
];
/// Those of them that name a caller.
const CALLER: [Field; 3] = [Field::ClientId, Field::ClientAddress, Field::UserAgent];

/// The entity, where it is one value of a field. What joins several, or looks so, is taken where the sample events show its first value.
fn of_entity(alert: &Alert) -> Option<Telling> {
    let of_rule = alert.rule.entity;
    let field = of_rule.filter(|field| kind_of(*field) == alert.entity.kind);
    let field = field.or_else(|| alert.entity.kind.field())?;
    let value = if SHOWN.contains(&field) {
        common(alert, field).filter(|value| *value == alert.first_value())?
    } else if alert.entity.value.contains('|') || field == Field::Gateway {
        // Of all events, or of those of a whole gateway, there is no exception.
        return None;
    } else {
        alert.first_value()
    };
    usable(field, &value)
}

/// The value of a field that all sample events have.
fn common(alert: &Alert, field: Field) -> Option<String> {
    let mut values = alert.evidence.iter().map(|it| shown(it, field));
    let first = values.next()??;
    values
        .all(|it| it.as_ref() == Some(&first))
        .then_some(first)
}

fn shown(evidence: &Evidence, field: Field) -> Option<String> {
    let text = match field {
        Field::ClientAddress => return evidence.client_address.map(|it| it.to_string()),
        Field::ClientId => &evidence.client_id,
        Field::UserAgent => &evidence.user_agent,
        Field::Integration => &evidence.integration,
        Field::Method => &evidence.method,
        _ => return None,
    };
    Some(text.to_string())
}

/// A value that rules can be asked about. Ids of persons, tokens and records are pseudonyms where they are stored, and in what else is left out secrets and personal
/// shapes are replaced: rules see neither so.
fn usable(field: Field, value: &str) -> Option<Telling> {
    let is_redacted = matches!(
        field,
        Field::Subject
            | Field::TokenId
            | Field::ResourceId
            | Field::DeviceId
            | Field::Cookie
            | Field::Payload
            | Field::Uri
            | Field::Path
            | Field::PathDecoded
            | Field::Query
            | Field::QueryDecoded
            | Field::Referer
            | Field::Error
    ) || field == Field::UserAgent && value.contains('{');
    let longest = if field == Field::UserAgent {
        LONGEST_AGENT
    } else {
        LONGEST
    };
    let is_whole = !value.is_empty() && value.len() <= longest;
    let is_of_kind = match field.kind() {
        Kind::Text => true,
        Kind::Number => value.parse::<u64>().is_ok(),
        Kind::Address => value.parse::<IpAddr>().is_ok(),
        Kind::Time | Kind::List => false,
    };
    (!is_redacted && is_whole && is_of_kind).then(|| Telling {
        field,
        value: value.to_owned(),
    })
}

/// The test of a field, as rules write it.
fn condition(telling: &Telling) -> String {
    let (name, value) = (telling.field.name(), &telling.value);
    match telling.field.kind() {
        Kind::Number => format!("{name}: {value}"),
        Kind::Address => format!("{name}|cidr: {}", quoted(value)),
        _ => format!("{name}|cased: {}", quoted(&literal(value))),
    }
}

/// A text in which Sigma finds no wildcard.
fn literal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '?') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

/// A YAML string in double quotes, on one line and of what a person can see
/// (<https://yaml.org/spec/1.2.2/#57-escaped-characters>).
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        let is_unseen = character.is_control()
            || is_hidden(character)
            || matches!(character, '\u{2028}' | '\u{2029}');
        // Writing into a string does not fail.
        let _ = match (character, u32::from(character)) {
            ('"' | '\\', _) => write!(quoted, "\\{character}"),
            _ if !is_unseen => quoted.write_char(character),
            (_, number @ ..=0xff) => write!(quoted, "\\x{number:02X}"),
            (_, number @ ..=0xffff) => write!(quoted, "\\u{number:04X}"),
            (_, number) => write!(quoted, "\\U{number:08X}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
