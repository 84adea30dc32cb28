//! Records of files for the commands that take logs, with progress on a terminal.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::source::RawBatch;
use crate::source::lines::{Lines, Progress};

/// Reads the files in order, batch by batch; `.gz` is unpacked, `-` is standard input. `each` says how many events there were so far.
/// Records longer than `limit` bytes are cut, which makes them dead letters.
///
/// # Errors
/// A file cannot be read, with its name, or what `each` says.
pub(super) fn read(
    files: &[PathBuf],
    limit: usize,
    mut each: impl FnMut(&RawBatch) -> io::Result<u64>,
) -> anyhow::Result<()> {
    let bar = progress();
    for file in files {
        let mut lines = open(file, limit).with_context(|| file.display().to_string())?;
        loop {
            let mut batch = RawBatch::new(0);
            let progress = lines.read_into(&mut batch, true);
            let progress = progress.with_context(|| file.display().to_string())?;
            bar.set_position(each(&batch)?);
            if progress == Progress::End {
                break;
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Events so far, on a terminal; something else where a message says so.
pub(super) fn progress() -> ProgressBar {
    if io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{human_pos} {msg}, {per_sec}, {elapsed}")
            .expect("the template is right");
        ProgressBar::new_spinner()
            .with_style(style)
            .with_message("events")
    } else {
        ProgressBar::hidden()
    }
}

fn open(path: &Path, limit: usize) -> io::Result<Lines> {
    if path.as_os_str() == "-" {
        Ok(Lines::new(Box::new(io::stdin()), 0, limit))
    } else {
        Lines::open(path, 0, limit)
    }
}
