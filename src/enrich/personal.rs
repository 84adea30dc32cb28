//! Shapes of personal data in text: e-mail addresses, telephone numbers, vehicle plates, payment cards, passports.
//!
//! Hand-written scanners, one pass, no allocation unless something is found. They work on decoded text.
//! - e-mail: RFC 5322 `dot-atom`, a domain with a top level of letters;
//! - telephone: 11 digits from 7 or 8 with an area code that Russia has (3, 4, 8, 9), or `+` and 8 to 15 digits (E.164), with
//!   spaces, dashes and parentheses between;
//! - plate (GOST R 50577): letter, three digits, two letters, region, in the twelve letters that Cyrillic and Latin share;
//! - card: 13 to 19 digits of a scheme's length and range that pass the Luhn check (ISO/IEC 7812);
//! - passport: four and six digits near the word passport or паспорт.

use std::ops::Range;

/// What a place in a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Email,
    Phone,
    Plate,
    Card,
    Passport,
}

/// How far before a number the word passport may stand, in bytes.
const PASSPORT_REACH: usize = 48;
/// Fewest digits of a telephone, card or passport number.
const MIN_NUMBER: usize = 8;
/// Longest local part of an address (RFC 5321).
const MAX_LOCAL: usize = 64;

/// All shapes of a text, in order, without overlaps.
pub(super) fn find(text: &str) -> Vec<(Shape, Range<usize>)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(step) = bytes[at..]
        .iter()
        .position(|byte| byte.is_ascii_digit() || *byte == b'@')
    {
        let start = at + step;
        let shape = if bytes[start] == b'@' {
            email(text, start, at)
        } else {
            number(text, start, at)
        };
        at = match shape {
            Some((shape, range)) => {
                let end = range.end;
                found.push((shape, range));
                end
            }
            None => start + digits_from(bytes, start).max(1),
        };
    }
    found
}

fn digits_from(bytes: &[u8], start: usize) -> usize {
    bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// The address around an `@`; its local part begins at `floor` at the earliest.
fn email(text: &str, at: usize, floor: usize) -> Option<(Shape, Range<usize>)> {
    let bytes = text.as_bytes();
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%*+-_~^".contains(&byte) || byte >= 0x80;
    let local = bytes[floor..at]
        .iter()
        .rev()
        .take(MAX_LOCAL)
        .take_while(|byte| is_local(**byte))
        .count();
    let mut start = at - local;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let is_domain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80;
    let domain_length = bytes[at + 1..]
        .iter()
        .take(255)
        .take_while(|byte| is_domain(**byte))
        .count();
    let mut end = at + 1 + domain_length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let domain = text[at + 1..end].trim_end_matches(['.', '-']);
    let (name, top) = domain.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    (start < at && !name.is_empty() && is_top)
        .then_some((Shape::Email, start..at + 1 + domain.len()))
}

/// The plate, telephone, card or passport that begins with the digits at `start`.
fn number(text: &str, start: usize, floor: usize) -> Option<(Shape, Range<usize>)> {
    let bytes = text.as_bytes();
    let length = digits_from(bytes, start);
    if length == 3
        && let Some(range) = plate(text, start, floor)
    {
        return Some((Shape::Plate, range));
    }
    let goes_on = matches!(bytes.get(start + length), Some(b' ' | b'-' | b'(' | b')'));
    if length < MIN_NUMBER && !goes_on || !begins_number(bytes, start) {
        return None;
    }
    let run = Digits::run(bytes, start);
    if run.ends_well(bytes) && is_card(run.as_slice()) {
        return Some((Shape::Card, start..run.end));
    }
    let grouped = Digits::grouped(bytes, start);
    if !grouped.ends_well(bytes) {
        return None;
    }
    let digits = grouped.as_slice();
    if let Some(begin) = phone_begin(bytes, start, digits) {
        return Some((Shape::Phone, begin..grouped.end));
    }
    if is_card(digits) {
        return Some((Shape::Card, start..grouped.end));
    }
    let is_passport = digits.len() == 10 && grouped.plain && names_passport(text, start);
    is_passport.then_some((Shape::Passport, start..grouped.end))
}

/// Whether a number can begin here: not inside a word, nor inside a dashed id such as a UUID.
fn begins_number(bytes: &[u8], start: usize) -> bool {
    match bytes[..start] {
        [.., before, b'-' | b'_' | b'.'] => !before.is_ascii_alphanumeric(),
        [.., before] => !before.is_ascii_alphanumeric() && before < 0x80,
        [] => true,
    }
}

/// Digits of one number, with what may stand between them.
struct Digits {
    values: [u8; 20],
    length: usize,
    end: usize,
    /// Only single spaces and dashes stand between.
    plain: bool,
}

impl Digits {
    fn run(bytes: &[u8], start: usize) -> Digits {
        Digits::collect(bytes, start, 0)
    }

    fn grouped(bytes: &[u8], start: usize) -> Digits {
        Digits::collect(bytes, start, 2)
    }

    fn collect(bytes: &[u8], start: usize, max_gap: usize) -> Digits {
        let mut this = Digits {
            values: [0; 20],
            length: 0,
            end: start,
            plain: true,
        };
        let mut at = start;
        while this.length < this.values.len() {
            let gap = bytes[at..]
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'-' | b'(' | b')'))
                .count();
            let Some(byte) = bytes.get(at + gap).filter(|byte| byte.is_ascii_digit()) else {
                break;
            };
            if gap > max_gap {
                break;
            }
            this.plain &= gap == 0 || gap == 1 && matches!(bytes[at], b' ' | b'-');
            this.values[this.length] = byte - b'0';
            this.length += 1;
            at += gap + 1;
            this.end = at;
        }
        this
    }

    fn as_slice(&self) -> &[u8] {
        &self.values[..self.length]
    }

    /// Whether no word, no further digit and no dashed id goes on behind the number.
    fn ends_well(&self, bytes: &[u8]) -> bool {
        match bytes[self.end..] {
            [b'-' | b'_' | b'.', after, ..] => !after.is_ascii_alphanumeric(),
            [after, ..] => !after.is_ascii_alphanumeric() && after < 0x80,
            [] => true,
        }
    }
}

/// Where the telephone number begins, its `+` included.
fn phone_begin(bytes: &[u8], start: usize, digits: &[u8]) -> Option<usize> {
    // A raw `+` in a query is decoded to a space; at the beginning of a value it was a plus.
    let has_plus = match bytes[..start] {
        [.., b'+'] | [.., b'=', b' '] => true,
        [.., b'+', b'('] => return (8..=15).contains(&digits.len()).then_some(start - 2),
        _ => false,
    };
    let is_russian = matches!(digits, [7 | 8, 3 | 4 | 8 | 9, ..]) && digits.len() == 11;
    if has_plus && (8..=15).contains(&digits.len()) && digits[0] != 0 {
        return Some(start - 1);
    }
    is_russian.then_some(start)
}

/// Whether the digits are a card number of a scheme's range and length, with a right check digit.
fn is_card(digits: &[u8]) -> bool {
    if digits.len() < 13 || digits.len() > 19 {
        return false;
    }
    let prefix = digits[..4]
        .iter()
        .fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let fits = match (prefix, digits.len()) {
        // Mir, Mastercard, American Express and Diners, Visa, UnionPay and Maestro.
        (2200..=2204 | 6000..=6999, 16..=19)
        | (2221..=2720 | 3528..=3589 | 5100..=5599, 16)
        | (3400..=3499 | 3700..=3799, 15)
        | (3000..=3059 | 3600..=3699 | 3800..=3999, 14)
        | (4000..=4999, 13 | 16 | 19) => true,
        _ => false,
    };
    fits && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let doubled = u32::from(*digit) * if at % 2 == 1 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn names_passport(text: &str, start: usize) -> bool {
    let mut from = start.saturating_sub(PASSPORT_REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = text[from..start].to_lowercase();
    before.contains("passport") || before.contains("паспорт")
}

/// The plate whose three digits begin at `start`.
fn plate(text: &str, start: usize, floor: usize) -> Option<Range<usize>> {
    let (before, rest) = (&text[floor..start], &text[start + 3..]);
    let before = before.strip_suffix([' ', '-']).unwrap_or(before);
    let first = before
        .chars()
        .next_back()
        .filter(|letter| is_plate_letter(*letter))?;
    let begin = floor + before.len() - first.len_utf8();
    // A hyphen beside it says that it is a part of a longer name, such as a UUID.
    let is_word = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '-')
    };
    if is_word(text[..begin].chars().next_back()) || text[start..].starts_with("000") {
        return None;
    }
    let letters = rest.strip_prefix([' ', '-']).unwrap_or(rest);
    let mut characters = letters.chars();
    let pair = [characters.next()?, characters.next()?];
    if !pair.iter().all(|letter| is_plate_letter(*letter)) {
        return None;
    }
    let region = characters.as_str();
    let region = region.strip_prefix([' ', '-']).unwrap_or(region);
    let digits = digits_from(region.as_bytes(), 0);
    let fits = digits == 2 || digits == 3 && region.starts_with(['1', '2', '7', '9']);
    if !fits || is_word(region[digits..].chars().next()) {
        return None;
    }
    Some(begin..text.len() - region.len() + digits)
}

/// The letters of plates, in both alphabets.
pub(super) fn is_plate_letter(letter: char) -> bool {
    "ABEKMHOPCTYXabekmhopctyxАВЕКМНОРСТУХавекмнорстух".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Shape, &str)> {
        find(text)
            .into_iter()
            .map(|(shape, range)| (shape, &text[range]))
            .collect()
    }

    #[test]
    fn personal_shapes_are_found() {
        for (text, shape, part) in [
            (
                "mail=ivan.petrov+x@mail.example.ru&a",
                Shape::Email,
                "ivan.petrov+x@mail.example.ru",
            ),
            ("почта иван@почта.рф.", Shape::Email, "иван@почта.рф"),
            ("p=+7 (916) 123-45-67", Shape::Phone, "+7 (916) 123-45-67"),
            ("p= 79161234567&x", Shape::Phone, " 79161234567"),
            ("/by-phone/89161234567", Shape::Phone, "89161234567"),
            ("+442071838750", Shape::Phone, "+442071838750"),
            ("plate=А123ВС77", Shape::Plate, "А123ВС77"),
            ("/plates/a123bc777/open", Shape::Plate, "a123bc777"),
            ("x К 001 АА 199,", Shape::Plate, "К 001 АА 199"),
            (
                "card=4111 1111 1111 1111",
                Shape::Card,
                "4111 1111 1111 1111",
            ),
            ("2200000000000004", Shape::Card, "2200000000000004"),
            ("passport=4509 123456", Shape::Passport, "4509 123456"),
            ("Паспорт: 4509123456", Shape::Passport, "4509123456"),
        ] {
            assert_eq!(found(text), [(shape, part)], "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_not_personal() {
        for text in [
            "550e8400-e29b-41d4-a716-446655440000",
            "79161234-5678-4123-8123-446655440000",
            "e228bb56-19a9-4f12-a12c-5d641718f955",
            "1c9f0a52-77aa-4d15-9c1e-a123bc779012",
            "from=2026-03-01T10:00:00Z&to=2026-03-02",
            "1772359200250",
            "1772359200250123",
            "id=4509123456",
            "4111111111111112",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0",
            "a@b",
            "user@localhost",
            "x000aa77",
            "sha=a123bc77d",
            "10.0.0.12:59292",
            "",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn several_are_found_in_order() {
        let shapes: Vec<Shape> = find("a@b.ru 79161234567 a123bc77")
            .into_iter()
            .map(|(shape, _)| shape)
            .collect();
        assert_eq!(shapes, [Shape::Email, Shape::Phone, Shape::Plate]);
    }
}
