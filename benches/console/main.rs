//! The console in numbers: how long its pages take, how many barriers a browser finds, whether every address is asked for by every role, what a hunt takes.
//!
//! `cargo bench --bench console` on the real parts. `ALERTS` (1,000,000) is how many alerts the list is taken from, `HUNT_ROWS` (100,000,000; half a million at least) how many events hunts look at; 0 leaves it out.
//! Lines are `figure NAME VALUE UNIT`.

#[path = "../../tests/parts/mod.rs"]
mod parts;

#[path = "../../tests/console/browser.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod browser;
#[path = "../../tests/console/pages.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod pages;
#[path = "../../tests/console/people.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod people;
#[path = "../../tests/console/place.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod place;
#[path = "../../tests/console/visitor.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod visitor;
#[path = "../../tests/console/words.rs"]
#[allow(dead_code, reason = "tests take more of it")]
mod words;

use std::time::Instant;

use browser::Browser;
use gatewatch::access::Role;
use gatewatch::console::routes::{Needs, table};
use place::Place;
use visitor::Visitor;

/// Times that a page is asked for.
const TIMES: usize = 60;
/// Events that are stored at once.
const PIECE: usize = 5_000_000;
/// An id of nothing.
const NOTHING: &str = "00000000-0000-0000-0000-000000000000";

fn number(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |text| text.parse().expect(name))
}

fn main() {
    let place = Place::start("");
    place.alerts();
    let visitor = Visitor::of(place.port(), Role::Responder);
    println!("figure overview_ms_p95 {:.1} ms", p95(&visitor, "/"));
    routes(&place);
    barriers(&Place::start(""));
    alert_list(&place, &visitor);
    hunt(&place);
}

/// Addresses that need a permission and that no role was let in to or kept out of as it should be.
fn routes(place: &Place) {
    let needing: Vec<_> = table()
        .into_iter()
        .filter_map(|(method, path, needs)| match needs {
            Needs::May(permission) if path != "/live" => Some((method, path, permission)),
            _ => None,
        })
        .collect();
    let mut right = vec![0; needing.len()];
    for role in Role::ALL {
        let mut visitor = Visitor::again(place.port(), role);
        visitor.read_signature("/account");
        for ((method, path, permission), right) in needing.iter().zip(&mut right) {
            let path = path.replace("{kind}/{value}", "address/198.51.100.1");
            let path = path.replace("{id}", NOTHING).replace("{name}", "barriers");
            let reply = match *method {
                "GET" => visitor.get(&path),
                _ => visitor.post(&path, &[]),
            };
            let is_let_in = !matches!(reply.status, 401 | 403);
            *right += usize::from(is_let_in == role.may(*permission));
        }
    }
    let without = right.iter().filter(|right| **right < Role::ALL.len());
    println!("figure routes_without_role_test {} routes", without.count());
}

/// Serious and critical findings of axe on every page, in both languages, wide, narrow and dark: of whoever looks persons up and of an administrator, who is shown all others.
fn barriers(place: &Place) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut browser = Browser::start(place.folder.path()).await;
        people::officer(&mut browser, place).await;
        people::administrator(&mut browser, place).await;
        pages::every_page(&mut browser, place).await;
        println!("figure a11y_serious {} findings", browser.barriers.len());
        browser.client.close().await.expect("it closes");
    });
}

/// The 95th percentile of the time that a page takes, in milliseconds.
fn p95(visitor: &Visitor, path: &str) -> f64 {
    let mut times: Vec<f64> = (0..TIMES)
        .map(|_| {
            let begin = Instant::now();
            let reply = visitor.get(path);
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            begin.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[TIMES * 95 / 100]
}

/// The list out of a million alerts, each like one that was raised, of which every tenth was closed and every second has a probability; five of them are about one address within seconds, so they are one incident.
fn alert_list(place: &Place, visitor: &Visitor) {
    let alerts = number("ALERTS", 1_000_000);
    if alerts == 0 {
        return;
    }
    place.ask(&format!(
        "INSERT INTO alerts (id, revision, rule, rules, title, family, level, shadow, tags, entity_kind, entity, first, last, count, findings, reason, json, callers, probability) \
         SELECT generateUUIDv4(number), revision, rule, rules, title, family, number % 5, 0, tags, entity_kind, concat('198.18.', toString(intDiv(number, 5) % 65536)) AS who, \
         first - number, last - number, count, findings, reason, json, [concat('address:', who)], if(number % 2 = 0, 1 / (1 + number), NULL) FROM numbers({alerts}) AS n CROSS JOIN \
         (SELECT * FROM alerts FINAL WHERE entity = '198.51.100.1' LIMIT 1) AS alert"
    ));
    place.ask(
        "INSERT INTO alert_actions (alert_id, time, actor, action, comment, count, level, rules) \
         SELECT id, now64(6), 'bench', 'close', 'as a tenth', count, level, length(rules) FROM alerts WHERE startsWith(entity, '198.18.') AND cityHash64(id) % 10 = 0",
    );
    let stored = place.ask("SELECT count() FROM alerts_latest");
    println!("{stored} alerts are stored");
    let begin = Instant::now();
    let linked = linked(place, alerts);
    println!(
        "{linked} of them are linked in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    let incident = place.ask("SELECT toString(incident) FROM alert_links LIMIT 1");
    let incident = format!("/incidents/{incident}");
    for (name, path) in [
        ("alert_list_1m_ms_p95", "/alerts"),
        (
            "alert_list_1m_worst_ms_p95",
            "/alerts?order=level&level=high",
        ),
        ("alert_list_1m_rarest_ms_p95", "/alerts?order=rarest"),
        ("alert_list_1m_text_ms_p95", "/alerts?text=198.18.77"),
        ("overview_1m_ms_p95", "/"),
        ("incident_list_1m_ms_p95", "/incidents"),
        ("incident_1m_ms_p95", &incident),
    ] {
        println!("figure {name} {:.1} ms", p95(visitor, path));
    }
}

/// Waits until the service has linked four fifths of the alerts, or no more than before within half a minute; how many are.
fn linked(place: &Place, alerts: u64) -> u64 {
    let (mut known, mut since) = (0, Instant::now());
    while known < alerts / 5 * 4 && since.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_secs(2));
        let count = place.ask("SELECT uniqExact(alert) FROM alert_links");
        let count = count.parse().expect("a count");
        if count > known {
            (known, since) = (count, Instant::now());
        }
    }
    known
}

/// Hunts over many events, most of which are plain: for a rare text, for a regular expression, for callers that are refused often.
fn hunt(place: &Place) {
    let rows = number("HUNT_ROWS", 100_000_000);
    if rows == 0 {
        return;
    }
    let begin = Instant::now();
    // Piece by piece: an answer is waited for a minute only. One of a thousand is refused, and one address of 60,000 much more often.
    for begin_of in (0..rows).step_by(PIECE) {
        let count = (rows - begin_of).min(PIECE as u64);
        place.ask(&format!(
            "INSERT INTO events (time, gateway, request_id, integration, operation, method, path, query, status, response_bytes, duration_us, client_address, client_id, user_agent, topic, partition, offset) \
             SELECT now64(6) - number / 100, concat('edge-', toString(number % 3)), toString(number), 'barriers', 'GET /v1/plates/{{plate}}', 'GET', \
             concat('/v1/plates/', toString(cityHash64(number) % 100000)), if(number % 7 = 0, concat('page=', toString(number % 90)), ''), \
             if(number % 1000 = 0 OR number % 60007 = 1, 403, 200), 200 + cityHash64(number, 1) % 9000, 900 + cityHash64(number, 2) % 90000, \
             if(number % 60007 = 1, toIPv6('203.0.113.9'), toIPv6(concat('10.', toString(cityHash64(number, 3) % 200), '.', toString(cityHash64(number, 4) % 256), '.1'))), \
             concat('client-', toString(number % 50)), concat('barrier/2.', toString(number % 11)), 'bench', 0, number FROM numbers({begin_of}, {count})"
        ));
    }
    println!(
        "{rows} events are stored in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    let rule = |detection: &str, rest: &str| {
        format!(
            "title: Hunted\nname: hunted\nlogsource: {{category: api_gateway}}\ndetection: {detection}\nlevel: high\n{rest}"
        )
    };
    let often = "---\ntitle: Often\ncorrelation: {type: event_count, rules: hunted, group-by: [client_address], timespan: 1h, condition: {gte: 5}}\nlevel: high\n";
    for (name, text, found) in [
        (
            "hunt_100m_seconds",
            rule("{s: {path|contains: '/etc/passwd'}, condition: s}", ""),
            "198.51.100.",
        ),
        (
            "hunt_regex_100m_seconds",
            rule(
                r"{s: {path|re: '(?i)(\.\./)+etc/[a-z]+$'}, condition: s}",
                "",
            ),
            "198.51.100.",
        ),
        (
            "hunt_correlation_100m_seconds",
            rule("{s: {status: 403}, condition: s}", often),
            "203.0.113.9",
        ),
    ] {
        let seconds = hunted(place, name, &text, found);
        println!("figure {name} {seconds:.2} s");
    }
}

/// How long a hunt for a rule takes that has to find something of `found`, in seconds.
fn hunted(place: &Place, name: &str, text: &str, found: &str) -> f64 {
    let rule = place.path(&format!("{name}.yml"));
    std::fs::write(&rule, text).expect("the folder is writable");
    let rule = rule.to_str().expect("plain");
    let begin = Instant::now();
    let hunt = place
        .command(&["hunt", rule, "--since", "2020-01-01T00:00:00Z"])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&hunt.stdout);
    assert!(
        said.contains(found),
        "{said} {}",
        String::from_utf8_lossy(&hunt.stderr)
    );
    begin.elapsed().as_secs_f64()
}
