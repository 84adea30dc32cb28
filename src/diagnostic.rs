//! What is wrong with a file that a person wrote, printed as a compiler would: place, message, source line, hint.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where something stands in a file. Both count from 1; 0 means the file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// One thing that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
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

impl Diagnostic {
    /// What is wrong at a place of `source`, the text of the file at `path`.
    #[must_use]
    pub fn new(
        path: &Path,
        source: &str,
        place: Place,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        let source_line = (place.line as usize)
            .checked_sub(1)
            .and_then(|line| source.lines().nth(line))
            .unwrap_or_default()
            .to_owned();
        Diagnostic {
            path: path.to_owned(),
            place,
            message: message.into(),
            source_line,
            hint,
        }
    }
}

/// Longest piece of a source line that is shown; such files are written by people, but may be anything.
const SHOWN_CHARS: usize = 160;

impl fmt::Display for Diagnostic {
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

/// Control characters become spaces, so a file cannot steer the terminal that shows it.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Prints all that is wrong with files of one kind, and how many that is.
pub(crate) fn list(f: &mut fmt::Formatter<'_>, errors: &[Diagnostic], of: &str) -> fmt::Result {
    for error in errors {
        writeln!(f, "{error}\n")?;
    }
    let count = errors.len();
    let word = if count == 1 { "error" } else { "errors" };
    write!(f, "{count} {word} in the {of}")
}

/// "did you mean" over a closed list: the nearest word by edit distance, if one is near.
#[must_use]
pub fn did_you_mean<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<String> {
    nearest(written, words).map(|word| format!("did you mean `{word}`?"))
}

/// The nearest word, at most a third of its letters away.
#[must_use]
pub fn nearest<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
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
    fn only_near_words_are_offered() {
        assert_eq!(
            nearest("path_decodd", ["path_decoded", "query"]),
            Some("path_decoded")
        );
        assert_eq!(nearest("cs-methud", ["cs-method"]), Some("cs-method"));
        assert_eq!(nearest("hihg", ["low", "high"]), Some("high"));
        assert_eq!(nearest("zzz", ["path"]), None);
    }

    #[test]
    fn the_line_that_is_pointed_at_is_taken_from_the_source() {
        let place = Place { line: 2, column: 3 };
        let wrong = Diagnostic::new(Path::new("a.yaml"), "a: 1\nb: 2", place, "no", None);
        assert_eq!(wrong.to_string(), "a.yaml:2:3: no\n  |\n2 | b: 2\n  |   ^");
        let nowhere = Diagnostic::new(Path::new("a.yaml"), "", Place::default(), "no", None);
        assert_eq!(nowhere.to_string(), "a.yaml: no");
    }
}
