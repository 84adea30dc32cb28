//! The public web rules and the events beside them, for a test and a benchmark.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use gatewatch::event::{Event, Field};
use gatewatch::sigma::RuleSet;
use serde_json::{Map, Value as Json};

/// Path and text of a rule file.
pub type Source = (PathBuf, String);

/// Name of a rule file and why it is not taken.
pub type Refused = (String, String);

/// The text of every rule file, sorted by path.
pub fn sources(folder: &Path) -> Vec<Source> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of rules can be read")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a rule file is text");
            (path, text)
        })
        .collect()
}

/// The rules that this engine takes, and of the others file name and reason.
pub fn supported(all: Vec<Source>) -> (Vec<Source>, Vec<Refused>) {
    let mut taken = Vec::new();
    let mut refused = Vec::new();
    for source in all {
        match RuleSet::from_sources(std::slice::from_ref(&source)) {
            Ok(_) => taken.push(source),
            Err(errors) => {
                let name = source.0.file_name().expect("a file has a name");
                let reason = &errors.0[0].message;
                refused.push((name.to_string_lossy().into_owned(), reason.clone()));
            }
        }
    }
    (taken, refused)
}

/// The events as they are, with Sigma's names.
pub fn events(folder: &Path) -> Vec<Json> {
    let packed = fs::File::open(folder.join("events.ndjson.zst")).expect("the events are there");
    let mut text = String::new();
    zstd::Decoder::new(packed)
        .and_then(|mut decoder| decoder.read_to_string(&mut text))
        .expect("the events unpack");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an event is JSON"))
        .collect()
}

/// The event under every name that Sigma has for its fields, as gatewatch knows them by each: `cs-user-agent` and
/// `c-useragent` are one field. Also the extension of the target, which gatewatch computes by itself.
pub fn under_every_name(event: &Json) -> Json {
    let mut named = event.clone();
    for field in Field::ALL {
        let Some(value) = field.sigma_names().iter().find_map(|name| event.get(name)) else {
            continue;
        };
        for name in field.sigma_names() {
            named[*name] = value.clone();
        }
    }
    let segment = event["cs-uri-stem"].as_str().and_then(|stem| {
        let path = stem.split(['?', '#']).next()?;
        path.rsplit('/').next()
    });
    let extension = segment.and_then(|segment| Some(segment.rsplit_once('.')?.1));
    if let Some(extension) = extension.filter(|extension| !extension.is_empty()) {
        named["c-uri-extension"] = extension.into();
    }
    named
}

/// The same event as a native record. Names that neither Sigma's taxonomy nor gatewatch has go to the field nearest in meaning.
pub fn native(event: &Json) -> String {
    let record: Map<String, Json> = event
        .as_object()
        .expect("an event is an object")
        .iter()
        .filter_map(|(name, value)| {
            let field = match name.as_str() {
                "timestamp" => Field::Time,
                "request-id" => Field::RequestId,
                "upstream" => Field::UpstreamAddress,
                "consumer" => Field::ClientId,
                "tenant" => Field::Environment,
                name => Field::from_name(name)?,
            };
            Some((field.name().to_owned(), value.clone()))
        })
        .collect();
    Json::Object(record).to_string()
}

/// A native record, decoded.
pub fn decode(record: &str) -> Event<'_> {
    serde_json::from_str(record).expect("a native record decodes")
}
