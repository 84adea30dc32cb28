//! `gatewatch rule coverage`: which requirements, techniques and risks have rules, and which have none.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::catalogue::{self, Row, Tables};
use super::navigator;
use super::set::{Loaded, Places};
use super::terminal::{self, Paint};

/// Counts rules and scenarios by requirement, rules by ATT&CK technique and OWASP API risk; says what has none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule coverage\n  \
    gatewatch rule coverage --format markdown > coverage.md\n  \
    gatewatch rule coverage --navigator layer.json\n\n\
    The layer opens in the ATT&CK Navigator (format 4.5, enterprise): the score is the number of rules.\n\
    Exit codes: 0 done, 2 rules do not load.")]
pub(super) struct Args {
    /// Folders and rule files; the folder of the configuration without any
    #[arg(value_name = "FOLDER|FILE")]
    places: Vec<PathBuf>,
    /// Write a layer for the ATT&CK Navigator to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    navigator: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    #[command(flatten)]
    from: Places,
}

/// How tables are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// Columns for a terminal.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Tables in Markdown.
    Markdown,
}

/// Counts and prints.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.from.config()?;
    let loaded = Loaded::of(&args.places, &config)?;
    let tables = catalogue::tables(&loaded.rules);
    if let Some(path) = &args.navigator {
        let layer = navigator::layer(&tables.attack);
        if path.as_os_str() == "-" {
            terminal::say_json(&layer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let layer = serde_json::to_string_pretty(&layer)?;
        std::fs::write(path, format!("{layer}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    match args.format {
        Shape::Json => terminal::say_json(&tables)?,
        Shape::Markdown => terminal::say(&markdown(&tables, "##"))?,
        Shape::Table => terminal::say(&table(&tables, Paint::of_stdout()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Headings and rows of the tables.
fn sections(tables: &Tables) -> [(&'static str, &[Row]); 3] {
    [
        ("Requirements", &tables.requirements),
        ("OWASP API Security Top 10, 2023", &tables.owasp),
        ("ATT&CK techniques", &tables.attack),
    ]
}

fn without(rows: &[Row]) -> Vec<&str> {
    rows.iter()
        .filter(|row| row.is_empty())
        .map(|row| row.id.as_str())
        .collect()
}

fn table(tables: &Tables, paint: Paint) -> String {
    let mut text = String::new();
    for (heading, rows) in sections(tables) {
        let _ = writeln!(text, "{}", paint.bold(heading));
        for row in rows {
            let counts = format!(
                "{:>5} rules {:>4} correlations {:>3} built in{}",
                row.rules,
                row.correlations,
                row.built_in,
                row.scenarios.map_or_else(String::new, |it| format!(
                    " {:>3} easy {:>2} hard {:>2} harmless scenarios",
                    it.easy, it.hard, it.harmless
                ))
            );
            let counts = if row.is_empty() {
                paint.warn(&counts)
            } else {
                counts
            };
            let _ = writeln!(
                text,
                "  {:10} {counts}  {}",
                terminal::cut(&row.id, 20),
                row.name
            );
        }
        let none = without(rows);
        let words = if none.is_empty() {
            "none".to_owned()
        } else {
            none.join(", ")
        };
        let _ = writeln!(text, "  without a rule: {}\n", terminal::cut(&words, 400));
    }
    text
}

/// The tables in Markdown, each under a heading.
pub(super) fn markdown(tables: &Tables, level: &str) -> String {
    let mut text = String::new();
    for (heading, rows) in sections(tables) {
        let _ = writeln!(text, "{level} {heading}\n");
        let has_scenarios = rows.iter().any(|row| row.scenarios.is_some());
        text.push_str("| id | | rules | correlations | built in |");
        text.push_str(if has_scenarios {
            " easy attacks | hard attacks | harmless scenarios |\n|---|---|---|---|---|---|---|---|\n"
        } else {
            "\n|---|---|---|---|---|\n"
        });
        for row in rows {
            let id = super::pages::escaped(&row.id);
            let _ = write!(
                text,
                "| {id} | {} | {} | {} | {} |",
                row.name, row.rules, row.correlations, row.built_in
            );
            if let Some(it) = row.scenarios {
                let _ = write!(text, " {} | {} | {} |", it.easy, it.hard, it.harmless);
            }
            text.push('\n');
        }
        let none = without(rows);
        if none.is_empty() {
            text.push_str("\nEach has a rule.\n\n");
        } else {
            let none: Vec<String> = none.iter().map(|id| super::pages::escaped(id)).collect();
            let _ = writeln!(text, "\nWithout a rule: {}.\n", none.join(", "));
        }
    }
    text
}
