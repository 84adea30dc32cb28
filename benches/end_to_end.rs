//! The whole service on real parts against ClickHouse's own Kafka engine, the same records into the same tables.
//!
//! `cargo bench --bench end_to_end -- [replay] [engine] [memory]`; `BENCH_EVENTS` (1,000,000) sets the size. Best of three interleaved pairs, both from
//! their start on empty tables until the last row is there. Corpus: `gatewatch simulate --seed 7`, a day over 8 partitions.

#[path = "../tests/parts/mod.rs"]
mod parts;
#[path = "../tests/service/mod.rs"]
mod service;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parts::{ClickHouse, Held, Kafka, Mode, binary, wait_for};
use service::Service;

const PARTITIONS: i32 = 8;
const PAIRS: usize = 3;
const LIMIT: Duration = Duration::from_mins(5);
/// Clients of the simulated gateway, of which some hundred thousand call in the events below and keep a baseline.
const CLIENTS: u64 = 170_000;
/// Events of theirs.
const CLIENT_EVENTS: u64 = 1_000_000;

fn main() {
    let events: u64 = std::env::var("BENCH_EVENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if is_wanted("replay") {
        replay(events / 2);
    }
    let kafka = Kafka::start(Mode::Plain);
    let clickhouse = ClickHouse::start();
    if is_wanted("engine") {
        against_engine(&kafka, &clickhouse, events);
    }
    if is_wanted("memory") {
        memory(&kafka, &clickhouse);
    }
}

/// Interleaved pairs: the same records by gatewatch and by ClickHouse's own engine.
fn against_engine(kafka: &Kafka, clickhouse: &ClickHouse, events: u64) {
    fill(kafka, "requests", events, &[]);
    let produced = kafka.count("requests");
    let (mut ours, mut engine) = (f64::MAX, f64::MAX);
    for pair in 0..PAIRS {
        ours = ours.min(gatewatch(kafka, clickhouse, pair, produced));
        engine = engine.min(kafka_engine(kafka, clickhouse, pair, produced));
    }
    println!(
        "figure e2e_events_per_second {:.0} events/s",
        produced as f64 / ours
    );
    println!(
        "figure clickhouse_kafka_engine_events_per_second {:.0} events/s",
        produced as f64 / engine
    );
    println!(
        "figure e2e_vs_clickhouse_kafka_engine {:.2} ratio",
        engine / ours
    );
}

/// One core: a file through detection, nothing stored. The best of several runs: one takes two seconds, and others use the machine too.
fn replay(events: u64) {
    const RUNS: usize = 5;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("events.ndjson");
    simulate(&[
        "--output",
        &file.display().to_string(),
        "--events",
        &events.to_string(),
    ]);
    let rates: Vec<u64> = (0..RUNS).filter_map(|_| replay_once(&file)).collect();
    println!("replay, events/s: {rates:?}");
    let best = rates.iter().max().expect("one of the runs told its rate");
    println!("figure replay_events_per_second_core {best} events/s");
}

fn replay_once(file: &std::path::Path) -> Option<u64> {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let output = Command::new(binary())
        .args(["replay", "--rules", rules])
        .arg(file)
        .stdout(Stdio::null())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let (_, rest) = said.rsplit_once(": ")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn simulate(arguments: &[&str]) {
    let status = Command::new(binary())
        .args(["simulate", "--seed", "7", "--span", "1d"])
        .args(arguments)
        .stderr(Stdio::null())
        .status()
        .expect("the binary runs");
    assert!(status.success(), "simulate {arguments:?}");
}

fn fill(kafka: &Kafka, topic: &str, events: u64, more: &[&str]) {
    let (brokers, events, partitions) = (
        kafka.bootstrap(),
        events.to_string(),
        PARTITIONS.to_string(),
    );
    let mut arguments = vec!["--kafka", &brokers, "--topic", topic, "--create-topic"];
    arguments.extend(["--partitions", &partitions, "--events", &events]);
    arguments.extend(more);
    simulate(&arguments);
}

/// Seconds from the start of the process until every record is stored.
fn gatewatch(kafka: &Kafka, clickhouse: &ClickHouse, pair: usize, produced: u64) -> f64 {
    let service = Service::on_topic(&format!("ours-{pair}"), "requests", kafka, clickhouse, "");
    service.migrate();
    let begin = Instant::now();
    let mut process = service.start(0, &[]);
    let seconds = until_stored(clickhouse, &service.database(), produced, begin);
    println!(
        "pair {pair}: gatewatch {seconds:.2} s, {:.0} events/s",
        produced as f64 / seconds
    );
    if pair == 0 {
        service.assert_exactly_once(clickhouse, produced);
        bytes_per_row(clickhouse, &service.database());
    }
    process.stop();
    if pair == PAIRS - 1 {
        ready(&service);
    }
    clickhouse
        .ask(&format!("DROP DATABASE {} SYNC", service.database()))
        .expect("the database can be dropped");
    seconds
}

/// Seconds from attaching the Kafka engine until every record is stored, in tables that gatewatch made.
///
/// The engine is given what was fastest in trials by hand, which no command repeats: `kafka_format = 'JSONEachRow'` with a column a field
/// reached 15,000 records a second, for it sets up all columns for each message; smaller blocks were slower, one thread for both
/// consumers no faster.
fn kafka_engine(kafka: &Kafka, clickhouse: &ClickHouse, pair: usize, produced: u64) -> f64 {
    let service = Service::on_topic(&format!("engine-{pair}"), "requests", kafka, clickhouse, "");
    service.migrate();
    let database = service.database();
    let own = "'topic', 'partition', 'offset', 'stamped', 'key_id', 'facts'";
    let columns = clickhouse
        .ask(&format!(
            "SELECT name, type FROM system.columns WHERE database = '{database}' AND table = 'events' AND name NOT IN ({own}) \
             ORDER BY position FORMAT TSVRaw"
        ))
        .expect("the columns can be read");
    let (mut members, mut selected) = (Vec::new(), Vec::new());
    for (name, kind) in columns.lines().filter_map(|line| line.split_once('\t')) {
        if kind.starts_with("DateTime64") {
            members.push(format!("`{name}` String"));
            selected.push(format!(
                "ifNull(parseDateTime64BestEffortOrNull(t.`{name}`, 6, 'UTC'), toDateTime64(0, 6, 'UTC')) AS `{name}`"
            ));
        } else {
            members.push(format!("`{name}` {kind}"));
            selected.push(format!("t.`{name}` AS `{name}`"));
        }
    }
    let (members, selected) = (members.join(", "), selected.join(", "));
    let settings = format!(
        "kafka_broker_list = '{}', kafka_topic_list = 'requests', kafka_group_name = '{database}', kafka_format = 'RawBLOB', \
         kafka_num_consumers = 2, kafka_thread_per_consumer = 1, kafka_max_block_size = 524288, kafka_poll_max_batch_size = 65536",
        kafka.bootstrap()
    );
    if pair == 0 {
        println!(
            "engine settings: {settings}; the view takes each record apart by one JSONExtract"
        );
    }
    clickhouse
        .ask(&format!(
            "CREATE TABLE {database}.queue (raw String) ENGINE = Kafka SETTINGS {settings}"
        ))
        .expect("the Kafka table can be made");
    let begin = Instant::now();
    clickhouse
        .ask(&format!(
            "CREATE MATERIALIZED VIEW {database}.feed TO {database}.events AS SELECT {selected}, _topic AS topic, \
             toInt32(_partition) AS partition, toInt64(_offset) AS offset, _timestamp_ms AS stamped \
             FROM (SELECT JSONExtract(raw, 'Tuple({members})') AS t, _topic, _partition, _offset, _timestamp_ms \
             FROM {database}.queue)"
        ))
        .expect("the view can be made");
    let seconds = until_stored(clickhouse, &database, produced, begin);
    println!(
        "pair {pair}: ClickHouse's Kafka engine {seconds:.2} s, {:.0} events/s",
        produced as f64 / seconds
    );
    clickhouse
        .ask(&format!("DROP DATABASE {database} SYNC"))
        .expect("the database can be dropped");
    seconds
}

fn until_stored(clickhouse: &ClickHouse, database: &str, produced: u64, begin: Instant) -> f64 {
    let sql = format!(
        "SELECT (SELECT count() FROM {database}.events) + (SELECT count() FROM {database}.dead_letters)"
    );
    wait_for("all rows", LIMIT, || {
        let rows: u64 = clickhouse.ask(&sql).ok()?.parse().ok()?;
        (rows >= produced).then_some(())
    });
    begin.elapsed().as_secs_f64()
}

fn bytes_per_row(clickhouse: &ClickHouse, database: &str) {
    clickhouse
        .ask(&format!("OPTIMIZE TABLE {database}.events FINAL"))
        .expect("parts can be merged");
    let bytes = clickhouse.ask(&format!(
        "SELECT round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts WHERE active AND database = '{database}' AND table = 'events'"
    ));
    println!(
        "figure bytes_per_row {} bytes",
        bytes.expect("the parts can be read")
    );
}

/// From the start of the process until it is ready and active, with a snapshot to restore.
fn ready(service: &Service) {
    let begin = Instant::now();
    let mut process = service.start(0, &[]);
    wait_for("the service to be ready", LIMIT, || {
        let metrics = service.get(0, "/metrics")?;
        let held = metrics
            .lines()
            .any(|line| line.starts_with("gatewatch_partitions ") && !line.ends_with(" 0"));
        (held && service.get(0, "/readyz")?.contains("\"ready\":true")).then_some(())
    });
    println!(
        "figure ready_seconds {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    process.stop();
}

/// Peak memory with a hundred thousand live clients: a day of theirs, read as fast as it goes.
fn memory(kafka: &Kafka, clickhouse: &ClickHouse) {
    fill(
        kafka,
        "clients",
        CLIENT_EVENTS,
        &["--clients", &CLIENTS.to_string()],
    );
    let produced = kafka.count("clients");
    let service = Service::on_topic("memory", "clients", kafka, clickhouse, "");
    let mut process = service.start(0, &[]);
    until_stored(clickhouse, &service.database(), produced, Instant::now());
    let clients = wait_for("the clients' baselines", LIMIT, || {
        let before = live_clients(&service)?;
        std::thread::sleep(Duration::from_secs(3));
        (before > 0.0 && live_clients(&service) == Some(before)).then_some(before)
    });
    println!("clients with a baseline: {clients}");
    println!("figure service_rss_mib {:.0} MiB", peak_mib(&process));
    process.stop();
}

fn live_clients(service: &Service) -> Option<f64> {
    let metrics = service.get(0, "/metrics")?;
    let line = metrics.lines().find(|line| line.contains("request_rate"))?;
    line.split_whitespace().last()?.parse().ok()
}

fn peak_mib(process: &Held) -> f64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
