//! Whom it is about: an identifier, and all pseudonyms that it has under the keys at hand.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::cli::key_files;
use crate::config::Config;
use crate::enrich::{self, Alias, Redactor};
use crate::store::{Sealer, Store, Subject};

/// Shortest identifier: a shorter one would be found in the dead letters of others.
const SHORTEST: usize = 3;

/// Whom it is about.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// What gateways log: an id of a user, a resident or a device, or a vehicle plate in any spelling; `-` reads it from standard input
    #[arg(value_name = "ID")]
    id: String,
    /// An older key of pseudonyms that the configuration does not name: its name and the file that holds it
    #[arg(long = "key", value_name = "NAME=FILE")]
    keys: Vec<String>,
    /// An older key of dead letters: its name and the file that holds it
    #[arg(long = "letter-key", value_name = "NAME=FILE")]
    letter_keys: Vec<String>,
}

impl Who {
    /// The identifier in clear.
    pub(super) fn identifier(&self) -> anyhow::Result<String> {
        let mut id = self.id.clone();
        if id == "-" {
            id.clear();
            std::io::stdin()
                .take(4_096)
                .read_to_string(&mut id)
                .context("the identifier cannot be read from standard input")?;
        }
        let id = id.trim().to_owned();
        if id.chars().count() < SHORTEST {
            bail!("an identifier has {SHORTEST} characters or more");
        }
        Ok(id)
    }

    /// All pseudonyms of an identifier, under the keys of the configuration and those of the command line.
    pub(super) fn pseudonyms(
        &self,
        config: &Config,
        identifier: &str,
    ) -> anyhow::Result<Vec<Alias>> {
        let mut redactors = Redactor::of_all_keys(&config.enrich)?;
        for (name, key) in key_files::read(&self.keys, "--key")? {
            redactors.push(Redactor::new(key.as_bytes(), &name));
        }
        Ok(enrich::aliases(&redactors, identifier))
    }

    /// Older keys of dead letters: name and digits.
    pub(super) fn older_letter_keys(&self) -> anyhow::Result<Vec<(String, String)>> {
        key_files::read(&self.letter_keys, "--letter-key")
    }

    /// All that the store knows them by.
    pub(super) async fn find(&self, config: &Config, store: &Store) -> anyhow::Result<Subject> {
        let identifier = self.identifier()?;
        let aliases = self.pseudonyms(config, &identifier)?;
        let mut subject = Subject::new(aliases.into_iter().map(|it| it.pseudonym).collect())?;
        let mut sealers = vec![Sealer::from_config(&config.store)?];
        for (name, key) in self.older_letter_keys()? {
            sealers.push(Sealer::new(&key, &name, config.store.dead_letter_bytes)?);
        }
        store
            .find_letters(&mut subject, &sealers, &enrich::forms(&identifier))
            .await?;
        Ok(subject)
    }
}
