//! The rule set: what the rest of the program sees of Sigma.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::compile::{Engine, Scratch};
use super::error::RuleErrors;
use super::exception::Exception;
use super::link::Linked;
use super::load;
use super::meta::PatternHit;
use super::rule::{Correlation, MemberSource, Rule};
use super::search::Search;
use super::vocabulary::Vocabulary;
use crate::config;
use crate::event::Event;

/// Rules and correlations, checked and compiled. Immutable; share it in an `Arc` and replace it as a whole.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    correlations: Vec<Correlation>,
    exceptions: Vec<Exception>,
    /// What each rule searches for, in the order of the rules.
    searches: Vec<Search>,
    engine: Engine,
    fingerprint: u64,
}

impl RuleSet {
    pub(crate) fn new(linked: Linked, fingerprint: u64) -> RuleSet {
        RuleSet {
            engine: Engine::new(&linked.searches, &linked.exception_searches),
            rules: linked.rules,
            correlations: linked.correlations,
            exceptions: linked.exceptions,
            searches: linked.searches,
            fingerprint,
        }
    }

    /// Reads all `*.yml` files below the folders of the settings, in the order of their paths.
    ///
    /// # Errors
    /// Everything that is wrong with any of them; a set is whole or not at all.
    pub fn load(settings: &config::Rules) -> Result<RuleSet, RuleErrors> {
        load::folders(settings, &Vocabulary::load(settings)?)
    }

    /// Builds a set from the text of rule files. A path is only read for messages and for the default family, its folder.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn from_sources(sources: &[(PathBuf, String)]) -> Result<RuleSet, RuleErrors> {
        RuleSet::from_sources_with(sources, &Vocabulary::default())
    }

    /// The same for rules that refer to placeholders or need pipelines.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn from_sources_with(
        sources: &[(PathBuf, String)],
        vocabulary: &Vocabulary,
    ) -> Result<RuleSet, RuleErrors> {
        load::from_sources(sources, vocabulary)
    }

    /// The rules, in the order of files and documents. An index into this slice is a rule's number everywhere.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The correlations, in the order of files and documents.
    #[must_use]
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// The rules that feed a correlation, also by others, ascending.
    #[must_use]
    pub fn needed_by(&self, correlation: u32) -> BTreeSet<u32> {
        let mut needed = BTreeSet::new();
        let members = self.correlations.get(correlation as usize);
        for member in members.iter().flat_map(|it| &it.members) {
            match member.source {
                MemberSource::Rule(rule) => drop(needed.insert(rule)),
                MemberSource::Correlation(below) => needed.extend(self.needed_by(below)),
            }
        }
        needed
    }

    /// The exceptions and silences, in the order of files and documents.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// What each rule searches for, in the order of the rules.
    pub(crate) fn searches(&self) -> &[Search] {
        &self.searches
    }

    /// Stands for the text of all rules; the same on every machine and after every restart.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// How many rules have no rare literal and are therefore looked at for every event.
    #[must_use]
    pub fn always_evaluated(&self) -> u32 {
        self.engine.always_evaluated()
    }

    /// What a thread needs to match events.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        self.engine.scratch()
    }

    /// The rules that match an event, ascending. Allocates nothing once the scratch has grown to the size of the events.
    pub fn matches<'s>(&self, event: &Event<'_>, scratch: &'s mut Scratch) -> &'s [u32] {
        self.engine.matches(event, scratch)
    }

    /// The first exception that holds back a match of `rule`, by index. To be asked of an event that the rule matches; [`RuleSet::matches`]
    /// does not look at exceptions.
    pub fn withheld_by(&self, rule: u32, event: &Event<'_>, scratch: &mut Scratch) -> Option<u32> {
        let exceptions = &self.rules.get(rule as usize)?.exceptions;
        exceptions.iter().copied().find(|&index| {
            let exception = &self.exceptions[index as usize];
            event.time < exception.expires && self.engine.withholds(index, event, scratch)
        })
    }

    /// Whether one rule matches an event, asked alone and without the search that most events never pass: what the rule costs in itself.
    pub fn matches_alone(&self, rule: u32, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        self.engine.holds_alone(rule, event, scratch)
    }

    /// The rules that an event calls up: those of which a witness stands in it, and those that have none. The others are not
    /// looked at.
    #[must_use]
    pub fn called_up(&self, event: &Event<'_>, scratch: &mut Scratch) -> Vec<u32> {
        self.engine.called_up(event, scratch)
    }

    /// Which patterns of which fields made a rule match the event that [`RuleSet::matches`] was asked about last, at most eight.
    pub fn explain(&self, rule: u32, event: &Event<'_>, scratch: &mut Scratch) -> Vec<PatternHit> {
        self.engine.explain(rule, event, scratch)
    }
}
