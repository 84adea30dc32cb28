//! What is checked before any parser sees a record: size, kind of bytes, depth.

use super::rejection::{Rejection, RejectionReason};

/// The record as text, without byte order mark and white space around it.
///
/// # Errors
/// `empty`, `oversized`, `binary_format` or `not_utf8`.
pub(super) fn text(raw: &[u8], max_bytes: usize) -> Result<&str, Rejection> {
    if raw.len() > max_bytes {
        return Err(Rejection::new(
            RejectionReason::Oversized,
            format!(
                "{} bytes, {max_bytes} allowed by decode.max_record_bytes",
                raw.len()
            ),
        ));
    }
    let trimmed = raw
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(raw)
        .trim_ascii();
    let Some(first) = trimmed.first() else {
        return Err(Rejection::new(
            RejectionReason::Empty,
            "nothing but white space",
        ));
    };
    if let Some(hint) = binary_hint(trimmed, *first) {
        return Err(Rejection::new(RejectionReason::BinaryFormat, hint));
    }
    std::str::from_utf8(trimmed).map_err(|error| {
        let hint = if raw.starts_with(b"\xFF\xFE") || raw.starts_with(b"\xFE\xFF") {
            "; it begins like UTF-16"
        } else {
            ""
        };
        Rejection::new(
            RejectionReason::NotUtf8,
            format!("byte {} is not UTF-8{hint}", error.valid_up_to()),
        )
    })
}

/// What a record that begins like this is, when it is no text.
fn binary_hint(record: &[u8], first: u8) -> Option<&'static str> {
    match record {
        [0, ..] => Some(
            "begins with the zero byte of a schema registry (Avro, Protobuf or JSON Schema); have the gateway produce plain JSON",
        ),
        [b'O', b'b', b'j', 1, ..] => {
            Some("an Avro object container; have the gateway produce plain JSON")
        }
        [0x1F, 0x8B, ..] => {
            Some("compressed by gzip inside the record; let the Kafka producer compress instead")
        }
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            Some("compressed by zstd inside the record; let the Kafka producer compress instead")
        }
        _ if first < 0x20 => Some(
            "begins with a control byte, as Protobuf and Avro do; have the gateway produce plain JSON",
        ),
        _ => None,
    }
}

/// Checks that a record is one JSON object, nested no deeper than `max_depth`.
///
/// # Errors
/// `record_array`, `too_deep` or `malformed`.
pub(super) fn json(text: &str, max_depth: usize) -> Result<(), Rejection> {
    match text.as_bytes().first() {
        Some(b'{') => {}
        Some(b'[') => {
            return Err(Rejection::new(
                RejectionReason::RecordArray,
                "an array of records; have the shipper write one record a message or line",
            ));
        }
        _ => {
            return Err(Rejection::malformed(
                "does not begin with `{`; is decode.format right?",
            ));
        }
    }
    // Every level needs an opening bracket: few brackets, no need to look closer.
    if memchr::memchr2_iter(b'{', b'[', text.as_bytes())
        .nth(max_depth)
        .is_none()
    {
        return Ok(());
    }
    if depth(text.as_bytes()) > max_depth {
        return Err(Rejection::new(
            RejectionReason::TooDeep,
            format!("nested deeper than the {max_depth} levels of decode.max_depth"),
        ));
    }
    Ok(())
}

/// Deepest nesting outside strings.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
