//! Regular expressions and wildcards in RE2's syntax, which is what ClickHouse matches with.
//!
//! A regular expression is written anew from its parsed form, so neither flags nor what the two engines spell differently
//! matters. What is written says of an ASCII text what the engine's says: classes of Unicode are cut to ASCII, where `\w` and
//! `\b` mean the same to both.

use std::fmt::Write;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::sigma::{DASHES, Piece};

/// Most steps of an expression, repetitions written out: RE2 takes a thousand of one repetition, and bounds what it compiles.
const MOST: usize = 1_000;
/// Matches nothing.
const NOTHING: &str = "[^\\x{0}-\\x{10ffff}]";

/// What matches the ASCII texts that a regular expression matches; `None` where RE2 cannot say it.
pub(super) fn translated(source: &str) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(source).ok()?;
    let mut written = String::new();
    let steps = write(&hir, &mut written)?;
    (steps <= MOST).then_some(written)
}

/// Writes a part, and says of how many steps it is: one at least.
fn write(hir: &Hir, out: &mut String) -> Option<usize> {
    Some(match hir.kind() {
        HirKind::Empty => {
            out.push_str("(?:)");
            1
        }
        HirKind::Literal(literal) => write_literal(&literal.0, out),
        HirKind::Class(class) => {
            write_class(class, out);
            1
        }
        HirKind::Look(look) => {
            out.push_str(look_of(*look)?);
            1
        }
        HirKind::Repetition(repeated) => {
            let steps = write_group(std::slice::from_ref(&repeated.sub), out)?;
            match (repeated.min, repeated.max) {
                (0, None) => out.push('*'),
                (1, None) => out.push('+'),
                (0, Some(1)) => out.push('?'),
                (least, None) => write!(out, "{{{least},}}").ok()?,
                (least, Some(most)) => write!(out, "{{{least},{most}}}").ok()?,
            }
            let times = repeated.max.unwrap_or(repeated.min).max(1);
            steps.saturating_mul(usize::try_from(times).ok()?)
        }
        HirKind::Capture(capture) => write_group(std::slice::from_ref(&capture.sub), out)?,
        HirKind::Concat(parts) => {
            let mut steps = 0_usize;
            for part in parts {
                steps = steps.saturating_add(write(part, out)?);
            }
            steps
        }
        HirKind::Alternation(branches) => write_group(branches, out)?,
    })
}

/// Any of the branches, held together.
fn write_group(branches: &[impl std::borrow::Borrow<Hir>], out: &mut String) -> Option<usize> {
    out.push_str("(?:");
    let mut steps = 0_usize;
    for (at, branch) in branches.iter().enumerate() {
        if at > 0 {
            out.push('|');
        }
        steps = steps.saturating_add(write(branch.borrow(), out)?);
    }
    out.push(')');
    Some(steps)
}

fn write_literal(bytes: &[u8], out: &mut String) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => out.push_str(&regex_syntax::escape(text)),
        _ => out.push_str(NOTHING),
    }
    bytes.len()
}

fn write_class(class: &Class, out: &mut String) {
    let ranges: Vec<(u8, u8)> = match class {
        Class::Unicode(class) => {
            let ranges = class.ranges().iter();
            ranges
                .filter_map(|range| ascii(range.start().into(), range.end().into()))
                .collect()
        }
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            ranges
                .filter_map(|range| ascii(range.start().into(), range.end().into()))
                .collect()
        }
    };
    if ranges.is_empty() {
        out.push_str(NOTHING);
        return;
    }
    out.push('[');
    for (start, end) in ranges {
        push(start, out);
        if end > start {
            out.push('-');
            push(end, out);
        }
    }
    out.push(']');
}

/// What of a range is ASCII.
fn ascii(start: u32, end: u32) -> Option<(u8, u8)> {
    Some((
        u8::try_from(start).ok().filter(u8::is_ascii)?,
        u8::try_from(end.min(0x7f)).ok()?,
    ))
}

/// A character of a class.
fn push(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        // Writing into a string does not fail.
        let _ = write!(out, "\\x{{{byte:x}}}");
    }
}

fn look_of(look: Look) -> Option<&'static str> {
    Some(match look {
        Look::Start => "^",
        Look::End => "$",
        Look::StartLF => "(?m:^)",
        Look::EndLF => "(?m:$)",
        Look::WordAscii | Look::WordUnicode => "\\b",
        Look::WordAsciiNegate | Look::WordUnicodeNegate => "\\B",
        _ => return None,
    })
}

/// Wildcards as an expression over the whole text.
pub(super) fn of_pieces(pieces: &[Piece]) -> String {
    let mut expression = String::from("(?s)^");
    for piece in pieces {
        match piece {
            Piece::Plain(text) => expression.push_str(&regex_syntax::escape(text)),
            Piece::One => expression.push('.'),
            Piece::Many => expression.push_str(".*"),
            Piece::Dash => {
                expression.push('[');
                for dash in DASHES {
                    let _ = write!(expression, "\\x{{{:x}}}", u32::from(dash));
                }
                expression.push(']');
            }
        }
    }
    expression.push('$');
    expression
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn what_the_two_spell_differently_is_written_out() {
        for (source, written) in [
            (r"(?i)ab+", "[Aa](?:[Bb])+"),
            (r"^/v\d{2}$", "^/v(?:[0-9]){2,2}$"),
            (r"(?x) a  # a letter", "a"),
            ("ab|жг", "(?:ab|[^\\x{0}-\\x{10ffff}])"),
            (r"\bcat\b", r"\bcat\b"),
        ] {
            assert_eq!(translated(source).as_deref(), Some(written), "{source}");
        }
        // RE2 has no such anchors, and compiles no program of that size.
        for source in [r"\<cat", "(?:abc){400}", "(?:(?:a{50}){50})"] {
            assert_eq!(translated(source), None, "{source}");
        }
    }

    /// Expressions of all that can be nested, in the engine's own syntax.
    fn source() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "a",
            "b",
            "K",
            "s",
            ".",
            r"\.",
            r"\d",
            r"\w",
            r"\W",
            r"\s",
            r"[^a-c]",
            "[a-z&&[^b]]",
            r"\pL",
            "ж",
            "[ж-яa]",
            "^",
            "$",
            r"\b",
            r"\B",
            "(?i:k)",
            "(?i:s)",
            "(?s:.)",
            "(?m:^)",
            "(?m:$)",
            r"\x00",
            r"\n",
            "[[:space:]]",
            "-",
            "#",
            "&&",
        ]);
        leaf.prop_map(str::to_owned)
            .prop_recursive(4, 24, 3, |inner| {
                prop_oneof![
                    prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                    prop::collection::vec(inner.clone(), 2..4)
                        .prop_map(|parts| format!("({})", parts.join("|"))),
                    (
                        inner,
                        prop::sample::select(vec!["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])
                    )
                        .prop_map(|(part, times)| format!("(?:{part}){times}")),
                ]
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_matches_the_same_ascii_texts(source in source(), texts in prop::collection::vec("[abkKsS .\\n\u{b}#&0-]{0,6}", 8)) {
            // What has no meaning, such as a class of nothing, is refused when the rule is read.
            let Ok(meant) = Regex::new(&source) else { return Ok(()) };
            let Some(written) = translated(&source) else { return Ok(()) };
            let written = Regex::new(&written).unwrap();
            for text in &texts {
                prop_assert_eq!(meant.is_match(text), written.is_match(text), "{} {} {:?}", source, written, text);
            }
        }
    }
}
