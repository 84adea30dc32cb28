//! What the detector says of itself.

use std::sync::Arc;

use uuid::Uuid;

use crate::sigma::{Level, RuleMeta};

/// Id of the detector; findings carry it as their rule.
pub(super) const BEHAVIOUR: Uuid = Uuid::from_u128(0x7be1_40a9_3f0d_4c5b_8d2e_9a61_c0f4_7d33);

pub(in crate::track) fn metas() -> Vec<Arc<RuleMeta>> {
    vec![Arc::new(RuleMeta {
        id: BEHAVIOUR,
        title: "Behaviour unlike itself and unlike its like".to_owned(),
        title_ru: Some("Поведение не похоже ни на прежнее, ни на поведение подобных".to_owned()),
        description: "What a person, client, address, service or operation did in an hour is unlike its own past and unlike its like: an amount that changed, several amounts \
                      together, records of others, or something that it never showed before, such as a network, a suite, a grant, an operation, a field or a sign in a parameter."
            .to_owned(),
        description_ru: Some(
            "То, что человек, клиент, адрес, сервис или операция сделали за час, не похоже ни на их прошлое, ни на поведение подобных: изменилась величина или несколько величин вместе, читались чужие записи, появилось то, чего раньше не было: сеть, набор шифров, вид доступа, операция, поле или знак в параметре."
                .to_owned(),
        ),
        family: "behaviour".to_owned(),
        level: Level::Medium,
        tags: [
            "requirement.sec-06",
            "requirement.sec-08",
            "requirement.sec-10",
            "owasp.api1",
            "owasp.api6",
            "attack.t1078",
            "attack.t1530",
        ]
        .map(str::to_owned)
        .to_vec(),
        false_positives: [
            "A new release of the client",
            "A task that comes once in a while, such as a yearly export",
        ]
        .map(str::to_owned)
        .to_vec(),
        false_positives_ru: [
            "Новая версия клиента",
            "Редкая задача, например ежегодная выгрузка",
        ]
        .map(str::to_owned)
        .to_vec(),
        advice: Some(
            "Look at what the features name: which operations and records, from where, how answered. Ask the person or the owner of the client whether it was them."
                .to_owned(),
        ),
        advice_ru: Some(
            "Посмотрите на названные признаки: какие операции и записи, откуда, с каким ответом. Спросите человека или владельца клиента, их ли это действия."
                .to_owned(),
        ),
        entity: None,
        shadow: false,
    })]
}
