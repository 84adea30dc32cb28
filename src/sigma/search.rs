//! The meaning of a detection: a tree of tests on fields, with names and modifiers resolved.

use ipnet::IpNet;

use super::meta::PatternHit;
use super::pattern::{Anchor, Shape};
use crate::event::{FactSet, Field, TimePart};

/// What has to hold.
#[derive(Clone, Debug)]
pub(crate) enum Search {
    /// Every one; all of nothing holds.
    All(Vec<Search>),
    /// At least one; any of nothing does not hold.
    Any(Vec<Search>),
    /// The opposite.
    Not(Box<Search>),
    /// One test.
    Item(Item),
}

impl Search {
    /// How many tests the tree has.
    pub(crate) fn tests(&self) -> usize {
        match self {
            Search::All(terms) | Search::Any(terms) => terms.iter().map(Search::tests).sum(),
            Search::Not(term) => term.tests(),
            Search::Item(_) => 1,
        }
    }
}

/// One test and how the rule writes it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) test: Test,
    pub(crate) written: PatternHit,
}

/// One test of an event. Equal tests of different rules are evaluated once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Test {
    pub(crate) scope: Scope,
    pub(crate) check: Check,
}

/// Where a test looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// One field; a list holds when any of its elements does.
    Field(Field),
    /// Sigma's `c-uri-extension`: what stands behind the last dot of the last path segment. Computed where it is asked for.
    Extension,
    /// Every field that holds text: Sigma's keywords.
    Keywords,
}

/// What a test asks. An absent field fails every check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    /// The field is there.
    Exists,
    /// A string test. The shape is folded to lowercase unless `cased`.
    Shape { shape: Shape, cased: bool },
    /// A regular expression, flags included, that matches anywhere.
    Regex(String),
    /// A number from `low` to `high`, both included; none when `low > high`.
    Range { low: u64, high: u64 },
    /// An address of the network; an IPv4 address written as IPv6 counts as IPv4.
    Network(IpNet),
    /// Any of the facts.
    Facts(FactSet),
    /// Another field that is there too: the same, or at that place in this one.
    Field {
        other: Field,
        anchor: Anchor,
        cased: bool,
    },
    /// A part of a time from `low` to `high`, both included; none when `low > high`.
    TimePart { part: TimePart, low: u64, high: u64 },
}
