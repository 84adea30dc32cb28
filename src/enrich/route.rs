//! Route templates: `/residents/17/visits/5f0c…` becomes `/residents/{id}/visits/{id}`.
//!
//! Rules count templates, so a client that reads many resources over one route does not look like one that crawls. A segment
//! is an id when it is a number, a UUID, hexadecimal, a number behind a short prefix, a vehicle plate, an address of a person, or
//! long and without words. Bounded: at most 16 segments of at most 64 bytes, the rest is `{rest}`.

use std::ops::Range;

use super::personal;

const MAX_SEGMENTS: usize = 16;
pub(super) const MAX_SEGMENT: usize = 64;
/// Longest extension of a file name, without its dot.
const MAX_EXTENSION: usize = 5;
/// What an id is replaced by.
pub(super) const ID: &str = "{id}";

/// A path without its ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The path with `{id}` in place of ids.
    pub(super) route: String,
    /// Where the last id stands in the path; `None` when only length was cut.
    pub(super) last_id: Option<Range<usize>>,
}

/// The template of a path; `None` when it is the path itself.
pub(super) fn template(path: &str) -> Option<Template> {
    let mut template = None;
    let mut start = 0;
    for (at, segment) in segments(path) {
        if at >= MAX_SEGMENTS {
            begun(&mut template, path, start).route.push_str("{rest}");
            break;
        }
        let end = start + segment.len();
        // A slash goes on unless the path ends here.
        let slash = &path[end..path.len().min(end + 1)];
        match id_part(segment) {
            Some(length) => {
                let template = begun(&mut template, path, start);
                template.route.push_str(ID);
                template.route.push_str(&segment[length..]);
                template.route.push_str(slash);
                template.last_id = Some(start..start + length);
            }
            None => {
                if let Some(template) = &mut template {
                    template.route.push_str(segment);
                    template.route.push_str(slash);
                }
            }
        }
        start = end + 1;
    }
    template
}

/// The template so far: what stands before `start` when nothing was replaced yet.
fn begun<'t>(template: &'t mut Option<Template>, path: &str, start: usize) -> &'t mut Template {
    template.get_or_insert_with(|| {
        let mut route = String::with_capacity(path.len() + 8);
        route.push_str(&path[..start]);
        Template {
            route,
            last_id: None,
        }
    })
}

/// The segments of a path with their numbers; the first is what stands before the first slash.
pub(super) fn segments(path: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    memchr::memchr_iter(b'/', path.as_bytes())
        .chain([path.len()])
        .map(move |end| {
            let segment = &path[start..end];
            start = end + 1;
            segment
        })
        .enumerate()
}

/// How many bytes of the segment are an id (an extension such as `.json` is none); `None` when it is no id.
pub(super) fn id_part(segment: &str) -> Option<usize> {
    let bytes = segment.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    let tail = bytes.len().saturating_sub(MAX_EXTENSION + 1);
    let dot = bytes[tail..].iter().rposition(|byte| *byte == b'.');
    let stem = match dot.map(|dot| tail + dot) {
        Some(dot) if is_extension(&bytes[dot + 1..]) && !has_at_sign(bytes) => dot,
        _ => bytes.len(),
    };
    let stem = if stem == 0 { bytes.len() } else { stem };
    is_id(&segment[..stem]).then_some(stem)
}

fn is_extension(bytes: &[u8]) -> bool {
    (1..=MAX_EXTENSION).contains(&bytes.len())
        && bytes[0].is_ascii_alphabetic()
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

fn is_id(text: &str) -> bool {
    let stem = text.as_bytes();
    if !stem.iter().any(u8::is_ascii_digit) {
        // Without a digit it is an id only when it cannot be a word: too long, or somebody's address.
        return stem.len() > MAX_SEGMENT || has_at_sign(stem);
    }
    let shape = Shape::of(stem);
    let length = stem.len();
    let only_digits_and_dashes = shape.digits + shape.dashes == length;
    if only_digits_and_dashes || length > MAX_SEGMENT {
        return true;
    }
    let is_hex = shape.hex + shape.dashes == length;
    if is_hex && length >= 8 && shape.digits >= 2 {
        return true;
    }
    is_prefixed_number(stem) || is_plate(text) || is_opaque(&shape, length) || has_at_sign(stem)
}

/// What a segment consists of.
#[derive(Default)]
struct Shape {
    digits: usize,
    hex: usize,
    dashes: usize,
    others: usize,
    /// Changes between digit, lower case and upper case.
    turns: usize,
}

impl Shape {
    fn of(stem: &[u8]) -> Shape {
        let mut shape = Shape::default();
        let mut last = 0;
        for byte in stem {
            let kind = match byte {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 3,
                b'-' | b'_' | b'=' => 0,
                _ => 4,
            };
            shape.digits += usize::from(kind == 1);
            shape.hex += usize::from(byte.is_ascii_hexdigit());
            shape.dashes += usize::from(kind == 0);
            shape.others += usize::from(kind == 4);
            shape.turns += usize::from(kind != last && kind != 0 && last != 0);
            last = kind;
        }
        shape
    }
}

/// `ORD-2024-0001`, `user_12345`, `r10042`: at most eight letters, then at least four digits with dashes.
fn is_prefixed_number(stem: &[u8]) -> bool {
    let letters = stem
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let rest = &stem[letters..];
    let digits = rest.iter().filter(|byte| byte.is_ascii_digit()).count();
    letters <= 8
        && digits >= 4
        && rest
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// A vehicle plate, in Latin letters or in those that Cyrillic shares with them: letter, three digits, two letters, two or three digits.
pub(super) fn is_plate(stem: &str) -> bool {
    let kinds = stem.chars().map(|character| match character {
        '0'..='9' => '0',
        'a'..='z' | 'A'..='Z' => 'A',
        other if personal::is_plate_letter(other) => 'A',
        _ => '-',
    });
    // Three letters of two bytes and six digits at most.
    (8..=12).contains(&stem.len())
        && (kinds.clone().eq("A000AA00".chars()) || kinds.eq("A000AA000".chars()))
}

/// Long and without words: digits and cases alternate at least once in four characters.
fn is_opaque(shape: &Shape, length: usize) -> bool {
    length >= 16 && shape.others == 0 && shape.digits >= 2 && shape.turns * 4 >= length
}

fn has_at_sign(stem: &[u8]) -> bool {
    memchr::memchr2_iter(b'@', b'%', stem)
        .any(|at| stem[at] == b'@' || stem[at + 1..].starts_with(b"40"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> String {
        template(path).map_or_else(|| path.to_owned(), |template| template.route)
    }

    #[test]
    fn ids_of_every_usual_kind_are_templated() {
        for id in [
            "1",
            "42",
            "2026-03-01",
            "550e8400-e29b-41d4-a716-446655440000",
            "5f0c9a7be4b0d1a2c3d4e5f6",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "ORD-2024-0001",
            "user_12345",
            "qdrXrZMw2mH2Gzk91fQ7",
            "a123bc77",
            "A123BC777",
            "А123ВС77",
            "а123вс777",
            "ivan@example.com",
            "noreply%40test.fr",
        ] {
            assert_eq!(
                route(&format!("/things/{id}/parts")),
                "/things/{id}/parts",
                "{id}"
            );
        }
    }

    #[test]
    fn words_versions_and_slugs_stay() {
        for path in [
            "/",
            "",
            "/api/v2/residents",
            "/how-to-install-nginx-on-ubuntu",
            "/wp-content/plugins/adminimize/adminimize_page.php",
            "/assets/jquery.min.js",
            "/facade/deadbeef",
            "/oauth2/token",
            "/.env",
            "/дом7/кв12",
        ] {
            assert_eq!(template(path), None, "{path}");
        }
    }

    #[test]
    fn the_last_id_and_extensions_are_told() {
        let found = template("/a/1/b/22.json").unwrap();
        assert_eq!(found.route, "/a/{id}/b/{id}.json");
        assert_eq!(found.last_id, Some(7..9));
    }

    #[test]
    fn a_long_path_is_bounded() {
        let long = "/x".repeat(1_000);
        assert!(route(&long).len() < 64);
        assert_eq!(route(&format!("/{}", "y".repeat(1_000))), "/{id}");
    }
}
