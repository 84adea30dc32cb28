//! Path and query: decoded, normalised, and looked at value by value.
//!
//! A part is decoded between its separators, so an encoded `/` or `&` stays inside its value. Backslashes become slashes,
//! doubled slashes and `.` segments go; `..` segments stay, for rules look for them.

use std::borrow::Cow;

use super::attack::{self, Attacks};
use super::classes::{self, AT, BACKSLASH, DIGIT, PERCENT, PLUS, UPPER};
use super::payload::{self, Payload, Seen};
use super::percent::{self, Oddities};
use super::personal::{self, Shape};
use crate::event::{Event, Fact, FactSet, Text};

/// Sets `path_decoded`, `query_decoded`, `payload` and their facts.
pub(super) fn inspect(event: &mut Event<'_>, attacks: &Attacks) {
    let mut facts = event.facts;
    let mut oddities = Oddities::default();
    let mut payload = Payload::default();
    let mut seen = Seen {
        attacks,
        facts: &mut facts,
    };
    if let Some(path) = &event.path {
        event.path_decoded = inspect_path(path, &mut payload, &mut oddities, &mut seen);
    }
    if let Some(query) = &event.query {
        event.query_decoded = inspect_query(query, &mut payload, &mut oddities, &mut seen);
    }
    payload::headers(event, &mut payload, &mut seen);
    event.payload = payload.finish(&mut facts);
    if oddities.repeated {
        facts.insert(Fact::EncodingRepeated);
    }
    if oddities.broken {
        facts.insert(Fact::EncodingBroken);
    }
    event.facts = facts;
}

fn inspect_path(
    path: &str,
    payload: &mut Payload,
    oddities: &mut Oddities,
    seen: &mut Seen<'_>,
) -> Option<Text<'static>> {
    let mut classes = classes::of(path);
    let is_encoded = classes & PERCENT != 0;
    let may_have_backslash = classes & (PERCENT | BACKSLASH) != 0;
    let decoded = if is_encoded {
        let mut decoded = String::with_capacity(path.len());
        for (at, segment) in path.split('/').enumerate() {
            if at > 0 {
                decoded.push('/');
            }
            let segment = percent::decode(segment, false, oddities);
            seen.attacks
                .inspect(&segment, classes::of(&segment), seen.facts);
            decoded.push_str(&segment);
        }
        classes = classes::of(&decoded);
        Cow::Owned(decoded)
    } else {
        if attack::is_suspicious(classes) {
            for segment in path.split('/') {
                seen.attacks
                    .inspect(segment, classes::of(segment), seen.facts);
            }
        }
        Cow::Borrowed(path)
    };
    let is_loud = payload::is_loud_path(&decoded, classes, seen.attacks);
    if is_loud {
        payload.text(&decoded, seen);
    }
    if classes & UPPER != 0 {
        for segment in decoded.split('/') {
            payload.hidden(segment, classes::of(segment), seen);
        }
    }
    let normal = normalise(decoded, may_have_backslash);
    // `..;` is a parent to servers that cut path parameters off.
    if is_loud
        && normal
            .split('/')
            .any(|segment| segment == ".." || segment.starts_with("..;"))
    {
        seen.facts.insert(Fact::PathTraversal);
    }
    personal_facts(&normal, seen.facts);
    changed(normal, path)
}

fn inspect_query(
    query: &str,
    payload: &mut Payload,
    oddities: &mut Oddities,
    seen: &mut Seen<'_>,
) -> Option<Text<'static>> {
    let is_encoded = classes::of(query) & (PERCENT | PLUS) != 0;
    let mut decoded = String::new();
    if is_encoded {
        decoded.reserve(query.len());
    }
    for (at, pair) in query.split('&').enumerate() {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let name = part(name, is_encoded, oddities);
        let value = value.map(|value| part(value, is_encoded, oddities));
        let classes = [classes::of(&name), value.as_deref().map_or(0, classes::of)];
        seen.attacks.inspect(&name, classes[0], seen.facts);
        if let Some(value) = &value {
            seen.attacks.inspect(value, classes[1], seen.facts);
        }
        payload.pair(&name, value.as_deref(), classes, seen);
        if is_encoded {
            if at > 0 {
                decoded.push('&');
            }
            decoded.push_str(&name);
            if let Some(value) = &value {
                decoded.push('=');
                decoded.push_str(value);
            }
        }
    }
    if !is_encoded {
        personal_facts(query, seen.facts);
        return None;
    }
    personal_facts(&decoded, seen.facts);
    changed(Cow::Owned(decoded), query)
}

fn part<'t>(raw: &'t str, is_encoded: bool, oddities: &mut Oddities) -> Cow<'t, str> {
    if is_encoded {
        percent::decode(raw, true, oddities)
    } else {
        Cow::Borrowed(raw)
    }
}

fn changed(text: Cow<'_, str>, raw: &str) -> Option<Text<'static>> {
    match text {
        Cow::Owned(text) if text != raw => Some(Text::from(text)),
        _ => None,
    }
}

/// Slashes in place of backslashes, no empty and no `.` segments; the last may be empty.
fn normalise(path: Cow<'_, str>, may_have_backslash: bool) -> Cow<'_, str> {
    let has_backslash = may_have_backslash && path.contains('\\');
    let bytes = path.as_bytes();
    let has_empty =
        memchr::memchr_iter(b'/', bytes).any(|at| matches!(bytes.get(at + 1), Some(b'/' | b'.')));
    if !has_backslash && !has_empty {
        return path;
    }
    let mut normal = String::with_capacity(path.len());
    let is_slash = |character: char| character == '/' || has_backslash && character == '\\';
    let last = path.split(is_slash).count() - 1;
    for (at, segment) in path.split(is_slash).enumerate() {
        let is_nothing = (segment.is_empty() || segment == ".") && at != 0 && at != last;
        if is_nothing {
            continue;
        }
        if at > 0 {
            normal.push('/');
        }
        normal.push_str(segment);
    }
    Cow::Owned(normal)
}

fn personal_facts(text: &str, facts: &mut FactSet) {
    if classes::of(text) & (AT | DIGIT) == 0 {
        return;
    }
    for (shape, _) in personal::find(text) {
        facts.insert(match shape {
            Shape::Email => Fact::PersonalEmail,
            Shape::Phone => Fact::PersonalPhone,
            Shape::Plate => Fact::PersonalPlate,
            Shape::Card => Fact::PersonalCard,
            Shape::Passport => Fact::PersonalPassport,
        });
    }
}
