//! Generated rules on generated events: the engine answers as the naive evaluator does, and no text makes it panic.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

use super::oracle;
use crate::event::Event;
use crate::sigma::{RuleSet, Vocabulary};

/// What texts and patterns are made of: short and long, common and rare, of both cases, of several scripts, letters that
/// fold to others, wildcards and escapes.
const FRAGMENTS: &[&str] = &[
    "a",
    "B",
    "b",
    "/",
    "sqlmap",
    "SqlMap",
    "/etc/",
    "passwd",
    "union select",
    "${jndi:",
    "\u{212A}ey",
    "key",
    "İx",
    "Ж",
    "ж",
    "é",
    "Σ",
    "ß",
    "%27",
    "mozilla/5.0",
    "\n",
    "",
    " -x",
    "/x",
    "—x",
    "c3FsbWFw",
    "eHNxbG1hcA==",
    "cQBsAA==",
];

/// Besides, in patterns only.
const WILDCARDS: &[&str] = &["*", "?", r"\", r"\*", r"\?", r"\\", "**"];

const EXPRESSIONS: &[&str] = &[
    "sqlmap",
    "^/etc/",
    "passwd$",
    "(?i)UNION SELECT|key",
    "a.b",
    "[a-z]{3}",
    "(jndi|union).*",
    "ж",
    r"\$\{",
    "ab?",
];

const TEXT_FIELDS: &[&str] = &[
    "path",
    "query",
    "user_agent",
    "referer",
    "path_decoded",
    "method",
];

/// Milliseconds: the beginning, a leap day, the end of a week-based year, now.
const TIMES: &[i64] = &[0, 1_709_164_800_000, 1_609_459_199_000, 1_772_323_260_000];

const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.1.2.3",
    "192.168.7.7",
    "2001:db8::1",
    "fe80::1",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(FRAGMENTS), 0..5).prop_map(|parts| parts.concat())
}

fn pattern() -> impl Strategy<Value = String> + Clone {
    let part = prop_oneof![4 => select(FRAGMENTS), 1 => select(WILDCARDS)];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

/// One value or a list of them.
fn one_or_more(value: impl Strategy<Value = Json> + Clone) -> impl Strategy<Value = Json> {
    prop_oneof![
        value.clone(),
        prop::collection::vec(value, 1..4).prop_map(Json::from),
    ]
}

fn text_item() -> impl Strategy<Value = (String, Json)> {
    let fields = [TEXT_FIELDS, &["roles"]].concat();
    let modifiers = select(vec![
        "",
        "",
        "|contains",
        "|contains",
        "|startswith",
        "|endswith",
        "|cased",
        "|contains|cased",
        "|neq",
        "|endswith|neq",
    ]);
    (
        select(fields),
        modifiers,
        one_or_more(pattern().prop_map(Json::from)),
    )
        .prop_map(|(field, modifiers, value)| (format!("{field}{modifiers}"), value))
}

fn all_item() -> impl Strategy<Value = (String, Json)> {
    let values = prop::collection::vec(pattern(), 2..4).prop_map(Json::from);
    (
        select(TEXT_FIELDS),
        select(vec!["|contains|all", "|startswith|all"]),
        values,
    )
        .prop_map(|(field, modifiers, value)| (format!("{field}{modifiers}"), value))
}

/// Modifiers that change a value, name another field or take a part of a time.
fn changed_item() -> impl Strategy<Value = (String, Json)> {
    let encoded = (
        select(TEXT_FIELDS),
        select(vec![
            "|base64|contains",
            "|base64offset|contains",
            "|wide|base64offset|contains",
            "|wide|base64|cased",
        ]),
        select(vec!["sqlmap", "ql", "ey", "жж"]),
    )
        // What is no ASCII is no text once it is wide.
        .prop_map(|(field, modifiers, value)| (format!("{field}{modifiers}"), json!(value)));
    let dashes = (
        select(TEXT_FIELDS),
        select(vec![
            "|windash|contains",
            "|contains|windash",
            "|windash",
            "|windash|endswith|neq",
        ]),
        prop::collection::vec(select(vec![" -x", "/x", "—", "a", "*", "B", "-"]), 1..4),
    )
        .prop_map(|(field, modifiers, parts)| {
            (format!("{field}{modifiers}"), json!(parts.concat()))
        });
    let other = (
        select(TEXT_FIELDS),
        select(vec![
            "",
            "|cased",
            "|neq",
            "|contains",
            "|startswith",
            "|endswith|neq",
        ]),
        select(vec!["roles", "path", "query", "status"]),
    )
        .prop_map(|(field, modifiers, other)| {
            let other = if field == other { "referer" } else { other };
            (format!("{field}|fieldref{modifiers}"), json!(other))
        });
    let part = (
        select(vec!["minute", "hour", "day", "week", "month", "year"]),
        select(vec!["", "|lt", "|gte", "|neq"]),
        select(vec![0, 1, 5, 23, 30, 53, 1970, 2026]),
    )
        .prop_map(|(part, modifiers, value)| (format!("time|{part}{modifiers}"), json!(value)));
    let words = (
        select(TEXT_FIELDS),
        select(vec!["|expand", "|expand|contains", "|expand|cased"]),
        select(vec!["%words%", "a%words%", "%words%/%"]),
    )
        .prop_map(|(field, modifiers, value)| (format!("{field}{modifiers}"), json!(value)));
    prop_oneof![encoded, dashes, other, part, words]
}

fn item() -> impl Strategy<Value = (String, Json)> {
    let expression = (
        select(TEXT_FIELDS),
        select(vec!["|re", "|re|i", "|re|i|s", "|re|neq"]),
        select(EXPRESSIONS),
    )
        .prop_map(|(field, modifiers, value)| (format!("{field}{modifiers}"), json!(value)));
    let number = (select(vec!["status", "request_bytes"]), 0_u64..12)
        .prop_map(|(field, value)| (field.to_owned(), json!(value)));
    let digits = (
        select(vec!["|contains", "|startswith", ""]),
        select(vec!["1*", "?", "1", "07"]),
    )
        .prop_map(|(modifiers, value)| (format!("status{modifiers}"), json!(value)));
    let comparison = (
        select(vec!["lt", "lte", "gt", "gte"]),
        prop_oneof![
            (-2_i64..12).prop_map(Json::from),
            select(vec![0.5, 3.0, 3.5]).prop_map(Json::from)
        ],
    )
        .prop_map(|(name, value)| (format!("status|{name}"), value));
    let network = select(vec![
        "10.0.0.0/8",
        "192.168.7.7/32",
        "0.0.0.0/0",
        "2001:db8::/32",
        "fe80::/10",
    ])
    .prop_map(|net| ("client_address|cidr".to_owned(), json!(net)));
    let address = select(vec!["10.*", "*.1", "2001:DB8::1", "10.0.0.1", "*::1"])
        .prop_map(|value| ("client_address".to_owned(), json!(value)));
    let presence = (
        select(TEXT_FIELDS),
        prop_oneof![
            Just(("", Json::Null)),
            Just(("|neq", Json::Null)),
            any::<bool>().prop_map(|is| ("|exists", json!(is))),
            Just(("", json!("")))
        ],
    )
        .prop_map(|(field, (modifiers, value))| (format!("{field}{modifiers}"), value));
    prop_oneof![6 => text_item(), 2 => all_item(), 2 => changed_item(), 1 => expression, 1 => number, 1 => digits, 1 => comparison, 1 => network, 1 => address, 1 => presence]
}

fn search() -> impl Strategy<Value = Json> {
    let map = || {
        prop::collection::vec(item(), 1..4)
            .prop_map(|items| Json::Object(items.into_iter().collect()))
    };
    let keywords = prop::collection::vec(pattern(), 1..4).prop_map(Json::from);
    let all = prop::collection::vec(pattern(), 2..4).prop_map(|values| json!({ "|all": values }));
    prop_oneof![4 => map(), 1 => prop::collection::vec(map(), 1..3).prop_map(Json::from), 1 => keywords, 1 => all]
}

fn condition() -> impl Strategy<Value = String> {
    let name = select(vec![
        "s_1",
        "s_2",
        "_x",
        "1 of s_*",
        "all of s_*",
        "1 of them",
        "all of them",
        "any of *_*",
    ]);
    name.prop_map(str::to_owned)
        .prop_recursive(3, 8, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
                inner.clone().prop_map(|a| format!("not {a}")),
                inner.prop_map(|a| format!("({a})")),
            ]
        })
}

pub(super) fn rule() -> impl Strategy<Value = Json> {
    (search(), search(), search(), condition()).prop_map(|(first, second, third, condition)| {
        // `any of *_*` is written for the engine; the naive evaluator reads stars at the end only.
        let condition = condition.replace("any of *_*", "(s_1 or s_2 or _x)");
        json!({"s_1": first, "s_2": second, "_x": third, "condition": condition})
    })
}

pub(super) fn record() -> impl Strategy<Value = Json> {
    let texts = prop::collection::vec(
        (
            select(vec!["path", "query", "user_agent", "referer", "method"]),
            text(),
        ),
        0..5,
    );
    let roles = prop::collection::vec(text(), 0..3);
    (
        texts,
        roles,
        prop::option::of(0_u64..12),
        prop::option::of(select(ADDRESSES)),
        select(TIMES),
    )
        .prop_map(|(texts, roles, status, address, time)| {
            let mut record: Map<String, Json> = texts
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect();
            record.insert("time".into(), time.into());
            record.insert("roles".into(), roles.into());
            record.extend(status.map(|status| ("status".to_owned(), status.into())));
            record.extend(address.map(|address| ("client_address".to_owned(), address.into())));
            Json::Object(record)
        })
}

pub(super) fn file(index: usize, detection: &Json) -> String {
    json!({
        "title": "t",
        "id": format!("00000000-0000-4000-8000-{index:012}"),
        "level": "low",
        "logsource": {"category": "webserver"},
        "detection": detection,
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_naive_evaluator(
        rules in prop::collection::vec(rule(), 1..6),
        records in prop::collection::vec(record(), 1..6),
    ) {
        let words = Vocabulary::of(&[("words", &oracle::WORDS)]);
        let sources: Vec<(PathBuf, String)> = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (PathBuf::from(format!("{index}.yml")), file(index, rule)))
            .filter(|source| match RuleSet::from_sources_with(std::slice::from_ref(source), &words) {
                Ok(_) => true,
                // What the generator makes and the engine refuses on purpose.
                Err(errors) => {
                    assert!(errors.0.iter().all(|error| error.message.contains("matches everything") || error.message.contains("no field can hold")), "{errors}");
                    false
                }
            })
            .collect();
        let set = RuleSet::from_sources_with(&sources, &words).unwrap();
        let mut scratch = set.scratch();
        for record in &records {
            let text = record.to_string();
            let event: Event<'_> = serde_json::from_str(&text).unwrap();
            let expected: Vec<u32> = (0..).zip(&sources).filter(|(_, (_, rule))| oracle::matches(rule, record)).map(|(index, _)| index).collect();
            prop_assert_eq!(set.matches(&event, &mut scratch), expected, "{} {:?}", text, sources);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = super::load(&text);
    }

    #[test]
    fn no_broken_rule_makes_the_parser_panic(
        rule in rule(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..20,
        insert in "[\\[\\]{}:\"'\\\\&*!|>%@,#\n -]{0,4}",
    ) {
        let mut text = file(0, &rule).replace(',', ",\n");
        let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let begin = boundaries[at.index(boundaries.len())];
        let end = boundaries.iter().copied().find(|end| *end >= begin + length).unwrap_or(text.len());
        text.replace_range(begin..end, &insert);
        let _ = super::load(&text);
    }

    #[test]
    fn no_condition_makes_the_parser_panic(condition in "(s|not|and|or|\\(|\\)|1|of|\\*|them|all| ){0,40}") {
        let detection = json!({"s": {"path": "x"}, "condition": condition});
        let _ = super::load(&file(0, &detection));
    }
}
