//! An alert that may still grow.

use std::sync::Arc;

use uuid::Uuid;

use super::Key;
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::sigma::RuleMeta;
use crate::track::{Evidence, Finding, Note, Reason};

/// Sample events kept from the beginning of an alert, and as many from its end.
const FIRST: usize = 5;
const EVIDENCE: usize = 2 * FIRST;
/// More notes than this say nothing more to a person.
const NOTES: usize = 8;
/// Tags of one alert.
const TAGS: usize = 64;
/// Rules named on one alert.
const RULES: usize = 64;

pub(super) struct Open {
    pub(super) id: Uuid,
    pub(super) revision: u64,
    pub(super) meta: Arc<RuleMeta>,
    pub(super) rules: Vec<Uuid>,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    pub(super) findings: u64,
    pub(super) reason: Reason,
    /// In the order of the findings' turns.
    pub(super) evidence: Vec<Evidence>,
    pub(super) notes: Vec<Note>,
    /// Turn of the newest finding.
    pub(super) turn: Timestamp,
    /// Whether anybody has yet to be told of the newest revision.
    pub(super) changed: bool,
}

impl Open {
    /// An alert that is about to get its first finding.
    pub(super) fn new(
        id: Uuid,
        revision: u64,
        meta: &Arc<RuleMeta>,
        finding: &Finding,
        turn: Timestamp,
    ) -> Self {
        Open {
            id,
            revision,
            meta: Arc::clone(meta),
            rules: Vec::new(),
            first: finding.first,
            last: finding.last,
            count: 0,
            findings: 0,
            reason: finding.reason.clone(),
            evidence: Vec::new(),
            notes: Vec::new(),
            turn,
            changed: false,
        }
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding, meta: &Arc<RuleMeta>, turn: Timestamp) {
        let is_rarer = meta.level == self.meta.level && rarer(&finding.reason, &self.reason);
        let other = if meta.level > self.meta.level || is_rarer {
            self.reason = finding.reason;
            std::mem::replace(&mut self.meta, Arc::clone(meta))
        } else {
            Arc::clone(meta)
        };
        self.take_tags(&other.tags);
        if !self.rules.contains(&finding.rule) && self.rules.len() < RULES {
            self.rules.push(finding.rule);
        }
        self.first = self.first.min(finding.first);
        self.last = self.last.max(finding.last);
        self.count = self.count.saturating_add(finding.count);
        self.findings += 1;
        for evidence in finding.evidence {
            if self
                .evidence
                .iter()
                .any(|known| known.position == evidence.position)
            {
                continue;
            }
            if self.evidence.len() == EVIDENCE {
                self.evidence.remove(FIRST);
            }
            self.evidence.push(evidence);
        }
        for note in finding.notes {
            self.note(note);
        }
        self.turn = turn;
        self.revise();
    }

    /// Says that the alert had to be closed although more may come.
    pub(super) fn cut_short(&mut self) {
        self.note(Note::ClosedEarly);
        self.revise();
    }

    /// The alert as it is told.
    pub(super) fn alert(&self, key: &Key) -> Alert {
        let mut evidence = self.evidence.clone();
        evidence.sort_by_key(|event| (event.time, event.position.partition, event.position.offset));
        Alert {
            id: self.id,
            revision: self.revision,
            rule: (*self.meta).clone(),
            rules: self.rules.clone(),
            shadow: key.shadow,
            entity: key.entity.clone(),
            first: self.first,
            last: self.last,
            count: self.count,
            findings: self.findings,
            reason: self.reason.clone(),
            evidence,
            notes: self.notes.clone(),
        }
    }

    /// The alert carries the tags of all its rules: each requirement that is concerned.
    fn take_tags(&mut self, tags: &[String]) {
        let known = &self.meta.tags;
        let more: Vec<String> = tags
            .iter()
            .filter(|tag| !known.contains(tag))
            .take(TAGS.saturating_sub(known.len()))
            .cloned()
            .collect();
        if !more.is_empty() {
            Arc::make_mut(&mut self.meta).tags.extend(more);
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn revise(&mut self) {
        self.revision = self.revision.saturating_add(1);
        self.changed = true;
    }
}

/// Whether what a detector of what is usual says is less probable than what it said before: the oddest is what an alert tells.
fn rarer(reason: &Reason, before: &Reason) -> bool {
    match (reason, before) {
        (
            Reason::Baseline { probability, .. },
            Reason::Baseline {
                probability: before,
                ..
            },
        ) => probability < before,
        _ => false,
    }
}
