//! `gatewatch rule lint`: rules that load but are poor.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use serde::Serialize;

use super::set::{Loaded, Places, Reader};
use super::terminal::{self, Paint};
use super::{Output, bench, verdict};
use crate::config::{Config, Format};
use crate::sigma::lint::{LINTS, LintFinding, Severity, lint};

/// So many simulated events tell what a rule without a witness costs.
const SAMPLE: u64 = 2_000;

/// Finds rules that load but are poor: never match, always match, cost too much, say too little
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch rule lint\n  \
    gatewatch rule lint rules/injection --deny warnings\n  \
    gatewatch rule lint third-party --allow missing-requirement --allow missing-tests\n  \
    gatewatch rule lint --list\n\n\
    A rule switches a lint off by `gatewatch: {lint_allow: [name]}`.\n\
    Exit codes: 0 nothing that is denied, 1 an error or what --deny names, 2 rules do not load.")]
pub(super) struct Args {
    /// Folders and rule files; the folder of the configuration without any
    #[arg(value_name = "FOLDER|FILE")]
    places: Vec<PathBuf>,
    /// What makes the exit code 1 besides errors: `warnings`, `notes`, or names of lints
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    deny: Vec<String>,
    /// Lints that are switched off
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow: Vec<String>,
    /// Leave notes out
    #[arg(long)]
    no_notes: bool,
    /// Print the lints and what they find
    #[arg(long)]
    list: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    #[command(flatten)]
    from: Places,
}

/// A finding as it is printed.
#[derive(Serialize)]
struct Printed<'f> {
    lint: &'f str,
    severity: Severity,
    path: &'f std::path::Path,
    line: u32,
    column: u32,
    rule: &'f str,
    id: String,
    message: &'f str,
    hint: Option<&'f str>,
    /// What the rule costs each event, for `no-witness`.
    #[serde(skip_serializing_if = "Option::is_none")]
    nanoseconds: Option<f64>,
}

/// Lints and prints.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        terminal::say(&list())?;
        return Ok(ExitCode::SUCCESS);
    }
    check_names(args)?;
    let begin = Instant::now();
    let config = args.from.config()?;
    let loaded = Loaded::of(&args.places, &config)?;
    let subjects = loaded.subjects();
    let paths: Vec<_> = subjects.iter().map(|rule| &rule.source().path).collect();
    let mut findings = lint(&loaded.sources, &loaded.vocabulary);
    findings.retain(|finding| {
        let is_allowed = args.allow.iter().any(|name| name == finding.lint);
        let is_named = paths.contains(&&finding.error.path);
        let is_wanted = !(args.no_notes && finding.severity == Severity::Note);
        !is_allowed && is_wanted && (is_named || finding.id.is_nil())
    });
    let costs = costs(&findings, &loaded, &config)?;
    let denied = findings
        .iter()
        .filter(|finding| is_denied(finding, &args.deny))
        .count();
    match args.format {
        Output::Json => terminal::say_json(&lines(&findings, &costs))?,
        Output::Text => terminal::say(&text(&findings, &costs, subjects.len(), begin))?,
    }
    Ok(verdict(denied > 0))
}

fn is_denied(finding: &LintFinding, deny: &[String]) -> bool {
    finding.severity == Severity::Error
        || deny.iter().any(|word| match word.as_str() {
            "warnings" => finding.severity == Severity::Warning,
            "notes" => true,
            name => name == finding.lint,
        })
}

fn check_names(args: &Args) -> Result<()> {
    let known = |name: &String| LINTS.iter().any(|lint| lint.name == name);
    let is_class = |name: &String| matches!(name.as_str(), "warnings" | "notes");
    let wrong = |names: &[String], classes: bool| {
        names
            .iter()
            .find(|name| !(known(name) || classes && is_class(name)))
            .cloned()
    };
    if let Some(name) = wrong(&args.deny, true).or_else(|| wrong(&args.allow, false)) {
        bail!("no lint is named `{name}`; `gatewatch rule lint --list` names them");
    }
    Ok(())
}

fn list() -> String {
    let mut text = String::new();
    let width = LINTS.iter().map(|lint| lint.name.len()).max().unwrap_or(0);
    for lint in LINTS {
        let _ = writeln!(
            text,
            "{:width$}  {:7}  {}",
            lint.name,
            lint.severity.name(),
            lint.about
        );
    }
    text
}

/// Nanoseconds an event of the rules that are read for every event, by id.
fn costs(
    findings: &[LintFinding],
    loaded: &Loaded,
    config: &Config,
) -> Result<BTreeMap<uuid::Uuid, f64>> {
    let mut costs = BTreeMap::new();
    let without: Vec<_> = findings
        .iter()
        .filter(|finding| finding.lint == "no-witness")
        .collect();
    if without.is_empty() {
        return Ok(costs);
    }
    let reader = Reader::new(config, Format::Native)?;
    let events = bench::simulated(SAMPLE, &reader)?;
    for (index, rule) in (0_u32..).zip(loaded.rules.rules()) {
        if without.iter().any(|finding| finding.id == rule.meta.id) {
            costs.insert(rule.meta.id, bench::alone(&loaded.rules, index, &events));
        }
    }
    Ok(costs)
}

fn text(
    findings: &[LintFinding],
    costs: &BTreeMap<uuid::Uuid, f64>,
    rules: usize,
    begin: Instant,
) -> String {
    let mut text = String::new();
    let paint = Paint::of_stdout();
    for finding in findings {
        let mut finding = finding.clone();
        if let Some(cost) = costs
            .get(&finding.id)
            .filter(|_| finding.lint == "no-witness")
        {
            finding.error.message = format!("{}: {cost:.0} ns an event", finding.error.message);
        }
        let shown = finding.to_string();
        let word = format!("{}[{}]", finding.severity.name(), finding.lint);
        let painted = match finding.severity {
            Severity::Error => paint.bad(&word),
            Severity::Warning => paint.warn(&word),
            Severity::Note => paint.faint(&word),
        };
        let _ = writeln!(text, "{}\n", shown.replacen(&word, &painted, 1));
    }
    let count = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let _ = writeln!(
        text,
        "{rules} rules: {} errors, {} warnings, {} notes, {:.2} s",
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
        begin.elapsed().as_secs_f64()
    );
    text
}

fn lines<'f>(findings: &'f [LintFinding], costs: &BTreeMap<uuid::Uuid, f64>) -> Vec<Printed<'f>> {
    findings
        .iter()
        .map(|finding| Printed {
            lint: finding.lint,
            severity: finding.severity,
            path: &finding.error.path,
            line: finding.error.place.line,
            column: finding.error.place.column,
            rule: &finding.rule,
            id: finding.id.to_string(),
            message: &finding.error.message,
            hint: finding.error.hint.as_deref(),
            nanoseconds: costs
                .get(&finding.id)
                .filter(|_| finding.lint == "no-witness")
                .map(|cost| cost.round()),
        })
        .collect()
}
