//! What the models find in labelled data of others, with published figures beside, and what they cost.
//!
//! `make bench-anomaly`, or `cargo bench --bench anomaly -- [nab] [adbench] [candidates] [requests] [speed] [tracking] [quiet] [found]`.

#[path = "../../tests/adbench/mod.rs"]
mod adbench;
mod budget;
mod candidates;
#[path = "../../tests/data/mod.rs"]
mod data;
#[path = "../../tests/nab/mod.rs"]
mod nab;
#[path = "../scenarios/power.rs"]
mod power;
mod requests;
#[path = "../../tests/scored/mod.rs"]
mod scored;
mod series;
mod speed;
mod tables;
mod tracking;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let parts: [(&str, fn()); 8] = [
        ("nab", series::measure),
        ("adbench", tables::measure),
        ("candidates", candidates::measure),
        ("requests", requests::measure),
        ("speed", speed::measure),
        ("tracking", tracking::measure),
        ("quiet", budget::quiet),
        ("found", budget::found),
    ];
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure();
        }
    }
}

/// Prints a figure as a line that tools read.
fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.3} {unit}");
}
