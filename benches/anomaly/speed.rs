//! What scoring costs: an hour of many entities, all members, one core; as many columns, and as many rows to fit, as behaviour has.

use std::hint::black_box;
use std::time::Instant;

use gatewatch::track::model::{Ensemble, Rows};

use crate::figure;

const ENTITIES: usize = 100_000;
const FEATURES: usize = 37;
/// Rows that the models are fitted to.
const FITTED: usize = 2_048;

pub fn measure() {
    let mut state = 1_u64;
    let mut unit = || {
        // Knuth's MMIX constants: speed does not depend on how random they are.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let rows: Vec<Vec<f64>> = (0..ENTITIES)
        .map(|_| {
            (0..FEATURES)
                .map(|feature| unit().powf(1.0 + (feature % 4) as f64))
                .collect()
        })
        .collect();
    let fitted = Rows::new(rows.iter().take(FITTED).map(Vec::as_slice)).expect("a table");
    let scored = Rows::new(rows.iter().map(Vec::as_slice)).expect("a table");
    let begin = Instant::now();
    let ensemble = Ensemble::fit(&fitted, 1);
    println!(
        "fitted to {FITTED} rows of {FEATURES} in {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    let best = (0..3).map(|_| {
        let begin = Instant::now();
        black_box(ensemble.screened_scores(&scored));
        begin.elapsed().as_secs_f64()
    });
    figure(
        "score_100k_entities_seconds",
        best.fold(f64::INFINITY, f64::min),
        "s",
    );
}
