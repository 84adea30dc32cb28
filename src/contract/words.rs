//! How spans of time, networks, names with wildcards and TLS versions are written in a contract.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::de::{self, Deserialize, Deserializer};

/// Reads a type by its `FromStr`; the YAML reader adds the place.
macro_rules! deserialized_from_text {
    ($type:ty) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// A span of time: a whole number and `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[1-9][0-9]{0,8}[smhd]$"))]
pub struct Span {
    /// Microseconds, above 0.
    pub micros: i64,
}

impl Span {
    /// Whole minutes.
    #[must_use]
    pub fn minutes(self) -> u32 {
        u32::try_from(self.micros / 60_000_000).unwrap_or(u32::MAX)
    }

    /// Whether it is a number of whole minutes.
    #[must_use]
    pub const fn is_of_minutes(self) -> bool {
        self.micros % 60_000_000 == 0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
        units
            .into_iter()
            .find_map(|(unit, seconds)| {
                let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
                (number > 0).then(|| Span {
                    micros: i64::from(number) * seconds * 1_000_000,
                })
            })
            .ok_or_else(|| {
                format!("`{text}` is no span of time: a whole number above 0 and s, m, h or d, such as `15m`")
            })
    }
}

deserialized_from_text!(Span);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.micros / 1_000_000;
        let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
        let whole = units.into_iter().find(|(_, size)| seconds % size == 0);
        let (unit, size) = whole.unwrap_or(("s", 1));
        write!(f, "{}{unit}", seconds / size)
    }
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether the other lies in it.
    #[must_use]
    pub fn covers(&self, other: &Network) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Network(IpNet::from(address)));
        }
        let net: IpNet = text.parse().map_err(|_| {
            format!("`{text}` is neither a network nor an address, such as `10.20.0.0/16` or `2001:db8::7`")
        })?;
        if net.trunc() != net {
            let first = net.trunc();
            return Err(format!(
                "`{text}` has bits behind its prefix: is `{first}` meant?"
            ));
        }
        Ok(Network(net))
    }
}

deserialized_from_text!(Network);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

/// A name, or the beginning of names when it ends with `*`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Name {
    text: Box<str>,
    is_prefix: bool,
}

impl Name {
    /// Whether it stands for all that the other stands for.
    #[must_use]
    pub fn covers(&self, other: &Name) -> bool {
        if self.is_prefix {
            other.text.starts_with(&*self.text)
        } else {
            self == other
        }
    }

    /// Whether it stands for this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        if self.is_prefix {
            name.starts_with(&*self.text)
        } else {
            name == &*self.text
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, is_prefix) = text
            .strip_suffix('*')
            .map_or((text, false), |name| (name, true));
        if name.is_empty() || name.contains('*') {
            return Err(format!(
                "`{text}` is no name: letters, and a `*` at the end at most, which stands for any end"
            ));
        }
        Ok(Name {
            text: name.into(),
            is_prefix,
        })
    }
}

deserialized_from_text!(Name);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

/// Ids of resources: a range of whole numbers such as `10000-10399`, or a name.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub enum Ids {
    /// From the first to the last.
    Range(u64, u64),
    /// A name, or the beginning of names.
    Name(Name),
}

impl Ids {
    /// Whether an id is one of them.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        match self {
            Ids::Range(first, last) => id.parse().is_ok_and(|id| (first..=last).contains(&&id)),
            Ids::Name(name) => name.is(id),
        }
    }

    /// Whether all of the others are among them.
    #[must_use]
    pub fn covers(&self, other: &Ids) -> bool {
        match (self, other) {
            (Ids::Range(..), Ids::Range(first, last)) => {
                self.has(&first.to_string()) && self.has(&last.to_string())
            }
            (Ids::Name(name), Ids::Name(other)) => name.covers(other),
            _ => false,
        }
    }
}

impl FromStr for Ids {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = text.split_once('-').and_then(|(first, last)| {
            Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?))
        });
        match range {
            Some((first, last)) if first <= last => Ok(Ids::Range(first, last)),
            Some(_) => Err(format!("`{text}` ends before it begins")),
            None => Ok(Ids::Name(text.parse()?)),
        }
    }
}

deserialized_from_text!(Ids);

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ids::Range(first, last) => write!(f, "{first}-{last}"),
            Ids::Name(name) => name.fmt(f),
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("enum" = ["TLSv1.2", "TLSv1.3"]))]
pub struct TlsVersion(u8);

impl TlsVersion {
    /// The version as logs write it: `TLSv1.2`, `TLS 1.2`, `1.2`, `TLSv1`, `SSLv3`; `None` for what is none.
    #[must_use]
    pub fn of_log(text: &str) -> Option<TlsVersion> {
        let digits =
            text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == ' ' || c == '_');
        let is_ssl = text
            .get(..3)
            .is_some_and(|begin| begin.eq_ignore_ascii_case("ssl"));
        match (is_ssl, digits) {
            (true, _) => Some(TlsVersion(0)),
            (false, "1" | "1.0" | "1_0") => Some(TlsVersion(10)),
            (false, "1.1" | "1_1") => Some(TlsVersion(11)),
            (false, "1.2" | "1_2") => Some(TlsVersion(12)),
            (false, "1.3" | "1_3") => Some(TlsVersion(13)),
            _ => None,
        }
    }
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "TLSv1.2" => Ok(TlsVersion(12)),
            "TLSv1.3" => Ok(TlsVersion(13)),
            _ => Err(format!("`{text}` is no floor: `TLSv1.2` or `TLSv1.3`")),
        }
    }
}

deserialized_from_text!(TlsVersion);

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("SSL"),
            version => write!(f, "TLSv{}.{}", version / 10, version % 10),
        }
    }
}

/// A day, such as `2026-03-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("format" = "date"))]
pub struct Day(jiff::civil::Date);

impl Day {
    /// When the day begins in UTC, in microseconds since 1970.
    #[must_use]
    pub fn begins(self) -> i64 {
        let epoch = jiff::civil::date(1970, 1, 1);
        i64::from(epoch.until(self.0).map_or(0, |span| span.get_days())) * 86_400_000_000
    }

    /// When it ends.
    #[must_use]
    pub fn ends(self) -> i64 {
        self.begins().saturating_add(86_400_000_000)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = text
            .parse()
            .ok()
            .filter(|day: &jiff::civil::Date| day.year() >= 1970);
        day.map(Day)
            .ok_or_else(|| format!("`{text}` is no day, such as `2026-03-31`"))
    }
}

deserialized_from_text!(Day);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_a_unit() {
        assert_eq!("90s".parse(), Ok(Span { micros: 90_000_000 }));
        assert_eq!(
            "2d".parse(),
            Ok(Span {
                micros: 172_800_000_000
            })
        );
        for text in ["90s", "15m", "1h", "2d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("120m".parse::<Span>().unwrap().to_string(), "2h");
        for bad in ["", "5", "0s", "-1h", "1.5h", "1w", "h", "99999999999s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_are_whole() {
        let network: Network = "10.20.0.0/16".parse().unwrap();
        assert!(network.contains("10.20.3.4".parse().unwrap()));
        assert!(!network.contains("10.21.3.4".parse().unwrap()));
        let one: Network = "2001:db8::7".parse().unwrap();
        assert!(one.contains("2001:db8::7".parse().unwrap()));
        let wrong = "10.20.1.0/16".parse::<Network>().unwrap_err();
        assert!(wrong.contains("`10.20.0.0/16`"), "{wrong}");
        assert!("10.20".parse::<Network>().is_err());
    }

    #[test]
    fn a_name_may_stand_for_those_that_begin_with_it() {
        let terminals: Name = "terminal-*".parse().unwrap();
        assert!(terminals.is("terminal-7") && !terminals.is("camera-7"));
        let one: Name = "barrier".parse().unwrap();
        assert!(one.is("barrier") && !one.is("barrier-2"));
        assert!("*".parse::<Name>().is_err() && "a*b".parse::<Name>().is_err());
    }

    #[test]
    fn ids_are_ranges_or_names() {
        let ids = |text: &str| text.parse::<Ids>().unwrap();
        assert!(ids("100-200").has("100") && ids("100-200").has("200"));
        assert!(!ids("100-200").has("201") && !ids("100-200").has("150x"));
        assert!(ids("mo-17-*").has("mo-17-3") && !ids("mo-17").has("mo-17-3"));
        assert!(ids("1-9").covers(&ids("2-8")) && !ids("1-9").covers(&ids("2-10")));
        assert!("9-1".parse::<Ids>().is_err());
    }

    #[test]
    fn versions_of_logs_are_compared() {
        let floor: TlsVersion = "TLSv1.2".parse().unwrap();
        for old in ["SSLv3", "TLSv1", "TLS 1.0", "1.1", "TLSv1.1"] {
            assert!(TlsVersion::of_log(old).unwrap() < floor, "{old}");
        }
        assert!(TlsVersion::of_log("TLS_1_3").unwrap() > floor);
        assert_eq!(TlsVersion::of_log("QUIC"), None);
        assert!("TLSv1.1".parse::<TlsVersion>().is_err());
    }

    #[test]
    fn days_have_a_beginning_and_an_end() {
        let day: Day = "1970-01-02".parse().unwrap();
        assert_eq!(
            (day.begins(), day.ends()),
            (86_400_000_000, 172_800_000_000)
        );
        assert!("2026-02-30".parse::<Day>().is_err() && "1812-01-01".parse::<Day>().is_err());
    }
}
