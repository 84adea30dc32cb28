//! The command as a user calls it.

use std::fs;

use clap::Parser;
use uuid::Uuid;

use super::*;
use crate::alert::Alert;
use crate::event::Timestamp;
use crate::sigma::{Level, RuleMeta};
use crate::track::{Entity, EntityKind, Reason};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_772_359_200 + second)
}

fn alert(id: u128, revision: u64, entity: &str, first: i64, last: i64) -> Alert {
    Alert {
        id: Uuid::from_u128(id),
        revision,
        rule: RuleMeta {
            id: Uuid::from_u128(1),
            title: "SQL\u{1b}[2J in a query".to_owned(),
            title_ru: None,
            description: String::new(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "injection".to_owned(),
            level: Level::High,
            tags: vec!["requirement.sec-07".to_owned()],
            false_positives: Vec::new(),
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        rules: Vec::new(),
        entity: Entity {
            kind: EntityKind::Address,
            value: entity.into(),
        },
        first: at(first),
        last: at(last),
        count: 1,
        findings: revision,
        reason: Reason::Pattern { hits: Vec::new() },
        evidence: Vec::new(),
        notes: Vec::new(),
        shadow: false,
    }
}

fn label(name: &str, attack: bool, value: &str) -> String {
    serde_json::json!({
        "name": name, "attack": attack, "requirement": "sec-07",
        "entity": {"kind": "address", "value": value}, "families": ["injection"],
        "first": at(0), "last": at(60), "events": 9, "wall_first": at(100_000),
    })
    .to_string()
}

/// Runs the command over labels and alert lines.
fn scored(alerts: &[String], more: &[&str]) -> (ExitCode, Score) {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.jsonl");
    let file = folder.path().join("alerts.jsonl");
    let lines = [
        label("attack", true, "203.0.113.1"),
        label("twin", false, "203.0.113.2"),
    ];
    fs::write(&labels, lines.join("\n")).unwrap();
    fs::write(&file, alerts.join("\n")).unwrap();
    let mut line = vec!["score", "--labels", labels.to_str().unwrap()];
    line.extend(["--alerts", file.to_str().unwrap()]);
    line.extend(more);
    let args = Command::try_parse_from(line)
        .map_err(|e| e.to_string())
        .unwrap()
        .args;
    let claims = alerts::read(lines_of(&file)).unwrap();
    let score = score(
        &super::labels(&args.labels).unwrap(),
        &claims,
        args.slack.micros(),
        Judge::default(),
    );
    (run(&args).unwrap(), score)
}

fn lines_of(path: &Path) -> Box<dyn BufRead> {
    lines(path).unwrap()
}

fn plain(alert: &Alert) -> String {
    serde_json::to_string(alert).unwrap()
}

fn same(code: ExitCode, number: u8) -> bool {
    format!("{code:?}") == format!("{:?}", ExitCode::from(number))
}

#[test]
fn revisions_are_one_alert_and_the_first_counts_for_time() {
    let alerts = [
        plain(&alert(7, 2, "203.0.113.1", 5, 40)),
        plain(&alert(7, 1, "203.0.113.1", 5, 12)),
    ];
    let (code, score) = scored(&alerts, &["--max-false-alarms", "0"]);
    assert!(same(code, 0));
    assert_eq!(score.alerts, 1);
    assert_eq!(score.scenarios[0].seconds, Some(12.0));
}

#[test]
fn ocsf_is_read_too_with_the_time_it_was_received() {
    let alert = alert(7, 1, "203.0.113.1", 5, 12);
    let record = serde_json::json!({
        "class_uid": 2004, "time": 1, "received": at(100_004), "unmapped": {"gatewatch": alert},
    });
    let (_, score) = scored(&[record.to_string()], &["--json"]);
    assert_eq!(score.scenarios[0].wall_seconds, Some(4.0));
}

#[test]
fn a_missed_attack_or_too_many_false_alarms_are_exit_code_one() {
    assert!(same(scored(&[], &[]).0, 1));
    let alerts = [
        plain(&alert(7, 1, "203.0.113.1", 5, 12)),
        plain(&alert(8, 1, "203.0.113.2", 5, 12)),
    ];
    assert!(same(scored(&alerts, &[]).0, 0));
    let (code, score) = scored(&alerts, &["--max-false-alarms", "0"]);
    assert!(same(code, 1));
    assert_eq!(score.false_alarms[0].twin.as_deref(), Some("twin"));
}

#[test]
fn the_table_shows_hostile_text_without_obeying_it() {
    let alerts = [
        plain(&alert(7, 1, "203.0.113.1", 5, 12)),
        plain(&alert(8, 1, "203.0.113.2", 5, 12)),
    ];
    let (_, score) = scored(&alerts, &[]);
    let text = table::render(&score, false);
    assert!(
        !text.contains('\u{1b}') && text.contains("\\u{1b}"),
        "{text}"
    );
    assert!(text.contains("fell for twin twin"), "{text}");
    assert!(table::render(&score, true).contains("\u{1b}[32mfound"));
}

#[test]
fn a_line_that_is_no_alert_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.jsonl");
    fs::write(&file, "\n{\"id\": 1}\n").unwrap();
    let error = format!("{:#}", alerts::read(lines_of(&file)).unwrap_err());
    assert!(error.contains("line 2"), "{error}");
}
