//! A simulated day through detection: made, replayed and scored by the program itself, as anybody would.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gatewatch::simulate::score::Score;
use tempfile::TempDir;

/// Where a day begins: midnight in Moscow, a Monday.
pub const START: &str = "2026-03-01T21:00:00Z";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is simulated.
pub struct Day<'d> {
    pub seed: u64,
    pub events: u64,
    /// A folder in place of the scenarios built in.
    pub scenarios: Option<&'d Path>,
    /// Series that bursts and lulls are taken from.
    pub shapes: Option<&'d Path>,
}

impl Day<'_> {
    /// Simulates, replays under the contracts of the repository, and scores.
    pub fn score(&self) -> Score {
        let folder =
            TempDir::with_prefix("gatewatch-day-").expect("a temporary folder can be made");
        let labels = folder.path().join("labels.jsonl");
        let alerts = folder.path().join("alerts.jsonl");
        self.detect(&folder, &labels, &alerts);
        let scored = program("score")
            .arg("--labels")
            .arg(&labels)
            .arg("--alerts")
            .arg(&alerts)
            .arg("--json")
            .output()
            .expect("the program runs");
        serde_json::from_slice(&scored.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&scored.stderr)))
    }

    fn detect(&self, folder: &TempDir, labels: &Path, alerts: &Path) {
        let mut simulate = program("simulate");
        simulate
            .args(["--output", "-", "--start", START])
            .args(["--seed", &self.seed.to_string()])
            .args(["--events", &self.events.to_string()])
            .arg("--labels")
            .arg(labels)
            .stdout(Stdio::piped());
        for (option, folder) in [("--scenarios", self.scenarios), ("--shapes", self.shapes)] {
            if let Some(folder) = folder {
                simulate.arg(option).arg(folder);
            }
        }
        let mut simulating = simulate.spawn().expect("the program runs");
        let records = simulating.stdout.take().expect("it is piped");
        let detected = program("replay")
            .arg("--config")
            .arg(config(folder))
            .args(["--alerts", "-"])
            .stdin(records)
            .stdout(File::create(alerts).expect("a file can be made"))
            .status()
            .expect("the program runs");
        let simulated = simulating.wait().expect("it was started");
        assert!(detected.success() && simulated.success());
    }
}

fn config(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("gatewatch.toml");
    let mut file = File::create(&path).expect("a file can be made");
    let contracts = Path::new(ROOT).join("contracts");
    let rules = Path::new(ROOT).join("rules");
    write!(
        file,
        "[contracts]\nfolder = {contracts:?}\n[rules]\nfolder = {rules:?}\n"
    )
    .expect("the configuration can be written");
    path
}

/// The program without what the environment says to it, and without its progress.
fn program(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_gatewatch"));
    program
        .arg(command)
        .env_remove("GATEWATCH_CONFIG")
        .stderr(Stdio::null());
    program
}
