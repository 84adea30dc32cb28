//! Another member joins the group of the request topic and leaves again: partitions are given up in order and taken back, one by one.

mod parts;
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parts::{ClickHouse, Kafka, Mode, wait_for};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use service::Service;

const PARTITIONS: i32 = 4;
const EACH: u64 = 500;
const LIMIT: Duration = Duration::from_secs(90);

/// A member that takes partitions and commits nothing.
struct Stranger {
    stop: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Stranger {
    fn join(kafka: &Kafka, topic: &str) -> Self {
        let consumer: BaseConsumer = kafka
            .client()
            .set("group.id", topic)
            .set("enable.auto.commit", "false")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "6000")
            .create()
            .unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let (stop, held) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (stopped, holds) = (stop.clone(), held.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                drop(consumer.poll(Duration::from_millis(100)));
                holds.store(consumer.assignment().unwrap().count(), Ordering::Relaxed);
            }
        });
        Stranger { stop, held, thread }
    }

    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn leave(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// As many records for each partition.
fn produce(kafka: &Kafka, begin: u64) {
    let records: Vec<(i32, String)> = (begin..begin + EACH)
        .flat_map(|i| {
            (0..PARTITIONS).map(move |partition| {
                let record = format!(
                    r#"{{"time":"2026-03-01T10:{:02}:{:02}Z","request_id":"r-{partition}-{i}","method":"GET","path":"/plates","status":200,"client_id":"crm"}}"#,
                    i / 60,
                    i % 60
                );
                (partition, record)
            })
        })
        .collect();
    kafka.produce_to_partitions("rebalance", &records);
}

#[test]
fn partitions_go_to_another_member_and_come_back() {
    let kafka = Kafka::start(Mode::Plain);
    let clickhouse = ClickHouse::start();
    kafka.create_topic("rebalance", PARTITIONS, &[]);
    let settings = "[decode]\nmax_age_days = 3650\n[delivery]\nblock_rows = 100\n";
    let service = Service::new("rebalance", &kafka, &clickhouse, settings);
    let all = EACH * u64::from(PARTITIONS.unsigned_abs());
    produce(&kafka, 0);
    let mut gatewatch = service.start(0, &[]);
    service.wait_until_stored(&clickhouse, all, LIMIT);

    let stranger = Stranger::join(&kafka, "rebalance");
    let held = wait_for("partitions for the other member", LIMIT, || {
        (stranger.held() == 2).then_some(2)
    });
    produce(&kafka, EACH);
    service.wait_until_stored(&clickhouse, all + EACH * (4 - held), LIMIT);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        service.stored(&clickhouse),
        all + EACH * (4 - held),
        "nothing of the partitions that went"
    );

    stranger.leave();
    service.wait_until_stored(&clickhouse, 2 * all, LIMIT);
    service.assert_exactly_once(&clickhouse, 2 * all);
    let status = gatewatch.stop();
    assert!(
        status.is_some_and(|status| status.success()),
        "{}",
        gatewatch.said()
    );
}
