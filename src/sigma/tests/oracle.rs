//! A naive evaluator, written straight from the specification: it reads the YAML of a rule and a native record for every
//! question, tries every way a wildcard can go, and shares no code with the engine.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

/// The values of the one placeholder that rules may name.
pub(super) const WORDS: [&str; 3] = ["sqlmap", "*key", "ж?"];

/// Whether a rule, one YAML document, matches a native record.
pub(super) fn matches(rule: &str, record: &Json) -> bool {
    let rule: Json = serde_saphyr::from_str(rule).unwrap();
    let detection = &rule["detection"];
    condition(detection["condition"].as_str().unwrap(), detection, record)
}

fn condition(text: &str, detection: &Json, record: &Json) -> bool {
    let text = text.trim();
    if let Some((left, right)) = split(text, " or ") {
        return condition(left, detection, record) | condition(right, detection, record);
    }
    if let Some((left, right)) = split(text, " and ") {
        return condition(left, detection, record) & condition(right, detection, record);
    }
    if let Some(rest) = text.strip_prefix("not ") {
        return !condition(rest, detection, record);
    }
    if let Some(inner) = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        return condition(inner, detection, record);
    }
    if let Some((quantity, pattern)) = text.split_once(" of ") {
        let mut chosen = detection
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| match pattern {
                "them" => *name != "condition" && !name.starts_with('_'),
                pattern => name.starts_with(pattern.trim_end_matches('*')),
            })
            .map(|(_, search)| identifier(search, record));
        return match quantity {
            "all" => chosen.all(|holds| holds),
            _ => chosen.any(|holds| holds),
        };
    }
    identifier(&detection[text], record)
}

/// Splits at the first operator that stands in no bracket.
fn split<'t>(text: &'t str, operator: &str) -> Option<(&'t str, &'t str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 && text[at..].starts_with(operator) {
            return Some((&text[..at], &text[at + operator.len()..]));
        }
    }
    None
}

fn identifier(search: &Json, record: &Json) -> bool {
    match search {
        Json::Object(map) => map.iter().all(|(key, value)| item(key, value, record)),
        Json::Array(list) => list.iter().any(|element| identifier(element, record)),
        keyword => item("|contains", keyword, record),
    }
}

fn item(key: &str, value: &Json, record: &Json) -> bool {
    let mut parts = key.split('|');
    let name = parts.next().unwrap();
    let modifiers: Vec<&str> = parts.collect();
    let has = |modifier: &str| modifiers.contains(&modifier);
    let field = field(name, record);
    if has("exists") {
        return field.is_some() == value.as_bool().unwrap();
    }
    if value.is_null() {
        return field.is_none() != has("neq");
    }
    let Some(field) = field else {
        return false;
    };
    let values = value.as_array().cloned().unwrap_or(vec![value.clone()]);
    if has("fieldref") {
        let same = values.iter().any(|other| {
            let other = self::field(other.as_str().unwrap(), record).unwrap_or_default();
            let stands = |text: &str, needle: &str| {
                let fold = |text: &str| -> String {
                    if has("cased") {
                        text.to_owned()
                    } else {
                        text.chars().flat_map(char::to_lowercase).collect()
                    }
                };
                let (text, needle) = (fold(text), fold(needle));
                match () {
                    () if has("contains") => text.contains(&needle),
                    () if has("startswith") => text.starts_with(&needle),
                    () if has("endswith") => text.ends_with(&needle),
                    () => text == needle,
                }
            };
            field
                .iter()
                .any(|text| other.iter().any(|needle| stands(text, needle)))
        });
        return same != has("neq");
    }
    let mut answers = values.iter().map(|value| {
        field
            .iter()
            .any(|text| one(&modifiers, name.is_empty(), value, text))
    });
    let holds = if has("all") {
        answers.all(|holds| holds)
    } else {
        answers.any(|holds| holds)
    };
    holds != has("neq")
}

/// The texts of a field, each element of a list; for keywords those of all text fields.
fn field(name: &str, record: &Json) -> Option<Vec<String>> {
    if name.is_empty() {
        let numbers = ["time", "status", "request_bytes", "client_address"];
        let texts = record.as_object().unwrap().iter();
        return Some(
            texts
                .filter(|(name, _)| !numbers.contains(&name.as_str()))
                .flat_map(|(name, _)| field(name, record).unwrap_or_default())
                .collect(),
        );
    }
    let name = name.trim_end_matches("_decoded");
    let text = |value: &Json| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match record.get(name)? {
        Json::Array(list) if list.is_empty() => None,
        Json::Array(list) => Some(list.iter().map(text).collect()),
        value => Some(vec![text(value)]),
    }
}

fn one(modifiers: &[&str], keyword: bool, value: &Json, text: &str) -> bool {
    let has = |modifier: &str| modifiers.contains(&modifier);
    let pattern = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    if has("re") {
        let flags: String = modifiers
            .iter()
            .filter(|name| name.len() == 1)
            .copied()
            .collect();
        let flags = if flags.is_empty() {
            flags
        } else {
            format!("(?{flags})")
        };
        return regex::Regex::new(&format!("{flags}{pattern}"))
            .unwrap()
            .is_match(text);
    }
    let parts = ["minute", "hour", "day", "week", "month", "year"];
    if let Some(at) = parts.iter().position(|part| has(part)) {
        let civil = jiff::Timestamp::from_millisecond(text.parse().unwrap())
            .unwrap()
            .strftime("%M %H %d %V %m %Y")
            .to_string();
        let number = civil.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
        let wanted = value.as_f64().unwrap();
        return match () {
            () if has("lt") => number < wanted,
            () if has("gte") => number >= wanted,
            () => (number - wanted).abs() < 0.5,
        };
    }
    if has("cidr") {
        return text
            .parse()
            .is_ok_and(|address| in_network(&pattern, address));
    }
    for (modifier, holds) in [
        ("lt", (|a, b| a < b) as fn(f64, f64) -> bool),
        ("lte", |a, b| a <= b),
        ("gt", |a, b| a > b),
        ("gte", |a, b| a >= b),
    ] {
        if has(modifier) {
            return holds(text.parse().unwrap(), value.as_f64().unwrap());
        }
    }
    let lower = |c: char| -> Vec<char> {
        if has("cased") {
            vec![c]
        } else {
            c.to_lowercase().collect()
        }
    };
    let text: Vec<char> = text.chars().flat_map(lower).collect();
    let patterns: Vec<Vec<Token>> = if value.is_string() {
        changed(modifiers, &pattern)
    } else {
        vec![pattern.chars().map(Token::Char).collect()]
    };
    patterns.into_iter().any(|pattern| {
        let mut tokens = Vec::new();
        if keyword || has("contains") || has("endswith") {
            tokens.push(Token::Many);
        }
        for token in pattern {
            match token {
                Token::Char(c) => tokens.extend(lower(c).into_iter().map(Token::Char)),
                wildcard => tokens.push(wildcard),
            }
        }
        if keyword || has("contains") || has("startswith") {
            tokens.push(Token::Many);
        }
        wildcard(&tokens, &text)
    })
}

/// Everything that a pattern becomes by its modifiers, spelled out.
fn changed(modifiers: &[&str], pattern: &str) -> Vec<Vec<Token>> {
    let mut patterns = vec![tokenize(pattern)];
    for modifier in modifiers {
        let plain = |tokens: &[Token]| -> String {
            let char = |token: &Token| match token {
                Token::Char(c) => *c,
                Token::One | Token::Many => panic!("a wildcard is never encoded"),
            };
            tokens.iter().map(char).collect()
        };
        let literal = |text: &str| text.chars().map(Token::Char).collect::<Vec<_>>();
        patterns = patterns
            .into_iter()
            .flat_map(|tokens| match *modifier {
                "expand" => WORDS
                    .iter()
                    .map(|word| tokenize(&pattern.replace("%words%", word)))
                    .collect(),
                "windash" => dashed(&tokens, 0),
                "wide" => {
                    let units = plain(&tokens);
                    let bytes = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    vec![literal(&String::from_utf8(bytes).unwrap())]
                }
                "base64" => vec![literal(&STANDARD.encode(plain(&tokens)))],
                "base64offset" => (0..3)
                    .map(|offset| {
                        let bytes = plain(&tokens);
                        let encoded = STANDARD.encode(format!("{}{bytes}", " ".repeat(offset)));
                        let cut = [0, 3, 2][(bytes.len() + offset) % 3];
                        literal(&encoded[[0, 2, 3][offset]..encoded.len() - cut])
                    })
                    .collect(),
                _ => vec![tokens],
            })
            .collect();
    }
    patterns
}

/// Every spelling of the dashes from `at` on.
fn dashed(tokens: &[Token], at: usize) -> Vec<Vec<Token>> {
    const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];
    let is_dash = |at: &usize| matches!(tokens[*at], Token::Char(c) if DASHES.contains(&c));
    match (at..tokens.len()).find(is_dash) {
        None => vec![tokens.to_vec()],
        Some(found) => DASHES
            .iter()
            .flat_map(|dash| {
                let mut spelled = tokens.to_vec();
                spelled[found] = Token::Char(*dash);
                dashed(&spelled, found + 1)
            })
            .collect(),
    }
}

#[derive(Clone, Copy)]
enum Token {
    Char(char),
    One,
    Many,
}

fn tokenize(pattern: &str) -> Vec<Token> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1);
        at += 1;
        tokens.push(match chars[at - 1] {
            '\\' if matches!(next, Some('*' | '?' | '\\')) => {
                at += 1;
                Token::Char(*next.unwrap())
            }
            '*' => Token::Many,
            '?' => Token::One,
            c => Token::Char(c),
        });
    }
    tokens
}

fn wildcard(tokens: &[Token], text: &[char]) -> bool {
    match (tokens.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((Token::Many, more)), rest) => {
            wildcard(more, text) || rest.is_some_and(|(_, rest)| wildcard(tokens, rest))
        }
        (Some((Token::One, more)), Some((_, rest))) => wildcard(more, rest),
        (Some((Token::Char(c), more)), Some((d, rest))) => c == d && wildcard(more, rest),
        (Some(_), None) => false,
    }
}

fn in_network(network: &str, address: IpAddr) -> bool {
    let (base, length) = network.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match (base.parse().unwrap(), address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            length == 0 || (base.to_bits() ^ address.to_bits()) >> (32 - length) == 0
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            length == 0 || (base.to_bits() ^ address.to_bits()) >> (128 - length) == 0
        }
        _ => false,
    }
}
