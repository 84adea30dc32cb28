//! Plans and matches for tests.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    CorrelationKey, CorrelationSpec, Entity, EntityKind, Evidence, Goes, Match, Packed, Plan,
    RulePlan, Turn,
};
use crate::config;
use crate::event::{Field, Position, Timestamp};
use crate::sigma::{Condition, CorrelationKind, Level, RuleMeta};

pub(crate) fn meta(number: u128, family: &str, level: Level) -> Arc<RuleMeta> {
    Arc::new(RuleMeta {
        id: Uuid::from_u128(number),
        title: format!("rule {number}"),
        title_ru: None,
        description: String::new(),
        description_ru: None,
        false_positives_ru: Vec::new(),
        family: family.to_owned(),
        level,
        tags: Vec::new(),
        false_positives: Vec::new(),
        advice: None,
        advice_ru: None,
        entity: None,
        shadow: false,
    })
}

pub(crate) fn rule(number: u128, alerts: bool) -> RulePlan {
    RulePlan {
        meta: meta(number, "injection", Level::Medium),
        alerts,
        content: 1,
    }
}

pub(crate) fn correlation(
    number: u128,
    distinct: bool,
    threshold: u32,
    seconds: i64,
) -> CorrelationSpec {
    let kind = if distinct {
        CorrelationKind::ValueCount {
            fields: vec![Field::Path],
        }
    } else {
        CorrelationKind::EventCount
    };
    CorrelationSpec {
        meta: meta(number, "guessing", Level::High),
        kind,
        members: 1,
        timespan_us: seconds * 1_000_000,
        condition: Condition::at_least(f64::from(threshold)),
        alerts: true,
        level: 0,
        content: 1,
    }
}

/// Rule 0 alerts; rule 1 feeds an event count (0) and a value count (1), three in a minute each.
pub(crate) fn plan(settings: config::Track) -> Plan {
    let rules = vec![rule(1, true), rule(2, false)];
    let correlations = vec![correlation(11, false, 3, 60), correlation(12, true, 3, 60)];
    Plan::new(rules, correlations, settings)
}

pub(crate) fn client(name: &str) -> Entity {
    Entity {
        kind: EntityKind::Client,
        value: name.into(),
    }
}

pub(crate) fn evidence(time: Timestamp, position: Position) -> Evidence {
    Evidence {
        time,
        position,
        request_id: compact_str::format_compact!("r{}", position.offset),
        client_address: None,
        client_id: "".into(),
        subject: "".into(),
        token_id: "".into(),
        integration: "".into(),
        method: "GET".into(),
        target: "/".into(),
        status: 200,
        user_agent: "".into(),
        hits: Vec::new(),
    }
}

/// The matches of a rule of [`plan`].
pub(crate) fn matched(
    rule: u32,
    position: Position,
    time: Timestamp,
    turn: Turn,
    name: &str,
    value: u64,
) -> Vec<Match> {
    let key = |correlation| {
        Goes::Correlation(CorrelationKey {
            correlation,
            group: client(name),
            value: Some(value),
            above: Box::default(),
        })
    };
    let goes = if rule == 1 {
        vec![key(0), key(1)]
    } else {
        vec![Goes::Finding(client(name))]
    };
    let matched = |goes| Match {
        rule,
        offset: position.offset,
        time,
        due: turn.due,
        late: turn.late,
        goes,
        evidence: Packed::of(&evidence(time, position)),
    };
    goes.into_iter().map(matched).collect()
}
