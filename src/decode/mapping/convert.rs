//! From a JSON value to a field: units, times, addresses, request lines.

use std::borrow::Cow;

use crate::decode::number::{NOT_MEASURED, decimal};
use crate::decode::{request, times, tls};
use crate::event::{Event, Field, Kind, Slot, Target, Text, Timestamp};

macro_rules! conversions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal for $($kind:ident)|+),+ $(,)?) => {
        /// What is done to a value; the names stand in mapping files after `as:`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Conversion { $($(#[doc = $doc])+ $variant),+ }

        impl Conversion {
            pub(super) const ALL: &'static [Conversion] = &[$(Conversion::$variant),+];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Conversion::$variant => $name),+ }
            }

            /// Whether the conversion yields what such a field holds.
            pub(super) const fn fits(self, kind: Kind) -> bool {
                match self { $(Conversion::$variant => matches!(kind, $(Kind::$kind)|+)),+ }
            }
        }
    };
}

conversions! {
    /// As it is; numbers and booleans become text.
    Plain = "text" for Text,
    /// Text in lower case.
    Lower = "lower" for Text,
    /// `HTTP/1.1` becomes `1.1`.
    Protocol = "protocol" for Text,
    /// The scheme of an absolute URL.
    UrlScheme = "url_scheme" for Text,
    /// `1.3` or its number, `772`, becomes `TLSv1.3`.
    TlsVersion = "tls_version" for Text,
    /// The number of a cipher suite, `4865`, becomes its name.
    TlsSuite = "tls_suite" for Text,
    /// `GET /path?query HTTP/1.1`: sets method, path, query and version too.
    RequestLine = "request_line" for Text,
    /// `/path?query`: sets path and query too.
    RequestTarget = "target" for Text,
    /// A whole number, also as text.
    Integer = "integer" for Number,
    /// Seconds with a fraction become microseconds; a list (`0.1, 0.2`) is summed.
    Seconds = "seconds" for Number,
    /// Milliseconds become microseconds. In every unit `-1` means that it was not measured.
    Milliseconds = "milliseconds" for Number,
    /// Microseconds.
    Microseconds = "microseconds" for Number,
    /// Nanoseconds become microseconds.
    Nanoseconds = "nanoseconds" for Number,
    /// An address, perhaps with port.
    Address = "address" for Address,
    /// RFC 3339.
    Rfc3339 = "rfc3339" for Time,
    /// `10/Oct/2023:10:22:41 +0200`.
    Clf = "clf" for Time,
    /// Seconds since the epoch, perhaps with a fraction.
    EpochSeconds = "epoch_seconds" for Time,
    /// Milliseconds since the epoch.
    EpochMillis = "epoch_millis" for Time,
    /// Microseconds since the epoch.
    EpochMicros = "epoch_micros" for Time,
    /// Nanoseconds since the epoch.
    EpochNanos = "epoch_nanos" for Time,
    /// An array of text, or text split at spaces and commas.
    List = "list" for List,
}

impl Conversion {
    /// The conversion that a field has when none is named.
    pub(super) const fn default_for(kind: Kind) -> Conversion {
        match kind {
            Kind::Text => Conversion::Plain,
            Kind::Number => Conversion::Integer,
            Kind::Address => Conversion::Address,
            Kind::Time => Conversion::Rfc3339,
            Kind::List => Conversion::List,
        }
    }

    const fn is_duration(self) -> bool {
        matches!(
            self,
            Conversion::Seconds
                | Conversion::Milliseconds
                | Conversion::Microseconds
                | Conversion::Nanoseconds
        )
    }

    /// Decimal places that separate the unit from microseconds.
    const fn places(self) -> i32 {
        match self {
            Conversion::Seconds | Conversion::EpochSeconds => 6,
            Conversion::Milliseconds | Conversion::EpochMillis => 3,
            Conversion::Nanoseconds | Conversion::EpochNanos => -3,
            _ => 0,
        }
    }
}

/// One value of a record.
pub(super) type Scalar<'a> = Cow<'a, str>;

/// Writes a value to its field; `None` when it is not what the conversion expects.
pub(super) fn write<'a>(
    event: &mut Event<'a>,
    field: Field,
    conversion: Conversion,
    value: Scalar<'a>,
) -> Option<()> {
    match conversion {
        Conversion::RequestLine => {
            request::set_request_line(event, value);
            return Some(());
        }
        Conversion::RequestTarget => {
            request::set_target(event, value);
            return Some(());
        }
        _ => {}
    }
    match event.slot(field) {
        Slot::Text(slot) => *slot = text(conversion, value),
        Slot::Number(_) if conversion.is_duration() && value == NOT_MEASURED => {}
        Slot::Number(slot) => *slot = Some(number(conversion, &value)?),
        Slot::Address(slot) => *slot = address(&value)?,
        Slot::Time(slot) => *slot = Some(time(conversion, &value)?),
        Slot::EventTime(slot) => *slot = time(conversion, &value)?,
        Slot::List(slot) => {
            let items = value.split([' ', ',']).filter(|item| !item.is_empty());
            *slot = items.map(|item| Text::from(item.to_owned())).collect();
        }
        Slot::Computed => {}
    }
    Some(())
}

fn text(conversion: Conversion, value: Scalar<'_>) -> Option<Text<'_>> {
    let named = |name: Option<&'static str>| name.map(Text::from);
    let changed = match conversion {
        Conversion::Lower if value.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Some(Text::from(value.to_ascii_lowercase()))
        }
        Conversion::Protocol if value.starts_with("HTTP/") => {
            Some(Text::slice(&value, (5, value.len())))
        }
        Conversion::UrlScheme => {
            return Target::split(&value)
                .scheme
                .map(|range| Text::slice(&value, range));
        }
        Conversion::TlsVersion => named(tls::version(&value)),
        Conversion::TlsSuite => named(tls::suite(&value)),
        _ => None,
    };
    Some(changed.unwrap_or_else(|| Text::from(value)))
}

fn number(conversion: Conversion, value: &str) -> Option<u64> {
    if conversion == Conversion::Seconds && value.contains([',', ':']) {
        // NGINX lists one duration an upstream that was tried.
        let parts = value
            .split([',', ':'])
            .map(str::trim)
            .filter(|part| !matches!(*part, "" | "-"));
        return parts
            .map(|part| decimal(part, 6))
            .try_fold(0_u64, |sum, part| {
                sum.checked_add(u64::try_from(part?).ok()?)
            });
    }
    u64::try_from(decimal(value, conversion.places())?).ok()
}

#[expect(
    clippy::option_option,
    reason = "none: no address at all; some of none: a peer without one"
)]
fn address(value: &str) -> Option<Option<std::net::IpAddr>> {
    match request::address(value) {
        Some(address) => Some(Some(address)),
        // Peers on a socket file or inside the proxy have no address.
        None if value.starts_with("unix:")
            || value.starts_with(['/', '@'])
            || value.contains("://") =>
        {
            Some(None)
        }
        None => None,
    }
}

fn time(conversion: Conversion, value: &str) -> Option<Timestamp> {
    match conversion {
        Conversion::Rfc3339 => Timestamp::parse_rfc3339(value),
        Conversion::Clf => times::clf(value.as_bytes()),
        _ => decimal(value, conversion.places()).map(Timestamp::from_micros),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_microseconds_exactly() {
        assert_eq!(number(Conversion::Seconds, "0.004"), Some(4_000));
        assert_eq!(number(Conversion::Seconds, "0.001, 0.002 : -"), Some(3_000));
        assert_eq!(number(Conversion::Milliseconds, "1.5"), Some(1_500));
        assert_eq!(number(Conversion::Nanoseconds, "357313"), Some(357));
        assert_eq!(number(Conversion::Integer, "200"), Some(200));
        assert_eq!(number(Conversion::Integer, "-1"), None);
        assert_eq!(number(Conversion::Seconds, "99999999999999999"), None);
        let mut event = Event::default();
        let written = write(
            &mut event,
            Field::DurationUs,
            Conversion::Milliseconds,
            Scalar::Borrowed("-1"),
        );
        assert_eq!((written, event.duration_us), (Some(()), None));
        assert_eq!(
            time(Conversion::EpochSeconds, "1609459200.123").map(Timestamp::micros),
            Some(1_609_459_200_123_000)
        );
    }

    #[test]
    fn names_of_tls_and_schemes_are_made_alike() {
        let of = |conversion, value| text(conversion, Scalar::Borrowed(value));
        let is = |got: Option<Text<'_>>, want: Option<&str>| assert_eq!(got.as_deref(), want);
        is(of(Conversion::TlsVersion, "772"), Some("TLSv1.3"));
        is(of(Conversion::TlsVersion, "TLSv1.2"), Some("TLSv1.2"));
        is(
            of(Conversion::TlsSuite, "4865"),
            Some("TLS_AES_128_GCM_SHA256"),
        );
        is(
            of(Conversion::UrlScheme, "https://h:8443/a?b"),
            Some("https"),
        );
        is(of(Conversion::UrlScheme, "/a?b=http://h/"), None);
    }

    #[test]
    fn every_conversion_fits_a_kind_and_every_kind_has_a_default() {
        for kind in [
            Kind::Text,
            Kind::Number,
            Kind::Address,
            Kind::Time,
            Kind::List,
        ] {
            assert!(Conversion::default_for(kind).fits(kind));
        }
    }
}
