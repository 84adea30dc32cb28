//! Builds the blocks of one partition: records in offset order in, blocks `[begin, end)` out.

use std::sync::Arc;
use std::time::Instant;

use super::Plan;
use super::active::{ActiveRules, Scratch};
use super::detection::{Detection, Outcome};
use super::plan::Unfinished;
use crate::decode::Rejection;
use crate::event::{Position, Timestamp};
use crate::store::{DeadLetter, DeadLetterBlock, EventBlock, Insert};
use crate::track::{self, BlockBuilder, Matches, PartitionClock, TrackBlock};

/// When a block is closed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records, good or bad.
    pub rows: usize,
    /// Bytes of raw records.
    pub bytes: usize,
}

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Records that were delivered before, for the shards alone.
    Replay,
    /// A block like any other; also one that was under way and comes out the same.
    Deliver,
    /// Of a block that was under way only what ClickHouse does not have.
    Repair,
}

/// A block, ready for delivery.
pub struct Block {
    /// The partition.
    pub partition: i32,
    /// First offset of the range.
    pub begin: i64,
    /// First offset behind it.
    pub end: i64,
    /// Stamp of its first record, microseconds; 0 for sources without stamps. Part of the token.
    pub stamp: i64,
    /// What it is for.
    pub kind: BlockKind,
    /// Whether its intent was committed by an instance that died: the rows of the range are counted afterwards.
    pub recovered: bool,
    /// Records that became events, whether inserted by this block or stored before.
    pub events_seen: usize,
    /// Records that became dead letters, likewise.
    pub dead_seen: usize,
    /// Rows for `events`.
    pub events: Insert,
    /// Rows for `dead_letters`.
    pub dead_letters: Insert,
    /// Dead letters for their topic and the metrics.
    pub copies: Vec<DeadLetterCopy>,
    /// What the shards apply: one block, or several where a snapshot cuts it.
    pub track: Vec<TrackBlock>,
    /// The plan of the rules that matched its events.
    pub plan: Arc<track::Plan>,
    /// Bytes of memory, to be given back to the budget.
    pub bytes: usize,
    /// When its first record was taken up.
    pub opened: Instant,
}

impl Block {
    /// Records in it.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.events_seen + self.dead_seen
    }
}

/// A dead letter as its topic gets it.
#[derive(Clone, Debug)]
pub struct DeadLetterCopy {
    /// Offset of the record.
    pub offset: i64,
    /// Why it is one, from the closed list.
    pub reason: &'static str,
    /// The redacted beginning.
    pub beginning: String,
}

/// Builds blocks of one partition.
pub struct Builder<'d> {
    detection: &'d Detection,
    topic: &'d str,
    plan: Plan,
    limits: Limits,
    clock: PartitionClock,
    /// Where the next block begins.
    begin: i64,
    open: Option<Open<'d>>,
}

/// The block being built.
struct Open<'d> {
    kind: BlockKind,
    /// One set of rules for the whole block.
    active: Arc<ActiveRules>,
    stamp: i64,
    end: i64,
    events: EventBlock,
    dead_letters: DeadLetterBlock<'d>,
    copies: Vec<DeadLetterCopy>,
    events_seen: usize,
    dead_seen: usize,
    track: BlockBuilder,
    raw_bytes: usize,
    opened: Instant,
}

impl Open<'_> {
    fn bytes(&self) -> usize {
        self.events.bytes() + self.dead_letters.bytes() + self.track.bytes()
    }
}

impl<'d> Builder<'d> {
    /// A builder that takes its partition of `topic` up as `plan` says.
    #[must_use]
    pub fn new(detection: &'d Detection, topic: &'d str, plan: Plan, limits: Limits) -> Self {
        let (clock, begin) = (plan.clock, plan.start);
        Builder {
            detection,
            topic,
            plan,
            limits,
            clock,
            begin,
            open: None,
        }
    }

    /// Age of the open block, for closing it by time.
    #[must_use]
    pub fn opened(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.opened)
    }

    /// Bytes of memory in the open block.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.open.as_ref().map_or(0, Open::bytes)
    }

    /// Takes one record; gives the block that it completed, if it did. An open block that must end before this record is given first.
    pub fn push(&mut self, scratch: &mut Scratch, record: Record<'_>, blocks: &mut Vec<Block>) {
        if record.offset < self.begin {
            return; // a seek may land before what was asked for
        }
        let kind = self.kind_of(record.offset);
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.kind != kind || self.must_end_before(record.offset))
        {
            blocks.extend(self.close());
        }
        if self.open.is_none() && kind != BlockKind::Replay {
            // Holes between the last record replayed and the commit belong to no block: the token begins at the commit.
            self.begin = self.begin.max(self.plan.commit);
        }
        let stamp = record.stamped.map_or(0, Timestamp::micros);
        let mut open = self
            .open
            .take()
            .unwrap_or_else(|| self.open_block(kind, stamp));
        self.add(&mut open, scratch, &record);
        open.end = record.offset + 1;
        open.raw_bytes += record.payload.len();
        let exact = self
            .plan
            .unfinished
            .as_ref()
            .is_some_and(|block| kind != BlockKind::Replay && open.end < block.end);
        let full = open.events_seen + open.dead_seen >= self.limits.rows
            || open.raw_bytes >= self.limits.bytes;
        self.open = Some(open);
        // A block that was under way is built to its old end, however large; any other closes when it is full.
        if full && !exact {
            blocks.extend(self.close());
        }
    }

    /// Closes the open block. Not for a block that was under way and has not reached its old end: see [`Builder::may_close`].
    pub fn close(&mut self) -> Option<Block> {
        let mut open = self.open.take()?;
        let begin = self.begin;
        let unfinished = if open.kind == BlockKind::Replay {
            None
        } else {
            self.plan.unfinished.take()
        };
        if let Some(unfinished) = &unfinished {
            open.end = open.end.max(unfinished.end);
        }
        self.begin = open.end;
        let bytes = open.bytes();
        let (track, clock) = open.track.finish(open.end);
        self.clock = clock;
        Some(Block {
            partition: self.plan.partition,
            begin,
            end: open.end,
            stamp: open.stamp,
            kind: open.kind,
            recovered: unfinished.is_some(),
            events_seen: open.events_seen,
            dead_seen: open.dead_seen,
            events: open.events.finish(),
            dead_letters: open.dead_letters.finish(),
            copies: open.copies,
            track,
            plan: Arc::clone(open.active.plan()),
            bytes,
            opened: open.opened,
        })
    }

    /// Closes the open block when other rules are in force than those that matched it, so that the next one has them.
    pub fn close_outdated(&mut self) -> Option<Block> {
        let open = self.open.as_ref()?;
        if self.detection.is_active(&open.active) || !self.may_close() {
            return None;
        }
        self.close()
    }

    /// Whether the open block may be closed by time or on revoke: a block that was under way must reach its old end first.
    #[must_use]
    pub fn may_close(&self) -> bool {
        match (&self.open, &self.plan.unfinished) {
            (Some(open), Some(unfinished)) => {
                open.kind == BlockKind::Replay || open.end >= unfinished.end
            }
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn kind_of(&self, offset: i64) -> BlockKind {
        match &self.plan.unfinished {
            _ if offset < self.plan.commit => BlockKind::Replay,
            Some(Unfinished {
                end,
                stored: Some(_),
            }) if offset < *end => BlockKind::Repair,
            _ => BlockKind::Deliver,
        }
    }

    fn must_end_before(&self, offset: i64) -> bool {
        self.plan
            .unfinished
            .as_ref()
            .is_some_and(|block| offset >= block.end)
    }

    fn open_block(&self, kind: BlockKind, stamp: i64) -> Open<'d> {
        let active = self.detection.active();
        let track = BlockBuilder::new(self.plan.partition, self.begin, self.clock, &self.plan.cuts);
        Open {
            kind,
            track: track.for_plan(active.plan()),
            active,
            stamp,
            end: self.begin,
            events: EventBlock::new(self.topic, self.plan.partition, self.detection.key_id()),
            dead_letters: DeadLetterBlock::new(
                self.detection.sealer(),
                self.topic,
                self.plan.partition,
            ),
            copies: Vec::new(),
            events_seen: 0,
            dead_seen: 0,
            raw_bytes: 0,
            opened: Instant::now(),
        }
    }

    fn add(&self, open: &mut Open<'d>, scratch: &mut Scratch, record: &Record<'_>) {
        let insert = match open.kind {
            BlockKind::Replay => false,
            BlockKind::Deliver => true,
            BlockKind::Repair => !self.is_stored(record.offset),
        };
        let position = Position {
            partition: self.plan.partition,
            offset: record.offset,
            stamped: record.stamped,
        };
        let active = &open.active;
        match self
            .detection
            .process(active, record.payload, record.stamped, scratch)
        {
            Outcome::Event(event) => {
                open.events_seen += 1;
                if insert {
                    active.count(scratch);
                    let verdict = active.verdict(scratch);
                    open.events
                        .push(&event, &verdict, record.offset, record.stamped);
                }
                let turn = open.track.event(&event, position);
                let mut matches = Matches::of(active.rules(), &event, position, turn);
                for (rule, hits) in scratch.take_hits() {
                    matches.by(rule, &hits, |matched| open.track.matched(matched));
                }
            }
            Outcome::Rejected(rejection) => {
                open.dead_seen += 1;
                if insert {
                    self.reject(open, record, &rejection);
                }
            }
        }
    }

    fn reject(&self, open: &mut Open<'d>, record: &Record<'_>, rejection: &Rejection) {
        let beginning = self.detection.sample(record.payload);
        let reason = rejection.reason.name();
        let letter = DeadLetter {
            offset: record.offset,
            stamped: record.stamped,
            reason,
            detail: &rejection.detail,
            raw: record.payload,
            beginning: &beginning,
        };
        open.dead_letters
            .push(&letter)
            .expect("AES-GCM seals whatever is shorter than 64 GiB");
        open.copies.push(DeadLetterCopy {
            offset: record.offset,
            reason,
            beginning,
        });
    }

    fn is_stored(&self, offset: i64) -> bool {
        let stored = self
            .plan
            .unfinished
            .as_ref()
            .and_then(|block| block.stored.as_ref());
        stored.is_some_and(|stored| stored.contains(&offset))
    }
}

/// One raw record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// Its offset.
    pub offset: i64,
    /// Its stamp.
    pub stamped: Option<Timestamp>,
    /// Its bytes.
    pub payload: &'r [u8],
}
