//! What an integration must keep to, in a few words each, for readers of mails.

use super::clean::Clean;
use super::words::say;
use crate::config::Locale;

/// Id, Russian, English.
const REQUIREMENTS: &[(&str, &str, &str)] = &[
    (
        "SEC-01",
        "данные передаются только по TLS 1.2 и новее",
        "data travels only over TLS 1.2 or newer",
    ),
    (
        "SEC-02",
        "хранимые данные зашифрованы (AES-256 или не слабее)",
        "stored data is encrypted (AES-256 or as strong)",
    ),
    (
        "SEC-03",
        "к API партнёра обращаются только доверенные системы",
        "only trusted systems call the partner's API",
    ),
    (
        "SEC-04",
        "права пользователей и сервисов разграничены ролями",
        "users and services act within their roles",
    ),
    (
        "SEC-05",
        "каждый запрос и ответ попадает в журнал",
        "every request and answer is journalled",
    ),
    (
        "SEC-06",
        "аномалии и несанкционированный доступ обнаруживаются",
        "anomalies and unauthorised access are found",
    ),
    (
        "SEC-07",
        "внешний API защищён межсетевым экраном и IDS/IPS",
        "firewalls and IDS/IPS guard the outside API",
    ),
    (
        "SEC-08",
        "число запросов ограничено",
        "the number of requests is limited",
    ),
    (
        "SEC-09",
        "соблюдаются 152-ФЗ и GDPR",
        "152-FZ and the GDPR are kept to",
    ),
    (
        "SEC-10",
        "передаются только необходимые данные",
        "only the data that is needed is passed on",
    ),
    (
        "AUT-01",
        "сервисы входят по токенам OAuth 2.0",
        "services use OAuth 2.0 access tokens",
    ),
    (
        "AUT-02",
        "токены живут недолго и обновляются через refresh token",
        "tokens live briefly and are renewed by refresh tokens",
    ),
    (
        "AUT-03",
        "запросы авторизуются по JWT",
        "requests are authorised by JWT",
    ),
    (
        "AUT-04",
        "токены подписаны, подделка отвергается",
        "tokens are signed and forgeries are refused",
    ),
    (
        "AUT-05",
        "доступ только с доверенных адресов",
        "only trusted addresses get in",
    ),
    (
        "AUT-06",
        "администраторы входят со вторым фактором",
        "administrators pass a second factor",
    ),
    (
        "INT-01",
        "всё взаимодействие идёт через шлюз",
        "everything goes through the gateway",
    ),
    (
        "INT-02",
        "вызовы REST несут токен и идентификатор ресурса",
        "REST calls carry a token and a resource id",
    ),
    (
        "INT-03",
        "данные синхронизируются по расписанию",
        "data is synchronised on schedule",
    ),
    (
        "INT-04",
        "изменения сообщаются через webhook сразу",
        "webhooks tell of changes at once",
    ),
    (
        "INT-05",
        "при сбое запрос повторяется",
        "failed calls are retried",
    ),
    (
        "INT-06",
        "при недоступности партнёра работает локальный кэш",
        "a local cache answers when the partner is down",
    ),
    (
        "INT-07",
        "перед запуском проведены испытания",
        "load and functional tests come before go-live",
    ),
    (
        "INT-08",
        "производительность и доступность партнёра под наблюдением",
        "the partner's performance and availability are watched",
    ),
];

/// Id and meaning of every requirement, English.
pub(crate) fn english() -> impl Iterator<Item = (&'static str, &'static str)> {
    REQUIREMENTS.iter().map(|(id, _, english)| (*id, *english))
}

/// The requirement that a tag `requirement.xxx-nn` names, with its meaning; `None` for other tags.
pub(crate) fn meaning(locale: Locale, tag: &str) -> Option<Clean> {
    let id = tag.strip_prefix("requirement.")?;
    let known = REQUIREMENTS
        .iter()
        .find(|(known, _, _)| known.eq_ignore_ascii_case(id));
    Some(match known {
        Some((id, russian, english)) => {
            Clean::fill("{}: {}", &[Clean::fixed(id), say(locale, russian, english)])
        }
        None => Clean::of(id, 40),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_told_with_its_meaning() {
        let told = meaning(Locale::Ru, "requirement.aut-06").unwrap();
        assert_eq!(
            told.as_str(),
            "AUT-06: администраторы входят со вторым фактором"
        );
    }

    #[test]
    fn all_twenty_four_are_there_and_others_are_shown_as_they_are() {
        assert_eq!(REQUIREMENTS.len(), 24);
        assert_eq!(
            meaning(Locale::En, "requirement.own-1").unwrap().as_str(),
            "own-1"
        );
        assert!(meaning(Locale::En, "attack.t1110").is_none());
    }
}
