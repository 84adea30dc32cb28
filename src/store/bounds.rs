//! What questions of people may take of ClickHouse. They run beside ingestion, on the same server and as the same user, so what each may do is said here for all of them.

use clickhouse::Client;

use super::client::Store;
use crate::config;

/// Settings of every question, besides those that are configured.
const SETTINGS: &[(&str, &str)] = &[
    // It reads and changes nothing; and the server cancels only what cannot when whoever asked has left.
    ("readonly", "2"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
    // Half an answer would look like a whole one.
    ("timeout_overflow_mode", "throw"),
    // Inserts have 1: while one runs, a question waits so many milliseconds before each piece that it reads.
    ("priority", "10"),
    ("low_priority_query_wait_time_ms", "10"),
];
/// So many seconds more are waited for the server, which looks at the time now and then only.
const PATIENCE_S: u64 = 5;

impl Store {
    /// The same for questions of people: each runs within these bounds, gives way to inserts, and ends when nobody waits for it any more. Inserts
    /// are as they were.
    #[must_use]
    pub fn bounded(&self, bounds: &config::Bounds) -> Store {
        let with = |client: &Client| {
            let mut client = client
                .clone()
                .with_setting("max_execution_time", bounds.seconds.to_string())
                .with_setting("max_memory_usage", bounds.memory_bytes.to_string())
                .with_setting("max_threads", bounds.threads.to_string());
            for (name, value) in SETTINGS {
                client.set_setting(*name, *value);
            }
            client
        };
        Store {
            client: with(&self.client),
            sharded: with(&self.sharded),
            query_s: u64::from(bounds.seconds.get()) + PATIENCE_S,
            ..self.clone()
        }
    }
}
