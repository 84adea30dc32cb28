//! What a detection means, example by example.

use super::matches;
use crate::event::{Event, Fact};

/// A detection of one map under `selection`, and records with the answer for each.
fn check(items: &str, records: &[(&str, bool)]) {
    let detection = format!("  selection:\n{items}\n  condition: selection\n");
    for (fields, expected) in records {
        let record = format!("{{\"time\":0,{fields}}}").replace(",}", "}");
        assert_eq!(matches(&detection, &record), *expected, "{items} {record}");
    }
}

#[test]
fn plain_values_are_compared_whole_and_without_case() {
    check(
        "    path: '/Admin'",
        &[
            (r#""path":"/admin""#, true),
            (r#""path":"/ADMIN""#, true),
            (r#""path":"/admin/""#, false),
            (r#""method":"GET""#, false),
        ],
    );
    check("    path: '/ПУТЬ'", &[(r#""path":"/путь""#, true)]);
    check(
        "    path|cased: '/Admin'",
        &[(r#""path":"/admin""#, false), (r#""path":"/Admin""#, true)],
    );
}

#[test]
fn an_ascii_pattern_finds_what_folds_to_it() {
    // The Kelvin sign folds to k, and the witness `sqlmapkey` must not hide it.
    check(
        "    user_agent|contains: 'sqlmapkey'",
        &[("\"user_agent\":\"sqlmap\u{212A}ey\"", true)],
    );
}

#[test]
fn lists_are_any_and_maps_are_all() {
    let both = "    method: [POST, PUT]\n    status: [401, 403]";
    check(
        both,
        &[
            (r#""method":"PUT","status":403"#, true),
            (r#""method":"PUT","status":200"#, false),
            (r#""method":"GET","status":403"#, false),
        ],
    );
    let maps = "    - path|endswith: '.env'\n    - query|contains: 'secret'";
    check(
        maps,
        &[
            (r#""path":"/.ENV""#, true),
            (r#""query":"a=SECRET""#, true),
            (r#""path":"/env""#, false),
        ],
    );
    check(
        "    query|contains|all: ['union', 'select']",
        &[
            (r#""query":"union+select""#, true),
            (r#""query":"union""#, false),
        ],
    );
}

#[test]
fn wildcards_and_escapes_are_those_of_the_specification() {
    check(
        "    path: '/a?c*'",
        &[(r#""path":"/abc/d""#, true), (r#""path":"/ac""#, false)],
    );
    check(
        r"    path: '/a\*'",
        &[(r#""path":"/a*""#, true), (r#""path":"/ab""#, false)],
    );
    check(
        r"    path: '\\*x'",
        &[(r#""path":"\\..x""#, true), (r#""path":"*x""#, false)],
    );
    check(
        r"    path|startswith: '/a*b'",
        &[(r#""path":"/a-b-c""#, true), (r#""path":"x/a-b""#, false)],
    );
}

#[test]
fn absent_and_empty_fields_are_told_apart() {
    check(
        "    referer: null",
        &[(r#""path":"/""#, true), (r#""referer":"""#, false)],
    );
    check(
        "    referer: ''",
        &[(r#""path":"/""#, false), (r#""referer":"""#, true)],
    );
    check(
        "    referer|exists: true",
        &[(r#""path":"/""#, false), (r#""referer":"""#, true)],
    );
    check(
        "    referer|exists: false",
        &[(r#""path":"/""#, true), (r#""referer":"""#, false)],
    );
    check(
        "    referer|neq: 'a'",
        &[
            (r#""path":"/""#, false),
            (r#""referer":"A""#, false),
            (r#""referer":"b""#, true),
        ],
    );
}

#[test]
fn numbers_compare_as_numbers_and_by_their_digits() {
    check(
        "    status: 404",
        &[(r#""status":404"#, true), (r#""status":40"#, false)],
    );
    check("    status: '404'", &[(r#""status":404"#, true)]);
    check("    status: '0404'", &[(r#""status":404"#, false)]);
    check(
        "    status|startswith: 5",
        &[(r#""status":503"#, true), (r#""status":405"#, false)],
    );
    check(
        "    status|gte: 500",
        &[(r#""status":500"#, true), (r#""status":499"#, false)],
    );
    check(
        "    status|lt: 1.5",
        &[(r#""status":1"#, true), (r#""status":2"#, false)],
    );
    check("    status|gt: -1", &[(r#""status":0"#, true)]);
    check("    status|lt: 0", &[(r#""status":0"#, false)]);
    check(
        "    status|lte: 1e30",
        &[(r#""status":18446744073709551615"#, true)],
    );
    check(
        "    status|gt: 1e30",
        &[(r#""status":18446744073709551615"#, false)],
    );
}

#[test]
fn addresses_compare_by_network_and_by_their_text() {
    let nets = "    client_address|cidr: ['10.0.0.0/8', '2001:db8::/32']";
    check(
        nets,
        &[
            (r#""client_address":"10.1.2.3""#, true),
            (r#""client_address":"::ffff:10.1.2.3""#, true),
            (r#""client_address":"11.1.2.3""#, false),
            (r#""client_address":"2001:DB8::7""#, true),
        ],
    );
    check(
        "    client_address: '2001:db8:0::7'",
        &[(r#""client_address":"2001:db8::7""#, true)],
    );
    check(
        "    client_address: '10.1.*'",
        &[(r#""client_address":"10.1.2.3""#, true)],
    );
    check(
        "    forwarded_for|cidr: '10.0.0.0/8'",
        &[
            (r#""forwarded_for":"10.0.0.1""#, true),
            (r#""forwarded_for":"x""#, false),
        ],
    );
}

#[test]
fn expressions_mind_the_case_unless_told_otherwise() {
    check(
        r"    query|re: 'id=\d{3}'",
        &[
            (r#""query":"id=123""#, true),
            (r#""query":"ID=123""#, false),
        ],
    );
    check(
        r"    query|re|i: 'id=\d{3}'",
        &[(r#""query":"ID=123""#, true)],
    );
    check("    query|re|s: 'a.b'", &[(r#""query":"a\nb""#, true)]);
    check("    query|re: 'a.b'", &[(r#""query":"a\nb""#, false)]);
    check("    query|re|m: '^b$'", &[(r#""query":"a\nb""#, true)]);
}

#[test]
fn a_list_field_holds_when_any_element_does() {
    check(
        "    roles: admin",
        &[
            (r#""roles":["guest","Admin"]"#, true),
            (r#""roles":["administrator"]"#, false),
        ],
    );
    check(
        "    scopes|contains: 'write:residents'",
        &[(r#""scopes":["read","write:residents"]"#, true)],
    );
    check(
        "    roles|neq: admin",
        &[
            (r#""roles":["guest","admin"]"#, false),
            (r#""roles":["guest"]"#, true),
            (r#""path":"/""#, false),
        ],
    );
}

#[test]
fn keywords_are_searched_in_every_text_field() {
    let keywords = "    - '${jndi:'\n    - 'evil*thing'";
    check(
        keywords,
        &[
            (r#""user_agent":"x ${JNDI:ldap}""#, true),
            (r#""roles":["a evil big thing b"]"#, true),
            (r#""error":"jndi""#, false),
        ],
    );
    check(
        "    '|all': [alpha, beta]",
        &[
            (r#""path":"alpha","query":"beta""#, true),
            (r#""path":"alpha""#, false),
        ],
    );
}

#[test]
fn the_extension_comes_from_the_path() {
    check(
        "    c-uri-extension: [exe, zip]",
        &[
            (r#""path":"/a/b.EXE""#, true),
            (r#""path":"/a.exe/b""#, false),
        ],
    );
}

#[test]
fn sigma_names_lead_to_the_same_fields() {
    check(
        "    cs-uri-query|contains: passwd",
        &[(r#""query":"f=/etc/passwd""#, true)],
    );
    check(
        "    c-useragent|startswith: curl",
        &[(r#""user_agent":"curl/8""#, true)],
    );
}

#[test]
fn decoded_fields_fall_back_on_the_raw_ones() {
    check(
        "    path_decoded|contains: '/etc/passwd'",
        &[(r#""path":"/etc/passwd""#, true)],
    );
    let rules = super::load(&super::rule_text(
        "  s:\n    path_decoded|contains: '/etc/passwd'\n  k: ['../../']\n  condition: s and k\n",
    ))
    .unwrap();
    let event = Event {
        path: Some("/%2e%2e".into()),
        path_decoded: Some("/../../etc/passwd".into()),
        ..Event::default()
    };
    assert_eq!(rules.matches(&event, &mut rules.scratch()), [0]);
}

#[test]
fn facts_are_named() {
    let rules = super::load(&super::rule_text(
        "  s:\n    fact|startswith: 'tls.'\n  f:\n    fact: tls.none\n  condition: s and not f\n",
    ))
    .unwrap();
    let mut event = Event::default();
    let mut scratch = rules.scratch();
    assert!(rules.matches(&event, &mut scratch).is_empty());
    event.facts.insert(Fact::TlsOld);
    assert_eq!(rules.matches(&event, &mut scratch), [0]);
    event.facts.insert(Fact::TlsNone);
    assert!(rules.matches(&event, &mut scratch).is_empty());
}

#[test]
fn encoded_values_are_found_in_encoded_text() {
    check(
        "    query|base64offset|contains: union select",
        &[
            // "x union select" and "xy union select 1", as base64.
            (r#""query":"q=eCB1bmlvbiBzZWxlY3Q=""#, true),
            (r#""query":"q=eHkgdW5pb24gc2VsZWN0IDE=""#, true),
            (r#""query":"q=union select""#, false),
        ],
    );
    check(
        "    query|wide|base64offset|contains: IEX",
        &[(r#""query":"c=SQBFAFgA""#, true)],
    );
    check(
        "    query|base64: admin",
        &[
            (r#""query":"YWRtaW4=""#, true),
            (r#""query":"ywrtaw4=""#, true),
        ],
    );
    check(
        "    query|base64|cased: admin",
        &[(r#""query":"ywrtaw4=""#, false)],
    );
}

#[test]
fn dashes_of_options_are_one_another() {
    check(
        "    query|windash|contains: ' -enc '",
        &[
            (r#""query":"a -enc b""#, true),
            (r#""query":"a /enc b""#, true),
            (r#""query":"a —ENC b""#, true),
            (r#""query":"a enc b""#, false),
            (r#""query":"a +enc b""#, false),
        ],
    );
}

#[test]
fn parts_of_a_time_are_numbers() {
    let night = r#"{"time":"2026-03-01T23:59:59Z"}"#;
    let zone = r#"{"time":"2026-03-02T01:30:00+03:00"}"#;
    let day = r#"{"time":"2026-03-02T12:05:00Z"}"#;
    for (item, expected) in [
        ("time|hour|gte: 22", [true, true, false]),
        ("time|minute: [5, 59]", [true, false, true]),
        ("time|day|neq: 2", [true, true, false]),
        ("time|week: 9", [true, true, false]),
        ("time|month: 3", [true, true, true]),
        ("time|year: 2025", [false, false, false]),
        ("token_expires|year: 2026", [false, false, false]),
    ] {
        let detection = format!("  s:\n    {item}\n  condition: s\n");
        let found = [night, zone, day].map(|record| matches(&detection, record));
        assert_eq!(found, expected, "{item}");
    }
}

#[test]
fn a_value_may_be_that_of_another_field() {
    let same = r#""path":"/A","referer":"https://x/a","query":"/a","status":7,"request_bytes":7"#;
    let other = r#""path":"/b","referer":"https://x/a","query":"/a","status":7,"request_bytes":8"#;
    for (items, of_same, of_other) in [
        ("path|fieldref: query", true, false),
        ("path|fieldref|cased: query", false, false),
        ("path|fieldref|neq: query", false, true),
        ("referer|fieldref|endswith: path", true, false),
        ("referer|fieldref|contains: query", true, true),
        ("referer|fieldref|startswith: query", false, false),
        ("status|fieldref: request_bytes", true, false),
        ("path|fieldref: user_agent", false, false),
        ("path|fieldref|neq: user_agent", true, true),
    ] {
        check(
            &format!("    {items}"),
            &[(same, of_same), (other, of_other)],
        );
    }
}

#[test]
fn time_taken_is_in_milliseconds() {
    for (item, expected) in [
        ("time-taken|gte: 5", [false, true, true, true]),
        ("time-taken|gt: 5", [false, false, false, true]),
        ("time-taken|lte: 5", [true, true, true, false]),
        ("time-taken|lt: 5", [true, false, false, false]),
        ("time-taken: 5", [false, true, true, false]),
    ] {
        let durations = [4_999, 5_000, 5_999, 6_000];
        let records = durations.map(|duration| format!(r#""duration_us":{duration}"#));
        for (record, expected) in records.iter().zip(expected) {
            check(&format!("    {item}"), &[(record, expected)]);
        }
    }
}

#[test]
fn rules_about_error_logs_look_at_errors() {
    let rule = "title: t\nlogsource: {service: apache}\ndetection:\n  keywords: [Segmentation]\n  condition: keywords\n";
    let rules = super::load(rule).unwrap_or_else(|errors| panic!("{errors}"));
    let mut scratch = rules.scratch();
    for (record, expected) in [
        (
            r#"{"time":0,"error":"exit signal Segmentation fault"}"#,
            true,
        ),
        (r#"{"time":0,"path":"/Segmentation"}"#, false),
    ] {
        let event: Event<'_> = serde_json::from_str(record).unwrap();
        assert_eq!(!rules.matches(&event, &mut scratch).is_empty(), expected);
    }
}

#[test]
fn conditions_bind_as_the_specification_says() {
    let identifiers = "  a: {path: '/a'}\n  b_1: {query: b}\n  b_2: {host: b}\n  _c: {method: C}\n";
    let all = [
        ("a or b_1 and b_2", r#""path":"/a""#, true),
        ("(a or b_1) and b_2", r#""path":"/a""#, false),
        ("not a and b_1", r#""query":"b""#, true),
        ("not (a and b_1)", r#""query":"b""#, true),
        ("not not a", r#""path":"/a""#, true),
        ("1 of b_*", r#""host":"b""#, true),
        ("all of b_*", r#""host":"b""#, false),
        ("all of b_*", r#""host":"b","query":"b""#, true),
        ("1 of them", r#""method":"C""#, false),
        ("any of *", r#""method":"C""#, true),
        ("all of them", r#""path":"/a","host":"b","query":"b""#, true),
        ("1 of b_* and not a", r#""path":"/a","host":"b""#, false),
    ];
    for (condition, fields, expected) in all {
        let detection = format!("{identifiers}  condition: {condition}\n");
        let record = format!("{{\"time\":0,{fields}}}");
        assert_eq!(
            matches(&detection, &record),
            expected,
            "{condition} {record}"
        );
    }
    let listed = format!("{identifiers}  condition:\n    - a\n    - b_1\n");
    assert!(matches(&listed, r#"{"time":0,"query":"b"}"#));
}

#[test]
fn the_patterns_that_held_are_told() {
    let rules = super::load(&super::rule_text(
        "  s:\n    cs-uri-query|contains:\n      - 'union'\n      - 'sleep('\n    status: 200\n  f:\n    method: HEAD\n  condition: s and not f\n",
    ))
    .unwrap();
    let record = r#"{"time":0,"query":"x=sleep(5)","status":200,"method":"GET"}"#;
    let event: Event<'_> = serde_json::from_str(record).unwrap();
    let mut scratch = rules.scratch();
    rules.matches(&event, &mut scratch);
    let hits: Vec<String> = rules
        .explain(0, &event, &mut scratch)
        .into_iter()
        .map(|hit| format!("{} {}", hit.field, hit.pattern))
        .collect();
    assert_eq!(hits, ["status 200", "query contains: sleep("]);
    assert!(rules.explain(7, &event, &mut scratch).is_empty());
}

#[test]
fn hits_are_few_however_many_patterns_held() {
    let values: Vec<String> = ('a'..='t').map(|letter| format!("'{letter}'")).collect();
    let detection = format!(
        "  s:\n    query|contains|all: [{}]\n  condition: s\n",
        values.join(", ")
    );
    let rules = super::load(&super::rule_text(&detection)).unwrap();
    let event = Event {
        query: Some("abcdefghijklmnopqrst".into()),
        ..Event::default()
    };
    let mut scratch = rules.scratch();
    rules.matches(&event, &mut scratch);
    assert_eq!(rules.explain(0, &event, &mut scratch).len(), 8);
}
