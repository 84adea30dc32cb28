//! Words for a terminal: colours where there is one, and nothing that a log or a rule could steer it with.

use std::io::{self, ErrorKind, IsTerminal, Write};

/// How a command says what it has to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON document.
    Json,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    colours: bool,
}

impl Paint {
    /// Colours when standard output is a terminal and nobody asked for none.
    pub(super) fn of_stdout() -> Paint {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Paint { colours }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// A tick or a cross.
    pub(super) fn mark(self, holds: bool) -> String {
        if holds {
            self.good("✓")
        } else {
            self.bad("✗")
        }
    }
}

/// Prints what a command has to say. A reader that has seen enough, such as `head`, is no error.
pub(super) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The same as one JSON document.
pub(super) fn say_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(say(&text)?)
}

/// Text from outside with control, direction and other invisible characters as escapes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut safe, character);
    }
    safe
}

fn push(safe: &mut String, character: char) {
    let is_hidden = character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    if is_hidden {
        safe.extend(character.escape_default());
    } else {
        safe.push(character);
    }
}

/// Escaped text, at most so many characters of it.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut safe = escaped(&text.chars().take(most).collect::<String>());
    if text.chars().nth(most).is_some() {
        safe.push('…');
    }
    safe
}

/// A value and, where something was found in it, the line below that underlines it. `found` are bytes of `text`.
pub(super) fn underlined(text: &str, found: Option<(usize, usize)>) -> (String, String) {
    let mut safe = String::with_capacity(text.len());
    let mut below = String::new();
    for (at, character) in text.char_indices() {
        let before = safe.chars().count();
        push(&mut safe, character);
        let width = safe.chars().count() - before;
        let is_inside = found.is_some_and(|(begin, end)| begin <= at && at < end);
        below.extend(std::iter::repeat_n(
            if is_inside { '^' } else { ' ' },
            width,
        ));
    }
    (safe, below.trim_end().to_owned())
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        let hostile = "a\u{1b}[31mb\r\nc\u{202e}d\u{200b}";
        let shown = escaped(hostile);
        assert_eq!(shown, r"a\u{1b}[31mb\r\nc\u{202e}d\u{200b}");
        assert_eq!(cut("абвгд", 3), "абв…");
    }

    #[test]
    fn what_was_found_is_underlined_beside_escapes() {
        let (text, below) = underlined("x\n../y", Some((2, 5)));
        assert_eq!(text, r"x\n../y");
        assert_eq!(below, "   ^^^");
        assert_eq!(underlined("abc", None).1, "");
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
