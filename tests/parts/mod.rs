//! The real parts that tests, benchmarks and the demo run against: a Kafka broker, a `ClickHouse` server, an SMTP server.
//!
//! Each starts on free loopback ports in a folder of its own and is stopped in order when dropped; none outlives its
//! process, whatever that dies of (`held`). Where the parts lie is said by `GATEWATCH_KAFKA`, `GATEWATCH_CHDB` and
//! `GATEWATCH_MAILPIT`, else by the cache that `scripts/fetch.sh` fills. What goes wrong here is a panic that says
//! where to look: a test has nothing better to do.

#![allow(dead_code, unused_imports, reason = "each user takes a part of it")]
#![allow(
    clippy::missing_panics_doc,
    reason = "all of it panics when a part does not do as told"
)]

mod clickhouse;
mod gatewatch;
mod held;
mod http;
mod kafka;
mod mailpit;
mod ports;

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use clickhouse::ClickHouse;
pub use gatewatch::{SECRETS, binary, gatewatch};
pub use held::Held;
pub use http::{Reply, Request};
pub use kafka::{Kafka, Mode, Record};
pub use mailpit::Mailpit;
pub use ports::Ports;

/// A script of the project.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts")
        .join(name)
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// After `limit`, with what was waited for.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where a fetched part lies: the variable, else the cache.
fn fetched(variable: &str, in_cache: &str) -> PathBuf {
    let path = env::var_os(variable).map_or_else(|| cache().join(in_cache), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: run scripts/fetch.sh, or set {variable}",
        path.display()
    );
    path
}

fn cache() -> PathBuf {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("GATEWATCH_CACHE").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .expect("one of GATEWATCH_CACHE, XDG_CACHE_HOME and HOME is set")
            .join("gatewatch")
    })
}
