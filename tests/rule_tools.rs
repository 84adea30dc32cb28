//! `gatewatch rule …` through the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gatewatch::config;
use gatewatch::enrich::Enricher;
use gatewatch::event::Event;
use gatewatch::sigma::{RuleSet, Vocabulary, annotated};
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn gatewatch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .current_dir(ROOT)
        .env_remove("GATEWATCH_CONFIG")
        .arg("rule")
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// Exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = gatewatch(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the output is text");
    let code = output.status.code().expect("the program ended by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, out, error) = run(arguments);
    let value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}{error}"));
    (code, value)
}

/// A folder with rule files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

const RULE: &str = "\
title: Old key
id: 6d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11
name: old_key
logsource: {product: gatewatch, category: api_gateway}
detection:
  key:
    query_decoded|contains:
      - 'apikey='
      - 'api_key='
  answered:
    status|gte: 200
    status|lt: 300
  condition: key and answered
gatewatch:
  tests:
    match:
      - {time: '2026-03-02T09:15:00Z', query: 'a=1&ApiKey%3d2', status: 204}
    no_match:
      - {time: '2026-03-02T09:15:00Z', query: apikey=1, status: 401}
";

const COUNT: &str = "\
title: Many keys
id: 7d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11
correlation: {type: event_count, rules: [old_key], group-by: [client_id], timespan: 1m, condition: {gte: 3}}
gatewatch:
  tests:
    match:
      - - {time: '2026-03-02T09:15:00Z', query: apikey=1, status: 200, client_id: c}
        - {time: '2026-03-02T09:15:10Z', query: apikey=1, status: 200, client_id: c}
        - {time: '2026-03-02T09:15:59Z', query: apikey=1, status: 200, client_id: c}
    no_match:
      - - {time: '2026-03-02T09:15:00Z', query: apikey=1, status: 200, client_id: c}
        - {time: '2026-03-02T09:15:10Z', query: apikey=1, status: 200, client_id: c}
        - {time: '2026-03-02T09:16:00Z', query: apikey=1, status: 200, client_id: c}
";

#[test]
fn the_cases_of_the_catalogue_hold() {
    let (code, out, error) = run(&["test"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.starts_with("ok: "), "{out}");
}

#[test]
fn a_case_that_fails_is_shown_with_its_line_and_why() {
    let broken = RULE
        .replace("status: 204", "status: 304")
        .replace("apikey=1, status: 401", "x&api_key=1, status: 200");
    let (_keep, path) = folder(&[
        ("old.yml", &broken),
        ("many.yml", &COUNT.replace("09:15:59Z", "09:16:30Z")),
    ]);
    let (code, out, _) = run(&["test", shown(&path)]);
    assert_eq!(code, 1);
    let out = out.replace(shown(&path), "rules");
    for expected in [
        "rules/old.yml:17:9: Old key: this has to match, and does not\n",
        "17 |       - {time: '2026-03-02T09:15:00Z', query: 'a=1&ApiKey%3d2', status: 304}\n   |         ^\n",
        "line 12: status `lt: 300` does not hold: status is `304`",
        "rules/old.yml:19:9: Old key: this must not match, and does\n",
        "line 9: query_decoded `contains: api_key=` holds: `x&api_key=1`, bytes 2 to 10",
        "rules/many.yml:7:11: Many keys: this has to match, and does not\n",
        "its rules match 3 of the 3 events",
        "events within 1m of `c`: 2, asked for ≥ 3",
        "FAILED: 4 cases of 1 rules and 1 correlations, 3 failed",
    ] {
        assert!(out.contains(expected), "{expected}\nin\n{out}");
    }
}

#[test]
fn the_reader_may_stop_early() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .current_dir(ROOT)
        .args(["rule", "lint", "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn what_only_feeds_others_is_tested_too() {
    let chain = "title: Many keys again\nid: 8d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11\n\
                 correlation: {type: event_count, rules: [7d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11], group-by: [client_id], timespan: 1h, condition: {gte: 2}}\n";
    let (_keep, path) = folder(&[("old.yml", RULE), ("many.yml", COUNT), ("again.yml", chain)]);
    let (code, report) = json(&[
        "test",
        shown(&path),
        "--only",
        "Many keys",
        "--format",
        "json",
    ]);
    assert_eq!((code, report["cases"].as_u64()), (0, Some(2)), "{report}");
}

#[test]
fn tests_can_be_chosen_and_are_told_to_machines() {
    let (_keep, path) = folder(&[("old.yml", RULE), ("many.yml", COUNT)]);
    let path = shown(&path);
    for (only, cases) in [
        ("old_key", 2),
        ("many", 2),
        ("OLD", 2),
        ("7d1f7c1e-3c7e-4f0a-9b57-0d6a7a3c2b11", 2),
    ] {
        let (code, report) = json(&["test", path, "--only", only, "--format", "json"]);
        assert_eq!((code, report["cases"].as_u64()), (0, Some(cases)), "{only}");
    }
    let (code, _, error) = run(&["test", path, "--only", "nothing"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("no rule has the id, name, file or title `nothing`"),
        "{error}"
    );
    // A file alone gets the rules beside it that it needs.
    let (code, report) = json(&["test", &format!("{path}/many.yml"), "--format", "json"]);
    assert_eq!(
        (
            code,
            report["correlations"].as_u64(),
            report["rules"].as_u64()
        ),
        (0, Some(1), Some(0))
    );
}

#[test]
fn rules_that_do_not_load_are_wrong_use() {
    let (_keep, path) = folder(&[("old.yml", &RULE.replace("query_decoded", "query_decodet"))]);
    for command in ["test", "lint", "bench", "coverage"] {
        let (code, _, error) = run(&[command, shown(&path)]);
        assert_eq!(code, 2, "{command}");
        assert!(
            error.contains("hint: did you mean `query_decoded`?"),
            "{error}"
        );
    }
    let (code, _, error) = run(&["lint", "no-such-folder"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("no-such-folder: there is no such file or folder"),
        "{error}"
    );
}

#[test]
fn the_catalogue_has_nothing_that_is_denied() {
    let (code, out, error) = run(&["lint", "--deny", "warnings", "--no-notes"]);
    assert_eq!(code, 0, "{out}{error}");
}

#[test]
fn what_is_denied_decides_the_exit_code() {
    let (_keep, path) = folder(&[("old.yml", RULE)]);
    let path = shown(&path);
    assert_eq!(run(&["lint", path]).0, 0, "warnings alone are no failure");
    assert_eq!(run(&["lint", path, "--deny", "warnings"]).0, 1);
    assert_eq!(run(&["lint", path, "--deny", "missing-author"]).0, 1);
    assert_eq!(run(&["lint", path, "--deny", "notes"]).0, 1);
    let (code, _, error) = run(&["lint", path, "--deny", "mising-author"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("no lint is named `mising-author`"),
        "{error}"
    );
    let (_, findings) = json(&["lint", path, "--format", "json"]);
    let author = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["lint"] == "missing-author")
        .unwrap();
    assert_eq!(
        (author["severity"].as_str(), author["line"].as_u64()),
        (Some("note"), Some(1))
    );
    let impossible = RULE.replace("status|lt: 300", "status|lt: 100");
    let (_keep, path) = folder(&[("old.yml", &impossible)]);
    let (code, out, _) = run(&["lint", shown(&path), "--no-notes"]);
    assert_eq!(code, 1);
    assert!(
        out.contains(
            "old.yml:10:3: error[never-matches]: no event can match: `answered` excludes itself"
        ),
        "{out}"
    );
}

#[test]
fn an_explanation_underlines_what_was_found() {
    let (_keep, path) = folder(&[
        ("old.yml", RULE),
        (
            "event.json",
            "{\"time\":\"2026-03-02T09:15:00Z\",\"path\":\"/a\\u001b[2J\",\"query\":\"a=1&ApiKey%3d2\",\"status\":204}\n",
        ),
    ]);
    let (rules, event) = (path.join("old.yml"), path.join("event.json"));
    let (code, out, error) = run(&["explain", shown(&rules), shown(&event)]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(!out.contains('\u{1b}'), "{out}");
    let out = out.replace(shown(&path), "rules");
    let expected = r"Old key  rules/old.yml:1
  time           2026-03-02T09:15:00.000000Z
  path           /a\u{1b}[2J
  query          a=1&ApiKey%3d2
  query_decoded  a=1&ApiKey=2
  status         204
  route          /a\u{1b}[2J
  fact           none

✓ key and answered
├─ ✓ key  line 6
│  └─ ✓ any of 2  line 7
│     ├─ ✓ query_decoded contains: apikey=  line 8
│     │  a=1&ApiKey=2
│     │      ^^^^^^^  bytes 4..11 of 12
│     └─ 1 more do not hold
└─ ✓ answered  line 10
   └─ ✓ all of 2  line 11
      ├─ ✓ status gte: 200  line 11
      │  204
      │  ^^^  bytes 0..3 of 3
      └─ ✓ status lt: 300  line 12
         204
         ^^^  bytes 0..3 of 3

it matches
";
    assert_eq!(out, expected);
}

#[test]
fn an_explanation_of_what_does_not_match_is_exit_code_1_and_json() {
    let (_keep, path) = folder(&[
        ("old.yml", RULE),
        (
            "event.json",
            "{\n \"time\": \"2026-03-02T09:15:00Z\",\n \"status\": 500\n}\n",
        ),
    ]);
    let (rules, event) = (path.join("old.yml"), path.join("event.json"));
    let (code, report) = json(&[
        "explain",
        "old_key",
        shown(&event),
        "--rules",
        shown(&path),
        "--format",
        "json",
    ]);
    assert_eq!((code, report["matches"].as_bool()), (1, Some(false)));
    let key = &report["trace"]["steps"][0];
    assert_eq!(
        (
            key["step"].as_str(),
            key["name"].as_str(),
            key["holds"].as_bool()
        ),
        (Some("selection"), Some("key"), Some(false))
    );
    assert_eq!(report["event"]["status"], "500");
    let (code, _, error) = run(&["explain", shown(&rules), shown(&event), "--record", "9"]);
    assert_eq!(code, 2);
    assert!(error.contains("--record is 9"), "{error}");
    let (code, _, error) = run(&[
        "explain",
        shown(&rules),
        shown(&event),
        "--log-format",
        "naive",
    ]);
    assert_eq!(code, 2);
    assert!(error.contains("formats are auto, native"), "{error}");
}

#[test]
fn an_exception_is_named() {
    let exception = "title: Load test\nlogsource: {category: api_gateway}\nfilter: {rules: any, test: {client_id: c}, condition: not test}\n\
                     gatewatch: {silence: {owner: a, reason: agreed, expires: 2027-01-01}}\n";
    let record = "{\"time\":\"2026-03-02T09:15:00Z\",\"query\":\"apikey=1\",\"status\":200,\"client_id\":\"c\"}\n";
    let (_keep, path) = folder(&[
        ("old.yml", RULE),
        (
            "test.yml",
            &exception.replace("category: api_gateway", "product: gatewatch"),
        ),
        ("event.json", record),
    ]);
    let event = path.join("event.json");
    let (code, out, error) = run(&["explain", "old_key", shown(&event), "--rules", shown(&path)]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(
        out.ends_with("it matches\nand is held back by `Load test`\n"),
        "{out}"
    );
}

#[test]
fn the_condition_with_places_means_what_the_engine_means() {
    let vocabulary = Vocabulary::default();
    let sources = annotated::read(&[Path::new(ROOT).join("rules")]).unwrap();
    let set = RuleSet::from_sources_with(&sources, &vocabulary).unwrap();
    let enricher = Enricher::new(&config::Enrich::default()).unwrap();
    let mut scratch = set.scratch();
    let rules: Vec<_> = annotated::annotate(&sources, &vocabulary)
        .into_iter()
        .filter(|rule| rule.kind == annotated::DocumentKind::Rule)
        .collect();
    let mut held = 0;
    for (number, own) in set.rules().iter().enumerate() {
        let tests = &own.tests;
        for case in tests.matching.iter().chain(&tests.not_matching) {
            let mut event: Event<'_> = serde_json::from_str(&case.json).unwrap();
            enricher.enrich(&mut event);
            case.complete(&mut event);
            let matched = set.matches(&event, &mut scratch).to_vec();
            // The rule itself, those that match besides, and one that has nothing to do with it; all would take minutes.
            let other = (number * 7 + case.line as usize) % rules.len();
            let asked = matched.iter().map(|index| *index as usize);
            for index in asked.chain([number, other]) {
                let rule = &rules[index];
                let trace = rule.trace(&event).unwrap();
                let expected = matched.iter().any(|found| *found as usize == index);
                assert_eq!(trace.holds, expected, "{}: {}", rule.title, case.json);
                held += usize::from(trace.holds);
            }
        }
    }
    assert!(held > 100, "only {held} matches were compared");
}

#[test]
fn a_correlation_is_explained_by_what_it_counts() {
    let record = |second: u32| {
        format!(
            "{{\"time\":\"2026-03-02T09:15:{second:02}Z\",\"query\":\"apikey=1\",\"status\":200,\"client_id\":\"c\"}}\n"
        )
    };
    let lines: String = (0..3).map(|at| record(at * 10)).collect();
    let (_keep, path) = folder(&[("old.yml", RULE), ("many.yml", COUNT), ("log.json", &lines)]);
    let (many, log) = (path.join("many.yml"), path.join("log.json"));
    let (code, out, error) = run(&["explain", shown(&many), shown(&log)]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(
        out.contains("counts events within 1m; fires at ≥ 3"),
        "{out}"
    );
    assert!(
        out.contains("record   2  2026-03-02T09:15:10.000000Z  ✗ 2  group c  by Old key"),
        "{out}"
    );
    assert!(
        out.contains("record   3  2026-03-02T09:15:20.000000Z  ✓ 3  group c  by Old key"),
        "{out}"
    );
    let (_, report) = json(&["explain", shown(&many), shown(&log), "--format", "json"]);
    assert_eq!(report["counts"][2]["observed"], 3.0);
}

#[test]
fn costs_are_sorted_and_add_up() {
    let (code, report) = json(&["bench", "--count", "500", "--format", "json"]);
    assert_eq!(code, 0);
    let rules = report["rules"].as_array().unwrap();
    assert_eq!(Some(rules.len() as u64), report["count"].as_u64());
    let costs: Vec<f64> = rules
        .iter()
        .map(|rule| rule["in_set_nanoseconds"].as_f64().unwrap())
        .collect();
    assert!(costs.is_sorted_by(|a, b| a >= b));
    let always = rules.iter().filter(|rule| rule["called_up"] == 1.0).count() as u64;
    assert!(always >= report["without_witness"].as_u64().unwrap());
    let (code, out, _) = run(&["bench", "--count", "100", "--top", "2"]);
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 5, "{out}");
}

#[test]
fn coverage_says_what_has_no_rule() {
    let (_keep, path) = folder(&[(
        "old.yml",
        &RULE.replace(
            "name: old_key",
            "name: old_key\ntags: [requirement.aut-01, attack.t1552.001, attack.t9999]",
        ),
    )]);
    let (code, tables) = json(&["coverage", shown(&path), "--format", "json"]);
    assert_eq!(code, 0);
    let row = |table: &str, id: &str| {
        tables[table]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == id)
            .cloned()
            .unwrap()
    };
    assert_eq!(tables["requirements"].as_array().unwrap().len(), 24);
    assert_eq!(row("requirements", "AUT-01")["rules"], 1);
    assert_eq!(row("attack", "T1552.001")["titles"][0], "Old key");
    assert_eq!(row("attack", "T9999")["rules"], 1);
    assert_eq!(row("owasp", "api2-2023")["rules"], 0);
    let (_, out, _) = run(&["coverage", shown(&path), "--format", "markdown"]);
    assert!(
        out.contains("| SEC-02 | stored data is encrypted (AES-256 or as strong) | 0 | 0 |"),
        "{out}"
    );
    let (_, out, _) = run(&["coverage", shown(&path)]);
    assert!(out.contains("without a rule: SEC-01, SEC-02"), "{out}");
}

/// What the layer format 4.5 of the ATT&CK Navigator asks of the parts that a layer of ours has.
fn layer_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "required": ["name", "domain", "versions"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "description": {"type": "string"},
            "domain": {"enum": ["enterprise-attack", "mobile-attack", "ics-attack"]},
            "versions": {
                "type": "object",
                "required": ["navigator", "layer"],
                "additionalProperties": false,
                "properties": {
                    "attack": {"type": "string"},
                    "navigator": {"type": "string", "pattern": r"^(4\.9|[5-9]\.\d+)\.\d+$"},
                    "layer": {"const": "4.5"}
                }
            },
            "sorting": {"enum": [0, 1, 2, 3]},
            "layout": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "layout": {"enum": ["side", "flat", "mini"]},
                    "showID": {"type": "boolean"},
                    "showName": {"type": "boolean"},
                    "expandedSubtechniques": {"enum": ["none", "all", "annotated"]}
                }
            },
            "hideDisabled": {"type": "boolean"},
            "techniques": {"type": "array", "items": {
                "type": "object",
                "required": ["techniqueID"],
                "additionalProperties": false,
                "properties": {
                    "techniqueID": {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"},
                    "score": {"type": "number"},
                    "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
                    "comment": {"type": "string"},
                    "enabled": {"type": "boolean"},
                    "showSubtechniques": {"type": "boolean"}
                }
            }},
            "gradient": {
                "type": "object",
                "required": ["colors", "minValue", "maxValue"],
                "additionalProperties": false,
                "properties": {
                    "colors": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                    "minValue": {"type": "number"},
                    "maxValue": {"type": "number"}
                }
            },
            "legendItems": {"type": "array", "items": {
                "type": "object",
                "required": ["label", "color"],
                "properties": {"label": {"type": "string"}, "color": {"type": "string"}}
            }}
        }
    })
}

#[test]
fn the_layer_is_one_that_the_navigator_reads() {
    let (_keep, path) = folder(&[]);
    let file = path.join("layer.json");
    let (code, _, error) = run(&["coverage", "--navigator", shown(&file)]);
    assert_eq!(code, 0, "{error}");
    let layer: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&layer_schema()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&layer)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    assert!(layer["gradient"]["maxValue"].as_u64() > layer["gradient"]["minValue"].as_u64());
    let techniques = layer["techniques"].as_array().unwrap();
    let exploit = techniques
        .iter()
        .find(|one| one["techniqueID"] == "T1190")
        .unwrap();
    assert!(exploit["score"].as_u64().unwrap() > 5);
}

#[test]
fn every_command_shows_examples() {
    for command in ["test", "lint", "explain", "bench", "coverage"] {
        let (code, out, _) = run(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(
            out.contains("Examples:") && out.contains("Exit codes:"),
            "{out}"
        );
    }
    let (code, out, _) = run(&["lint", "--list"]);
    assert_eq!(code, 0);
    assert!(out.contains("never-matches"), "{out}");
}
