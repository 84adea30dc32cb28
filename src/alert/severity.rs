//! Severity of an alert: the level of its rule, weighed by how sure it is and by what is at stake.
//!
//! Where the contract of an integration says that a breach of it does much harm, what is sure counts one level more; where it does little, what is not sure
//! counts one level less. A rule that matched is sure; statistics are when it is very improbable that all is normal.

use super::Alert;
use crate::impact::Impact;
use crate::sigma::Level;
use crate::track::{Expectations, Note, Reason};

/// Statistics are sure below this probability.
const SURE: f64 = 1e-6;

/// Sets the level of an alert, and says so in a note where it is not its rule's.
pub(super) fn weigh(alert: &mut Alert, expectations: &Expectations) {
    if !expectations.weighs() {
        return;
    }
    let integrations = alert.integrations().into_iter();
    let at_stake = integrations.map(|name| (expectations.impact(name), name));
    let Some((impact, name)) = at_stake.max() else {
        return;
    };
    let level = alert.rule.level;
    let weighed = match (impact, is_sure(&alert.reason)) {
        (Impact::High, true) => raised(level),
        (Impact::Low, false) => lowered(level),
        _ => level,
    };
    if weighed != level {
        alert.notes.push(Note::Weighed {
            from: level,
            to: weighed,
            integration: name.into(),
            impact,
        });
        alert.rule.level = weighed;
    }
}

fn is_sure(reason: &Reason) -> bool {
    match reason {
        Reason::Baseline { probability, .. } => *probability < SURE,
        Reason::Pattern { .. } | Reason::Correlation { .. } | Reason::Expectation { .. } => true,
        Reason::Service { .. } => false,
    }
}

fn raised(level: Level) -> Level {
    match level {
        Level::Medium => Level::High,
        Level::High => Level::Critical,
        other => other,
    }
}

fn lowered(level: Level) -> Level {
    match level {
        Level::High => Level::Medium,
        Level::Medium => Level::Low,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::samples;

    fn expectations(impact: Impact) -> Expectations {
        Expectations::default().with_impacts([("residents".into(), impact)])
    }

    fn level(mut alert: Alert, impact: Impact) -> (Level, usize) {
        let notes = alert.notes.len();
        weigh(&mut alert, &expectations(impact));
        (alert.rule.level, alert.notes.len() - notes)
    }

    #[test]
    fn what_is_sure_counts_more_where_much_is_at_stake() {
        let sure = samples::correlation();
        assert_eq!(sure.rule.level, Level::High);
        assert_eq!(level(sure.clone(), Impact::High), (Level::Critical, 1));
        assert_eq!(level(sure.clone(), Impact::Moderate), (Level::High, 0));
        assert_eq!(level(sure, Impact::Low), (Level::High, 0));
    }

    #[test]
    fn what_is_not_sure_counts_less_where_little_is() {
        let mut odd = samples::baseline();
        odd.rule.level = Level::Medium;
        let Reason::Baseline { probability, .. } = &mut odd.reason else {
            panic!("statistics");
        };
        *probability = 1e-4;
        assert_eq!(level(odd.clone(), Impact::Low), (Level::Low, 1));
        assert_eq!(level(odd.clone(), Impact::High), (Level::Medium, 0));
        odd.evidence.clear();
        odd.entity.kind = crate::track::EntityKind::Gateway;
        assert_eq!(
            level(odd, Impact::Low),
            (Level::Medium, 0),
            "of no integration"
        );
    }
}
