//! The automaton that sees witnesses.
//!
//! All texts of an event that any witness may stand in lie in one buffer, folded and between marks, and one automaton reads
//! it in a single pass. It does not mind in which field it sees a literal: a rule that it calls up for nothing is
//! refused by its tests, which is rare and cheap beside one automaton a field, each with all keywords in it.

use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, StartKind, dfa, nfa};

use super::fold::Folds;
use super::gate::{Gates, GatesBuilder};
use super::predicate::text_fields;
use super::witness::{WINDOW, Witness};
use crate::event::{Event, Fact, Field, Value};

/// Most bytes of literals for which the automaton is a full table (about a kilobyte of memory a byte of literal, at worst).
const DENSE_BYTES: usize = 64 * 1024;

/// How many places of a buffer are read at once.
const LANES: usize = 8;

/// Shorter buffers are read from one place.
const SHORT_BYTES: usize = 128;

/// The witnesses of a rule set and where they may stand.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// Whether a field is searched, by its number.
    searched: [bool; Field::ALL.len()],
    /// The rules that each fact calls up.
    facts: Vec<(Fact, Box<[u32]>)>,
    /// The rules that a payload calls up.
    payload: Box<[u32]>,
    gates: Gates,
    /// `None` when no rule has a witness.
    literals: Option<Literals>,
    /// What only a payload is searched for: most literals of all, and few events have one.
    payload_literals: Option<Literals>,
}

/// The automaton, and the rules that each of its literals calls up.
#[derive(Debug)]
struct Literals {
    table: Table,
    rules: Vec<Box<[u32]>>,
}

#[derive(Debug)]
enum Table {
    Dense(dfa::DFA),
    Compact(nfa::contiguous::NFA),
}

type RulesByLiteral = BTreeMap<Vec<u8>, Vec<u32>>;

/// Collects the witnesses of rules.
pub(crate) struct ScannerBuilder {
    searched: [bool; Field::ALL.len()],
    facts: BTreeMap<Fact, Vec<u32>>,
    payload: Vec<u32>,
    gates: GatesBuilder,
    literals: RulesByLiteral,
    payload_literals: RulesByLiteral,
}

impl ScannerBuilder {
    pub(crate) fn new() -> Self {
        ScannerBuilder {
            searched: [false; Field::ALL.len()],
            facts: BTreeMap::new(),
            payload: Vec::new(),
            gates: GatesBuilder::default(),
            literals: RulesByLiteral::new(),
            payload_literals: RulesByLiteral::new(),
        }
    }

    /// One of `witnesses` stands in every event that `rule` matches.
    pub(crate) fn add(&mut self, rule: u32, witnesses: Vec<Witness>) {
        for witness in witnesses {
            match witness {
                Witness::Facts(facts) => {
                    for fact in facts.iter() {
                        note_once(self.facts.entry(fact).or_default(), rule);
                    }
                }
                Witness::Payload => note_once(&mut self.payload, rule),
                Witness::Value { field, value } => self.gates.value(field, value, rule),
                Witness::Range(range) => self.gates.range(range, rule),
                Witness::Literal { field, literal } => {
                    match field {
                        Some(Field::Payload) => {
                            note_once(self.payload_literals.entry(literal).or_default(), rule);
                            continue;
                        }
                        Some(field) => self.searched[field as usize] = true,
                        None => {
                            text_fields().for_each(|field| self.searched[field as usize] = true);
                        }
                    }
                    note_once(self.literals.entry(literal).or_default(), rule);
                }
            }
        }
    }

    pub(crate) fn build(mut self) -> Scanner {
        // A decoded field falls back on the raw one, which is then searched in its stead.
        for (decoded, raw) in [
            (Field::PathDecoded, Field::Path),
            (Field::QueryDecoded, Field::Query),
        ] {
            self.searched[raw as usize] |= self.searched[decoded as usize];
        }
        Scanner {
            searched: self.searched,
            facts: self
                .facts
                .into_iter()
                .map(|(fact, rules)| (fact, rules.into_boxed_slice()))
                .collect(),
            payload: self.payload.into_boxed_slice(),
            gates: self.gates.build(),
            literals: Literals::of(self.literals),
            payload_literals: Literals::of(self.payload_literals),
        }
    }
}

/// Rules come in ascending order, so the last one is the only one that may be there already.
fn note_once(rules: &mut Vec<u32>, rule: u32) {
    if rules.last() != Some(&rule) {
        rules.push(rule);
    }
}

pub(crate) fn call_up(rules: &[u32], candidates: &mut [u64]) {
    for &rule in rules {
        candidates[rule as usize / 64] |= 1 << (rule % 64);
    }
}

impl Scanner {
    /// Sets the bit of each rule of which a witness stands in the event.
    pub(crate) fn scan(&self, event: &Event<'_>, folds: &mut Folds, candidates: &mut [u64]) {
        if !event.facts.is_empty() {
            for (_, rules) in self.facts.iter().filter(|(fact, _)| event.has(*fact)) {
                call_up(rules, candidates);
            }
        }
        if let Some(literals) = &self.literals {
            self.put_texts(event, folds);
            literals.scan(folds.lower(), candidates);
        }
        if let Some(payload) = &event.payload {
            call_up(&self.payload, candidates);
            if let Some(literals) = &self.payload_literals {
                literals.scan(folds.marked(Field::Payload, payload), candidates);
            }
        }
        self.gates.call_up(event, folds, candidates);
    }

    /// Puts down every text that is searched.
    fn put_texts(&self, event: &Event<'_>, folds: &mut Folds) {
        event.for_each_present(|field, value| {
            if self.searched[field as usize] {
                match value {
                    Value::Text(text) => folds.put(field, text),
                    Value::List(items) => items.iter().for_each(|item| folds.put_item(item)),
                    Value::Number(_) | Value::Address(_) | Value::Time(_) | Value::Facts(_) => {}
                }
            }
        });
        for (field, text) in [
            (Field::PathDecoded, &event.path_decoded),
            (Field::QueryDecoded, &event.query_decoded),
            (Field::Payload, &event.payload),
        ] {
            if self.searched[field as usize]
                && let Some(text) = text
            {
                folds.put(field, text);
            }
        }
    }
}

impl Literals {
    fn of(literals: RulesByLiteral) -> Option<Literals> {
        (!literals.is_empty()).then(|| Literals::build(literals))
    }

    fn build(literals: RulesByLiteral) -> Literals {
        let bytes: usize = literals.keys().map(Vec::len).sum();
        let (patterns, rules): (Vec<Vec<u8>>, Vec<Box<[u32]>>) = literals
            .into_iter()
            .map(|(literal, rules)| (literal, rules.into_boxed_slice()))
            .unzip();
        let table = if bytes <= DENSE_BYTES {
            dfa::Builder::new()
                .start_kind(StartKind::Unanchored)
                .prefilter(false)
                .build(&patterns)
                .map(Table::Dense)
                .expect("literals of that size fit an automaton")
        } else {
            nfa::contiguous::Builder::new()
                .prefilter(false)
                .build(&patterns)
                .map(Table::Compact)
                .expect("the literals of rule files, bounded in size and number, fit an automaton")
        };
        Literals { table, rules }
    }

    fn scan(&self, text: &[u8], candidates: &mut [u64]) {
        match &self.table {
            Table::Dense(automaton) => self.run(automaton, text, candidates),
            Table::Compact(automaton) => self.run(automaton, text, candidates),
        }
    }

    #[inline]
    fn run(&self, automaton: &impl Automaton, text: &[u8], candidates: &mut [u64]) {
        if text.len() < SHORT_BYTES {
            self.read::<1>(automaton, text, candidates);
        } else {
            self.read::<LANES>(automaton, text, candidates);
        }
    }

    /// Reads a text from `N` places at once. Each step of an automaton waits for the memory of the one before, so several
    /// that do not depend on each other take hardly longer than one. The parts overlap by all but one byte of the longest
    /// literal, so each occurrence lies in one of them as a whole.
    #[inline]
    fn read<const N: usize>(
        &self,
        automaton: &impl Automaton,
        text: &[u8],
        candidates: &mut [u64],
    ) {
        let Ok(start) = automaton.start_state(Anchored::No) else {
            return;
        };
        let overlap = WINDOW - 1;
        let length = (text.len() + (N - 1) * overlap).div_ceil(N);
        let parts: [&[u8]; N] = std::array::from_fn(|lane| {
            let begin = (lane * length.saturating_sub(overlap)).min(text.len() - length);
            &text[begin..begin + length]
        });
        let mut states = [start; N];
        #[allow(clippy::needless_range_loop)] // `at` walks through all parts side by side
        for at in 0..length {
            let mut special = false;
            for lane in 0..N {
                states[lane] = automaton.next_state(Anchored::No, states[lane], parts[lane][at]);
                special |= automaton.is_special(states[lane]);
            }
            if special {
                for state in states {
                    self.note(automaton, state, candidates);
                }
            }
        }
    }

    #[cold]
    fn note(&self, automaton: &impl Automaton, state: StateID, candidates: &mut [u64]) {
        if !automaton.is_match(state) {
            return;
        }
        for index in 0..automaton.match_len(state) {
            let pattern = automaton.match_pattern(state, index);
            call_up(&self.rules[pattern.as_usize()], candidates);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_seen_wherever_it_stands_in_texts_of_any_length() {
        let literal = b"ten bytes.";
        assert_eq!(literal.len(), WINDOW);
        let literals = Literals::build(BTreeMap::from([(literal.to_vec(), vec![3])]));
        for length in WINDOW..300 {
            for at in 0..=length - WINDOW {
                let mut text = vec![b'.'; length];
                text[at..at + WINDOW].copy_from_slice(literal);
                let mut candidates = [0];
                literals.scan(&text, &mut candidates);
                assert_eq!(candidates, [1 << 3], "{at} of {length}");
                text[at] = b'x';
                let mut candidates = [0];
                literals.scan(&text, &mut candidates);
                assert_eq!(candidates, [0], "{at} of {length}");
            }
        }
    }
}
