//! Words for names that are stored and passed on in English: of the audit, of decisions, of the service and its parts.

use crate::config::Locale;
use crate::notify::mail::Clean;
use crate::notify::mail::words::pick;

/// A name, and its words in Russian and English.
type Named = (&'static str, &'static str, &'static str);

/// What the audit is about.
pub(super) const KINDS: &[Named] = &[
    ("session", "сеанс", "session"),
    ("token", "токен", "token"),
    ("account", "учётная запись", "account"),
    ("recovery_code", "код восстановления", "recovery code"),
    ("search", "поиск", "search"),
    ("person", "человек", "person"),
    ("report", "отчёт", "report"),
    ("page", "страница", "page"),
    ("audit", "аудит", "audit"),
    ("alert", "оповещение", "alert"),
    ("decision", "блокировка", "decision"),
    ("incident", "инцидент", "incident"),
    ("subject", "стирание субъекта", "erasure of a subject"),
    ("rule", "правило", "rule"),
    ("correlation", "корреляция", "correlation"),
    ("exception", "исключение", "exception"),
    ("silence", "пауза", "silence"),
];

/// What is done.
pub(super) const ACTIONS: &[Named] = &[
    ("acknowledge", "принято", "acknowledged"),
    ("assign", "поручено", "assigned"),
    ("comment", "отмечено", "commented"),
    ("close", "закрыто как верное", "closed as true"),
    ("false_positive", "закрыто как ложное", "closed as false"),
    ("harmless", "закрыто как безобидное", "closed as harmless"),
    ("reopen", "открыто снова", "reopened"),
    ("proposed", "предложено", "proposed"),
    ("approved", "утверждено", "approved"),
    ("rejected", "отклонено", "rejected"),
    ("revoked", "отменено", "revoked"),
    ("signed_in", "вход", "signed in"),
    ("signed_out", "выход", "signed out"),
    ("refused", "отказано", "refused"),
    ("added", "добавлено", "added"),
    ("changed", "изменено", "changed"),
    ("removed", "убрано", "removed"),
    ("expired", "истекло", "expired"),
    ("enabled", "включено", "enabled"),
    ("disabled", "отключено", "disabled"),
    ("enrolled", "настроен второй фактор", "second factor set up"),
    ("reset", "сброшен пароль", "password reset"),
    (
        "factor_reset",
        "снят второй фактор",
        "second factor taken away",
    ),
    ("ended", "завершено", "ended"),
    ("used", "использовано", "used"),
    ("searched", "искали", "searched"),
    ("kept", "сохранено", "kept"),
    ("exported", "выгружено", "exported"),
    ("hunted", "поиск по правилу", "hunted"),
    ("backtested", "проверка на истории", "backtested"),
    ("trained", "обучение на истории", "trained"),
    ("viewed", "просмотрено", "viewed"),
    ("revealed", "найден псевдоним", "pseudonym found"),
    ("declared", "объявлено", "declared"),
    ("said", "дополнено", "added to"),
    ("notified", "уведомлено", "notified"),
    ("closed", "закрыто", "closed"),
];

/// Why something was refused, and what was proposed.
pub(super) const REASONS: &[Named] = &[
    ("password", "пароль не подошёл", "wrong password"),
    ("code", "код не подошёл", "wrong code"),
    ("unknown_name", "такого имени нет", "no such name"),
    (
        "too_many_tries",
        "слишком много неудачных попыток",
        "too many tries failed",
    ),
    (
        "present_password",
        "нынешний пароль не подошёл",
        "wrong present password",
    ),
    (
        "permission",
        "роль не даёт этого права",
        "the role does not permit it",
    ),
    (
        "form",
        "форма не отсюда или устарела",
        "form from elsewhere, or run out",
    ),
    ("add", "новая учётная запись", "new account"),
    ("role", "новая роль", "new role"),
    ("reset", "новый пароль", "new password"),
    (
        "second_factor",
        "снять второй фактор",
        "take the second factor away",
    ),
];

/// What a decision blocks.
pub(super) const SCOPES: &[Named] = &[
    ("ip", "адрес", "address"),
    ("range", "сеть", "network"),
    ("client", "клиент", "client"),
    ("subject", "субъект", "subject"),
    ("token", "токен", "token"),
];

/// What the service does, its parts, and the one reason that is ours for a part to be missing.
pub(super) const SERVICE: &[Named] = &[
    ("active", "активен", "active"),
    ("standby", "в резерве", "standby"),
    ("stopping", "останавливается", "stopping"),
    ("mail server", "почтовый сервер", "mail server"),
    (
        "not connected yet",
        "соединения ещё нет",
        "not connected yet",
    ),
];

/// Why a record was not read.
pub(super) const UNREAD: &[Named] = &[
    ("empty", "пустая запись", "empty record"),
    ("oversized", "слишком длинная запись", "record too long"),
    ("not_utf8", "не UTF-8", "not UTF-8"),
    ("malformed", "не разбирается", "malformed"),
    (
        "wrong_type",
        "значение другого типа",
        "value of another type",
    ),
    (
        "duplicate_field",
        "поле стоит дважды",
        "field that stands twice",
    ),
    (
        "too_deep",
        "слишком глубокая вложенность",
        "nested too deeply",
    ),
    ("missing_time", "нет времени", "no time"),
    (
        "time_out_of_bounds",
        "время вне границ",
        "time out of bounds",
    ),
    ("binary_format", "двоичный формат", "binary format"),
    ("record_array", "массив записей", "array of records"),
    ("partial_line", "часть строки", "piece of a line"),
];

/// What became of mails and messages of the webhook.
pub(super) const OUTCOMES: &[Named] = &[
    ("sent", "отправлено", "sent"),
    ("held", "ждёт сводки", "held for a digest"),
    ("put_off", "отложено сервером", "put off by the server"),
    ("login_failed", "вход на сервер не удался", "log-in failed"),
    ("refused", "отвергнуто", "refused"),
    ("given_up", "не доставлено", "given up"),
    ("retried", "повторено", "retried"),
];

/// The words for a name; one that has none stands as it is.
pub(super) fn said(names: &[Named], name: &str, locale: Locale) -> Clean {
    let found = names.iter().find(|(stored, ..)| *stored == name);
    found.map_or_else(
        || Clean::of(name, 400),
        |(_, russian, english)| Clean::fixed(pick(locale, russian, english)),
    )
}

/// All names with their words, for a list to choose from.
pub(super) fn choice(names: &'static [Named], locale: Locale) -> Vec<(&'static str, Clean)> {
    let all = names.iter();
    all.map(|(name, ..)| (*name, said(names, name, locale)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_has_words_in_both_languages() {
        for names in [KINDS, ACTIONS, REASONS, SCOPES, SERVICE, UNREAD, OUTCOMES] {
            let unique: BTreeSet<&str> = names.iter().map(|(name, ..)| *name).collect();
            assert_eq!(unique.len(), names.len());
            for (name, russian, english) in names {
                let cyrillic = |text: &str| text.chars().any(|it| ('а'..='я').contains(&it));
                assert!(cyrillic(russian), "{name}");
                assert!(!cyrillic(english) && !english.is_empty(), "{name}");
            }
        }
        assert_eq!(
            said(UNREAD, "too_deep", Locale::En).as_str(),
            "nested too deeply"
        );
        assert_eq!(said(UNREAD, "a\u{202e}", Locale::Ru).as_str(), "a\u{fffd}");
    }
}
