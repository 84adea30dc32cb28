//! Models of linfa as members of the ensemble: how each does by itself on the tables of `ADBench`, and what the ensemble is with it.
//!
//! Fitted to up to 2,048 rows, on columns of mean 0 and deviation 1, clipped at eight deviations; the ensemble to all rows, with one seed.

use gatewatch::track::model::{Ensemble, Rows};
use linfa::DatasetBase;
use linfa::dataset::Pr;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{GaussianMixtureModel, KMeans};
use linfa_reduction::Pca;
use linfa_svm::Svm;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use crate::adbench::{self, auc, spread};
use crate::{data, figure};

/// Rows that models are fitted to; one-class support vectors, which cost the square of them, to fewer.
const ROWS: usize = 2_048;
const ROWS_OF_VECTORS: usize = 1_024;
/// Deviations beyond which a value counts no more.
const CLIPPED: f64 = 8.0;
const COMPONENTS: usize = 5;
const CLUSTERS: usize = 8;
/// The share of the variance that principal components explain; the rest is the residual.
const EXPLAINED: f64 = 0.9;
/// The share of rows that may lie outside of the support.
const OUTSIDE: f64 = 0.1;

/// A model: fitted to the first rows, scores of the second, the higher the more unlike.
type Model = fn(&Array2<f64>, &Array2<f64>) -> Option<Vec<f64>>;

const MODELS: [(&str, Model); 4] = [
    ("gaussian_mixture", gaussian_mixture),
    ("kmeans", kmeans),
    ("pca_residual", pca_residual),
    ("one_class_svm", one_class_svm),
];

pub fn measure() {
    let Some(folder) = data::folder("adbench") else {
        return;
    };
    let mut ensembles = Vec::new();
    let mut alone = vec![Vec::new(); MODELS.len()];
    let mut with = vec![Vec::new(); MODELS.len()];
    for (name, _) in adbench::tables(&folder) {
        let table = adbench::read(&folder, &name);
        let ensemble = Ensemble::fit(&table.rows, 0).scores(&table.rows);
        ensembles.push(auc(&ensemble, &table.labels));
        let all = scaled(&table.rows);
        let fitted = sample(&all, ROWS);
        print!("{name:<20} ensemble {:.2}", ensembles[ensembles.len() - 1]);
        for (at, (name, model)) in MODELS.iter().enumerate() {
            let Some(scores) = model(&fitted, &all) else {
                print!("; {name} could not be fitted");
                continue;
            };
            let area = auc(&scores, &table.labels);
            let together = ensemble.iter().zip(rarities(&scores));
            let together: Vec<f64> = together.map(|(known, more)| known + more).collect();
            let both = auc(&together, &table.labels);
            print!("; {name} {area:.2}, with it {both:.2}");
            alone[at].push(area);
            with[at].push(both - ensembles[ensembles.len() - 1]);
        }
        println!();
    }
    figure("adbench_one_seed_auc", spread(&ensembles).0, "percent");
    for (at, (name, _)) in MODELS.iter().enumerate() {
        let (fitted, all) = (alone[at].len(), ensembles.len());
        if fitted < all {
            println!("{name} was fitted to {fitted} of {all} tables");
        }
        figure(
            &format!("adbench_{name}_auc"),
            spread(&alone[at]).0,
            "percent",
        );
        figure(
            &format!("adbench_{name}_adds"),
            spread(&with[at]).0,
            "points",
        );
    }
}

fn scaled(rows: &Rows) -> Array2<f64> {
    let values: Vec<f64> = rows.iter().flatten().copied().collect();
    let mut table = Array2::from_shape_vec((rows.len(), rows.columns()), values).expect("a table");
    for mut column in table.axis_iter_mut(Axis(1)) {
        let mean = column.mean().unwrap_or(0.0);
        let deviation = column.std(0.0);
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        column.mapv_inplace(|value| ((value - mean) / deviation).clamp(-CLIPPED, CLIPPED));
    }
    table
}

/// Rows evenly spread.
fn sample(all: &Array2<f64>, most: usize) -> Array2<f64> {
    let count = all.nrows().min(most);
    let chosen: Vec<usize> = (0..count).map(|at| at * all.nrows() / count).collect();
    all.select(Axis(0), &chosen)
}

/// −ln of the share of rows with such a score, ties counted by half as members do.
fn rarities(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<f64> = scores.to_vec();
    order.sort_unstable_by(f64::total_cmp);
    let count = order.len() as f64;
    let rarity = |score: &f64| {
        let below = order.partition_point(|known| known < score);
        let upto = order.partition_point(|known| known <= score);
        let above = count - f64::midpoint(below as f64, upto as f64);
        -(above.max(0.5) / count).ln()
    };
    scores.iter().map(rarity).collect()
}

/// −ln of the density.
fn gaussian_mixture(fitted: &Array2<f64>, all: &Array2<f64>) -> Option<Vec<f64>> {
    let model = GaussianMixtureModel::params(COMPONENTS)
        .reg_covariance(1e-3)
        .fit(&DatasetBase::from(fitted.clone()))
        .ok()?;
    let parts = (0..COMPONENTS).map(|at| {
        let precision = model.precisions().slice(s![at, .., ..]).to_owned();
        let level = model.weights()[at].ln() + 0.5 * log_determinant(precision.view());
        (level, model.means().row(at).to_owned(), precision)
    });
    let parts: Vec<(f64, Array1<f64>, Array2<f64>)> = parts.collect();
    let density = |row: ArrayView1<'_, f64>| {
        let logarithms = parts.iter().map(|(level, mean, precision)| {
            let apart = &row - mean;
            level - 0.5 * apart.dot(&precision.dot(&apart))
        });
        let logarithms: Vec<f64> = logarithms.collect();
        let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logarithms.iter().map(|it| (it - most).exp()).sum();
        -(most + sum.ln())
    };
    Some(all.rows().into_iter().map(density).collect())
}

/// Of a positive definite matrix, by Cholesky's decomposition.
fn log_determinant(matrix: ArrayView2<'_, f64>) -> f64 {
    let size = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((size, size));
    let mut sum = 0.0;
    for i in 0..size {
        for j in 0..=i {
            let known = lower.slice(s![i, ..j]).dot(&lower.slice(s![j, ..j]));
            let rest = matrix[[i, j]] - known;
            lower[[i, j]] = if i == j {
                rest.max(f64::MIN_POSITIVE).sqrt()
            } else {
                rest / lower[[j, j]]
            };
        }
        sum += 2.0 * lower[[i, i]].ln();
    }
    sum
}

/// The distance to the nearest centre.
fn kmeans(fitted: &Array2<f64>, all: &Array2<f64>) -> Option<Vec<f64>> {
    let model = KMeans::params(CLUSTERS)
        .fit(&DatasetBase::from(fitted.clone()))
        .ok()?;
    let nearest = |row: ArrayView1<'_, f64>| {
        let centres = model.centroids().rows().into_iter();
        let distances = centres.map(|centre| (&row - &centre).mapv(|it| it * it).sum());
        distances.fold(f64::INFINITY, f64::min)
    };
    Some(all.rows().into_iter().map(nearest).collect())
}

/// What the components that explain most leave over.
fn pca_residual(fitted: &Array2<f64>, all: &Array2<f64>) -> Option<Vec<f64>> {
    let fitted = DatasetBase::from(fitted.clone());
    let whole = Pca::params(all.ncols()).fit(&fitted).ok()?;
    let mut explained = 0.0;
    let ratios = whole.explained_variance_ratio();
    let few = ratios.iter().position(|ratio| {
        explained += ratio;
        explained >= EXPLAINED
    });
    // Something has to be left over.
    let few = few.map_or(1, |at| at + 1).clamp(1, all.ncols().max(2) - 1);
    let model = Pca::params(few).fit(&fitted).ok()?;
    let again = model.inverse_transform(model.predict(all));
    let residuals = (all - &again).mapv(|it| it * it).sum_axis(Axis(1));
    Some(residuals.to_vec())
}

/// How far outside of the support.
fn one_class_svm(fitted: &Array2<f64>, all: &Array2<f64>) -> Option<Vec<f64>> {
    let fitted = DatasetBase::from(sample(fitted, ROWS_OF_VECTORS));
    let model = Svm::<f64, Pr>::params()
        .gaussian_kernel(all.ncols() as f64)
        .nu_weight(OUTSIDE)
        .fit(&fitted)
        .ok()?;
    let inside = |row: ArrayView1<'_, f64>| -model.weighted_sum(&row);
    Some(all.rows().into_iter().map(inside).collect())
}
