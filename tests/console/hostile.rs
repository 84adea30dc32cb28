//! What a caller wrote stands as text wherever it stands: on pages, in exports, in answers to programs.

use gatewatch::access::Role;
use serde_json::Value;

use crate::browser::Browser;
use crate::parts::Request;
use crate::place::{FORMULAS, HOSTILE, INSIDE, Place};
use crate::visitor::Visitor;

/// Its beginning: lists cut what is long.
const BEGINNING: &str = "<script>window.pwned=1";

/// The pages that show it, for the administrator.
pub async fn pages(browser: &mut Browser, place: &Place) {
    let subject = place.ask("SELECT DISTINCT subject FROM events WHERE client_address = toIPv6('203.0.113.66') AND subject != ''");
    let search = query(&format!("user_agent~{BEGINNING}"));
    let events = "/events?q=client_address%3D203.0.113.66".to_owned();
    let entity = "/entities/address/203.0.113.66".to_owned();
    for (name, path, text) in [
        ("events", events, BEGINNING),
        ("alert", format!("/alerts/{}", alert(place)), "<script>"),
        ("entity", entity, HOSTILE),
        ("subject", format!("/entities/subject/{subject}"), HOSTILE),
        // What is searched for is on record.
        ("search", format!("/events?q={search}"), BEGINNING),
        ("audit", "/audit?kind=search".to_owned(), BEGINNING),
    ] {
        browser.goto(&format!("{}{path}", place.url())).await;
        shown(browser, name, text).await;
    }
    // A client may be called like that, and be blocked.
    browser.goto(&format!("{}/decisions", place.url())).await;
    browser.click("#scope option[value='client']").await;
    browser.fill("#value", HOSTILE).await;
    browser.fill("#reason", HOSTILE).await;
    browser.click("section.card button").await;
    shown(browser, "decisions", HOSTILE).await;
    let search = format!("{}/alerts?text={}", place.url(), query(HOSTILE));
    browser.goto(&search).await;
    browser.inspect("hostile-alerts").await;
}

/// A page shows it, and no element was made of it.
async fn shown(browser: &mut Browser, name: &str, text: &str) {
    browser.reads(text).await;
    let made = browser.run("return document.querySelectorAll('main script, [onerror]').length");
    assert_eq!(made.await, 0, "{name}");
    browser.inspect(&format!("hostile-{name}")).await;
}

fn alert(place: &Place) -> String {
    place.ask("SELECT toString(id) FROM alerts_latest WHERE entity = '203.0.113.66' LIMIT 1")
}

fn query(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What programs and spreadsheets get of it.
pub fn exports(place: &Place) {
    let analyst = Visitor::of(place.port(), Role::Analyst);
    let answers = [
        "/api/events?q=client_address%3D203.0.113.66".to_owned(),
        format!("/api/alerts/{}", alert(place)),
    ];
    for path in answers {
        let reply = analyst.get(&path);
        assert_eq!(reply.header("content-type"), "application/json", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        let told: Value = serde_json::from_str(&reply.body).expect(&path);
        assert!(told.to_string().contains("<script>"), "{path}: {told}");
    }
    let sheet = analyst.get("/events.csv?q=client_address%3D203.0.113.66");
    assert_eq!(sheet.header("content-type"), "text/csv; charset=utf-8");
    let how = sheet.header("content-disposition");
    assert!(how.starts_with("attachment"), "{how}");
    assert!(sheet.body.contains(BEGINNING), "{}", sheet.body);
    let sheet = analyst.get("/events.csv?q=client_address%3D203.0.113.67");
    for formula in FORMULAS {
        let cell = format!(",\"'{formula}\",");
        assert!(sheet.body.contains(&cell), "{}", sheet.body);
    }
    // Excel in Russian would begin a cell at the semicolon.
    let cell = format!(",\"{}\",", INSIDE.replace(";=", ";'="));
    assert!(sheet.body.contains(&cell), "{cell}: {}", sheet.body);
    let cookie = format!("{}; language=ru", analyst.cookie());
    let path = "/events.csv?q=client_address%3D203.0.113.67";
    let russian = Request::get(place.port(), path).header("Cookie", &cookie);
    let russian = russian.send().unwrap().body;
    for (sheet, head) in [
        (&sheet.body, "\u{feff}\"time\",\"status\","),
        (&russian, "\u{feff}\"time\";\"status\";"),
    ] {
        assert!(sheet.starts_with(head), "{sheet}");
    }
    assert!(russian.contains(";\"'=SUM(1,2)\";"), "{russian}");
}
