//! Searches over stored events, as people type them.

use std::net::IpAddr;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::StoreError;
use super::client::Store;
use super::columns::column_of;
use super::spot::Spot;
use crate::event::{Field, Kind, Timestamp};
use crate::track::EntityKind;

/// Criteria of a search at most.
const MOST: usize = 20;
/// Longest value.
const LONGEST: usize = 1_000;

/// A word of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    text: String,
    /// Field, comparison, and where the value begins; none for a word that is looked for anywhere.
    asks: Option<(Field, Compare, usize)>,
}

/// One thing that has to be so of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// The condition, with a `?` for each value.
    sql: String,
    values: Vec<String>,
}

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// All of it has to be so.
    pub criteria: Vec<Criterion>,
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub until: Timestamp,
    /// Only what a list has behind this one: what is older, and of the same time what comes later in the order of places.
    pub behind: Option<Spot>,
    /// So many events at most, the newest first.
    pub limit: u32,
}

/// Why a text is no search.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// There is no such field.
    #[error("no field is named `{0}`")]
    Field(String),
    /// The field is not stored.
    #[error("`{0}` is never stored")]
    NotStored(String),
    /// The value does not fit the field.
    #[error("`{1}` is no value of `{0}`")]
    Value(String, String),
    /// The comparison does not fit the field.
    #[error("`{0}` cannot be compared so")]
    Comparison(String),
    /// A quote does not end.
    #[error("a quote does not end")]
    Quote,
    /// Too much.
    #[error("too long: {MOST} criteria of {LONGEST} characters at most")]
    TooLong,
}

/// An event as a list shows it. Ids of persons are pseudonyms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct StoredEvent {
    /// When, in microseconds since 1970.
    pub micros: i64,
    /// The gateway.
    pub gateway: String,
    /// The integration.
    pub integration: String,
    /// Method and route template.
    pub operation: String,
    /// The method.
    pub method: String,
    /// The path, redacted.
    pub path: String,
    /// The query, redacted.
    pub query: String,
    /// Status of the answer; 0 when unknown.
    pub status: u16,
    /// Address of the caller.
    pub client_address: String,
    /// Country of the address.
    pub country: String,
    /// The calling client.
    pub client_id: String,
    /// The subject.
    pub subject: String,
    /// The program.
    pub user_agent: String,
    /// Its request id.
    pub request_id: String,
    /// How long it took, in microseconds; 0 when unknown.
    pub duration_us: u64,
    /// What is so of it.
    pub facts: Vec<String>,
    /// Topic or file of its record.
    pub topic: String,
    /// Partition of its record.
    pub partition: i32,
    /// Offset of its record.
    pub offset: i64,
}

const COLUMNS: &str = "toUnixTimestamp64Micro(event.time) AS micros, toString(gateway) AS gateway, toString(integration) AS integration, \
                       toString(operation) AS operation, toString(method) AS method, path, query, status, \
                       replaceOne(toString(event.client_address), '::ffff:', '') AS client_address, toString(country) AS country, \
                       toString(client_id) AS client_id, subject, toString(user_agent) AS user_agent, request_id, duration_us, \
                       arrayMap(fact -> toString(fact), event.facts) AS facts, toString(event.topic) AS topic, event.partition AS partition, \
                       event.offset AS `offset`";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Is,
    Not,
    Contains,
    AtLeast,
    AtMost,
}

/// The signs of comparisons; of two that begin alike the longer comes first.
const SIGNS: [(&str, Compare); 5] = [
    ("!=", Compare::Not),
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    ("=", Compare::Is),
    ("~", Compare::Contains),
];

impl Word {
    /// Takes a search apart: `field=value`, `field!=value`, `field~part`, `field>=1`, `field<=1`, or a word that is anywhere in path, query, program or an id. Quotes
    /// keep white space together.
    ///
    /// # Errors
    /// A field does not exist, a quote does not end, or it is too long.
    pub fn parse_all(text: &str) -> Result<Vec<Word>, SearchError> {
        let words = words(text)?;
        if words.len() > MOST || words.iter().any(|word| word.chars().count() > LONGEST) {
            return Err(SearchError::TooLong);
        }
        words.into_iter().map(Word::parse).collect()
    }

    fn parse(text: String) -> Result<Word, SearchError> {
        let found = SIGNS.iter().filter_map(|(sign, compare)| {
            let at = text.find(sign)?;
            Some((at, sign.len(), *compare))
        });
        // The first sign counts; of two at one place the longer.
        let first = found.min_by_key(|(at, length, _)| (*at, usize::MAX - length));
        let Some((at, length, compare)) = first.filter(|(at, ..)| *at > 0) else {
            return Ok(Word { text, asks: None });
        };
        let name = &text[..at];
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        match Field::from_name(name).or_else(|| (name == "facts").then_some(Field::Fact)) {
            Some(field) => Ok(Word {
                text,
                asks: Some((field, compare, at + length)),
            }),
            None if is_name => Err(SearchError::Field(name.to_owned())),
            // Such as `/path?a=b`.
            None => Ok(Word { text, asks: None }),
        }
    }

    /// The field that it is about; `None` for a word that is looked for anywhere.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        self.asks.map(|(field, ..)| field)
    }

    /// Name of the field with the sign of the comparison, and the value; the name is empty where there is no field.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.asks.map_or(0, |(.., at)| at))
    }
}

impl Criterion {
    /// Reads a search, as [`Word::parse_all`] takes it apart.
    ///
    /// # Errors
    /// A field does not exist or is not stored, a value does not fit it, or it is too long.
    pub fn parse_all(text: &str) -> Result<Vec<Criterion>, SearchError> {
        let words = Word::parse_all(text)?;
        let criteria = words.iter().map(|word| match word.asks {
            Some((field, compare, at)) => Criterion::of(field, compare, &word.text[at..]),
            None => Ok(Criterion::anywhere(&word.text)),
        });
        criteria.collect()
    }

    fn anywhere(word: &str) -> Criterion {
        let columns = [
            "path",
            "query",
            "user_agent",
            "request_id",
            "client_id",
            "subject",
            "operation",
        ];
        let parts: Vec<String> = columns
            .iter()
            .map(|column| format!("positionCaseInsensitiveUTF8({column}, ?) > 0"))
            .collect();
        Criterion {
            sql: format!("({})", parts.join(" OR ")),
            values: vec![word.to_owned(); columns.len()],
        }
    }

    fn of(field: Field, compare: Compare, value: &str) -> Result<Criterion, SearchError> {
        let name = || field.name().to_owned();
        let column = column_of(field).ok_or_else(|| SearchError::NotStored(name()))?;
        let wrong = || SearchError::Value(name(), value.to_owned());
        let sign = match compare {
            Compare::Is => "=",
            Compare::Not => "!=",
            Compare::AtLeast => ">=",
            Compare::AtMost => "<=",
            Compare::Contains => "~",
        };
        let is_range = matches!(compare, Compare::AtLeast | Compare::AtMost);
        let plain = |sql: String| {
            Ok(Criterion {
                sql,
                values: vec![],
            })
        };
        match field.kind() {
            Kind::Number if compare != Compare::Contains => {
                let number: u64 = value.parse().map_err(|_| wrong())?;
                plain(format!("event.{column} {sign} {number}"))
            }
            Kind::Time if compare != Compare::Contains => {
                let time = Timestamp::parse_rfc3339(value).ok_or_else(wrong)?;
                let micros = time.micros();
                plain(format!(
                    "event.{column} {sign} fromUnixTimestamp64Micro({micros})"
                ))
            }
            Kind::Address if matches!(compare, Compare::Is | Compare::Not) => {
                address(column, compare == Compare::Not, value).ok_or_else(wrong)
            }
            Kind::Text if !is_range => Ok(Criterion {
                sql: match compare {
                    Compare::Contains => {
                        format!("positionCaseInsensitiveUTF8(event.{column}, ?) > 0")
                    }
                    _ => format!("event.{column} {sign} ?"),
                },
                values: vec![value.to_owned()],
            }),
            Kind::List if !is_range => Ok(Criterion {
                sql: match compare {
                    Compare::Contains => format!(
                        "arrayExists(it -> positionCaseInsensitiveUTF8(toString(it), ?) > 0, event.{column})"
                    ),
                    Compare::Not => format!("NOT has(event.{column}, ?)"),
                    _ => format!("has(event.{column}, ?)"),
                },
                values: vec![value.to_owned()],
            }),
            _ => Err(SearchError::Comparison(name())),
        }
    }

    /// Picks the events of an entity; `None` for one that is no field of events.
    #[must_use]
    pub fn entity(kind: EntityKind, value: &str) -> Option<Criterion> {
        Criterion::of(kind.field()?, Compare::Is, value).ok()
    }
}

/// An address, or a network of them.
fn address(column: &str, is_not: bool, value: &str) -> Option<Criterion> {
    let not = if is_not { "NOT " } else { "" };
    let sql = if let Ok(address) = value.parse::<IpAddr>() {
        format!("{not}(event.{column} = toIPv6('{address}'))")
    } else {
        let network: ipnet::IpNet = value.parse().ok()?;
        let (network, bits) = match network {
            ipnet::IpNet::V4(it) => (it.addr().to_ipv6_mapped(), it.prefix_len() + 96),
            ipnet::IpNet::V6(it) => (it.addr(), it.prefix_len()),
        };
        format!("{not}isIPAddressInRange(toString(event.{column}), '{network}/{bits}')")
    };
    Some(Criterion {
        sql,
        values: vec![],
    })
}

/// Words, of which those in double quotes hold white space.
fn words(text: &str) -> Result<Vec<String>, SearchError> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut is_quoted = false;
    for character in text.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            it if it.is_whitespace() && !is_quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            it => word.push(it),
        }
    }
    if is_quoted {
        return Err(SearchError::Quote);
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

impl Store {
    /// Events that fit, the newest first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn search(&self, search: &Search) -> Result<Vec<StoredEvent>, StoreError> {
        let condition = condition(search);
        let sql = format!(
            "SELECT {COLUMNS} FROM events AS event WHERE {condition} ORDER BY event.time DESC, event.topic, event.partition, event.offset LIMIT {}",
            search.limit
        );
        let query = bound(self.sharded.query(&sql), search);
        self.within(query.fetch_all(), "a search", false).await
    }

    /// How many events fit, wherever a list of them begins.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn count(&self, search: &Search) -> Result<u64, StoreError> {
        let whole = Search {
            behind: None,
            ..search.clone()
        };
        let sql = format!(
            "SELECT count() FROM events AS event WHERE {}",
            condition(&whole)
        );
        let query = bound(self.sharded.query(&sql), &whole);
        self.within(query.fetch_one(), "a search", false).await
    }
}

/// The condition of a search, with a `?` for each of its values.
pub(super) fn condition(search: &Search) -> String {
    // Where nothing can be newer than a place, what is newer is not read.
    let newest = search.behind.as_ref().map(|it| it.time.plus_micros(1));
    let until = newest.map_or(search.until, |newest| newest.min(search.until));
    let mut sql = format!(
        "event.time >= fromUnixTimestamp64Micro({}) AND event.time < fromUnixTimestamp64Micro({})",
        search.from.micros(),
        until.micros()
    );
    for criterion in &search.criteria {
        sql.push_str(" AND ");
        sql.push_str(&criterion.sql);
    }
    if let Some(spot) = &search.behind {
        let micros = spot.time.min(search.until).micros();
        let place = format!(
            " AND (event.time < fromUnixTimestamp64Micro({micros}) OR (toString(event.topic), event.partition, event.offset) > (?, {}, {}))",
            spot.partition, spot.offset
        );
        sql.push_str(&place);
    }
    sql
}

/// The same statement with the values of a search.
pub(super) fn bound(query: clickhouse::query::Query, search: &Search) -> clickhouse::query::Query {
    let values = search.criteria.iter().flat_map(|it| &it.values);
    let values = values.chain(search.behind.as_ref().map(|it| &it.topic));
    values.fold(query, |query, value| query.bind(value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        let criteria = Criterion::parse_all(text).unwrap();
        let parts: Vec<String> = criteria.into_iter().map(|it| it.sql).collect();
        parts.join(" AND ")
    }

    fn wrong(text: &str) -> String {
        Criterion::parse_all(text).unwrap_err().to_string()
    }

    #[test]
    fn a_search_is_read() {
        assert_eq!(
            sql("status>=500 status!=503"),
            "event.status >= 500 AND event.status != 503"
        );
        assert_eq!(
            sql("client_address=203.0.113.9"),
            "(event.client_address = toIPv6('203.0.113.9'))"
        );
        assert_eq!(
            sql("client_address!=203.0.113.0/24"),
            "NOT isIPAddressInRange(toString(event.client_address), '::ffff:203.0.113.0/120')"
        );
        assert_eq!(sql("roles=admin"), "has(event.roles, ?)");
        assert_eq!(sql("facts=attack.sqli"), "has(event.facts, ?)");
        let criteria = Criterion::parse_all("user_agent=\"a b=c\" path~?x=1").unwrap();
        assert_eq!(criteria[0].values, ["a b=c"]);
        assert_eq!(criteria[1].values, ["?x=1"]);
        assert!(sql("admin").starts_with("(positionCaseInsensitiveUTF8(path, ?) > 0 OR"));
        assert!(sql("/a?b=c").starts_with("(positionCaseInsensitiveUTF8(path, ?)"));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        assert_eq!(wrong("statis=1"), "no field is named `statis`");
        assert_eq!(wrong("status=high"), "`high` is no value of `status`");
        assert_eq!(
            wrong("client_address=x"),
            "`x` is no value of `client_address`"
        );
        assert_eq!(wrong("path>=1"), "`path` cannot be compared so");
        assert_eq!(wrong("status~1"), "`status` cannot be compared so");
        assert_eq!(wrong("cookie=1"), "`cookie` is never stored");
        assert_eq!(wrong("\"a"), "a quote does not end");
        assert!(wrong(&"a ".repeat(21)).starts_with("too long"));
    }

    #[test]
    fn an_entity_is_picked_by_its_column() {
        let criterion = Criterion::entity(EntityKind::Client, "a'b").unwrap();
        assert_eq!(criterion.sql, "event.client_id = ?");
        assert_eq!(criterion.values, ["a'b"]);
        assert_eq!(Criterion::entity(EntityKind::Part, "x"), None);
        assert_eq!(Criterion::entity(EntityKind::Address, "x'y"), None);
    }
}
