//! What detectors count, in the reader's language.

use super::clean::Clean;
use crate::config::Locale;
use crate::track::NEW;

/// The name of a metric; one that nobody translated stays as it is.
pub(crate) fn name(metric: &str, locale: Locale) -> Clean {
    let named = match locale {
        Locale::Ru => russian(metric),
        Locale::En => None,
    };
    named.unwrap_or_else(|| Clean::of(metric, 80))
}

fn russian(metric: &str) -> Option<Clean> {
    match metric.strip_prefix(NEW) {
        Some(kind) => Some(Clean::fill(
            "часов с новым значением «{}»",
            &[found(KINDS, kind)?],
        )),
        None => found(METRICS, metric),
    }
}

/// What can be new, in Russian; what nobody translated stays as it is.
pub(super) fn russian_kind(kind: &str) -> Clean {
    found(KINDS, kind).unwrap_or_else(|| Clean::of(kind, 80))
}

fn found(names: &[(&str, &'static str)], it: &str) -> Option<Clean> {
    let found = names.iter().find(|(name, _)| *name == it);
    found.map(|(_, russian)| Clean::fixed(russian))
}

const METRICS: &[(&str, &str)] = &[
    ("requests a minute", "запросов в минуту"),
    (
        "calls a minute, fewer than usual",
        "вызовов в минуту, меньше обычного",
    ),
    (
        "calls a minute, more than usual",
        "вызовов в минуту, больше обычного",
    ),
    ("share of failed calls", "доля неудачных вызовов"),
    ("calls an hour", "вызовов в час"),
    ("minutes with calls", "минут с вызовами за час"),
    ("calls in a busy minute", "вызовов в минуту с вызовами"),
    ("different records an hour", "разных записей в час"),
    ("records of others an hour", "чужих записей в час"),
    (
        "records of other persons an hour",
        "записей других лиц в час",
    ),
    ("different operations an hour", "разных операций в час"),
    ("different addresses an hour", "разных адресов в час"),
    (
        "different user agents an hour",
        "разных программ-клиентов в час",
    ),
    ("refused calls an hour", "отклонённых вызовов в час"),
    (
        "calls for what is not there",
        "обращений к несуществующему в час",
    ),
    ("failed calls an hour", "сбоев в час"),
    ("changes an hour", "изменений в час"),
    ("records answered an hour", "записей в ответах за час"),
    ("bytes answered a call", "байт в ответе на вызов"),
    ("milliseconds a call", "миллисекунд на вызов"),
    (
        "bits of surprise in the order of calls",
        "бит неожиданности в порядке вызовов",
    ),
    (
        "evenness of the gaps between calls",
        "равномерность промежутков между вызовами",
    ),
];

/// What can be new.
const KINDS: &[(&str, &str)] = &[
    ("TLS version and suite", "версия TLS и набор шифров"),
    (
        "issuer, audience and algorithm of tokens",
        "издатель, получатель и алгоритм токенов",
    ),
    ("key of tokens", "ключ токенов"),
    ("OAuth grant", "способ получения токена OAuth"),
    ("roles", "роли"),
    ("scopes", "области доступа"),
    (
        "second factor and outcome of the token",
        "второй фактор и итог проверки токена",
    ),
    (
        "type of resource, purpose and legal basis",
        "вид ресурса, цель и правовое основание",
    ),
    ("gateway", "шлюз"),
    ("egress address", "исходящий адрес"),
    ("host", "хост"),
    ("upstream", "сервер за шлюзом"),
    ("country", "страна"),
    ("user agent", "программа-клиент"),
    ("client", "клиент"),
    ("operation", "операция"),
    ("answer of an operation", "ответ операции"),
    ("content type of an operation", "тип содержимого операции"),
    (
        "fields sent by an operation",
        "поля, отправляемые операцией",
    ),
    (
        "fields received by an operation",
        "поля, получаемые от операции",
    ),
    (
        "query parameters of an operation",
        "параметры запроса операции",
    ),
    ("network", "сеть"),
    (
        "signs side by side in a query parameter",
        "соседние знаки в параметре запроса",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::features;

    #[test]
    fn every_feature_has_a_russian_name() {
        let names = features();
        assert!(names.len() > 30, "{}", names.len());
        for name in names {
            let russian = super::name(&name, Locale::Ru);
            assert_ne!(russian.as_str(), name, "not translated");
        }
        let unknown = super::name("calls\u{202e} a day", Locale::Ru);
        assert_eq!(unknown.as_str(), "calls\u{fffd} a day");
    }
}
