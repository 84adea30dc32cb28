//! Replays logs through decode, enrich, match and track with the rules that ship, as the service does.
//!
//! Shared by tests and benches, each of which uses its part.
#![allow(dead_code)]

pub mod crowdsec;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use gatewatch::config::{Config, Secret};
use gatewatch::pipeline::detection::Detection;
use gatewatch::pipeline::offline::Offline;
use gatewatch::sigma::RuleSet;
use gatewatch::source::RawBatch;
use gatewatch::track::{EntityKind, Fired};
use uuid::Uuid;

/// Detection by the catalogue, with the name of each rule: folder and file, such as `discovery/path-scan`.
pub struct Catalogue {
    detection: Detection,
    names: BTreeMap<Uuid, String>,
}

/// What was found of one entity by one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Folder and file of the rule.
    pub rule: String,
    /// Whom the finding names.
    pub entity: String,
    /// Addresses of the callers behind it.
    pub addresses: BTreeSet<String>,
    /// Events behind it.
    pub count: u64,
}

/// What became of a log.
#[derive(Debug, Default)]
pub struct Replayed {
    pub events: u64,
    pub rejected: u64,
    /// By rule and entity.
    pub found: Vec<Found>,
}

impl Catalogue {
    pub fn load() -> Self {
        let mut config = Config::default();
        config.rules.folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        // Nothing leaves the process, so these need not be secret.
        config.enrich.pseudonym_key = Secret::new("a key of no meaning, for measurements alone");
        config.store.dead_letter_key = Secret::new("00".repeat(32));
        let rules = RuleSet::load(&config.rules)
            .unwrap_or_else(|errors| panic!("the catalogue does not load:\n{errors}"));
        let mut names = BTreeMap::new();
        let singles = rules.rules().iter().map(|rule| (&rule.meta, &rule.source));
        let correlations = rules
            .correlations()
            .iter()
            .map(|rule| (&rule.meta, &rule.source));
        for (meta, source) in singles.chain(correlations) {
            let file = source.path.file_stem().unwrap_or_default();
            let name = format!("{}/{}", meta.family, file.to_string_lossy());
            names.insert(meta.id, name);
        }
        Catalogue {
            detection: Detection::new(&config, Arc::new(rules)).expect("the defaults hold"),
            names,
        }
    }

    /// Replays the lines of a log.
    pub fn replay(&self, log: &[u8]) -> Replayed {
        let mut offline = Offline::new(&self.detection);
        let mut batch = RawBatch::new(0);
        let lines = log.split(|byte| *byte == b'\n');
        for (offset, line) in (0..).zip(lines.filter(|line| !line.is_empty())) {
            batch.push(offset, None, line);
        }
        let mut fired = offline.batch(&batch);
        fired.extend(offline.finish());
        Replayed {
            events: offline.counts().0,
            rejected: offline.counts().1,
            found: self.by_rule_and_entity(&fired),
        }
    }

    fn by_rule_and_entity(&self, fired: &[Fired]) -> Vec<Found> {
        let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
        for Fired { finding, .. } in fired {
            let rule = self.names.get(&finding.rule);
            let rule = rule.map_or_else(|| finding.rule.to_string(), Clone::clone);
            let entity = finding.entity.value.to_string();
            let one = found
                .entry((rule.clone(), entity.clone()))
                .or_insert_with(|| Found {
                    rule,
                    entity,
                    addresses: BTreeSet::new(),
                    count: 0,
                });
            one.count += finding.count;
            let callers = finding.evidence.iter().filter_map(|one| one.client_address);
            one.addresses
                .extend(callers.map(|address| address.to_string()));
            if finding.entity.kind == EntityKind::Address {
                let value = finding.entity.value.split(" | ").next();
                one.addresses.insert(value.unwrap_or_default().to_owned());
            }
        }
        found.into_values().collect()
    }
}
