//! Bars of a picture, for a page to draw as SVG.

use std::collections::HashMap;

use super::page::Page;
use crate::event::Timestamp;
use crate::store::Calls;

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

/// Most bars.
const MOST: i64 = 400;

/// Bars of calls, one each so many microseconds from `from` on until the one that holds `last`; those that were refused or failed are the part.
pub(super) fn calls(
    page: &Page,
    calls: &[Calls],
    span: (Timestamp, Timestamp),
    width_us: i64,
) -> Vec<Bar> {
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
    bars(&values, |at| {
        let (calls, refused) = values[at];
        let label = page.short_time(&times[at]).to_string();
        (label, format!("{calls} {of}, {refused} {without}"))
    })
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
    bars(&values, |at| {
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

/// Bars of values with their parts, the highest as high as the picture. `said` gives when a bar begins and what it shows.
fn bars(values: &[(u64, u64)], said: impl Fn(usize) -> (String, String)) -> Vec<Bar> {
    let highest = values.iter().map(|(all, _)| *all).max().unwrap_or(0).max(1);
    let step = f64::from(WIDTH) / values.len().max(1) as f64;
    let scaled = |value: u64| {
        let height = value as f64 / highest as f64 * f64::from(HEIGHT - 4);
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
        let bars = bars(&[(0, 0), (1_000_000, 500_000), (1, 1)], |at| {
            (at.to_string(), "x".to_owned())
        });
        assert_eq!(bars[0].height, "0.0");
        assert_eq!(bars[1].height, "136.0");
        assert_eq!(bars[1].part_height, "68.0");
        assert_eq!(bars[2].height, "1.5");
        assert_eq!(bars[2].title, "2: x");
        assert!(super::bars(&[], |_| (String::new(), String::new())).is_empty());
    }
}
