//! Conditions: `selection and not 1 of filter_*`, resolved to the search identifiers that they name.
//!
//! Binding, weakest first: `or`, `and`, `not`, `x of pattern`, brackets.

use super::error::{Place, Reading, did_you_mean};
use super::search::Search;

/// Deepest nesting of brackets and `not`.
const MAX_DEPTH: usize = 32;

/// Most tests that a condition may grow to; a condition may name an identifier again and again.
const MAX_TESTS: usize = 32_768;

/// The search identifiers of a rule by name, in the order of the file.
pub(crate) type Identifiers = Vec<(String, Search)>;

/// Reads a condition; `None` when it has an error, which is noted.
pub(crate) fn parse(
    text: &str,
    place: Place,
    identifiers: &Identifiers,
    reading: &mut Reading<'_>,
) -> Option<Search> {
    let mut parser = Parser {
        tokens: tokens(text),
        next: 0,
        depth: 0,
        tests: 0,
        identifiers,
    };
    let parsed = parser.or().and_then(|search| match parser.peek() {
        None => Ok(search),
        Some(token) => Err(Problem::new(format!("`{token}` is not expected here"))
            .hint("terms are joined by `and` or `or`")),
    });
    match parsed {
        Ok(search) => Some(search),
        Err(Problem { message, hint }) => {
            let message = format!("condition: {message}");
            match hint {
                Some(hint) => reading.error_with_hint(place, message, hint),
                None => reading.error(place, message),
            }
            None
        }
    }
}

struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Problem {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Problem {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Words and brackets. Whatever is not a bracket or white space belongs to a word.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(['(', ')']) {
            if at > 0 {
                tokens.push(&rest[..at]);
            }
            tokens.push(&rest[at..=at]);
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            tokens.push(rest);
        }
    }
    tokens
}

struct Parser<'p> {
    tokens: Vec<&'p str>,
    next: usize,
    depth: usize,
    tests: usize,
    identifiers: &'p Identifiers,
}

impl<'p> Parser<'p> {
    fn peek(&self) -> Option<&'p str> {
        self.tokens.get(self.next).copied()
    }

    fn take_if(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Search, Problem> {
        let mut terms = vec![self.and()?];
        while self.take_if("or") {
            terms.push(self.and()?);
        }
        Ok(one_or(terms, Search::Any))
    }

    fn and(&mut self) -> Result<Search, Problem> {
        let mut terms = vec![self.not()?];
        while self.take_if("and") {
            terms.push(self.not()?);
        }
        Ok(one_or(terms, Search::All))
    }

    fn not(&mut self) -> Result<Search, Problem> {
        if !self.take_if("not") {
            return self.term();
        }
        self.enter()?;
        let search = Search::Not(Box::new(self.not()?));
        self.depth -= 1;
        Ok(search)
    }

    fn enter(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::new(format!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn term(&mut self) -> Result<Search, Problem> {
        let Some(token) = self.peek() else {
            return Err(Problem::new("ends where a search identifier is expected"));
        };
        self.next += 1;
        match token {
            "(" => {
                self.enter()?;
                let search = self.or()?;
                self.depth -= 1;
                if !self.take_if(")") {
                    return Err(Problem::new("a bracket is not closed"));
                }
                Ok(search)
            }
            ")" | "and" | "or" => Err(Problem::new(format!(
                "`{token}` stands where a search identifier is expected"
            ))),
            "|" => Err(
                Problem::new("aggregations behind `|` were removed from Sigma")
                    .hint("write a correlation (event_count or value_count)"),
            ),
            quantity if self.take_if("of") => self.of(quantity),
            name => self.identifier(name),
        }
    }

    fn identifier(&mut self, name: &str) -> Result<Search, Problem> {
        let found = self.identifiers.iter().find(|(other, _)| other == name);
        let Some((_, search)) = found else {
            let names = self.identifiers.iter().map(|(name, _)| name.as_str());
            let problem = Problem::new(format!("no search identifier is named `{name}`"));
            return Err(match did_you_mean(name, names) {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        };
        self.grow(search.tests())?;
        Ok(search.clone())
    }

    fn grow(&mut self, by: usize) -> Result<(), Problem> {
        self.tests += by;
        if self.tests > MAX_TESTS {
            return Err(Problem::new(format!(
                "grows to more than {MAX_TESTS} tests"
            )));
        }
        Ok(())
    }

    fn of(&mut self, quantity: &str) -> Result<Search, Problem> {
        let Some(pattern) = self.peek() else {
            return Err(Problem::new("`of` needs `them` or a name with `*`"));
        };
        self.next += 1;
        let identifiers = self.identifiers;
        let named: Vec<&Search> = identifiers
            .iter()
            .filter(|(name, _)| {
                if pattern == "them" {
                    !name.starts_with('_')
                } else {
                    name_matches(pattern.as_bytes(), name.as_bytes())
                }
            })
            .map(|(_, search)| search)
            .collect();
        if named.is_empty() {
            return Err(Problem::new(format!(
                "no search identifier matches `{pattern}`"
            )));
        }
        self.grow(named.iter().map(|search| search.tests()).sum())?;
        let chosen = named.into_iter().cloned().collect();
        match quantity {
            "1" | "any" => Ok(one_or(chosen, Search::Any)),
            "all" => Ok(one_or(chosen, Search::All)),
            _ => Err(
                Problem::new(format!("`{quantity} of` is none of Sigma's quantifiers"))
                    .hint("they are `1 of`, `any of` and `all of`"),
            ),
        }
    }
}

fn one_or(mut terms: Vec<Search>, join: fn(Vec<Search>) -> Search) -> Search {
    if terms.len() == 1 {
        terms.swap_remove(0)
    } else {
        join(terms)
    }
}

/// Whether a name matches a pattern with `*` at any place; only the last star is ever tried again.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, n));
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((after_star, from)) = retry {
            p = after_star;
            n = from + 1;
            retry = Some((after_star, n));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_at_any_place() {
        for (pattern, name, expected) in [
            ("selection*", "selection_a", true),
            ("selection*", "selection", true),
            ("*_a", "x_a_a", true),
            ("s*n_*", "selection_1", true),
            ("s*x", "selection", false),
            ("sel", "selection", false),
        ] {
            assert_eq!(
                name_matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn brackets_are_tokens_of_their_own() {
        assert_eq!(
            tokens("a and (not b)or(c)"),
            ["a", "and", "(", "not", "b", ")", "or", "(", "c", ")"]
        );
    }
}
