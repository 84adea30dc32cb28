//! What an integration must keep to, in a few words each, for readers of mails.

use super::clean::Clean;
use super::words::say;
use crate::config::Locale;
use crate::requirement::Requirement;

/// The requirement that a tag `requirement.xxx-nn` names, with its meaning; `None` for other tags.
pub(crate) fn meaning(locale: Locale, tag: &str) -> Option<Clean> {
    let id = tag.strip_prefix("requirement.")?;
    Some(match Requirement::named(id) {
        Some(known) => {
            let words = say(locale, known.russian, known.english);
            Clean::fill("{}: {}", &[Clean::fixed(known.id), words])
        }
        None => Clean::of(id, 40),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_told_with_its_meaning() {
        let told = meaning(Locale::Ru, "requirement.aut-06").unwrap();
        assert_eq!(
            told.as_str(),
            "AUT-06: администраторы входят со вторым фактором"
        );
    }

    #[test]
    fn one_that_is_not_known_is_shown_as_it_is() {
        assert_eq!(
            meaning(Locale::En, "requirement.own-1").unwrap().as_str(),
            "own-1"
        );
        assert!(meaning(Locale::En, "attack.t1110").is_none());
    }
}
