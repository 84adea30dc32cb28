//! The examples of `docs/rules.md` load, and mean what stands beside them.

use std::path::PathBuf;

use gatewatch::sigma::RuleSet;

const RULE: &str = "title: t\nlogsource: {category: api_gateway}\ndetection:\n  selection: {status: [401, 403]}\n  condition: selection\n";

fn load(text: &str) -> RuleSet {
    RuleSet::from_sources(&[(PathBuf::from("docs/rules.md"), text.to_owned())])
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_example_loads() {
    let page = include_str!("../docs/rules.md");
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let [correlations, filter, silence, own] = blocks[..] else {
        panic!("four examples, not {}", blocks.len())
    };
    let set = load(&format!("{correlations}---\n{filter}"));
    assert_eq!((set.rules().len(), set.correlations().len()), (2, 2));
    let alerting: Vec<&str> = set
        .correlations()
        .iter()
        .filter(|correlation| correlation.alerts)
        .map(|correlation| correlation.meta.title.as_str())
        .collect();
    assert_eq!(alerting, ["Guessing of passwords, then a success"]);
    let set = load(&format!("{RULE}---\n{silence}"));
    assert_eq!(set.exceptions()[0].owner, "a.petrova");
    let set = load(&format!("{RULE}{own}"));
    assert!(set.rules()[0].meta.shadow);
    assert_eq!(set.rules()[0].tests.matching.len(), 1);
}
