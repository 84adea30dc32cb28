//! Modifiers that change a value before it is compared: dashes, encodings, placeholders.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pattern::{self, Piece};
use super::vocabulary::Vocabulary;

/// Most values that one value may become.
const MAX_VALUES: usize = 10_000;

/// One step from the value in the rule to what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Each dash stands for any of [`pattern::DASHES`].
    Windash,
    /// `%name%` stands for the values of that placeholder.
    Expand,
    /// UTF-16, low byte first; `wide` is the same.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// UTF-16, low byte first, behind its byte order mark.
    Utf16,
    Base64,
    /// What of the value is seen in base64 text at each of the three places where it may begin.
    Base64Offset,
}

impl Transform {
    /// The step of a modifier's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "windash" => Transform::Windash,
            "expand" => Transform::Expand,
            "wide" | "utf16le" => Transform::Utf16Le,
            "utf16be" => Transform::Utf16Be,
            "utf16" => Transform::Utf16,
            "base64" => Transform::Base64,
            "base64offset" => Transform::Base64Offset,
            _ => return None,
        })
    }

    /// Whether it makes bytes of bytes, which wildcards cannot stand between.
    pub(crate) fn is_encoding(self) -> bool {
        !matches!(self, Transform::Windash | Transform::Expand)
    }
}

/// A value on its way.
enum Value {
    Pieces(Vec<Piece>),
    Bytes(Vec<u8>),
}

/// Why a value cannot go that way.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Problem {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Problem {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Takes the text of a rule's value through all steps; any of the values that come out may match.
pub(crate) fn apply(
    text: &str,
    transforms: &[Transform],
    vocabulary: &Vocabulary,
) -> Result<Vec<Vec<Piece>>, Problem> {
    let (pieces, rest) = match transforms.split_first() {
        Some((Transform::Expand, rest)) => (expand(text, vocabulary)?, rest),
        _ => (vec![pattern::parse(text)], transforms),
    };
    let mut values: Vec<Value> = pieces.into_iter().map(Value::Pieces).collect();
    for transform in rest {
        let mut next = Vec::with_capacity(values.len());
        for value in values {
            step(*transform, value, &mut next)?;
        }
        values = next;
    }
    values.into_iter().map(Value::into_pieces).collect()
}

fn step(transform: Transform, value: Value, out: &mut Vec<Value>) -> Result<(), Problem> {
    match transform {
        Transform::Windash => out.push(Value::Pieces(pattern::with_dashes(value.into_pieces()?))),
        Transform::Expand => {
            return Err(Problem::new(
                "`expand` reads the value as the rule writes it",
                "write it first: `field|expand|…`",
            ));
        }
        Transform::Utf16Le => out.push(Value::Bytes(value.utf16(u16::to_le_bytes)?)),
        Transform::Utf16Be => out.push(Value::Bytes(value.utf16(u16::to_be_bytes)?)),
        Transform::Utf16 => {
            let mut bytes = vec![0xFF, 0xFE];
            bytes.extend(value.utf16(u16::to_le_bytes)?);
            out.push(Value::Bytes(bytes));
        }
        Transform::Base64 => {
            let text = STANDARD.encode(value.into_bytes()?);
            out.push(Value::Bytes(text.into_bytes()));
        }
        Transform::Base64Offset => {
            let bytes = value.into_bytes()?;
            if bytes.len() < 2 {
                return Err(Problem::new(
                    "one byte leaves no whole character in base64 text",
                    "give at least two",
                ));
            }
            out.extend((0..3).map(|offset| Value::Bytes(base64_at(&bytes, offset).into_bytes())));
        }
    }
    Ok(())
}

impl Value {
    fn into_bytes(self) -> Result<Vec<u8>, Problem> {
        let pieces = match self {
            Value::Bytes(bytes) => return Ok(bytes),
            Value::Pieces(pieces) => pieces,
        };
        let mut bytes = Vec::new();
        for piece in pieces {
            let Piece::Plain(text) = piece else {
                return Err(Problem::new(
                    "a value with wildcards cannot be encoded",
                    r"write `\*` and `\?` for the characters themselves, and `contains` behind the encoding",
                ));
            };
            bytes.extend(text.into_bytes());
        }
        Ok(bytes)
    }

    fn into_pieces(self) -> Result<Vec<Piece>, Problem> {
        match self {
            Value::Pieces(pieces) => Ok(pieces),
            Value::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) if text.is_empty() => Ok(Vec::new()),
                Ok(text) => Ok(vec![Piece::Plain(text)]),
                Err(_) => Err(Problem::new(
                    "the encoded value is no text, so no field can hold it",
                    "write `base64` or `base64offset` behind it",
                )),
            },
        }
    }

    fn utf16(self, bytes_of: fn(u16) -> [u8; 2]) -> Result<Vec<u8>, Problem> {
        let text = String::from_utf8(self.into_bytes()?)
            .map_err(|_| Problem::new("the value is encoded already", "encode it once"))?;
        Ok(text.encode_utf16().flat_map(bytes_of).collect())
    }
}

/// The characters of base64 text that depend on `bytes` alone when `offset` other bytes stand before them in their group.
fn base64_at(bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend(bytes);
    let text = STANDARD.encode(&padded);
    // A character holds six bits: the first that holds none of the padding, and those before the last byte is cut.
    let begin = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    text.get(begin..end).unwrap_or_default().to_owned()
}

/// Splits at `%name%` and puts the placeholder's values in. `\%` is a percent sign.
fn expand(text: &str, vocabulary: &Vocabulary) -> Result<Vec<Vec<Piece>>, Problem> {
    let mut texts = vec![String::new()];
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(['%', '\\']) {
        append(&mut texts, &rest[..at]);
        let tail = &rest[at..];
        if let Some(behind) = tail.strip_prefix(r"\%") {
            append(&mut texts, "%");
            rest = behind;
        } else if let Some(behind) = tail.strip_prefix('\\') {
            // Other escapes are Sigma's, with the character that they are for.
            let end = 1 + behind.chars().next().map_or(0, char::len_utf8);
            append(&mut texts, &tail[..end]);
            rest = &tail[end..];
        } else if let Some((name, behind)) = placeholder(tail) {
            found = true;
            let values = vocabulary.placeholder(name).ok_or_else(|| {
                let known: Vec<&str> = vocabulary.placeholders().collect();
                let hint = if known.is_empty() {
                    format!("give its values in [rules.placeholders]: {name} = [\"…\"]")
                } else {
                    format!("[rules.placeholders] has {}", known.join(", "))
                };
                Problem::new(format!("the placeholder `%{name}%` has no values"), hint)
            })?;
            if texts.len() * values.len() > MAX_VALUES {
                return Err(Problem::new(
                    format!("the placeholders make more than {MAX_VALUES} values of this one"),
                    "write several values with one placeholder each",
                ));
            }
            texts = texts
                .iter()
                .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
                .collect();
            rest = behind;
        } else {
            append(&mut texts, "%");
            rest = &tail[1..];
        }
    }
    append(&mut texts, rest);
    if !found {
        return Err(Problem::new(
            "`expand` finds no placeholder in this value",
            "write it as %name%",
        ));
    }
    Ok(texts.iter().map(|text| pattern::parse(text)).collect())
}

/// `%name%…` as name and rest.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix('%')?.split_once('%')?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(fits)).then_some((name, rest))
}

fn append(texts: &mut [String], part: &str) {
    for text in texts {
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, transforms: &[Transform]) -> Vec<String> {
        apply(text, transforms, &Vocabulary::default())
            .unwrap()
            .into_iter()
            .map(|pieces| match pieces.as_slice() {
                [Piece::Plain(text)] => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_offset_finds_the_value_in_encoded_text() {
        for value in ["/bin/sh", "ab", "abc", "union select"] {
            for (offset, seen) in (0..3).map(|offset| (offset, base64_at(value.as_bytes(), offset)))
            {
                for before in [b"xyz", b"\0\0\0", b"\xFF\xFF\xFF"] {
                    for after in ["", "p", "qq", "www"] {
                        let mut text = before[..offset].to_vec();
                        text.extend(value.as_bytes());
                        text.extend(after.as_bytes());
                        assert!(STANDARD.encode(&text).contains(&seen), "{value} {offset}");
                    }
                }
            }
        }
        assert_eq!(
            plain("foobar", &[Transform::Base64Offset]),
            ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]
        );
    }

    #[test]
    fn encodings_follow_each_other_in_order() {
        assert_eq!(plain("cmd", &[Transform::Utf16Le]), ["c\0m\0d\0"]);
        assert_eq!(plain("cmd", &[Transform::Utf16Be]), ["\0c\0m\0d"]);
        assert_eq!(
            plain("cmd", &[Transform::Utf16Le, Transform::Base64]),
            ["YwBtAGQA"]
        );
        assert_eq!(
            plain("cmd", &[Transform::Utf16, Transform::Base64]),
            ["//5jAG0AZAA="]
        );
        assert_eq!(plain(r"a\*", &[Transform::Base64]), ["YSo="]);
        let nothing = Vocabulary::default();
        assert!(apply("a", &[Transform::Base64Offset], &nothing).is_err());
        assert!(apply("cmd", &[Transform::Utf16], &nothing).is_err());
        assert!(apply("c*d", &[Transform::Base64], &nothing).is_err());
    }

    #[test]
    fn placeholders_become_their_values() {
        let vocabulary = Vocabulary::of(&[("hosts", &["a", "b*"]), ("one", &["1"])]);
        let expanded = |text| {
            expand(text, &vocabulary).map(|values| {
                values
                    .iter()
                    .map(|pieces| format!("{pieces:?}"))
                    .collect::<Vec<_>>()
            })
        };
        let pieces = |text| format!("{:?}", pattern::parse(text));
        assert_eq!(
            expanded("%hosts%.x").unwrap(),
            [pieces("a.x"), pieces("b*.x")]
        );
        assert_eq!(
            expanded("%one%%hosts%").unwrap(),
            [pieces("1a"), pieces("1b*")]
        );
        assert_eq!(
            expanded(r"\%one%one%\\%one%").unwrap(),
            [pieces(r"%one1\\1")]
        );
        assert!(expanded("%other%").unwrap_err().hint.contains("hosts, one"));
        assert!(expanded("none").is_err());
    }
}
