//! Whom an alert is about or shows: what links it to others, and what it is routed by.

use std::fmt;

use super::Alert;
use super::picks::SEPARATOR;
use crate::track::{EntityKind, Reason};

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
        let shown = shown.flat_map(|evidence| {
            let address = evidence.client_address.map(|address| address.to_string());
            [
                Caller::of(EntityKind::Address, address.as_deref().unwrap_or_default()),
                Caller::of(EntityKind::Client, &evidence.client_id),
                Caller::of(EntityKind::Subject, &evidence.subject),
                Caller::of(EntityKind::Token, &evidence.token_id),
            ]
        });
        once(about.into_iter().chain(shown.flatten()).collect())
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
    fn a_sample_event_of_all_traffic_shows_nobody() {
        let mut alert = samples::baseline();
        assert!(alert.caller().is_some() && !alert.callers().is_empty());
        alert.entity.kind = EntityKind::Integration;
        alert.entity.value = "faces | GET /v1/faces".into();
        assert_eq!((alert.caller(), alert.callers()), (None, vec![]));
        assert!(alert.integrations().contains(&"faces"));
    }
}
