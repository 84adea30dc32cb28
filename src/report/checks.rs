//! What of each requirement can be checked on calls: facts, the fields that they need, and what no log shows.

use crate::contract::{Document, requirement_of};
use crate::event::{Fact, Field};

/// The requirement that a fact is about; `None` for those that only help others.
pub(crate) fn requirement(fact: Fact) -> Option<&'static str> {
    requirement_of(fact).or(match fact {
        Fact::TlsNone | Fact::TlsOld | Fact::TlsWeakSuite => Some("SEC-01"),
        Fact::ClockAhead => Some("SEC-05"),
        Fact::AttackSqli | Fact::AttackXss | Fact::PathTraversal => Some("SEC-07"),
        Fact::PersonalEmail
        | Fact::PersonalPhone
        | Fact::PersonalPlate
        | Fact::PersonalCard
        | Fact::PersonalPassport => Some("SEC-10"),
        Fact::TokenExpired | Fact::TokenOverlong => Some("AUT-02"),
        Fact::TokenUnsigned => Some("AUT-04"),
        Fact::TokenAbsent => Some("INT-02"),
        _ => None,
    })
}

/// The field that a call must show for the fact to be seen; `None`: every call shows it.
pub(super) fn needs(fact: Fact) -> Option<Field> {
    Some(match fact {
        Fact::TlsNone => Field::Scheme,
        Fact::TlsOld | Fact::TlsBelow => Field::TlsVersion,
        Fact::TlsWeakSuite | Fact::TlsSuite => Field::TlsCipher,
        Fact::AttackSqli
        | Fact::AttackXss
        | Fact::PathTraversal
        | Fact::PersonalEmail
        | Fact::PersonalPhone
        | Fact::PersonalPlate
        | Fact::PersonalCard
        | Fact::PersonalPassport
        | Fact::UrlPersonal => Field::Path,
        Fact::TokenExpired | Fact::TokenOverlong | Fact::TokenLife => Field::TokenExpires,
        Fact::TokenEarly => Field::TokenIssued,
        Fact::TokenUnsigned | Fact::TokenAlgorithm => Field::TokenAlgorithm,
        Fact::TokenAbsent | Fact::TokenRequired => Field::TokenOutcome,
        Fact::TokenIssuer => Field::TokenIssuer,
        Fact::TokenAudience => Field::TokenAudience,
        Fact::TokenKey => Field::TokenKeyId,
        Fact::CallerUnknown => Field::ClientId,
        Fact::CallerGateway => Field::Gateway,
        Fact::CallerNetwork => Field::ClientAddress,
        Fact::CallerEgress => Field::EgressAddress,
        Fact::CallerCountry => Field::Country,
        Fact::OperationUnknown => Field::Method,
        Fact::GrantDenied => Field::Grant,
        Fact::ScopeDenied => Field::Scopes,
        Fact::RoleDenied => Field::Roles,
        Fact::MfaAbsent => Field::Mfa,
        Fact::FieldSent => Field::FieldsSent,
        Fact::FieldReceived => Field::FieldsReceived,
        Fact::RecordsMany => Field::RecordCount,
        Fact::WebhookNetwork | Fact::WebhookUnsigned => Field::WebhookSignature,
        Fact::WebhookOld => Field::WebhookTime,
        Fact::WebhookTarget => Field::Host,
        Fact::CacheOld => Field::CacheAgeS,
        Fact::CacheAbsent | Fact::RetryUnkeyed | Fact::RetryMany => Field::Status,
        Fact::BasisDenied => Field::LegalBasis,
        Fact::ResourceForeign => Field::ResourceId,
        Fact::UpstreamUnknown => Field::UpstreamAddress,
        _ => return None,
    })
}

/// Whether the contract says what the fact is held against. Facts of the record alone are always looked at.
pub(super) fn is_agreed(fact: Fact, contract: &Document) -> bool {
    let operations = || contract.operations.values();
    match fact {
        Fact::TlsBelow => contract.transport.tls.is_some(),
        Fact::TlsSuite => !contract.transport.suites.is_empty(),
        Fact::CallerUnknown => !contract.callers.clients.is_empty(),
        Fact::CallerGateway => !contract.callers.gateways.is_empty(),
        Fact::CallerNetwork => !contract.callers.networks.is_empty(),
        Fact::CallerEgress => !contract.callers.egress.is_empty(),
        Fact::CallerCountry => !contract.callers.countries.is_empty(),
        Fact::ContractEnded => contract.valid.ended.is_some(),
        Fact::OperationUnknown => !contract.operations.is_empty() || contract.openapi.is_some(),
        Fact::RoleDenied => operations().any(|operation| !operation.roles.is_empty()),
        Fact::MfaAbsent => operations().any(|operation| operation.mfa),
        Fact::FieldSent => operations().any(|operation| operation.sends.is_some()),
        Fact::FieldReceived => operations().any(|operation| operation.receives.is_some()),
        Fact::RecordsMany => operations().any(|operation| operation.records.is_some()),
        Fact::TokenRequired => contract.tokens.required,
        Fact::TokenIssuer => !contract.tokens.issuers.is_empty(),
        Fact::TokenAudience => !contract.tokens.audiences.is_empty(),
        Fact::TokenAlgorithm => !contract.tokens.algorithms.is_empty(),
        Fact::TokenKey => !contract.tokens.keys.is_empty(),
        Fact::TokenLife => contract.tokens.longest_life.is_some(),
        Fact::TokenEarly => contract.tokens.clock_skew.is_some(),
        Fact::GrantDenied => !contract.tokens.grants.is_empty(),
        Fact::ScopeDenied => !contract.tokens.scopes.is_empty(),
        Fact::WebhookNetwork => !contract.webhooks.networks.is_empty(),
        Fact::WebhookUnsigned => contract.webhooks.signed,
        Fact::WebhookOld => contract.webhooks.longest_age.is_some(),
        Fact::WebhookTarget => !contract.webhooks.targets.is_empty(),
        Fact::CacheOld => contract.cache.longest_age.is_some(),
        Fact::CacheAbsent => !contract.cache.fallback.is_empty(),
        Fact::BasisDenied => !contract.legal_basis.is_empty(),
        Fact::RetryMany => contract.retries.attempts.is_some(),
        Fact::RetryUnkeyed => contract.retries.idempotency_key,
        Fact::UrlPersonal => !contract.forbidden_in_urls.is_empty(),
        Fact::ResourceForeign => !contract.tenants.is_empty(),
        Fact::UpstreamUnknown => !contract.transport.upstreams.is_empty(),
        Fact::AttestationExpired => !contract.attestations.is_empty(),
        // Every call of a contract is recognised; it would have another integration.
        Fact::ContractNone => false,
        _ => true,
    }
}

/// What a fact says, in Russian; `None` for those without a requirement.
pub(super) fn russian(fact: Fact) -> Option<&'static str> {
    Some(match fact {
        Fact::TlsNone => "Вызов пришёл по HTTP без шифрования.",
        Fact::TlsOld => "TLS 1.0, TLS 1.1 или SSL.",
        Fact::TlsWeakSuite => {
            "Шифр без прямой секретности или аутентификации либо с RC4, DES, 3DES, NULL, EXPORT или MD5."
        }
        Fact::TlsBelow => "TLS старше, чем требует контракт, или его не было.",
        Fact::TlsSuite => "Шифра нет в контракте.",
        Fact::ClockAhead => "Время события впереди времени записи больше чем на минуту.",
        Fact::AttackSqli => "В пути, запросе или заголовке — внедрение SQL.",
        Fact::AttackXss => "В пути, запросе или заголовке — внедрение сценария.",
        Fact::PathTraversal => "Путь поднимается сегментами «..».",
        Fact::PersonalEmail => "В пути или запросе — адрес электронной почты.",
        Fact::PersonalPhone => "В пути или запросе — номер телефона.",
        Fact::PersonalPlate => "В пути или запросе — номер автомобиля.",
        Fact::PersonalCard => "В пути или запросе — номер платёжной карты.",
        Fact::PersonalPassport => "В пути или запросе — номер паспорта.",
        Fact::TokenExpired => "Использован токен с истёкшим сроком.",
        Fact::TokenOverlong => "Токен живёт дольше суток.",
        Fact::TokenUnsigned => "Токен не подписан (alg: none).",
        Fact::TokenAbsent => "Вызов без токена получил ответ 2xx.",
        Fact::ContractNone => "Вызов не относится ни к одному контракту.",
        Fact::ContractExpired => "Контракт ещё или уже не действует.",
        Fact::ContractEnded => "Партнёр отключён до этого вызова.",
        Fact::ContractUnaccepted => "Записи о приёмке интеграции или операции нет.",
        Fact::CallerUnknown => "Клиента нет в контракте.",
        Fact::CallerGateway => "Шлюза нет в контракте.",
        Fact::CallerNetwork => "Сети вызывающего нет в контракте.",
        Fact::CallerEgress => "Исходящего адреса нет в контракте.",
        Fact::CallerCountry => "Страны вызывающего нет в контракте.",
        Fact::OperationUnknown => "Операции нет в контракте.",
        Fact::RoleDenied => "Ни одна роль субъекта не даёт права на операцию.",
        Fact::TokenRequired => "Контракт требует токен, его не было.",
        Fact::TokenIssuer => "Издателя токена нет в контракте.",
        Fact::TokenAudience => "Получателя токена (aud) нет в контракте.",
        Fact::TokenAlgorithm => "Алгоритма токена нет в контракте.",
        Fact::TokenKey => "Ключа токена нет в контракте.",
        Fact::TokenLife => "Токен живёт дольше, чем разрешает контракт.",
        Fact::TokenEarly => {
            "Токен выпущен позже вызова больше, чем на допустимое расхождение часов."
        }
        Fact::GrantDenied => "Способа получения токена нет в контракте.",
        Fact::ScopeDenied => "В токене есть право (scope), которого нет в контракте.",
        Fact::MfaAbsent => "Второй фактор требуется, но не пройден.",
        Fact::FieldSent => "Отправлено поле, которого нет в контракте.",
        Fact::FieldReceived => "Получено поле, которого нет в контракте.",
        Fact::RecordsMany => "В ответе больше записей, чем разрешает контракт.",
        Fact::WebhookNetwork => "Сети отправителя webhook нет в контракте.",
        Fact::WebhookUnsigned => "Подписи webhook нет, или она неверна.",
        Fact::WebhookOld => "Webhook старше, чем разрешает контракт.",
        Fact::WebhookTarget => "Вызов уходит на узел, которого нет в контракте.",
        Fact::CacheOld => "Кэш ответил более старым, чем разрешает контракт.",
        Fact::CacheAbsent => "Другая сторона не ответила, и кэш не сработал.",
        Fact::BasisDenied => "Правового основания нет в контракте.",
        Fact::RetryMany => "Попыток больше, чем разрешает контракт.",
        Fact::RetryUnkeyed => "POST или PATCH повторён без ключа идемпотентности.",
        Fact::UrlPersonal => "В пути или запросе — персональные данные, запрещённые контрактом.",
        Fact::UpstreamUnknown => "Ответила система за шлюзом, которой нет в контракте.",
        Fact::ResourceForeign => "Клиент обратился к чужому ресурсу.",
        Fact::AttestationExpired => "Аттестация контракта истекла или ещё не действует.",
        _ => return None,
    })
}

/// What of a requirement no request log shows, in Russian and English; it is attested, or stays open.
pub(super) fn unseen(requirement: &str) -> Option<(&'static str, &'static str)> {
    Some(match requirement {
        "SEC-01" => (
            "соединения, которые не дошли до шлюза или не оставили записи; срок действия сертификатов",
            "connections that never reached the gateway or left no record; expiry of certificates",
        ),
        "SEC-02" => (
            "шифрование баз, кэшей и дисков вне gatewatch: нужна аттестация",
            "encryption of databases, caches and disks outside gatewatch: an attestation is needed",
        ),
        "SEC-03" => (
            "вызовы мимо шлюза, если партнёр не отдаёт свой журнал (second_source)",
            "calls past the gateway, unless the partner hands over its log (second_source)",
        ),
        "SEC-04" => (
            "права внутри приложений за шлюзом",
            "rights inside the applications behind the gateway",
        ),
        "SEC-05" => (
            "обмен, который шлюз не записал и не пронумеровал",
            "exchanges that the gateway neither wrote down nor numbered",
        ),
        "SEC-07" => (
            "тела запросов: журнал их не содержит",
            "bodies of requests: the log does not hold them",
        ),
        "SEC-09" => (
            "согласия, сроки и уничтожение данных вне журнала запросов",
            "consents, retention and destruction of data outside the request log",
        ),
        "SEC-10" => (
            "значения полей: в журнале есть только их имена",
            "values of fields: the log has only their names",
        ),
        "AUT-06" => (
            "вход в консоли, которые не проходят через шлюз",
            "logins to consoles that do not pass through the gateway",
        ),
        "INT-01" => (
            "обмен по другим каналам, если партнёр не отдаёт свой журнал (second_source)",
            "exchange by other ways, unless the partner hands over its log (second_source)",
        ),
        "INT-03" => (
            "полнота данных в самих базах: видны только число записей и контрольные суммы вызовов",
            "whether the databases themselves agree: only counts of records in calls are seen",
        ),
        "INT-07" => (
            "содержание испытаний: проверяется только запись о приёмке",
            "what the tests were: only the record of acceptance is checked",
        ),
        _ => return None,
    })
}

/// Whether gatewatch watches a requirement by correlations and detectors over many calls, not by facts alone.
pub(super) fn is_watched(requirement: &str) -> bool {
    matches!(
        requirement,
        "SEC-05" | "SEC-06" | "SEC-07" | "SEC-08" | "AUT-04" | "INT-05" | "INT-08"
    )
}

/// What over many calls is watched because the contract asks for it.
pub(super) fn promises(requirement: &str, contract: &Document) -> bool {
    match requirement {
        "INT-01" => contract.second_source.is_some(),
        "INT-03" => !contract.schedules.is_empty(),
        "INT-04" => contract.webhooks.longest_silence.is_some(),
        "SEC-08" => !contract.limits.is_empty(),
        "INT-08" => !contract.service_levels.is_empty() || contract.traffic.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::{REQUIREMENTS, Requirement};

    #[test]
    fn each_requirement_is_checked_watched_or_said_to_be_unseen() {
        for Requirement { id, .. } in REQUIREMENTS {
            let checked = Fact::ALL.iter().any(|fact| requirement(*fact) == Some(id));
            assert!(
                checked || is_watched(id) || unseen(id).is_some(),
                "{id} has no line in the report"
            );
        }
    }

    #[test]
    fn facts_name_requirements_that_there_are() {
        for fact in Fact::ALL {
            if let Some(id) = requirement(*fact) {
                assert!(Requirement::named(id).is_some(), "{fact}: {id}");
                assert!(russian(*fact).is_some(), "{fact} has no Russian words");
            }
        }
    }
}
