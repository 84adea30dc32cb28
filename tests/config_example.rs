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
        named(&text, &section, &keys);
    }
}

/// Each key of a section stands behind its head and before the next one; a section in it has a head of its own.
fn named(text: &str, section: &str, keys: &serde_json::Value) {
    for (key, value) in keys.as_object().unwrap() {
        let full = format!("{section}.{key}");
        if value.is_object() {
            assert!(text.contains(&format!("[{full}]")), "{full} is missing");
            named(text, &full, value);
        } else {
            let (_, behind) = text.split_once(&format!("[{section}]\n")).unwrap();
            let own = behind.split("\n[").next().unwrap();
            assert!(own.contains(&format!("{key} = ")), "{full} is missing");
        }
    }
}
