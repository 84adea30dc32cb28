//! From the events of one partition to blocks of the tracker.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::baseline::ids::code_of;
use super::behaviour::ConductBuilder;
use super::hash::quick_hash;
use super::series::AddendBuilder;
use super::watch::SeenBuilder;
use super::{
    Codes, Conduct, Match, Observation, PartitionClock, Pile, Plan, Seen, TrackBlock, Turn,
};
use crate::event::{Event, Position, Timestamp};

const MINUTE_US: i64 = 60_000_000;

/// Takes the events of one range of one partition in offset order: times, requests a client and minute, matches.
///
/// On a replay the shards stand at different offsets. A sum of requests cannot be cut afterwards, so the builder begins
/// another block at each of those offsets (`cuts`), and every shard then skips or takes whole blocks.
#[derive(Debug)]
pub struct BlockBuilder {
    clock: PartitionClock,
    /// Offsets at which a block has to begin, descending, so the next one is the last.
    cuts: Vec<i64>,
    done: Vec<TrackBlock>,
    block: TrackBlock,
    /// Bytes of memory, about: matches with their evidence are the most.
    bytes: usize,
    /// Where the newest observation of each hash of a client stands in `block`.
    newest: HashMap<u64, usize, FixedState>,
    seen: SeenBuilder,
    addends: AddendBuilder,
    /// `None` where behaviour is not watched.
    conducts: Option<ConductBuilder>,
}

impl BlockBuilder {
    /// A builder for the range of `partition` that begins at offset `begin`. `clock` goes on where the range before ended;
    /// `cuts` are the offsets at which shards stand after a restore, in any order (empty when nothing is replayed).
    #[must_use]
    pub fn new(partition: i32, begin: i64, clock: PartitionClock, cuts: &[i64]) -> Self {
        let mut cuts: Vec<i64> = cuts.iter().copied().filter(|cut| *cut > begin).collect();
        cuts.sort_unstable_by(|a, b| b.cmp(a));
        cuts.dedup();
        BlockBuilder {
            clock,
            cuts,
            done: Vec::new(),
            block: empty(partition, begin),
            bytes: 0,
            newest: HashMap::default(),
            seen: SeenBuilder::default(),
            addends: AddendBuilder::default(),
            conducts: None,
        }
    }

    /// The same, told what contracts promise, which numbers are watched and whether behaviour is; without it nothing of it is.
    #[must_use]
    pub fn for_plan(mut self, plan: &Plan) -> Self {
        self.seen = SeenBuilder::new(Arc::clone(plan.expectations()));
        self.addends = AddendBuilder::new(Arc::clone(&plan.series));
        self.conducts = plan
            .settings
            .behaviour
            .enabled
            .then(ConductBuilder::default);
        self
    }

    /// Takes the next event: moves the partition's clock and counts the request. The answer goes into the event's matches.
    pub fn event(&mut self, event: &Event<'_>, position: Position) -> Turn {
        self.cut_before(position.offset);
        let turn = self.clock.take(event.time, position.stamped);
        if event.is_of_partner() {
            return turn; // the gateway counts the call
        }
        self.seen.take(event, turn);
        self.addends.take(event, turn);
        if let Some(conducts) = &mut self.conducts {
            conducts.take(event, turn, position);
        }
        match (&event.client_id, event.client_address) {
            (Some(client), _) if !client.is_empty() => self.observe(client, event, turn.late),
            (_, Some(address)) => {
                self.observe(&compact_str::format_compact!("{address}"), event, turn.late);
            }
            _ => {}
        }
        turn
    }

    /// Takes a match of the newest event.
    pub fn matched(&mut self, matched: Match) {
        let before = self.block.matches.last();
        let shares = before.is_some_and(|before| before.evidence.is(&matched.evidence));
        self.bytes += matched.bytes();
        if !shares {
            self.bytes += matched.evidence.bytes();
        }
        self.block.matches.push(matched);
    }

    /// Bytes of memory so far, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let conducts = self.conducts.as_ref().map_or(0, ConductBuilder::bytes);
        self.bytes + self.seen.bytes() + self.addends.bytes() + conducts
    }

    /// The blocks of the range up to `end`, and the clock for the next range.
    #[must_use]
    pub fn finish(mut self, end: i64) -> (Vec<TrackBlock>, PartitionClock) {
        self.cut_before(end.saturating_sub(1));
        self.block.end = end;
        self.block.newest = self.clock.newest();
        self.block.seen = self.seen.finish();
        self.block.addends = self.addends.finish();
        self.block.conducts = finished(&mut self.conducts);
        self.done.push(self.block);
        (self.done, self.clock)
    }

    fn cut_before(&mut self, offset: i64) {
        while let Some(cut) = self.cuts.pop_if(|cut| *cut <= offset) {
            let next = empty(self.block.partition, cut);
            let mut block = std::mem::replace(&mut self.block, next);
            block.end = cut;
            block.newest = self.clock.newest();
            block.seen = self.seen.finish();
            block.addends = self.addends.finish();
            block.conducts = finished(&mut self.conducts);
            self.done.push(block);
            self.newest.clear();
        }
    }

    fn observe(&mut self, client: &str, event: &Event<'_>, late: bool) {
        let client = &*super::matching::bounded(client);
        let minute = event.time.floor_to(MINUTE_US);
        let id = event.request_id.as_deref().filter(|_| !late);
        let id = id.and_then(code_of);
        let hash = quick_hash(client);
        let known = self
            .newest
            .get(&hash)
            .map(|at| &mut self.block.observations[*at])
            .filter(|known| known.minute == minute && known.client == client);
        if let Some(observation) = known {
            observation.count += u32::from(!late);
            observation.late += u32::from(late);
            self.bytes += id.map_or(0, |_| size_of::<u32>());
            observation.ids.extend(id.as_slice());
            return;
        }
        self.bytes += size_of::<Observation>() + size_of::<(u64, usize)>();
        self.newest.insert(hash, self.block.observations.len());
        self.block.observations.push(Observation {
            client: client.into(),
            minute,
            count: u32::from(!late),
            late: u32::from(late),
            ids: id.map_or(Codes::None, Codes::One),
        });
    }
}

fn finished(conducts: &mut Option<ConductBuilder>) -> Pile<Conduct> {
    conducts
        .as_mut()
        .map(ConductBuilder::finish)
        .unwrap_or_default()
}

fn empty(partition: i32, begin: i64) -> TrackBlock {
    TrackBlock {
        partition,
        begin,
        end: begin,
        newest: Timestamp::MIN,
        matches: Pile::default(),
        observations: Pile::default(),
        conducts: Pile::default(),
        addends: Vec::new(),
        seen: Seen::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seconds: i64, client: &'static str) -> Event<'static> {
        Event {
            time: Timestamp::from_seconds(seconds),
            client_id: Some(client.into()),
            ..Event::default()
        }
    }

    fn at(offset: i64) -> Position {
        Position {
            partition: 3,
            offset,
            stamped: None,
        }
    }

    fn clock() -> PartitionClock {
        PartitionClock::new(Timestamp::MIN, 30_000_000)
    }

    #[test]
    fn requests_are_summed_by_client_and_minute() {
        let mut builder = BlockBuilder::new(3, 10, clock(), &[]);
        for (offset, seconds, client) in [
            (10, 60, "a"),
            (11, 61, "a"),
            (12, 62, "b"),
            (13, 121, "a"),
            (15, 90, "a"),
        ] {
            builder.event(&event(seconds, client), at(offset));
        }
        let (blocks, clock) = builder.finish(20);
        let [block] = &blocks[..] else {
            panic!("one block: {blocks:?}")
        };
        assert_eq!((block.begin, block.end), (10, 20));
        let seen: Vec<_> = block
            .observations
            .iter()
            .map(|o| (o.client.as_str(), o.minute.seconds(), o.count, o.late))
            .collect();
        assert_eq!(
            seen,
            [
                ("a", 60, 2, 0),
                ("b", 60, 1, 0),
                ("a", 120, 1, 0),
                ("a", 60, 0, 1)
            ]
        );
        assert_eq!(clock.newest().seconds(), 121);
    }

    #[test]
    fn blocks_are_cut_where_shards_stand() {
        let mut builder = BlockBuilder::new(3, 10, clock(), &[12, 5, 10, 30, 18, 12]);
        builder.event(&event(60, "a"), at(10));
        builder.event(&event(61, "a"), at(14));
        let (blocks, _) = builder.finish(20);
        let ranges: Vec<_> = blocks
            .iter()
            .map(|b| (b.begin, b.end, b.observations.len()))
            .collect();
        assert_eq!(ranges, [(10, 12, 1), (12, 18, 1), (18, 20, 0)]);
    }
}
