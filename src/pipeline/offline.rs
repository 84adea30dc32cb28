//! The same detection without a service: records in, findings out, one thread, nothing stored and nothing mailed.
//!
//! What it finds is what the service would find in the same records as one partition.

use std::sync::Arc;

use super::active::{ActiveRules, Scratch};
use super::detection::{Detection, Outcome};
use crate::event::{Event, Position, Timestamp};
use crate::source::RawBatch;
use crate::track::{
    BlockBuilder, Fired, Fit, Learned, LeftOut, Matches, PartitionClock, SHARDS, Shard, settle,
    split,
};

/// Detection and tracking of one partition.
pub struct Offline<'d> {
    detection: &'d Detection,
    active: Arc<ActiveRules>,
    shards: Vec<(Shard, Vec<Fired>)>,
    clock: PartitionClock,
    scratch: Scratch,
    /// Records so far: the offset of the next.
    offset: i64,
    /// When the first event happened.
    begin: Option<Timestamp>,
    /// Hours of entities of which behaviour learns nothing.
    left_out: LeftOut,
    events: u64,
    rejected: u64,
}

impl<'d> Offline<'d> {
    /// Empty state for the rules of `detection`.
    #[must_use]
    pub fn new(detection: &'d Detection) -> Self {
        let active = detection.active();
        let plan = active.plan();
        Offline {
            detection,
            clock: PartitionClock::new(Timestamp::MIN, plan.lateness_us()),
            shards: (0..SHARDS)
                .map(|_| (Shard::new(Arc::clone(plan)), Vec::new()))
                .collect(),
            scratch: active.scratch(),
            active,
            offset: 0,
            begin: None,
            left_out: LeftOut::default(),
            events: 0,
            rejected: 0,
        }
    }

    /// The same, and behaviour sees nothing of these hours of entities.
    #[must_use]
    pub fn leaving_out(mut self, left_out: LeftOut) -> Self {
        self.left_out = left_out;
        self
    }

    /// What is left out, and how much of it was met.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The rules.
    #[must_use]
    pub fn active(&self) -> Arc<ActiveRules> {
        Arc::clone(&self.active)
    }

    /// Records that were events, and those that were none.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.events, self.rejected)
    }

    /// Takes records; returns what is found so far, in the order of its turns.
    pub fn batch(&mut self, batch: &RawBatch) -> Vec<Fired> {
        let mut builder =
            BlockBuilder::new(0, self.offset, self.clock, &[]).for_plan(self.active.plan());
        for (_, stamped, raw) in batch.iter() {
            let position = Position {
                partition: 0,
                offset: self.offset,
                stamped,
            };
            self.offset += 1;
            match self
                .detection
                .process(&self.active, raw, stamped, &mut self.scratch)
            {
                Outcome::Event(event) => {
                    self.events += 1;
                    self.begin.get_or_insert(event.time);
                    let turn = builder.event(&event, position);
                    let mut matches = Matches::of(self.active.rules(), &event, position, turn);
                    for (rule, hits) in self.scratch.take_hits() {
                        matches.by(rule, &hits, |matched| builder.matched(matched));
                    }
                }
                Outcome::Rejected(_) => self.rejected += 1,
            }
        }
        let (blocks, clock) = builder.finish(self.offset);
        self.clock = clock;
        for mut block in blocks {
            self.left_out.take_from(&mut block.conducts);
            let parts = split(block, self.active.plan());
            for ((shard, fired), part) in self.shards.iter_mut().zip(parts) {
                shard.apply(part, &[], fired);
            }
            self.settle();
        }
        self.take()
    }

    /// Takes records for what the rules say of each event; nothing is tracked. `seen` gets the redacted event, what was said of it and
    /// the number of its record.
    ///
    /// # Errors
    /// The first one of `seen`.
    pub fn events<E>(
        &mut self,
        batch: &RawBatch,
        mut seen: impl FnMut(&Event<'_>, &Scratch, i64) -> Result<(), E>,
    ) -> Result<(), E> {
        for (_, stamped, raw) in batch.iter() {
            let record = self.offset;
            self.offset += 1;
            let (active, scratch) = (&self.active, &mut self.scratch);
            match self.detection.process(active, raw, stamped, scratch) {
                Outcome::Event(event) => {
                    self.events += 1;
                    seen(&event, scratch, record)?;
                }
                Outcome::Rejected(_) => self.rejected += 1,
            }
        }
        Ok(())
    }

    /// What is known of behaviour now, for a model.
    #[must_use]
    pub fn learned(&self) -> Learned {
        let shards = self.shards.iter().map(|(shard, _)| shard.learned());
        shards.fold(Learned::default(), Learned::join)
    }

    /// How many times as many rows of behaviour are odd as should be; `None` while too few are known.
    #[must_use]
    pub fn calibration_ratio(&self) -> Option<f64> {
        let fits = self.shards.iter().map(|(shard, _)| shard.fit());
        fits.fold(Fit::default(), Fit::join).ratio()
    }

    /// When the first event happened that was tracked.
    #[must_use]
    pub fn begin(&self) -> Option<Timestamp> {
        self.begin
    }

    /// Every event whose turn comes before this instant has been taken.
    #[must_use]
    pub fn watermark(&self) -> Timestamp {
        let watermarks = self.shards.iter().map(|(shard, _)| shard.watermark());
        watermarks.min().unwrap_or(Timestamp::MIN)
    }

    /// The end of the records: what waits for the watermark is released.
    pub fn finish(&mut self) -> Vec<Fired> {
        for (shard, fired) in &mut self.shards {
            shard.finish(fired);
        }
        self.settle();
        self.take()
    }

    /// Takes chained correlations to the end.
    fn settle(&mut self) {
        let mut shards: Vec<_> = self
            .shards
            .iter_mut()
            .map(|(shard, fired)| (shard, fired))
            .collect();
        settle(self.active.plan(), &mut shards);
    }

    fn take(&mut self) -> Vec<Fired> {
        let mut found: Vec<Fired> = self
            .shards
            .iter_mut()
            .flat_map(|(_, fired)| fired.drain(..))
            .collect();
        found.sort_by_key(|fired| fired.turn);
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::config::{Config, Secret};
    use crate::sigma::RuleSet;

    const DENIED: &str = "title: Denied\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d01\nname: denied\nlogsource: {category: api_gateway}\n\
                          detection: {s: {status: 403}, condition: s}\nlevel: low\n";
    const MANY: &str = "title: Five denials\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d02\n\
                        correlation: {type: event_count, rules: [denied], group-by: [client_id], timespan: 10m, condition: {gte: 5}}\n\
                        level: high\ngatewatch: {family: denials}\n";
    const SILENCE: &str = "title: Load test\nid: 5b1d3c5e-9d0f-4a3e-9f7c-0c1f3a6b8d04\nlogsource: {category: api_gateway}\n\
                           filter: {rules: any, s: {client_id: tester}, condition: not s}\n\
                           gatewatch: {silence: {owner: anna, reason: agreed load test, expires: 2026-03-01T10:00:00Z}}\n";

    fn denied(client: &str, time: &str) -> String {
        format!(
            r#"{{"time":"2026-03-01T{time}Z","method":"GET","path":"/v1/plates","status":403,"client_id":"{client}","client_address":"198.18.0.7"}}"#
        )
    }

    /// Of each client: since when the correlation has found something, when it found that, and how many events are behind it.
    fn found(records: &[String]) -> BTreeMap<String, (Timestamp, Timestamp, u64)> {
        let mut config = Config::default();
        config.enrich.pseudonym_key = Secret::new("a key of no meaning, for this test alone");
        config.store.dead_letter_key = Secret::new("00".repeat(32));
        let sources = [("denied", DENIED), ("many", MANY), ("silence", SILENCE)];
        let sources = sources.map(|(name, text)| {
            let path = PathBuf::from(format!("rules/denials/{name}.yml"));
            (path, text.to_owned())
        });
        let rules = RuleSet::from_sources(&sources).unwrap();
        let many = rules.correlations()[0].meta.id;
        let detection = Detection::new(&config, Arc::new(rules)).unwrap();
        let mut offline = Offline::new(&detection);
        let mut batch = RawBatch::new(0);
        for (offset, record) in (0..).zip(records) {
            batch.push(offset, None, record.as_bytes());
        }
        let mut fired = offline.batch(&batch);
        fired.extend(offline.finish());
        let mut found: BTreeMap<String, (Timestamp, Timestamp, u64)> = BTreeMap::new();
        for Fired { finding, .. } in fired.iter().filter(|it| it.finding.rule == many) {
            let client = finding.entity.value.to_string();
            let first = (finding.first, finding.last, 0);
            found.entry(client).or_insert(first).2 += finding.count;
        }
        found
    }

    #[test]
    fn a_window_over_the_end_of_a_silence_counts_from_there_on() {
        let mut records = Vec::new();
        for minute in 51..60 {
            let time = format!("09:{minute}:00");
            records.extend(["tester", "other"].map(|client| denied(client, &time)));
        }
        for minute in 0..6 {
            let time = format!("10:{minute:02}:00");
            records.extend(["tester", "other"].map(|client| denied(client, &time)));
            if minute == 0 {
                // Events go by their own time, whenever they come.
                records.push(denied("tester", "09:59:55"));
            }
        }
        let at = |time: &str| Timestamp::parse_rfc3339(&format!("2026-03-01T{time}Z")).unwrap();
        let found = found(&records);
        assert_eq!(
            found["other"],
            (at("09:51:00"), at("09:55:00"), 15),
            "the others are counted throughout"
        );
        assert_eq!(
            found["tester"],
            (at("10:00:00"), at("10:04:00"), 6),
            "five from the end of the silence on, and one more"
        );
        // Four after the silence are four, however many were held back within the window.
        let four = &records[..records.len() - 4];
        assert_eq!(self::found(four).keys().collect::<Vec<_>>(), ["other"]);
    }
}
