//! A simulated day through detection: made, replayed and scored by the program itself, as anybody would.

#![allow(dead_code)] // each of those who use it uses its part

pub mod seeds;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gatewatch::config::{Behaviour, BehaviourScore};
use gatewatch::simulate::score::Score;
use gatewatch::simulate::{built_in, folder};
use tempfile::TempDir;

/// Where a day begins: midnight in Moscow, a Monday.
pub const START: &str = "2026-03-01T21:00:00Z";
/// A folder without any rule is taken for a mistake.
const NOTHING: &str = "title: Matches nothing\nid: 0b9d7c5e-5a64-4b43-9d0c-0c1f1f0f8a11\nstatus: test\nlogsource:\n  category: api_gateway\n\
                       detection:\n  selection:\n    cs-method: NEVER-SENT\n  condition: selection\nlevel: low\n";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is simulated.
pub struct Day<'d> {
    pub seed: u64,
    pub events: u64,
    /// A folder in place of the scenarios built in.
    pub scenarios: Option<&'d Path>,
    /// Series that bursts and lulls are taken from.
    pub shapes: Option<&'d Path>,
    /// Judged by what statistics find, with all rules off.
    pub statistics: Option<Statistics>,
    /// Releases in all its days.
    pub releases: u32,
}

/// A weekday that is kept like a weekend: the Monday after International Women's Day, in the second week.
pub const HOLIDAY: &str = "2026-03-09";

/// What statistics have before the day, and what they may do.
#[derive(Clone, Copy)]
pub struct Statistics {
    /// Ordinary days of the same callers before.
    pub days: u32,
    /// False alarms a day that they may raise.
    pub budget: f64,
    /// A score of behaviour that counts although it usually does not, or the other way round.
    pub toggled: Option<BehaviourScore>,
}

impl Day<'_> {
    /// Simulates, replays under the contracts of the repository, and scores.
    pub fn score(&self) -> Score {
        let folder =
            TempDir::with_prefix("gatewatch-day-").expect("a temporary folder can be made");
        let labels = folder.path().join("labels.jsonl");
        let alerts = folder.path().join("alerts.jsonl");
        self.detect(&folder, &labels, &alerts);
        let mut score = program("score");
        score.arg("--json").arg("--labels").arg(&labels);
        score.arg("--alerts").arg(&alerts);
        if self.statistics.is_some() {
            score.arg("--statistics");
        }
        let scored = score.output().expect("the program runs");
        serde_json::from_slice(&scored.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&scored.stderr)))
    }

    fn detect(&self, folder: &TempDir, labels: &Path, alerts: &Path) {
        let quiet = self.statistics.map_or(0, |statistics| statistics.days);
        let mut simulate = self.simulate(quiet + 1);
        simulate.arg("--labels").arg(labels);
        if let Some(folder) = self.scenarios {
            simulate.arg("--scenarios").arg(folder);
        }
        if self.statistics.is_some() {
            simulate.args(["--quiet", &format!("{quiet}d")]);
            simulate.args(["--only", &self.statistical().join(",")]);
        }
        let config = config(folder.path(), self.statistics, &[]);
        replay(simulate, &config, alerts);
    }

    /// Scenarios that statistics have to find, and their twins. The others are left out: more attacks a day than a year has are no day.
    fn statistical(&self) -> Vec<String> {
        let all = self.scenarios.map_or_else(built_in, folder);
        let all = all.expect("the scenarios are good");
        let is_meant = |name: &str| all.iter().any(|it| it.name == name && it.statistical);
        let meant = all
            .iter()
            .filter(|it| it.statistical || it.twin_of.as_deref().is_some_and(is_meant));
        meant.map(|it| it.name.clone()).collect()
    }

    /// So many days, to standard output.
    fn simulate(&self, days: u32) -> Command {
        let mut simulate = program("simulate");
        let events = self.events * u64::from(days);
        simulate
            .args(["--output", "-", "--start", START])
            .args(["--span", &format!("{days}d")])
            .args(["--seed", &self.seed.to_string()])
            .args(["--events", &events.to_string()]);
        simulate.args(["--releases", &self.releases.to_string()]);
        if let Some(folder) = self.shapes {
            simulate.arg("--shapes").arg(folder);
        }
        simulate
    }

    /// Ordinary days through statistics alone: its alerts, and the times in which the simulator itself made calls fail.
    pub fn quiet(
        &self,
        statistics: Statistics,
    ) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
        let folder =
            TempDir::with_prefix("gatewatch-quiet-").expect("a temporary folder can be made");
        let alerts = folder.path().join("alerts.jsonl");
        let troubles = folder.path().join("troubles.jsonl");
        let mut simulate = self.simulate(statistics.days);
        simulate.args(["--no-scenarios", "--holiday", HOLIDAY]);
        simulate.arg("--troubles").arg(&troubles);
        let config = config(folder.path(), Some(statistics), &[HOLIDAY]);
        replay(simulate, &config, &alerts);
        (values(&alerts), values(&troubles))
    }
}

fn values(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("it was written");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    lines.collect()
}

/// Replays what is simulated, under the contracts of the repository.
fn replay(mut simulate: Command, config: &Path, alerts: &Path) {
    let mut simulating = simulate
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let detected = program("replay")
        .arg("--config")
        .arg(config)
        .args(["--alerts", "-"])
        .stdin(simulating.stdout.take().expect("it is piped"))
        .stdout(File::create(alerts).expect("a file can be made"))
        .status()
        .expect("the program runs");
    let simulated = simulating.wait().expect("it was started");
    assert!(detected.success() && simulated.success());
}

/// With statistics: these and nothing else.
fn config(folder: &Path, statistics: Option<Statistics>, holidays: &[&str]) -> PathBuf {
    let path = folder.join("gatewatch.toml");
    let mut file = File::create(&path).expect("a file can be made");
    let contracts = Path::new(ROOT).join("contracts");
    let (rules, track) = match statistics {
        None => (Path::new(ROOT).join("rules"), String::new()),
        Some(Statistics {
            budget, toggled, ..
        }) => {
            let none = folder.join("no-rules");
            std::fs::create_dir(&none).expect("a folder can be made");
            std::fs::write(none.join("nothing.yml"), NOTHING).expect("a rule can be written");
            let usual = Behaviour::default().scores;
            let counts = |it: &BehaviourScore| usual.contains(it) != (toggled == Some(*it));
            let scores: Vec<BehaviourScore> =
                BehaviourScore::ALL.into_iter().filter(counts).collect();
            let scores = serde_json::to_string(&scores).expect("names");
            let track = format!(
                "[track.behaviour]\nenabled = true\nfalse_alarms_per_day = {budget:?}\nscores = {scores}\n"
            );
            (none, track)
        }
    };
    let holidays = format!("[track]\nholidays = {holidays:?}\n");
    write!(
        file,
        "[contracts]\nfolder = {contracts:?}\n[rules]\nfolder = {rules:?}\n{holidays}{track}"
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
