//! What is wrong with rules.

use std::fmt;

use super::pipeline::Names;
use super::vocabulary::Vocabulary;
use crate::diagnostic;
pub(crate) use crate::diagnostic::did_you_mean;
pub use crate::diagnostic::{Diagnostic as RuleError, Place};

/// Everything that is wrong with a set of rules, in order of file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleErrors(pub Vec<RuleError>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        diagnostic::list(f, &self.0, "rules")
    }
}

impl std::error::Error for RuleErrors {}

/// One source file while it is read: what its documents may refer to, and what is wrong with it.
pub(crate) struct Reading<'s> {
    /// What all files may refer to.
    pub(crate) vocabulary: &'s Vocabulary,
    /// What the pipelines say of the document at hand.
    pub(crate) names: Names<'s>,
    /// What placeholders of the document at hand became: part of its content.
    pub(crate) expanded: Vec<String>,
    path: &'s std::path::Path,
    lines: Vec<&'s str>,
    errors: Vec<RuleError>,
}

impl<'s> Reading<'s> {
    pub(crate) fn new(
        path: &'s std::path::Path,
        source: &'s str,
        vocabulary: &'s Vocabulary,
    ) -> Self {
        Reading {
            vocabulary,
            names: Names::default(),
            expanded: Vec::new(),
            path,
            lines: source.lines().collect(),
            errors: Vec::new(),
        }
    }

    /// Notes an error.
    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.push(place, message.into(), None);
    }

    /// Notes an error together with a way to mend it.
    pub(crate) fn error_with_hint(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(place, message.into(), Some(hint.into()));
    }

    fn push(&mut self, place: Place, message: String, hint: Option<String>) {
        let source_line = (place.line as usize)
            .checked_sub(1)
            .and_then(|line| self.lines.get(line))
            .map_or_else(String::new, |line| (*line).to_owned());
        self.errors.push(RuleError {
            path: self.path.to_owned(),
            place,
            message,
            source_line,
            hint,
        });
    }

    /// How many errors were noted so far.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// The errors, in the order of their places.
    pub(crate) fn into_errors(mut self) -> Vec<RuleError> {
        self.errors.sort_by_key(|error| error.place);
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_its_place() {
        let vocabulary = Vocabulary::default();
        let mut reading = Reading::new(
            std::path::Path::new("rules/a.yml"),
            "title: x\nlevel: hihg\n",
            &vocabulary,
        );
        reading.error_with_hint(
            Place { line: 2, column: 8 },
            "`hihg` is no level",
            "did you mean `high`?",
        );
        let text = reading.into_errors()[0].to_string();
        assert_eq!(
            text,
            "rules/a.yml:2:8: `hihg` is no level\n  |\n2 | level: hihg\n  |        ^\n  hint: did you mean `high`?"
        );
    }

    #[test]
    fn a_rule_file_cannot_steer_the_terminal() {
        let vocabulary = Vocabulary::default();
        let path = std::path::Path::new("a.yml");
        let mut reading = Reading::new(path, "x: \u{1b}[2J\n", &vocabulary);
        reading.error(Place { line: 1, column: 1 }, "bad \u{7}");
        assert!(
            !reading.into_errors()[0]
                .to_string()
                .contains(['\u{1b}', '\u{7}'])
        );
    }
}
