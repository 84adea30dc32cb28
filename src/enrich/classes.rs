//! Cheap test of a text before any costly one: which classes of bytes it has, in one pass over a table.

pub(super) const PERCENT: u32 = 1;
pub(super) const PLUS: u32 = 1 << 1;
pub(super) const BACKSLASH: u32 = 1 << 2;
pub(super) const QUOTE: u32 = 1 << 3;
pub(super) const ANGLE: u32 = 1 << 4;
pub(super) const PAREN: u32 = 1 << 5;
/// `; * # |` and a NUL: what separates or comments in SQL.
pub(super) const OPERATOR: u32 = 1 << 6;
pub(super) const EQUALS: u32 = 1 << 7;
pub(super) const SPACE: u32 = 1 << 8;
pub(super) const AT: u32 = 1 << 9;
pub(super) const DIGIT: u32 = 1 << 10;
pub(super) const DASH: u32 = 1 << 11;
pub(super) const AMPERSAND: u32 = 1 << 12;
pub(super) const SLASH: u32 = 1 << 13;
pub(super) const COLON: u32 = 1 << 14;
/// `$ { } ^ ! ?` and control characters: rare in values, and what templates, shells and regular expressions are made of.
pub(super) const MARK: u32 = 1 << 15;
/// The first byte of full-width forms (U+FF01 to U+FF5E) and of private characters that some servers read as slashes.
pub(super) const WIDE: u32 = 1 << 16;
/// Letters without which a text is hardly ever base64 of another.
pub(super) const UPPER: u32 = 1 << 17;

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let class = match byte as u8 {
            b'%' => PERCENT,
            b'+' => PLUS,
            b'\\' => BACKSLASH,
            b'\'' | b'"' | b'`' => QUOTE,
            b'<' | b'>' => ANGLE,
            b'(' | b')' => PAREN,
            b';' | b'*' | b'#' | b'|' => OPERATOR,
            0 => OPERATOR | MARK,
            b'=' => EQUALS,
            b' ' | 0xA0 => SPACE,
            b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => SPACE | MARK,
            b'@' => AT,
            b'0'..=b'9' => DIGIT,
            b'-' => DASH,
            b'&' => AMPERSAND,
            b'/' => SLASH,
            b':' => COLON,
            b'$' | b'{' | b'}' | b'^' | b'!' | b'?' | 0x01..=0x08 | 0x0E..=0x1F | 0x7F => MARK,
            0xEE | 0xEF => WIDE,
            b'A'..=b'Z' => UPPER,
            _ => 0,
        };
        table[byte] = class;
        byte += 1;
    }
    table
}

/// The classes that the bytes of the text fall in.
pub(super) fn of(text: &str) -> u32 {
    text.bytes()
        .fold(0, |classes, byte| classes | TABLE[byte as usize])
}

/// Whether two dots, slashes or dashes stand side by side. Without branches, so that the compiler makes vectors of it: a search for
/// each pair would cost more than ordinary texts are long.
pub(super) fn has_pair(text: &[u8]) -> bool {
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    pairs.fold(0_u8, |found, (first, second)| {
        let is_one = u8::from(*first == b'.') | u8::from(*first == b'/') | u8::from(*first == b'-');
        found | (is_one & u8::from(first == second))
    }) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_seen_anywhere() {
        for text in ["..", "a//b", "x--", "/a/b/c/d/e/f/g/h/i/j/k/..", "--a"] {
            assert!(has_pair(text.as_bytes()), "{text}");
        }
        for text in ["", ".", "a.b/c-d", "aa", "./-"] {
            assert!(!has_pair(text.as_bytes()), "{text}");
        }
    }
}
