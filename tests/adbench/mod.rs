//! Tables with labelled outliers (Han et al., "`ADBench`: anomaly detection benchmark", `NeurIPS` 2022).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gatewatch::track::model::Rows;
use serde::Deserialize;

/// What others reached on a table, in per cent.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Reference {
    pub iforest_auc: f64,
    pub iforest_auc_sd: f64,
}

/// A table.
pub struct Table {
    pub rows: Rows,
    /// Which rows are outliers.
    pub labels: Vec<bool>,
}

/// Names and references of the tables that are there.
pub fn tables(folder: &Path) -> BTreeMap<String, Reference> {
    let text = fs::read_to_string(folder.join("reference_auc.json")).expect("references");
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let there = all
        .into_iter()
        .filter(|(name, _)| folder.join(format!("{name}.csv.zst")).is_file());
    let read = there.map(|(name, value)| {
        let reference = serde_json::from_value(value).expect("a reference");
        (name, reference)
    });
    read.collect()
}

/// Reads one.
pub fn read(folder: &Path, name: &str) -> Table {
    let packed = fs::read(folder.join(format!("{name}.csv.zst"))).expect("a table");
    let text = zstd::decode_all(packed.as_slice()).expect("zstd");
    let text = std::str::from_utf8(&text).expect("CSV is text");
    let mut labels = Vec::new();
    let mut values: Vec<Vec<f64>> = Vec::new();
    for line in text.lines().skip(1) {
        let mut row: Vec<f64> = line
            .split(',')
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        labels.push(row.pop().is_some_and(|label| label > 0.5));
        values.push(row);
    }
    Table {
        rows: Rows::new(values.iter().map(Vec::as_slice)).expect("a table"),
        labels,
    }
}

/// The area under the ROC curve in per cent: how often an outlier scores higher than another row, ties counted by half.
pub fn auc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut rank_sum = 0.0;
    let mut before = 0;
    for same in order.chunk_by(|a, b| scores[*a].total_cmp(&scores[*b]).is_eq()) {
        let rank = before as f64 + f64::midpoint(same.len() as f64, 1.0);
        rank_sum += rank * same.iter().filter(|row| labels[**row]).count() as f64;
        before += same.len();
    }
    let outliers = labels.iter().filter(|label| **label).count() as f64;
    let others = labels.len() as f64 - outliers;
    100.0 * (rank_sum - outliers * (outliers + 1.0) / 2.0) / (outliers * others)
}

/// Mean and standard deviation over seeds.
pub fn spread(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    let freedom = values.len().saturating_sub(1).max(1) as f64;
    (mean, (squares / freedom).sqrt())
}
