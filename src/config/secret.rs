//! A secret of the configuration: it is handed on, but never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A password or a key. `Debug`, `Display` and `Serialize` give `***`, so that neither a log line nor the printed
/// configuration can leak it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// Why a secret could not be had.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Both the value and its file are set, and it is not clear which counts.
    #[error("both `{name}` and `{name}_file` are set; set one of them")]
    Ambiguous {
        /// Name of the setting.
        name: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read {path}, the file of `{name}`: {source}")]
    Unreadable {
        /// Name of the setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value itself. The caller sees to it that it reaches no log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret called `name`: its value, or the content of its file without the line end.
    ///
    /// # Errors
    /// When both are given, or when the file cannot be read.
    pub fn resolve(&self, file: Option<&Path>, name: &'static str) -> Result<Secret, SecretError> {
        match file {
            None => Ok(self.clone()),
            Some(_) if !self.is_empty() => Err(SecretError::Ambiguous { name }),
            Some(path) => std::fs::read_to_string(path)
                .map(|text| Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
                .map_err(|source| SecretError::Unreadable {
                    name,
                    path: path.to_owned(),
                    source,
                }),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "" } else { "***" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("hunter2");
        let shown = format!(
            "{secret} {secret:?} {}",
            serde_json::to_string(&secret).unwrap()
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_file_gives_it_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter2\n").unwrap();
        let secret = Secret::default().resolve(Some(&path), "password").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert!(matches!(
            Secret::new("other").resolve(Some(&path), "password"),
            Err(SecretError::Ambiguous { name: "password" })
        ));
    }
}
