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

    /// Puts down the text of a field that is going to be searched; [`Folds::lower`] folds all of them at once.
    #[inline]
    pub(crate) fn put(&mut self, field: Field, text: &str) {
        let begin = self.buffer.len();
        append(&mut self.buffer, text);
        self.fields[field as usize] = Span {
            stamp: self.stamp,
            begin: begin + 1,
            end: self.buffer.len() - 1,
        };
    }

    /// Puts down an element of a list that is going to be searched.
    pub(crate) fn put_item(&mut self, text: &str) {
        append(&mut self.buffer, text);
    }

    /// Everything that was put down, folded, each text between [`START`] and [`END`].
    #[inline]
    pub(crate) fn lower(&mut self) -> &[u8] {
        self.buffer.make_ascii_lowercase();
        &self.buffer
    }

    /// The folded text of a field of the event; folded now when it was not put down before.
    #[inline]
    pub(crate) fn of_field(&mut self, field: Field, text: &str) -> &[u8] {
        let marked = self.marked(field, text);
        &marked[1..marked.len() - 1]
    }

    /// The same between its marks.
    #[inline]
    pub(crate) fn marked(&mut self, field: Field, text: &str) -> &[u8] {
        let slot = field as usize;
        if self.fields[slot].stamp != self.stamp {
            self.put(field, text);
            let Span { begin, end, .. } = self.fields[slot];
            self.buffer[begin..end].make_ascii_lowercase();
        }
        let Span { begin, end, .. } = self.fields[slot];
        &self.buffer[begin - 1..=end]
    }

    /// One element of a list, which is not kept.
    pub(crate) fn of_item<'t>(&'t mut self, text: &'t str, folded: bool) -> &'t [u8] {
        if !folded {
            return text.as_bytes();
        }
        self.item.clear();
        append(&mut self.item, text);
        self.item.make_ascii_lowercase();
        &self.item[1..self.item.len() - 1]
    }
}

/// Appends a text between its marks. Text that is all ASCII is left for its letters to be folded with everything else.
#[inline]
fn append(buffer: &mut Vec<u8>, text: &str) {
    buffer.reserve(text.len() + 2);
    buffer.push(START);
    if text.is_ascii() {
        buffer.extend_from_slice(text.as_bytes());
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
            folds.put(Field::Query, text);
            folds.put_item("");
            folds.lower();
            assert_eq!(
                folds.of_field(Field::Query, text),
                pattern::fold(text).as_bytes()
            );
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
