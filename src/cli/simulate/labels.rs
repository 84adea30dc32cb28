//! Writes the labels file, with the wall-clock time at which each scenario began.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::event::Timestamp;
use crate::simulate::Generator;

/// When each scenario's first event went out.
#[derive(Debug, Default)]
pub(super) struct Labels {
    first: BTreeMap<usize, Timestamp>,
}

impl Labels {
    /// An event of this scenario goes out now.
    pub(super) fn seen(&mut self, scenario: usize) {
        self.first.entry(scenario).or_insert_with(|| {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
        });
    }

    /// Writes the file whole or not at all.
    pub(super) fn write(&self, path: &Path, generator: &Generator) -> Result<()> {
        let mut text = Vec::new();
        for (index, label) in generator.labels() {
            let mut label = label.clone();
            label.wall_first = self.first.get(&index).copied();
            serde_json::to_writer(&mut text, &label)?;
            text.push(b'\n');
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let write = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(&text)?;
            fs::rename(&beside, path)
        };
        write().with_context(|| format!("cannot write the labels to {}", path.display()))
    }
}
