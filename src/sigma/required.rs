//! Literals that every match of a regular expression has.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::{pattern, witness};

/// Most literals of one expression; more are no witness but a dictionary.
const MAX_LITERALS: usize = 64;

/// Folded literals of which at least one stands in every text that the expression matches; `None` when none are known.
pub(crate) fn literals(source: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::Parser::new().parse(source).ok()?;
    required(&hir).filter(|literals| literals.len() <= MAX_LITERALS)
}

fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if let Some(text) = exact(hir) {
        return (!text.is_empty()).then(|| vec![text]);
    }
    match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(required(branch)?);
                if all.len() > MAX_LITERALS {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// The best of what the parts require; parts with one spelling each, side by side, are one literal.
fn concat(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut choices: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        if let Some(text) = exact(part) {
            run.extend(text);
            continue;
        }
        if !run.is_empty() {
            choices.push(vec![std::mem::take(&mut run)]);
        }
        choices.extend(required(part));
    }
    if !run.is_empty() {
        choices.push(vec![run]);
    }
    choices
        .into_iter()
        .min_by(|a, b| chance(a).total_cmp(&chance(b)))
}

fn chance(literals: &[Vec<u8>]) -> f64 {
    literals
        .iter()
        .map(|literal| (-witness::rarity(literal)).exp2())
        .sum()
}

/// The folded text of a part that has only one.
fn exact(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0)
            .ok()
            .map(|text| pattern::fold(text).into_bytes()),
        HirKind::Class(class) => one_letter(class),
        _ => None,
    }
}

/// `[Kk]` is one letter once case is folded.
fn one_letter(class: &Class) -> Option<Vec<u8>> {
    let class = match class {
        Class::Unicode(class) => class.clone(),
        Class::Bytes(class) => class.to_unicode_class()?,
    };
    let few = |range: &regex_syntax::hir::ClassUnicodeRange| {
        u32::from(range.end()) - u32::from(range.start()) < 4
    };
    if class.ranges().len() > 4 || !class.ranges().iter().all(few) {
        return None;
    }
    let mut folded = class
        .ranges()
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .map(|c| pattern::fold(c.encode_utf8(&mut [0; 4])));
    let first = folded.next()?;
    folded
        .all(|other| other == first)
        .then(|| first.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Option<Vec<String>> {
        literals(source).map(|literals| {
            literals
                .into_iter()
                .map(|literal| String::from_utf8(literal).unwrap())
                .collect()
        })
    }

    #[test]
    fn the_rarest_required_part_is_found() {
        assert_eq!(of(r"(?i)UNION.+q[a-z]*"), Some(vec!["union".into()]));
        assert_eq!(of(r"(\.zip|\.EXE)\?dd=\d"), Some(vec!["?dd=".into()]));
        assert_eq!(
            of(r"\.workers\.dev|\.railway\.app"),
            Some(vec![".workers.dev".into(), ".railway.app".into()])
        );
        assert_eq!(of("(abc)+"), Some(vec!["abc".into()]));
        assert_eq!(of("(?i)жук"), Some(vec!["жук".into()]));
    }

    #[test]
    fn what_may_be_absent_is_not_required() {
        for source in [".{150}", "a*", "(abc)?", "abc|", "[a-z]+", ""] {
            assert_eq!(of(source), None, "{source}");
        }
    }
}
