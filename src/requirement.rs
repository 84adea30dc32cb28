//! The requirements that every integration must keep to, in a few words each. Rules, contracts, mails and reports name them by these ids.

/// What an integration must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// Such as `SEC-01`.
    pub id: &'static str,
    /// The same as the tag of a rule has it, behind `requirement.`.
    pub tag: &'static str,
    /// What it asks for, in Russian.
    pub russian: &'static str,
    /// The same in English.
    pub english: &'static str,
    /// Heading in the list that binds partners.
    pub section: &'static str,
    /// Its clause there, word for word.
    pub clause: &'static str,
}

/// All of them, in the order of the list that binds partners.
pub const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "SEC-01",
        tag: "sec-01",
        russian: "данные передаются только по TLS 1.2 и новее",
        english: "data travels only over TLS 1.2 or newer",
        section: "Шифрование данных",
        clause: "Все данные (биометрия, номера автомобилей) должны передаваться через зашифрованные каналы связи (например, HTTPS с использованием TLS 1.2+).",
    },
    Requirement {
        id: "SEC-02",
        tag: "sec-02",
        russian: "хранимые данные зашифрованы (AES-256 или не слабее)",
        english: "stored data is encrypted (AES-256 or as strong)",
        section: "Шифрование данных",
        clause: "Данные, сохраняемые на стороне PropDevelopment, должны быть зашифрованы с использованием современных алгоритмов (например, AES-256).",
    },
    Requirement {
        id: "SEC-03",
        tag: "sec-03",
        russian: "к API партнёра обращаются только доверенные системы",
        english: "only trusted systems call the partner's API",
        section: "Контроль доступа",
        clause: "Доступ к API внешнего партнёра должен быть ограничен только доверенными системами (например, API Gateway компании PropDevelopment).",
    },
    Requirement {
        id: "SEC-04",
        tag: "sec-04",
        russian: "права пользователей и сервисов разграничены ролями",
        english: "users and services act within their roles",
        section: "Контроль доступа",
        clause: "Использование ролевой модели доступа (RBAC) для разграничения прав пользователей и сервисов.",
    },
    Requirement {
        id: "SEC-05",
        tag: "sec-05",
        russian: "каждый запрос и ответ попадает в журнал",
        english: "every request and answer is journalled",
        section: "Журналирование и мониторинг",
        clause: "Все запросы и ответы между системами должны журналироваться.",
    },
    Requirement {
        id: "SEC-06",
        tag: "sec-06",
        russian: "аномалии и несанкционированный доступ обнаруживаются",
        english: "anomalies and unauthorised access are found",
        section: "Журналирование и мониторинг",
        clause: "Необходимо реализовать мониторинг взаимодействий для выявления аномалий или несанкционированного доступа.",
    },
    Requirement {
        id: "SEC-07",
        tag: "sec-07",
        russian: "внешний API защищён межсетевым экраном и IDS/IPS",
        english: "firewalls and IDS/IPS guard the outside API",
        section: "Защита от атак",
        clause: "Использование межсетевых экранов и систем предотвращения вторжений (IDS/IPS) для защиты внешних API.",
    },
    Requirement {
        id: "SEC-08",
        tag: "sec-08",
        russian: "число запросов ограничено",
        english: "the number of requests is limited",
        section: "Защита от атак",
        clause: "Ограничение числа запросов (rate limiting) для предотвращения атак типа DDoS.",
    },
    Requirement {
        id: "SEC-09",
        tag: "sec-09",
        russian: "соблюдаются 152-ФЗ и GDPR",
        english: "152-FZ and the GDPR are kept to",
        section: "Политики обработки данных",
        clause: "Данные должны соответствовать законодательным требованиям (например, GDPR, ФЗ-152).",
    },
    Requirement {
        id: "SEC-10",
        tag: "sec-10",
        russian: "передаются только необходимые данные",
        english: "only the data that is needed is passed on",
        section: "Политики обработки данных",
        clause: "Минимизация передаваемых данных: только те данные, которые необходимы для выполнения функции.",
    },
    Requirement {
        id: "AUT-01",
        tag: "aut-01",
        russian: "сервисы входят по токенам OAuth 2.0",
        english: "services use OAuth 2.0 access tokens",
        section: "OAuth 2.0",
        clause: "Использование токенов доступа для аутентификации сервисов PropDevelopment при обращении к внешнему партнёрскому API.",
    },
    Requirement {
        id: "AUT-02",
        tag: "aut-02",
        russian: "токены живут недолго и обновляются через refresh token",
        english: "tokens live briefly and are renewed by refresh tokens",
        section: "OAuth 2.0",
        clause: "Обеспечение короткого срока жизни токенов и их обновления через refresh tokens.",
    },
    Requirement {
        id: "AUT-03",
        tag: "aut-03",
        russian: "запросы авторизуются по JWT",
        english: "requests are authorised by JWT",
        section: "JWT (JSON Web Tokens)",
        clause: "Авторизация запросов между системами через JWT.",
    },
    Requirement {
        id: "AUT-04",
        tag: "aut-04",
        russian: "токены подписаны, подделка отвергается",
        english: "tokens are signed and forgeries are refused",
        section: "JWT (JSON Web Tokens)",
        clause: "Использование подписанных токенов для предотвращения подделки запросов.",
    },
    Requirement {
        id: "AUT-05",
        tag: "aut-05",
        russian: "доступ только с доверенных адресов",
        english: "only trusted addresses get in",
        section: "IP Whitelisting",
        clause: "Ограничение доступа к API партнёра только с доверенных IP-адресов PropDevelopment.",
    },
    Requirement {
        id: "AUT-06",
        tag: "aut-06",
        russian: "администраторы входят со вторым фактором",
        english: "administrators pass a second factor",
        section: "Двухфакторная аутентификация (2FA)",
        clause: "Использование 2FA для администраторов, управляющих интеграцией.",
    },
    Requirement {
        id: "INT-01",
        tag: "int-01",
        russian: "всё взаимодействие идёт через шлюз",
        english: "everything goes through the gateway",
        section: "Централизация через API Gateway",
        clause: "Все взаимодействия между системами PropDevelopment и партнёром проходят через API Gateway.",
    },
    Requirement {
        id: "INT-02",
        tag: "int-02",
        russian: "вызовы REST несут токен и идентификатор ресурса",
        english: "REST calls carry a token and a resource id",
        section: "Взаимодействие на уровне API",
        clause: "Запросы включают токены авторизации (OAuth 2.0 или JWT) и идентификаторы ресурсов (например, идентификаторы жильцов).",
    },
    Requirement {
        id: "INT-03",
        tag: "int-03",
        russian: "данные синхронизируются по расписанию",
        english: "data is synchronised on schedule",
        section: "Синхронизация данных",
        clause: "Периодическая синхронизация данных между tenant-core-db и партнёрским сервисом (например, обновление биометрии и номеров автомобилей).",
    },
    Requirement {
        id: "INT-04",
        tag: "int-04",
        russian: "изменения сообщаются через webhook сразу",
        english: "webhooks tell of changes at once",
        section: "Синхронизация данных",
        clause: "Использование webhook-уведомлений для мгновенного обновления при изменении данных.",
    },
    Requirement {
        id: "INT-05",
        tag: "int-05",
        russian: "при сбое запрос повторяется",
        english: "failed calls are retried",
        section: "Отказоустойчивость",
        clause: "Реализация механизмов повторных запросов при сбоях.",
    },
    Requirement {
        id: "INT-06",
        tag: "int-06",
        russian: "при недоступности партнёра работает локальный кэш",
        english: "a local cache answers when the partner is down",
        section: "Отказоустойчивость",
        clause: "Локальное кэширование данных для обеспечения доступности при временной недоступности партнёрского сервиса.",
    },
    Requirement {
        id: "INT-07",
        tag: "int-07",
        russian: "перед запуском проведены испытания",
        english: "load and functional tests come before go-live",
        section: "Тестирование и мониторинг интеграции",
        clause: "Перед внедрением необходимо провести нагрузочное и функциональное тестирование.",
    },
    Requirement {
        id: "INT-08",
        tag: "int-08",
        russian: "производительность и доступность партнёра под наблюдением",
        english: "the partner's performance and availability are watched",
        section: "Тестирование и мониторинг интеграции",
        clause: "Мониторинг производительности и доступности API партнёра после запуска.",
    },
];

impl Requirement {
    /// The requirement of this id, in capitals or small letters.
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Requirement> {
        REQUIREMENTS
            .iter()
            .find(|requirement| requirement.id.eq_ignore_ascii_case(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_twenty_four_are_there_each_under_one_id() {
        assert_eq!(REQUIREMENTS.len(), 24);
        for requirement in REQUIREMENTS {
            assert_eq!(requirement.id.to_ascii_lowercase(), requirement.tag);
            assert_eq!(Requirement::named(requirement.tag), Some(requirement));
        }
        assert_eq!(Requirement::named("SEC-11"), None);
    }
}
