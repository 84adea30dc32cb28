//! Lints of single values: those that another one covers, those that nothing can have, those that mean something else.

use std::collections::{HashMap, HashSet};

use super::{
    DUPLICATE_PATTERN, EMPTY_RANGE, ENCODED_PATTERN, IMPOSSIBLE_PATTERN, Lint, Report,
    SHADOWED_PATTERN, UNESCAPED_WILDCARD, UNSET_FIELD, possible, tree,
};
use crate::event::{Field, Kind};
use crate::sigma::annotated::{DocumentKind, Part, PartKind};
use crate::sigma::pattern::{Piece, Shape};
use crate::sigma::search::{Check, Item, Scope, Test};

/// Longer lists are not compared each value with each.
const MAX_COMPARED: usize = 4_000;

/// What the error log of a web server shows, and what enrich makes of it.
const OF_ERROR_LOGS: &[Field] = &[
    Field::Time,
    Field::Error,
    Field::ClientAddress,
    Field::Country,
    Field::Host,
    Field::Referer,
    Field::UpstreamAddress,
    Field::Method,
    Field::Scheme,
    Field::Path,
    Field::Query,
    Field::Uri,
    Field::HttpVersion,
    Field::PathDecoded,
    Field::QueryDecoded,
    Field::Route,
    Field::Operation,
    Field::ResourceId,
    Field::Fact,
];

pub(super) fn check(report: &mut Report<'_>) {
    let rule = report.rule;
    // A list behind an anchor is used several times; what is odd in every use of it is reported once.
    let mut uses: HashMap<usize, (usize, usize)> = HashMap::new();
    let mut odd: Vec<(&Part, &Item)> = Vec::new();
    let mut told = Told::new();
    for selection in &rule.selections {
        tree::each(&selection.part, &mut |part| {
            if let PartKind::All(parts) | PartKind::Any(parts) = &part.kind {
                covered(
                    report,
                    &mut told,
                    parts,
                    matches!(part.kind, PartKind::Any(_)),
                );
            }
        });
        for (part, item) in tree::tests(&selection.part) {
            ranges(report, part, item);
            if is_new(&mut told, UNESCAPED_WILDCARD, part) {
                wildcards(report, part, item);
            }
            unset(report, part, item);
            let is_odd = oddity(&item.test).is_some();
            if let Some(at) = part.written_at {
                let (used, odd) = uses.entry(at).or_default();
                *used += 1;
                *odd += usize::from(is_odd);
            }
            if is_odd {
                odd.push((part, item));
            }
        }
    }
    for (part, item) in odd {
        let everywhere = part
            .written_at
            .and_then(|at| uses.get(&at))
            .is_none_or(|(used, odd)| used == odd);
        if everywhere && is_new(&mut told, IMPOSSIBLE_PATTERN, part) {
            strange(report, part, item);
        }
    }
}

/// What was told of which value, by where it is written: a list behind an anchor is read at each of its uses.
type Told = HashSet<(&'static str, usize)>;

/// Whether a lint looks at a value for the first time.
fn is_new(told: &mut Told, lint: Lint, part: &Part) -> bool {
    part.written_at
        .is_none_or(|at| told.insert((lint.name, at)))
}

/// Values of one list that say the same, or of which one says all that the other does.
fn covered(report: &mut Report<'_>, told: &mut Told, parts: &[Part], any: bool) {
    let tests: Vec<(&Part, &Item)> = parts
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::Test(item) if part.in_list => Some((part, item)),
            _ => None,
        })
        .collect();
    if tests.len() > MAX_COMPARED {
        return;
    }
    let mut first: HashMap<&Test, &Part> = HashMap::new();
    for (part, item) in &tests {
        if let Some(earlier) = first.get(&item.test) {
            if !is_new(told, DUPLICATE_PATTERN, part) {
                continue;
            }
            let message = format!("`{}` stands in this list already", value(item));
            let hint = format!("it is on line {}; take one out", earlier.place.line);
            report.add(DUPLICATE_PATTERN, part.place, message, hint);
        } else {
            first.insert(&item.test, part);
        }
    }
    for (part, item) in &tests {
        // Any of them: what implies another one adds nothing. All of them: what another one implies.
        let cover = tests.iter().find(|(_, other)| {
            let (longer, shorter) = if any { (item, other) } else { (other, item) };
            item.test != other.test
                && possible::implies(&longer.test, &shorter.test)
                && !possible::implies(&shorter.test, &longer.test)
        });
        if let Some((other, by)) = cover
            && is_new(told, SHADOWED_PATTERN, part)
        {
            let message = format!("`{}` is covered by `{}`", value(item), value(by));
            let hint = format!(
                "line {} says it already; take this one out",
                other.place.line
            );
            report.add(SHADOWED_PATTERN, part.place, message, hint);
        }
    }
}

/// The value without its modifiers, for people.
fn value(item: &Item) -> &str {
    let pattern = item.written.pattern.as_str();
    match pattern.split_once(": ") {
        Some((modifiers, value)) if modifiers.split('|').all(is_word) => value,
        _ => pattern,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn ranges(report: &mut Report<'_>, part: &Part, item: &Item) {
    let is_range = matches!(
        item.test.check,
        Check::Range { .. } | Check::TimePart { .. }
    );
    if is_range && possible::is_impossible(&item.test, true) {
        let message = format!("no {} is `{}`", item.written.field, item.written.pattern);
        let hint = "numbers are whole and never negative; hours go to 23, months from 1 to 12, weeks from 1 to 53";
        report.add(EMPTY_RANGE, part.place, message, hint);
    }
}

/// Why a text test on a decoded field is odd.
enum Oddity {
    /// The field never holds that.
    Impossible(&'static str),
    /// The field holds that only after more rounds of encoding than are undone.
    Encoded,
}

fn oddity(test: &Test) -> Option<Oddity> {
    let (Scope::Field(field), Check::Shape { shape, cased }) = (test.scope, &test.check) else {
        return None;
    };
    if possible::never_in(field, shape) {
        return Some(Oddity::Impossible(match field.kind() {
            Kind::Number => "it holds a number, whose text is digits",
            _ => {
                "decoding makes one slash of several, drops `/./` and turns backslashes to slashes"
            }
        }));
    }
    let plain = possible::plain(shape);
    if *cased && field == Field::Host && plain.iter().any(|text| *text != text.to_ascii_lowercase())
    {
        return Some(Oddity::Impossible("hosts are kept in small letters"));
    }
    let is_decoded = matches!(field, Field::PathDecoded | Field::QueryDecoded);
    let encoded = plain.iter().any(|text| has_percent_sequence(text));
    (is_decoded && encoded).then_some(Oddity::Encoded)
}

fn has_percent_sequence(text: &str) -> bool {
    text.as_bytes().windows(3).any(|bytes| {
        bytes[0] == b'%' && bytes[1].is_ascii_hexdigit() && bytes[2].is_ascii_hexdigit()
    })
}

fn strange(report: &mut Report<'_>, part: &Part, item: &Item) {
    let field = &item.written.field;
    match oddity(&item.test) {
        Some(Oddity::Impossible(why)) => {
            let message = format!("`{field}` never holds `{}`: {why}", value(item));
            report.add(IMPOSSIBLE_PATTERN, part.place, message, "");
        }
        Some(Oddity::Encoded) => {
            let raw = if field == "path_decoded" {
                "path"
            } else {
                "query"
            };
            let message = format!(
                "`{}` is a percent sequence, and `{field}` has them decoded, three rounds deep",
                value(item)
            );
            let hint = format!(
                "write the character itself, or look at `{raw}`; the fact encoding.repeated tells of several rounds"
            );
            report.add(ENCODED_PATTERN, part.place, message, hint);
        }
        None => {}
    }
}

/// `?cmd=` and `/*…*/`: characters of a URL or of a comment, which Sigma takes for wildcards.
fn wildcards(report: &mut Report<'_>, part: &Part, item: &Item) {
    let Check::Shape {
        shape: Shape::Glob(pieces),
        ..
    } = &item.test.check
    else {
        return;
    };
    for window in pieces.windows(2) {
        let [Piece::One, Piece::Plain(behind)] = window else {
            continue;
        };
        let name = behind
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        let is_parameter =
            name.is_some_and(|name| !name.is_empty() && behind[name.len()..].starts_with('='));
        if is_parameter {
            let message = format!("`?` in `{}` stands for any one character", value(item));
            report.add(
                UNESCAPED_WILDCARD,
                part.place,
                message,
                r"the question mark is `\?`",
            );
        }
    }
    for window in pieces.windows(3) {
        let [Piece::Plain(before), Piece::Many, Piece::Plain(behind)] = window else {
            continue;
        };
        let opens = before.ends_with('/') && behind.starts_with(['!', '/']);
        if opens {
            let message = format!("`*` in `{}` stands for any text", value(item));
            report.add(
                UNESCAPED_WILDCARD,
                part.place,
                message,
                r"the asterisk is `\*`",
            );
        }
    }
}

fn unset(report: &mut Report<'_>, part: &Part, item: &Item) {
    let is_error_log =
        report.rule.logsource.is_error_log() && report.rule.kind == DocumentKind::Rule;
    let Scope::Field(field) = item.test.scope else {
        return;
    };
    if is_error_log && !OF_ERROR_LOGS.contains(&field) {
        let message = format!("the error log of a web server has no `{}`", field.name());
        let hint = "for logs of requests write `category: webserver`";
        report.add(UNSET_FIELD, part.place, message, hint);
    }
}
