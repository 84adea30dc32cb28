//! `gatewatch incident declare`: an alert becomes an incident.

use std::collections::HashSet;

use anyhow::{Context, bail};
use uuid::Uuid;

use super::{id, show};
use crate::alert::{Alert, picks};
use crate::cli::register::{Place, filled, time};
use crate::cli::terminal;
use crate::event::Timestamp;
use crate::incident::{Clock, Declared, Incident, Step, What, incident_id};
use crate::notify::now;
use crate::store::Store;

/// Declares an alert a personal-data incident: its clocks run from then on
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Id of the alert, as mails and the table `alerts` have it
    #[arg(value_parser = id)]
    alert: Uuid,
    /// Declare it together with the alerts that are linked to it (one caller, seen under several names)
    #[arg(long)]
    linked: bool,
    /// Who declares it: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
    /// When it was detected (RFC 3339); the time at which the alert was raised without it
    #[arg(long, value_name = "TIME", value_parser = time)]
    detected: Option<Timestamp>,
    /// A category of personal data that is affected; may be given several times
    #[arg(long = "category", value_name = "TEXT")]
    categories: Vec<String>,
    /// Which duties there are; all without it
    #[arg(long = "clock", value_enum, value_name = "CLOCK")]
    clocks: Vec<Clock>,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let actor = filled(&args.by, "--by")?;
    let store = args.place.store().await?;
    let id = incident_id(args.alert);
    let known = store.incidents().await?;
    if known.iter().any(|incident| incident.id == id) {
        bail!("alert {} is incident {id} already", args.alert);
    }
    let declared = declaration(args, &store).await?;
    let step = Step {
        incident: id,
        time: now(),
        actor,
        what: What::Declared(Box::new(declared)),
    };
    store.record_step(&step).await?;
    for incident in Incident::of(vec![step]) {
        terminal::say(&show::whole(&incident, now()))?;
    }
    Ok(())
}

async fn declaration(args: &Args, store: &Store) -> anyhow::Result<Declared> {
    let found = store.alert(args.alert).await?;
    let (alert, raised) = found.with_context(|| {
        format!(
            "there is no alert {}: look it up in the table alerts_latest; its retention may be over",
            args.alert
        )
    })?;
    let detected = args.detected.unwrap_or(raised);
    if detected > now() {
        bail!("--detected {detected} is in the future");
    }
    let mut linked = if args.linked {
        linked(&alert, store).await?
    } else {
        Vec::new()
    };
    linked.retain(|other| other.id != alert.id);
    let all = || std::iter::once(&alert).chain(&linked);
    let conditions: Vec<String> = all().filter_map(picks).collect();
    let affected = if conditions.is_empty() {
        None
    } else {
        let any = format!("({})", conditions.join(") OR ("));
        Some(store.affected(&format!("({any})")).await?)
    };
    let mut entities: Vec<&str> = all().map(|it| it.entity.value.as_str()).collect();
    let mut named = HashSet::new();
    entities.retain(|entity| named.insert(*entity));
    let clocks = if args.clocks.is_empty() {
        Clock::ALL.to_vec()
    } else {
        let mut clocks = args.clocks.clone();
        clocks.sort_unstable();
        clocks.dedup();
        clocks
    };
    Ok(Declared {
        alert: alert.id,
        linked: linked.iter().map(|it| it.id).collect(),
        title: alert.rule.title.clone(),
        title_ru: alert.rule.title_ru.clone(),
        entity: entities.join(", "),
        detected,
        events: all().fold((alert.first, alert.last), |(first, last), it| {
            (first.min(it.first), last.max(it.last))
        }),
        clocks,
        categories: args.categories.clone(),
        affected,
    })
}

/// All alerts of the incident that an alert is linked into.
async fn linked(alert: &Alert, store: &Store) -> anyhow::Result<Vec<Alert>> {
    let incident = store.incident_of(alert.id).await?;
    let incident = incident.with_context(|| {
        format!(
            "no other alert is linked to {}: declare it without --linked; `gatewatch run` links alerts a few seconds after they are stored",
            alert.id
        )
    })?;
    Ok(store.linked_alerts(incident).await?)
}
