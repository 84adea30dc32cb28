use std::path::PathBuf;

use super::*;
use crate::event::{Event, Fact};

mod broken;

const CONTRACT: &str = r#"
integration: plates
title: Plates
owner: {name: Access, mail: access@example.org}
valid: {from: 2026-01-01, until: 2026-12-31}
acceptance: {by: Board, on: 2026-01-01, report: minutes 7}
matches:
  hosts: [api.example.org]
  paths: [/v1/plates, /v1/hooks]
callers:
  clients: [operator, terminal-*]
  gateways: [gw-1]
  networks: [10.20.0.0/16]
  egress: [192.0.2.7]
  countries: [RU]
transport: {tls: TLSv1.2, suites: [TLS_AES_*]}
tokens:
  required: true
  issuers: ["https://id.example.org"]
  audiences: [gateway]
  algorithms: [ES256]
  keys: [k1]
  longest_life: 1h
  clock_skew: 1m
  grants: [client_credentials]
  scopes: [plates.*]
operations:
  GET /v1/plates/{plate}:
    roles: [partner]
    receives: [plate, until]
    records: 1
  DELETE /v1/plates/{plate}:
    mfa: true
    acceptance: {by: Board, on: 2026-06-01, report: minutes 9}
  POST /v1/plates: {sends: [plate]}
  POST /v1/hooks: {}
webhooks: {networks: [198.51.100.0/24], signed: true, targets: [hooks.example.org], longest_age: 5m}
cache: {longest_age: 1h}
legal_basis: [consent]
retries: {attempts: 3, idempotency_key: true}
forbidden_in_urls: [plate]
contacts:
  - {for: security, name: Duty officer, phone: +7 495 000-00-00}
attestations:
  - {requirement: SEC-02, says: disks are encrypted, by: Platform, on: 2026-02-01, until: 2027-06-30}
limits:
  - {of: client, requests: 60, within: 1m}
  - {of: integration, requests: 600, within: 1m, operations: [POST /v1/plates]}
"#;

fn contracts(text: &str) -> Contracts {
    let sources = [(PathBuf::from("contracts/plates.yaml"), text.to_owned())];
    Contracts::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A call that keeps to the contract, with these keys of its record replaced.
fn call(changes: &serde_json::Value) -> String {
    let mut record = serde_json::json!({
        "time": "2026-07-01T10:00:00Z", "direction": "inbound", "gateway": "gw-1", "method": "GET",
        "host": "api.example.org", "path": "/v1/plates/A001AA", "status": 200, "scheme": "https",
        "client_id": "operator", "client_address": "10.20.3.4", "country": "RU", "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_128_GCM_SHA256", "token_issuer": "https://id.example.org", "token_audience": "gateway",
        "token_algorithm": "ES256", "token_key_id": "k1", "token_issued": "2026-07-01T09:50:00Z",
        "token_expires": "2026-07-01T10:20:00Z", "grant": "client_credentials", "scopes": ["plates.read"],
        "roles": ["partner"], "fields_received": ["plate"], "record_count": 1, "legal_basis": "consent",
        "cache_status": "hit", "cache_age_s": 60,
    });
    for (key, value) in changes.as_object().expect("changes are an object") {
        record[key] = value.clone();
    }
    record.to_string()
}

/// The event of a record, recognised and held against the contracts.
fn held(contracts: &Contracts, record: &str) -> Event<'static> {
    let mut event: Event<'_> = serde_json::from_str(record).unwrap();
    let recognised = contracts.recognise(&mut event);
    contracts.assess(recognised, &mut event);
    event.into_owned()
}

fn facts(contracts: &Contracts, changes: &serde_json::Value) -> Vec<Fact> {
    held(contracts, &call(changes)).facts.iter().collect()
}

#[test]
fn a_call_that_keeps_to_the_contract_has_no_fact() {
    assert_eq!(facts(&contracts(CONTRACT), &serde_json::json!({})), []);
}

#[test]
fn each_breach_is_its_own_fact() {
    let contracts = contracts(CONTRACT);
    let breaches = [
        (
            r#"{"time": "2027-01-01T00:00:00Z", "token_issued": null}"#,
            Fact::ContractExpired,
        ),
        (r#"{"client_id": "stranger"}"#, Fact::CallerUnknown),
        (r#"{"gateway": "gw-9"}"#, Fact::CallerGateway),
        (r#"{"client_address": "10.21.0.1"}"#, Fact::CallerNetwork),
        (
            r#"{"direction": "outbound", "egress_address": "192.0.2.8", "host": "hooks.example.org", "integration": "plates"}"#,
            Fact::CallerEgress,
        ),
        (r#"{"country": "NL"}"#, Fact::CallerCountry),
        (
            r#"{"path": "/v1/plates/A001AA/owner"}"#,
            Fact::OperationUnknown,
        ),
        (r#"{"tls_version": "TLSv1.1"}"#, Fact::TlsBelow),
        (
            r#"{"tls_version": null, "tls_cipher": null, "scheme": "http"}"#,
            Fact::TlsBelow,
        ),
        (r#"{"tls_cipher": "RC4-SHA"}"#, Fact::TlsSuite),
        (r#"{"token_outcome": "missing"}"#, Fact::TokenRequired),
        (
            r#"{"token_issuer": "https://evil.example"}"#,
            Fact::TokenIssuer,
        ),
        (r#"{"token_audience": "other"}"#, Fact::TokenAudience),
        (r#"{"token_algorithm": "HS256"}"#, Fact::TokenAlgorithm),
        (r#"{"token_key_id": "k2"}"#, Fact::TokenKey),
        (
            r#"{"token_expires": "2026-07-01T11:00:00Z"}"#,
            Fact::TokenLife,
        ),
        (
            r#"{"token_issued": "2026-07-01T10:02:00Z"}"#,
            Fact::TokenEarly,
        ),
        (r#"{"grant": "password"}"#, Fact::GrantDenied),
        (
            r#"{"scopes": ["plates.read", "residents.read"]}"#,
            Fact::ScopeDenied,
        ),
        (r#"{"roles": ["resident"]}"#, Fact::RoleDenied),
        (r#"{"method": "DELETE", "mfa": "none"}"#, Fact::MfaAbsent),
        (
            r#"{"method": "POST", "path": "/v1/plates", "fields_sent": ["plate", "phone"]}"#,
            Fact::FieldSent,
        ),
        (
            r#"{"fields_received": ["plate", "owner"]}"#,
            Fact::FieldReceived,
        ),
        (r#"{"record_count": 2}"#, Fact::RecordsMany),
        (
            r#"{"method": "POST", "path": "/v1/hooks", "webhook_signature": "valid"}"#,
            Fact::WebhookNetwork,
        ),
        (
            r#"{"method": "POST", "path": "/v1/hooks", "webhook_id": "d", "webhook_signature": "missing", "client_address": "198.51.100.9"}"#,
            Fact::WebhookUnsigned,
        ),
        (
            r#"{"method": "POST", "path": "/v1/hooks", "webhook_signature": "valid", "webhook_time": "2026-07-01T09:54:00Z", "client_address": "198.51.100.9"}"#,
            Fact::WebhookOld,
        ),
        (r#"{"cache_age_s": 3601}"#, Fact::CacheOld),
        (r#"{"legal_basis": "withdrawn"}"#, Fact::BasisDenied),
        (r#"{"attempt": 4}"#, Fact::RetryMany),
        (
            r#"{"method": "POST", "path": "/v1/plates", "attempt": 2}"#,
            Fact::RetryUnkeyed,
        ),
        (
            r#"{"direction": "outbound", "host": "other.example.org", "integration": "plates"}"#,
            Fact::WebhookTarget,
        ),
        (
            r#"{"time": "2026-01-15T00:00:00Z", "token_issued": null}"#,
            Fact::AttestationExpired,
        ),
    ];
    for (changes, fact) in breaches {
        let found = facts(&contracts, &serde_json::from_str(changes).unwrap());
        assert_eq!(found, [fact], "{changes}");
    }
}

#[test]
fn what_the_log_does_not_show_breaks_nothing() {
    let contracts = contracts(CONTRACT);
    let record = r#"{"time": "2026-07-01T10:00:00Z", "host": "api.example.org", "path": "/v1/plates", "method": "POST"}"#;
    let event = held(&contracts, record);
    assert_eq!(event.facts.iter().collect::<Vec<_>>(), []);
    assert_eq!(event.integration.as_deref(), Some("plates"));
}

#[test]
fn an_operation_of_its_own_acceptance_is_accepted_from_that_day() {
    let contracts = contracts(CONTRACT);
    let early = r#"{"method": "DELETE", "time": "2026-05-01T10:00:00Z", "token_issued": null}"#;
    let found = facts(&contracts, &serde_json::from_str(early).unwrap());
    assert_eq!(found, [Fact::ContractUnaccepted]);
    let bare = CONTRACT.replace(
        "acceptance: {by: Board, on: 2026-01-01, report: minutes 7}\n",
        "",
    );
    let found = facts(&self::contracts(&bare), &serde_json::json!({}));
    assert_eq!(found, [Fact::ContractUnaccepted]);
}

#[test]
fn a_partner_that_was_off_boarded_and_a_call_of_no_contract_are_told() {
    let ended = CONTRACT.replace(
        "until: 2026-12-31}",
        "until: 2026-12-31, ended: 2026-06-30}",
    );
    assert_eq!(
        facts(&contracts(&ended), &serde_json::json!({})),
        [Fact::ContractEnded]
    );
    let contracts = contracts(CONTRACT);
    for (key, value) in [
        ("host", "other.example"),
        ("path", "/v1/platesX"),
        ("integration", "none"),
    ] {
        let found = facts(&contracts, &serde_json::json!({ key: value }));
        assert_eq!(found, [Fact::ContractNone], "{key}");
    }
    let event = held(&Contracts::default(), &call(&serde_json::json!({})));
    assert!(
        event.facts.is_empty(),
        "without contracts there is nothing to be outside of"
    );
}

#[test]
fn integration_route_operation_and_id_come_from_the_contract() {
    let contracts = contracts(CONTRACT);
    let record = call(&serde_json::json!({}));
    let event = held(&contracts, &record);
    assert_eq!(event.integration.as_deref(), Some("plates"));
    assert_eq!(event.route.as_deref(), Some("/v1/plates/{plate}"));
    assert_eq!(event.operation.as_deref(), Some("GET /v1/plates/{plate}"));
    assert_eq!(event.resource_id.as_deref(), Some("A001AA"));
    let record = call(
        &serde_json::json!({"route": "/v1/{x}", "resource_id": "7", "operation": "readPlate"}),
    );
    let event = held(&contracts, &record);
    let kept = (
        event.route.as_deref(),
        event.resource_id.as_deref(),
        event.operation.as_deref(),
    );
    assert_eq!(
        kept,
        (Some("/v1/{x}"), Some("7"), Some("readPlate")),
        "the log's own word stands"
    );
}

#[test]
fn the_longest_path_tells_two_contracts_apart() {
    let other = CONTRACT
        .replace("integration: plates", "integration: exports")
        .replace(
            "paths: [/v1/plates, /v1/hooks]",
            "paths: [/v1/plates/export]",
        );
    let sources = [
        ("a.yaml".into(), CONTRACT.to_owned()),
        ("b.yaml".into(), other),
    ];
    let contracts = Contracts::from_sources(&sources).unwrap();
    let integration = |path: &str| {
        let record = call(&serde_json::json!({ "path": path }));
        let event = held(&contracts, &record);
        event.integration.as_deref().map(str::to_owned)
    };
    assert_eq!(
        integration("/v1/plates/export/3").as_deref(),
        Some("exports")
    );
    assert_eq!(integration("/v1/plates/exports").as_deref(), Some("plates"));
    assert_ne!(
        contracts.fingerprint(),
        self::contracts(CONTRACT).fingerprint()
    );
}

#[test]
fn two_contracts_of_one_integration_are_refused() {
    let sources = [
        ("a.yaml".into(), CONTRACT.to_owned()),
        ("b.yaml".into(), CONTRACT.to_owned()),
    ];
    let errors = Contracts::from_sources(&sources).unwrap_err().to_string();
    assert!(
        errors.starts_with("b.yaml:2:14: `plates` has a contract already, in a.yaml"),
        "{errors}"
    );
}

#[test]
fn a_folder_is_read_whole_and_one_that_is_not_there_is_an_error() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = Contracts::load(&root.join("contracts")).unwrap_or_else(|why| panic!("{why}"));
    let names: Vec<&str> = contracts
        .documents()
        .map(|document| document.integration.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "administration",
            "barrier-operator",
            "barriers",
            "concierge",
            "face-recognition",
            "faces",
            "resident-app",
            "tenant-sync"
        ]
    );
    let errors = Contracts::load(&root.join("contracts-that-are-not")).unwrap_err();
    assert!(errors.to_string().contains("cannot be read"), "{errors}");
}

#[test]
fn each_fact_of_a_contract_is_about_a_requirement_and_documented_with_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/contracts.md");
    let page = std::fs::read_to_string(path).unwrap();
    for fact in Fact::ALL {
        let requirement = requirement_of(*fact);
        assert_eq!(requirement.is_some(), fact.is_of_contract(), "{fact:?}");
        let Some(requirement) = requirement.filter(|_| *fact != Fact::ContractNone) else {
            continue;
        };
        let name = format!("`{}`", fact.name());
        let row = page
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&name));
        let row = row.unwrap_or_else(|| panic!("{name} is in no row of docs/contracts.md"));
        assert!(row.ends_with(&format!("| {requirement} |")), "{row}");
    }
}

#[test]
fn a_retry_with_its_key_and_a_call_to_a_target_break_nothing() {
    let contracts = contracts(CONTRACT);
    for changes in [
        r#"{"method": "POST", "path": "/v1/plates", "attempt": 3, "idempotency_key": "k"}"#,
        r#"{"attempt": 3}"#,
        r#"{"direction": "outbound", "host": "hooks.example.org", "integration": "plates"}"#,
    ] {
        let found = facts(&contracts, &serde_json::from_str(changes).unwrap());
        assert_eq!(found, [], "{changes}");
    }
}

#[test]
fn an_idempotent_operation_is_tried_again_without_a_key() {
    let again = serde_json::json!({"method": "POST", "path": "/v1/plates", "attempt": 2});
    let contracts = |operation| contracts(&CONTRACT.replace("{sends: [plate]}", operation));
    let strict = contracts("{sends: [plate]}");
    assert!(facts(&strict, &again).contains(&Fact::RetryUnkeyed));
    let idempotent = contracts("{sends: [plate], idempotent: true}");
    assert!(!facts(&idempotent, &again).contains(&Fact::RetryUnkeyed));
}

#[test]
fn a_client_keeps_to_the_resources_of_its_tenant() {
    let tenants = "tenants:\n  - {clients: [operator], resources: {plate: [100-199, A*]}}\n  - {clients: [terminal-*], resources: {plate: [200-299]}}\n";
    let contracts = contracts(&format!("{CONTRACT}{tenants}"));
    let foreign = |client: &str, kind: &str, id: &str| {
        let changes =
            serde_json::json!({"client_id": client, "resource_type": kind, "resource_id": id});
        facts(&contracts, &changes) == [Fact::ResourceForeign]
    };
    assert!(foreign("operator", "plate", "200") && foreign("terminal-7", "plate", "100"));
    for (client, kind, id) in [
        ("operator", "plate", "199"),
        ("operator", "plate", "A001AA"),
        ("terminal-7", "plate", "200"),
        ("operator", "lane", "7"),
    ] {
        assert!(!foreign(client, kind, id), "{client} {kind} {id}");
    }
}

#[test]
fn a_record_is_the_partners_only_where_the_contract_has_its_log() {
    let of = |text: &str, path: &str| {
        let record = call(&serde_json::json!({"observer": "partner", "path": path}));
        held(&contracts(text), &record).is_of_partner()
    };
    let asked = format!("{CONTRACT}second_source: {{within: 5m}}\n");
    assert!(of(&asked, "/v1/plates/A001AA") && !of(CONTRACT, "/v1/plates/A001AA"));
    assert!(!of(&asked, "/elsewhere"));
}

#[test]
fn a_failure_without_fallback_is_told_of_operations_that_need_one() {
    let contracts = contracts(&CONTRACT.replace(
        "cache: {longest_age: 1h}",
        "cache: {longest_age: 1h, fallback: ['GET /v1/plates/{plate}']}",
    ));
    let of = |text: &str| facts(&contracts, &serde_json::from_str(text).unwrap());
    assert_eq!(of(r#"{"status": 502}"#), [Fact::CacheAbsent]);
    assert_eq!(of(r#"{"status": 404}"#), []);
    assert_eq!(
        of(r#"{"status": 502, "method": "POST", "path": "/v1/plates"}"#),
        []
    );
}

#[test]
fn rules_of_contracts_are_about_the_requirements_that_coverage_counts() {
    let everything = CONTRACT
        .replace("longest_age: 5m}", "longest_age: 5m, longest_silence: 1h, follow: {operations: [POST /v1/plates], within: 5m}}")
        .replace("required: true", "required: true\n  one_time: true\n  refresh_rotation: true")
        .replace("idempotency_key: true}", "idempotency_key: true, within: 10m}")
        + "second_source: {within: 5m}\n";
    let text = contracts(&everything).rules().remove(0).text;
    let mut tags: Vec<String> = text
        .split("\n---\n")
        .flat_map(|rule| {
            let rule: serde_json::Value = serde_json::from_str(rule).unwrap();
            let tags = rule["tags"].as_array().unwrap().clone();
            tags.into_iter().map(|tag| tag.as_str().unwrap().to_owned())
        })
        .filter(|tag| tag.starts_with("requirement."))
        .collect();
    tags.sort();
    tags.dedup();
    let mut counted = super::GENERATED_TAGS.to_vec();
    counted.sort_unstable();
    assert_eq!(tags, counted);
}

#[test]
fn ids_of_generated_rules_depend_on_what_is_counted_alone() {
    let rules = |text: &str| contracts(text).rules().remove(0).text;
    let before = rules(CONTRACT);
    assert_eq!(before.matches("\"correlation\"").count(), 2);
    assert_eq!(
        rules(&CONTRACT.replace("title: Plates", "title: Other")),
        before
    );
    let other = rules(&CONTRACT.replace("requests: 60,", "requests: 61,"));
    let ids = |text: &str| -> Vec<String> {
        text.split("\n---\n")
            .map(|rule| serde_json::from_str::<serde_json::Value>(rule).unwrap()["id"].to_string())
            .collect()
    };
    let (before, other) = (ids(&before), ids(&other));
    assert_eq!(
        (before.len(), &before[2..]),
        (4, &other[2..]),
        "the second limit is the same"
    );
    assert!(before[..2].iter().all(|id| !other.contains(id)));
}
