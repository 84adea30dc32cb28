//! Recall, false alarms and time to alert on simulated days, over ten seeds.
//!
//! `make bench-scenarios [SEED=1] [SCENARIOS=DIR]`: days of a million events, each of its own seed, ten that follow from `SEED`, or those of a list
//! (`SEED=1,2,3`). Without it they are drawn from the clock and printed, so that nobody can tune to them. `BENCH_EVENTS` sets the size of a day.

#[path = "../../tests/data/mod.rs"]
mod data;
mod leak;
mod power;
#[path = "../../tests/scored/mod.rs"]
mod scored;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use gatewatch::simulate::score::{Outcome, Score};
use gatewatch::simulate::{Difficulty, built_in, folder};
use scored::Day;
use scored::seeds::{each_seed, joined, seeds, variable};

const EVENTS: u64 = 1_000_000;

fn main() {
    let seeds = seeds();
    println!("seeds {}", joined(&seeds));
    let events = variable("BENCH_EVENTS").map_or(EVENTS, |text| {
        text.parse().expect("BENCH_EVENTS is a number")
    });
    let scenarios = variable("SCENARIOS").map(PathBuf::from);
    let series = data::folder("nab").map(|folder| folder.join("data"));
    let scores = each_seed(&seeds, |seed| {
        Day {
            seed,
            events,
            scenarios: scenarios.as_deref(),
            shapes: series.as_deref(),
            statistics: None,
            releases: 0,
        }
        .score()
    });
    table(&scores);
    figures(&scores);
    let planted = match &scenarios {
        Some(path) => folder(path),
        None => built_in(),
    };
    let planted = planted.expect("they were simulated just now");
    leak::figures(&planted, &seeds, events);
    if scenarios.is_none() {
        let seeds = &seeds[..seeds.len().min(3)];
        power::figures(&power::IDS, seeds, events / 4, series.as_deref(), None);
    }
}

fn of_kind(outcome: &Outcome) -> &'static str {
    match outcome.difficulty {
        Some(Difficulty::Easy) => "easy",
        Some(Difficulty::Hard) => "hard",
        None => "twin",
    }
}

/// Each scenario with the days on which it was found, and every false alarm.
fn table(scores: &[Score]) {
    let mut rows: BTreeMap<(&str, &str), (&str, usize, usize)> = BTreeMap::new();
    for outcome in scores.iter().flat_map(|score| &score.scenarios) {
        let key = (outcome.requirement.as_str(), outcome.name.as_str());
        let row = rows.entry(key).or_insert((of_kind(outcome), 0, 0));
        row.1 += usize::from(outcome.found);
        row.2 += 1;
    }
    for ((requirement, name), (kind, found, days)) in rows {
        let word = if kind == "twin" { "alarmed" } else { "found" };
        println!("{requirement}  {kind}  {name:40}  {word} on {found} of {days} days");
    }
    let mut alarms: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for alarm in scores.iter().flat_map(|score| &score.false_alarms) {
        let twin = alarm.twin.as_deref().unwrap_or("");
        *alarms
            .entry((&alarm.title, &alarm.entity, twin))
            .or_default() += 1;
    }
    for ((title, entity, twin), count) in alarms {
        println!("false alarm  {title} on {entity}  {twin}  ({count})");
    }
}

fn figures(scores: &[Score]) {
    let outcomes = || scores.iter().flat_map(|score| &score.scenarios);
    let share = |kind: &str| {
        let all = outcomes().filter(|it| of_kind(it) == kind).count();
        let found = outcomes()
            .filter(|it| of_kind(it) == kind && it.found)
            .count();
        found as f64 / all.max(1) as f64
    };
    let total = scores.first().map_or(0, |score| score.scenarios.len());
    let covered: BTreeSet<&str> = outcomes()
        .filter(|outcome| outcome.attack && outcome.found)
        .map(|outcome| outcome.requirement.as_str())
        .collect();
    let twins = outcomes().filter(|it| !it.attack && it.found).count();
    let alarms: usize = scores.iter().map(|score| score.false_alarms.len()).sum();
    let mut waits: Vec<f64> = outcomes()
        .filter(|outcome| outcome.attack)
        .filter_map(|outcome| outcome.seconds)
        .collect();
    waits.sort_by(f64::total_cmp);
    println!("figure scenarios_total {total} scenarios");
    println!("figure requirements_covered {} requirements", covered.len());
    println!("figure scenarios_easy_found {:.3} share", share("easy"));
    println!("figure scenarios_hard_found {:.3} share", share("hard"));
    println!("figure twins_alarmed {twins} twins");
    println!(
        "figure false_alarms_per_day {:.2} alarms",
        alarms as f64 / scores.len().max(1) as f64
    );
    println!(
        "figure seconds_to_alert_median {:.1} s",
        waits.get(waits.len() / 2).copied().unwrap_or(f64::NAN)
    );
}
