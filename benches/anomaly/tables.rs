//! Tables of `ADBench`: fitted to all rows without labels, which are used to score alone.

use gatewatch::track::model::{Ensemble, Forest, Member};

use crate::adbench::{self, Table, auc, spread};
use crate::{data, figure};

const SEEDS: u64 = 5;
/// A table of more rows is measured with fewer seeds.
const MANY_ROWS: usize = 100_000;

/// Areas under the curve of one table, per cent.
struct Areas {
    forest: (f64, f64),
    members: [f64; 5],
    /// The ensemble without each member.
    without: [f64; 5],
    ensemble: (f64, f64),
}

pub fn measure() {
    let Some(folder) = data::folder("adbench") else {
        return;
    };
    let mut all = Vec::new();
    let mut outside = 0.0;
    print!("{:<20} {:>14} {:>14}", "table", "reference", "forest");
    for member in &Member::ALL[1..] {
        print!(" {:>13}", member.name());
    }
    println!(" {:>14}", "ensemble");
    for (name, reference) in adbench::tables(&folder) {
        let table = adbench::read(&folder, &name);
        let areas = areas(&table);
        let off = (areas.forest.0 - reference.iforest_auc).abs();
        outside += f64::from(u8::from(off > 2.0 * reference.iforest_auc_sd));
        let pair = |(mean, sd): (f64, f64)| format!("{mean:.2} ({sd:.2})");
        print!(
            "{name:<20} {:>14} {:>14}",
            pair((reference.iforest_auc, reference.iforest_auc_sd)),
            pair(areas.forest)
        );
        for area in &areas.members[1..] {
            print!(" {area:>13.2}");
        }
        println!(" {:>14}", pair(areas.ensemble));
        all.push(areas);
    }
    let mean = |of: &dyn Fn(&Areas) -> f64| spread(&all.iter().map(of).collect::<Vec<_>>()).0;
    let (forest, ensemble) = (mean(&|it| it.forest.0), mean(&|it| it.ensemble.0));
    for (at, member) in Member::ALL.iter().enumerate() {
        let without = mean(&|it| it.without[at]);
        println!("without {}: {without:.2}", member.name());
    }
    figure("adbench_forest_outside", outside, "tables");
    figure("adbench_forest_auc", forest, "percent");
    figure("adbench_mean_auc", ensemble, "percent");
    figure("adbench_gain", ensemble - forest, "points");
}

fn areas(table: &Table) -> Areas {
    let seeds = if table.rows.len() > MANY_ROWS {
        3
    } else {
        SEEDS
    };
    let mut forests = Vec::new();
    let mut ensembles = Vec::new();
    let mut members = [0.0; 5];
    let mut without = [0.0; 5];
    for seed in 0..seeds {
        let forest = Forest::fit(&table.rows, seed);
        forests.push(auc(&forest.scores(&table.rows), &table.labels));
        let ensemble = Ensemble::fit(&table.rows, seed);
        let plain: Vec<[f64; 5]> = ensemble.members(&table.rows).collect();
        let rare: Vec<[f64; 5]> = plain.iter().map(|it| ensemble.rarities(it)).collect();
        let total: Vec<f64> = rare.iter().map(|rare| rare.iter().sum()).collect();
        ensembles.push(auc(&total, &table.labels));
        for at in 0..members.len() {
            let of = |scores: Vec<f64>| auc(&scores, &table.labels) / seeds as f64;
            members[at] += of(plain.iter().map(|scores| scores[at]).collect());
            let others = rare
                .iter()
                .zip(&total)
                .map(|(rare, total)| total - rare[at]);
            without[at] += of(others.collect());
        }
    }
    Areas {
        forest: spread(&forests),
        members,
        without,
        ensemble: spread(&ensembles),
    }
}
