//! An incident on the terminal.

use std::fmt::Write as _;

use crate::cli::terminal::escaped;
use crate::event::Timestamp;
use crate::incident::{Incident, State};

const HOUR: i64 = 3_600_000_000;

/// One line: id, title, and how the clocks stand.
pub(super) fn line(incident: &Incident, now: Timestamp) -> String {
    let clocks: Vec<String> = match incident.closed() {
        Some((at, _)) => vec![format!("closed {at}")],
        None => incident
            .clocks()
            .map(|(clock, state)| format!("{}: {}", clock.name(), stands(&state, now)))
            .collect(),
    };
    format!(
        "{}  {}  {}\n",
        incident.id,
        escaped(&incident.declared.title),
        clocks.join(", ")
    )
}

/// All that is on record.
pub(super) fn whole(incident: &Incident, now: Timestamp) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut text, incident, now);
    text
}

fn write(text: &mut String, incident: &Incident, now: Timestamp) -> std::fmt::Result {
    let declared = &incident.declared;
    writeln!(text, "incident    {}", incident.id)?;
    writeln!(text, "alert       {}", declared.alert)?;
    match declared.linked.len() {
        0 => {}
        1 => writeln!(text, "with        1 linked alert")?,
        more => writeln!(text, "with        {more} linked alerts")?,
    }
    writeln!(text, "what        {}", escaped(&declared.title))?;
    writeln!(text, "who         {}", escaped(&declared.entity))?;
    writeln!(
        text,
        "events      {} to {}",
        declared.events.0, declared.events.1
    )?;
    writeln!(text, "detected    {}", declared.detected)?;
    writeln!(
        text,
        "declared    {} by {}",
        incident.time,
        escaped(&incident.by)
    )?;
    for (clock, state) in incident.clocks() {
        writeln!(
            text,
            "{:<11} due {}, {}",
            clock.name(),
            state.due,
            stands(&state, now)
        )?;
    }
    listed(text, "categories", &declared.categories)?;
    let Some(affected) = &declared.affected else {
        writeln!(
            text,
            "affected    unknown: nothing in the log picks the calls"
        )?;
        return steps(text, incident);
    };
    writeln!(
        text,
        "affected    {} answers with {} records, {} persons called, {} refused",
        affected.calls, affected.records, affected.subjects, affected.refused
    )?;
    let resources: Vec<String> = affected
        .resources
        .iter()
        .map(|(kind, many)| format!("{kind}: {many}"))
        .collect();
    listed(text, "resources", &resources)?;
    listed(text, "fields", &affected.fields)?;
    listed(text, "integration", &affected.integrations)?;
    listed(text, "countries", &affected.countries)?;
    steps(text, incident)
}

fn steps(text: &mut String, incident: &Incident) -> std::fmt::Result {
    for step in &incident.steps {
        writeln!(
            text,
            "{}  {} {} by {}: {}",
            step.time,
            step.what.name(),
            step.what.about(),
            escaped(&step.actor),
            escaped(step.what.text())
        )?;
    }
    Ok(())
}

fn listed(text: &mut String, name: &str, values: &[String]) -> std::fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    writeln!(text, "{name:<11} {}", escaped(&values.join(", ")))
}

fn stands(state: &State, now: Timestamp) -> String {
    if let Some((at, reference)) = &state.told {
        return format!("done {at} ({})", escaped(reference));
    }
    let left = state.due.since(now);
    if left > 0 {
        format!("{} h {} min left", left / HOUR, left % HOUR / (HOUR / 60))
    } else {
        format!("ran out {} h ago", -left / HOUR)
    }
}
