//! Whether statistics keep to their budget on ordinary days; what they find of hard attacks with all rules off, how soon, and by which detector.
//!
//! Seeds are drawn from the clock unless `SEED` names some. `BENCH_EVENTS` sets how many events a day has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gatewatch::config::{Behaviour, BehaviourScore};
use gatewatch::event::Timestamp;
use gatewatch::simulate::score::{FalseAlarm, Outcome, Score};
use gatewatch::track::detectors;

use crate::scored::seeds::{each_seed, joined, seeds, variable};
use crate::scored::{Day, START, Statistics};
use crate::{data, figure, power};

/// Ordinary days that are watched.
const DAYS: u32 = 30;
/// Releases in these.
const RELEASES: u32 = 4;
/// What is told within so long of a trouble is told of it.
const OF_TROUBLE_US: i64 = 3_600_000_000;
/// Ordinary days before a day with attacks.
const LEARNED: u32 = 7;
const BUDGETS: [f64; 3] = [1.0, 3.0, 10.0];
/// The place of the budget that a service has unless it is told another.
const USUAL: usize = 1;
const QUIET_EVENTS: u64 = 50_000;
const EVENTS: u64 = 200_000;

fn events(usual: u64) -> u64 {
    variable("BENCH_EVENTS").map_or(usual, |text| {
        text.parse().expect("BENCH_EVENTS is a number")
    })
}

/// False alarms a day at each budget, and of each family.
pub fn quiet() {
    let seeds = seeds();
    println!("seeds {}", joined(&seeds));
    let series = data::folder("nab").map(|folder| folder.join("data"));
    let days = f64::from(DAYS) * seeds.len() as f64;
    let mut worst = 0.0;
    for budget in BUDGETS {
        let runs = each_seed(&seeds, |seed| {
            let day = Day {
                seed,
                events: events(QUIET_EVENTS),
                scenarios: None,
                shapes: series.as_deref(),
                statistics: None,
                releases: RELEASES,
            };
            let (alerts, troubles) = day.quiet(Statistics {
                days: DAYS,
                budget,
                toggled: None,
            });
            let each = alerts.iter().map(|alert| {
                let family = alert["rule"]["family"].as_str().unwrap_or_default();
                let is_of_trouble = troubles.iter().any(|trouble| is_of(alert, trouble));
                (family.to_owned(), alert["id"].to_string(), is_of_trouble)
            });
            each.collect::<BTreeSet<_>>()
        });
        let counts: Vec<usize> = runs.iter().map(BTreeSet::len).collect();
        println!("budget {budget}: {counts:?} in {DAYS} days of each seed");
        let mut families: BTreeMap<&str, usize> = BTreeMap::new();
        for (family, ..) in runs.iter().flatten() {
            *families.entry(family).or_default() += 1;
        }
        let of_trouble = runs.iter().flatten().filter(|(.., of_trouble)| *of_trouble);
        println!(
            "  {:.2} a day, counted all the same, name an integration within an hour of a time in which the simulator made its calls fail",
            of_trouble.count() as f64 / days
        );
        for (family, count) in families {
            println!("  {family}: {:.2} a day", count as f64 / days);
        }
        let a_day = counts.iter().sum::<usize>() as f64 / days;
        let name = format!("false_alarms_per_day_at_{budget:.0}");
        figure(&name, a_day, "alarms");
        worst = f64::max(worst, a_day / budget);
    }
    figure("budget_worst_ratio", worst, "ratio");
}

/// Whether an alert names an integration, or what is done through it, soon after its calls were made to fail.
fn is_of(alert: &serde_json::Value, trouble: &serde_json::Value) -> bool {
    let time = |value: &serde_json::Value| {
        let time = value.as_str().and_then(Timestamp::parse_rfc3339);
        time.expect("a time")
    };
    let integration = trouble["integration"].as_str().expect("a name");
    let (first, last) = (time(&alert["first"]), time(&alert["last"]));
    let is_in_time = last >= time(&trouble["first"])
        && time(&trouble["last"]).plus_micros(OF_TROUBLE_US) >= first;
    is_in_time && alert.to_string().contains(integration)
}

/// The share of hard attacks that statistics find, of the kind that they have to find: by budget, by detector, and by how strong one is.
pub fn found() {
    let seeds = seeds();
    println!("seeds {}", joined(&seeds));
    let series = data::folder("nab").map(|folder| folder.join("data"));
    let folder = variable("SCENARIOS").map(PathBuf::from);
    let scores = BUDGETS.map(|budget| {
        each_seed(&seeds, |seed| {
            Day {
                seed,
                events: events(EVENTS),
                scenarios: folder.as_deref(),
                shapes: series.as_deref(),
                statistics: Some(statistics(budget)),
                releases: 0,
            }
            .score()
        })
    });
    by_scenario(&scores);
    for (budget, scores) in BUDGETS.iter().zip(&scores) {
        let of_all = share(outcomes(scores));
        figure(&format!("power_at_{budget:.0}"), of_all, "share");
    }
    let usual = &scores[USUAL];
    let mut waits = hours(outcomes(usual));
    let median = middle(&mut waits).unwrap_or(f64::NAN);
    figure("hours_to_alert_median", median, "h");
    by_family(usual);
    false_alarms(usual);
    toggled_each(&seeds, (folder.as_deref(), series.as_deref()), usual);
    strength(&seeds, series.as_deref());
    figure("hard_found_by_statistics", share(outcomes(usual)), "share");
}

fn statistics(budget: f64) -> Statistics {
    Statistics {
        days: LEARNED,
        budget,
        toggled: None,
    }
}

/// What is found without each score of behaviour that usually counts, and with each that does not, at the usual budget.
fn toggled_each(seeds: &[u64], (folder, shapes): (Option<&Path>, Option<&Path>), all: &[Score]) {
    let found = |scores: &[Score]| -> BTreeSet<(usize, String)> {
        let days = scores.iter().enumerate();
        let found = days.flat_map(|(day, score)| {
            let found = score.scenarios.iter().filter(|it| it.attack && it.found);
            found.map(move |it| (day, it.name.clone()))
        });
        found.collect()
    };
    let with = found(all);
    for score in BehaviourScore::ALL {
        let scores = each_seed(seeds, |seed| {
            Day {
                seed,
                events: events(EVENTS),
                scenarios: folder,
                shapes,
                statistics: Some(Statistics {
                    toggled: Some(score),
                    ..statistics(BUDGETS[USUAL])
                }),
                releases: 0,
            }
            .score()
        });
        let left = found(&scores);
        let alarms = on_days_of_attacks(&scores).count();
        let is_usual = Behaviour::default().scores.contains(&score);
        let how = if is_usual { "without" } else { "with" };
        println!(
            "{how} {score:?}: {} found, {} lost, {} won; {alarms} false alarms on {} days of attacks",
            left.len(),
            with.difference(&left).count(),
            left.difference(&with).count(),
            scores.len()
        );
        let name = format!("found_{how}_{score:?}").to_lowercase();
        figure(&name, share(outcomes(&scores)), "share");
    }
}

/// How often each scenario was found at each budget, and how long after its first event at the usual one.
fn by_scenario(scores: &[Vec<Score>; BUDGETS.len()]) {
    let mut rows: BTreeMap<(&str, &str), [Vec<&Outcome>; BUDGETS.len()]> = BTreeMap::new();
    for (at, scores) in scores.iter().enumerate() {
        for outcome in outcomes(scores) {
            let row = rows.entry((&outcome.requirement, &outcome.name));
            row.or_default()[at].push(outcome);
        }
    }
    println!(
        "found at a budget of {BUDGETS:?}, of {} days; hours to the alert at {}",
        scores[USUAL].len(),
        BUDGETS[USUAL]
    );
    for ((requirement, name), row) in rows {
        let found = row.each_ref().map(|of| of.iter().filter(|it| it.found));
        let [one, three, ten] = found.map(Iterator::count);
        let mut waits = hours(row[USUAL].iter().copied());
        let after = middle(&mut waits).map_or(String::new(), |hours| format!("{hours:.1} h"));
        println!("{requirement}  {name:40} {one:3} {three:3} {ten:3}  {after}");
    }
}

/// What each family found, what nothing else found, and how many false alarms it raised on these days.
fn by_family(scores: &[Score]) {
    let metas = detectors();
    let family_of = |title: &String| -> String {
        let meta = metas.iter().find(|meta| meta.title == *title);
        meta.map_or_else(|| "contract".to_owned(), |meta| meta.family.clone())
    };
    let mut rows: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for outcome in outcomes(scores).filter(|outcome| outcome.found) {
        let families: BTreeSet<String> = outcome.alerts.iter().map(family_of).collect();
        let is_alone = families.len() == 1;
        for family in families {
            let row = rows.entry(family).or_default();
            row.0 += 1;
            row.1 += usize::from(is_alone);
        }
    }
    for alarm in on_days_of_attacks(scores) {
        rows.entry(alarm.family.clone()).or_default().2 += 1;
    }
    let (all, days) = (outcomes(scores).count(), scores.len());
    for (family, (found, alone, alarms)) in rows {
        println!(
            "{family}: found {found} of {all}, {alone} by nothing else; {alarms} false alarms on {days} days of attacks"
        );
    }
}

/// False alarms of the days that have attacks; the ordinary days before are `quiet`'s.
fn on_days_of_attacks(scores: &[Score]) -> impl Iterator<Item = &FalseAlarm> {
    let start = Timestamp::parse_rfc3339(START).expect("a time");
    let begin = start.plus_micros(i64::from(LEARNED) * 86_400_000_000);
    let all = scores.iter().flat_map(|score| &score.false_alarms);
    all.filter(move |alarm| alarm.first >= begin)
}

fn false_alarms(scores: &[Score]) {
    let all = scores
        .iter()
        .map(|score| score.false_alarms.len())
        .sum::<usize>();
    let (for_twins, others): (Vec<&FalseAlarm>, Vec<&FalseAlarm>) =
        on_days_of_attacks(scores).partition(|alarm| alarm.twin.is_some());
    println!(
        "false alarms: {} for harmless twins and {} others on {} days of attacks; {} on the {} ordinary days before",
        for_twins.len(),
        others.len(),
        scores.len(),
        all - for_twins.len() - others.len(),
        LEARNED as usize * scores.len()
    );
    let mut alarms: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for alarm in on_days_of_attacks(scores) {
        let twin = alarm.twin.as_deref().unwrap_or("");
        *alarms.entry((&alarm.entity, twin)).or_default() += 1;
    }
    for ((entity, twin), count) in alarms {
        println!("false alarm  {entity}  {twin}  ({count})");
    }
}

/// How strong a slow attack has to be; each on days of its own, since so many hide one another.
fn strength(seeds: &[u64], shapes: Option<&Path>) {
    let usual = statistics(BUDGETS[USUAL]);
    for ids in power::IDS {
        power::figures(&[ids], seeds, events(EVENTS), shapes, Some(usual));
    }
}

/// Attacks; twins are none.
fn outcomes(scores: &[Score]) -> impl Iterator<Item = &Outcome> {
    let all = scores.iter().flat_map(|score| &score.scenarios);
    all.filter(|outcome| outcome.attack)
}

fn share<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> f64 {
    let found: Vec<bool> = outcomes.map(|outcome| outcome.found).collect();
    found.iter().filter(|found| **found).count() as f64 / found.len().max(1) as f64
}

/// From the first event of each that was found to its first alert.
fn hours<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> Vec<f64> {
    let seconds = outcomes.filter_map(|outcome| outcome.seconds);
    seconds.map(|seconds| seconds / 3_600.0).collect()
}

fn middle(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
