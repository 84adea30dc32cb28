//! Expressions of ClickHouse, and what is known of them before they are evaluated.

use crate::event::{Field, Kind};
use crate::store::columns::column_of;

/// What is known of an expression before it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sql {
    /// It holds always, as far as the server can tell.
    Always,
    /// It holds never.
    Never,
    /// An expression.
    When(String),
}

/// What an event may fulfil at least, and what it fulfils for sure.
pub(super) struct Bounds {
    /// Implied by the search.
    pub(super) may: Sql,
    /// Implies the search.
    pub(super) must: Sql,
}

impl Bounds {
    pub(super) fn exact(sql: Sql) -> Bounds {
        Bounds {
            must: sql.clone(),
            may: sql,
        }
    }

    /// Of what the server cannot tell but that it takes this.
    pub(super) fn at_most(may: Sql) -> Bounds {
        Bounds {
            may,
            must: Sql::Never,
        }
    }

    /// The same where the server reads as the engine does; where it may not, it cannot tell.
    pub(super) fn unless(self, doubt: &str) -> Bounds {
        Bounds {
            may: any([self.may, Sql::When(doubt.to_owned())]),
            must: all([self.must, Sql::When(format!("NOT {doubt}"))]),
        }
    }

    /// The same of events of which this holds too, for sure.
    pub(super) fn and(self, sql: &str) -> Bounds {
        Bounds {
            may: all([Sql::When(sql.to_owned()), self.may]),
            must: all([Sql::When(sql.to_owned()), self.must]),
        }
    }

    pub(super) fn all(terms: impl Iterator<Item = Bounds>) -> Bounds {
        let (may, must): (Vec<Sql>, Vec<Sql>) = terms.map(|it| (it.may, it.must)).unzip();
        Bounds {
            may: all(may),
            must: all(must),
        }
    }

    pub(super) fn any(terms: impl Iterator<Item = Bounds>) -> Bounds {
        let (may, must): (Vec<Sql>, Vec<Sql>) = terms.map(|it| (it.may, it.must)).unzip();
        Bounds {
            may: any(may),
            must: any(must),
        }
    }

    pub(super) fn opposite(self) -> Bounds {
        Bounds {
            may: not(self.must),
            must: not(self.may),
        }
    }
}

pub(super) fn all(terms: impl IntoIterator<Item = Sql>) -> Sql {
    let mut kept = Vec::new();
    for term in terms {
        match term {
            Sql::Always => {}
            Sql::Never => return Sql::Never,
            Sql::When(sql) => kept.push(sql),
        }
    }
    match kept.len() {
        0 => Sql::Always,
        1 => Sql::When(kept.remove(0)),
        _ => Sql::When(format!("({})", kept.join(" AND "))),
    }
}

pub(super) fn any(terms: impl IntoIterator<Item = Sql>) -> Sql {
    let mut kept = Vec::new();
    for term in terms {
        match term {
            Sql::Always => return Sql::Always,
            Sql::Never => {}
            Sql::When(sql) => kept.push(sql),
        }
    }
    match kept.len() {
        0 => Sql::Never,
        1 => Sql::When(kept.remove(0)),
        _ => Sql::When(format!("({})", kept.join(" OR "))),
    }
}

fn not(sql: Sql) -> Sql {
    match sql {
        Sql::Always => Sql::Never,
        Sql::Never => Sql::Always,
        Sql::When(sql) => Sql::When(format!("NOT {sql}")),
    }
}

/// Whether a row holds more than what stands for "the log did not show it".
pub(super) fn exists(field: Field) -> Sql {
    let column = column(field);
    Sql::When(match field.kind() {
        // Every event has a time of its own.
        Kind::Time if field == Field::Time => return Sql::Always,
        Kind::Time => format!("toUnixTimestamp64Micro({column}) != 0"),
        Kind::Text => format!("{column} != ''"),
        Kind::List => format!("notEmpty({column})"),
        Kind::Number => format!("{column} != 0"),
        Kind::Address => format!("{column} != toIPv6('::')"),
    })
}

pub(super) fn column(field: Field) -> String {
    format!("`{}`", column_of(field).unwrap_or(field.name()))
}

/// A string literal.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\\' | '\'' => {
                literal.push('\\');
                literal.push(character);
            }
            '\0' => literal.push_str("\\0"),
            _ => literal.push(character),
        }
    }
    literal.push('\'');
    literal
}
