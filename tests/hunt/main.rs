//! A hunt finds what the stream finds in the same stored events: every shipped rule and correlation, rules that are hard to say in SQL, and rules made by chance.

mod generated;
#[path = "../parts/mod.rs"]
mod parts;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gatewatch::config::{self, Config, Secret};
use gatewatch::contract::Contracts;
use gatewatch::event::Timestamp;
use gatewatch::pipeline::detection::Detection;
use gatewatch::pipeline::offline::Offline;
use gatewatch::sigma::RuleSet;
use gatewatch::source::RawBatch;
use gatewatch::store::{Condition, Store};
use parts::{ClickHouse, Held, Ports, SECRETS, binary};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_mins(5);
const DAY_US: i64 = 86_400_000_000;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Detections that lie between what the server can answer and what it cannot.
const HARD: &[&str] = &[
    "{s: {path|contains: ['/%2', 'ETC', '..']}, condition: s}",
    "{s: {path_decoded|contains: '../'}, condition: s}",
    "{s: {path_decoded|startswith: '/api'}, condition: not s}",
    "{s: {query_decoded|contains|all: ['=', '''']}, condition: s}",
    "{s: {query|contains: '?%'}, condition: s or not s}",
    "{s: {user_agent|cased|startswith: 'M'}, t: {user_agent|re: '(?i)curl|python'}, condition: s or t}",
    "{s: {user_agent: '*o?ht*/*.?*'}, condition: s}",
    "{s: {referer: null}, t: {client_id: ''}, condition: s and not t}",
    "{s: {status: '5*'}, t: {status|gt: 399}, condition: t and not s}",
    "{s: {client_address|cidr: ['10.0.0.0/8', '2001:db8::/32']}, condition: s or not s}",
    "{s: {client_address|startswith: '1'}, condition: s}",
    "{s: {roles: admin, scopes|contains: 'READ'}, condition: 1 of them}",
    "{s: {fields_received|contains: Passport}, condition: not s}",
    "{s: {subject|startswith: p_}, t: {subject|fieldref: resource_id}, condition: s and not t}",
    "{keywords: ['select', 'ПУТЬ'], condition: keywords}",
    "{s: {fact: [attack.sqli, caller.unknown]}, t: {fact|exists: true}, condition: t and not s}",
    "{s: {payload|contains: union}, t: {method: [PUT, DELETE]}, condition: s or (t and not s)}",
    "{s: {path|windash|contains: '-v'}, condition: s}",
    "{s: {response_bytes|gte: 100000, duration_us|lt: 50000000}, condition: s}",
    "{s: {operation|endswith: '}', token_expires|minute: 30}, condition: s}",
    "{s: {token_expires|exists: false}, condition: s}",
    "{s: {payload|exists: false}, condition: s}",
    "{s: {c-uri-extension: [json, php]}, t: {path|re: '^/v[0-9]+/[a-z]+$'}, condition: s or not t}",
    "{s: {client_address|cidr: '::/0'}, condition: not s}",
    "{s: {time|hour|gte: 20}, t: {roles: admin}, condition: s and not t}",
    "{s: {user_agent|re|i: 'CURL|sqlmap', cookie|exists: false}, condition: s}",
];

/// What was found, without what depends on how many events were looked at.
type Found = BTreeSet<(Uuid, String, Uuid, u64, Timestamp, Timestamp)>;
/// Which events matched: rule, time, request.
type Matched = BTreeSet<(Uuid, Timestamp, String)>;

struct Hunts {
    store: Store,
    detection: Detection,
    stretch: (Timestamp, Timestamp),
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Hunts {
    /// Records of a condition, in the order of time.
    fn batches(&self, condition: &Condition) -> Vec<RawBatch> {
        let mut batches = vec![RawBatch::new(0)];
        let mut offset = 0;
        let taken = |record: &str| {
            if batches[batches.len() - 1].is_full() {
                batches.push(RawBatch::new(0));
            }
            let last = batches.len() - 1;
            batches[last].push(offset, None, record.as_bytes());
            offset += 1;
        };
        let read = self
            .store
            .records_in_order(self.stretch, condition, |_| {}, taken);
        if let Err(error) = self.runtime.block_on(read) {
            panic!("{error}: {}", condition.sql(self.stretch, self.stretch));
        }
        batches
    }

    /// What is found in the events of a condition, and how many there are.
    fn found(&self, condition: &Condition) -> (u64, Found) {
        let mut offline = Offline::new(&self.detection);
        let mut found = Vec::new();
        for batch in &self.batches(condition) {
            found.extend(offline.batch(batch));
        }
        found.extend(offline.finish());
        let found = found.into_iter().map(|fired| {
            let it = fired.finding;
            let entity = it.entity.value.to_string();
            (it.rule, entity, it.id, it.count, it.first, it.last)
        });
        (offline.counts().0, found.collect())
    }

    /// Which events of a condition match which rules, and how many events there are.
    fn matched(&self, condition: &Condition) -> (u64, Matched) {
        let mut matched = Matched::new();
        let mut offline = Offline::new(&self.detection);
        for batch in &self.batches(condition) {
            let active = offline.active();
            let taken: Result<(), std::convert::Infallible> =
                offline.events(batch, |event, scratch, _| {
                    for (rule, _, _) in scratch.matches() {
                        let id = active.rules().rules()[rule as usize].meta.id;
                        let request = event.request_id.as_deref().unwrap_or_default();
                        matched.insert((id, event.time, request.to_owned()));
                    }
                    Ok(())
                });
            taken.unwrap();
        }
        (offline.counts().0, matched)
    }
}

/// Fills a store with hours of traffic with attacks, as the service stores it.
fn filled(clickhouse: &ClickHouse, folder: &Path, start: Timestamp) -> Config {
    let rules = folder.join("rules");
    std::fs::create_dir(&rules).unwrap();
    for (at, detection) in HARD.iter().enumerate() {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, detection.as_bytes());
        let text = format!(
            "title: Hard {at}\nid: {id}\nlogsource: {{category: api_gateway}}\nlevel: low\ndetection: {detection}\n"
        );
        std::fs::write(rules.join(format!("{at}.yml")), text).unwrap();
    }
    let history = folder.join("history.jsonl");
    let simulated = Command::new(binary())
        .args([
            "simulate",
            "--seed",
            "11",
            "--start",
            &start.to_string(),
            "--span",
            "1d",
            "--events",
            "12000",
        ])
        .arg("--output")
        .arg(&history)
        .status();
    assert!(simulated.unwrap().success());
    let listen = Ports::take(1).get(0);
    let file = folder.join("gatewatch.toml");
    let text = format!(
        "[store]\nurl = \"{}\"\n[rules]\nfolder = \"{ROOT}/rules\"\nown = [{rules:?}]\n[contracts]\nfolder = \"{ROOT}/contracts\"\n\
         [http]\nlisten = \"127.0.0.1:{listen}\"\n[store.retention]\nevents_days = 300\nalerts_days = 300\n",
        clickhouse.url()
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(binary());
    command.args(["run", "--config"]).arg(&file);
    command.arg("--file").arg(&history).envs(SECRETS);
    let mut service = Held::spawn("gatewatch", &folder.join("gatewatch.log"), &command);
    let ended = service.wait(LIMIT).expect("the file ends");
    assert!(ended.success(), "{}", service.said());
    let mut config = config::load(Some(&file)).unwrap();
    config.store.password = Secret::new(SECRETS[0].1);
    config.enrich.pseudonym_key = Secret::new(SECRETS[1].1);
    config.store.dead_letter_key = Secret::new(SECRETS[2].1);
    let contracts = Contracts::configured(&config.contracts).unwrap();
    for (name, values) in contracts.lists() {
        let values = config::Placeholder::Values(values);
        config.rules.placeholders.entry(name).or_insert(values);
    }
    let generated = contracts.rules().into_iter();
    config.rules.generated = generated
        .map(|rules| {
            (
                PathBuf::from(format!("contract of {}", rules.integration)),
                rules.text,
            )
        })
        .collect();
    config
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_micros(i64::try_from(now.unwrap().as_micros()).unwrap())
}

/// Hunts by the command; the audit says who looked for what.
fn on_record(clickhouse: &ClickHouse, folder: &Path, start: Timestamp) {
    let rule = Uuid::new_v5(&Uuid::NAMESPACE_OID, HARD[0].as_bytes()).to_string();
    let mut hunt = Command::new(binary());
    hunt.args(["hunt", &rule, "--since", &start.to_string(), "--config"]);
    hunt.arg(folder.join("gatewatch.toml")).envs(SECRETS);
    let output = hunt.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let audit = clickhouse.ask_in(
        "gatewatch",
        "SELECT concat(actor, ' ', action, ' ', object) FROM audit WHERE object_kind = 'search'",
    );
    assert_eq!(audit.unwrap(), format!("gatewatch hunted {rule}"));
}

#[test]
fn a_hunt_finds_what_the_stream_finds_in_the_same_events() {
    let clickhouse = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let start = now().floor_to(DAY_US).plus_micros(-2 * DAY_US);
    let config = filled(&clickhouse, folder.path(), start);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rules = Arc::new(RuleSet::load(&config.rules).unwrap());
    let hunts = Hunts {
        store: runtime.block_on(Store::connect(&config.store)).unwrap(),
        detection: Detection::new(&config, Arc::clone(&rules))
            .unwrap()
            .of_stored(),
        stretch: (start.plus_micros(-DAY_US), start.plus_micros(2 * DAY_US)),
        runtime: Arc::new(runtime),
    };
    let (events, found) = hunts.found(&Condition::all());
    let (_, matched) = hunts.matched(&Condition::all());
    assert!(events > 11_000, "{events} events");
    let (mut read, mut compared, mut with_matches) = (0, 0, 0);
    let mut unanswered = Vec::new();
    let mut differing = Vec::new();
    for (index, rule) in (0_u32..).zip(rules.rules()) {
        let condition = Condition::of(&rules, &[index], &[]);
        if condition == Condition::all() {
            unanswered.push(&rule.meta.title);
        }
        let (came, here) = hunts.matched(&condition);
        let of_rule = |matched: &Matched| -> Matched {
            let of_rule = matched.iter().filter(|(id, ..)| *id == rule.meta.id);
            of_rule.cloned().collect()
        };
        let expected = of_rule(&matched);
        if of_rule(&here) != expected {
            differing.push(&rule.meta.title);
        }
        with_matches += usize::from(!expected.is_empty());
        read += came;
        compared += 1;
    }
    for (index, correlation) in (0_u32..).zip(rules.correlations()) {
        if correlation.kind.is_absence() {
            continue;
        }
        let (came, here) = hunts.found(&Condition::of(&rules, &[], &[index]));
        let of_it = |found: &Found| -> Found {
            let of_it = found.iter().filter(|(id, ..)| *id == correlation.meta.id);
            of_it.cloned().collect()
        };
        if of_it(&here) != of_it(&found) {
            differing.push(&correlation.meta.title);
        }
        read += came;
        compared += 1;
    }
    println!(
        "{compared} rules and correlations compared, {with_matches} rules matched; of {events} events they read {} in the mean, all of them for {unanswered:?}",
        read / compared
    );
    println!("figure hunt_parity_differences {} rules", differing.len());
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(with_matches > 40, "{with_matches} rules matched anything");
    on_record(&clickhouse, folder.path(), start);
}
