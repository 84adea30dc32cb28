//! Redaction: what an event looks like when it is stored, mailed or logged.
//!
//! Subject, token, resource and device ids become keyed pseudonyms; ids in paths too, or `{id}`, as in route, operation and
//! the values of parameters whose names say so; shapes of personal data, tokens and the values of secret parameters are
//! replaced; the cookie is dropped. The client address stays.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use compact_str::CompactString;

use super::classes::{self, AT, DIGIT, EQUALS, PERCENT};
use super::percent;
use super::personal::{self, Shape};
use super::pseudonym::Pseudonyms;
use super::route::{self, ID};
use crate::event::{Event, Field, Target, Text};

const SECRET: &str = "{secret}";
/// Shortest token, in bytes.
const MIN_TOKEN: usize = 24;
/// Longest beginning of a bad record that people are shown, in bytes.
const SAMPLE_BYTES: usize = 512;

/// Names of parameters whose values are secrets: OAuth 2.0 (RFC 6749, RFC 7521), `OpenID` Connect, and what APIs call keys.
const SECRET_NAMES: &[&str] = &[
    "access_token",
    "accesstoken",
    "api-key",
    "api_key",
    "apikey",
    "assertion",
    "auth",
    "auth_token",
    "authorization",
    "bearer",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "credential",
    "credentials",
    "id_token",
    "jwt",
    "key",
    "login_hint",
    "new_password",
    "nonce",
    "old_password",
    "otp",
    "pass",
    "passwd",
    "password",
    "pin",
    "private_key",
    "pwd",
    "refresh_token",
    "secret",
    "session",
    "session_id",
    "sessionid",
    "sid",
    "sig",
    "sign",
    "signature",
    "state",
    "ticket",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-api-key",
];

/// Parameters that end in `id` and name no person and no resource: what gateways, clients and tracing call things.
const PLAIN_IDS: &[&str] = &[
    "client_id",
    "correlation_id",
    "request_id",
    "span_id",
    "trace_id",
    "webhook_id",
];

/// Parameters that name a person, whatever they end in.
const PERSON_NAMES: &[&str] = &["login", "sub", "subject", "user", "username"];

/// Makes events fit to be kept. Shared by threads, without locks.
#[derive(Clone)]
pub struct Redactor {
    pseudonyms: Pseudonyms,
    key_id: CompactString,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// From a key (32 random bytes or more) and the name that is stored beside every pseudonym.
    #[must_use]
    pub fn new(key: &[u8], key_id: &str) -> Self {
        Redactor {
            pseudonyms: Pseudonyms::new(key),
            key_id: CompactString::from(key_id),
        }
    }

    /// Name of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The pseudonym of an id of a field, as [`Redactor::redact`] writes it.
    #[must_use]
    pub fn pseudonym(&self, field: Field, id: &str) -> CompactString {
        self.pseudonyms.of(field, id)
    }

    /// Redacts an event in place, after matching.
    pub fn redact(&self, event: &mut Event<'_>) {
        event.cookie = None;
        event.payload = None;
        // An empty id names nobody: as a pseudonym all nobodies would be one person.
        let resource = event.resource_id.take().filter(|id| !id.is_empty());
        event.client_id = event.client_id.take().filter(|id| !id.is_empty());
        let alias = resource
            .as_ref()
            .map(|id| self.pseudonyms.of(Field::ResourceId, id));
        let known = resource.as_deref().zip(alias.as_deref());
        replace(&mut event.uri, |uri| target(uri, known));
        replace(&mut event.path, |text| path(text, known));
        replace(&mut event.path_decoded, |text| path(text, known));
        replace(&mut event.query, query);
        replace(&mut event.query_decoded, query);
        replace(&mut event.referer, |text| target(text, known));
        replace(&mut event.route, |text| path(text, known));
        replace(&mut event.operation, |text| path(text, known));
        replace(&mut event.error, text);
        replace(&mut event.user_agent, text);
        event.resource_id = alias.map(|alias| Text::from(alias.into_string()));
        self.alias(Field::Subject, &mut event.subject);
        self.alias(Field::TokenId, &mut event.token_id);
        self.alias(Field::DeviceId, &mut event.device_id);
    }

    fn alias(&self, field: Field, slot: &mut Option<Text<'_>>) {
        let id = slot.take().filter(|id| !id.is_empty());
        *slot = id.map(|id| Text::from(self.pseudonyms.of(field, &id).into_string()));
    }

    /// Any text with personal shapes, tokens and values of secret parameters replaced.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let shapeless = self::text(text);
        match secrets(&shapeless) {
            Some(redacted) => Cow::Owned(redacted),
            None => shapeless,
        }
    }

    /// The beginning of a record that is no event, for people: its structure, with every letter as `x` and every digit as `0`,
    /// but for the names of fields.
    #[must_use]
    pub fn sample(&self, raw: &[u8]) -> String {
        let beginning = String::from_utf8_lossy(&raw[..raw.len().min(SAMPLE_BYTES)]);
        let mut sample = String::with_capacity(beginning.len());
        for part in beginning.split_inclusive('"') {
            let name = part.strip_suffix('"').unwrap_or(part);
            if Field::ALL.iter().any(|field| field.name() == name) {
                sample.push_str(part);
                continue;
            }
            sample.extend(part.chars().map(|character| match character {
                '0'..='9' => '0',
                c if c.is_alphanumeric() => 'x',
                c if c.is_control() => ' ',
                c => c,
            }));
        }
        sample
    }
}

/// Replaces a text when redaction changes it.
fn replace(slot: &mut Option<Text<'_>>, redact: impl FnOnce(&str) -> Cow<'_, str>) {
    if let Some(text) = slot
        && let Cow::Owned(redacted) = redact(text)
    {
        *slot = Some(Text::from(redacted));
    }
}

/// A target: scheme and host stay, path and query are redacted.
fn target<'t>(whole: &'t str, known: Option<(&str, &str)>) -> Cow<'t, str> {
    let parts = Target::split(whole);
    let path_part = &whole[parts.path.0..parts.path.1];
    let path_redacted = path(path_part, known);
    let query_redacted = parts.query.map(|(start, end)| query(&whole[start..end]));
    let query_changed = matches!(query_redacted, Some(Cow::Owned(_)));
    // `user:password@host` is no place for either.
    let host = &whole[..parts.path.0];
    let credentials = parts
        .host
        .and_then(|(start, end)| Some((start, start + whole[start..end].rfind('@')?)));
    if matches!(path_redacted, Cow::Borrowed(_)) && !query_changed && credentials.is_none() {
        return Cow::Borrowed(whole);
    }
    let mut redacted = String::with_capacity(whole.len());
    match credentials {
        Some((start, end)) => {
            redacted.push_str(&host[..start]);
            redacted.push_str(SECRET);
            redacted.push_str(&host[end..]);
        }
        None => redacted.push_str(host),
    }
    redacted.push_str(&path_redacted);
    redacted.push_str(&whole[parts.path.1..parts.query.map_or(whole.len(), |(start, _)| start)]);
    redacted.push_str(query_redacted.as_deref().unwrap_or_default());
    Cow::Owned(redacted)
}

/// A path: the resource's id becomes its pseudonym, other ids `{id}`.
fn path<'t>(whole: &'t str, known: Option<(&str, &str)>) -> Cow<'t, str> {
    // Marks without which a segment is no id, unless it is very long or the one that is known.
    let has_marks = |text: &str| classes::of(text) & (DIGIT | AT | PERCENT) != 0;
    if whole.len() <= route::MAX_SEGMENT
        && !has_marks(whole)
        && known.is_none_or(|(id, _)| has_marks(id))
    {
        return text(whole);
    }
    let mut redacted: Option<String> = None;
    let mut start = 0;
    for (_, segment) in route::segments(whole) {
        let end = start + segment.len();
        let slash = &whole[end..whole.len().min(end + 1)];
        // An id is what it is once decoded; the log may have it so, or as it was sent.
        let plain = percent::decode(segment, false, &mut percent::Oddities::default());
        let is_known = known.is_some_and(|(id, _)| segment == id || plain == id);
        let private = if is_known {
            Some(plain.len())
        } else {
            route::id_part(&plain)
        };
        if let Some(length) = private {
            let redacted = redacted.get_or_insert_with(|| {
                let mut begun = String::with_capacity(whole.len() + 32);
                begun.push_str(&whole[..start]);
                begun
            });
            redacted.push_str(match known {
                Some((id, alias)) if is_known || plain[..length] == *id => alias,
                _ => ID,
            });
            redacted.push_str(&plain[length..]);
            redacted.push_str(slash);
        } else if let Some(redacted) = &mut redacted {
            redacted.push_str(segment);
            redacted.push_str(slash);
        }
        start = end + 1;
    }
    match redacted {
        Some(redacted) => Cow::Owned(shapes(&redacted, false).unwrap_or(redacted)),
        None => text(whole),
    }
}

/// A query: values of secret parameters first, then shapes.
fn query(whole: &str) -> Cow<'_, str> {
    match secrets(whole) {
        Some(redacted) => Cow::Owned(shapes(&redacted, true).unwrap_or(redacted)),
        None => shapes(whole, true).map_or(Cow::Borrowed(whole), Cow::Owned),
    }
}

/// Any other text.
fn text(whole: &str) -> Cow<'_, str> {
    shapes(whole, false).map_or(Cow::Borrowed(whole), Cow::Owned)
}

/// Values of parameters that are secret or name someone replaced; `None` when there are none.
fn secrets(whole: &str) -> Option<String> {
    if classes::of(whole) & EQUALS == 0 {
        return None;
    }
    let mut redacted: Option<String> = None;
    let mut start = 0;
    // What the items of a list (`ids=4,5`) become behind its first one.
    let mut listed: Option<&'static str> = None;
    for part in whole.split_inclusive(is_separator) {
        let pair = part.strip_suffix(is_separator).unwrap_or(part);
        let private = match listed {
            Some(placeholder) if !pair.is_empty() && !pair.contains('=') => Some((0, placeholder)),
            _ => private_value(pair),
        };
        if let Some((value, placeholder)) = private {
            let redacted = redacted.get_or_insert_with(|| {
                let mut begun = String::with_capacity(whole.len() + 8);
                begun.push_str(&whole[..start]);
                begun
            });
            redacted.push_str(&pair[..value]);
            redacted.push_str(placeholder);
            redacted.push_str(&part[pair.len()..]);
        } else if let Some(redacted) = &mut redacted {
            redacted.push_str(part);
        }
        listed = private
            .filter(|_| part.ends_with(','))
            .map(|(_, placeholder)| placeholder);
        start += part.len();
    }
    redacted
}

fn is_separator(character: char) -> bool {
    matches!(character, '&' | ';' | '?' | '#' | ' ' | ',' | '"')
}

/// Where the value begins and what it becomes, when its name says that it is a secret or names someone.
fn private_value(pair: &str) -> Option<(usize, &'static str)> {
    let sign = memchr::memchr2(b'=', b':', pair.as_bytes())?;
    if sign + 1 == pair.len() {
        return None;
    }
    let name = &pair[..sign];
    let placeholder = if name.contains('%') {
        let plain = percent::decode(name, true, &mut percent::Oddities::default());
        placeholder_of(&plain)
    } else {
        placeholder_of(name)
    };
    // Between `name:` and its value a quoted or spaced text has something else; only `=` joins a parameter to an id.
    let applies = placeholder != Some(ID) || pair.as_bytes()[sign] == b'=';
    placeholder
        .filter(|_| applies)
        .map(|placeholder| (sign + 1, placeholder))
}

fn placeholder_of(name: &str) -> Option<&'static str> {
    let is_one_of = |names: &[&str]| {
        names
            .iter()
            .any(|known| known.len() == name.len() && known.eq_ignore_ascii_case(name))
    };
    if !(2..=64).contains(&name.len()) {
        None
    } else if is_one_of(SECRET_NAMES) {
        Some(SECRET)
    } else if is_one_of(PERSON_NAMES) || names_id(name) && !is_one_of(PLAIN_IDS) {
        Some(ID)
    } else {
        None
    }
}

/// `id`, `ids`, or a name that ends so behind a mark or a change of case: `resident_id`, `passIds`, `filter[flat-id]`.
fn names_id(name: &str) -> bool {
    let name = name.strip_suffix("[]").unwrap_or(name);
    let name = name.strip_suffix(']').unwrap_or(name);
    let singular = name.strip_suffix(['s', 'S']).unwrap_or(name);
    let Some(at) = singular.len().checked_sub(2) else {
        return false;
    };
    let (Some(before), Some(end)) = (singular.get(..at), singular.get(at..)) else {
        return false;
    };
    end.eq_ignore_ascii_case("id")
        && match before.chars().next_back() {
            None | Some('_' | '-' | '.' | '[') => true,
            Some(letter) => end.starts_with('I') && letter.is_lowercase(),
        }
}

/// Shapes of personal data and tokens replaced, percent-encoded ones too; `None` when there are none.
fn shapes(whole: &str, plus: bool) -> Option<String> {
    let classes = classes::of(whole);
    if classes & (AT | DIGIT | PERCENT) == 0 && !has_jwt(whole) {
        return None;
    }
    if classes & PERCENT == 0 && !plus {
        return replace_found(whole, &found_in(whole), None);
    }
    if classes & PERCENT == 0 {
        // A plus is one byte as a space is: places hold.
        let spaced = if whole.contains('+') {
            Cow::Owned(whole.replace('+', " "))
        } else {
            Cow::Borrowed(whole)
        };
        return replace_found(whole, &found_in(&spaced), None);
    }
    // Keeping track of places is dear, and nearly always there is nothing to replace.
    let plain = percent::decode(whole, plus, &mut percent::Oddities::default());
    if personal::find(&plain).is_empty() && !has_jwt(&plain) {
        return None;
    }
    let mapped = percent::decode_mapped(whole, plus);
    replace_found(whole, &found_in(&mapped.text), Some(&mapped.offsets))
}

fn has_jwt(text: &str) -> bool {
    tokens_begin(text.as_bytes()).next().is_some()
}

/// Where something stands, and what comes in its place.
type Found = (&'static str, Range<usize>);

fn found_in(text: &str) -> Vec<Found> {
    let tokens = tokens(text);
    let mut found: Vec<Found> = personal::find(text)
        .into_iter()
        .map(|(shape, range)| (placeholder(shape), range))
        .collect();
    if tokens.is_empty() {
        return found;
    }
    // What looks personal inside a token goes with the token.
    let mut next = tokens.iter().peekable();
    found.retain(|(_, range)| {
        while next.next_if(|token| token.end <= range.start).is_some() {}
        next.peek().is_none_or(|token| token.start >= range.end)
    });
    found.extend(tokens.iter().map(|token| (SECRET, token.clone())));
    found.sort_by_key(|(_, range)| range.start);
    found
}

/// Where `eyJ` stands, found by its rarest letter.
fn tokens_begin(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'J', bytes)
        .filter(|at| bytes[..*at].ends_with(b"ey"))
        .map(|at| at - 2)
}

/// JSON Web Tokens (RFC 7519): base64url that begins like `{"`, with a dot, of a length that no word has.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut looked_at = 0;
    for start in tokens_begin(text.as_bytes()) {
        if start < looked_at {
            continue;
        }
        let is_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
        let length = text.as_bytes()[start..]
            .iter()
            .take_while(|byte| is_token(byte))
            .count();
        looked_at = start + length;
        if length >= MIN_TOKEN && text[start..looked_at].contains('.') {
            tokens.push(start..looked_at);
        }
    }
    tokens
}

const fn placeholder(shape: Shape) -> &'static str {
    match shape {
        Shape::Email => "{email}",
        Shape::Phone => "{phone}",
        Shape::Plate => "{plate}",
        Shape::Card => "{card}",
        Shape::Passport => "{passport}",
    }
}

fn replace_found(raw: &str, found: &[Found], offsets: Option<&[u32]>) -> Option<String> {
    if found.is_empty() {
        return None;
    }
    let place = |at: usize| offsets.map_or(at, |offsets| offsets[at] as usize);
    let mut redacted = String::with_capacity(raw.len());
    let mut done = 0;
    for (replacement, range) in found {
        let (start, end) = (place(range.start).max(done), place(range.end));
        redacted.push_str(&raw[done..start]);
        redacted.push_str(replacement);
        done = end.max(start);
    }
    redacted.push_str(&raw[done..]);
    Some(redacted)
}
