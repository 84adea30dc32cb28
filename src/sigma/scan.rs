//! The automata that see witnesses: one a field, all literals at once.

use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, StartKind, dfa, nfa};

use super::fold::Folds;
use super::predicate::text_fields;
use super::witness::{WINDOW, Witness};
use crate::event::{Event, Field, Value};

/// Most bytes of literals for which an automaton is a full table (about a kilobyte of memory a byte of literal, at worst).
const DENSE_BYTES: usize = 32 * 1024;

/// Texts shorter than this are read from one place, up to [`LONG_BYTES`] from two, longer ones from four at once.
const SHORT_BYTES: usize = 40;

/// See [`SHORT_BYTES`].
const LONG_BYTES: usize = 96;

/// All automata of a rule set.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// The automaton of each field, if it is searched at all.
    fields: [Option<FieldScan>; Field::ALL.len()],
    automata: Vec<Literals>,
}

#[derive(Clone, Copy, Debug)]
struct FieldScan {
    automaton: usize,
    /// The field has literals of its own, not only keywords.
    own: bool,
}

/// One automaton, and the rules that each of its literals calls up.
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
#[derive(Default)]
pub(crate) struct ScannerBuilder {
    fields: BTreeMap<Field, RulesByLiteral>,
    keywords: RulesByLiteral,
}

impl ScannerBuilder {
    /// One of `witnesses` stands in every event that `rule` matches.
    pub(crate) fn add(&mut self, rule: u32, witnesses: Vec<Witness>) {
        for Witness { field, literal } in witnesses {
            let literals = match field {
                Some(field) => self.fields.entry(field).or_default(),
                None => &mut self.keywords,
            };
            let rules = literals.entry(literal).or_default();
            if rules.last() != Some(&rule) {
                rules.push(rule);
            }
        }
    }

    /// Builds the automata. The keywords are part of every field's.
    pub(crate) fn build(self) -> Scanner {
        let mut scanner = Scanner {
            fields: [None; Field::ALL.len()],
            automata: Vec::new(),
        };
        for (field, mut literals) in self.fields {
            for (literal, rules) in &self.keywords {
                let all = literals.entry(literal.clone()).or_default();
                all.extend(rules);
                all.sort_unstable();
                all.dedup();
            }
            scanner.fields[field as usize] = Some(FieldScan {
                automaton: scanner.automata.len(),
                own: true,
            });
            scanner.automata.push(Literals::build(literals));
        }
        if !self.keywords.is_empty() {
            let keywords = FieldScan {
                automaton: scanner.automata.len(),
                own: false,
            };
            for field in text_fields() {
                scanner.fields[field as usize].get_or_insert(keywords);
            }
            scanner.automata.push(Literals::build(self.keywords));
        }
        scanner
    }
}

impl Scanner {
    /// Sets the bit of each rule of which a witness stands in the event.
    pub(crate) fn scan(&self, event: &Event<'_>, folds: &mut Folds, candidates: &mut [u64]) {
        event.for_each_present(|field, value| self.scan_field(field, value, folds, candidates));
        let decoded = [
            (Field::PathDecoded, event.path_decoded.is_some()),
            (Field::QueryDecoded, event.query_decoded.is_some()),
        ];
        for (field, differs) in decoded {
            // A decoded field that falls back on the raw one has been searched for keywords there.
            let searched = self.fields[field as usize].is_some_and(|scan| scan.own || differs);
            if searched && let Some(value) = event.get(field) {
                self.scan_field(field, value, folds, candidates);
            }
        }
    }

    fn scan_field(
        &self,
        field: Field,
        value: Value<'_>,
        folds: &mut Folds,
        candidates: &mut [u64],
    ) {
        let Some(scan) = self.fields[field as usize] else {
            return;
        };
        let literals = &self.automata[scan.automaton];
        match value {
            Value::Text(text) => literals.scan(folds.marked_field(field, text), candidates),
            Value::List(items) => {
                for item in items {
                    literals.scan(folds.marked_item(item), candidates);
                }
            }
            Value::Number(_) | Value::Address(_) | Value::Time(_) | Value::Facts(_) => {}
        }
    }
}

impl Literals {
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
        match text.len() {
            0..SHORT_BYTES => self.read::<1>(automaton, text, candidates),
            SHORT_BYTES..LONG_BYTES => self.read::<2>(automaton, text, candidates),
            _ => self.read::<4>(automaton, text, candidates),
        }
    }

    /// Reads a text from `LANES` places at once. Each step of an automaton waits for the memory of the one before, so
    /// several that do not depend on each other take hardly longer than one. The parts overlap by all but one byte of the
    /// longest literal, so each occurrence lies in one of them as a whole.
    #[inline]
    fn read<const LANES: usize>(
        &self,
        automaton: &impl Automaton,
        text: &[u8],
        candidates: &mut [u64],
    ) {
        let Ok(start) = automaton.start_state(Anchored::No) else {
            return;
        };
        let overlap = WINDOW - 1;
        let length = (text.len() + (LANES - 1) * overlap).div_ceil(LANES);
        let parts: [&[u8]; LANES] = std::array::from_fn(|lane| {
            let begin = (lane * length.saturating_sub(overlap)).min(text.len() - length);
            &text[begin..begin + length]
        });
        let mut states = [start; LANES];
        for at in 0..length {
            let mut special = false;
            for lane in 0..LANES {
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

    fn note(&self, automaton: &impl Automaton, state: StateID, candidates: &mut [u64]) {
        if !automaton.is_match(state) {
            return;
        }
        for index in 0..automaton.match_len(state) {
            let pattern = automaton.match_pattern(state, index);
            for &rule in &self.rules[pattern.as_usize()] {
                candidates[rule as usize / 64] |= 1 << (rule % 64);
            }
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
