//! Ten thousand lines of a real site through the whole way: `docs/false-alarms.md` explains each alert, and at most five are
//! false.

#[path = "data/mod.rs"]
mod data;
#[path = "replayed/mod.rs"]
mod replayed;

use std::collections::BTreeMap;
use std::path::Path;

use replayed::Catalogue;

const PAGE: &str = "docs/false-alarms.md";
const MOST_FALSE: usize = 5;

/// What the page says of the alerts of one rule on one entity.
#[derive(Debug, PartialEq, Eq)]
struct Explained {
    events: u64,
    is_true: bool,
    reason: String,
}

/// The rows of the page's table: rule, entity, events, verdict, reason.
fn explained() -> BTreeMap<(String, String), Explained> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(path).expect("the page is there");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, rule, entity, events, verdict, reason, _] = cells[..] else {
            panic!("{PAGE}: five cells a row: {line}");
        };
        assert!(
            ["true", "false"].contains(&verdict),
            "{PAGE}: true or false: {line}"
        );
        let explained = Explained {
            events: events.parse().expect("a number of events"),
            is_true: verdict == "true",
            reason: reason.to_owned(),
        };
        let name = |cell: &str| cell.trim_matches('`').to_owned();
        ((name(rule), name(entity)), explained)
    })
    .collect()
}

#[test]
fn every_alert_on_a_real_site_is_explained() {
    let Some(folder) = data::folder("access-logs-elastic") else {
        return;
    };
    let packed = std::fs::read(folder.join("apache_logs.zst")).expect("the data is readable");
    let log = zstd::decode_all(packed.as_slice()).expect("the data is zstd");
    let replayed = Catalogue::load().replay(&log);
    assert!(
        replayed.events > 9_900,
        "only {} lines could be read",
        replayed.events
    );
    let explained = explained();
    let found: BTreeMap<(String, String), u64> = replayed
        .found
        .iter()
        .map(|one| ((one.rule.clone(), one.entity.clone()), one.count))
        .collect();
    let mut wrong = Vec::new();
    for ((rule, entity), events) in &found {
        match explained.get(&(rule.clone(), entity.clone())) {
            Some(row) if row.events == *events && row.reason.len() > 30 => {}
            Some(row) => wrong.push(format!("{rule} on {entity}: {events} events, but {row:?}")),
            None => wrong.push(format!("| `{rule}` | {entity} | {events} | ? | ? |")),
        }
    }
    let gone = explained.keys().filter(|key| !found.contains_key(*key));
    wrong.extend(gone.map(|key| format!("{key:?} does not come any more")));
    assert!(wrong.is_empty(), "{PAGE}:\n{}", wrong.join("\n"));
    let mistakes = explained.values().filter(|row| !row.is_true).count();
    println!("figure false_alarms_elastic {mistakes} count");
    assert!(mistakes <= MOST_FALSE, "{mistakes} false alarms");
}
