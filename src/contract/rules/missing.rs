//! What has to come: webhooks, and another attempt at a failed call.

use serde_json::{Value, json};

use super::{counted, id};
use crate::contract::document::{Document, Follow};
use crate::contract::words::Span;

/// Calls of one client within an hour that nobody tried again, for an alert: one may have had a reason.
const ABANDONED: u32 = 3;

pub(super) fn rules(document: &Document) -> Vec<Value> {
    let mut rules = Vec::new();
    if let Some(longest) = document.webhooks.longest_silence {
        rules.extend(silence(document, longest));
    }
    if let Some(follow) = &document.webhooks.follow {
        rules.extend(following(document, follow));
    }
    if let Some(within) = document.retries.within {
        rules.extend(retry(document, within));
    }
    rules
}

const WEBHOOK_TAGS: [&str; 1] = ["requirement.int-04"];

fn silence(document: &Document, longest: Span) -> [Value; 2] {
    let name = &document.integration;
    let key = format!("{name}/webhook-silence/{longest}");
    let (webhook, silent) = (id(&key, "webhook"), id(&key, "silent"));
    let reference = format!("contract_{}", webhook.simple());
    let counted = counted(
        (webhook, &reference),
        &WEBHOOK_TAGS,
        [format!("Webhook of {name}"), format!("Вебхук {name}")],
        &json!({
            "webhook": {"integration": name, "webhook_id|exists": true},
            "ours": {"direction": "outbound"},
            "condition": "webhook and not ours",
        }),
    );
    let absent = json!({
        "title": format!("No webhook of {name} for {longest}"),
        "id": silent,
        "status": "stable",
        "description": "The contract expects webhooks more often, and other records came all the while: the sender does not send, or what it \
                        sends does not arrive. Changes are not known here until then.",
        "tags": WEBHOOK_TAGS,
        "correlation": {
            "type": "absence_ordered",
            "rules": [reference],
            "group-by": ["integration"],
            "timespan": longest.to_string(),
        },
        "falsepositives": ["A holiday on which nothing changes"],
        "level": "medium",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Нет вебхуков {name} дольше {longest}"),
            "description_ru": "По контракту вебхуки приходят чаще, а другие записи всё это время шли: отправитель не отправляет, или отправленное не доходит. До тех пор об изменениях здесь не знают.",
            "falsepositives_ru": ["Праздник, когда ничего не меняется"],
            "advice": "Ask the sender whether deliveries fail or are switched off; run a synchronisation to catch up.",
            "advice_ru": "Выясните у отправителя, не отключена ли доставка и нет ли в ней ошибок; выполните синхронизацию, чтобы наверстать изменения.",
        },
    });
    [counted, absent]
}

fn following(document: &Document, follow: &Follow) -> [Value; 3] {
    let Follow { operations, within } = follow;
    let name = &document.integration;
    let key = format!("{name}/webhook-follow/{within}/{}", operations.join(","));
    let (change, webhook, none) = (id(&key, "change"), id(&key, "webhook"), id(&key, "none"));
    let names = [change, webhook].map(|id| format!("contract_{}", id.simple()));
    let changed = counted(
        (change, &names[0]),
        &WEBHOOK_TAGS,
        [
            format!("Change in {name} that a webhook has to tell of"),
            format!("Изменение в {name}, о котором должен сообщить вебхук"),
        ],
        &json!({
            "change": {"integration": name, "operation": operations, "status|lt": 300, "resource_id|exists": true},
            "condition": "change",
        }),
    );
    let told = counted(
        (webhook, &names[1]),
        &WEBHOOK_TAGS,
        [
            format!("Webhook of {name} about a resource"),
            format!("Вебхук {name} об объекте"),
        ],
        &json!({
            "webhook": {"integration": name, "webhook_id|exists": true, "resource_id|exists": true},
            "condition": "webhook",
        }),
    );
    let absent = json!({
        "title": format!("Change in {name} of which no webhook told within {within}"),
        "id": none,
        "status": "stable",
        "description": "Something was changed, and the webhook that the contract asks for did not come in time: the other side goes on with \
                        what is no longer so.",
        "tags": WEBHOOK_TAGS,
        "correlation": {
            "type": "absence_ordered",
            "rules": names,
            "group-by": ["integration", "resource_id"],
            "timespan": within.to_string(),
        },
        "falsepositives": ["A change that was taken back at once"],
        "level": "medium",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Об изменении в {name} не сообщил вебхук в течение {within}"),
            "description_ru": "Что-то изменено, а вебхук, которого требует контракт, вовремя не пришёл: другая сторона работает с тем, чего уже нет.",
            "falsepositives_ru": ["Изменение, сразу же отменённое"],
            "advice": "Look for the delivery at the sender; when many are missing, run a synchronisation and ask for the missed ones.",
            "advice_ru": "Найдите доставку у отправителя; если пропущено много, выполните синхронизацию и запросите недостающие.",
        },
    });
    [changed, told, absent]
}

fn retry(document: &Document, within: Span) -> [Value; 4] {
    let name = &document.integration;
    let attempts = document.retries.attempts;
    let last = attempts.map_or_else(|| "any".to_owned(), |attempts| attempts.to_string());
    let key = format!("{name}/retry/{within}/{last}");
    let [failed, again, none, many] =
        ["failed", "again", "none", "many"].map(|part| id(&key, part));
    let names = [failed, again, none].map(|id| format!("contract_{}", id.simple()));
    let tags = ["requirement.int-05"];
    let mut detection = json!({
        "failed": {"integration": name, "status|gte": 500, "request_id|exists": true},
        "condition": "failed",
    });
    if let Some(attempts) = attempts {
        detection["last"] = json!({"attempt|gte": attempts});
        detection["condition"] = json!("failed and not last");
    }
    let failed = counted(
        (failed, &names[0]),
        &tags,
        [
            format!("Call of {name} that failed and may be tried again"),
            format!("Неудачный вызов {name}, который можно повторить"),
        ],
        &detection,
    );
    let again = counted(
        (again, &names[1]),
        &tags,
        [
            format!("Another attempt at a call of {name}"),
            format!("Повторная попытка вызова {name}"),
        ],
        &json!({"again": {"integration": name, "attempt|gte": 2}, "condition": "again"}),
    );
    let absent = json!({
        "title": format!("Failed call of {name} that nobody tried again within {within}"),
        "id": none,
        "name": names[2],
        "status": "stable",
        "description": "Feeds a count that the contract asks for.",
        "tags": tags,
        "correlation": {
            "type": "absence_ordered",
            "rules": [names[0], names[1]],
            "group-by": ["client_id", "request_id"],
            "timespan": within.to_string(),
        },
        "falsepositives": ["Counted only, never alerts by itself"],
        "level": "informational",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Неудачный вызов {name} без повтора в течение {within}"),
            "description_ru": "Составная часть подсчёта, которого требует контракт.",
            "falsepositives_ru": ["Только подсчёт, сам оповещений не создаёт"],
            "advice": "Nothing by itself.", "advice_ru": "Само по себе действий не требует.",
        },
    });
    let many = json!({
        "title": format!("Client of {name} does not try failed calls again"),
        "id": many,
        "status": "stable",
        "description": "Calls failed at the other side and were not repeated in time, though the contract asks for it: what they carried is lost \
                        unless somebody notices.",
        "tags": tags,
        "correlation": {
            "type": "event_count",
            "rules": [names[2]],
            "group-by": ["client_id"],
            "timespan": "1h",
            "condition": {"gte": ABANDONED},
        },
        "falsepositives": ["A client that repeats calls under another request id"],
        "level": "medium",
        "gatewatch": {
            "family": "contract",
            "title_ru": format!("Клиент {name} не повторяет неудачные вызовы"),
            "description_ru": "Вызовы не удались на другой стороне и вовремя не повторены, хотя контракт этого требует: то, что они несли, потеряно, если никто не заметит.",
            "falsepositives_ru": ["Клиент повторяет вызовы под другим номером запроса"],
            "advice": "Ask the owner of the client whether its retries are switched off; send what the failed calls carried once more.",
            "advice_ru": "Выясните у владельца клиента, не отключены ли повторы; отправьте данные неудачных вызовов ещё раз.",
        },
    });
    [failed, again, absent, many]
}
