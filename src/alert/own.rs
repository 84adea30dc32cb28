//! Alerts of gatewatch about itself: a part that is down, records that were lost, rows that do not add up.
//!
//! They go the way of every alert, so they are stored, published and mailed like the others. Their family is [`FAMILY`]: who is
//! to be mailed about the service itself is a matter of the recipient's families.

use uuid::Uuid;

use super::Alert;
use crate::event::Timestamp;
use crate::sigma::{Level, RuleMeta};
use crate::track::{Entity, EntityKind, Reason, ServiceState, alert_id};

/// The family of these alerts.
pub const FAMILY: &str = "gatewatch";

/// `part` has not answered since `since`; `error` is what it or the network said last.
#[must_use]
pub fn unreachable(part: &str, since: Timestamp, now: Timestamp, error: &str) -> Alert {
    let words = Words {
        id: Uuid::from_u128(0x0bb6_6f44_5b5f_4a9b_9d1f_3c2e_77a0_1c01),
        title: "A part of gatewatch does not answer",
        title_ru: "Часть gatewatch не отвечает",
        description: "Rules go on and nothing is lost: what cannot be stored waits in memory, then in Kafka. Analysts see nothing newer until \
                      the part answers, and what Kafka drops by its retention before that is gone.",
        description_ru: "Правила работают, ничего не теряется: то, что нельзя сохранить, ждёт в памяти, затем в Kafka. Аналитики не видят ничего нового, пока часть не ответит; то, что Kafka до этого удалит по сроку хранения, пропадёт.",
        advice: "Look at the server, its disk and the network between. Compare how long Kafka keeps the topic with how long this may take.",
        advice_ru: "Проверьте сервер, его диск и сеть. Сравните срок хранения топика в Kafka со временем, которое может занять ремонт.",
    };
    let state = ServiceState::Unreachable {
        error: error.chars().take(400).collect(),
    };
    Alert {
        last: now,
        ..alert(&words, part.to_owned(), state, since)
    }
}

/// Records `[begin, end)` of a partition were gone from Kafka before they were read.
#[must_use]
pub fn lost(topic: &str, partition: i32, begin: i64, end: i64, now: Timestamp) -> Alert {
    let words = Words {
        id: Uuid::from_u128(0x0bb6_6f44_5b5f_4a9b_9d1f_3c2e_77a0_1c02),
        title: "Records were lost before they were read",
        title_ru: "Записи пропали до того, как были прочитаны",
        description: "Kafka no longer has a range of records that gatewatch has not read: its retention was shorter than an outage, the topic \
                      was cut, or the group's offsets expired. The range is in dead_letters as `offsets_lost`.",
        description_ru: "В Kafka больше нет диапазона записей, которые gatewatch не прочитал: срок хранения короче простоя, топик урезан или истекли смещения группы. Диапазон записан в dead_letters как `offsets_lost`.",
        advice: "Ask the gateway's own log for the time of the gap. Keep the topic longer than the longest outage that you plan for.",
        advice_ru: "Возьмите записи за это время из журнала самого шлюза. Храните топик дольше самого долгого ожидаемого простоя.",
    };
    Alert {
        // The same range is the same alert, whenever and however often it is found.
        id: Uuid::new_v5(
            &words.id,
            format!("{topic}/{partition}/{begin}-{end}").as_bytes(),
        ),
        count: end.abs_diff(begin),
        ..alert(
            &words,
            format!("{topic}/{partition}"),
            ServiceState::Lost { begin, end },
            now,
        )
    }
}

/// The rows of the recovered range `[begin, end)` are not as many as the records that were read again.
#[must_use]
pub fn miscounted(
    source: (&str, i32),
    (begin, end): (i64, i64),
    (expected, stored): (u64, u64),
    now: Timestamp,
) -> Alert {
    let (topic, partition) = source;
    let words = Words {
        id: Uuid::from_u128(0x0bb6_6f44_5b5f_4a9b_9d1f_3c2e_77a0_1c03),
        title: "Stored rows do not add up",
        title_ru: "Число сохранённых записей не сходится",
        description: "After a crash the range was stored again and counted, and the count is not that of the records. Something else wrote to \
                      the tables, or ClickHouse no longer knew what it had.",
        description_ru: "После сбоя диапазон был записан заново и пересчитан, и число строк не равно числу записей. В таблицы писал кто-то ещё, или ClickHouse не помнит, что уже получил.",
        advice: "Compare the topic with `events` and `dead_letters` for these offsets before you rely on counts of that time.",
        advice_ru: "Сравните топик с таблицами events и dead_letters для этих смещений, прежде чем опираться на счётчики за это время.",
    };
    let state = ServiceState::Miscounted {
        begin,
        end,
        expected,
        stored,
    };
    Alert {
        id: Uuid::new_v5(
            &words.id,
            format!("{topic}/{partition}/{begin}-{end}").as_bytes(),
        ),
        ..alert(&words, format!("{topic}/{partition}"), state, now)
    }
}

/// What a kind of alert says of itself.
struct Words {
    id: Uuid,
    title: &'static str,
    title_ru: &'static str,
    description: &'static str,
    description_ru: &'static str,
    advice: &'static str,
    advice_ru: &'static str,
}

fn alert(words: &Words, part: String, state: ServiceState, first: Timestamp) -> Alert {
    let entity = Entity {
        kind: EntityKind::Part,
        value: part.into(),
    };
    Alert {
        id: alert_id(FAMILY, &entity, "", first),
        revision: 1,
        rule: RuleMeta {
            id: words.id,
            title: words.title.to_owned(),
            title_ru: Some(words.title_ru.to_owned()),
            description: words.description.to_owned(),
            description_ru: Some(words.description_ru.to_owned()),
            family: FAMILY.to_owned(),
            level: Level::High,
            tags: vec!["requirement.sec-05".to_owned()],
            false_positives: Vec::new(),
            false_positives_ru: Vec::new(),
            advice: Some(words.advice.to_owned()),
            advice_ru: Some(words.advice_ru.to_owned()),
            entity: None,
            shadow: false,
        },
        rules: vec![words.id],
        entity,
        first,
        last: first,
        count: 1,
        findings: 1,
        reason: Reason::Service { state },
        evidence: Vec::new(),
        notes: Vec::new(),
        shadow: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_loss_is_the_same_alert_and_an_outage_is_named_by_its_start() {
        let at = Timestamp::from_seconds;
        let first = lost("gateway", 3, 10, 15, at(100));
        assert_eq!(first.id, lost("gateway", 3, 10, 15, at(900)).id);
        assert_ne!(first.id, lost("gateway", 4, 10, 15, at(100)).id);
        assert_eq!(first.count, 5);
        let down = unreachable("ClickHouse", at(100), at(160), "refused");
        assert_eq!(
            down.id,
            unreachable("ClickHouse", at(100), at(500), "timeout").id
        );
        assert_ne!(
            down.id,
            unreachable("ClickHouse", at(200), at(260), "refused").id
        );
    }

    #[test]
    fn they_survive_the_topic() {
        let alert = miscounted(("gateway", 0), (5, 9), (4, 3), Timestamp::from_seconds(7));
        let record = super::super::ocsf::encode(&alert).unwrap();
        assert_eq!(super::super::ocsf::decode(&record).unwrap(), alert);
    }
}
