//! Numbers as servers write them: decimals in some unit, and `-1` for a duration that was not measured.

use super::rejection::Rejection;
use super::request::present;

/// What HAProxy, AWS and Kong write for a duration whose end was not reached.
pub(super) const NOT_MEASURED: &str = "-1";

/// A decimal number times ten to the power of `places`, cut to a whole number; exact, without floating point.
pub(super) fn decimal(text: &str, places: i32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole = whole.parse::<i64>().ok()?;
    let Ok(places) = u32::try_from(places) else {
        return Some(whole / 10_i64.pow(places.unsigned_abs()));
    };
    let mut value = whole;
    let mut digits = fraction.bytes();
    for _ in 0..places {
        let digit = digits.next().map_or(0, |digit| i64::from(digit - b'0'));
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(value)
}

/// A whole number of a column, `None` when the column is empty.
///
/// # Errors
/// `malformed`, naming the column.
pub(super) fn column(text: &str, name: &str) -> Result<Option<u64>, Rejection> {
    match present(text) {
        Some(digits) => digits
            .parse()
            .map(Some)
            .map_err(|_| Rejection::malformed(format!("{name} is no number"))),
        None => Ok(None),
    }
}

/// Microseconds of a column whose unit is 10^`places` of them, `None` when it was not measured.
///
/// # Errors
/// `malformed`, naming the column.
pub(super) fn duration(text: &str, places: i32, name: &str) -> Result<Option<u64>, Rejection> {
    if text == NOT_MEASURED || present(text).is_none() {
        return Ok(None);
    }
    decimal(text, places)
        .and_then(|micros| u64::try_from(micros).ok())
        .map(Some)
        .ok_or_else(|| Rejection::malformed(format!("{name} is no duration")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_may_be_unmeasured() {
        assert_eq!(duration("0.086", 6, "x"), Ok(Some(86_000)));
        assert_eq!(duration("49", 3, "x"), Ok(Some(49_000)));
        assert_eq!(duration("-1", 3, "x"), Ok(None));
        assert_eq!(duration("-", 3, "x"), Ok(None));
        assert!(duration("-2", 3, "x").is_err());
        assert!(duration("99999999999999999999", 3, "x").is_err());
    }

    #[test]
    fn what_is_no_number_names_its_column() {
        assert_eq!(column("-", "status"), Ok(None));
        let detail = column("4x", "status").unwrap_err().detail;
        assert!(
            detail.contains("status") && !detail.contains("4x"),
            "{detail}"
        );
    }
}
