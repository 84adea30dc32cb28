//! Which alerts response looks at: those with something new since the last look, now and then all.
//!
//! Nothing is lost. What makes an alert one to answer, or a cleared one, is a row: a revision, which the store dates as it comes, or a deed of a person. Each look begins
//! [`AGAIN_S`] before the last one that went well began, so it finds rows that were on their way then, and what a look found is on record before it went well. Rows that
//! were on their way for longer, or come from a clock that is further behind, are found by the look at all, each [`WHOLE_S`] and at the start.

/// How often all alerts are looked at, in seconds, and not only those with something new.
const WHOLE_S: u32 = 600;
/// So much is looked at again, in seconds: an insert may take minutes, and what people do is dated by other clocks.
const AGAIN_S: u32 = 300;

/// Up to when alerts were looked at, in seconds by the clock of the store.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// When the last look at all alerts began.
    whole: Option<u32>,
    /// When the last look began.
    last: u32,
}

impl Looks {
    /// Since when an alert has to have something new; `None`: all are looked at, as when the clock was put back behind the last look at all.
    pub(super) fn since(&self, clock: u32) -> Option<u32> {
        let ago = clock.checked_sub(self.whole?)?;
        (ago < WHOLE_S).then(|| self.last.min(clock).saturating_sub(AGAIN_S))
    }

    /// A look went well that began then.
    pub(super) fn went_well(&mut self, clock: u32, since: Option<u32>) {
        if since.is_none() {
            self.whole = Some(clock);
        }
        self.last = clock;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_alerts_are_looked_at_first_and_then_what_is_new() {
        let mut looks = Looks::default();
        assert_eq!(looks.since(10_000), None);
        // It did not go well: all of them again.
        assert_eq!(looks.since(10_002), None);
        looks.went_well(10_002, None);
        assert_eq!(looks.since(10_004), Some(10_002 - AGAIN_S));
        looks.went_well(10_004, looks.since(10_004));
        // An outage: what came in it is found after it.
        assert_eq!(looks.since(10_300), Some(10_004 - AGAIN_S));
        looks.went_well(10_300, looks.since(10_300));
        assert_eq!(looks.since(10_601), Some(10_300 - AGAIN_S));
        assert_eq!(looks.since(10_602), None, "ten minutes after the first");
        looks.went_well(10_602, None);
        assert_eq!(looks.since(10_604), Some(10_602 - AGAIN_S));
    }

    #[test]
    fn a_clock_that_was_put_back_hides_nothing() {
        let mut looks = Looks::default();
        looks.went_well(10_000, None);
        looks.went_well(10_400, looks.since(10_400));
        assert_eq!(looks.since(10_050), Some(10_050 - AGAIN_S));
        assert_eq!(looks.since(9_999), None);
    }
}
