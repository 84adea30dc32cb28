//! The program under test.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The built binary: Cargo names it to tests and benchmarks; an example finds it two folders up.
pub fn binary() -> PathBuf {
    let path = option_env!("CARGO_BIN_EXE_gatewatch").map_or_else(
        || {
            let example = std::env::current_exe().expect("this program has a path");
            let folder = example.parent().and_then(|folder| folder.parent());
            folder
                .expect("examples are built in a folder of the target folder")
                .join("gatewatch")
        },
        PathBuf::from,
    );
    assert!(
        path.exists(),
        "{} is not built: cargo build --bin gatewatch",
        path.display()
    );
    path
}

/// Secrets of no worth outside tests, as the environment hands them to gatewatch.
pub const SECRETS: [(&str, &str); 3] = [
    ("GATEWATCH_STORE__PASSWORD", super::ClickHouse::PASSWORD),
    (
        "GATEWATCH_ENRICH__PSEUDONYM_KEY",
        "a pseudonym key of no worth outside tests, long enough",
    ),
    (
        "GATEWATCH_STORE__DEAD_LETTER_KEY",
        "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100",
    ),
];

/// Runs a short command of gatewatch to its end.
pub fn gatewatch<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(binary())
        .args(arguments)
        .output()
        .expect("the binary runs")
}
