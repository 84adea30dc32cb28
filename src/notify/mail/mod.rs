//! What a mail says. Pure: no clock, no network; hostile log content comes out as plain, visible text.

mod alert;
mod clean;
mod course;
mod defang;
mod document;
mod expectation;
mod html;
mod incident;
mod metric;
mod note;
mod query;
mod reopened;
pub(crate) mod requirements;
mod summary;
#[cfg(test)]
mod tests;
mod why;
pub(crate) mod words;

pub use alert::render;
pub(crate) use alert::{blocks, title};
pub(crate) use clean::Clean;
pub use course::Drawn;
pub(crate) use document::{Block, Picture};
pub(crate) use incident::render_incident;
pub(crate) use metric::name as metric_name;
pub use summary::{
    Bulletin, BundleKind, DailyCounts, Gap, Line, render_bundle, render_daily, render_test,
};

#[cfg(test)]
pub(crate) use crate::alert::samples;

use jiff::tz::TimeZone;

use crate::alert::Kin;
use crate::config::Locale;
use crate::event::Timestamp;
use crate::triage::Closing;

/// A mail without its addresses and headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// One line, without control characters.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// What the HTML part shows.
    pub pictures: Vec<Attached>,
}

/// A picture that a mail carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// How the HTML part names it, without brackets.
    pub content_id: String,
    /// The file.
    pub png: Vec<u8>,
}

/// What every mail of an installation shares.
#[derive(Clone, Debug)]
pub struct Context {
    /// Zone in which times are shown.
    pub zone: TimeZone,
    /// Name of the installation, first in every subject.
    pub name: String,
    /// Address of the console, `http` or `https`; empty: none.
    pub console_url: String,
    /// Address that acknowledges the alert of a mail, of its reader alone; empty: none.
    pub acknowledge: String,
    /// The events table as the query names it.
    pub events_table: String,
    /// Other alerts of the callers of the alert of a mail.
    pub kin: Kin,
    /// How the alert of a mail had been closed, where the mail says that it was reopened.
    pub closing: Option<Closing>,
    /// When the mail is written; `None` where it is no mail but a page.
    pub written: Option<Timestamp>,
}

impl Context {
    fn name(&self) -> Clean {
        Clean::of(&self.name, 40)
    }

    fn console(&self, locale: Locale) -> Option<Block> {
        (!self.console_url.is_empty()).then(|| {
            Block::Link(
                words::say(locale, "Открыть консоль", "Open the console"),
                Clean::of(&self.console_url, 400),
            )
        })
    }

    /// What a reader of the mail about an alert can do at once; nothing where there is no console.
    fn ways(&self, alert: uuid::Uuid, locale: Locale) -> Option<Block> {
        let mut ways = Vec::new();
        if !self.console_url.is_empty() {
            let address = format!("{}/alerts/{alert}", self.console_url.trim_end_matches('/'));
            ways.push((
                words::say(locale, "Открыть в консоли", "Open in the console"),
                Clean::of(&address, 400),
            ));
        }
        if !self.acknowledge.is_empty() {
            ways.push((
                words::say(
                    locale,
                    "Я это вижу: принять, не входя",
                    "I have seen it: acknowledge without signing in",
                ),
                Clean::of(&self.acknowledge, 1_000),
            ));
        }
        (!ways.is_empty()).then_some(Block::Ways(ways))
    }
}
