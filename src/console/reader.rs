//! Who reads: language, zone, address, and the account if somebody has signed in.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use jiff::tz::TimeZone;

use super::cookie;
use super::shared::Shared;
use crate::access::{Account, Permission, Session, Standing};
use crate::config::Locale;

/// Longest name of a program that is kept.
const AGENT: usize = 200;
/// Longest cookie of a browser that signed in before; ours are shorter.
const DEVICE: usize = 200;

/// Who reads a page.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) locale: Locale,
    pub(super) zone: TimeZone,
    /// Address from which the request came.
    pub(super) address: Option<IpAddr>,
    /// Program with which it came.
    pub(super) agent: String,
    /// Path and query that were asked for.
    pub(super) asked: String,
    /// What it shows of having signed in before.
    pub(super) device: String,
    pub(super) visitor: Option<Visitor>,
}

/// Somebody who has signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) account: Account,
    pub(super) session: Session,
    pub(super) standing: Standing,
}

impl Visitor {
    /// Whether they may do this now.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.standing == Standing::Whole && self.session.may(self.account.role, permission)
    }
}

impl Reader {
    /// Who reads, as far as the request itself says.
    pub(super) fn of(parts: &Parts, shared: &Shared) -> Reader {
        let headers = &parts.headers;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let zone = cookie::value(headers, cookie::ZONE).and_then(|name| TimeZone::get(name).ok());
        let asked = parts.uri.path_and_query();
        Reader {
            locale: locale(
                cookie::value(headers, cookie::LANGUAGE),
                text(ACCEPT_LANGUAGE),
            ),
            zone: zone.unwrap_or_else(|| shared.zone.clone()),
            address: address(parts, &shared.config.console.address_header),
            agent: text(USER_AGENT)
                .unwrap_or_default()
                .chars()
                .take(AGENT)
                .collect(),
            asked: asked.map_or("/", |asked| asked.as_str()).to_owned(),
            device: cookie::value(headers, cookie::DEVICE)
                .unwrap_or_default()
                .chars()
                .take(DEVICE)
                .collect(),
            visitor: None,
        }
    }

    /// The same with another session.
    pub(super) fn with_session(mut self, id: String) -> Reader {
        if let Some(visitor) = &mut self.visitor {
            visitor.session.id = id;
        }
        self
    }

    /// The address as text.
    pub(super) fn from(&self) -> String {
        self.address
            .map_or_else(String::new, |address| address.to_string())
    }

    /// Name of the account.
    pub(super) fn name(&self) -> &str {
        self.visitor
            .as_ref()
            .map_or("", |visitor| visitor.account.name.as_str())
    }

    /// Whether they may do this.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.visitor
            .as_ref()
            .is_some_and(|visitor| visitor.may(permission))
    }
}

/// What was chosen, else the first language of the browser that is one of ours, else English.
fn locale(chosen: Option<&str>, accepted: Option<&str>) -> Locale {
    let named = |name: &str| match name.get(..2) {
        Some("ru") => Some(Locale::Ru),
        Some("en") => Some(Locale::En),
        _ => None,
    };
    let accepted = accepted.unwrap_or_default().split(',');
    let accepted = accepted.map(str::trim).find_map(named);
    chosen.and_then(named).or(accepted).unwrap_or_default()
}

fn address(parts: &Parts, header: &str) -> Option<IpAddr> {
    let said = (!header.is_empty())
        .then(|| {
            parts
                .headers
                .get(header)?
                .to_str()
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .flatten();
    let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    said.or_else(|| connection.map(|ConnectInfo(peer)| peer.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_what_was_chosen_else_what_the_browser_speaks() {
        assert_eq!(locale(Some("ru"), Some("en-GB,en")), Locale::Ru);
        assert_eq!(locale(None, Some("de, ru-RU;q=0.9, en")), Locale::Ru);
        assert_eq!(locale(Some("xx"), Some("de")), Locale::En);
        assert_eq!(locale(None, None), Locale::En);
        assert_eq!(locale(Some("р"), None), Locale::En);
    }
}
