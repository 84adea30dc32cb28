//! Reads alerts for scoring: plain, or as OCSF Detection Findings with the alert under `unmapped.gatewatch`.

use std::collections::BTreeMap;
use std::io::BufRead;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::each_line;
use crate::event::Timestamp;
use crate::simulate::score::{Claim, requirements};

/// What a line may be. Only what scoring needs is read.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    plain: Option<Revision>,
    unmapped: Option<Unmapped>,
    /// Wall-clock time at which whoever wrote the file saw the alert.
    received: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Unmapped {
    gatewatch: Revision,
}

/// One revision of an alert.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names)] // the names are those of the alert
struct Revision {
    id: String,
    revision: u64,
    rule: Rule,
    entity: Entity,
    first: Timestamp,
    last: Timestamp,
    #[serde(default)]
    shadow: bool,
    #[serde(default)]
    evidence: Vec<Sample>,
}

/// Who sent a sample event.
#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    client_id: String,
    client_address: Option<String>,
}

#[derive(Deserialize)]
struct Rule {
    title: String,
    family: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Entity {
    value: String,
}

/// Revisions of one alert, put together.
struct Merged {
    claim: Claim,
    oldest: u64,
    newest: u64,
}

/// Reads all alerts; revisions of one id become one claim, in the order in which ids are first seen.
pub(super) fn read(reader: Box<dyn BufRead>) -> Result<Vec<Claim>> {
    let mut order: Vec<String> = Vec::new();
    let mut merged: BTreeMap<String, Merged> = BTreeMap::new();
    each_line(reader, |number, line| {
        let (revision, wall) = parse(line).with_context(|| format!("line {number} is no alert"))?;
        if revision.shadow {
            return Ok(()); // its rules are on trial, nobody was told
        }
        if let Some(known) = merged.get_mut(&revision.id) {
            merge(known, &revision, wall);
            return Ok(());
        }
        order.push(revision.id.clone());
        merged.insert(revision.id.clone(), begin(revision, wall));
        Ok(())
    })?;
    Ok(order
        .iter()
        .filter_map(|id| merged.remove(id))
        .map(|merged| merged.claim)
        .collect())
}

fn parse(line: &str) -> Result<(Revision, Option<Timestamp>)> {
    let line: Line = serde_json::from_str(line)?;
    let revision = line
        .unmapped
        .map(|unmapped| unmapped.gatewatch)
        .or(line.plain)
        .context("it has neither the fields of an alert nor `unmapped.gatewatch`")?;
    Ok((revision, line.received))
}

/// The client of an event, else its address.
fn caller(sample: Sample) -> String {
    match sample.client_address {
        Some(address) if sample.client_id.is_empty() => address,
        _ => sample.client_id,
    }
}

fn begin(revision: Revision, wall: Option<Timestamp>) -> Merged {
    Merged {
        oldest: revision.revision,
        newest: revision.revision,
        claim: Claim {
            id: revision.id,
            family: revision.rule.family,
            requirements: requirements(&revision.rule.tags).collect(),
            title: revision.rule.title,
            entity: revision.entity.value,
            callers: revision.evidence.into_iter().map(caller).collect(),
            first: revision.first,
            last: revision.last,
            raised: revision.last,
            wall,
        },
    }
}

fn merge(known: &mut Merged, revision: &Revision, wall: Option<Timestamp>) {
    let claim = &mut known.claim;
    claim.first = claim.first.min(revision.first);
    claim.last = claim.last.max(revision.last);
    for id in requirements(&revision.rule.tags) {
        if !claim.requirements.contains(&id) {
            claim.requirements.push(id);
        }
    }
    claim.wall = match (claim.wall, wall) {
        (Some(before), Some(now)) => Some(before.min(now)),
        (before, now) => before.or(now),
    };
    if revision.revision < known.oldest {
        known.oldest = revision.revision;
        claim.raised = revision.last;
    }
    if revision.revision > known.newest {
        known.newest = revision.revision;
        claim.title.clone_from(&revision.rule.title);
    }
}
