//! From rule files to a rule set: read, check across files, compile.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::compile::Engine;
use super::document::{self, CorrelationDocument, Document, Head, RuleDocument};
use super::error::{Place, RuleError, RuleErrors, Sink};
use super::rule::{Correlation, Rule};
use super::set::RuleSet;
use super::yaml;

/// Largest rule file, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Most rules and correlations of a set.
const MAX_RULES: usize = 100_000;

/// Deepest nesting of folders; a link that leads back upwards ends here.
const MAX_FOLDERS: usize = 16;

/// Reads every `*.yml` (and `*.yaml`) below a folder, sorted by path.
pub(crate) fn folder(folder: &Path) -> Result<RuleSet, RuleErrors> {
    let mut paths = Vec::new();
    let mut errors = Vec::new();
    collect(folder, 0, &mut paths, &mut errors);
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(text) => sources.push((path, text)),
            Err(message) => errors.push(whole_file(&path, message)),
        }
    }
    if sources.is_empty() && errors.is_empty() {
        errors.push(whole_file(folder, "no rule file (*.yml) below".to_owned()));
    }
    match from_sources(&sources) {
        Ok(set) if errors.is_empty() => Ok(set),
        Ok(_) => Err(RuleErrors(errors)),
        Err(RuleErrors(more)) => {
            errors.extend(more);
            Err(RuleErrors(errors))
        }
    }
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, errors: &mut Vec<RuleError>) {
    if depth > MAX_FOLDERS {
        let message = format!("folders nested deeper than {MAX_FOLDERS}");
        errors.push(whole_file(folder, message));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(whole_file(folder, format!("cannot be read: {error}")));
            return;
        }
    };
    for entry in entries {
        match entry {
            Ok(entry) => {
                let path = entry.path();
                if path.is_dir() {
                    collect(&path, depth + 1, paths, errors);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "yml" || extension == "yaml")
                {
                    paths.push(path);
                }
            }
            Err(error) => errors.push(whole_file(folder, format!("cannot be read: {error}"))),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "is {size} bytes long; a rule file is at most {MAX_FILE_BYTES}"
        ));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

fn whole_file(path: &Path, message: String) -> RuleError {
    RuleError {
        path: path.to_owned(),
        place: Place::default(),
        message,
        source_line: String::new(),
        hint: None,
    }
}

/// Builds a rule set from the text of rule files.
pub(crate) fn from_sources(sources: &[(PathBuf, String)]) -> Result<RuleSet, RuleErrors> {
    let mut sinks: Vec<Sink<'_>> = sources
        .iter()
        .map(|(path, text)| Sink::new(path, text))
        .collect();
    let mut linker = Linker::default();
    for (file, ((path, text), sink)) in sources.iter().zip(&mut sinks).enumerate() {
        match yaml::parse(text) {
            Ok(nodes) => {
                for node in &nodes {
                    if let Some(document) = document::parse(node, path, sink) {
                        linker.add(file, document);
                    }
                }
            }
            Err((place, message)) => sink.error(place, message),
        }
    }
    let broken = sinks.iter().any(|sink| sink.count() > 0);
    let (rules, correlations) = linker.link(&mut sinks, broken);
    let errors: Vec<RuleError> = sinks.into_iter().flat_map(Sink::into_errors).collect();
    if !errors.is_empty() {
        return Err(RuleErrors(errors));
    }
    let (rules, searches): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
    Ok(RuleSet::new(
        rules,
        correlations,
        Engine::new(&searches),
        fingerprint(sources),
    ))
}

/// The first eight bytes of SHA-256 over the sources in order, each with its folder (the default family) and its length.
fn fingerprint(sources: &[(PathBuf, String)]) -> u64 {
    let mut hash = Sha256::new();
    for (path, text) in sources {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        for part in [folder.as_encoded_bytes(), text.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Rules and correlations of all files, with the file of each.
#[derive(Default)]
struct Linker {
    rules: Vec<(usize, RuleDocument)>,
    correlations: Vec<(usize, CorrelationDocument)>,
}

/// A rule together with what it looks for.
type Linked = (Rule, super::search::Search);

/// What an id or a name stands for.
#[derive(Clone, Copy)]
enum Target {
    Rule(u32),
    Correlation,
}

impl Linker {
    fn add(&mut self, file: usize, document: Document) {
        match document {
            Document::Rule(rule) => self.rules.push((file, rule)),
            Document::Correlation(correlation) => self.correlations.push((file, correlation)),
        }
    }

    /// Resolves references. With broken files among them a missing rule may be one of those, so it is not reported.
    fn link(self, sinks: &mut [Sink<'_>], broken: bool) -> (Vec<Linked>, Vec<Correlation>) {
        if let Some((file, rule)) = self.rules.get(MAX_RULES) {
            let message = format!("a set has at most {MAX_RULES} rules");
            sinks[*file].error(rule.head.place, message);
            return (Vec::new(), Vec::new());
        }
        let targets = self.targets(sinks);
        let mut rules: Vec<Linked> = self
            .rules
            .into_iter()
            .map(|(_, rule)| {
                let Head {
                    meta, name, source, ..
                } = rule.head;
                let tests = rule.tests;
                let linked = Rule {
                    meta,
                    name,
                    feeds: Vec::new(),
                    alerts: true,
                    tests,
                    source,
                };
                (linked, rule.search)
            })
            .collect();
        let mut correlations = Vec::new();
        for (file, document) in self.correlations {
            let index = u32::try_from(correlations.len()).unwrap_or(u32::MAX);
            let members = members(&document, &targets, &mut sinks[file], broken);
            for member in &members {
                rules[*member as usize].0.feeds.push(index);
            }
            correlations.push(correlation(document, members));
        }
        for (rule, _) in &mut rules {
            rule.alerts = rule.feeds.is_empty()
                || rule
                    .feeds
                    .iter()
                    .any(|index| correlations[*index as usize].generate);
        }
        (rules, correlations)
    }

    /// Every id and name; a second use of one is an error.
    fn targets(&self, sinks: &mut [Sink<'_>]) -> HashMap<String, Target> {
        let mut targets: HashMap<String, Target> = HashMap::new();
        let rules = self
            .rules
            .iter()
            .zip(0_u32..)
            .map(|((file, rule), index)| (*file, &rule.head, Target::Rule(index)));
        let correlations = self
            .correlations
            .iter()
            .map(|(file, correlation)| (*file, &correlation.head, Target::Correlation));
        let mut places: HashMap<String, String> = HashMap::new();
        for (file, head, target) in rules.chain(correlations) {
            let id = head.meta.id.to_string();
            let names = std::iter::once(("id", id)).chain(head.name.clone().map(|n| ("name", n)));
            for (what, name) in names {
                let place = format!("{}:{}", head.source.path.display(), head.source.line);
                if let Some(earlier) = places.get(&name) {
                    let message = format!("{what} `{name}` is taken already, by {earlier}");
                    sinks[file].error(head.place, message);
                    continue;
                }
                places.insert(name.clone(), place);
                targets.insert(name, target);
            }
        }
        targets
    }
}

fn members(
    document: &CorrelationDocument,
    targets: &HashMap<String, Target>,
    sink: &mut Sink<'_>,
    broken: bool,
) -> Vec<u32> {
    let mut members = Vec::new();
    for (name, place) in &document.body.rules {
        // An id may be written in any of UUID's spellings.
        let key = Uuid::try_parse(name).map_or_else(|_| name.clone(), |id| id.to_string());
        match targets.get(&key) {
            Some(Target::Rule(index)) if members.contains(index) => {
                sink.error(*place, format!("rule `{name}` is named twice"));
            }
            Some(Target::Rule(index)) => members.push(*index),
            Some(Target::Correlation) => {
                sink.error(*place, "a correlation of correlations is not supported yet");
            }
            None if broken => {}
            None => {
                let mut known: Vec<&str> = targets.keys().map(String::as_str).collect();
                known.sort_unstable();
                let message = format!("no rule has the id or name `{name}`");
                match super::error::did_you_mean(name, known) {
                    Some(hint) => sink.error_with_hint(*place, message, hint),
                    None => sink.error(*place, message),
                }
            }
        }
    }
    members
}

fn correlation(document: CorrelationDocument, rules: Vec<u32>) -> Correlation {
    let CorrelationDocument { head, body, tests } = document;
    Correlation {
        meta: head.meta,
        kind: body.kind,
        rules,
        group_by: body.group_by,
        timespan_us: body.timespan_us,
        condition: body.condition,
        generate: body.generate,
        tests,
        source: head.source,
    }
}
