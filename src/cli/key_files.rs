//! Older keys on the command line: `NAME=FILE`.

use anyhow::{Context, bail};

/// Name and content of each file.
pub(super) fn read(keys: &[String], option: &str) -> anyhow::Result<Vec<(String, String)>> {
    let read = |key: &String| {
        let Some((name, file)) = key.split_once('=') else {
            bail!("{option} {key}: expected NAME=FILE");
        };
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{option} {name}: {file}"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        Ok((name.to_owned(), text.to_owned()))
    };
    keys.iter().map(read).collect()
}
