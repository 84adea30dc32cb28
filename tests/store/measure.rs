//! Measurements behind the choices in docs/adr: codecs, order, format, compression on the way. Not part of a normal run:
//! `GATEWATCH_CHDB=… cargo test --test store measure -- --ignored --nocapture --test-threads 1`
//! Figures are of the profile that the command builds; compare them within one run.

use std::time::Instant;

use clickhouse::native::builder::BlockBuilder;
use gatewatch::config;
use gatewatch::event::{Event, Fact, Timestamp};
use gatewatch::store::{EventBlock, Store};

use super::server::{Server, recent};

const ROWS: u64 = 50_000;
const BLOCKS: u64 = 6;

/// A number that looks random and is the same in every run (splitmix64).
fn scatter(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What an id looks like once it is a pseudonym.
fn id(salt: u64) -> String {
    format!(
        "{:032x}",
        (u128::from(scatter(salt)) << 64) | u128::from(salt)
    )
}

/// A request as a busy gateway logs it: about 650 bytes as JSON.
fn request(number: u64, start: Timestamp) -> Event<'static> {
    let random = scatter(number);
    let client = random % 200;
    let integration = client % 12;
    let resource = scatter(random) % 20_000;
    let operations = [
        "GET /residents/{id}",
        "GET /passes/{id}",
        "POST /passes",
        "POST /faces/match",
        "PUT /plates/{id}",
    ];
    let operation = operations[(random >> 8) as usize % operations.len()];
    let (method, route) = operation.split_once(' ').unwrap();
    let time = start.plus_micros(number as i64 * 2_000 + (random % 1_500) as i64);
    let mut event = Event {
        time,
        gateway: Some(format!("gw-{}", number % 3).into()),
        sequence: Some(number / 3),
        request_id: Some(id(number ^ 0x51).into()),
        direction: Some("inbound".into()),
        environment: Some("production".into()),
        integration: Some(format!("partner-{integration}").into()),
        operation: Some(operation.into()),
        method: Some(method.into()),
        scheme: Some("https".into()),
        http_version: Some("1.1".into()),
        host: Some("api.example.org".into()),
        path: Some(route.replace("{id}", &id(resource)).into()),
        route: Some(route.into()),
        query: Some(if random.is_multiple_of(4) {
            format!("page={}", random % 50).into()
        } else {
            "".into()
        }),
        status: Some(if random % 100 < 96 {
            200
        } else {
            [404, 403, 429, 503][random as usize % 4]
        }),
        request_bytes: Some(300 + random % 900),
        response_bytes: Some(500 + scatter(random ^ 1) % 8_000),
        duration_us: Some(3_000 + scatter(random ^ 2) % 90_000),
        upstream_duration_us: Some(2_000 + scatter(random ^ 2) % 80_000),
        attempt: Some(1),
        client_address: Some([203, 0, 113, client as u8].into()),
        country: Some("RU".into()),
        user_agent: Some(
            format!("partner-sdk/{}.{} (java 17)", integration % 4, client % 10).into(),
        ),
        client_id: Some(format!("client-{client}").into()),
        tls_version: Some("TLSv1.3".into()),
        tls_cipher: Some("TLS_AES_256_GCM_SHA384".into()),
        subject: Some(id(resource ^ 0xabc).into()),
        roles: vec!["service".into()],
        scopes: vec!["residents.read".into(), "passes.write".into()],
        resource_type: Some("resident".into()),
        resource_id: Some(id(resource ^ 0xdef).into()),
        record_count: Some(1),
        upstream_address: Some(format!("10.0.0.{integration}:8443").into()),
        ..token(number, client, time)
    };
    if random.is_multiple_of(50) {
        event.facts.insert(Fact::PersonalPhone);
    }
    event
}

/// What the gateway says of the token of a request.
fn token(number: u64, client: u64, time: Timestamp) -> Event<'static> {
    Event {
        grant: Some("client_credentials".into()),
        token_algorithm: Some("RS256".into()),
        token_key_id: Some("2026-03".into()),
        token_issuer: Some("https://id.example.org".into()),
        token_audience: Some("https://api.example.org".into()),
        token_id: Some(id((number / 50) ^ (client << 40)).into()),
        token_issued: Some(time.floor_to(300_000_000)),
        token_expires: Some(time.floor_to(300_000_000).plus_micros(600_000_000)),
        token_outcome: Some("valid".into()),
        decision: Some("allow".into()),
        ..Event::default()
    }
}

fn blocks(events: &[Event<'_>]) -> Vec<EventBlock> {
    events
        .chunks(ROWS as usize)
        .enumerate()
        .map(|(index, chunk)| {
            let mut block = EventBlock::new("requests", 0, "k1");
            for (row, event) in chunk.iter().enumerate() {
                let offset = index as i64 * ROWS as i64 + row as i64;
                block.push(
                    event,
                    &gatewatch::store::Verdict::default(),
                    offset,
                    Some(event.time),
                );
            }
            block
        })
        .collect()
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.2} {unit}");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure_the_way_into_the_table() {
    let server = Server::start();
    let store = server.store().await;
    let events: Vec<_> = (0..ROWS * BLOCKS)
        .map(|number| request(number, recent()))
        .collect();
    let json: usize = events
        .iter()
        .take(1_000)
        .map(|event| serde_json::to_vec(event).unwrap().len())
        .sum();
    figure("json_bytes_per_row", json as f64 / 1_000.0, "B");
    let started = Instant::now();
    let inserts: Vec<_> = blocks(&events)
        .into_iter()
        .map(EventBlock::finish)
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    let rows = events.len() as f64;
    figure("block_building_ns_per_event", seconds * 1e9 / rows, "ns");
    let bytes: usize = inserts.iter().map(gatewatch::store::Insert::bytes).sum();
    figure("packed_bytes_per_row", bytes as f64 / rows, "B");
    for round in 0..3 {
        let started = Instant::now();
        for (index, insert) in inserts.iter().enumerate() {
            store
                .insert(&format!("{round}/{index}"), insert)
                .await
                .unwrap();
        }
        figure(
            "insert_rows_per_second",
            rows / started.elapsed().as_secs_f64(),
            "1/s",
        );
    }
    for durable in [false, true] {
        let config = config::Store {
            durable,
            ..server.config()
        };
        Store::connect(&config)
            .await
            .unwrap()
            .migrate()
            .await
            .unwrap();
        let started = Instant::now();
        for (index, insert) in inserts.iter().enumerate() {
            store
                .insert(&format!("durable/{durable}/{index}"), insert)
                .await
                .unwrap();
        }
        figure(
            &format!("insert_rows_per_second_durable_{durable}"),
            rows / started.elapsed().as_secs_f64(),
            "1/s",
        );
    }
    for view in ["events_to_traffic_minute", "traffic_minute_to_hour"] {
        server.ask(&format!("DROP VIEW {view}")).await.unwrap();
    }
    let started = Instant::now();
    for (index, insert) in inserts.iter().enumerate() {
        store
            .insert(&format!("alone/{index}"), insert)
            .await
            .unwrap();
    }
    figure(
        "insert_rows_per_second_without_roll_ups",
        rows / started.elapsed().as_secs_f64(),
        "1/s",
    );
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure_codecs_and_order() {
    let server = Server::start();
    let store = server.store().await;
    let events: Vec<_> = (0..ROWS * BLOCKS)
        .map(|number| request(number, recent()))
        .collect();
    for (index, block) in blocks(&events).into_iter().enumerate() {
        store
            .insert(&format!("t/{index}"), &block.finish())
            .await
            .unwrap();
    }
    let created = server
        .ask("SHOW CREATE TABLE events FORMAT TSVRaw")
        .await
        .unwrap();
    let ours = created.replace("gatewatch.events", "gatewatch.variant");
    let codec = |with: &str| {
        ours.lines()
            .map(|line| match line.split_once(" CODEC(") {
                Some((start, _)) if line.starts_with("    `") => format!("{start} CODEC({with}),"),
                _ => line.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    let order = "(toStartOfHour(time), integration, client_id, time)";
    let variants = [
        ("ours", ours.clone()),
        ("lz4", codec("LZ4")),
        ("zstd1", codec("ZSTD(1)")),
        ("zstd3", codec("ZSTD(3)")),
        ("order_by_time", ours.replace(order, "time")),
        (
            "order_by_client",
            ours.replace(order, "(integration, client_id, time)"),
        ),
        (
            "without_indexes",
            ours.lines()
                .filter(|line| {
                    !line.trim_start().starts_with("INDEX") || line.contains("offset_range")
                })
                .collect::<Vec<_>>()
                .join("\n")
                .replace("GRANULARITY 1,\n)", "GRANULARITY 1\n)"),
        ),
    ];
    for (name, sql) in variants {
        server
            .ask("DROP TABLE IF EXISTS gatewatch.variant SYNC")
            .await
            .unwrap();
        server.ask(&sql).await.unwrap();
        let started = Instant::now();
        server.ask("INSERT INTO gatewatch.variant SELECT * FROM events ORDER BY offset SETTINGS max_threads = 1").await.unwrap();
        let seconds = started.elapsed().as_secs_f64();
        server
            .ask("OPTIMIZE TABLE gatewatch.variant FINAL")
            .await
            .unwrap();
        let size = server
            .ask("SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE database = 'gatewatch' AND table = 'variant' AND active")
            .await
            .unwrap();
        figure(&format!("bytes_per_row_{name}"), size.parse().unwrap(), "B");
        figure(&format!("copy_seconds_{name}"), seconds, "s");
    }
    let largest = server
        .ask("SELECT name, round(data_compressed_bytes / 300000, 2), compression_codec FROM system.columns WHERE database = 'gatewatch' AND table = 'events' ORDER BY data_compressed_bytes DESC LIMIT 24")
        .await
        .unwrap();
    println!("{largest}");
}

#[test]
#[ignore = "a measurement"]
fn measure_native_columns_against_the_builder_of_the_client() {
    let events: Vec<_> = (0..ROWS)
        .map(|number| request(number, Timestamp::from_seconds(1_770_000_000)))
        .collect();
    let started = Instant::now();
    let ours = blocks(&events).pop().unwrap().finish();
    let own = started.elapsed().as_secs_f64();
    let names: Vec<String> = (0..70).map(|index| format!("column_{index}")).collect();
    let started = Instant::now();
    let mut builder = BlockBuilder::new();
    for event in &events {
        let values = [
            event.request_id.as_deref(),
            event.path.as_deref(),
            event.subject.as_deref(),
            None,
            None,
            None,
            None,
        ];
        for (index, name) in names.iter().enumerate() {
            let value: &str = values[index % values.len()].unwrap_or("");
            builder
                .upsert_column::<&str>(name.as_str())
                .unwrap()
                .add(value)
                .unwrap();
        }
    }
    let block = builder.build().unwrap();
    let theirs = started.elapsed().as_secs_f64();
    assert_eq!(block.num_rows(), ours.rows());
    figure("native_own_ns_per_event", own * 1e9 / ROWS as f64, "ns");
    figure(
        "native_client_builder_ns_per_event",
        theirs * 1e9 / ROWS as f64,
        "ns",
    );
    figure("native_own_vs_client_builder", theirs / own, "times");
}
