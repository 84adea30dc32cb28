//! Real logs parse with the fields that another parser finds in them: CrowdSec's hub tests, and Elastic's Apache log.

mod data;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gatewatch::config;
use gatewatch::decode::Decoder;
use gatewatch::enrich::Enricher;
use gatewatch::event::{Event, Timestamp};

/// Parser tests whose log is in a format that is decoded.
const PARSERS: &[&str] = &[
    "actual-budget-whitelist",
    "calibre-web-whitelist",
    "envoy-logs",
    "jellyfin-whitelist",
    "nextcloud-whitelist",
];

/// Parser tests of formats that are not decoded yet, or of products that are no gateway.
const OTHER_PARSERS: &[(&str, &str)] = &[
    ("aws-alb-logs", "AWS ALB: next"),
    (
        "bunkerweb-logs",
        "BunkerWeb: its own columns before the time",
    ),
    ("caddy-coraza", "Caddy: next"),
    ("haproxy-logs", "HAProxy: next"),
    ("iis-xml-logs", "IIS: next"),
    (
        "nginx-proxy-manager-logs",
        "NGINX Proxy Manager: its own columns",
    ),
    ("nginx_http-catch-npm", "NGINX with a log_format of its own"),
    ("traefik_clf", "Traefik: next"),
    ("traefik_json", "Traefik: next"),
    ("zoraxy-http-logs", "Zoraxy: its own columns"),
];

/// Scenario tests whose log is no access or error log of NGINX, Apache or Envoy.
const OTHER_SCENARIOS: &[(&str, &str)] = &[
    ("apache-guacamole_bf", "Guacamole's application log"),
    (
        "bunkerweb-bad-user-agent",
        "BunkerWeb: its own columns before the time",
    ),
    (
        "bunkerweb-http-path-traversal",
        "BunkerWeb: its own columns before the time",
    ),
    ("caddy-crs-anomaly-score", "Caddy: next"),
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

/// `results["s01-parse"]["…"][3].Evt.Parsed["verb"] == "GET"` → (3, "verb", "GET").
fn expectation(line: &str) -> Option<(usize, String, String)> {
    let rest = line.strip_prefix("results[\"s01-parse\"][\"")?;
    let (_, rest) = rest.split_once("\"][")?;
    let (index, rest) = rest.split_once("].Evt.Parsed[\"")?;
    let (key, value) = rest.split_once("\"] == ")?;
    Some((
        index.parse().ok()?,
        key.to_owned(),
        serde_json::from_str(value).ok()?,
    ))
}

/// What we have for a key of theirs, in their spelling; `None` when the key is not a field of the request.
fn ours(event: &Event<'_>, key: &str) -> Option<String> {
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |number| number.to_string());
    Some(match key {
        "verb" => text(event.method.as_deref()),
        "request" => text(event.uri.as_deref()),
        "http_version" => text(event.http_version.as_deref()),
        "status" => number(event.status),
        "body_bytes_sent" | "bytes_sent" => number(event.response_bytes),
        "bytes_received" => number(event.request_bytes),
        "duration" => number(event.duration_us.map(|micros| micros / 1_000)),
        "upstream_service_time" => number(event.upstream_duration_us.map(|micros| micros / 1_000)),
        "remote_addr" => event
            .client_address
            .map_or_else(|| "-".to_owned(), |address| address.to_string()),
        "remote_user" => text(event.subject.as_deref()),
        "http_referer" => text(event.referer.as_deref()),
        "http_user_agent" => text(event.user_agent.as_deref()),
        "request_id" => text(event.request_id.as_deref()),
        "x_forwarded_for" => text(event.forwarded_for.as_deref()),
        "target_fqdn" => text(event.host.as_deref()),
        "response_flags" => text(event.error.as_deref()),
        "upstream_host" => format!("tcp://{}", text(event.upstream_address.as_deref())),
        "time_local" | "time" => event.time.to_string(),
        _ => return None,
    })
}

/// Their value in our spelling.
fn theirs(key: &str, value: &str) -> String {
    match key {
        "time_local" => {
            let time = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", value).unwrap();
            Timestamp::from_seconds(time.as_second()).to_string()
        }
        "time" => Timestamp::parse_rfc3339(value).unwrap().to_string(),
        _ if value.is_empty() => "-".to_owned(),
        _ => value.to_owned(),
    }
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
    let mut compared = 0;
    for name in PARSERS {
        let folder = root.join("parsers").join(name);
        let lines = lines(&log_of(&folder));
        let events: Vec<Event> = lines
            .iter()
            .map(|line| {
                decoder
                    .decode(line.as_bytes(), None)
                    .unwrap_or_else(|why| panic!("{name}: {line}: {why}"))
            })
            .collect();
        let asserts = fs::read_to_string(folder.join("parser.assert")).unwrap();
        for (index, key, value) in asserts.lines().filter_map(expectation) {
            if let Some(got) = ours(&events[index], &key) {
                assert_eq!(got, theirs(&key, &value), "{name} line {index}: {key}");
                compared += 1;
            }
        }
    }
    println!("figure crowdsec_fields_compared {compared} fields");
    assert!(compared > 500, "only {compared} fields were compared");
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
