//! CSV as spreadsheets read it: none of it is a formula, whichever separator the spreadsheet goes by.
//!
//! Excel goes by the separator of its reader's country and not by the file's: where it is another one, a quoted cell may be taken apart at it. So what
//! follows a separator, a tab or a line break inside of a cell is looked at as the beginning of a cell is.

use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::config::Locale;

/// Says of a file that it was cut, and behind how many rows.
const CUT_AT: HeaderName = HeaderName::from_static("x-gatewatch-cut-at");
/// Says that the file is UTF-8; without it Excel shows Cyrillic letters as others.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// What some spreadsheet begins a new cell at.
const BREAKS: [char; 5] = [';', ',', '\t', '\r', '\n'];
/// What a formula begins with, also in the full width of East Asian text.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A file of cells in rows.
pub(super) struct Sheet {
    text: String,
    separator: char,
}

impl Sheet {
    /// An empty one, with the separator that spreadsheets of the language go by.
    pub(super) fn new(locale: Locale) -> Sheet {
        Sheet {
            text: BYTE_ORDER_MARK.to_string(),
            separator: match locale {
                Locale::Ru => ';',
                Locale::En => ',',
            },
        }
    }

    /// Adds a row.
    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.text.push(self.separator);
            }
            push_cell(&mut self.text, cell);
        }
        self.text.push_str("\r\n");
    }

    /// The file.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The file for a browser to keep under this name. One that was cut says so in its last line, and behind how many rows in a header.
    pub(super) fn answer(mut self, name: &str, cut: Option<(u32, &str)>) -> Response {
        if let Some((_, words)) = cut {
            self.row([words]);
        }
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (CONTENT_DISPOSITION, disposition),
        ];
        let cut = cut.map(|(rows, _)| [(CUT_AT, rows.to_string())]);
        match cut {
            Some(cut) => (headers, cut, self.finish()).into_response(),
            None => (headers, self.finish()).into_response(),
        }
    }
}

/// A cell in quotes (RFC 4180). An apostrophe stands before whatever would be a formula, as OWASP advises.
fn push_cell(text: &mut String, cell: &str) {
    text.push('"');
    if cell.starts_with(['\t', '\r', '\n']) {
        text.push('\'');
    }
    for part in cell.split_inclusive(BREAKS) {
        if is_formula(part) {
            text.push('\'');
        }
        text.push_str(&part.replace('"', "\"\""));
    }
    text.push('"');
}

/// Whether a spreadsheet that begins a cell here reckons it; quotes, white space and control characters before the sign may be passed over.
fn is_formula(part: &str) -> bool {
    let passed = |it: char| it == '"' || it.is_whitespace() || it.is_control();
    part.trim_start_matches(passed).starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut cell = String::new();
        push_cell(&mut cell, text);
        cell
    }

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_ends() {
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(cell("a\",\"b\r\nc"), "\"a\"\",\"\"b\r\nc\"");
        assert_eq!(cell(""), "\"\"");
        for sign in FORMULA {
            assert_eq!(cell(&format!("{sign}1+1")), format!("\"'{sign}1+1\""));
        }
        assert_eq!(cell("＝１"), "\"'＝１\"");
    }

    #[test]
    fn what_follows_a_separator_or_a_line_break_is_no_formula_either() {
        for (text, expected) in [
            (";=1+1", "\";'=1+1\""),
            ("x;=HYPERLINK(1)", "\"x;'=HYPERLINK(1)\""),
            ("x,@a", "\"x,'@a\""),
            ("x\t+1", "\"x\t'+1\""),
            ("x;＋1", "\"x;'＋1\""),
            ("\n=1", "\"'\n'=1\""),
            ("\r\n=1", "\"'\r\n'=1\""),
            ("\t=1", "\"'\t'=1\""),
            ("x; =1", "\"x;' =1\""),
            ("x;\"=1\"", "\"x;'\"\"=1\"\"\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
        for harmless in ["a=b", "a-b;c=d", "Mozilla/5.0 (X11; Linux)", "1,5"] {
            assert_eq!(cell(harmless), format!("\"{harmless}\""));
        }
    }

    #[test]
    fn a_file_says_its_encoding_and_has_the_separator_of_its_reader() {
        for (locale, expected) in [
            (Locale::Ru, "\u{feff}\"время\";\"a;b\"\r\n\"1,5\";\"\"\r\n"),
            (Locale::En, "\u{feff}\"время\",\"a;b\"\r\n\"1,5\",\"\"\r\n"),
        ] {
            let mut sheet = Sheet::new(locale);
            sheet.row(["время", "a;b"]);
            sheet.row(["1,5", ""]);
            assert_eq!(sheet.finish(), expected);
        }
    }
}
