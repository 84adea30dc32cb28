//! The Grafana overview and the Prometheus alerts hang together with the tables and the inventory of metrics.

use std::collections::BTreeSet;
use std::path::Path;

use gatewatch::telemetry::metric;
use serde_json::Value;

#[path = "dashboards/mod.rs"]
mod dashboards;

use dashboards::{Source, overview, queries};

/// Tables and views that panels may read; all are made by the migrations.
const TABLES: &[&str] = &[
    "events",
    "traffic_minute",
    "alerts",
    "alerts_latest",
    "dead_letters",
];

fn yaml(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).expect("the file is readable");
    serde_saphyr::from_str(&text).expect("the file is YAML")
}

#[test]
fn panels_have_ids_titles_and_places_of_their_own() {
    let overview = overview();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in overview["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a panel has a title");
        assert!(
            ids.insert(panel["id"].as_u64().expect("a panel has an id")),
            "{title}: id twice"
        );
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a panel has a place");
        assert!(
            place("x") + place("w") <= 24,
            "{title} is wider than the grid"
        );
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title} covers another panel");
            }
        }
        if panel["type"] != "row" {
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 10),
                "{title}"
            );
        }
    }
}

#[test]
fn panels_use_provisioned_sources() {
    let sources = yaml("dashboards/grafana/provisioning/datasources/gatewatch.yml");
    let known: BTreeSet<(&str, &str)> = sources["datasources"]
        .as_array()
        .expect("datasources")
        .iter()
        .filter_map(|source| Some((source["uid"].as_str()?, source["type"].as_str()?)))
        .collect();
    let overview = overview();
    for panel in overview["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let source = &target["datasource"];
            let pair = (
                source["uid"].as_str().unwrap_or(""),
                source["type"].as_str().unwrap_or(""),
            );
            assert!(known.contains(&pair), "{}: {pair:?}", panel["title"]);
        }
    }
}

#[test]
fn clickhouse_panels_read_known_tables_within_the_time_shown() {
    for query in queries()
        .into_iter()
        .filter(|query| query.source == Source::ClickHouse)
    {
        assert!(
            query.text.contains("$__timeFilter("),
            "{} is not bound in time",
            query.panel
        );
        assert!(
            !query.sql().contains("$__"),
            "{} uses an unknown macro",
            query.panel
        );
        let words: Vec<&str> = query
            .text
            .split([' ', '(', ')', ','])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words
            .windows(2)
            .filter(|pair| pair[0] == "FROM" && pair[1] != "SELECT")
        {
            assert!(
                TABLES.contains(&pair[1]),
                "{} reads {}",
                query.panel,
                pair[1]
            );
        }
    }
}

#[test]
fn expressions_name_metrics_of_the_inventory() {
    let alerts = yaml("dashboards/prometheus/alerts.yml");
    let mut expressions: Vec<String> = queries()
        .into_iter()
        .filter(|query| query.source == Source::Prometheus)
        .map(|query| query.text)
        .collect();
    for rule in alerts["groups"][0]["rules"].as_array().expect("rules") {
        let name = rule["alert"].as_str().expect("a rule has a name");
        for key in ["summary", "description"] {
            assert!(rule["annotations"][key].is_string(), "{name} has no {key}");
        }
        assert!(
            matches!(
                rule["labels"]["severity"].as_str(),
                Some("warning" | "critical")
            ),
            "{name} has no severity"
        );
        expressions.push(
            rule["expr"]
                .as_str()
                .expect("a rule has an expression")
                .to_owned(),
        );
    }
    assert!(expressions.len() > 15);
    let known: BTreeSet<&str> = metric::ALL.iter().map(|(name, ..)| *name).collect();
    for expression in expressions {
        assert_balanced(&expression);
        for name in metric_names(&expression) {
            let base = name.trim_end_matches("_sum").trim_end_matches("_count");
            assert!(
                known.contains(name) || known.contains(base),
                "{name} in {expression}"
            );
        }
    }
}

fn metric_names(expression: &str) -> Vec<&str> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("gatewatch_"))
        .collect()
}

fn assert_balanced(expression: &str) {
    let mut open = Vec::new();
    for c in expression.chars() {
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => assert_eq!(open.pop(), Some(c), "{expression}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{expression}");
}
