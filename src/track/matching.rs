//! From an event to what the tracker keeps of it: entity, group, counted value, evidence.

use std::borrow::Cow;
use std::cell::OnceCell;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::earth::country;
use super::finding::EvidenceRef;
use super::{Entity, EntityKind, Packed, PatternHit, stable_hash};
use crate::event::{Event, Field, Position, Value};
use crate::sigma::CorrelationKind;

/// Longest entity value in bytes; see [`bounded`].
const VALUE_BYTES: usize = 256;
const TARGET_BYTES: usize = 512;
const USER_AGENT_BYTES: usize = 256;
const NAME_BYTES: usize = 128;

/// Whom a match is about: the value of the rule's entity field, else the client id, the client address, the integration, the
/// gateway; `unknown` when the log shows none of them.
#[must_use]
pub fn entity_of(field: Option<Field>, event: &Event<'_>) -> Entity {
    let usual = [
        Field::ClientId,
        Field::ClientAddress,
        Field::Integration,
        Field::Gateway,
    ];
    field
        .into_iter()
        .chain(usual)
        .find_map(|field| {
            let value = text_of(event.get(field)?);
            (!value.is_empty()).then(|| Entity {
                kind: kind_of(field),
                value: bounded(&value).into(),
            })
        })
        .unwrap_or_else(|| Entity {
            kind: EntityKind::Gateway,
            value: "unknown".into(),
        })
}

/// What correlations look at in one event: texts that take long to make, and hashes, each made once though many look at it.
pub struct Looks<'e> {
    event: &'e Event<'e>,
    address: OnceCell<CompactString>,
    hashes: SmallVec<[(Field, u64); 4]>,
}

impl<'e> Looks<'e> {
    /// Nothing is made yet.
    #[must_use]
    pub fn at(event: &'e Event<'e>) -> Self {
        Looks {
            event,
            address: OnceCell::new(),
            hashes: SmallVec::new(),
        }
    }

    /// The group of the event in a correlation: the values of the group-by fields, joined by ` | ` (a bar or backslash inside a
    /// value is escaped by a backslash then). `None` when the event lacks one of them: it is in no group. Without group-by
    /// fields all events are one group.
    #[must_use]
    pub fn group(&self, fields: &[Field]) -> Option<Entity> {
        let Some(first) = fields.first() else {
            return Some(Entity {
                kind: EntityKind::Gateway,
                value: "all".into(),
            });
        };
        let kind = kind_of(*first);
        if fields.len() == 1 {
            let value = bounded(&self.text(*first)?).into();
            return Some(Entity { kind, value });
        }
        let mut joined = CompactString::default();
        for (at, field) in fields.iter().enumerate() {
            let value = self.text(*field)?;
            if at > 0 {
                joined.push_str(" | ");
            }
            if value.contains(['|', '\\']) {
                joined.push_str(&value.replace('\\', "\\\\").replace('|', "\\|"));
            } else {
                joined.push_str(&value);
            }
        }
        let value = match bounded(&joined) {
            Cow::Borrowed(_) => joined,
            Cow::Owned(cut) => cut.into(),
        };
        Some(Entity { kind, value })
    }

    /// What a correlation takes of the event when its member of that number matched; see [`super::CorrelationKey::value`].
    #[must_use]
    pub fn value(&mut self, kind: &CorrelationKind, member: u32) -> Option<u64> {
        match kind {
            CorrelationKind::EventCount => None,
            CorrelationKind::ValueCount { fields } => self.hash(fields),
            CorrelationKind::ValueShare { field } => self.hash(&[*field]),
            CorrelationKind::TravelSpeed { field } => country(&self.text(*field)?),
            CorrelationKind::Temporal
            | CorrelationKind::TemporalOrdered
            | CorrelationKind::Absence
            | CorrelationKind::AbsenceOrdered => 1_u64.checked_shl(member),
            CorrelationKind::ValueSum { field }
            | CorrelationKind::ValueAvg { field }
            | CorrelationKind::ValuePercentile { field, .. } => match self.event.get(*field)? {
                Value::Number(number) => Some(number),
                _ => None,
            },
        }
    }

    /// The stable hash of the values of fields; `None` when the event lacks one.
    fn hash(&mut self, fields: &[Field]) -> Option<u64> {
        if let [field] = fields {
            let known = self.hashes.iter().find(|(known, _)| known == field);
            if let Some((_, hash)) = known {
                return Some(*hash);
            }
            let hash = stable_hash(&[self.text(*field)?.as_bytes()]);
            self.hashes.push((*field, hash));
            return Some(hash);
        }
        let texts = fields.iter().map(|field| self.text(*field));
        let texts: SmallVec<[Cow<'_, str>; 4]> = texts.collect::<Option<_>>()?;
        let parts = texts.iter().map(|text| text.as_bytes());
        let parts: SmallVec<[&[u8]; 4]> = parts.collect();
        Some(stable_hash(&parts))
    }

    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        Some(match self.event.get(field)? {
            Value::Address(address) if field == Field::ClientAddress => {
                let text = || compact_str::format_compact!("{address}");
                Cow::Borrowed(self.address.get_or_init(text))
            }
            value => text_of(value),
        })
    }
}

/// The event for people, cut to lengths that fit a mail. The event must be redacted already.
#[must_use]
pub fn evidence_of(event: &Event<'_>, position: Position, hits: &[PatternHit]) -> Packed {
    let text = |value, bytes| cut(Option::unwrap_or_default(value), bytes);
    Packed::pack(&EvidenceRef {
        time: event.time,
        position,
        request_id: text(event.request_id.as_deref(), NAME_BYTES),
        client_address: event.client_address,
        client_id: text(event.client_id.as_deref(), NAME_BYTES),
        subject: text(event.subject.as_deref(), NAME_BYTES),
        token_id: text(event.token_id.as_deref(), NAME_BYTES),
        integration: text(event.integration.as_deref(), NAME_BYTES),
        method: text(event.method.as_deref(), 32),
        target: target_of(event),
        status: event
            .status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(0),
        user_agent: text(event.user_agent.as_deref(), USER_AGENT_BYTES),
        hits,
    })
}

fn target_of<'e>(event: &'e Event<'_>) -> Cow<'e, str> {
    let path = event
        .path
        .as_deref()
        .or(event.uri.as_deref())
        .unwrap_or_default();
    let path = cut(path, TARGET_BYTES);
    match event.query.as_deref() {
        Some(query) if !query.is_empty() && event.path.is_some() && path.len() < TARGET_BYTES => {
            Cow::Owned(format!(
                "{path}?{}",
                cut(query, TARGET_BYTES - path.len() - 1)
            ))
        }
        _ => Cow::Borrowed(path),
    }
}

/// What kind of entity a field's value names.
pub(crate) fn kind_of(field: Field) -> EntityKind {
    match field {
        Field::Subject => EntityKind::Subject,
        Field::ClientAddress
        | Field::EgressAddress
        | Field::ForwardedFor
        | Field::UpstreamAddress => EntityKind::Address,
        Field::TokenId | Field::TokenKeyId | Field::TokenIssuer => EntityKind::Token,
        Field::ResourceId | Field::ResourceType | Field::DeviceId => EntityKind::Resource,
        Field::Operation
        | Field::Route
        | Field::Path
        | Field::PathDecoded
        | Field::Uri
        | Field::Method => EntityKind::Operation,
        Field::Integration | Field::Host | Field::WebhookId | Field::Direction => {
            EntityKind::Integration
        }
        Field::Gateway | Field::Environment | Field::Observer => EntityKind::Gateway,
        _ => EntityKind::Client,
    }
}

fn text_of(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Address(address) => Cow::Owned(address.to_string()),
        Value::Time(time) => Cow::Owned(time.to_string()),
        Value::List(texts) => {
            let texts: Vec<&str> = texts.iter().map(crate::event::Text::as_str).collect();
            Cow::Owned(texts.join(","))
        }
        Value::Facts(facts) => {
            let names: Vec<&str> = facts.iter().map(crate::event::Fact::name).collect();
            Cow::Owned(names.join(","))
        }
    }
}

/// Whether a call came to what it asked for: neither refused before nor for what is not there.
pub(super) fn reaches(event: &Event<'_>) -> bool {
    !matches!(event.status.unwrap_or(0), 401 | 403 | 404 | 405 | 410 | 429)
}

/// The value itself when it is short; else its beginning and its stable hash, so that long values stay apart.
pub(super) fn bounded(value: &str) -> Cow<'_, str> {
    if value.len() <= VALUE_BYTES {
        return Cow::Borrowed(value);
    }
    let hash = stable_hash(&[value.as_bytes()]);
    Cow::Owned(format!("{}…{hash:016x}", cut(value, VALUE_BYTES - 19)))
}

/// The longest beginning of at most `bytes` bytes that ends between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entity_falls_back_to_what_the_log_shows() {
        let mut event = Event {
            client_address: Some("198.51.100.7".parse().unwrap()),
            ..Event::default()
        };
        let entity = entity_of(Some(Field::Subject), &event);
        assert_eq!(
            (entity.kind, entity.value.as_str()),
            (EntityKind::Address, "198.51.100.7")
        );
        event.client_id = Some("crm".into());
        assert_eq!(entity_of(None, &event).value, "crm");
        event.subject = Some("s:17".into());
        assert_eq!(
            entity_of(Some(Field::Subject), &event).kind,
            EntityKind::Subject
        );
        assert_eq!(entity_of(None, &Event::default()).value, "unknown");
    }

    #[test]
    fn groups_are_joined_and_cannot_be_forged() {
        let fields = [Field::ClientId, Field::Subject];
        let group = |client: &'static str, subject: &'static str| {
            let event = Event {
                client_id: Some(client.into()),
                subject: Some(subject.into()),
                ..Event::default()
            };
            Looks::at(&event).group(&fields).unwrap().value
        };
        assert_eq!(group("crm", "s:1"), "crm | s:1");
        assert_ne!(group("a | b", "c"), group("a", "b | c"));
        assert_ne!(group("a\\", "b"), group("a", "\\b"));
        assert!(Looks::at(&Event::default()).group(&fields).is_none());
        assert_eq!(
            Looks::at(&Event::default()).group(&[]).unwrap().value,
            "all"
        );
    }

    #[test]
    fn long_hostile_values_are_cut_between_characters_and_stay_apart() {
        let (a, b) = ("ы".repeat(400), format!("{}я", "ы".repeat(399)));
        assert!(bounded(&a).len() <= VALUE_BYTES);
        assert_ne!(bounded(&a), bounded(&b));
        let event = Event {
            path: Some("/я".repeat(600).into()),
            query: Some("q".repeat(5_000).into()),
            user_agent: Some("ы".repeat(5_000).into()),
            ..Event::default()
        };
        let position = Position {
            partition: 0,
            offset: 0,
            stamped: None,
        };
        let evidence = evidence_of(&event, position, &[]).unpacked().unwrap();
        assert!(evidence.target.len() <= TARGET_BYTES);
        assert!(evidence.user_agent.len() <= USER_AGENT_BYTES);
    }
}
