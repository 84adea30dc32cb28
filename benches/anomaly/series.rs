//! NAB: one pass, one setting for all files, findings merged as the product merges them.

use std::time::Instant;

use gatewatch::track::ScoreRarity;

use crate::{data, figure, nab};

/// The default of `track.merge_s`.
const MERGE_S: i64 = 3_600;

/// How often most of the files have a value.
const MINUTES: u32 = 5;
/// Values of a month.
const A_MONTH: u32 = 30 * 1_440 / MINUTES;

/// Standard profile, threshold fitted to the labels, then chosen on the other categories only: others on the same files, by the
/// published scores of NAB's repository (ea702d7), not merged.
const OTHERS: [(&str, f64, Option<f64>); 4] = [
    ("Numenta HTM", 71.2, Some(70.1)),
    ("relative entropy", 56.3, None),
    ("random cut forest", 52.0, Some(40.8)),
    ("windowed Gaussian", 36.7, Some(9.6)),
];

pub fn measure() {
    let Some(folder) = data::folder("nab") else {
        return;
    };
    let corpus = nab::corpus(&folder);
    figure(
        "nab_scorer_max_error",
        nab::scorer_error(&folder, &corpus),
        "score",
    );
    let begin = Instant::now();
    let scores = nab::scores(&corpus);
    let rows: usize = corpus.iter().map(|series| series.values.len()).sum();
    let each = begin.elapsed().as_secs_f64() * 1e6 / rows as f64;
    println!(
        "NAB: {} files, {rows} rows, {each:.1} us a row",
        corpus.len()
    );
    println!(
        "{:<22} {:>8} {:>8} {:>10}",
        "profile", "fitted", "loco", "threshold"
    );
    for profile in nab::PROFILES {
        let outcome = nab::evaluate(&corpus, &scores, profile, MERGE_S);
        println!(
            "{:<22} {:>8.2} {:>8.2} {:>10.3}",
            profile.name, outcome.fitted, outcome.left_out, outcome.threshold
        );
        figure(
            &format!("nab_{}_fitted", profile.name),
            outcome.fitted,
            "score",
        );
        figure(
            &format!("nab_{}_loco", profile.name),
            outcome.left_out,
            "score",
        );
    }
    println!("others, standard profile:");
    for (name, fitted, left_out) in OTHERS {
        let left_out = left_out.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
        println!("{name:<22} {fitted:>8.2} {left_out:>8}");
    }
    for threshold in [1.8, 1.9, 2.0, 2.1] {
        let (worth, a_month) = told(&corpus, &scores, threshold);
        println!(
            "fixed beforehand at {threshold:.1}: {worth:.2}, {a_month:.1} outside of windows in {A_MONTH} values"
        );
    }
    as_the_product(&corpus, &scores);
}

/// As a watched series decides: by how rare a score is among those before, at what the operator allows.
fn as_the_product(corpus: &[nab::Series], scores: &[Vec<f64>]) {
    let surprises = scores.iter().map(|scores| {
        let mut rarity = ScoreRarity::default();
        let each = scores
            .iter()
            .map(|score| rarity.take(*score).unwrap_or(0.0));
        each.collect()
    });
    let surprises: Vec<Vec<f64>> = surprises.collect();
    for allowed in [1.0, 3.0, 10.0] {
        let threshold = ScoreRarity::told_from(MINUTES, allowed);
        let (worth, a_month) = told(corpus, &surprises, threshold);
        println!(
            "as the product, {allowed:.0} a month allowed: {a_month:.1} outside of windows in {A_MONTH} values"
        );
        figure(
            &format!("nab_standard_as_the_product_at_{allowed:.0}_a_month"),
            worth,
            "score",
        );
    }
}

/// The standard score, and how many alerts a month of values lie outside of all windows.
fn told(corpus: &[nab::Series], scores: &[Vec<f64>], threshold: f64) -> (f64, f64) {
    let [standard, ..] = nab::PROFILES;
    let (mut score, mut outside, mut values) = (0.0, 0, 0);
    for (series, scores) in corpus.iter().zip(scores) {
        let alerts = nab::alerts(series, scores, threshold, MERGE_S);
        score += series.score(&alerts, standard);
        outside += outside_of(series, &alerts);
        values += series.values.len() - series.probation();
    }
    let months = values as f64 / f64::from(A_MONTH);
    (
        nab::normalised(corpus, score, standard),
        outside as f64 / months,
    )
}

/// How many detections lie outside of all windows, behind the rows that are there to learn from.
fn outside_of(series: &nab::Series, detections: &[usize]) -> usize {
    let is_within = |row: &usize| {
        let mut windows = series.windows.iter();
        windows.any(|(first, last)| (first..=last).contains(&row))
    };
    let judged = detections.iter().filter(|row| **row >= series.probation());
    judged.filter(|row| !is_within(row)).count()
}
