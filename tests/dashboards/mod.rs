//! The panels of the Grafana overview, so that tests can read them and run their queries.

use serde_json::Value;

/// One query of a panel.
pub struct Query {
    /// Title of the panel.
    pub panel: String,
    /// Whether ClickHouse or Prometheus answers it.
    pub source: Source,
    /// SQL with Grafana's macros, or PromQL.
    pub text: String,
}

/// Who answers a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The tables.
    ClickHouse,
    /// gatewatch's own metrics.
    Prometheus,
}

impl Query {
    /// The SQL with the macros put in as Grafana would for the last day, in steps of a minute.
    #[allow(dead_code, reason = "each test crate uses its part of this module")]
    pub fn sql(&self) -> String {
        let mut sql = replace_macro(&self.text, "$__timeFilter(", |column| {
            format!(
                "{column} >= toDateTime(now() - 86400) AND {column} <= toDateTime(now() + 86400)"
            )
        });
        sql = replace_macro(&sql, "$__timeInterval(", |column| {
            format!("toStartOfInterval(toDateTime({column}), INTERVAL 60 second)")
        });
        sql.replace("$__interval_s", "60")
    }
}

/// The overview as JSON.
pub fn overview() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/dashboards/grafana/overview.json"
    );
    let text = std::fs::read_to_string(path).expect("the dashboard is readable");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

/// Every query of the overview, in the order of the panels.
pub fn queries() -> Vec<Query> {
    let overview = overview();
    let panels = overview["panels"]
        .as_array()
        .expect("the dashboard has panels");
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let (source, text) = match (target["rawSql"].as_str(), target["expr"].as_str()) {
                (Some(sql), None) => (Source::ClickHouse, sql),
                (None, Some(expression)) => (Source::Prometheus, expression),
                _ => panic!("a target of {} has neither SQL nor PromQL", panel["title"]),
            };
            queries.push(Query {
                panel: panel["title"].as_str().unwrap_or_default().to_owned(),
                source,
                text: text.to_owned(),
            });
        }
    }
    queries
}

/// Replaces each `OPEN…)` by what `with` makes of the text between.
fn replace_macro(text: &str, open: &str, with: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let (argument, behind) = after
            .split_once(')')
            .expect("a macro ends with a parenthesis");
        out.push_str(before);
        out.push_str(&with(argument));
        rest = behind;
    }
    out.push_str(rest);
    out
}
