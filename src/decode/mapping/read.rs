//! Walks a JSON record along a mapping's tree and writes the values that it meets.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::convert::{self, Scalar};
use super::{Conversion, Node};
use crate::decode::request::present;
use crate::event::{Event, Field, Slot, Text};

const UNSET: u8 = u8::MAX;
/// Most items kept of one list.
const MAX_ITEMS: usize = 256;

/// An event in the making.
pub(super) struct Reading<'a> {
    pub(super) event: Event<'a>,
    /// The field whose value was not what its conversion expects.
    pub(super) misfit: Option<Field>,
    /// Rank of the source that each field has its value from.
    ranks: [u8; Field::ALL.len()],
}

impl<'a> Reading<'a> {
    pub(super) fn new() -> Self {
        Reading {
            event: Event::default(),
            misfit: None,
            ranks: [UNSET; Field::ALL.len()],
        }
    }

    pub(super) fn has_time(&self) -> bool {
        self.ranks[Field::Time as usize] != UNSET
    }

    /// Reads one JSON object.
    pub(super) fn object<D: Deserializer<'a>>(
        &mut self,
        root: &Node,
        json: D,
    ) -> Result<(), D::Error> {
        At {
            node: root,
            reading: self,
        }
        .deserialize(json)
    }

    fn write<E: Error>(&mut self, node: &Node, value: &Scalar<'a>) -> Result<(), E> {
        if present(value).is_none() {
            return Ok(());
        }
        for target in &node.targets {
            if target.rank >= self.ranks[target.field as usize] {
                continue;
            }
            if convert::write(
                &mut self.event,
                target.field,
                target.conversion,
                value.clone(),
            )
            .is_none()
            {
                self.misfit = Some(target.field);
                return Err(E::custom("misfit"));
            }
            self.ranks[target.field as usize] = target.rank;
        }
        Ok(())
    }
}

/// A place in the tree and the event that is written.
struct At<'n, 'r, 'a> {
    node: &'n Node,
    reading: &'r mut Reading<'a>,
}

impl<'a> DeserializeSeed<'a> for At<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for At<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the mapping")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'a>>()? {
            match self.node.child(&key) {
                Some(node) => map.next_value_seed(At {
                    node,
                    reading: &mut *self.reading,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        let list = self
            .node
            .targets
            .iter()
            .find(|target| target.conversion == Conversion::List);
        if let Some(target) = list
            && target.rank < self.reading.ranks[target.field as usize]
        {
            let mut texts = Vec::new();
            while let Some(text) = items.next_element::<Text<'a>>().inspect_err(|_| {
                self.reading.misfit = Some(target.field);
            })? {
                if texts.len() < MAX_ITEMS {
                    texts.push(text);
                }
            }
            if let Slot::List(slot) = self.reading.event.slot(target.field) {
                *slot = texts;
            }
            self.reading.ranks[target.field as usize] = target.rank;
            return Ok(());
        }
        let mut index = 0_usize;
        loop {
            let next = match self.node.child(&index.to_string()) {
                Some(node) => items.next_element_seed(At {
                    node,
                    reading: &mut *self.reading,
                })?,
                None => items.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if next.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<(), E> {
        self.reading.write(self.node, &Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.reading.write(self.node, &Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.reading
            .write(self.node, &Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.reading
            .write(self.node, &Cow::Owned(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.reading
            .write(self.node, &Cow::Owned(number.to_string()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.reading.write(
            self.node,
            &Cow::Borrowed(if value { "true" } else { "false" }),
        )
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}
