//! The models on data that nobody here wrote: NAB's scorer to the digit, and floors below which neither detector may fall.

mod adbench;
mod data;
mod nab;

use std::sync::Arc;

use gatewatch::alert::Merger;
use gatewatch::event::Timestamp;
use gatewatch::sigma::{Level, RuleMeta};
use gatewatch::track::model::{Ensemble, Forest};
use gatewatch::track::{Entity, EntityKind, Finding, Reason};
use nab::PROFILES;
use uuid::Uuid;

/// A threshold that was fixed beforehand, for floors; what a watched series does is to hold scores against those before (`make bench-anomaly`, part `nab`).
const THRESHOLD: f64 = 2.0;
/// The default of `track.merge_s`.
const MERGE_S: i64 = 3_600;

#[test]
fn the_scorer_gives_what_nab_gave() {
    let Some(folder) = data::folder("nab") else {
        return;
    };
    let corpus = nab::corpus(&folder);
    assert!(corpus.len() >= 20, "{} files", corpus.len());
    let error = nab::scorer_error(&folder, &corpus);
    assert!(error < 1e-6, "{error}");
}

/// How many alerts the product makes of findings at these times.
fn merged(times: &[i64]) -> usize {
    let mut merger = Merger::new(MERGE_S * 1_000_000, 16);
    let meta = Arc::new(RuleMeta {
        id: Uuid::nil(),
        title: "series".to_owned(),
        title_ru: None,
        description: String::new(),
        description_ru: None,
        false_positives_ru: Vec::new(),
        family: "series".to_owned(),
        level: Level::Medium,
        tags: Vec::new(),
        false_positives: Vec::new(),
        advice: None,
        advice_ru: None,
        entity: None,
        shadow: false,
    });
    let mut ids = std::collections::BTreeSet::new();
    for (at, time) in times.iter().enumerate() {
        let time = Timestamp::from_seconds(*time);
        let finding = Finding {
            id: Uuid::from_u128(at as u128),
            rule: Uuid::nil(),
            entity: Entity {
                kind: EntityKind::Integration,
                value: "series".into(),
            },
            within: "".into(),
            first: time,
            last: time,
            count: 1,
            reason: Reason::Pattern { hits: Vec::new() },
            evidence: Vec::new(),
            notes: Vec::new(),
        };
        ids.insert(merger.merge(finding, &meta, time));
    }
    ids.len()
}

#[test]
fn the_stream_is_worth_what_it_was_and_alerts_are_those_of_the_product() {
    let Some(folder) = data::folder("nab") else {
        return;
    };
    let corpus = nab::corpus(&folder);
    let scores = nab::scores(&corpus);
    for (series, scores) in corpus.iter().zip(&scores) {
        let alerts = nab::alerts(series, scores, THRESHOLD, MERGE_S);
        let times = scores.iter().zip(&series.times);
        let found: Vec<i64> = times
            .filter(|(score, _)| **score >= THRESHOLD)
            .map(|(_, time)| *time)
            .collect();
        // A clock that goes back is for the order of events, which comes before.
        if found.is_sorted() {
            assert_eq!(alerts.len(), merged(&found), "{}", series.name);
        }
    }
    let [standard, ..] = PROFILES;
    let outcome = nab::evaluate(&corpus, &scores, standard, MERGE_S);
    assert!(outcome.fitted > 62.0, "{}", outcome.fitted);
    assert!(outcome.left_out > 55.0, "{}", outcome.left_out);
    assert!(
        (outcome.threshold - THRESHOLD).abs() < 0.3,
        "{}",
        outcome.threshold
    );
}

#[test]
fn the_forest_is_one_and_the_ensemble_is_better() {
    let Some(folder) = data::folder("adbench") else {
        return;
    };
    let mut gains = Vec::new();
    for (name, reference) in adbench::tables(&folder) {
        if name == "16_http" {
            continue; // half a million rows are for the benchmark
        }
        let table = adbench::read(&folder, &name);
        let seeds = 0..5;
        let forest: Vec<f64> = seeds
            .map(|seed| {
                let forest = Forest::fit(&table.rows, seed);
                let scores = forest.scores(&table.rows);
                adbench::auc(&scores, &table.labels)
            })
            .collect();
        let (forest, _) = adbench::spread(&forest);
        let off = (forest - reference.iforest_auc).abs();
        assert!(
            off <= 2.0 * reference.iforest_auc_sd.max(0.1),
            "{name}: {forest} is not {}",
            reference.iforest_auc
        );
        let ensemble = Ensemble::fit(&table.rows, 1);
        let scores = ensemble.scores(&table.rows);
        gains.push(adbench::auc(&scores, &table.labels) - forest);
    }
    assert!(gains.len() >= 5, "{} tables", gains.len());
    let (gain, _) = adbench::spread(&gains);
    assert!(gain > 1.0, "{gains:?}");
}
