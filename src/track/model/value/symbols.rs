//! A value as symbols: its shape (runs of letters and digits are one symbol, what stands between them is itself) and its bytes.

/// The end of a value; what stands before its begin.
pub(super) const END: u16 = 256;
pub(super) const BEGIN: u16 = 300;
/// Different symbols of shapes and of bytes, about: what a symbol is worth that nothing is known of.
pub(super) const SHAPES: f64 = 48.0;
pub(super) const BYTES: f64 = 257.0;

/// A symbol and the byte at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) id: u16,
    pub(super) from: u32,
}

/// A class of characters; those that run together have [`Class::RUNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Lower = 1,
    Upper = 2,
    Digit = 3,
    Cyrillic = 4,
    Latin = 5,
    Broken = 6,
    Tab = 7,
    Feed = 8,
    Return = 9,
    Nul = 10,
    Control = 11,
    Two = 12,
    Three = 13,
    Four = 15,
}

impl Class {
    const fn runs(self) -> bool {
        !matches!(
            self,
            Class::Broken
                | Class::Tab
                | Class::Feed
                | Class::Return
                | Class::Nul
                | Class::Control
                | Class::Two
        )
    }

    /// As people read it in a finding.
    const fn sign(self) -> char {
        match self {
            Class::Lower => 'a',
            Class::Upper => 'A',
            Class::Digit => '0',
            Class::Cyrillic => 'я',
            Class::Latin => 'é',
            Class::Broken => '?',
            Class::Tab => '⇥',
            Class::Feed | Class::Return => '⏎',
            Class::Nul | Class::Control => '␀',
            Class::Two | Class::Three | Class::Four => '字',
        }
    }
}

/// What a value begins with, and of how many bytes it is.
fn first(bytes: &[u8]) -> Option<(Result<Class, u8>, usize)> {
    let class = match *bytes.first()? {
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'9' => Class::Digit,
        b'\t' => Class::Tab,
        b'\n' => Class::Feed,
        b'\r' => Class::Return,
        0 => Class::Nul,
        1..=0x1F | 0x7F => Class::Control,
        sign @ 0x20..=0x7E => return Some((Err(sign), 1)),
        0x80.. => return Some(beyond_ascii(bytes)),
    };
    Some((Ok(class), 1))
}

fn beyond_ascii(bytes: &[u8]) -> (Result<Class, u8>, usize) {
    let length = bytes.len().min(4);
    let valid = match std::str::from_utf8(&bytes[..length]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let Some(sign) = valid.chars().next() else {
        return (Ok(Class::Broken), 1);
    };
    let class = match sign {
        '\u{400}'..='\u{52F}' => Class::Cyrillic,
        '×' | '÷' => Class::Two,
        '\u{C0}'..='\u{24F}' => Class::Latin,
        _ => match sign.len_utf8() {
            2 => Class::Two,
            3 => Class::Three,
            _ => Class::Four,
        },
    };
    (Ok(class), sign.len_utf8())
}

/// The shape of a value, with its end.
pub(super) fn shape(value: &[u8], into: &mut Vec<Symbol>) {
    into.clear();
    let mut from = 0;
    let mut running = None;
    while let Some((class, length)) = first(&value[from..]) {
        let goes_on = class.is_ok() && running == class.ok();
        if !goes_on {
            into.push(Symbol {
                id: class.map_or_else(u16::from, |class| class as u16),
                from: position(from),
            });
        }
        running = class.ok().filter(|class| class.runs());
        from += length;
    }
    into.push(Symbol {
        id: END,
        from: position(from),
    });
}

/// The bytes of a value, with its end.
pub(super) fn bytes(value: &[u8], into: &mut Vec<Symbol>) {
    into.clear();
    into.extend(value.iter().enumerate().map(|(at, byte)| Symbol {
        id: u16::from(*byte),
        from: position(at),
    }));
    into.push(Symbol {
        id: END,
        from: position(value.len()),
    });
}

/// The shape as people read it: nothing of it tells what the letters were.
pub(super) fn shown(value: &[u8]) -> String {
    let mut shown = String::new();
    let mut rest = value;
    let mut running = None;
    while let Some((class, length)) = first(rest) {
        if class.is_err() || running != class.ok() {
            shown.push(class.map_or_else(char::from, Class::sign));
        }
        running = class.ok().filter(|class| class.runs());
        rest = &rest[length..];
    }
    shown
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &[u8]) -> Vec<u16> {
        let mut symbols = Vec::new();
        shape(text, &mut symbols);
        symbols.iter().map(|symbol| symbol.id).collect()
    }

    #[test]
    fn runs_are_one_symbol_and_signs_are_themselves() {
        let sign = |sign: char| u16::try_from(u32::from(sign)).unwrap();
        assert_eq!(ids(b"A123BC77"), [2, 3, 2, 3, END]);
        assert_eq!(ids("кв. 7".as_bytes()), [4, sign('.'), sign(' '), 3, END]);
        assert_eq!(ids(b"--"), [sign('-'), sign('-'), END]);
        assert_eq!(ids(b"\xff\xffa"), [6, 6, 1, END]);
        assert_eq!(ids("日本é😀".as_bytes()), [13, 5, 15, END]);
        assert_eq!(ids("×".as_bytes()), [12, END]);
        assert_eq!(ids(b""), [END]);
        assert_eq!(ids(b"\xd0"), [6, END], "cut in the middle");
    }

    #[test]
    fn a_shape_is_shown_without_its_letters() {
        assert_eq!(shown("x' OR 1=1 --".as_bytes()), "a' A 0=0 --");
        assert_eq!(shown("Иван".as_bytes()), "я");
        let mut symbols = Vec::new();
        shape("ab'c".as_bytes(), &mut symbols);
        assert_eq!(
            symbols.iter().map(|it| it.from).collect::<Vec<_>>(),
            [0, 2, 3, 4]
        );
    }
}
