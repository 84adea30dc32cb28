//! What is stored comes out again as it went in, and contracts are held against it.

use std::process::Command;

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::event::{Event, Field, Timestamp};
use gatewatch::simulate::{Generator, Settings, Shapes};
use gatewatch::store::{Condition, EventBlock, Store, Verdict, column_of};
use gatewatch::track::{Entity, EntityKind};
use gatewatch::triage::{Deed, Verdict as Called};

use super::server::{Server, recent};
use super::triage::{action, insert, numbered};

const EVENTS: u64 = 3_000;
const DAY_US: i64 = 86_400_000_000;

/// A day of simulated traffic.
fn traffic(start: Timestamp) -> Vec<Vec<u8>> {
    let settings = Settings {
        seed: 3,
        start,
        span_us: DAY_US,
        quiet_us: 0,
        events: EVENTS,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let mut generator = Generator::new(settings).unwrap();
    let mut records = Vec::new();
    let mut record = Vec::new();
    while generator.next_into(&mut record).is_some() {
        records.push(std::mem::take(&mut record));
    }
    records
}

/// Every stored field of an event but its facts, by name.
fn shown(event: &Event<'_>) -> Vec<String> {
    let fields = Field::ALL
        .iter()
        .filter(|field| column_of(**field).is_some());
    let fields = fields.filter(|field| **field != Field::Fact);
    fields
        .filter_map(|field| Some(format!("{}={:?}", field.name(), event.get(*field)?)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_events_come_out_as_they_went_in_and_contracts_are_held_against_them() {
    let server = Server::start();
    let store = server.store().await;
    let start = recent().floor_to(DAY_US).plus_micros(-2 * DAY_US);
    let records = traffic(start);
    let decoder = Decoder::new(&config::Decode::default()).unwrap();
    let events: Vec<Event<'_>> = records
        .iter()
        .map(|record| decoder.decode(record, None).unwrap())
        .collect();
    let mut block = EventBlock::new("requests", 0, "1");
    for (offset, event) in (0..).zip(&events) {
        block.push(event, &Verdict::default(), offset, None);
    }
    store.insert("t", &block.finish()).await.unwrap();

    let mut expected: Vec<Vec<String>> = events
        .iter()
        .filter(|event| {
            event
                .integration
                .as_deref()
                .is_none_or(|name| name == "tenant-sync")
        })
        .map(shown)
        .collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    let until = start.plus_micros(2 * DAY_US);
    let count = store
        .records(
            start.plus_micros(-DAY_US),
            until,
            &["tenant-sync"],
            |record| {
                found.push(shown(&decoder.decode(record.as_bytes(), None).unwrap()));
            },
        )
        .await
        .unwrap();
    assert_eq!(count, found.len() as u64);
    assert!(expected.len() > 30 && expected.len() < events.len());
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    // In the order of time, whatever the order in which they were stored.
    let mut times = Vec::new();
    let count = store
        .records_in_order(
            (start.plus_micros(-DAY_US), until),
            &Condition::all(),
            |_| {},
            |record| {
                let event = decoder.decode(record.as_bytes(), None).unwrap();
                times.push(event.time);
            },
        )
        .await
        .unwrap();
    assert_eq!((count, times.len()), (EVENTS, events.len()));
    assert!(times.is_sorted());
    one_is_found_by_its_place(&store, &decoder, &events[0]).await;
    let none = store
        .records(until, until.plus_micros(DAY_US), &[], |_| {})
        .await
        .unwrap();
    assert_eq!(none, 0);

    // By the command, as an owner of the contract would: a role is taken out of it.
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/contracts/tenant-sync.yaml"
    ))
    .unwrap();
    let contract = folder.path().join("a.yaml");
    std::fs::write(
        &contract,
        text.replacen("roles: [sync]", "roles: [other]", 1),
    )
    .unwrap();
    let settings = server.config();
    let output = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args([
            "contract",
            "check",
            "--output",
            "json",
            "--from",
            "clickhouse",
            "--since",
            &start.to_string(),
        ])
        .args(["--".as_ref(), contract.as_os_str()])
        .env("GATEWATCH_STORE__URL", &settings.url)
        .env("GATEWATCH_STORE__PASSWORD", "writer-password")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["breaches"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["breaches"][0]["fact"], "role.denied");
}

async fn one_is_found_by_its_place(store: &Store, decoder: &Decoder, first: &Event<'_>) {
    let whole = store.whole_event(first.time, "requests", (0, 0)).await;
    let whole = whole.unwrap().unwrap();
    let decoded = decoder.decode(whole.as_bytes(), None).unwrap();
    assert_eq!(shown(&decoded), shown(first));
    let nowhere = store.whole_event(first.time, "requests", (1, 0)).await;
    assert_eq!(nowhere.unwrap(), None);
}

/// By the command, of stored events: they are judged anew as they are, and a model is learned of them.
#[tokio::test(flavor = "multi_thread")]
async fn stored_history_is_backtested_and_makes_a_model() {
    let server = Server::start();
    let store = server.store().await;
    let start = recent().floor_to(DAY_US).plus_micros(-4 * DAY_US);
    let decoder = Decoder::new(&config::Decode::default()).unwrap();
    for day in 0..3 {
        let records = traffic(start.plus_micros(day * DAY_US));
        let mut block = EventBlock::new("requests", 0, "1");
        for (offset, record) in (day * DAY_US..).zip(&records) {
            let mut event = decoder.decode(record, None).unwrap();
            // As enrich would have named it, and a pseudonym as redact would have put in place.
            event.integration = Some("tenant-sync".into());
            event.subject = Some("p_0123456789abcdef".into());
            block.push(&event, &Verdict::default(), offset, None);
        }
        store
            .insert(&format!("t{day}"), &block.finish())
            .await
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let config = folder.path().join("gatewatch.toml");
    std::fs::write(&config, format!("[track.behaviour]\nmodels = {models:?}\n")).unwrap();
    let settings = server.config();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
            .args(arguments)
            .args(["--since", &start.to_string()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("GATEWATCH_CONFIG", &config)
            .env("GATEWATCH_STORE__URL", &settings.url)
            .env("GATEWATCH_STORE__PASSWORD", "writer-password")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code();
        (code, text(&output.stdout), text(&output.stderr))
    };
    let (code, out, error) = run(&["backtest", "--output", "json"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("9,000 events, 0 rejected"), "{error}");
    let rules: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(rules.is_array());
    let (code, _, error) = run(&["train", "--validate-days", "1"]);
    assert!(matches!(code, Some(0 | 1)), "{error}");
    assert!(error.contains("Learned from 9,000 events"), "{error}");
    // Beside the folder of the version may lie the name of the one in use.
    let entries = std::fs::read_dir(&models).unwrap();
    let mut versions = entries.map(|entry| entry.unwrap().path().join("behaviour.model"));
    let version = versions.find(|path| path.exists()).unwrap();
    let model = std::fs::read(version).unwrap();
    let holds = |text: &[u8]| model.windows(text.len()).any(|window| window == text);
    assert!(
        holds(b"p_0123456789abcdef"),
        "entities stand under the pseudonyms of the store"
    );

    // Two hours of which a person said that what was found is so teach nothing.
    assert!(error.contains("**Left out**: 0 hours of entities, of 0 alerts"));
    let mut confirmed = numbered(1, 1, 30);
    confirmed.rule.family = "behaviour".to_owned();
    confirmed.entity = Entity {
        kind: EntityKind::Subject,
        value: "p_0123456789abcdef".into(),
    };
    let hour_us = DAY_US / 24;
    confirmed.first = start.plus_micros(DAY_US + 10 * hour_us);
    confirmed.last = start.plus_micros(DAY_US + 12 * hour_us - 1);
    insert(&store, &confirmed).await;
    let close = action(&confirmed, 0, Deed::Close(Called::True));
    store.record_action(&close).await.unwrap();
    let (code, _, error) = run(&["train", "--validate-days", "1"]);
    assert!(matches!(code, Some(0 | 1)), "{error}");
    let said = "**Left out**: 2 hours of entities, of 1 alerts";
    assert!(error.contains(said), "{error}");
}
