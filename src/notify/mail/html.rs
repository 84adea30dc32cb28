//! A writer of HTML that cannot forget to escape: markup is a literal, everything else goes through [`Html::text`].

use super::clean::Clean;
use super::document::Tone;

/// A page in the making.
pub(crate) struct Html(String);

const FONT: &str = "font-family:-apple-system,'Segoe UI',Roboto,Arial,sans-serif;";

const LIST: &str = "<ul style=\"margin:6px 0;padding-left:20px\">";
const POINT: &str = "<li style=\"margin:3px 0;overflow-wrap:anywhere\">";

/// Buttons. Programs that know no padding show them as coloured links.
const FIRST_WAY: &str = "<a class=\"way first\" style=\"display:inline-block;margin:0 8px 8px 0;padding:9px 16px;border:1px solid #1a5fb4;border-radius:6px;background:#1a5fb4;color:#ffffff;font-weight:600;text-decoration:none\" href=\"";
const WAY: &str = "<a class=\"way\" style=\"display:inline-block;margin:0 8px 8px 0;padding:9px 16px;border:1px solid #1a5fb4;border-radius:6px;background:#ffffff;color:#1a5fb4;font-weight:600;text-decoration:none\" href=\"";

/// Colours by class, so that a dark scheme can change them; every one also stands inline for programs that drop styles.
const STYLE: &str = "<style>\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
@media (prefers-color-scheme:dark){\
.page{background:#14171c!important}.card{background:#1d2128!important;color:#e6e8eb!important}\
.soft{color:#a3acb8!important}.line{border-color:#363d48!important}\
.code{background:#14171c!important;color:#e6e8eb!important;border-color:#363d48!important}\
.link{color:#8ab4f8!important}.way{background:#1d2128!important;color:#8ab4f8!important;border-color:#8ab4f8!important}\
.first{background:#8ab4f8!important;color:#14171c!important}}\
@media (max-width:480px){.pad{padding-left:14px!important;padding-right:14px!important}}\
</style>";

impl Html {
    /// Opens a page.
    pub(crate) fn page(language: &'static str, title: &Clean) -> Self {
        let mut html = Html(String::with_capacity(8_192));
        html.raw("<!DOCTYPE html>\n<html lang=\"")
            .raw(language)
            .raw("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
            .raw("<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"supported-color-schemes\" content=\"light dark\"><title>")
            .text(title)
            .raw("</title>")
            .raw(STYLE)
            .raw("</head>\n<body class=\"page\" style=\"margin:0;padding:0;background:#eef0f3\">\n")
            .raw("<table role=\"presentation\" class=\"page\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"background:#eef0f3\"><tr><td align=\"center\" style=\"padding:16px 8px\">\n")
            .raw("<table role=\"presentation\" class=\"card\" width=\"600\" cellpadding=\"0\" cellspacing=\"0\" style=\"width:100%;max-width:600px;background:#ffffff;color:#1b1f24;border-radius:8px;overflow:hidden;table-layout:fixed;font-size:15px;line-height:1.5;")
            .raw(FONT)
            .raw("\">\n");
        html
    }

    /// The coloured bar with label and title.
    pub(crate) fn banner(&mut self, tone: Tone, label: &Clean, title: &Clean) {
        let colour = match tone {
            Tone::Calm => "#2f6f4f",
            Tone::Warning => "#8a5a00",
            Tone::Serious => "#b3400e",
            Tone::Alarm => "#a3122b",
        };
        self.raw("<tr><td class=\"pad\" style=\"padding:16px 24px;background:")
            .raw(colour)
            .raw(";color:#ffffff;word-break:break-word\"><div style=\"font-size:13px;letter-spacing:.03em;color:#ffffff\">")
            .text(label)
            .raw("</div><div style=\"font-size:20px;font-weight:600;line-height:1.3;color:#ffffff\">")
            .text(title)
            .raw("</div></td></tr>\n<tr><td class=\"pad\" style=\"padding:8px 24px 20px;word-break:break-word\">\n");
    }

    /// A heading.
    pub(crate) fn heading(&mut self, heading: &Clean) {
        self.raw("<div style=\"margin:18px 0 6px;font-size:16px;font-weight:600\">")
            .text(heading)
            .raw("</div>\n");
    }

    /// A paragraph.
    pub(crate) fn paragraph(&mut self, text: &Clean) {
        self.raw("<p style=\"margin:8px 0\">")
            .text(text)
            .raw("</p>\n");
    }

    /// A paragraph with code between backticks.
    pub(crate) fn prose(&mut self, text: &Clean) {
        self.raw("<p style=\"margin:8px 0\">")
            .pieces(text)
            .raw("</p>\n");
    }

    /// Points with code between backticks.
    pub(crate) fn prose_list(&mut self, points: &[Clean]) {
        self.raw(LIST);
        for point in points {
            self.raw(POINT).pieces(point).raw("</li>");
        }
        self.raw("</ul>\n");
    }

    /// Names and values, two columns.
    pub(crate) fn facts(&mut self, facts: &[(Clean, Clean)]) {
        self.raw("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin:8px 0\">");
        for (name, value) in facts {
            self.raw("<tr><td class=\"soft\" width=\"150\" valign=\"top\" style=\"width:150px;padding:3px 12px 3px 0;color:#5b6470\">")
                .text(name)
                .raw("</td><td valign=\"top\" style=\"padding:3px 0;word-break:break-word;overflow-wrap:anywhere\">")
                .text(value)
                .raw("</td></tr>");
        }
        self.raw("</table>\n");
    }

    /// A list of points.
    pub(crate) fn list(&mut self, points: &[Clean]) {
        self.raw(LIST);
        for point in points {
            self.raw(POINT).text(point).raw("</li>");
        }
        self.raw("</ul>\n");
    }

    /// A table with heads.
    pub(crate) fn table(&mut self, heads: &[Clean], rows: &[Vec<Clean>]) {
        self.raw("<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin:6px 0;border-collapse:collapse;font-size:12px;line-height:1.4\"><tr>");
        for head in heads {
            self.raw("<th class=\"soft line\" align=\"left\" style=\"padding:4px 8px 4px 0;border-bottom:1px solid #d5dae0;color:#5b6470;font-weight:600;white-space:nowrap\">")
                .text(head)
                .raw("</th>");
        }
        self.raw("</tr>");
        for row in rows {
            self.raw("<tr>");
            for cell in row {
                self.raw("<td class=\"line\" valign=\"top\" style=\"padding:4px 8px 4px 0;border-bottom:1px solid #d5dae0;overflow-wrap:anywhere;word-break:break-word\">")
                    .text(cell)
                    .raw("</td>");
            }
            self.raw("</tr>");
        }
        self.raw("</table>\n");
    }

    /// Lines to copy.
    pub(crate) fn code(&mut self, lines: &[Clean]) {
        self.raw("<pre class=\"code\" style=\"margin:8px 0;padding:10px 12px;background:#f4f6f8;border:1px solid #d5dae0;border-radius:6px;font-family:Consolas,Menlo,monospace;font-size:12px;line-height:1.45;white-space:pre-wrap;overflow-wrap:anywhere\">");
        for line in lines {
            self.text(line).raw("\n");
        }
        self.raw("</pre>\n");
    }

    /// Words that lead to an address of ours.
    pub(crate) fn link(&mut self, words: &Clean, address: &Clean) {
        self.raw("<p style=\"margin:8px 0\"><a class=\"link\" style=\"color:#1a5fb4\" href=\"")
            .text(address)
            .raw("\">")
            .text(words)
            .raw("</a></p>\n");
    }

    /// Buttons that lead to addresses of ours, the first one full; below one another where the screen is narrow.
    pub(crate) fn ways(&mut self, ways: &[(Clean, Clean)]) {
        self.raw("<div style=\"margin:12px 0 4px\">");
        for (at, (words, address)) in ways.iter().enumerate() {
            let markup = if at == 0 { FIRST_WAY } else { WAY };
            self.raw(markup)
                .text(address)
                .raw("\">")
                .text(words)
                .raw("</a>\n");
        }
        self.raw("</div>\n");
    }

    /// A picture that the mail carries, as wide as the card, with words below it.
    pub(crate) fn picture(
        &mut self,
        content_id: &Clean,
        (words, legend): (&Clean, &Clean),
        ends: (&Clean, &Clean),
    ) {
        self.raw("<img src=\"cid:")
            .text(content_id)
            .raw("\" width=\"552\" alt=\"")
            .text(words)
            .raw("\" style=\"display:block;width:100%;max-width:552px;height:auto;margin:8px 0 0;border:0\">\n")
            .raw("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td class=\"soft\" align=\"left\" style=\"color:#5b6470;font-size:12px\">")
            .text(ends.0)
            .raw("</td><td class=\"soft\" align=\"right\" style=\"color:#5b6470;font-size:12px\">")
            .text(ends.1)
            .raw("</td></tr></table>\n<p class=\"soft\" style=\"margin:2px 0 10px;color:#5b6470;font-size:13px\">")
            .text(words)
            .raw(" ")
            .text(legend)
            .raw("</p>\n");
    }

    /// Closes the page.
    pub(crate) fn finish(mut self, footer: &[Clean]) -> String {
        self.raw("</td></tr>\n<tr><td class=\"pad soft line\" style=\"padding:12px 24px 18px;border-top:1px solid #d5dae0;color:#5b6470;font-size:12px;overflow-wrap:anywhere\">");
        for line in footer {
            self.raw("<div>").text(line).raw("</div>");
        }
        self.raw("</td></tr>\n</table>\n</td></tr></table>\n</body></html>\n");
        self.0
    }

    /// Text in which code stands between backticks.
    fn pieces(&mut self, text: &Clean) -> &mut Self {
        for (is_code, piece) in text.pieces() {
            if is_code {
                self.raw("<code style=\"font-family:Consolas,Menlo,monospace;font-size:13px\">")
                    .text(&piece)
                    .raw("</code>");
            } else {
                self.text(&piece);
            }
        }
        self
    }

    /// Markup. Only a literal gets in: the type keeps everything else out.
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, in an element or in an attribute in double quotes.
    fn text(&mut self, text: &Clean) -> &mut Self {
        for character in text.as_str().chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }
}
