//! The fast way through native JSON: a flat object whose strings have no escapes.
//!
//! What it takes is a subset of JSON, and it means the same as to `serde_json` (a property test holds that); at anything else it gives
//! up and the careful reader begins anew. Without unsafe code: strings are looked through eight bytes at a time.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::event::{Event, Field, Slot, Text, Timestamp, field_by_key};

/// Most items of a list that are read here.
const MAX_ITEMS: usize = 256;

/// Which field comes behind which. A logger writes its keys in one order, so most keys are known before they are read: one comparison
/// instead of a search. Learned once, by all threads together; it decides nothing but speed.
#[derive(Debug)]
pub(super) struct Order {
    /// For each field, and in front for the beginning of the record: index of the next one.
    next: Vec<AtomicU8>,
    /// Each field's name with the quote and the colon behind it.
    keys: Vec<String>,
}

impl Order {
    const UNKNOWN: u8 = u8::MAX;

    pub(super) fn new() -> Self {
        Order {
            next: (0..=Field::ALL.len())
                .map(|_| AtomicU8::new(Self::UNKNOWN))
                .collect(),
            keys: Field::ALL
                .iter()
                .map(|field| format!("{}\":", field.name()))
                .collect(),
        }
    }

    /// The field that came behind `last` when it was first seen, and its key.
    fn after(&self, last: Option<Field>) -> Option<(Field, &str)> {
        let index = usize::from(self.next[Self::place(last)].load(Ordering::Relaxed));
        Some((*Field::ALL.get(index)?, &self.keys[index]))
    }

    fn learn(&self, last: Option<Field>, field: Field) {
        let next = &self.next[Self::place(last)];
        // Never changed again: threads that wrote in turn would take the memory from one another.
        if next.load(Ordering::Relaxed) == Self::UNKNOWN {
            next.store(field as u8, Ordering::Relaxed);
        }
    }

    fn place(last: Option<Field>) -> usize {
        last.map_or(0, |field| field as usize + 1)
    }
}

/// Reads a whole record; `None` when the careful reader has to. The event may be half written then.
pub(super) fn read<'a>(text: &'a str, order: &Order, event: &mut Event<'a>) -> Option<()> {
    let mut json = Scanner { text, at: 0 };
    let mut seen = 0_u128;
    let mut last = None;
    json.expect(b'{')?;
    loop {
        json.expect(b'"')?;
        let field = match order.after(last) {
            Some((field, key)) if json.takes(key) => Some(field),
            _ => {
                let field = field_by_key(json.string()?);
                json.expect(b':')?;
                if let Some(field) = field {
                    order.learn(last, field);
                }
                field
            }
        };
        match field {
            Some(field) => {
                last = Some(field);
                let bit = 1_u128 << field as u8;
                if seen & bit != 0 {
                    return None;
                }
                seen |= bit;
                json.field(event, field)?;
            }
            None => json.skip()?,
        }
        match json.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    let is_whole = json.peek().is_none();
    (is_whole && seen & 1 << Field::Time as u8 != 0).then_some(())
}

/// A place in a record.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The next byte that is no white space, without going on.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Goes behind `text` when that stands here.
    fn takes(&mut self, text: &str) -> bool {
        let is_there = self.bytes()[self.at..].starts_with(text.as_bytes());
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// The string whose opening quote was read; `None` at an escape or a control character.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let bytes = self.bytes();
        let mut at = start;
        while let Some(chunk) = bytes.get(at..at + 8) {
            let special = special_bytes(u64::from_le_bytes(chunk.try_into().ok()?));
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                return self.end_string(start, at);
            }
            at += 8;
        }
        at += bytes
            .get(at..)?
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        self.end_string(start, at)
    }

    fn end_string(&mut self, start: usize, end: usize) -> Option<&'a str> {
        if self.bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// A whole number without sign, fraction and leading zeros.
    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.bytes().get(self.at) {
            value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        let length = self.at - start;
        let has_leading_zero = length > 1 && self.bytes()[start] == b'0';
        // A fraction or exponent is no end of a value: the caller gives up there.
        (length > 0 && !has_leading_zero).then_some(value)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.bytes()[self.at..].starts_with(word);
        self.at += word.len();
        is_there.then_some(())
    }

    /// A value of an unknown key.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string().map(|_| ())
            }
            b'0'..=b'9' => self.number().map(|_| ()),
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => None,
        }
    }

    fn field(&mut self, event: &mut Event<'a>, field: Field) -> Option<()> {
        let first = self.peek()?;
        let slot = event.slot(field);
        if first == b'n' {
            // The slot is empty as it is; but the event needs its time.
            return if matches!(slot, Slot::EventTime(_)) {
                None
            } else {
                self.word(b"null")
            };
        }
        match slot {
            Slot::Text(slot) => *slot = Some(Text::from(self.quoted()?)),
            Slot::Number(slot) => *slot = Some(self.number()?),
            Slot::Address(slot) => *slot = Some(self.quoted()?.parse::<IpAddr>().ok()?),
            Slot::Time(slot) => *slot = Some(self.time(first)?),
            Slot::EventTime(slot) => *slot = self.time(first)?,
            Slot::List(slot) => self.list(slot)?,
            Slot::Computed => return None,
        }
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        self.string()
    }

    fn time(&mut self, first: u8) -> Option<Timestamp> {
        if first == b'"' {
            return Timestamp::parse_rfc3339(self.quoted()?);
        }
        i64::try_from(self.number()?)
            .ok()
            .map(Timestamp::from_millis)
    }

    fn list(&mut self, items: &mut Vec<Text<'a>>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            items.push(Text::from(self.quoted()?));
            match self.next()? {
                b',' if items.len() < MAX_ITEMS => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }
}

/// The high bit of each of eight bytes that is a quote, a backslash or a control character; bits above the lowest may be wrong.
///
/// The test for a zero byte, and for bytes below a number, of Bit Twiddling Hacks (Sean Eron Anderson).
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGH
}
