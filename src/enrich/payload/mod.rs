//! The payload of an event: the normal forms of every value that is not plain, one a line.
//!
//! Rules write an attack once, in its plain spelling, and search it here instead of in path, query, user agent and referer. A
//! line is `name=value` as decoded; lines after it have the value with one kind of disguise undone: HTML entities and escapes;
//! comments of SQL and spaces beside punctuation; quotes and joints inside of words; what a file system leaves out of a path;
//! control characters and comments inside of words; and the text of base64. White space of any kind is one space; a value with
//! line breaks has a line more, in which each is written `⏎`. An event of plain values has no payload, so rules that look at
//! it cost nothing then.

mod base64;
mod forms;
mod unescape;

use std::borrow::Cow;

use super::attack::Attacks;
use super::classes::{
    self, AMPERSAND, ANGLE, AT, BACKSLASH, COLON, DASH, EQUALS, MARK, OPERATOR, PAREN, PERCENT,
    PLUS, QUOTE, SLASH, SPACE, UPPER, WIDE,
};
use super::percent::{self, Oddities};
use crate::event::{Event, Fact, FactSet, Target, Text};

/// Bytes for all lines.
const MOST: usize = 16 * 1024;
/// Bytes after which only the first line of a value is written.
const MOST_FORMS: usize = 12 * 1024;
/// A longer value is looked at from both ends, half of this from each.
const MOST_VALUE: usize = 8 * 1024;

/// Bytes that plain values don't have.
const LOUD: u32 =
    PERCENT | BACKSLASH | QUOTE | ANGLE | PAREN | OPERATOR | EQUALS | AMPERSAND | MARK | WIDE;

/// Bytes that base64 does not have, of those that have a class.
const NOT_BASE64: u32 = (LOUD & !EQUALS) | COLON | AT;

/// Bytes without which there is nothing to look for.
const NOTABLE: u32 = LOUD | SLASH | COLON | DASH | PLUS | SPACE | UPPER;

/// What is collected of one event.
#[derive(Debug, Default)]
pub(super) struct Payload {
    text: String,
    is_cut: bool,
}

impl Payload {
    /// The payload for the event, when there is any; says in the facts when some had no room.
    pub(super) fn finish(self, facts: &mut FactSet) -> Option<Text<'static>> {
        if self.is_cut {
            facts.insert(Fact::PayloadCut);
        }
        (!self.text.is_empty()).then(|| Text::from(self.text))
    }

    /// Looks at a decoded pair of a query; without a sign of equality there is only a name.
    #[inline]
    pub(super) fn pair(
        &mut self,
        name: &str,
        value: Option<&str>,
        classes: [u32; 2],
        seen: &mut Seen<'_>,
    ) {
        if (classes[0] | classes[1]) & NOTABLE != 0 {
            self.notable_pair(name, value, classes, seen);
        }
    }

    fn notable_pair(
        &mut self,
        name: &str,
        value: Option<&str>,
        classes: [u32; 2],
        seen: &mut Seen<'_>,
    ) {
        let loud_name = is_loud(name, classes[0], seen.attacks);
        let loud_value = value.is_some_and(|value| is_loud(value, classes[1], seen.attacks));
        if loud_name || loud_value {
            let begin = self.text.len();
            let line = match value {
                Some(value) => format!("{}={}", self.ends(name), self.ends(value)),
                None => self.ends(name).into_owned(),
            };
            self.line(begin, &forms::spaced(&line), MOST);
            if loud_name {
                self.forms(begin, name, seen);
            }
            if let Some(value) = value.filter(|_| loud_value) {
                self.forms(begin, value, seen);
            }
        }
        match value {
            Some(value) => self.hidden(value, classes[1], seen),
            None => self.hidden(name, classes[0], seen),
        }
    }

    /// Looks at any other decoded text that is known to be loud.
    pub(super) fn text(&mut self, text: &str, seen: &mut Seen<'_>) {
        let begin = self.text.len();
        let line = forms::spaced(&self.ends(text));
        self.line(begin, &line, MOST);
        self.forms(begin, text, seen);
    }

    /// The text of a value that is base64, as a value of its own.
    pub(super) fn hidden(&mut self, value: &str, classes: u32, seen: &mut Seen<'_>) {
        if classes & UPPER == 0 || classes & NOT_BASE64 != 0 {
            return;
        }
        let Some(text) = base64::decode(value) else {
            return;
        };
        let text = percent::decode(&text, false, &mut Oddities::default());
        let classes = classes::of(&text);
        if is_loud(&text, classes, seen.attacks) {
            seen.facts.insert(Fact::EncodingBase64);
            seen.attacks.inspect(&text, classes, seen.facts);
            self.text(&text, seen);
        }
    }

    fn forms(&mut self, begin: usize, value: &str, seen: &mut Seen<'_>) {
        let value = self.ends(value);
        let unescaped = unescape::unescape(&value);
        let raw = unescaped.as_deref().unwrap_or(&value);
        let plain = forms::spaced(raw);
        if unescaped.is_some() {
            seen.inspect(&plain);
            self.line(begin, &plain, MOST_FORMS);
        }
        if let Some(broken) = forms::broken(raw) {
            self.line(begin, &broken, MOST_FORMS);
        }
        let opened = forms::uncommented(raw, " ").map(|opened| forms::spaced(&opened));
        if let Some(opened) = &opened {
            seen.inspect(opened);
        }
        self.line(
            begin,
            &forms::tight(opened.as_ref().unwrap_or(&plain)),
            MOST_FORMS,
        );
        if let Some(bare) = forms::bare(&plain) {
            self.line(begin, &forms::spaced(&bare), MOST_FORMS);
        }
        if let Some(path) = forms::file_path(raw) {
            self.line(begin, &forms::spaced(&path), MOST_FORMS);
        }
        if let Some(seamless) = forms::seamless(raw) {
            seen.inspect(&seamless);
            self.line(begin, &forms::spaced(&seamless), MOST_FORMS);
        }
    }

    /// Appends a line that the value, whose lines begin there, has not got yet.
    fn line(&mut self, begin: usize, line: &str, most: usize) {
        if line.is_empty() || self.text[begin..].split('\n').any(|known| known == line) {
            return;
        }
        if self.text.len() + line.len() >= most {
            self.is_cut = true;
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
    }

    /// The value, or its beginning and end when it is long.
    fn ends<'v>(&mut self, value: &'v str) -> Cow<'v, str> {
        if value.len() <= MOST_VALUE {
            return Cow::Borrowed(value);
        }
        self.is_cut = true;
        let begin = value.floor_char_boundary(MOST_VALUE / 2);
        let end = value.ceil_char_boundary(value.len() - MOST_VALUE / 2);
        Cow::Owned(format!("{} {}", &value[..begin], &value[end..]))
    }
}

/// What is known of the event while its values are looked at.
pub(super) struct Seen<'s> {
    pub(super) attacks: &'s Attacks,
    pub(super) facts: &'s mut FactSet,
}

impl Seen<'_> {
    fn inspect(&mut self, value: &str) {
        self.attacks.inspect(value, classes::of(value), self.facts);
    }
}

/// Whether a decoded value is more than letters, digits and separators.
fn is_loud(value: &str, classes: u32, attacks: &Attacks) -> bool {
    classes & (LOUD | SLASH) != 0 || has_quiet_attack(value, classes, attacks)
}

/// Whether a decoded path is, whose slashes are nothing but in pairs.
pub(super) fn is_loud_path(path: &str, classes: u32, attacks: &Attacks) -> bool {
    classes & LOUD != 0
        || classes::has_pair(path.as_bytes())
        || classes & (COLON | SPACE | PLUS) != 0 && has_quiet_attack(path, classes & !DASH, attacks)
}

/// Plain bytes that are an attack all the same: a scheme, a comment of SQL, its words, the brackets of UTF-7.
fn has_quiet_attack(value: &str, classes: u32, attacks: &Attacks) -> bool {
    let bytes = value.as_bytes();
    let has_scheme =
        || memchr::memchr_iter(b':', bytes).any(|at| at > 0 && bytes[at - 1].is_ascii_alphabetic());
    classes & COLON != 0 && has_scheme()
        || classes & DASH != 0 && classes::has_pair(bytes)
        || classes & PLUS != 0 && memchr::memmem::find(bytes, b"+AD").is_some()
        || classes & SPACE != 0 && attacks.has_word(bytes)
}

/// Looks at user agent and referer.
pub(super) fn headers(event: &Event<'_>, payload: &mut Payload, seen: &mut Seen<'_>) {
    if let Some(agent) = event.user_agent.as_deref()
        && is_odd_agent(agent)
    {
        let plain = percent::decode(agent, false, &mut Oddities::default());
        seen.inspect(&plain);
        payload.text(&plain, seen);
    }
    if let Some(referer) = event.referer.as_deref()
        && has_any(referer.as_bytes())
    {
        let parts = Target::split(referer);
        let path = &referer[parts.path.0..parts.path.1];
        let path = percent::decode(path, false, &mut Oddities::default());
        let classes = classes::of(&path);
        if is_loud_path(&path, classes, seen.attacks) {
            seen.attacks.inspect(&path, classes, seen.facts);
            payload.text(&path, seen);
        }
        let rest = &referer[parts.query.map_or(parts.path.1, |(start, _)| start)..];
        for pair in rest.split(['&', '#']) {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            };
            let decode = |part| percent::decode(part, true, &mut Oddities::default());
            let (name, value) = (decode(name), value.map(decode));
            let classes = [classes::of(&name), value.as_deref().map_or(0, classes::of)];
            if let Some(value) = &value {
                seen.attacks.inspect(value, classes[1], seen.facts);
            }
            payload.pair(&name, value.as_deref(), classes, seen);
        }
    }
}

/// Browsers and libraries name themselves with letters, digits, `/ . ; : , ( ) + -` and spaces; a bracket stands behind a space.
fn is_odd_agent(agent: &str) -> bool {
    let bytes = agent.as_bytes();
    has_any(bytes) || is_called(bytes) || classes::has_pair(bytes) && has_pair_without_scheme(bytes)
}

/// Whether there is a pair besides the slashes of addresses, which robots name.
fn has_pair_without_scheme(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| {
        let pair = &bytes[at - 1..=at];
        matches!(pair, b".." | b"--") || pair == b"//" && (at < 2 || bytes[at - 2] != b':')
    })
}

/// Whether a bracket follows a letter or digit, as in a call.
fn is_called(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'(', bytes).any(|at| at > 0 && bytes[at - 1].is_ascii_alphanumeric())
}

/// Whether any byte of a header is more than it usually has. Without branches, so that the compiler makes vectors of it.
fn has_any(bytes: &[u8]) -> bool {
    const ODD: [u8; 13] = *b"'\"`<>\\%=${^*|";
    bytes.iter().fold(0_u8, |any, byte| {
        ODD.iter().fold(any, |any, odd| any | u8::from(byte == odd))
    }) != 0
}
