//! What the shipped rules find in labelled requests of others, and what they take for an attack by mistake. Only what a
//! gateway's log shows is given to them; `make bench-detection` has the figures by class.

mod data;
mod labelled;

use std::collections::BTreeMap;

use labelled::{Catalogue, is_about_a_product};

/// How many rows of each label there are, and how many of them a rule that alerts matched.
#[derive(Debug, Default)]
struct Tally {
    attacks: u32,
    found: u32,
    found_in_general: u32,
    harmless: u32,
    mistaken: Vec<String>,
}

impl Tally {
    fn of(set: &str) -> Option<Tally> {
        let folder = data::folder(set)?;
        let mut catalogue = Catalogue::load();
        let mut tally = Tally::default();
        for row in labelled::rows(&folder, set) {
            let mut event = row.event();
            let rules = catalogue.alerting(&mut event);
            if row.attack {
                tally.attacks += 1;
                tally.found += u32::from(!rules.is_empty());
                let general = rules.iter().any(|rule| !is_about_a_product(rule));
                tally.found_in_general += u32::from(general);
                continue;
            }
            tally.harmless += 1;
            if !rules.is_empty() {
                let titles: Vec<&str> = rules.iter().map(|r| r.meta.title.as_str()).collect();
                tally.mistaken.push(format!("{}: {titles:?}", row.shown()));
            }
        }
        Some(tally)
    }

    /// At least this share of attacks found and at most so many harmless rows mistaken.
    fn holds(&self, recall: f64, mistaken: usize) {
        let found = f64::from(self.found) / f64::from(self.attacks);
        assert!(found >= recall, "{} of {}", self.found, self.attacks);
        assert!(
            self.mistaken.len() <= mistaken,
            "{} of {}: {:#?}",
            self.mistaken.len(),
            self.harmless,
            self.mistaken
        );
    }
}

#[test]
fn gotestwaf_is_found_and_its_prose_left_alone() {
    if let Some(tally) = Tally::of("gotestwaf") {
        tally.holds(0.36, 1);
    }
}

#[test]
fn core_rule_set_attacks_are_found_with_few_near_misses() {
    if let Some(tally) = Tally::of("crs-regression") {
        tally.holds(0.335, 16);
    }
}

#[test]
fn parameter_values_are_told_apart() {
    if let Some(tally) = Tally::of("httpparams") {
        tally.holds(0.99, 2);
    }
}

#[test]
fn exploits_of_products_are_found_by_general_rules() {
    if let Some(tally) = Tally::of("crowdsec-appsec") {
        let found = f64::from(tally.found_in_general) / f64::from(tally.attacks);
        assert!(
            found >= 0.45,
            "{} of {}",
            tally.found_in_general,
            tally.attacks
        );
    }
}

#[test]
fn payloads_of_every_class_are_found() {
    let Some(folder) = data::folder("payloadsallthethings") else {
        return;
    };
    let mut catalogue = Catalogue::load();
    let mut classes: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for row in labelled::rows(&folder, "payloadsallthethings") {
        if !row.weak {
            let found = !catalogue.alerting(&mut row.event()).is_empty();
            let (rows, hits) = classes.entry(row.class).or_default();
            *rows += 1;
            *hits += u32::from(found);
        }
    }
    let recall = |(rows, found): &(u32, u32)| f64::from(*found) / f64::from(*rows);
    let mean = classes.values().map(recall).sum::<f64>() / classes.len() as f64;
    assert!(mean >= 0.88, "{mean}: {classes:?}");
}
