//! What is wrong with rules, printed as a compiler would: place, message, source line, hint.

use std::fmt;
use std::path::PathBuf;

use super::pipeline::Names;
use super::vocabulary::Vocabulary;

/// Where something stands in a rule file. Both count from 1; 0 means the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// One thing that is wrong with one rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file.
    pub path: PathBuf,
    /// Where in the file.
    pub place: Place,
    /// What is wrong, lowercase, without a full stop.
    pub message: String,
    /// The line of the file that `place` points at; empty when there is none.
    pub source_line: String,
    /// How to mend it, where that is known.
    pub hint: Option<String>,
}

/// Longest piece of a source line that is shown; rule files are written by people, but may be anything.
const SHOWN_CHARS: usize = 160;

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.place.line > 0 {
            write!(f, ":{}:{}", self.place.line, self.place.column)?;
        }
        write!(f, ": {}", printable(&self.message))?;
        if self.place.line > 0 && !self.source_line.is_empty() {
            let number = self.place.line.to_string();
            let margin = " ".repeat(number.len());
            let shown: String = printable(&self.source_line)
                .chars()
                .take(SHOWN_CHARS)
                .collect();
            let indent = (self.place.column.saturating_sub(1) as usize).min(SHOWN_CHARS);
            write!(f, "\n{margin} |\n{number} | {shown}")?;
            write!(f, "\n{margin} | {}^", " ".repeat(indent))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// Control characters become spaces, so a rule file cannot steer the terminal that shows it.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Everything that is wrong with a set of rules, in order of file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleErrors(pub Vec<RuleError>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}\n")?;
        }
        let count = self.0.len();
        let word = if count == 1 { "error" } else { "errors" };
        write!(f, "{count} {word} in the rules")
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

/// "did you mean" over a closed list: the nearest word by edit distance, if one is near.
pub(crate) fn did_you_mean<'w>(
    written: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<String> {
    nearest(written, words).map(|word| format!("did you mean `{word}`?"))
}

/// The nearest word, at most a third of its letters away.
pub(crate) fn nearest<'w>(
    written: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    // A name of that length is no typo, and the distance costs its square.
    if written.len() > 64 {
        return None;
    }
    words
        .into_iter()
        .map(|word| (distance(written, word), word))
        .filter(|(distance, word)| *distance * 3 <= word.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits from one word to the other (optimal string alignment); case and the difference of `-` and `_` aside.
fn distance(a: &str, b: &str) -> usize {
    let folded = |word: &str| word.replace('-', "_").to_ascii_lowercase();
    strsim::osa_distance(&folded(a), &folded(b))
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

    #[test]
    fn only_near_words_are_offered() {
        assert_eq!(
            nearest("path_decodd", ["path_decoded", "query"]),
            Some("path_decoded")
        );
        assert_eq!(nearest("cs-methud", ["cs-method"]), Some("cs-method"));
        assert_eq!(nearest("hihg", ["low", "high"]), Some("high"));
        assert_eq!(nearest("zzz", ["path"]), None);
    }
}
