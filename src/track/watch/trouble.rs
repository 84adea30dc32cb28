//! Of what it is told that calls fail: of an integration as a whole, or of its operations.
//!
//! What stands behind an integration fails with most of its operations, and one finding says so. Where one operation fails alone, its failures may be a large part of the integration's: the
//! operation is named, and not the integration. What follows within an hour of what was told is the same trouble: no operation is told after its integration, and no
//! integration after its operation unless another one begins to fail too, or more fails than operations explain.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::Called;
use super::errors::Failing;
use super::found::Found;
use super::parts::whole_of;
use crate::track::Finding;

/// What of one integration fails.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// Failed calls of the integration as a whole, where it surely fails; and whether it was told of late.
    whole: u32,
    whole_told: bool,
    /// Its operations that seem to fail, and their failed calls.
    failing: u32,
    failed: u32,
    /// Those that were told of late, and others that surely fail.
    told: u32,
    further: u32,
}

/// Tells what fails in a minute whose calls all are taken in, in the order of names.
pub(super) fn tell(
    operations: &mut BTreeMap<CompactString, Called>,
    at: &Found<'_>,
    out: &mut Vec<Finding>,
) {
    let mut troubles: BTreeMap<CompactString, Trouble> = BTreeMap::new();
    for (name, called) in &*operations {
        let failing = called.errors.failing(at.minute);
        let was_told = called.errors.was_told(at.minute);
        if failing.is_some() || was_told {
            let trouble = troubles.entry(whole_of(name).into()).or_default();
            trouble.add(whole_of(name) == name, failing, was_told);
        }
    }
    if troubles.is_empty() {
        return;
    }
    for (name, called) in operations {
        let Some(trouble) = troubles.get(whole_of(name)) else {
            continue;
        };
        let failing = called.errors.failing(at.minute).copied();
        let failing = failing.filter(|_| called.newest == at.minute);
        let failing = failing.filter(|it| trouble.is_told_of(whole_of(name) == name, it));
        if let Some(failing) = failing {
            called.errors.tell(at.minute);
            out.push(at.failing(name, &failing));
        }
    }
}

impl Trouble {
    fn add(&mut self, is_whole: bool, failing: Option<&Failing>, was_told: bool) {
        let sure = failing.filter(|it| it.is_sure);
        if is_whole {
            self.whole = sure.map_or(0, |it| it.failed);
            self.whole_told = was_told;
        } else {
            self.failing += u32::from(failing.is_some());
            self.failed += failing.map_or(0, |it| it.failed);
            self.told += u32::from(was_told);
            self.further += u32::from(sure.is_some() && !was_told);
        }
    }

    fn is_told_of(&self, is_whole: bool, failing: &Failing) -> bool {
        match (is_whole, self.is_of_whole()) {
            (true, true) => failing.is_sure,
            // The only one that fails stands for its integration, though of it alone one would not be sure yet.
            (false, false) => failing.is_sure || self.whole > 0 && self.failing == 1,
            _ => false,
        }
    }

    /// Whether the integration is told, and none of its operations.
    fn is_of_whole(&self) -> bool {
        // Nothing may tell its calls apart, or each operation have too few.
        let is_explained = self.failed >= self.whole / 2;
        let are_several = if self.told > 0 {
            self.further > 0
        } else {
            self.failing > 1
        };
        self.whole_told || self.whole > 0 && (are_several || !is_explained)
    }
}
