//! Reading the configuration.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use thiserror::Error;

use super::Config;

/// What is wrong with the configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file that was named does not exist.
    #[error("the configuration file {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key is unknown or a value of the wrong type.
    #[error("{place}: {message}{hint}")]
    Invalid {
        /// File or environment, and the key.
        place: String,
        /// What is wrong.
        message: String,
        /// The nearest known key, or empty.
        hint: String,
    },
}

/// Reads the configuration: defaults, then `file`, then `GATEWATCH_SECTION__KEY` of the environment.
///
/// # Errors
/// [`ConfigError`] with the place and, for an unknown key, the nearest known one.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        figment = figment.merge(Toml::string(&text));
    }
    let sections = Env::prefixed("GATEWATCH_")
        .filter(|key| key.as_str().contains("__"))
        .split("__");
    figment
        .merge(sections)
        .extract()
        .map_err(|error| invalid(&error, file))
}

fn invalid(error: &figment::Error, file: Option<&Path>) -> ConfigError {
    let from_env = error
        .metadata
        .as_ref()
        .is_some_and(|metadata| metadata.name.contains("environment"));
    let origin = match file {
        _ if from_env => "environment".to_owned(),
        Some(path) => path.display().to_string(),
        None => "built-in defaults".to_owned(),
    };
    let key = error.path.join(".");
    let place = if key.is_empty() {
        origin
    } else {
        format!("{origin}: {key}")
    };
    let hint = match &error.kind {
        figment::error::Kind::UnknownField(name, known) => nearest(name, known).map_or_else(
            || format!("; known here: {}", known.join(", ")),
            |near| format!("; did you mean `{near}`?"),
        ),
        _ => String::new(),
    };
    ConfigError::Invalid {
        place,
        message: error.kind.to_string(),
        hint,
    }
}

/// The known name that differs least, when it differs by a third of its letters at most.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_file_overrides_only_what_it_names() {
        let file = file("[kafka]\ntopic = \"edge\"\n");
        let config = load(Some(file.path())).unwrap();
        assert_eq!(config.kafka.topic, "edge");
        assert_eq!(config.kafka.group, "gatewatch");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let file = file("[kafka]\nbroker = \"x:1\"\n");
        let error = load(Some(file.path())).unwrap_err().to_string();
        assert!(
            error.contains("broker") && error.contains("did you mean `brokers`?"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_type_names_its_place() {
        let file = file("[http]\nlisten = 7\n");
        let error = load(Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("http.listen"), "{error}");
    }

    #[test]
    fn searches_of_no_rows_are_refused() {
        let file = file("[console]\nsearch_rows = 0\n");
        let error = load(Some(file.path())).unwrap_err().to_string();
        assert!(
            error.contains("console.search_rows") && error.contains("nonzero"),
            "{error}"
        );
        let file = self::file("[console.bounds]\nsearches = 0\n");
        let error = load(Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("console.bounds.searches"), "{error}");
    }
}
