//! The dashboards of Grafana and the alerts of Prometheus hang together with the tables and the inventory of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gatewatch::telemetry::metric;
use regex::Regex;
use serde_json::Value;

#[path = "dashboards/mod.rs"]
mod dashboards;

use dashboards::{Dashboard, Query, Source, dashboards, text_of};

/// Panels that show what is, whatever time is shown.
const OF_NOW: &[&str] = &[
    "entity: Alerts not closed",
    "storage: On disk",
    "storage: Tables",
    "storage: Disks",
    "storage: Months of events",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path)).expect("the file is readable");
    serde_saphyr::from_str(&text).expect("the file is YAML")
}

fn queries(source: Source) -> Vec<Query> {
    let all = dashboards().into_iter().flat_map(|one| one.queries());
    all.filter(|query| query.source == source).collect()
}

#[test]
fn there_is_a_dashboard_for_each_who_looks_and_each_leads_to_the_others() {
    let names: Vec<String> = dashboards().into_iter().map(|one| one.name).collect();
    assert_eq!(
        names,
        [
            "detectors",
            "entity",
            "integration",
            "overview",
            "requirement",
            "storage"
        ]
    );
    for one in dashboards() {
        assert_eq!(text_of(&one.json, "uid"), format!("gatewatch-{}", one.name));
        assert!(
            text_of(&one.json, "title").starts_with("gatewatch "),
            "{}",
            one.name
        );
        assert!(text_of(&one.json, "description").len() > 10, "{}", one.name);
        assert_eq!(one.json["tags"][0], "gatewatch", "{}", one.name);
        let link = &one.json["links"][0];
        assert_eq!(
            (&link["type"], &link["tags"][0]),
            (&"dashboards".into(), &"gatewatch".into())
        );
    }
}

#[test]
fn panels_have_ids_titles_and_places_of_their_own() {
    for dashboard in dashboards() {
        let mut ids = BTreeSet::new();
        let mut cells = BTreeSet::new();
        for panel in dashboard.panels() {
            let title = format!("{}: {}", dashboard.name, text_of(panel, "title"));
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
        }
    }
}

#[test]
fn panels_say_what_they_show_and_in_which_unit() {
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            let title = format!("{}: {}", dashboard.name, text_of(panel, "title"));
            assert!(!text_of(panel, "title").is_empty(), "{title}");
            if panel["type"] == "row" {
                continue;
            }
            assert!(text_of(panel, "description").len() > 10, "{title}");
            // A table has a unit a column, where one has any.
            if panel["type"] != "table" {
                let unit = &panel["fieldConfig"]["defaults"]["unit"];
                assert!(unit.is_string(), "{title} has no unit");
            }
        }
    }
}

#[test]
fn panels_and_variables_use_provisioned_sources() {
    let sources = yaml("dashboards/grafana/provisioning/datasources/gatewatch.yml");
    let known: BTreeSet<(&str, &str)> = sources["datasources"]
        .as_array()
        .expect("datasources")
        .iter()
        .filter_map(|source| Some((source["uid"].as_str()?, source["type"].as_str()?)))
        .collect();
    let is_known =
        |source: &Value| known.contains(&(text_of(source, "uid"), text_of(source, "type")));
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                assert!(
                    is_known(&target["datasource"]),
                    "{}: {}",
                    dashboard.name,
                    panel["title"]
                );
            }
        }
        for variable in dashboard.variables() {
            let asks = variable["type"] == "query";
            assert!(!asks || is_known(&variable["datasource"]), "{variable}");
        }
    }
}

#[test]
fn variables_are_explained_and_used_and_what_is_used_is_there() {
    let used = Regex::new(r"\$\{(\w+):sqlstring\}").expect("a pattern");
    for dashboard in dashboards() {
        let variables = dashboard.variables();
        let named: BTreeSet<&str> = variables.iter().map(|one| text_of(one, "name")).collect();
        let in_variables = variables.iter().map(|one| text_of(one, "query").to_owned());
        let in_panels = dashboard.queries().into_iter().map(|query| query.text);
        let texts: Vec<String> = in_variables.chain(in_panels).collect();
        let of_texts: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| used.captures_iter(text))
            .map(|found| found.get(1).expect("a group").as_str())
            .collect();
        assert_eq!(named, of_texts, "{}", dashboard.name);
        for variable in variables {
            assert!(text_of(variable, "description").len() > 10, "{variable}");
        }
    }
}

/// What the role of Grafana's user may read.
fn granted() -> BTreeSet<String> {
    let users = std::fs::read_to_string(root().join("deploy/clickhouse/users.xml"));
    let text = users.expect("the file is readable");
    let (_, role) = text
        .split_once("<gatewatch_analyst><grants>")
        .expect("the role is there");
    let (role, _) = role.split_once("</grants>").expect("it ends");
    role.lines()
        .filter_map(|line| line.trim().strip_suffix("</query>"))
        .filter_map(|line| line.rsplit_once(" ON "))
        .map(|(_, name)| name.trim_start_matches("gatewatch.").to_owned())
        .collect()
}

#[test]
fn clickhouse_panels_read_what_analysts_may_within_the_time_shown() {
    let granted = granted();
    let read = Regex::new(r"\bFROM ([a-z_.]+)").expect("a pattern");
    for query in queries(Source::ClickHouse) {
        let bound = ["$__timeFilter(", "$__dateFilter("]
            .iter()
            .any(|filter| query.text.contains(filter));
        assert_eq!(bound, !OF_NOW.contains(&&*query.place), "{}", query.place);
        for found in read.captures_iter(&query.text) {
            assert!(
                granted.contains(&found[1]),
                "{} reads {}",
                query.place,
                &found[1]
            );
        }
    }
}

/// The rules of Prometheus: name and expression.
fn alerts() -> BTreeMap<String, String> {
    let file = yaml("dashboards/prometheus/alerts.yml");
    let mut alerts = BTreeMap::new();
    for rule in file["groups"][0]["rules"].as_array().expect("rules") {
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
        let expression = rule["expr"].as_str().expect("a rule has an expression");
        let twice = alerts.insert(name.to_owned(), expression.to_owned());
        assert!(twice.is_none(), "{name} is there twice");
    }
    alerts
}

#[test]
fn what_must_wake_somebody_has_an_alert() {
    let alerts = alerts();
    for metric in [
        metric::LAG,
        metric::RECORDS_READ,
        metric::DEAD_LETTERS,
        metric::MAILS,
        metric::WEBHOOKS,
        metric::CALIBRATION,
        metric::OFFSETS_LOST,
        metric::READY,
        metric::DECISIONS,
    ] {
        let watched = alerts
            .values()
            .any(|expression| expression.contains(metric));
        assert!(watched, "no alert watches {metric}");
    }
}

/// Labels of each metric, as the code sets them.
fn labels() -> BTreeMap<&'static str, BTreeSet<String>> {
    let set = Regex::new(r#"metric::([A-Z_]+),\s*((?:"\w+"\s*=>\s*[^,)]+(?:\([^)]*\))?,?\s*)+)"#)
        .expect("a pattern");
    let label = Regex::new(r#""(\w+)"\s*=>"#).expect("a pattern");
    let inventory = std::fs::read_to_string(root().join("src/telemetry/metric.rs"));
    let inventory = inventory.expect("the inventory is readable");
    let mut labels: BTreeMap<&'static str, BTreeSet<String>> = metric::ALL
        .iter()
        .map(|(name, ..)| (*name, BTreeSet::new()))
        .collect();
    for text in sources(&root().join("src")) {
        for found in set.captures_iter(&text) {
            let Some((name, _)) = inventory
                .split_once(&format!(" {} = \"", &found[1]))
                .and_then(|(_, rest)| rest.split_once('"'))
            else {
                continue;
            };
            let of_metric = labels.get_mut(name).expect("it is in the inventory");
            of_metric.extend(label.captures_iter(&found[2]).map(|one| one[1].to_owned()));
        }
    }
    labels
}

/// Every file of Rust below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            texts.push(std::fs::read_to_string(&path).expect("the file is readable"));
        }
    }
    texts
}

#[test]
fn expressions_use_metrics_as_what_they_are_with_labels_that_they_have() {
    let kinds: BTreeMap<&str, &str> = metric::ALL
        .iter()
        .map(|(name, kind, _)| (*name, *kind))
        .collect();
    let labels = labels();
    assert!(
        labels[metric::DEAD_LETTERS].contains("reason"),
        "labels are found in the code"
    );
    let of_panels = queries(Source::Prometheus);
    assert!(of_panels.len() > 40);
    let named = of_panels.into_iter().map(|query| (query.place, query.text));
    for (place, expression) in named.chain(alerts()) {
        assert_balanced(&expression);
        for (name, before, selector) in uses(&expression) {
            let base = ["_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let known = kinds
                .get_key_value(name)
                .or_else(|| kinds.get_key_value(base?));
            let Some((metric, kind)) = known else {
                panic!("{place}: no metric is named {name}: {expression}");
            };
            let grows = *kind == "counter" || base == Some(metric);
            // A counter itself is of use only where it is seen whether it was there before.
            let over_time = ["rate(", "increase("]
                .iter()
                .any(|call| before.ends_with(call))
                || grows && expression.contains(" offset ");
            assert_eq!(
                grows, over_time,
                "{place}: {name} is a {kind}: {expression}"
            );
            for label in selector {
                let summary = label == "quantile" && *kind == "histogram";
                assert!(
                    summary || labels[metric].contains(label),
                    "{place}: {name} has no label {label}: {expression}"
                );
            }
        }
    }
}

/// Each use of a metric: its name, what stands before it, the labels that select it or that it is grouped by.
fn uses(expression: &str) -> Vec<(&str, &str, Vec<&str>)> {
    let metric = Regex::new(r"\b(gatewatch_\w+)(?:\{([^}]*)\})?").expect("a pattern");
    let label = Regex::new(r"(\w+)\s*[=!]").expect("a pattern");
    let grouped = Regex::new(r"\bby \(([^)]*)\)").expect("a pattern");
    metric
        .captures_iter(expression)
        .map(|found| {
            let name = found.get(1).expect("a name");
            let before = &expression[..name.start()];
            let selector = found.get(2).map_or("", |text| text.as_str());
            let mut labels: Vec<&str> = label
                .captures_iter(selector)
                .map(|one| one.get(1).expect("a label").as_str())
                .collect();
            let group = grouped.captures_iter(before).last();
            let group = group
                .and_then(|one| one.get(1))
                .map_or("", |text| text.as_str());
            labels.extend(
                group
                    .split(',')
                    .map(str::trim)
                    .filter(|one| !one.is_empty()),
            );
            (name.as_str(), before, labels)
        })
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

/// A dashboard is found by the folder that the stack mounts.
#[test]
fn the_stack_provides_every_dashboard() {
    let compose = yaml("docker-compose.yml");
    let volumes = compose["services"]["grafana"]["volumes"].as_array();
    let mounted = volumes
        .expect("volumes")
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|volume| {
            volume
                .strip_prefix("./")?
                .strip_suffix(":ro")?
                .split_once(':')
        });
    let provider = yaml("dashboards/grafana/provisioning/dashboards/gatewatch.yml");
    let path = text_of(&provider["providers"][0]["options"], "path").to_owned();
    let sources: Vec<&str> = mounted
        .filter(|(_, target)| *target == path)
        .map(|(source, _)| source)
        .collect();
    let [folder] = sources[..] else {
        panic!("{path} is mounted from {sources:?}");
    };
    for Dashboard { name, .. } in dashboards() {
        assert!(
            root().join(folder).join(format!("{name}.json")).is_file(),
            "{name}"
        );
    }
}
