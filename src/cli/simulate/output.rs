//! Where the records go: a file, standard output, or Kafka.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::simulate::Meta;
use crate::simulate::kafka::Sender;

/// Bytes gathered before a write.
const BUFFER: usize = 1 << 20;

/// Where the records go.
pub(super) enum Output {
    /// A record a line.
    File {
        /// For messages.
        path: PathBuf,
        /// Opened, and emptied, at the start.
        writer: BufWriter<Box<dyn Write>>,
    },
    /// A record a message.
    Kafka(Box<Sender>),
}

impl Output {
    /// Opens a file, or standard output for `-`.
    pub(super) fn file(path: &Path) -> Result<Self> {
        let sink: Box<dyn Write> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            Box::new(
                File::create(path)
                    .with_context(|| format!("cannot write to {}", path.display()))?,
            )
        };
        Ok(Output::File {
            path: path.to_owned(),
            writer: BufWriter::with_capacity(BUFFER, sink),
        })
    }

    /// Writes one record. The buffer gets a newline when that is how records end here.
    pub(super) fn write(&mut self, key: &str, meta: Meta, record: &mut Vec<u8>) -> Result<()> {
        match self {
            Output::File { path, writer } => {
                record.push(b'\n');
                writer
                    .write_all(record)
                    .with_context(|| format!("cannot write to {}", path.display()))
            }
            Output::Kafka(sender) => Ok(sender.send(key, meta, record)?),
        }
    }

    /// What can be done while waiting: readers of a paced file see whole lines soon, acknowledgements are taken in.
    pub(super) fn idle(&mut self) {
        match self {
            // A broken pipe shows at the next write.
            Output::File { writer, .. } => drop(writer.flush()),
            Output::Kafka(sender) => sender.poll(),
        }
    }

    /// Ends the output and says what is worth saying of it.
    pub(super) fn finish(self) -> Result<String> {
        match self {
            Output::File { path, mut writer } => {
                writer
                    .flush()
                    .with_context(|| format!("cannot write to {}", path.display()))?;
                Ok(String::new())
            }
            Output::Kafka(sender) => {
                let sent = sender.finish()?;
                Ok(format!(
                    ", {} acknowledged, queue full {} times",
                    sent.acknowledged, sent.queue_full
                ))
            }
        }
    }
}

/// Reads `key=value` lines; empty lines and those that begin with `#` are skipped. Messages never show a value.
pub(super) fn options(path: &Path) -> Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| (index, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            let (key, value) = line
                .split_once('=')
                .with_context(|| format!("{}: line {} has no `=`", path.display(), index + 1))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}
