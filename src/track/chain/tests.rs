//! Chained correlations through rule texts, all shards and snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::config;
use crate::event::{Event, Position, Timestamp};
use crate::sigma::RuleSet;
use crate::track::{
    BlockBuilder, Fired, Matches, PartitionClock, Plan, SHARDS, Shard, settle, split,
};

/// Guessing by address, by many subjects; then a success of the subject; break-ins from several addresses.
const RULES: &str = "
title: denied
name: denied
logsource: {category: webserver}
detection:
  s: {status: 401}
  condition: s
---
title: success
name: success
logsource: {category: webserver}
detection:
  s: {status: 200}
  condition: s
---
title: guessing
name: guessing
correlation:
  type: event_count
  rules: [denied]
  group-by: [client_address]
  timespan: 1m
  condition: {gte: 3}
---
title: break in
name: break_in
correlation:
  type: temporal_ordered
  rules: [guessing, success]
  group-by: [subject]
  timespan: 1m
---
title: several break ins
correlation:
  type: value_count
  rules: [break_in]
  group-by: [integration]
  timespan: 10m
  condition: {field: client_address, gte: 2}
  generate: true
";

fn record(at: i64, status: u64, address: u8, subject: u8) -> String {
    format!(
        r#"{{"time":"{}","status":{status},"client_address":"192.0.2.{address}","subject":"s{subject}","integration":"crm"}}"#,
        Timestamp::from_seconds(at)
    )
}

/// Titles of what fires on records, in blocks of `size`, every shard stored and restored between the blocks if so said.
fn fired(records: &[String], size: usize, restored: bool) -> Vec<(String, String, u64)> {
    let rules = RuleSet::from_sources(&[("r/a.yml".into(), RULES.to_owned())])
        .unwrap_or_else(|errors| panic!("{errors}"));
    let plan = Arc::new(Plan::of(&rules, config::Track::default()));
    let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::new(Arc::clone(&plan))).collect();
    let mut found: Vec<Vec<Fired>> = (0..SHARDS).map(|_| Vec::new()).collect();
    let mut scratch = rules.scratch();
    let mut clock = PartitionClock::new(Timestamp::MIN, plan.lateness_us());
    let mut begin = 0;
    for chunk in records.chunks(size) {
        let mut builder = BlockBuilder::new(0, begin, clock, &[]);
        for record in chunk {
            let event: Event<'_> = serde_json::from_str(record).unwrap();
            let position = Position {
                partition: 0,
                offset: begin,
                stamped: None,
            };
            begin += 1;
            let turn = builder.event(&event, position);
            let mut matches = Matches::of(&rules, &event, position, turn);
            for rule in rules.matches(&event, &mut scratch) {
                matches.by(*rule, &[], |matched| builder.matched(matched));
            }
        }
        let (blocks, next) = builder.finish(begin);
        clock = next;
        for block in blocks {
            for ((shard, found), part) in shards.iter_mut().zip(&mut found).zip(split(block, &plan))
            {
                shard.apply(part, &[], found);
            }
            settle(
                &plan,
                &mut shards.iter_mut().zip(&mut found).collect::<Vec<_>>(),
            );
        }
        if restored {
            for shard in &mut shards {
                let snapshot = shard.snapshot();
                *shard = Shard::restore(Arc::clone(&plan), &snapshot).unwrap();
            }
        }
    }
    for (shard, found) in shards.iter_mut().zip(&mut found) {
        shard.finish(found);
    }
    settle(
        &plan,
        &mut shards.iter_mut().zip(&mut found).collect::<Vec<_>>(),
    );
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    for fired in found.into_iter().flatten() {
        let key = (
            fired.meta.title.clone(),
            fired.finding.entity.value.to_string(),
        );
        *sums.entry(key).or_default() += fired.finding.count;
    }
    sums.into_iter()
        .map(|((title, entity), count)| (title, entity, count))
        .collect()
}

#[test]
fn a_correlation_of_correlations_has_a_group_of_its_own() {
    let break_in = |at: i64, address: u8, subject: u8| {
        let mut records: Vec<String> = (0..3)
            .map(|i| record(at + i, 401, address, subject))
            .collect();
        records.push(record(at + 10, 200, address, subject));
        records
    };
    let mut records = break_in(100, 1, 7);
    let found = fired(&records, 10, false);
    assert_eq!(found, [("break in".to_owned(), "s7".to_owned(), 2)]);
    records.extend(break_in(300, 2, 8));
    let found = fired(&records, 3, true);
    let titles: Vec<(&str, &str)> = found
        .iter()
        .map(|(t, e, _)| (t.as_str(), e.as_str()))
        .collect();
    assert_eq!(
        titles,
        [
            ("break in", "s7"),
            ("break in", "s8"),
            ("several break ins", "crm")
        ]
    );
    // The success of another subject, and one before the guessing, are no break-in.
    let mut records = vec![record(90, 200, 1, 7)];
    records.extend((0..3).map(|i| record(100 + i, 401, 1, 7)));
    records.push(record(110, 200, 1, 8));
    assert_eq!(fired(&records, 10, false), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_found_depends_on_neither_blocks_nor_restores(
        events in prop::collection::vec((0_i64..20, prop::bool::weighted(0.7), 1_u8..4, 1_u8..4), 1..80),
        size in 1_usize..30,
    ) {
        let mut now = 1_000;
        let records: Vec<String> = events.into_iter().map(|(step, denied, address, subject)| {
            now += step;
            record(now, if denied { 401 } else { 200 }, address, subject)
        }).collect();
        let whole = fired(&records, records.len(), false);
        prop_assert_eq!(&fired(&records, size, false), &whole);
        prop_assert_eq!(&fired(&records, size, true), &whole);
    }
}
