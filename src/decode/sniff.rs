//! `format: auto`: the format of a record, told from its beginning.
//!
//! A caller cannot choose the format of its record: what is looked at is written by the gateway. Quotes inside JSON
//! strings are escaped, so `"remote_addr":` occurs only as a key.

use memchr::memmem::Finder;

use crate::config::Format;

/// Searchers of the keys that tell JSON formats apart, made once.
#[derive(Debug)]
pub(super) struct Sniffer {
    nginx: [Finder<'static>; 2],
    envoy: [Finder<'static>; 2],
}

impl Sniffer {
    pub(super) fn new() -> Self {
        Sniffer {
            nginx: [
                Finder::new("\"remote_addr\":"),
                Finder::new("\"request_uri\":"),
            ],
            envoy: [
                Finder::new("\"start_time\":"),
                Finder::new("\"response_code\":"),
            ],
        }
    }

    /// The format of a line that is out of its wrapping.
    pub(super) fn format(&self, line: &str) -> Format {
        let bytes = line.as_bytes();
        match bytes {
            [b'{', ..] => self.json_format(bytes),
            [b'[', b'0'..=b'9', b'0'..=b'9', ..] => Format::EnvoyText,
            // A record array; the guard says so.
            [b'[', b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t', ..] => Format::Native,
            _ => Format::Apache,
        }
    }

    fn json_format(&self, json: &[u8]) -> Format {
        let has = |key: &Finder| key.find(json).is_some();
        if self.nginx.iter().any(has) {
            return Format::NginxJson;
        }
        if self.envoy.iter().all(has) {
            return Format::EnvoyJson;
        }
        Format::Native
    }
}
