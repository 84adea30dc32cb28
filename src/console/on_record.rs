//! Searches as they may be kept: no id of a person stands in them but as its pseudonym.
//!
//! An id in clear finds nothing, as pseudonyms are what is stored; it is typed all the same. A word that names no field may be one, so it is hidden too.

use std::borrow::Cow;

use crate::enrich::{Redactor, is_pseudonym, is_pseudonymised};
use crate::store::Word;

/// What stands for what is hidden.
const HIDDEN: &str = "…";

/// A search as the audit has it.
pub(super) fn search(text: &str) -> String {
    let Ok(words) = Word::parse_all(text) else {
        return HIDDEN.to_owned();
    };
    let words = words.iter().map(|word| {
        let said = format!("{}{}", word.parts().0, shown(word));
        if said.contains(char::is_whitespace) {
            format!("\"{said}\"")
        } else {
            said
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether nothing of a search has to be hidden.
pub(super) fn names_nobody(text: &str) -> bool {
    Word::parse_all(text).is_ok_and(|words| words.iter().all(|word| shown(word) == word.parts().1))
}

/// An entity as the audit has it: what the address of a page calls a person may be anything.
pub(super) fn pseudonym(value: &str) -> &str {
    if is_pseudonym(value) { value } else { HIDDEN }
}

/// The value of a word, without ids of persons and personal shapes.
fn shown(word: &Word) -> Cow<'_, str> {
    let value = word.parts().1;
    if word.field().is_none_or(is_pseudonymised) {
        return Cow::Borrowed(pseudonym(value));
    }
    // Shapes need no key.
    let redacted = Redactor::new(b"", "").text(value).into_owned();
    Cow::Owned(redacted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PSEUDONYM: &str = "p_KJyjNTW0NNo7iiY76dBWcA";

    #[test]
    fn the_audit_names_nobody() {
        for (typed, kept) in [
            (
                "status>=400 subject=ivan.petrov path~ivan@example.org resource_id~x",
                "status>=400 subject=… path~{email} resource_id~…",
            ),
            ("subject=\"Ivan Petrov\" status=200", "subject=… status=200"),
            ("\"device_id!=Ivan Petrov\"", "device_id!=…"),
            ("ivan.petrov", "…"),
            ("subject=p_ivan.petrov", "subject=…"),
            ("/residents?user=ivan", "…"),
            ("user_agent~\"a b\"", "\"user_agent~a b\""),
            ("subject=\"Ivan", "…"),
            ("", ""),
        ] {
            assert_eq!(search(typed), kept, "{typed}");
        }
        let text = format!("subject!={PSEUDONYM} {PSEUDONYM}");
        assert_eq!(search(&text), text);
    }

    #[test]
    fn what_names_nobody_is_told_from_what_may() {
        let text = format!("subject={PSEUDONYM} status>=400 user_agent~\"a b\"");
        assert!(names_nobody(&text) && names_nobody(""));
        for text in ["subject=ivan", "ivan", "path~ivan@example.org", "\"a"] {
            assert!(!names_nobody(text), "{text}");
        }
    }

    #[test]
    fn a_person_is_called_by_the_pseudonym() {
        assert_eq!(pseudonym(PSEUDONYM), PSEUDONYM);
        assert_eq!(pseudonym("Ivan Petrov"), "…");
    }
}
