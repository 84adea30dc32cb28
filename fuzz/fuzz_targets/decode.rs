//! No bytes may panic decode, enrich or redaction, in any format. `cargo +nightly fuzz run decode`.
#![no_main]

use std::sync::LazyLock;

use gatewatch::config::{self, Format};
use gatewatch::decode::Decoder;
use gatewatch::enrich::{Enricher, Redactor};
use gatewatch::event::Timestamp;
use libfuzzer_sys::fuzz_target;

static DECODERS: LazyLock<Vec<Decoder>> = LazyLock::new(|| {
    // A mapping needs a file; its reader is what the built-in mappings run through.
    Format::ALL
        .iter()
        .filter(|format| **format != Format::Mapping)
        .map(|format| {
            Decoder::new(&config::Decode {
                format: *format,
                ..config::Decode::default()
            })
            .expect("the defaults are valid")
        })
        .collect()
});
static ENRICHER: LazyLock<Enricher> =
    LazyLock::new(|| Enricher::new(&config::Enrich::default()).expect("the defaults are valid"));
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&[7; 32], "fuzz"));

fuzz_target!(|raw: &[u8]| {
    for decoder in DECODERS.iter() {
        for stamped in [None, Some(Timestamp::from_seconds(1_772_359_200))] {
            if let Ok(mut event) = decoder.decode(raw, stamped) {
                ENRICHER.enrich(&mut event);
                REDACTOR.redact(&mut event);
            }
        }
    }
    let _ = REDACTOR.sample(raw);
});
