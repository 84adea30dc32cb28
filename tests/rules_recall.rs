//! What the shipped rules find in labelled requests of others, and what they take for an attack by mistake. Only what a
//! gateway's log shows is given to them: method, path, query, user agent, referer; never a body.

use std::collections::BTreeMap;
use std::path::Path;

use gatewatch::config;
use gatewatch::enrich::Enricher;
use gatewatch::event::{Event, Timestamp};
use gatewatch::sigma::RuleSet;
use serde::Deserialize;

#[path = "data/mod.rs"]
mod data;

/// A row of the labelled sets.
#[derive(Deserialize)]
struct Request {
    label: u8,
    class: String,
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
}

/// How many rows of each label there are, and how many of them a rule that alerts matched.
#[derive(Debug, Default)]
struct Tally {
    attacks: usize,
    found: usize,
    harmless: usize,
    mistaken: Vec<String>,
}

impl Tally {
    fn of(folder: &Path, name: &str) -> Tally {
        let packed = std::fs::read(folder.join(format!("{name}.jsonl.zst"))).expect("readable");
        let text = zstd::decode_all(packed.as_slice()).expect("the data is zstd");
        let settings = config::Rules {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"),
            ..config::Rules::default()
        };
        let rules = RuleSet::load(&settings).unwrap_or_else(|errors| panic!("{errors}"));
        let enricher =
            Enricher::new(&config::Enrich::default()).expect("the defaults need no file");
        let mut scratch = rules.scratch();
        let mut tally = Tally::default();
        for line in text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let request: Request = serde_json::from_slice(line).expect("a row is JSON");
            let mut event = seen(&request);
            enricher.enrich(&mut event);
            let titles: Vec<&str> = rules
                .matches(&event, &mut scratch)
                .iter()
                .map(|index| &rules.rules()[*index as usize])
                .filter(|rule| rule.alerts)
                .map(|rule| rule.meta.title.as_str())
                .collect();
            tally.count(&request, &titles);
        }
        tally
    }

    fn count(&mut self, request: &Request, titles: &[&str]) {
        if request.label == 1 {
            self.attacks += 1;
            self.found += usize::from(!titles.is_empty());
        } else {
            self.harmless += 1;
            if !titles.is_empty() {
                let uri: String = request.uri.chars().take(120).collect();
                self.mistaken
                    .push(format!("{}: {uri}: {titles:?}", request.class));
            }
        }
    }

    /// Attacks found, in hundredths.
    fn recall(&self) -> f64 {
        f64::from(u32::try_from(self.found).expect("small")) * 100.0
            / f64::from(u32::try_from(self.attacks).expect("small"))
    }

    fn print(&self, name: &str) {
        println!("figure rules_recall_{name} {:.1} %", self.recall());
        println!(
            "figure rules_mistaken_{name} {} of_{}",
            self.mistaken.len(),
            self.harmless
        );
        for line in &self.mistaken {
            println!("  {line}");
        }
    }
}

/// The request as a gateway logs it. The name of the test tool in the user agent would give it away, so it is taken out.
fn seen(request: &Request) -> Event<'_> {
    let (path, query) = match request.uri.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.uri.as_str(), None),
    };
    let header = |name: &str| {
        let value = request.headers.get(name)?.as_str();
        let own = ["GoTestWAF", "OWASP CRS"]
            .iter()
            .any(|tool| value.contains(tool));
        (!own).then(|| value.into())
    };
    Event {
        time: Timestamp::from_seconds(1_772_442_900),
        method: Some(request.method.as_str().into()),
        path: Some(path.into()),
        query: query.map(Into::into),
        user_agent: header("user-agent"),
        referer: header("referer"),
        forwarded_for: header("x-forwarded-for"),
        client_address: Some([203, 0, 113, 9].into()),
        ..Event::default()
    }
}

#[test]
fn gotestwaf_is_found_and_its_prose_left_alone() {
    let Some(folder) = data::folder("gotestwaf") else {
        return;
    };
    let tally = Tally::of(&folder, "gotestwaf");
    tally.print("gotestwaf");
    assert!(
        tally.recall() >= 19.0,
        "{} of {}",
        tally.found,
        tally.attacks
    );
    assert!(tally.mistaken.len() <= 1, "{:#?}", tally.mistaken);
}

#[test]
fn core_rule_set_attacks_are_found_with_few_near_misses() {
    let Some(folder) = data::folder("crs-regression") else {
        return;
    };
    let tally = Tally::of(&folder, "crs-regression");
    tally.print("crs_regression");
    assert!(
        tally.recall() >= 7.0,
        "{} of {}",
        tally.found,
        tally.attacks
    );
    assert!(tally.mistaken.len() <= 10, "{:#?}", tally.mistaken);
}

#[test]
fn exploits_of_products_are_found() {
    let Some(folder) = data::folder("crowdsec-appsec") else {
        return;
    };
    let tally = Tally::of(&folder, "crowdsec-appsec");
    tally.print("crowdsec_appsec");
    assert!(
        tally.recall() >= 35.0,
        "{} of {}",
        tally.found,
        tally.attacks
    );
}
