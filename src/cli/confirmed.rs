//! Alerts of behaviour that were so, for training: what an attacker did is not to be usual.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use uuid::Uuid;

use super::past::Past;
use super::score::each_line;
use crate::config::Config;
use crate::event::Timestamp;
use crate::track::{Entity, LeftOut};

/// The family of what is found of behaviour.
const FAMILY: &str = "behaviour";

/// Which alerts were so, and the hours of their entities.
#[derive(Debug, Default)]
pub(super) struct Confirmed {
    pub(super) alerts: BTreeSet<Uuid>,
    pub(super) left_out: LeftOut,
}

/// What is read of an alert.
#[derive(Deserialize)]
struct Line {
    id: Uuid,
    rule: Rule,
    entity: Entity,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Deserialize)]
struct Rule {
    family: String,
}

impl Confirmed {
    /// Those of this past that people closed as true, and those of a file of alerts as JSON lines, as `replay --alerts` prints them.
    ///
    /// # Errors
    /// The store or the file cannot be read.
    pub(super) fn of(past: &Past, config: &Config, file: Option<&Path>) -> anyhow::Result<Self> {
        let mut confirmed = Confirmed::default();
        for alert in past.confirmed(config, FAMILY)? {
            confirmed.add(alert.id, alert.entity, alert.first, alert.last);
        }
        if let Some(path) = file {
            let named = || path.display().to_string();
            let opened = File::open(path).with_context(named)?;
            let reader = Box::new(BufReader::new(opened));
            each_line(reader, |number, line| confirmed.line(number, line)).with_context(named)?;
        }
        Ok(confirmed)
    }

    /// Of an alert that changed there may be several lines.
    fn line(&mut self, number: usize, line: &str) -> anyhow::Result<()> {
        let line: Line =
            serde_json::from_str(line).with_context(|| format!("line {number} is no alert"))?;
        if line.rule.family == FAMILY {
            self.add(line.id, line.entity, line.first, line.last);
        }
        Ok(())
    }

    fn add(&mut self, id: Uuid, entity: Entity, first: Timestamp, last: Timestamp) {
        self.alerts.insert(id);
        self.left_out.add(entity, first, last);
    }
}
