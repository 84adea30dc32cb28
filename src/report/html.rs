//! The report as one page of HTML: nothing is loaded from elsewhere, and it prints well on A4.

use std::fmt::Write;

use super::{AlertLine, Check, Day, Line, Report, Verdict};
use crate::config::Locale;
use crate::event::Timestamp;
use crate::paper::escape;

const STYLE: &str = "\
@page{size:A4;margin:16mm}\
body{font:14px/1.45 system-ui,sans-serif;color:#1d2430;max-width:190mm;margin:24px auto;padding:0 16px}\
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 6px}h3{font-size:14px;margin:14px 0 4px}\
table{border-collapse:collapse;width:100%;margin:6px 0 12px}th,td{text-align:left;vertical-align:top;padding:4px 8px 4px 0;border-bottom:1px solid #dfe3ea}\
th{font-weight:600;color:#525c6b;font-size:12px}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
blockquote{margin:4px 0 8px;padding:2px 0 2px 10px;border-left:3px solid #c7cedb;color:#434d5b}\
code{font:12px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}pre{background:#f4f6f9;padding:8px;white-space:pre-wrap}\
.v{display:inline-block;padding:1px 8px;border-radius:9px;font-size:12px;font-weight:600;white-space:nowrap}\
.breached,.alarmed{background:#fbe3e1;color:#8c1a11}.attestation_expired,.refused{background:#fdf0d3;color:#6d4a00}\
.kept,.attested{background:#e0f2e3;color:#14532d}.not_observable{background:#e8eaee;color:#3f4854}\
.faint{color:#667080}section{break-inside:avoid-page}svg{display:block;width:100%;height:auto}\
@media print{body{margin:0;padding:0;max-width:none}details{display:block}h2{break-after:avoid}}";

/// Days in a picture at most; longer times are drawn from their end.
const MOST_DAYS: usize = 366;

/// The page.
#[must_use]
pub fn html(report: &Report, locale: Locale) -> String {
    let mut page = Page {
        html: String::new(),
        locale,
    };
    page.head(report);
    page.summary(report);
    for line in &report.requirements {
        page.requirement(line);
    }
    page.retention(report);
    page.raw("</body></html>\n");
    page.html
}

struct Page {
    html: String,
    locale: Locale,
}

impl Page {
    fn say(&self, russian: &'static str, english: &'static str) -> &'static str {
        match self.locale {
            Locale::Ru => russian,
            Locale::En => english,
        }
    }

    fn raw(&mut self, html: &str) {
        self.html.push_str(html);
    }

    /// Text from anywhere, which cannot become markup.
    fn text(&mut self, text: &str) {
        escape(&mut self.html, text);
    }

    fn element(&mut self, tag: &str, text: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        let _ = write!(self.html, "<{tag}>");
        self.text(text);
        let _ = write!(self.html, "</{name}>");
    }

    fn number(&mut self, number: u64) {
        let grouped = grouped(number);
        self.element("td class=n", &grouped);
    }

    fn row(&mut self, name: &str, value: &str) {
        self.raw("<tr>");
        self.element("th", name);
        self.element("td", value);
        self.raw("</tr>");
    }

    fn heads(&mut self, heads: &[&str]) {
        self.raw("<table><tr>");
        for head in heads {
            self.element("th", head);
        }
        self.raw("</tr>");
    }

    fn head(&mut self, report: &Report) {
        let language = self.say("ru", "en");
        let title = format!(
            "{}: {}",
            self.say("Отчёт о соблюдении требований", "Compliance report"),
            report.integration
        );
        let _ = write!(
            self.html,
            "<!doctype html><html lang={language}><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>"
        );
        self.text(&title);
        let _ = write!(self.html, "</title><style>{STYLE}</style></head><body>");
        self.element("h1", &title);
        self.element("p class=faint", &report.title);
        self.raw("<table>");
        let period = format!("{} – {}", minute(report.from), minute(report.until));
        self.row(self.say("Период (UTC)", "Period (UTC)"), &period);
        let (name, mail) = &report.owner;
        self.row(self.say("Владелец", "Owner"), &format!("{name}, {mail}"));
        let (from, until) = &report.valid;
        self.row(
            self.say("Контракт", "Contract"),
            &format!("{from} – {until}"),
        );
        let acceptance = match &report.acceptance {
            Some((by, on, record)) => format!("{on}, {by}: {record}"),
            None => self
                .say("записи о приёмке нет", "no acceptance on record")
                .to_owned(),
        };
        self.row(self.say("Приёмка", "Acceptance"), &acceptance);
        for (role, name, ways) in &report.contacts {
            self.row(role, &format!("{name}, {ways}"));
        }
        let made = minute(report.made);
        self.row(self.say("Составлен", "Made"), &made);
        self.raw("</table>");
    }

    fn summary(&mut self, report: &Report) {
        self.element("h2", self.say("Сводка", "Summary"));
        let calls: u64 = report.days.iter().map(|day| day.calls).sum();
        let words = format!(
            "{}: {}. {}",
            self.say("Вызовов за период", "Calls in the period"),
            grouped(calls),
            self.say(
                "«Не видно» значит, что журнал этого не показывает и никто за это не поручился; это не «соблюдено».",
                "“Not observable” means that the log does not show it and nobody vouches for it; it is not “kept”."
            )
        );
        self.element("p", &words);
        self.picture(&report.days);
        self.heads(&[
            self.say("Требование", "Requirement"),
            "",
            self.say("Итог", "Result"),
            self.say("Пропущено", "Let through"),
            self.say("Отказано", "Refused"),
            self.say("Оповещений", "Alerts"),
        ]);
        for line in &report.requirements {
            let _ = write!(self.html, "<tr><td><a href=\"#{0}\">{0}</a></td>", line.id);
            self.element("td", self.say(line.meaning.0, line.meaning.1));
            self.raw("<td>");
            self.badge(line.verdict);
            self.raw("</td>");
            self.number(line.checks.iter().map(|check| check.allowed).sum());
            self.number(line.checks.iter().map(|check| check.refused).sum());
            self.number(line.alerts_total);
            self.raw("</tr>");
        }
        self.raw("</table>");
    }

    fn badge(&mut self, verdict: Verdict) {
        let (class, russian, english) = match verdict {
            Verdict::Breached => ("breached", "нарушено", "breached"),
            Verdict::Alarmed => ("alarmed", "есть оповещения", "alerts"),
            Verdict::AttestationExpired => (
                "attestation_expired",
                "аттестация истекла",
                "attestation expired",
            ),
            Verdict::Refused => ("refused", "попытки отражены", "attempts refused"),
            Verdict::Kept => ("kept", "соблюдено", "kept"),
            Verdict::Attested => ("attested", "подтверждено владельцем", "attested"),
            Verdict::NotObservable => ("not_observable", "не видно", "not observable"),
        };
        let tag = format!("span class=\"v {class}\"");
        self.element(&tag, self.say(russian, english));
    }

    /// Calls of each day as bars, breaches as dots above them.
    fn picture(&mut self, days: &[Day]) {
        let days = &days[days.len().saturating_sub(MOST_DAYS)..];
        let Some(most) = days
            .iter()
            .map(|day| day.calls)
            .max()
            .filter(|most| *most > 0)
        else {
            return;
        };
        let width = 720.0 / as_f64(days.len() as u64);
        let label = self.say(
            "Вызовы по дням; красным — нарушения, которые пропущены",
            "Calls by day; in red, breaches that were let through",
        );
        self.raw("<svg viewBox=\"0 0 720 90\" role=img aria-label=\"");
        self.text(label);
        self.raw("\">");
        for (place, day) in (0_u64..).zip(days) {
            let height = 64.0 * as_f64(day.calls) / as_f64(most);
            let x = as_f64(place) * width;
            let _ = write!(
                self.html,
                "<rect x={x:.1} y={:.1} width={:.1} height={height:.1} fill=\"#8fa3c4\"><title>{}: {}</title></rect>",
                80.0 - height,
                (width - 1.0).max(0.5),
                date(day.day),
                grouped(day.calls),
            );
            if day.breaches > 0 {
                let _ = write!(
                    self.html,
                    "<circle cx={:.1} cy=8 r=3 fill=\"#c0392b\"><title>{}: {}</title></circle>",
                    x + width / 2.0,
                    date(day.day),
                    grouped(day.breaches),
                );
            }
        }
        self.raw("</svg>");
        self.element("p class=faint", label);
    }

    fn requirement(&mut self, line: &Line) {
        let _ = write!(self.html, "<section id=\"{}\"><h2>", line.id);
        self.text(&format!(
            "{} {} ",
            line.id,
            self.say(line.meaning.0, line.meaning.1)
        ));
        self.badge(line.verdict);
        self.raw("</h2>");
        self.raw("<blockquote lang=ru>");
        self.text(&format!("{}. {}", line.section, line.clause));
        self.raw("</blockquote>");
        self.checks(&line.checks);
        if line.watched {
            self.element(
                "p",
                self.say(
                    "Кроме того, вызовы рассматриваются вместе: корреляциями и детекторами по времени событий.",
                    "Besides, calls are looked at together, by correlations and detectors in event time.",
                ),
            );
        }
        for check in line
            .checks
            .iter()
            .filter(|check| check.allowed + check.refused > 0)
        {
            self.breach(check);
        }
        self.alerts(&line.alerts, line.alerts_total);
        for attested in &line.attestations {
            let words = format!(
                "{}: {} — {}, {} – {}{}",
                self.say("Аттестация", "Attestation"),
                attested.says,
                attested.by,
                attested.on,
                attested.until,
                if attested.counts {
                    ""
                } else {
                    self.say(
                        " (не действует весь период)",
                        " (does not count for the whole period)",
                    )
                }
            );
            self.element("p", &words);
        }
        if let Some((russian, english)) = line.unseen {
            let words = format!(
                "{}: {}.",
                self.say("Из журнала не видно", "The log does not show"),
                self.say(russian, english)
            );
            self.element("p class=faint", &words);
        }
        self.raw("</section>");
    }

    fn checks(&mut self, checks: &[Check]) {
        if checks.is_empty() {
            return;
        }
        self.heads(&[
            self.say("Что проверено", "What was checked"),
            self.say("На вызовах", "On calls"),
            self.say("Пропущено", "Let through"),
            self.say("Отказано", "Refused"),
        ]);
        for check in checks {
            self.raw("<tr><td>");
            self.element("code", check.fact);
            self.raw(" ");
            self.text(self.say(check.says.0, check.says.1));
            self.raw("</td>");
            if check.agreed {
                self.number(check.on);
            } else {
                self.element("td class=n", self.say("не согласовано", "not agreed"));
            }
            self.number(check.allowed);
            self.number(check.refused);
            self.raw("</tr>");
        }
        self.raw("</table>");
    }

    fn breach(&mut self, check: &Check) {
        self.element("h3", check.fact);
        if !check.rules.is_empty() {
            let words = format!(
                "{}: {}",
                self.say("Правила", "Rules"),
                check.rules.join("; ")
            );
            self.element("p", &words);
        }
        self.heads(&[
            self.say("Время (UTC)", "Time (UTC)"),
            self.say("Вызов", "Call"),
            self.say("Кто", "Who"),
            self.say("Ответ", "Status"),
            self.say("Запрос", "Request id"),
        ]);
        for sample in &check.samples {
            self.raw("<tr>");
            let status = match sample.status {
                0 => "–".to_owned(),
                status => status.to_string(),
            };
            let time = sample.time.to_string();
            for text in [
                &time,
                &sample.operation,
                &sample.client,
                &status,
                &sample.request_id,
            ] {
                self.element("td", text);
            }
            self.raw("</tr>");
        }
        self.raw("</table>");
        self.element("pre", &check.query);
    }

    fn alerts(&mut self, alerts: &[AlertLine], total: u64) {
        if alerts.is_empty() {
            return;
        }
        let words = format!("{} ({})", self.say("Оповещения", "Alerts"), grouped(total));
        self.element("h3", &words);
        self.heads(&[
            self.say("Уровень", "Level"),
            self.say("Что произошло", "What happened"),
            self.say("Кто", "Who"),
            self.say("Время (UTC)", "Time (UTC)"),
            self.say("Событий", "Events"),
        ]);
        for alert in alerts {
            self.raw("<tr>");
            let period = format!("{} – {}", minute(alert.first), minute(alert.last));
            for text in [&alert.level, &alert.title, &alert.entity, &period] {
                self.element("td", text);
            }
            self.number(alert.count);
            self.raw("</tr>");
        }
        self.raw("</table>");
    }

    fn retention(&mut self, report: &Report) {
        let kept = &report.retention;
        self.element("h2", self.say("Хранение", "Retention"));
        self.raw("<table>");
        let days = format!("{} {}", kept.events_days, self.say("дн.", "days"));
        self.row(self.say("События хранятся", "Events are kept"), &days);
        if let Some(agreed) = kept.agreed_days {
            let days = format!("{agreed} {}", self.say("дн.", "days"));
            self.row(
                self.say("По контракту не дольше", "At most, by the contract"),
                &days,
            );
        }
        let oldest = kept.oldest.map_or_else(|| "–".to_owned(), minute);
        self.row(self.say("Самое раннее событие", "Oldest event"), &oldest);
        let result = if kept.overrun {
            self.say(
                "есть строки, срок которых истёк",
                "there are rows whose time is up",
            )
        } else {
            self.say("срок соблюдён", "kept to")
        };
        self.row(self.say("Итог", "Result"), result);
        self.raw("</table>");
        self.element(
            "p class=faint",
            self.say(
                "Целостность журнала доказывает команда gatewatch verify.",
                "The command gatewatch verify proves that the journal is whole.",
            ),
        );
    }
}

/// To the minute, without the letters between.
fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

fn date(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..10).unwrap_or(&text).to_owned()
}

/// Digits in groups of three, by a space that does not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[allow(clippy::cast_precision_loss)] // places in a picture
fn as_f64(number: u64) -> f64 {
    number as f64
}
