//! `docs/formats.md` names every format and every reason of a dead letter.

use gatewatch::config::Format;
use gatewatch::decode::RejectionReason;

#[test]
fn every_reason_and_format_is_documented() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats.md")).unwrap();
    let formats = Format::ALL.iter().map(|format| format.name());
    let reasons = RejectionReason::ALL.iter().map(|reason| reason.name());
    for name in formats.chain(reasons) {
        assert!(
            page.contains(&format!("| `{name}`")),
            "docs/formats.md lacks `{name}`"
        );
    }
}
