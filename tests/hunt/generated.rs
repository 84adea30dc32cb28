//! Rules and events made by chance: what the server lets through is all that the engine finds something in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gatewatch::config::{Config, Secret};
use gatewatch::event::{Event, Fact, Timestamp};
use gatewatch::pipeline::detection::Detection;
use gatewatch::sigma::RuleSet;
use gatewatch::store::{Condition, EventBlock, Store, Verdict};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};

use super::{Hunts, now};
use crate::parts::{ClickHouse, SECRETS};

/// How often rules and events are made.
const CASES: u32 = 60;
const HOUR_US: i64 = 3_600_000_000;

/// What texts and patterns are made of: plain and disguised, of both cases and of other scripts, and what redaction leaves.
const FRAGMENTS: &[&str] = &[
    "a",
    "B",
    "/",
    "/etc/",
    "passwd",
    ".json",
    "union select",
    "union",
    "'",
    "%27",
    "%2e",
    "..",
    "--",
    "=",
    "&",
    "?",
    "#",
    "0x2e",
    "{id}",
    "p_KJyjNTW0NNo7iiY76dBWcA",
    "Li4vLi4vZXRjL3Bhc3N3ZA==",
    "https://",
    "curl/8",
    "(x)",
    "${jndi:",
    "ж",
    "Ж",
    "\u{212A}ey",
    "key",
    "\n",
    " -x",
    "",
];

const EXPRESSIONS: &[&str] = &[
    "passwd",
    "^/etc/",
    "(?i)UNION( SELECT)?|key",
    "a.b",
    "[a-z]{3}",
    "(jndi|union).*",
    "ж",
    r"\bkey\b",
    r"^\w+$",
    r"(?i)\.JSON$",
    r"[^\x00-\x7f]",
    "(?m)^a",
    r"\<a",
    "a*",
];

const TEXT_FIELDS: &[&str] = &[
    "path",
    "query",
    "user_agent",
    "referer",
    "client_id",
    "subject",
    "path_decoded",
    "query_decoded",
    "payload",
    "roles",
    "c-uri-extension",
    "fact",
];

const ADDRESSES: &[&str] = &["10.0.0.1", "192.168.7.7", "2001:db8::1", "::5.6.7.8"];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(FRAGMENTS), 0..5).prop_map(|parts| parts.concat())
}

fn pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![5 => select(FRAGMENTS), 1 => select(vec!["*", "?", r"\*"])];
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.concat())
}

fn item() -> impl Strategy<Value = (String, Json)> {
    let named =
        |(field, modifiers, value): (&str, &str, Json)| (format!("{field}{modifiers}"), value);
    let texts = select(vec![
        "",
        "|contains",
        "|contains",
        "|startswith",
        "|endswith",
        "|cased",
        "|contains|cased",
        "|neq",
        "|windash|contains",
    ]);
    let texts = (select(TEXT_FIELDS), texts, pattern().prop_map(Json::from)).prop_map(named);
    let expressions = (
        select(TEXT_FIELDS),
        select(vec!["|re", "|re|i", "|re|neq"]),
        select(EXPRESSIONS).prop_map(Json::from),
    )
        .prop_map(named);
    let others = (
        select(vec!["subject", "path", "roles", "status"]),
        select(vec!["|fieldref", "|fieldref|contains", "|fieldref|cased"]),
        select(vec!["client_id", "client_address", "query_decoded"]).prop_map(Json::from),
    )
        .prop_map(named);
    let rest = select(vec![
        ("status", json!(403)),
        ("status|gte", json!(400)),
        ("status|startswith", json!("4")),
        ("client_address|cidr", json!("10.0.0.0/8")),
        ("client_address|cidr", json!("::/0")),
        ("client_address|startswith", json!("1")),
        ("client_address|endswith", json!("8")),
        ("time|minute|lt", json!(20)),
        ("token_expires|exists", json!(false)),
        ("token_expires|hour", json!(1)),
        ("token_expires|startswith", json!("2")),
        ("subject", Json::Null),
        ("payload|exists", json!(true)),
        ("roles|exists", json!(false)),
        ("fact", json!(["tls.old", "attack.sqli"])),
        ("uri|contains", json!("a")),
    ])
    .prop_map(|(name, value)| (name.to_owned(), value));
    prop_oneof![4 => texts, 2 => expressions, 1 => others, 2 => rest]
}

fn search() -> impl Strategy<Value = Json> {
    let map = prop::collection::vec(item(), 1..3)
        .prop_map(|items| Json::Object(items.into_iter().collect()));
    let keywords = prop::collection::vec(pattern(), 1..3).prop_map(Json::from);
    prop_oneof![6 => map, 1 => keywords]
}

fn detection() -> impl Strategy<Value = Json> {
    let condition = select(vec![
        "s",
        "t",
        "s and t",
        "s or t",
        "not s",
        "s and not t",
        "not (s and t)",
    ]);
    (search(), search(), condition)
        .prop_map(|(s, t, condition)| json!({"s": s, "t": t, "condition": condition}))
}

fn correlation() -> impl Strategy<Value = Json> {
    let group = select(vec![
        json!(["client_id"]),
        json!(["client_address"]),
        json!(["client_id", "client_address"]),
        json!(["roles"]),
        json!(["status", "token_expires"]),
    ]);
    let counted = select(vec![
        Json::Null,
        json!("path"),
        json!("status"),
        json!("roles"),
        json!(["subject", "status"]),
    ]);
    let compared = select(vec!["gte", "gt", "eq", "lt"]);
    (group, counted, compared, 1_u8..5, select(vec!["30s", "2m", "10m"])).prop_map(
        |(group, counted, compared, number, timespan)| {
            let is_count = counted.is_null();
            let mut condition = Map::from_iter([(compared.to_owned(), json!(number))]);
            if !is_count {
                condition.insert("field".to_owned(), counted);
            }
            let kind = if is_count { "event_count" } else { "value_count" };
            json!({"type": kind, "group-by": group, "timespan": timespan, "generate": true, "condition": condition})
        },
    )
}

/// An event; its time is in seconds of its hour.
fn event() -> impl Strategy<Value = Json> {
    let fields = ["path", "query", "user_agent", "referer"];
    let texts = prop::collection::vec((select(fields.to_vec()), text()), 0..4);
    let roles = prop::collection::vec(select(vec!["admin", "Жук", "key", ""]), 0..3);
    let known = (
        prop::option::of(select(vec!["app", "crm", "a"])),
        prop::option::of(select(vec!["app", "p_KJyjNTW0NNo7iiY76dBWcA"])),
        prop::option::of(select(ADDRESSES)),
        prop::option::of(select(vec![200, 403, 404])),
        prop::option::of(select(vec![0, 3_600_000])),
    );
    (0_i64..1_200, texts, roles, known, any::<bool>()).prop_map(
        |(second, texts, roles, (client, subject, address, status, expires), is_old)| {
            let texts = texts
                .into_iter()
                .map(|(name, text)| (name.to_owned(), Json::from(text)));
            let mut event: Map<String, Json> = texts.collect();
            event.insert("second".to_owned(), second.into());
            event.insert("is_old".to_owned(), is_old.into());
            event.insert("roles".to_owned(), roles.into());
            event.extend(client.map(|it| ("client_id".to_owned(), it.into())));
            event.extend(subject.map(|it| ("subject".to_owned(), it.into())));
            event.extend(address.map(|it| ("client_address".to_owned(), it.into())));
            event.extend(status.map(|it| ("status".to_owned(), it.into())));
            event.extend(expires.map(|it| ("token_expires".to_owned(), it.into())));
            Json::Object(event)
        },
    )
}

/// The sources of what the engine accepts; the generator makes some rules that match everything or nothing.
fn sources(made: &[(Json, Json)]) -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    for (at, (detection, correlation)) in made.iter().enumerate() {
        let mut correlation = correlation.clone();
        correlation["rules"] = json!([format!("r{at}")]);
        let rule = json!({
            "title": format!("r{at}"), "name": format!("r{at}"), "id": format!("00000000-0000-4000-8000-{at:012}"), "level": "low",
            "logsource": {"category": "api_gateway"}, "detection": detection,
        });
        let above = json!({
            "title": format!("c{at}"), "id": format!("00000000-0000-4000-9000-{at:012}"), "level": "low", "correlation": correlation,
        });
        let pair = [
            (PathBuf::from(format!("r/{at}.yml")), rule.to_string()),
            (PathBuf::from(format!("c/{at}.yml")), above.to_string()),
        ];
        let fits = (1..=2)
            .rev()
            .find(|count| RuleSet::from_sources(&pair[..*count]).is_ok());
        sources.extend(pair.into_iter().take(fits.unwrap_or(0)));
    }
    sources
}

struct Place {
    store: Store,
    config: Config,
    runtime: Arc<tokio::runtime::Runtime>,
    /// Where the next case begins.
    hour: AtomicI64,
}

impl Place {
    /// Stores events in an hour of their own, away from those of others.
    fn stored(&self, events: &[Json]) -> (Timestamp, Timestamp) {
        let begin = self.hour.fetch_add(2 * HOUR_US, Ordering::Relaxed);
        let begin = Timestamp::from_micros(begin);
        let mut block = EventBlock::new("generated", 0, "k1");
        for (at, event) in (begin.micros()..).zip(events) {
            let mut record = event.as_object().unwrap().clone();
            let second = record.remove("second").unwrap().as_i64().unwrap();
            let is_old = record.remove("is_old") == Some(Json::Bool(true));
            let time = begin.plus_micros(second * 1_000_000);
            record.insert("time".to_owned(), time.to_string().into());
            record.insert("request_id".to_owned(), at.to_string().into());
            let text = Json::Object(record).to_string();
            let mut event: Event<'_> = serde_json::from_str(&text).unwrap();
            if is_old {
                event.facts.insert(Fact::TlsOld);
            }
            block.push(&event, &Verdict::default(), at, None);
        }
        let token = format!("generated/{begin}");
        let block = block.finish();
        let insert = self.store.insert(&token, &block);
        self.runtime.block_on(insert).unwrap();
        (begin, begin.plus_micros(HOUR_US))
    }

    /// What is found through each condition is what is found in all.
    fn agrees(&self, made: &[(Json, Json)], events: &[Json]) -> Result<usize, TestCaseError> {
        let rules = Arc::new(RuleSet::from_sources(&sources(made)).unwrap());
        let hunts = Hunts {
            store: self.store.clone(),
            detection: Detection::new(&self.config, Arc::clone(&rules))
                .unwrap()
                .of_stored(),
            stretch: self.stored(events),
            runtime: Arc::clone(&self.runtime),
        };
        let (_, matched) = hunts.matched(&Condition::all());
        let (_, found) = hunts.found(&Condition::all());
        for (index, rule) in (0_u32..).zip(rules.rules()) {
            let condition = Condition::of(&rules, &[index], &[]);
            let (_, here) = hunts.matched(&condition);
            let of_it = |all: &super::Matched| -> Vec<_> {
                all.iter()
                    .filter(|(id, ..)| *id == rule.meta.id)
                    .cloned()
                    .collect()
            };
            let sql = condition.sql(hunts.stretch, hunts.stretch);
            prop_assert_eq!(of_it(&here), of_it(&matched), "{:?} {}", made, sql);
        }
        for (index, correlation) in (0_u32..).zip(rules.correlations()) {
            let condition = Condition::of(&rules, &[], &[index]);
            let (_, here) = hunts.found(&condition);
            let of_it = |all: &super::Found| -> Vec<_> {
                all.iter()
                    .filter(|(id, ..)| *id == correlation.meta.id)
                    .cloned()
                    .collect()
            };
            let sql = condition.sql(hunts.stretch, hunts.stretch);
            prop_assert_eq!(of_it(&here), of_it(&found), "{:?} {}", made, sql);
        }
        let ids: Vec<_> = rules.correlations().iter().map(|it| it.meta.id).collect();
        Ok(found.iter().filter(|(id, ..)| ids.contains(id)).count())
    }
}

#[test]
fn the_server_lets_through_all_that_generated_rules_find() {
    let clickhouse = ClickHouse::start();
    let mut config = Config::default();
    config.store.url = clickhouse.url();
    config.store.password = Secret::new(SECRETS[0].1);
    config.enrich.pseudonym_key = Secret::new(SECRETS[1].1);
    config.store.dead_letter_key = Secret::new(SECRETS[2].1);
    config.track.behaviour.enabled = false;
    config.track.baseline.enabled = false;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = runtime.block_on(Store::connect(&config.store)).unwrap();
    runtime.block_on(store.migrate()).unwrap();
    let place = Place {
        store,
        config,
        runtime: Arc::new(runtime),
        hour: AtomicI64::new(
            now()
                .floor_to(24 * HOUR_US)
                .plus_micros(-20 * 24 * HOUR_US)
                .micros(),
        ),
    };
    // The same rules each time: a difference that nobody has seen yet is for people to explain, not for another commit to fail by.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let settings = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(settings, rng);
    let made = prop::collection::vec((detection(), correlation()), 2..5);
    let events = prop::collection::vec(event(), 10..40);
    let told = AtomicI64::new(0);
    let outcome = runner.run(&(made, events), |(made, events)| {
        let found = place.agrees(&made, &events)?;
        told.fetch_add(i64::try_from(found).unwrap(), Ordering::Relaxed);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let told = told.into_inner();
    println!("{told} findings of generated correlations");
    assert!(told > 50, "{told} findings");
}
