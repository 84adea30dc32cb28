//! The gate before every page: who comes, whether they may, whether the form is one of ours.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use tracing::warn;

use super::answer;
use super::cookie;
use super::failure::Failure;
use super::form::Form;
use super::reader::{Reader, Visitor};
use super::shared::{Deed, Shared};
use crate::access::{Permission, Standing, network_of, token_hash};
use crate::notify::now;

/// Most bytes of a form.
const MOST_BYTES: usize = 256 * 1024;

/// What a page needs of who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is for everybody.
    Nobody,
    /// A password was shown, the second factor not yet.
    Half,
    /// An account, whatever it may.
    Account,
    /// An account that may do this.
    May(Permission),
}

/// The gate before one page.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) shared: Arc<Shared>,
    pub(super) needs: Needs,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Whether asking for it keeps a session from being idle: a page that waits for news shows nobody who is there.
    pub(super) is_use: bool,
}

/// Lets a request through to its page, with the [`Reader`] and the [`Form`] that it brings.
pub(super) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut reader = Reader::of(&parts, &gate.shared);
    let mut response = match gate.judge(parts, body, &mut reader).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => {
            if let Some(reason) = refusal.reason() {
                gate.note(&reader, reason).await;
            }
            refusal.answer(&reader)
        }
    };
    if let Some(failed) = response.extensions_mut().remove::<answer::Failed>() {
        response = failed.shown(&gate.shared, &reader);
    }
    response
}

/// Why a request gets no further.
enum Refusal {
    /// Nobody has signed in, or something has to be done first: the address of it.
    Elsewhere(&'static str),
    /// They may not.
    Forbidden,
    /// The form is not one of ours, or too long.
    Form,
    /// Something else is the matter.
    Failure(Failure),
}

impl Refusal {
    /// What it is called in the audit; `None` where nobody tried what they may not.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Refusal::Forbidden => Some("permission"),
            Refusal::Form => Some("form"),
            Refusal::Elsewhere(_) | Refusal::Failure(_) => None,
        }
    }

    fn answer(self, reader: &Reader) -> Response {
        let is_program = answer::is_program(&reader.asked);
        match self {
            Refusal::Elsewhere(_) if is_program => answer::failed(
                StatusCode::UNAUTHORIZED,
                "Нужен токен: Authorization: Bearer …",
                "A token is needed: Authorization: Bearer …",
            ),
            Refusal::Elsewhere("/sign-in") if reader.asked != "/" => {
                let back: String =
                    form_urlencoded::byte_serialize(reader.asked.as_bytes()).collect();
                answer::elsewhere(&format!("/sign-in?back={back}"))
            }
            Refusal::Elsewhere(path) => answer::elsewhere(path),
            Refusal::Forbidden => answer::failed(
                StatusCode::FORBIDDEN,
                "Ваша роль не даёт этого права.",
                "Your role does not permit this.",
            ),
            Refusal::Form => answer::failed(
                StatusCode::FORBIDDEN,
                "Форма не отсюда, устарела или слишком велика. Вернитесь на страницу и отправьте её снова.",
                "This form is not from here, has run out, or is too long. Go back to the page and send it again.",
            ),
            Refusal::Failure(failure) => axum::response::IntoResponse::into_response(failure),
        }
    }
}

impl Gate {
    /// Puts a refusal on record, of one account or network and one address at most once a minute.
    async fn note(&self, reader: &Reader, reason: &'static str) {
        let (shared, now) = (&self.shared, now());
        let network = reader.address.map(|it| network_of(it).to_string());
        let (refusals, who) = match reader.name() {
            "" => (&shared.strangers, network.unwrap_or_default()),
            name => (&shared.refusals, name.to_owned()),
        };
        if !refusals.is_due(&who, self.path, now) {
            return;
        }
        let route = format!("{} {}", self.method, self.path);
        let deed = Deed {
            actor: reader.name(),
            action: "refused",
            kind: "page",
            object: &route,
            title: format!("{route} refused: {reason}"),
            detail: json!({ "address": reader.from(), "agent": reader.agent, "route": route, "reason": reason }),
        };
        if let Err(problem) = shared.audit(deed, now).await {
            refusals.forget(&who, self.path);
            warn!(%problem, "a refused request is not on record");
        }
    }

    async fn judge(
        &self,
        mut parts: Parts,
        body: Body,
        reader: &mut Reader,
    ) -> Result<Request, Refusal> {
        let bearer = bearer(&parts.headers);
        reader.visitor = match self.visitor(&parts.headers, bearer, reader).await {
            Ok(visitor) => visitor,
            // A page for everybody is there without ClickHouse too.
            Err(_) if self.needs == Needs::Nobody => None,
            Err(failure) => return Err(Refusal::Failure(failure)),
        };
        self.permit(reader)?;
        let mut bytes = Bytes::new();
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let read = axum::body::to_bytes(body, MOST_BYTES).await;
            bytes = read.map_err(|_| Refusal::Form)?;
            let form = Form::parse(&bytes);
            if !self.is_ours(&parts.headers, reader, &form) {
                return Err(Refusal::Form);
            }
            parts.extensions.insert(form);
        }
        parts.extensions.insert(reader.clone());
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }

    async fn visitor(
        &self,
        headers: &HeaderMap,
        bearer: Option<&str>,
        reader: &Reader,
    ) -> Result<Option<Visitor>, Failure> {
        // Tokens are for programs, cookies for people: neither opens the door of the other.
        let is_program = answer::is_program(&reader.asked);
        let shown = match (bearer, cookie::value(headers, cookie::SESSION)) {
            (Some(token), _) if is_program => token,
            (None, Some(token)) => token,
            _ => return Ok(None),
        };
        let now = now();
        let shared = &self.shared;
        let found = shared
            .sessions
            .find(&shared.store, &token_hash(shown), self.is_use, now)
            .await?;
        Ok(found.and_then(|(session, account)| {
            let standing = session.standing(&account, now);
            let fits = session.kind.is_token() == bearer.is_some();
            (fits && standing != Standing::Over).then_some(Visitor {
                account,
                session,
                standing,
            })
        }))
    }

    fn permit(&self, reader: &Reader) -> Result<(), Refusal> {
        let standing = reader.visitor.as_ref().map(|visitor| visitor.standing);
        match (self.needs, standing) {
            (Needs::Nobody, _)
            | (Needs::Half, Some(Standing::SecondFactor))
            | (Needs::Account, Some(Standing::Password | Standing::Enrolment | Standing::Whole)) => {
                Ok(())
            }
            (Needs::May(permission), Some(Standing::Whole)) if reader.may(permission) => Ok(()),
            (Needs::May(_), Some(Standing::Whole)) => Err(Refusal::Forbidden),
            (_, Some(Standing::SecondFactor)) => Err(Refusal::Elsewhere("/second-factor")),
            (Needs::Half, Some(_)) => Err(Refusal::Elsewhere("/")),
            (_, Some(Standing::Password)) => Err(Refusal::Elsewhere("/account/password")),
            (_, Some(Standing::Enrolment)) => Err(Refusal::Elsewhere("/account/second-factor")),
            (_, None | Some(Standing::Over)) => Err(Refusal::Elsewhere("/sign-in")),
        }
    }

    /// Whether a form comes from a page of ours: by the signature that pages give to forms of somebody who has signed in, else by what the browser says of where it is.
    fn is_ours(&self, headers: &HeaderMap, reader: &Reader, form: &Form) -> bool {
        match &reader.visitor {
            // No page of others can send a token that it does not know.
            Some(visitor) if visitor.session.kind.is_token() => true,
            Some(visitor) => {
                self.shared
                    .vault
                    .is_signed("form", &[&visitor.session.id], form.get("signature"))
            }
            None => is_same_site(headers),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site".parse().unwrap_or(ORIGIN)) {
        return matches!(site, "same-origin" | "none");
    }
    match (text(ORIGIN), text(HOST)) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = axum::http::HeaderValue::from_static(value);
            (axum::http::HeaderName::from_static(name), value)
        });
        pairs.collect()
    }

    #[test]
    fn what_comes_from_elsewhere_is_known_by_the_browser() {
        let host = ("host", "gatewatch.example");
        let same = |pairs: &[_]| is_same_site(&headers(pairs));
        assert!(same(&[("sec-fetch-site", "same-origin")]));
        assert!(!same(&[("sec-fetch-site", "cross-site"), host]));
        assert!(!same(&[("sec-fetch-site", "same-site"), host]));
        assert!(same(&[("origin", "https://gatewatch.example"), host]));
        assert!(!same(&[("origin", "https://other.example"), host]));
        assert!(!same(&[("origin", "null"), host]));
        assert!(same(&[host]), "no browser: nothing rides on its cookies");
    }

    #[test]
    fn a_token_comes_in_its_header() {
        assert_eq!(
            bearer(&headers(&[("authorization", "Bearer  abc ")])),
            Some("abc")
        );
        assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[])), None);
    }
}
