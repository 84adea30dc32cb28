//! The example configuration names every setting with its default.

use std::path::Path;

use gatewatch::config::{self, Config};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gatewatch.example.toml");

#[test]
fn the_example_is_the_built_in_default() {
    let example = config::load(Some(Path::new(EXAMPLE))).unwrap();
    let as_json = |config: &Config| serde_json::to_value(config).unwrap();
    assert_eq!(as_json(&example), as_json(&Config::default()));
}

#[test]
fn the_example_names_every_setting() {
    let text = std::fs::read_to_string(EXAMPLE).unwrap();
    let serde_json::Value::Object(sections) = serde_json::to_value(Config::default()).unwrap()
    else {
        panic!("a configuration is an object");
    };
    for (section, keys) in sections {
        for (key, value) in keys.as_object().unwrap() {
            let named = if value.is_object() {
                format!("[{section}.{key}]")
            } else {
                format!("{key} = ")
            };
            assert!(text.contains(&named), "{section}.{key} is missing");
        }
    }
}
