//! The public web and proxy rules on 20,000 events: this engine against rsigma, event by event.

mod data;
mod web_rules;

use std::collections::{BTreeMap, BTreeSet};

use gatewatch::sigma::{RuleSet, Scratch, Vocabulary};
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use serde_json::Value as Json;

/// Matches of all rules in all events, as the README of the data states.
const PUBLISHED_MATCHES: usize = 423;

fn rsigma(sources: &[(std::path::PathBuf, String)]) -> Engine {
    let mut engine = Engine::new();
    for (path, text) in sources {
        let collection = rsigma_parser::parse_sigma_yaml(text).expect("rsigma reads the rule");
        engine
            .add_collection(&collection)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    engine
}

/// Numbers from a seed, the same on every machine (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).expect("63 bits") % bound
    }

    fn of<'s, T>(&mut self, items: &'s [T]) -> &'s T {
        &items[self.below(items.len())]
    }
}

/// Values that rules look for.
fn literals(sources: &[(std::path::PathBuf, String)]) -> Vec<String> {
    let lines = sources.iter().flat_map(|(_, text)| text.lines());
    lines
        .filter_map(|line| {
            let value = line.trim().trim_start_matches("- ");
            let value = value.split_once(": ").map_or(value, |(_, value)| value);
            let inner = value.strip_prefix('\'')?.strip_suffix('\'')?;
            (inner.len() > 2 && inner.is_ascii()).then(|| inner.replace("''", "'"))
        })
        .collect()
}

/// An event with a rule's value somewhere in it, in other letters perhaps, and perhaps without one of its fields.
fn varied(event: &Json, literals: &[String], numbers: &mut Numbers) -> Json {
    const FIELDS: [&str; 6] = [
        "cs-uri-query",
        "cs-uri-stem",
        "c-uri",
        "cs-user-agent",
        "cs-referer",
        "cs-host",
    ];
    let mut event = event.clone();
    for _ in 0..=numbers.below(3) {
        let field = *numbers.of(&FIELDS);
        let text = event[field].as_str().unwrap_or_default().to_owned();
        let mut literal = numbers.of(literals).clone();
        if numbers.below(3) == 0 {
            literal = literal.to_ascii_uppercase();
        }
        event[field] = match numbers.below(4) {
            0 => literal,
            1 => format!("{literal}{text}"),
            2 => format!("{text}{literal}"),
            _ => {
                let at = text.floor_char_boundary(numbers.below(text.len() + 1));
                format!("{}{literal}{}", &text[..at], &text[at..])
            }
        }
        .into();
    }
    if numbers.below(4) == 0 {
        let field = *numbers.of(&FIELDS);
        event
            .as_object_mut()
            .expect("an event is an object")
            .remove(field);
    }
    event
}

/// A rule that says something else: other modifiers, other joints, other quantifiers.
fn varied_rule(text: &str, numbers: &mut Numbers) -> String {
    const CHANGES: [(&str, &str); 10] = [
        ("|contains:", "|startswith:"),
        ("|contains:", "|endswith:"),
        ("|contains|all:", "|contains:"),
        ("|endswith:", "|contains:"),
        ("|startswith:", "|contains:"),
        (" and ", " or "),
        (" or ", " and "),
        ("1 of selection", "all of selection"),
        ("all of selection", "1 of selection"),
        ("condition: ", "condition: not "),
    ];
    // "The value is expected at the beginning (end) of the field's content": rsigma looks for one with wildcards anywhere.
    let detection = text.split("detection:").last().unwrap_or_default();
    let has_wildcards =
        detection.contains('?') || detection.replace("selection*", "").contains('*');
    let mut text = text.to_owned();
    for _ in 0..=numbers.below(3) {
        let (from, to) = *numbers.of(&CHANGES);
        if !(has_wildcards && to.contains("with:")) {
            text = text.replacen(from, to, 1);
        }
    }
    text
}

#[test]
fn variations_of_rules_and_events_come_out_as_in_rsigma() {
    let Some(folder) = data::folder("sigmahq-web") else {
        return;
    };
    let originals = web_rules::sources(&folder);
    let literals = literals(&originals);
    let events = web_rules::events(&folder);
    let mut found = 0;
    for seed in [1, 20_26] {
        let mut numbers = Numbers(seed);
        let sources: Vec<_> = originals
            .iter()
            // Rules about error logs look at errors alone here; rsigma does not mind the log source.
            .filter(|(_, text)| text.contains("category:"))
            .map(|(path, text)| (path.clone(), varied_rule(text, &mut numbers)))
            .collect();
        let (taken, _) = web_rules::supported(sources);
        assert!(taken.len() > 120, "{} variations load", taken.len());
        let rules = RuleSet::from_sources(&taken).unwrap_or_else(|errors| panic!("{errors}"));
        let oracle = rsigma(&taken);
        let mut scratch = rules.scratch();
        for event in &events {
            let event = varied(event, &literals, &mut numbers);
            found += compare(&rules, &oracle, &event, &mut scratch);
        }
    }
    println!("{found} matches in variations");
    assert!(found > 10_000, "{found}");
}

/// Both engines on an event with Sigma's names; how many rules match.
fn compare(rules: &RuleSet, oracle: &Engine, event: &Json, scratch: &mut Scratch) -> usize {
    let record = web_rules::native(event);
    let matched: BTreeSet<String> = rules
        .matches(&web_rules::decode(&record), scratch)
        .iter()
        .map(|rule| rules.rules()[*rule as usize].meta.id.to_string())
        .collect();
    let expected: BTreeSet<String> = oracle
        .evaluate(&JsonEvent::borrow(&web_rules::under_every_name(event)))
        .into_iter()
        .filter_map(|result| result.header.rule_id)
        .collect();
    let differing: Vec<&String> = matched.symmetric_difference(&expected).collect();
    assert_eq!(differing, [] as [&String; 0], "{record}");
    matched.len()
}

#[test]
fn matches_equal_those_of_rsigma_event_by_event() {
    let Some(folder) = data::folder("sigmahq-web") else {
        return;
    };
    let all = web_rules::sources(&folder);
    let total = all.len();
    let (taken, refused) = web_rules::supported(all);
    println!("{} of {total} rules are supported", taken.len());
    for (name, reason) in &refused {
        println!("not supported: {name}: {reason}");
    }
    let rules = RuleSet::from_sources(&taken).unwrap_or_else(|errors| panic!("{errors}"));
    let oracle = rsigma(&taken);
    let mut scratch = rules.scratch();
    let mut found = 0;
    for event in web_rules::events(&folder) {
        found += compare(&rules, &oracle, &event, &mut scratch);
    }
    println!(
        "{found} matches, {} rules always looked at",
        rules.always_evaluated()
    );
    assert_eq!(found, PUBLISHED_MATCHES);
    assert_eq!(refused, [], "every rule of the corpus loads");
}

/// How the samples' fields and logs are called here.
const PIPELINE: &str = "
transformations:
  - type: field_name_mapping
    mapping:
      ComputerName: gateway
      WorkstationName: client_id
      User: subject
      SourceIP: client_address
      BytesOut: request_bytes
      bytes_sent: request_bytes
      Image: path
      Provider_Name: gateway
      dns.question.name: host
  - type: change_logsource
    category: webserver
";

/// Rules that the samples name without showing them.
const NAMED: [&str; 9] = [
    "recon_cmd_a",
    "recon_cmd_b",
    "recon_cmd_c",
    "website_access",
    "rule_a_id",
    "process_creation",
    "5638f7c0-ac70-491d-8465-2a65075e0d86",
    "6f3e2987-db24-4c78-a860-b4f4095a7095",
    "df0841c0-9846-4e9f-ad8a-7df91571771b",
];

#[test]
fn every_sample_of_the_specification_loads() {
    let Some(folder) = data::folder("sigma-spec") else {
        return;
    };
    let pipeline = (std::path::Path::new("samples.yml"), PIPELINE.to_owned());
    let vocabulary = Vocabulary::new(BTreeMap::new(), &[pipeline]).unwrap();
    let mut loaded = 0;
    for kind in ["rules", "correlation", "filter"] {
        for entry in std::fs::read_dir(folder.join("samples").join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            // What is named is about the same logs, or a filter would rightly be refused.
            let logsource = if text.contains("category: network") {
                "{category: network, service: dns}"
            } else {
                "{category: process_creation, product: windows}"
            };
            let mut sources: Vec<_> = NAMED
                .iter()
                .map(|name| {
                    let key = if name.contains('-') { "id" } else { "name" };
                    let rule = format!("title: {name}\n{key}: {name}\nlogsource: {logsource}\ndetection:\n  s: {{path: /{name}}}\n  condition: s\n");
                    (format!("{name}.yml").into(), rule)
                })
                .collect();
            sources.push((path.clone(), text));
            RuleSet::from_sources_with(&sources, &vocabulary)
                .unwrap_or_else(|errors| panic!("{}: {errors}", path.display()));
            loaded += 1;
        }
    }
    assert_eq!(loaded, 12, "the specification has twelve samples");
}
