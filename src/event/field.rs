//! The inventory of fields: struct, slots, names and documentation from one table.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::de;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fact, FactSet, Text, Timestamp};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One string.
    Text,
    /// A whole number, never negative.
    Number,
    /// An IPv4 or IPv6 address.
    Address,
    /// An instant.
    Time,
    /// Several strings.
    List,
}

/// The value of a field, as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'e> {
    /// One string.
    Text(&'e str),
    /// A whole number.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// An instant.
    Time(Timestamp),
    /// Several strings; never empty.
    List(&'e [Text<'e>]),
    /// The facts of the event; never empty.
    Facts(FactSet),
}

macro_rules! field_type {
    (text) => { Option<Text<'a>> };
    (number) => { Option<u64> };
    (address) => { Option<IpAddr> };
    (time) => { Option<Timestamp> };
    (list) => { Vec<Text<'a>> };
}

macro_rules! field_kind {
    (text) => {
        Kind::Text
    };
    (number) => {
        Kind::Number
    };
    (address) => {
        Kind::Address
    };
    (time) => {
        Kind::Time
    };
    (list) => {
        Kind::List
    };
}

macro_rules! field_value {
    (text, $value:expr) => {
        $value.as_ref().map(|text| Value::Text(text.as_str()))
    };
    (number, $value:expr) => {
        $value.map(Value::Number)
    };
    (address, $value:expr) => {
        $value.map(Value::Address)
    };
    (time, $value:expr) => {
        $value.map(Value::Time)
    };
    (list, $value:expr) => {
        (!$value.is_empty()).then(|| Value::List(&$value))
    };
}

/// A place in an [`Event`] that can be written, told by [`Field`].
#[derive(Debug)]
pub enum Slot<'e, 'a> {
    /// One string.
    Text(&'e mut Option<Text<'a>>),
    /// A whole number.
    Number(&'e mut Option<u64>),
    /// An address.
    Address(&'e mut Option<IpAddr>),
    /// An instant.
    Time(&'e mut Option<Timestamp>),
    /// Several strings.
    List(&'e mut Vec<Text<'a>>),
    /// The event's own time, which is never absent.
    EventTime(&'e mut Timestamp),
    /// Computed by enrich, not written from a record.
    Computed,
}

macro_rules! field_slot {
    (text, $value:expr) => {
        Slot::Text(&mut $value)
    };
    (number, $value:expr) => {
        Slot::Number(&mut $value)
    };
    (address, $value:expr) => {
        Slot::Address(&mut $value)
    };
    (time, $value:expr) => {
        Slot::Time(&mut $value)
    };
    (list, $value:expr) => {
        Slot::List(&mut $value)
    };
}

macro_rules! field_owned {
    (text, $value:expr) => {
        $value.map(Text::into_owned)
    };
    (list, $value:expr) => {
        $value.into_iter().map(Text::into_owned).collect()
    };
    ($kind:ident, $value:expr) => {
        $value
    };
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:ident $variant:ident: $kind:ident $(= $($alias:literal)|+)?;)+) => {
        /// One exchange through the gateway. Every field but `time` may be absent: a log shows what it shows.
        ///
        /// Deserialised from native JSON, whose keys are the names of the fields.
        #[derive(Clone, Debug, Default, Serialize)]
        pub struct Event<'a> {
            /// When the gateway got the request; the only time that windows and retention go by.
            pub time: Timestamp,
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "is_absent")]
                pub $name: field_type!($kind),
            )+
            /// Path after repeated percent-decoding and normalising, set by enrich when it differs from `path`.
            #[serde(skip)]
            pub path_decoded: Option<Text<'a>>,
            /// Query after repeated percent-decoding, set by enrich when it differs from `query`.
            #[serde(skip)]
            pub query_decoded: Option<Text<'a>>,
            /// Normal forms of the values that are not plain, one a line, set by enrich; see [`Field::Payload`].
            #[serde(skip)]
            pub payload: Option<Text<'a>>,
            /// What enrich found to be so.
            #[serde(skip)]
            pub facts: FactSet,
        }

        /// A slot of [`Event`]: what a rule's field name is resolved to when the rule is loaded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field {
            /// When the gateway got the request.
            Time,
            $($(#[doc = $doc])+ $variant,)+
            /// `path` after repeated percent-decoding.
            PathDecoded,
            /// `query` after repeated percent-decoding.
            QueryDecoded,
            /// Normal forms of the values of path, query, user agent and referer that are not plain, one a line.
            Payload,
            /// Names of facts.
            Fact,
        }

        impl Field {
            /// Every field, in the order of the inventory.
            pub const ALL: &'static [Field] =
                &[Field::Time, $(Field::$variant,)+ Field::PathDecoded, Field::QueryDecoded, Field::Payload, Field::Fact];

            /// The name in native JSON, in rules and in the `events` table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    Field::Time => "time",
                    $(Field::$variant => stringify!($name),)+
                    Field::PathDecoded => "path_decoded",
                    Field::QueryDecoded => "query_decoded",
                    Field::Payload => "payload",
                    Field::Fact => "fact",
                }
            }

            /// Whether enrich computes it: no record can give it.
            #[must_use]
            pub const fn is_computed(self) -> bool {
                matches!(
                    self,
                    Field::PathDecoded | Field::QueryDecoded | Field::Payload | Field::Fact
                )
            }

            /// What the field holds.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self {
                    Field::Time => Kind::Time,
                    $(Field::$variant => field_kind!($kind),)+
                    Field::PathDecoded | Field::QueryDecoded | Field::Payload => Kind::Text,
                    Field::Fact => Kind::List,
                }
            }

            /// The names that Sigma's web taxonomy has for it.
            #[must_use]
            pub const fn sigma_names(self) -> &'static [&'static str] {
                match self {
                    $($(Field::$variant => &[$($alias),+],)?)+
                    _ => &[],
                }
            }

            /// What the field means, for the reference.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self {
                    Field::Time => " When the gateway got the request; the only time that windows and retention go by.",
                    $(Field::$variant => concat!($($doc),+),)+
                    Field::PathDecoded => " `path` after repeated percent-decoding and normalising; what attack rules look at.",
                    Field::QueryDecoded => " `query` after repeated percent-decoding; what attack rules look at.",
                    Field::Payload => " What is not plain in path, query, user agent and referer: a line a value, decoded, and lines with entities, escapes, comments, quotes inside of words and base64 undone; white space is one space, and once more with a line break as `⏎`. Absent when all is plain; where a new attack rule looks first.",
                    Field::Fact => " Names of the facts that enrich found, such as `tls.old`.",
                }
            }
        }

        impl<'a> Event<'a> {
            /// The place that a record's value is written to.
            pub fn slot(&mut self, field: Field) -> Slot<'_, 'a> {
                match field {
                    Field::Time => Slot::EventTime(&mut self.time),
                    $(Field::$variant => field_slot!($kind, self.$name),)+
                    Field::PathDecoded | Field::QueryDecoded | Field::Payload | Field::Fact => Slot::Computed,
                }
            }
        }

        impl Event<'_> {
            /// Moves every time of the record by so many microseconds.
            pub fn move_times(&mut self, micros: i64) {
                self.time = self.time.plus_micros(micros);
                for field in Field::ALL {
                    if let Slot::Time(Some(time)) = self.slot(*field) {
                        *time = time.plus_micros(micros);
                    }
                }
            }

            /// The same event, free of the record that it was decoded from.
            #[must_use]
            pub fn into_owned(self) -> Event<'static> {
                Event {
                    time: self.time,
                    $($name: field_owned!($kind, self.$name),)+
                    path_decoded: self.path_decoded.map(Text::into_owned),
                    query_decoded: self.query_decoded.map(Text::into_owned),
                    payload: self.payload.map(Text::into_owned),
                    facts: self.facts,
                }
            }

            /// Visits every field of the record that is there, in the order of the inventory; the time and what enrich
            /// computes are left out. Quicker than asking for each field by its slot.
            #[inline]
            pub fn for_each_present<'e>(&'e self, mut visit: impl FnMut(Field, Value<'e>)) {
                $(
                    if let Some(value) = field_value!($kind, self.$name) {
                        visit(Field::$variant, value);
                    }
                )+
            }

            /// The value in a slot; `None` when the log did not show it.
            #[inline]
            #[must_use]
            pub fn get(&self, field: Field) -> Option<Value<'_>> {
                match field {
                    Field::Time => Some(Value::Time(self.time)),
                    $(Field::$variant => field_value!($kind, self.$name),)+
                    Field::PathDecoded => {
                        self.path_decoded.as_ref().or(self.path.as_ref()).map(|text| Value::Text(text.as_str()))
                    }
                    Field::QueryDecoded => {
                        self.query_decoded.as_ref().or(self.query.as_ref()).map(|text| Value::Text(text.as_str()))
                    }
                    Field::Payload => self.payload.as_ref().map(|text| Value::Text(text.as_str())),
                    Field::Fact => (!self.facts.is_empty()).then_some(Value::Facts(self.facts)),
                }
            }
        }
    };
}

fields! {
    /// Name of the gateway instance that wrote the record.
    gateway Gateway: text = "s-computername";
    /// The gateway's own running number of the record; gaps betray lost records.
    sequence Sequence: number;
    /// Who wrote the record: `partner` for one out of the partner's own log, a second source; absent for the gateways' own.
    observer Observer: text;
    /// Id of the request, the same on both sides and across retries.
    request_id RequestId: text;
    /// `inbound` (a partner calls us) or `outbound` (we call a partner).
    direction Direction: text;
    /// `production`, `staging` and the like.
    environment Environment: text;
    /// The integration (contract) that the call belongs to.
    integration Integration: text;
    /// The operation: method and route template, or the gateway's name for it.
    operation Operation: text;
    /// HTTP method.
    method Method: text = "cs-method";
    /// `http` or `https`.
    scheme Scheme: text;
    /// HTTP version, such as `1.1` or `2`.
    http_version HttpVersion: text = "cs-version";
    /// Host that was called, without port.
    host Host: text = "cs-host" | "r-dns";
    /// Path as sent, without query.
    path Path: text = "cs-uri-stem" | "c-uri-stem";
    /// Route template, such as `/residents/{id}`.
    route Route: text;
    /// Query as sent, without the question mark.
    query Query: text = "cs-uri-query" | "c-uri-query";
    /// The whole target as logged: path and query, perhaps with scheme and host.
    uri Uri: text = "c-uri" | "cs-uri";
    /// HTTP status of the answer.
    status Status: number = "sc-status";
    /// Bytes of the request.
    request_bytes RequestBytes: number = "cs-bytes";
    /// Bytes of the answer.
    response_bytes ResponseBytes: number = "sc-bytes";
    /// Microseconds from the first byte of the request to the last of the answer.
    duration_us DurationUs: number;
    /// Microseconds that the upstream took.
    upstream_duration_us UpstreamDurationUs: number;
    /// Which attempt this is, from 1.
    attempt Attempt: number;
    /// Idempotency key that the caller sent.
    idempotency_key IdempotencyKey: text;
    /// Whether a cache answered, as the gateway says it, in small letters: such as `hit`, `miss`, `expired`, `stale`, `revalidated`, `bypass`.
    cache_status CacheStatus: text;
    /// Age in seconds of what the cache answered.
    cache_age_s CacheAgeS: number;
    /// Address of the peer that the gateway saw.
    client_address ClientAddress: address = "c-ip" | "src_ip";
    /// `X-Forwarded-For` as sent.
    forwarded_for ForwardedFor: text;
    /// ISO 3166-1 alpha-2 country of the client address.
    country Country: text;
    /// User agent as sent.
    user_agent UserAgent: text = "cs-user-agent" | "c-useragent";
    /// Referer as sent.
    referer Referer: text = "cs-referer" | "referer" | "cs-referrer";
    /// Content type of the request as sent.
    content_type ContentType: text = "cs-content-type";
    /// Cookies are never stored; rules may look at them while the event is in memory.
    cookie Cookie: text = "cs-cookie";
    /// Id of the calling client (OAuth `client_id`, API key name, certificate subject).
    client_id ClientId: text;
    /// TLS version as negotiated, such as `TLSv1.3`.
    tls_version TlsVersion: text;
    /// Cipher suite as negotiated.
    tls_cipher TlsCipher: text;
    /// Who acts: user, resident or service. Stored as a keyed pseudonym.
    subject Subject: text = "cs-username" | "c-username";
    /// Roles of the subject.
    roles Roles: list;
    /// Scopes of the token.
    scopes Scopes: list;
    /// OAuth grant by which the token was got.
    grant Grant: text;
    /// Second factor: the method that was passed, `none`, `prompted` or `failed`.
    mfa Mfa: text;
    /// `alg` of the token.
    token_algorithm TokenAlgorithm: text;
    /// `kid` of the token.
    token_key_id TokenKeyId: text;
    /// `iss` of the token.
    token_issuer TokenIssuer: text;
    /// `aud` of the token.
    token_audience TokenAudience: text;
    /// `jti` of the token. Stored as a keyed pseudonym.
    token_id TokenId: text;
    /// `iat` of the token.
    token_issued TokenIssued: time;
    /// `exp` of the token.
    token_expires TokenExpires: time;
    /// How verification went: `valid`, `expired`, `bad_signature`, `unknown_key`, `revoked`, `missing`.
    token_outcome TokenOutcome: text;
    /// The gateway's own decision: `allow`, `deny`, `limit`.
    decision Decision: text;
    /// Type of the resource, such as `resident`.
    resource_type ResourceType: text;
    /// Id of the resource. Stored as a keyed pseudonym.
    resource_id ResourceId: text;
    /// How many records the answer carried.
    record_count RecordCount: number;
    /// Names of the fields sent, never their values.
    fields_sent FieldsSent: list;
    /// Names of the fields received, never their values.
    fields_received FieldsReceived: list;
    /// Delivery id of a webhook.
    webhook_id WebhookId: text;
    /// How the webhook's signature verified: `valid`, `invalid`, `missing`.
    webhook_signature WebhookSignature: text;
    /// Time that the webhook says of itself.
    webhook_time WebhookTime: time;
    /// Address and port of the upstream.
    upstream_address UpstreamAddress: text;
    /// Address by which the gateway left for the partner.
    egress_address EgressAddress: address = "dst_ip";
    /// What a firewall or IPS on the way decided: `pass`, `block`, `detect`, or its rule.
    waf_verdict WafVerdict: text;
    /// Camera, barrier or terminal. Stored as a keyed pseudonym.
    device_id DeviceId: text;
    /// Outcome of a recognition: `match`, `no_match`, `liveness_failed`.
    outcome Outcome: text;
    /// Purpose or case for which personal data was asked.
    purpose Purpose: text;
    /// Legal basis of the processing: `consent`, `contract`, `law`, `withdrawn`.
    legal_basis LegalBasis: text;
    /// Error of the gateway or upstream.
    error Error: text;
}

trait Absent {
    fn absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

fn is_absent<T: Absent>(value: &T) -> bool {
    value.absent()
}

impl Field {
    /// The field of this name, by our own or by Sigma's taxonomy; `None` when there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL
            .iter()
            .copied()
            .find(|field| field.name() == name || field.sigma_names().contains(&name))
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Field::from_name(&name)
            .ok_or_else(|| de::Error::custom(format_args!("no field is named `{name}`")))
    }
}

impl Event<'_> {
    /// Whether the record is out of the partner's own log: a second witness of a call, not another call.
    #[must_use]
    pub fn is_of_partner(&self) -> bool {
        self.observer.as_deref() == Some("partner")
    }

    /// Whether a fact is set.
    #[must_use]
    pub fn has(&self, fact: Fact) -> bool {
        self.facts.contains(fact)
    }
}

#[cfg(test)]
mod tests;
