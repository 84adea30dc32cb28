//! Text that may stand in a mail. Log content is hostile: it becomes text only through here.

use std::fmt;

use super::defang::defanged;
pub(crate) use crate::event::is_hidden;

/// One line of text without anything that breaks a line, hides, reorders or controls.
///
/// Made from a literal, a number or [`Clean::of`]; so a document cannot hold log content that nobody looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clean(String);

impl Clean {
    /// Outside text, cut to `limit` characters. What is not plain text becomes visible: control characters as their
    /// pictures (U+2400 and on), the rest as U+FFFD.
    pub(crate) fn of(text: &str, limit: usize) -> Self {
        let mut clean = String::with_capacity(text.len().min(limit * 4));
        for (index, character) in text.chars().enumerate() {
            if index == limit {
                clean.push('…');
                break;
            }
            clean.push(visible(character));
        }
        Clean(clean)
    }

    /// A literal of ours.
    pub(crate) fn fixed(text: &'static str) -> Self {
        Clean(text.to_owned())
    }

    /// Pieces that are clean already, joined by `separator`.
    pub(crate) fn join<'c>(
        pieces: impl IntoIterator<Item = &'c Clean>,
        separator: &'static str,
    ) -> Self {
        let mut joined = String::new();
        for piece in pieces {
            if !joined.is_empty() {
                joined.push_str(separator);
            }
            joined.push_str(&piece.0);
        }
        Clean(joined)
    }

    /// A sentence of ours with clean values at its `{}`, in order.
    pub(crate) fn fill(template: &'static str, values: &[Clean]) -> Self {
        let mut filled = String::new();
        let mut values = values.iter();
        let mut pieces = template.split("{}");
        filled.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            filled.push_str(values.next().map_or("", Clean::as_str));
            filled.push_str(piece);
        }
        Clean(filled)
    }

    /// The same in pieces, and which of them stood between backticks: code. A backtick without its fellow is text.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (bool, Clean)> {
        let mut pieces: Vec<&str> = self.0.split('`').collect();
        let unpaired = pieces
            .len()
            .is_multiple_of(2)
            .then(|| pieces.pop())
            .flatten();
        let mut pieces: Vec<(bool, Clean)> = pieces
            .into_iter()
            .enumerate()
            .map(|(at, piece)| (at % 2 == 1, Clean(piece.to_owned())))
            .collect();
        pieces.extend(unpaired.map(|rest| (false, Clean(format!("`{rest}")))));
        pieces.into_iter().filter(|(_, piece)| !piece.is_empty())
    }

    /// The same, leading nowhere where it looks like an address; what is in `names` stays.
    pub(super) fn defanged(&self, names: &[String]) -> Self {
        Clean(defanged(&self.0, names))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cut to `limit` characters with an ellipsis.
    pub(crate) fn shorten(&self, limit: usize) -> Self {
        Clean::of(&self.0, limit)
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<u64> for Clean {
    fn from(number: u64) -> Self {
        Clean(number.to_string())
    }
}

/// The character itself when it is plain text.
fn visible(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
        character if is_hidden(character) => '\u{fffd}',
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let clean = Clean::of("a\r\nBcc: x@y\u{2028}z\u{85}", 100);
        assert_eq!(clean.as_str(), "a␍␊Bcc: x@y\u{fffd}z\u{fffd}");
    }

    #[test]
    fn overrides_of_direction_are_shown_and_not_obeyed() {
        assert_eq!(
            Clean::of("exe.\u{202e}fdp", 100).as_str(),
            "exe.\u{fffd}fdp"
        );
    }

    #[test]
    fn russian_text_is_left_as_it_is() {
        assert_eq!(Clean::of("Ёлки — «3 °C»", 100).as_str(), "Ёлки — «3 °C»");
    }

    #[test]
    fn a_long_text_is_cut_by_characters() {
        assert_eq!(Clean::of("жжжж", 3).as_str(), "жжж…");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let pieces = |text: &str| -> Vec<(bool, String)> {
            let text = Clean::of(text, 99);
            let pieces = text.pieces();
            pieces.map(|(is, it)| (is, it.0)).collect()
        };
        let (text, code) = (
            |it: &str| (false, it.to_owned()),
            |it: &str| (true, it.to_owned()),
        );
        assert_eq!(pieces("plain"), [text("plain")]);
        assert_eq!(pieces("`a` or `b`"), [code("a"), text(" or "), code("b")]);
        assert_eq!(
            pieces("see `a` and `b"),
            [text("see "), code("a"), text(" and "), text("`b")]
        );
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn a_value_with_braces_is_not_a_template() {
        let filled = Clean::fill("{} of {}", &[Clean::of("{}", 9), Clean::from(2)]);
        assert_eq!(filled.as_str(), "{} of 2");
    }
}
