//! Processing pipelines, in the YAML of pySigma: how the names of somebody else's rules become ours.
//!
//! Of its transformations those that rename are supported: `field_name_mapping`, `field_name_prefix_mapping`,
//! `field_name_prefix`, `field_name_suffix`, `change_logsource`, the placeholders, and `rule_failure`. Conditions are
//! `logsource` (for a rule) and `include_fields` / `exclude_fields` (for a field). Everything else is an error that names it.

use std::collections::BTreeMap;
use std::path::Path;

use super::attributes::unknown_key;
use super::error::{Reading, RuleError};
use super::logsource::Logsource;
use super::vocabulary::Vocabulary;
use crate::yaml::{self, Kind as Yaml, Node, Number};

/// One pipeline file.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    pub(crate) priority: i64,
    vars: BTreeMap<String, Vec<String>>,
    steps: Vec<Step>,
}

/// One transformation and when it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    change: Change,
    rules: RuleConditions,
    fields: Vec<FieldCondition>,
}

#[derive(Clone, Debug)]
enum Change {
    /// A name becomes others, any of which may hold.
    Names(BTreeMap<String, Vec<String>>),
    /// The beginning of a name becomes others.
    Prefixes(BTreeMap<String, Vec<String>>),
    Prefix(String),
    Suffix(String),
    Logsource(Logsource),
    /// The values come from `vars`.
    Placeholders,
    Failure(String),
}

#[derive(Clone, Debug, Default)]
struct RuleConditions {
    logsources: Vec<Logsource>,
    /// Whether one of them is enough.
    any: bool,
    not: bool,
}

#[derive(Clone, Debug)]
struct FieldCondition {
    names: Vec<String>,
    include: bool,
}

impl Pipeline {
    /// Values that `value_placeholders` gives to placeholders.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        let applied = |step: &Step| matches!(step.change, Change::Placeholders);
        let wanted = self.steps.iter().any(applied);
        self.vars.iter().filter(move |_| wanted)
    }
}

impl RuleConditions {
    fn hold(&self, logsource: &Logsource) -> bool {
        let mut answers = self
            .logsources
            .iter()
            .map(|asked| asked.contains(logsource));
        let hold = self.logsources.is_empty()
            || if self.any {
                answers.any(|holds| holds)
            } else {
                answers.all(|holds| holds)
            };
        hold != self.not
    }
}

/// What the pipelines say of one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names<'v> {
    steps: Vec<&'v Step>,
    /// What the rule is about once its log source was changed.
    pub(crate) logsource: Logsource,
    /// Why the rule must not be used.
    pub(crate) failure: Option<&'v str>,
}

impl<'v> Names<'v> {
    /// For a rule about `logsource`.
    pub(crate) fn of(vocabulary: &'v Vocabulary, logsource: Logsource) -> Self {
        let mut names = Names {
            logsource,
            ..Names::default()
        };
        for step in steps(vocabulary) {
            if !step.rules.hold(&names.logsource) {
                continue;
            }
            match &step.change {
                Change::Logsource(to) => names.logsource = names.logsource.changed_to(to),
                Change::Failure(message) => names.failure = names.failure.or(Some(message)),
                _ => names.steps.push(step),
            }
        }
        names
    }

    /// For a correlation of rules about `logsources`: what applies to any of them.
    pub(crate) fn of_correlation(vocabulary: &'v Vocabulary, logsources: &[Logsource]) -> Self {
        let applied: Vec<Names<'v>> = logsources
            .iter()
            .map(|logsource| Names::of(vocabulary, logsource.clone()))
            .collect();
        let applies = |step: &&Step| {
            let same = |other: &&Step| std::ptr::eq(*other, *step);
            applied.iter().any(|names| names.steps.iter().any(same))
        };
        Names {
            steps: steps(vocabulary).filter(applies).collect(),
            ..Names::default()
        }
    }

    /// What a field is called here; several when any of them may hold.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        for step in &self.steps {
            names = names
                .into_iter()
                .flat_map(|name| step.renamed(name))
                .collect();
        }
        names
    }
}

fn steps(vocabulary: &Vocabulary) -> impl Iterator<Item = &Step> {
    vocabulary
        .pipelines()
        .iter()
        .flat_map(|pipeline| &pipeline.steps)
}

impl Step {
    fn renamed(&self, name: String) -> Vec<String> {
        let asked =
            |condition: &FieldCondition| condition.names.contains(&name) == condition.include;
        if !self.fields.iter().all(asked) {
            return vec![name];
        }
        match &self.change {
            Change::Names(mapping) => mapping.get(&name).cloned().unwrap_or(vec![name]),
            // The longest of several beginnings: it comes last in the order of letters.
            Change::Prefixes(mapping) => mapping
                .iter()
                .rev()
                .find_map(|(prefix, to)| Some((name.strip_prefix(prefix.as_str())?, to)))
                .map_or(vec![name.clone()], |(rest, to)| {
                    to.iter().map(|to| format!("{to}{rest}")).collect()
                }),
            Change::Prefix(prefix) => vec![format!("{prefix}{name}")],
            Change::Suffix(suffix) => vec![format!("{name}{suffix}")],
            Change::Logsource(_) | Change::Placeholders | Change::Failure(_) => vec![name],
        }
    }
}

const KEYS: &[&str] = &[
    "name",
    "priority",
    "allowed_backends",
    "vars",
    "transformations",
];

const STEP_KEYS: &[&str] = &[
    "id",
    "type",
    "mapping",
    "prefix",
    "suffix",
    "message",
    "category",
    "product",
    "service",
    "rule_conditions",
    "rule_cond_op",
    "rule_cond_not",
    "field_name_conditions",
];

/// Reads a pipeline file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Pipeline, Vec<RuleError>> {
    let vocabulary = Vocabulary::default();
    let mut reading = Reading::new(path, text, &vocabulary);
    let mut pipeline = Pipeline {
        priority: 0,
        vars: BTreeMap::new(),
        steps: Vec::new(),
    };
    match yaml::parse(text) {
        Ok(documents) => match documents.as_slice() {
            [document] => read(document, &mut pipeline, &mut reading),
            _ => reading.error(super::Place::default(), "a pipeline is one YAML document"),
        },
        Err((place, message)) => reading.error(place, message),
    }
    let errors = reading.into_errors();
    if errors.is_empty() {
        Ok(pipeline)
    } else {
        Err(errors)
    }
}

fn read(document: &Node, pipeline: &mut Pipeline, reading: &mut Reading<'_>) {
    for (key, value) in entries(document, "a pipeline", reading) {
        match key.scalar_text().unwrap_or_default() {
            "priority" => match &value.kind {
                Yaml::Number {
                    value: Number::Whole(number),
                    ..
                } => pipeline.priority = i64::try_from(*number).unwrap_or(i64::MAX),
                _ => reading.error(value.place, "`priority` is a whole number"),
            },
            "vars" => pipeline.vars = lists(value, "vars", reading),
            "transformations" => match &value.kind {
                Yaml::List(items) => {
                    for item in items {
                        pipeline.steps.extend(step(item, reading));
                    }
                }
                _ => reading.error(value.place, "`transformations` is a list"),
            },
            "postprocessing" | "finalizers" => reading.error_with_hint(
                key.place,
                "this section changes the text of queries, and gatewatch makes none",
                "leave it out",
            ),
            name if KEYS.contains(&name) => {}
            name => unknown_key(key, name, "the pipeline", KEYS, reading),
        }
    }
}

fn step(node: &Node, reading: &mut Reading<'_>) -> Option<Step> {
    let before = reading.count();
    for (key, _) in entries(node, "a transformation", reading) {
        let name = key.scalar_text().unwrap_or_default();
        if !STEP_KEYS.contains(&name) {
            unknown_key(key, name, "the transformation", STEP_KEYS, reading);
        }
    }
    let mut needed = |key: &str| {
        let found = node.get(key);
        if found.is_none() {
            reading.error(node.place, format!("`{key}` is missing"));
        }
        found
    };
    let kind = needed("type")?;
    let name = kind.scalar_text().unwrap_or_default();
    let argument = match name {
        "field_name_mapping" | "field_name_prefix_mapping" => Some(needed("mapping")?),
        "field_name_prefix" => Some(needed("prefix")?),
        "field_name_suffix" => Some(needed("suffix")?),
        "rule_failure" => Some(needed("message")?),
        _ => None,
    };
    let text = |node: Option<&Node>| {
        node.and_then(Node::scalar_text)
            .unwrap_or_default()
            .to_owned()
    };
    let change = match (name, argument) {
        ("field_name_mapping", Some(mapping)) => Change::Names(lists(mapping, "mapping", reading)),
        ("field_name_prefix_mapping", Some(mapping)) => {
            Change::Prefixes(lists(mapping, "mapping", reading))
        }
        ("field_name_prefix", prefix) => Change::Prefix(text(prefix)),
        ("field_name_suffix", suffix) => Change::Suffix(text(suffix)),
        ("change_logsource", _) => Change::Logsource(Logsource::of(node)),
        ("value_placeholders", _) => Change::Placeholders,
        ("rule_failure", message) => Change::Failure(text(message)),
        (other, _) => {
            let hint = "supported are field_name_mapping, field_name_prefix_mapping, field_name_prefix, field_name_suffix, change_logsource, value_placeholders and rule_failure";
            let message = format!("transformation `{other}` is not supported");
            reading.error_with_hint(kind.place, message, hint);
            return None;
        }
    };
    let rules = rule_conditions(node, reading);
    let fields = field_conditions(node, reading);
    (reading.count() == before).then_some(Step {
        change,
        rules,
        fields,
    })
}

fn rule_conditions(step: &Node, reading: &mut Reading<'_>) -> RuleConditions {
    let mut conditions = RuleConditions::default();
    for condition in items(step, "rule_conditions", reading) {
        match condition.get("type").and_then(Node::scalar_text) {
            Some("logsource") => conditions.logsources.push(Logsource::of(condition)),
            _ => reading.error_with_hint(
                condition.place,
                "this condition on a rule is not supported",
                "supported is `type: logsource` with category, product and service",
            ),
        }
    }
    conditions.any = step.get("rule_cond_op").and_then(Node::scalar_text) == Some("or");
    conditions.not = matches!(
        step.get("rule_cond_not").map(|node| &node.kind),
        Some(Yaml::Bool(true))
    );
    conditions
}

fn field_conditions(step: &Node, reading: &mut Reading<'_>) -> Vec<FieldCondition> {
    let mut conditions = Vec::new();
    for condition in items(step, "field_name_conditions", reading) {
        let kind = condition.get("type").and_then(Node::scalar_text);
        let include = kind == Some("include_fields");
        if !include && kind != Some("exclude_fields") {
            reading.error_with_hint(
                condition.place,
                "this condition on a field is not supported",
                "supported are `type: include_fields` and `type: exclude_fields`, each with `fields`",
            );
            continue;
        }
        let names = items(condition, "fields", reading)
            .iter()
            .filter_map(Node::scalar_text)
            .map(str::to_owned)
            .collect();
        conditions.push(FieldCondition { names, include });
    }
    conditions
}

fn entries<'n>(node: &'n Node, what: &str, reading: &mut Reading<'_>) -> &'n [(Node, Node)] {
    node.entries().unwrap_or_else(|| {
        reading.error(
            node.place,
            format!("{what} is a map, not {}", node.kind_name()),
        );
        &[]
    })
}

/// The items of the list of a key; none where there is no such key. What is no list would be passed over in silence.
fn items<'n>(node: &'n Node, key: &str, reading: &mut Reading<'_>) -> &'n [Node] {
    let Some(found) = node.get(key) else {
        return &[];
    };
    if let Yaml::List(items) = &found.kind {
        return items;
    }
    let message = format!("`{key}` is a list, not {}", found.kind_name());
    reading.error(found.place, message);
    &[]
}

/// A map of names to a text or a list of them.
fn lists(node: &Node, key: &str, reading: &mut Reading<'_>) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for (name, value) in entries(node, &format!("`{key}`"), reading) {
        let values: Option<Vec<String>> = match &value.kind {
            Yaml::List(items) => items
                .iter()
                .map(|item| item.scalar_text().map(str::to_owned))
                .collect(),
            _ => value.scalar_text().map(|text| vec![text.to_owned()]),
        };
        match name
            .scalar_text()
            .zip(values.filter(|values| !values.is_empty()))
        {
            Some((name, values)) => {
                found.insert(name.to_owned(), values);
            }
            None => reading.error(
                value.place,
                format!("`{key}` holds texts and lists of texts"),
            ),
        }
    }
    found
}
