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
    Uuid::new_v5(&FINDINGS, &name(rule.as_bytes(), entity, bucket))
}

/// The id of an alert: rule family, entity, and the start of the tumbling bucket of its first finding.
#[must_use]
pub fn alert_id(family: &str, entity: &Entity, bucket: Timestamp) -> Uuid {
    Uuid::new_v5(&ALERTS, &name(family.as_bytes(), entity, bucket))
}

/// The parts, each behind its length, so that no two sequences of parts read the same.
fn name(what: &[u8], entity: &Entity, bucket: Timestamp) -> Vec<u8> {
    let kind = entity.kind.name().as_bytes();
    let value = entity.value.as_bytes();
    let mut bytes = Vec::with_capacity(what.len() + kind.len() + value.len() + 32);
    for part in [what, kind, value] {
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
            alert_id("injection", &entity, bucket).to_string(),
            "36ee7779-d9b0-577a-89a4-4ece92d77527"
        );
    }
}
