//! Incidents: alerts that one attacker may have caused, seen under several names.
//!
//! Two alerts within a day of each other belong together when one is about a caller that the other shows, or when both show the same address, subject or
//! token. A client alone does not join what merely shows it: an application is used by many. Nor does a caller that too many alerts show: then alerts about
//! it belong together, and those that merely show it to none of them. An alert that belongs to two incidents makes them one, as long as they have room.
//!
//! What is linked depends on the alerts and their order alone, so whoever links the same alerts comes to the same incidents.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use uuid::Uuid;

use super::callers::Caller;
use crate::event::Timestamp;
use crate::track::EntityKind;

/// Alerts so far apart do not belong together, in microseconds.
pub const APART_US: i64 = 24 * 3_600 * 1_000_000;
/// Alerts of an incident at most, so that none swallows everything; what comes then begins another.
pub const MOST_ALERTS: usize = 100;
/// A caller that so many alerts only show links them no more.
const BUSY: usize = 20;
/// Alerts that are remembered, and of one caller; the oldest are forgotten.
const REMEMBERED: usize = 100_000;
const OF_CALLER: usize = 1_000;

/// An alert, as far as links go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linkable {
    /// Its id.
    pub alert: Uuid,
    /// First event.
    pub first: Timestamp,
    /// Newest event.
    pub last: Timestamp,
    /// The caller that it is about.
    pub about: Option<Caller>,
    /// All callers, the one that it is about among them.
    pub callers: Vec<Caller>,
    /// The incident that it was put into before.
    pub incident: Option<Uuid>,
}

/// An alert belongs to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The alert.
    pub alert: Uuid,
    /// The incident: the id of its first alert.
    pub incident: Uuid,
}

#[derive(Debug)]
struct Known {
    first: Timestamp,
    last: Timestamp,
    about: Option<Caller>,
    callers: Vec<Caller>,
    incident: Uuid,
}

/// Puts alerts into incidents.
#[derive(Debug, Default)]
pub struct Linker {
    alerts: HashMap<Uuid, Known>,
    /// In the order in which they came.
    order: VecDeque<Uuid>,
    by_caller: HashMap<Caller, Vec<Uuid>>,
    incidents: HashMap<Uuid, Vec<Uuid>>,
    forgotten: u64,
}

impl Linker {
    /// Takes an alert in, or a later revision of one. Gives the links that are new or other than before; an alert alone has none.
    pub fn take(&mut self, alert: &Linkable) -> Vec<Link> {
        let mut changed = Vec::new();
        self.remember(alert);
        for incident in self.near(alert) {
            self.join(self.alerts[&alert.alert].incident, incident, &mut changed);
        }
        self.forget();
        changed
    }

    /// Alerts that were forgotten for want of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn remember(&mut self, alert: &Linkable) {
        let id = alert.alert;
        let before = self.alerts.remove(&id);
        match &before {
            Some(known) => self.leave_all(id, known),
            None => self.order.push_back(id),
        }
        // What is on record goes before what is remembered: another instance may have put it there.
        let before = before.map(|known| known.incident);
        let incident = alert.incident.or(before).unwrap_or(id);
        self.incidents.entry(incident).or_default().push(id);
        for caller in &alert.callers {
            let sharing = self.by_caller.entry(caller.clone()).or_default();
            if sharing.len() == OF_CALLER {
                sharing.remove(0);
            }
            sharing.push(id);
        }
        let known = Known {
            first: alert.first,
            last: alert.last,
            about: alert.about.clone(),
            callers: alert.callers.clone(),
            incident,
        };
        self.alerts.insert(id, known);
    }

    /// The other incidents that an alert belongs to.
    fn near(&self, alert: &Linkable) -> Vec<Uuid> {
        let own = self.alerts[&alert.alert].incident;
        let mut incidents = Vec::new();
        for caller in &alert.callers {
            let is_about = alert.about.as_ref() == Some(caller);
            let sharing = self.by_caller.get(caller).into_iter().flatten();
            let sharing = sharing.filter_map(|other| Some((*other, self.alerts.get(other)?)));
            let within_a_day = |(_, known): &(Uuid, &Known)| {
                known.last.plus_micros(APART_US) >= alert.first
                    && alert.last.plus_micros(APART_US) >= known.first
            };
            let sharing: Vec<(Uuid, &Known)> = sharing.filter(within_a_day).collect();
            let is_telling = caller.kind != EntityKind::Client && sharing.len() <= BUSY;
            let is_about_it = |known: &Known| known.about.as_ref() == Some(caller);
            let showing = sharing.iter().filter(|(_, known)| !is_about_it(known));
            let is_rare = showing.count() <= BUSY;
            for (_, known) in sharing {
                let is_linked = match (is_about, is_about_it(known)) {
                    (true, true) => true,
                    (false, false) => is_telling,
                    _ => is_rare,
                };
                if is_linked && known.incident != own && !incidents.contains(&known.incident) {
                    incidents.push(known.incident);
                }
            }
        }
        incidents
    }

    /// Makes two incidents one, if there is room: the one whose first alert is older takes the other in.
    fn join(&mut self, one: Uuid, other: Uuid, changed: &mut Vec<Link>) {
        let size = |incident| self.incidents.get(&incident).map_or(0, Vec::len);
        if one == other || size(one) + size(other) > MOST_ALERTS {
            return;
        }
        let age = |incident: Uuid| (self.began(incident), incident);
        let (into, from) = if age(one) <= age(other) {
            (one, other)
        } else {
            (other, one)
        };
        // An alert alone is in no link yet.
        let was_alone = size(into) == 1;
        let moved = self.incidents.remove(&from).unwrap_or_default();
        let members = self.incidents.entry(into).or_default();
        let first = if was_alone {
            members.clone()
        } else {
            Vec::new()
        };
        members.extend(&moved);
        for alert in first.into_iter().chain(moved) {
            if let Some(known) = self.alerts.get_mut(&alert) {
                known.incident = into;
            }
            changed.retain(|link: &Link| link.alert != alert);
            changed.push(Link {
                alert,
                incident: into,
            });
        }
    }

    /// When the first of its alerts that are remembered began.
    fn began(&self, incident: Uuid) -> Option<Timestamp> {
        let members = self.incidents.get(&incident).into_iter().flatten();
        let firsts = members.filter_map(|alert| Some(self.alerts.get(alert)?.first));
        firsts.min()
    }

    fn forget(&mut self) {
        while self.order.len() > REMEMBERED {
            let Some(id) = self.order.pop_front() else {
                return;
            };
            self.forgotten += 1;
            if let Some(known) = self.alerts.remove(&id) {
                self.leave_all(id, &known);
            }
        }
    }

    fn leave_all(&mut self, id: Uuid, known: &Known) {
        for caller in &known.callers {
            leave(&mut self.by_caller, caller, id);
        }
        leave(&mut self.incidents, &known.incident, id);
    }
}

fn leave<K: Eq + Hash>(lists: &mut HashMap<K, Vec<Uuid>>, key: &K, id: Uuid) {
    if let Some(list) = lists.get_mut(key) {
        list.retain(|other| *other != id);
        if list.is_empty() {
            lists.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: u128, hour: i64, about: &str, shows: &[&str]) -> Linkable {
        let time = Timestamp::from_seconds(1_772_359_200 + hour * 3_600);
        let about = Caller::named(about);
        let shown = shows.iter().map(|text| Caller::named(text).unwrap());
        Linkable {
            alert: Uuid::from_u128(id),
            first: time,
            last: time.plus_micros(60_000_000),
            callers: about.iter().cloned().chain(shown).collect(),
            about,
            incident: None,
        }
    }

    /// Alert and incident of all alerts after some were taken.
    fn taken(linker: &mut Linker, alerts: &[Linkable]) -> Vec<(u128, u128)> {
        let mut links = HashMap::new();
        for alert in alerts {
            for link in linker.take(alert) {
                links.insert(link.alert, link.incident);
            }
        }
        let mut links: Vec<(u128, u128)> = links
            .into_iter()
            .map(|(alert, incident)| (alert.as_u128(), incident.as_u128()))
            .collect();
        links.sort_unstable();
        links
    }

    #[test]
    fn one_attacker_under_several_names_is_one_incident() {
        let alerts = [
            alert(1, 0, "address:203.0.113.7", &["client:app"]),
            alert(2, 1, "client:app", &["address:203.0.113.7", "subject:p_a"]),
            alert(3, 2, "", &["subject:p_a", "client:portal"]),
            alert(4, 2, "address:198.51.100.1", &["client:portal"]),
            // The same address two days later is somebody else.
            alert(5, 50, "address:203.0.113.7", &[]),
        ];
        assert_eq!(
            taken(&mut Linker::default(), &alerts),
            [(1, 1), (2, 1), (3, 1)]
        );
    }

    #[test]
    fn a_bridge_makes_two_incidents_one() {
        let mut linker = Linker::default();
        let apart = [
            alert(1, 0, "address:203.0.113.7", &[]),
            alert(2, 1, "subject:p_a", &[]),
        ];
        assert_eq!(taken(&mut linker, &apart), []);
        let bridge = alert(3, 2, "", &["address:203.0.113.7", "subject:p_a"]);
        assert_eq!(taken(&mut linker, &[bridge]), [(1, 1), (2, 1), (3, 1)]);
        // A later revision of the same tells nothing anew.
        let again = alert(3, 2, "", &["address:203.0.113.7", "subject:p_a"]);
        assert_eq!(linker.take(&again), []);
    }

    #[test]
    fn a_later_revision_may_show_more() {
        let mut linker = Linker::default();
        taken(
            &mut linker,
            &[
                alert(1, 0, "address:203.0.113.7", &[]),
                alert(2, 1, "token:t_1", &[]),
            ],
        );
        let grown = alert(2, 1, "token:t_1", &["address:203.0.113.7"]);
        assert_eq!(taken(&mut linker, &[grown]), [(1, 1), (2, 1)]);
    }

    #[test]
    fn no_incident_swallows_everything() {
        let mut linker = Linker::default();
        let many: Vec<Linkable> = (0..250)
            .map(|id| alert(id + 1, 0, "address:203.0.113.7", &[]))
            .collect();
        let links = taken(&mut linker, &many);
        let of = |incident| links.iter().filter(|(_, it)| *it == incident).count();
        assert_eq!(links.len(), 250);
        assert_eq!((of(1), of(101), of(201)), (100, 100, 50));
    }

    #[test]
    fn a_caller_that_everybody_shows_links_nothing() {
        let mut linker = Linker::default();
        let proxied: Vec<Linkable> = (0..60)
            .map(|id| alert(id + 1, 0, "", &["address:10.0.0.1"]))
            .collect();
        let links = taken(&mut linker, &proxied);
        assert!(links.len() <= BUSY, "{}", links.len());
    }

    #[test]
    fn an_alert_about_what_everybody_shows_links_no_strangers() {
        let stranger = |id: u128| {
            let own = format!("subject:p_{id}");
            alert(id, 0, &own, &["client:mobile-app"])
        };
        let mut day: Vec<Linkable> = (1..=60).map(stranger).collect();
        day.push(alert(61, 1, "client:mobile-app", &[]));
        day.push(alert(62, 2, "client:mobile-app", &["address:203.0.113.7"]));
        day.push(stranger(63));
        // What is about the same, or shows the same address, belongs together all the same.
        day.push(alert(64, 3, "", &["address:203.0.113.7"]));
        let links = taken(&mut Linker::default(), &day);
        assert_eq!(links, [(61, 61), (62, 61), (64, 61)]);
    }

    #[test]
    fn an_alert_about_a_caller_that_few_show_links_them() {
        let few = BUSY as u128;
        let mut day = vec![alert(1, 0, "address:203.0.113.7", &[])];
        day.extend((2..few + 2).map(|id| {
            let own = format!("subject:p_{id}");
            alert(id, 1, &own, &["address:203.0.113.7"])
        }));
        let links = taken(&mut Linker::default(), &day);
        assert_eq!(links.len(), BUSY + 1);
        assert!(links.iter().all(|(_, incident)| *incident == 1));
    }

    #[test]
    fn a_restart_goes_on_where_it_was() {
        let alerts = [
            alert(1, 0, "address:203.0.113.7", &["client:app"]),
            alert(2, 1, "client:app", &[]),
        ];
        let mut again = alerts.map(|mut alert| {
            alert.incident = Some(Uuid::from_u128(1));
            alert
        });
        again.reverse();
        let mut linker = Linker::default();
        assert_eq!(taken(&mut linker, &again), []);
        let next = alert(3, 2, "client:app", &[]);
        assert_eq!(taken(&mut linker, &[next]), [(3, 1)]);
    }
}
