//! Models on disk: a folder of versions, and which of them is in use.
//!
//! `<folder>/<version>/behaviour.model` is what was learned, `card.md` beside it says of what and how well. `<folder>/current` names the version in use; it is replaced by a
//! rename, so whoever reads it sees the old or the new name. `<folder>/history` has the names that were in use before, the newest last.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config;
use crate::track::{Learned, LearnedError};

/// Names in the folder.
const MODEL: &str = "behaviour.model";
const CARD: &str = "card.md";
const CURRENT: &str = "current";
const HISTORY: &str = "history";
/// Longest name of a version.
const LONGEST: usize = 64;

/// A folder of models.
#[derive(Clone, Debug)]
pub struct Models {
    folder: PathBuf,
}

/// What is wrong with a model or its folder.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no model for this version.
    #[error("{}: {source}; `gatewatch model list` shows others, `gatewatch train` makes one", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LearnedError,
    },
    /// A name that could lead out of the folder, or is none.
    #[error("{0:?} is no name of a version: letters, digits, `-` and `_`, at most {LONGEST}")]
    Name(String),
    /// There is none of this name.
    #[error("{} has no version {version}; `gatewatch model list` shows them", folder.display())]
    Unknown {
        /// Where.
        folder: PathBuf,
        /// Which.
        version: String,
    },
    /// Nothing was in use before.
    #[error("{}: no version was in use before this one", folder.display())]
    NoneBefore {
        /// Where.
        folder: PathBuf,
    },
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ModelError + '_ {
    move |source| ModelError::File {
        path: path.to_owned(),
        source,
    }
}

impl Models {
    /// The models of a folder, which need not be there yet.
    #[must_use]
    pub fn new(folder: &Path) -> Models {
        Models {
            folder: folder.to_owned(),
        }
    }

    /// The models that the configuration uses; `None` where it names no folder or behaviour is not watched.
    #[must_use]
    pub fn configured(settings: &config::Behaviour) -> Option<Models> {
        let is_used = settings.enabled && !settings.models.as_os_str().is_empty();
        is_used.then(|| Models::new(&settings.models))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version in use; `None` while there is none.
    ///
    /// # Errors
    /// The file that names it cannot be read or names none.
    pub fn current(&self) -> Result<Option<String>, ModelError> {
        let path = self.folder.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(text) => checked(text.trim()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(&path)(error)),
        }
    }

    /// What was learned by the version in use; `None` while there is none.
    ///
    /// # Errors
    /// It is missing, damaged, or of another version of gatewatch.
    pub fn in_use(&self) -> Result<Option<Learned>, ModelError> {
        let version = self.current()?;
        version.map(|version| self.read(&version)).transpose()
    }

    /// What was learned by a version.
    ///
    /// # Errors
    /// It is missing, damaged, or of another version of gatewatch.
    pub fn read(&self, version: &str) -> Result<Learned, ModelError> {
        let path = self.folder.join(checked(version)?).join(MODEL);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ModelError::Unknown {
                folder: self.folder.clone(),
                version: version.to_owned(),
            },
            _ => file(&path)(error),
        })?;
        Learned::from_bytes(&bytes).map_err(|source| ModelError::Unfit { path, source })
    }

    /// The card of a version.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn card(&self, version: &str) -> Result<String, ModelError> {
        let path = self.folder.join(checked(version)?).join(CARD);
        fs::read_to_string(&path).map_err(file(&path))
    }

    /// Names of all versions, in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn versions(&self) -> Result<Vec<String>, ModelError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file(&self.folder)(error)),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let entry = entry.map_err(file(&self.folder))?;
            if entry.path().join(MODEL).is_file() {
                versions.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        versions.sort();
        Ok(versions)
    }

    /// Writes a version; a half-written one is never seen. Not in use yet.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, version: &str, learned: &Learned, card: &str) -> Result<(), ModelError> {
        let folder = self.folder.join(checked(version)?);
        fs::create_dir_all(&folder).map_err(file(&folder))?;
        replace(&folder.join(CARD), card.as_bytes())?;
        replace(&folder.join(MODEL), &learned.to_bytes())
    }

    /// Puts a version in use, once it was read.
    ///
    /// # Errors
    /// It is missing, damaged, or of another version of gatewatch; or a file cannot be written.
    pub fn put_in_use(&self, version: &str) -> Result<(), ModelError> {
        self.read(version)?;
        // A name that is none leads nowhere, and is what this repairs.
        let before = match self.current() {
            Err(ModelError::Name(_)) => None,
            before => before?,
        };
        if before.as_deref() == Some(version) {
            return Ok(());
        }
        if let Some(before) = before {
            let mut history = self.history()?;
            history.push(before);
            self.write_history(&history)?;
        }
        replace(&self.folder.join(CURRENT), version.as_bytes())
    }

    /// Puts the version in use that was before this one; returns its name.
    ///
    /// # Errors
    /// There is none, or it does not fit any more; or a file cannot be written.
    pub fn roll_back(&self) -> Result<String, ModelError> {
        let mut history = self.history()?;
        let Some(before) = history.pop() else {
            return Err(ModelError::NoneBefore {
                folder: self.folder.clone(),
            });
        };
        self.read(&before)?;
        replace(&self.folder.join(CURRENT), before.as_bytes())?;
        self.write_history(&history)?;
        Ok(before)
    }

    fn history(&self) -> Result<Vec<String>, ModelError> {
        let path = self.folder.join(HISTORY);
        match fs::read_to_string(&path) {
            Ok(text) => text.lines().map(checked).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(file(&path)(error)),
        }
    }

    fn write_history(&self, history: &[String]) -> Result<(), ModelError> {
        replace(&self.folder.join(HISTORY), history.join("\n").as_bytes())
    }
}

fn checked(name: &str) -> Result<String, ModelError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_plain) {
        return Err(ModelError::Name(name.to_owned()));
    }
    Ok(name.to_owned())
}

/// Writes beside and renames, so that nobody reads half of it, also after a crash.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let beside = path.with_extension("new");
    let write = || {
        let mut written = fs::File::create(&beside)?;
        written.write_all(bytes)?;
        written.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent()
            .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    write().map_err(file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> (tempfile::TempDir, Models) {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(&folder.path().join("behaviour"));
        (folder, models)
    }

    #[test]
    fn a_version_is_put_in_use_and_rolled_back_by_its_name() {
        let (_folder, models) = models();
        assert!(models.in_use().unwrap().is_none() && models.versions().unwrap().is_empty());
        for version in ["a", "b", "c"] {
            models.write(version, &Learned::default(), version).unwrap();
            models.put_in_use(version).unwrap();
            models.put_in_use(version).unwrap();
        }
        assert_eq!(models.versions().unwrap(), ["a", "b", "c"]);
        assert_eq!(models.card("b").unwrap(), "b");
        assert!(models.in_use().unwrap().is_some());
        assert_eq!(models.roll_back().unwrap(), "b");
        assert_eq!(models.current().unwrap().as_deref(), Some("b"));
        assert_eq!(models.roll_back().unwrap(), "a");
        assert!(matches!(
            models.roll_back(),
            Err(ModelError::NoneBefore { .. })
        ));
    }

    #[test]
    fn a_name_in_use_that_is_none_is_put_right_by_the_next() {
        let (_folder, models) = models();
        models.write("a", &Learned::default(), "a").unwrap();
        for damaged in ["", "../a"] {
            fs::write(models.folder().join(CURRENT), damaged).unwrap();
            assert!(models.in_use().is_err());
            models.put_in_use("a").unwrap();
            assert_eq!(models.current().unwrap().as_deref(), Some("a"));
        }
    }

    #[test]
    fn what_does_not_fit_or_is_damaged_is_refused_with_its_place() {
        let (_folder, models) = models();
        models.write("a", &Learned::default(), "").unwrap();
        models.put_in_use("a").unwrap();
        let path = models.folder().join("a").join(MODEL);
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            models.in_use().unwrap_err().to_string()
        };
        assert!(refused(b"PK\x03\x04 something else").contains("no model of behaviour"));
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        let said = refused(&changed);
        assert!(
            said.contains("damaged") && said.contains("a/behaviour.model"),
            "{said}"
        );
        assert!(refused(&whole[..20]).contains("damaged"));
        changed.clone_from(&whole);
        changed[8] ^= 1;
        assert!(refused(&changed).contains("train it anew"));
        for name in ["../a", "", "a b", "a/b"] {
            assert!(
                matches!(models.read(name), Err(ModelError::Name(_))),
                "{name}"
            );
        }
        assert!(matches!(
            models.put_in_use("z"),
            Err(ModelError::Unknown { .. })
        ));
    }
}
