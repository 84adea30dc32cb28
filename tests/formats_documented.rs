//! `docs/formats.md` names every format and every reason of a dead letter.

use gatewatch::decode::RejectionReason;

#[test]
fn every_reason_and_format_is_documented() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats.md")).unwrap();
    let formats = [
        "auto",
        "native",
        "nginx_combined",
        "nginx_json",
        "apache",
        "envoy_json",
        "envoy_text",
        "mapping",
    ];
    let reasons = RejectionReason::ALL.iter().map(|reason| reason.name());
    for name in formats.into_iter().chain(reasons) {
        assert!(
            page.contains(&format!("| `{name}`")),
            "docs/formats.md lacks `{name}`"
        );
    }
}
