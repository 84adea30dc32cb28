//! What a page answers when it cannot be shown.

use axum::http::StatusCode;
use thiserror::Error;

use super::turns::NoTurn;
use crate::access::Busy;
use crate::store::StoreError;

/// Why a page cannot be shown.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// There is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// What was asked for makes no sense: in Russian and English.
    #[error("{1}")]
    Wrong(&'static str, &'static str),
    /// Somebody else changed the account that was to be changed.
    #[error("the account was changed meanwhile")]
    Changed,
    /// Too many searches run.
    #[error(transparent)]
    Turn(#[from] NoTurn),
    /// ClickHouse cannot be reached or refuses, or a question asks for too much.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many sign in.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A template is broken.
    #[error(transparent)]
    Template(#[from] askama::Error),
}

impl Failure {
    /// The status, and what is said of it in Russian and English.
    pub(super) fn said(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Failure::NotFound => (
                StatusCode::NOT_FOUND,
                "Здесь ничего нет. Возможно, срок хранения истёк.",
                "There is nothing here. It may be that its retention is over.",
            ),
            Failure::Wrong(russian, english) => (StatusCode::BAD_REQUEST, russian, english),
            Failure::Changed => (
                StatusCode::CONFLICT,
                "Учётную запись только что изменили. Откройте страницу снова и повторите.",
                "The account was changed meanwhile. Open the page again and repeat.",
            ),
            Failure::Turn(NoTurn::OfReader) => (
                StatusCode::TOO_MANY_REQUESTS,
                "У вас уже идёт столько поисков, сколько можно сразу. Дождитесь их или закройте их страницы.",
                "As many of your searches run as may at once. Wait for them, or close their pages.",
            ),
            Failure::Turn(NoTurn::OfAll) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Сейчас идёт столько поисков, сколько можно сразу. Повторите через несколько секунд.",
                "As many searches run as may at once. Try again in a few seconds.",
            ),
            Failure::Store(problem) if problem.is_too_much() => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Этот вопрос занял бы больше времени или памяти ClickHouse, чем можно. Сузьте его: меньше времени (с, до), одна интеграция или один клиент, поле=значение вместо слова без поля.",
                "This question would take more time or memory of ClickHouse than it may. Narrow it: less time (from, until), one integration or client, field=value instead of a word alone.",
            ),
            Failure::Store(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ClickHouse не отвечает или отказывает. Попробуйте позже; подробности в журнале gatewatch.",
                "ClickHouse does not answer, or refuses. Try again later; gatewatch's own log says more.",
            ),
            Failure::Busy(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Слишком много входов одновременно. Попробуйте через несколько секунд.",
                "Too many people sign in at once. Try again in a few seconds.",
            ),
            Failure::Template(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Страница не получилась. Подробности в журнале gatewatch.",
                "The page could not be made. gatewatch's own log says more.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_too_much_is_told_what_to_narrow() {
        let refused = |code: u32| {
            let problem = StoreError::Refused {
                what: "a search".to_owned(),
                code,
                name: String::new(),
                hint: "",
            };
            Failure::from(problem).said()
        };
        for code in [159, 241] {
            let (status, russian, english) = refused(code);
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(russian.contains("Сузьте") && english.contains("Narrow it"));
        }
        let (status, _, english) = refused(60);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!english.contains("Narrow"), "{english}");
    }
}
