//! A rule as a condition on stored events: what cannot match is not read.
//!
//! The condition is the weakest that the rule implies: the server answers what it can answer exactly (equality, prefixes, parts, numbers, networks, facts, lists of these), and lets
//! through what it cannot (regular expressions, texts beyond ASCII, decoded forms of a path that has something to decode). The engine then judges what came through, so a hunt
//! finds what the stream would find, no more and no less; the server only keeps it from looking at everything.

use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

use super::columns::column_of;
use crate::event::{Field, Kind};
use crate::sigma::{Anchor, Check, DASHES, Piece, RuleSet, Scope, Search, Shape, Test};

/// What is known of an expression before it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sql {
    /// It holds always, as far as the server can tell.
    Always,
    /// It holds never.
    Never,
    /// An expression.
    When(String),
}

/// What an event may fulfil at least, and what it fulfils for sure.
struct Bounds {
    /// Implied by the search.
    may: Sql,
    /// Implies the search.
    must: Sql,
}

impl Bounds {
    fn exact(sql: Sql) -> Bounds {
        Bounds {
            must: sql.clone(),
            may: sql,
        }
    }

    /// Of what the server cannot tell.
    fn unknown() -> Bounds {
        Bounds {
            may: Sql::Always,
            must: Sql::Never,
        }
    }

    /// Of what the server cannot tell but that it needs a field.
    fn needs(field: Field) -> Bounds {
        Bounds {
            may: exists(field),
            must: Sql::Never,
        }
    }
}

/// The condition of some rules: an event that any of them matches fulfils it.
#[must_use]
pub fn condition_of(rules: &RuleSet, wanted: &[u32]) -> String {
    let searches = rules.searches();
    let each = wanted
        .iter()
        .filter_map(|rule| searches.get(*rule as usize));
    match any(each.map(|search| of(search).may)) {
        Sql::Always => "1".to_owned(),
        Sql::Never => "0".to_owned(),
        Sql::When(sql) => sql,
    }
}

fn of(search: &Search) -> Bounds {
    match search {
        Search::All(terms) => {
            let (may, must): (Vec<Sql>, Vec<Sql>) = terms.iter().map(of).map(both).unzip();
            Bounds {
                may: all(may.into_iter()),
                must: all(must.into_iter()),
            }
        }
        Search::Any(terms) => {
            let (may, must): (Vec<Sql>, Vec<Sql>) = terms.iter().map(of).map(both).unzip();
            Bounds {
                may: any(may.into_iter()),
                must: any(must.into_iter()),
            }
        }
        Search::Not(term) => {
            let Bounds { may, must } = of(term);
            Bounds {
                may: not(must),
                must: not(may),
            }
        }
        Search::Item(item) => of_test(&item.test),
    }
}

fn both(bounds: Bounds) -> (Sql, Sql) {
    (bounds.may, bounds.must)
}

fn all(terms: impl Iterator<Item = Sql>) -> Sql {
    let mut kept = Vec::new();
    for term in terms {
        match term {
            Sql::Always => {}
            Sql::Never => return Sql::Never,
            Sql::When(sql) => kept.push(sql),
        }
    }
    match kept.len() {
        0 => Sql::Always,
        1 => Sql::When(kept.remove(0)),
        _ => Sql::When(format!("({})", kept.join(" AND "))),
    }
}

fn any(terms: impl Iterator<Item = Sql>) -> Sql {
    let mut kept = Vec::new();
    for term in terms {
        match term {
            Sql::Always => return Sql::Always,
            Sql::Never => {}
            Sql::When(sql) => kept.push(sql),
        }
    }
    match kept.len() {
        0 => Sql::Never,
        1 => Sql::When(kept.remove(0)),
        _ => Sql::When(format!("({})", kept.join(" OR "))),
    }
}

fn not(sql: Sql) -> Sql {
    match sql {
        Sql::Always => Sql::Never,
        Sql::Never => Sql::Always,
        Sql::When(sql) => Sql::When(format!("NOT {sql}")),
    }
}

fn of_test(test: &Test) -> Bounds {
    let Scope::Field(field) = test.scope else {
        return Bounds::unknown();
    };
    match (field, &test.check) {
        (Field::PathDecoded, Check::Shape { shape, cased }) => {
            decoded(Field::Path, "[%\\\\]|//|/\\.", shape, *cased)
        }
        (Field::QueryDecoded, Check::Shape { shape, cased }) => {
            decoded(Field::Query, "[%+]", shape, *cased)
        }
        (Field::PathDecoded, _) => Bounds::needs(Field::Path),
        (Field::QueryDecoded, _) => Bounds::needs(Field::Query),
        _ if column_of(field).is_none() => Bounds::unknown(),
        (_, Check::Exists) => Bounds::exact(exists(field)),
        (_, Check::Facts(facts)) => {
            let names: Vec<String> = facts.iter().map(|fact| quoted(fact.name())).collect();
            let sql = format!("hasAny(facts, [{}])", names.join(", "));
            Bounds::exact(Sql::When(sql))
        }
        (_, Check::Range { low, high }) if field.kind() == Kind::Number => {
            let column = column(field);
            let sql = format!("({column} != 0 AND {column} BETWEEN {low} AND {high})");
            Bounds::exact(Sql::When(sql))
        }
        (_, Check::Network(network)) if field.kind() == Kind::Address => {
            Bounds::exact(within(field, network))
        }
        (_, Check::Shape { shape, cased }) => of_shape(field, shape, *cased),
        _ => Bounds::needs(field),
    }
}

/// A text that is stored raw and asked for decoded: where there is nothing to decode, the two are the same.
fn decoded(raw: Field, encoded: &str, shape: &Shape, cased: bool) -> Bounds {
    let Bounds { may, must } = of_shape(raw, shape, cased);
    let is_encoded = format!("match({}, {})", column(raw), quoted(encoded));
    Bounds {
        may: any([may, Sql::When(is_encoded.clone())].into_iter()),
        must: all([must, Sql::When(format!("NOT {is_encoded}"))].into_iter()),
    }
}

fn of_shape(field: Field, shape: &Shape, cased: bool) -> Bounds {
    let column = column(field);
    match field.kind() {
        Kind::Text => {
            let Some(sql) = shaped(&column, shape, cased) else {
                return Bounds::exact(Sql::Never);
            };
            let there = format!("{column} != ''");
            if cased {
                return Bounds::exact(Sql::When(format!("({there} AND {sql})")));
            }
            // Letters beyond ASCII are folded by the engine alone.
            let is_ascii = format!("length({column}) = lengthUTF8({column})");
            Bounds {
                may: Sql::When(format!("({there} AND ({sql} OR NOT {is_ascii}))")),
                must: Sql::When(format!("({there} AND {sql} AND {is_ascii})")),
            }
        }
        Kind::List if field != Field::Fact => {
            let Some(sql) = shaped("item", shape, cased) else {
                return Bounds::needs(field);
            };
            let sql = if cased {
                sql
            } else {
                format!("({sql} OR length(item) != lengthUTF8(item))")
            };
            Bounds {
                may: Sql::When(format!("arrayExists(item -> {sql}, {column})")),
                must: Sql::Never,
            }
        }
        Kind::Number => {
            let text = format!("toString({column})");
            match shaped(&text, shape, cased) {
                Some(sql) => Bounds::exact(Sql::When(format!("({column} != 0 AND {sql})"))),
                None => Bounds::exact(Sql::Never),
            }
        }
        _ => Bounds::needs(field),
    }
}

/// A string test on an expression; `None` where only an absent text could pass.
fn shaped(text: &str, shape: &Shape, cased: bool) -> Option<String> {
    let folded = if cased {
        text.to_owned()
    } else {
        format!("lower({text})")
    };
    Some(match shape {
        Shape::Literal(Anchor::Whole, literal) if literal.is_empty() => return None,
        Shape::Literal(_, literal) if literal.is_empty() => "1".to_owned(),
        Shape::Literal(Anchor::Whole, literal) => format!("{folded} = {}", quoted(literal)),
        Shape::Literal(Anchor::Start, literal) => {
            format!("startsWith({folded}, {})", quoted(literal))
        }
        Shape::Literal(Anchor::End, literal) => format!("endsWith({folded}, {})", quoted(literal)),
        Shape::Literal(Anchor::Anywhere, literal) => {
            format!("position({folded}, {}) > 0", quoted(literal))
        }
        Shape::Glob(pieces) => format!("match({folded}, {})", quoted(&expression(pieces))),
    })
}

/// Wildcards as a regular expression over the whole text.
fn expression(pieces: &[Piece]) -> String {
    let mut expression = String::from("(?s)^");
    for piece in pieces {
        match piece {
            Piece::Plain(text) => expression.push_str(&regex_syntax::escape(text)),
            Piece::One => expression.push('.'),
            Piece::Many => expression.push_str(".*"),
            Piece::Dash => {
                expression.push('[');
                for dash in DASHES {
                    // Writing into a string does not fail.
                    let _ = write!(expression, "\\x{{{:x}}}", u32::from(dash));
                }
                expression.push(']');
            }
        }
    }
    expression.push('$');
    expression
}

/// An address of a network; an IPv4 address is stored as IPv6.
fn within(field: Field, network: &IpNet) -> Sql {
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let (first, last) = (mapped(network.network()), mapped(network.broadcast()));
    let column = column(field);
    Sql::When(format!(
        "({column} != toIPv6('::') AND {column} BETWEEN toIPv6('{first}') AND toIPv6('{last}'))"
    ))
}

fn exists(field: Field) -> Sql {
    let column = column(field);
    Sql::When(match field.kind() {
        Kind::Text => format!("{column} != ''"),
        Kind::List => format!("notEmpty({column})"),
        Kind::Number => format!("{column} != 0"),
        Kind::Address => format!("{column} != toIPv6('::')"),
        Kind::Time => return Sql::Always,
    })
}

fn column(field: Field) -> String {
    format!("`{}`", column_of(field).unwrap_or(field.name()))
}

/// A string literal.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\\' | '\'' => {
                literal.push('\\');
                literal.push(character);
            }
            '\0' => literal.push_str("\\0"),
            _ => literal.push(character),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn condition(detection: &str) -> String {
        let text =
            format!("title: t\nlogsource: {{category: api_gateway}}\ndetection:\n{detection}\n");
        let rules = RuleSet::from_sources(&[(PathBuf::from("x/t.yml"), text)]).unwrap();
        condition_of(&rules, &[0])
    }

    #[test]
    fn what_the_server_can_answer_it_answers() {
        for (detection, sql) in [
            (
                "  s: {status|gte: 500}\n  condition: s",
                "(`status` != 0 AND `status` BETWEEN 500 AND 18446744073709551615)",
            ),
            (
                "  s: {client_address|cidr: 192.0.2.0/24}\n  condition: s",
                "(`client_address` != toIPv6('::') AND `client_address` BETWEEN toIPv6('::ffff:192.0.2.0') AND toIPv6('::ffff:192.0.2.255'))",
            ),
            (
                "  s: {method: PUT, client_id|startswith: 'a''b'}\n  condition: s",
                "((`method` != '' AND (lower(`method`) = 'put' OR NOT length(`method`) = lengthUTF8(`method`))) AND \
                 (`client_id` != '' AND (startsWith(lower(`client_id`), 'a\\'b') OR NOT length(`client_id`) = lengthUTF8(`client_id`))))",
            ),
            (
                "  s: {fact: tls.old}\n  condition: s",
                "hasAny(facts, ['tls.old'])",
            ),
        ] {
            assert_eq!(condition(detection), sql, "{detection}");
        }
    }

    #[test]
    fn what_it_cannot_answer_it_lets_through() {
        assert_eq!(condition("  s: {payload|contains: x}\n  condition: s"), "1");
        assert_eq!(
            condition("  s: {path|re: 'a.*b'}\n  condition: s"),
            "`path` != ''"
        );
        // Neither kept out for sure nor let through for sure.
        let decoded = condition("  s: {path_decoded|contains: /etc/}\n  condition: s");
        assert!(
            decoded.contains("position(lower(`path`), '/etc/') > 0"),
            "{decoded}"
        );
        assert!(decoded.contains(" OR match(`path`, "), "{decoded}");
        let not = condition("  s: {path|re: 'a.*b'}\n  t: {status: 200}\n  condition: t and not s");
        assert_eq!(not, "(`status` != 0 AND `status` BETWEEN 200 AND 200)");
        let not = condition("  s: {path_decoded|contains: /etc/}\n  condition: not s");
        assert!(
            not.starts_with("NOT (") && not.contains("AND NOT match(`path`"),
            "{not}"
        );
    }

    #[test]
    fn wildcards_become_an_expression_over_the_whole_text() {
        let glob = condition("  s: {path|cased: '/a?b*.c'}\n  condition: s");
        assert_eq!(
            glob,
            "(`path` != '' AND match(`path`, '(?s)^/a.b.*\\\\.c$'))"
        );
    }
}
