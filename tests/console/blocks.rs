//! Decisions to block: approved late for as long as a person says, found by value and standing, read by programs a page at a time.

use serde_json::Value;

use crate::parts::Reply;
use crate::place::Place;
use crate::shown::in_russian;
use crate::visitor::Visitor;

/// A proposal that was over an hour ago.
fn propose(place: &Place, id: &str, address: &str) {
    place.ask(&format!(
        "INSERT INTO decision_steps (decision, time, actor, step, scope, value, until, alert, family, reason) \
         SELECT toUUID('{id}'), now64(6) - INTERVAL 2 HOUR, 'gatewatch', 'proposed', 'ip', '{address}', now64(6) - INTERVAL 1 HOUR, NULL, 'scan', 'seen'"
    ));
}

/// The last step about an address, and how many minutes after it the block ends.
fn stands(place: &Place, address: &str) -> String {
    place.ask(&format!(
        "SELECT last_step, intDiv(toUnixTimestamp64Micro(assumeNotNull(until)) - toUnixTimestamp64Micro(last_time), 60000000) FROM decisions WHERE value = '{address}'"
    ))
}

/// Somebody who may decide approves what was proposed long ago.
pub fn approved_late(place: &Place, responder: &Visitor) {
    let (first, second) = (
        "11111111-0000-5000-8000-000000000001",
        "11111111-0000-5000-8000-000000000002",
    );
    propose(place, first, "192.0.2.201");
    propose(place, second, "192.0.2.202");
    let page = responder.get("/decisions?value=192.0.2.201").body;
    let minutes = format!("id=\"minutes-{first}\"");
    for text in [
        "<b>192.0.2.201</b>",
        minutes.as_str(),
        "value=\"approve\"",
        "calm\">over</span>",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("192.0.2.202"), "{page}");
    let decide = |id: &str, pairs: &[(&str, &str)]| {
        let reply = responder.post(&format!("/decisions/{id}"), pairs);
        (reply.status, reply.header("location").to_owned())
    };
    let approve = [("deed", "approve"), ("reason", "scans again")];
    let half = [&approve[..], &[("minutes", "30")]].concat();
    let endless = [&approve[..], &[("minutes", "9999999")]].concat();
    let reject = [("deed", "reject"), ("reason", "too late")];
    let done = (303, "/decisions?said=done".to_owned());
    let unfit = (303, "/decisions?said=unfit".to_owned());
    assert_eq!(decide(first, &endless).0, 400);
    assert_eq!(decide(first, &reject), unfit);
    assert_eq!(decide(first, &half), done);
    assert_eq!(decide(first, &half), unfit, "it is in force");
    assert_eq!(stands(place, "192.0.2.201"), "approved\t30");
    // As the configuration has it, where they do not say.
    assert_eq!(decide(second, &approve), done);
    assert_eq!(stands(place, "192.0.2.202"), "approved\t240");
    let page = responder.get("/decisions?value=192.0.2.20&standing=approved");
    let revokes = page.body.matches("value=\"revoke\"").count();
    assert_eq!(revokes, 2, "{}", page.body);
    let missing = "11111111-0000-5000-8000-00000000000f";
    assert_eq!(decide(missing, &half).0, 404);
}

/// Somebody who may only look finds what is blocked, by filters.
pub fn found(place: &Place, visitor: &Visitor) {
    for (scope, value) in [("ip", "192.0.2.210"), ("client", "night-portal")] {
        let arguments = ["decision", "block", scope, value, "--by", "test", "seen"];
        let output = place.command(&arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let page = visitor.get("/decisions").body;
    let places = ["night-portal", "192.0.2.210"].map(|text| page.find(text).expect(&page));
    assert!(places[0] < places[1], "the newest first");
    assert!(!page.contains("value=\"revoke\""), "{page}");
    for (query, shows) in [
        ("value=NIGHT", [false, true]),
        (
            "value=192.0.2.210&scope=ip&standing=approved",
            [true, false],
        ),
        ("value=192.0.2.210&scope=client", [false, false]),
        ("standing=rejected", [false, false]),
    ] {
        let page = visitor.get(&format!("/decisions?{query}")).body;
        let shown = ["<b>192.0.2.210</b>", "<b>night-portal</b>"].map(|text| page.contains(text));
        assert_eq!(shown, shows, "{query}: {page}");
    }
    let nothing = visitor.get("/decisions?value=192.0.2.210&standing=revoked");
    assert!(nothing.body.contains("There are no such decisions"));
    assert_eq!(visitor.get("/decisions?standing=asleep").status, 400);
    let page = in_russian(place, visitor, "/decisions?value=night&scope=client").body;
    for text in ["<b>night-portal</b>", "Состояние", "действует"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = in_russian(place, visitor, "/decisions?standing=revoked&value=nobody").body;
    assert!(page.contains("Таких решений нет"), "{page}");
}

/// A program reads them a page at a time.
pub fn read_by_programs(get: impl Fn(&str) -> Reply) {
    let asked = |path: &str| -> Value {
        let reply = get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str(&reply.body).expect(path)
    };
    let path = "/api/decisions?standing=approved,revoked&limit=1";
    let first = asked(path);
    let decisions = first["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 1, "{first}");
    assert_eq!(decisions[0]["value"], "night-portal");
    assert_eq!(decisions[0]["scope"], "client");
    assert_eq!(decisions[0]["standing"], "approved");
    assert_eq!(decisions[0]["renewed"], 0);
    let older = first["older"].as_str().unwrap();
    let second = asked(&format!("{path}&before={older}"));
    assert_eq!(second["decisions"][0]["value"], "192.0.2.210", "{second}");
    let last = asked("/api/decisions?value=night-portal");
    assert_eq!(last["older"], Value::Null);
    assert_eq!(get("/api/decisions?before=yesterday").status, 400);
}
