//! Every address of the console, with what it needs of who asks for it. A page that is not in this table does not exist.

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};

pub use super::gate::Needs;
use super::live;
use super::pages::{
    account, accounts, acknowledge, alert, alerts, api, asset, audit, decisions, entity, events,
    incidents, integrations, overview, persons, proposals, rules, sign_in, sources,
};
use super::shared::Shared;
use crate::access::Permission::{Administer, Audit, Decide, Reveal, Rules, Search, Triage, View};

/// One address.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    pub(super) handler: MethodRouter<Arc<Shared>>,
}

/// Method, path and needs of every address.
#[must_use]
pub fn table() -> Vec<(&'static str, &'static str, Needs)> {
    let routes = all().into_iter();
    routes
        .map(|route| (route.method, route.path, route.needs))
        .collect()
}

#[rustfmt::skip] // one line an address
#[allow(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    let mut add = |method, path, needs, handler| {
        routes.push(Route {
            method,
            path,
            needs,
            handler,
        });
    };
    let may = Needs::May;

    add("GET", "/static/console.css", Needs::Nobody, get(asset::style));
    add("GET", "/static/console.js", Needs::Nobody, get(asset::script));
    add("GET", "/sign-in", Needs::Nobody, get(sign_in::show));
    add("POST", "/sign-in", Needs::Nobody, post(sign_in::password));
    add("GET", "/second-factor", Needs::Half, get(sign_in::show_code));
    add("POST", "/second-factor", Needs::Half, post(sign_in::code));
    add("POST", "/language", Needs::Nobody, post(account::language));
    // Out of a mail: the signature of the link is what lets in.
    add("GET", "/acknowledge", Needs::Nobody, get(acknowledge::show));
    add("POST", "/acknowledge", Needs::Nobody, post(acknowledge::take));

    add("POST", "/sign-out", Needs::Account, post(sign_in::out));
    add("GET", "/account", Needs::Account, get(account::show));
    add("GET", "/account/password", Needs::Account, get(account::show_password));
    add("POST", "/account/password", Needs::Account, post(account::password));
    add("GET", "/account/second-factor", Needs::Account, get(account::show_enrolment));
    add("POST", "/account/second-factor", Needs::Account, post(account::enrol));
    add("POST", "/account/sessions", Needs::Account, post(account::end_session));
    add("POST", "/account/tokens", may(View), post(account::make_token));

    add("GET", "/", may(View), get(overview::show));
    add("GET", live::PATH, may(View), get(live::listen));
    add("GET", "/alerts", may(View), get(alerts::show));
    add("POST", "/alerts", may(Triage), post(alerts::act));
    add("GET", "/alerts/{id}", may(View), get(alert::show));
    add("POST", "/alerts/{id}", may(Triage), post(alert::act));
    add("POST", "/alerts/{id}/block", may(Decide), post(decisions::block_entity));
    add("GET", "/incidents", may(View), get(incidents::list));
    add("GET", "/incidents/{id}", may(View), get(incidents::show));
    add("GET", "/entities/{kind}/{value}", may(View), get(entity::show));
    add("GET", "/events", may(Search), get(events::show));
    add("GET", "/events.csv", may(Search), get(events::csv));
    add("POST", "/events", may(Search), post(events::save));
    add("GET", "/integrations", may(View), get(integrations::list));
    add("GET", "/integrations/{name}", may(View), get(integrations::show));
    add("GET", "/integrations/{name}/report", may(View), get(integrations::report));
    add("GET", "/decisions", may(View), get(decisions::list));
    add("POST", "/decisions", may(Decide), post(decisions::block));
    add("POST", "/decisions/{id}", may(Decide), post(decisions::act));
    add("GET", "/sources", may(View), get(sources::show));
    add("GET", "/rules", may(Rules), get(rules::show));
    add("GET", "/persons", may(Reveal), get(persons::show));
    add("POST", "/persons", may(Reveal), post(persons::find));
    add("GET", "/accounts", may(Administer), get(accounts::list));
    add("POST", "/accounts", may(Administer), post(accounts::add));
    add("POST", "/accounts/{name}", may(Administer), post(accounts::act));
    add("POST", "/proposals/{id}", may(Administer), post(proposals::settle));
    add("GET", "/audit", may(Audit), get(audit::show));
    add("GET", "/audit.csv", may(Audit), get(audit::csv));

    add("GET", "/api/openapi.json", Needs::Nobody, get(api::description));
    add("GET", "/api/alerts", may(View), get(api::alerts));
    add("GET", "/api/alerts/{id}", may(View), get(api::alert));
    add("POST", "/api/alerts/{id}/actions", may(Triage), post(api::act));
    add("GET", "/api/events", may(Search), get(api::events));
    add("GET", "/api/decisions", may(View), get(api::decisions));
    add("POST", "/api/decisions/{id}", may(Decide), post(api::decide));
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_not_for_those_who_only_look() {
        for (method, path, needs) in table() {
            let is_own = matches!(needs, Needs::Account | Needs::Half);
            let is_open =
                ["/sign-in", "/language", "/acknowledge", "/account/tokens"].contains(&path);
            let changes = matches!(
                needs,
                Needs::May(Triage | Decide | Search | Reveal | Administer)
            );
            assert!(
                method == "GET" || is_own || is_open || changes,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn each_address_is_there_once() {
        let mut seen = std::collections::HashSet::new();
        for (method, path, _) in table() {
            assert!(seen.insert((method, path)), "{method} {path}");
        }
    }
}
