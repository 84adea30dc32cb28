//! What the page of an alert shows after it was closed as no attack: an exception that the loader takes, and that holds back what the alert is about.

use std::path::{Path, PathBuf};

use gatewatch::access::Role;
use gatewatch::config;
use gatewatch::event::Event;
use gatewatch::sigma::RuleSet;
use serde_json::Value;

use crate::place::{PASSWORD, Place};
use crate::visitor::{Visitor, between};

/// Why it is closed, which nobody may take for YAML or for markup.
const WHY: &str = "\"load\": <b>test</b> # agreed\n- SEC-17 & more";

/// An alert of rules is closed as false, another as harmless.
pub fn an_exception_is_ready(place: &Place) {
    let mut analyst = Visitor::nobody(place.port());
    assert_eq!(analyst.sign_in(Role::Analyst.name(), PASSWORD).status, 303);
    analyst.read_signature("/account");
    let alert = place.ask("SELECT toString(id) FROM alerts_latest WHERE title = 'Parameter climbs out of its folder' AND entity LIKE '198.51.100.%' ORDER BY entity DESC LIMIT 1");
    let path = format!("/alerts/{alert}");
    let open = analyst.get(&path).body;
    assert!(!open.contains("id=\"exception\""), "{open}");
    let upon = between(&open, "name=\"upon\" value=\"", "\"");
    let pairs = [("deed", "false"), ("comment", WHY), ("upon", upon)];
    assert_eq!(analyst.post(&path, &pairs).status, 303);
    let page = analyst.get(&path).body;
    assert!(page.contains("<code>gatewatch check</code>"), "{page}");
    let file = place_of(&page, &alert);
    let shown = between(&page, "<pre id=\"exception\">", "</pre>");
    let text = plain(shown);
    let russian = analyst.speaking("ru").get(&path).body;
    assert!(russian.contains("Исключение для правила"), "{russian}");
    assert!(russian.contains(shown), "it is the same in every language");
    let reason = "\"load\": <b>test</b> # agreed - SEC-17 & more";
    loads(place, &alert, (&file, &text), ("analyst", reason));
    from_the_command_line(place);
}

/// The command shows the same, also of an alert whose every field is hostile, and gives no second verdict.
fn from_the_command_line(place: &Place) {
    let alert = place.ask("SELECT toString(id) FROM alerts_latest WHERE entity = '203.0.113.66' AND reason = 'pattern' ORDER BY title LIMIT 1");
    let close = |verdict: &str| {
        let words = [
            "alert",
            "close",
            &alert,
            "--as",
            verdict,
            "--by",
            "Anna: Petrova",
            WHY,
        ];
        place.command(&words).output().unwrap()
    };
    let output = close("harmless");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let name = format!("exception-{}.yml and run `gatewatch check`", &alert[..8]);
    assert!(said.contains(&name), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let reason = "\"load\": <b>test</b> # agreed - SEC-17 & more";
    let file = PathBuf::from("rules/exception.yml");
    loads(place, &alert, (&file, &text), ("Anna: Petrova", reason));
    let again = close("true");
    let said = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(2), "{said}");
    assert!(said.contains("closed_harmless: reopen it first"), "{said}");
}

fn place_of(page: &str, alert: &str) -> PathBuf {
    let file = between(page, "<code id=\"exception-file\">", "</code>");
    let name = format!("exception-{}.yml", &alert[..8]);
    assert!(file.ends_with(&name), "{file}");
    PathBuf::from(plain(file))
}

/// The text of a piece of a page.
fn plain(html: &str) -> String {
    html.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

/// The rules take it, and their matches of the alert's address are held back, those of others are not.
fn loads(place: &Place, alert: &str, (file, text): (&Path, &str), (owner, reason): (&str, &str)) {
    let settings = config::Rules {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"),
        generated: vec![(file.to_owned(), text.to_owned())],
        ..config::Rules::default()
    };
    let rules = RuleSet::load(&settings).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let [exception] = rules.exceptions() else {
        panic!("one exception: {text}")
    };
    assert_eq!(exception.owner, owner);
    assert_eq!(exception.reason, reason);
    let json = place.ask(&format!(
        "SELECT json FROM alerts_latest WHERE id = '{alert}' FORMAT TSVRaw"
    ));
    let alert: Value = serde_json::from_str(&json).unwrap();
    let raised: Vec<&str> = alert["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let sample = &alert["evidence"][0];
    let address = sample["client_address"].as_str().unwrap();
    let mut scratch = rules.scratch();
    let mut withheld = |address: &str| {
        let event = Event {
            method: Some("GET".into()),
            path: Some("/download/../../../../etc/passwd".into()),
            status: Some(404),
            client_address: Some(address.parse().unwrap()),
            user_agent: Some("curl/8.0".into()),
            ..Event::default()
        };
        rules.matches(&event, &mut scratch);
        let numbers = rules.rules().iter().zip(0_u32..);
        let of_alert: Vec<u32> = numbers
            .filter(|(rule, _)| raised.contains(&rule.meta.id.to_string().as_str()))
            .map(|(_, number)| number)
            .collect();
        assert!(!of_alert.is_empty(), "{raised:?}");
        of_alert
            .into_iter()
            .all(|rule| rules.withheld_by(rule, &event, &mut scratch).is_some())
    };
    assert!(withheld(address), "{text}");
    assert!(!withheld("192.0.2.77"), "{text}");
}
