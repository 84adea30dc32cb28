//! An alert on the topic: JSON as an OCSF Detection Finding, the whole alert under `unmapped.gatewatch`.
//!
//! Other products read the OCSF attributes, gatewatch reads its own part, so nothing is lost on the way.
//! Source: <https://schema.ocsf.io/1.4.0/classes/detection_finding>.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use thiserror::Error;

use super::Alert;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::track::{Evidence, Reason};

/// A record longer than this is not read: an alert with ten sample events stays far below it.
pub const MAX_BYTES: usize = 1 << 20;

const VERSION: &str = "1.4.0";
const CLASS: u32 = 2004;

/// Why an alert could not be written or read.
#[derive(Debug, Error)]
pub enum OcsfError {
    /// A time outside the years that RFC 3339 can write, or a number that is not finite: the reader would not get it back.
    #[error("alert {id}: {what} has no exact JSON form")]
    NotExact {
        /// Id of the alert.
        id: uuid::Uuid,
        /// What it is.
        what: &'static str,
    },
    /// The record is larger than [`MAX_BYTES`].
    #[error("a record of {bytes} bytes is too long for an alert (limit {MAX_BYTES})")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, or without `unmapped.gatewatch`, or another class.
    #[error("not a gatewatch alert: {0}")]
    Malformed(String),
}

/// The record for the topic.
///
/// # Errors
/// [`OcsfError::NotExact`] when the alert holds a time or a number that JSON cannot carry.
pub fn encode(alert: &Alert) -> Result<Vec<u8>, OcsfError> {
    check_exact(alert)?;
    let unmapped = serde_json::to_value(alert)
        .map_err(|error| OcsfError::Malformed(format!("cannot be written: {error}")))?;
    let mut record = detection_finding(alert);
    record["unmapped"] = json!({ "gatewatch": unmapped });
    Ok(record.to_string().into_bytes())
}

/// The alert in a record of the topic.
///
/// # Errors
/// When the record is too long, not JSON or not one of ours. The message never quotes the record.
pub fn decode(record: &[u8]) -> Result<Alert, OcsfError> {
    #[derive(Deserialize)]
    struct Record {
        class_uid: u32,
        unmapped: Unmapped,
    }
    #[derive(Deserialize)]
    struct Unmapped {
        gatewatch: Alert,
    }
    if record.len() > MAX_BYTES {
        return Err(OcsfError::TooLong {
            bytes: record.len(),
        });
    }
    // sonic-rs reads numbers to the last bit; serde_json does so only with a feature that slows every other reader.
    let record: Record = sonic_rs::from_slice(record).map_err(|error| {
        OcsfError::Malformed(format!(
            "line {}, column {}: {}",
            error.line(),
            error.column(),
            category(&error)
        ))
    })?;
    if record.class_uid != CLASS {
        return Err(OcsfError::Malformed(format!(
            "class {} where {CLASS} was expected",
            record.class_uid
        )));
    }
    Ok(record.unmapped.gatewatch)
}

/// The kind of error without the words of the record, which `Display` would quote.
fn category(error: &sonic_rs::Error) -> &'static str {
    if error.is_eof() {
        "ends too early"
    } else if error.is_syntax() {
        "not JSON"
    } else {
        "a field is missing or of another type"
    }
}

fn check_exact(alert: &Alert) -> Result<(), OcsfError> {
    let id = alert.id;
    let writable = |time: Timestamp| jiff::Timestamp::from_microsecond(time.micros()).is_ok();
    let stamps = alert
        .evidence
        .iter()
        .flat_map(|evidence| std::iter::once(evidence.time).chain(evidence.position.stamped));
    if !stamps.chain([alert.first, alert.last]).all(writable) {
        return Err(OcsfError::NotExact { id, what: "a time" });
    }
    if let Reason::Baseline {
        observed,
        expected,
        probability,
        features,
        ..
    } = &alert.reason
        && !features
            .iter()
            .flat_map(|it| [&it.observed, &it.expected, &it.probability])
            .chain([observed, expected, probability])
            .all(|number| number.is_finite())
    {
        return Err(OcsfError::NotExact {
            id,
            what: "a number of the baseline",
        });
    }
    Ok(())
}

fn detection_finding(alert: &Alert) -> Json {
    let activity = if alert.revision <= 1 { 1 } else { 2 };
    json!({
        "activity_id": activity,
        "activity_name": if activity == 1 { "Create" } else { "Update" },
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "is_alert": !alert.shadow,
        "severity_id": severity_id(alert.rule.level),
        "severity": severity(alert.rule.level),
        "status_id": if activity == 1 { 1 } else { 2 },
        "status": if activity == 1 { "New" } else { "In Progress" },
        "time": millis(alert.last),
        "start_time": millis(alert.first),
        "end_time": millis(alert.last),
        "count": alert.count,
        "message": alert.rule.title,
        "metadata": {
            "version": VERSION,
            "uid": format!("{}.{}", alert.id, alert.revision),
            "product": {
                "name": "gatewatch",
                "vendor_name": "gatewatch",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "labels": alert.rule.tags,
        },
        "finding_info": finding_info(alert),
        "evidences": alert.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "resources": [{ "type": alert.entity.kind.name(), "uid": alert.entity.value.as_str() }],
    })
}

fn finding_info(alert: &Alert) -> Json {
    let (kind, kind_id) = match &alert.reason {
        Reason::Pattern { .. } | Reason::Correlation { .. } => ("Rule", 1),
        Reason::Baseline { .. } | Reason::Expectation { .. } => ("Statistical", 3),
        Reason::Service { .. } => ("Other", 99),
    };
    json!({
        "uid": alert.id,
        "title": alert.rule.title,
        "desc": alert.rule.description,
        "types": [alert.rule.family],
        "first_seen_time": millis(alert.first),
        "last_seen_time": millis(alert.last),
        "analytic": { "uid": alert.rule.id, "name": alert.rule.title, "type": kind, "type_id": kind_id },
        "related_analytics": alert.rules.iter().map(|rule| json!({
            "uid": rule, "type": kind, "type_id": kind_id,
        })).collect::<Vec<_>>(),
        "attacks": attacks(&alert.rule.tags),
    })
}

/// Techniques of the tags `attack.tNNNN` and `attack.tNNNN.NNN` (MITRE ATT&CK).
fn attacks(tags: &[String]) -> Vec<Json> {
    tags.iter()
        .filter_map(|tag| tag.strip_prefix("attack."))
        .filter(|id| {
            id.strip_prefix(['t', 'T']).is_some_and(|number| {
                !number.is_empty()
                    && number
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
        })
        .map(|id| {
            let id = id.to_ascii_uppercase();
            match id.split_once('.') {
                Some((technique, _)) => {
                    json!({ "technique": { "uid": technique }, "sub_technique": { "uid": id } })
                }
                None => json!({ "technique": { "uid": id } }),
            }
        })
        .collect()
}

fn evidence(evidence: &Evidence) -> Json {
    let mut record = json!({
        "http_request": {
            "http_method": evidence.method.as_str(),
            "uid": evidence.request_id.as_str(),
            "url": { "path": evidence.target.as_str() },
            "user_agent": evidence.user_agent.as_str(),
        },
        "data": {
            "time": millis(evidence.time),
            "partition": evidence.position.partition,
            "offset": evidence.position.offset,
        },
    });
    if let Some(address) = evidence.client_address {
        record["src_endpoint"] = json!({ "ip": address });
    }
    if !evidence.client_id.is_empty() {
        record["actor"] = json!({ "app_uid": evidence.client_id.as_str() });
    }
    if !evidence.subject.is_empty() {
        record["actor"]["user"] = json!({ "uid": evidence.subject.as_str() });
    }
    if !evidence.integration.is_empty() {
        record["api"] = json!({ "service": { "name": evidence.integration.as_str() } });
    }
    if evidence.status != 0 {
        record["http_response"] = json!({ "code": evidence.status });
    }
    record
}

fn millis(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000)
}

fn severity_id(level: Level) -> u8 {
    match level {
        Level::Informational => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Informational => "Informational",
        Level::Low => "Low",
        Level::Medium => "Medium",
        Level::High => "High",
        Level::Critical => "Critical",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::event::Position;
    use crate::sigma::RuleMeta;
    use crate::track::EntityKind;
    use crate::track::{Entity, Feature, Note, PatternHit};

    fn alert(reason: Reason, text: &str, micros: i64, count: u64) -> Alert {
        let time = Timestamp::from_micros(micros);
        let hit = PatternHit {
            field: "path".into(),
            pattern: text.into(),
        };
        Alert {
            id: Uuid::from_u128(7),
            revision: count,
            rule: RuleMeta {
                id: Uuid::from_u128(8),
                title: text.to_owned(),
                title_ru: Some(text.to_owned()),
                description: text.to_owned(),
                description_ru: None,
                false_positives_ru: Vec::new(),
                family: "web".to_owned(),
                level: Level::High,
                tags: vec![
                    "attack.t1110.003".to_owned(),
                    "requirement.sec-06".to_owned(),
                ],
                false_positives: vec![],
                advice: None,
                advice_ru: None,
                entity: Some(crate::event::Field::ClientId),
                shadow: false,
            },
            rules: vec![Uuid::from_u128(8)],
            entity: Entity {
                kind: EntityKind::Client,
                value: text.into(),
            },
            first: time,
            last: time,
            count,
            findings: count,
            reason,
            evidence: vec![Evidence {
                time,
                position: Position {
                    partition: 3,
                    offset: i64::MAX,
                    stamped: Some(time),
                },
                request_id: text.into(),
                client_address: Some("2001:db8::1".parse().unwrap()),
                client_id: text.into(),
                subject: text.into(),
                token_id: text.into(),
                integration: text.into(),
                method: "GET".into(),
                target: text.into(),
                status: 200,
                user_agent: text.into(),
                hits: vec![hit],
            }],
            notes: vec![Note::Text(text.to_owned())],
            shadow: false,
        }
    }

    fn baseline(probability: f64) -> Reason {
        Reason::Baseline {
            metric: "requests a minute".to_owned(),
            observed: probability * 3.0,
            expected: probability / 7.0,
            probability,
            features: vec![Feature {
                metric: "requests a minute".to_owned(),
                value: "x".to_owned(),
                observed: probability * 5.0,
                expected: 0.1,
                probability: probability / 3.0,
            }],
        }
    }

    proptest! {
        #[test]
        fn every_alert_comes_back_to_the_last_bit(
            text in any::<String>(),
            probability in proptest::num::f64::POSITIVE,
            micros in -62_135_596_800_000_000_i64..253_402_000_000_000_000,
            count in any::<u64>(),
        ) {
            let probability = probability.min(1e300);
            let alert = alert(baseline(probability), &text, micros, count);
            prop_assert_eq!(decode(&encode(&alert).unwrap()).unwrap(), alert);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn an_alert_from_before_there_were_features_is_read() {
        let told = alert(baseline(1e-6), "x", 0, 1);
        let mut stored = serde_json::to_value(&told).unwrap();
        stored["reason"].as_object_mut().unwrap().remove("features");
        let Reason::Baseline {
            metric, features, ..
        } = serde_json::from_value::<Alert>(stored).unwrap().reason
        else {
            panic!("a baseline");
        };
        assert_eq!((metric.as_str(), features), ("requests a minute", vec![]));
    }

    #[test]
    fn the_record_has_the_attributes_that_ocsf_requires() {
        let record = encode(&alert(
            Reason::Pattern { hits: vec![] },
            "x",
            1_772_359_200_250_999,
            1,
        ))
        .unwrap();
        let record: Json = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["class_uid"], 2004);
        assert_eq!(record["type_uid"], 200_401);
        assert_eq!(record["severity_id"], 4);
        assert_eq!(record["time"], 1_772_359_200_250_i64);
        assert_eq!(
            record["finding_info"]["attacks"][0]["sub_technique"]["uid"],
            "T1110.003"
        );
        assert_eq!(
            record["finding_info"]["attacks"].as_array().unwrap().len(),
            1
        );
        assert_eq!(record["metadata"]["product"]["name"], "gatewatch");
        assert_eq!(record["evidences"][0]["src_endpoint"]["ip"], "2001:db8::1");
    }

    #[test]
    fn a_later_revision_is_an_update() {
        let record = encode(&alert(Reason::Pattern { hits: vec![] }, "x", 0, 2)).unwrap();
        let record: Json = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["type_uid"], 200_402);
    }

    #[test]
    fn what_json_cannot_carry_is_an_error_and_not_another_alert() {
        assert!(encode(&alert(baseline(f64::NAN), "x", 0, 1)).is_err());
        assert!(encode(&alert(baseline(0.5), "x", i64::MAX, 1)).is_err());
    }

    #[test]
    fn a_malformed_record_is_not_quoted() {
        let error =
            decode(br#"{"class_uid":2004,"unmapped":{"gatewatch":{"id":"ivan@example.org"}}}"#)
                .unwrap_err();
        assert!(!error.to_string().contains("ivan"), "{error}");
    }
}
