//! The dashboards of Grafana, so that tests can read them and run their queries as Grafana would.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A dashboard as its file says it.
pub struct Dashboard {
    /// Name of the file without `.json`.
    pub name: String,
    /// The whole file.
    pub json: Value,
}

/// One query of a panel or of a variable.
pub struct Query {
    /// Dashboard and title of the panel, or name of the variable.
    pub place: String,
    /// Whether ClickHouse or Prometheus answers it.
    pub source: Source,
    /// SQL with Grafana's macros and variables, or PromQL.
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

/// What a query of ClickHouse answered: a line a row, cells parted by tabulators.
#[allow(dead_code, reason = "each test crate uses its part of this module")]
pub struct Shown {
    /// Dashboard and title of the panel.
    pub place: String,
    /// Empty when there is nothing to show.
    pub answer: String,
}

/// What was put into each variable: as `${name:sqlstring}` puts it, quoted, with commas between several.
type Values = BTreeMap<String, String>;

/// Every dashboard, by name.
pub fn dashboards() -> Vec<Dashboard> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana");
    let mut dashboards: Vec<Dashboard> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("the dashboard is readable");
            let json = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = path.file_stem().expect("a name").to_string_lossy();
            Dashboard {
                name: name.into_owned(),
                json,
            }
        })
        .collect();
    dashboards.sort_by(|a, b| a.name.cmp(&b.name));
    dashboards
}

impl Dashboard {
    /// Its panels, rows among them.
    pub fn panels(&self) -> &[Value] {
        self.json["panels"]
            .as_array()
            .expect("a dashboard has panels")
    }

    /// Its variables.
    pub fn variables(&self) -> &[Value] {
        self.json["templating"]["list"]
            .as_array()
            .expect("a dashboard has a list of variables")
    }

    /// Every query of its panels, in their order.
    pub fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            let place = format!("{}: {}", self.name, text_of(panel, "title"));
            for target in panel["targets"].as_array().into_iter().flatten() {
                let (source, text) = match (target["rawSql"].as_str(), target["expr"].as_str()) {
                    (Some(sql), None) => (Source::ClickHouse, sql),
                    (None, Some(expression)) => (Source::Prometheus, expression),
                    _ => panic!("a target of {place} has neither SQL nor PromQL"),
                };
                queries.push(Query {
                    place: place.clone(),
                    source,
                    text: text.to_owned(),
                });
            }
        }
        queries
    }

    /// Runs every query of ClickHouse over the last three days, the variables' first. Where one of many is to be chosen,
    /// that is the first; where several may be, all.
    ///
    /// # Panics
    /// When one is refused.
    #[allow(dead_code, reason = "each test crate uses its part of this module")]
    pub fn run(&self, ask: impl Fn(&str) -> Result<String, String>) -> Vec<Shown> {
        let ask = |place: &str, sql: &str| {
            ask(sql).unwrap_or_else(|error| panic!("{place}: {error}\n{sql}"))
        };
        let mut values = Values::new();
        for variable in self.variables() {
            let name = text_of(variable, "name");
            let query = text_of(variable, "query");
            let value = match text_of(variable, "type") {
                "query" => {
                    let answer = ask(name, &sql(query, &values));
                    let several = variable["multi"] == true;
                    let taken = answer.lines().take(if several { usize::MAX } else { 1 });
                    taken.map(quoted).collect::<Vec<_>>().join(",")
                }
                "custom" => quoted(query.split(',').next().unwrap_or_default()),
                _ => quoted(query),
            };
            let value = if value.is_empty() { quoted("") } else { value };
            values.insert(name.to_owned(), value);
        }
        self.queries()
            .into_iter()
            .filter(|query| query.source == Source::ClickHouse)
            .map(|query| Shown {
                answer: ask(&query.place, &sql(&query.text, &values)),
                place: query.place,
            })
            .collect()
    }
}

/// The text under a key, or the empty one.
pub fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The SQL with macros and variables put in, in steps of a minute.
fn sql(text: &str, values: &Values) -> String {
    let between =
        |column: &str, from: &str, to: &str| format!("{column} >= {from} AND {column} <= {to}");
    let text = replace_macro(text, "$__timeFilter(", |column| {
        between(
            column,
            "toDateTime(now() - 259200)",
            "toDateTime(now() + 86400)",
        )
    });
    let text = replace_macro(&text, "$__dateFilter(", |column| {
        between(column, "toDate(now() - 259200)", "toDate(now() + 86400)")
    });
    let mut text = replace_macro(&text, "$__timeInterval(", |column| {
        format!("toStartOfInterval(toDateTime({column}), INTERVAL 60 second)")
    })
    .replace("$__interval_s", "60");
    for (name, value) in values {
        text = text.replace(&format!("${{{name}:sqlstring}}"), value);
    }
    assert!(
        !text.contains("$_") && !text.contains("${"),
        "an unknown macro or variable: {text}"
    );
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
