//! Percent-decoding as attackers expect it to happen: repeatedly, with `%u`, with overlong UTF-8.
//!
//! Three rounds are enough: servers decode once or twice. Sources: RFC 3986 (2.1), RFC 3629 (overlong forms), `ModSecurity`'s
//! `urlDecodeUni` for `%uXXXX`.

use std::borrow::Cow;

/// Most rounds of decoding.
const ROUNDS: usize = 3;

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    /// A second round still changed something.
    pub(super) repeated: bool,
    /// A `%` that begins no sequence, an overlong form, or a NUL.
    pub(super) broken: bool,
}

/// Decodes one part of a path or query, that is between its separators. With `plus`, `+` is a space in the first round.
pub(super) fn decode<'t>(raw: &'t str, plus: bool, oddities: &mut Oddities) -> Cow<'t, str> {
    if !raw.bytes().any(|byte| byte == b'%' || plus && byte == b'+') {
        return Cow::Borrowed(raw);
    }
    let mut text = Cow::Borrowed(raw);
    for round in 0..ROUNDS {
        let mut bytes = Bytes::with_capacity(text.len());
        let changed = decode_round(
            text.as_bytes(),
            plus && round == 0,
            round == 0,
            oddities,
            &mut bytes,
        );
        if !changed {
            break;
        }
        oddities.repeated |= round > 0;
        text = Cow::Owned(to_text(bytes.plain, oddities));
        if !text.contains('%') {
            break;
        }
    }
    text
}

/// A decoded text, and where each of its bytes stood in the raw one.
pub(super) struct Mapped {
    pub(super) text: String,
    /// One offset a byte of `text`, and one behind the last.
    pub(super) offsets: Vec<u32>,
}

/// Decodes like [`decode`] and keeps track of places, so that what is found can be replaced in the raw text.
pub(super) fn decode_mapped(raw: &str, plus: bool) -> Mapped {
    let identity = |length: usize| (0..=u32::try_from(length).unwrap_or(u32::MAX)).collect();
    let mut mapped = Mapped {
        text: raw.to_owned(),
        offsets: identity(raw.len()),
    };
    for round in 0..ROUNDS {
        let mut bytes = Bytes {
            plain: Vec::with_capacity(mapped.text.len()),
            places: Some(Vec::with_capacity(mapped.text.len())),
        };
        let mut ignored = Oddities::default();
        let changed = decode_round(
            mapped.text.as_bytes(),
            plus && round == 0,
            false,
            &mut ignored,
            &mut bytes,
        );
        if !changed {
            break;
        }
        let end = mapped.offsets.last().copied().unwrap_or_default();
        let places = bytes.places.unwrap_or_default();
        // A byte that is no UTF-8 becomes `?`: one byte stays one byte, so places hold.
        let plain = ascii_where_invalid(bytes.plain);
        let mut offsets: Vec<u32> = places
            .iter()
            .map(|place| mapped.offsets[*place as usize])
            .collect();
        offsets.push(end);
        mapped = Mapped {
            text: plain,
            offsets,
        };
    }
    mapped
}

fn ascii_where_invalid(mut bytes: Vec<u8>) -> String {
    loop {
        match String::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let length = error.utf8_error().error_len();
                bytes = error.into_bytes();
                let end = length.map_or(bytes.len(), |length| at + length);
                bytes[at..end].fill(b'?');
            }
        }
    }
}

/// Decoded bytes, and their places in the input when they are asked for.
struct Bytes {
    plain: Vec<u8>,
    places: Option<Vec<u32>>,
}

impl Bytes {
    fn with_capacity(capacity: usize) -> Self {
        Bytes {
            plain: Vec::with_capacity(capacity),
            places: None,
        }
    }

    fn push(&mut self, byte: u8, place: usize) {
        self.plain.push(byte);
        if let Some(places) = &mut self.places {
            places.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }
}

/// One round; says whether anything changed.
fn decode_round(
    input: &[u8],
    plus: bool,
    is_first: bool,
    oddities: &mut Oddities,
    out: &mut Bytes,
) -> bool {
    let mut changed = false;
    let mut at = 0;
    while at < input.len() {
        let used = match &input[at..] {
            [b'%', b'u' | b'U', a, b, c, d, ..] if hex4(*a, *b, *c, *d).is_some() => {
                let code = hex4(*a, *b, *c, *d).unwrap_or_default();
                let mut buffer = [0; 4];
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    out.push(byte, at);
                }
                oddities.broken |= code == 0;
                6
            }
            [b'%', high, low, ..] if hex2(*high, *low).is_some() => {
                let byte = hex2(*high, *low).unwrap_or_default();
                out.push(byte, at);
                oddities.broken |= byte == 0;
                3
            }
            [b'+', ..] if plus => {
                out.push(b' ', at);
                1
            }
            [byte, ..] => {
                out.push(*byte, at);
                // What an earlier round uncovered may be any text: only the raw one can be broken.
                oddities.broken |= *byte == b'%' && is_first;
                at += 1;
                continue;
            }
            [] => break,
        };
        changed = true;
        at += used;
    }
    changed
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn hex2(high: u8, low: u8) -> Option<u8> {
    Some(hex(high)? << 4 | hex(low)?)
}

fn hex4(a: u8, b: u8, c: u8, d: u8) -> Option<u32> {
    Some(u32::from(hex2(a, b)?) << 8 | u32::from(hex2(c, d)?))
}

/// The bytes as text. Overlong forms become the character they stand for; what else is no UTF-8 becomes U+FFFD.
fn to_text(bytes: Vec<u8>, oddities: &mut Oddities) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (code, used) = overlong(&bytes[at..]);
        if used == 0 {
            plain.push(bytes[at]);
            at += 1;
            continue;
        }
        oddities.broken = true;
        let mut buffer = [0; 4];
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        plain.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        at += used;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The code point of an overlong form at the beginning, and its length; length 0 when there is none.
fn overlong(bytes: &[u8]) -> (u32, usize) {
    let tail = |byte: u8| u32::from(byte & 0x3F);
    let is_tail = |byte: u8| byte & 0xC0 == 0x80;
    match bytes {
        [first @ (0xC0 | 0xC1), a, ..] if is_tail(*a) => {
            (u32::from(first & 0x1F) << 6 | tail(*a), 2)
        }
        [0xE0, a @ 0x80..=0x9F, b, ..] if is_tail(*b) => (tail(*a) << 6 | tail(*b), 3),
        [0xF0, a @ 0x80..=0x8F, b, c, ..] if is_tail(*b) && is_tail(*c) => {
            (tail(*a) << 12 | tail(*b) << 6 | tail(*c), 4)
        }
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> (String, bool, bool) {
        let mut oddities = Oddities::default();
        let text = decode(raw, true, &mut oddities).into_owned();
        (text, oddities.repeated, oddities.broken)
    }

    #[test]
    fn encodings_are_undone() {
        for (raw, text, repeated, broken) in [
            ("plain", "plain", false, false),
            ("a+b%20c", "a b c", false, false),
            ("%252e%252E%252f", "../", true, false),
            ("%25252e", ".", true, false),
            ("%u003cscript%u003E", "<script>", false, false),
            ("%c0%ae%e0%80%af%f0%80%80%af", ".//", false, true),
            ("%D0%96", "Ж", false, false),
            ("100%", "100%", false, true),
            ("100%25", "100%", false, false),
            ("a%00b", "a\0b", false, true),
            ("%ff", "\u{FFFD}", false, false),
        ] {
            assert_eq!(decoded(raw), (text.to_owned(), repeated, broken), "{raw}");
        }
    }

    #[test]
    fn places_lead_back_to_the_raw_text() {
        let raw = "q=a%2540b.c&x=%ff%D0%96";
        let mapped = decode_mapped(raw, true);
        assert_eq!(mapped.text, "q=a@b.c&x=?Ж");
        let at = mapped.text.find('@').unwrap();
        assert_eq!(
            &raw[mapped.offsets[at] as usize..mapped.offsets[at + 1] as usize],
            "%2540"
        );
        assert_eq!(mapped.offsets.len(), mapped.text.len() + 1);
        assert_eq!(*mapped.offsets.last().unwrap() as usize, raw.len());
    }
}
