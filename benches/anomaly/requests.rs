//! Values of parameters: learned from normal ones alone, then shown attacks.
//!
//! `httpparams` is split by a hash of the value: one half of the normal values is learned, the other is what false alarms are counted on. Then
//! payloads are put in place of a value of the simulator's normal requests, all else of which stays as it was; values of other normal requests, put in by the
//! same way, have to stay unnoticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
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
/// Requests of each parameter that payloads are put into, in turn.
const TEMPLATES: usize = 500;

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

/// A request with these parameters, written as a client writes them.
fn request(operation: &str, parameters: &[(&str, &str)]) -> Event<'static> {
    let query = |write: fn(&str) -> String| {
        let pairs = parameters.iter();
        let pairs = pairs.map(|(name, value)| format!("{name}={}", write(value)));
        pairs.collect::<Vec<_>>().join("&")
    };
    Event {
        operation: Some(operation.to_owned().into()),
        query: Some(query(encoded).into()),
        query_decoded: Some(query(str::to_owned).into()),
        ..Event::default()
    }
}

/// Percent-encoded but for what needs it never.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}"); // writing into a string does not fail
        }
    }
    text
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
        values
            .map(|value| request("any", &[("any", value)]))
            .collect()
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
    print(&usual.surprises(&tested), &by_class, "httpparams", None);
}

/// Recall by class where so many normal values are taken for attacks.
fn print(normal: &[f64], attacks: &BTreeMap<String, Vec<f64>>, set: &str, swapped: Option<&[f64]>) {
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
    if let Some(swapped) = swapped {
        line("normal values put in", swapped);
    }
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
        holidays: Vec::new(),
        releases: 0,
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
                query: Some(query.clone().into_owned()),
                query_decoded: Some(decoded(query).into()),
                ..Event::default()
            });
        }
        record.clear();
    }
    requests
}

/// The simulator encodes nothing but the colons of times.
fn decoded(query: &str) -> String {
    query.replace("%3A", ":")
}

/// An ordinary request in pieces.
struct Ordinary<'r> {
    operation: &'r str,
    parameters: Vec<(&'r str, &'r str)>,
}

impl Ordinary<'_> {
    /// The same with another value of one parameter.
    fn with(&self, at: usize, value: &str) -> Event<'static> {
        let mut parameters: Vec<(&str, &str)> = self.parameters.clone();
        parameters[at].1 = value;
        request(self.operation, &parameters)
    }
}

fn in_pieces<'r>(requests: &'r [Event<'static>]) -> Vec<Ordinary<'r>> {
    let each = requests.iter().map(|request| {
        let query = request.query_decoded.as_deref().unwrap_or_default();
        Ordinary {
            operation: request.operation.as_deref().unwrap_or_default(),
            parameters: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .collect(),
        }
    });
    each.collect()
}

/// For each parameter of each operation some requests that have it, with its place.
fn by_parameter<'r, 'o>(
    requests: &'o [Ordinary<'r>],
) -> BTreeMap<(&'r str, &'r str), Vec<(&'o Ordinary<'r>, usize)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for request in requests {
        for (at, (name, _)) in request.parameters.iter().enumerate() {
            let some: &mut Vec<_> = all.entry((request.operation, *name)).or_default();
            if some.len() < TEMPLATES {
                some.push((request, at));
            }
        }
    }
    all
}

fn of_requests(attacks: &BTreeMap<String, BTreeSet<&str>>) {
    let (learned, tested) = (ordinary(11, 200_000), ordinary(12, 200_000));
    let mut usual = Requests::default();
    let begin = Instant::now();
    for request in &learned {
        usual.learn(request);
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / learned.len() as f64;
    let pieces = in_pieces(&tested);
    let parameters = by_parameter(&pieces);
    println!(
        "\nsimulated requests: {} parameters in {} requests; {each:.2} us to learn one",
        parameters.len(),
        learned.len(),
    );
    let mut by_class: BTreeMap<String, Vec<f64>> = attacks
        .iter()
        .map(|(class, payloads)| {
            let tried = payloads.iter().step_by(EVERY).enumerate();
            let requests: Vec<Event<'_>> = tried
                .flat_map(|(nth, payload)| {
                    parameters.values().map(move |some| {
                        let (request, at) = some[nth % some.len()];
                        request.with(at, payload)
                    })
                })
                .collect();
            (class.clone(), usual.surprises(&requests))
        })
        .collect();
    let swapped: Vec<Event<'_>> = parameters
        .values()
        .flat_map(|some| {
            let others = some.iter().cycle().skip(1);
            some.iter()
                .zip(others)
                .map(|((request, at), (other, there))| {
                    request.with(*at, other.parameters[*there].1)
                })
        })
        .collect();
    let swapped = usual.surprises(&swapped);
    let normal = usual.surprises(&tested);
    by_class.retain(|_, surprises| !surprises.is_empty());
    print(&normal, &by_class, "simulated", Some(&swapped));
}
