//! Contracts from the file to the finding: the examples hold on ordinary traffic, breaches are found, wrong files are refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use gatewatch::config;
use gatewatch::contract::Contracts;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::Timestamp;
use gatewatch::simulate::{Generator, Settings};

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
            events: 60_000,
            clients: None,
            broken: 0,
            scenarios: Vec::new(),
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
    // Every call of an integration without a contract says so, and no call says anything else.
    let others: Vec<_> = breaches
        .keys()
        .filter(|(_, fact)| *fact != "contract.none")
        .collect();
    assert!(others.is_empty(), "{breaches:#?}");
    assert!(breaches.contains_key(&("faces".to_owned(), "contract.none")));
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
        said.contains("sync.yaml:14:18: `TLSv1.1` is no floor: `TLSv1.2` or `TLSv1.3`"),
        "{said}"
    );
    assert!(said.contains("14 | transport: {tls: TLSv1.1}"), "{said}");
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

/// A contract of `plates` with these lines more, in a folder of its own, and what `replay` finds of it in these records.
fn findings(more: &str, records: &[String]) -> Vec<(String, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let contracts = folder.path().join("contracts");
    std::fs::create_dir(&contracts).unwrap();
    let contract = format!(
        "integration: plates\ntitle: Plates\nowner: {{name: A, mail: a@example.org}}\nvalid: {{from: 2026-01-01, until: 2026-12-31}}\n\
         acceptance: {{by: B, on: 2026-01-01, report: r}}\nmatches: {{paths: [/v1]}}\n{more}\n"
    );
    std::fs::write(contracts.join("plates.yaml"), contract).unwrap();
    let log = folder.path().join("log.ndjson");
    std::fs::write(&log, records.join("\n")).unwrap();
    let config = format!(
        "[contracts]\nfolder = {:?}\n",
        contracts.display().to_string()
    );
    let output = gatewatch(&config, &["replay", &log.display().to_string()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        *counts
            .entry(found["rule_title"].as_str().unwrap().to_owned())
            .or_default() += found["count"].as_u64().unwrap();
    }
    counts.into_iter().collect()
}

fn plate_call(second: u32, client: &str, status: u16, more: &str) -> String {
    format!(
        r#"{{"time":"2026-07-01T10:{:02}:{:02}Z","method":"GET","path":"/v1/plates","status":{status},"client_id":"{client}","client_address":"198.18.0.7"{more}}}"#,
        second / 60,
        second % 60
    )
}

#[test]
fn a_limit_that_the_gateway_does_not_enforce_is_found() {
    let limit = "limits: [{of: client, requests: 5, within: 1m}]";
    let title = "Rate limit of plates is not enforced: more than 5 calls of one client in 1m";
    let calls = |status: &dyn Fn(u32) -> u16| -> Vec<String> {
        (0..8)
            .map(|n| plate_call(n * 5, "operator", status(n), ""))
            .collect()
    };
    let found = findings(limit, &calls(&|_| 200));
    assert_eq!(
        found,
        [(title.to_owned(), 8)],
        "three calls too many, shown with the five before them"
    );
    let enforced = findings(limit, &calls(&|n| if n < 5 { 200 } else { 429 }));
    assert_eq!(enforced, []);
    let slow: Vec<String> = (0..8)
        .map(|n| plate_call(n * 15, "operator", 200, ""))
        .collect();
    assert_eq!(findings(limit, &slow), [], "no five calls within a minute");
    let several: Vec<String> = (0..8)
        .map(|n| plate_call(n, &format!("c{}", n % 2), 200, ""))
        .collect();
    assert_eq!(
        findings(limit, &several),
        [],
        "each client is counted by itself"
    );
    let other = "limits: [{of: client, requests: 5, within: 1m, operations: [GET /v1/plates]}]\noperations: {GET /v1/plates: {}, GET /v1/lanes: {}}";
    assert_eq!(findings(other, &calls(&|_| 200)).len(), 1);
    let lanes: Vec<String> = calls(&|_| 200)
        .iter()
        .map(|call| call.replace("/v1/plates", "/v1/lanes"))
        .collect();
    assert_eq!(findings(other, &lanes), []);
}

#[test]
fn webhooks_that_stop_are_found_while_other_calls_come() {
    let contract = "webhooks: {longest_silence: 5m}";
    let webhook = |second| plate_call(second, "operator", 202, r#","webhook_id":"w""#);
    let call = |second| plate_call(second, "operator", 200, "");
    let title = "No webhook of plates for 5m".to_owned();
    let stopped = [webhook(0), webhook(60), call(200), call(400)];
    assert_eq!(findings(contract, &stopped), [(title, 1)]);
    let goes_on = [webhook(0), webhook(290), call(400), webhook(580), call(600)];
    assert_eq!(findings(contract, &goes_on), []);
    assert_eq!(findings(contract, &stopped[..3]), [], "the log ends first");
}

#[test]
fn a_broken_service_level_and_missing_calls_are_found() {
    let contract = "service_levels: [{share: 99}, {share: 90, within_ms: 100}]\ntraffic: {calls: 5, within: 10m}";
    let call = |second, status, ms| {
        let more = format!(r#","duration_us":{}"#, ms * 1_000);
        plate_call(second, "operator", status, &more)
    };
    let all = |bad: &dyn Fn(u32) -> (u16, u32)| -> Vec<String> {
        let seconds = (0..3_500).step_by(10);
        seconds
            .map(|second| {
                let (status, ms) = bad(second / 60);
                call(second, status, ms)
            })
            .collect()
    };
    let titles = |records: &[String]| -> Vec<String> {
        findings(contract, records)
            .into_iter()
            .map(|(title, _)| title)
            .collect()
    };
    let fast = "A service level is being broken fast".to_owned();
    assert_eq!(titles(&all(&|_| (200, 40))), [] as [String; 0]);
    assert_eq!(
        titles(&all(&|minute| (if minute >= 30 { 503 } else { 200 }, 40))),
        [fast]
    );
    let mut stopped = all(&|_| (200, 40));
    stopped.retain(|record| !record.contains("T10:3") && !record.contains("T10:4"));
    stopped.push(call(3_590, 200, 40));
    let fewer = "Fewer calls of an integration than there have to be".to_owned();
    assert_eq!(titles(&stopped), [fewer]);
}

#[test]
fn a_synchronisation_beside_its_schedule_is_found() {
    let contract = "schedules: [{name: residents, operations: [GET /v1/plates], every: 15m, tolerance: 4m, records: {most: 100}}]\n\
                    operations: {GET /v1/plates: {}, GET /v1/lanes: {}}";
    let run = |minute: u32, records: u32| {
        plate_call(
            minute * 60,
            "sync",
            200,
            &format!(r#","record_count":{records}"#),
        )
    };
    let other = |minute: u32| run(minute, 1).replace("/v1/plates", "/v1/lanes");
    let titles = |records: &[String]| -> Vec<String> {
        findings(contract, records)
            .into_iter()
            .map(|(title, _)| title)
            .collect()
    };
    let end = other(59);
    let good = [
        run(0, 20),
        run(15, 20),
        run(31, 20),
        run(44, 20),
        end.clone(),
    ];
    assert_eq!(titles(&good), [] as [String; 0]);
    let missed = [run(0, 20), run(15, 20), other(30), run(45, 20), end.clone()];
    assert_eq!(
        titles(&missed),
        ["A scheduled synchronisation has not begun"]
    );
    let doubled = [
        run(0, 20),
        run(15, 20),
        run(22, 20),
        run(30, 20),
        run(45, 20),
        end.clone(),
    ];
    assert_eq!(titles(&doubled), ["A synchronisation beside its schedule"]);
    let large = [run(0, 20), run(15, 101), run(30, 20), run(45, 20), end];
    assert_eq!(
        titles(&large),
        ["A synchronisation carries or deletes far too much"]
    );
}

#[test]
fn calls_on_one_side_only_are_found() {
    let contract = "second_source: {within: 2m}";
    let call = |second, id: u32| {
        plate_call(
            second,
            "relay",
            202,
            &format!(r#","direction":"outbound","request_id":"r-{id}""#),
        )
    };
    let seen = |second, id: u32| {
        call(second, id).replace('{', r#"{"observer":"partner","integration":"plates","#)
    };
    let end = plate_call(900, "operator", 200, "");
    let both: Vec<String> = (0..9)
        .flat_map(|id| [call(id * 20, id), seen(id * 20 + 70, id)])
        .collect();
    let mut ordered = both.clone();
    ordered.sort_by_key(|record| record.find("T10:").map(|at| record[at..at + 9].to_owned()));
    ordered.push(end.clone());
    assert_eq!(
        findings(contract, &ordered),
        [],
        "the partner writes a minute later"
    );
    let past = [
        call(0, 1),
        seen(1, 1),
        seen(9, 2),
        call(20, 3),
        seen(21, 3),
        end.clone(),
    ];
    let title = "Call of plates that the partner saw and no gateway did".to_owned();
    assert_eq!(findings(contract, &past), [(title, 1)]);
    let alone = [
        call(0, 1),
        call(5, 2),
        call(9, 3),
        call(20, 4),
        seen(21, 4),
        end,
    ];
    let title = "Calls of plates that the partner has no record of".to_owned();
    assert_eq!(findings(contract, &alone), [(title, 3)]);
}

#[test]
fn a_change_of_which_no_webhook_tells_is_found() {
    let contract = "webhooks: {follow: {operations: [DELETE /v1/plates], within: 5m}}\noperations: {DELETE /v1/plates: {}, GET /v1/plates: {}, POST /v1/hooks: {}}";
    let change = |second, id: &str| {
        plate_call(
            second,
            "operator",
            204,
            &format!(r#","resource_type":"plate","resource_id":"{id}""#),
        )
        .replace("GET", "DELETE")
    };
    let told = |second, id: &str| {
        plate_call(
            second,
            "relay",
            202,
            &format!(r#","webhook_id":"w","resource_id":"{id}""#),
        )
        .replace("/v1/plates", "/v1/hooks")
        .replace("GET", "POST")
    };
    let end = plate_call(900, "operator", 200, "");
    let records = [change(0, "A1"), change(10, "A2"), told(40, "A2"), end];
    let title = "Change in plates of which no webhook told within 5m".to_owned();
    assert_eq!(findings(contract, &records), [(title, 1)]);
}

#[test]
fn failed_calls_that_nobody_tries_again_are_found() {
    let contract = "retries: {attempts: 3, within: 2m}";
    let call = |second, id: u32, attempt: u32, status| {
        let more = format!(r#","request_id":"r-{id}","attempt":{attempt}"#);
        plate_call(second, "operator", status, &more)
    };
    let end = plate_call(1_200, "operator", 200, "");
    let mut records: Vec<String> = (0..4).map(|id| call(id * 30, id, 1, 502)).collect();
    records.push(end.clone());
    let title = "Client of plates does not try failed calls again".to_owned();
    assert_eq!(findings(contract, &records), [(title, 4)]);
    let mut again: Vec<String> = (0..4)
        .flat_map(|id| [call(id * 30, id, 1, 502), call(id * 30 + 4, id, 2, 200)])
        .collect();
    // The last attempt may fail for good.
    again.extend((4..9).map(|id| call(id * 30, id, 3, 504)));
    again.push(end);
    assert_eq!(findings(contract, &again), []);
}

#[test]
fn a_refresh_token_that_is_used_twice_is_found() {
    let contract = "tokens: {refresh_rotation: true}";
    let renew = |second, token: &str, status| {
        let more = format!(r#","token_id":"{token}","grant":"refresh_token""#);
        plate_call(second, "operator", status, &more)
    };
    let title = "Refresh token of plates was used twice".to_owned();
    let found = findings(contract, &[renew(0, "t", 200), renew(90, "t", 200)]);
    assert_eq!(found, [(title, 2)]);
    let refused = [renew(0, "t", 200), renew(9, "u", 200), renew(90, "t", 400)];
    assert_eq!(findings(contract, &refused), []);
}

#[test]
fn a_token_for_one_call_that_is_taken_twice_is_found() {
    let contract = "tokens: {one_time: true}";
    let call = |second, token: &str, status| {
        plate_call(
            second,
            "operator",
            status,
            &format!(r#","token_id":"{token}""#),
        )
    };
    let found = findings(
        contract,
        &[
            call(0, "t-1", 200),
            call(9, "t-1", 200),
            call(12, "t-2", 200),
        ],
    );
    assert_eq!(
        found,
        [(
            "Token of plates was taken twice, though it is for one call".to_owned(),
            2
        )]
    );
    assert_eq!(
        findings(contract, &[call(0, "t-1", 200), call(9, "t-1", 401)]),
        []
    );
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
        error.contains("a.yaml:25:17: ")
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
        (vec!["partner".to_owned()], Some(500))
    );
    assert_eq!(document.operations.len(), 3);
}
