//! Which alerts a list shows, as its address says it: the same for the page and for programs.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::console::query::{self, Wrong};
use crate::requirement::{REQUIREMENTS, Requirement};
use crate::sigma::Level;
use crate::store::{AlertFilter, AlertOrder};
use crate::track::EntityKind;
use crate::triage::State;

/// Places that can be turned to: what is further back is found by filters.
const MOST_OFFSET: u32 = 10_000;
/// Before the name of a level: that one alone, and none above it.
const ONLY: &str = "only-";

/// What was chosen, as an address has it.
#[derive(Clone, Debug, Default)]
pub(in crate::console::pages) struct Chosen {
    /// Names of states with commas, `open`, `closed` or `all`; open ones where it is empty.
    pub(super) state: String,
    pub(super) level: String,
    pub(super) family: String,
    pub(super) text: String,
    pub(super) integration: String,
    /// `kind:value`, or a value of any kind.
    pub(super) entity: String,
    /// Id of a requirement.
    pub(super) requirement: String,
    /// Id of an incident.
    pub(super) incident: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) assignee: String,
    pub(super) order: String,
    pub(super) offset: u32,
}

impl Chosen {
    /// A level alone, as the address has it.
    pub(super) fn only(level: &str) -> String {
        format!("{ONLY}{level}")
    }

    /// What a page shows.
    pub(super) fn of(query: &HashMap<String, String>) -> Chosen {
        let text = |name: &str| {
            let value = query.get(name).map_or("", |value| value.trim());
            value.chars().take(200).collect::<String>()
        };
        Chosen {
            state: text("state"),
            level: text("level"),
            family: text("family"),
            text: text("text"),
            integration: text("integration"),
            entity: text("entity"),
            requirement: text("requirement"),
            incident: text("incident"),
            from: text("from"),
            until: text("until"),
            assignee: text("assignee"),
            order: text("order"),
            offset: text("offset").parse().unwrap_or(0).min(MOST_OFFSET),
        }
    }

    /// What a program is told: alerts in every state where it names none. `since` is `from`, as it was called before.
    pub(in crate::console::pages) fn of_program(query: &HashMap<String, String>) -> Chosen {
        let mut chosen = Chosen::of(query);
        if chosen.state.is_empty() {
            "all".clone_into(&mut chosen.state);
        }
        if chosen.from.is_empty() {
            let since = query.get("since").map_or("", |since| since.trim());
            since.clone_into(&mut chosen.from);
        }
        chosen
    }

    fn states(&self) -> Vec<&'static str> {
        if self.state == "all" {
            return Vec::new();
        }
        let is_chosen = |state: &State| {
            let mut names = self.state.split(',').map(str::trim);
            names.any(|name| match name {
                "" | "open" => state.is_open(),
                "closed" => !state.is_open(),
                name => name == state.name(),
            })
        };
        let chosen = State::ALL.into_iter().filter(is_chosen);
        chosen.map(State::name).collect()
    }

    /// What has none of its values: a list that passed it over would show more than was asked for.
    fn unknown(&self) -> Option<Wrong> {
        let is_state =
            |name: &str| matches!(name, "open" | "closed") || State::named(name).is_some();
        let is_level =
            |name: &str| Level::from_name(name.strip_prefix(ONLY).unwrap_or(name)).is_some();
        let states = &self.state;
        let is_known = [
            (
                "state",
                states,
                states == "all" || states.split(',').map(str::trim).all(is_state),
            ),
            ("level", &self.level, is_level(&self.level)),
            (
                "requirement",
                &self.requirement,
                requirement(&self.requirement).is_some(),
            ),
            (
                "incident",
                &self.incident,
                self.incident.parse::<Uuid>().is_ok(),
            ),
            (
                "order",
                &self.order,
                matches!(self.order.as_str(), "level" | "rarest"),
            ),
        ];
        let mut unknown = is_known
            .into_iter()
            .filter(|(_, value, is_known)| !value.is_empty() && !is_known);
        let (name, value, _) = unknown.next()?;
        Some(Wrong::Unknown(name, value.clone()))
    }

    /// What the store is asked for. Times without a zone are of this one.
    pub(super) fn filter(&self, zone: &TimeZone) -> Result<AlertFilter, Wrong> {
        if let Some(wrong) = self.unknown() {
            return Err(wrong);
        }
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Ok(AlertFilter {
            states: self.states(),
            least: Level::from_name(&self.level),
            level: self.level.strip_prefix(ONLY).and_then(Level::from_name),
            family: some(&self.family),
            about: some(&self.entity).map(|text| about(&text)),
            tag: requirement(&self.requirement).map(|it| format!("requirement.{}", it.tag)),
            integration: some(&self.integration),
            incident: self.incident.parse().ok(),
            assignee: some(&self.assignee),
            text: some(&self.text),
            since: query::instant("from", &self.from, zone)?,
            until: query::instant("until", &self.until, zone)?,
            order: AlertOrder::named(&self.order),
            offset: self.offset,
            ..AlertFilter::default()
        })
    }

    /// The address of this page of it.
    pub(super) fn here(&self) -> String {
        self.at(super::PATH, self.offset)
    }

    /// The address of what comes behind so many; `None` where no list turns to it.
    pub(in crate::console::pages) fn next(&self, path: &str, shown: u32) -> Option<String> {
        let offset = self.offset.saturating_add(shown);
        (offset <= MOST_OFFSET).then(|| self.at(path, offset))
    }

    /// The address of the list from another place on.
    pub(super) fn at(&self, path: &str, offset: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("state", &self.state),
            ("level", &self.level),
            ("family", &self.family),
            ("text", &self.text),
            ("integration", &self.integration),
            ("entity", &self.entity),
            ("requirement", &self.requirement),
            ("incident", &self.incident),
            ("from", &self.from),
            ("until", &self.until),
            ("assignee", &self.assignee),
            ("order", &self.order),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if offset > 0 {
            query.append_pair("offset", &offset.to_string());
        }
        format!("{path}?{}", query.finish())
    }
}

fn requirement(id: &str) -> Option<&'static Requirement> {
    REQUIREMENTS.iter().find(|it| it.id == id)
}

/// An entity as people write it: `client:portal`, or of any kind `portal`.
fn about(text: &str) -> (Option<EntityKind>, String) {
    let named = text.split_once(':');
    let named = named.and_then(|(kind, value)| Some((EntityKind::named(kind)?, value)));
    match named {
        Some((kind, value)) => (Some(kind), value.to_owned()),
        None => (None, text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{of_entity, of_level};
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect()
    }

    fn chosen(query: &[(&str, &str)]) -> Chosen {
        Chosen::of(&pairs(query))
    }

    fn filter(query: &[(&str, &str)]) -> AlertFilter {
        chosen(query).filter(&TimeZone::UTC).unwrap()
    }

    #[test]
    fn a_tile_leads_to_as_many_alerts_as_it_counts() {
        let address = of_level(Level::Medium);
        let level = address.split_once("level=").unwrap().1;
        let only = filter(&[("level", level)]);
        assert_eq!((only.level, only.least), (Some(Level::Medium), None));
        let open = State::ALL.iter().filter(|it| it.is_open()).count();
        assert_eq!(only.states.len(), open, "a tile counts what is open");
        let from = filter(&[("level", "medium")]);
        assert_eq!((from.level, from.least), (None, Some(Level::Medium)));
    }

    #[test]
    fn an_order_is_kept_from_page_to_page() {
        for (name, order) in [
            ("", AlertOrder::Newest),
            ("level", AlertOrder::Worst),
            ("rarest", AlertOrder::Rarest),
        ] {
            let chosen = chosen(&[("order", name)]);
            assert_eq!(chosen.filter(&TimeZone::UTC).unwrap().order, order);
            let named = (!name.is_empty()).then(|| format!("order={name}&"));
            let next = format!("/alerts?{}offset=50", named.unwrap_or_default());
            assert_eq!(chosen.next("/alerts", 50), Some(next));
        }
        let last = chosen(&[("offset", "9999")]);
        assert_eq!(last.next("/alerts", 50), None);
    }

    #[test]
    fn a_list_is_of_an_entity_and_a_requirement() {
        let wanted = filter(&[("entity", "client:a:b"), ("requirement", "SEC-01")]);
        assert_eq!(
            wanted.about,
            Some((Some(EntityKind::Client), "a:b".to_owned()))
        );
        assert_eq!(wanted.tag.as_deref(), Some("requirement.sec-01"));
        let address = of_entity(EntityKind::Client, "a:b");
        assert_eq!(address, "/alerts?state=all&entity=client%3Aa%3Ab");
        let other = chosen(&[("entity", "2001:db8::1")]);
        let about = other.filter(&TimeZone::UTC).unwrap().about;
        assert_eq!(about, Some((None, "2001:db8::1".to_owned())));
        assert!(
            other.here().contains("entity=2001%3Adb8%3A%3A1"),
            "{}",
            other.here()
        );
    }

    #[test]
    fn states_are_several_or_a_kind_of_them() {
        let states = |text: &str| filter(&[("state", text)]).states;
        assert_eq!(states("new,closed_false"), ["new", "closed_false"]);
        assert_eq!(states("all"), Vec::<&str>::new());
        assert_eq!(states("open"), states(""));
        assert_eq!(states("new, closed").len(), 4);
        let of_program = Chosen::of_program(&pairs(&[("since", "2026-11-01T12:00:00Z")]));
        let of_program = of_program.filter(&TimeZone::UTC).unwrap();
        assert!(of_program.states.is_empty() && of_program.since.is_some());
    }

    #[test]
    fn what_is_no_value_is_said_and_not_passed_over() {
        for (name, value) in [
            ("state", "opened"),
            ("state", "new,all"),
            ("level", "only-bad"),
            ("requirement", "X-1"),
            ("incident", "7"),
            ("order", "best"),
        ] {
            let wrong = chosen(&[(name, value)]).filter(&TimeZone::UTC);
            assert_eq!(
                wrong.unwrap_err(),
                Wrong::Unknown(name, value.to_owned()),
                "{name}"
            );
        }
        let wrong = chosen(&[("until", "later")]).filter(&TimeZone::UTC);
        assert_eq!(wrong.unwrap_err(), Wrong::Time("until", "later".to_owned()));
    }

    #[test]
    fn what_is_described_to_programs_is_what_can_be_chosen() {
        let description: Value =
            serde_json::from_str(include_str!("../../assets/openapi.json")).unwrap();
        let described = description["paths"]["/api/alerts"]["get"]["parameters"].as_array();
        let plain = format!("{:?}", filter(&[("state", "all")]));
        let mut names = Vec::new();
        for parameter in described.unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let example = parameter["example"].as_str().expect(name);
            let asked = Chosen::of_program(&pairs(&[(name, example)]));
            let asked_for = format!("{:?}", asked.filter(&TimeZone::UTC).unwrap());
            // How many an answer has is no matter of which.
            assert_eq!(asked_for != plain, name != "limit", "{name}");
            names.push(name);
        }
        for name in every_name() {
            assert!(names.contains(&name.as_str()), "{name} is described");
        }
    }

    /// Names of all that an address can have.
    fn every_name() -> Vec<String> {
        let some = || "1".to_owned();
        let whole = Chosen {
            state: some(),
            level: some(),
            family: some(),
            text: some(),
            integration: some(),
            entity: some(),
            requirement: some(),
            incident: some(),
            from: some(),
            until: some(),
            assignee: some(),
            order: some(),
            offset: 1,
        };
        let address = whole.here();
        let query = address.split_once('?').unwrap().1.as_bytes();
        let pairs = form_urlencoded::parse(query);
        pairs.map(|(name, _)| name.into_owned()).collect()
    }
}
