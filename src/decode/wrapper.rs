//! What container runtimes and syslog put around a line.
//!
//! CRI (containerd, CRI-O): `2026-01-24T01:34:36.743Z stdout F <line>`. Docker's `json-file` driver:
//! `{"log":"<line>\n","stream":"stdout","time":"…"}`. Syslog: `Jul  8 11:07:07 host nginx[2869]: <line>` (RFC 3164), the same without
//! host or with an RFC 3339 time, and `<134>1 2026-01-24T01:34:36Z host nginx 2869 - - <line>` (RFC 5424).
//! Their times are those of the writing, not of the request, so they are not used.

use std::borrow::Cow;

use serde::Deserialize;

use super::rejection::{Rejection, RejectionReason};
use super::times;
use crate::event::Timestamp;

/// A line out of its wrapping.
pub(super) enum Unwrapped<'a> {
    /// A part of the record.
    Line(&'a str),
    /// A copy, because the wrapping had escaped it.
    Owned(String),
}

/// Takes the wrapping off, when there is one.
///
/// # Errors
/// `partial_line` when a runtime split the line; `malformed` when a Docker wrapper is broken.
pub(super) fn unwrap(text: &str) -> Result<Unwrapped<'_>, Rejection> {
    match text.as_bytes()[0] {
        b'{' if text.starts_with("{\"log\":\"") => docker(text),
        b'{' | b'[' => Ok(Unwrapped::Line(text)),
        b'0'..=b'9' => cri(text),
        _ => Ok(Unwrapped::Line(without_syslog(text))),
    }
}

#[derive(Deserialize)]
struct DockerLine<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(rename = "stream")]
    _stream: serde::de::IgnoredAny,
}

fn docker(text: &str) -> Result<Unwrapped<'_>, Rejection> {
    let Ok(line) = serde_json::from_str::<DockerLine>(text) else {
        // Perhaps a record of its own that happens to begin with `log`: the decoder of the format judges it.
        return Ok(Unwrapped::Line(text));
    };
    if !line.log.ends_with('\n') {
        return Err(partial("Docker's json-file driver"));
    }
    let inner = line.log.trim();
    if inner.is_empty() {
        return Err(Rejection::new(
            RejectionReason::Empty,
            "Docker wrote an empty line",
        ));
    }
    Ok(Unwrapped::Owned(inner.to_owned()))
}

fn cri(text: &str) -> Result<Unwrapped<'_>, Rejection> {
    let mut parts = text.splitn(4, ' ');
    let (Some(time), Some("stdout" | "stderr"), Some(tag)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Ok(Unwrapped::Line(without_syslog(text)));
    };
    if time.as_bytes().get(10) != Some(&b'T') {
        return Ok(Unwrapped::Line(without_syslog(text)));
    }
    if tag.split(':').next() == Some("P") {
        return Err(partial("the container runtime"));
    }
    match parts.next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(Unwrapped::Line(line)),
        _ => Err(Rejection::new(
            RejectionReason::Empty,
            "the container wrote an empty line",
        )),
    }
}

fn partial(who: &str) -> Rejection {
    Rejection::new(
        RejectionReason::PartialLine,
        format!(
            "a piece of a line that {who} split at 16 KiB; have the shipper join partial lines"
        ),
    )
}

/// `<134>Jul  8 11:07:07 host program[pid]: line` → `line`.
fn without_syslog(text: &str) -> &str {
    let line = match text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest))
            if priority.len() <= 3 && priority.bytes().all(|b| b.is_ascii_digit()) =>
        {
            rest
        }
        _ => text,
    };
    if let Some(inner) = line.strip_prefix("1 ").and_then(behind_header) {
        return inner;
    }
    match behind_stamp(line) {
        Some(rest) => behind_tag(rest).unwrap_or(line),
        None => line,
    }
}

/// What stands behind `Jul  8 11:07:07 ` or `2026-01-24T01:34:36.743Z `.
fn behind_stamp(line: &str) -> Option<&str> {
    if line.get(..16).is_some_and(times::is_syslog) {
        return Some(&line[16..]);
    }
    if line.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = line.split_once(' ')?;
    Timestamp::parse_rfc3339(stamp).map(|_| rest)
}

/// What stands behind `host program[pid]: ` or `program[pid]: `.
fn behind_tag(rest: &str) -> Option<&str> {
    let (first, after) = rest.split_once(' ')?;
    if first.ends_with(':') {
        return Some(after.trim_start());
    }
    let (tag, inner) = after.split_once(": ")?;
    (tag.len() <= 48 && !tag.contains(' ')).then(|| inner.trim_start())
}

/// What stands behind `time host program pid id - ` of RFC 5424, without structured data.
fn behind_header(text: &str) -> Option<&str> {
    let mut parts = text.splitn(7, ' ');
    Timestamp::parse_rfc3339(parts.next()?)?;
    let has_no_data = parts.nth(4)? == "-";
    let line = parts.next()?.trim_start();
    (has_no_data && !line.is_empty()).then_some(line)
}
