//! What the detectors say of themselves.

use std::sync::Arc;

use uuid::Uuid;

use crate::sigma::{Level, RuleMeta};

/// Id of the detector of request rates; findings carry it as their rule.
pub const REQUEST_RATE: Uuid = Uuid::from_u128(0x5c0b_19f6_2e5d_4d0e_b3a4_7a61_08d9_5e12);
/// The same of the detector of shared request ids.
pub(super) const SHARED_ID: Uuid = Uuid::from_u128(0x2f9e_6b0c_53d7_4c41_9a4e_d3c8_71b6_0a55);

/// All of them.
pub(crate) fn metas() -> Vec<Arc<RuleMeta>> {
    [request_rate(), shared_id()].map(Arc::new).to_vec()
}

fn request_rate() -> RuleMeta {
    RuleMeta {
        id: REQUEST_RATE,
        title: "Far more requests than this client's own past explains".to_owned(),
        title_ru: Some("Запросов намного больше, чем бывает у этого клиента".to_owned()),
        description: "The requests of a client in one minute are far above what its own past lets expect at this hour of the week. \
                      That is what a flood, a scraper, a stolen key or a retry loop looks like."
            .to_owned(),
        description_ru: Some(
            "Число запросов клиента за минуту намного выше того, что следует из его прошлого для этого часа недели. Так выглядят флуд, сбор данных, украденный ключ или зацикленные повторы."
                .to_owned(),
        ),
        family: "rate".to_owned(),
        level: Level::Medium,
        tags: ["requirement.sec-06", "requirement.sec-08", "owasp.api4", "attack.t1499"]
            .map(str::to_owned)
            .to_vec(),
        false_positives: [
            "A backfill after an outage",
            "A client that was moved to a larger set of objects",
        ]
        .map(str::to_owned)
        .to_vec(),
        false_positives_ru: [
            "Догрузка данных после сбоя",
            "Клиент, переведённый на больший набор объектов",
        ]
        .map(str::to_owned)
        .to_vec(),
        advice: Some(
            "Look at which operations the additional requests went to and how they were answered. Ask the owner of the client; limit the client when nobody knows of it."
                .to_owned(),
        ),
        advice_ru: Some(
            "Посмотрите, к каким операциям шли лишние запросы и как на них отвечали. Спросите владельца клиента; если о нагрузке никто не знает, ограничьте клиента."
                .to_owned(),
        ),
        entity: None,
        shadow: false,
    }
}

fn shared_id() -> RuleMeta {
    RuleMeta {
        id: SHARED_ID,
        title: "Many requests of a client stand in the log under one id".to_owned(),
        title_ru: Some("Много запросов клиента записано под одним номером".to_owned()),
        description: "Ten requests of one client or more have the same request id within half an hour. Which answer belongs to which request can \
                      no longer be told, so the journal proves nothing for them: the client or something before the gateway sets ids by hand."
            .to_owned(),
        description_ru: Some(
            "Не меньше десяти запросов одного клиента за полчаса имеют один и тот же номер. Какой ответ относится к какому запросу, уже не узнать, и журнал для них ничего не доказывает: клиент или что-то перед шлюзом задаёт номера само."
                .to_owned(),
        ),
        family: "journal".to_owned(),
        level: Level::Medium,
        tags: ["requirement.sec-05", "attack.t1562"].map(str::to_owned).to_vec(),
        false_positives: ["A client that goes on trying the same request for half an hour".to_owned()].to_vec(),
        false_positives_ru: ["Клиент, который полчаса повторяет один и тот же запрос".to_owned()].to_vec(),
        advice: Some(
            "Count the events of the client by request_id in ClickHouse. Have the gateway set the id itself and pass on that of the caller in a field of its own."
                .to_owned(),
        ),
        advice_ru: Some(
            "Посчитайте события клиента по request_id в ClickHouse. Пусть шлюз присваивает номер сам, а номер вызывающей стороны передаёт отдельным полем."
                .to_owned(),
        ),
        entity: None,
        shadow: false,
    }
}
