use std::path::PathBuf;

use super::*;
use crate::contract::Contracts;
use crate::event::Fact;

fn observe(draft: &mut Draft, record: &str) -> bool {
    let event: Event<'_> = serde_json::from_str(record).unwrap();
    draft.observe(&event)
}

fn record(number: u32, status: u16) -> String {
    format!(
        r#"{{"time": "2026-03-02T10:00:{:02}Z", "integration": "plates", "method": "GET", "host": "api.example.org",
        "path": "/v1/plates/A{number}", "route": "/v1/plates/{{id}}", "status": {status}, "client_id": "terminal-{number}",
        "client_address": "10.20.3.{}", "country": "RU", "tls_version": "TLSv1.3", "token_outcome": "valid",
        "token_issuer": "https://id.example.org", "token_issued": "2026-03-02T09:00:00Z", "token_expires": "2026-03-02T10:30:00Z",
        "roles": ["partner"], "fields_received": ["plate", "until"], "record_count": {number}}}"#,
        number % 60,
        number % 200,
    )
}

fn drafted() -> String {
    let mut draft = Draft::new("plates", &["/v1/plates".to_owned()]);
    for number in 1..=100 {
        assert!(observe(&mut draft, &record(number, 200)));
    }
    let stranger = record(7, 403)
        .replace("terminal-7", "stranger")
        .replace("/v1/plates/{id}", "/v1/admin");
    assert!(observe(&mut draft, &stranger));
    assert!(!observe(
        &mut draft,
        &record(7, 200).replace("\"plates\"", "\"other\"")
    ));
    assert_eq!(draft.calls(), 101);
    draft.text(0.99)
}

#[test]
fn a_draft_says_what_was_seen_and_how_often() {
    let text = drafted();
    for wanted in [
        "# Proposed from 101 calls, 100 of them answered, from 2026-03-02 to 2026-03-02.",
        "    - terminal-*  # 100 calls\n",
        "    - 10.20.3.0/24  # 100 calls\n",
        "  tls: TLSv1.3\n",
        "  required: true\n",
        "  longest_life: 90m  # 100 calls, the longest 90m\n",
        "  GET /v1/plates/{id}:\n    roles: [partner]\n    receives: [plate, until]\n    records: 99\n",
        "# left out: 1 that were never answered",
        "limits:\n  - {of: client, requests: 2, within: 1m}  # twice 1; ",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(
        !text.contains("stranger"),
        "who was refused is not proposed: {text}"
    );
}

#[test]
fn a_draft_is_a_contract_that_its_traffic_keeps_to() {
    let text = drafted();
    let contracts = Contracts::from_sources(&[(PathBuf::from("plates.yaml"), text)]).unwrap();
    let facts = |record: &str| {
        let mut event: Event<'_> = serde_json::from_str(record).unwrap();
        let recognised = contracts.recognise(&mut event);
        contracts.assess(recognised, &mut event);
        event.facts.iter().collect::<Vec<_>>()
    };
    assert_eq!(facts(&record(50, 200)), [Fact::ContractUnaccepted]);
    let beyond = facts(&record(100, 200));
    assert_eq!(
        beyond,
        [Fact::ContractUnaccepted, Fact::RecordsMany],
        "0.99 of the calls had 99 or fewer"
    );
}

#[test]
fn hostile_values_stay_values() {
    let mut draft = Draft::new("plates", &[]);
    for client in [
        "a: b",
        "x # y",
        "\\\"]\\n- evil",
        "true",
        "12",
        "{a}",
        "\\u202ename",
        "- x",
        "имя",
    ] {
        let record = format!(
            r#"{{"time": "2026-03-02T10:00:00Z", "integration": "plates", "method": "GET", "route": "/v1/{{id}}", "status": 200,
            "client_id": "{client}", "fields_sent": ["{client}"], "user_agent": "{client}"}}"#
        );
        observe(&mut draft, &record);
    }
    let text = draft.text(1.0);
    let contracts = Contracts::from_sources(&[(PathBuf::from("plates.yaml"), text.clone())]);
    let contracts = contracts.unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let document = contracts.documents().next().unwrap();
    let clients: Vec<String> = document
        .callers
        .clients
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(clients.len(), 9, "{clients:?}");
    assert!(
        clients.contains(&"\u{202e}name".to_owned()) && clients.contains(&"\"]\n- evil".to_owned())
    );
    assert!(
        !text.contains('\u{202e}'),
        "what turns text around is escaped"
    );
}

#[test]
fn an_operation_that_is_called_on_schedule_gets_one_that_is_a_contract() {
    let mut draft = Draft::new("sync", &[]);
    for run in 0..30_i64 {
        for call in 0..8 {
            let time = Timestamp::from_seconds(1_772_409_600 + run * 3_600 + 600 + call * 15);
            let record = format!(
                r#"{{"time": "{time}", "integration": "sync", "method": "GET", "path": "/v1/sync/{{all}}/residents",
                "route": "/v1/sync/{{complex}}/residents", "status": 200, "client_id": "tenant-sync", "record_count": 25}}"#
            );
            assert!(observe(&mut draft, &record));
        }
    }
    let text = draft.text(1.0);
    let wanted = "schedules:\n  - name: GET /v1/sync/{complex}/residents  # 30 runs, each began within 0 m of its time\n    \
                  operations:\n      - GET /v1/sync/{complex}/residents\n    every: 1h\n    offset: 10m\n    tolerance: 1m\n    \
                  lasts: 4m  # the longest 2 m\n    records: {least: 100, most: 400}  # from 200 to 200\n";
    assert!(text.contains(wanted), "{text}");
    let sources = [(PathBuf::from("sync.yaml"), text.clone())];
    let contracts =
        Contracts::from_sources(&sources).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(contracts.documents().next().unwrap().schedules.len(), 1);
}
