//! Writes one JSON object into a byte buffer by hand: a generator that must outrun what it loads has no time for a
//! value tree.

use crate::event::Timestamp;

/// One JSON object in the making. The buffer is only appended to.
pub(crate) struct Line<'b> {
    buffer: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Line<'b> {
    /// Opens the object.
    pub(crate) fn open(buffer: &'b mut Vec<u8>) -> Self {
        buffer.push(b'{');
        Line {
            buffer,
            first: true,
        }
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        self.buffer.push(b'}');
    }

    /// Keys are ours: they need no escape.
    #[inline]
    fn key(&mut self, key: &'static str) {
        if !self.first {
            self.buffer.push(b',');
        }
        self.first = false;
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    /// A string.
    #[inline]
    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        self.buffer.push(b'"');
        escape_into(self.buffer, value);
        self.buffer.push(b'"');
    }

    /// A string, left out when there is none.
    #[inline]
    pub(crate) fn maybe(&mut self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A string that the closure writes; it must write what needs no escape.
    #[inline]
    pub(crate) fn plain(&mut self, key: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(key);
        self.buffer.push(b'"');
        write(self.buffer);
        self.buffer.push(b'"');
    }

    /// A whole number.
    #[inline]
    pub(crate) fn number(&mut self, key: &'static str, value: u64) {
        self.key(key);
        decimal_into(self.buffer, value);
    }

    /// A list of strings, left out when it is empty.
    pub(crate) fn list<T: AsRef<str>>(
        &mut self,
        key: &'static str,
        values: impl IntoIterator<Item = T>,
    ) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        self.key(key);
        self.buffer.push(b'[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.buffer.push(b',');
            }
            self.buffer.push(b'"');
            escape_into(self.buffer, value.as_ref());
            self.buffer.push(b'"');
        }
        self.buffer.push(b']');
    }

    /// An instant as RFC 3339 with milliseconds.
    #[inline]
    pub(crate) fn time(&mut self, key: &'static str, time: Timestamp) {
        self.key(key);
        self.buffer.push(b'"');
        time_into(self.buffer, time);
        self.buffer.push(b'"');
    }

    /// An instant as milliseconds since the epoch, the shorter of the two forms that the schema knows.
    #[inline]
    pub(crate) fn millis(&mut self, key: &'static str, time: Timestamp) {
        self.number(key, u64::try_from(time.micros() / 1_000).unwrap_or(0));
    }
}

/// Appends text with the escapes that JSON asks for (RFC 8259, section 7).
fn escape_into(buffer: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        buffer.extend_from_slice(&bytes[copied..index]);
        copied = index + 1;
        match byte {
            b'"' => buffer.extend_from_slice(b"\\\""),
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            _ => {
                buffer.extend_from_slice(b"\\u00");
                hex_into(buffer, u128::from(byte), 2);
            }
        }
    }
    buffer.extend_from_slice(&bytes[copied..]);
}

/// Appends a whole number in decimal.
#[inline]
#[allow(clippy::cast_possible_truncation)] // a digit
pub(crate) fn decimal_into(buffer: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}

/// Appends the lowest `digits` hexadecimal digits of a number.
#[inline]
pub(crate) fn hex_into(buffer: &mut Vec<u8>, value: u128, digits: u32) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in (0..digits).rev() {
        buffer.push(DIGITS[((value >> (place * 4)) & 15) as usize]);
    }
}

/// Appends a UUID, version 4 and variant set (RFC 9562, section 5.4).
pub(crate) fn uuid_into(buffer: &mut Vec<u8>, bits: u128) {
    let bits = (bits & !(0xf_u128 << 76) & !(0x3_u128 << 62)) | (0x4 << 76) | (0x2 << 62);
    for (shift, digits) in [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)] {
        if digits == 4 || digits == 12 {
            buffer.push(b'-');
        }
        hex_into(buffer, bits >> shift, digits);
    }
}

/// Appends `2026-03-01T10:00:00.250Z`. The date by H. Hinnant's `civil_from_days`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // digits of a date, each reduced below 10
pub(crate) fn time_into(buffer: &mut Vec<u8>, time: Timestamp) {
    let seconds = time.seconds();
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let two = |value: i64| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
    let ([c0, c1], [y0, y1]) = (two(year / 100), two(year));
    let ([m0, m1], [d0, d1]) = (two(month), two(day));
    let [h0, h1] = two(second / 3_600);
    let ([n0, n1], [s0, s1]) = (two(second / 60 % 60), two(second % 60));
    let millis = time.micros().rem_euclid(1_000_000) / 1_000;
    let ([_, f0], [f1, f2]) = (two(millis / 100), two(millis % 100));
    buffer.extend_from_slice(&[
        c0, c1, y0, y1, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'.',
        f0, f1, f2, b'Z',
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_a_library_writes() {
        for micros in [
            0,
            1_772_359_200_250_000,
            951_782_400_000_000,
            4_107_542_399_999_000,
        ] {
            let time = Timestamp::from_micros(micros);
            let mut buffer = Vec::new();
            time_into(&mut buffer, time);
            let text = String::from_utf8(buffer).unwrap();
            assert_eq!(Timestamp::parse_rfc3339(&text), Some(time), "{text}");
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        let mut buffer = Vec::new();
        let mut line = Line::open(&mut buffer);
        line.text("path", "a\"b\\c\n\u{1}д");
        line.number("status", 0);
        line.list("roles", ["x\"", "y"]);
        line.close();
        let value: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(value["path"], "a\"b\\c\n\u{1}д");
        assert_eq!(value["status"], 0);
        assert_eq!(value["roles"][0], "x\"");
    }

    #[test]
    fn uuids_have_version_and_variant() {
        let mut buffer = Vec::new();
        uuid_into(&mut buffer, u128::MAX);
        let id: uuid::Uuid = std::str::from_utf8(&buffer).unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
    }
}
