//! Whom an alert is about or shows: what links it to others, and what it is routed by.

use std::fmt;

use super::Alert;
use super::picks::SEPARATOR;
use crate::track::{EntityKind, Evidence, Reason};

/// Integrations of an alert, and callers of it, at most: as many as sample events can show.
const MOST: usize = 40;

/// One who calls: an address, a client, a subject or a token, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller {
    /// What it is.
    pub kind: EntityKind,
    /// Which one; of persons the pseudonym.
    pub value: String,
}

impl Caller {
    /// `None` for what does not call, and for nobody.
    fn of(kind: EntityKind, value: &str) -> Option<Caller> {
        let calls = matches!(
            kind,
            EntityKind::Address | EntityKind::Client | EntityKind::Subject | EntityKind::Token
        );
        (calls && !value.is_empty()).then(|| Caller {
            kind,
            value: value.to_owned(),
        })
    }

    /// The one that an entity is; of one of several values the first counts.
    #[must_use]
    pub fn of_entity(kind: EntityKind, value: &str) -> Option<Caller> {
        Caller::of(kind, first_part(value))
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn named(text: &str) -> Option<Caller> {
        let (kind, value) = text.split_once(':')?;
        Caller::of(EntityKind::named(kind)?, value)
    }
}

/// As it is stored: `address:203.0.113.7`.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.value)
    }
}

impl Alert {
    /// The caller that it is about; `None` where it is about something else.
    #[must_use]
    pub fn caller(&self) -> Option<Caller> {
        Caller::of_entity(self.entity.kind, &self.entity.value)
    }

    /// The caller that it is about and those that its sample events show, each once, in order.
    ///
    /// Of what is odd of all traffic the sample event is anybody's, so that it shows nobody.
    #[must_use]
    pub fn callers(&self) -> Vec<Caller> {
        let about = self.caller();
        let is_anybodys = about.is_none()
            && matches!(
                self.reason,
                Reason::Baseline { .. } | Reason::Expectation { .. } | Reason::Service { .. }
            );
        let shown = self.evidence.iter().filter(|_| !is_anybodys);
        let shown = shown.flat_map(callers_in);
        once(about.into_iter().chain(shown).collect())
    }

    /// The caller that may be stopped on account of it; `None` where it is about something else.
    ///
    /// Rules choose the field of their entity, and what is no caller can look like one: an idempotency key, or a client id that holds a separator. So it has to be one
    /// that a sample event shows.
    #[must_use]
    pub fn culprit(&self) -> Option<Caller> {
        match self.reason {
            Reason::Pattern { .. } | Reason::Correlation { .. } => {
                let about = self.caller()?;
                let mut shown = self.evidence.iter().flat_map(callers_in);
                shown.any(|caller| caller == about).then_some(about)
            }
            // Detectors speak of one caller, often without a sample event.
            Reason::Baseline { .. } | Reason::Expectation { .. } | Reason::Service { .. } => {
                Caller::of(self.entity.kind, &self.entity.value)
            }
        }
    }

    /// The integrations that it is about or that its sample events were called under, each once, in order.
    #[must_use]
    pub fn integrations(&self) -> Vec<&str> {
        let is_one = self.entity.kind == EntityKind::Integration;
        let about = is_one.then(|| first_part(&self.entity.value));
        let shown = self.evidence.iter().map(|it| it.integration.as_str());
        once(
            about
                .into_iter()
                .chain(shown)
                .filter(|it| !it.is_empty())
                .collect(),
        )
    }
}

/// Those that a sample event shows.
fn callers_in(evidence: &Evidence) -> impl Iterator<Item = Caller> {
    let address = evidence.client_address.map(|address| address.to_string());
    let callers = [
        Caller::of(EntityKind::Address, address.as_deref().unwrap_or_default()),
        Caller::of(EntityKind::Client, &evidence.client_id),
        Caller::of(EntityKind::Subject, &evidence.subject),
        Caller::of(EntityKind::Token, &evidence.token_id),
    ];
    callers.into_iter().flatten()
}

/// The first of the values that an entity joins.
fn first_part(value: &str) -> &str {
    let parts = value.split_once(SEPARATOR);
    parts.map_or(value, |(first, _)| first)
}

fn once<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values.truncate(MOST);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::samples;

    #[test]
    fn an_alert_shows_whom_it_is_about_and_who_called() {
        let mut alert = samples::correlation();
        alert.evidence.truncate(1);
        alert.evidence[0].subject = "p_ab".into();
        let callers: Vec<String> = alert.callers().iter().map(ToString::to_string).collect();
        assert_eq!(
            callers,
            ["client:mobile-app", "subject:p_ab", "address:203.0.113.7"]
        );
        for text in &callers {
            assert_eq!(Caller::named(text).unwrap().to_string(), *text);
        }
        assert_eq!(Caller::named("gateway:edge-1"), None);
        assert_eq!(Caller::named("client:"), None);
        assert_eq!(alert.integrations(), ["residents"]);
    }

    #[test]
    fn only_who_is_seen_to_call_may_be_stopped() {
        let mut alert = samples::correlation();
        let mut culprit = |kind: EntityKind, value: &str| {
            alert.entity.kind = kind;
            alert.entity.value = value.into();
            alert.culprit().map(|caller| caller.to_string())
        };
        let (client, address) = (EntityKind::Client, EntityKind::Address);
        assert_eq!(
            culprit(address, "203.0.113.7 | okhttp/4.12").unwrap(),
            "address:203.0.113.7"
        );
        assert_eq!(
            culprit(client, "mobile-app | p_x").unwrap(),
            "client:mobile-app"
        );
        for (kind, value) in [
            (client, "7f3c-key | mobile-app"),
            (address, "10.0.0.9"),
            (EntityKind::Token, "key-2026"),
            (EntityKind::Resource, "mobile-app"),
        ] {
            assert_eq!(culprit(kind, value), None, "{value}");
        }
        // Somebody who calls himself after another does not have that one stopped.
        let name = "mobile-app | mine";
        for evidence in &mut alert.evidence {
            evidence.client_id = name.into();
        }
        alert.entity.kind = client;
        alert.entity.value = name.into();
        assert_eq!(alert.culprit(), None);
        // Detectors name one caller, whatever its id holds.
        alert.reason = samples::baseline().reason;
        alert.evidence.clear();
        assert_eq!(alert.culprit().unwrap().value, name);
    }

    #[test]
    fn a_sample_event_of_all_traffic_shows_nobody() {
        let mut alert = samples::baseline();
        assert!(alert.caller().is_some() && !alert.callers().is_empty());
        alert.entity.kind = EntityKind::Integration;
        alert.entity.value = "faces | GET /v1/faces".into();
        assert_eq!((alert.caller(), alert.callers()), (None, vec![]));
        assert!(alert.integrations().contains(&"faces"));
    }
}
