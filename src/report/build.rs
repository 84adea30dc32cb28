//! Asks the store and draws the lines.

use super::checks;
use super::{AlertLine, Attested, Check, Day, Line, Report, Retention, Sample, Verdict};
use crate::contract::Document;
use crate::event::{Fact, Field, Timestamp};
use crate::requirement::{REQUIREMENTS, Requirement};
use crate::sigma::RuleSet;
use crate::store::{
    DayCalls, FactCall, FactDay, FactRule, IntegrationAlert, Scope, Store, StoreError,
};

const DAY_US: i64 = 86_400_000_000;
/// Rules that are named for a fact.
const RULES: usize = 5;
/// Alerts that are shown of a requirement.
const ALERTS: usize = 10;

/// All that the store says.
struct Found {
    calls: Vec<DayCalls>,
    facts: Vec<FactDay>,
    examples: Vec<FactCall>,
    rules: Vec<FactRule>,
    alerts: Vec<IntegrationAlert>,
    /// Fields that checks need, and how many calls show each.
    shown: Vec<(Field, u64)>,
    oldest: Option<i64>,
}

/// Builds the report of a contract's integration over `[from, until)`.
///
/// # Errors
/// When ClickHouse cannot be reached or refuses.
pub async fn build(
    store: &Store,
    contract: &Document,
    rules: &RuleSet,
    events_days: u32,
    (from, until): (Timestamp, Timestamp),
    made: Timestamp,
) -> Result<Report, StoreError> {
    let scope = Scope {
        integration: &contract.integration,
        from,
        until,
    };
    let found = ask(store, scope).await?;
    let retention = retention(contract, events_days, found.oldest, made);
    let lines = REQUIREMENTS
        .iter()
        .map(|requirement| line(requirement, contract, rules, scope, &found));
    let requirements: Vec<Line> = lines.collect();
    let contacts = contract.contacts.iter().map(|contact| {
        let ways = [contact.mail.as_deref(), contact.phone.as_deref()];
        let ways: Vec<&str> = ways.into_iter().flatten().collect();
        (contact.role.clone(), contact.name.clone(), ways.join(", "))
    });
    Ok(Report {
        integration: contract.integration.clone(),
        title: contract.title.clone(),
        owner: (contract.owner.name.clone(), contract.owner.mail.clone()),
        contacts: contacts.collect(),
        valid: (
            contract.valid.from.to_string(),
            contract.valid.until.to_string(),
        ),
        acceptance: contract
            .acceptance
            .as_ref()
            .map(|it| (it.by.clone(), it.on.to_string(), it.report.clone())),
        from,
        until,
        made,
        days: days(&found),
        requirements,
        retention,
    })
}

async fn ask(store: &Store, scope: Scope<'_>) -> Result<Found, StoreError> {
    let mut fields: Vec<Field> = Fact::ALL
        .iter()
        .filter_map(|fact| checks::needs(*fact))
        .collect();
    fields.sort_unstable();
    fields.dedup();
    let counts = store.fields_shown(scope, &fields).await?;
    Ok(Found {
        calls: store.calls_by_day(scope).await?,
        facts: store.facts_by_day(scope).await?,
        examples: store.fact_examples(scope).await?,
        rules: store.fact_rules(scope).await?,
        alerts: store.alerts_of(scope).await?,
        shown: fields.into_iter().zip(counts).collect(),
        oldest: store.oldest_event().await?,
    })
}

impl Found {
    fn total(&self) -> u64 {
        self.calls.iter().map(|day| day.calls).sum()
    }

    /// Calls that show what a fact needs.
    fn on(&self, fact: Fact) -> u64 {
        match checks::needs(fact) {
            None => self.total(),
            Some(field) => {
                let shown = self.shown.iter().find(|(known, _)| *known == field);
                shown.map_or(0, |(_, count)| *count)
            }
        }
    }
}

fn line(
    requirement: &'static Requirement,
    contract: &Document,
    rules: &RuleSet,
    scope: Scope<'_>,
    found: &Found,
) -> Line {
    let facts = Fact::ALL
        .iter()
        .filter(|fact| checks::requirement(**fact) == Some(requirement.id));
    let checks: Vec<Check> = facts
        .map(|fact| check(*fact, contract, rules, scope, found))
        .collect();
    let tag = format!("requirement.{}", requirement.tag);
    let of_it = found
        .alerts
        .iter()
        .filter(|alert| alert.tags.contains(&tag));
    let alerts: Vec<AlertLine> = of_it.map(alert_line).collect();
    let attestations: Vec<Attested> = contract
        .attestations
        .iter()
        .filter(|attestation| attestation.requirement == requirement.id)
        .map(|it| Attested {
            says: it.says.clone(),
            by: it.by.clone(),
            on: it.on.to_string(),
            until: it.until.to_string(),
            counts: it.on.begins() <= scope.from.micros()
                && scope.until.micros() <= it.until.ends(),
        })
        .collect();
    let watched = found.total() > 0
        && (checks::is_watched(requirement.id) || checks::promises(requirement.id, contract));
    Line {
        id: requirement.id,
        section: requirement.section,
        clause: requirement.clause,
        meaning: (requirement.russian, requirement.english),
        verdict: verdict(&checks, watched, &alerts, &attestations),
        checks,
        watched,
        alerts_total: u64::try_from(alerts.len()).unwrap_or(u64::MAX),
        alerts: alerts.into_iter().take(ALERTS).collect(),
        attestations,
        unseen: checks::unseen(requirement.id),
    }
}

fn verdict(
    checks: &[Check],
    watched: bool,
    alerts: &[AlertLine],
    attestations: &[Attested],
) -> Verdict {
    // That an attestation has run out is told as that, not as a call that should have been refused.
    let on_calls = || {
        checks
            .iter()
            .filter(|check| check.fact != Fact::AttestationExpired.name())
    };
    let is_serious = |alert: &AlertLine| !matches!(alert.level.as_str(), "informational" | "low");
    if on_calls().any(|check| check.allowed > 0) {
        Verdict::Breached
    } else if alerts.iter().any(is_serious) {
        Verdict::Alarmed
    } else if attestations.iter().any(|attested| !attested.counts) {
        Verdict::AttestationExpired
    } else if on_calls().any(|check| check.refused > 0) {
        Verdict::Refused
    } else if watched || on_calls().any(|check| check.agreed && check.on > 0) {
        Verdict::Kept
    } else if attestations.is_empty() {
        Verdict::NotObservable
    } else {
        Verdict::Attested
    }
}

fn check(
    fact: Fact,
    contract: &Document,
    rules: &RuleSet,
    scope: Scope<'_>,
    found: &Found,
) -> Check {
    let of_fact = || found.facts.iter().filter(|day| day.fact == fact.name());
    let examples = found
        .examples
        .iter()
        .filter(|call| call.fact == fact.name());
    Check {
        fact: fact.name(),
        says: (checks::russian(fact).unwrap_or_default(), fact.doc().trim()),
        agreed: checks::is_agreed(fact, contract),
        field: checks::needs(fact).map(Field::name),
        on: found.on(fact),
        allowed: of_fact().map(|day| day.allowed).sum(),
        refused: of_fact().map(|day| day.refused).sum(),
        days: of_fact()
            .map(|day| (begin(day.day), day.allowed, day.refused))
            .collect(),
        samples: examples.map(sample).collect(),
        rules: rules_on(fact, rules, found),
        query: Store::fact_query(scope, fact),
    }
}

/// Titles of the rules on the fact's requirement that matched calls with it.
fn rules_on(fact: Fact, rules: &RuleSet, found: &Found) -> Vec<String> {
    let requirement = checks::requirement(fact).and_then(Requirement::named);
    let is_on_it = |tag: &String| {
        let id = tag.strip_prefix("requirement.");
        id.is_some_and(|id| requirement.is_some_and(|it| it.tag == id))
    };
    let title = |id: &str| {
        let mut known = rules.rules().iter();
        let rule = known.find(|rule| rule.meta.id.to_string() == id);
        match rule {
            Some(rule) => rule
                .meta
                .tags
                .iter()
                .any(is_on_it)
                .then(|| rule.meta.title.clone()),
            // Of an older set of rules: its id at least.
            None => Some(id.to_owned()),
        }
    };
    let of_fact = found.rules.iter().filter(|it| it.fact == fact.name());
    of_fact
        .filter_map(|it| title(&it.rule))
        .take(RULES)
        .collect()
}

fn sample(call: &FactCall) -> Sample {
    Sample {
        time: Timestamp::from_micros(call.micros),
        request_id: call.request_id.clone(),
        operation: call.operation.clone(),
        client: call.client.clone(),
        status: call.status,
    }
}

fn alert_line(alert: &IntegrationAlert) -> AlertLine {
    AlertLine {
        id: alert.id.clone(),
        title: alert.title.clone(),
        level: alert.level.clone(),
        entity: alert.entity.clone(),
        first: Timestamp::from_micros(alert.first),
        last: Timestamp::from_micros(alert.last),
        count: alert.count,
    }
}

fn begin(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(DAY_US))
}

fn days(found: &Found) -> Vec<Day> {
    let breaches = |day: i64| {
        let counts = found.facts.iter().filter(|it| {
            let fact = Fact::from_name(&it.fact);
            it.day == day && fact.is_some_and(|fact| checks::requirement(fact).is_some())
        });
        counts.map(|it| it.allowed).sum()
    };
    let lines = found.calls.iter().map(|calls| Day {
        day: begin(calls.day),
        calls: calls.calls,
        refused: calls.refused,
        failed: calls.failed,
        breaches: breaches(calls.day),
    });
    lines.collect()
}

fn retention(
    contract: &Document,
    events_days: u32,
    oldest: Option<i64>,
    made: Timestamp,
) -> Retention {
    let limit = made.micros() - (i64::from(events_days) + 1) * DAY_US;
    Retention {
        events_days,
        agreed_days: contract.retention.map(|span| span.micros / DAY_US),
        oldest: oldest.map(Timestamp::from_micros),
        overrun: oldest.is_some_and(|oldest| oldest < limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fact: Fact, agreed: bool, on: u64, allowed: u64, refused: u64) -> Check {
        Check {
            fact: fact.name(),
            says: ("", ""),
            agreed,
            field: None,
            on,
            allowed,
            refused,
            days: Vec::new(),
            samples: Vec::new(),
            rules: Vec::new(),
            query: String::new(),
        }
    }

    fn attested(counts: bool) -> Attested {
        Attested {
            says: String::new(),
            by: String::new(),
            on: String::new(),
            until: String::new(),
            counts,
        }
    }

    fn alert(level: &str) -> AlertLine {
        AlertLine {
            id: String::new(),
            title: String::new(),
            level: level.to_owned(),
            entity: String::new(),
            first: Timestamp::MIN,
            last: Timestamp::MIN,
            count: 1,
        }
    }

    #[test]
    fn what_was_not_seen_is_never_kept() {
        let tls = |agreed, on| [check(Fact::TlsBelow, agreed, on, 0, 0)];
        assert_eq!(verdict(&tls(true, 5), false, &[], &[]), Verdict::Kept);
        assert_eq!(
            verdict(&tls(true, 0), false, &[], &[]),
            Verdict::NotObservable
        );
        assert_eq!(
            verdict(&tls(false, 5), false, &[], &[]),
            Verdict::NotObservable
        );
        assert_eq!(verdict(&[], true, &[], &[]), Verdict::Kept);
        assert_eq!(
            verdict(&[], false, &[], &[attested(true)]),
            Verdict::Attested
        );
    }

    #[test]
    fn the_worst_is_told() {
        let allowed = [check(Fact::TlsBelow, true, 5, 1, 3)];
        let refused = [check(Fact::TlsBelow, true, 5, 0, 3)];
        assert_eq!(
            verdict(&allowed, true, &[alert("high")], &[]),
            Verdict::Breached
        );
        assert_eq!(
            verdict(&refused, true, &[alert("high")], &[]),
            Verdict::Alarmed
        );
        assert_eq!(
            verdict(&refused, true, &[alert("low")], &[]),
            Verdict::Refused
        );
        let run_out = [check(Fact::AttestationExpired, true, 5, 5, 0)];
        assert_eq!(
            verdict(&run_out, false, &[], &[attested(false)]),
            Verdict::AttestationExpired
        );
    }
}
