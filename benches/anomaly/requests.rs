//! Values of parameters: learned from normal ones alone, then shown attacks.
//!
//! `httpparams` is split by a hash of the value: one half of the normal values is learned, the other is what false alarms are counted on. Then
//! payloads are put into the parameters of the simulator's normal requests, so that only the payload differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use gatewatch::decode::Decoder;
use gatewatch::event::Timestamp;
use gatewatch::simulate::{Generator, Settings, Shapes};
use gatewatch::track::model::{Desk, Values};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{data, figure};

/// One in so many normal values may be taken for an attack.
const ONE_IN: [usize; 2] = [1_000, 100];
/// Of the payloads one in so many is tried: most are like their neighbours in the list.
const EVERY: usize = 7;

#[derive(Deserialize)]
struct Row {
    class: String,
    payload: String,
}

pub fn measure() {
    let (Some(params), Some(payloads)) = (
        data::folder("httpparams"),
        data::folder("payloadsallthethings"),
    ) else {
        return;
    };
    let rows = rows(&params.join("httpparams.jsonl.zst"));
    of_values(&rows);
    let listed = self::rows(&payloads.join("payloads.jsonl.zst"));
    let mut all = attacks(&rows);
    for (class, payloads) in attacks(&listed) {
        all.insert(format!("list of {class}"), payloads);
    }
    of_requests(&all);
}

fn rows(path: &Path) -> Vec<Row> {
    let packed = fs::read(path).expect("a set");
    let text = zstd::decode_all(packed.as_slice()).expect("zstd");
    let text = std::str::from_utf8(&text).expect("JSON is text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect()
}

/// Distinct attacks by class.
fn attacks(rows: &[Row]) -> BTreeMap<String, BTreeSet<&str>> {
    let mut attacks: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.class != "norm") {
        attacks
            .entry(row.class.clone())
            .or_default()
            .insert(&row.payload);
    }
    attacks
}

/// One pool of values of all parameters: the set does not say which.
fn of_values(rows: &[Row]) {
    let normal: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.class == "norm")
        .map(|row| row.payload.as_str())
        .collect();
    let is_learned = |value: &&&str| Sha256::digest(value)[0] & 1 == 0;
    let mut learning = Values::learning();
    let learned: Vec<&&str> = normal.iter().filter(is_learned).collect();
    // In the order of a hash, as values of many parameters would come mixed.
    let mut mixed: Vec<_> = learned
        .iter()
        .map(|value| (Sha256::digest(value), value))
        .collect();
    mixed.sort();
    for (_, value) in &mixed {
        learning.take("any", value.as_bytes());
    }
    let model = learning.finish();
    let mut desk = Desk::default();
    let mut rarity = |value: &str| {
        let judged = model.judge("any", value.as_bytes(), &mut desk);
        judged.map_or(0.0, |judged| judged.rarity)
    };
    let tested: Vec<f64> = normal
        .iter()
        .filter(|value| !is_learned(value))
        .map(|value| rarity(value))
        .collect();
    println!(
        "httpparams: {} normal values learned, {} tested",
        mixed.len(),
        tested.len()
    );
    let by_class: BTreeMap<String, Vec<f64>> = attacks(rows)
        .into_iter()
        .map(|(class, values)| (class, values.into_iter().map(&mut rarity).collect()))
        .collect();
    print(&tested, &by_class, "httpparams");
}

/// Recall by class where so many normal values are taken for attacks, and at the threshold that the rarity itself says.
fn print(normal: &[f64], attacks: &BTreeMap<String, Vec<f64>>, set: &str) {
    let mut sorted = normal.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let over = |values: &[f64], limit: f64| {
        values.iter().filter(|value| **value > limit).count() as f64 / values.len().max(1) as f64
    };
    println!(
        "{:<28} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "class", "values", "at 0.1 %", "at 1 %", "p 0.001", "p 0.01"
    );
    let limits = ONE_IN.map(|share| sorted[sorted.len() / share]);
    let nominal = ONE_IN.map(|share| (share as f64).ln());
    let line = |name: &str, values: &[f64]| {
        print!("{name:<28} {:>7}", values.len());
        for limit in limits.iter().chain(&nominal) {
            print!(" {:>9.4}", over(values, *limit));
        }
        println!();
    };
    line("normal, not learned", normal);
    for (class, values) in attacks {
        line(class, values);
    }
    let all: Vec<f64> = attacks.values().flatten().copied().collect();
    figure(
        &format!("requests_{set}_recall_at_0.1_percent"),
        over(&all, limits[0]),
        "share",
    );
    figure(
        &format!("requests_{set}_recall_at_1_percent"),
        over(&all, limits[1]),
        "share",
    );
    figure(
        &format!("requests_{set}_false_at_p_0.001"),
        over(normal, nominal[0]),
        "share",
    );
}

/// Parameters of the simulator's ordinary requests, each with its value.
fn ordinary(seed: u64, events: u64) -> Vec<(String, Vec<u8>)> {
    let settings = Settings {
        seed,
        start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
        span_us: 86_400_000_000,
        events,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
    };
    let decoder =
        Decoder::new(&gatewatch::config::Decode::default()).expect("the defaults are valid");
    let mut generator = Generator::new(settings).expect("the span is sound");
    let mut record = Vec::new();
    let mut values = Vec::new();
    while generator.next_into(&mut record).is_some() {
        let event = decoder
            .decode(&record, None)
            .expect("the simulator's records are events");
        if let (Some(path), Some(query)) = (&event.path, &event.query) {
            for pair in query.split('&') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                values.push((format!("{path}?{name}"), decoded(value)));
            }
        }
        record.clear();
    }
    values
}

fn decoded(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        let hex = others
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(byte)) = (first, coded) {
            bytes.push(byte);
            rest = &others[2..];
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    bytes
}

fn of_requests(attacks: &BTreeMap<String, BTreeSet<&str>>) {
    let (learned, tested) = (ordinary(11, 200_000), ordinary(12, 200_000));
    let mut learning = Values::learning();
    for (parameter, value) in &learned {
        learning.take(parameter, value);
    }
    let model = learning.finish();
    let mut desk = Desk::default();
    let begin = Instant::now();
    let normal: Vec<f64> = tested
        .iter()
        .map(|(parameter, value)| {
            model
                .judge(parameter, value, &mut desk)
                .map_or(0.0, |judged| judged.rarity)
        })
        .collect();
    let each = begin.elapsed().as_secs_f64() * 1e6 / tested.len() as f64;
    let bytes: usize = tested.iter().map(|(_, value)| value.len()).sum();
    println!(
        "\nsimulated requests: {} parameters of {} values; {each:.2} us a value of {:.0} bytes on average",
        model.parameters(),
        learned.len(),
        bytes as f64 / tested.len() as f64
    );
    let parameters: BTreeSet<&str> = learned
        .iter()
        .map(|(parameter, _)| parameter.as_str())
        .collect();
    let by_class = attacks
        .iter()
        .map(|(class, payloads)| {
            let tried = payloads.iter().step_by(EVERY);
            let rarities = tried.flat_map(|payload| {
                let each = parameters.iter().map(|parameter| {
                    let judged = model.judge(parameter, payload.as_bytes(), &mut desk);
                    judged.map_or(0.0, |judged| judged.rarity)
                });
                each.collect::<Vec<_>>()
            });
            (class.clone(), rarities.collect())
        })
        .collect();
    print(&normal, &by_class, "simulated");
}
