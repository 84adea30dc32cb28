//! Calls that stand in the log of one side only.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{counted, id};
use crate::contract::document::{Calls, Document, SecondSource};

const TAGS: [&str; 4] = [
    "attack.defense-evasion",
    "attack.t1562",
    "owasp.api9-2023",
    "requirement.int-01",
];

pub(super) fn rules(document: &Document) -> Vec<Value> {
    let Some(source) = &document.second_source else {
        return Vec::new();
    };
    let SecondSource { within, calls } = source;
    let name = &document.integration;
    let key = format!("{name}/sides/{within}/{calls:?}");
    let [gateway, partner] = ["gateway", "partner"].map(|part| id(&key, part));
    let names = [gateway, partner].map(|id| format!("contract_{}", id.simple()));
    let mut ours = json!({"integration": name, "request_id|exists": true});
    match calls {
        Calls::Outbound => ours["direction"] = json!("outbound"),
        Calls::Inbound => ours["direction"] = json!("inbound"),
        Calls::All => {}
    }
    let through = counted(
        (gateway, &names[0]),
        &TAGS,
        [
            format!("Call of {name} through the gateway"),
            format!("Вызов {name} через шлюз"),
        ],
        &json!({
            "call": ours,
            "refused": {"decision": ["deny", "limit"]},
            "condition": "call and not refused",
        }),
    );
    let mut seen = counted(
        (partner, &names[1]),
        &TAGS,
        [
            format!("Call of {name} in the log of the partner"),
            format!("Вызов {name} в журнале партнёра"),
        ],
        &json!({"call": {"integration": name, "request_id|exists": true}, "condition": "call"}),
    );
    seen["logsource"]["category"] = json!("partner_log");
    let past = Side {
        key: &key,
        part: "past",
        rules: [&names[1], &names[0]],
        within: within.to_string(),
        least: 1,
        level: "high",
        title: format!("Call of {name} that the partner saw and no gateway did"),
        title_ru: format!("Партнёр получил вызов {name}, которого не было на шлюзе"),
        description: "The partner's log has calls that are in no gateway's: somebody reaches the partner past the gateway, where nothing is \
                      checked and nothing journalled, or the gateway has lost its records.",
        description_ru: "В журнале партнёра есть вызовы, которых нет в журнале ни одного шлюза: кто-то обращается к партнёру в обход шлюза, где ничего не проверяется и не записывается, или шлюз потерял записи.",
        false_positives: "Health checks of the partner that have a request id",
        false_positives_ru: "Проверки доступности у партнёра, имеющие номер запроса",
        advice: "Find out from the partner which address and client made the call; close that way.",
        advice_ru: "Узнайте у партнёра, с какого адреса и каким клиентом сделан вызов; закройте этот путь.",
    };
    let alone = Side {
        part: "alone",
        rules: [&names[0], &names[1]],
        least: 3,
        level: "medium",
        title: format!("Calls of {name} that the partner has no record of"),
        title_ru: format!("У партнёра нет записей о вызовах {name}"),
        description: "The gateway journalled calls that are not in the partner's log: they never arrived, went to somebody else, or the \
                      partner's log is not whole.",
        description_ru: "На шлюзе записаны вызовы, которых нет в журнале партнёра: они не дошли, ушли к кому-то другому, или журнал партнёра неполон.",
        false_positives: "A partner's log that is sent late",
        false_positives_ru: "Журнал партнёра отправляется с опозданием",
        advice: "See where the calls went (upstream address); ask the partner whether its log is whole.",
        advice_ru: "Проверьте, куда ушли вызовы (адрес вышестоящей системы); уточните у партнёра полноту журнала.",
        ..past.clone()
    };
    let mut rules = vec![through, seen];
    rules.extend(past.rules());
    rules.extend(alone.rules());
    rules
}

/// What one side has and the other has not.
#[derive(Clone)]
struct Side<'d> {
    key: &'d str,
    part: &'d str,
    /// What happened, and what has to stand beside it.
    rules: [&'d str; 2],
    within: String,
    /// How many within an hour are worth an alert.
    least: u32,
    level: &'d str,
    title: String,
    title_ru: String,
    description: &'d str,
    description_ru: &'d str,
    false_positives: &'d str,
    false_positives_ru: &'d str,
    advice: &'d str,
    advice_ru: &'d str,
}

impl Side<'_> {
    fn rules(&self) -> [Value; 2] {
        let of = |part: &str| -> Uuid { id(self.key, &format!("{}/{part}", self.part)) };
        let (single, many) = (of("single"), of("many"));
        let name = format!("contract_{}", single.simple());
        let absent = json!({
            "title": self.title,
            "id": single,
            "name": name,
            "status": "stable",
            "description": "Feeds a count that the contract asks for.",
            "tags": TAGS,
            "correlation": {
                "type": "absence",
                "rules": self.rules,
                "group-by": ["integration", "request_id"],
                "timespan": self.within,
            },
            "falsepositives": ["Counted only, never alerts by itself"],
            "level": "informational",
            "gatewatch": {
                "family": "contract", "title_ru": self.title_ru,
                "description_ru": "Составная часть подсчёта, которого требует контракт.",
                "falsepositives_ru": ["Только подсчёт, сам оповещений не создаёт"],
                "advice": "Nothing by itself.", "advice_ru": "Само по себе действий не требует.",
            },
        });
        let counted = json!({
            "title": self.title,
            "id": many,
            "status": "stable",
            "description": self.description,
            "tags": TAGS,
            "correlation": {
                "type": "event_count",
                "rules": [name],
                "group-by": ["integration"],
                "timespan": "1h",
                "condition": {"gte": self.least},
            },
            "falsepositives": [self.false_positives],
            "level": self.level,
            "gatewatch": {
                "family": "contract", "title_ru": self.title_ru, "description_ru": self.description_ru,
                "falsepositives_ru": [self.false_positives_ru],
                "advice": self.advice, "advice_ru": self.advice_ru,
            },
        });
        [absent, counted]
    }
}
