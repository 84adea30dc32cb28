//! Whom it is about: an identifier, and all pseudonyms that it has under the keys at hand.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::cli::key_files;
use crate::config::Config;
use crate::enrich::Redactor;
use crate::event::Field;
use crate::store::{Sealer, Store, Subject};

/// Fields whose ids may be a person's.
const FIELDS: [Field; 3] = [Field::Subject, Field::ResourceId, Field::DeviceId];
/// Shortest identifier: a shorter one would be found in the dead letters of others.
const SHORTEST: usize = 3;

/// Whom it is about.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The identifier as gateways log it: of a user, a resident or a device; `-` reads it from standard input
    #[arg(value_name = "ID")]
    id: String,
    /// An older key of pseudonyms: its name and the file that holds it
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

    /// Key, field and pseudonym, of each.
    pub(super) fn pseudonyms(
        &self,
        config: &Config,
        identifier: &str,
    ) -> anyhow::Result<Vec<(String, Field, String)>> {
        let enrich = &config.enrich;
        let now = enrich
            .pseudonym_key
            .resolve(enrich.pseudonym_key_file.as_deref(), "enrich.pseudonym_key")?;
        let mut redactors = vec![Redactor::new(
            now.expose().as_bytes(),
            &enrich.pseudonym_key_id,
        )];
        for (name, key) in key_files::read(&self.keys, "--key")? {
            redactors.push(Redactor::new(key.as_bytes(), &name));
        }
        let each = redactors.iter().flat_map(|redactor| {
            FIELDS.map(|field| {
                let pseudonym = redactor.pseudonym(field, identifier).into_string();
                (redactor.key_id().to_owned(), field, pseudonym)
            })
        });
        Ok(each.collect())
    }

    /// Older keys of dead letters: name and digits.
    pub(super) fn older_letter_keys(&self) -> anyhow::Result<Vec<(String, String)>> {
        key_files::read(&self.letter_keys, "--letter-key")
    }

    /// All that the store knows them by.
    pub(super) async fn find(&self, config: &Config, store: &Store) -> anyhow::Result<Subject> {
        let identifier = self.identifier()?;
        let pseudonyms = self.pseudonyms(config, &identifier)?;
        let mut subject = Subject::new(pseudonyms.into_iter().map(|(.., it)| it).collect())?;
        let mut sealers = vec![Sealer::from_config(&config.store)?];
        for (name, key) in self.older_letter_keys()? {
            sealers.push(Sealer::new(&key, &name, config.store.dead_letter_bytes)?);
        }
        store
            .find_letters(&mut subject, &sealers, &identifier)
            .await?;
        Ok(subject)
    }
}
