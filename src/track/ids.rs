//! Ids that a replay finds again: UUID version 5 (RFC 9562, section 5.5) of what makes a finding or an alert the same one.

use uuid::Uuid;

use super::Entity;
use crate::event::Timestamp;

/// Namespace of finding ids. Never changes: stored alerts and mails rest on it.
const FINDINGS: Uuid = Uuid::from_u128(0x8d2c_5f1e_6b0a_4c53_9e47_1f60_aa3b_72d4);
/// Namespace of alert ids. Never changes.
const ALERTS: Uuid = Uuid::from_u128(0x3f97_08ce_d1b4_4e6a_8a15_c42e_97f0_5b61);

/// The id of a finding: rule, entity, and the start of the tumbling bucket of the event that made it fire.
#[must_use]
pub fn finding_id(rule: Uuid, entity: &Entity, bucket: Timestamp) -> Uuid {
    finding_id_within("", rule, entity, bucket)
}

/// The same of an entity that is weighed in several places at once, each of which finds for itself.
#[must_use]
pub fn finding_id_within(within: &str, rule: Uuid, entity: &Entity, bucket: Timestamp) -> Uuid {
    Uuid::new_v5(&FINDINGS, &name(rule.as_bytes(), entity, within, bucket))
}

/// The id of an alert: rule family, entity, within what it was weighed (mostly empty), and the start of the tumbling bucket of its first finding.
#[must_use]
pub fn alert_id(family: &str, entity: &Entity, within: &str, bucket: Timestamp) -> Uuid {
    Uuid::new_v5(&ALERTS, &name(family.as_bytes(), entity, within, bucket))
}

/// The parts, each behind its length, so that no two sequences of parts read the same. An empty `within` is no part.
fn name(what: &[u8], entity: &Entity, within: &str, bucket: Timestamp) -> Vec<u8> {
    let kind = entity.kind.name().as_bytes();
    let (value, within) = (entity.value.as_bytes(), within.as_bytes());
    let length = what.len() + kind.len() + value.len() + within.len();
    let mut bytes = Vec::with_capacity(length + 40);
    let parts = if within.is_empty() { 3 } else { 4 };
    for part in [what, kind, value, within].into_iter().take(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(&bucket.micros().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::EntityKind;

    #[test]
    fn ids_never_change() {
        let entity = Entity {
            kind: EntityKind::Client,
            value: "crm".into(),
        };
        let bucket = Timestamp::from_seconds(1_772_359_200);
        let rule = Uuid::from_u128(7);
        assert_eq!(
            finding_id(rule, &entity, bucket).to_string(),
            "03598a17-cfa5-568c-95bc-d94d46cff429"
        );
        assert_eq!(
            alert_id("injection", &entity, "", bucket).to_string(),
            "36ee7779-d9b0-577a-89a4-4ece92d77527"
        );
    }

    #[test]
    fn what_an_entity_was_weighed_within_makes_another_id() {
        let entity = Entity {
            kind: EntityKind::Client,
            value: "crm".into(),
        };
        let bucket = Timestamp::from_seconds(1_772_359_200);
        let rule = Uuid::from_u128(7);
        let alert = |within| alert_id("behaviour", &entity, within, bucket);
        let finding = |within| finding_id_within(within, rule, &entity, bucket);
        assert_eq!(finding(""), finding_id(rule, &entity, bucket));
        for ids in [
            ["", "faces", "plates"].map(alert),
            ["", "faces", "plates"].map(finding),
        ] {
            assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        }
        // Nor can the two be read as one longer name.
        let joined = Entity {
            value: "crmfaces".into(),
            ..entity.clone()
        };
        assert_ne!(alert("faces"), alert_id("behaviour", &joined, "", bucket));
    }
}
