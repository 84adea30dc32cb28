//! The command as a user calls it.

use clap::Parser;

use super::*;
use crate::simulate::Label;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Args {
    Command::try_parse_from(line.split_whitespace())
        .map_err(|error| error.to_string())
        .unwrap()
        .args
}

#[test]
fn a_file_gets_exactly_the_records_asked_for_and_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (records, labels) = (path("out.jsonl"), path("labels.jsonl"));
    let line = format!(
        "simulate --output {records} --labels {labels} --events 20000 --start 2026-03-01T00:00:00Z --broken 7"
    );
    run(&args(&line)).unwrap();
    let text = std::fs::read(&records).unwrap();
    // Split, not read as text: some of the broken records are not UTF-8. Scenarios take a few away, and a partner logs some once more.
    let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').count();
    assert!((19_700..20_300).contains(&lines(&text)));
    let unplanted = path("plain.jsonl");
    run(&args(&format!(
        "simulate --output {unplanted} --events 6000 --broken 7 --no-scenarios"
    )))
    .unwrap();
    assert_eq!(lines(&std::fs::read(&unplanted).unwrap()), 6_001);
    let labels = std::fs::read_to_string(&labels).unwrap();
    let labels: Vec<Label> = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(labels.len() > 20 && labels.iter().any(|label| label.wall_first.is_some()));
}

#[test]
fn only_the_named_scenarios_are_planted() {
    let chosen = scenarios(&args("simulate --output x --only scanner,sql-injection")).unwrap();
    assert_eq!(chosen.len(), 2);
    let error = scenarios(&args("simulate --output x --only nothing")).unwrap_err();
    assert!(error.to_string().contains("sql-injection"));
    assert!(
        scenarios(&args("simulate --output x --no-scenarios"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn rate_and_seconds_give_the_number_of_records() {
    let settings = settings(&args("simulate --output x --rate 500 --seconds 60")).unwrap();
    assert_eq!(settings.events, 30_000);
}

#[test]
fn a_target_is_needed_and_only_one() {
    assert!(Command::try_parse_from(["simulate"]).is_err());
    assert!(Command::try_parse_from(["simulate", "--output", "x", "--kafka", "y"]).is_err());
    assert!(Command::try_parse_from(["simulate", "--output", "x", "--span", "1y"]).is_err());
}

#[test]
fn options_are_lines_of_key_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.properties");
    std::fs::write(
        &path,
        "# TLS\nsecurity.protocol = SASL_SSL\n\nsasl.password=a=b\n",
    )
    .unwrap();
    let options = output::options(&path).unwrap();
    assert_eq!(options[1], ("sasl.password".to_owned(), "a=b".to_owned()));
    std::fs::write(&path, "nonsense-secret").unwrap();
    let error = output::options(&path).unwrap_err().to_string();
    assert!(
        error.contains("line 1") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn an_unreachable_broker_is_exit_code_three() {
    let code = run(&args("simulate --kafka 127.0.0.1:1 --events 20000")).unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(3)));
}
