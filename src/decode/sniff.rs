//! `format: auto`: the format of a record, told from its beginning.
//!
//! A caller cannot choose the format of its record: what is looked at is written by the gateway. Of JSON that is the keys of the outermost
//! object. Deeper ones may come from the caller: Kong logs names of headers and of query parameters as keys. Of text it is the shape of
//! the first columns; where a virtual host stands in front, which a caller may choose, the next column decides.

use aho_corasick::{AhoCorasick, MatchKind};

use super::{aws_alb, times};
use crate::config::Format;
use crate::event::Timestamp;

/// What an outermost key says.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// The format is this.
    Is(Format),
    /// Envoy, when the other one of its two keys is there too.
    Envoy(usize),
    /// Caddy, when the value begins like one of its loggers.
    Logger,
}

// Without their quotes, which every record is full of: with them the search is six times slower.
const KEYS: [(&str, Sign); 9] = [
    ("remote_addr", Sign::Is(Format::NginxJson)),
    ("request_uri", Sign::Is(Format::NginxJson)),
    ("start_time", Sign::Envoy(0)),
    ("response_code", Sign::Envoy(1)),
    ("latencies", Sign::Is(Format::Kong)),
    ("StartUTC", Sign::Is(Format::TraefikJson)),
    ("DownstreamStatus", Sign::Is(Format::TraefikJson)),
    ("RequestPath", Sign::Is(Format::TraefikJson)),
    ("logger", Sign::Logger),
];
const CADDY_LOGGERS: [&[u8]; 2] = [b"\"http.log.", b"\"http.handlers."];

/// Searcher of the keys that tell JSON formats apart, made once.
#[derive(Debug)]
pub(super) struct Sniffer {
    keys: AhoCorasick,
}

impl Sniffer {
    pub(super) fn new() -> Self {
        let keys = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(KEYS.map(|(key, _)| key))
            .expect("a few short keys make an automaton");
        Sniffer { keys }
    }

    /// The format of a line that is out of its wrapping.
    pub(super) fn format(&self, line: &str) -> Format {
        match line.as_bytes() {
            json @ [b'{', ..] => self.json_format(json),
            [b'[', b'0'..=b'9', b'0'..=b'9', ..] => Format::EnvoyText,
            // A record array; the guard says so.
            [b'[', b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t', ..] => Format::Native,
            _ => text_format(line),
        }
    }

    /// One pass; brackets and quotes are followed only where a key was found.
    fn json_format(&self, json: &[u8]) -> Format {
        let mut place = Place::start(json);
        let mut envoy = [false; 2];
        for hit in self.keys.find_iter(json) {
            let is_key =
                json[..hit.start()].ends_with(b"\"") && json[hit.end()..].starts_with(b"\":");
            if !is_key || !place.is_outermost(hit.start() - 1) {
                continue;
            }
            match KEYS[hit.pattern().as_usize()].1 {
                Sign::Is(format) => return format,
                Sign::Envoy(key) => envoy[key] = true,
                Sign::Logger => {
                    let value = json[hit.end() + 2..].trim_ascii_start();
                    if CADDY_LOGGERS.iter().any(|name| value.starts_with(name)) {
                        return Format::Caddy;
                    }
                }
            }
        }
        if envoy == [true; 2] {
            return Format::EnvoyJson;
        }
        Format::Native
    }
}

/// Follows JSON as far as it is asked about.
struct Place<'j> {
    json: &'j [u8],
    at: usize,
    depth: usize,
    in_string: bool,
}

impl<'j> Place<'j> {
    const fn start(json: &'j [u8]) -> Self {
        Place {
            json,
            at: 0,
            depth: 0,
            in_string: false,
        }
    }

    /// Whether a string that begins at `offset` is a key or value of the outermost object. Offsets must rise.
    fn is_outermost(&mut self, offset: usize) -> bool {
        while self.at < offset {
            match (self.in_string, self.json[self.at]) {
                // Whatever is escaped does not end the string.
                (true, b'\\') => self.at += 1,
                (_, b'"') => self.in_string = !self.in_string,
                (false, b'{' | b'[') => self.depth += 1,
                (false, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        self.at == offset && self.depth == 1 && !self.in_string
    }
}

fn text_format(line: &str) -> Format {
    if line.starts_with("<Event ") && line.ends_with("</Event>") {
        return Format::Iis;
    }
    // A header line of a W3C log; an access line has the brackets of its time.
    if line.starts_with('#') && !line.contains('[') {
        return Format::Iis;
    }
    let Some((first, rest)) = line.split_once(' ') else {
        return Format::Apache;
    };
    let second = rest.split(' ').next().unwrap_or(rest);
    if let Some(date) = second.strip_prefix('[') {
        let is_haproxy = date
            .strip_suffix(']')
            .is_some_and(|date| times::haproxy(date.as_bytes()).is_some());
        if is_haproxy {
            return Format::Haproxy;
        }
    }
    if aws_alb::TYPES.contains(&first) && Timestamp::parse_rfc3339(second).is_some() {
        return Format::AwsAlb;
    }
    if is_w3c_time(first.as_bytes(), second.as_bytes()) {
        return Format::Iis;
    }
    Format::Apache
}

/// `2026-03-01` and `10:00:00`.
fn is_w3c_time(date: &[u8], time: &[u8]) -> bool {
    matches!(date, [_, _, _, _, b'-', _, _, b'-', _, _])
        && matches!(time, [_, _, b':', _, _, b':', _, _])
        && date
            .iter()
            .chain(time)
            .all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> Format {
        Sniffer::new().format(line)
    }

    #[test]
    fn json_is_told_by_its_outermost_keys() {
        for (line, want) in [
            (r#"{"time":0,"path":"/a"}"#, Format::Native),
            (r#"{"a":{"b":[1]},"remote_addr":"::1"}"#, Format::NginxJson),
            (
                r#"{"response_code":200,"start_time":"x"}"#,
                Format::EnvoyJson,
            ),
            (r#"{"start_time":"x"}"#, Format::Native),
            (r#"{"request":{},"latencies":{"kong":1}}"#, Format::Kong),
            (r#"{"DownstreamStatus":200}"#, Format::TraefikJson),
            (r#"{"logger":"http.log.access.log0"}"#, Format::Caddy),
            (r#"{"logger": "http.handlers.waf"}"#, Format::Caddy),
            (r#"{"logger":"com.example.Gate","time":0}"#, Format::Native),
        ] {
            assert_eq!(of(line), want, "{line}");
        }
    }

    #[test]
    fn a_caller_does_not_choose_the_format_of_json() {
        for (line, want) in [
            // A header or query parameter of that name is a key, but a deeper one.
            (
                r#"{"request":{"headers":{"remote_addr":"x"},"querystring":{"StartUTC":"1"}},"latencies":{}}"#,
                Format::Kong,
            ),
            // Quotes inside a key or value are escaped.
            (
                r#"{"time":0,"user_agent":"\"remote_addr\":1,\"latencies\":{}"}"#,
                Format::Native,
            ),
            (
                r#"{"x":{"a\\":1,"b\"request_uri":2},"latencies":{}}"#,
                Format::Kong,
            ),
            (
                r#"{"request_Accept":"}","DownstreamStatus":1,"latencies":{}}"#,
                Format::TraefikJson,
            ),
            (
                r#"{"time":0,"x":["remote_addr",{"latencies":1}]}"#,
                Format::Native,
            ),
        ] {
            assert_eq!(of(line), want, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_name_or_value_of_a_caller_changes_the_format(name in caller(), value in caller()) {
            let agent = serde_json::json!({"request_User-Agent": value, "DownstreamStatus": 200});
            prop_assert_eq!(of(&agent.to_string()), Format::TraefikJson);
            let headers = serde_json::json!({"headers": {&name: value, "b": [{&value: name}]}});
            for (key, want) in [("zlatencies", Format::Native), ("latencies", Format::Kong)] {
                let record = serde_json::json!({"a": headers, key: {}, "zz": headers});
                prop_assert_eq!(of(&record.to_string()), want);
            }
            let record = serde_json::json!({"logger": "http.log.access", "request": headers});
            prop_assert_eq!(of(&record.to_string()), Format::Caddy);
        }
    }

    /// What a caller may send: anything, and what looks like a key.
    fn caller() -> impl Strategy<Value = String> {
        let names = KEYS.map(|(name, _)| name.to_owned());
        let keys = names.clone().map(|name| format!("\"{name}\":"));
        prop_oneof![
            "\\PC{0,20}",
            "[\"\\\\{}\\[\\]:,a]{0,12}",
            prop::sample::select(keys.to_vec()),
            prop::sample::select(names.to_vec()),
        ]
    }

    #[test]
    fn text_is_told_by_its_first_columns() {
        for (line, want) in [
            (
                "1.2.3.4 - - [24/Aug/2024:22:32:18 +0000] \"x\"",
                Format::Apache,
            ),
            (
                "1.2.3.4:5 [24/Aug/2024:22:32:18.123] a b/c",
                Format::Haproxy,
            ),
            ("wss 2024-08-24T22:32:18.1Z app/x", Format::AwsAlb),
            ("2024-08-24 22:32:18 10.0.0.2 GET /", Format::Iis),
            ("#Fields: date time", Format::Iis),
            ("<Event xmlns='x'></Event>", Format::Iis),
            ("", Format::Apache),
            ("x", Format::Apache),
        ] {
            assert_eq!(of(line), want, "{line}");
        }
    }

    #[test]
    fn a_virtual_host_that_looks_like_another_format_is_no_other_format() {
        for host in ["https", "2024-08-24", "#Fields:", "<Event", "1.2.3.4:5"] {
            let line = format!(
                "{host} 1.2.3.4 - Tom [24/Aug/2024:22:32:18 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"</Event>\""
            );
            assert_eq!(of(&line), Format::Apache, "{host}");
        }
    }
}
