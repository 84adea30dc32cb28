//! Contracts that are wrong in one thing each.

use std::path::PathBuf;

use super::CONTRACT;
use crate::contract::Contracts;

/// What stands in the contract, what is written instead, and what is said of it: place, message, hint.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        "integration: plates",
        "integration: Plates",
        "plates.yaml:2:14: `Plates` is no name of an integration",
    ),
    ("title: Plates", "title: ' '", "3:8: the title is empty"),
    ("title: Plates\n", "", "missing field `title`"),
    ("title: Plates", "titel: Plates", "did you mean `title`?"),
    (
        "mail: access@example.org",
        "mail: access",
        "4:29: `access` is no address of mail",
    ),
    (
        "owner: {name: Access, mail: access@example.org}",
        "owner: Access",
        "owner",
    ),
    (
        "phone: +7 495 000-00-00",
        "mail: duty",
        "`duty` is no address of mail",
    ),
    (
        "name: Duty officer, phone: +7 495 000-00-00",
        "name: Duty officer",
        "a contact without mail and phone",
    ),
    ("for: security", "for: ' '", "`for` is empty"),
    (
        "until: 2026-12-31",
        "until: 2025-12-31",
        "it ends on 2025-12-31, before it begins on 2026-01-01",
    ),
    (
        "until: 2026-12-31",
        "until: 2026-02-30",
        "`2026-02-30` is no day",
    ),
    (
        "until: 2026-12-31",
        "until: 2026-12-31, ended: 2025-01-01",
        "off-boarded on 2025-01-01",
    ),
    (
        "until: 2026-12-31",
        "untill: 2026-12-31",
        "did you mean `until`?",
    ),
    (
        "on: 2026-01-01, report: minutes 7",
        "on: 2026-01-01, report: ''",
        "`report` is empty",
    ),
    (
        "by: Board, on: 2026-01-01",
        "by: '', on: 2026-01-01",
        "`by` is empty",
    ),
    (
        "hosts: [api.example.org]",
        "hosts: [api.example.org, 'https://x.org']",
        "8:28: `https://x.org` is no host",
    ),
    (
        "hosts: [api.example.org]",
        "hosts: [API.example.org]",
        "`API.example.org` is no host",
    ),
    (
        "hosts: [api.example.org]",
        "hosts: ['api.example.org:443']",
        "no host",
    ),
    (
        "hosts: [api.example.org]",
        "host: [api.example.org]",
        "did you mean `hosts`?",
    ),
    (
        "paths: [/v1/plates, ",
        "paths: [v1/plates, ",
        "9:11: `v1/plates` is no path",
    ),
    (
        "paths: [/v1/plates, ",
        "paths: ['/v1/plates/*', ",
        "is no path",
    ),
    (
        "paths: [/v1/plates, ",
        "paths: ['/v1/plates/{plate}', ",
        "is no path",
    ),
    ("clients: [operator,", "clients: ['*',", "`*` is no name"),
    (
        "clients: [operator,",
        "clients: ['op*r',",
        "`op*r` is no name",
    ),
    (
        "clients: [operator, terminal-*]",
        "clients: operator",
        "clients",
    ),
    (
        "networks: [10.20.0.0/16]",
        "networks: [10.20.0.1/16]",
        "is `10.20.0.0/16` meant?",
    ),
    (
        "networks: [10.20.0.0/16]",
        "networks: [10.20.0.0/33]",
        "neither a network nor an address",
    ),
    (
        "networks: [10.20.0.0/16]",
        "networks: [office]",
        "13:14: `office` is neither a network nor an address",
    ),
    (
        "egress: [192.0.2.7]",
        "egress: [192.0.2]",
        "neither a network nor an address",
    ),
    (
        "countries: [RU]",
        "countries: [Russia]",
        "15:15: `Russia` is no country",
    ),
    ("countries: [RU]", "countries: [ru]", "`ru` is no country"),
    (
        "tls: TLSv1.2",
        "tls: TLSv1.1",
        "16:18: `TLSv1.1` is no floor",
    ),
    ("tls: TLSv1.2", "tls: 1.2", "no floor"),
    ("transport: {tls", "transport: {tsl", "did you mean `tls`?"),
    ("required: true", "required: always", "required"),
    ("longest_life: 1h", "longest_life: 60", "is no span of time"),
    (
        "longest_life: 1h",
        "longest_life: 0h",
        "`0h` is no span of time",
    ),
    (
        "longest_life: 1h",
        "longest_life: 1 hour",
        "is no span of time",
    ),
    (
        "longest_life: 1h",
        "longest_live: 1h",
        "did you mean `longest_life`?",
    ),
    ("clock_skew: 1m", "clock_skew: -1m", "is no span of time"),
    (
        "GET /v1/plates/{plate}:",
        "/v1/plates/{plate}:",
        "`/v1/plates/{plate}` is no operation",
    ),
    (
        "GET /v1/plates/{plate}:",
        "GTE /v1/plates/{plate}:",
        "28:3: `GTE` is no method",
    ),
    (
        "GET /v1/plates/{plate}:",
        "get /v1/plates/{plate}:",
        "did you mean `GET`?",
    ),
    (
        "GET /v1/plates/{plate}:",
        "GET v1/plates/{plate}:",
        "a path begins with `/`",
    ),
    (
        "GET /v1/plates/{plate}:",
        "GET /v1/plates/a{plate}:",
        "a parameter is a whole segment",
    ),
    (
        "GET /v1/plates/{plate}:",
        "GET /v1/plates/{}:",
        "a parameter is a whole segment",
    ),
    (
        "GET /v1/plates/{plate}:",
        "GET /v1/plates?plate=1:",
        "a path has no query",
    ),
    (
        "DELETE /v1/plates/{plate}:",
        "GET /v1/plates/{id}:",
        "means the same calls as",
    ),
    ("records: 1", "records: -1", "records"),
    ("records: 1", "record: 1", "did you mean `records`?"),
    ("mfa: true", "mfa: totp", "mfa"),
    ("report: minutes 9", "report: ''", "`report` is empty"),
    ("signed: true", "sigend: true", "did you mean `signed`?"),
    (
        "longest_age: 5m}",
        "longest_age: 5min}",
        "is no span of time",
    ),
    (
        "cache: {longest_age: 1h}",
        "cache: {age: 1h}",
        "unknown key `age`",
    ),
    (
        "legal_basis: [consent]",
        "legal_basis: [consnet]",
        "did you mean `consent`?",
    ),
    (
        "legal_basis: [consent]",
        "legal_basis: [consent]\nrates: {}",
        "unknown key `rates`",
    ),
    (
        "legal_basis: [consent]",
        "legal_basis: [consent]\n---\nintegration: b",
        "a file holds one contract",
    ),
    (
        "legal_basis: [consent]",
        "legal_basis: [consent",
        "not valid YAML",
    ),
    ("legal_basis: [consent]", "title: Twice", "not valid YAML"),
    ("requests: 60,", "requests: 0,", "0 requests are no limit"),
    (
        "requests: 60,",
        "requests: 200000,",
        "200000 requests are no limit",
    ),
    (
        "{of: client, requests: 60, within: 1m}",
        "{of: client, requests: 60, within: 30d}",
        "30d is too long for a window",
    ),
    (
        "{of: client, requests: 60, within: 1m}",
        "{of: caller, requests: 60, within: 1m}",
        "caller",
    ),
    (
        "operations: [POST /v1/plates]}",
        "operations: [POST /v1/plate]}",
        "did you mean `POST /v1/plates`",
    ),
    (
        "  - {of: client, requests: 60, within: 1m}\n",
        "  - {of: client, requests: 60, within: 1m}\n  - {of: client, requests: 60, within: 1m}\n",
        "the same limit stands above",
    ),
    ("attempts: 3", "attempts: 0", "0 attempts are no call"),
    ("[plate]\ncontacts", "[plates]\ncontacts", "plates"),
    (
        "requirement: SEC-02",
        "requirement: SEC-20",
        "is no requirement",
    ),
    (
        "until: 2027-06-30}",
        "until: 2025-09-30}",
        "before it is given",
    ),
    ("by: Platform", "by: ''", "`by` is empty"),
    (
        "targets: [hooks.example.org]",
        "targets: [https://hooks.example.org]",
        "is no host",
    ),
    (
        "cache: {longest_age: 1h}",
        "cache: {longest_age: 1h, fallback: [GET /v1/plates]}",
        "did you mean `POST /v1/plates`",
    ),
    (
        "longest_age: 5m}",
        "longest_age: 5m, longest_silence: 8d}",
        "8d is too long to wait",
    ),
    (
        "longest_age: 5m}",
        "longest_age: 5m, follow: {operations: [], within: 5m}}",
        "no operation is named",
    ),
    (
        "idempotency_key: true}",
        "idempotency_key: true, within: soon}",
        "`soon` is no span of time",
    ),
    (
        "legal_basis: [consent]",
        "tenants: [{clients: [operator], resources: {plate: [9-1]}}]",
        "`9-1` ends before it begins",
    ),
    (
        "legal_basis: [consent]",
        "tenants: [{clients: [operator], resources: {plate: []}}]",
        "a tenant has clients and resources",
    ),
    (
        "legal_basis: [consent]",
        "service_levels: [{share: 100}]",
        "100 is no share of calls",
    ),
    (
        "legal_basis: [consent]",
        "service_levels: [{share: 99, operations: [POST /v1/plate]}]",
        "did you mean `POST /v1/plates`",
    ),
    (
        "legal_basis: [consent]",
        "service_levels: [{share: 99}, {share: 99}]",
        "the same level stands above",
    ),
    (
        "legal_basis: [consent]",
        "traffic: {calls: 5, within: 90s}",
        "90s is no window for calls",
    ),
    (
        "legal_basis: [consent]",
        "schedules: [{name: runs, every: 7m, tolerance: 1m}]",
        "7m does not divide a day",
    ),
    (
        "legal_basis: [consent]",
        "schedules: [{name: runs, every: 1h, tolerance: 30m}]",
        "a tolerance of 30m covers every time",
    ),
    (
        "legal_basis: [consent]",
        "schedules: [{name: runs, every: 1h, offset: 1h, tolerance: 5m}]",
        "it begins after the next one",
    ),
    (
        "legal_basis: [consent]",
        "schedules: [{name: runs, every: 1h, tolerance: 90s}]",
        "90s is no whole minute",
    ),
    (
        "legal_basis: [consent]",
        "schedules: [{name: runs, every: 1h, tolerance: 5m, records: {least: 9, most: 2}}]",
        "fewer records at most than at least",
    ),
];

#[test]
fn broken_contracts_are_told_with_place_and_hint() {
    assert!(BROKEN.len() >= 50, "{} of them", BROKEN.len());
    let mut wrong = Vec::new();
    for (good, bad, expected) in BROKEN {
        assert!(CONTRACT.contains(good), "{good}");
        let text = CONTRACT.replacen(good, bad, 1);
        let sources = [(PathBuf::from("contracts/plates.yaml"), text)];
        let told = match Contracts::from_sources(&sources) {
            Ok(_) => panic!("{bad}: nothing is wrong with it"),
            Err(errors) => errors.to_string(),
        };
        let (place, _) = told.split_once(": ").unwrap_or_default();
        let line = place.split(':').nth(1).map(str::parse::<u32>);
        let has_place = matches!(line, Some(Ok(line)) if line > 0);
        if !told.contains(expected) || !has_place {
            wrong.push(format!("{bad}: expected {expected}\nin\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
