//! Reads contracts from files, and says what is wrong with them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;

use super::compile::{Contract, Contracts, Operation};
use super::document::{Document, OpenApi};
use super::openapi;
use super::paths::{MAX_SEGMENTS, Paths};
use super::words::Name;
use crate::config;
use crate::diagnostic::{self, Diagnostic, Place, did_you_mean};
use crate::yaml::{self, Node};

/// Largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most contracts.
const MAX_CONTRACTS: usize = 1_000;
/// Methods of operations.
pub(super) const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
];

/// Everything that is wrong with the contracts, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractErrors(pub Vec<Diagnostic>);

impl fmt::Display for ContractErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        diagnostic::list(f, &self.0, "contracts")
    }
}

impl std::error::Error for ContractErrors {}

impl Contracts {
    /// Loads every `*.yaml` and `*.yml` of a folder, in the order of their names.
    ///
    /// # Errors
    /// The folder or a file cannot be read, or a contract is wrong: all that is wrong, with places.
    pub fn load(folder: &Path) -> Result<Self, ContractErrors> {
        let mut sources = Vec::new();
        let mut errors = Vec::new();
        for path in files(folder)? {
            match read(&path, MAX_FILE) {
                Ok(text) => sources.push((path, text)),
                Err(why) => errors.push(unreadable(&path, &why)),
            }
        }
        if !errors.is_empty() {
            return Err(ContractErrors(errors));
        }
        Self::from_sources(&sources)
    }

    /// The contracts of the folder that the configuration names; none when it names none.
    ///
    /// # Errors
    /// See [`Contracts::load`].
    pub fn configured(config: &config::Contracts) -> Result<Self, ContractErrors> {
        match &config.folder {
            Some(folder) => Self::load(folder),
            None => Ok(Contracts::default()),
        }
    }

    /// The contracts of files that were read already.
    ///
    /// # Errors
    /// All that is wrong with them, with places.
    pub fn from_sources(sources: &[(PathBuf, String)]) -> Result<Self, ContractErrors> {
        let mut errors = Vec::new();
        let mut contracts = Vec::new();
        let mut texts: Vec<Cow<'_, str>> = Vec::new();
        let mut names: HashMap<String, &Path, FixedState> = HashMap::default();
        for (path, text) in sources {
            let mut file = File::new(path, text);
            if let Some(contract) = file.contract(&names) {
                names.insert(contract.document.integration.clone(), path);
                contracts.push(contract);
            }
            errors.append(&mut file.errors);
            texts.push(text.as_str().into());
            texts.extend(file.referenced.map(Cow::Owned));
        }
        if errors.is_empty() {
            Ok(Contracts::new(contracts, fingerprint(&texts)))
        } else {
            Err(ContractErrors(errors))
        }
    }
}

fn fingerprint(texts: &[Cow<'_, str>]) -> u64 {
    use sha2::{Digest, Sha256};
    if texts.is_empty() {
        return 0;
    }
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, ContractErrors> {
    let failed = |why: &std::io::Error| ContractErrors(vec![unreadable(folder, why)]);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|why| failed(&why))? {
        let path = entry.map_err(|why| failed(&why))?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml {
            files.push(path);
        }
    }
    if files.len() > MAX_CONTRACTS {
        let why = std::io::Error::other(format!("more than {MAX_CONTRACTS} contracts"));
        return Err(failed(&why));
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path, most: u64) -> std::io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > most {
        let why = format!("{size} bytes, {most} allowed");
        return Err(std::io::Error::other(why));
    }
    std::fs::read_to_string(path)
}

fn unreadable(path: &Path, why: &std::io::Error) -> Diagnostic {
    let message = format!("cannot be read: {why}");
    Diagnostic::new(path, "", Place::default(), message, None)
}

/// A file while it is read.
pub(super) struct File<'f> {
    path: &'f Path,
    text: &'f str,
    /// The file as nodes with places.
    root: Option<Node>,
    /// The OpenAPI document that it refers to.
    referenced: Option<String>,
    errors: Vec<Diagnostic>,
}

impl<'f> File<'f> {
    fn new(path: &'f Path, text: &'f str) -> Self {
        File {
            path,
            text,
            root: None,
            referenced: None,
            errors: Vec::new(),
        }
    }

    pub(super) fn wrong(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) {
        let error = Diagnostic::new(self.path, self.text, place, message, hint);
        self.errors.push(error);
    }

    /// Notes what is wrong with the value under these keys.
    pub(super) fn wrong_at(&mut self, keys: &[&str], message: impl Into<String>, hint: &str) {
        let place = self.place(keys);
        self.wrong(place, message, Some(hint.to_owned()));
    }

    /// Where the value under these keys stands; of the nearest that is there.
    fn place(&self, keys: &[&str]) -> Place {
        let mut place = Place { line: 1, column: 1 };
        let mut node = self.root.as_ref();
        for key in keys {
            node = node.and_then(|node| node.get(key));
            place = node.map_or(place, |node| node.place);
        }
        place
    }

    fn contract(&mut self, names: &HashMap<String, &Path, FixedState>) -> Option<Contract> {
        match yaml::parse(self.text) {
            Ok(mut documents) if documents.len() == 1 => self.root = documents.pop(),
            Ok(documents) => {
                let place = documents
                    .get(1)
                    .map_or_else(Place::default, |node| node.place);
                let message = "a file holds one contract";
                self.wrong(
                    place,
                    message,
                    Some("write each into a file of its own".to_owned()),
                );
                return None;
            }
            Err((place, message)) => {
                self.wrong(place, message, None);
                return None;
            }
        }
        let mut document: Document = match serde_saphyr::from_str(self.text) {
            Ok(document) => document,
            Err(error) => {
                let error = error.without_snippet();
                let place = error.location().map(yaml::place_of).unwrap_or_default();
                let (message, hint) = plain(&error.to_string());
                self.wrong(place, message, hint);
                return None;
            }
        };
        self.described(&mut document);
        self.heading(&document, names);
        self.matching(&document);
        self.people(&document);
        self.bases(&document);
        self.limits(&document);
        self.retries(&document);
        self.named_operations(&document);
        self.tenants(&document);
        self.service_levels(&document);
        self.schedules(&document);
        self.attestations(&document);
        let (paths, operations) = self.operations(&document);
        self.errors.is_empty().then_some(Contract {
            document,
            operations,
            paths,
        })
    }

    pub(super) fn place_of_item(&self, keys: &[&str], number: usize) -> Place {
        let mut node = self.root.as_ref();
        for key in keys {
            node = node.and_then(|node| node.get(key));
        }
        match node.map(|node| &node.kind) {
            Some(yaml::Kind::List(items)) => items
                .get(number)
                .map_or_else(|| self.place(keys), |item| item.place),
            _ => self.place(keys),
        }
    }

    /// Adds the operations of the OpenAPI document.
    fn described(&mut self, document: &mut Document) {
        let Some(OpenApi { file, base }) = &document.openapi else {
            return;
        };
        let path = self.path.parent().unwrap_or(Path::new("")).join(file);
        let text = match read(&path, openapi::MAX_FILE) {
            Ok(text) => text,
            Err(why) => {
                let message = format!("{} cannot be read: {why}", path.display());
                let hint = "a relative path begins at the contract's folder";
                self.wrong_at(&["openapi", "file"], message, hint);
                return;
            }
        };
        match openapi::read(&path, &text, base.as_deref()) {
            Ok(described) => {
                for operation in described {
                    let ours = document.operations.entry(operation.name).or_default();
                    let names = |fields: Option<BTreeSet<String>>| -> Option<Vec<Name>> {
                        fields.map(|fields| {
                            fields.iter().filter_map(|name| name.parse().ok()).collect()
                        })
                    };
                    ours.sends = ours.sends.take().or_else(|| names(operation.sends));
                    ours.receives = ours.receives.take().or_else(|| names(operation.receives));
                }
            }
            Err(errors) => self.errors.extend(errors),
        }
        self.referenced = Some(text);
    }

    fn operations(&mut self, document: &Document) -> (Paths, Vec<Operation>) {
        let mut paths = Paths::new();
        let mut operations: Vec<Operation> = Vec::new();
        for (name, operation) in &document.operations {
            let place = self.key_place(name);
            let Some((method, template)) = name.split_once(' ') else {
                let hint = "method and path, such as `GET /v1/plates/{plate}`";
                self.wrong(
                    place,
                    format!("`{name}` is no operation"),
                    Some(hint.to_owned()),
                );
                continue;
            };
            if !METHODS.contains(&method) {
                let hint = did_you_mean(method, METHODS)
                    .unwrap_or_else(|| format!("they are {}", METHODS.join(", ")));
                self.wrong(place, format!("`{method}` is no method"), Some(hint));
                continue;
            }
            if let Some(why) = template_fault(template) {
                let hint = "such as `/v1/plates/{plate}`, without query";
                self.wrong(place, format!("`{template}`: {why}"), Some(hint.to_owned()));
                continue;
            }
            if let Some(other) = paths.insert(method, template, operations.len()) {
                let other = &operations[other].name;
                let message = format!("`{name}` means the same calls as `{other}`");
                self.wrong(place, message, Some("keep one of them".to_owned()));
                continue;
            }
            let keys = ["operations", name, "acceptance"];
            self.acceptance(&keys, operation.acceptance.as_ref());
            operations.push(Operation {
                name: name.as_str().into(),
                template: method.len() + 1,
                document: operation.clone(),
                falls_back: document.cache.fallback.contains(name),
            });
        }
        (paths, operations)
    }

    /// Where an operation's own name stands.
    fn key_place(&self, name: &str) -> Place {
        let operations = self.root.as_ref().and_then(|root| root.get("operations"));
        operations
            .and_then(Node::entries)
            .and_then(|entries| {
                entries
                    .iter()
                    .find(|(key, _)| key.scalar_text() == Some(name))
            })
            .map_or_else(|| self.place(&["operations"]), |(key, _)| key.place)
    }
}

pub(super) fn template_fault(template: &str) -> Option<&'static str> {
    if !template.starts_with('/') {
        return Some("a path begins with `/`");
    }
    if template.contains(['?', '#', '*', ' ']) {
        return Some("a path has no query, no `*` and no space");
    }
    if super::paths::segments(template).count() > MAX_SEGMENTS {
        return Some("the path has too many segments");
    }
    let is_whole = |segment: &str| {
        let inner = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match inner {
            Some(name) => !name.is_empty() && !name.contains(['{', '}']),
            None => !segment.contains(['{', '}']),
        }
    };
    let mut segments = super::paths::segments(template);
    (!segments.all(|(segment, _)| is_whole(segment)))
        .then_some("a parameter is a whole segment between `{` and `}`")
}

/// The reader's message without the place, which stands in front already, and for an unknown key the keys that there are as a hint.
fn plain(message: &str) -> (String, Option<String>) {
    let message = message.lines().next().unwrap_or_default();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    let unknown = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected "));
    let Some((written, known)) = unknown else {
        return (message.to_owned(), None);
    };
    let known: Vec<&str> = known
        .trim_start_matches("one of ")
        .split([',', ' '])
        .map(|word| word.trim_matches('`'))
        .filter(|word| !word.is_empty() && *word != "or")
        .collect();
    let hint = did_you_mean(written, known.iter().copied())
        .unwrap_or_else(|| format!("known keys are {}", known.join(", ")));
    (format!("unknown key `{written}`"), Some(hint))
}
