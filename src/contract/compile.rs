//! Contracts in the form that events are held against.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::document::{self, Callers, Document};
use super::paths::Paths;
use crate::event::{Event, Text};

/// The contracts in force. Shared by threads, without locks.
#[derive(Debug, Default)]
pub struct Contracts {
    all: Vec<Contract>,
    by_name: HashMap<Box<str>, usize, FixedState>,
    fingerprint: u64,
}

/// One contract.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) document: Document,
    pub(super) operations: Vec<Operation>,
    pub(super) paths: Paths,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Method and template, as written.
    pub(super) name: Box<str>,
    /// Where the template begins in the name.
    pub(super) template: usize,
    pub(super) document: document::Operation,
    /// Whether a cache has to answer it when the other side fails.
    pub(super) falls_back: bool,
}

/// Which contract an event falls under, and which of its operations it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub(super) contract: usize,
    pub(super) operation: Option<usize>,
}

impl Contracts {
    pub(super) fn new(all: Vec<Contract>, fingerprint: u64) -> Self {
        let by_name = all
            .iter()
            .enumerate()
            .map(|(number, contract)| (contract.document.integration.as_str().into(), number))
            .collect();
        Contracts {
            all,
            by_name,
            fingerprint,
        }
    }

    /// The same for the same texts: what an event becomes depends on it. 0 without contracts.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(super) fn of_event(&self, recognised: Recognised) -> (&Contract, Option<&Operation>) {
        let contract = &self.all[recognised.contract];
        let number = recognised.operation;
        (contract, number.map(|number| &contract.operations[number]))
    }

    /// The lists of each contract by names that rules may expand, such as `plates.clients`; empty lists have none.
    pub fn lists(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.documents().flat_map(|document| {
            let Callers {
                clients,
                gateways,
                networks,
                egress,
                countries,
            } = &document.callers;
            [
                ("clients", texts(clients)),
                ("gateways", texts(gateways)),
                ("networks", texts(networks)),
                ("egress", texts(egress)),
                ("countries", texts(countries)),
                ("webhook_networks", texts(&document.webhooks.networks)),
            ]
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| (format!("{}.{name}", document.integration), values))
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The contracts as they were written, in the order of their files.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.all.iter().map(|contract| &contract.document)
    }

    /// Finds contract and operation of an event, and puts down integration, route, operation and resource id where the log has none.
    pub fn recognise(&self, event: &mut Event<'_>) -> Option<Recognised> {
        let number = self.of(event);
        let has_source = |number: usize| self.all[number].document.second_source.is_some();
        if event.is_of_partner() && !number.is_some_and(has_source) {
            // Nobody slips past the rules by calling a record the partner's.
            event.observer = None;
        }
        let number = number?;
        let contract = &self.all[number];
        if event.integration.is_none() {
            event.integration = Some(Text::from(contract.document.integration.clone()));
        }
        let path = event.path_decoded.as_ref().or(event.path.as_ref());
        let found = match (&event.method, path) {
            (Some(method), Some(path)) => contract.paths.find(method, path),
            _ => None,
        };
        if let (Some(found), Some(path)) = (&found, path) {
            let operation = &contract.operations[found.operation];
            let resource = found.last_parameter.as_ref();
            let id = resource.map(|id| Text::slice(path.as_cow(), (id.start, id.end)));
            if event.resource_id.is_none() {
                event.resource_id = id;
            }
            if event.route.is_none() {
                event.route = Some(Text::from(operation.name[operation.template..].to_owned()));
            }
            if event.operation.is_none() {
                event.operation = Some(Text::from(operation.name.to_string()));
            }
        }
        Some(Recognised {
            contract: number,
            operation: found.map(|found| found.operation),
        })
    }

    /// The contract of an event: the one that the log names, else the one with the longest path that fits.
    fn of(&self, event: &Event<'_>) -> Option<usize> {
        if let Some(name) = &event.integration {
            return self.by_name.get(name.as_str()).copied();
        }
        let mut best: Option<(usize, usize)> = None;
        for (number, contract) in self.all.iter().enumerate() {
            let length = contract.fits(event);
            if length > best.map(|(length, _)| length) {
                best = length.map(|length| (length, number));
            }
        }
        best.map(|(_, number)| number)
    }
}

impl Contract {
    /// How many bytes of the path name the contract; `None` when the event is none of it.
    fn fits(&self, event: &Event<'_>) -> Option<usize> {
        let matches = &self.document.matches;
        if matches.hosts.is_empty() && matches.paths.is_empty() {
            return None; // by name only
        }
        let other_environment = match (&matches.environment, &event.environment) {
            (Some(ours), Some(theirs)) => *ours != theirs.as_str(),
            _ => false,
        };
        let host = event.host.as_deref().unwrap_or_default();
        let is_host = matches.hosts.is_empty() || matches.hosts.iter().any(|ours| ours == host);
        if other_environment || !is_host {
            return None;
        }
        if matches.paths.is_empty() {
            return Some(0);
        }
        let path = event.path_decoded.as_ref().or(event.path.as_ref())?;
        matches
            .paths
            .iter()
            .filter(|begin| is_below(path, begin))
            .map(String::len)
            .max()
    }
}

fn texts(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Whether a path is this one or lies below it.
pub(super) fn is_below(path: &str, begin: &str) -> bool {
    path.strip_prefix(begin.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
