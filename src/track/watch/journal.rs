//! Gateways: whether every record that they wrote has come, each once, and whether they write at all.
//!
//! A gateway numbers its records. Numbers up to the highest of two minutes ago are settled when a minute closes: those that
//! did not come by then are missing. Numbers that jump far away begin another row: the gateway was restarted. Two rows that
//! go on side by side, or many numbers that come twice, are two gateways under one name.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Minutes after which a number that has not come is missing.
const SETTLED_AFTER: u32 = 2;
/// How far ahead of the highest number, or below the settled ones, a number still belongs to a row; in words of 64.
const REACH: u64 = 1_024;
/// Words below the settled ones that are remembered, to tell what comes late from what comes twice.
const REMEMBERED: u64 = 64;
/// Rows of one gateway; more begin in place of the oldest.
const MOST_ROWS: usize = 4;
/// Words that a row may have open.
const MOST_WORDS: usize = 65_536;
/// Minutes in which two rows have to go on side by side.
const SIDE_BY_SIDE: u32 = 3;
/// Numbers that come twice within a minute, for two minutes: a shipper that repeats a batch does so once.
const TWICE: u32 = 20;
/// Minutes after which a row that does not go on is over.
const OVER_AFTER: u32 = 10;
/// Minutes of which the mean is what a gateway ordinarily writes, and those that are held against it.
const USUAL: usize = 60;
const NOW: usize = 10;
/// Records that have to be expected of the minutes now, and what share of them is too few.
const LEAST_EXPECTED: f64 = 100.0;
const FEW: f64 = 0.2;

/// What is known of one gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gateway {
    rows: Vec<Row>,
    /// For how many minutes now two rows went on, and many numbers came twice.
    side_by_side: u32,
    twice: u32,
    /// Records of the newest minutes, oldest first.
    volume: VecDeque<u32>,
    is_quiet: bool,
}

/// Numbers that follow each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// Which numbers have come, by words of 64, from a little below the settled ones on.
    words: BTreeMap<u64, u64>,
    /// Numbers below are settled. `None` until the first minutes have passed.
    settled: Option<u64>,
    /// The highest number of each newest minute.
    highest: VecDeque<(u32, u64)>,
}

/// What a gateway was found to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Flaw {
    /// So many records are missing, the first and the last of them.
    Missing { count: u64, first: u64, last: u64 },
    /// Two gateways write under this name: so many numbers came twice in the minute.
    Twice { count: u32 },
    /// The same: so many rows of numbers go on side by side.
    SideBySide { rows: u32 },
    /// Far fewer records than usual.
    Quiet { observed: f64, expected: f64 },
}

impl Gateway {
    pub(super) fn new() -> Self {
        Gateway {
            rows: Vec::new(),
            side_by_side: 0,
            twice: 0,
            volume: VecDeque::with_capacity(USUAL + NOW),
            is_quiet: false,
        }
    }

    /// Closes a minute; to be called for each. `repeated` is how many numbers came twice within it already.
    pub(super) fn close(
        &mut self,
        minute: u32,
        records: u32,
        numbers: &[(u64, u64)],
        mut repeated: u32,
        out: &mut Vec<Flaw>,
    ) {
        for (word, bits) in numbers {
            repeated += self.take(minute, *word, *bits);
        }
        for row in &mut self.rows {
            out.extend(row.settle(minute));
        }
        self.rows.retain(|row| row.newest() + OVER_AFTER > minute);
        self.doubled(minute, repeated, out);
        self.quiet(records, out);
    }

    /// Whether nothing of it came for so long that it is forgotten.
    pub(super) fn is_gone(&self) -> bool {
        self.rows.is_empty()
            && self.volume.len() >= USUAL + NOW
            && self.volume.iter().all(|records| *records == 0)
    }

    /// Notes numbers; how many of them had come before.
    fn take(&mut self, minute: u32, word: u64, bits: u64) -> u32 {
        if let Some(row) = self.rows.iter_mut().find(|row| row.has_place_for(word)) {
            return row.take(minute, word, bits);
        }
        if self.rows.len() >= MOST_ROWS {
            self.rows.remove(0);
        }
        let mut row = Row {
            words: BTreeMap::new(),
            settled: None,
            highest: VecDeque::new(),
        };
        row.take(minute, word, bits);
        self.rows.push(row);
        0
    }

    fn doubled(&mut self, minute: u32, repeated: u32, out: &mut Vec<Flaw>) {
        let going_on = self.rows.iter().filter(|row| row.newest() == minute);
        let rows = u32::try_from(going_on.count()).unwrap_or(0);
        let count = |holds: bool, before: u32| if holds { before + 1 } else { 0 };
        self.side_by_side = count(rows > 1, self.side_by_side);
        self.twice = count(repeated >= TWICE, self.twice);
        if self.twice >= 2 {
            out.push(Flaw::Twice { count: repeated });
        } else if self.side_by_side >= SIDE_BY_SIDE {
            out.push(Flaw::SideBySide { rows });
        }
    }

    fn quiet(&mut self, records: u32, out: &mut Vec<Flaw>) {
        if self.volume.len() >= USUAL + NOW {
            self.volume.pop_front();
        }
        self.volume.push_back(records);
        if self.volume.len() < USUAL + NOW {
            return;
        }
        let sum =
            |minutes: &mut dyn Iterator<Item = &u32>| minutes.map(|it| f64::from(*it)).sum::<f64>();
        let observed = sum(&mut self.volume.iter().skip(USUAL));
        let minutes = u32::try_from(USUAL / NOW).unwrap_or(1);
        let expected = sum(&mut self.volume.iter().take(USUAL)) / f64::from(minutes);
        let is_quiet = expected >= LEAST_EXPECTED && observed < FEW * expected;
        if is_quiet && !self.is_quiet {
            out.push(Flaw::Quiet { observed, expected });
        }
        self.is_quiet = is_quiet;
    }
}

impl Row {
    fn newest(&self) -> u32 {
        self.highest.back().map_or(0, |(minute, _)| *minute)
    }

    fn has_place_for(&self, word: u64) -> bool {
        let first = self.settled.map(|settled| settled / 64);
        let first = first.or_else(|| self.words.keys().next().copied());
        let last = self.words.keys().next_back().copied();
        let (first, last) = (first.unwrap_or(word), last.unwrap_or(word));
        let below = if self.settled.is_some() {
            REMEMBERED
        } else {
            REACH
        };
        word + below >= first && word <= last.max(first) + REACH
    }

    fn take(&mut self, minute: u32, word: u64, bits: u64) -> u32 {
        let known = self.words.entry(word).or_default();
        let repeated = (*known & bits).count_ones();
        *known |= bits;
        let number = word * 64 + 63 - u64::from(bits.leading_zeros());
        match self.highest.back_mut() {
            Some((newest, highest)) if *newest == minute => *highest = (*highest).max(number),
            Some((_, highest)) => {
                let highest = (*highest).max(number);
                self.highest.push_back((minute, highest));
            }
            None => self.highest.push_back((minute, number)),
        }
        repeated
    }

    /// Settles the numbers of the minutes that are long enough past.
    fn settle(&mut self, minute: u32) -> Option<Flaw> {
        let mut upto = None;
        while let Some((then, number)) = self.highest.front()
            && (then + SETTLED_AFTER <= minute || self.words.len() > MOST_WORDS)
            && self.highest.len() > 1
        {
            upto = Some(*number);
            self.highest.pop_front();
        }
        let upto = upto?.saturating_add(1);
        let from = self.settled.replace(upto);
        // What a row begins with may still be under way in other partitions: its first minutes are not judged.
        let missing = from.and_then(|from| self.missing(from, upto));
        let forgotten = (upto / 64).saturating_sub(REMEMBERED);
        self.words = self.words.split_off(&forgotten);
        missing
    }

    /// What did not come of `[from, upto)`. Costs as much as what came, however far numbers leap.
    fn missing(&self, from: u64, upto: u64) -> Option<Flaw> {
        let (mut came, mut first, mut last) = (0, None, 0);
        let mut next = from;
        for (word, bits) in self.words.range(from / 64..=upto / 64) {
            let begin = (word * 64).max(from);
            let end = (word * 64).saturating_add(64).min(upto);
            if begin >= end {
                continue;
            }
            let wanted = ones(end - begin) << (begin % 64);
            let absent = wanted & !bits;
            came += u64::from((wanted & bits).count_ones());
            if begin > next {
                first = first.or(Some(next));
                last = begin - 1;
            }
            if absent != 0 {
                first = first.or(Some(word * 64 + u64::from(absent.trailing_zeros())));
                last = word * 64 + 63 - u64::from(absent.leading_zeros());
            }
            next = end;
        }
        if next < upto {
            first = first.or(Some(next));
            last = upto - 1;
        }
        let count = upto.saturating_sub(from).saturating_sub(came);
        first.map(|first| Flaw::Missing { count, first, last })
    }
}

/// So many bits from the lowest on; 1 to 64.
fn ones(bits: u64) -> u64 {
    u64::MAX >> (64 - bits.clamp(1, 64))
}

#[cfg(test)]
mod tests {
    use super::super::seen::join;
    use super::*;

    fn words(numbers: impl IntoIterator<Item = u64>) -> (Vec<(u64, u64)>, u32) {
        let mut words: Vec<(u64, u64)> = numbers
            .into_iter()
            .map(|n| (n / 64, 1 << (n % 64)))
            .collect();
        let repeated = join(&mut words);
        (words, repeated)
    }

    /// Closes minutes, each with these numbers; what was found, with the minute.
    fn run(gateway: &mut Gateway, first: u32, minutes: Vec<Vec<u64>>) -> Vec<(u32, Flaw)> {
        let mut found = Vec::new();
        for (minute, numbers) in (first..).zip(minutes) {
            let records = u32::try_from(numbers.len()).unwrap();
            let (words, repeated) = words(numbers);
            let mut out = Vec::new();
            gateway.close(minute, records, &words, repeated, &mut out);
            found.extend(out.into_iter().map(|flaw| (minute, flaw)));
        }
        found
    }

    fn minutes(first: u64, count: u64, each: u64) -> Vec<Vec<u64>> {
        let begins = (0..count).map(|minute| first + minute * each);
        begins
            .map(|begin| (begin..begin + each).collect())
            .collect()
    }

    #[test]
    fn numbers_without_a_gap_are_no_finding_even_when_they_come_a_minute_late() {
        let mut all = minutes(1_000, 30, 100);
        for (minute, written) in (1..).zip(minutes(1_000, 29, 100)) {
            // A few of each minute's numbers come with the next.
            let late = &written[93..];
            all[minute - 1].retain(|number| !late.contains(number));
            all[minute].extend(late);
        }
        assert_eq!(run(&mut Gateway::new(), 0, all), []);
    }

    #[test]
    fn a_gap_is_found_with_its_ends() {
        let mut all = minutes(1_000, 30, 100);
        all[10].retain(|number| !(2_010..2_015).contains(number) && *number != 2_090);
        let missing = Flaw::Missing {
            count: 6,
            first: 2_010,
            last: 2_090,
        };
        assert_eq!(run(&mut Gateway::new(), 0, all), [(12, missing)]);
    }

    #[test]
    fn a_gap_of_whole_words_is_counted_and_a_leap_costs_nothing() {
        let mut all = minutes(1_000, 6, 100);
        let mut number = 1_599;
        for _ in 0..6 {
            // From leap to leap, each within the reach of a row.
            let leaps = (0..200).map(|_| {
                number += 60_000;
                number
            });
            all.push(leaps.collect());
        }
        let found = run(&mut Gateway::new(), 0, all);
        let missing = Flaw::Missing {
            count: 200 * 59_999,
            first: 1_600,
            last: 12_001_598,
        };
        assert_eq!(found[0], (8, missing));
    }

    #[test]
    fn a_restart_is_no_finding_and_two_at_once_are() {
        let mut gateway = Gateway::new();
        let mut all = minutes(500_000, 20, 100);
        all.extend(minutes(1, 20, 100));
        assert_eq!(run(&mut gateway, 0, all), []);
        let mut both = minutes(2_001, 8, 100);
        for (minute, other) in both.iter_mut().zip(minutes(9_000_000, 8, 50)) {
            minute.extend(other);
        }
        let found = run(&mut gateway, 40, both);
        assert!(
            matches!(found[0], (42, Flaw::SideBySide { rows: 2 })),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .all(|(_, flaw)| matches!(flaw, Flaw::SideBySide { .. }))
        );
    }

    #[test]
    fn numbers_that_come_twice_for_minutes_are_two_gateways() {
        let mut all = minutes(1_000, 20, 100);
        let twin = minutes(980, 20, 100);
        for minute in 10..14 {
            let other = twin[minute].clone();
            all[minute].extend(other);
        }
        let found = run(&mut Gateway::new(), 0, all);
        assert_eq!(found[0], (11, Flaw::Twice { count: 100 }));
        assert_eq!(found.len(), 3);
        let mut shipped_twice = minutes(1_000, 20, 100);
        let batch = shipped_twice[9].clone();
        shipped_twice[10].extend(batch);
        assert_eq!(run(&mut Gateway::new(), 0, shipped_twice), []);
    }

    #[test]
    fn a_gateway_that_falls_quiet_is_told_once() {
        let mut all = minutes(1, 100, 40);
        all.truncate(80);
        all.extend(vec![Vec::new(); 20]);
        let found = run(&mut Gateway::new(), 0, all);
        let quiet = Flaw::Quiet {
            observed: 80.0 - 40.0 * 1.0,
            expected: 400.0,
        };
        assert_eq!(found, [(88, quiet)]);
    }
}
