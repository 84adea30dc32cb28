//! The rules that a command is about: files, the compiled set, and the same with places.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::{Config, Format};
use crate::contract::Contracts;
use crate::decode::Decoder;
use crate::enrich::Enricher;
use crate::event::Event;
use crate::sigma::annotated::{self, Annotated, DocumentKind, Source};
use crate::sigma::{
    Correlation, Place, Rule, RuleError, RuleMeta, RuleSet, RuleSource, TestEvent, Vocabulary,
};

/// Where rules are looked for.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
    /// Configuration file (TOML) with folder, placeholders and pipelines of the rules; built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
}

impl Places {
    pub(super) fn config(&self) -> Result<Config> {
        crate::cli::configuration(self.config.as_deref())
    }
}

/// Rules that load, with the text that they were read from.
pub(super) struct Loaded {
    pub(super) sources: Vec<Source>,
    pub(super) rules: RuleSet,
    pub(super) annotated: Vec<Annotated>,
    pub(super) vocabulary: Vocabulary,
    /// Files that were named; empty when folders were.
    named: Vec<PathBuf>,
}

/// One of the two kinds of rule.
#[derive(Clone, Copy)]
pub(super) enum Subject<'s> {
    Rule(u32, &'s Rule),
    Correlation(&'s Correlation),
}

impl<'s> Subject<'s> {
    pub(super) fn meta(self) -> &'s RuleMeta {
        match self {
            Subject::Rule(_, rule) => &rule.meta,
            Subject::Correlation(rule) => &rule.meta,
        }
    }

    pub(super) fn source(self) -> &'s RuleSource {
        match self {
            Subject::Rule(_, rule) => &rule.source,
            Subject::Correlation(rule) => &rule.source,
        }
    }

    pub(super) fn alerts(self) -> bool {
        match self {
            Subject::Rule(_, rule) => rule.alerts,
            Subject::Correlation(rule) => rule.alerts,
        }
    }
}

impl Loaded {
    /// Loads what is named, else the folder of the configuration. Files that need others of their folder get them.
    pub(super) fn of(places: &[PathBuf], config: &Config) -> Result<Loaded> {
        let vocabulary = Vocabulary::load(&config.rules)?;
        let folders: Vec<PathBuf> = std::iter::once(&config.rules.folder)
            .chain(&config.rules.own)
            .cloned()
            .collect();
        let places = if places.is_empty() { &folders } else { places };
        for place in places {
            if !place.exists() {
                bail!("{}: there is no such file or folder", place.display());
            }
        }
        let sources = annotated::read(places)?;
        let named: Vec<PathBuf> = if places.iter().all(|place| place.is_file()) {
            places.to_vec()
        } else {
            Vec::new()
        };
        let (sources, rules) = match RuleSet::from_sources_with(&sources, &vocabulary) {
            Ok(rules) => (sources, rules),
            Err(errors) if named.is_empty() => return Err(errors.into()),
            Err(errors) => {
                beside(&named, &vocabulary).ok_or_else(|| anyhow::Error::from(errors))?
            }
        };
        let annotated = annotated::annotate(&sources, &vocabulary);
        Ok(Loaded {
            sources,
            rules,
            annotated,
            vocabulary,
            named,
        })
    }

    /// Every rule and correlation that was asked for, in the order of files and lines.
    pub(super) fn subjects(&self) -> Vec<Subject<'_>> {
        let rules = (0..)
            .zip(self.rules.rules())
            .map(|(index, rule)| Subject::Rule(index, rule));
        let correlations = self.rules.correlations().iter().map(Subject::Correlation);
        let mut all: Vec<Subject<'_>> = rules
            .chain(correlations)
            .filter(|rule| self.named.is_empty() || self.named.contains(&rule.source().path))
            .collect();
        all.sort_by(|a, b| {
            let key = |rule: &Subject<'_>| (rule.source().path.clone(), rule.source().line);
            key(a).cmp(&key(b))
        });
        all
    }

    /// Those that a word names: by id, by name, by file, or by a part of the title.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn named(&self, word: &str) -> Result<Vec<Subject<'_>>> {
        let all = self.subjects();
        let exact = |rule: &Subject<'_>| {
            rule.meta().id.to_string().eq_ignore_ascii_case(word)
                || self
                    .annotated(*rule)
                    .is_some_and(|rule| rule.name.as_deref() == Some(word))
                || rule.meta().title.to_lowercase() == word.to_lowercase()
        };
        let file = |rule: &Subject<'_>| {
            let path = &rule.source().path;
            path == Path::new(word) || path.file_stem().is_some_and(|stem| stem == word)
        };
        let part = |rule: &Subject<'_>| {
            rule.meta()
                .title
                .to_lowercase()
                .contains(&word.to_lowercase())
        };
        let tries: [&dyn Fn(&Subject<'_>) -> bool; 3] = [&exact, &file, &part];
        for fits in tries {
            let found: Vec<Subject<'_>> = all.iter().copied().filter(|rule| fits(rule)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        bail!(
            "no rule has the id, name, file or title `{word}`; {} rules were read",
            all.len()
        )
    }

    /// The rule with the places of its parts.
    pub(super) fn annotated(&self, rule: Subject<'_>) -> Option<&Annotated> {
        let source = rule.source();
        self.annotated.iter().find(|annotated| {
            annotated.kind != DocumentKind::Filter
                && annotated.place.line == source.line
                && self.sources[annotated.file].0 == source.path
        })
    }

    /// A message that points at a line of a rule file.
    pub(super) fn at(&self, path: &Path, line: u32, message: String) -> RuleError {
        let source = self.sources.iter().find(|(other, _)| other == path);
        let text = source.and_then(|(_, text)| text.lines().nth(line.saturating_sub(1) as usize));
        let text = text.unwrap_or_default();
        let indent = text
            .chars()
            .take_while(|c| c.is_whitespace() || *c == '-')
            .count();
        let column = u32::try_from(indent + 1).unwrap_or(1);
        RuleError {
            path: path.to_owned(),
            place: Place { line, column },
            message,
            source_line: text.to_owned(),
            hint: None,
        }
    }
}

/// The folders of files whose rules need others that lie beside them.
fn beside(named: &[PathBuf], vocabulary: &Vocabulary) -> Option<(Vec<Source>, RuleSet)> {
    let mut folders: Vec<PathBuf> = named
        .iter()
        .filter_map(|file| file.parent())
        .map(|folder| {
            let here = folder.as_os_str().is_empty();
            if here {
                PathBuf::from(".")
            } else {
                folder.to_owned()
            }
        })
        .collect();
    folders.sort();
    folders.dedup();
    let mut sources = annotated::read(&folders).ok()?;
    for (path, _) in &mut sources {
        // As it was named, so that it is found again.
        if let Ok(rest) = path.strip_prefix(".")
            && named.iter().any(|file| file == rest)
        {
            *path = rest.to_owned();
        }
    }
    let rules = RuleSet::from_sources_with(&sources, vocabulary).ok()?;
    Some((sources, rules))
}

/// Records become events as in the service: decoded, enriched.
pub(super) struct Reader {
    decoder: Decoder,
    enricher: Enricher,
}

impl Reader {
    pub(super) fn new(config: &Config, format: Format) -> Result<Reader> {
        let mut decode = config.decode.clone();
        if decode.mapping.is_none() || format != Format::Auto {
            decode.format = format;
        }
        if decode.format != Format::Mapping {
            decode.mapping = None;
        }
        let contracts = Contracts::configured(&config.contracts)?;
        Ok(Reader {
            decoder: Decoder::new(&decode)?,
            enricher: Enricher::new(&config.enrich)?.with_contracts(contracts),
        })
    }

    /// The event of a test case, or why it is none.
    pub(super) fn test_event<'r>(&self, case: &'r TestEvent) -> Result<Event<'r>, String> {
        let mut event = self.event(case.json.as_bytes())?;
        case.complete(&mut event);
        Ok(event)
    }

    /// The event of a record, or why it is none.
    pub(super) fn event<'r>(&self, record: &'r [u8]) -> Result<Event<'r>, String> {
        let mut event = self
            .decoder
            .decode(record, None)
            .map_err(|rejection| rejection.to_string())?;
        self.enricher.enrich(&mut event);
        Ok(event)
    }
}

/// Text of a file, or of standard input for `-`.
pub(super) fn read_input(path: &Path, limit: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .with_context(|| path.display().to_string())?;
    }
    if bytes.len() as u64 > limit {
        bail!("{} is longer than {limit} bytes", path.display());
    }
    Ok(bytes)
}
