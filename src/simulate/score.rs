//! Score: alerts against labels. Which attacks were found, how fast, and which alerts no attack explains.

use serde::{Deserialize, Serialize};

use super::{Difficulty, Label};
use crate::event::Timestamp;

/// What an alert claims, as far as scoring needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Id of the alert.
    pub id: String,
    /// Rule family.
    pub family: String,
    /// Title of the rule.
    pub title: String,
    /// Ids of the requirements that its rules carry: `sec-07`.
    pub requirements: Vec<String>,
    /// Value of the entity; several values are joined by ` | `.
    pub entity: String,
    /// Clients and addresses of its sample events: an alert on a person is about the caller that all of them came from.
    pub callers: Vec<String>,
    /// Event time of the first event.
    pub first: Timestamp,
    /// Event time of the newest event, by the newest revision.
    pub last: Timestamp,
    /// Event time of the newest event when the alert was raised, by its first revision.
    pub raised: Timestamp,
    /// Wall-clock time at which the first revision was seen, where somebody noted it.
    pub wall: Option<Timestamp>,
}

/// The requirements among a rule's tags.
pub fn requirements(tags: &[String]) -> impl Iterator<Item = String> {
    let ids = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix("requirement."));
    ids.map(str::to_owned)
}

/// What an alert has to be to have found a scenario, besides naming its entity in its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judge {
    /// It carries the scenario's requirement, and is of one of its families where it names any.
    #[default]
    ByRequirement,
    /// Anything: what statistics say of an entity is of no requirement but the one that anomalies are found. Only scenarios that
    /// statistics have to find are in the outcome.
    ByStatistics,
}

/// What became of one planted scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Name of the scenario.
    pub name: String,
    /// Id of its requirement.
    pub requirement: String,
    /// `false` for a harmless twin.
    pub attack: bool,
    /// How hard an attack is to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<Difficulty>,
    /// An alert of an expected family and its requirement names its entity in its time. For a twin: it raised a false alarm.
    pub found: bool,
    /// Seconds of event time from its first event to the alert that came first.
    pub seconds: Option<f64>,
    /// The same by the wall clock, where labels and alerts have it.
    pub wall_seconds: Option<f64>,
    /// Titles of the alerts on it, in order of their raising.
    pub alerts: Vec<String>,
}

/// An alert that no attack explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FalseAlarm {
    /// Id of the alert.
    pub id: String,
    /// Rule family.
    pub family: String,
    /// Title of the rule.
    pub title: String,
    /// Whom it names.
    pub entity: String,
    /// Event time of its first event.
    pub first: Timestamp,
    /// The harmless twin that it fell for.
    pub twin: Option<String>,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// One for each label, in the order of the labels.
    pub scenarios: Vec<Outcome>,
    /// In the order of the alerts.
    pub false_alarms: Vec<FalseAlarm>,
    /// Different alerts.
    pub alerts: usize,
    /// Share of the alerts that an attack explains; `None` without alerts.
    pub precision: Option<f64>,
    /// Share of the attacks that were found; `None` without attacks.
    pub recall: Option<f64>,
}

impl Score {
    /// Attacks that no alert found.
    pub fn missed(&self) -> impl Iterator<Item = &Outcome> {
        self.scenarios
            .iter()
            .filter(|outcome| outcome.attack && !outcome.found)
    }
}

/// Compares alerts with labels. An alert belongs to a scenario when it names one of its entities and their times,
/// widened by `slack_us` on both sides, overlap: windows and merging make an alert longer than what it is about.
#[must_use]
pub fn score(labels: &[Label], claims: &[Claim], slack_us: i64, judge: Judge) -> Score {
    let mut scenarios: Vec<Outcome> = labels.iter().map(outcome).collect();
    let mut false_alarms = Vec::new();
    let mut raised: Vec<&Claim> = claims.iter().collect();
    raised.sort_by_key(|claim| claim.raised);
    for claim in raised {
        let about: Vec<usize> = (0..labels.len())
            .filter(|&index| is_about(claim, &labels[index], slack_us))
            .collect();
        let explained = about.iter().any(|&index| labels[index].attack);
        for &index in &about {
            // What an attack explains is not held against the twin that happened beside it.
            if labels[index].attack || !explained {
                note(&mut scenarios[index], &labels[index], claim, judge);
            }
        }
        if !explained {
            false_alarms.push(FalseAlarm {
                id: claim.id.clone(),
                family: claim.family.clone(),
                title: claim.title.clone(),
                entity: claim.entity.clone(),
                first: claim.first,
                twin: about.first().map(|&index| labels[index].name.clone()),
            });
        }
    }
    if judge == Judge::ByStatistics {
        let mut labels = labels.iter();
        scenarios.retain(|_| labels.next().is_some_and(|label| label.statistical));
    }
    let attacks = scenarios.iter().filter(|o| o.attack).count();
    let found = scenarios.iter().filter(|o| o.attack && o.found).count();
    Score {
        precision: share(claims.len() - false_alarms.len(), claims.len()),
        recall: share(found, attacks),
        scenarios,
        false_alarms,
        alerts: claims.len(),
    }
}

fn outcome(label: &Label) -> Outcome {
    Outcome {
        name: label.name.clone(),
        requirement: label.requirement.clone(),
        attack: label.attack,
        difficulty: label.difficulty,
        found: false,
        seconds: None,
        wall_seconds: None,
        alerts: Vec::new(),
    }
}

fn is_about(claim: &Claim, label: &Label, slack_us: i64) -> bool {
    let begins = label.first.plus_micros(-slack_us);
    let ends = label.last.plus_micros(slack_us);
    let overlaps = claim.first <= ends && claim.last >= begins;
    let names = |value: &str| {
        value == label.entity.value || label.also.iter().any(|entity| entity.value == value)
    };
    let came_from =
        || !claim.callers.is_empty() && claim.callers.iter().all(|caller| names(caller));
    overlaps && (claim.entity.split(" | ").any(names) || came_from())
}

fn note(outcome: &mut Outcome, label: &Label, claim: &Claim, judge: Judge) {
    outcome.alerts.push(claim.title.clone());
    let of_requirement = claim.requirements.contains(&label.requirement);
    let of_family = label.families.is_empty() || label.families.contains(&claim.family);
    let expected = judge == Judge::ByStatistics || of_requirement && of_family;
    if outcome.found || (label.attack && !expected) {
        return;
    }
    outcome.found = true;
    outcome.seconds = Some(seconds(claim.raised.since(label.first)));
    outcome.wall_seconds = claim
        .wall
        .zip(label.wall_first)
        .map(|(seen, sent)| seconds(seen.since(sent)));
}

#[allow(clippy::cast_precision_loss)] // microseconds of a bounded span
fn seconds(micros: i64) -> f64 {
    micros.max(0) as f64 / 1e6
}

#[allow(clippy::cast_precision_loss)] // counts of alerts
fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::super::{LabelEntity, LabelKind};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_772_359_200 + second)
    }

    fn label(name: &str, attack: bool, value: &str, families: &[&str]) -> Label {
        Label {
            name: name.to_owned(),
            attack,
            difficulty: attack.then_some(Difficulty::Easy),
            statistical: name == "unusual",
            twin_of: None,
            requirement: "sec-07".to_owned(),
            entity: LabelEntity {
                kind: LabelKind::Address,
                value: value.to_owned(),
            },
            also: vec![LabelEntity {
                kind: LabelKind::Client,
                value: format!("client-of-{name}"),
            }],
            families: families.iter().map(|&family| family.to_owned()).collect(),
            first: at(100),
            last: at(200),
            events: 10,
            wall_first: Some(at(0)),
        }
    }

    fn claim(entity: &str, family: &str, raised: i64) -> Claim {
        Claim {
            id: format!("{entity}/{family}"),
            family: family.to_owned(),
            title: format!("{family} by {entity}"),
            requirements: vec!["sec-07".to_owned()],
            entity: entity.to_owned(),
            callers: Vec::new(),
            first: at(raised),
            last: at(raised),
            raised: at(raised),
            wall: Some(at(3)),
        }
    }

    #[test]
    fn an_alert_on_a_person_is_about_the_caller_of_all_its_events() {
        let labels = [label("a", true, "203.0.113.1", &["injection"])];
        let by = |callers: &[&str]| {
            let callers = callers.iter().map(|caller| (*caller).to_owned()).collect();
            let claim = Claim {
                callers,
                ..claim("p_someone", "injection", 150)
            };
            score(&labels, &[claim], 10_000_000, Judge::default())
                .false_alarms
                .len()
        };
        assert_eq!(by(&["203.0.113.1", "203.0.113.1"]), 0);
        assert_eq!(by(&["203.0.113.1", "203.0.113.9"]), 1);
        assert_eq!(by(&[]), 1);
    }

    #[test]
    fn an_attack_is_found_by_its_entity_family_and_time() {
        let labels = [label("a", true, "203.0.113.1", &["injection"])];
        let score = |claim: Claim| score(&labels, &[claim], 10_000_000, Judge::default());
        let found = score(claim("203.0.113.1", "injection", 150));
        assert!(found.scenarios[0].found);
        assert_eq!(found.scenarios[0].seconds, Some(50.0));
        assert_eq!(found.scenarios[0].wall_seconds, Some(3.0));
        assert_eq!((found.precision, found.recall), (Some(1.0), Some(1.0)));
        assert!(score(claim("client-of-a | 10.0.0.1", "injection", 205)).scenarios[0].found);
        let other_family = score(claim("203.0.113.1", "rate", 150));
        assert!(!other_family.scenarios[0].found && other_family.false_alarms.is_empty());
        let mut other_requirement = claim("203.0.113.1", "injection", 150);
        other_requirement.requirements = vec!["sec-08".to_owned()];
        let other_requirement = score(other_requirement);
        assert!(!other_requirement.scenarios[0].found && other_requirement.false_alarms.is_empty());
        let other_time = score(claim("203.0.113.1", "injection", 500));
        assert!(!other_time.scenarios[0].found && other_time.false_alarms.len() == 1);
        assert_eq!(other_time.missed().count(), 1);
        assert_eq!(
            score(claim("203.0.113.2", "injection", 150)).recall,
            Some(0.0)
        );
    }

    #[test]
    fn an_alert_on_a_twin_is_a_false_alarm_with_its_name() {
        let labels = [
            label("a", true, "203.0.113.1", &[]),
            label("twin", false, "203.0.113.2", &[]),
        ];
        let claims = [
            claim("203.0.113.1", "x", 150),
            claim("203.0.113.2", "x", 150),
            claim("203.0.113.3", "x", 150),
        ];
        let score = score(&labels, &claims, 0, Judge::default());
        let twins: Vec<_> = score
            .false_alarms
            .iter()
            .map(|a| a.twin.as_deref())
            .collect();
        assert_eq!(twins, [Some("twin"), None]);
        assert_eq!(score.precision, Some(1.0 / 3.0));
        assert_eq!(score.recall, Some(1.0));
    }

    #[test]
    fn statistics_are_judged_by_entity_and_time_and_on_their_own_scenarios_alone() {
        let labels = [
            label("unusual", true, "203.0.113.1", &["injection"]),
            label("a", true, "203.0.113.2", &[]),
        ];
        let claims = ["203.0.113.1", "203.0.113.2"].map(|entity| Claim {
            requirements: vec!["sec-06".to_owned()],
            ..claim(entity, "behaviour", 150)
        });
        let score = score(&labels, &claims, 0, Judge::ByStatistics);
        let found: Vec<_> = score
            .scenarios
            .iter()
            .map(|o| (&*o.name, o.found))
            .collect();
        assert_eq!(found, [("unusual", true)]);
        assert!(score.false_alarms.is_empty());
        assert_eq!(score.recall, Some(1.0));
    }

    #[test]
    fn nothing_against_nothing_is_neither_good_nor_bad() {
        let score = score(&[], &[], 0, Judge::default());
        assert_eq!((score.precision, score.recall), (None, None));
    }
}
