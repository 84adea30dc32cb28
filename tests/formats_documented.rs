//! `docs/formats.md` names every format and every reason of a dead letter, and its examples are events.

use gatewatch::config::{self, Format};
use gatewatch::decode::{Decoder, RejectionReason};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats.md")).unwrap()
}

#[test]
fn every_reason_and_format_is_documented() {
    let page = page();
    let formats = Format::ALL.iter().map(|format| format.name());
    let reasons = RejectionReason::ALL.iter().map(|reason| reason.name());
    for name in formats.chain(reasons) {
        assert!(
            page.contains(&format!("| `{name}`")),
            "docs/formats.md lacks `{name}`"
        );
    }
}

#[test]
fn every_example_is_an_event() {
    let decoder = Decoder::new(&config::Decode::default()).unwrap();
    let page = page();
    let mut count = 0;
    for block in page.split("```").skip(1).step_by(2) {
        let Some(("" | "json", example)) = block.split_once('\n') else {
            continue;
        };
        // What begins with a bracket shows where columns are, it is no line.
        if example.starts_with('[') {
            continue;
        }
        let record = example.replace('\n', "");
        let event = decoder
            .decode(record.as_bytes(), None)
            .unwrap_or_else(|why| panic!("{record}: {why}"));
        assert!(
            event.client_address.is_some() && event.path.is_some() && event.status == Some(200),
            "{record}"
        );
        count += 1;
    }
    assert_eq!(count, 7);
}
