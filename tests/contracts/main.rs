//! Contracts from the file to the finding: the examples hold on ordinary traffic, breaches are found, wrong files are refused.

mod found;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use gatewatch::config;
use gatewatch::contract::Contracts;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::Timestamp;
use gatewatch::simulate::{Generator, Settings, Shapes};

use found::{findings, plate_call};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_examples_hold_on_ordinary_traffic() {
    let contracts = Contracts::load(&Path::new(ROOT).join("contracts"))
        .unwrap_or_else(|errors| panic!("{errors}"));
    let enricher = Enricher::new(&config::Enrich::default())
        .expect("the defaults need no file")
        .with_contracts(contracts);
    let decoder = Decoder::new(&config::Decode::default()).expect("the defaults are valid");
    let mut calls: BTreeMap<String, u32> = BTreeMap::new();
    let mut breaches: BTreeMap<(String, &str), u32> = BTreeMap::new();
    // Each seed has other clients: which gateway they keep to, which TLS they speak.
    for seed in [1, 7, 11, 23] {
        let settings = Settings {
            seed,
            start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
            span_us: 86_400_000_000,
            quiet_us: 0,
            events: 60_000,
            clients: None,
            broken: 0,
            scenarios: Vec::new(),
            shapes: Shapes::default(),
            holidays: Vec::new(),
            releases: 0,
        };
        let mut generator = Generator::new(settings).expect("the span is sound");
        let mut record = Vec::new();
        while generator.next_into(&mut record).is_some() {
            let mut event = decoder.decode(&record, None).expect("an event");
            enricher.enrich(&mut event);
            let integration = event.integration.as_deref().unwrap_or("none").to_owned();
            *calls.entry(integration.clone()).or_default() += 1;
            for fact in event.facts.iter().filter(|fact| fact.is_of_contract()) {
                *breaches
                    .entry((integration.clone(), fact.name()))
                    .or_default() += 1;
            }
            record.clear();
        }
    }
    for integration in ["barrier-operator", "face-recognition", "tenant-sync"] {
        assert!(
            calls.get(integration) > Some(&50),
            "{integration}: {calls:?}"
        );
    }
    // Passers-by are under no contract, cameras fail now and then, and no call says anything else.
    let others: Vec<_> = breaches
        .keys()
        .filter(|(_, fact)| !["contract.none", "cache.absent"].contains(fact))
        .collect();
    assert!(others.is_empty(), "{breaches:#?}");
    assert!(breaches.contains_key(&("none".to_owned(), "contract.none")));
}

fn gatewatch(config: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("gatewatch.toml");
    std::fs::write(&file, config).expect("the file can be written");
    Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .current_dir(ROOT)
        .env("GATEWATCH_CONFIG", &file)
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn a_breach_is_found_by_the_rules_and_a_call_that_keeps_to_the_contract_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.ndjson");
    let call = |client: &str, status: u16| {
        format!(
            r#"{{"time":"2026-07-01T10:00:00Z","method":"GET","host":"api.propdev.example","path":"/v1/plates","status":{status},"client_id":"{client}","client_address":"198.18.0.7","gateway":"gw-msk-1"}}"#
        )
    };
    let lines = [
        call("barrier-operator", 200),
        call("stranger", 200),
        call("stranger", 403),
    ];
    std::fs::write(&log, lines.join("\n")).unwrap();
    let output = gatewatch(
        "[contracts]\nfolder = \"contracts\"\n",
        &["replay", "--matches", &log.display().to_string()],
    );
    let said = String::from_utf8(output.stdout).unwrap();
    let found: Vec<(u64, String, String)> = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|found| found["rule_title"].as_str().unwrap().contains("contract"))
        .map(|found| {
            let text = |key: &str| found[key].as_str().unwrap().to_owned();
            (
                found["record"].as_u64().unwrap(),
                text("rule_title"),
                text("level"),
            )
        })
        .collect();
    let expected = [
        (
            1,
            "Caller outside the contract, and the call was answered",
            "high",
        ),
        (2, "Caller outside the contract was refused", "low"),
    ];
    assert_eq!(
        found,
        expected.map(|(record, title, level)| (record, title.to_owned(), level.to_owned())),
        "{said}"
    );
}

#[test]
fn rules_expand_the_lists_of_contracts() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "title: Operator\nid: 7b0c4a52-6d67-4a10-9c39-0a6a9a3c2f10\nlogsource: {category: api_gateway}\ndetection:\n  \
                caller:\n    client_id|expand: '%barrier-operator.clients%'\n  condition: caller\n";
    std::fs::write(folder.path().join("operator.yml"), rule).unwrap();
    let log = folder.path().join("log.ndjson");
    let call = |client| format!(r#"{{"time":"2026-07-01T10:00:00Z","client_id":"{client}"}}"#);
    std::fs::write(&log, [call("event-relay"), call("stranger")].join("\n")).unwrap();
    let rules = folder.path().display().to_string();
    let log = log.display().to_string();
    let arguments = ["replay", "--matches", "--rules", &rules, &log];
    let output = gatewatch("[contracts]\nfolder = \"contracts\"\n", &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.lines().count(), 1, "{output:?}");
    assert!(said.contains(r#""record":0"#), "{said}");
    let output = gatewatch("", &arguments);
    assert_eq!(
        output.status.code(),
        Some(2),
        "without contracts the name has no values"
    );
}

#[test]
fn a_wrong_contract_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(ROOT).join("contracts/tenant-sync.yaml")).unwrap();
    let broken = text.replace("tls: TLSv1.2", "tls: TLSv1.1");
    std::fs::write(folder.path().join("sync.yaml"), broken).unwrap();
    let config = format!(
        "[enrich]\npseudonym_key = \"{}\"\n[store]\ndead_letter_key = \"{}\"\n[contracts]\nfolder = {:?}\n",
        "k".repeat(32),
        "00".repeat(32),
        folder.path()
    );
    let output = gatewatch(&config, &["check"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("sync.yaml:18:18: `TLSv1.1` is no floor: `TLSv1.2` or `TLSv1.3`"),
        "{said}"
    );
    assert!(said.contains("18 | transport: {tls: TLSv1.1,"), "{said}");
}

/// Runs the program; what it printed, and with which code it ended.
fn said(arguments: &[&str]) -> (String, i32) {
    let output = gatewatch("", arguments);
    let code = output.status.code().expect("it was not killed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(code < 2, "{arguments:?}: {error}");
    (String::from_utf8(output.stdout).expect("UTF-8"), code)
}

#[test]
fn a_draft_holds_on_the_traffic_that_it_was_made_of_and_a_stricter_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let log = path("log.ndjson");
    let simulated = [
        "simulate",
        "--seed",
        "5",
        "--span",
        "1d",
        "--events",
        "60000",
        "--no-scenarios",
        "--output",
        &log,
    ];
    said(&simulated);
    let (draft, code) = said(&[
        "contract",
        "draft",
        "--integration",
        "barrier-operator",
        "--from",
        &log,
    ]);
    assert_eq!(code, 0);
    assert!(draft.contains("  longest_life: 10m  # "), "{draft}");
    let accepted = draft.replace(
        "# acceptance: {by: …, on: …, report: …}",
        "acceptance: {by: Board, on: 2020-01-01, report: minutes 1}",
    );
    assert_ne!(accepted, draft);
    std::fs::write(path("a.yaml"), &accepted).unwrap();
    let (report, code) = said(&["contract", "check", &path("a.yaml"), "--from", &log]);
    assert_eq!(code, 0, "{report}");
    assert!(
        report.ends_with("nothing would have been a breach\n"),
        "{report}"
    );

    let strict = accepted.replace("roles: [service]", "roles: [nobody]");
    assert_ne!(strict, accepted);
    std::fs::write(path("b.yaml"), strict).unwrap();
    let (report, code) = said(&[
        "contract",
        "check",
        &path("b.yaml"),
        "--from",
        &log,
        "--output",
        "json",
    ]);
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let breach = &report["breaches"][0];
    assert_eq!(
        (&breach["fact"], &breach["requirement"]),
        (&"role.denied".into(), &"SEC-04".into())
    );
    assert!(breach["answered"].as_u64().unwrap() > 100, "{report}");
    assert_eq!(breach["examples"].as_array().unwrap().len(), 3);

    let (changes, code) = said(&[
        "contract",
        "diff",
        &path("b.yaml"),
        &path("a.yaml"),
        "--fail-on-allows",
    ]);
    assert_eq!(code, 1);
    let place = "operations.POST /hooks/propdevelopment.roles";
    assert_eq!(
        changes,
        format!("+ allows   {place}  service\n- forbids  {place}  nobody\n")
    );
}

#[test]
fn an_integration_that_nobody_names_is_said_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.ndjson");
    std::fs::write(&log, r#"{"time":"2026-07-01T10:00:00Z","method":"GET","path":"/","status":200,"integration":"plates"}"#).unwrap();
    let output = gatewatch(
        "",
        &[
            "contract",
            "draft",
            "--integration",
            "faces",
            "--from",
            &log.display().to_string(),
        ],
    );
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("none of 1 events is of integration `faces`: the log names plates"),
        "{error}"
    );
}

#[test]
fn the_schema_is_the_one_of_the_documentation() {
    let (schema, _) = said(&["contract", "schema"]);
    let documented =
        std::fs::read_to_string(Path::new(ROOT).join("docs/contract-schema.json")).unwrap();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let is_same = value(&schema) == value(&documented);
    assert!(is_same, "run UPDATE_DOCS=1 cargo test --test docs_fresh");
}

#[test]
fn events_are_not_kept_longer_than_a_contract_allows() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(ROOT).join("contracts/tenant-sync.yaml")).unwrap();
    let shorter = text.replace("retention: 365d", "retention: 30d");
    assert_ne!(shorter, text);
    std::fs::write(folder.path().join("a.yaml"), shorter).unwrap();
    let config = format!(
        "[contracts]\nfolder = {:?}\n",
        folder.path().display().to_string()
    );
    let output = gatewatch(&config, &["check"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("tenant-sync lets events be kept for 30 days at most"),
        "{error}"
    );
    let shorter = config + "[store.retention]\nevents_days = 30\n";
    let output = gatewatch(&shorter, &["check"]);
    assert!(
        !String::from_utf8(output.stderr)
            .unwrap()
            .contains("retention")
    );
}

#[test]
fn personal_data_in_a_url_is_a_breach_where_the_contract_says_so() {
    let call = plate_call(0, "operator", 200, r#","query":"phone=%2B79161234567""#);
    let title = "Personal data stands in a URL, which the contract forbids";
    let of_contract = |more: &str| {
        let found = findings(more, std::slice::from_ref(&call));
        found
            .into_iter()
            .filter(|(found, _)| found == title)
            .count()
    };
    assert_eq!(of_contract("forbidden_in_urls: [phone]"), 1);
    assert_eq!(of_contract("forbidden_in_urls: [card]"), 0);
}

#[test]
fn operations_come_from_the_document_of_the_partner() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        std::fs::read_to_string(Path::new(ROOT).join("contracts/face-recognition.yaml")).unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, &text).unwrap();
    let missing = gatewatch("", &["contract", "check", &file.display().to_string()]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        error.contains("a.yaml:28:17: ")
            && error.contains("openapi/face-recognition.yaml cannot be read"),
        "{error}"
    );

    let contracts = Contracts::load(&Path::new(ROOT).join("contracts"))
        .unwrap_or_else(|errors| panic!("{errors}"));
    let document = contracts
        .documents()
        .find(|document| document.integration == "face-recognition")
        .unwrap();
    let operation = &document.operations["GET /v1/templates"];
    let names = |names: &Option<Vec<_>>| -> Vec<String> {
        names.iter().flatten().map(ToString::to_string).collect()
    };
    assert_eq!(names(&operation.sends), ["limit", "since"]);
    assert_eq!(
        names(&operation.receives),
        ["consent", "detail", "status", "template", "title", "type"]
    );
    assert_eq!(
        (names(&Some(operation.roles.clone())), operation.records),
        (vec!["partner".to_owned()], Some(100))
    );
    assert_eq!(document.operations.len(), 3);
}
