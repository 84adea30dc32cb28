//! Past calls, for the commands that look at history: files of any format that the configuration decodes, or what is stored.

use std::path::PathBuf;

use anyhow::bail;

use crate::cli::past::Stretch;
use crate::cli::records;
use crate::config::{self, Config};
use crate::contract::Contracts;
use crate::decode::Decoder;
use crate::enrich::Enricher;
use crate::event::{Event, Timestamp};
use crate::store::Store;

/// Stands for the store in the place of a file.
const STORE: &str = "clickhouse";

/// Where past calls come from.
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// Logs in any format that the configuration decodes; `.gz` is unpacked, `-` is standard input. Or `clickhouse`: what is stored
    #[arg(long, value_name = "FILE|clickhouse", num_args = 1..)]
    from: Vec<PathBuf>,
    #[command(flatten)]
    stretch: Stretch,
    /// Configuration file (TOML), for decoding and the store; built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

/// How many records there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) rejected: u64,
}

impl History {
    /// Whether any was asked for.
    pub(super) fn is_wanted(&self) -> bool {
        !self.from.is_empty()
    }

    /// Takes each event, completed and held against `contracts`, with the number of its record, from 0. Of the store only those of
    /// `integrations` and those without any.
    ///
    /// # Errors
    /// The configuration is wrong, a file cannot be read or the store not be reached.
    pub(super) fn read(
        &self,
        contracts: Contracts,
        integrations: &[&str],
        mut each: impl FnMut(&Event<'_>, u64),
    ) -> anyhow::Result<Counts> {
        let config = config::load(self.config.as_deref())?;
        let decoder = Decoder::new(&config.decode)?;
        let enricher = Enricher::new(&config.enrich)?.with_contracts(contracts);
        let mut counts = Counts::default();
        let mut take = |decoder: &Decoder, raw: &[u8], stamped: Option<Timestamp>| {
            let Ok(mut event) = decoder.decode(raw, stamped) else {
                counts.rejected += 1;
                return counts.events;
            };
            enricher.enrich(&mut event);
            each(&event, counts.events + counts.rejected);
            counts.events += 1;
            counts.events
        };
        if self.from == [PathBuf::from(STORE)] {
            // Native JSON, whatever format the configuration has for its source.
            let native = Decoder::new(&config::Decode::default())?;
            self.stored(&config, integrations, |record| {
                take(&native, record.as_bytes(), None)
            })?;
            return Ok(counts);
        }
        if self.stretch.is_said() {
            bail!("--since and --until are for --from clickhouse; files are read whole");
        }
        records::read(&self.from, config.decode.max_record_bytes, |batch| {
            let mut events = 0;
            for (_, stamped, raw) in batch.iter() {
                events = take(&decoder, raw, stamped);
            }
            Ok(events)
        })?;
        Ok(counts)
    }

    fn stored(
        &self,
        config: &Config,
        integrations: &[&str],
        mut each: impl FnMut(&str) -> u64,
    ) -> anyhow::Result<()> {
        let (since, until) = self.stretch.times()?;
        let bar = records::progress();
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let store = Store::connect(&config.store).await?;
                let taken = |record: &str| bar.set_position(each(record));
                store.records(since, until, integrations, taken).await
            })?;
        bar.finish_and_clear();
        Ok(())
    }
}
