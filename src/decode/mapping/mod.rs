//! JSON of another layout: a tree of keys, and at its leaves the fields that the values belong to.
//!
//! The JSON of known products are mappings that are built in; a file describes any other (`docs/formats.md`).

mod builtin;
mod convert;
mod file;
mod read;

use std::path::Path;

use crate::event::{Event, Field};

pub(super) use builtin::BuiltIn;
pub(super) use convert::Conversion;
pub use file::MappingError;

use super::guard;
use super::native;
use super::rejection::{Rejection, RejectionReason};

/// Most sources of one field.
const MAX_SOURCES: usize = 16;

/// Where the fields of an event stand in a JSON record.
#[derive(Debug)]
pub(super) struct Mapping {
    root: Node,
    /// Where the time is looked for, for the message when it is not there.
    time_places: String,
    /// What the mapping was made from, for the fingerprint.
    source: Vec<u8>,
}

/// A place in the JSON: fields that its value belongs to, and places below it.
#[derive(Debug, Default)]
struct Node {
    targets: Vec<Target>,
    /// Sorted by key.
    children: Vec<(Box<str>, Node)>,
}

/// A field that a value belongs to.
#[derive(Clone, Copy, Debug)]
struct Target {
    field: Field,
    conversion: Conversion,
    /// Of several sources of one field the lowest rank wins that has a value.
    rank: u8,
}

impl Node {
    fn child(&self, key: &str) -> Option<&Node> {
        let at = self
            .children
            .binary_search_by(|(name, _)| (**name).cmp(key))
            .ok()?;
        Some(&self.children[at].1)
    }

    fn insert(&mut self, path: &[String], target: Target) {
        let Some((key, rest)) = path.split_first() else {
            self.targets.push(target);
            return;
        };
        let at = match self
            .children
            .binary_search_by(|(name, _)| (**name).cmp(key))
        {
            Ok(at) => at,
            Err(at) => {
                self.children
                    .insert(at, (key.as_str().into(), Node::default()));
                at
            }
        };
        self.children[at].1.insert(rest, target);
    }
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// When the file cannot be read or is not what `docs/formats.md` says; with line and hint.
    pub(super) fn read(file: &Path) -> Result<Self, MappingError> {
        file::read(file)
    }

    /// What the mapping was made from.
    pub(super) fn source(&self) -> &[u8] {
        &self.source
    }

    /// Decodes one JSON object.
    ///
    /// # Errors
    /// `malformed`, `record_array`, `too_deep`, `wrong_type` or `missing_time`, with the place.
    pub(super) fn decode<'a>(
        &self,
        text: &'a str,
        max_depth: usize,
    ) -> Result<Event<'a>, Rejection> {
        guard::json(text, max_depth)?;
        let mut reading = read::Reading::new();
        let mut json = serde_json::Deserializer::from_str(text);
        let outcome = reading
            .object(&self.root, &mut json)
            .and_then(|()| json.end());
        if let Some(field) = reading.misfit {
            return Err(Rejection::new(
                RejectionReason::WrongType,
                format!(
                    "the value for `{}` is not what its mapping expects; see docs/formats.md",
                    field.name()
                ),
            ));
        }
        outcome.map_err(|error| native::explain(text, &error))?;
        if !reading.has_time() {
            return Err(Rejection::new(
                RejectionReason::MissingTime,
                format!("no time; it is looked for at {}", self.time_places),
            ));
        }
        Ok(reading.event)
    }
}
