//! What rules may refer to that no rule file says: placeholders and processing pipelines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::{Place, RuleError, RuleErrors};
use super::pipeline::{self, Pipeline};
use crate::config;

/// Most values of one placeholder.
const MAX_VALUES: usize = 100_000;

/// Placeholders with their values, and pipelines in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    placeholders: BTreeMap<String, Vec<String>>,
    pipelines: Vec<Pipeline>,
    fingerprint: u64,
}

impl Vocabulary {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// A file that cannot be read, a placeholder without values, a pipeline with something wrong in it.
    pub fn load(settings: &config::Rules) -> Result<Self, RuleErrors> {
        let mut errors = Vec::new();
        let mut placeholders = BTreeMap::new();
        for (name, values) in &settings.placeholders {
            match values_of(values) {
                Ok(values) => {
                    placeholders.insert(name.clone(), values);
                }
                Err((path, problem)) => {
                    let message = format!("placeholder `{name}`: {problem}");
                    errors.push(RuleError::whole_file(path, message));
                }
            }
        }
        let mut texts = Vec::new();
        for path in &settings.pipelines {
            match fs::read_to_string(path) {
                Ok(text) => texts.push((path.as_path(), text)),
                Err(error) => {
                    let message = format!("cannot be read: {error}");
                    errors.push(RuleError::whole_file(path, message));
                }
            }
        }
        let vocabulary = Vocabulary::new(placeholders, &texts);
        match vocabulary {
            Ok(vocabulary) if errors.is_empty() => Ok(vocabulary),
            Ok(_) => Err(RuleErrors(errors)),
            Err(RuleErrors(more)) => {
                errors.extend(more);
                Err(RuleErrors(errors))
            }
        }
    }

    /// From values and the texts of pipelines. What a pipeline names in `vars` is a placeholder too, where it says
    /// `value_placeholders`.
    ///
    /// # Errors
    /// Everything that is wrong with a pipeline.
    pub fn new(
        mut placeholders: BTreeMap<String, Vec<String>>,
        texts: &[(&Path, String)],
    ) -> Result<Self, RuleErrors> {
        let mut pipelines = Vec::new();
        let mut errors = Vec::new();
        let mut hash = Sha256::new();
        for (path, text) in texts {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
            match pipeline::parse(path, text) {
                Ok(pipeline) => pipelines.push(pipeline),
                Err(more) => errors.extend(more),
            }
        }
        if !errors.is_empty() {
            return Err(RuleErrors(errors));
        }
        // Those with the lower number first; among equals the order of the settings.
        pipelines.sort_by_key(|pipeline| pipeline.priority);
        for pipeline in &pipelines {
            for (name, values) in pipeline.placeholders() {
                placeholders.entry(name.clone()).or_insert(values.clone());
            }
        }
        for (name, values) in &placeholders {
            hash.update(format!("{name:?}{values:?}"));
        }
        let digest = hash.finalize();
        Ok(Vocabulary {
            placeholders,
            pipelines,
            fingerprint: super::load::eight_bytes(&digest),
        })
    }

    /// The values of a placeholder.
    pub(crate) fn placeholder(&self, name: &str) -> Option<&[String]> {
        self.placeholders.get(name).map(Vec::as_slice)
    }

    /// The names of all placeholders.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.placeholders.keys().map(String::as_str)
    }

    /// The pipelines.
    pub(crate) fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    /// Stands for all of it.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    #[cfg(test)]
    pub(crate) fn of(placeholders: &[(&str, &[&str])]) -> Self {
        let values = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        let placeholders = placeholders
            .iter()
            .map(|(name, list)| ((*name).to_owned(), values(list)))
            .collect();
        Vocabulary::new(placeholders, &[]).unwrap()
    }
}

/// The values as the settings or the file they name give them: one a line there, empty lines and those with `#` left out.
fn values_of(values: &config::Placeholder) -> Result<Vec<String>, (&Path, String)> {
    let (path, values) = match values {
        config::Placeholder::Values(values) => (Path::new("[rules.placeholders]"), values.clone()),
        config::Placeholder::File { file } => {
            let text = fs::read_to_string(file)
                .map_err(|error| (file.as_path(), format!("cannot be read: {error}")))?;
            let lines = text.lines().map(str::trim);
            let values = lines
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned)
                .collect();
            (file.as_path(), values)
        }
    };
    match values.len() {
        0 => Err((path, "has no values".to_owned())),
        many if many > MAX_VALUES => Err((path, format!("has more than {MAX_VALUES} values"))),
        _ => Ok(values),
    }
}

impl RuleError {
    /// An error of a file as a whole.
    pub(crate) fn whole_file(path: &Path, message: String) -> Self {
        RuleError {
            path: path.to_owned(),
            place: Place::default(),
            message,
            source_line: String::new(),
            hint: None,
        }
    }
}
