//! What may stand in the payload of a stored event, which is made of path, query, user agent and referer and is not stored
//! itself.
//!
//! Where nothing of these is disguised, each line of the payload is a part of one of them (`enrich` says how lines are made): so
//! what a test looks for stands there as it is. Rows with anything that could be a disguise are let through.

use super::logic::{Sql, any, column, exists, quoted};
use crate::event::Field;
use crate::sigma::{Check, Piece, Shape, fold, required_literals};

/// Longest text whose lines are whole, in bytes.
const LONGEST: usize = 8_000;
/// What is more than letters, digits, separators and placeholders of redaction, or is read as another character or a way out of a folder.
const DISGUISED: &str = "--|[.][.]|/[.]|0[xX]";
const PATH_PLAIN: &str = "0-9A-Za-z/._~{}@:?=-";
const QUERY_PLAIN: &str = "0-9A-Za-z/._~{}@:?&=-";
/// What makes a user agent odd, and a referer worth a look.
const ODD: &str = "['\"`<>\\\\%=${^*|]";
const AGENT: &str = "[0-9A-Za-z][(]|[.][.]|--|(?:^|[^:])//";
/// A segment that may be base64, of ten letters or more. A pseudonym (`p_…`) never is: its first byte is of no text.
const SEGMENT: &str = "(?:^|/)(?:[0-9A-Za-oq-z_-]|p[0-9A-Za-z-])[0-9A-Za-z_-]{8,}=*(?:$|/)";
/// A value that may be.
const VALUE: &str = "[0-9A-Za-z/_-]{10}";

/// Implied by a test on the payload.
pub(super) fn may_hold(check: &Check) -> Sql {
    let sources = [Field::Path, Field::Query, Field::UserAgent, Field::Referer];
    let Some(literals) = literals(check) else {
        return any(sources.map(exists));
    };
    let literals: Vec<String> = literals.iter().map(|it| quoted(it)).collect();
    let stands = [Field::Path, Field::Query, Field::Referer].map(|field| {
        let list = literals.join(", ");
        Sql::When(format!(
            "multiSearchAny(lower({}), [{list}])",
            column(field)
        ))
    });
    any(stands.into_iter().chain(disguised().map(Sql::When)))
}

/// Folded texts of which at least one stands in every line that passes, none over the end of one; `None` where none are known.
fn literals(check: &Check) -> Option<Vec<String>> {
    let literals = match check {
        Check::Shape { shape, .. } => match shape {
            Shape::Literal(_, literal) => vec![fold(literal)],
            Shape::Glob(pieces) => {
                let plain = pieces.iter().filter_map(|piece| match piece {
                    Piece::Plain(text) => Some(fold(text)),
                    _ => None,
                });
                vec![plain.max_by_key(String::len)?]
            }
        },
        Check::Regex(source) => {
            let found = required_literals(source)?.into_iter();
            found
                .map(String::from_utf8)
                .collect::<Result<_, _>>()
                .ok()?
        }
        _ => return None,
    };
    let is_in_a_line = |it: &String| !it.is_empty() && !it.contains(['\n', '\0']);
    literals.iter().all(is_in_a_line).then_some(literals)
}

/// Expressions of which one holds where path, query, user agent or referer may be disguised.
fn disguised() -> [String; 6] {
    let [path, query, agent, referer] =
        [Field::Path, Field::Query, Field::UserAgent, Field::Referer].map(column);
    let found = |column: &str, pattern: &str| format!("match({column}, {})", quoted(pattern));
    let in_path = found(&path, &format!("[^{PATH_PLAIN}]|//|{DISGUISED}"));
    let in_query = found(&query, &format!("[^{QUERY_PLAIN}]|//|{DISGUISED}"));
    let in_referer = found(
        &referer,
        &format!("[^{PATH_PLAIN}]|(?:^|[^:])//|{DISGUISED}"),
    );
    let in_agent = found(&agent, &format!("{ODD}|{AGENT}"));
    // Base64 of a text has capital letters.
    let hidden = |column: &str, pattern: &str| {
        format!(
            "({} AND {})",
            found(column, "[A-Z]"),
            found(column, pattern)
        )
    };
    let looked_at = found(&referer, ODD);
    [
        format!(
            "({in_path} OR {} OR length({path}) > {LONGEST})",
            hidden(&path, SEGMENT)
        ),
        in_query,
        hidden(&query, VALUE),
        format!("length({query}) > {LONGEST}"),
        in_agent,
        format!(
            "({looked_at} AND ({in_referer} OR {} OR length({referer}) > {LONGEST}))",
            hidden(&referer, VALUE)
        ),
    ]
}
