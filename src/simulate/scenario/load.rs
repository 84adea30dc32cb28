//! Reads scenario files: parse, check, and say where something is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Caller, LabelKind, Phase, Request, Scenario};
use crate::event::Field;

/// A scenario file larger than this is refused.
const LARGEST: u64 = 1 << 20;
/// Most requests of one phase.
const MOST_EVENTS: u32 = 5_000_000;

/// Most callers who take turns.
const MOST_CALLERS: u32 = 10_000;

/// What is wrong with a scenario file.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than a scenario can be.
    #[error("{} is larger than 1 MiB; is it a scenario?", path.display())]
    Oversized {
        /// Which one.
        path: PathBuf,
    },
    /// It is not YAML, or not a scenario.
    #[error("{}: {detail}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Line, column, what and a piece of the file.
        detail: String,
    },
    /// It reads well but makes no sense.
    #[error("{}: scenario `{name}`: {detail}", path.display())]
    Senseless {
        /// Which file.
        path: PathBuf,
        /// Which scenario.
        name: String,
        /// What, with a hint.
        detail: String,
    },
    /// Two scenarios have one name.
    #[error("{}: the name `{name}` is taken by {}", path.display(), other.display())]
    Twice {
        /// The second file.
        path: PathBuf,
        /// The first file.
        other: PathBuf,
        /// The name.
        name: String,
    },
    /// The folder holds none.
    #[error("{} holds no scenario (`*.yaml`, in it or in a folder in it)", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// Reads one scenario. `path` is only for messages.
///
/// # Errors
/// When the text is not a scenario, or one that makes no sense.
pub fn parse(path: &Path, text: &str) -> Result<Scenario, ScenarioError> {
    let scenario: Scenario =
        serde_saphyr::from_str(text).map_err(|error| ScenarioError::Malformed {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
    check(&scenario).map_err(|detail| ScenarioError::Senseless {
        path: path.to_owned(),
        name: scenario.name.clone(),
        detail,
    })?;
    Ok(scenario)
}

/// Reads all `*.yaml` in a folder and in its folders, in the order of their paths.
///
/// # Errors
/// The first thing that is wrong, with its place; also when the folder holds no scenario.
pub fn folder(folder: &Path) -> Result<Vec<Scenario>, ScenarioError> {
    let mut paths = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            paths.extend(entries(&path)?);
        } else {
            paths.push(path);
        }
    }
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    paths.sort();
    let mut scenarios = Vec::new();
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in paths {
        let scenario = parse(&path, &read(&path)?)?;
        if let Some(other) = names.insert(scenario.name.clone(), path.clone()) {
            return Err(ScenarioError::Twice {
                path,
                other,
                name: scenario.name,
            });
        }
        scenarios.push(scenario);
    }
    if scenarios.is_empty() {
        return Err(ScenarioError::Empty {
            path: folder.to_owned(),
        });
    }
    Ok(scenarios)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ScenarioError> {
    fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect()
        })
        .map_err(|source| unreadable(folder, source))
}

fn read(path: &Path) -> Result<String, ScenarioError> {
    let size = fs::metadata(path)
        .map_err(|source| unreadable(path, source))?
        .len();
    if size > LARGEST {
        return Err(ScenarioError::Oversized {
            path: path.to_owned(),
        });
    }
    fs::read_to_string(path).map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: std::io::Error) -> ScenarioError {
    ScenarioError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn check(scenario: &Scenario) -> Result<(), String> {
    let kebab = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !kebab(&scenario.name) {
        return Err("the name must be of a-z, 0-9 and `-`".to_owned());
    }
    if !kebab(&scenario.requirement) {
        return Err(format!(
            "requirement `{}` must look like `sec-07`",
            scenario.requirement
        ));
    }
    if scenario.twin_of.is_some() && scenario.attack {
        return Err(
            "an attack is nobody's twin: take `twin_of` away or set `attack: false`".to_owned(),
        );
    }
    if scenario.timeline.is_empty() && scenario.ordinary.is_empty() {
        return Err(
            "nothing happens; give it a `timeline` or a change of `ordinary` traffic".to_owned(),
        );
    }
    for (index, phase) in scenario.timeline.iter().enumerate() {
        check_phase(phase).map_err(|detail| format!("phase {}: {detail}", index + 1))?;
    }
    for (index, change) in scenario.ordinary.iter().enumerate() {
        change
            .check()
            .map_err(|detail| format!("change {}: {detail}", index + 1))?;
    }
    // Whose ordinary traffic changes is known when the population is.
    let is_borne = !scenario.ordinary.is_empty()
        || scenario.timeline.iter().any(|phase| bears(scenario, phase));
    if !is_borne {
        return Err(format!(
            "no phase has a caller that is the entity `{}`; an alert could not name it",
            scenario.entity.value
        ));
    }
    Ok(())
}

fn bears(scenario: &Scenario, phase: &Phase) -> bool {
    match scenario.entity.kind {
        LabelKind::Gateway | LabelKind::Integration => false,
        LabelKind::Client => phase.caller.client.as_ref() == Some(&scenario.entity.value),
        LabelKind::Address => phase
            .caller
            .address
            .is_some_and(|address| address.to_string() == scenario.entity.value),
    }
}

fn check_phase(phase: &Phase) -> Result<(), String> {
    if !(1..=MOST_EVENTS).contains(&phase.events) {
        return Err(format!("events must be from 1 to {MOST_EVENTS}"));
    }
    let Caller {
        client, address, ..
    } = &phase.caller;
    if client.is_none() && address.is_none() {
        return Err("the caller needs a client or an address".to_owned());
    }
    if !(1..=MOST_CALLERS).contains(&phase.caller.spread) {
        return Err(format!("spread must be from 1 to {MOST_CALLERS}"));
    }
    for name in phase.fields.others.keys() {
        check_field(name)?;
    }
    for status in &phase.fields.status {
        if !(100..=599).contains(status) {
            return Err(format!("{status} is no HTTP status"));
        }
    }
    match &phase.request {
        Request::Inject(inject) if inject.payloads.is_empty() => {
            Err("`payloads` is empty".to_owned())
        }
        Request::Probe(probe) if probe.paths.is_empty() => Err("`paths` is empty".to_owned()),
        Request::Login(login) if login.subjects == 0 => {
            Err("`subjects` must be 1 or more".to_owned())
        }
        Request::Walk(walk) => check_walk(&walk.route, walk.first, walk.step, phase.events),
        _ => Ok(()),
    }
}

/// Fields of which the simulator must know itself.
const OURS: [Field; 5] = [
    Field::Time,
    Field::Sequence,
    Field::ClientId,
    Field::ClientAddress,
    Field::Status,
];

fn check_field(name: &str) -> Result<(), String> {
    match Field::from_name(name) {
        Some(field) if OURS.contains(&field) => Err(format!(
            "`{name}` cannot be set under `fields`: `caller`, `timeline` and `status: [200]` do"
        )),
        Some(_) => Ok(()),
        None => {
            let known = Field::ALL.iter().map(|field| field.name());
            let near = known.min_by_key(|known| strsim::osa_distance(known, name));
            let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Err(format!("`{name}` is no field of a record{hint}"))
        }
    }
}

fn check_walk(route: &str, first: u32, step: u32, events: u32) -> Result<(), String> {
    if !route.contains("{id}") {
        return Err(format!("route `{route}` has no `{{id}}` to put the ids in"));
    }
    // The route is written into JSON without escapes.
    if !route
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    {
        return Err(format!(
            "route `{route}` has a character that does not belong in a route"
        ));
    }
    let last = u64::from(first) + u64::from(step) * u64::from(events);
    if u32::try_from(last).is_err() {
        return Err(
            "the last id would not fit 32 bits; take a smaller `first` or `step`".to_owned(),
        );
    }
    Ok(())
}
