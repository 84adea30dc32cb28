//! The Numenta Anomaly Benchmark: its files, its scoring (NAB 1.1), the choice of a threshold.
//!
//! Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta anomaly benchmark", ICMLA 2015.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use gatewatch::track::model::Stream;

/// A labelled series.
pub struct Series {
    /// Its path in the corpus.
    pub name: String,
    /// The folder that it lies in.
    pub category: String,
    /// Seconds since 1970, as its clock goes.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    /// First and last row of each anomaly.
    pub windows: Vec<(usize, usize)>,
}

/// What a detection and a miss are worth.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    hit: f64,
    false_alarm: f64,
    miss: f64,
}

pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "standard",
        hit: 1.0,
        false_alarm: 0.11,
        miss: 1.0,
    },
    Profile {
        name: "reward_low_FP_rate",
        hit: 1.0,
        false_alarm: 0.22,
        miss: 1.0,
    },
    Profile {
        name: "reward_low_FN_rate",
        hit: 1.0,
        false_alarm: 0.11,
        miss: 2.0,
    },
];

/// Reads the corpus.
pub fn corpus(folder: &Path) -> Vec<Series> {
    let text = fs::read_to_string(folder.join("combined_windows.json")).expect("the windows");
    let windows: BTreeMap<String, Vec<[String; 2]>> =
        serde_json::from_str(&text).expect("windows are pairs of times");
    let series = windows.iter().filter_map(|(name, windows)| {
        let path = folder.join("data").join(name);
        path.is_file().then(|| read(name, &path, windows))
    });
    series.collect()
}

fn read(name: &str, path: &Path, windows: &[[String; 2]]) -> Series {
    let text = fs::read_to_string(path).expect("a series");
    let rows = text.lines().skip(1).map(|line| {
        let (time, value) = line.split_once(',').expect("time and value");
        (seconds(time), value.parse::<f64>().expect("a number"))
    });
    let (times, values): (Vec<i64>, Vec<f64>) = rows.unzip();
    let row = |time: &str, is_last: bool| {
        let time = seconds(time);
        let found = if is_last {
            times.iter().rposition(|known| *known == time)
        } else {
            times.iter().position(|known| *known == time)
        };
        found.expect("a window begins and ends at a row")
    };
    Series {
        category: name.split('/').next().unwrap_or(name).to_owned(),
        windows: windows
            .iter()
            .map(|[first, last]| (row(first, false), row(last, true)))
            .collect(),
        name: name.to_owned(),
        times,
        values,
    }
}

fn seconds(text: &str) -> i64 {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &text[..19]);
    let time = jiff::tz::TimeZone::UTC.to_timestamp(time.expect("a time"));
    time.expect("a time that is").as_second()
}

/// What a detection is worth that lies so far behind the place where it would be worth nothing, in lengths of the window.
fn worth(after: f64) -> f64 {
    if after > 3.0 {
        -1.0
    } else {
        2.0 / (1.0 + (5.0 * after).exp()) - 1.0
    }
}

impl Series {
    /// Rows before this one are there to learn from.
    pub fn probation(&self) -> usize {
        (self.values.len() * 15 / 100).min(750)
    }

    fn scored(&self) -> impl Iterator<Item = &(usize, usize)> {
        self.windows
            .iter()
            .filter(|(_, last)| *last >= self.probation())
    }

    /// The score of detections at these rows.
    pub fn score(&self, detections: &[usize], profile: Profile) -> f64 {
        let mut best = vec![-profile.miss; self.windows.len()];
        let mut score = 0.0;
        for &row in detections.iter().filter(|row| **row >= self.probation()) {
            let within = |(first, last): &(usize, usize)| (*first..=*last).contains(&row);
            if let Some(at) = self.windows.iter().position(within) {
                let (first, last) = self.windows[at];
                let before = (last - row + 1) as f64 / (last - first + 1) as f64;
                best[at] = f64::max(best[at], profile.hit * worth(-before) / worth(-1.0));
                continue;
            }
            let ended = self.windows.iter().filter(|(_, last)| *last < row);
            let after = ended.max_by_key(|(_, last)| *last).map(|(first, last)| {
                // One row less than its length, as in NAB's own code.
                (row - last) as f64 / (last - first) as f64
            });
            score += profile.false_alarm * after.map_or(-1.0, worth);
        }
        let windows = self.windows.iter().zip(best);
        let of_windows = windows.filter(|((_, last), _)| *last >= self.probation());
        score + of_windows.map(|(_, best)| best).sum::<f64>()
    }
}

/// The score of a corpus from that of each file: 0 for no detection at all, 100 for the best there is.
pub fn normalised(corpus: &[Series], score: f64, profile: Profile) -> f64 {
    let windows = corpus
        .iter()
        .map(|series| series.scored().count())
        .sum::<usize>() as f64;
    let null = -profile.miss * windows;
    100.0 * (score - null) / (profile.hit * windows - null)
}

/// The rows at which alerts begin: findings that follow each other within so many seconds are one alert.
pub fn alerts(series: &Series, scores: &[f64], threshold: f64, merge_s: i64) -> Vec<usize> {
    let mut last = None;
    let mut begins = Vec::new();
    for (row, _) in scores
        .iter()
        .enumerate()
        .filter(|(_, score)| **score >= threshold)
    {
        let time = series.times[row];
        if last.is_none_or(|last| time - last > merge_s) {
            begins.push(row);
        }
        last = Some(time);
    }
    begins
}

/// The scores of our detector, value by value, of each series.
pub fn scores(corpus: &[Series]) -> Vec<Vec<f64>> {
    let of = |series: &Series| {
        let mut stream = Stream::default();
        let values = series.values.iter();
        values.map(|value| stream.take(*value).score).collect()
    };
    corpus.iter().map(of).collect()
}

/// What a detector is worth.
pub struct Outcome {
    /// With the one threshold that is best for all files.
    pub fitted: f64,
    pub threshold: f64,
    /// With a threshold for each category of files that is best for all others.
    pub left_out: f64,
}

/// Tries every score as the threshold.
pub fn evaluate(corpus: &[Series], scores: &[Vec<f64>], profile: Profile, merge_s: i64) -> Outcome {
    let mut thresholds: Vec<f64> = scores
        .iter()
        .flatten()
        .copied()
        .filter(|it| *it > 0.0)
        .collect();
    thresholds.sort_unstable_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let categories: BTreeSet<&str> = corpus.iter().map(|it| it.category.as_str()).collect();
    // By threshold, the score of each category.
    let table: Vec<Vec<f64>> = thresholds
        .iter()
        .map(|threshold| {
            let of = |category: &&str| {
                let files = corpus
                    .iter()
                    .zip(scores)
                    .filter(|(it, _)| it.category == *category);
                let scores = files.map(|(series, scores)| {
                    series.score(&alerts(series, scores, *threshold, merge_s), profile)
                });
                scores.sum::<f64>()
            };
            categories.iter().map(of).collect()
        })
        .collect();
    let best = |worth: &dyn Fn(&[f64]) -> f64| {
        // Of equal ones the highest: the fewest alerts.
        let better = |best: usize, at: usize| {
            if worth(&table[at]) > worth(&table[best]) {
                at
            } else {
                best
            }
        };
        (1..table.len()).fold(0, better)
    };
    let fitted = best(&|row| row.iter().sum());
    let left_out = (0..categories.len()).map(|category| {
        let others = best(&|row| row.iter().sum::<f64>() - row[category]);
        table[others][category]
    });
    Outcome {
        fitted: normalised(corpus, table[fitted].iter().sum(), profile),
        threshold: thresholds[fitted],
        left_out: normalised(corpus, left_out.sum(), profile),
    }
}

/// The greatest difference between our scores and those that NAB itself gave three detectors, over all files and profiles.
pub fn scorer_error(folder: &Path, corpus: &[Series]) -> f64 {
    let detectors = ["numenta", "randomCutForest", "windowedGaussian"];
    let errors = detectors.map(|detector| {
        let packed =
            fs::read(folder.join(format!("scorer_vectors_{detector}.csv.zst"))).expect("vectors");
        let text = zstd::decode_all(packed.as_slice()).expect("zstd");
        let mut vectors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let text = std::str::from_utf8(&text).expect("CSV is text");
        for line in text.lines().skip(1) {
            let mut cells = line.split(',');
            let name = cells.next().expect("a file");
            let score = cells.next_back().and_then(|score| score.parse().ok());
            vectors
                .entry(name)
                .or_default()
                .push(score.expect("a score"));
        }
        let path = folder.join(format!("scorer_expected_{detector}.csv"));
        let expected = fs::read_to_string(path).expect("scores");
        let mut compared = 0;
        let worst = expected.lines().skip(1).fold(0.0, |worst, line| {
            let cells: Vec<&str> = line.split(',').collect();
            let profile = PROFILES.iter().find(|profile| profile.name == cells[0]);
            let series = corpus.iter().find(|series| series.name == cells[1]);
            let (Some(profile), Some(series)) = (profile, series) else {
                return worst;
            };
            let number = |cell: usize| -> f64 { cells[cell].parse().expect("a number") };
            let over = vectors[cells[1]].iter().enumerate();
            let over: Vec<usize> = over
                .filter(|(_, score)| **score >= number(2))
                .map(|(row, _)| row)
                .collect();
            compared += 1;
            f64::max(worst, (series.score(&over, *profile) - number(3)).abs())
        });
        assert!(
            compared >= corpus.len(),
            "{detector}: only {compared} scores were compared"
        );
        worst
    });
    errors.into_iter().fold(0.0, f64::max)
}
