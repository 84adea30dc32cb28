//! Rules with the places of their parts: what the tools for rule authors read. Matching never does.
//!
//! The compiled set has forgotten names of selections and lines of patterns; here every test still knows where it is written.

mod build;
mod locate;
mod part;
mod trace;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use uuid::Uuid;

use super::error::{Place, RuleErrors};
use super::load;
use super::logsource::Logsource;
use crate::yaml::{Kind, Node};

pub use build::annotate;
pub(crate) use part::{Part, PartKind, Selection};
pub use trace::{Seen, Step, Tested, What};

/// Path and text of a rule file.
pub type Source = (PathBuf, String);

/// Reads the rule files below folders, and files that are named, by path in each.
///
/// # Errors
/// What cannot be read; that there is no rule file at all.
pub fn read(places: &[PathBuf]) -> Result<Vec<Source>, RuleErrors> {
    let (sources, errors) = load::files(places);
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(RuleErrors(errors))
    }
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A rule about single events.
    Rule,
    /// A correlation.
    Correlation,
    /// A filter.
    Filter,
}

/// A document of a rule file with the places of its parts.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// What it is.
    pub kind: DocumentKind,
    /// Its title.
    pub title: String,
    /// Its id; nil for a filter without one.
    pub id: Uuid,
    /// Sigma `name`.
    pub name: Option<String>,
    /// Index of its source.
    pub file: usize,
    /// Where the document begins.
    pub place: Place,
    /// The condition as it is written; a list of them joined by `or`.
    pub condition: String,
    pub(crate) node: Node,
    pub(crate) logsource: Logsource,
    pub(crate) selections: Vec<Selection>,
    /// What has to hold; of a correlation nothing.
    pub(crate) root: Option<Part>,
    /// How many cases that match and that do not.
    pub(crate) tests: (usize, usize),
}

impl Annotated {
    /// What each search identifier looks at: the keys as they are written, with the number of their values. Keywords have
    /// an empty key.
    #[must_use]
    pub fn outline(&self) -> Vec<(&str, Vec<(&str, usize)>)> {
        let section = self
            .node
            .get("detection")
            .or_else(|| self.node.get("filter"));
        self.selections
            .iter()
            .map(|selection| {
                let mut keys = Vec::new();
                if let Some(node) = section.and_then(|section| section.get(&selection.name)) {
                    outline(node, &mut keys);
                }
                (selection.name.as_str(), keys)
            })
            .collect()
    }
}

fn outline<'n>(node: &'n Node, keys: &mut Vec<(&'n str, usize)>) {
    match &node.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                let count = match &value.kind {
                    Kind::List(items) => items.len(),
                    _ => 1,
                };
                keys.push((key.scalar_text().unwrap_or_default(), count));
            }
        }
        Kind::List(items) => items.iter().for_each(|item| outline(item, keys)),
        _ => match keys.last_mut() {
            Some(("", count)) => *count += 1,
            _ => keys.push(("", 1)),
        },
    }
}
