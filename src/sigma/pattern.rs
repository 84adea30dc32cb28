//! Sigma's strings: wildcards and escapes, as section "Escape Character" of the rules specification says.

/// A piece of a Sigma string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Piece {
    /// Plain text, never empty.
    Plain(String),
    /// `?`: exactly one character.
    One,
    /// `*`: any number of characters.
    Many,
    /// Exactly one of [`DASHES`].
    Dash,
}

/// What the `windash` modifier takes for one another: hyphen, slash, en dash, em dash, horizontal bar.
pub(crate) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// Splits a string into plain text and wildcards. `\*`, `\?` and `\\` are the plain characters, any other backslash is itself.
pub(crate) fn parse(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let wildcard = match c {
            '\\' => {
                let escaped = chars.next_if(|next| matches!(next, '*' | '?' | '\\'));
                plain.push(escaped.unwrap_or('\\'));
                continue;
            }
            '*' => Piece::Many,
            '?' => Piece::One,
            _ => {
                plain.push(c);
                continue;
            }
        };
        push_plain(&mut pieces, &mut plain);
        // `**` says no more than `*`.
        if wildcard != Piece::Many || pieces.last() != Some(&Piece::Many) {
            pieces.push(wildcard);
        }
    }
    push_plain(&mut pieces, &mut plain);
    pieces
}

fn push_plain(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Plain(std::mem::take(plain)));
    }
}

/// Frees each dash: it stands for any of [`DASHES`].
pub(crate) fn with_dashes(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut freed = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece::Plain(text) = piece else {
            freed.push(piece);
            continue;
        };
        let mut plain = String::new();
        for c in text.chars() {
            if DASHES.contains(&c) {
                push_plain(&mut freed, &mut plain);
                freed.push(Piece::Dash);
            } else {
                plain.push(c);
            }
        }
        push_plain(&mut freed, &mut plain);
    }
    freed
}

/// Where a literal has to stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Anchor {
    /// It is the whole text.
    Whole,
    /// At the beginning.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

/// A string test in its simplest form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// One literal and where it stands.
    Literal(Anchor, String),
    /// Wildcards in between, over the whole text.
    Glob(Vec<Piece>),
}

impl Shape {
    /// The shape of a string to which a modifier may add wildcards at its ends.
    pub(crate) fn new(mut pieces: Vec<Piece>, anchor: Anchor) -> Shape {
        if matches!(anchor, Anchor::Start | Anchor::Anywhere) && pieces.last() != Some(&Piece::Many)
        {
            pieces.push(Piece::Many);
        }
        if matches!(anchor, Anchor::End | Anchor::Anywhere) && pieces.first() != Some(&Piece::Many)
        {
            pieces.insert(0, Piece::Many);
        }
        Shape::simplest(pieces)
    }

    fn simplest(mut pieces: Vec<Piece>) -> Shape {
        use Piece::{Many, Plain};
        match pieces.as_mut_slice() {
            [] => Shape::Literal(Anchor::Whole, String::new()),
            [Many] => Shape::Literal(Anchor::Anywhere, String::new()),
            [Plain(text)] => Shape::Literal(Anchor::Whole, std::mem::take(text)),
            [Plain(text), Many] => Shape::Literal(Anchor::Start, std::mem::take(text)),
            [Many, Plain(text)] => Shape::Literal(Anchor::End, std::mem::take(text)),
            [Many, Plain(text), Many] => Shape::Literal(Anchor::Anywhere, std::mem::take(text)),
            _ => Shape::Glob(pieces),
        }
    }

    /// Whether every text has this shape.
    pub(crate) fn is_anything(&self) -> bool {
        matches!(self, Shape::Literal(anchor, text) if *anchor != Anchor::Whole && text.is_empty())
    }
}

/// Lowercase, character by character: what a text becomes does not depend on its neighbours, so a part of a text folds to a
/// part of the folded text.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Piece {
        Piece::Plain(text.to_owned())
    }

    #[test]
    fn escapes_are_those_of_the_specification() {
        assert_eq!(parse(r"a\b"), [plain(r"a\b")]);
        assert_eq!(parse(r"a\\b"), [plain(r"a\b")]);
        assert_eq!(parse(r"a\*"), [plain("a*")]);
        assert_eq!(parse(r"a\\*"), [plain(r"a\"), Piece::Many]);
        assert_eq!(parse(r"a\\\*"), [plain(r"a\*")]);
        assert_eq!(parse(r"\\\x"), [plain(r"\\x")]);
        assert_eq!(parse(r"\\\\x"), [plain(r"\\x")]);
        assert_eq!(parse(r"a\"), [plain(r"a\")]);
        assert_eq!(
            parse("a?b**"),
            [plain("a"), Piece::One, plain("b"), Piece::Many]
        );
    }

    #[test]
    fn every_dash_is_freed() {
        assert_eq!(
            with_dashes(parse("a -b*/")),
            [
                plain("a "),
                Piece::Dash,
                plain("b"),
                Piece::Many,
                Piece::Dash
            ]
        );
    }

    #[test]
    fn wildcards_at_the_ends_become_anchors() {
        let shape = |text, anchor| Shape::new(parse(text), anchor);
        assert_eq!(shape("*a*", Anchor::Whole), shape("a", Anchor::Anywhere));
        assert_eq!(shape("a*", Anchor::Whole), shape("a", Anchor::Start));
        assert_eq!(shape("*a", Anchor::Whole), shape("a", Anchor::End));
        assert!(shape("*", Anchor::Whole).is_anything());
        assert!(shape("", Anchor::Anywhere).is_anything());
        assert!(!shape("", Anchor::Whole).is_anything());
        assert!(matches!(shape("a*b", Anchor::Start), Shape::Glob(pieces) if pieces.len() == 4));
    }
}
