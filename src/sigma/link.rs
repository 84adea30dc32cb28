//! References across files: what correlations and filters name, and what follows from it.

use std::collections::HashMap;

use uuid::Uuid;

use super::correlation::Group;
use super::document::{CorrelationDocument, Document, FilterDocument, Head, RuleDocument};
use super::error::{Place, Reading, did_you_mean};
use super::exception::Exception;
use super::meta::Level;
use super::rule::{Correlation, Feed, Member, MemberSource, Rule};
use super::search::Search;
use crate::event::Field;

/// Most rules and correlations of a set.
const MAX_RULES: usize = 100_000;

/// Deepest chain of correlations.
const MAX_LEVEL: u8 = 8;

/// Documents of all files, with the file of each.
#[derive(Default)]
pub(crate) struct Linker {
    rules: Vec<(usize, RuleDocument)>,
    correlations: Vec<(usize, CorrelationDocument)>,
    filters: Vec<(usize, FilterDocument)>,
}

/// What a rule set is made of.
#[derive(Default)]
pub(crate) struct Linked {
    pub(crate) rules: Vec<Rule>,
    /// What each rule looks for, its filters included.
    pub(crate) searches: Vec<Search>,
    pub(crate) correlations: Vec<Correlation>,
    pub(crate) exceptions: Vec<Exception>,
    /// What an event has to be so that each exception does not hold it back.
    pub(crate) exception_searches: Vec<Search>,
}

/// What ids and names stand for.
type Targets = HashMap<String, MemberSource>;

impl Linker {
    pub(crate) fn add(&mut self, file: usize, document: Document) {
        match document {
            Document::Rule(rule) => self.rules.push((file, rule)),
            Document::Correlation(correlation) => self.correlations.push((file, correlation)),
            Document::Filter(filter) => self.filters.push((file, filter)),
        }
    }

    /// Resolves references. With broken files among them a missing rule may be one of those, so it is not reported.
    pub(crate) fn link(mut self, readings: &mut [Reading<'_>], broken: bool) -> Linked {
        if let Some((file, rule)) = self.rules.get(MAX_RULES) {
            let message = format!("a set has at most {MAX_RULES} rules");
            readings[*file].error(rule.head.place, message);
            return Linked::default();
        }
        let targets = self.targets(readings);
        let mut linked = Linked::default();
        let mut excepted = vec![Vec::new(); self.rules.len()];
        for (file, filter) in std::mem::take(&mut self.filters) {
            let reading = &mut readings[file];
            let chosen = self.chosen(&filter, &targets, reading, broken);
            match filter.exception {
                None => self.filter(&filter.search, filter.content, &chosen),
                Some(exception) => {
                    let number = linked.except(exception, filter.search, filter.place, reading);
                    for index in chosen {
                        excepted[index].push(number);
                    }
                }
            }
        }
        for ((_, document), exceptions) in self.rules.into_iter().zip(excepted) {
            let (mut rule, search) = rule(document);
            rule.exceptions = exceptions;
            linked.rules.push(rule);
            linked.searches.push(search);
        }
        let mut places = Vec::new();
        for (file, document) in self.correlations {
            places.push((file, document.head.place, document.head.has_level));
            let members = members(&document, &targets, &linked, &mut readings[file], broken);
            linked.correlations.push(correlation(document, members));
        }
        for (correlation, (file, place, _)) in linked.correlations.iter().zip(&places) {
            let of_rules = |member: &Member| matches!(member.source, MemberSource::Rule(_));
            if correlation.kind.is_absence() && !correlation.members.iter().all(of_rules) {
                let message = "what an absence waits for is said by rules, not by correlations";
                readings[*file].error(*place, message);
            }
        }
        let levels = levels(&linked.correlations);
        for (level, (file, place, _)) in levels.iter().zip(&places) {
            if *level > MAX_LEVEL {
                let message = format!(
                    "correlations lead back to themselves, or are chained deeper than {MAX_LEVEL}"
                );
                readings[*file].error(*place, message);
            }
        }
        if readings.iter().all(|reading| reading.count() == 0) {
            linked.connect(&levels);
            linked.inherit_levels(&places.iter().map(|(_, _, has)| *has).collect::<Vec<_>>());
        }
        linked
    }

    /// Every id and name; a second use of one is an error.
    fn targets(&self, readings: &mut [Reading<'_>]) -> Targets {
        let mut targets = Targets::new();
        let rules = self
            .rules
            .iter()
            .zip(0_u32..)
            .map(|((file, rule), index)| (*file, &rule.head, MemberSource::Rule(index)));
        let correlations =
            self.correlations
                .iter()
                .zip(0_u32..)
                .map(|((file, correlation), index)| {
                    (*file, &correlation.head, MemberSource::Correlation(index))
                });
        let mut places: HashMap<String, String> = HashMap::new();
        for (file, head, target) in rules.chain(correlations) {
            let id = head.meta.id.to_string();
            let names = std::iter::once(("id", id)).chain(head.name.clone().map(|n| ("name", n)));
            for (what, name) in names {
                let place = format!("{}:{}", head.source.path.display(), head.source.line);
                if let Some(earlier) = places.get(&name) {
                    let message = format!("{what} `{name}` is taken already, by {earlier}");
                    readings[file].error(head.place, message);
                    continue;
                }
                places.insert(name.clone(), place);
                targets.insert(name, target);
            }
        }
        targets
    }

    /// The rules that a filter names.
    fn chosen(
        &self,
        filter: &FilterDocument,
        targets: &Targets,
        reading: &mut Reading<'_>,
        broken: bool,
    ) -> Vec<usize> {
        let mut chosen = Vec::new();
        for (name, place) in filter.rules.iter().flatten() {
            match target(name, *place, targets, reading, broken) {
                Some(MemberSource::Rule(index)) => {
                    let rule = &self.rules[index as usize].1;
                    if !filter.logsource.contains(&rule.logsource) {
                        let hint = "a filter may leave out category, product or service, but not name others";
                        let message = format!("rule `{name}` is about other logs than this filter");
                        reading.error_with_hint(*place, message, hint);
                    }
                    chosen.push(index as usize);
                }
                Some(MemberSource::Correlation(_)) => {
                    let hint = "name the rules that feed the correlation";
                    reading.error_with_hint(
                        *place,
                        "a filter applies to rules, not to correlations",
                        hint,
                    );
                }
                None => {}
            }
        }
        if filter.rules.is_none() {
            let about =
                |(_, rule): &(usize, RuleDocument)| filter.logsource.contains(&rule.logsource);
            chosen = (0..self.rules.len())
                .filter(|&index| about(&self.rules[index]))
                .collect();
            if chosen.is_empty() && !broken {
                reading.error(filter.place, "no rule is about the logs of this filter");
            }
        }
        chosen
    }

    /// Adds a filter to rules. As pySigma does, its condition has to hold besides theirs: an exclusion is written `not selection`.
    fn filter(&mut self, search: &Search, content: u64, chosen: &[usize]) {
        for index in chosen {
            let rule = &mut self.rules[*index].1;
            let own = std::mem::replace(&mut rule.search, Search::All(Vec::new()));
            rule.search = Search::All(vec![own, search.clone()]);
            let own = &mut rule.head.source.content;
            *own = own.rotate_left(1) ^ content;
        }
    }
}

fn rule(document: RuleDocument) -> (Rule, Search) {
    let Head {
        meta, name, source, ..
    } = document.head;
    let rule = Rule {
        meta,
        name,
        feeds: Vec::new(),
        alerts: true,
        of_partner: document.logsource.is_partner_log(),
        logsource: document.logsource,
        exceptions: Vec::new(),
        tests: document.tests,
        source,
    };
    (rule, document.search)
}

/// What an id (in any of UUID's spellings) or a name stands for.
fn target(
    name: &str,
    place: Place,
    targets: &Targets,
    reading: &mut Reading<'_>,
    broken: bool,
) -> Option<MemberSource> {
    let key = Uuid::try_parse(name).map_or_else(|_| name.to_owned(), |id| id.to_string());
    let found = targets.get(&key).copied();
    if found.is_none() && !broken {
        let mut known: Vec<&str> = targets.keys().map(String::as_str).collect();
        known.sort_unstable();
        let message = format!("no rule has the id or name `{name}`");
        match did_you_mean(name, known) {
            Some(hint) => reading.error_with_hint(place, message, hint),
            None => reading.error(place, message),
        }
    }
    found
}

fn members(
    document: &CorrelationDocument,
    targets: &Targets,
    linked: &Linked,
    reading: &mut Reading<'_>,
    broken: bool,
) -> Vec<Member> {
    let mut sources: Vec<(MemberSource, Place)> = Vec::new();
    for (name, place) in &document.body.rules {
        match target(name, *place, targets, reading, broken) {
            Some(source) if sources.iter().any(|(other, _)| *other == source) => {
                reading.error(*place, format!("rule `{name}` is named twice"));
            }
            Some(source) => sources.push((source, *place)),
            None => {}
        }
    }
    let mut groups: Vec<Vec<Field>> = vec![Vec::new(); sources.len()];
    for group in &document.body.group_by {
        match group {
            Group::Field(field) => groups.iter_mut().for_each(|fields| fields.push(*field)),
            Group::Alias(alias) => {
                let mut found = vec![None; sources.len()];
                for (rule, place, field) in &alias.fields {
                    let source = target(rule, *place, targets, reading, broken);
                    let member = sources.iter().position(|(other, _)| Some(*other) == source);
                    match (source, member) {
                        (Some(_), None) => {
                            let message =
                                format!("`{rule}` is none of the rules of this correlation");
                            reading.error(*place, message);
                        }
                        (_, Some(member)) => found[member] = Some(*field),
                        (None, None) => {}
                    }
                }
                for (member, field) in found.into_iter().enumerate() {
                    match field {
                        Some(field) => groups[member].push(field),
                        None if broken => {}
                        None => {
                            let message = format!(
                                "alias `{}` has no field for rule `{}`",
                                alias.name,
                                name_of(sources[member].0, linked)
                            );
                            reading.error(alias.place, message);
                        }
                    }
                }
            }
        }
    }
    sources
        .into_iter()
        .zip(groups)
        .map(|((source, _), group_by)| Member { source, group_by })
        .collect()
}

fn name_of(source: MemberSource, linked: &Linked) -> &str {
    match source {
        MemberSource::Rule(index) => &linked.rules[index as usize].meta.title,
        MemberSource::Correlation(_) => "correlation",
    }
}

fn correlation(document: CorrelationDocument, members: Vec<Member>) -> Correlation {
    let CorrelationDocument { head, body, tests } = document;
    Correlation {
        meta: head.meta,
        kind: body.kind,
        members,
        timespan_us: body.timespan_us,
        condition: body.condition,
        generate: body.generate,
        feeds: Vec::new(),
        alerts: true,
        level: 0,
        tests,
        source: head.source,
    }
}

/// How deep each correlation is chained; more than [`MAX_LEVEL`] where it is too deep, as a circle is.
fn levels(correlations: &[Correlation]) -> Vec<u8> {
    let mut levels = vec![0_u8; correlations.len()];
    for _ in 0..=MAX_LEVEL {
        for (index, correlation) in correlations.iter().enumerate() {
            let inner = correlation
                .members
                .iter()
                .filter_map(|member| match member.source {
                    MemberSource::Correlation(inner) => levels.get(inner as usize),
                    MemberSource::Rule(_) => None,
                });
            levels[index] = inner.max().map_or(0, |deepest| deepest.saturating_add(1));
        }
    }
    levels
}

impl Linked {
    /// Takes an exception up; gives its number.
    fn except(
        &mut self,
        exception: Exception,
        search: Search,
        place: Place,
        reading: &mut Reading<'_>,
    ) -> u32 {
        if let Some(earlier) = self
            .exceptions
            .iter()
            .find(|known| known.id == exception.id)
        {
            let (path, line) = (earlier.source.path.display(), earlier.source.line);
            let message = format!("id `{}` is taken already, by {path}:{line}", exception.id);
            reading.error(place, message);
        }
        let number = u32::try_from(self.exceptions.len()).unwrap_or(u32::MAX);
        self.exceptions.push(exception);
        self.exception_searches.push(search);
        number
    }

    /// Says where matches go and what of them is a finding of its own.
    fn connect(&mut self, levels: &[u8]) {
        for (index, level) in levels.iter().enumerate() {
            let correlation = u32::try_from(index).unwrap_or(u32::MAX);
            self.correlations[index].level = *level;
            for (member, source) in (0..).zip(self.correlations[index].members.clone()) {
                let feed = Feed {
                    correlation,
                    member,
                };
                match source.source {
                    MemberSource::Rule(rule) => self.rules[rule as usize].feeds.push(feed),
                    MemberSource::Correlation(inner) => {
                        self.correlations[inner as usize].feeds.push(feed);
                    }
                }
            }
        }
        let generate: Vec<bool> = self.correlations.iter().map(|c| c.generate).collect();
        let alerts = |feeds: &[Feed]| {
            feeds.is_empty() || feeds.iter().any(|feed| generate[feed.correlation as usize])
        };
        for rule in &mut self.rules {
            rule.alerts = alerts(&rule.feeds);
        }
        for correlation in &mut self.correlations {
            correlation.alerts = alerts(&correlation.feeds);
        }
    }

    /// A correlation that says no level has the highest of what feeds it.
    fn inherit_levels(&mut self, has_level: &[bool]) {
        for level in 0..=MAX_LEVEL {
            for (index, has_level) in has_level.iter().enumerate() {
                let correlation = &self.correlations[index];
                if correlation.level != level || *has_level {
                    continue;
                }
                let highest = correlation
                    .members
                    .iter()
                    .map(|member| match member.source {
                        MemberSource::Rule(rule) => self.rules[rule as usize].meta.level,
                        MemberSource::Correlation(inner) => {
                            self.correlations[inner as usize].meta.level
                        }
                    });
                let highest = highest.max().unwrap_or(Level::Medium);
                self.correlations[index].meta.level = highest;
            }
        }
    }
}
