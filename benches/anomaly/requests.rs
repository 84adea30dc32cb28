//! Values of parameters: learned from normal ones alone, then shown attacks.
//!
//! `httpparams` is split by a hash of the value: one half of the normal values is learned, the other is what false alarms are counted on. Then
//! payloads are put into the parameters of the simulator's normal requests, so that only the payload differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use gatewatch::decode::Decoder;
use gatewatch::event::{Event, Timestamp};
use gatewatch::simulate::{Generator, Settings, Shapes};
use gatewatch::track::Requests;
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

/// A request that has nothing but one parameter.
fn request(operation: &str, name: &str, value: &str) -> Event<'static> {
    // `&` would end the value: what decoding leaves of one that was written `%26` is another parameter, as in a record.
    Event {
        operation: Some(operation.to_owned().into()),
        query_decoded: Some(format!("{name}={value}").into()),
        ..Event::default()
    }
}

/// One pool of values of all parameters: the set does not say which.
fn of_values(rows: &[Row]) {
    let normal: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.class == "norm")
        .map(|row| row.payload.as_str())
        .collect();
    let is_learned = |value: &&&str| Sha256::digest(value)[0] & 1 == 0;
    let any = |values: &mut dyn Iterator<Item = &&str>| -> Vec<Event<'static>> {
        values.map(|value| request("any", "any", value)).collect()
    };
    let learned = any(&mut normal.iter().filter(is_learned));
    let tested = any(&mut normal.iter().filter(|value| !is_learned(value)));
    let mut usual = Requests::default();
    for event in &learned {
        usual.learn(event);
    }
    println!(
        "httpparams: {} normal values learned, {} tested",
        learned.len(),
        tested.len()
    );
    let by_class: BTreeMap<String, Vec<f64>> = attacks(rows)
        .into_iter()
        .map(|(class, values)| (class, usual.surprises(&any(&mut values.iter()))))
        .collect();
    print(&usual.surprises(&tested), &by_class, "httpparams");
}

/// Recall by class where so many normal values are taken for attacks.
fn print(normal: &[f64], attacks: &BTreeMap<String, Vec<f64>>, set: &str) {
    let mut sorted = normal.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let over = |values: &[f64], limit: f64| {
        let over = values.iter().filter(|value| **value > limit).count();
        over as f64 / values.len().max(1) as f64
    };
    println!(
        "{:<28} {:>7} {:>9} {:>9}",
        "class", "values", "at 0.1 %", "at 1 %"
    );
    let limits = ONE_IN.map(|share| sorted[sorted.len() / share]);
    let line = |name: &str, values: &[f64]| {
        print!("{name:<28} {:>7}", values.len());
        for limit in &limits {
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
}

/// The simulator's ordinary requests that have parameters, with nothing else.
fn ordinary(seed: u64, events: u64) -> Vec<Event<'static>> {
    let settings = Settings {
        seed,
        start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
        span_us: 86_400_000_000,
        quiet_us: 0,
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
    let mut requests = Vec::new();
    while generator.next_into(&mut record).is_some() {
        let event = decoder
            .decode(&record, None)
            .expect("the simulator's records are events");
        if let (Some(path), Some(query)) = (&event.path, &event.query) {
            requests.push(Event {
                operation: Some(path.clone().into_owned()),
                query_decoded: Some(query.clone().into_owned()),
                ..Event::default()
            });
        }
        record.clear();
    }
    requests
}

/// Each operation with the parameters of its first request.
fn parameters(requests: &[Event<'_>]) -> BTreeSet<(String, String)> {
    let each = requests.iter().flat_map(|request| {
        let operation = request.operation.as_deref().unwrap_or_default();
        let query = request.query_decoded.as_deref().unwrap_or_default();
        let names = query.split('&').filter_map(|pair| pair.split_once('='));
        names.map(|(name, _)| (operation.to_owned(), name.to_owned()))
    });
    each.collect()
}

fn of_requests(attacks: &BTreeMap<String, BTreeSet<&str>>) {
    let (learned, tested) = (ordinary(11, 200_000), ordinary(12, 200_000));
    let mut usual = Requests::default();
    let begin = Instant::now();
    for request in &learned {
        usual.learn(request);
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / learned.len() as f64;
    let parameters = parameters(&learned);
    println!(
        "\nsimulated requests: {} parameters in {} requests; {each:.2} us to learn one",
        parameters.len(),
        learned.len(),
    );
    let by_class = attacks
        .iter()
        .map(|(class, payloads)| {
            let tried = payloads.iter().step_by(EVERY);
            let requests: Vec<Event<'_>> = tried
                .flat_map(|payload| {
                    parameters
                        .iter()
                        .map(|(operation, name)| request(operation, name, payload))
                })
                .collect();
            (class.clone(), usual.surprises(&requests))
        })
        .collect();
    print(&usual.surprises(&tested), &by_class, "simulated");
}
