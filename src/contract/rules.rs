//! What of a contract takes more than one call to see, as Sigma: counted by the same correlations as everything else, so exact in event
//! time, bounded, and recovered after a kill.
//!
//! An id follows from the integration and from what is counted, so an edit elsewhere in the contract keeps windows and exceptions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::compile::Contracts;
use super::document::{Document, Limit, LimitOf};

/// Namespace of the ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f7a_1f0e_52c4_4d0b_9a57_3d0c_b1e8_77a4);

/// Rules of one contract, as a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedRules {
    /// The integration.
    pub integration: String,
    /// Sigma, one document a rule.
    pub text: String,
}

impl Contracts {
    /// The rules of each contract that has any.
    #[must_use]
    pub fn rules(&self) -> Vec<GeneratedRules> {
        let rules = self.documents().map(|document| GeneratedRules {
            integration: document.integration.clone(),
            text: text(&of(document)),
        });
        rules.filter(|rules| !rules.text.is_empty()).collect()
    }
}

fn text(rules: &[Value]) -> String {
    let documents: Vec<String> = rules.iter().map(ToString::to_string).collect();
    documents.join("\n---\n")
}

fn of(document: &Document) -> Vec<Value> {
    let mut rules = Vec::new();
    for limit in &document.limits {
        rules.extend(limit_rules(document, limit));
    }
    if document.tokens.one_time {
        rules.extend(one_time_rules(document));
    }
    rules
}

fn limit_rules(document: &Document, limit: &Limit) -> [Value; 2] {
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
            "advice": "Set the limit of the contract at the gateway; ask the caller why it calls so often.",
            "advice_ru": "Задайте на шлюзе ограничение из договора; выясните у вызывающей стороны причину частых вызовов.",
        },
    });
    [counted, correlated]
}

fn one_time_rules(document: &Document) -> [Value; 2] {
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
            "advice": "Let the gateway remember the ids of tokens until they expire; find out who called again.",
            "advice_ru": "Настройте на шлюзе учёт использованных идентификаторов токенов; установите, кто повторил вызов.",
        },
    });
    [counted, correlated]
}

/// A rule that only feeds a count; it has this id and name, and these titles in English and Russian.
fn counted(
    (id, name): (Uuid, &str),
    tags: &[&str],
    [title, title_ru]: [String; 2],
    detection: &Value,
) -> Value {
    json!({
        "title": title,
        "id": id,
        "name": name,
        "status": "stable",
        "description": "Feeds a count that the contract asks for.",
        "tags": tags,
        "logsource": {"product": "gatewatch", "category": "api_gateway"},
        "detection": detection,
        "falsepositives": ["Counted only, never alerts by itself"],
        "level": "informational",
        "gatewatch": {
            "family": "contract", "entity": "client_id", "title_ru": title_ru,
            "advice": "Nothing by itself.", "advice_ru": "Само по себе действий не требует.",
        },
    })
}

fn id(key: &str, part: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{key}/{part}").as_bytes())
}
