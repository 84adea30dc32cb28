//! Whom is known under what: the pseudonyms that somebody may be stored under, by what is known of them.
//!
//! Ids are stored under the pseudonym of what the gateway logged, letter by letter. A vehicle plate is logged in either alphabet,
//! in either case, with spaces or without, so all of these are tried.

use super::personal;
use super::redact::Redactor;
use super::route;
use crate::config::{self, Secret, SecretError};
use crate::event::Field;

/// Fields whose ids may be a person's.
pub const PERSON_FIELDS: [Field; 3] = [Field::Subject, Field::ResourceId, Field::DeviceId];

/// The letters of plates (GOST R 50577), and those of the other alphabet that look the same.
const CYRILLIC: &str = "АВЕКМНОРСТУХ";
const LATIN: &str = "ABEKMHOPCTYX";

/// A pseudonym that somebody may be stored under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Name of the key that it was made with.
    pub key: String,
    /// The field that holds it.
    pub field: Field,
    /// The pseudonym.
    pub pseudonym: String,
}

impl Redactor {
    /// One of each key that the settings name, the current one first.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn of_all_keys(enrich: &config::Enrich) -> Result<Vec<Self>, SecretError> {
        let file = enrich.pseudonym_key_file.as_deref();
        let current = enrich.pseudonym_key.resolve(file, "enrich.pseudonym_key")?;
        let mut all = vec![Redactor::new(
            current.expose().as_bytes(),
            &enrich.pseudonym_key_id,
        )];
        for (name, file) in &enrich.older_pseudonym_keys {
            let key = Secret::default().resolve(Some(file), "enrich.older_pseudonym_keys")?;
            all.push(Redactor::new(key.expose().as_bytes(), name));
        }
        Ok(all)
    }
}

/// All pseudonyms of an identifier. Those of the first key and of the identifier as it is written come first, one a field of [`PERSON_FIELDS`].
#[must_use]
pub fn aliases(redactors: &[Redactor], identifier: &str) -> Vec<Alias> {
    let forms = forms(identifier);
    let mut aliases = Vec::new();
    for redactor in redactors {
        for form in &forms {
            aliases.extend(PERSON_FIELDS.map(|field| Alias {
                key: redactor.key_id().to_owned(),
                field,
                pseudonym: redactor.pseudonym(field, form).into_string(),
            }));
        }
    }
    aliases
}

/// How gateways may have logged an identifier: as it is written, and a vehicle plate in other letters and with other spaces too.
#[must_use]
pub fn forms(identifier: &str) -> Vec<String> {
    let mut forms = vec![identifier.to_owned()];
    let Some(plate) = plate(identifier) else {
        return forms;
    };
    // Letter, digits, letters and region: A 123 BC 77.
    let spaced = [&plate[..1], &plate[1..4], &plate[4..6], &plate[6..]].join(" ");
    for latin in [plate, spaced] {
        let cyrillic: String = latin
            .chars()
            .map(|it| paired(it, LATIN, CYRILLIC))
            .collect();
        for form in [latin, cyrillic] {
            let small = form.to_lowercase();
            forms.extend([form, small].into_iter().filter(|it| it != identifier));
        }
    }
    forms
}

/// A vehicle plate in capital Latin letters without spaces; `None` when it is none.
fn plate(identifier: &str) -> Option<String> {
    let compact: String = identifier
        .chars()
        .filter(|character| !matches!(character, ' ' | '-'))
        .collect();
    let is_one = route::is_plate(&compact)
        && compact
            .chars()
            .all(|it| it.is_ascii_digit() || personal::is_plate_letter(it));
    is_one.then(|| {
        let capitals = compact.to_uppercase();
        capitals
            .chars()
            .map(|it| paired(it, CYRILLIC, LATIN))
            .collect()
    })
}

/// The letter of another alphabet at the same place; anything else is itself.
fn paired(letter: char, from: &str, to: &str) -> char {
    let place = from.chars().position(|known| known == letter);
    place.and_then(|at| to.chars().nth(at)).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_is_looked_for_as_any_gateway_may_have_logged_it() {
        // Cyrillic, Latin, small, spaced.
        let logged = [
            "А123ВС77",
            "A123BC77",
            "а123вс77",
            "a123bc77",
            "А 123 ВС 77",
        ];
        for known in logged {
            let forms = forms(known);
            assert_eq!(forms[0], known);
            for form in logged {
                assert_eq!(
                    forms.iter().filter(|it| *it == form).count(),
                    1,
                    "{known}: {form}"
                );
            }
        }
        assert_eq!(forms("resident-40017"), ["resident-40017"]);
        assert_eq!(forms("q123ww77"), ["q123ww77"]);
    }

    #[test]
    fn every_key_gives_pseudonyms_and_the_first_comes_first() {
        let redactors = [Redactor::new(&[1; 32], "k2"), Redactor::new(&[2; 32], "k1")];
        let aliases = aliases(&redactors, "anna");
        assert_eq!(aliases.len(), 2 * PERSON_FIELDS.len());
        let first = redactors[0].pseudonym(Field::Subject, "anna");
        assert_eq!(
            (aliases[0].key.as_str(), &*aliases[0].pseudonym),
            ("k2", &*first)
        );
        let older = redactors[1].pseudonym(Field::DeviceId, "anna");
        let is_older = |alias: &Alias| alias.key == "k1" && alias.pseudonym == older;
        assert!(aliases.iter().any(is_older));
    }
}
