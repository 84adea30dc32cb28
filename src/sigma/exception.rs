//! Exceptions and silences: filters that someone answers for. Their `gatewatch` block says who, why and until when.
//!
//! A match that such a filter leaves out is held back before anything counts it, and stays visible: the event's row names the
//! exception. Unlike a plain filter it is no part of what a rule looks for, so windows go on when one comes or goes.

use uuid::Uuid;

use super::attributes::{text, unknown_key};
use super::error::Reading;
use super::rule::RuleSource;
use crate::event::Timestamp;
use crate::yaml::Node;

/// A filter that holds matches back until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Sigma `id`; made of the title where there is none.
    pub id: Uuid,
    /// One line for people.
    pub title: String,
    /// Lasting or temporary.
    pub kind: ExceptionKind,
    /// Who answers for it.
    pub owner: String,
    /// Why it is right.
    pub reason: String,
    /// Events from this time on are not held back.
    pub expires: Timestamp,
    /// Whether it is for every rule about its logs rather than for those that it names.
    pub is_for_any: bool,
    /// Where it is written, and what stands for what it says.
    pub source: RuleSource,
}

/// How an exception is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionKind {
    /// Lasting: what it describes is known and accepted.
    Exception,
    /// Temporary: work is under way.
    Silence,
}

impl ExceptionKind {
    /// Its name, as rule files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ExceptionKind::Exception => "exception",
            ExceptionKind::Silence => "silence",
        }
    }
}

/// What the block says.
pub(crate) struct Answer {
    pub(crate) kind: ExceptionKind,
    pub(crate) owner: String,
    pub(crate) reason: String,
    pub(crate) expires: Timestamp,
}

/// Reads the `gatewatch` block of a filter; `None` when there is none, or a wrong one, which is noted.
pub(crate) fn parse(document: &Node, reading: &mut Reading<'_>) -> Option<Answer> {
    let block = document.get("gatewatch")?;
    let entries = block.entries().unwrap_or_default();
    let [(key, section)] = entries else {
        let hint = "with `owner`, `reason` and `expires` below it";
        let message = "the `gatewatch` block of a filter holds `exception` or `silence`";
        reading.error_with_hint(block.place, message, hint);
        return None;
    };
    let kind = match key.scalar_text().unwrap_or_default() {
        "exception" => ExceptionKind::Exception,
        "silence" => ExceptionKind::Silence,
        name => {
            unknown_key(key, name, "gatewatch", &["exception", "silence"], reading);
            return None;
        }
    };
    let known = ["owner", "reason", "expires"];
    for (key, _) in section.entries().unwrap_or_default() {
        let name = key.scalar_text().unwrap_or_default();
        if !known.contains(&name) {
            unknown_key(key, name, kind.name(), &known, reading);
        }
    }
    let [owner, reason, expires] = known.map(|key| {
        let Some(node) = section.get(key) else {
            let message = format!("a filter with `{}` needs `{key}`", kind.name());
            reading.error(section.place, message);
            return None;
        };
        Some((text(node, key, reading)?, node.place))
    });
    let ((owner, _), (reason, _)) = owner.zip(reason)?;
    let (written, place) = expires?;
    let expires = Timestamp::parse_rfc3339(&written)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{written}T00:00:00Z")));
    let Some(expires) = expires else {
        let hint = "such as 2026-12-31 or 2026-12-31T18:00:00Z";
        reading.error_with_hint(place, format!("`{written}` is no time"), hint);
        return None;
    };
    Some(Answer {
        kind,
        owner,
        reason,
        expires,
    })
}
