//! The pages that are made from the code are those that lie in `docs`. `UPDATE_DOCS=1` writes them anew.

use std::fs;
use std::path::Path;

use gatewatch::event::schema;

fn compare(name: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, made).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "docs/{name} is stale; run UPDATE_DOCS=1 cargo test --test docs_fresh"
    );
}

#[test]
fn the_event_reference_is_fresh() {
    compare("events.md", &schema::reference());
}

#[test]
fn the_event_schema_is_fresh() {
    let schema = serde_json::to_string_pretty(&schema::json_schema()).unwrap();
    compare("event-schema.json", &format!("{schema}\n"));
}

#[test]
fn the_schema_of_contracts_is_fresh_and_fits_the_examples() {
    let schema = gatewatch::contract::json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap();
    compare("contract-schema.json", &format!("{text}\n"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let mut seen = 0;
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.is_file()) {
        let text = fs::read_to_string(path).unwrap();
        let contract: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&contract)
            .map(|error| error.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        seen += 1;
    }
    assert!(seen >= 3, "{seen} examples");
    let typo = serde_json::json!({"integration": "a", "titel": "b"});
    assert!(!validator.is_valid(&typo));
}

#[test]
fn the_pages_of_the_catalogue_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("docs/rules");
    let pages = gatewatch::cli::rule::pages::pages(&root.join("rules"))
        .unwrap_or_else(|error| panic!("{error:#}"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(&folder).unwrap();
    }
    for (name, text) in &pages {
        compare(&format!("rules/{name}"), text);
    }
    // A family that is gone leaves no page behind.
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if pages.iter().any(|(page, _)| *page == name) {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::remove_file(entry.path()).unwrap();
        } else {
            panic!(
                "docs/rules/{name} is of no family; run UPDATE_DOCS=1 cargo test --test docs_fresh"
            );
        }
    }
}

#[test]
fn a_record_that_is_decoded_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema::json_schema()).unwrap();
    let record = serde_json::json!({
        "time": "2026-03-01T10:00:00.250Z", "client_address": "10.0.0.1", "status": 200, "path": "/residents/1",
        "roles": ["concierge"], "token_expires": 1_772_359_200_250_u64
    });
    assert!(validator.is_valid(&record));
    assert!(
        !validator.is_valid(&serde_json::json!({"time": "2026-03-01T10:00:00Z", "status": "200"}))
    );
    assert!(!validator.is_valid(&serde_json::json!({"status": 200})));
}
