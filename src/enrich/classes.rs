//! Cheap test of a text before any costly one: which classes of bytes it has, in one pass over a table.

pub(super) const PERCENT: u16 = 1;
pub(super) const PLUS: u16 = 1 << 1;
pub(super) const BACKSLASH: u16 = 1 << 2;
pub(super) const QUOTE: u16 = 1 << 3;
pub(super) const ANGLE: u16 = 1 << 4;
pub(super) const PAREN: u16 = 1 << 5;
/// `; * # |` and a NUL: what separates or comments in SQL.
pub(super) const OPERATOR: u16 = 1 << 6;
pub(super) const EQUALS: u16 = 1 << 7;
pub(super) const SPACE: u16 = 1 << 8;
pub(super) const AT: u16 = 1 << 9;
pub(super) const DIGIT: u16 = 1 << 10;
pub(super) const DASH: u16 = 1 << 11;
pub(super) const AMPERSAND: u16 = 1 << 12;

static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
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
            b';' | b'*' | b'#' | b'|' | 0 => OPERATOR,
            b'=' => EQUALS,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C | 0xA0 => SPACE,
            b'@' => AT,
            b'0'..=b'9' => DIGIT,
            b'-' => DASH,
            b'&' => AMPERSAND,
            _ => 0,
        };
        table[byte] = class;
        byte += 1;
    }
    table
}

/// The classes that the bytes of the text fall in.
pub(super) fn of(text: &str) -> u16 {
    text.bytes()
        .fold(0, |classes, byte| classes | TABLE[byte as usize])
}
