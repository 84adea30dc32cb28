//! What a change of a contract newly allows or forbids.

mod agreed;

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Serialize;

use crate::contract::document::{Acceptance, Document, Operation, Personal};
use crate::contract::words::{Ids, Name, Network, Span};

/// One difference between two contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Key of the contract, such as `callers.clients`.
    pub place: String,
    /// What it does.
    pub effect: Effect,
    /// What of it, in words.
    pub what: String,
}

/// What a difference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Calls keep to the contract that did not before.
    Allows,
    /// Calls break the contract that did not before.
    Forbids,
    /// It says something else; no call is judged by it.
    Says,
}

/// The differences in the order of the keys. Each list, limit and demand is looked at by itself: a call is allowed when all allow it.
#[must_use]
pub fn diff(old: &Document, new: &Document) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.heading(old, new);
    changes.matching(old, new);
    changes.callers(old, new);
    changes.transport(old, new);
    changes.tokens(old, new);
    changes.operations(old, new);
    changes.others(old, new);
    changes.0
}

/// A value of a list, which may stand for others.
trait Covers: Display {
    fn covers(&self, other: &Self) -> bool;
}

impl Covers for Name {
    fn covers(&self, other: &Self) -> bool {
        Name::covers(self, other)
    }
}

impl Covers for Network {
    fn covers(&self, other: &Self) -> bool {
        Network::covers(self, other)
    }
}

impl Covers for Ids {
    fn covers(&self, other: &Self) -> bool {
        Ids::covers(self, other)
    }
}

impl Covers for String {
    fn covers(&self, other: &Self) -> bool {
        self == other
    }
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, place: &str, effect: Effect, what: impl Into<String>) {
        self.0.push(Change {
            place: place.to_owned(),
            effect,
            what: what.into(),
        });
    }

    /// A list of what is allowed; an empty one allows everything.
    fn list<T: Covers>(&mut self, place: &str, old: &[T], new: &[T]) {
        self.optional(place, some(old), some(new));
    }

    /// A list of what is allowed; without a list everything is.
    fn optional<T: Covers>(&mut self, place: &str, old: Option<Vec<&T>>, new: Option<Vec<&T>>) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => {
                self.add(place, Effect::Forbids, format!("all but {}", joined(&new)));
            }
            (Some(old), None) => self.add(
                place,
                Effect::Allows,
                format!("all, where it was {}", joined(&old)),
            ),
            (Some(old), Some(new)) => {
                for (effect, of, by) in
                    [(Effect::Allows, &new, &old), (Effect::Forbids, &old, &new)]
                {
                    for value in of {
                        if !by.iter().any(|known| known.covers(value)) {
                            self.add(place, effect, value.to_string());
                        }
                    }
                }
            }
        }
    }

    /// Something that every call must have.
    fn demand(&mut self, place: &str, old: bool, new: bool, without: &str) {
        if old != new {
            let effect = if new { Effect::Forbids } else { Effect::Allows };
            self.add(place, effect, without);
        }
    }

    /// The most that is allowed.
    fn most<T: Copy + Ord + Display>(&mut self, place: &str, old: Option<T>, new: Option<T>) {
        match (old, new) {
            (None, Some(new)) => self.add(place, Effect::Forbids, format!("more than {new}")),
            (Some(old), None) => {
                self.add(
                    place,
                    Effect::Allows,
                    format!("more than {old}, without end"),
                );
            }
            (Some(old), Some(new)) if new > old => {
                self.add(
                    place,
                    Effect::Allows,
                    format!("up to {new}, where it was {old}"),
                );
            }
            (Some(old), Some(new)) if new < old => self.add(
                place,
                Effect::Forbids,
                format!("more than {new}, where it was {old}"),
            ),
            _ => {}
        }
    }

    fn says(&mut self, place: &str, old: &str, new: &str) {
        if old != new {
            let shown = |text: &str| {
                if text.is_empty() {
                    "nothing".to_owned()
                } else {
                    text.to_owned()
                }
            };
            self.add(
                place,
                Effect::Says,
                format!("{} instead of {}", shown(new), shown(old)),
            );
        }
    }

    fn heading(&mut self, old: &Document, new: &Document) {
        self.says("integration", &old.integration, &new.integration);
        self.says("title", &old.title, &new.title);
        self.says("owner.name", &old.owner.name, &new.owner.name);
        self.says("owner.mail", &old.owner.mail, &new.owner.mail);
        let (was, is) = (&old.valid, &new.valid);
        if is.from != was.from {
            let effect = if is.from < was.from {
                Effect::Allows
            } else {
                Effect::Forbids
            };
            let first = is.from.min(was.from);
            self.add(
                "valid.from",
                effect,
                format!("calls from {first} on, before {}", is.from.max(was.from)),
            );
        }
        if is.until != was.until {
            let effect = if is.until > was.until {
                Effect::Allows
            } else {
                Effect::Forbids
            };
            self.add(
                "valid.until",
                effect,
                format!(
                    "calls after {}, until {}",
                    is.until.min(was.until),
                    is.until.max(was.until)
                ),
            );
        }
        match (was.ended, is.ended) {
            (None, Some(day)) => {
                self.add("valid.ended", Effect::Forbids, format!("calls after {day}"));
            }
            (Some(day), None) => {
                self.add("valid.ended", Effect::Allows, format!("calls after {day}"));
            }
            (Some(a), Some(b)) if a != b => {
                let effect = if b > a {
                    Effect::Allows
                } else {
                    Effect::Forbids
                };
                self.add(
                    "valid.ended",
                    effect,
                    format!("calls after {}, until {}", a.min(b), a.max(b)),
                );
            }
            _ => {}
        }
        self.acceptance(
            "acceptance",
            old.acceptance.as_ref(),
            new.acceptance.as_ref(),
        );
    }

    fn acceptance(&mut self, place: &str, old: Option<&Acceptance>, new: Option<&Acceptance>) {
        let text = |acceptance: Option<&Acceptance>| {
            acceptance.map_or(String::new(), |it| {
                format!("{} on {}, {}", it.by, it.on, it.report)
            })
        };
        self.demand(
            place,
            old.is_none(),
            new.is_none(),
            "calls without an acceptance",
        );
        if old.is_some() && new.is_some() {
            self.says(place, &text(old), &text(new));
        }
    }

    fn matching(&mut self, old: &Document, new: &Document) {
        let (was, is) = (&old.matches, &new.matches);
        self.says("matches.hosts", &was.hosts.join(", "), &is.hosts.join(", "));
        self.says("matches.paths", &was.paths.join(", "), &is.paths.join(", "));
        let environment = |text: &Option<String>| text.clone().unwrap_or_default();
        self.says(
            "matches.environment",
            &environment(&was.environment),
            &environment(&is.environment),
        );
    }

    fn callers(&mut self, old: &Document, new: &Document) {
        let (was, is) = (&old.callers, &new.callers);
        self.list("callers.clients", &was.clients, &is.clients);
        self.list("callers.gateways", &was.gateways, &is.gateways);
        self.list("callers.networks", &was.networks, &is.networks);
        self.list("callers.egress", &was.egress, &is.egress);
        self.list("callers.countries", &was.countries, &is.countries);
    }

    fn transport(&mut self, old: &Document, new: &Document) {
        let (was, is) = (old.transport.tls, new.transport.tls);
        if was != is {
            // Without a floor every version is allowed.
            let effect = if is < was {
                Effect::Allows
            } else {
                Effect::Forbids
            };
            let lower = was
                .min(is)
                .map_or_else(|| "any version".to_owned(), |version| version.to_string());
            let higher = was
                .max(is)
                .map_or_else(String::new, |version| format!(" below {version}"));
            self.add(
                "transport.tls",
                effect,
                format!("{lower} and newer{higher}"),
            );
        }
        self.list(
            "transport.suites",
            &old.transport.suites,
            &new.transport.suites,
        );
        self.list(
            "transport.upstreams",
            &old.transport.upstreams,
            &new.transport.upstreams,
        );
    }

    fn tokens(&mut self, old: &Document, new: &Document) {
        let (was, is) = (&old.tokens, &new.tokens);
        self.demand(
            "tokens.required",
            was.required,
            is.required,
            "calls without a token",
        );
        self.list("tokens.issuers", &was.issuers, &is.issuers);
        self.list("tokens.audiences", &was.audiences, &is.audiences);
        self.list("tokens.algorithms", &was.algorithms, &is.algorithms);
        self.list("tokens.keys", &was.keys, &is.keys);
        self.most("tokens.longest_life", was.longest_life, is.longest_life);
        self.most("tokens.clock_skew", was.clock_skew, is.clock_skew);
        self.list("tokens.grants", &was.grants, &is.grants);
        self.list("tokens.scopes", &was.scopes, &is.scopes);
        self.demand(
            "tokens.one_time",
            was.one_time,
            is.one_time,
            "a token taken twice",
        );
        self.demand(
            "tokens.refresh_rotation",
            was.refresh_rotation,
            is.refresh_rotation,
            "a refresh token used twice",
        );
    }

    fn operations(&mut self, old: &Document, new: &Document) {
        let names = |document: &Document| document.operations.keys().cloned().collect::<Vec<_>>();
        self.list("operations", &names(old), &names(new));
        let both: BTreeSet<&String> = old
            .operations
            .keys()
            .filter(|name| new.operations.contains_key(*name))
            .collect();
        for name in both {
            self.operation(name, &old.operations[name], &new.operations[name]);
        }
    }

    fn operation(&mut self, name: &str, old: &Operation, new: &Operation) {
        let place = |key: &str| format!("operations.{name}.{key}");
        self.list(&place("roles"), &old.roles, &new.roles);
        self.demand(
            &place("mfa"),
            old.mfa,
            new.mfa,
            "calls without a second factor",
        );
        self.demand(
            &place("idempotent"),
            !old.idempotent,
            !new.idempotent,
            "attempts without a key",
        );
        self.optional(
            &place("sends"),
            all(old.sends.as_ref()),
            all(new.sends.as_ref()),
        );
        self.optional(
            &place("receives"),
            all(old.receives.as_ref()),
            all(new.receives.as_ref()),
        );
        self.most(&place("records"), old.records, new.records);
        let (was, is) = (old.acceptance.as_ref(), new.acceptance.as_ref());
        // Without one of its own an operation has that of the integration.
        let text = |acceptance: Option<&Acceptance>| {
            acceptance.map_or_else(
                || "that of the integration".to_owned(),
                |it| format!("{} on {}, {}", it.by, it.on, it.report),
            )
        };
        self.says(&place("acceptance"), &text(was), &text(is));
    }

    fn others(&mut self, old: &Document, new: &Document) {
        let (was, is) = (&old.webhooks, &new.webhooks);
        self.list("webhooks.networks", &was.networks, &is.networks);
        self.demand(
            "webhooks.signed",
            was.signed,
            is.signed,
            "webhooks without a signature",
        );
        self.most::<Span>("webhooks.longest_age", was.longest_age, is.longest_age);
        self.most(
            "cache.longest_age",
            old.cache.longest_age,
            new.cache.longest_age,
        );
        self.list("webhooks.targets", &was.targets, &is.targets);
        self.most(
            "webhooks.longest_silence",
            was.longest_silence,
            is.longest_silence,
        );
        let follow = |of: &Document| {
            let follow = of.webhooks.follow.as_ref();
            follow.map_or(String::new(), |it| {
                format!("{} within {}", it.operations.join(", "), it.within)
            })
        };
        self.says("webhooks.follow", &follow(old), &follow(new));
        let fallback = |of: &Document| of.cache.fallback.join(", ");
        self.says("cache.fallback", &fallback(old), &fallback(new));
        self.tenants(old, new);
        self.promises(old, new);
        let source = |of: &Document| {
            let source = of.second_source.as_ref();
            source.map_or(String::new(), |it| {
                format!("{:?} within {}", it.calls, it.within).to_lowercase()
            })
        };
        self.says("second_source", &source(old), &source(new));
        self.list("legal_basis", &old.legal_basis, &new.legal_basis);
        self.limits(old, new);
        let (was, is) = (&old.retries, &new.retries);
        self.most("retries.attempts", was.attempts, is.attempts);
        self.demand(
            "retries.idempotency_key",
            was.idempotency_key,
            is.idempotency_key,
            "retries without a key",
        );
        self.most("retries.within", was.within, is.within);
        for kind in [
            Personal::Plate,
            Personal::Phone,
            Personal::Email,
            Personal::Passport,
            Personal::Card,
        ] {
            let has = |document: &Document| document.forbidden_in_urls.contains(&kind);
            self.demand(
                "forbidden_in_urls",
                has(old),
                has(new),
                &format!("{kind:?} in a path or query").to_lowercase(),
            );
        }
        self.says("impact", old.impact.name(), new.impact.name());
        self.most("retention", old.retention, new.retention);
        let text = |document: &Document| {
            let all = document.attestations.iter();
            let texts: Vec<String> = all
                .map(|it| format!("{} by {} until {}", it.requirement, it.by, it.until))
                .collect();
            texts.join(", ")
        };
        self.says("attestations", &text(old), &text(new));
        let text = |document: &Document| {
            let all = document.contacts.iter();
            let texts: Vec<String> = all
                .map(|it| format!("{} for {}", it.name, it.role))
                .collect();
            texts.join(", ")
        };
        self.says("contacts", &text(old), &text(new));
    }
}

fn all(list: Option<&Vec<Name>>) -> Option<Vec<&Name>> {
    list.map(|list| list.iter().collect())
}

fn some<T>(list: &[T]) -> Option<Vec<&T>> {
    (!list.is_empty()).then(|| list.iter().collect())
}

fn joined<T: Display>(values: &[&T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests;
