//! SQL and script injection, by libinjection, on values that a cheap test lets through.
//!
//! A call costs microseconds and nearly all values are plain: so a value is looked at only when it has bytes without which
//! libinjection finds nothing. What the gate costs in recall is measured in `tests/attack_facts.rs`.

use aho_corasick::{AhoCorasick, AhoCorasickKind, StartKind};

use super::classes::{AMPERSAND, ANGLE, DASH, EQUALS, OPERATOR, PAREN, QUOTE, SPACE};
use crate::event::{Fact, FactSet};

/// Longest part of a value that is looked at; gateways accept request lines of 8 KiB.
const MAX_VALUE: usize = 8 * 1024;

/// Words of which SQL needs one when it has no quote, parenthesis or operator.
const WORDS: &[&str] = &[
    "union",
    "select",
    "having",
    "where",
    "insert",
    "update",
    "delete",
    "drop",
    "create",
    "alter",
    "exec",
    "waitfor",
    "declare",
    "shutdown",
    "order",
    "group",
    "procedure",
    "limit",
    "like",
    "between",
    "rlike",
    "regexp",
    "not",
    "null",
    "or ",
    "or\t",
    "or\n",
    "and ",
    "and\t",
    "and\n",
    "xor",
    "div",
    "mod",
    "is ",
    "in ",
    "begin",
    "merge",
    "call",
];

/// The detectors, made once.
#[derive(Debug)]
pub(super) struct Attacks {
    words: AhoCorasick,
}

impl Attacks {
    pub(super) fn new() -> Self {
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .start_kind(StartKind::Unanchored)
            .build(WORDS)
            .expect("a few short words fit an automaton");
        Attacks { words }
    }

    /// Looks at one decoded value of a query, name of a query, segment of a path, or header; its classes are those of its bytes.
    pub(super) fn inspect(&self, value: &str, classes: u32, facts: &mut FactSet) {
        if !is_suspicious(classes) {
            return;
        }
        let value = &value.as_bytes()[..value.len().min(MAX_VALUE)];
        if classes & (QUOTE | ANGLE | EQUALS) != 0
            && !facts.contains(Fact::AttackXss)
            && is_script(value)
        {
            facts.insert(Fact::AttackXss);
        }
        if !facts.contains(Fact::AttackSqli) && self.may_be_sql(classes, value) && is_sql(value) {
            facts.insert(Fact::AttackSqli);
        }
    }

    /// Whether a text has a word of SQL.
    pub(super) fn has_word(&self, text: &[u8]) -> bool {
        self.words.is_match(text)
    }

    fn may_be_sql(&self, classes: u32, value: &[u8]) -> bool {
        classes & (QUOTE | PAREN | OPERATOR | AMPERSAND) != 0
            || classes & DASH != 0 && memchr::memmem::find(value, b"--").is_some()
            || classes & SPACE != 0 && (classes & (EQUALS | ANGLE) != 0 || self.has_word(value))
    }
}

/// Whether a text has any byte without which neither injection is found.
pub(super) const fn is_suspicious(classes: u32) -> bool {
    classes & (QUOTE | ANGLE | PAREN | OPERATOR | EQUALS | SPACE | DASH | AMPERSAND) != 0
}

fn is_sql(value: &[u8]) -> bool {
    libinjectionrs::detect_sqli(value).is_injection()
}

fn is_script(value: &[u8]) -> bool {
    libinjectionrs::detect_xss(value).is_injection()
}

#[cfg(test)]
mod tests {
    use super::super::classes;
    use super::*;

    fn facts(value: &str) -> Vec<&'static str> {
        let mut facts = FactSet::default();
        Attacks::new().inspect(value, classes::of(value), &mut facts);
        facts.iter().map(Fact::name).collect()
    }

    #[test]
    fn injections_are_told_and_ordinary_values_are_not() {
        assert_eq!(facts("1' or '1'='1"), ["attack.sqli"]);
        assert_eq!(facts("1 union select null"), ["attack.sqli"]);
        assert_eq!(facts("<script>alert(1)</script>"), ["attack.xss"]);
        for ordinary in [
            "Ivan Petrov",
            "2026-03-01T10:00:00Z",
            "O'Brien",
            "a-b_c",
            "x=1",
            "rock and roll",
        ] {
            assert!(facts(ordinary).is_empty(), "{ordinary}");
        }
    }
}
