//! Seeds of a run: named by whoever runs it, or drawn from the clock and printed, so that nobody can tune to them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const SEEDS: u64 = 10;
/// Runs at once; each is two processes, of which the second works.
const ABREAST: usize = 2;

/// An environment variable that is not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Those of `SEED` (`SEED=1,2,3`), else ten that follow from the clock.
pub fn seeds() -> Vec<u64> {
    if let Some(text) = variable("SEED") {
        let seed = |text: &str| text.trim().parse().expect("SEED is numbers with commas");
        return text.split(',').map(seed).collect();
    }
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is right");
    let first = u64::from(since.subsec_nanos()) ^ since.as_secs();
    (0..SEEDS)
        .map(|nth| first % 1_000_000 + nth * 7_919)
        .collect()
}

/// As one text.
pub fn joined(seeds: &[u64]) -> String {
    let texts: Vec<String> = seeds.iter().map(u64::to_string).collect();
    texts.join(",")
}

/// What `work` makes of each seed, some at once, in the order of the seeds.
pub fn each_seed<T: Send>(seeds: &[u64], work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(at) else { return };
                    let result = work(*seed);
                    done.lock().expect("nobody panicked").insert(at, result);
                }
            });
        }
    });
    let done = done.into_inner().expect("nobody panicked");
    done.into_values().collect()
}
