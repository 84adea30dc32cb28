//! Writes down what changed in rules, exceptions and silences: the rules in force against what the audit last said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::retry::patiently;
use crate::event::Timestamp;
use crate::notify::now;
use crate::sigma::{Exception, RuleMeta, RuleSet, RuleSource};
use crate::store::{AuditRow, AuditState, Store};

/// Longest wait before expiries are looked at again.
const MOST_PATIENCE: Duration = Duration::from_hours(1);

/// Writes changes down until `stop`: at the start, whenever other rules are in force, and when an exception expires.
pub async fn run(
    store: Arc<Store>,
    mut in_force: watch::Receiver<Arc<RuleSet>>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let rules = in_force.borrow_and_update().clone();
        let recorded = tokio::select! {
            () = record(&store, &rules) => true,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        if !recorded {
            return;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            changed = in_force.changed() => if changed.is_err() {
                return; // the service is gone
            },
            () = tokio::time::sleep(until_expiry(&rules, now())) => {}
        }
    }
}

async fn record(store: &Store, rules: &RuleSet) {
    let known = patiently("audit", |_| {}, || store.audit_states()).await;
    let changes = changes(&objects(rules), &known, now());
    if !changes.is_empty() {
        patiently("audit", |_| {}, || store.record_changes(&changes)).await;
    }
}

fn until_expiry(rules: &RuleSet, now: Timestamp) -> Duration {
    let to_come = rules
        .exceptions()
        .iter()
        .map(|exception| exception.expires.since(now))
        .filter(|micros| *micros > 0);
    let micros = to_come.min().and_then(|micros| u64::try_from(micros).ok());
    let wait = micros.map_or(MOST_PATIENCE, Duration::from_micros);
    wait.min(MOST_PATIENCE) + Duration::from_millis(10)
}

/// What is audited.
struct Object {
    kind: &'static str,
    actor: String,
    title: String,
    detail: String,
    expires: Option<Timestamp>,
}

fn objects(rules: &RuleSet) -> BTreeMap<String, Object> {
    let of_rules = rules
        .rules()
        .iter()
        .map(|rule| of_rule("rule", &rule.meta, &rule.source));
    let of_correlations = rules
        .correlations()
        .iter()
        .map(|rule| of_rule("correlation", &rule.meta, &rule.source));
    let of_exceptions = rules.exceptions().iter().map(of_exception);
    of_rules
        .chain(of_correlations)
        .chain(of_exceptions)
        .collect()
}

fn of_rule(kind: &'static str, meta: &RuleMeta, source: &RuleSource) -> (String, Object) {
    let detail = json!({
        "level": meta.level.name(),
        "shadow": meta.shadow,
        "file": source.path,
        "content": format!("{:016x}", source.content),
    });
    let object = Object {
        kind,
        actor: "files".to_owned(),
        title: meta.title.clone(),
        detail: detail.to_string(),
        expires: None,
    };
    (meta.id.to_string(), object)
}

fn of_exception(exception: &Exception) -> (String, Object) {
    let detail = json!({
        "owner": exception.owner,
        "reason": exception.reason,
        "expires": exception.expires.to_string(),
        "for_any_rule": exception.is_for_any,
        "file": exception.source.path,
        "content": format!("{:016x}", exception.source.content),
    });
    let object = Object {
        kind: exception.kind.name(),
        actor: exception.owner.clone(),
        title: exception.title.clone(),
        detail: detail.to_string(),
        expires: Some(exception.expires),
    };
    (exception.id.to_string(), object)
}

/// What has to be added to the audit so that it says what is in force.
fn changes(
    objects: &BTreeMap<String, Object>,
    known: &[AuditState],
    now: Timestamp,
) -> Vec<AuditRow> {
    let mut changes = Vec::new();
    for (id, object) in objects {
        let last = known
            .iter()
            .find(|state| state.object == *id && state.object_kind == object.kind);
        let mut push = |action| {
            changes.push(AuditRow {
                time: now,
                actor: object.actor.clone(),
                action,
                object_kind: object.kind.to_owned(),
                object: id.clone(),
                title: object.title.clone(),
                detail: object.detail.clone(),
                before: last.map_or(0, |state| state.micros),
            });
        };
        let action = last.map(|state| state.action.as_str());
        let is_same = last.is_some_and(|state| state.detail == object.detail);
        match action {
            None | Some("removed") => push("added"),
            Some(_) if !is_same => push("changed"),
            Some(_) => {}
        }
        let is_expired = object.expires.is_some_and(|expires| expires <= now);
        if is_expired && !(is_same && action == Some("expired")) {
            push("expired");
        }
    }
    for state in known {
        let is_there = objects
            .get(&state.object)
            .is_some_and(|object| object.kind == state.object_kind);
        if !is_there && state.action != "removed" {
            changes.push(AuditRow {
                time: now,
                actor: "files".to_owned(),
                action: "removed",
                object_kind: state.object_kind.clone(),
                object: state.object.clone(),
                title: state.title.clone(),
                detail: state.detail.clone(),
                before: state.micros,
            });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(expires: &str, reason: &str) -> RuleSet {
        let text = format!(
            "title: Denied\nname: denied\nlogsource: {{category: api_gateway}}\ndetection: {{s: {{status: 403}}, condition: s}}\n---\n\
             title: The office\nlogsource: {{category: api_gateway}}\nfilter: {{rules: any, s: {{client_id: desk}}, condition: not s}}\n\
             gatewatch: {{silence: {{owner: anna, reason: {reason}, expires: {expires}}}}}\n"
        );
        RuleSet::from_sources(&[("rules/a.yml".into(), text)]).unwrap_or_else(|e| panic!("{e}"))
    }

    /// What the audit says after some changes.
    fn after(known: &[AuditState], changes: &[AuditRow]) -> Vec<AuditState> {
        let mut states = known.to_vec();
        for change in changes {
            states.retain(|state| state.object != change.object);
            states.push(AuditState {
                object_kind: change.object_kind.clone(),
                object: change.object.clone(),
                title: change.title.clone(),
                action: change.action.to_owned(),
                detail: change.detail.clone(),
                micros: change.time.micros(),
            });
        }
        states
    }

    #[test]
    fn each_change_is_written_once() {
        let at = |seconds: i64| Timestamp::from_seconds(1_790_000_000 + seconds);
        let expires = at(100).to_string();
        let actions = |rows: &[AuditRow]| -> Vec<(String, &str)> {
            rows.iter()
                .map(|row| (row.object_kind.clone(), row.action))
                .collect()
        };
        let mut known = Vec::new();
        let mut step = |rules: Option<RuleSet>, now| {
            let objects = rules.as_ref().map(objects).unwrap_or_default();
            let rows = changes(&objects, &known, now);
            known = after(&known, &rows);
            let mut found = actions(&rows);
            found.sort();
            found
        };
        let pair = |kind: &str, action| (kind.to_owned(), action);
        let first = step(Some(rules(&expires, "test")), at(0));
        assert_eq!(first, [pair("rule", "added"), pair("silence", "added")]);
        assert_eq!(step(Some(rules(&expires, "test")), at(1)), []);
        let edited = step(Some(rules(&expires, "longer")), at(2));
        assert_eq!(edited, [pair("silence", "changed")]);
        let late = step(Some(rules(&expires, "longer")), at(100));
        assert_eq!(late, [pair("silence", "expired")]);
        assert_eq!(step(Some(rules(&expires, "longer")), at(101)), []);
        let gone = step(None, at(102));
        assert_eq!(gone, [pair("rule", "removed"), pair("silence", "removed")]);
        assert_eq!(step(None, at(103)), []);
    }
}
