//! IIS: W3C extended log lines, and the same columns in events of Windows (provider `Microsoft-Windows-IIS-Logging`, event 6200).
//!
//! ```text
//! 2026-03-01 10:00:00 10.0.0.2 GET /a b=1 443 - 192.0.2.7 Mozilla/5.0+(X11) - 200 0 0 49
//! <Event …>…<Data Name="cs-method">GET</Data>…</Event>
//! ```
//! Lines have the columns of the setting, because a record does not see the `#Fields:` line above it. Times are UTC. IIS writes a plus
//! for each space of a value, so values have no spaces; XML names its columns. Source: Microsoft, "W3C Extended Log File Format (IIS)".

use std::borrow::Cow;

use super::number::{column, duration};
use super::rejection::{Rejection, RejectionReason};
use super::request::{self, present};
use crate::event::{Event, Text, Timestamp};

/// Longest reference of XML that is looked for, in bytes: `#x10FFFF;`, with some zeros.
const MAX_REFERENCE: usize = 16;

/// The columns of a line, in order.
#[derive(Debug)]
pub(super) struct Columns(Vec<Column>);

macro_rules! columns {
    ($($variant:ident = $($name:literal)|+),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Column { $($variant),+, PassedOver }

        impl Column {
            fn named(name: &str) -> Column {
                match name { $($($name)|+ => Column::$variant,)+ _ => Column::PassedOver }
            }
        }
    };
}

columns! {
    Date = "date",
    Time = "time",
    Gateway = "s-computername",
    Method = "cs-method",
    Stem = "cs-uri-stem",
    Query = "cs-uri-query",
    Subject = "cs-username",
    Client = "c-ip",
    Version = "cs-version",
    Host = "cs-host" | "cs(Host)",
    UserAgent = "cs(User-Agent)" | "csUser-Agent",
    Cookie = "cs(Cookie)" | "csCookie",
    Referer = "cs(Referer)" | "csReferer",
    Forwarded = "X-Forwarded-For" | "cs(X-Forwarded-For)",
    Status = "sc-status",
    Substatus = "sc-substatus",
    Win32Status = "sc-win32-status",
    ResponseBytes = "sc-bytes",
    RequestBytes = "cs-bytes",
    TimeTaken = "time-taken",
    Protocol = "crypt-protocol",
}

impl Columns {
    /// Reads the setting: names as in the line `#Fields:`, which may stand in front. `None` when date or time is not among them.
    pub(super) fn parse(names: &str) -> Option<Self> {
        let names = names.strip_prefix("#Fields:").unwrap_or(names);
        let columns: Vec<Column> = names.split_ascii_whitespace().map(Column::named).collect();
        let has = |column| columns.contains(&column);
        (has(Column::Date) && has(Column::Time)).then_some(Columns(columns))
    }

    /// Decodes one line or one event of Windows.
    ///
    /// # Errors
    /// `malformed`, naming the column; `missing_time`.
    pub(super) fn decode<'a>(&self, text: &'a str) -> Result<Event<'a>, Rejection> {
        match text.as_bytes().first() {
            Some(b'<') => xml(text),
            Some(b'#') => Err(Rejection::malformed(
                "a header line of a W3C log; columns are those of decode.iis_fields, so have the shipper drop these lines",
            )),
            _ => self.line(text),
        }
    }

    fn line<'a>(&self, text: &'a str) -> Result<Event<'a>, Rejection> {
        let mut row = Row::default();
        let mut values = text.split(' ');
        for column in &self.0 {
            let value = values.next().ok_or_else(|| {
                Rejection::malformed("fewer columns than decode.iis_fields names")
            })?;
            row.set(*column, Cow::Borrowed(value))?;
        }
        if values.next().is_some() {
            return Err(Rejection::malformed(
                "more columns than decode.iis_fields names",
            ));
        }
        row.finish()
    }
}

/// `<Data Name="column">value</Data>`, as often as there are columns. Values are escaped, so they cannot forge one.
fn xml(text: &str) -> Result<Event<'_>, Rejection> {
    let (system, mut rest) = text
        .split_once("<EventData>")
        .ok_or_else(|| Rejection::malformed("no `<EventData>` in an event of Windows"))?;
    if !system.contains("Microsoft-Windows-IIS-Logging") {
        return Err(Rejection::malformed("an event of Windows, but not of IIS"));
    }
    let mut row = Row::default();
    while let Some((_, after)) = rest.split_once("<Data Name=") {
        let (tag, after) = after
            .split_once('>')
            .ok_or_else(|| Rejection::malformed("a `<Data>` that does not end"))?;
        rest = after;
        if tag.ends_with('/') {
            continue;
        }
        let (value, after) = after
            .split_once('<')
            .ok_or_else(|| Rejection::malformed("a `<Data>` that does not end"))?;
        rest = after;
        let name = tag.trim_matches(['"', '\'']);
        row.set(Column::named(name), unescape_xml(value))?;
    }
    row.finish()
}

/// An event in the making, and the columns that only together make a field.
#[derive(Default)]
struct Row<'a> {
    event: Event<'a>,
    date: Cow<'a, str>,
    time: Cow<'a, str>,
    substatus: u64,
}

impl<'a> Row<'a> {
    fn set(&mut self, name: Column, value: Cow<'a, str>) -> Result<(), Rejection> {
        if present(&value).is_none() {
            return Ok(());
        }
        let event = &mut self.event;
        match name {
            Column::Date => self.date = value,
            Column::Time => self.time = value,
            Column::Gateway => event.gateway = Some(value.into()),
            Column::Method => event.method = Some(value.into()),
            Column::Stem => event.path = Some(value.into()),
            Column::Query => event.query = Some(value.into()),
            Column::Subject => event.subject = Some(value.into()),
            Column::Client => event.client_address = Some(client(&value)?),
            Column::Version => event.http_version = Some(version(value)),
            Column::Host => event.host = Some(value.into()),
            Column::UserAgent => event.user_agent = Some(with_spaces(value)),
            Column::Cookie => event.cookie = Some(with_spaces(value)),
            Column::Referer => event.referer = Some(value.into()),
            Column::Forwarded => event.forwarded_for = Some(with_spaces(value)),
            Column::Status => event.status = column(&value, "sc-status")?,
            Column::Substatus => self.substatus = column(&value, "sc-substatus")?.unwrap_or(0),
            Column::Win32Status => event.error = windows_error(&value)?,
            Column::ResponseBytes => event.response_bytes = column(&value, "sc-bytes")?,
            Column::RequestBytes => event.request_bytes = column(&value, "cs-bytes")?,
            Column::TimeTaken => event.duration_us = duration(&value, 3, "time-taken")?,
            Column::Protocol => event.tls_version = protocol(&value).map(Text::from),
            Column::PassedOver => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Event<'a>, Rejection> {
        if self.date.is_empty() || self.time.is_empty() {
            return Err(Rejection::new(
                RejectionReason::MissingTime,
                "no `date` or no `time`",
            ));
        }
        let stamp = format!("{}T{}Z", self.date, self.time);
        self.event.time = Timestamp::parse_rfc3339(&stamp)
            .ok_or_else(|| Rejection::malformed("date and time are no time"))?;
        self.event.uri = match (&self.event.path, &self.event.query) {
            (Some(path), Some(query)) => Some(Text::from(format!("{path}?{query}"))),
            (path, _) => path.clone(),
        };
        if self.event.status == Some(404) && is_filtered(self.substatus) {
            self.event.waf_verdict = Some(Text::from("block"));
        }
        Ok(self.event)
    }
}

/// The client without the zone that a link-local address may have.
fn client(text: &str) -> Result<std::net::IpAddr, Rejection> {
    let plain = text.split('%').next().unwrap_or(text);
    request::address(plain).ok_or_else(|| Rejection::malformed("c-ip is no address"))
}

fn version(value: Cow<'_, str>) -> Text<'_> {
    if value.starts_with("HTTP/") {
        return Text::slice(&value, (5, value.len()));
    }
    value.into()
}

/// IIS writes a plus for each space; a plus of the caller's own becomes a space too.
fn with_spaces(value: Cow<'_, str>) -> Text<'_> {
    if memchr::memchr(b'+', value.as_bytes()).is_none() {
        return value.into();
    }
    Text::from(value.replace('+', " "))
}

fn windows_error(text: &str) -> Result<Option<Text<'static>>, Rejection> {
    let code = column(text, "sc-win32-status")?.filter(|code| *code != 0);
    Ok(code.map(|code| Text::from(format!("win32 status {code}"))))
}

/// Whether a 404 comes from request filtering. Source: Microsoft, "The HTTP status code in IIS".
const fn is_filtered(substatus: u64) -> bool {
    matches!(substatus, 5..=8 | 10..=15 | 18..=20)
}

/// Name of a protocol by the server's bit of Schannel's `SP_PROT`, in hexadecimal.
fn protocol(text: &str) -> Option<&'static str> {
    Some(match text {
        "4" => "SSLv2",
        "10" => "SSLv3",
        "40" => "TLSv1",
        "100" => "TLSv1.1",
        "400" => "TLSv1.2",
        "1000" => "TLSv1.3",
        _ => return None,
    })
}

/// Resolves the five named references of XML and those by number; others stay.
fn unescape_xml(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        if let Some((character, length)) = reference(after) {
            plain.push(character);
            rest = &after[length..];
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character that `amp;` and the like stand for, and their length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text
        .bytes()
        .take(MAX_REFERENCE)
        .position(|byte| byte == b';')?;
    let name = &text[..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests;
