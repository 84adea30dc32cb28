//! Values of parameters: whether one is unlike those that were ever sent in its place.
//!
//! Three views of a value, each a score against what is ordinary for its parameter, of which the rarest counts:
//! - its **shape**, by how likely each symbol is behind the two before it;
//! - its **bytes**, the same;
//! - its **length**.
//!
//! What is looked for is a stretch: surprises are summed up less what is to be expected, from the place where that
//! helps most (Page, "Continuous inspection schemes", 1954), so a short attack in a long text stands out, and its place is known. A
//! parameter of which little is known leans on what all of them have in common. Begun from Kruegel and Vigna, "Anomaly detection of web-based attacks",
//! CCS 2003, whose features were measured beside (`benches/anomaly`).
//!
//! Models are learned from ordinary traffic: with attacks among it they go blind. What signatures know has to be left out.

mod grams;
mod symbols;
mod tail;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use grams::{Grams, View};
use symbols::Symbol;
use tail::Tail;

/// Bytes of a value that are read.
const READ: usize = 4_000;
/// Surprise of a symbol that is to be expected, in nats.
const EXPECTED: [f64; 2] = [3.0, 4.0];
/// What a rarity has to be more than to count as much as those of the others: they are looked at three times, and lengths say least.
const LESS: [f64; 3] = [
    0.741_937_344_729_377_3,
    0.741_937_344_729_377_3,
    2.995_732_273_553_991,
];
/// Runs of symbols of a parameter, and of what all have in common.
const RUNS: usize = 6_000;
const COMMON_RUNS: usize = 131_072;
/// Values of a parameter that are learned from; and how many it takes to say anything.
const LEARNED: u32 = 4_096;
const ENOUGH: usize = 30;
/// Most parameters.
const PARAMETERS: usize = 1_024;
/// Buckets of lengths: exact up to 8, then four an octave.
const LENGTHS: usize = 80;

/// What is ordinary for each parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values {
    common: Known,
    /// Of values by what all have in common alone; for parameters that are not known.
    tails: Tails,
    parameters: BTreeMap<String, Parameter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parameter {
    known: Known,
    tails: Tails,
}

type Tails = [Option<Tail>; 3];

/// Values that were seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    values: u32,
    grams: Grams,
    lengths: Vec<u32>,
}

/// What is said of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// −ln of the share of ordinary values that are as odd, about: 6.9 is one in a thousand.
    pub rarity: f64,
    /// In what it is odd.
    pub oddity: Oddity,
    /// The bytes in which it is.
    pub from: usize,
    /// The byte behind the last of them.
    pub until: usize,
}

/// What is odd about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The order of letters, digits and signs.
    Shape,
    /// The order of bytes.
    Bytes,
    /// How long it is.
    Length,
}

/// Room that judging needs; kept by whoever judges many values.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    symbols: [Vec<Symbol>; 2],
    probabilities: Vec<f64>,
}

/// Learns values one after the other.
pub struct Learning {
    values: Values,
    desk: Desk,
    /// Scores of values as they were before they were learned: by parameter, by view.
    scores: BTreeMap<String, Vec<[f64; 3]>>,
    common: Vec<[f64; 3]>,
}

/// A score, and the bytes that it comes from.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    score: f64,
    from: u32,
    until: u32,
}

impl Values {
    /// Begins to learn.
    #[must_use]
    pub fn learning() -> Learning {
        Learning {
            values: Values {
                common: Known::new(COMMON_RUNS),
                tails: [None, None, None],
                parameters: BTreeMap::new(),
            },
            desk: Desk::default(),
            scores: BTreeMap::new(),
            common: Vec::new(),
        }
    }

    /// Judges a value of a parameter. `None` when too little is known to judge anything.
    #[must_use]
    pub fn judge(&self, parameter: &str, value: &[u8], desk: &mut Desk) -> Option<Judgement> {
        let known = self.parameters.get(parameter);
        let known = known.filter(|known| known.tails[0].is_some());
        let tails = known.map_or(&self.tails, |known| &known.tails);
        desk.read(value);
        let stretches = self.stretches(known.map(|known| &known.known), value.len(), desk);
        let oddities = [Oddity::Shape, Oddity::Bytes, Oddity::Length];
        let judged = oddities.into_iter().enumerate().filter_map(|(at, oddity)| {
            let Stretch { score, from, until } = stretches[at];
            let rarity = tails[at].as_ref()?.rarity(score) - LESS[at];
            Some(Judgement {
                rarity,
                oddity,
                from: from as usize,
                until: until as usize,
            })
        });
        judged.max_by(|a, b| a.rarity.total_cmp(&b.rarity))
    }

    /// How many parameters are known well enough.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let known = self.parameters.values();
        known.filter(|known| known.tails[0].is_some()).count()
    }

    fn stretches(&self, known: Option<&Known>, length: usize, desk: &mut Desk) -> [Stretch; 3] {
        let Desk {
            symbols,
            probabilities,
        } = desk;
        let mut stretch = |view: View, alone: f64| {
            let symbols = &symbols[view as usize];
            probabilities.clear();
            probabilities.resize(symbols.len(), 1.0 / alone);
            self.common.grams.refine(view, symbols, probabilities);
            if let Some(known) = known {
                known.grams.refine(view, symbols, probabilities);
            }
            oddest(symbols, probabilities, EXPECTED[view as usize])
        };
        let shape = stretch(View::Shape, symbols::SHAPES);
        let bytes = stretch(View::Bytes, symbols::BYTES);
        let length = Stretch {
            score: self.common.length(known, length),
            from: 0,
            until: u32::try_from(length).unwrap_or(u32::MAX),
        };
        [shape, bytes, length]
    }
}

/// The stretch whose surprises exceed what is to be expected by most.
fn oddest(symbols: &[Symbol], probabilities: &[f64], expected: f64) -> Stretch {
    let (mut sum, mut begin) = (0.0, 0);
    let mut best = Stretch::default();
    for (at, probability) in probabilities.iter().enumerate() {
        sum -= probability.ln() + expected;
        if sum <= 0.0 {
            (sum, begin) = (0.0, at + 1);
        }
        if sum > best.score {
            let behind = symbols.get(at + 1).unwrap_or(&symbols[at]);
            best = Stretch {
                score: sum,
                from: symbols[begin].from,
                until: behind.from,
            };
        }
    }
    best
}

impl Desk {
    fn read(&mut self, value: &[u8]) {
        let value = &value[..value.len().min(READ)];
        symbols::shape(value, &mut self.symbols[View::Shape as usize]);
        symbols::bytes(value, &mut self.symbols[View::Bytes as usize]);
    }
}

impl Judgement {
    /// The shape of what is odd: nothing of it tells what the letters were.
    #[must_use]
    pub fn shape(&self, value: &[u8]) -> String {
        symbols::shown(
            value
                .get(self.from..self.until.min(value.len()))
                .unwrap_or_default(),
        )
    }
}

impl Learning {
    /// Takes an ordinary value. Those of one parameter come in order of time, mixed with those of others.
    pub fn take(&mut self, parameter: &str, value: &[u8]) {
        let Learning {
            values,
            desk,
            scores,
            common,
        } = self;
        if !values.parameters.contains_key(parameter) {
            if values.parameters.len() >= PARAMETERS {
                return;
            }
            let fresh = Parameter {
                known: Known::new(RUNS),
                tails: [None, None, None],
            };
            values.parameters.insert(parameter.to_owned(), fresh);
        }
        let known = &values.parameters[parameter].known;
        if known.values >= LEARNED {
            return;
        }
        desk.read(value);
        let of = |stretches: [Stretch; 3]| stretches.map(|stretch| stretch.score);
        let own = of(values.stretches(Some(known), value.len(), desk));
        common.push(of(values.stretches(None, value.len(), desk)));
        if let Some(scores) = scores.get_mut(parameter) {
            scores.push(own);
        } else {
            scores.insert(parameter.to_owned(), vec![own]);
        }
        if let Some(parameter) = values.parameters.get_mut(parameter) {
            parameter.known.learn(value.len(), desk);
        }
        values.common.learn(value.len(), desk);
    }

    /// What was learned.
    #[must_use]
    pub fn finish(self) -> Values {
        let Learning {
            mut values,
            scores,
            common,
            ..
        } = self;
        // While little was known everything was odd: the later half is what is ordinary.
        let later = |scores: &[[f64; 3]], view: usize| -> Vec<f64> {
            let kept = if scores.len() < ENOUGH {
                &[]
            } else {
                &scores[scores.len() / 2..]
            };
            kept.iter().map(|scores| scores[view]).collect()
        };
        for view in 0..3 {
            let all = values
                .parameters
                .keys()
                .map(|name| later(&scores[name], view));
            let fitted = Tail::fit(all.collect());
            for (parameter, tail) in values.parameters.values_mut().zip(fitted) {
                parameter.tails[view] = tail;
            }
            values.tails[view] = Tail::fit(vec![later(&common, view)]).pop().flatten();
        }
        values
    }
}

impl Known {
    fn new(runs: usize) -> Known {
        Known {
            values: 0,
            grams: Grams::new(runs),
            lengths: vec![0; LENGTHS],
        }
    }

    fn learn(&mut self, length: usize, desk: &Desk) {
        self.values = self.values.saturating_add(1);
        for view in [View::Shape, View::Bytes] {
            self.grams.learn(view, &desk.symbols[view as usize]);
        }
        let count = &mut self.lengths[bucket(length)];
        *count = count.saturating_add(1);
    }

    /// −ln of the share of values that are as long, of all parameters, then of this one.
    fn length(&self, known: Option<&Known>, length: usize) -> f64 {
        let bucket = bucket(length);
        let longer = |known: &Known| {
            known.lengths[bucket..]
                .iter()
                .map(|count| f64::from(*count))
                .sum::<f64>()
        };
        let octave = u32::try_from(bucket.saturating_sub(8) / 4).unwrap_or(0);
        let least = if bucket <= 8 {
            bucket as f64
        } else {
            2_f64.powi(3 + octave.cast_signed())
        };
        // Of nothing known, lengths fall off like one over the length.
        let unknown = (16.0 / (least + 1.0)).min(1.0);
        let mut share = (longer(self) + unknown) / (f64::from(self.values) + 1.0);
        if let Some(known) = known {
            share = (longer(known) + share) / (f64::from(known.values) + 1.0);
        }
        -share.min(1.0).ln()
    }
}

fn bucket(length: usize) -> usize {
    if length <= 8 {
        return length;
    }
    let octave = length.ilog2() as usize - 2;
    (4 + 4 * octave + (length >> octave) - 4).min(LENGTHS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Plates, numbers of pages and names, as many of each.
    fn learned(values: usize) -> Values {
        let mut random = Random::new(8);
        let mut learning = Values::learning();
        for _ in 0..values {
            let plate = format!("A{:03}BC{:02}", random.below(1_000), random.below(100));
            learning.take("plate", plate.as_bytes());
            learning.take("page", random.below(500).to_string().as_bytes());
            let name = ["Иван", "Anna Maria", "O'Neill", "Пётр Ильич", "Jo"][random.index(5)];
            learning.take("name", name.as_bytes());
        }
        learning.finish()
    }

    fn rarity(values: &Values, parameter: &str, value: &str) -> f64 {
        let judged = values.judge(parameter, value.as_bytes(), &mut Desk::default());
        judged.map_or(f64::NAN, |judged| judged.rarity)
    }

    #[test]
    fn attacks_are_rare_and_ordinary_values_are_not() {
        for (values, least) in [(40, 5.0), (2_000, 8.0)] {
            let model = learned(values);
            assert_eq!(model.parameters(), 3);
            for (parameter, value) in [("plate", "A999BC77"), ("page", "3"), ("name", "Anna Maria")]
            {
                let rarity = rarity(&model, parameter, value);
                assert!(rarity < 4.0, "{value}: {rarity}");
            }
            for attack in [
                "1' OR '1'='1' --",
                "<script>alert(1)</script>",
                "../../../etc/passwd",
                "$(id)",
            ] {
                for parameter in ["plate", "page", "name", "never seen"] {
                    let rarity = rarity(&model, parameter, attack);
                    assert!(
                        rarity > least,
                        "{attack} in {parameter} of {values}: {rarity}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_place_and_the_shape_of_what_is_odd_are_told() {
        let model = learned(2_000);
        let value = "A123BC77'; DROP TABLE x";
        let judged = model
            .judge("plate", value.as_bytes(), &mut Desk::default())
            .unwrap();
        assert!(
            judged.from >= 7 && judged.until <= value.len(),
            "{judged:?}"
        );
        assert!(
            judged.shape(value.as_bytes()).contains("; A A a"),
            "{judged:?}"
        );
        let long = "7".repeat(300);
        assert!(rarity(&model, "page", &long) > 4.0);
    }

    #[test]
    fn nothing_is_said_while_nothing_is_known() {
        let model = learned(5);
        assert_eq!(model.judge("plate", b"'", &mut Desk::default()), None);
        assert_eq!(
            Values::learning()
                .finish()
                .judge("x", b"", &mut Desk::default()),
            None
        );
    }

    #[test]
    fn a_model_is_small_and_survives_being_stored() {
        let mut random = Random::new(9);
        let mut learning = Values::learning();
        for _ in 0..5_000 {
            let text: String = (0..40)
                .map(|_| char::from(b' ' + u8::try_from(random.below(95)).unwrap()))
                .collect();
            learning.take("noise", text.as_bytes());
        }
        let model = learning.finish();
        assert!(model.parameters["noise"].known.grams.bytes() <= 64 * 1024);
        assert!(model.common.grams.bytes() <= 2 * 1024 * 1024);
        let stored = postcard::to_allocvec(&model).unwrap();
        assert_eq!(postcard::from_bytes::<Values>(&stored).unwrap(), model);
    }

    #[test]
    fn buckets_of_lengths_are_in_order() {
        let buckets: Vec<usize> = (0..100_000).map(bucket).collect();
        assert!(buckets.is_sorted());
        assert_eq!(
            (bucket(8), bucket(9), bucket(15), bucket(16)),
            (8, 8, 11, 12)
        );
        assert_eq!(bucket(usize::MAX), LENGTHS - 1);
    }
}
