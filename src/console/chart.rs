//! Bars of a picture, for a page to draw as SVG.

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

/// Bars of values with their parts, the highest as high as the picture. `said` gives when a bar begins and what it shows.
pub(super) fn bars(values: &[(u64, u64)], said: impl Fn(usize) -> (String, String)) -> Vec<Bar> {
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
