//! Mapping files: YAML that says where each field stands in a record.
//!
//! ```yaml
//! fields:
//!   time: { from: /request/started_at, as: epoch_millis }
//!   client_address: client.ip
//!   uri: { from: [request.url, url], as: target }
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Conversion, MAX_SOURCES, Mapping, Node, Target};
use crate::event::{Field, Kind};

/// Most keys on the way to a value.
const MAX_PATH: usize = 16;
/// Largest mapping file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What is wrong with a mapping file.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read mapping file {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it has to be.
    #[error("{}:{line}:{column}: {what}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong, with a hint.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fields: BTreeMap<String, Spanned<Source>>,
}

/// Where a field stands, short or long.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a place, or `{ from: PLACE, as: CONVERSION }`"
)]
enum Source {
    Short(String),
    Long(LongSource),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongSource {
    from: Places,
    #[serde(rename = "as")]
    conversion: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Places {
    One(String),
    Several(Vec<String>),
}

/// Reads and checks a mapping file.
pub(super) fn read(file: &Path) -> Result<Mapping, MappingError> {
    let unreadable = |source| MappingError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(unreadable(std::io::Error::other(format!(
            "{size} bytes, {MAX_FILE} allowed"
        ))));
    }
    parse(file, &std::fs::read_to_string(file).map_err(unreadable)?)
}

fn parse(file: &Path, text: &str) -> Result<Mapping, MappingError> {
    let wrong = |(line, column), what| MappingError::Wrong {
        file: file.to_owned(),
        line,
        column,
        what,
    };
    let parsed: File = serde_saphyr::from_str(text).map_err(|error| {
        let place = error
            .location()
            .map_or((1, 1), |place| (place.line(), place.column()));
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        wrong(
            place,
            format!("{message}; docs/formats.md describes the layout"),
        )
    })?;
    let mut root = Node::default();
    let mut time_places = String::new();
    for (name, source) in &parsed.fields {
        let place = (source.referenced.line(), source.referenced.column());
        let (field, conversion, places) =
            resolve(name, &source.value).map_err(|what| wrong(place, what))?;
        for (rank, path) in (0..).zip(&places) {
            let keys = keys(path).map_err(|what| wrong(place, what))?;
            root.insert(
                &keys,
                Target {
                    field,
                    conversion,
                    rank,
                },
            );
        }
        if field == Field::Time {
            time_places = format!("`{}`", places.join("`, `"));
        }
    }
    if time_places.is_empty() {
        return Err(wrong(
            (1, 1),
            "no source for `time`, which every event needs; add `time: { from: …, as: … }`"
                .to_owned(),
        ));
    }
    Ok(Mapping {
        root,
        time_places,
        source: text.as_bytes().to_vec(),
    })
}

fn resolve(name: &str, source: &Source) -> Result<(Field, Conversion, Vec<String>), String> {
    let inputs = || Field::ALL.iter().filter(|field| !field.is_computed());
    let field = *inputs().find(|field| field.name() == name).ok_or_else(|| {
        let nearest = nearest(name, inputs().map(|field| field.name()));
        format!("no field is named `{name}`; nearest is `{nearest}`, docs/events.md lists all")
    })?;
    let (places, conversion) = match source {
        Source::Short(place) => (vec![place.clone()], None),
        Source::Long(long) => match &long.from {
            Places::One(place) => (vec![place.clone()], long.conversion.as_deref()),
            Places::Several(places) => (places.clone(), long.conversion.as_deref()),
        },
    };
    if places.is_empty() || places.len() > MAX_SOURCES {
        return Err(format!(
            "`{name}` needs between one and {MAX_SOURCES} places"
        ));
    }
    Ok((field, conversion_of(field, conversion)?, places))
}

fn conversion_of(field: Field, name: Option<&str>) -> Result<Conversion, String> {
    let Some(name) = name else {
        return Ok(Conversion::default_for(field.kind()));
    };
    let fitting = fitting(field.kind());
    let conversion = Conversion::ALL
        .iter()
        .copied()
        .find(|conversion| conversion.name() == name);
    let conversion = conversion.ok_or_else(|| {
        format!(
            "no conversion is named `{name}`; for `{}` there are {fitting}",
            field.name()
        )
    })?;
    let sets_target = matches!(
        conversion,
        Conversion::RequestLine | Conversion::RequestTarget
    );
    if !conversion.fits(field.kind()) || (sets_target && field != Field::Uri) {
        return Err(format!(
            "`{name}` does not give what `{}` holds; there are {fitting}{}",
            field.name(),
            if sets_target {
                " (request_line and target are for `uri`)"
            } else {
                ""
            }
        ));
    }
    Ok(conversion)
}

fn fitting(kind: Kind) -> String {
    let names = Conversion::ALL
        .iter()
        .filter(|conversion| conversion.fits(kind))
        .map(|c| c.name());
    format!("`{}`", names.collect::<Vec<_>>().join("`, `"))
}

/// The keys of a JSON pointer (RFC 6901, begins with `/`) or of a dotted path.
fn keys(place: &str) -> Result<Vec<String>, String> {
    let keys: Vec<String> = match place.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => place.split('.').map(str::to_owned).collect(),
    };
    if keys.len() > MAX_PATH || keys.iter().any(String::is_empty) {
        return Err(format!(
            "`{place}` is no place: write `a.b.c`, or `/a/b/c` when a key has a dot, with at most {MAX_PATH} keys"
        ));
    }
    Ok(keys)
}

/// The candidate that takes the fewest edits.
fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> &'static str {
    // The distance costs the square of the length, and a name of that length is no typo.
    let short = name.get(..64).unwrap_or(name);
    candidates
        .min_by_key(|candidate| strsim::osa_distance(short, candidate))
        .unwrap_or("time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(Path::new("m.yaml"), text).unwrap_err().to_string()
    }

    #[test]
    fn a_mapping_reads_nested_values_with_units() {
        let mapping = parse(
            Path::new("m.yaml"),
            "fields:\n  time: {from: /request/started.at, as: epoch_millis}\n  client_address: client.ip\n  duration_us: {from: latencies.request, as: milliseconds}\n  uri: {from: [request.url, url], as: target}\n  roles: auth.roles\n  scopes: auth.scope\n  host: hosts.1\n",
        )
        .unwrap();
        let event = mapping
            .decode(
                r#"{"url":"/no","request":{"started.at":1772359200250,"url":"/a?b=c"},"client":{"ip":"10.0.0.1:80","x":[{}]},"latencies":{"request":7},"auth":{"roles":["a","b"],"scope":"r w"},"hosts":["p","q"]}"#,
                32,
            )
            .unwrap();
        assert_eq!(event.time.micros(), 1_772_359_200_250_000);
        assert_eq!(event.client_address, "10.0.0.1".parse().ok());
        assert_eq!(event.duration_us, Some(7_000));
        assert_eq!(
            (event.path.as_deref(), event.query.as_deref()),
            (Some("/a"), Some("b=c"))
        );
        assert_eq!((event.roles.len(), event.scopes.len()), (2, 2));
        assert_eq!(event.host.as_deref(), Some("q"));
    }

    #[test]
    fn a_wrong_file_is_told_with_place_and_hint() {
        for (text, wants) in [
            (
                "fields:\n  time: ts\n  statuss: code\n",
                ["m.yaml:3:", "`status`"],
            ),
            (
                "fields:\n  time: {from: ts, as: epoch}\n",
                ["m.yaml:2:", "`epoch_seconds`"],
            ),
            (
                "fields:\n  time: ts\n  status: {from: c, as: clf}\n",
                ["m.yaml:3:", "`integer`"],
            ),
            (
                "fields:\n  time: ts\n  path: a..b\n",
                ["m.yaml:3:", "no place"],
            ),
            ("fields:\n  path: p\n", ["m.yaml:1:", "`time`"]),
            (
                "fields:\n  time: ts\nfoo: 1\n",
                ["m.yaml:3:", "docs/formats.md"],
            ),
            ("fields:\n  time: [\n", ["m.yaml:", "docs/formats.md"]),
        ] {
            let error = error(text);
            assert!(wants.iter().all(|want| error.contains(want)), "{error}");
        }
    }
}
