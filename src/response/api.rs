//! CrowdSec's bouncer API, as far as bouncers use it, and the same as a text list.
//!
//! `GET /v1/decisions` (what blocks an address, a network, a value), `GET /v1/decisions/stream` (all, then what changed since the same key asked last, and again what changed in
//! the hour before that), `HEAD` of both, and `POST /v1/usage-metrics`, which is taken and let go; `GET /blocklist.txt` has addresses and networks, one a line. Each request
//! carries a key in `X-Api-Key`. Shapes and names are those of CrowdSec's local API (<https://docs.crowdsec.net/docs/local_api/bouncers-api/>).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use ipnet::IpNet;
use metrics::counter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::book::{Book, Published};
use super::{Target, canonical};
use crate::event::Timestamp;
use crate::telemetry::metric;

/// Who decided, in CrowdSec's words, and the kind of decision: blocked.
const ORIGIN: &str = "gatewatch";
const KIND: &str = "ban";
/// Shortest key.
const SHORTEST: usize = 16;
/// Keys at most: what each reader was given is remembered.
const MOST_KEYS: usize = 64;

/// Who may read, by the hashes of their keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<(String, [u8; 32])>);

/// Why the keys of readers cannot be used.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("response.keys_file: {}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a name and a key.
    #[error(
        "response.keys_file: line {0} is not a name and a key of {SHORTEST} characters or more, each name once; make a key with `openssl rand -hex 32`"
    )]
    Line(usize),
    /// None, or too many.
    #[error(
        "response.keys_file: {0} keys; there have to be 1 to {MOST_KEYS}, one a line: a name, a space, the key"
    )]
    Count(usize),
}

impl Keys {
    /// Reads lines of a name and a key; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// The file cannot be read, or says something else.
    pub fn read(path: &Path) -> Result<Keys, KeysError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeysError::File {
            path: path.to_owned(),
            source,
        })?;
        Keys::parse(&text)
    }

    fn parse(text: &str) -> Result<Keys, KeysError> {
        let mut keys: Vec<(String, [u8; 32])> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let pair = line.split_once(char::is_whitespace);
            let pair = pair.map(|(name, key)| (name, key.trim()));
            match pair {
                Some((name, key))
                    if key.len() >= SHORTEST && keys.iter().all(|(known, _)| known != name) =>
                {
                    keys.push((name.to_owned(), Sha256::digest(key).into()));
                }
                _ => return Err(KeysError::Line(number + 1)),
            }
        }
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err(KeysError::Count(keys.len()));
        }
        Ok(Keys(keys))
    }

    /// The name of a key. Hashes are compared, so how long it takes says nothing of a key.
    fn name(&self, key: &[u8]) -> Option<&str> {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let known = self.0.iter().find(|(_, known)| *known == hash);
        known.map(|(name, _)| name.as_str())
    }
}

/// What the handlers need.
#[derive(Clone)]
struct Shared {
    book: Arc<Mutex<Book>>,
    keys: Arc<Keys>,
    now: fn() -> Timestamp,
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the key that a request came with.
#[derive(Clone)]
struct Reader(String);

/// Serves until `stop`.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    book: Arc<Mutex<Book>>,
    keys: Keys,
    now: fn() -> Timestamp,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let shared = Shared {
        book,
        keys: Arc::new(keys),
        now,
    };
    let router = Router::new()
        .route("/v1/decisions", get(matching))
        // Who asks for the head alone was given nothing, so that what changed waits for the next GET.
        .route(
            "/v1/decisions/stream",
            get(stream).head(|| async { StatusCode::OK }),
        )
        .route("/v1/usage-metrics", post(|| async { StatusCode::CREATED }))
        .route("/blocklist.txt", get(list))
        .layer(middleware::from_fn_with_state(shared.clone(), admit))
        .with_state(shared);
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

/// Lets in who has a key.
async fn admit(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let key = request.headers().get("x-api-key");
    let name = key.and_then(|key| shared.keys.name(key.as_bytes()));
    let Some(name) = name.map(str::to_owned) else {
        counter!(metric::BOUNCER_REQUESTS, "outcome" => "refused").increment(1);
        let message = serde_json::json!({ "message": "access forbidden" });
        return (StatusCode::FORBIDDEN, Json(message)).into_response();
    };
    counter!(metric::BOUNCER_REQUESTS, "outcome" => "ok").increment(1);
    request.extensions_mut().insert(Reader(name));
    next.run(request).await
}

/// A decision as bouncers read it.
#[derive(Serialize)]
struct Told {
    duration: String,
    id: u64,
    origin: &'static str,
    scenario: String,
    scope: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    uuid: String,
    value: String,
}

impl Told {
    fn of(published: &Published, now: Timestamp) -> Told {
        let scope = match published.target.scope() {
            // As CrowdSec itself writes these two.
            "ip" => "Ip",
            "range" => "Range",
            other => other,
        };
        Told {
            duration: duration(published.until.since(now)),
            id: published.number,
            origin: ORIGIN,
            scenario: format!("gatewatch/{}", published.family),
            scope,
            kind: KIND,
            uuid: published.id.to_string(),
            value: published.target.value(),
        }
    }
}

/// A duration as Go writes it, which is what bouncers parse.
fn duration(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let all = micros.unsigned_abs() / 1_000_000;
    let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
    format!("{sign}{hours}h{minutes}m{seconds}s")
}

/// Which decisions are asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    ip: String,
    range: String,
    scope: String,
    value: String,
    #[serde(rename = "type")]
    kind: String,
    startup: String,
    scopes: String,
    origins: String,
    scenarios_containing: String,
    scenarios_not_containing: String,
}

impl Asked {
    /// Whether lists of words let a decision through. An empty one asks for nothing.
    fn wants(&self, told: &Told) -> bool {
        let words = |list: &str| -> Vec<String> {
            let words = list.split(',').map(|word| word.trim().to_lowercase());
            words.filter(|word| !word.is_empty()).collect()
        };
        let has = |list: &str| {
            let words = words(list);
            let scenario = told.scenario.to_lowercase();
            words.iter().any(|word| scenario.contains(word))
        };
        let origins = words(&self.origins);
        (origins.is_empty() || origins.iter().any(|origin| origin == ORIGIN))
            && (self.scenarios_containing.is_empty() || has(&self.scenarios_containing))
            && (self.scenarios_not_containing.is_empty() || !has(&self.scenarios_not_containing))
            && (self.kind.is_empty() || self.kind.eq_ignore_ascii_case(KIND))
    }

    /// Whether a scope is among those of a stream: addresses and networks where none are named.
    fn wants_scope(&self, scope: &str) -> bool {
        let scopes = if self.scopes.is_empty() {
            "ip,range"
        } else {
            &self.scopes
        };
        let mut scopes = scopes.split(',').map(str::trim);
        scopes.any(|wanted| wanted.eq_ignore_ascii_case(scope))
    }

    /// Whether a target is what is asked for one by one; `None` when an address or network is none.
    fn picks(&self, target: &Target) -> Option<bool> {
        let holds = |asked: IpNet| matches!(target, Target::Network(network) if network.contains(&canonical(asked)));
        let mut picked = true;
        if !self.ip.is_empty() {
            picked &= holds(self.ip.parse::<IpAddr>().ok()?.into());
        }
        if !self.range.is_empty() {
            picked &= holds(self.range.parse().ok()?);
        }
        picked &= self.scope.is_empty() || self.scope.eq_ignore_ascii_case(target.scope());
        picked &= self.value.is_empty() || self.value == target.value();
        Some(picked)
    }
}

async fn matching(State(shared): State<Shared>, Query(asked): Query<Asked>) -> Response {
    let now = (shared.now)();
    let book = shared.book();
    let mut told = Vec::new();
    for published in book.active(now) {
        let Some(picked) = asked.picks(&published.target) else {
            let message = serde_json::json!({ "message": "ip or range is none" });
            return (StatusCode::BAD_REQUEST, Json(message)).into_response();
        };
        let decision = Told::of(published, now);
        if picked && asked.wants(&decision) {
            told.push(decision);
        }
    }
    // No decision is `null`, as CrowdSec says it.
    Json((!told.is_empty()).then_some(told)).into_response()
}

async fn stream(
    State(shared): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Query(asked): Query<Asked>,
) -> Json<HashMap<&'static str, Option<Vec<Told>>>> {
    let now = (shared.now)();
    let starts = asked.startup.eq_ignore_ascii_case("true");
    let delta = shared.book().pull(&reader, starts, now);
    let told = |published: Vec<Arc<Published>>| {
        let told = published.iter().map(|published| Told::of(published, now));
        let told: Vec<Told> = told
            .filter(|told| asked.wants(told) && asked.wants_scope(told.scope))
            .collect();
        (!told.is_empty()).then_some(told)
    };
    Json(HashMap::from([
        ("new", told(delta.new)),
        ("deleted", told(delta.deleted)),
    ]))
}

async fn list(State(shared): State<Shared>) -> impl IntoResponse {
    let now = (shared.now)();
    let book = shared.book();
    let mut text = String::new();
    for published in book.active(now) {
        if let Target::Network(_) = &published.target {
            text.push_str(&published.target.value());
            text.push('\n');
        }
    }
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::response::Decision;

    #[test]
    fn keys_are_names_with_a_secret_each() {
        let keys =
            Keys::parse("# edge\nedge 0123456789abcdef\n\nwaf\tfedcba9876543210  \n").unwrap();
        assert_eq!(keys.name(b"0123456789abcdef"), Some("edge"));
        assert_eq!(keys.name(b"fedcba9876543210"), Some("waf"));
        assert_eq!(keys.name(b"0123456789abcde"), None);
        assert_eq!(keys.name(b""), None);
        let wrong = |text: &str| Keys::parse(text).unwrap_err().to_string();
        assert!(wrong("edge short").contains("line 1"));
        assert!(wrong("edge").contains("openssl rand"));
        assert!(wrong("edge 0123456789abcdef\nedge 0123456789abcdee").contains("line 2"));
        assert!(wrong("# none\n").contains("0 keys"));
        let shown = format!("{keys:?}");
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
    }

    #[test]
    fn durations_are_those_of_go() {
        assert_eq!(duration(4 * 3_600_000_000 - 1), "3h59m59s");
        assert_eq!(duration(-61_000_000), "-0h1m1s");
        assert_eq!(duration(0), "0h0m0s");
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    /// One request with the key of `edge`; the whole answer.
    fn ask(address: std::net::SocketAddr, method: &str, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: 0123456789abcdef\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[tokio::test]
    async fn a_head_takes_nothing_from_the_get_that_follows() {
        let target = Target::parse("ip", "192.0.2.7").unwrap();
        // What came more than an hour ago is told once.
        let steps = crate::response::blocked(target, 7_200_000_000, "ana", "scan", at(0));
        let mut book = Book::default();
        book.update(&Decision::of(steps.to_vec()), at(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = Keys::parse("edge 0123456789abcdef").unwrap();
        let (stop, stopping) = watch::channel(false);
        let served = serve(
            listener,
            Arc::new(Mutex::new(book)),
            keys,
            || at(3_700),
            stopping,
        );
        let served = tokio::spawn(served);
        let path = "/v1/decisions/stream";
        let answers = tokio::task::spawn_blocking(move || {
            ["HEAD", "GET", "GET"].map(|method| ask(address, method, path))
        });
        let [head, first, second] = answers.await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(first.contains("192.0.2.7"), "{first}");
        assert!(second.contains("\"new\":null"), "{second}");
        stop.send_replace(true);
        served.await.unwrap().unwrap();
    }

    #[test]
    fn an_address_is_found_however_it_is_written() {
        let target = Target::parse("range", "10.0.0.0/24").unwrap();
        for (ip, range, picked) in [
            ("10.0.0.5", "", Some(true)),
            ("::ffff:10.0.0.5", "", Some(true)),
            ("", "::ffff:10.0.0.0/120", Some(true)),
            ("::ffff:10.0.1.5", "", Some(false)),
            ("nowhere", "", None),
        ] {
            let asked = Asked {
                ip: ip.to_owned(),
                range: range.to_owned(),
                ..Asked::default()
            };
            assert_eq!(asked.picks(&target), picked, "{ip}{range}");
        }
    }
}
