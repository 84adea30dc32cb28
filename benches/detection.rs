//! What the shipped rules find in labelled requests of others, and what they take for an attack by mistake, with the OWASP Core Rule
//! Set's figures beside them where it was measured on the same view.
//!
//! `make bench-detection`, or `cargo bench --bench detection -- [SET…] [--list SET]`. A log shows six fields: method, path, query,
//! host, user agent, referer. Recall is over all attacks, also those whose payload is in none of the six; how many can be seen
//! at all stands beside it. `--list` prints the missed attacks and the mistaken rows of one set, for authors of rules.

#[path = "../tests/data/mod.rs"]
mod data;
#[path = "../tests/labelled/mod.rs"]
mod labelled;
#[path = "../tests/replayed/mod.rs"]
mod replayed;

use std::collections::{BTreeMap, BTreeSet};

use gatewatch::decode::Decoder;
use gatewatch::event::Timestamp;
use gatewatch::simulate::{Generator, Settings, Shapes};
use labelled::{Catalogue, Row, is_about_a_product};
use replayed::crowdsec;

/// The sets, and what others find in the same view of them.
const SETS: [(&str, &str); 5] = [
    (
        "gotestwaf",
        "CRS 4.25 PL1: 17.4 %, 5 of 47 texts in the URL",
    ),
    (
        "crs-regression",
        "CRS 4.25 PL1: 28.0 %, 4.3 % of near misses",
    ),
    (
        "httpparams",
        "CRS 4.25 PL1: 98.2 %, 0.07 % of normal values",
    ),
    (
        "crowdsec-appsec",
        "CRS 4.25 PL1: 30.3 % of rows by general rules",
    ),
    (
        "payloadsallthethings",
        "libinjection alone: SQLi 52.9 %, XSS 70.9 %",
    ),
];

/// Events of the simulator's ordinary traffic.
const ORDINARY: u64 = 1_000_000;
const DAY_US: i64 = 86_400_000_000;

/// One class of a set.
#[derive(Debug, Default)]
struct Tally {
    rows: u32,
    visible: u32,
    found: u32,
    /// Found by rules about kinds of attacks, without those about one product.
    found_in_general: u32,
}

impl Tally {
    fn recall(&self) -> f64 {
        share(self.found, self.rows)
    }
}

/// A set and what came of it.
#[derive(Debug, Default)]
struct Outcome {
    attacks: BTreeMap<String, Tally>,
    harmless: BTreeMap<String, Tally>,
    /// Harmless rows that can be seen and were taken for an attack.
    visible_mistakes: u32,
    visible_harmless: u32,
    tests: BTreeSet<String>,
    tests_found: BTreeSet<String>,
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

impl Outcome {
    fn of(rows: &[Row], catalogue: &mut Catalogue, list: bool) -> Outcome {
        let mut outcome = Outcome::default();
        for row in rows {
            let mut event = row.event();
            let rules = catalogue.alerting(&mut event);
            let found = !rules.is_empty();
            let general = rules.iter().any(|rule| !is_about_a_product(rule));
            if list && found != row.attack && (row.visible || found) {
                let titles: Vec<&str> = rules.iter().map(|r| r.meta.title.as_str()).collect();
                let what = if row.attack { "missed" } else { "mistaken" };
                println!("{what} {} {titles:?}", row.shown());
            }
            let side = if row.attack {
                &mut outcome.attacks
            } else {
                &mut outcome.harmless
            };
            let class = if row.weak {
                format!("{} (word list)", row.class)
            } else {
                row.class.clone()
            };
            let tally = side.entry(class).or_default();
            tally.rows += 1;
            tally.visible += u32::from(row.visible);
            tally.found += u32::from(found);
            tally.found_in_general += u32::from(general);
            if row.attack {
                outcome.tests.insert(row.test.clone());
                if found {
                    outcome.tests_found.insert(row.test.clone());
                }
            } else if row.visible {
                outcome.visible_harmless += 1;
                outcome.visible_mistakes += u32::from(found);
            }
        }
        outcome
    }

    fn sum(side: &BTreeMap<String, Tally>) -> Tally {
        side.values().fold(Tally::default(), |mut all, tally| {
            all.rows += tally.rows;
            all.visible += tally.visible;
            all.found += tally.found;
            all.found_in_general += tally.found_in_general;
            all
        })
    }

    /// A line a class, then all attacks and all harmless rows.
    fn print(&self, set: &str, reference: &str) {
        println!("\n{set} (reference: {reference})");
        let attacks = ("all attacks", &Self::sum(&self.attacks));
        // A set of CVE tests has a class a test; the sum says all.
        if self.attacks.len() <= 40 {
            for (class, tally) in &self.attacks {
                Self::line(class, tally);
            }
        }
        Self::line(attacks.0, attacks.1);
        for (class, tally) in &self.harmless {
            Self::line(&format!("harmless: {class}"), tally);
        }
    }

    fn line(class: &str, tally: &Tally) {
        println!(
            "  {class:<38} {:>6} rows, {:>5.1} % visible, {:>6} alarmed = {:>6.2} %",
            tally.rows,
            share(tally.visible, tally.rows) * 100.0,
            tally.found,
            tally.recall() * 100.0
        );
    }

    /// What the set adds to the figures at the end; what else is told of it goes out at once.
    fn figures(&self, set: &str) -> Vec<String> {
        let all = Self::sum(&self.attacks);
        match set {
            "gotestwaf" => {
                println!(
                    "  harmless texts in the URL: {} of {} alarmed; {} texts in all",
                    self.visible_mistakes,
                    self.visible_harmless,
                    Self::sum(&self.harmless).rows
                );
                vec![
                    figure("recall_gotestwaf", self.recall()),
                    format!("figure false_gotestwaf {} texts", self.visible_mistakes),
                ]
            }
            "crs-regression" => vec![
                figure("recall_crs", self.recall()),
                figure("false_crs", self.mistaken()),
            ],
            "httpparams" => vec![
                figure("recall_httpparams", self.recall()),
                figure("false_httpparams", self.mistaken()),
            ],
            "crowdsec-appsec" => {
                println!(
                    "  by general rules {} rows, by those about products alone {}; tests with an alert: {} of {}",
                    all.found_in_general,
                    all.found - all.found_in_general,
                    self.tests_found.len(),
                    self.tests.len()
                );
                vec![
                    figure(
                        "recall_appsec_general",
                        share(all.found_in_general, all.rows),
                    ),
                    figure("recall_appsec_with_products", all.recall()),
                ]
            }
            _ => self.payload_figures(),
        }
    }

    /// The mean over classes, so that a long list does not count for more than a short one.
    fn payload_figures(&self) -> Vec<String> {
        let strong: Vec<f64> = self
            .attacks
            .iter()
            .filter(|(class, _)| !class.ends_with("(word list)"))
            .map(|(_, tally)| tally.recall())
            .collect();
        let mean = strong.iter().sum::<f64>() / strong.len() as f64;
        vec![
            figure("recall_payloads_macro", mean),
            figure("recall_payloads_sqli", self.attacks["sqli"].recall()),
            figure("recall_payloads_xss", self.attacks["xss"].recall()),
        ]
    }

    fn recall(&self) -> f64 {
        Self::sum(&self.attacks).recall()
    }

    /// Share of the harmless rows that were taken for an attack.
    fn mistaken(&self) -> f64 {
        Self::sum(&self.harmless).recall()
    }
}

fn figure(name: &str, value: f64) -> String {
    format!("figure {name} {value:.6} share")
}

/// Share of the simulator's ordinary events about which a rule alerts.
fn ordinary(catalogue: &mut Catalogue, list: bool) -> f64 {
    let settings = Settings {
        seed: 4,
        start: Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").expect("a time"),
        span_us: 5 * DAY_US,
        quiet_us: 0,
        events: ORDINARY,
        clients: None,
        broken: 0,
        scenarios: Vec::new(),
        shapes: Shapes::default(),
        holidays: Vec::new(),
        releases: 0,
    };
    let decoder =
        Decoder::new(&gatewatch::config::Decode::default()).expect("the defaults are valid");
    let mut generator = Generator::new(settings).expect("the span is sound");
    let mut record = Vec::new();
    let (mut events, mut alarmed) = (0_u32, 0_u32);
    let mut by_rule: BTreeMap<String, u32> = BTreeMap::new();
    while generator.next_into(&mut record).is_some() {
        let mut event = decoder
            .decode(&record, None)
            .expect("the simulator's records are events");
        let titles: Vec<String> = catalogue
            .alerting(&mut event)
            .iter()
            .map(|rule| rule.meta.title.clone())
            .collect();
        events += 1;
        alarmed += u32::from(!titles.is_empty());
        if list && !titles.is_empty() {
            println!("mistaken: {} {titles:?}", String::from_utf8_lossy(&record));
        }
        for title in titles {
            *by_rule.entry(title).or_default() += 1;
        }
        record.clear();
    }
    println!("\nsimulator, ordinary traffic: {alarmed} of {events} events alarmed");
    for (title, count) in by_rule {
        println!("  {count:>6} {title}");
    }
    share(alarmed, events)
}

fn main() {
    let mut wanted: Vec<String> = Vec::new();
    let mut listed = None;
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--list" {
            listed = arguments.next();
        } else {
            wanted.push(argument);
        }
    }
    wanted.extend(listed.clone());
    let is_wanted = |set: &str| wanted.is_empty() || wanted.iter().any(|name| name == set);
    let is_listed = |set: &str| listed.as_deref() == Some(set);
    let mut catalogue = Catalogue::load();
    println!(
        "{} rules, {} correlations",
        catalogue.rules.rules().len(),
        catalogue.rules.correlations().len()
    );
    let mut figures = Vec::new();
    for (set, reference) in SETS {
        if is_wanted(set)
            && let Some(folder) = data::folder(set)
        {
            let rows = labelled::rows(&folder, set);
            let outcome = Outcome::of(&rows, &mut catalogue, is_listed(set));
            outcome.print(set, reference);
            figures.extend(outcome.figures(set));
        }
    }
    if is_wanted("crowdsec-logs")
        && let Some(folder) = data::folder("crowdsec-logs")
    {
        let logs = crowdsec::replay(&folder, &replayed::Catalogue::load(), &crowdsec::mapping());
        crowdsec::print(&logs);
    }
    if is_wanted("simulator") {
        let alarmed = ordinary(&mut catalogue, is_listed("simulator"));
        figures.push(figure("false_simulator", alarmed));
    }
    println!();
    for line in figures {
        println!("{line}");
    }
}
