//! The parameters of a query, where a value may hold a `&` of its own.

use crate::event::Event;

/// A query as it was written and as it was decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'e> {
    raw: &'e str,
    decoded: &'e str,
}

impl<'e> Query<'e> {
    /// Of an event that has one.
    pub(super) fn of(event: &'e Event<'_>) -> Option<Query<'e>> {
        let raw = event.query.as_deref();
        let decoded = event.query_decoded.as_deref().or(raw)?;
        let raw = raw.unwrap_or(decoded);
        (!decoded.is_empty()).then_some(Query { raw, decoded })
    }

    /// Names, as they were written, and decoded values. What was written `%26` is no end of a value: a part that does not begin with the next name
    /// goes on with the value before.
    pub(super) fn parameters(self) -> impl Iterator<Item = (&'e str, &'e str)> {
        let mut left = Some(self.decoded);
        let mut written = parts(self.raw).map(name_of).peekable();
        let is_plain = ands(self.raw) == ands(self.decoded);
        std::iter::from_fn(move || {
            let text = left.take()?.trim_start_matches('&');
            if text.is_empty() {
                return None;
            }
            let name = written.next().unwrap_or_default();
            let next = written.peek().copied();
            let mut end = text.find('&').unwrap_or(text.len());
            while !is_plain
                && end < text.len()
                && Some(name_of(until_and(&text[end + 1..]))) != next
            {
                end += 1 + until_and(&text[end + 1..]).len();
            }
            left = text.get(end + 1..);
            let value = text[..end].split_once('=').map_or("", |(_, value)| value);
            Some((name, value))
        })
    }

    /// Names alone.
    pub(super) fn names(self) -> impl Iterator<Item = &'e str> {
        parts(self.raw).map(name_of)
    }
}

fn parts(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|part| !part.is_empty())
}

fn name_of(part: &str) -> &str {
    part.split_once('=').map_or(part, |(name, _)| name)
}

fn until_and(text: &str) -> &str {
    &text[..text.find('&').unwrap_or(text.len())]
}

fn ands(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'&').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(raw: &'static str, decoded: &'static str) -> Vec<(String, String)> {
        let event = Event {
            query: Some(raw.into()),
            query_decoded: Some(decoded.into()),
            ..Event::default()
        };
        let all = Query::of(&event).into_iter().flat_map(Query::parameters);
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_value_may_hold_what_separates_parameters() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        assert_eq!(
            parameters("q=AT%26T&page=2", "q=AT&T&page=2"),
            pairs(&[("q", "AT&T"), ("page", "2")])
        );
        assert_eq!(
            parameters("page=2&q=a%26b%26c", "page=2&q=a&b&c"),
            pairs(&[("page", "2"), ("q", "a&b&c")])
        );
        assert_eq!(
            parameters("&a=1&&flag&b=x%3Dy&", "&a=1&&flag&b=x=y&"),
            pairs(&[("a", "1"), ("flag", ""), ("b", "x=y")])
        );
        assert_eq!(parameters("", ""), []);
    }
}
