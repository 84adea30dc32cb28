//! Answers: pages, what goes elsewhere, failures, and the headers that every answer has.

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use tracing::warn;

use super::failure::Failure;
use super::page::Page;
use super::reader::Reader;
use super::shared::Shared;
use crate::config::Locale;

/// Nothing is loaded from elsewhere, nothing stands in the page that runs, nothing frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// After so many seconds programs may try again what did not go now.
const AGAIN_S: &str = "5";

/// A page.
pub(super) fn page(template: &impl Template) -> Result<Response, Failure> {
    Ok(Html(template.render()?).into_response())
}

/// Goes on at another page of ours (303: whatever was sent is not sent again).
pub(super) fn elsewhere(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
        Err(_) => Failure::NotFound.into_response(),
    }
}

/// The same, and sets a cookie.
pub(super) fn elsewhere_with(path: &str, cookie: &str) -> Response {
    with_cookie(elsewhere(path), cookie)
}

/// Sets a cookie with an answer.
pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Where to go after signing in: a path of ours, or the overview.
pub(super) fn back(path: &str) -> &str {
    // `//host` and `/\host` are addresses of others.
    let is_ours = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { path } else { "/" }
}

/// Whether a path is one for programs, which are answered in JSON.
pub(super) fn is_program(path: &str) -> bool {
    path.starts_with("/api/")
}

/// A failure on its way out; the gate, which knows the reader, makes the page of it.
#[derive(Clone, Copy)]
pub(super) struct Failed {
    status: StatusCode,
    russian: &'static str,
    english: &'static str,
}

/// A failure to be shown.
pub(super) fn failed(status: StatusCode, russian: &'static str, english: &'static str) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Failed {
        status,
        russian,
        english,
    });
    response
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    page: Page,
    status: u16,
    said: &'static str,
}

impl Failed {
    /// The page of it, or JSON for programs; with when to try again, where that may help.
    pub(super) fn shown(self, shared: &Shared, reader: &Reader) -> Response {
        let mut response = self.told(shared, reader);
        let passes = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if passes.contains(&self.status) {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(AGAIN_S));
        }
        response
    }

    fn told(self, shared: &Shared, reader: &Reader) -> Response {
        if is_program(&reader.asked) {
            let message = serde_json::json!({ "error": self.english });
            return (self.status, Json(message)).into_response();
        }
        let said = match reader.locale {
            Locale::Ru => self.russian,
            Locale::En => self.english,
        };
        let failure = FailurePage {
            page: Page::new(shared, reader, ""),
            status: self.status.as_u16(),
            said,
        };
        match failure.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(_) => (self.status, said).into_response(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match &self {
            Failure::Store(problem) => {
                warn!(%problem, "the console cannot show what it was asked for");
            }
            Failure::Template(problem) => warn!(%problem, "a page of the console is broken"),
            _ => {}
        }
        let (status, russian, english) = self.said();
        failed(status, russian, english)
    }
}

/// For an address that is none of ours. Nothing is said of who asks: there is no gate before it.
pub(super) async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, "404\n").into_response()
}

/// Adds the headers that protect readers.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A report has a policy of its own.
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    // What people see of alerts is kept by no cache on the way, nor by the browser.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A file that is compiled in.
pub(super) fn asset(kind: &'static str, content: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
    (headers, content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_others() {
        assert_eq!(back("/alerts?level=high"), "/alerts?level=high");
        for other in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "/a\r\nb",
            "/é",
        ] {
            assert_eq!(back(other), "/", "{other:?}");
        }
    }
}
