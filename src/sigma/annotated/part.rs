//! What has to hold, part by part, with the places of the parts.

use crate::sigma::error::Place;
use crate::sigma::search::{Item, Search};
use crate::yaml::Node;

/// A search identifier.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) part: Part,
    /// Whether the condition names it.
    pub(crate) used: bool,
}

/// What has to hold, and where that is written.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) place: Place,
    /// See [`Node::written_at`].
    pub(crate) written_at: Option<usize>,
    /// Whether it is one value of a list.
    pub(crate) in_list: bool,
    pub(crate) kind: PartKind,
}

#[derive(Clone, Debug)]
pub(crate) enum PartKind {
    All(Vec<Part>),
    Any(Vec<Part>),
    Not(Box<Part>),
    Selection(String, Box<Part>),
    Filter(String, Box<Part>),
    Test(Item),
}

impl Part {
    pub(super) fn new(place: Place, kind: PartKind) -> Part {
        Part {
            place,
            written_at: None,
            in_list: false,
            kind,
        }
    }

    /// A search whose tests are all written at one place.
    pub(super) fn of(search: Search, place: Place) -> Part {
        let all = |terms: Vec<Search>| {
            terms
                .into_iter()
                .map(|term| Part::of(term, place))
                .collect()
        };
        let kind = match search {
            Search::All(terms) => PartKind::All(all(terms)),
            Search::Any(terms) => PartKind::Any(all(terms)),
            Search::Not(term) => PartKind::Not(Box::new(Part::of(*term, place))),
            Search::Item(item) => PartKind::Test(item),
        };
        Part::new(place, kind)
    }

    /// The same without places.
    pub(crate) fn search(&self) -> Search {
        let all = |parts: &[Part]| parts.iter().map(Part::search).collect();
        match &self.kind {
            PartKind::All(parts) => Search::All(all(parts)),
            PartKind::Any(parts) => Search::Any(all(parts)),
            PartKind::Not(part) => Search::Not(Box::new(part.search())),
            PartKind::Selection(_, part) | PartKind::Filter(_, part) => part.search(),
            PartKind::Test(item) => Search::Item(item.clone()),
        }
    }

    /// Gives the values of a list their own places.
    pub(super) fn place_items(&mut self, items: &[Node]) {
        match &mut self.kind {
            PartKind::All(parts) | PartKind::Any(parts) if parts.len() == items.len() => {
                for (part, item) in parts.iter_mut().zip(items) {
                    *part = Part::of(part.search(), item.place);
                    part.written_at = item.written_at();
                    part.in_list = true;
                }
            }
            // `neq`: the field is there, and none of the values.
            PartKind::All(parts) => {
                if let [
                    _,
                    Part {
                        kind: PartKind::Not(values),
                        ..
                    },
                ] = parts.as_mut_slice()
                {
                    values.place_items(items);
                }
            }
            _ => {}
        }
    }
}
