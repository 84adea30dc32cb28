//! Bars of a picture, for a page to draw as SVG.

use std::collections::HashMap;

use super::page::Page;
use crate::event::Timestamp;
use crate::store::{Calls, Daily};

/// Width and height of a picture, in its own units.
pub(super) const WIDTH: u32 = 960;
pub(super) const HEIGHT: u32 = 140;

/// One bar: a part of it may be of another kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) y: String,
    pub(super) height: String,
    /// The part at the bottom.
    pub(super) part_y: String,
    pub(super) part_height: String,
    pub(super) title: String,
    /// When it begins.
    pub(super) label: String,
}

const DAY_US: i64 = 86_400_000_000;
/// Most bars.
const MOST: i64 = 400;

/// Calls that are usual at a time of the day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usual(HashMap<i64, f64>);

impl Usual {
    /// The mean of the days up to `until`, seven at most; nothing is usual before a day is over.
    pub(super) fn of(daily: &[Daily], until: Timestamp) -> Usual {
        let first = daily.iter().map(|it| it.first).min().unwrap_or(0);
        let days = until.since(Timestamp::from_micros(first)) as f64 / DAY_US as f64;
        if days < 1.0 {
            return Usual::default();
        }
        let mean = |it: &Daily| (i64::from(it.second), it.calls as f64 / days.min(7.0));
        Usual(daily.iter().map(mean).collect())
    }

    fn at(&self, time: Timestamp) -> f64 {
        let second = time.seconds().rem_euclid(86_400);
        self.0.get(&second).copied().unwrap_or(0.0)
    }
}

/// Bars of calls, one each so many microseconds from `from` on until the one that holds `last`; those that were refused or failed are the part. Then
/// the points of a line of what is usual; none where nothing is.
pub(super) fn calls(
    page: &Page,
    calls: &[Calls],
    usual: &Usual,
    span: (Timestamp, Timestamp),
    width_us: i64,
) -> (Vec<Bar>, String) {
    let by_time: HashMap<i64, &Calls> = calls.iter().map(|it| (it.micros, it)).collect();
    let times = times(span, width_us);
    let of = |time: &Timestamp| {
        let found = by_time.get(&time.micros());
        found.map_or((0, 0), |it| (it.calls, it.refused))
    };
    let values: Vec<(u64, u64)> = times.iter().map(of).collect();
    let (of, without) = (
        page.say("вызовов", "calls"),
        page.say("отклонено или сбоев", "refused or failed"),
    );
    let line: Vec<f64> = if usual.0.is_empty() {
        Vec::new()
    } else {
        times.iter().map(|time| usual.at(*time)).collect()
    };
    let bars = bars(&values, &line, |at| {
        let (calls, refused) = values[at];
        let label = page.short_time(&times[at]).to_string();
        let usual = line.get(at).map_or_else(String::new, |usual| {
            format!(", {} {usual:.1}", page.say("обычно", "usually"))
        });
        (label, format!("{calls} {of}, {refused} {without}{usual}"))
    });
    let highest = highest(&values, &line);
    let step = f64::from(WIDTH) / line.len().max(1) as f64;
    let point = |(at, value): (usize, &f64)| {
        let height = value / highest * f64::from(HEIGHT - 4);
        format!(
            "{:.1},{:.1}",
            step * (at as f64 + 0.5),
            f64::from(HEIGHT) - height
        )
    };
    let points: Vec<String> = line.iter().enumerate().map(point).collect();
    (bars, points.join(" "))
}

/// Bars of one number over time, one each so many microseconds from `from` on until the one that holds `last`; `value` gives it for the bar that begins then.
pub(super) fn course(
    page: &Page,
    span: (Timestamp, Timestamp),
    width_us: i64,
    said: &str,
    value: impl Fn(Timestamp) -> u64,
) -> Vec<Bar> {
    let times = times(span, width_us);
    let values: Vec<(u64, u64)> = times.iter().map(|time| (value(*time), 0)).collect();
    bars(&values, &[], |at| {
        let label = page.short_time(&times[at]).to_string();
        (label, format!("{} {said}", values[at].0))
    })
}

/// When each bar begins.
fn times((from, last): (Timestamp, Timestamp), width_us: i64) -> Vec<Timestamp> {
    let begin = from.floor_to(width_us);
    let count = (last.since(begin) / width_us + 1).clamp(1, MOST);
    (0..count)
        .map(|at| begin.plus_micros(at * width_us))
        .collect()
}

/// The highest of values and a line, 1 at least.
fn highest(values: &[(u64, u64)], line: &[f64]) -> f64 {
    let values = values.iter().map(|(all, _)| *all as f64);
    values.chain(line.iter().copied()).fold(1.0, f64::max)
}

/// Bars of values with their parts, the highest of them and of a line as high as the picture. `said` gives when a bar begins and what it shows.
fn bars(values: &[(u64, u64)], line: &[f64], said: impl Fn(usize) -> (String, String)) -> Vec<Bar> {
    let highest = highest(values, line);
    let step = f64::from(WIDTH) / values.len().max(1) as f64;
    let scaled = |value: u64| {
        let height = value as f64 / highest * f64::from(HEIGHT - 4);
        // What is there is seen.
        if value > 0 { height.max(1.5) } else { 0.0 }
    };
    let bar = |(at, (all, part)): (usize, &(u64, u64))| {
        let (height, part) = (scaled(*all), scaled(*part));
        let (label, what) = said(at);
        Bar {
            x: format!("{:.1}", step * at as f64 + step * 0.1),
            width: format!("{:.1}", step * 0.8),
            y: format!("{:.1}", f64::from(HEIGHT) - height),
            height: format!("{height:.1}"),
            part_y: format!("{:.1}", f64::from(HEIGHT) - part),
            part_height: format!("{part:.1}"),
            title: format!("{label}: {what}"),
            label,
        }
    };
    values.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_picture_and_none_is_lost() {
        let bars = bars(&[(0, 0), (1_000_000, 500_000), (1, 1)], &[], |at| {
            (at.to_string(), "x".to_owned())
        });
        assert_eq!(bars[0].height, "0.0");
        assert_eq!(bars[1].height, "136.0");
        assert_eq!(bars[1].part_height, "68.0");
        assert_eq!(bars[2].height, "1.5");
        assert_eq!(bars[2].title, "2: x");
        assert!(super::bars(&[], &[], |_| (String::new(), String::new())).is_empty());
        // A line that is higher makes the bars smaller.
        let lower = super::bars(&[(10, 0)], &[20.0], |_| (String::new(), String::new()));
        assert_eq!(lower[0].height, "68.0");
    }

    #[test]
    fn what_is_usual_is_the_mean_of_the_days_that_there_are() {
        let until = Timestamp::from_seconds(86_400 * 10);
        let daily = |first_day: i64| Daily {
            second: 3_600,
            calls: 12,
            first: first_day * DAY_US,
        };
        let at = |usual: &Usual, second: i64| usual.at(Timestamp::from_seconds(second));
        let three = Usual::of(&[daily(7)], until);
        assert_eq!((at(&three, 86_400 + 3_600), at(&three, 0)), (4.0, 0.0));
        assert_eq!(Usual::of(&[], until), Usual::default());
        let young = Daily {
            first: until.micros() - 1,
            ..daily(0)
        };
        assert_eq!(Usual::of(&[young], until), Usual::default());
    }
}
