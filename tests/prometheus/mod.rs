//! What Prometheus answers: queries over scrapes of `/metrics`, run by its own engine (`scripts/promql`) without a server.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What an instance said, each time it was asked.
#[derive(Serialize)]
pub struct Scrape {
    job: &'static str,
    instance: &'static str,
    text: String,
    times: Vec<i64>,
}

impl Scrape {
    /// The same text at each of these times, in seconds; an empty one is an instance that does not answer.
    pub fn new(instance: &'static str, text: String, times: impl IntoIterator<Item = i64>) -> Self {
        Scrape {
            job: "gatewatch",
            instance,
            text,
            times: times.into_iter().collect(),
        }
    }
}

/// An expression, asked from `start` to `end` every `step`, in seconds.
#[derive(Serialize)]
pub struct Query {
    /// PromQL without variables.
    pub expr: String,
    /// The first time.
    pub start: i64,
    /// The last time.
    pub end: i64,
    /// From one to the next.
    pub step: i64,
}

/// A series of an answer.
#[derive(Debug, Deserialize)]
pub struct Series {
    /// Times, and numbers as Prometheus writes them.
    pub values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Answer {
    series: Option<Vec<Series>>,
    notes: Option<Vec<String>>,
    error: Option<String>,
}

/// Asks all queries over these scrapes, which are in the order of their times. An error is one of Prometheus, or what it
/// would warn of.
///
/// # Panics
/// The program is not there, or cannot read a scrape.
pub fn ask(scrapes: &[Scrape], queries: &[Query]) -> Vec<Result<Vec<Series>, String>> {
    let program = std::env::var_os("GATEWATCH_PROMQL");
    let program = program.expect("GATEWATCH_PROMQL names the built scripts/promql: use make test");
    let mut process = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("promql starts");
    let asked = serde_json::json!({ "scrapes": scrapes, "queries": queries }).to_string();
    let mut input = process.stdin.take().expect("a pipe");
    // It reads to the end before it writes.
    input.write_all(asked.as_bytes()).expect("promql reads");
    drop(input);
    let output = process.wait_with_output().expect("promql ends");
    assert!(output.status.success(), "promql refuses a scrape");
    let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).expect("promql says JSON");
    assert_eq!(answers.len(), queries.len());
    answers.into_iter().map(Answer::judged).collect()
}

impl Answer {
    fn judged(self) -> Result<Vec<Series>, String> {
        match (self.error, self.notes.unwrap_or_default()) {
            (Some(error), _) => Err(error),
            (None, notes) if !notes.is_empty() => Err(notes.join("; ")),
            _ => Ok(self.series.unwrap_or_default()),
        }
    }
}
