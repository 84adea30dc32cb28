//! Papers: documents of HTML that load nothing from elsewhere and print on A4.

use std::fmt::Write as _;

const STYLE: &str = "@page{size:A4;margin:20mm}body{font:14px/1.5 serif;max-width:170mm;margin:24px auto}h1,h2{font-size:16px;text-align:center}\
table{border-collapse:collapse;width:100%}td,th{border:1px solid #888;padding:4px 8px;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:34%}\
section{break-before:page}@media print{body{margin:0;max-width:none}}";

/// A paper in Russian: what goes to an authority, or into the files.
pub(crate) struct Paper {
    html: String,
}

impl Paper {
    /// A paper with this title.
    pub(crate) fn new(title: &str) -> Self {
        let mut paper = Paper {
            html: "<!doctype html><html lang=ru><head><meta charset=utf-8><title>".to_owned(),
        };
        escape(&mut paper.html, title);
        let _ = write!(paper.html, "</title><style>{STYLE}</style></head><body>");
        paper.element("h1", title);
        paper
    }

    /// Names and values; what nobody knows but a person is an empty value, to be filled in.
    pub(crate) fn rows(&mut self, rows: &[(&str, String)]) {
        self.html.push_str("<table>");
        for (name, value) in rows {
            self.html.push_str("<tr>");
            self.element("th", name);
            self.element("td", value);
            self.html.push_str("</tr>");
        }
        self.html.push_str("</table>");
    }

    /// A heading and points; nothing when there are none.
    pub(crate) fn list(&mut self, title: &str, points: &[String]) {
        if points.is_empty() {
            return;
        }
        self.heading(title);
        self.html.push_str("<ul>");
        for point in points {
            self.element("li", point);
        }
        self.html.push_str("</ul>");
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        self.element("h2", text);
    }

    /// A paragraph.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.element("p", text);
    }

    /// What follows begins a new sheet.
    pub(crate) fn sheet(&mut self) {
        self.html.push_str("<section></section>");
    }

    /// The document.
    pub(crate) fn finish(mut self) -> String {
        self.html.push_str("</body></html>\n");
        self.html
    }

    fn element(&mut self, tag: &str, text: &str) {
        let _ = write!(self.html, "<{tag}>");
        escape(&mut self.html, text);
        let _ = write!(self.html, "</{tag}>");
    }
}

/// Writes text from anywhere, which cannot become markup, steer the direction of the text or hide.
pub(crate) fn escape(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => html.extend(character.escape_unicode()),
            _ if character.is_control() => html.extend(character.escape_default()),
            _ => html.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_put_in_becomes_markup() {
        let mut paper = Paper::new("<i>");
        paper.rows(&[("a", "<script>'\"\u{202e}\n".to_owned())]);
        paper.list("b", &["</li><b>".to_owned()]);
        paper.list("nothing", &[]);
        let html = paper.finish();
        assert!(html.contains("<h1>&lt;i&gt;</h1>"), "{html}");
        assert!(
            html.contains("<td>&lt;script&gt;&#39;&quot;\\u{202e}\\n</td>"),
            "{html}"
        );
        assert!(html.contains("<li>&lt;/li&gt;&lt;b&gt;</li>"), "{html}");
        assert!(!html.contains("nothing"), "{html}");
    }
}
