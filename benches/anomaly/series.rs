//! NAB: one pass, one setting for all files, findings merged as the product merges them.

use std::time::Instant;

use crate::{data, figure, nab};

/// The default of `track.merge_s`.
const MERGE_S: i64 = 3_600;

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
    let [standard, ..] = nab::PROFILES;
    for threshold in [1.8, 1.9, 2.0, 2.1] {
        let score = corpus.iter().zip(&scores).map(|(series, scores)| {
            series.score(&nab::alerts(series, scores, threshold, MERGE_S), standard)
        });
        let worth = nab::normalised(&corpus, score.sum(), standard);
        println!("fixed beforehand at {threshold:.1}: {worth:.2}");
    }
}
