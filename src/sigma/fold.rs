//! Folded texts of one event: lowercase, made once for each field, in one buffer that is used again for every event.

use crate::event::Field;

/// Stands before each folded text. No UTF-8 has this byte, so a literal with it in front is found at the beginning only.
pub(crate) const START: u8 = 0xFF;

/// Stands behind each folded text, see [`START`].
pub(crate) const END: u8 = 0xFE;

/// The folded texts of the event at hand.
#[derive(Debug)]
pub(crate) struct Folds {
    buffer: Vec<u8>,
    /// Where a field's text lies in `buffer`, valid when its stamp is the current one.
    fields: Box<[Span; Field::ALL.len()]>,
    stamp: u64,
    /// The element of a list that was folded last.
    item: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    stamp: u64,
    begin: usize,
    end: usize,
}

/// A buffer that one event of unusual size has blown up is given back.
const KEPT_BYTES: usize = 1 << 20;

impl Folds {
    pub(crate) fn new() -> Self {
        Folds {
            buffer: Vec::with_capacity(4 * 1024),
            fields: Box::new([Span::default(); Field::ALL.len()]),
            stamp: 0,
            item: Vec::new(),
        }
    }

    /// Forgets the last event.
    pub(crate) fn next_event(&mut self) {
        self.stamp += 1;
        for buffer in [&mut self.buffer, &mut self.item] {
            buffer.clear();
            if buffer.capacity() > KEPT_BYTES {
                buffer.shrink_to(KEPT_BYTES);
            }
        }
    }

    /// The folded text of a field of the event; folded on the first call.
    #[inline]
    pub(crate) fn of_field(&mut self, field: Field, text: &str) -> &[u8] {
        unmarked(self.marked_field(field, text))
    }

    /// The same between [`START`] and [`END`].
    #[inline]
    pub(crate) fn marked_field(&mut self, field: Field, text: &str) -> &[u8] {
        let slot = field as usize;
        if self.fields[slot].stamp != self.stamp {
            let begin = self.buffer.len();
            append(&mut self.buffer, text);
            self.fields[slot] = Span {
                stamp: self.stamp,
                begin,
                end: self.buffer.len(),
            };
        }
        let Span { begin, end, .. } = self.fields[slot];
        &self.buffer[begin..end]
    }

    /// One element of a list, which is not kept.
    pub(crate) fn of_item<'t>(&'t mut self, text: &'t str, folded: bool) -> &'t [u8] {
        if folded {
            unmarked(self.marked_item(text))
        } else {
            text.as_bytes()
        }
    }

    /// One element of a list, folded, between [`START`] and [`END`].
    pub(crate) fn marked_item(&mut self, text: &str) -> &[u8] {
        self.item.clear();
        append(&mut self.item, text);
        &self.item
    }
}

fn unmarked(marked: &[u8]) -> &[u8] {
    &marked[1..marked.len() - 1]
}

fn append(buffer: &mut Vec<u8>, text: &str) {
    buffer.reserve(text.len() + 2);
    buffer.push(START);
    if text.is_ascii() {
        buffer.extend(text.as_bytes().iter().map(u8::to_ascii_lowercase));
    } else {
        let mut utf8 = [0; 4];
        for c in text.chars().flat_map(char::to_lowercase) {
            buffer.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        }
    }
    buffer.push(END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::pattern;

    #[test]
    fn text_folds_as_patterns_do() {
        let mut folds = Folds::new();
        for text in ["/Admin", "ПУТЬ/Ω", "İK\u{212A}ΑΣ", ""] {
            folds.next_event();
            assert_eq!(
                folds.of_field(Field::Path, text),
                pattern::fold(text).as_bytes()
            );
            assert_eq!(folds.of_item(text, true), pattern::fold(text).as_bytes());
            assert_eq!(
                folds.of_field(Field::Path, "another"),
                pattern::fold(text).as_bytes()
            );
        }
    }
}
