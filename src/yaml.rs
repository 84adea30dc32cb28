//! YAML with places: every node knows its line and column, and a number knows how it was written.
//!
//! Bounded: depth, nodes, aliases and documents by the YAML reader's budget, the size of a file by the caller.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::diagnostic::Place;

/// Deepest nesting of a rule file.
const MAX_DEPTH: usize = 32;

/// Most documents in a file.
const MAX_DOCUMENTS: usize = 1_000;

/// One node and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// First byte in the source and length.
    span: Option<(usize, usize)>,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number as it is written, with its value.
    Number {
        written: String,
        value: Number,
    },
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Value of a YAML number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i128),
    Float(f64),
}

impl Node {
    /// The text of a string, number or boolean as it is written.
    pub(crate) fn scalar_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Number { written, .. } => Some(written),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Where the node is written, as a byte of the source: the same for every use of an anchor.
    pub(crate) fn written_at(&self) -> Option<usize> {
        self.span.map(|(begin, _)| begin)
    }

    /// What the node is, for a message.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number { .. } => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The entries of a map, `None` for any other node.
    pub(crate) fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value beside a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|(name, _)| name.scalar_text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The node as JSON; a key that is no scalar is left out.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Number { written, value } => match value {
                Number::Whole(whole) => i64::try_from(*whole)
                    .map(Into::into)
                    .or_else(|_| u64::try_from(*whole).map(Into::into))
                    .unwrap_or_else(|_| written.clone().into()),
                Number::Float(float) => (*float).into(),
            },
            Kind::Text(text) => text.clone().into(),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => entries
                .iter()
                .filter_map(|(key, value)| Some((key.scalar_text()?.to_owned(), value.to_json())))
                .collect(),
        }
    }

    /// Numbers take their text from the source, so that `0200` or `1e3` stay what they are.
    fn take_written(&mut self, source: &str) {
        match &mut self.kind {
            Kind::Number { written, .. } => {
                let text = self
                    .span
                    .and_then(|(begin, len)| source.get(begin..begin.checked_add(len)?));
                if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
                    text.clone_into(written);
                }
            }
            Kind::List(items) => items.iter_mut().for_each(|item| item.take_written(source)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.take_written(source);
                    value.take_written(source);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Text(_) => {}
        }
    }
}

/// Reads all documents of a file; empty ones are left out.
///
/// # Errors
/// What the YAML reader says, and where.
pub(crate) fn parse(source: &str) -> Result<Vec<Node>, (Place, String)> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: MAX_DOCUMENTS,
        },
    };
    let mut documents = serde_saphyr::from_multiple_with_options::<Node>(source, options)
        .map_err(|error| explain(&error))?;
    for document in &mut documents {
        document.take_written(source);
    }
    Ok(documents)
}

fn explain(error: &serde_saphyr::Error) -> (Place, String) {
    let place = error.location().map(place_of).unwrap_or_default();
    let message = error.without_snippet().to_string();
    let first_line = message.lines().next().unwrap_or_default();
    (place, format!("not valid YAML: {first_line}"))
}

/// The place of the YAML reader in ours.
pub(crate) fn place_of(location: serde_saphyr::Location) -> Place {
    Place {
        line: u32::try_from(location.line()).unwrap_or(0),
        column: u32::try_from(location.column()).unwrap_or(0),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let span = spanned.defined.span();
        let begin = span.byte_offset().and_then(|at| usize::try_from(at).ok());
        let len = span.byte_len().and_then(|len| usize::try_from(len).ok());
        Ok(Node {
            place: place_of(spanned.referenced),
            kind: spanned.value,
            span: begin.zip(len),
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

fn whole(value: i128) -> Kind {
    Kind::Number {
        written: value.to_string(),
        value: Number::Whole(value),
    }
}

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Kind, E> {
        Ok(whole(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Kind, E> {
        Ok(whole(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Kind, E> {
        Ok(whole(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Number {
            written: value.to_string(),
            value: Number::Float(value),
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Kind, E> {
        Ok(Kind::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Kind::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_places_and_numbers_their_spelling() {
        let source = "a: 0200\nb:\n  - 'x'\n  - 1.50\n  - null\n---\n\"c\": \"12\"\n";
        let documents = parse(source).unwrap();
        assert_eq!(documents.len(), 2);
        let a = documents[0].get("a").unwrap();
        assert_eq!(a.place, Place { line: 1, column: 4 });
        assert_eq!(a.scalar_text(), Some("0200"));
        let Kind::List(items) = &documents[0].get("b").unwrap().kind else {
            panic!("not a list")
        };
        assert_eq!(items[0].place, Place { line: 3, column: 5 });
        assert_eq!(items[1].scalar_text(), Some("1.50"));
        assert!(matches!(items[2].kind, Kind::Null));
        let c = documents[1].get("c").unwrap();
        assert!(matches!(&c.kind, Kind::Text(text) if text == "12"));
        assert_eq!(documents[1].entries().unwrap()[0].0.place.line, 7);
    }

    #[test]
    fn a_duplicate_key_and_a_broken_file_are_errors_with_a_place() {
        for (source, line) in [("a: 1\na: 2\n", 2), ("a: [1\nb: }\n", 2)] {
            let (place, message) = parse(source).unwrap_err();
            assert_eq!(place.line, line, "{message}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(5_000);
        assert!(parse(&deep).is_err());
        let closed = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&closed).is_err());
    }
}
