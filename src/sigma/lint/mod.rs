//! Lints: rules that load but are poor. Each has a name that a rule can switch off by `gatewatch: {lint_allow: [name]}`.
//!
//! An **error** is a rule that cannot do what it was written for, a **warning** something that should be mended, a **note**
//! something to know. What is no Sigma at all the loader refuses.

mod condition;
mod metadata;
mod patterns;
mod possible;
mod regexes;
mod schema;
pub(crate) mod tags;
mod tree;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::annotated::{Annotated, Source, annotate};
use super::error::{Place, RuleError};
use super::vocabulary::Vocabulary;
use crate::yaml::{Kind, Node};

/// How bad a finding is, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To know.
    Note,
    /// To be mended.
    Warning,
    /// The rule does not do what it was written for.
    Error,
}

impl Severity {
    /// The word before a finding.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Its name, stable.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it finds.
    pub about: &'static str,
}

macro_rules! lints {
    ($($ident:ident $severity:ident $name:literal $about:literal;)+) => {
        $(pub(crate) const $ident: Lint = Lint { name: $name, severity: Severity::$severity, about: $about };)+

        /// Every lint, in the order of the documentation.
        pub const LINTS: &[Lint] = &[$($ident),+];
    };
}

lints! {
    NEVER_MATCHES Error "never-matches" "no event can meet the condition";
    EMPTY_RANGE Error "empty-range" "a number or a part of a time that no event has";
    ALWAYS_MATCHES Error "always-matches" "every event meets the condition";
    NO_POSITIVE_TEST Warning "no-positive-test" "an event that has nothing at all meets the condition: it only says what must not be";
    UNUSED_SELECTION Warning "unused-selection" "a search identifier that the condition does not name";
    DUPLICATE_PATTERN Warning "duplicate-pattern" "a value that stands twice in a list, letter case aside";
    SHADOWED_PATTERN Warning "shadowed-pattern" "a value of a list that another one covers: `ab` beside `a`";
    IMPOSSIBLE_PATTERN Warning "impossible-pattern" "a value that the field never has, such as `//` in `path_decoded`";
    ENCODED_PATTERN Warning "encoded-pattern" "a percent sequence in a field that is decoded";
    UNSET_FIELD Warning "unset-field" "a field that logs of this log source do not have";
    UNESCAPED_WILDCARD Warning "unescaped-wildcard" "a `?` or `*` that looks as if the character was meant";
    SLOW_REGEX Warning "slow-regex" "an expression that costs more than it has to";
    LARGE_REGEX Note "large-regex" "an expression that compiles to more than 64 KiB";
    NO_WITNESS Note "no-witness" "no rare literal is needed, so the rule is read for every event";
    SCHEMA Warning "schema" "a key that Sigma's JSON schema wants otherwise";
    UNKNOWN_TAG Warning "unknown-tag" "a tag of a known kind that names nothing";
    UNKNOWN_LINT Warning "unknown-lint" "`lint_allow` names no lint";
    DUPLICATE_TITLE Warning "duplicate-title" "two rules with one title";
    MISSING_ID Warning "missing-id" "no `id`";
    MISSING_LEVEL Warning "missing-level" "no `level`";
    MISSING_DESCRIPTION Warning "missing-description" "no `description`, or one of a few words";
    MISSING_FALSE_POSITIVES Warning "missing-false-positives" "no `falsepositives`";
    MISSING_REFERENCES Note "missing-references" "no `references`";
    MISSING_AUTHOR Note "missing-author" "no `author`";
    MISSING_DATE Note "missing-date" "no `date`";
    MISSING_REQUIREMENT Warning "missing-requirement" "no tag `requirement.*`";
    MISSING_TECHNIQUE Warning "missing-technique" "no tag `attack.t*`";
    MISSING_OWASP Warning "missing-owasp" "no tag `owasp.*`";
    MISSING_TESTS Warning "missing-tests" "no case that matches, or none that does not";
    FEW_TESTS Note "few-tests" "only one case of a kind";
}

/// Something that a lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// Name of the lint.
    pub lint: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Title of the rule.
    pub rule: String,
    /// Its id; nil for a filter without one.
    pub id: Uuid,
    /// Place, message, source line and hint.
    pub error: RuleError,
}

impl std::fmt::Display for LintFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let message = format!(
            "{}[{}]: {}",
            self.severity.name(),
            self.lint,
            self.error.message
        );
        RuleError {
            message,
            ..self.error.clone()
        }
        .fmt(f)
    }
}

/// Everything that the lints find in rule files, in order of file and line. What does not load is left out.
#[must_use]
pub fn lint(sources: &[Source], vocabulary: &Vocabulary) -> Vec<LintFinding> {
    let rules = annotate(sources, vocabulary);
    let mut findings = Vec::new();
    let mut titles = std::collections::HashMap::new();
    for rule in &rules {
        let (path, text) = &sources[rule.file];
        let mut report = Report {
            rule,
            path,
            lines: text.lines().collect(),
            allowed: allowed(&rule.node),
            findings: &mut findings,
        };
        report.allow_list();
        if let Some(earlier) = titles.insert(rule.title.to_lowercase(), (rule.file, rule.place)) {
            let path = &sources[earlier.0].0;
            let message = format!("the title is that of {}:{}", path.display(), earlier.1.line);
            let place = report.value_place("title");
            report.add(
                DUPLICATE_TITLE,
                place,
                message,
                "mails and reports name rules by title",
            );
        }
        schema::check(&mut report);
        metadata::check(&mut report);
        condition::check(&mut report);
        patterns::check(&mut report);
        regexes::check(&mut report);
    }
    findings.sort_by(|a, b| {
        (&a.error.path, a.error.place, a.lint).cmp(&(&b.error.path, b.error.place, b.lint))
    });
    findings
}

/// The names under `gatewatch: lint_allow:`.
fn allowed(document: &Node) -> Vec<(String, Place)> {
    let list = document
        .get("gatewatch")
        .and_then(|block| block.get("lint_allow"));
    let items: &[Node] = match list.map(|node| &node.kind) {
        Some(Kind::List(items)) => items,
        Some(_) => list.map_or(&[], std::slice::from_ref),
        None => &[],
    };
    items
        .iter()
        .map(|item| {
            (
                item.scalar_text().unwrap_or_default().to_owned(),
                item.place,
            )
        })
        .collect()
}

/// Collects the findings of one document.
struct Report<'r> {
    rule: &'r Annotated,
    path: &'r std::path::Path,
    lines: Vec<&'r str>,
    allowed: Vec<(String, Place)>,
    findings: &'r mut Vec<LintFinding>,
}

impl Report<'_> {
    fn add(
        &mut self,
        lint: Lint,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.allowed.iter().any(|(name, _)| name == lint.name) {
            return;
        }
        let hint = hint.into();
        let line = (place.line as usize)
            .checked_sub(1)
            .and_then(|line| self.lines.get(line));
        self.findings.push(LintFinding {
            lint: lint.name,
            severity: lint.severity,
            rule: self.rule.title.clone(),
            id: self.rule.id,
            error: RuleError {
                path: self.path.to_owned(),
                place,
                message: message.into(),
                source_line: line.map_or_else(String::new, |line| (*line).to_owned()),
                hint: (!hint.is_empty()).then_some(hint),
            },
        });
    }

    /// Where a key's value stands; the document where there is no such key.
    fn value_place(&self, key: &str) -> Place {
        self.rule
            .node
            .get(key)
            .map_or(self.rule.place, |node| node.place)
    }

    fn allow_list(&mut self) {
        for (name, place) in self.allowed.clone() {
            if !LINTS.iter().any(|lint| lint.name == name) {
                let names = LINTS.iter().map(|lint| lint.name);
                let hint = super::error::did_you_mean(&name, names)
                    .unwrap_or_else(|| "`gatewatch rule lint --list` names them".to_owned());
                self.add(
                    UNKNOWN_LINT,
                    place,
                    format!("no lint is named `{name}`"),
                    hint,
                );
            }
        }
    }
}
