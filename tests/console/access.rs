//! Who gets where: every address for every role, tokens, links of mails, the audit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use gatewatch::access::{Acknowledgement, Permission, Role, Vault};
use gatewatch::console::routes::{Needs, table};
use gatewatch::enrich::Redactor;
use gatewatch::event::{Field, Timestamp};
use serde_json::Value;

use crate::blocks;
use crate::duties::{audit_of_the_officer, refusals, two_administrators};
use crate::exceptions::an_exception_is_ready;
use crate::parts::{Reply, Request};
use crate::place::{PASSWORD, Place};
use crate::searches::searches;
use crate::shown::pages_say_what_is_known;
use crate::sign_in::{idle_sessions, people_in_and_out};
use crate::stale::nothing_is_undone_unseen;
use crate::visitor::{Visitor, between};

/// A key of pseudonyms that was in use before.
const OLDER_KEY: &str = "the key of last year, 32 bytes or more";

#[test]
fn each_role_gets_where_it_may_and_nowhere_else() {
    let keys = tempfile::tempdir().unwrap();
    let older = keys.path().join("k0");
    std::fs::write(&older, OLDER_KEY).unwrap();
    let place = Place::start(&format!("[enrich.older_pseudonym_keys]\nk0 = {older:?}\n"));
    let alert = place.alerts().remove(0);
    let incident = place.incident();
    let ids = (alert.as_str(), incident.as_str());
    nobody_gets_in(&place, ids);
    for role in Role::ALL {
        let mut visitor = Visitor::of(place.port(), role);
        visitor.read_signature("/account");
        walk(&place, &visitor, role, ids);
        if role == Role::Responder {
            blocks::approved_late(&place, &visitor);
        }
    }
    pages_say_what_is_known(&place);
    searches(&place);
    programs(&place, &alert);
    nothing_is_undone_unseen(&place);
    an_exception_is_ready(&place);
    people_in_and_out(&place);
    idle_sessions(&place);
    links_of_mails(&place, &alert);
    the_person(&place);
    refusals(&place);
    two_administrators(&place);
    let audit = place.ask("SELECT DISTINCT concat(object_kind, ' ', action) FROM audit WHERE object_kind NOT IN ('rule', 'correlation', 'exception', 'silence') ORDER BY 1");
    for line in [
        "account added",
        "account approved",
        "account changed",
        "account disabled",
        "account enrolled",
        "account factor_reset",
        "account proposed",
        "account refused",
        "account rejected",
        "account reset",
        "audit exported",
        "page refused",
        "person revealed",
        "person viewed",
        "recovery_code used",
        "report viewed",
        "search exported",
        "search kept",
        "search removed",
        "search searched",
        "session refused",
        "session signed_in",
        "session signed_out",
    ] {
        assert!(audit.lines().any(|it| it == line), "{line}: {audit}");
    }
}

/// The address with something that is there in its places.
fn filled(path: &str, (alert, incident): (&str, &str)) -> String {
    let path = path.replace(
        "/decisions/{id}",
        "/decisions/00000000-0000-0000-0000-000000000000",
    );
    let path = path
        .replace("/incidents/{id}", &format!("/incidents/{incident}"))
        .replace("{id}", alert)
        .replace("{kind}/{value}", "address/198.51.100.1");
    path.replace("/accounts/{name}", "/accounts/nobody")
        .replace("{name}", "barriers")
}

/// Status and location of an answer that does not end.
pub fn head_of_stream(place: &Place, path: &str, cookie: &str) -> (u16, String) {
    let stream = TcpStream::connect(("127.0.0.1", place.port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(
        &stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
    )
    .unwrap();
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let location = head.iter().find_map(|line| line.strip_prefix("location: "));
    (
        head[0][9..12].parse().unwrap(),
        location.unwrap_or_default().to_owned(),
    )
}

fn ask(place: &Place, visitor: &Visitor, method: &str, path: &str) -> (u16, String) {
    if path == "/live" {
        return head_of_stream(place, path, visitor.cookie());
    }
    let reply = match method {
        "GET" => visitor.get(path),
        _ => visitor.post(path, &[]),
    };
    let is_hardened = reply
        .header("content-security-policy")
        .contains("default-src 'none'");
    assert!(is_hardened, "{path}: {}", reply.head);
    (reply.status, reply.header("location").to_owned())
}

fn walk(place: &Place, visitor: &Visitor, role: Role, ids: (&str, &str)) {
    for (method, path, needs) in table() {
        let address = filled(path, ids);
        let Needs::May(permission) = needs else {
            continue;
        };
        let (status, location) = ask(place, visitor, method, &address);
        let is_let_in = !matches!(status, 401 | 403) && !location.starts_with("/sign-in");
        assert_eq!(
            is_let_in,
            role.may(permission),
            "{} {method} {address}: {status} {location}",
            role.name()
        );
        assert!(status < 500, "{} {method} {address}: {status}", role.name());
        if is_let_in && method == "GET" {
            assert_eq!(status, 200, "{} {address}", role.name());
        }
    }
}

fn nobody_gets_in(place: &Place, ids: (&str, &str)) {
    let nobody = Visitor::nobody(place.port());
    for (method, path, needs) in table() {
        let address = filled(path, ids);
        if needs == Needs::Nobody {
            continue;
        }
        let (status, location) = ask(place, &nobody, method, &address);
        let is_refused = if path.starts_with("/api/") {
            status == 401
        } else {
            status == 303 && location.starts_with("/sign-in")
        };
        assert!(is_refused, "{method} {address}: {status} {location}");
    }
    let elsewhere = Request::with_body("POST", place.port(), "/sign-in", "name=a&password=b")
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(elsewhere.send().unwrap().status, 403);
    assert_eq!(nobody.get("/no/such/page").status, 404);
}

fn bearer(place: &Place, method: &str, path: &str, token: &str, body: &str) -> Reply {
    let request = match method {
        "GET" => Request::get(place.port(), path),
        _ => Request::with_body(method, place.port(), path, body),
    };
    request
        .header("Authorization", &format!("Bearer {token}"))
        .send()
        .unwrap()
}

/// Tokens: one that reads, one that acts, and what neither may.
fn programs(place: &Place, alert: &str) {
    let mut analyst = Visitor::nobody(place.port());
    assert_eq!(analyst.sign_in("analyst", PASSWORD).status, 303);
    analyst.read_signature("/account");
    kept_searches(place, &analyst);
    let make = |scope: &str| {
        let reply = analyst.post(
            "/account/tokens",
            &[("title", scope), ("days", "30"), ("scope", scope)],
        );
        between(&reply.body, "<code id=\"fresh\">", "</code>").to_owned()
    };
    let (reader, program) = (make("reader"), make("program"));
    let reply = bearer(place, "GET", "/api/alerts?level=low&limit=5", &reader, "");
    let alerts: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        alerts["alerts"].as_array().unwrap().len(),
        5,
        "{}",
        reply.body
    );
    let events = bearer(
        place,
        "GET",
        "/api/events?q=client_address%3D198.51.100.1",
        &reader,
        "",
    );
    assert!(events.body.contains("198.51.100.1"), "{}", events.body);
    let path = format!("/api/alerts/{alert}/actions");
    let deed = "deed=comment&comment=seen+by+a+program";
    assert_eq!(bearer(place, "POST", &path, &reader, deed).status, 403);
    assert_eq!(bearer(place, "POST", &path, &program, deed).status, 201);
    assert_eq!(
        bearer(place, "POST", &path, &program, "deed=reopen&comment=x").status,
        409
    );
    assigned(place, &analyst, &program);
    ranked(place, &reader);
    blocks::read_by_programs(|path| bearer(place, "GET", path, &reader, ""));
    let shown = bearer(place, "GET", &format!("/api/alerts/{alert}"), &reader, "");
    assert!(shown.body.contains("seen by a program"), "{}", shown.body);
    // A token opens no page, and a cookie that holds one neither.
    assert_eq!(bearer(place, "GET", "/alerts", &program, "").status, 303);
    let cookie = Request::get(place.port(), "/api/alerts")
        .header("Cookie", &format!("__Host-gatewatch={program}"));
    assert_eq!(cookie.send().unwrap().status, 401);
    let page = analyst.get("/account").body;
    for row in page.split("name=\"id\" value=\"").skip(1) {
        let id = row.split('"').next().unwrap();
        assert_eq!(analyst.post("/account/sessions", &[("id", id)]).status, 303);
    }
    assert_eq!(bearer(place, "GET", "/api/alerts", &reader, "").status, 401);
    let description = Visitor::nobody(place.port()).get("/api/openapi.json");
    let description: Value = serde_json::from_str(&description.body).unwrap();
    for (method, path, _) in table()
        .into_iter()
        .filter(|(_, path, _)| path.starts_with("/api/") && *path != "/api/openapi.json")
    {
        assert!(
            description["paths"][path][method.to_lowercase()].is_object(),
            "{method} {path} is described"
        );
    }
}

/// An alert is assigned to those who may work on it, and to nobody.
fn assigned(place: &Place, analyst: &Visitor, program: &str) {
    let alert = place.alerts().remove(1);
    let page = analyst.get(&format!("/alerts/{alert}")).body;
    let fields = between(&page, "<select id=\"to\"", "</select>");
    for role in Role::ALL {
        let is_offered = fields.contains(&format!(">{}</option>", role.name()));
        assert_eq!(is_offered, role.may(Permission::Triage), "{fields}");
    }
    place.ask("INSERT INTO accounts (name, revision, actor, role, password, must_change, second_factor, recovery, disabled, sessions_since) SELECT 'gone', 1, 'test', 'analyst', '', 0, '', [], 1, toDateTime64(0, 6)");
    let path = format!("/api/alerts/{alert}/actions");
    let stands = || {
        place.ask(&format!(
            "SELECT concat(state, ' ', assignee) FROM alerts_latest WHERE id = '{alert}'"
        ))
    };
    for (to, status, expected) in [
        ("&to=gone", 400, "new "),
        ("&to=viewer", 400, "new "),
        ("&to=nobody.there", 400, "new "),
        ("&to=<script>", 400, "new "),
        ("", 400, "new "),
        ("&to=+Responder+", 201, "in_work responder"),
        ("&to=", 201, "acknowledged "),
    ] {
        let reply = bearer(place, "POST", &path, program, &format!("deed=assign{to}"));
        assert_eq!(reply.status, status, "{to}: {}", reply.body);
        assert_eq!(stands(), expected.trim(), "{to}");
    }
    let page = analyst.get(&format!("/alerts/{alert}")).body;
    assert!(page.contains("assigned it to nobody"), "{page}");
}

/// With the rarest first what has a probability comes before what has none, each with its share of chance.
fn ranked(place: &Place, reader: &str) {
    let path = "/api/alerts?order=rarest&limit=1000";
    let reply = bearer(place, "GET", path, reader, "");
    let alerts: Value = serde_json::from_str(&reply.body).unwrap();
    let alerts = alerts["alerts"].as_array().unwrap();
    let ranked = alerts.iter().take_while(|it| it["q"].is_number()).count();
    let rest = &alerts[ranked..];
    assert!(
        rest.iter()
            .all(|it| it["probability"].is_null() && it["q"].is_null()),
        "{rest:?}"
    );
    let first = alerts[..ranked].iter();
    let probabilities: Vec<f64> = first.filter_map(|it| it["probability"].as_f64()).collect();
    assert!(probabilities.len() == ranked && probabilities.is_sorted());
}

/// A search is kept where it names nobody, and taken away whatever it says.
fn kept_searches(place: &Place, analyst: &Visitor) {
    let keep = |query: &str, deed: &str| {
        let pairs = [("name", "mine"), ("query", query), ("deed", deed)];
        analyst.post("/events", &pairs).status
    };
    let kept = || {
        place.ask("SELECT concat(query, ' ', toString(removed)) FROM saved_searches FINAL WHERE account = 'analyst'")
    };
    assert_eq!(keep("q=status%3E%3D500&other=ivan", ""), 303);
    assert_eq!(kept(), "q=status%3E%3D500 0");
    for query in ["q=subject%3Divan", "q=ivan", "q=nofield%3D1", "from=ivan"] {
        assert_eq!(keep(query, ""), 400, "{query}");
    }
    assert_eq!(keep("q=subject%3Divan", "remove"), 303);
    assert_eq!(kept(), "1");
}

/// The link of a mail acknowledges its alert once, without signing in.
fn links_of_mails(place: &Place, alert: &str) {
    let vault = Vault::new(&"ab".repeat(32)).unwrap();
    let link = Acknowledgement {
        alert: alert.parse().unwrap(),
        who: "soc@example.org".into(),
        until: Timestamp::from_seconds(4_000_000_000),
    };
    let nobody = Visitor::nobody(place.port());
    let page = nobody.get(&format!("/acknowledge?{}", link.query(&vault)));
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("soc@example.org"));
    let pairs = link.pairs(&vault);
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let count = || {
        place.ask("SELECT count() FROM alert_actions WHERE actor = 'soc@example.org' AND action = 'acknowledge'")
    };
    assert_eq!(count(), "0", "looking does nothing");
    assert_eq!(nobody.post_plain("/acknowledge", &pairs).status, 200);
    assert_eq!(nobody.post_plain("/acknowledge", &pairs).status, 200);
    assert_eq!(count(), "1");
    let mut forged = pairs.clone();
    forged[1].1 = "boss@example.org";
    assert_eq!(nobody.post_plain("/acknowledge", &forged).status, 400);
}

/// A person is found by what is known, for a case; what is known is nowhere.
fn the_person(place: &Place) {
    let name = Role::DataProtectionOfficer.name();
    let reset = place
        .command(&["account", "reset", name, "--by", "test"])
        .output()
        .unwrap();
    let first = String::from_utf8(reset.stdout).unwrap();
    let mut officer = Visitor::nobody(place.port());
    officer.sign_in(name, first.trim());
    officer.read_signature("/account/password");
    let password = format!("{PASSWORD} снова");
    let pairs = [
        ("old", first.trim()),
        ("new", &password),
        ("again", &password),
    ];
    let changed = officer.post("/account/password", &pairs);
    assert_eq!(changed.status, 303);
    officer.keep(&changed);
    officer.read_signature("/account/second-factor");
    officer.enrol();
    officer.read_signature("/persons");
    assert_eq!(
        officer
            .post("/persons", &[("case", ""), ("identifier", "anna")])
            .status,
        400
    );
    let found = officer.post("/persons", &[("case", "case-77"), ("identifier", "anna")]);
    let pseudonym = place.ask("SELECT DISTINCT subject FROM events WHERE client_address = toIPv6('192.0.2.10') AND subject != ''");
    assert!(
        found.body.contains(&pseudonym),
        "{pseudonym}: {}",
        found.body
    );
    for _ in 0..3 {
        assert_eq!(
            officer
                .get(&format!("/entities/subject/{pseudonym}"))
                .status,
            200
        );
    }
    officer.get("/entities/subject/anna");
    let views = place.ask(&format!(
        "SELECT count() FROM audit WHERE action = 'viewed' AND object = '{pseudonym}'"
    ));
    assert!(views == "1" || views == "2", "once an hour, not {views}");
    // A plate is found however it is written, also under a key that is no more in use.
    let logged = Redactor::new(OLDER_KEY.as_bytes(), "k0").pseudonym(Field::ResourceId, "А123ВС77");
    place.ask(&format!(
        "INSERT INTO events (time, gateway, resource_id, key_id, topic, partition, offset) VALUES (now64(6), 'edge-1', '{logged}', 'k0', 'older', 0, 1)"
    ));
    let found = officer.post(
        "/persons",
        &[("case", "case-78"), ("identifier", "a 123 bc 77")],
    );
    assert!(found.body.contains(logged.as_str()), "{}", found.body);
    let audit =
        place.ask("SELECT concat(object, title, detail) FROM audit WHERE object_kind = 'person'");
    assert!(
        audit.contains("case-77") && audit.contains(&pseudonym),
        "{audit}"
    );
    assert!(
        !audit.contains("anna") && !audit.contains("123 bc"),
        "{audit}"
    );
    audit_of_the_officer(&officer);
}
