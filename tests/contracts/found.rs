//! What contracts find that takes more than one call: `replay` over a few records, with and without the breach.

use std::collections::BTreeMap;

use super::gatewatch;

/// A contract of `plates` with these lines more, in a folder of its own, and what `replay` finds of it in these records.
pub(crate) fn findings(more: &str, records: &[String]) -> Vec<(String, u64)> {
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

pub(crate) fn plate_call(second: u32, client: &str, status: u16, more: &str) -> String {
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
        [fast, "Far more calls fail than did".to_owned()]
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
