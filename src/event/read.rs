//! Reading an event from native JSON, field by field in place.
//!
//! Written by hand: a derived reader compares every key with some seventy names one after the other and moves the finished event
//! several times. Here a key finds its field in a table that is made at compile time, and the value goes straight to its slot.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use super::{Event, Field, Slot, Text};

/// Slots of the table; a power of two, several times the number of fields.
const TABLE: usize = 512;
const EMPTY: u8 = u8::MAX;
const _: () = assert!(
    Field::ALL.len() < 128,
    "duplicates are kept in 128 bits, indexes in a byte"
);

/// Index in [`Field::ALL`] by hash of the name, with linear probing.
static BY_NAME: [u8; TABLE] = table();

const fn table() -> [u8; TABLE] {
    let mut table = [EMPTY; TABLE];
    let mut index = 0;
    while index < Field::ALL.len() {
        let mut at = hash(Field::ALL[index].name().as_bytes());
        while table[at] != EMPTY {
            at = (at + 1) % TABLE;
        }
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let short = index as u8;
        table[at] = short;
        index += 1;
    }
    table
}

/// The names in the order of [`Field::ALL`].
static NAMES: [&str; Field::ALL.len()] = names();

const fn names() -> [&'static str; Field::ALL.len()] {
    let mut names = [""; Field::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Field::ALL[index].name();
        index += 1;
    }
    names
}

/// Length and four bytes tell the names apart well enough; a whole comparison follows.
const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let (first, last) = (name[0] as usize, name[length - 1] as usize);
    let (middle, third) = (name[length / 2] as usize, name[length / 3] as usize);
    (length.wrapping_mul(0x9E5)
        ^ first.wrapping_mul(0x3B)
        ^ last.wrapping_mul(0x1F1)
        ^ middle.wrapping_mul(0x6D)
        ^ (third * 7))
        % TABLE
}

/// The field of this name in native JSON; `None` for unknown keys and for what enrich computes.
pub(crate) fn by_name(name: &str) -> Option<Field> {
    let mut at = hash(name.as_bytes());
    while BY_NAME[at] != EMPTY {
        let index = BY_NAME[at] as usize;
        if NAMES[index] == name {
            let field = Field::ALL[index];
            return (!field.is_computed()).then_some(field);
        }
        at = (at + 1) % TABLE;
    }
    None
}

/// Reads one native record into an event that the caller has made.
#[derive(Debug)]
pub struct EventSeed<'e, 'a>(&'e mut Event<'a>);

impl<'e, 'a> EventSeed<'e, 'a> {
    /// For an event that is empty so far.
    pub fn new(event: &'e mut Event<'a>) -> Self {
        EventSeed(event)
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for EventSeed<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for EventSeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u128;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let Some(field) = by_name(&key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let bit = 1_u128 << field as u8;
            if seen & bit != 0 {
                return Err(A::Error::duplicate_field(field.name()));
            }
            seen |= bit;
            match self.0.slot(field) {
                Slot::Text(slot) => *slot = map.next_value()?,
                Slot::Number(slot) => *slot = map.next_value()?,
                Slot::Address(slot) => *slot = map.next_value()?,
                Slot::Time(slot) => *slot = map.next_value()?,
                // Loggers write `null` where they have nothing, for lists too.
                Slot::List(slot) => {
                    *slot = map
                        .next_value::<Option<Vec<Text<'de>>>>()?
                        .unwrap_or_default();
                }
                Slot::EventTime(slot) => *slot = map.next_value()?,
                Slot::Computed => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if seen & 1 << Field::Time as u8 == 0 {
            return Err(A::Error::missing_field("time"));
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut event = Event::default();
        EventSeed(&mut event).deserialize(deserializer)?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_field_and_no_other_does() {
        for field in Field::ALL {
            let expected = (!field.is_computed()).then_some(*field);
            assert_eq!(by_name(field.name()), expected);
        }
        for name in ["", "t", "times", "Path", "facts", "cs-method"] {
            assert_eq!(by_name(name), None, "{name}");
        }
    }

    #[test]
    fn names_lie_near_their_hash() {
        let probes: usize = Field::ALL
            .iter()
            .map(|field| {
                let start = hash(field.name().as_bytes());
                (0..TABLE)
                    .find(|step| {
                        Field::ALL.get(BY_NAME[(start + step) % TABLE] as usize) == Some(field)
                    })
                    .unwrap()
            })
            .sum();
        assert!(probes < Field::ALL.len() / 2, "{probes} steps in all");
    }
}
