//! A value of an event that can be new: its hash, and its text for people.

use std::fmt::Write as _;
use std::net::IpAddr;

use compact_str::CompactString;

use super::hashed::Hashed;
use super::query::Query;
use crate::event::Text;
use crate::random::splitmix;
use crate::track::hash::{quick_hash, quick_hash_of, quick_hash_where};

/// Characters of a parameter's value that are looked at.
const READ: usize = 1_024;
/// Longest text of a value in bytes.
const TEXT_BYTES: usize = 96;

/// A value of an event, in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'e> {
    Text(&'e str),
    Texts([&'e str; 3]),
    /// An operation, and what it is asked with.
    Operation(Hashed<'e>, &'e str),
    /// With what it belongs to.
    List(Hashed<'e>, &'e [Text<'e>]),
    Number(Hashed<'e>, u64),
    /// The names of a query's parameters, with what they belong to.
    Names(Hashed<'e>, Query<'e>),
    /// An operation, one of its parameters, and two classes of signs that stand side by side in its value.
    Signs(Hashed<'e>, Hashed<'e>, [Sign; 2]),
    /// But for its versions.
    Agent(&'e str),
    /// A network: 24 bits of it, or 48.
    Network(IpAddr),
    Address(IpAddr),
}

impl Value<'_> {
    pub(super) fn hash(self) -> u64 {
        let joined = |known: u64, more: u64| splitmix(known ^ more);
        match self {
            Value::Text(text) => quick_hash(text),
            Value::Texts(texts) => {
                let each = texts.map(quick_hash);
                each.into_iter().fold(0, joined)
            }
            Value::Operation(of, with) => joined(of.hash, quick_hash(with)),
            Value::List(of, list) => {
                let each = list.iter().map(|text| quick_hash(text));
                each.fold(of.hash, joined)
            }
            Value::Number(of, number) => joined(of.hash, number),
            // In any order.
            Value::Names(of, query) => {
                let each = query.names().map(quick_hash);
                joined(of.hash, each.fold(0, u64::wrapping_add))
            }
            Value::Signs(of, name, signs) => {
                let signs = signs.map(|sign| u64::from(sign.number()));
                signs.into_iter().fold(joined(of.hash, name.hash), joined)
            }
            Value::Agent(agent) => {
                quick_hash_where(agent, |byte| !byte.is_ascii_digit() && byte != b'.')
            }
            Value::Network(IpAddr::V4(address)) => quick_hash_of(&address.octets()[..3]),
            Value::Network(IpAddr::V6(address)) => quick_hash_of(&address.octets()[..6]),
            Value::Address(IpAddr::V4(address)) => quick_hash_of(&address.octets()),
            Value::Address(IpAddr::V6(address)) => quick_hash_of(&address.octets()),
        }
    }

    /// For people, cut; the same for all values of one code.
    pub(super) fn text(self) -> CompactString {
        let mut text = CompactString::default();
        let written = match self {
            Value::Text(whole) => write!(text, "{whole}"),
            Value::Texts(texts) => {
                let texts = texts.into_iter().filter(|text| !text.is_empty());
                let texts: Vec<&str> = texts.collect();
                write!(text, "{}", texts.join(", "))
            }
            Value::Operation(of, with) => {
                let comma = if with.is_empty() { "" } else { ", " };
                write!(text, "{}{comma}{with}", of.text)
            }
            Value::List(of, list) => {
                let list: Vec<&str> = list.iter().map(Text::as_str).collect();
                let colon = if of.text.is_empty() { "" } else { ": " };
                write!(text, "{}{colon}{}", of.text, list.join(", "))
            }
            Value::Number(of, number) => write!(text, "{}: {number}", of.text),
            Value::Names(of, query) => {
                let mut names: Vec<&str> = query.names().collect();
                names.sort_unstable();
                write!(text, "{}: {}", of.text, names.join(", "))
            }
            Value::Signs(of, name, signs) => {
                let [a, b] = signs.map(Sign::text);
                write!(text, "{}: {} with {a} before {b}", of.text, name.text)
            }
            Value::Agent(agent) => {
                let is_version = |sign: char| sign.is_ascii_digit() || sign == '.';
                let parts: Vec<&str> = agent.split(is_version).collect();
                write!(text, "{}", parts.join(""))
            }
            Value::Network(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                write!(text, "{a}.{b}.{c}.0/24")
            }
            Value::Network(IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                write!(text, "{a:x}:{b:x}:{c:x}::/48")
            }
            Value::Address(address) => write!(text, "{address}"),
        };
        debug_assert!(written.is_ok(), "a string takes everything");
        let end = text.floor_char_boundary(TEXT_BYTES.min(text.len()));
        text.truncate(end);
        text
    }
}

/// A class of signs in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Begin or end.
    Edge,
    /// Letters and digits.
    Word,
    Space,
    /// What does not print.
    Control,
    Other(char),
    /// The length, in powers of two: not a sign, but counted with them.
    Length(u32),
}

impl Sign {
    fn of(sign: char) -> Sign {
        match sign {
            ' ' | '+' => Sign::Space,
            sign if sign.is_alphanumeric() => Sign::Word,
            sign if sign.is_control() => Sign::Control,
            sign => Sign::Other(sign),
        }
    }

    fn number(self) -> u32 {
        match self {
            Sign::Edge => 0,
            Sign::Word => 1,
            Sign::Space => 2,
            Sign::Control => 3,
            Sign::Length(bits) => 4 + bits,
            Sign::Other(sign) => 128 + u32::from(sign),
        }
    }

    fn text(self) -> CompactString {
        match self {
            Sign::Edge => "its edge".into(),
            Sign::Word => "a word".into(),
            Sign::Space => "a space".into(),
            Sign::Control => "a control character".into(),
            Sign::Other(sign) => compact_str::format_compact!("`{sign}`"),
            Sign::Length(bits) => compact_str::format_compact!("some {} characters", 1_u64 << bits),
        }
    }
}

/// Each two classes of signs that stand side by side in a value, and its length. Two of one class are one.
pub(super) fn signs(value: &str, mut take: impl FnMut([Sign; 2])) {
    let mut before = Sign::Edge;
    for sign in value.chars().take(READ).map(Sign::of) {
        if sign != before {
            take([before, sign]);
        }
        before = sign;
    }
    take([before, Sign::Edge]);
    take([Sign::Edge, Sign::Length(value.len().max(1).ilog2())]);
}
