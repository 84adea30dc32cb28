//! What can be new in an hour: values of an event that callers use again and again, as codes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::hashed::Hashed;
use super::query::Query;
use super::value::{Value, signs};
use crate::event::{Event, Text};
use crate::track::EntityKind;

/// A kind of value. Those that differ most from call to call come last: of too many values in an hour they go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dimension {
    Tls,
    Token,
    TokenKey,
    Grant,
    Roles,
    Scopes,
    Factor,
    Purpose,
    Gateway,
    Egress,
    Host,
    Upstream,
    Country,
    Agent,
    Client,
    Operation,
    Answer,
    ContentType,
    FieldsSent,
    FieldsReceived,
    Parameters,
    Network,
    Signs,
}

use Dimension as D;

/// In the order of their numbers, with how people read them.
pub(super) const DIMENSIONS: [(Dimension, &str); 23] = [
    (D::Tls, "TLS version and suite"),
    (D::Token, "issuer, audience and algorithm of tokens"),
    (D::TokenKey, "key of tokens"),
    (D::Grant, "OAuth grant"),
    (D::Roles, "roles"),
    (D::Scopes, "scopes"),
    (D::Factor, "second factor and outcome of the token"),
    (D::Purpose, "type of resource, purpose and legal basis"),
    (D::Gateway, "gateway"),
    (D::Egress, "egress address"),
    (D::Host, "host"),
    (D::Upstream, "upstream"),
    (D::Country, "country"),
    (D::Agent, "user agent"),
    (D::Client, "client"),
    (D::Operation, "operation"),
    (D::Answer, "answer of an operation"),
    (D::ContentType, "content type of an operation"),
    (D::FieldsSent, "fields sent by an operation"),
    (D::FieldsReceived, "fields received by an operation"),
    (D::Parameters, "query parameters of an operation"),
    (D::Network, "network"),
    (D::Signs, "signs side by side in a query parameter"),
];

/// The number of a kind of value.
#[cfg(test)]
pub(super) const fn index(dimension: Dimension) -> usize {
    dimension as usize
}

/// Codes are 27 bits of a hash below five bits of the kind.
const HASH_BITS: u32 = 27;
/// Values of an entity in an hour: at most, and of an hour of one or two calls.
const MOST: usize = 128;
const USUAL: usize = 24;

/// What an hour showed of an entity, ascending. Of too many the smallest codes are kept, whatever the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Traits(#[serde(with = "crate::track::packed::list")] SmallVec<[u32; USUAL]>);

/// The kind of a value.
pub(super) const fn dimension_of(code: u32) -> usize {
    (code >> HASH_BITS) as usize
}

impl Traits {
    pub(super) fn codes(&self) -> &[u32] {
        &self.0
    }

    /// Adds a value; whether it is new. Its place is not before `from`, which moves on to where its kind begins: values come by kind, so all of an event are
    /// found in one walk.
    fn add(&mut self, from: &mut usize, code: u32) -> bool {
        let behind = |at: usize, least: u32| {
            let before = self.0[at..].iter().take_while(|known| **known < least);
            at + before.count()
        };
        *from = behind(*from, code >> HASH_BITS << HASH_BITS);
        let at = behind(*from, code);
        if at >= MOST || self.0.get(at) == Some(&code) {
            return false;
        }
        self.0.insert(at, code);
        self.0.truncate(MOST);
        true
    }

    pub(super) fn join(&mut self, other: &Traits) {
        let mut from = 0;
        for code in &other.0 {
            self.add(&mut from, *code);
        }
    }

    /// Takes the values of an event; `new` gets those that are new here, with what makes their text.
    pub(super) fn take<'e>(
        &mut self,
        event: &'e Event<'_>,
        (kind, operation): (EntityKind, Hashed<'e>),
        mut new: impl FnMut(u32, Value<'e>),
    ) {
        let mut from = 0;
        each(event, kind, operation, |dimension, value| {
            let code = code_of(dimension, value);
            if self.add(&mut from, code) {
                new(code, value);
            }
        });
    }
}

fn code_of(dimension: Dimension, value: Value<'_>) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "some bits of a hash")]
    let hash = value.hash() as u32 & ((1 << HASH_BITS) - 1);
    (dimension as u32) << HASH_BITS | hash
}

/// The code of the operation that an event calls; 0 where the log names none, and where it failed: what failed is tried again, and leads nowhere.
pub(super) fn operation_of(event: &Event<'_>, operation: Hashed<'_>) -> u32 {
    let is_failed = event.status.is_some_and(|status| status >= 500);
    if operation.text.is_empty() || is_failed {
        return 0;
    }
    code_of(D::Operation, Value::Operation(operation, ""))
}

/// Each value that the event has, in the order of kinds.
fn each<'e>(
    event: &'e Event<'_>,
    kind: EntityKind,
    operation: Hashed<'e>,
    mut take: impl FnMut(Dimension, Value<'e>),
) {
    let nothing = Hashed::of("");
    let mut one = |dimension, value: Option<Value<'e>>| {
        if let Some(value) = value {
            take(dimension, value);
        }
    };
    one(
        D::Tls,
        texts([
            event.tls_version.as_deref(),
            event.tls_cipher.as_deref(),
            None,
        ]),
    );
    let token = [
        event.token_issuer.as_deref(),
        event.token_audience.as_deref(),
        event.token_algorithm.as_deref(),
    ];
    one(D::Token, texts(token));
    one(D::TokenKey, text(event.token_key_id.as_deref()));
    one(D::Grant, text(event.grant.as_deref()));
    one(D::Roles, list(nothing, &event.roles));
    one(D::Scopes, list(nothing, &event.scopes));
    one(
        D::Factor,
        texts([event.mfa.as_deref(), event.token_outcome.as_deref(), None]),
    );
    let purpose = [
        event.resource_type.as_deref(),
        event.purpose.as_deref(),
        event.legal_basis.as_deref(),
    ];
    one(D::Purpose, texts(purpose));
    one(D::Gateway, text(event.gateway.as_deref()));
    one(D::Egress, event.egress_address.map(Value::Address));
    one(D::Host, text(event.host.as_deref()));
    one(D::Upstream, text(event.upstream_address.as_deref()));
    one(D::Country, text(event.country.as_deref()));
    let agent = event.user_agent.as_deref().filter(|it| !it.is_empty());
    one(D::Agent, agent.map(Value::Agent));
    if kind == EntityKind::Subject {
        one(D::Client, text(event.client_id.as_deref()));
    }
    let is_named = !operation.text.is_empty();
    let query = Query::of(event).filter(|_| is_named);
    if is_named {
        one(D::Operation, Some(Value::Operation(operation, "")));
        let answer = event.status.map(|it| Value::Number(operation, it));
        one(D::Answer, answer);
        let content = event.content_type.as_deref().unwrap_or_default();
        one(D::ContentType, Some(Value::Operation(operation, content)));
    }
    one(D::FieldsSent, list(operation, &event.fields_sent));
    one(D::FieldsReceived, list(operation, &event.fields_received));
    one(D::Parameters, query.map(|it| Value::Names(operation, it)));
    if kind != EntityKind::Address {
        one(D::Network, event.client_address.map(Value::Network));
    }
    for (name, value) in query.into_iter().flat_map(Query::parameters) {
        let name = Hashed::of(name);
        signs(value, |signs| {
            take(D::Signs, Value::Signs(operation, name, signs));
        });
    }
}

fn text(text: Option<&str>) -> Option<Value<'_>> {
    text.filter(|it| !it.is_empty()).map(Value::Text)
}

/// `None` where all are empty.
fn texts(texts: [Option<&str>; 3]) -> Option<Value<'_>> {
    let texts = texts.map(Option::unwrap_or_default);
    let is_there = texts.iter().any(|text| !text.is_empty());
    is_there.then_some(Value::Texts(texts))
}

fn list<'e>(of: Hashed<'e>, list: &'e [Text<'e>]) -> Option<Value<'e>> {
    (!list.is_empty()).then_some(Value::List(of, list))
}

#[cfg(test)]
impl Traits {
    /// These values of one kind.
    pub(super) fn of(dimension: Dimension, values: &[&str]) -> Traits {
        let mut traits = Traits::default();
        for value in values {
            #[expect(clippy::cast_possible_truncation, reason = "some bits of a hash")]
            let hash = crate::track::hash::quick_hash(value) as u32 & ((1 << HASH_BITS) - 1);
            traits.add(&mut 0, (dimension as u32) << HASH_BITS | hash);
        }
        traits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_where_their_number_says_and_fit_into_a_code() {
        for (at, (dimension, name)) in DIMENSIONS.iter().enumerate() {
            assert_eq!(index(*dimension), at, "{name}");
        }
        assert!(DIMENSIONS.len() <= 1 << (32 - HASH_BITS));
    }

    #[test]
    fn values_are_told_apart_by_what_matters() {
        let codes = |event: &Event<'static>| {
            let mut traits = Traits::default();
            let mut texts = Vec::new();
            let of = (EntityKind::Client, Hashed::operation(event));
            traits.take(event, of, |_, value| {
                texts.push(value.text());
            });
            (traits, texts)
        };
        let event = Event {
            user_agent: Some("barrier/1.4.2".into()),
            client_address: Some("203.0.113.7".parse().unwrap()),
            operation: Some("GET /v1/plates".into()),
            query: Some("plate=p_1&from=2".into()),
            status: Some(200),
            ..Event::default()
        };
        let (traits, texts) = codes(&event);
        assert_eq!(
            texts[..7],
            [
                "barrier/",
                "GET /v1/plates",
                "GET /v1/plates: 200",
                "GET /v1/plates",
                "GET /v1/plates: from, plate",
                "203.0.113.0/24",
                "GET /v1/plates: plate with its edge before a word"
            ]
        );
        let same = Event {
            user_agent: Some("barrier/1.5.0".into()),
            client_address: Some("203.0.113.99".parse().unwrap()),
            query: Some("from=9&plate=p_3".into()),
            ..event.clone()
        };
        assert_eq!(codes(&same).0, traits);
        for query in ["from=9&plate=p_3&limit=1000", "from=9&plate=p_3'--"] {
            let other = Event {
                query: Some(query.into()),
                ..event.clone()
            };
            assert_ne!(codes(&other).0, traits, "{query}");
        }
    }

    #[test]
    fn of_too_many_the_same_are_kept_in_any_order() {
        let (mut up, mut down) = (Traits::default(), Traits::default());
        for code in 0..1_000 {
            up.add(&mut 0, code * 7);
            down.add(&mut 0, (999 - code) * 7);
        }
        assert_eq!(up, down);
        assert_eq!(up.codes().len(), MOST);
    }
}
