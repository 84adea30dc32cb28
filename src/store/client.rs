//! The connection to ClickHouse: how it is made, and how a block is inserted exactly once.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::StoreError;
use super::block::{Insert, Part};
use crate::config;
use crate::tls;

/// The server drops idle connections after three seconds (its `keep_alive_timeout`); ours must go first, or an insert would
/// meet a connection that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(2);

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Settings of every insert. One INSERT must be one part, or its token would take several places in the window of tokens:
/// so nothing is split (the limits are far above any block), nothing is put together, nothing is inserted later.
const INSERT_SETTINGS: &[(&str, &str)] = &[
    ("decompress", "1"),
    ("async_insert", "0"),
    ("wait_end_of_query", "1"),
    ("insert_deduplicate", "1"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("max_insert_block_size", "16777216"),
    ("min_insert_block_size_rows", "0"),
    ("min_insert_block_size_bytes", "0"),
    ("max_insert_threads", "1"),
    // Over a Distributed table: acknowledged only when the shard has it.
    ("distributed_foreground_insert", "1"),
    // Before questions of people, which have more.
    ("priority", "1"),
];

/// ClickHouse, as gatewatch uses it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Without a database, for what must work before there is one.
    pub(super) server: Client,
    /// With the database of the tables.
    pub(super) client: Client,
    /// With the database that `events` and `dead_letters` are written to and read from: over all shards in a cluster.
    pub(super) sharded: Client,
    /// The last two as inserts go by them: without bounds of questions.
    pub(super) inserting: [Client; 2],
    /// Seconds that a query is waited for.
    pub(super) query_s: u64,
    pub(super) config: Arc<config::Store>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("url", &self.config.url)
            .field("database", &self.config.database)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares the connection and asks the server whether it accepts it.
    ///
    /// # Errors
    /// When a setting is not usable, the server cannot be reached or does not accept user and password.
    pub async fn connect(config: &config::Store) -> Result<Store, StoreError> {
        let store = Store::prepare(config)?;
        store.ping().await?;
        Ok(store)
    }

    /// Prepares the connection only; the first statement makes it. For a start that must not fail while ClickHouse is away.
    ///
    /// # Errors
    /// When a setting is not usable or a file cannot be read.
    pub fn prepare(config: &config::Store) -> Result<Store, StoreError> {
        check(config)?;
        let password = config
            .password
            .resolve(config.password_file.as_deref(), "password")?;
        let server = plain_client(config)?
            .with_url(&config.url)
            .with_user(&config.user)
            .with_password(password.expose())
            .with_product_info("gatewatch", env!("CARGO_PKG_VERSION"));
        let client = server.clone().with_database(&config.database);
        let sharded = server.clone().with_database(sharded_database(config));
        Ok(Store {
            server,
            inserting: [client.clone(), sharded.clone()],
            client,
            sharded,
            query_s: config.timeout_s,
            config: Arc::new(config.clone()),
        })
    }

    /// Asks the server for its version; so tests address, TLS, user and password.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub async fn ping(&self) -> Result<String, StoreError> {
        let query = self.server.query("SELECT version()");
        self.within(query.fetch_one::<String>(), "its version", true)
            .await
    }

    /// Inserts rows once. Sent again with the same token, they change nothing, neither in the table nor in its roll-ups.
    /// On a retryable error it is not known whether they came to be there: send the same again.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn insert(&self, token: &str, insert: &Insert) -> Result<(), StoreError> {
        for part in &insert.parts {
            let token = match &part.suffix {
                Some(suffix) => format!("{token}/{suffix}"),
                None => token.to_owned(),
            };
            self.insert_part(insert, part, token).await?;
        }
        Ok(())
    }

    async fn insert_part(
        &self,
        insert: &Insert,
        part: &Part,
        token: String,
    ) -> Result<(), StoreError> {
        let [plain, sharded] = &self.inserting;
        let client = match insert.table {
            "events" | "dead_letters" => sharded,
            _ => plain,
        };
        let sql = format!(
            "INSERT INTO {} ({}) FORMAT Native",
            insert.table, part.columns
        );
        let timeout = Some(Duration::from_secs(self.config.timeout_s));
        let mut request = client
            .insert_formatted_with(sql)
            .with_timeouts(timeout, timeout)
            .with_setting("insert_deduplication_token", token);
        for (name, value) in INSERT_SETTINGS {
            request = request.with_setting(*name, *value);
        }
        let what = match insert.table {
            "events" => "an insert of events",
            "dead_letters" => "an insert of dead letters",
            "alerts" => "an insert of alerts",
            _ => "an insert",
        };
        for frame in &part.frames {
            let sent = request.send(frame.clone()).await;
            sent.map_err(|error| self.error(&error, what, false))?;
        }
        request
            .end()
            .await
            .map_err(|error| self.error(&error, what, false))
    }

    /// Waits for a query, but not longer than it may take. `quotable`: its text and answer hold nothing that must
    /// not reach a log.
    pub(super) async fn within<T>(
        &self,
        query: impl Future<Output = clickhouse::error::Result<T>>,
        what: &str,
        quotable: bool,
    ) -> Result<T, StoreError> {
        let limit = Duration::from_secs(self.query_s);
        match tokio::time::timeout(limit, query).await {
            Ok(outcome) => outcome.map_err(|error| self.error(&error, what, quotable)),
            Err(_) => Err(StoreError::Timeout {
                url: self.config.url.clone(),
                seconds: self.query_s,
            }),
        }
    }

    pub(super) fn error(
        &self,
        error: &clickhouse::error::Error,
        what: &str,
        quotable: bool,
    ) -> StoreError {
        StoreError::from_client(
            error,
            what,
            &self.config.url,
            self.config.timeout_s,
            quotable,
        )
    }
}

/// The database that holds the tables over all shards; the plain one without a cluster.
pub(super) fn sharded_database(config: &config::Store) -> String {
    match config.cluster {
        Some(_) => format!("{}_cluster", config.database),
        None => config.database.clone(),
    }
}

/// Names go into statements, so they must be plain; the address must not carry what would be logged with it.
fn check(config: &config::Store) -> Result<(), StoreError> {
    let names = [
        ("database", Some(&config.database)),
        ("storage_policy", Some(&config.storage_policy)),
        ("cluster", config.cluster.as_ref()),
    ];
    for (setting, name) in names {
        let plain = |name: &String| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if !name.is_none_or(plain) {
            return Err(StoreError::Config {
                setting,
                problem: "may only hold letters, digits and `_`".to_owned(),
            });
        }
    }
    let rest = config
        .url
        .strip_prefix("http://")
        .or_else(|| config.url.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['@', '?', '#']) => Ok(()),
        _ => Err(StoreError::Config {
            setting: "url",
            problem: "must be http:// or https:// with host and port, such as https://clickhouse:8443; user, password and database are settings of their own".to_owned(),
        }),
    }
}

fn plain_client(config: &config::Store) -> Result<Client, StoreError> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_WITHIN));
    connector.set_keepalive(Some(Duration::from_mins(1)));
    let tls = tls::client(config.ca_file.as_deref()).map_err(|problem| StoreError::Config {
        setting: "ca_file",
        problem,
    });
    let tls = HttpsConnectorBuilder::new().with_tls_config(match tls {
        // Without TLS nobody has to be trusted.
        Err(_) if config.ca_file.is_none() && config.url.starts_with("http://") => tls::nobody(),
        tls => tls?,
    });
    let connector = if config.url.starts_with("https://") {
        tls.https_only().enable_http1().wrap_connector(connector)
    } else {
        tls.https_or_http().enable_http1().wrap_connector(connector)
    };
    let http = HttpClient::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE)
        .build(connector);
    Ok(Client::with_http_client(http))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration whose password is in a file of the folder.
    fn config_in(folder: &tempfile::TempDir) -> config::Store {
        let password = folder.path().join("password");
        std::fs::write(&password, "hunter2\n").unwrap();
        config::Store {
            password_file: Some(password),
            ..config::Store::default()
        }
    }

    fn refused(change: impl FnOnce(&mut config::Store)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config_in(&folder);
        change(&mut config);
        Store::prepare(&config).unwrap_err().to_string()
    }

    #[test]
    fn names_that_would_need_quoting_are_refused() {
        for name in ["", "a b", "x`; DROP TABLE y", "имя"] {
            let text = refused(|config| config.database = name.to_owned());
            assert!(text.contains("store.database"), "{text}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_shown() {
        let text = refused(|config| config.url = "http://u:hunter2@localhost:8123".to_owned());
        assert!(
            text.contains("store.url") && !text.contains("hunter2"),
            "{text}"
        );
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        let text = refused(|config| config.ca_file = Some(path));
        assert!(text.contains("store.ca_file"), "{text}");
    }

    #[test]
    fn the_password_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(&folder);
        let shown = format!("{:?}", Store::prepare(&config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_a_retryable_error() {
        // Port 1 on loopback: nothing listens there.
        let folder = tempfile::tempdir().unwrap();
        let config = config::Store {
            url: "http://127.0.0.1:1".to_owned(),
            ..config_in(&folder)
        };
        let error = Store::connect(&config).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
    }
}
