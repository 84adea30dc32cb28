//! A layer for the ATT&CK Navigator, format 4.5
//! (<https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md>).

use serde::Serialize;

use super::catalogue::Row;

/// Longest comment of a technique, in characters.
const COMMENT: usize = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    name: &'static str,
    versions: Versions,
    domain: &'static str,
    description: &'static str,
    sorting: u8,
    layout: Layout,
    hide_disabled: bool,
    techniques: Vec<Technique>,
    gradient: Gradient,
    legend_items: Vec<LegendItem>,
}

#[derive(Serialize)]
struct Versions {
    navigator: &'static str,
    layer: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    #[serde(rename = "layout")]
    kind: &'static str,
    #[serde(rename = "showID")]
    show_id: bool,
    show_name: bool,
    expanded_subtechniques: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Technique {
    #[serde(rename = "techniqueID")]
    id: String,
    /// Absent where a rule is to be expected and there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'static str>,
    comment: String,
    enabled: bool,
    show_subtechniques: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gradient {
    colors: [&'static str; 2],
    min_value: usize,
    max_value: usize,
}

#[derive(Serialize)]
struct LegendItem {
    label: &'static str,
    color: &'static str,
}

/// What has no rule yet.
const GAP: &str = "#fdae61";

/// The layer: a technique's score is how many rules and correlations name it.
pub(super) fn layer(rows: &[Row]) -> Layer {
    let score = |row: &Row| row.rules + row.correlations;
    Layer {
        name: "gatewatch",
        versions: Versions {
            navigator: "5.2.0",
            layer: "4.5",
        },
        domain: "enterprise-attack",
        description: "Techniques that rules of gatewatch find in the request log of an API gateway; the score is the number of rules.",
        sorting: 3,
        layout: Layout {
            kind: "side",
            show_id: true,
            show_name: true,
            expanded_subtechniques: "annotated",
        },
        hide_disabled: false,
        techniques: rows
            .iter()
            .map(|row| Technique {
                id: row.id.clone(),
                score: (!row.is_empty()).then(|| score(row)),
                color: row.is_empty().then_some(GAP),
                comment: comment(row),
                enabled: true,
                show_subtechniques: row.id.contains('.'),
            })
            .collect(),
        gradient: Gradient {
            colors: ["#d9f0d3", "#1b7837"],
            min_value: 0,
            max_value: rows.iter().map(score).max().unwrap_or(0).max(1),
        },
        legend_items: vec![LegendItem {
            label: "visible in a request log, no rule yet",
            color: GAP,
        }],
    }
}

fn comment(row: &Row) -> String {
    if row.is_empty() {
        return "no rule yet".to_owned();
    }
    row.titles.join("; ").chars().take(COMMENT).collect()
}
