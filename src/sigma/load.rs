//! From rule files to a rule set: read, check across files, compile.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::document;
use super::error::{Reading, RuleError, RuleErrors};
use super::link::Linker;
use super::set::RuleSet;
use super::vocabulary::Vocabulary;
use crate::config;
use crate::yaml::{self, Node};

/// Largest rule file, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Deepest nesting of folders; a link that leads back upwards ends here.
const MAX_FOLDERS: usize = 16;

/// The rule files of the settings, sorted by path in each folder, and what of the folders cannot be read.
pub(crate) fn paths(settings: &config::Rules) -> (Vec<PathBuf>, Vec<RuleError>) {
    let mut paths = Vec::new();
    let mut errors = Vec::new();
    for folder in std::iter::once(&settings.folder).chain(&settings.own) {
        let begin = paths.len();
        collect(folder, 0, &mut paths, &mut errors);
        paths[begin..].sort();
    }
    (paths, errors)
}

/// Reads every `*.yml` (and `*.yaml`) below the folders, and takes what was generated.
pub(crate) fn folders(
    settings: &config::Rules,
    vocabulary: &Vocabulary,
) -> Result<RuleSet, RuleErrors> {
    let (paths, mut errors) = paths(settings);
    let mut sources = texts(paths, &settings.folder, &mut errors);
    sources.extend(settings.generated.iter().cloned());
    match from_sources(&sources, vocabulary) {
        Ok(set) if errors.is_empty() => Ok(set),
        Ok(_) => Err(RuleErrors(errors)),
        Err(RuleErrors(more)) => {
            errors.extend(more);
            Err(RuleErrors(errors))
        }
    }
}

/// Path and text of every `*.yml` (and `*.yaml`) below folders, and of files that are named; sorted by path in each.
pub(crate) fn files(places: &[PathBuf]) -> (Vec<(PathBuf, String)>, Vec<RuleError>) {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut errors = Vec::new();
    for place in places {
        let mut found = Vec::new();
        if place.is_file() {
            found.push(place.clone());
        } else {
            collect(place, 0, &mut found, &mut errors);
        }
        found.sort();
        found.retain(|path| !paths.contains(path));
        paths.extend(found);
    }
    let first = places.first().map_or(Path::new("."), PathBuf::as_path);
    let sources = texts(paths, first, &mut errors);
    (sources, errors)
}

/// The texts of files; that there is none is an error of `folder`.
fn texts(
    paths: Vec<PathBuf>,
    folder: &Path,
    errors: &mut Vec<RuleError>,
) -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(text) => sources.push((path, text)),
            Err(message) => errors.push(RuleError::whole_file(&path, message)),
        }
    }
    if sources.is_empty() && errors.is_empty() {
        let message = "no rule file (*.yml) below".to_owned();
        errors.push(RuleError::whole_file(folder, message));
    }
    sources
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, errors: &mut Vec<RuleError>) {
    if depth > MAX_FOLDERS {
        let message = format!("folders nested deeper than {MAX_FOLDERS}");
        errors.push(RuleError::whole_file(folder, message));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(RuleError::whole_file(
                folder,
                format!("cannot be read: {error}"),
            ));
            return;
        }
    };
    for entry in entries {
        match entry {
            Ok(entry) => {
                let path = entry.path();
                if path.is_dir() {
                    collect(&path, depth + 1, paths, errors);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "yml" || extension == "yaml")
                {
                    paths.push(path);
                }
            }
            Err(error) => errors.push(RuleError::whole_file(
                folder,
                format!("cannot be read: {error}"),
            )),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "is {size} bytes long; a rule file is at most {MAX_FILE_BYTES}"
        ));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

/// Builds a rule set from the text of rule files.
pub(crate) fn from_sources(
    sources: &[(PathBuf, String)],
    vocabulary: &Vocabulary,
) -> Result<RuleSet, RuleErrors> {
    let mut readings: Vec<Reading<'_>> = sources
        .iter()
        .map(|(path, text)| Reading::new(path, text, vocabulary))
        .collect();
    let files: Vec<Vec<Node>> = sources
        .iter()
        .zip(&mut readings)
        .map(|((_, text), reading)| {
            yaml::parse(text).unwrap_or_else(|(place, message)| {
                reading.error(place, message);
                Vec::new()
            })
        })
        .collect();
    let logsources = document::logsources(files.iter().flatten());
    let mut linker = Linker::default();
    for (file, (nodes, reading)) in files.iter().zip(&mut readings).enumerate() {
        for node in nodes {
            let path = &sources[file].0;
            if let Some(document) = document::parse(node, path, &logsources, reading) {
                linker.add(file, document);
            }
        }
    }
    let broken = readings.iter().any(|reading| reading.count() > 0);
    let linked = linker.link(&mut readings, broken);
    let errors: Vec<RuleError> = readings
        .into_iter()
        .flat_map(Reading::into_errors)
        .collect();
    if !errors.is_empty() {
        return Err(RuleErrors(errors));
    }
    Ok(RuleSet::new(linked, fingerprint(sources, vocabulary)))
}

/// The first eight bytes of SHA-256 over the sources in order, each with its folder (the default family) and its length.
fn fingerprint(sources: &[(PathBuf, String)], vocabulary: &Vocabulary) -> u64 {
    let mut hash = Sha256::new();
    hash.update(vocabulary.fingerprint().to_le_bytes());
    for (path, text) in sources {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        for part in [folder.as_encoded_bytes(), text.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    eight_bytes(&hash.finalize())
}

/// The beginning of a digest as a number.
pub(crate) fn eight_bytes(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
