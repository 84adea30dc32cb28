//! Witnesses that are no literals of long texts: values of fields that have few, and ranges of numbers.
//!
//! A rule about answers with status 401, or about tokens that expired, need not be looked at for every other event. However many
//! rules ask for the same, it is looked at once.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use super::fold::Folds;
use super::scan::call_up;
use crate::event::{Event, Field, Value};

/// Rules by value of one field.
type Values = HashMap<Box<[u8]>, Vec<u32>, FixedState>;

/// What calls up rules beside the automaton.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    values: Vec<(Field, Values)>,
    ranges: Vec<(Range, Box<[u32]>)>,
}

/// Numbers of a field, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) field: Field,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// Collects them.
#[derive(Default)]
pub(crate) struct GatesBuilder {
    values: BTreeMap<Field, Values>,
    ranges: BTreeMap<Range, Vec<u32>>,
}

impl GatesBuilder {
    /// `rule` needs this folded value in a field.
    pub(crate) fn value(&mut self, field: Field, value: Vec<u8>, rule: u32) {
        let values = self.values.entry(field).or_default();
        values
            .entry(value.into_boxed_slice())
            .or_default()
            .push(rule);
    }

    /// `rule` needs a number of this range.
    pub(crate) fn range(&mut self, range: Range, rule: u32) {
        self.ranges.entry(range).or_default().push(rule);
    }

    pub(crate) fn build(self) -> Gates {
        Gates {
            values: self.values.into_iter().collect(),
            ranges: self
                .ranges
                .into_iter()
                .map(|(range, rules)| (range, rules.into_boxed_slice()))
                .collect(),
        }
    }
}

impl Gates {
    /// Sets the bit of each rule that the event has a value or number for.
    pub(crate) fn call_up(&self, event: &Event<'_>, folds: &mut Folds, candidates: &mut [u64]) {
        for (field, values) in &self.values {
            match event.get(*field) {
                Some(Value::Text(text)) => {
                    if let Some(rules) = values.get(folds.of_field(*field, text)) {
                        call_up(rules, candidates);
                    }
                }
                Some(Value::List(items)) => {
                    for item in items {
                        if let Some(rules) = values.get(folds.of_item(item, true)) {
                            call_up(rules, candidates);
                        }
                    }
                }
                _ => {}
            }
        }
        for (Range { field, low, high }, rules) in &self.ranges {
            if let Some(Value::Number(number)) = event.get(*field)
                && (*low..=*high).contains(&number)
            {
                call_up(rules, candidates);
            }
        }
    }
}
