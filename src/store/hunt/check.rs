//! One test of a rule as bounds on a row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::expression;
use super::logic::{Bounds, Sql, column, exists, quoted};
use super::payload;
use crate::event::{Field, Kind, TimePart};
use crate::sigma::{Anchor, Check, Scope, Shape, Test, text_fields};
use crate::store::columns::column_of;

/// What is encoded or not yet normal in a path, so that its decoded form may differ.
const PATH_ENCODED: &str = "[%\\\\]|//|/\\.";
/// The same of a query.
const QUERY_ENCODED: &str = "[%+]";
/// What stands behind the last dot of the last segment.
const EXTENSION: &str = "^(?:[^?#]*/)?[^/?#]*\\.([^./?#]+)(?:[?#]|$)";

pub(super) fn of_test(test: &Test) -> Bounds {
    match test.scope {
        Scope::Field(field) => of_field(field, &test.check),
        Scope::Extension => of_text(&Text::extension(), &test.check),
        Scope::Keywords => match test.check {
            Check::Shape { .. } | Check::Regex(_) => {
                Bounds::any(text_fields().map(|field| of_field(field, &test.check)))
            }
            _ => Bounds::exact(Sql::Never),
        },
    }
}

fn of_field(field: Field, check: &Check) -> Bounds {
    match field {
        Field::PathDecoded => decoded(Field::Path, PATH_ENCODED, check),
        Field::QueryDecoded => decoded(Field::Query, QUERY_ENCODED, check),
        Field::Payload => Bounds::at_most(payload::may_hold(check)),
        // Never stored, so no event that is hunted has it.
        _ if column_of(field).is_none() => Bounds::exact(Sql::Never),
        _ => of_column(field, check),
    }
}

/// A text that is stored raw and asked for decoded: where there is nothing to decode, the two are the same.
fn decoded(raw: Field, encoded: &str, check: &Check) -> Bounds {
    let is_encoded = format!("match({}, {})", column(raw), quoted(encoded));
    of_column(raw, check).unless(&is_encoded)
}

fn of_column(field: Field, check: &Check) -> Bounds {
    let column = column(field);
    match (check, field.kind()) {
        (Check::Exists, _) => Bounds::exact(exists(field)),
        (Check::Facts(facts), _) => {
            let names: Vec<String> = facts.iter().map(|fact| quoted(fact.name())).collect();
            let sql = format!("hasAny(facts, [{}])", names.join(", "));
            Bounds::exact(Sql::When(sql))
        }
        (Check::Range { low, high }, Kind::Number) => {
            let sql = format!("({column} != 0 AND {column} BETWEEN {low} AND {high})");
            Bounds::exact(Sql::When(sql))
        }
        (Check::Network(network), Kind::Address) => Bounds::exact(within(field, network)),
        (Check::Network(_), Kind::Text | Kind::List) => Bounds::at_most(exists(field)),
        (Check::TimePart { part, low, high }, Kind::Time) => {
            let sql = format!("{}({column}) BETWEEN {low} AND {high}", function_of(*part));
            Bounds::all(
                [Sql::When(sql), exists(field)]
                    .into_iter()
                    .map(Bounds::exact),
            )
        }
        (Check::Range { .. } | Check::Network(_) | Check::TimePart { .. }, _) => {
            Bounds::exact(Sql::Never)
        }
        (Check::Shape { .. } | Check::Regex(_), Kind::List) => of_items(field, check),
        (Check::Shape { .. } | Check::Regex(_) | Check::Field { .. }, _) => {
            Text::of(field).map_or_else(|| Bounds::at_most(exists(field)), |it| of_text(&it, check))
        }
    }
}

/// A text as an expression.
struct Text {
    sql: String,
    /// An expression: whether the event has it.
    there: String,
    /// An expression: whether the engine may write it otherwise.
    doubt: Option<String>,
    /// Whether it may hold letters beyond ASCII, which the engine alone folds and classes.
    is_free: bool,
}

impl Text {
    /// The text of a stored field, in canonical form where it is none; `None` of lists.
    fn of(field: Field) -> Option<Text> {
        column_of(field)?;
        let column = column(field);
        let (sql, doubt) = match field.kind() {
            Kind::List => return None,
            Kind::Text => (column, None),
            Kind::Number => (format!("toString({column})"), None),
            Kind::Time => {
                let text = format!("concat(replaceOne(toString({column}, 'UTC'), ' ', 'T'), 'Z')");
                (text, None)
            }
            Kind::Address => {
                // An IPv4 address is stored as IPv6.
                let text =
                    format!("replaceRegexpOne(toString({column}), '^::ffff:([0-9.]+)$', '\\\\1')");
                // `::1.2.3.4` can be written in two ways.
                let doubt = format!("startsWith({text}, '::')");
                (text, Some(doubt))
            }
        };
        Some(Text {
            there: match exists(field) {
                Sql::When(there) => there,
                Sql::Always | Sql::Never => "1".to_owned(),
            },
            sql,
            doubt,
            is_free: field.kind() == Kind::Text,
        })
    }

    fn extension() -> Text {
        let sql = format!("extract({}, {})", column(Field::Path), quoted(EXTENSION));
        Text {
            there: format!("{sql} != ''"),
            sql,
            doubt: None,
            is_free: true,
        }
    }

    /// Bounds of an expression on it. `folds`: whether letters beyond ASCII mean something else to the engine.
    fn bounds(&self, sql: String, folds: bool) -> Bounds {
        self.guarded(Bounds::exact(Sql::When(sql)), folds)
    }

    fn guarded(&self, mut bounds: Bounds, folds: bool) -> Bounds {
        if folds && self.is_free {
            bounds = bounds.unless(&beyond_ascii(&self.sql));
        }
        if let Some(doubt) = &self.doubt {
            bounds = bounds.unless(doubt);
        }
        bounds.and(&self.there)
    }
}

fn of_text(text: &Text, check: &Check) -> Bounds {
    match check {
        Check::Exists => Bounds::exact(Sql::When(text.there.clone())),
        Check::Shape { shape, cased } => match shaped(&text.sql, shape, *cased) {
            Some(sql) => text.bounds(sql, !cased),
            None => Bounds::exact(Sql::Never),
        },
        Check::Regex(source) => match matched(&text.sql, source) {
            Some(sql) => text.bounds(sql, true),
            None => Bounds::at_most(Sql::When(text.there.clone())),
        },
        &Check::Field {
            other,
            anchor,
            cased,
        } => match Text::of(other) {
            Some(other) => other.guarded(
                text.bounds(stands(&text.sql, &other.sql, anchor, cased), !cased),
                !cased,
            ),
            None => Bounds::at_most(Sql::When(text.there.clone())),
        },
        // An extension may look like an address.
        Check::Network(_) => Bounds::at_most(Sql::When(text.there.clone())),
        Check::Range { .. } | Check::Facts(_) | Check::TimePart { .. } => Bounds::exact(Sql::Never),
    }
}

/// A list holds when any of its elements does.
fn of_items(field: Field, check: &Check) -> Bounds {
    let (sql, folds) = match check {
        Check::Shape { shape, cased } => (shaped("item", shape, *cased), !cased),
        Check::Regex(source) => (matched("item", source), true),
        _ => (None, false),
    };
    let Some(sql) = sql else {
        return Bounds::at_most(exists(field));
    };
    let column = column(field);
    let beyond = beyond_ascii("item");
    let (may, must) = if folds {
        (
            format!("({sql} OR {beyond})"),
            format!("{sql} AND NOT {beyond}"),
        )
    } else {
        (sql.clone(), sql)
    };
    let must = format!("arrayExists(item -> item != '' AND {must}, {column})");
    Bounds {
        may: Sql::When(format!("arrayExists(item -> {may}, {column})")),
        // A fact that this version does not know is none to the engine.
        must: if field == Field::Fact {
            Sql::Never
        } else {
            Sql::When(must)
        },
    }
}

fn beyond_ascii(text: &str) -> String {
    format!("length({text}) != lengthUTF8({text})")
}

fn folded(text: &str, cased: bool) -> String {
    if cased {
        text.to_owned()
    } else {
        format!("lower({text})")
    }
}

/// A string test on an expression; `None` where only an absent text could pass.
fn shaped(text: &str, shape: &Shape, cased: bool) -> Option<String> {
    let folded = folded(text, cased);
    Some(match shape {
        Shape::Literal(Anchor::Whole, literal) if literal.is_empty() => return None,
        Shape::Literal(_, literal) if literal.is_empty() => "1".to_owned(),
        Shape::Literal(anchor, literal) => at(&folded, &quoted(literal), *anchor),
        Shape::Glob(pieces) => {
            let pattern = quoted(&expression::of_pieces(pieces));
            format!("match({folded}, {pattern})")
        }
    })
}

/// A regular expression on an ASCII text.
fn matched(text: &str, source: &str) -> Option<String> {
    let pattern = expression::translated(source)?;
    Some(format!("match({text}, {})", quoted(&pattern)))
}

/// One text in another.
fn stands(text: &str, needle: &str, anchor: Anchor, cased: bool) -> String {
    at(&folded(text, cased), &folded(needle, cased), anchor)
}

fn at(text: &str, needle: &str, anchor: Anchor) -> String {
    match anchor {
        Anchor::Whole => format!("{text} = {needle}"),
        Anchor::Start => format!("startsWith({text}, {needle})"),
        Anchor::End => format!("endsWith({text}, {needle})"),
        Anchor::Anywhere => format!("position({text}, {needle}) > 0"),
    }
}

const fn function_of(part: TimePart) -> &'static str {
    match part {
        TimePart::Minute => "toMinute",
        TimePart::Hour => "toHour",
        TimePart::Day => "toDayOfMonth",
        TimePart::Week => "toISOWeek",
        TimePart::Month => "toMonth",
        TimePart::Year => "toYear",
    }
}

/// An address of a network; an IPv4 address is stored as IPv6, and is in no network of IPv6.
fn within(field: Field, network: &IpNet) -> Sql {
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let between = |first: Ipv6Addr, last: Ipv6Addr| {
        let column = column(field);
        format!("{column} BETWEEN toIPv6('{first}') AND toIPv6('{last}')")
    };
    let (first, last) = (mapped(network.network()), mapped(network.broadcast()));
    let column = column(field);
    let of_version_4 = (
        Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(),
        Ipv4Addr::BROADCAST.to_ipv6_mapped(),
    );
    let has_both =
        matches!(network, IpNet::V6(_)) && first <= of_version_4.1 && last >= of_version_4.0;
    let but = if has_both {
        format!(" AND NOT {}", between(of_version_4.0, of_version_4.1))
    } else {
        String::new()
    };
    Sql::When(format!(
        "({column} != toIPv6('::') AND {}{but})",
        between(first, last)
    ))
}
