//! What a page answers when it cannot be shown.

use axum::http::StatusCode;
use thiserror::Error;

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
    /// ClickHouse cannot be reached or refuses.
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
