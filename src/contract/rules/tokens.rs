//! Tokens that serve once.

use serde_json::{Value, json};

use super::{counted, id};
use crate::contract::document::Document;

pub(super) fn rules(document: &Document) -> Vec<Value> {
    let mut rules = Vec::new();
    if document.tokens.one_time {
        rules.extend(one_time(document));
    }
    if document.tokens.refresh_rotation {
        rules.extend(refresh(document));
    }
    rules
}

fn one_time(document: &Document) -> [Value; 2] {
    let name = &document.integration;
    let key = format!("{name}/one-time");
    let (call, again) = (id(&key, "call"), id(&key, "again"));
    let reference = format!("contract_{}", call.simple());
    let tags = [
        "attack.credential-access",
        "attack.t1550.001",
        "owasp.api2-2023",
        "requirement.aut-03",
    ];
    let counted = counted(
        (call, &reference),
        &tags,
        [
            format!("Token of {name} that was taken"),
            format!("Принятый токен {name}"),
        ],
        &json!({
            "call": {"integration": name, "token_id|exists": true, "status|lt": 400},
            "condition": "call",
        }),
    );
    let correlated = json!({
        "title": format!("Token of {name} was taken twice, though it is for one call"),
        "id": again,
        "status": "stable",
        "description": "The contract asks for a token of its own for each call, and one token was accepted again: it may be a replay, and the \
                        gateway does not remember the ids that it has seen.",
        "tags": tags,
        "correlation": {
            "type": "event_count",
            "rules": [reference],
            "group-by": ["client_id", "token_id"],
            "timespan": "1d",
            "condition": {"gte": 2},
        },
        "falsepositives": ["A retry that the caller makes with the same token"],
        "level": "high",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Одноразовый токен {name} принят повторно"),
            "description_ru": "Контракт требует отдельного токена для каждого вызова, а один токен принят снова: возможно воспроизведение, и шлюз не помнит использованных идентификаторов.",
            "falsepositives_ru": ["Повтор вызова с тем же токеном"],
            "advice": "Let the gateway remember the ids of tokens until they expire; find out who called again.",
            "advice_ru": "Настройте на шлюзе учёт использованных идентификаторов токенов; установите, кто повторил вызов.",
        },
    });
    [counted, correlated]
}

fn refresh(document: &Document) -> [Value; 2] {
    let name = &document.integration;
    let key = format!("{name}/refresh");
    let (call, again) = (id(&key, "call"), id(&key, "again"));
    let reference = format!("contract_{}", call.simple());
    let tags = [
        "attack.credential-access",
        "attack.t1528",
        "owasp.api2-2023",
        "requirement.aut-02",
    ];
    let renewed = counted(
        (call, &reference),
        &tags,
        [
            format!("Refresh token of {name} that renewed"),
            format!("Обновление токена {name}"),
        ],
        &json!({
            "call": {"integration": name, "grant": "refresh_token", "token_id|exists": true, "status|lt": 300},
            "condition": "call",
        }),
    );
    let correlated = json!({
        "title": format!("Refresh token of {name} was used twice"),
        "id": again,
        "status": "stable",
        "description": "A refresh token that serves once renewed twice: one of the two who hold it got it by theft, or the token endpoint does \
                        not take used ones out of service (RFC 9700, 4.14.2).",
        "tags": tags,
        "correlation": {
            "type": "event_count",
            "rules": [reference],
            "group-by": ["client_id", "token_id"],
            "timespan": "30d",
            "condition": {"gte": 2},
        },
        "falsepositives": ["A client that never got the answer and asks again with the old token"],
        "level": "high",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Токен обновления {name} использован дважды"),
            "description_ru": "Одноразовый токен обновления сработал дважды: один из двух его владельцев получил его кражей, или сервер токенов не выводит использованные из обращения (RFC 9700, 4.14.2).",
            "falsepositives_ru": ["Клиент не получил ответа и повторяет запрос со старым токеном"],
            "advice": "Revoke the whole chain of tokens of this client and let it log in anew; compare the addresses of both calls.",
            "advice_ru": "Отзовите всю цепочку токенов клиента и потребуйте повторного входа; сравните адреса обоих вызовов.",
        },
    });
    [renewed, correlated]
}
