//! Whether statistics keep to their budget on ordinary days, and what they find of hard attacks with all rules off.
//!
//! Seeds are drawn from the clock unless `SEED` names some. `BENCH_EVENTS` sets how many events a day has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::data;
use crate::figure;
use crate::scored::seeds::{each_seed, joined, seeds, variable};
use crate::scored::{Day, Statistics};

/// Ordinary days that are watched.
const DAYS: u32 = 30;
/// Ordinary days before a day with attacks.
const LEARNED: u32 = 7;
const BUDGETS: [f64; 3] = [1.0, 3.0, 10.0];
/// The budget at which attacks are to be found.
const USUAL: f64 = 3.0;
const QUIET_EVENTS: u64 = 50_000;
const EVENTS: u64 = 200_000;

fn events(usual: u64) -> u64 {
    variable("BENCH_EVENTS").map_or(usual, |text| {
        text.parse().expect("BENCH_EVENTS is a number")
    })
}

/// False alarms a day at each budget.
pub fn quiet() {
    let seeds = seeds();
    println!("seeds {}", joined(&seeds));
    let series = data::folder("nab").map(|folder| folder.join("data"));
    let mut worst = 0.0;
    for budget in BUDGETS {
        let runs = each_seed(&seeds, |seed| {
            let day = Day {
                seed,
                events: events(QUIET_EVENTS),
                scenarios: None,
                shapes: series.as_deref(),
                statistics: None,
            };
            let alerts = day.quiet(Statistics { days: DAYS, budget });
            let ids = alerts.iter().map(|alert| alert["id"].to_string());
            ids.collect::<BTreeSet<_>>().len()
        });
        println!("budget {budget}: {runs:?} in {DAYS} days of each seed");
        let days = f64::from(DAYS) * seeds.len() as f64;
        let a_day = runs.iter().sum::<usize>() as f64 / days;
        let name = format!("false_alarms_per_day_at_{budget:.0}");
        figure(&name, a_day, "alarms");
        worst = f64::max(worst, a_day / budget);
    }
    figure("budget_worst_ratio", worst, "ratio");
}

/// The share of hard attacks of the kind that statistics have to find.
pub fn found() {
    let seeds = seeds();
    println!("seeds {}", joined(&seeds));
    let series = data::folder("nab").map(|folder| folder.join("data"));
    let folder = variable("SCENARIOS").map(PathBuf::from);
    let scores = each_seed(&seeds, |seed| {
        Day {
            seed,
            events: events(EVENTS),
            scenarios: folder.as_deref(),
            shapes: series.as_deref(),
            statistics: Some(Statistics {
                days: LEARNED,
                budget: USUAL,
            }),
        }
        .score()
    });
    let mut rows: BTreeMap<(&str, &str), Vec<Option<f64>>> = BTreeMap::new();
    for outcome in scores.iter().flat_map(|score| &score.scenarios) {
        let row = rows.entry((&outcome.requirement, &outcome.name));
        row.or_default().push(outcome.seconds);
    }
    for ((requirement, name), times) in &rows {
        let mut found: Vec<f64> = times.iter().flatten().copied().collect();
        found.sort_by(f64::total_cmp);
        let median = found.get(found.len() / 2);
        let after = median.map_or(String::new(), |it| format!(", after {:.1} h", it / 3_600.0));
        println!(
            "{requirement}  {name:40}  found on {} of {} days{after}",
            found.len(),
            times.len()
        );
    }
    let mut alarms: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for alarm in scores.iter().flat_map(|score| &score.false_alarms) {
        let twin = alarm.twin.as_deref().unwrap_or("");
        *alarms.entry((&alarm.entity, twin)).or_default() += 1;
    }
    for ((entity, twin), count) in alarms {
        println!("false alarm  {entity}  {twin}  ({count})");
    }
    let outcomes = || rows.values().flatten();
    let found = outcomes().filter(|it| it.is_some()).count() as f64;
    figure(
        "hard_found_by_statistics",
        found / outcomes().count().max(1) as f64,
        "share",
    );
}
