//! Normal forms of a value: each undoes one way in which the same attack is written differently.

/// Stands for a line break.
const BREAK: char = '⏎';

/// White space of every kind and control characters, in runs, as one space; none at the ends.
pub(super) fn spaced(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() || is_invisible(character) {
            gap = true;
            continue;
        }
        if gap && !plain.is_empty() {
            plain.push(' ');
        }
        gap = false;
        plain.push(character);
    }
    plain
}

/// Like [`spaced`], but a line break is written as a mark that no client sends by chance. `None` when there is none.
pub(super) fn broken(text: &str) -> Option<String> {
    memchr::memchr2(b'\n', b'\r', text.as_bytes())?;
    let lines: Vec<String> = text.split(['\n', '\r']).map(spaced).collect();
    let mut plain = String::with_capacity(text.len() + 16);
    for (at, line) in lines.iter().enumerate() {
        if at > 0 && !plain.ends_with(BREAK) {
            plain.push(BREAK);
        }
        plain.push_str(line);
    }
    Some(plain)
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'
    )
}

/// Comments of SQL as spaces, and what `MySQL` runs inside of them (`/*!50000union*/`) opened.
pub(super) fn uncommented(text: &str, gap: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut plain: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    // Behind the last end of a comment no beginning needs to be followed up: the work stays linear.
    let last_end = memchr::memmem::rfind(bytes, b"*/");
    let last_line = memchr::memrchr(b'\n', bytes);
    while let Some(found) = memchr::memchr3(b'/', b'-', b'#', &bytes[at..]) {
        let start = at + found;
        let used = match &bytes[start..] {
            [b'/', b'*', b'!', rest @ ..] => {
                3 + rest
                    .iter()
                    .take(6)
                    .take_while(|b| b.is_ascii_digit())
                    .count()
            }
            [b'/', b'*', ..] if last_end.is_some_and(|end| end >= start + 2) => {
                match memchr::memmem::find(&bytes[start + 2..], b"*/") {
                    Some(end) => end + 4,
                    None => 0,
                }
            }
            [b'-', b'-', ..] | [b'#', ..] if last_line.is_some_and(|line| line > start) => {
                memchr::memchr(b'\n', &bytes[start..]).map_or(0, |end| end + 1)
            }
            _ => 0,
        };
        if used == 0 {
            at = start + 1;
            continue;
        }
        let plain = plain.get_or_insert_with(|| String::with_capacity(text.len()));
        plain.push_str(&text[copied..start]);
        plain.push_str(gap);
        at = start + used;
        copied = at;
    }
    let mut plain = plain?;
    plain.push_str(&text[copied..]);
    Some(plain.replace("*/", gap))
}

/// Without the spaces that stand beside punctuation: `sleep ( 5 )` is `sleep(5)`, `1 = 1` is `1=1`.
pub(super) fn tight(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut last = ' ';
    while let Some(character) = characters.next() {
        let beside = |c: char| c.is_ascii_punctuation() && c != '_';
        if character == ' ' && (beside(last) || characters.peek().is_some_and(|next| beside(*next)))
        {
            continue;
        }
        plain.push(character);
        last = character;
    }
    plain
}

/// Without what shells and string concatenation let one put inside a word: quotes, backslashes, carets, `$@`, `'+'`; `$IFS` as
/// a space, `{cat,/etc/hosts}` as two words. `None` when there is nothing of it.
pub(super) fn bare(text: &str) -> Option<String> {
    if !text
        .bytes()
        .any(|b| matches!(b, b'\'' | b'"' | b'\\' | b'^' | b'$' | b'{'))
    {
        return None;
    }
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    let mut in_braces = false;
    while at < bytes.len() {
        let (replacement, used) = match &bytes[at..] {
            [quote @ (b'\'' | b'"'), rest @ ..] => ("", 1 + joint(*quote, rest)),
            [b'\\' | b'^', ..] => ("", 1),
            [b'$', b'{', name @ ..] if starts_with(name, b"ifs") => (
                " ",
                memchr::memchr(b'}', &name[..name.len().min(16)]).map_or(5, |end| end + 3),
            ),
            [b'$', name @ ..] if starts_with(name, b"ifs") => {
                let positional = matches!(name.get(3..5), Some([b'$', b'0'..=b'9']));
                (" ", if positional { 6 } else { 4 })
            }
            [b'$', b'@' | b'*' | b'!' | b'0'..=b'9', ..] => ("", 2),
            [b'{', b'a'..=b'z' | b'A'..=b'Z' | b'/', ..] => {
                in_braces = memchr::memchr(b',', &bytes[at..bytes.len().min(at + 24)]).is_some();
                ("", usize::from(in_braces))
            }
            [b',', ..] if in_braces => (" ", 1),
            [b'}', ..] if in_braces => {
                in_braces = false;
                ("", 1)
            }
            _ => ("", 0),
        };
        if used == 0 {
            at += 1;
            continue;
        }
        plain.push_str(&text[copied..at]);
        plain.push_str(replacement);
        at += used;
        copied = at;
    }
    plain.push_str(&text[copied..]);
    Some(plain)
}

fn starts_with(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(lower))
}

/// How many bytes join the string that a quote ends to the next one: ` + '`, `||'`, `.'`, ` '`; 0 when none follows.
fn joint(quote: u8, rest: &[u8]) -> usize {
    let mut at = 0;
    let mut operators = 0;
    while let Some(byte) = rest.get(at).filter(|_| at < 6) {
        match byte {
            b' ' => {}
            b'+' | b'|' | b'.' if operators < 2 => operators += 1,
            byte if *byte == quote && operators > 0 => return at + 1,
            _ => return 0,
        }
        at += 1;
    }
    0
}

/// A path as a file system reads it: one kind of slash, none doubled, no `.` segments, nothing that no name has. `None` when it is that already.
pub(super) fn file_path(text: &str) -> Option<String> {
    if !text.contains(['/', '\\']) && !text.contains("%qf") {
        return None;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut used = character.len_utf8();
        match character {
            '/' | '\\' => push_slash(&mut plain),
            // IIS took these for slashes; a broken sequence before them is left out below.
            '%' if matches!(rest.get(1..3), Some("qf" | "9v" | "8s" | "1c" | "pc")) => {
                push_slash(&mut plain);
                used = 3;
            }
            '%' if rest.get(1..3) == Some("bg") => used = 3,
            '\u{FFFD}' => {}
            ';' if plain.ends_with("/..") => {
                used = rest.find(['/', '\\']).unwrap_or(rest.len());
            }
            character if character.is_control() => {}
            character => plain.push(character),
        }
        rest = &rest[used..];
    }
    (plain != text).then_some(plain)
}

fn push_slash(plain: &mut String) {
    if plain.ends_with("/.") {
        plain.pop();
    }
    if !plain.ends_with('/') {
        plain.push('/');
    }
}

/// Without control characters, what is no UTF-8, invisible characters and comments: `java\tscript:`, `<scr\0ipt`, `exp/**/ression`.
/// `None` when there is nothing of it.
pub(super) fn seamless(text: &str) -> Option<String> {
    let is_seam = |c: char| c.is_control() || c == '\u{FFFD}' || is_invisible(c);
    let whole = uncommented(text, "");
    if whole.is_none() && !text.contains(is_seam) {
        return None;
    }
    let mut plain = whole.unwrap_or_else(|| text.to_owned());
    plain.retain(|c| !is_seam(c));
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_comments_of_every_kind_are_one_space() {
        assert_eq!(spaced("\ta\u{A0}\r\n b\0c \u{3000}"), "a b c");
        assert_eq!(
            broken("a\r\nSet-Cookie:\t b\n").as_deref(),
            Some("a⏎Set-Cookie: b⏎")
        );
        for (text, plain) in [
            ("un/**/ion/*x*/select", "un ion select"),
            ("/*!50000union*/ select", " union  select"),
            ("/*!union*/", " union "),
            ("1 -- x\nor #y\n2", "1  or  2"),
        ] {
            assert_eq!(uncommented(text, " ").as_deref(), Some(plain), "{text}");
        }
        for text in ["a/b-c#d", "a -- b", "a /* b"] {
            assert_eq!(uncommented(text, " "), None, "{text}");
        }
        assert_eq!(tight("' or ( 1 = 1 ) union all"), "'or(1=1)union all");
    }

    #[test]
    fn words_are_put_together_again() {
        for (text, plain) in [
            ("c'a't /e\\tc/p\"\"asswd", "cat /etc/passwd"),
            ("cat$IFS/x;cat${IFS}y;cat$IFS$9z", "cat /x;cat y;cat z"),
            ("{cat,/etc/hosts}", "cat /etc/hosts"),
            ("top['al'+'ert'](1)", "top[alert](1)"),
            ("'se' || 'lect'", "select"),
            ("who$@ami", "whoami"),
            ("p^ing", "ping"),
        ] {
            assert_eq!(bare(text).as_deref(), Some(plain), "{text}");
        }
        assert_eq!(bare("a b"), None);
    }

    #[test]
    fn paths_are_read_as_a_file_system_does() {
        for (text, plain) in [
            (r"..\..\etc//passwd", "../../etc/passwd"),
            ("/././etc/./passwd", "/etc/passwd"),
            ("/..;a=b/x", "/../x"),
            ("..\u{FFFD}%qfetc", "../etc"),
            ("\u{FFFD}.\u{FFFD}./x", "../x"),
        ] {
            assert_eq!(file_path(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["/a/b.c", "a", "../x"] {
            assert_eq!(file_path(text), None, "{text}");
        }
        assert_eq!(seamless("java\tscr\0ipt:").as_deref(), Some("javascript:"));
        assert_eq!(seamless("exp/**/ression").as_deref(), Some("expression"));
        assert_eq!(seamless("a b"), None);
    }
}
