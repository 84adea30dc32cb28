//! Power of detection for slow attacks: how few ids a day are still seen.

use std::fmt::Write as _;
use std::path::Path;

use crate::scored::seeds::each_seed;
use crate::scored::{Day, Statistics};

/// Ids that a concierge's desk reads in a day beside its work.
pub const IDS: [u32; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/// Prints the share of days on which each of these was found, all of them in one day: foreign residents in a mixed order over ten hours. With
/// `statistics` by these alone.
pub fn figures(
    ids_a_day: &[u32],
    seeds: &[u64],
    events: u64,
    shapes: Option<&Path>,
    statistics: Option<Statistics>,
) {
    let by = statistics.map_or("", |_| "_by_statistics");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (desk, ids) in (1..).zip(ids_a_day) {
        let text = scenario(desk, *ids);
        std::fs::write(folder.path().join(format!("{ids}.yaml")), text).expect("it can be written");
    }
    let scores = each_seed(seeds, |seed| {
        Day {
            seed,
            events,
            scenarios: Some(folder.path()),
            shapes,
            statistics,
            releases: 0,
        }
        .score()
    });
    for ids in ids_a_day {
        let name = name(*ids);
        let outcomes = scores.iter().flat_map(|score| &score.scenarios);
        let found = outcomes.filter(|it| it.name == name && it.found).count();
        println!(
            "figure slow_walk_found{by}_at_{ids}_a_day {:.2} share",
            found as f64 / scores.len() as f64
        );
    }
}

fn name(ids: u32) -> String {
    format!("walk-{ids}")
}

fn scenario(desk: u32, ids: u32) -> String {
    let mut text = String::new();
    // Residents of the complex five further on.
    let first = 10_000 + 400 * (desk + 4);
    let step = (399 / ids).max(1);
    write!(
        text,
        "name: {}\nrequirement: int-02\ntitle: A desk reads {ids} residents of another complex\nattack: true\ndifficulty: hard\nstatistical: true\n\
         entity: {{kind: client, value: desk-{desk:04}}}\ntimeline:\n  - start: 35%\n    duration: 10h\n    events: {ids}\n    \
         caller: {{client: desk-{desk:04}}}\n    request:\n      walk: {{route: \"/v1/residents/{{id}}\", resource_type: resident, first: {first}, step: {step}, order: mixed}}\n    \
         fields: {{status: [200]}}\n",
        name(ids)
    )
    .expect("a string takes everything");
    text
}
