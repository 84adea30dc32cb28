//! In which order like entities call operations: a Markov chain of order two that backs off to order one and to none.
//!
//! How probable a call is after the two before it is told by what came after these two; where it never came, by what came after the last one, and at all. What
//! the longer context knows is left out of the shorter one, and it escapes to the shorter one the more often the more different calls it knows: prediction by partial
//! matching, method C with exclusions (Cleary and Witten, "Data compression using adaptive coding and partial string matching", 1984; Moffat, "Implementation of the PPM
//! data compression scheme", 1990; both in the IEEE Transactions on Communications). Where B always follows A, an A without it surprises most. Counts fade by event time.

use std::collections::{BTreeMap, HashMap, HashSet};

use compact_str::CompactString;
use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize, Serializer};

use super::steps::Steps;
use crate::track::{NotedStep, UsualStep};

/// Nothing before: whoever was silent so long, in seconds, begins anew.
const BEGIN: u32 = 0;
const SILENCE: u32 = 1_800;
/// In a context: whatever it was.
const ANY: u32 = u32::MAX;
/// Contexts of like entities, and different calls that followed one; what finds no room is judged by the shorter context.
const MOST_CONTEXTS: usize = 4_096;
const MOST_NEXT: usize = 64;
/// Days in which a count halves, and what is forgotten.
const HALF_LIFE: f32 = 14.0;
const FORGOTTEN: f32 = 0.1;

/// How like entities go from call to call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Chain {
    /// By the codes of the two calls before, the older first.
    #[serde(serialize_with = "in_order")]
    contexts: HashMap<[u32; 2], Context, FixedState>,
    /// How people read the codes.
    names: BTreeMap<u32, CompactString>,
    /// The day up to which counts are faded.
    day: u32,
}

/// What came after the same calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Context {
    calls: f32,
    /// How often each came, ascending by code.
    #[serde(with = "crate::track::packed::list")]
    next: Vec<(u32, f32)>,
}

/// The same contexts are the same bytes.
fn in_order<S: Serializer>(
    contexts: &HashMap<[u32; 2], Context, FixedState>,
    to: S,
) -> Result<S::Ok, S::Error> {
    contexts.iter().collect::<BTreeMap<_, _>>().serialize(to)
}

/// The last two calls of an entity, and when the last one was, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trail {
    before: [u32; 2],
    second: u32,
}

/// A call and the two before it, as codes, and what was known of them then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    before: [u32; 2],
    came: u32,
    /// −log₂ of its probability.
    pub(super) bits: f64,
    /// How often it had come after the calls before, of how many calls, and what comes there most with how often; `None` where these never came.
    known: Option<(f32, f32, (u32, f32))>,
}

impl Trail {
    /// Each call of an hour with those before it, and the trail behind it.
    fn each(self, steps: &Steps, hour: u32) -> impl Iterator<Item = ([u32; 2], u32, Trail)> {
        let begin = hour.saturating_mul(3_600);
        let calls = steps.calls().iter().filter(|(_, came)| *came != BEGIN);
        let mut trail = self;
        calls.map(move |(at_us, came)| {
            let second = begin.saturating_add(at_us / 1_000_000);
            if second.saturating_sub(trail.second) > SILENCE {
                trail.before = [BEGIN; 2];
            }
            let before = trail.before;
            trail = Trail {
                before: [before[1], *came],
                second,
            };
            (before, *came, trail)
        })
    }

    /// Where it leads in an hour.
    pub(super) fn after(self, steps: &Steps, hour: u32) -> Trail {
        if !steps.is_whole() {
            return Trail::default();
        }
        let last = self.each(steps, hour).last();
        last.map_or(self, |(_, _, trail)| trail)
    }
}

impl Chain {
    /// The most surprising call of an hour.
    pub(super) fn oddest(&self, trail: Trail, steps: &Steps, hour: u32) -> Option<Step> {
        let each = trail.each(steps, hour).map(|(before, came, _)| {
            let bits = -self.probability(before, came).log2();
            (before, came, bits)
        });
        let (before, came, bits) = each.max_by(|a, b| a.2.total_cmp(&b.2))?;
        let context = self.known(before).next();
        let known = context.and_then(|it| Some((it.count(came), it.calls, it.most()?)));
        Some(Step {
            before,
            came,
            bits,
            known,
        })
    }

    /// The longest first.
    fn contexts_of(before: [u32; 2]) -> [[u32; 2]; 3] {
        [before, [ANY, before[1]], [ANY, ANY]]
    }

    /// What is known of the calls before, the longest context first.
    fn known(&self, before: [u32; 2]) -> impl Iterator<Item = &Context> {
        let contexts = Chain::contexts_of(before).into_iter();
        contexts.filter_map(|context| self.contexts.get(&context))
    }

    fn probability(&self, before: [u32; 2], came: u32) -> f64 {
        let mut probability = 1.0;
        let mut longer: Vec<&Context> = Vec::new();
        for context in self.known(before) {
            let next = context.next.iter();
            let left = next.filter(|(code, _)| longer.iter().all(|it| it.count(*code) <= 0.0));
            let (calls, different) = left.fold((0.0, 0.0), |(calls, different), (_, count)| {
                (calls + f64::from(*count), different + 1.0)
            });
            let count = f64::from(context.count(came));
            if count > 0.0 {
                return probability * count / (calls + different);
            }
            if different > 0.0 {
                probability *= different / (calls + different);
            }
            longer.push(context);
        }
        probability
    }

    /// Learns an hour of an entity. Of one that was told (`is_odd`) each step counts once: an attack teaches little, yet what comes again and again is rare no longer.
    pub(super) fn learn(&mut self, trail: Trail, steps: &Steps, hour: u32, is_odd: bool) {
        let mut seen: HashSet<([u32; 2], u32), FixedState> = HashSet::default();
        for (before, came, _) in trail.each(steps, hour) {
            if is_odd && !seen.insert((before, came)) {
                continue;
            }
            for context in Chain::contexts_of(before) {
                if self.contexts.len() < MOST_CONTEXTS || self.contexts.contains_key(&context) {
                    self.contexts.entry(context).or_default().add(came);
                }
            }
        }
    }

    /// Learns how people read the calls that it knows.
    pub(super) fn name(&mut self, texts: &BTreeMap<u32, CompactString>) {
        let Some(all) = self.contexts.get(&[ANY, ANY]) else {
            return;
        };
        for (code, _) in &all.next {
            if !self.names.contains_key(code)
                && let Some(text) = texts.get(code)
            {
                self.names.insert(*code, text.clone());
            }
        }
    }

    /// Lets what was counted fade up to a day.
    pub(super) fn fade(&mut self, day: u32) {
        let passed = day.saturating_sub(std::mem::replace(&mut self.day, day));
        if passed == 0 {
            return;
        }
        let kept = 0.5_f32.powf(f32::from(u16::try_from(passed).unwrap_or(u16::MAX)) / HALF_LIFE);
        self.contexts.retain(|_, context| {
            context.fade(kept);
            !context.next.is_empty()
        });
        let all = self.contexts.get(&[ANY, ANY]);
        self.names
            .retain(|code, _| all.is_some_and(|all| all.count(*code) > 0.0));
    }

    /// A step for people: what came, after what, and what comes there usually.
    pub(super) fn noted(&self, step: Step, texts: &BTreeMap<u32, CompactString>) -> NotedStep {
        let name = |code: u32| {
            let text = texts.get(&code).or_else(|| self.names.get(&code));
            text.cloned().unwrap_or_default()
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts of calls, which are not negative; saturates"
        )]
        let whole = |count: f32| count.round() as u32;
        let before = step.before.into_iter().filter(|code| *code != BEGIN);
        NotedStep {
            before: before.map(name).collect(),
            came: name(step.came),
            usual: step
                .known
                .map(|(times, calls, (most, most_times))| UsualStep {
                    times: whole(times),
                    calls: whole(calls),
                    most: name(most),
                    most_times: whole(most_times),
                }),
        }
    }
}

impl Context {
    fn count(&self, came: u32) -> f32 {
        let at = self.next.binary_search_by_key(&came, |(code, _)| *code);
        at.map_or(0.0, |at| self.next[at].1)
    }

    fn add(&mut self, came: u32) {
        self.calls += 1.0;
        match self.next.binary_search_by_key(&came, |(code, _)| *code) {
            Ok(at) => self.next[at].1 += 1.0,
            Err(at) if self.next.len() < MOST_NEXT => self.next.insert(at, (came, 1.0)),
            Err(_) => {}
        }
    }

    /// What came most often.
    fn most(&self) -> Option<(u32, f32)> {
        let most = self.next.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        most.copied()
    }

    fn fade(&mut self, kept: f32) {
        self.calls *= kept;
        self.next.retain_mut(|(_, count)| {
            *count *= kept;
            *count >= FORGOTTEN
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 490_000;

    /// A call every so many seconds.
    fn calls(seconds: u32, codes: &[u32]) -> Steps {
        let mut steps = Steps::default();
        for (at, code) in (0..).zip(codes) {
            steps.add(at * seconds * 1_000_000, *code);
        }
        steps
    }

    /// Log in, list, open: what everybody does; now and then the list is asked for again.
    fn usual() -> Chain {
        let mut chain = Chain::default();
        for hour in 0..200 {
            let codes: &[u32] = match hour % 10 {
                9 => &[1, 2, 2, 3],
                _ => &[1, 2, 3],
            };
            chain.learn(Trail::default(), &calls(20, codes), HOUR + hour, false);
        }
        chain
    }

    fn bits(chain: &Chain, codes: &[u32]) -> f64 {
        let steps = calls(20, codes);
        let step = chain.oddest(Trail::default(), &steps, HOUR).unwrap();
        step.bits
    }

    #[test]
    fn a_step_left_out_surprises_although_each_call_is_usual() {
        let chain = usual();
        assert!(bits(&chain, &[1, 2, 3]) < 0.5);
        assert!(bits(&chain, &[1, 2, 2, 3]) < 4.0);
        assert!(bits(&chain, &[1, 3]) > 6.0, "{}", bits(&chain, &[1, 3]));
        assert!(bits(&chain, &[3, 2, 1]) > 6.0);
        assert!(bits(&chain, &[1, 2, 9]) > bits(&chain, &[1, 3]));
        let steps = calls(20, &[1, 3]);
        let step = chain.oddest(Trail::default(), &steps, HOUR).unwrap();
        let texts = [(1, "login".into()), (2, "list".into()), (3, "open".into())];
        let text = chain.noted(step, &texts.into()).to_string();
        assert_eq!(
            text,
            "after login at the beginning came open, 0 of 200 times; usually list, 200 times"
        );
    }

    #[test]
    fn what_was_told_teaches_little_yet_is_learned_when_it_comes_again_and_again() {
        let mut chain = usual();
        let before = bits(&chain, &[1, 3]);
        let attack: Vec<u32> = [1, 3].repeat(30);
        chain.learn(Trail::default(), &calls(20, &attack), HOUR + 200, true);
        let after = bits(&chain, &[1, 3]);
        assert!(after > 6.0 && after <= before, "{after}");
        for day in 0..30 {
            let hour = HOUR + 224 + 24 * day;
            chain.learn(Trail::default(), &calls(20, &[1, 3]), hour, true);
        }
        assert!(bits(&chain, &[1, 3]) < 4.0, "{}", bits(&chain, &[1, 3]));
    }

    #[test]
    fn what_is_not_known_is_judged_by_less() {
        let chain = usual();
        // After two unknown calls it is as probable as at all.
        let behind = bits(&chain, &[8, 8, 2]);
        assert!((5.0..20.0).contains(&behind), "{behind}");
        assert!((bits(&Chain::default(), &[5]) - 0.0).abs() < 1e-9);
        assert_eq!(
            chain.oddest(Trail::default(), &Steps::default(), HOUR),
            None
        );
    }

    #[test]
    fn a_visit_goes_on_in_the_next_hour_and_ends_by_silence() {
        let chain = usual();
        let trail = Trail::default().after(&calls(1_790, &[1, 2]), HOUR);
        let late = chain.oddest(trail, &calls(1, &[3]), HOUR + 1).unwrap();
        assert!(late.bits > 2.0, "it begins anew: {late:?}");
        let mut steps = Steps::default();
        for (second, code) in [(3_580, 1), (3_590, 2)] {
            steps.add(second * 1_000_000, code);
        }
        let trail = Trail::default().after(&steps, HOUR);
        let soon = chain.oddest(trail, &calls(1, &[3]), HOUR + 1).unwrap();
        assert!(soon.bits < 0.5, "{soon:?}");
        // Of an hour of which the end is not known nothing follows.
        let many = trail.after(&calls(10, &[1; 100]), HOUR + 1);
        assert_eq!(many, Trail::default());
    }

    #[test]
    fn it_stays_small_fades_and_is_the_same_bytes() {
        let mut chain = usual();
        for hour in 0..20_000_u32 {
            let codes = [
                1_000 + hour % 3_000,
                1_000 + hour % 7_001,
                1_000 + hour % 501,
            ];
            chain.learn(Trail::default(), &calls(9, &codes), HOUR + hour, false);
        }
        assert!(chain.contexts.len() <= MOST_CONTEXTS);
        assert!(chain.contexts.values().all(|it| it.next.len() <= MOST_NEXT));
        let bytes = postcard::to_allocvec(&chain).unwrap();
        let again: Chain = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(again, chain);
        assert_eq!(postcard::to_allocvec(&again).unwrap(), bytes);
        chain.name(&BTreeMap::from([(1, "login".into())]));
        chain.fade(HOUR / 24);
        chain.fade(HOUR / 24 + 400);
        assert!(chain.contexts.is_empty() && chain.names.is_empty());
    }
}
