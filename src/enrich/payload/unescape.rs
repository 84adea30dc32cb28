//! What the languages behind a gateway undo themselves: HTML entities, escapes of JavaScript and C, look-alike characters.
//!
//! Sources: WHATWG HTML (13.2.5.72, character references, also without semicolon and with leading zeros), ECMA-262 (12.9.4),
//! Unicode's full-width forms (U+FF01 to U+FF5E, which NFKC and best-fit tables turn into ASCII).

/// Named references that hide what an attack is made of. Longer names come before their beginnings.
const NAMED: &[(&str, char)] = &[
    ("newline", '\n'),
    ("lbrace", '{'),
    ("rbrace", '}'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("period", '.'),
    ("equals", '='),
    ("lowbar", '_'),
    ("commat", '@'),
    ("colon", ':'),
    ("comma", ','),
    ("grave", '`'),
    ("excl", '!'),
    ("quest", '?'),
    ("quot", '"'),
    ("apos", '\''),
    ("lpar", '('),
    ("rpar", ')'),
    ("lcub", '{'),
    ("rcub", '}'),
    ("lsqb", '['),
    ("rsqb", ']'),
    ("bsol", '\\'),
    ("semi", ';'),
    ("plus", '+'),
    ("nbsp", ' '),
    ("vert", '|'),
    ("num", '#'),
    ("ast", '*'),
    ("amp", '&'),
    ("sol", '/'),
    ("tab", '\t'),
    ("hat", '^'),
    ("lt", '<'),
    ("gt", '>'),
];

/// Most digits of a numeric reference; leading zeros are a way to get past filters.
const DIGITS: usize = 12;

/// The text with references, escapes and look-alikes undone, twice when the first round uncovers more; `None` when there are none.
pub(super) fn unescape(text: &str) -> Option<String> {
    let once = round(text)?;
    Some(round(&once).unwrap_or(once))
}

fn round(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut plain: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let found = match bytes[at] {
            b'&' => reference(&bytes[at + 1..]),
            b'\\' => escape(&bytes[at + 1..]),
            b'0' => hexed_dot(&bytes[at + 1..]),
            0xC4..=0xEF => look_alike(&text[at..]),
            _ => None,
        };
        let Some((character, used)) = found else {
            at += 1;
            while !text.is_char_boundary(at) {
                at += 1;
            }
            continue;
        };
        let plain = plain.get_or_insert_with(|| String::with_capacity(text.len()));
        plain.push_str(&text[copied..at]);
        plain.push(character);
        at += used;
        copied = at;
    }
    let mut plain = plain?;
    plain.push_str(&text[copied..]);
    Some(plain)
}

/// The character of a reference that stands behind `&`, and how many bytes there are with the `&`.
fn reference(rest: &[u8]) -> Option<(char, usize)> {
    let (code, used) = match rest {
        [b'#', b'x' | b'X', digits @ ..] => {
            let (code, used) = number(digits, 16, DIGITS)?;
            (code, used + 3)
        }
        [b'#', digits @ ..] => {
            let (code, used) = number(digits, 10, DIGITS)?;
            (code, used + 2)
        }
        _ => {
            let (name, character) = NAMED.iter().find(|(name, _)| {
                rest.get(..name.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
            })?;
            // `&lt` needs no semicolon, `&period` does; `&ltd=1` of a query is then no reference either.
            let closed = rest.get(name.len()) == Some(&b';');
            let ends = !rest.get(name.len()).is_some_and(u8::is_ascii_alphanumeric);
            if !(closed || ends && name.len() < 5) {
                return None;
            }
            (u32::from(*character), name.len() + 1)
        }
    };
    let closed = usize::from(rest.get(used - 1) == Some(&b';'));
    Some((char::from_u32(code).unwrap_or(' '), used + closed))
}

/// The character of an escape that stands behind a backslash, and how many bytes there are with the backslash.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let (code, used) = match rest {
        [b'x' | b'X', digits @ ..] => {
            let (code, used) = number(digits, 16, 2).filter(|(_, used)| *used == 2)?;
            (code, used + 2)
        }
        [b'u' | b'U', b'{', digits @ ..] => {
            let (code, used) = number(digits, 16, DIGITS)?;
            (digits.get(used) == Some(&b'}')).then_some((code, used + 4))?
        }
        [b'u' | b'U', digits @ ..] => {
            let (code, used) = number(digits, 16, 4).filter(|(_, used)| *used == 4)?;
            (code, used + 2)
        }
        [b'0'..=b'7', ..] => {
            let (code, used) = number(rest, 8, 3)?;
            (code, used + 1)
        }
        [b'/', ..] => (u32::from(b'/'), 2),
        _ => return None,
    };
    Some((char::from_u32(code)?, used))
}

/// `0x2e`, `0x2f` and `0x5c`, which tools write for the dots and slashes of a path.
fn hexed_dot(rest: &[u8]) -> Option<(char, usize)> {
    match rest {
        [b'x' | b'X', b'2', b'e' | b'E', ..] => Some(('.', 4)),
        [b'x' | b'X', b'2', b'f' | b'F', ..] => Some(('/', 4)),
        [b'x' | b'X', b'5', b'c' | b'C', ..] => Some(('\\', 4)),
        _ => None,
    }
}

/// The ASCII character that servers take the first one for, and its length.
fn look_alike(text: &str) -> Option<(char, usize)> {
    let first = text.chars().next()?;
    let plain = match first {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(first) - 0xFEE0)?,
        // Modifier apostrophe; division slash, set minus; what old servers make of these private characters.
        '\u{02B9}' | '\u{02BC}' => '\'',
        '\u{2215}' | '\u{2044}' | '\u{F025}' | '\u{EFC8}' => '/',
        '\u{2216}' => '\\',
        // Servers that keep the low byte of a character make line breaks of these.
        '\u{560A}' => '\n',
        '\u{560D}' => '\r',
        '\u{2024}' => '.',
        '\u{017F}' => 's',
        '\u{0131}' => 'i',
        _ => return None,
    };
    Some((plain, first.len_utf8()))
}

/// A number of at most so many digits, and how many there are; `None` without any.
fn number(digits: &[u8], radix: u32, most: usize) -> Option<(u32, usize)> {
    let mut code = 0_u32;
    let mut used = 0;
    for digit in digits.iter().take(most) {
        let Some(digit) = char::from(*digit).to_digit(radix) else {
            break;
        };
        code = code.saturating_mul(radix).saturating_add(digit);
        used += 1;
    }
    (used > 0).then_some((code, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_escapes_are_undone() {
        for (text, plain) in [
            ("&lt;script&GT;", "<script>"),
            ("&#60;&#x3C;&#0000060&#x03c;", "<<<<"),
            ("java&Tab;script&colon;", "java\tscript:"),
            ("alert&lpar;1&rpar;", "alert(1)"),
            (r"\x3cscript\u003e\u{3c}", "<script><"),
            (r"al\145rt", "alert"),
            ("0x2e0x2e0x5c", "..\\"),
            ("＜ｓｃｒｉｐｔ＞", "<script>"),
            ("&amp;lt;b", "<b"),
            (r"http:\/\/h", "http://h"),
        ] {
            assert_eq!(unescape(text).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for text in [
            "a&b=c",
            "R&D &ltd=1 &period &copy",
            r"C:\new\temp",
            "0x41",
            "Жуковский",
            "&#;&#x;",
        ] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }
}
