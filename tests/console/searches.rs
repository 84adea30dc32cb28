//! Searches and lists as people and programs go through them: what comes behind a page, what is described, files that are cut, how many run at once.

use gatewatch::access::Role;
use serde_json::Value;

use crate::parts::{Held, Ports, Reply, Request, wait_for};
use crate::place::{ATTACKERS, LIMIT, PASSWORD, Place};
use crate::visitor::{Visitor, between};

/// The calls of all attackers.
const ATTACKS: &str = "/api/events?q=client_address%3D198.51.100.0%2F24";

pub fn searches(place: &Place) {
    let analyst = signed_in(place.port());
    events_go_on(place.port(), &analyst);
    programs_go_on(&analyst);
    alerts_go_on(&analyst);
    what_is_described_is_answered(&analyst);
    few_rows_and_few_at_once(place);
}

fn signed_in(port: u16) -> Visitor {
    let mut analyst = Visitor::nobody(port);
    let reply = analyst.sign_in(Role::Analyst.name(), PASSWORD);
    assert_eq!(reply.status, 303, "{}", reply.body);
    analyst
}

fn told(visitor: &Visitor, path: &str) -> Value {
    let reply = visitor.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    serde_json::from_str(&reply.body).expect(path)
}

/// The places of the events that a page lists.
fn places(page: &str) -> Vec<&str> {
    let links = page.split("href=\"/events?event=").skip(1);
    links.map(|it| it.split('"').next().unwrap()).collect()
}

fn events_go_on(port: u16, analyst: &Visitor) {
    let first = analyst.get("/events").body;
    assert!(!first.contains("rel=\"first\""), "{first}");
    let pages = between(&first, "<nav class=\"pages\"", "</nav>");
    let link = between(pages, "href=\"", "\"");
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    assert!(
        link.contains("from=") && link.contains("older_than="),
        "{link}"
    );
    let second = analyst.get(&link).body;
    assert!(second.contains("rel=\"first\""), "{second}");
    let cookie = format!("{}; language=ru", analyst.cookie());
    let russian = Request::get(port, &link).header("Cookie", &cookie);
    let russian = russian.send().unwrap().body;
    assert!(russian.contains("К самым новым") && russian.contains("Более старые"));
    let (newer, older) = (places(&first), places(&second));
    assert_eq!((newer.len(), older.len()), (100, 100), "{link}");
    assert!(newer.iter().all(|place| !older.contains(place)));
    let micros = |place: &str| place.split('.').next().unwrap().parse::<i64>().unwrap();
    assert!(micros(newer[99]) >= micros(older[0]));
    let wrong = analyst.get("/events?older_than=yesterday").body;
    assert!(wrong.contains("is no value of"), "{wrong}");
}

/// What all pages of an answer have, from the address of the first on.
fn gathered(analyst: &Visitor, path: &str, what: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = told(analyst, &path);
        found.extend(page[what].as_array().expect(what).iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
        assert!(found.len() < 1_000, "it does not end: {path}");
    }
    found
}

fn programs_go_on(analyst: &Visitor) {
    let whole = told(analyst, ATTACKS);
    assert!(whole["next"].is_null(), "{whole}");
    let found = gathered(analyst, &format!("{ATTACKS}&limit=3"), "events");
    assert!(found.len() >= ATTACKERS, "{found:?}");
    assert_eq!(Value::Array(found), whole["events"]);
    for path in ["/api/events?older_than=1", "/api/events?q=nofield%3D1"] {
        assert_eq!(analyst.get(path).status, 400, "{path}");
    }
}

/// Programs are told of the same alerts of an entity as people.
fn alerts_go_on(analyst: &Visitor) {
    let path = "/api/alerts?entity=address:198.51.100.2";
    let whole = told(analyst, path);
    let found = gathered(analyst, &format!("{path}&limit=1"), "alerts");
    assert!(!found.is_empty());
    assert_eq!(Value::Array(found.clone()), whole["alerts"]);
    let page = analyst.get("/alerts?state=all&entity=address:198.51.100.2");
    for alert in &found {
        let id = alert["id"].as_str().unwrap();
        assert!(page.body.contains(id), "{id}: {}", page.body);
    }
    let none = told(analyst, &format!("{path}&until=2001-01-01T00:00:00Z"));
    assert_eq!(none["alerts"], Value::Array(Vec::new()));
    let none = told(analyst, &format!("{path}&assignee=nobody.there"));
    assert_eq!(none["alerts"], Value::Array(Vec::new()));
    for wrong in ["state=opened", "until=later", "requirement=X-1"] {
        let reply = analyst.get(&format!("/api/alerts?{wrong}"));
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.body);
    }
}

/// Each parameter that is described is taken with its example.
fn what_is_described_is_answered(analyst: &Visitor) {
    let description = told(analyst, "/api/openapi.json");
    let mut asked = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let example = parameter["example"].as_str().expect(name);
            let example: String = form_urlencoded::byte_serialize(example.as_bytes()).collect();
            told(analyst, &format!("{path}?{name}={example}"));
            asked += 1;
        }
    }
    assert!(asked > 15, "{asked}");
}

/// A console where a search has three rows and a reader one search at once.
fn few_rows_and_few_at_once(place: &Place) {
    let ports = Ports::take(1);
    let port = ports.get(0);
    let mut command = place.command(&["console"]);
    command
        .env("GATEWATCH_CONSOLE__LISTEN", format!("127.0.0.1:{port}"))
        .env("GATEWATCH_CONSOLE__SEARCH_ROWS", "3")
        .env("GATEWATCH_CONSOLE__BOUNDS__SEARCHES_A_READER", "1");
    let _console = Held::spawn("gatewatch console", &place.path("console.log"), &command);
    wait_for("the other console", LIMIT, || {
        let reply = Request::get(port, "/sign-in").send().ok()?;
        (reply.status == 200).then_some(())
    });
    let analyst = signed_in(port);
    let sheet = analyst.get("/events.csv");
    assert_eq!(sheet.header("x-gatewatch-cut-at"), "3", "{}", sheet.head);
    let lines: Vec<&str> = sheet.body.split("\r\n").collect();
    assert_eq!(
        lines.len(),
        6,
        "head, three events, a word, an end: {lines:?}"
    );
    let said = "\"These are the newest 3 events, more were found: narrow the search.\"";
    assert_eq!(lines[4], said);
    let page = analyst.get("/events").body;
    assert!(page.contains("the newest only: 3"), "{page}");
    let whole = analyst.get("/events.csv?q=client_address%3D203.0.113.66");
    assert_eq!(whole.header("x-gatewatch-cut-at"), "", "{}", whole.head);
    assert!(!whole.body.contains("narrow the search"), "{}", whole.body);

    // One after the other as many as wanted; at once one alone.
    let refused = (0..50).find_map(|_| {
        let replies = at_once(&analyst);
        for reply in &replies {
            assert!(matches!(reply.status, 200 | 429), "{}", reply.body);
        }
        replies.into_iter().find(|reply| reply.status == 429)
    });
    let refused = refused.expect("of eight at once one is refused");
    let said = "As many of your searches run as may at once";
    assert!(refused.body.contains(said), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), "5", "{}", refused.head);
    assert_eq!(analyst.get("/events").status, 200);
}

fn at_once(analyst: &Visitor) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| analyst.get("/events?q=residents")))
            .collect();
        asked.into_iter().map(|it| it.join().unwrap()).collect()
    })
}
