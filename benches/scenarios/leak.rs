//! Whether a single field gives hard attacks away: they would be found by a trick of the simulator, not by detection.
//!
//! For each field: how likely each value is among the events of half of the hard attacks, against ordinary events; with that as a
//! score, the area under the curve (AUC) for the other half, and the other way round. Attacks count alike however many events they have.
//! Attacks and ordinary events are compared within their integration: that an attack on residents comes from their app tells
//! nobody which of its calls it is. Printed beside: the same over all traffic.

use std::collections::BTreeMap;

use gatewatch::event::Timestamp;
use gatewatch::simulate::{Difficulty, Generator, Scenario, Settings, Shapes};
use serde::Deserialize;

use crate::scored::START;

/// One ordinary event in so many is looked at.
const ONE_IN: u64 = 23;
/// Days that are looked at.
const DAYS: usize = 3;
const DAY_US: i64 = 86_400_000_000;

#[derive(Deserialize)]
struct Record {
    time: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    client_address: String,
    #[serde(default)]
    gateway: String,
    #[serde(default)]
    tls_cipher: String,
    #[serde(default)]
    integration: String,
}

const FIELDS: [&str; 6] = [
    "request_id",
    "user_agent",
    "network",
    "hour",
    "gateway",
    "tls",
];

impl Record {
    /// What can be told of each field by itself.
    fn values(self) -> [String; 6] {
        [
            // Ids are even; their length and beginning could differ.
            format!("{} {:.1}", self.request_id.len(), self.request_id),
            self.user_agent,
            network(&self.client_address),
            self.time.get(11..13).unwrap_or_default().to_owned(),
            self.gateway,
            self.tls_cipher,
        ]
    }
}

/// The first two parts of an address.
fn network(address: &str) -> String {
    let parts: Vec<&str> = address.splitn(3, ['.', ':']).collect();
    parts[..parts.len().min(2)].join(".")
}

/// Values of a field, with how often each was seen: ordinary ones, and those of each attack.
#[derive(Default)]
struct Seen {
    ordinary: BTreeMap<String, f64>,
    /// Scenario, value.
    hard: BTreeMap<(usize, String), f64>,
}

/// What was seen of each field in one integration; the empty name is all traffic.
type Strata = BTreeMap<String, [Seen; 6]>;

/// Prints the AUC of each field, and the worst.
pub fn figures(planted: &[Scenario], seeds: &[u64], events: u64) {
    let mut strata = Strata::new();
    for seed in seeds.iter().take(DAYS) {
        look(planted, *seed, events, &mut strata);
    }
    let all = strata.remove("").unwrap_or_default();
    let mut worst: f64 = 0.5;
    for (at, field) in FIELDS.iter().enumerate() {
        let within = strata.values().map(|seen| &seen[at]);
        let (mut sum, mut weight) = (0.0, 0.0);
        for seen in within {
            let attacks = seen.attacks().len() as f64;
            if let Some(auc) = seen.auc() {
                sum += auc * attacks;
                weight += attacks;
            }
        }
        let auc = if weight > 0.0 { sum / weight } else { 0.5 };
        let over_all = all[at].auc().unwrap_or(0.5);
        println!(
            "leak  {field:12} AUC {auc:.3} within integrations, {over_all:.3} over all traffic"
        );
        worst = worst.max(auc);
    }
    println!("figure leak_auc_worst {worst:.3} AUC");
}

fn look(planted: &[Scenario], seed: u64, events: u64, strata: &mut Strata) {
    let settings = Settings {
        seed,
        start: Timestamp::parse_rfc3339(START).expect("it is a time"),
        span_us: DAY_US,
        quiet_us: 0,
        events,
        clients: None,
        broken: 0,
        scenarios: planted.to_vec(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let mut generator = Generator::new(settings).expect("it was simulated before");
    let mut buffer = Vec::new();
    let mut count = 0;
    while let Some(meta) = generator.next_into(&mut buffer) {
        count += 1;
        let is_hard = |index: &usize| {
            planted[*index].attack && planted[*index].difficulty == Difficulty::Hard
        };
        let hard = meta.scenario.filter(is_hard);
        let is_ordinary = meta.scenario.is_none() && count % ONE_IN == 0;
        if hard.is_some() || is_ordinary {
            let record: Record = serde_json::from_slice(&buffer).expect("a record is JSON");
            let integration = match record.integration.as_str() {
                "" => "none".to_owned(),
                name => name.to_owned(),
            };
            let values = record.values();
            for stratum in [String::new(), integration] {
                let fields = strata.entry(stratum).or_default();
                for (seen, value) in fields.iter_mut().zip(values.clone()) {
                    match hard {
                        Some(scenario) => *seen.hard.entry((scenario, value)).or_default() += 1.0,
                        None => *seen.ordinary.entry(value).or_default() += 1.0,
                    }
                }
            }
        }
        buffer.clear();
    }
}

impl Seen {
    fn attacks(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.hard.keys().map(|(scenario, _)| *scenario).collect();
        numbers.dedup();
        numbers
    }

    /// The mean of both ways round; `None` for fewer attacks than two.
    fn auc(&self) -> Option<f64> {
        let numbers = self.attacks();
        if numbers.len() < 2 || self.ordinary.is_empty() {
            return None;
        }
        let half = |parity: usize| self.half(&numbers, parity);
        let (even, odd) = (half(0), half(1));
        let ordinary = shares(&self.ordinary);
        let mean = f64::midpoint(area(&even, &odd, &ordinary), area(&odd, &even, &ordinary));
        Some(mean)
    }

    /// How likely each value is among every other attack.
    fn half(&self, numbers: &[usize], parity: usize) -> BTreeMap<String, f64> {
        let mut half = BTreeMap::new();
        for number in numbers.iter().skip(parity).step_by(2) {
            let of_one: BTreeMap<String, f64> = self
                .hard
                .iter()
                .filter(|((scenario, _), _)| scenario == number)
                .map(|((_, value), count)| (value.clone(), *count))
                .collect();
            for (value, share) in shares(&of_one) {
                *half.entry(value).or_insert(0.0) += share;
            }
        }
        shares(&half)
    }
}

fn shares(counts: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let sum: f64 = counts.values().sum();
    let share = |(value, count): (&String, &f64)| (value.clone(), count / sum);
    counts.iter().map(share).collect()
}

/// How often an attack of the other half scores above an ordinary event, ties counting half.
fn area(
    known: &BTreeMap<String, f64>,
    other: &BTreeMap<String, f64>,
    ordinary: &BTreeMap<String, f64>,
) -> f64 {
    let of =
        |shares: &BTreeMap<String, f64>, value: &String| shares.get(value).copied().unwrap_or(0.0);
    // A value that was never seen says nothing.
    let score = |value: &String| {
        let (attack, usual) = (of(known, value), of(ordinary, value));
        if attack + usual == 0.0 {
            0.5
        } else {
            attack / (attack + usual)
        }
    };
    let mut area = 0.0;
    for (value, share) in other {
        for (usual, weight) in ordinary {
            let (attack, ordinary) = (score(value), score(usual));
            area += share
                * weight
                * match attack.total_cmp(&ordinary) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
        }
    }
    area
}
