//! How load departs from its season: bursts and lulls that no formula of ours decides.
//!
//! Courses are put together from stretches of real series (monitoring data, taxi rides, messages), each divided by its own level over
//! six hours, so that only its restlessness is left. Without such series a course is made up whose figures lie within those of the
//! real ones of the Numenta Anomaly Benchmark (24 series: standard deviation of the logarithm 0.3 to 0.9, hundredth largest 1.5 to 5.5 times the
//! level, neighbours correlated by 0.1 to 0.9).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::random::Random;

/// Values on either side that make the level of a value: three hours of five minutes.
const REACH: usize = 36;
/// Slots (minutes) that one value holds for.
const HELD: usize = 5;
/// Fewest and most values of a stretch: two to twelve hours.
const STRETCH: (u32, u32) = (24, 144);
/// Bounds of a multiplier.
const LEAST: f32 = 0.2;
const MOST: f32 = 8.0;
/// A series with less than this is too calm to be of use.
const RESTLESS: f32 = 0.1;
/// Values that are read of one series.
const LONGEST: usize = 100_000;

/// Series to put courses together from.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    series: Arc<[Vec<f32>]>,
}

impl Shapes {
    /// Reads every `*.csv` of a folder and its folders: a head, then `timestamp,value` lines at equal distances. Calm ones are left out.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, a value is no number, or nothing of use was found.
    pub fn folder(folder: &Path) -> io::Result<Shapes> {
        let mut paths = Vec::new();
        files(folder, &mut paths)?;
        paths.sort();
        let mut series = Vec::new();
        for path in paths {
            let values = values(&path)?;
            let restless = restlessness(&values);
            if deviation(&restless) > RESTLESS {
                series.push(restless);
            }
        }
        if series.is_empty() {
            let message = format!(
                "{} holds no `*.csv` with `timestamp,value` lines of a restless series",
                folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Shapes {
            series: series.into(),
        })
    }

    /// Multipliers around 1 for so many slots.
    pub(crate) fn course(&self, slots: usize, random: &mut Random) -> Vec<f32> {
        let values = slots.div_ceil(HELD) + 1;
        let mut course = Vec::with_capacity(values + STRETCH.1 as usize);
        if self.series.is_empty() {
            make_up(values, random, &mut course);
        }
        while course.len() < values {
            let series = random.pick(&self.series);
            let length = (STRETCH.0 + random.below(STRETCH.1 - STRETCH.0)) as usize;
            let length = length.min(series.len());
            let last = u32::try_from(series.len() - length).unwrap_or(u32::MAX);
            let begin = random.below(last.saturating_add(1)) as usize;
            course.extend_from_slice(&series[begin..begin + length]);
        }
        (0..slots).map(|slot| course[slot / HELD]).collect()
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            into.push(path);
        }
    }
    Ok(())
}

fn values(path: &Path) -> io::Result<Vec<f32>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().skip(1).take(LONGEST);
    lines
        .enumerate()
        .map(|(index, line)| {
            let value = line.rsplit_once(',').map_or(line, |(_, value)| value);
            value.trim().parse().map_err(|_| {
                let message = format!(
                    "{}: line {}: `{value}` is no number",
                    path.display(),
                    index + 2
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })
        })
        .collect()
}

/// Each value by the median of those around it, within bounds, and all of them 1 on average.
fn restlessness(values: &[f32]) -> Vec<f32> {
    let mut around = Vec::with_capacity(2 * REACH + 1);
    let mut series: Vec<f32> = (0..values.len())
        .map(|at| {
            around.clear();
            let end = (at + REACH + 1).min(values.len());
            around.extend_from_slice(&values[at.saturating_sub(REACH)..end]);
            around.sort_by(f32::total_cmp);
            let level = around[around.len() / 2];
            if level > 0.0 {
                (values[at] / level).clamp(LEAST, MOST)
            } else {
                1.0
            }
        })
        .collect();
    #[allow(clippy::cast_precision_loss)] // a count of values
    let mean = series.iter().sum::<f32>() / series.len().max(1) as f32;
    for value in &mut series {
        *value /= mean.max(LEAST);
    }
    series
}

/// Standard deviation of the logarithms.
#[allow(clippy::cast_precision_loss)] // a count of values
fn deviation(series: &[f32]) -> f32 {
    let count = series.len().max(1) as f32;
    let mean = series.iter().map(|value| value.ln()).sum::<f32>() / count;
    let square = |value: &f32| (value.ln() - mean).powi(2);
    (series.iter().map(square).sum::<f32>() / count).sqrt()
}

/// A course without a real series: a restless level, and bursts that come at once and die away.
fn make_up(values: usize, random: &mut Random, course: &mut Vec<f32>) {
    let (mut level, mut burst) = (0.0_f32, 0.0_f32);
    for _ in 0..values {
        level = 0.6 * level + 0.3 * normal(random);
        burst *= 0.5;
        if random.one_in(90) {
            burst += 0.7 + unit(random);
        }
        // The mean of a log-normal value is above 1 by half its variance.
        let value = (level + burst - 0.09).exp();
        course.push(value.clamp(LEAST, MOST));
    }
}

#[allow(clippy::cast_possible_truncation)] // a random number loses digits
fn unit(random: &mut Random) -> f32 {
    random.unit() as f32
}

/// A standard normal number: the sum of twelve even ones, less six.
pub(crate) fn normal(random: &mut Random) -> f32 {
    (0..12).map(|_| unit(random)).sum::<f32>() - 6.0
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn largest_hundredth(course: &[f32]) -> f32 {
        let mut sorted = course.to_vec();
        sorted.sort_by(f32::total_cmp);
        sorted[sorted.len() * 99 / 100]
    }

    #[test]
    fn a_course_that_is_made_up_is_as_restless_as_real_ones() {
        let course = Shapes::default().course(100_000, &mut Random::new(3));
        let mean = course.iter().sum::<f32>() / 100_000.0;
        assert!((0.9..1.2).contains(&mean), "{mean}");
        assert!(
            (0.3..0.9).contains(&deviation(&course)),
            "{}",
            deviation(&course)
        );
        let top = largest_hundredth(&course);
        assert!((1.5..5.5).contains(&top), "{top}");
    }

    #[test]
    fn real_series_lose_their_level_and_keep_their_bursts() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "timestamp,value\n".to_owned();
        for at in 0..2_000 {
            // A slow climb with a burst in each hundred, and noise.
            let burst = if at % 100 == 50 { 4.0 } else { 1.0 };
            let noise = 1.0 + 0.3 * f64::from(at % 3);
            let value = f64::from(100 + at) * burst * noise;
            writeln!(text, "t{at},{value}").unwrap();
        }
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/one.csv"), text).unwrap();
        let shapes = Shapes::folder(folder.path()).unwrap();
        let course = shapes.course(10_000, &mut Random::new(3));
        let mean = course.iter().sum::<f32>() / 10_000.0;
        assert!((0.9..1.1).contains(&mean), "{mean}");
        assert!(largest_hundredth(&course) > 2.0);
    }

    #[test]
    fn a_folder_without_series_and_a_broken_one_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = Shapes::folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds no `*.csv`"), "{error}");
        std::fs::write(folder.path().join("x.csv"), "timestamp,value\na,1\nb,no\n").unwrap();
        let error = Shapes::folder(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("x.csv: line 3: `no` is no number"),
            "{error}"
        );
    }
}
