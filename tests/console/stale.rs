//! Pages that are older than what was done since: nothing is undone unseen, and whoever sends them is told what was done.

use gatewatch::access::Role;
use serde_json::Value;

use crate::parts::{Reply, Request};
use crate::place::{PASSWORD, Place};
use crate::visitor::{Visitor, between};

/// Somebody who was here before.
fn signed_in(place: &Place, role: Role) -> Visitor {
    let mut visitor = Visitor::nobody(place.port());
    assert_eq!(visitor.sign_in(role.name(), PASSWORD).status, 303);
    visitor.read_signature("/account");
    visitor
}

/// What a deed builds on that is sent from the page of an alert as it is now.
fn upon(visitor: &Visitor, alert: &str) -> String {
    let page = visitor.get(&format!("/alerts/{alert}")).body;
    between(&page, "name=\"upon\" value=\"", "\"").to_owned()
}

fn act(visitor: &Visitor, alert: &str, deed: &str, comment: &str, upon: &str) -> Reply {
    let pairs = [("deed", deed), ("comment", comment), ("upon", upon)];
    visitor.post(&format!("/alerts/{alert}"), &pairs)
}

fn stands(place: &Place, alert: &str) -> String {
    let sql =
        format!("SELECT concat(state, ' ', assignee) FROM alerts_latest WHERE id = '{alert}'");
    place.ask(&sql)
}

pub fn nothing_is_undone_unseen(place: &Place) {
    let analyst = signed_in(place, Role::Analyst);
    let responder = signed_in(place, Role::Responder);
    let alerts = place.alerts();
    a_verdict_stays(place, (&analyst, &responder), &alerts[2]);
    an_alert_is_taken_from_nobody(place, (&analyst, &responder), &alerts[3]);
    of_two_at_once_one_is_on_record(place, (&analyst, &responder), &alerts[4]);
    several_at_once(place, (&analyst, &responder), &alerts[5..8]);
    programs_say_what_they_saw(place, (&analyst, &responder), &alerts[8]);
}

fn a_verdict_stays(place: &Place, (analyst, responder): (&Visitor, &Visitor), alert: &str) {
    let seen = upon(analyst, alert);
    assert_eq!(seen, "0");
    let done = act(responder, alert, "true", "blocked <b>him</b>", &seen);
    assert_eq!(
        done.header("location"),
        format!("/alerts/{alert}?said=done")
    );
    let late = act(analyst, alert, "false", "nothing & all", &seen);
    assert_eq!(late.status, 409, "{}", late.body);
    for text in [
        "something was done to the alert since you opened the page",
        "<b>responder</b> closed it as true: blocked &#60;b&#62;him",
        "nothing &#38; all</textarea>",
        "closed: true",
    ] {
        assert!(late.body.contains(text), "{text}: {}", late.body);
    }
    let russian = act(&analyst.speaking("ru"), alert, "false", "нет", &seen);
    assert_eq!(russian.status, 409);
    for text in [
        "с тех пор, как вы открыли страницу, оповещением занимались",
        "<b>responder</b> закрыл(а) как верное",
    ] {
        assert!(russian.body.contains(text), "{text}: {}", russian.body);
    }
    assert_eq!(stands(place, alert), "closed_true");
    // A form without what was seen is one that saw nothing.
    assert_eq!(act(analyst, alert, "reopen", "why?", "").status, 409);
    // A comment undoes nothing, nor is anything undone by it.
    assert_eq!(
        act(analyst, alert, "comment", "I doubt it", &seen).status,
        303
    );
    let now = upon(analyst, alert);
    // Another verdict needs that it be opened again.
    assert_eq!(act(analyst, alert, "false", "no", &now).status, 409);
    assert_eq!(act(analyst, alert, "comment", "still", &now).status, 303);
    assert_eq!(act(analyst, alert, "reopen", "why?", &now).status, 303);
    assert_eq!(stands(place, alert), "reopened");
}

fn an_alert_is_taken_from_nobody(
    place: &Place,
    (analyst, responder): (&Visitor, &Visitor),
    alert: &str,
) {
    let seen = upon(analyst, alert);
    assert_eq!(act(responder, alert, "take", "", &seen).status, 303);
    let late = act(analyst, alert, "take", "", &seen);
    assert_eq!(late.status, 409);
    let said = "<b>responder</b> assigned it to responder";
    assert!(late.body.contains(said), "{}", late.body);
    assert_eq!(act(analyst, alert, "acknowledge", "", &seen).status, 409);
    // Who sees who works on it may take it over, but sets nothing back.
    let now = upon(analyst, alert);
    let back = act(analyst, alert, "acknowledge", "", &now);
    assert_eq!(back.status, 409);
    let said = "the alert stands otherwise by now";
    assert!(back.body.contains(said), "{}", back.body);
    assert!(!back.body.contains("value=\"acknowledge\""));
    assert_eq!(stands(place, alert), "in_work responder");
    assert_eq!(act(analyst, alert, "take", "", &now).status, 303);
    assert_eq!(stands(place, alert), "in_work analyst");
}

fn of_two_at_once_one_is_on_record(
    place: &Place,
    (analyst, responder): (&Visitor, &Visitor),
    alert: &str,
) {
    let seen = upon(analyst, alert);
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| act(analyst, alert, "true", "it is", &seen).status);
        let other = scope.spawn(|| act(responder, alert, "false", "it is not", &seen).status);
        (one.join().unwrap(), other.join().unwrap())
    });
    let state = match (one, other) {
        (303, 409) => "closed_true",
        (409, 303) => "closed_false",
        both => panic!("one is on record: {both:?}"),
    };
    assert_eq!(stands(place, alert), state);
    let deeds = format!("SELECT count() FROM alert_actions WHERE alert_id = '{alert}'");
    assert_eq!(place.ask(&deeds), "1");
}

/// What the list sends of alerts that are ticked.
fn ticks(visitor: &Visitor, state: &str, alerts: &[String]) -> Vec<String> {
    let list = format!("/alerts?state={state}&text=198.51.100.");
    let list = visitor.get(&list).body;
    let upon = |id: &String| between(&list, &format!("value=\"{id}/"), "\"").to_owned();
    alerts
        .iter()
        .map(|id| format!("{id}/{}", upon(id)))
        .collect()
}

fn several<'t>(
    deed: &'t str,
    comment: &'t str,
    ticks: &'t [String],
) -> Vec<(&'static str, &'t str)> {
    let mut pairs = vec![
        ("deed", deed),
        ("comment", comment),
        ("back", "/alerts?x=1"),
    ];
    pairs.extend(ticks.iter().map(|tick| ("id", tick.as_str())));
    pairs
}

fn several_at_once(place: &Place, (analyst, responder): (&Visitor, &Visitor), alerts: &[String]) {
    let ticks = ticks(analyst, "all", alerts);
    let mut drill = several("harmless", "a drill", &ticks);
    // Twice is once.
    drill.push(("id", ticks[0].as_str()));
    assert_eq!(
        act(responder, &alerts[1], "true", "was real", "0").status,
        303
    );
    let some = analyst.post("/alerts", &drill);
    assert_eq!(some.status, 409, "{}", some.body);
    for text in [
        "On record for alerts: 2. Stood otherwise by now: 1.",
        "<b>responder</b> closed it as true: was real",
        "href=\"/alerts?x=1\"",
        &format!("href=\"/alerts/{}\"", alerts[1]),
    ] {
        assert!(some.body.contains(text), "{text}: {}", some.body);
    }
    let done = format!("href=\"/alerts/{}\"", alerts[0]);
    assert!(!some.body.contains(&done), "{}", some.body);
    let states = |expected: [&str; 3]| {
        for (alert, state) in alerts.iter().zip(expected) {
            assert_eq!(stands(place, alert), state);
        }
    };
    states(["closed_harmless", "closed_true", "closed_harmless"]);
    // The same sent again does nothing and says so, in the reader's language.
    let again = analyst.speaking("ru").post("/alerts", &drill);
    assert_eq!(again.status, 409);
    let said = "Записано для оповещений: 0. Были уже в другом состоянии: 3.";
    assert!(again.body.contains(said), "{}", again.body);
    let deeds = format!(
        "SELECT count() FROM alert_actions WHERE alert_id IN ('{}')",
        alerts.join("', '")
    );
    assert_eq!(place.ask(&deeds), "3");
    // All as they were seen: the list says how many.
    let ticks = self::ticks(analyst, "closed", alerts);
    let all = analyst.post("/alerts", &several("reopen", "no drill", &ticks));
    assert_eq!(all.header("location"), "/alerts?x=1&done=3", "{}", all.body);
    states(["reopened"; 3]);
}

fn programs_say_what_they_saw(
    place: &Place,
    (analyst, responder): (&Visitor, &Visitor),
    alert: &str,
) {
    let pairs = [("title", "stale"), ("days", "1"), ("scope", "program")];
    let made = analyst.post("/account/tokens", &pairs).body;
    let token = between(&made, "<code id=\"fresh\">", "</code>").to_owned();
    let path = format!("/api/alerts/{alert}");
    let shown = || {
        let request = Request::get(place.port(), &path);
        let request = request.header("Authorization", &format!("Bearer {token}"));
        request.send().unwrap()
    };
    let actions = format!("{path}/actions");
    let send = |body: &str, matching: Option<&str>| {
        let request = Request::with_body("POST", place.port(), &actions, body);
        let mut request = request.header("Authorization", &format!("Bearer {token}"));
        if let Some(tag) = matching {
            request = request.header("If-Match", tag);
        }
        request.send().unwrap()
    };
    let before = shown();
    let tag = before.header("etag").to_owned();
    let told: Value = serde_json::from_str(&before.body).unwrap();
    assert_eq!(told["upon"], "0");
    assert_eq!(tag, "\"0\"");
    assert_eq!(act(responder, alert, "take", "", "0").status, 303);
    for (body, matching) in [
        ("deed=take", Some(tag.as_str())),
        ("deed=true&comment=x&upon=0", None),
    ] {
        let late = send(body, matching);
        assert_eq!(late.status, 409, "{}", late.body);
        let told: Value = serde_json::from_str(&late.body).unwrap();
        assert_eq!(told["done"], false);
        assert_eq!(told["state"], "in_work");
        assert_eq!(told["since"][0]["actor"], "responder");
        assert_eq!(told["since"][0]["deed"], "assign");
    }
    assert_eq!(send("deed=take", Some("\"then\"")).status, 400);
    let seen = send("deed=comment&comment=x&upon=0", None);
    assert_eq!(seen.status, 201, "comments are always taken");
    let tag = shown().header("etag").to_owned();
    assert_eq!(send("deed=take", Some(&tag)).status, 201);
    assert_eq!(stands(place, alert), "in_work analyst");
    // Without either it is enough that it fits.
    assert_eq!(send("deed=true&comment=x", None).status, 201);
    assert_eq!(send("deed=false&comment=x", None).status, 409);
    assert_eq!(stands(place, alert), "closed_true analyst");
}
