//! Limits that the gateway has to enforce.

use serde_json::{Value, json};

use super::{counted, id};
use crate::contract::document::{Document, Limit, LimitOf};

pub(super) fn rules(document: &Document) -> Vec<Value> {
    let limits = document.limits.iter();
    limits.flat_map(|limit| of(document, limit)).collect()
}

fn of(document: &Document, limit: &Limit) -> [Value; 2] {
    let Limit {
        of,
        requests,
        within,
        operations,
    } = limit;
    let name = &document.integration;
    let (field, english, russian) = match of {
        LimitOf::Client => ("client_id", "one client", "одного клиента"),
        LimitOf::Subject => ("subject", "one subject", "одного субъекта"),
        LimitOf::Address => ("client_address", "one address", "одного адреса"),
        LimitOf::Integration => (
            "integration",
            "all clients together",
            "всех клиентов вместе",
        ),
    };
    let key = format!(
        "{name}/limit/{field}/{requests}/{within}/{}",
        operations.join(",")
    );
    let (call, over) = (id(&key, "call"), id(&key, "over"));
    let reference = format!("contract_{}", call.simple());
    let mut calls = json!({ "integration": name });
    if !operations.is_empty() {
        calls["operation"] = json!(operations);
    }
    let tags = [
        "attack.impact",
        "attack.t1499",
        "owasp.api4-2023",
        "requirement.sec-08",
    ];
    let counted = counted(
        (call, &reference),
        &tags,
        [
            format!("Call of {name} that no limit refused"),
            format!("Вызов {name}, не отклонённый ограничением"),
        ],
        &json!({"call": calls, "limited": {"status": 429}, "condition": "call and not limited"}),
    );
    let correlated = json!({
        "title": format!("Rate limit of {name} is not enforced: more than {requests} calls of {english} in {within}"),
        "id": over,
        "status": "stable",
        "description": "More calls came through than the contract allows, and the gateway did not refuse them by 429: the limit is missing, \
                        too wide, or counted by something else.",
        "tags": tags,
        "correlation": {
            "type": "event_count",
            "rules": [reference],
            "group-by": [field],
            "timespan": within.to_string(),
            "condition": {"gt": requests},
        },
        "falsepositives": ["A limiter with fixed windows lets up to twice as many through where two of them meet"],
        "level": "high",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Ограничение частоты {name} не действует: больше {requests} вызовов {russian} за {within}"),
            "description_ru": "Прошло больше вызовов, чем разрешает контракт, и шлюз не отклонил их ответом 429: ограничения нет, оно слишком широкое или считает что-то другое.",
            "falsepositives_ru": ["Ограничитель с фиксированными окнами пропускает на их стыке до двух раз больше"],
            "advice": "Set the limit of the contract at the gateway; ask the caller why it calls so often.",
            "advice_ru": "Задайте на шлюзе ограничение из договора; выясните у вызывающей стороны причину частых вызовов.",
        },
    });
    [counted, correlated]
}
