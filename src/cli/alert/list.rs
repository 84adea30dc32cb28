//! `gatewatch alert list`.

use std::fmt::Write as _;

use crate::cli::register::{Place, time};
use crate::cli::terminal::{self, Output, Paint, cut, escaped, grouped};
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::store::{AlertFilter, AlertLine};
use crate::triage::State;

/// Lists alerts, the newest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only those in this state; may be given several times, and all open ones are listed without it
    #[arg(long = "state", value_enum, value_name = "STATE")]
    states: Vec<Which>,
    /// Only of this level or a higher one
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<Level>,
    /// Only of this rule family
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Only about this entity
    #[arg(long, value_name = "VALUE")]
    entity: Option<String>,
    /// Only with an event since then (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Which alerts, by their state.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Which {
    New,
    Acknowledged,
    InWork,
    Reopened,
    ClosedTrue,
    ClosedFalse,
    ClosedHarmless,
    /// All that are not closed
    Open,
    /// All that are closed
    Closed,
    All,
}

impl Which {
    fn states(self) -> &'static [State] {
        const ALL: &[State] = &State::ALL;
        match self {
            Which::New => &ALL[..1],
            Which::Acknowledged => &ALL[1..2],
            Which::InWork => &ALL[2..3],
            Which::Reopened => &ALL[3..4],
            Which::ClosedTrue => &ALL[4..5],
            Which::ClosedFalse => &ALL[5..6],
            Which::ClosedHarmless => &ALL[6..],
            Which::Open => &ALL[..4],
            Which::Closed => &ALL[4..],
            Which::All => ALL,
        }
    }
}

pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let wanted = if args.states.is_empty() {
        &[Which::Open][..]
    } else {
        &args.states
    };
    let states = wanted.iter().flat_map(|which| which.states());
    let filter = AlertFilter {
        states: states.map(|state| state.name()).collect(),
        least: args.level,
        family: args.family.clone(),
        entities: args.entity.iter().cloned().collect(),
        since: args.since,
        limit: args.limit,
        ..AlertFilter::default()
    };
    let alerts = store.list_alerts(&filter).await?;
    if args.output == Output::Json {
        return terminal::say_json(&alerts);
    }
    let paint = Paint::of_stdout();
    let mut text = String::new();
    for alert in &alerts {
        // Writing into a string does not fail.
        let _ = line(&mut text, alert, paint);
    }
    terminal::say(&text)?;
    Ok(())
}

fn line(text: &mut String, alert: &AlertLine, paint: Paint) -> std::fmt::Result {
    let level = format!("{:<13}", alert.level);
    let level = match alert.level.as_str() {
        "critical" | "high" => paint.bad(&level),
        "medium" => paint.warn(&level),
        _ => level,
    };
    let assignee = if alert.assignee.is_empty() {
        String::new()
    } else {
        format!(" ({})", cut(&alert.assignee, 30))
    };
    writeln!(
        text,
        "{}  {}  {level}  {:<15}  {}: {} {}, {} events{assignee}",
        alert.id,
        Timestamp::from_micros(alert.micros),
        alert.state,
        escaped(&alert.title),
        alert.entity_kind,
        cut(&alert.entity, 80),
        grouped(alert.count),
    )
}

fn level(text: &str) -> Result<Level, String> {
    Level::from_name(text).ok_or_else(|| {
        format!("`{text}` is no level; they are informational, low, medium, high, critical")
    })
}
