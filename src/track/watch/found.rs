//! From what a closed minute showed to findings.

use compact_str::CompactString;
use uuid::Uuid;

use super::errors::Failing;
use super::journal::Flaw;
use super::meta;
use super::seen::MINUTE_US;
use crate::event::Timestamp;
use crate::track::baseline::Shift;
use crate::track::finding::Measure;
use crate::track::{Entity, EntityKind, Finding, Note, Plan, Reason, finding_id};

/// What is counted, as people read it.
const FEWER_CALLS: &str = "calls a minute, fewer than usual";
const MORE_CALLS: &str = "calls a minute, more than usual";
const FAILED_SHARE: &str = "share of failed calls";

/// Makes findings of one closed minute.
pub(super) struct Found<'p> {
    pub(super) plan: &'p Plan,
    pub(super) minute: u32,
}

impl Found<'_> {
    pub(super) fn flaw(&self, gateway: &CompactString, flaw: &Flaw) -> Finding {
        let entity = (EntityKind::Gateway, gateway.clone());
        match *flaw {
            #[expect(clippy::cast_precision_loss, reason = "records of some minutes")]
            Flaw::Missing { count, first, last } => {
                let measure = (Measure::RecordsMissing, count as f64, 0.0);
                let mut finding = self.finding(meta::GAP, entity, measure, count);
                finding.notes.push(Note::Missing { first, last });
                finding
            }
            Flaw::Twice { count } => {
                let measure = (Measure::NumbersRepeated, f64::from(count), 0.0);
                self.finding(meta::DOUBLED, entity, measure, u64::from(count))
            }
            Flaw::SideBySide { rows } => {
                let measure = (Measure::RowsOfNumbers, f64::from(rows), 1.0);
                self.finding(meta::DOUBLED, entity, measure, 1)
            }
            Flaw::Quiet { observed, expected } => {
                let measure = (Measure::Records, observed, expected);
                self.finding(meta::QUIET, entity, measure, 1)
            }
        }
    }

    /// Far fewer calls than usual, or far more.
    pub(super) fn shift(&self, name: &CompactString, shift: &Shift) -> Finding {
        let (detector, metric) = if shift.is_fall {
            (meta::FALL, FEWER_CALLS)
        } else {
            (meta::RISE, MORE_CALLS)
        };
        let numbers = (shift.observed, shift.expected, shift.probability);
        let mut finding = self.unusual(detector, name, (metric, numbers), 1);
        let minutes = i64::from(shift.minutes);
        finding.first = finding.last.plus_micros(1 - minutes * MINUTE_US);
        finding
    }

    /// Far more calls fail than did.
    pub(super) fn failing(&self, name: &CompactString, failing: &Failing) -> Finding {
        let numbers = (failing.observed, failing.expected, failing.probability);
        let count = failing.failed.into();
        self.unusual(meta::FAILING, name, (FAILED_SHARE, numbers), count)
    }

    fn unusual(
        &self,
        detector: Uuid,
        name: &CompactString,
        (metric, (observed, expected, probability)): (&str, (f64, f64, f64)),
        count: u64,
    ) -> Finding {
        let entity = (EntityKind::Integration, name.clone());
        let measure = (Measure::Calls, observed, expected);
        Finding {
            reason: Reason::Baseline {
                metric: metric.to_owned(),
                observed,
                expected,
                probability,
                features: Vec::new(),
            },
            ..self.finding(detector, entity, measure, count)
        }
    }

    pub(super) fn finding(
        &self,
        detector: Uuid,
        (kind, value): (EntityKind, CompactString),
        (measure, observed, expected): (Measure, f64, f64),
        count: u64,
    ) -> Finding {
        let first = Timestamp::from_micros(i64::from(self.minute) * MINUTE_US);
        let entity = Entity { kind, value };
        Finding {
            id: finding_id(detector, &entity, self.plan.bucket(first)),
            rule: detector,
            entity,
            within: CompactString::default(),
            first,
            last: first.plus_micros(MINUTE_US - 1),
            count,
            reason: Reason::Expectation {
                measure,
                observed,
                expected,
            },
            evidence: Vec::new(),
            notes: Vec::new(),
        }
    }
}
