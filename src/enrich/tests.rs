//! Events as a whole: what enrich adds, what redaction takes away, and properties that hold for any text.

use proptest::prelude::*;

use super::*;
use crate::event::{Fact, Field, Timestamp};

fn enricher() -> Enricher {
    Enricher::new(&Enrich::default()).unwrap()
}

fn redactor() -> Redactor {
    Redactor::new(b"0123456789abcdef0123456789abcdef", "k1")
}

fn event<'a>(path: &'a str, query: &'a str) -> Event<'a> {
    Event {
        time: Timestamp::from_seconds(1_772_359_200),
        method: Some("GET".into()),
        path: Some(path.into()),
        query: (!query.is_empty()).then(|| query.into()),
        ..Event::default()
    }
}

fn facts(path: &str, query: &str) -> Vec<&'static str> {
    let mut event = event(path, query);
    enricher().enrich(&mut event);
    event.facts.iter().map(Fact::name).collect()
}

#[test]
fn an_ordinary_event_gets_route_id_and_operation_and_no_facts() {
    let mut event = event("/residents/17/visits", "from=2026-03-01&limit=50");
    event.host = Some("API.example.com:443".into());
    enricher().enrich(&mut event);
    assert_eq!(event.route.as_deref(), Some("/residents/{id}/visits"));
    assert_eq!(event.resource_id.as_deref(), Some("17"));
    assert_eq!(
        event.operation.as_deref(),
        Some("GET /residents/{id}/visits")
    );
    assert_eq!(event.host.as_deref(), Some("api.example.com"));
    assert!(
        event.facts.is_empty() && event.path_decoded.is_none() && event.query_decoded.is_none()
    );
}

#[test]
fn one_address_has_one_name() {
    for (logged, name) in [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
    ] {
        let mut event = event("/", "");
        event.client_address = logged.parse().ok();
        enricher().enrich(&mut event);
        assert_eq!(event.client_address, name.parse().ok(), "{logged}");
    }
}

#[test]
fn an_empty_id_is_nobodys() {
    let mut event = event("/residents", "");
    event.subject = Some("".into());
    event.token_id = Some("".into());
    event.client_id = Some("".into());
    event.resource_id = Some("".into());
    event.device_id = Some("d-1".into());
    redactor().redact(&mut event);
    assert_eq!(event.subject, None);
    assert_eq!(event.token_id, None);
    assert_eq!(event.client_id, None);
    assert_eq!(event.resource_id, None);
    assert!(event.device_id.is_some_and(|id| id.starts_with("p_")));
}

#[test]
fn an_event_of_plain_values_has_no_payload_and_others_have_each_form_once() {
    let payload = |path: &str, query: &str| {
        let mut event = event(path, query);
        enricher().enrich(&mut event);
        event.payload.map(|text| text.as_str().to_owned())
    };
    for (path, query) in [
        ("/residents/17/visits", "from=2026-03-01T00:00:00Z&limit=50"),
        (
            "/events/550e8400-e29b-41d4-a716-446655440000",
            "name=%D0%98%D0%B2%D0%B0%D0%BD+I",
        ),
        ("/a.b/c_d~e", "x=1.5,2&y=a@b.c"),
    ] {
        assert_eq!(payload(path, query), None, "{path}?{query}");
    }
    assert_eq!(
        payload("/a", "q=1%27/**/or+%271%27+%3D+%271&plain=2").unwrap(),
        "q=1'/**/or '1' = '1\n1'or'1'='1\n1/**/or 1 = 1\n1'or '1' = '1"
    );
    assert_eq!(
        payload("/a", "x=PHNjcmlwdD5hKCk8L3NjcmlwdD4")
            .unwrap()
            .lines()
            .next(),
        Some("<script>a()</script>")
    );
}

#[test]
fn agent_and_referer_are_looked_at_when_they_are_odd() {
    let payload = |agent: &str, referer: &str| {
        let mut event = event("/a", "");
        event.user_agent = Some(agent.into());
        event.referer = Some(referer.into());
        enricher().enrich(&mut event);
        (
            event.payload.is_some(),
            event.facts.contains(Fact::AttackSqli),
        )
    };
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
    let robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    for agent in [
        browser,
        robot,
        "okhttp/4.12.0",
        "partner-sync/2.4.1 (linux; amd64)",
    ] {
        assert_eq!(
            payload(agent, "https://www.example.com/a/b"),
            (false, false),
            "{agent}"
        );
    }
    assert_eq!(payload("x' or 'a'='a", "-"), (true, true));
    assert_eq!(
        payload(browser, "https://h/?q=1%27+or+%271%27=%271"),
        (true, true)
    );
}

#[test]
fn long_payloads_are_cut_and_their_ends_are_kept() {
    let mut long = event("/a", "");
    long.query = Some(format!("q={}<script>", "(x)".repeat(40_000)).into());
    enricher().enrich(&mut long);
    let payload = long.payload.as_deref().unwrap();
    assert!(payload.len() <= 16 * 1024 && payload.contains("<script>"));
    assert!(long.has(Fact::PayloadCut));
    redactor().redact(&mut long);
    assert!(
        long.payload.is_none(),
        "it may hold what redaction takes out"
    );
}

#[test]
fn what_the_log_says_itself_stays() {
    let mut event = event("/residents/17", "");
    event.route = Some("/residents/:who".into());
    event.operation = Some("readResident".into());
    event.resource_id = Some("r-9".into());
    enricher().enrich(&mut event);
    assert_eq!(event.route.as_deref(), Some("/residents/:who"));
    assert_eq!(event.operation.as_deref(), Some("readResident"));
    assert_eq!(event.resource_id.as_deref(), Some("r-9"));
}

#[test]
fn a_target_alone_gives_path_and_query() {
    let mut event = Event {
        uri: Some("https://h.example:8443/a/b?c=d".into()),
        ..Event::default()
    };
    enricher().enrich(&mut event);
    assert_eq!(
        (event.path.as_deref(), event.query.as_deref()),
        (Some("/a/b"), Some("c=d"))
    );
    assert_eq!(
        (event.scheme.as_deref(), event.host.as_deref()),
        (Some("https"), Some("h.example"))
    );
}

#[test]
fn paths_and_queries_are_decoded_and_told_of() {
    let mut encoded = event(
        "/a//.%2e/%252e%252e\\etc",
        "q=%27%20or%20%271%27=%271&x=a+b",
    );
    enricher().enrich(&mut encoded);
    assert_eq!(encoded.path_decoded.as_deref(), Some("/a/../../etc"));
    assert_eq!(
        encoded.query_decoded.as_deref(),
        Some("q=' or '1'='1&x=a b")
    );
    let names: Vec<_> = encoded.facts.iter().map(Fact::name).collect();
    assert_eq!(
        names,
        ["attack.sqli", "encoding.repeated", "path.traversal"]
    );
    assert_eq!(facts("/a/%zz", ""), ["encoding.broken"]);
    assert_eq!(facts("/a/..;/b", ""), ["path.traversal"]);
    assert_eq!(
        facts("/a", "q=%3Cscript%3Ealert(1)%3C/script%3E"),
        ["attack.xss"]
    );
    assert_eq!(
        facts("/items/1%27%20or%20%271%27%3D%271", ""),
        ["attack.sqli"]
    );
}

#[test]
fn personal_shapes_are_told_even_encoded() {
    for (path, query, fact) in [
        ("/a", "mail=ivan%40example.com", "personal.email"),
        ("/a", "phone=%2B7+916+123-45-67", "personal.phone"),
        ("/a", "phone=+79161234567", "personal.phone"),
        ("/plates/%D0%90123%D0%92%D0%A177", "", "personal.plate"),
        ("/a", "card=4111-1111-1111-1111", "personal.card"),
        ("/a", "passport=4509%20123456", "personal.passport"),
    ] {
        assert_eq!(facts(path, query), [fact], "{path}?{query}");
    }
    assert!(facts("/x/550e8400-e29b-41d4-a716-446655440000", "t=1772359200250").is_empty());
}

#[test]
fn hosts_lose_ports_but_not_parts_of_addresses() {
    for (host, want) in [
        ("h:80", "h"),
        ("[::1]:443", "[::1]"),
        ("[::1]", "[::1]"),
        ("::1", "::1"),
        ("A.b", "a.b"),
    ] {
        let mut event = Event {
            host: Some(host.into()),
            ..Event::default()
        };
        enricher().enrich(&mut event);
        assert_eq!(event.host.as_deref(), Some(want), "{host}");
    }
}

#[test]
fn redaction_leaves_nothing_personal() {
    let mut event = event(
        "/residents/17/cars/42",
        "mail=ivan%40example.com&access_token=abc&plate=%D0%90123%D0%92%D0%A177",
    );
    event.uri = Some("https://u:pw@h/residents/17/cars/42?phone=+79161234567#code=x".into());
    event.subject = Some("ivanov".into());
    event.token_id = Some("jti-1".into());
    event.device_id = Some("cam-1".into());
    event.cookie = Some("sid=1".into());
    event.referer = Some("https://h/residents/17?password=x".into());
    event.error = Some("no user ivan@example.com, card 4111 1111 1111 1111".into());
    event.user_agent = Some("app/1.0 (+79161234567) eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".into());
    event.client_address = "10.0.0.1".parse().ok();
    enricher().enrich(&mut event);
    let redactor = redactor();
    redactor.redact(&mut event);
    let alias = redactor.pseudonym(Field::ResourceId, "42");
    let path = format!("/residents/{{id}}/cars/{alias}");
    assert_eq!(event.path.as_deref(), Some(path.as_str()));
    assert_eq!(
        event.query.as_deref(),
        Some("mail={email}&access_token={secret}&plate={plate}")
    );
    assert_eq!(
        event.query_decoded.as_deref(),
        Some("mail={email}&access_token={secret}&plate={plate}")
    );
    let uri = format!("https://{{secret}}@h{path}?phone={{phone}}#code={{secret}}");
    assert_eq!(event.uri.as_deref(), Some(uri.as_str()));
    assert_eq!(
        event.referer.as_deref(),
        Some("https://h/residents/{id}?password={secret}")
    );
    assert_eq!(event.error.as_deref(), Some("no user {email}, card {card}"));
    assert_eq!(
        event.user_agent.as_deref(),
        Some("app/1.0 ({phone}) {secret}")
    );
    assert_eq!(
        event.subject.as_deref(),
        Some(redactor.pseudonym(Field::Subject, "ivanov").as_str())
    );
    assert_eq!(event.resource_id.as_deref(), Some(alias.as_str()));
    assert!(event.cookie.is_none() && event.client_address.is_some());
}

#[test]
fn an_encoded_id_gets_its_pseudonym_and_never_stays() {
    let redactor = redactor();
    let plate = "/v1/plates/%D0%90123%D0%92%D0%A1377/visits";
    let mut found = event(plate, "");
    enricher().enrich(&mut found);
    assert_eq!(found.resource_id.as_deref(), Some("А123ВС377"));
    assert_eq!(found.route.as_deref(), Some("/v1/plates/{id}/visits"));
    redactor.redact(&mut found);
    let alias = redactor.pseudonym(Field::ResourceId, "А123ВС377");
    assert_eq!(found.resource_id.as_deref(), Some(alias.as_str()));
    let path = format!("/v1/plates/{alias}/visits");
    assert_eq!(found.path.as_deref(), Some(path.as_str()));
    // What only the log or a contract knows to be an id, and an id that is not the last.
    let mut named = event(
        "/v1/%D0%90123%D0%92%D0%A1377/by/%D0%98%D0%B2%D0%B0%D0%BD",
        "",
    );
    named.resource_id = Some("Иван".into());
    redactor.redact(&mut named);
    let alias = redactor.pseudonym(Field::ResourceId, "Иван");
    let path = format!("/v1/{{id}}/by/{alias}");
    assert_eq!(named.path.as_deref(), Some(path.as_str()));
}

#[test]
fn ids_leave_parameters_routes_and_operations_too() {
    let mut named = event(
        "/passes",
        "resident_id=17&passIds=4,5&filter[flat-id]=9&user=ivanov&client_id=desk-1&request_id=r-1&paid=yes&page=3",
    );
    named.route = Some("/residents/17/passes".into());
    named.operation = Some("GET /residents/17/passes".into());
    redactor().redact(&mut named);
    assert_eq!(
        named.query.as_deref(),
        Some(
            "resident_id={id}&passIds={id},{id}&filter[flat-id]={id}&user={id}&client_id=desk-1&request_id=r-1&paid=yes&page=3"
        )
    );
    assert_eq!(named.route.as_deref(), Some("/residents/{id}/passes"));
    assert_eq!(
        named.operation.as_deref(),
        Some("GET /residents/{id}/passes")
    );
}

#[test]
fn redaction_of_an_ordinary_event_changes_nothing() {
    let mut ordinary = event("/api/v2/status", "lang=ru&page=3");
    ordinary.user_agent =
        Some("Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0.0.0 Safari/537.36".into());
    redactor().redact(&mut ordinary);
    for text in [&ordinary.path, &ordinary.query, &ordinary.user_agent] {
        assert!(text.as_ref().unwrap().borrowed().is_some());
    }
}

#[test]
fn a_sample_shows_structure_and_no_values() {
    let sample = redactor().sample(b"{\"subject\":\"Ivanov 7\",\"odd\":12\xFF}");
    assert_eq!(sample, "{\"subject\":\"xxxxxx 0\",\"xxx\":00\u{FFFD}}");
}

#[test]
fn a_missing_country_database_is_told_with_its_setting() {
    let config = Enrich {
        country_database: Some("absent.mmdb".into()),
        ..Enrich::default()
    };
    let error = Enricher::new(&config).unwrap_err().to_string();
    assert!(
        error.contains("enrich.country_database absent.mmdb"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_enrich_or_redact(
        path in "[/a-zA-Z0-9%.@\\\\;'\"<>А-Яа-я-]{0,60}",
        query in "(\\PC|[%&=+'\"0-9@]|%[0-9a-fA-F]{2}|%u[0-9a-f]{4}){0,60}",
        other in "\\PC{0,60}",
    ) {
        let mut event = event(&path, &query);
        event.uri = Some(query.as_str().into());
        event.user_agent = Some(other.as_str().into());
        event.referer = Some(query.as_str().into());
        event.host = Some(other.as_str().into());
        event.resource_id = Some(other.as_str().into());
        event.tls_cipher = Some(other.as_str().into());
        enricher().enrich(&mut event);
        prop_assert!(event.payload.as_deref().is_none_or(|payload| payload.len() <= 16 * 1024));
        redactor().redact(&mut event);
        let _ = redactor().text(&other);
    }

    #[test]
    fn no_mix_of_disguises_panics_or_outgrows_its_bound(
        parts in prop::collection::vec(prop::sample::select(vec![
            "&#", "&#x", "&lt", "&amp;", "\\x", "\\u{", "\\1", "0x2", "/*", "*/", "/*!", "--", "#", "\n", "%00", "%c0", "$IFS", "${ifs",
            "{", ",", "}", "'", "\"", "'+'", "||", "..;", "//", "\\", "<", " ", "Ж", "。", "%qf", "PHNjcmlwdD4", "=", "&", ";", "\u{A0}",
        ]), 0..200),
    ) {
        let text = parts.concat();
        let mut event = event("/a", &text);
        event.path = Some(text.as_str().into());
        event.user_agent = Some(text.as_str().into());
        event.referer = Some(text.as_str().into());
        enricher().enrich(&mut event);
        prop_assert!(event.payload.as_deref().is_none_or(|payload| payload.len() <= 16 * 1024));
    }

    #[test]
    fn no_encoding_hides_an_address(local in "[a-z]{1,8}", encode in prop::collection::vec(0_u8..3, 12)) {
        let address = format!("{local}@ex.com");
        let hidden: String = address.bytes().zip(encode.iter().cycle()).map(|(byte, how)| match how {
            0 => char::from(byte).to_string(),
            1 => format!("%{byte:02x}"),
            _ => format!("%25{byte:02X}"),
        }).collect();
        let query = format!("a=1&m={hidden}&b=2");
        let mut event = event("/a", &query);
        redactor().redact(&mut event);
        prop_assert_eq!(event.query.as_deref(), Some("a=1&m={email}&b=2"));
    }
}
