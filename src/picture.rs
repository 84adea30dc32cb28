//! Small pictures of numbers: a value in each of some windows as bars, those that matter marked, and what was expected as a line.
//!
//! A picture is a PNG (third edition, W3C 2025) without a letter in it: what it shows is said in the text around it, in the reader's
//! language. It is a white card with a frame, so it can be read on a light page and on a dark one, and what is marked is darker
//! and underlined, so it can be told without its colour. The same numbers give the same bytes.

use std::ops::Range;

use plotters::prelude::{BitMapBackend, IntoDrawingArea, RGBColor, Rectangle};
use plotters::style::Color;

/// Most bars; of more values the newest are drawn.
pub const MOST: usize = 48;
/// Width on a page in CSS pixels; the picture itself has twice as many, for sharp screens.
pub const WIDTH: u32 = ACROSS.unsigned_abs() / 2;
/// Height on a page in CSS pixels.
pub const HEIGHT: u32 = DOWN.unsigned_abs() / 2;

/// Pixels of the picture.
const ACROSS: i32 = 1_104;
const DOWN: i32 = 320;
/// Between the frame and what it holds.
const MARGIN: i32 = 24;
/// Where bars stand, and how high the highest is.
const GROUND: i32 = DOWN - 44;
const TALLEST: i32 = GROUND - MARGIN;
/// Widest room of a bar, when there are few.
const WIDEST: i32 = 96;
/// A value that is not 0 is seen, however small.
const LOWEST: i32 = 3;
/// The line of what was expected, and its dashes.
const LINE: i32 = 4;
const DASH: i32 = 14;
/// From one dash to the next.
const DASHES: usize = 28;

const PAPER: RGBColor = RGBColor(255, 255, 255);
const FRAME: RGBColor = RGBColor(195, 202, 211);
const GRID: RGBColor = RGBColor(230, 233, 238);
const USUAL: RGBColor = RGBColor(163, 176, 190);
const MARKED: RGBColor = RGBColor(143, 29, 29);
const INK: RGBColor = RGBColor(27, 31, 36);
/// All of them: a pixel is a place in here, of four bits.
const PALETTE: [RGBColor; 6] = [PAPER, FRAME, GRID, USUAL, MARKED, INK];

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars<'v> {
    /// One bar each, oldest first. What is below 0 or no number is drawn as 0.
    pub values: &'v [f64],
    /// Those that are marked.
    pub marked: Range<usize>,
    /// Where the line goes.
    pub expected: Option<f64>,
}

/// Draws bars as a PNG of 1104 × 320 pixels, a few KiB.
///
/// # Panics
/// Never: the buffer has the size that is written, and drawing into memory cannot fail.
#[must_use]
pub fn png(bars: &Bars<'_>) -> Vec<u8> {
    let mut pixels = vec![0; usize::try_from(3 * ACROSS * DOWN).expect("a size in pixels")];
    draw(bars, &mut pixels);
    let palette: Vec<u8> = PALETTE.iter().flat_map(|it| [it.0, it.1, it.2]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2 * WIDTH, 2 * HEIGHT);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(palette);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&packed(&pixels)))
        .expect("the buffer has the size of the picture");
    file
}

/// Two pixels a byte. A row has an even number of them.
fn packed(pixels: &[u8]) -> Vec<u8> {
    let mut known = (PAPER, 0);
    let mut place = |red, green, blue| {
        let pixel = RGBColor(red, green, blue);
        // Neighbours are mostly the same.
        if pixel != known.0 {
            let place = (0..).zip(PALETTE).find(|(_, it)| *it == pixel);
            known = (pixel, place.map_or(0, |(place, _)| place));
        }
        known.1
    };
    let pairs = pixels.chunks_exact(6);
    pairs
        .map(|pair| place(pair[0], pair[1], pair[2]) << 4 | place(pair[3], pair[4], pair[5]))
        .collect()
}

/// The same in one line of text, as bars of an eighth to a whole: `▁▁▂▁▁█`. The lowest is 0 alone.
#[must_use]
pub fn line(values: &[f64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values = newest(values);
    let top = top(values, None);
    let level = |value: &f64| {
        let least = i32::from(sound(*value) > 0.0);
        let level = height(*value, top, 7).clamp(least, 7);
        LEVELS[usize::try_from(level).unwrap_or(0)]
    };
    values.iter().map(level).collect()
}

fn newest(values: &[f64]) -> &[f64] {
    &values[values.len().saturating_sub(MOST)..]
}

fn sound(value: f64) -> f64 {
    if value.is_finite() {
        value.max(0.0)
    } else {
        0.0
    }
}

/// What is as high as the picture.
fn top(values: &[f64], expected: Option<f64>) -> f64 {
    let all = values.iter().copied().chain(expected);
    let top = all.map(sound).fold(0.0, f64::max);
    if top > 0.0 { top } else { 1.0 }
}

/// Pixels of a value where `top` has `tallest`.
#[expect(clippy::cast_possible_truncation, reason = "a share of some pixels")]
fn height(value: f64, top: f64, tallest: i32) -> i32 {
    (sound(value) / top * f64::from(tallest)).round() as i32
}

/// Left and right end of a bar of so many.
fn place(at: usize, bars: usize) -> (i32, i32) {
    let bars = i32::try_from(bars.max(1)).unwrap_or(i32::MAX);
    let room = ((ACROSS - 2 * MARGIN) / bars).min(WIDEST);
    let left = (ACROSS - room * bars) / 2 + room * i32::try_from(at).unwrap_or(0);
    (left + room / 8, left + room - room / 8)
}

/// A bar where it is drawn.
struct Bar {
    left: i32,
    right: i32,
    height: i32,
    is_marked: bool,
}

fn bars_of(bars: &Bars<'_>, top: f64) -> Vec<Bar> {
    let values = newest(bars.values);
    let left_out = bars.values.len() - values.len();
    let each = values.iter().enumerate().map(|(at, value)| {
        let (left, right) = place(at, values.len());
        let least = if sound(*value) > 0.0 { LOWEST } else { 0 };
        Bar {
            left,
            right,
            height: height(*value, top, TALLEST).max(least),
            is_marked: bars.marked.contains(&(at + left_out)),
        }
    });
    each.collect()
}

fn draw(bars: &Bars<'_>, pixels: &mut [u8]) {
    let area = BitMapBackend::with_buffer(pixels, (2 * WIDTH, 2 * HEIGHT)).into_drawing_area();
    // From the upper left point to before the lower right one.
    let fill = |colour: RGBColor, (left, upper): (i32, i32), (right, lower): (i32, i32)| {
        area.draw(&Rectangle::new(
            [(left, upper), (right, lower)],
            colour.filled(),
        ))
        .expect("drawing into memory cannot fail");
    };
    fill(FRAME, (0, 0), (ACROSS, DOWN));
    fill(PAPER, (2, 2), (ACROSS - 2, DOWN - 2));
    for upper in [GROUND - TALLEST, GROUND - TALLEST / 2] {
        fill(GRID, (MARGIN, upper), (ACROSS - MARGIN, upper + 2));
    }
    let top = top(newest(bars.values), bars.expected);
    let drawn = bars_of(bars, top);
    for bar in drawn.iter().filter(|bar| bar.height > 0) {
        let colour = if bar.is_marked { MARKED } else { USUAL };
        fill(colour, (bar.left, GROUND - bar.height), (bar.right, GROUND));
    }
    let marked = || drawn.iter().filter(|bar| bar.is_marked);
    for bar in marked() {
        fill(INK, (bar.left, GROUND + 10), (bar.right, GROUND + 20));
    }
    fill(INK, (MARGIN, GROUND), (ACROSS - MARGIN, GROUND + 2));
    let Some(expected) = bars.expected else {
        return;
    };
    let over = height(expected, top, TALLEST);
    let upper = GROUND - over - LINE / 2;
    let dashes = |colour: RGBColor, from: i32, to: i32| {
        for left in (MARGIN..ACROSS - MARGIN).step_by(DASHES) {
            let (left, right) = (left.max(from), (left + DASH).min(to));
            if left < right {
                fill(colour, (left, upper), (right, upper + LINE));
            }
        }
    };
    dashes(INK, MARGIN, ACROSS - MARGIN);
    // On what is dark the line is light.
    for bar in marked().filter(|bar| bar.height > over) {
        dashes(PAPER, bar.left, bar.right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a PNG.
    struct Picture {
        width: usize,
        pixels: Vec<u8>,
    }

    impl Picture {
        fn of(bars: &Bars<'_>) -> Picture {
            let bytes = png(bars);
            let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((info.width, info.height), (1_104, 320));
            let width = info.width as usize;
            Picture { width, pixels }
        }

        fn at(&self, x: i32, y: i32) -> RGBColor {
            let [x, y] = [x, y].map(|it| usize::try_from(it).unwrap());
            let from = 3 * (y * self.width + x);
            RGBColor(
                self.pixels[from],
                self.pixels[from + 1],
                self.pixels[from + 2],
            )
        }

        /// Pixels of this colour in a column above the ground.
        fn height(&self, x: i32, colour: RGBColor) -> i32 {
            let rows = (0..GROUND).filter(|y| self.at(x, *y) == colour);
            i32::try_from(rows.count()).unwrap()
        }
    }

    fn middle(at: usize, bars: usize) -> i32 {
        let (left, right) = place(at, bars);
        i32::midpoint(left, right)
    }

    #[test]
    fn a_bar_is_as_high_as_its_value_and_the_marked_one_has_its_colour() {
        let values: Vec<f64> = (0..48)
            .map(|at| if at == 47 { 80.0 } else { 20.0 })
            .collect();
        let picture = Picture::of(&Bars {
            values: &values,
            marked: 47..48,
            expected: None,
        });
        assert_eq!(picture.height(middle(47, 48), MARKED), TALLEST);
        assert_eq!(picture.height(middle(47, 48), USUAL), 0);
        for at in [0, 13, 46] {
            assert_eq!(picture.height(middle(at, 48), USUAL), TALLEST / 4);
            assert_eq!(picture.height(middle(at, 48), MARKED), 0);
        }
        // The bar ends where its place ends, and is underlined.
        let (left, right) = place(47, 48);
        assert_eq!(picture.at(left, GROUND - 1), MARKED);
        assert_eq!(picture.at(right - 1, GROUND - 1), MARKED);
        assert_eq!(picture.at(left - 1, GROUND - 1), PAPER);
        assert_eq!(picture.at(right, GROUND - 1), PAPER);
        assert_eq!(picture.at(left, GROUND + 15), INK);
        assert_eq!(picture.at(middle(46, 48), GROUND + 15), PAPER);
    }

    #[test]
    fn what_was_expected_is_a_line_at_its_height_and_may_be_the_highest() {
        let picture = Picture::of(&Bars {
            values: &[1.0, 2.0],
            marked: 1..2,
            expected: Some(4.0),
        });
        assert_eq!(picture.height(middle(1, 2), MARKED), TALLEST / 2);
        assert_eq!(picture.at(MARGIN + 1, GROUND - TALLEST), INK);
        assert_eq!(picture.at(MARGIN + DASH + 1, GROUND - TALLEST - 4), PAPER);
    }

    #[test]
    fn the_same_numbers_are_the_same_few_bytes() {
        let values: Vec<f64> = (0..48).map(|at| f64::from(at * at % 37)).collect();
        let bars = Bars {
            values: &values,
            marked: 40..48,
            expected: Some(12.0),
        };
        let file = png(&bars);
        assert_eq!(file, png(&bars.clone()));
        assert!(file.len() < 4 * 1_024, "{} bytes", file.len());
    }

    #[test]
    fn no_numbers_are_too_odd_to_draw() {
        let odd = [f64::NAN, f64::INFINITY, -5.0, 0.0, 1e-300, f64::MAX];
        let many: Vec<f64> = odd.iter().copied().cycle().take(1_000).collect();
        for values in [&[][..], &odd, &many, &[0.0; 48]] {
            for expected in [None, Some(f64::NAN), Some(f64::MAX), Some(-1.0)] {
                let bars = Bars {
                    values,
                    marked: 0..usize::MAX,
                    expected,
                };
                assert_eq!(png(&bars)[1..4], *b"PNG");
                assert_eq!(line(values).chars().count(), values.len().min(MOST));
            }
        }
    }

    #[test]
    fn a_line_of_text_shows_the_same() {
        assert_eq!(line(&[0.0, 1.0, 2.0, 1.0, 0.0, 8.0]), "▁▂▃▂▁█");
        assert_eq!(line(&[]), "");
        // Of too many the newest, and the smallest that is not 0 can be seen in the picture.
        let mut values = vec![9.0; 60];
        values[59] = 0.001;
        assert!(line(&values).ends_with("█▂"));
        let picture = Picture::of(&Bars {
            values: &values,
            marked: 59..60,
            expected: None,
        });
        assert_eq!(picture.height(middle(47, 48), MARKED), LOWEST);
    }
}
