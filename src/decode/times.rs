//! Times as servers write them, besides RFC 3339.

use crate::event::Timestamp;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Length of `10/Oct/2023:10:22:41 +0200`.
pub(super) const CLF_LENGTH: usize = 26;

/// `10/Oct/2023:10:22:41 +0200`, as access logs have it (Apache `%t`, NGINX `$time_local`).
pub(super) fn clf(text: &[u8]) -> Option<Timestamp> {
    let [
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        o1,
        o2,
        o3,
        o4,
    ] = text
    else {
        return None;
    };
    let time_of_day = (pair(*h1, *h2)?, pair(*n1, *n2)?, pair(*s1, *s2)?);
    let local = civil(
        year([*y1, *y2, *y3, *y4])?,
        month([*m1, *m2, *m3])?,
        pair(*d1, *d2)?,
        time_of_day,
    )?;
    let (hours, minutes) = (pair(*o1, *o2)?, pair(*o3, *o4)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = (i64::from(hours) * 3_600 + i64::from(minutes) * 60) * 1_000_000;
    match sign {
        b'+' => Some(local.plus_micros(-offset)),
        b'-' => Some(local.plus_micros(offset)),
        _ => None,
    }
}

/// `2021/12/02 11:53:15`, as NGINX's error log has it: without zone, taken for UTC.
pub(super) fn nginx_error(text: &[u8]) -> Option<Timestamp> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'/',
        m1,
        m2,
        b'/',
        d1,
        d2,
        b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = text
    else {
        return None;
    };
    civil(
        year([*y1, *y2, *y3, *y4])?,
        pair(*m1, *m2)?,
        pair(*d1, *d2)?,
        (pair(*h1, *h2)?, pair(*n1, *n2)?, pair(*s1, *s2)?),
    )
}

/// `Fri Oct 08 17:08:41.203277 2021`, as Apache's error log has it: without zone, taken for UTC.
pub(super) fn apache_error(text: &[u8]) -> Option<Timestamp> {
    let [
        _,
        _,
        _,
        b' ',
        m1,
        m2,
        m3,
        b' ',
        d1,
        d2,
        b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        rest @ ..,
    ] = text
    else {
        return None;
    };
    let [fraction @ .., b' ', y1, y2, y3, y4] = rest else {
        return None;
    };
    let base = civil(
        year([*y1, *y2, *y3, *y4])?,
        month([*m1, *m2, *m3])?,
        pair(*d1, *d2)?,
        (pair(*h1, *h2)?, pair(*n1, *n2)?, pair(*s1, *s2)?),
    )?;
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if digits.len() == 6 && digits.iter().all(u8::is_ascii_digit) => digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')),
        _ => return None,
    };
    Some(base.plus_micros(micros))
}

/// `14/Jan/2015:12:48:57.127`, as HAProxy has it (`%tr`): without zone, taken for UTC.
pub(super) fn haproxy(text: &[u8]) -> Option<Timestamp> {
    let [date @ .., b'.', m1, m2, m3] = text else {
        return None;
    };
    let [
        d1,
        d2,
        b'/',
        n1,
        n2,
        n3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
    ] = date
    else {
        return None;
    };
    let base = civil(
        year([*y1, *y2, *y3, *y4])?,
        month([*n1, *n2, *n3])?,
        pair(*d1, *d2)?,
        (pair(*h1, *h2)?, pair(*i1, *i2)?, pair(*s1, *s2)?),
    )?;
    let millis = i64::from(pair(*m1, *m2)?) * 10 + i64::from(pair(b'0', *m3)?);
    Some(base.plus_micros(millis * 1_000))
}

/// Whether the 16 bytes are `Jul  8 11:07:07 `, the beginning of a syslog line.
pub(super) fn is_syslog(text: &str) -> bool {
    let [
        m1,
        m2,
        m3,
        b' ',
        d1,
        d2,
        b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
    ] = text.as_bytes()
    else {
        return false;
    };
    let day = if *d1 == b' ' {
        pair(b'0', *d2)
    } else {
        pair(*d1, *d2)
    };
    month([*m1, *m2, *m3]).is_some()
        && day.is_some()
        && pair(*h1, *h2).is_some()
        && pair(*n1, *n2).is_some()
        && pair(*s1, *s2).is_some()
}

fn civil(year: i64, month: u8, day: u8, time_of_day: (u8, u8, u8)) -> Option<Timestamp> {
    Timestamp::from_civil(year, month, day, time_of_day)
}

fn month(name: [u8; 3]) -> Option<u8> {
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| **month == name)
        .map(|(number, _)| number)
}

fn year(digits: [u8; 4]) -> Option<i64> {
    Some(i64::from(pair(digits[0], digits[1])?) * 100 + i64::from(pair(digits[2], digits[3])?))
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_times_are_the_instants_they_say() {
        let want = |text| Timestamp::parse_rfc3339(text);
        assert_eq!(
            clf(b"10/Oct/2023:10:22:41 +0200"),
            want("2023-10-10T08:22:41Z")
        );
        assert_eq!(
            clf(b"18/Dec/2022:18:15:22 -0730"),
            want("2022-12-19T01:45:22Z")
        );
        assert_eq!(
            nginx_error(b"2021/12/02 11:53:15"),
            want("2021-12-02T11:53:15Z")
        );
        assert_eq!(
            apache_error(b"Fri Oct 08 17:08:41.203277 2021"),
            want("2021-10-08T17:08:41.203277Z")
        );
        assert_eq!(
            haproxy(b"14/Jan/2015:12:48:57.127"),
            want("2015-01-14T12:48:57.127Z")
        );
        assert_eq!(haproxy(b"14/Jan/2015:12:48:57"), None);
        assert_eq!(clf(b"31/Feb/2023:10:22:41 +0200"), None);
        assert_eq!(clf(b"10/Okt/2023:10:22:41 +0200"), None);
        assert!(is_syslog("Jul  8 11:07:07 "));
    }
}
