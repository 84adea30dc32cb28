//! Real logs parse with the fields that another parser finds in them: CrowdSec's hub tests, and Elastic's Apache log.

mod data;
#[path = "formats/spelling.rs"]
mod spelling;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::Event;

/// Parser tests whose log is in a format that is decoded.
const PARSERS: &[&str] = &[
    "actual-budget-whitelist",
    "aws-alb-logs",
    "caddy-coraza",
    "calibre-web-whitelist",
    "envoy-logs",
    "haproxy-logs",
    "iis-xml-logs",
    "jellyfin-whitelist",
    "nextcloud-whitelist",
    "traefik_clf",
    "traefik_json",
];

/// Parser tests of formats that are not decoded, with the reason.
const OTHER_PARSERS: &[(&str, &str)] = &[
    (
        "bunkerweb-logs",
        "BunkerWeb: its request id stands where a user name does",
    ),
    (
        "nginx-proxy-manager-logs",
        "NGINX Proxy Manager: its own columns",
    ),
    ("nginx_http-catch-npm", "NGINX with a log_format of its own"),
    ("zoraxy-http-logs", "Zoraxy: its own columns"),
];

/// Scenario tests whose log is in no format that is decoded.
const OTHER_SCENARIOS: &[(&str, &str)] = &[
    ("apache-guacamole_bf", "Guacamole's application log"),
    (
        "bunkerweb-bad-user-agent",
        "BunkerWeb: its request id stands where a user name does",
    ),
    (
        "bunkerweb-http-path-traversal",
        "BunkerWeb: its request id stands where a user name does",
    ),
    ("litespeed-admin-bf", "LiteSpeed's admin log"),
    ("zoraxy-http-bad-user-agent", "Zoraxy: its own columns"),
];

fn decoder() -> Decoder {
    Decoder::new(&config::Decode::default()).unwrap()
}

fn lines(file: &Path) -> Vec<String> {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

fn folders(root: &Path) -> BTreeSet<String> {
    fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn log_of(folder: &Path) -> std::path::PathBuf {
    let mut logs = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.next().expect("a test folder has a log")
}

/// What an assertion says of a line.
struct Expectation {
    line: usize,
    key: String,
    value: String,
}

/// `results["s01-parse"]["…"][3].Evt.Parsed["verb"] == "GET"`; also of `Meta`, and of `Unmarshaled`, whose keys lie one deeper.
fn expectation(line: &str) -> Option<Expectation> {
    let (index, rest) = of_line(line)?;
    let (_, rest) = rest.strip_prefix("Evt.")?.split_once("[\"")?;
    let (path, value) = rest.split_once("\"] == ")?;
    let key = match path.split_once("\"][\"") {
        Some((_, key)) if !key.contains('"') => key,
        Some(_) => return None,
        None => path,
    };
    let value = match serde_json::from_str(value).ok()? {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Some(Expectation {
        line: index,
        key: key.to_owned(),
        value,
    })
}

/// `results["s01-parse"]["…"][3].` and what follows.
fn of_line(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix("results[\"s01-parse\"][\"")?;
    let (_, rest) = rest.split_once("\"][")?;
    let (index, rest) = rest.split_once("].")?;
    Some((index.parse().ok()?, rest))
}

/// The lines that they cannot read either.
fn unread(asserts: &str) -> BTreeSet<usize> {
    let lines = asserts.lines().filter_map(of_line);
    lines
        .filter(|(_, rest)| *rest == "Success == false")
        .map(|(index, _)| index)
        .collect()
}

#[test]
fn every_folder_is_covered_or_named_with_a_reason() {
    let Some(root) = data::folder("crowdsec-logs") else {
        return;
    };
    let named: BTreeSet<String> = PARSERS
        .iter()
        .copied()
        .chain(OTHER_PARSERS.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, folders(&root.join("parsers")));
    let scenarios = folders(&root.join("scenarios"));
    for (name, why) in OTHER_SCENARIOS {
        assert!(scenarios.contains(*name), "{name}: {why}");
    }
}

#[test]
fn fields_are_those_that_crowdsec_expects() {
    let Some(root) = data::folder("crowdsec-logs") else {
        return;
    };
    let decoder = decoder();
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in PARSERS {
        let folder = root.join("parsers").join(name);
        let lines = lines(&log_of(&folder));
        let asserts = fs::read_to_string(folder.join("parser.assert")).unwrap();
        let unread = unread(&asserts);
        let events: Vec<Event> = lines
            .iter()
            .enumerate()
            .map(
                |(index, line)| match decoder.decode(line.as_bytes(), None) {
                    Ok(event) => event,
                    Err(_) if unread.contains(&index) => Event::default(),
                    Err(why) => panic!("{name}: {line}: {why}"),
                },
            )
            .collect();
        for expected in asserts.lines().filter_map(expectation) {
            let spelled = spelling::Expected {
                parser: name,
                key: &expected.key,
                value: &expected.value,
            };
            let Some((ours, theirs)) = spelled.compare(&events[expected.line]) else {
                continue;
            };
            if ours != theirs {
                let Expectation { line, key, .. } = &expected;
                wrong.push(format!(
                    "{name} line {line}: {key}: {ours:?}, not {theirs:?}"
                ));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("figure crowdsec_fields_compared {compared} fields");
    assert!(compared > 2_000, "only {compared} fields were compared");
}

#[test]
fn every_scenario_line_is_an_event_and_shows_the_sources() {
    let Some(root) = data::folder("crowdsec-logs") else {
        return;
    };
    let decoder = decoder();
    let (mut scenarios, mut count) = (0, 0);
    for row in lines(&root.join("scenarios.jsonl")) {
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        let name = row["test"].as_str().unwrap();
        if OTHER_SCENARIOS.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let log = root
            .join("scenarios")
            .join(name)
            .join(row["log_file"].as_str().unwrap());
        let mut addresses = BTreeSet::new();
        for line in lines(&log) {
            let event = decoder
                .decode(line.as_bytes(), None)
                .unwrap_or_else(|why| panic!("{name}: {line}: {why}"));
            addresses.extend(event.client_address.map(|address| address.to_string()));
            count += 1;
        }
        for source in row["overflows"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|overflow| overflow["sources"].as_array())
        {
            for address in source {
                let address = address.as_str().unwrap();
                assert!(addresses.contains(address), "{name}: no line of {address}");
            }
        }
        scenarios += 1;
    }
    println!("figure crowdsec_scenarios_decoded {scenarios} logs");
    println!("figure crowdsec_lines_decoded {count} lines");
    assert_eq!(scenarios, 37 - OTHER_SCENARIOS.len());
}

#[test]
fn all_lines_of_a_real_apache_log_are_events() {
    let Some(root) = data::folder("access-logs-elastic") else {
        return;
    };
    let packed = fs::read(root.join("apache_logs.zst")).unwrap();
    let log = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    let (decoder, enricher) = (
        decoder(),
        Enricher::new(&config::Enrich::default()).unwrap(),
    );
    let mut routes = BTreeSet::new();
    let mut clients = BTreeSet::new();
    let mut count = 0;
    for line in log.lines() {
        let mut event = decoder
            .decode(line.as_bytes(), None)
            .unwrap_or_else(|why| panic!("{line}: {why}"));
        enricher.enrich(&mut event);
        assert!(
            event.method.is_some() && event.path.is_some() && event.status.is_some(),
            "{line}"
        );
        assert!(
            event.user_agent.is_some() || line.ends_with("\"-\"") || line.ends_with("\"\""),
            "{line}"
        );
        clients.insert(event.client_address.unwrap());
        routes.insert(event.route.unwrap().to_string());
        count += 1;
    }
    println!("figure elastic_lines_decoded {count} lines");
    assert_eq!((count, clients.len()), (10_000, 1_753));
    assert!(routes.len() < 1_800, "{} routes", routes.len());
}
