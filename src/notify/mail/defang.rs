//! Addresses of the log lead nowhere: mail programs make a link of whatever looks like one, and log content is hostile.
//!
//! `http://evil.example/x` becomes `hxxp://evil[.]example/x`, as security people write what nobody is to follow. A host is letters, digits and dots with letters behind the last
//! one; a name in a path, such as `/index.php`, is none. IPv4 addresses stay as they are: no program links one without a scheme.

/// Text that leads nowhere. What is in `names` is ours, such as a tag, and stays.
pub(super) fn defanged(text: &str, names: &[String]) -> String {
    let scheme = |word: &str| {
        if word.eq_ignore_ascii_case("http") {
            "hxxp://".to_owned()
        } else if word.eq_ignore_ascii_case("https") {
            "hxxps://".to_owned()
        } else {
            format!("{word}[:]//")
        }
    };
    rewritten(text, names, "[.]", scheme)
}

/// The same of the literals of a statement, which say what they said: by escapes that `ClickHouse` reads back.
pub(super) fn defanged_literals(statement: &str) -> String {
    let scheme = |word: &str| format!("{word}:\\x2F/");
    rewritten(statement, &[], "\\x2E", scheme)
}

fn rewritten(text: &str, names: &[String], dot: &str, scheme: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let before = &text[..text.len() - rest.len()];
        let end = rest.find(|c| !is_of_host(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some(after) = after.strip_prefix("://") {
            out.push_str(&scheme(word));
            rest = after;
        } else if word.is_empty() {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let is_in_path = before.ends_with('/') && !before.ends_with("//");
            if is_host(word) && !is_in_path && !names.iter().any(|name| name == word) {
                out.push_str(&word.replace('.', dot));
            } else {
                out.push_str(word);
            }
            rest = after;
        }
    }
    out
}

fn is_of_host(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Whether a mail program could take it for the name of a host.
fn is_host(word: &str) -> bool {
    let word = word.trim_end_matches(['.', '-', '_']);
    let Some((front, last)) = word.rsplit_once('.') else {
        return false;
    };
    let is_top = last.chars().count() > 1 && last.chars().all(char::is_alphabetic);
    !front.is_empty() && (is_top || last.to_ascii_lowercase().starts_with("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_address_leads_nowhere() {
        for (logged, shown) in [
            ("http://evil.example/x.html", "hxxp://evil[.]example/x.html"),
            ("HTTPS://203.0.113.7/login", "hxxps://203.0.113.7/login"),
            ("ftp://a.b.example", "ftp[:]//a[.]b[.]example"),
            ("//evil.example/x", "//evil[.]example/x"),
            ("go to www.evil.example.", "go to www[.]evil[.]example[.]"),
            ("ivan@evil.example", "ivan@evil[.]example"),
            ("пример.рф, x.xn--p1ai", "пример[.]рф, x[.]xn--p1ai"),
            (
                "bingbot/2.0; +http://www.bing.com/bingbot.htm)",
                "bingbot/2.0; +hxxp://www[.]bing[.]com/bingbot.htm)",
            ),
        ] {
            assert_eq!(defanged(logged, &[]), shown);
        }
    }

    #[test]
    fn what_is_no_address_stays_as_it_is() {
        for text in [
            "GET /v1/index.php?x=1.5&y=.env",
            "okhttp/4.12, 203.0.113.7",
            "2001:db8::1",
            "и т.д., e.g. 12.5 MB",
            "/.git/config.json",
            "",
        ] {
            assert_eq!(defanged(text, &[]), text);
        }
        let names = ["attack.discovery".to_owned()];
        assert_eq!(
            defanged("attack.discovery, attack.example", &names),
            "attack.discovery, attack[.]example"
        );
    }

    #[test]
    fn a_literal_says_what_it_said() {
        assert_eq!(
            defanged_literals(r"user_agent = 'see http://evil.example/ \\x.com'"),
            r"user_agent = 'see http:\x2F/evil\x2Eexample/ \\x\x2Ecom'"
        );
    }
}
