//! Chaos: events flow while parts are killed at random instants; afterwards everything must be as if nothing had happened.
//!
//! `make test` runs a short one; `make chaos SEED=1 KILLS=20` a long one. The figures of the last run are printed.

mod parts;
mod service;

use std::collections::BTreeMap;
use std::time::Duration;

use gatewatch::event::Timestamp;
use gatewatch::simulate::{Generator, Settings, Shapes, built_in};
use parts::{ClickHouse, Held, Kafka, Mailpit, Mode, wait_for};
use service::Service;

const PARTITIONS: i32 = 4;
const LIMIT: Duration = Duration::from_mins(5);
/// Small blocks and frequent snapshots, so that a kill meets every step. A partition counts as idle only after longer than any
/// restart of the broker takes, or the undisturbed run would not be comparable.
const SETTINGS: &str = "[decode]\nmax_age_days = 3650\n[track]\nlateness_s = 30\nidle_s = 20\n\
                        [delivery]\nblock_rows = 5000\nsnapshot_seconds = 2\n";

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// `SplitMix64` (Steele, Lea and Flood 2014): the kills follow from the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The same records for both runs: (partition, bytes).
fn records(events: u64, seed: u64) -> Vec<(i32, Vec<u8>)> {
    let settings = Settings {
        seed,
        start: Timestamp::parse_rfc3339("2026-11-20T00:00:00Z").expect("a time"),
        span_us: 86_400_000_000,
        quiet_us: 0,
        events,
        clients: None,
        broken: u32::try_from(events / 1_000).expect("a small number"),
        scenarios: built_in().expect("the built-in scenarios are good"),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let mut generator = Generator::new(settings).expect("the settings are good");
    let mut records = Vec::new();
    let mut buffer = Vec::new();
    while let Some(meta) = generator.next_into(&mut buffer) {
        let partition = i32::try_from(meta.key_hash % u64::from(PARTITIONS.unsigned_abs()))
            .expect("a small number");
        records.push((partition, buffer.trim_ascii_end().to_vec()));
        buffer.clear();
    }
    records
}

/// Waits until all rows are there and the alerts stand still for longer than a partition takes to be idle.
fn settled(service: &Service, clickhouse: &ClickHouse, produced: u64) -> Vec<String> {
    service.wait_until_stored(clickhouse, produced, LIMIT);
    wait_for("alerts that stand still", LIMIT, || {
        let before = service.alerts(clickhouse);
        std::thread::sleep(Duration::from_secs(25));
        (!before.is_empty() && service.alerts(clickhouse) == before).then_some(before)
    })
}

/// How often each Message-ID came.
fn copies(mailpit: &Mailpit) -> BTreeMap<String, u64> {
    let mut copies = BTreeMap::new();
    for mail in mailpit.mails() {
        let id = mail["MessageID"].as_str().unwrap_or_default();
        *copies.entry(id.to_owned()).or_default() += 1;
    }
    copies
}

#[test]
fn nothing_is_lost_doubled_or_changed_by_kills() {
    let (events, kills, seed) = (
        number("CHAOS_EVENTS", 30_000),
        number("KILLS", 4),
        number("SEED", 1),
    );
    let records = records(events, seed);
    let produced = records.len() as u64;
    let mut kafka = Kafka::start(Mode::Plain);
    let mut shards = ClickHouse::start_shards();
    let mailpit = Mailpit::start();

    kafka.create_topic("calm", PARTITIONS, &[]);
    kafka.produce_to_partitions("calm", &records);
    let calm = Service::new("calm", &kafka, &shards[0], SETTINGS);
    let mut undisturbed = calm.start(0, &[]);
    let expected = settled(&calm, &shards[0], produced);
    undisturbed.stop();

    kafka.create_topic("storm", PARTITIONS, &[]);
    let storm = Service::new("storm", &kafka, &shards[0], SETTINGS)
        .with_mail(&mailpit)
        .on_shards(&shards);
    let mut instances: Vec<Held> = vec![storm.start(0, &[])];
    let mut random = Random(seed);
    let mut notifier_kills = 0;
    let parts = usize::try_from(kills).expect("not so many kills") + 1;
    let mut slices = records.chunks(records.len().div_ceil(parts));
    for kill in 0..kills {
        kafka.produce_to_partitions("storm", slices.next().unwrap_or_default());
        std::thread::sleep(Duration::from_millis(500 + random.below(4_000)));
        match kill % 5 {
            0 | 3 => {
                instances[0].kill9();
                notifier_kills += 1;
                instances[0] = storm.start(0, &[]);
            }
            1 => {
                let shard = &mut shards[usize::from(random.below(2) == 1)];
                shard.process().kill9();
                std::thread::sleep(Duration::from_millis(random.below(2_000)));
                shard.start_again();
            }
            2 => {
                mailpit.refuse("Recipient", 451, 50);
                instances.push(storm.start(1, &[]));
                std::thread::sleep(Duration::from_secs(4));
                notifier_kills += 1; // the notifier may move when the second leaves
                instances.pop();
                mailpit.refuse("Recipient", 451, 0);
            }
            _ => {
                kafka.process().stop();
                kafka.start_again();
            }
        }
    }
    for slice in slices {
        kafka.produce_to_partitions("storm", slice);
    }
    let alerts = settled(&storm, &shards[0], produced);
    let account = storm.account(&shards[0]);
    let missing_in = |these: &[String], others: &[String], side: &str| {
        let missing = others.iter().filter(|alert| !these.contains(alert));
        missing.inspect(|alert| println!("{side}: {alert}")).count()
    };
    let differing = missing_in(&alerts, &expected, "only undisturbed")
        + missing_in(&expected, &alerts, "only with kills");
    let mailed = storm.mailed_alerts(&shards[0]);
    let copies = wait_for("a mail for each alert", LIMIT, || {
        let copies = copies(&mailpit);
        (copies.len() as u64 >= mailed).then_some(copies)
    });
    let twice: u64 = copies.values().map(|count| count - 1).sum();
    println!("figure chaos_events {produced} events");
    println!("figure chaos_kills {kills} kills");
    println!("figure chaos_lost {} events", produced - account.distinct);
    println!(
        "figure chaos_duplicated {} events",
        account.stored - account.distinct
    );
    println!(
        "figure chaos_rollup_diff {} requests",
        account.rollup_diff()
    );
    println!("figure chaos_alert_diff {differing} alerts");
    println!(
        "mails: {}, sent twice: {twice}, kills of a notifier: {notifier_kills}",
        copies.len()
    );
    storm.assert_exactly_once(&shards[0], produced);
    assert_eq!(alerts, expected, "the alerts of the undisturbed run");
    assert!(
        twice <= notifier_kills,
        "{twice} mails came twice, but the notifier was killed {notifier_kills} times"
    );
    for instance in &mut instances {
        assert!(
            instance.stop().is_some_and(|status| status.success()),
            "{}",
            instance.said()
        );
    }
}
