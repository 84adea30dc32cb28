//! Past calls, for the commands that look at history: files of any format that the configuration decodes.

use std::path::{Path, PathBuf};

use crate::cli::records;
use crate::config;
use crate::contract::Contracts;
use crate::decode::Decoder;
use crate::enrich::Enricher;
use crate::event::Event;

/// How many records there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) rejected: u64,
}

/// Takes each event of the files, completed and held against `contracts`, with the number of its record over all files, from 0.
///
/// # Errors
/// The configuration is wrong or a file cannot be read.
pub(super) fn read(
    config: Option<&Path>,
    contracts: Contracts,
    files: &[PathBuf],
    mut each: impl FnMut(&Event<'_>, u64),
) -> anyhow::Result<Counts> {
    let config = config::load(config)?;
    let decoder = Decoder::new(&config.decode)?;
    let enricher = Enricher::new(&config.enrich)?.with_contracts(contracts);
    let mut counts = Counts::default();
    records::read(files, config.decode.max_record_bytes, |batch| {
        for (_, stamped, raw) in batch.iter() {
            let Ok(mut event) = decoder.decode(raw, stamped) else {
                counts.rejected += 1;
                continue;
            };
            enricher.enrich(&mut event);
            each(&event, counts.events + counts.rejected);
            counts.events += 1;
        }
        Ok(counts.events)
    })?;
    Ok(counts)
}
