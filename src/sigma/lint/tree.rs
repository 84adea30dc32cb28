//! Walks through the parts of a condition.

use crate::sigma::annotated::{Part, PartKind};
use crate::sigma::search::Item;

/// Calls `visit` with every part, those above before those below.
pub(super) fn each<'p>(part: &'p Part, visit: &mut dyn FnMut(&'p Part)) {
    visit(part);
    match &part.kind {
        PartKind::All(parts) | PartKind::Any(parts) => {
            for part in parts {
                each(part, visit);
            }
        }
        PartKind::Not(part) | PartKind::Selection(_, part) | PartKind::Filter(_, part) => {
            each(part, visit);
        }
        PartKind::Test(_) => {}
    }
}

/// Every test below a part, with its part.
pub(super) fn tests(part: &Part) -> Vec<(&Part, &Item)> {
    let mut found = Vec::new();
    each(part, &mut |part| {
        if let PartKind::Test(item) = &part.kind {
            found.push((part, item));
        }
    });
    found
}
