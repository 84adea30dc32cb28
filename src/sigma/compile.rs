//! Searches of all rules, compiled together: tests shared, cheap ones first, witnesses in an automaton.

use std::collections::HashMap;

use super::fold::Folds;
use super::meta::PatternHit;
use super::predicate::Predicate;
use super::scan::{Scanner, ScannerBuilder};
use super::search::{Search, Test};
use super::witness;
use crate::event::Event;

/// Most patterns that are told of one match.
const MAX_HITS: usize = 8;

/// The compiled rules.
#[derive(Debug)]
pub(crate) struct Engine {
    predicates: Vec<Predicate>,
    rules: Vec<Expr>,
    /// What an event has to be so that an exception does not hold it back.
    exceptions: Vec<Expr>,
    scanner: Scanner,
    /// A bit for each rule that has no witness and is looked at always.
    always: Vec<u64>,
    /// How tests are written, for people.
    written: Vec<PatternHit>,
}

/// What has to hold, by index of the shared tests.
#[derive(Debug)]
enum Expr {
    Test { predicate: u32, written: u32 },
    All(Box<[Expr]>),
    Any(Box<[Expr]>),
    Not(Box<Expr>),
}

/// What matching needs beside the rules. One a thread; it is used again for every event, so that no event costs an allocation.
#[derive(Debug)]
pub struct Scratch {
    /// Of each test: twice the generation in which it was asked, plus its answer.
    memo: Vec<u32>,
    generation: u32,
    candidates: Vec<u64>,
    folds: Folds,
    matched: Vec<u32>,
}

impl Scratch {
    fn next_event(&mut self) {
        self.generation += 1;
        if self.generation > u32::MAX / 2 {
            self.memo.fill(0);
            self.generation = 1;
        }
        self.folds.next_event();
        self.matched.clear();
    }
}

impl Engine {
    pub(crate) fn new(searches: &[Search], exceptions: &[Search]) -> Engine {
        let mut compiler = Compiler::default();
        let mut scanner = ScannerBuilder::new();
        let mut always = vec![0; searches.len().div_ceil(64)];
        let mut rules = Vec::with_capacity(searches.len());
        for (search, index) in searches.iter().zip(0_u32..) {
            match witness::of(search) {
                Some(witnesses) => scanner.add(index, witnesses),
                None => always[index as usize / 64] |= 1 << (index % 64),
            }
            rules.push(compiler.expr(search).0);
        }
        let exceptions = exceptions
            .iter()
            .map(|search| compiler.expr(search).0)
            .collect();
        Engine {
            predicates: compiler.predicates,
            rules,
            exceptions,
            scanner: scanner.build(),
            always,
            written: compiler.written,
        }
    }

    pub(crate) fn scratch(&self) -> Scratch {
        Scratch {
            memo: vec![0; self.predicates.len()],
            generation: 0,
            candidates: self.always.clone(),
            folds: Folds::new(),
            matched: Vec::with_capacity(16),
        }
    }

    /// How many rules have no witness.
    pub(crate) fn always_evaluated(&self) -> u32 {
        self.always.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn matches<'s>(&self, event: &Event<'_>, scratch: &'s mut Scratch) -> &'s [u32] {
        self.call_up(event, scratch);
        for word in 0..scratch.candidates.len() {
            let mut bits = scratch.candidates[word];
            while bits != 0 {
                let rule = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if self.holds(&self.rules[rule], event, scratch) {
                    let rule = u32::try_from(rule).expect("rules were counted in 32 bits");
                    scratch.matched.push(rule);
                }
            }
        }
        &scratch.matched
    }

    /// Sets the bit of each rule that has to be looked at for an event.
    #[inline]
    fn call_up(&self, event: &Event<'_>, scratch: &mut Scratch) {
        // A scratch of another rule set is made to fit; stamps of that set are older than this event's.
        scratch.memo.resize(self.predicates.len(), 0);
        scratch.candidates.clone_from(&self.always);
        scratch.next_event();
        self.scanner
            .scan(event, &mut scratch.folds, &mut scratch.candidates);
    }

    /// The rules that have to be looked at for an event; for measurements.
    pub(crate) fn called_up(&self, event: &Event<'_>, scratch: &mut Scratch) -> Vec<u32> {
        self.call_up(event, scratch);
        let rules = 0..u32::try_from(self.rules.len()).expect("rules were counted in 32 bits");
        rules
            .filter(|rule| scratch.candidates[*rule as usize / 64] & 1 << (rule % 64) != 0)
            .collect()
    }

    fn holds(&self, expr: &Expr, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        match expr {
            Expr::Test { predicate, .. } => self.asks(*predicate as usize, event, scratch),
            Expr::All(terms) => terms.iter().all(|term| self.holds(term, event, scratch)),
            Expr::Any(terms) => terms.iter().any(|term| self.holds(term, event, scratch)),
            Expr::Not(term) => !self.holds(term, event, scratch),
        }
    }

    #[inline]
    fn asks(&self, predicate: usize, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        let remembered = scratch.memo[predicate];
        if remembered >> 1 == scratch.generation {
            return remembered & 1 == 1;
        }
        let holds = self.predicates[predicate].holds(event, &mut scratch.folds);
        scratch.memo[predicate] = scratch.generation << 1 | u32::from(holds);
        holds
    }

    /// Whether an exception holds back what matches of the event that was matched last.
    pub(crate) fn withholds(
        &self,
        exception: u32,
        event: &Event<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        let expr = self.exceptions.get(exception as usize);
        expr.is_some_and(|expr| !self.holds(expr, event, scratch))
    }

    /// Whether a rule's condition holds, asked alone: nothing that other rules asked of the event is remembered.
    pub(crate) fn holds_alone(&self, rule: u32, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        scratch.next_event();
        let expr = self.rules.get(rule as usize);
        expr.is_some_and(|expr| self.holds(expr, event, scratch))
    }

    /// The tests of a rule that held of the event that was matched last, as it writes them; those behind a `not` are left out.
    pub(crate) fn explain(
        &self,
        rule: u32,
        event: &Event<'_>,
        scratch: &mut Scratch,
    ) -> Vec<PatternHit> {
        let mut hits = Vec::new();
        if let Some(expr) = self.rules.get(rule as usize) {
            self.collect(expr, event, scratch, &mut hits);
        }
        hits
    }

    fn collect(
        &self,
        expr: &Expr,
        event: &Event<'_>,
        scratch: &mut Scratch,
        hits: &mut Vec<PatternHit>,
    ) {
        match expr {
            Expr::Test { predicate, written } => {
                let hit = &self.written[*written as usize];
                if hits.len() < MAX_HITS
                    && self.asks(*predicate as usize, event, scratch)
                    && !hits.contains(hit)
                {
                    hits.push(hit.clone());
                }
            }
            // A branch that fails as a whole is no reason, even where a part of it holds.
            Expr::All(terms) | Expr::Any(terms) => {
                if self.holds(expr, event, scratch) {
                    for term in terms {
                        self.collect(term, event, scratch, hits);
                    }
                }
            }
            Expr::Not(_) => {}
        }
    }
}

#[derive(Default)]
struct Compiler {
    predicates: Vec<Predicate>,
    index: HashMap<Test, u32>,
    written: Vec<PatternHit>,
}

impl Compiler {
    /// A search as an expression, and what it costs to ask.
    fn expr(&mut self, search: &Search) -> (Expr, u32) {
        match search {
            Search::All(terms) => {
                let (terms, cost) = self.terms(terms);
                (Expr::All(terms), cost)
            }
            Search::Any(terms) => {
                let (terms, cost) = self.terms(terms);
                (Expr::Any(terms), cost)
            }
            Search::Not(term) => {
                let (term, cost) = self.expr(term);
                (Expr::Not(Box::new(term)), cost)
            }
            Search::Item(item) => {
                let next = u32::try_from(self.predicates.len())
                    .expect("rule files are bounded far below 2^32 tests");
                let predicate = *self.index.entry(item.test.clone()).or_insert_with(|| {
                    self.predicates.push(Predicate::new(&item.test));
                    next
                });
                let written = u32::try_from(self.written.len())
                    .expect("rule files are bounded far below 2^32 tests");
                self.written.push(item.written.clone());
                let cost = self.predicates[predicate as usize].cost();
                (Expr::Test { predicate, written }, cost)
            }
        }
    }

    /// Terms in the order of their cost; equals keep the order of the rule.
    fn terms(&mut self, terms: &[Search]) -> (Box<[Expr]>, u32) {
        let mut terms: Vec<(Expr, u32)> = terms.iter().map(|term| self.expr(term)).collect();
        terms.sort_by_key(|(_, cost)| *cost);
        let total = terms
            .iter()
            .fold(0_u32, |total, (_, cost)| total.saturating_add(*cost));
        (terms.into_iter().map(|(term, _)| term).collect(), total)
    }
}
