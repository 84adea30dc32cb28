//! Values that are base64 of a text. A value that only looks like it is given up at the first byte that no text has, which for an
//! id comes within a few letters.

/// Shorter values are words.
const SHORTEST: usize = 10;
/// Longest value that is decoded.
const LONGEST: usize = 8 * 1024;

/// The text that a value is base64 of, in the alphabet of RFC 4648 (4 or 5), padded or not; `None` when it is none.
pub(super) fn decode(value: &str) -> Option<String> {
    let value = value.trim_end_matches('=').as_bytes();
    if !(SHORTEST..=LONGEST).contains(&value.len()) || value.len() % 4 == 1 {
        return None;
    }
    let mut text = Vec::new();
    for group in value.chunks(4) {
        let mut bits = 0_u32;
        for letter in group {
            bits = bits << 6 | sextet(*letter)?;
        }
        bits <<= 6 * (4 - group.len());
        for byte in bits.to_be_bytes()[1..].iter().take(group.len() - 1) {
            if !matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0 | 0x80..) {
                return None;
            }
            if text.capacity() == 0 {
                if *byte == 0 || *byte >= 0x80 {
                    return None;
                }
                text.reserve_exact(value.len() / 4 * 3 + 3);
            }
            text.push(*byte);
        }
    }
    String::from_utf8(text).ok()
}

fn sextet(letter: u8) -> Option<u32> {
    Some(u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' | b' ' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_and_ids_are_not() {
        for (value, text) in [
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
                "<script>alert(1)</script>",
            ),
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
                "<script>alert(1)</script>",
            ),
            ("Li4vLi4vZXRjL3Bhc3N3ZA==", "../../etc/passwd"),
        ] {
            assert_eq!(decode(value).as_deref(), Some(text), "{value}");
        }
        for value in [
            "550e8400-e29b-41d4-a716-446655440000",
            "residents-search",
            "short",
            "dGVzdA==",
            "concierge_desk_one",
            "5f2b1c9ae4",
        ] {
            assert_eq!(decode(value), None, "{value}");
        }
    }
}
