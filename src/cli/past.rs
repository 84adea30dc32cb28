//! What happened before, for commands that learn from it or judge it anew: stored events, or files.

use std::path::PathBuf;

use anyhow::{Context, bail};

use serde_json::json;

use super::records;
use super::terminal::grouped;
use crate::alert::Alert;
use crate::config::{self, Config};
use crate::event::Timestamp;
use crate::notify::now;
use crate::source::RawBatch;
use crate::store::{AuditRow, Condition, Scanned, Store, StoreError};

/// Days that are read where nothing is said.
const DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;
/// Longest part of a command that the audit keeps, in characters.
const LONGEST: usize = 400;
/// What ClickHouse says to an account that may only read: `READONLY` and `ACCESS_DENIED`.
const READS_ONLY: [u32; 2] = [164, 497];

/// Where the past is.
#[derive(Debug, clap::Args)]
pub(super) struct Past {
    /// Files in the order of their times; `.gz` is unpacked, `-` is standard input; stored events without any
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    stretch: Stretch,
}

/// Which stored events.
#[derive(Debug, clap::Args)]
pub(super) struct Stretch {
    /// Stored events from here on (RFC 3339); thirty days before the end without it
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Stored events up to here (RFC 3339); now without it
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// What is done with stored events, for the audit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed<'d> {
    /// Such as `hunted`.
    pub(super) action: &'static str,
    /// With which rule or rules.
    pub(super) object: &'d str,
}

/// Makes a configuration fit for stored events: they are native JSON, and their times are their own.
pub(super) fn fit_stored(config: &mut Config) {
    config.decode = config::Decode::default();
    config.source.first_event_at = None;
}

impl Past {
    /// Whether it is read from the store.
    pub(super) fn is_stored(&self) -> bool {
        self.files.is_empty()
    }

    /// Makes a configuration fit for these records.
    pub(super) fn fit(&self, config: &mut Config) {
        if self.is_stored() {
            fit_stored(config);
        }
    }

    /// Alerts of a family in this time that people closed as true; of files nobody said anything.
    ///
    /// # Errors
    /// The store cannot be read, or a time is none.
    pub(super) fn confirmed(&self, config: &Config, family: &str) -> anyhow::Result<Vec<Alert>> {
        if !self.is_stored() {
            return Ok(Vec::new());
        }
        let stretch = self.stretch.times()?;
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let store = Store::connect(&config.store).await?;
                store.check_schema().await?;
                Ok(store.confirmed(family, stretch).await?)
            })
    }

    /// Reads all of it in the order of time, with progress; what is stored not before that is on record. `each` says how many events there were so far.
    ///
    /// # Errors
    /// A file or the store cannot be read, or a time is none.
    pub(super) fn read(
        &self,
        config: &Config,
        deed: Deed<'_>,
        each: impl FnMut(&RawBatch) -> std::io::Result<u64>,
    ) -> anyhow::Result<()> {
        if self.is_stored() {
            return self.stretch.read(config, deed, &Condition::all(), each);
        }
        if self.stretch.is_said() {
            bail!("--since and --until are for stored events; files are read whole");
        }
        records::read(&self.files, config.decode.max_record_bytes, each)
    }
}

impl Stretch {
    /// Whether anything was said.
    pub(super) fn is_said(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// From when until when.
    ///
    /// # Errors
    /// A time is none, or the end is not after the beginning.
    pub(super) fn times(&self) -> anyhow::Result<(Timestamp, Timestamp)> {
        let until = time("until", self.until.as_deref())?.unwrap_or_else(now);
        let since = time("since", self.since.as_deref())?;
        let since = since.unwrap_or_else(|| until.plus_micros(-DAYS * DAY_US));
        if since >= until {
            bail!("--since {since} is not before --until {until}");
        }
        Ok((since, until))
    }

    /// Reads the stored events that fulfil a condition, in the order of time, with progress, once that is on record. `each` says how many events there were
    /// so far.
    ///
    /// # Errors
    /// The store cannot be read, or a time is none.
    pub(super) fn read(
        &self,
        config: &Config,
        deed: Deed<'_>,
        condition: &Condition,
        mut each: impl FnMut(&RawBatch) -> std::io::Result<u64>,
    ) -> anyhow::Result<()> {
        let stretch = self.times()?;
        let bar = records::progress();
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let store = Store::connect(&config.store).await?;
                store.check_schema().await?;
                put_on_record(&store, &config.store.user, deed, stretch).await?;
                let mut batch = RawBatch::new(0);
                let (mut offset, mut outcome) = (0, Ok(0));
                let mut hand_on = |batch: &mut RawBatch| {
                    if outcome.is_ok() {
                        outcome = each(batch);
                        bar.set_message("events");
                        bar.set_position(*outcome.as_ref().unwrap_or(&0));
                    }
                    *batch = RawBatch::new(0);
                };
                let taken = |record: &str| {
                    batch.push(offset, None, record.as_bytes());
                    offset += 1;
                    if batch.is_full() {
                        hand_on(&mut batch);
                    }
                };
                let scanned = |Scanned { rows, of }: Scanned| {
                    bar.set_message(format!("of {} rows looked through", grouped(of)));
                    bar.set_position(rows);
                };
                let read = store.records_in_order(stretch, condition, scanned, taken);
                read.await?;
                hand_on(&mut batch);
                outcome?;
                anyhow::Ok(())
            })
            .inspect(|()| bar.finish_and_clear())
    }
}

/// Puts on record who looks at which stored events. An account that may only read leaves its queries in the server's own log, and is told so.
async fn put_on_record(
    store: &Store,
    user: &str,
    Deed { action, object }: Deed<'_>,
    (since, until): (Timestamp, Timestamp),
) -> anyhow::Result<()> {
    let now = now();
    let row = AuditRow {
        time: now,
        actor: user.to_owned(),
        action,
        object_kind: "search".to_owned(),
        object: object.chars().take(LONGEST).collect(),
        title: format!("{user} read stored events by command: {action}"),
        detail: json!({ "from": since, "until": until }).to_string(),
        before: now.micros(),
    };
    match store.record_changes(&[row]).await {
        Err(StoreError::Refused { code, .. }) if READS_ONLY.contains(&code) => {
            eprintln!("{user} may not write the audit: only system.query_log shows this query");
            Ok(())
        }
        done => Ok(done?),
    }
}

/// The time of an argument of this name.
fn time(name: &str, text: Option<&str>) -> anyhow::Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let time = Timestamp::parse_rfc3339(text);
    let time = time.with_context(|| {
        format!("--{name}: {text:?} is no RFC 3339 time; write it as 2026-11-01T00:00:00Z")
    })?;
    Ok(Some(time))
}
