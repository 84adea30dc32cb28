//! SEC-02: nothing that is stored can be read off the disk, and nothing starts without the key.

use std::fs;
use std::path::Path;

use gatewatch::config;
use gatewatch::store::{DeadLetter, DeadLetterBlock, Origin, Sealed, Sealer, Store};

use super::server::{DISK_KEY, Server, block, command, recent};
use crate::ports::Ports;

const MARKER: &str = "MARKERzwp7qk3x";

fn files_with(marker: &str, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(marker, &path));
        } else if let Ok(content) = fs::read(&path)
            && content
                .windows(marker.len())
                .any(|window| window == marker.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn no_file_shows_what_was_stored_or_asked() {
    let mut server = Server::start();
    let store = server.store().await;
    let mut events = block(0, 10, recent());
    let mut marked = super::server::event(11, recent());
    marked.path = Some(format!("/{MARKER}").into());
    marked.user_agent = Some(MARKER.into());
    events.push(&marked, &gatewatch::store::Verdict::default(), 11, None);
    store.insert("t", &events.finish()).await.unwrap();
    let found = server
        .ask(&format!(
            "SELECT count() FROM events WHERE path = '/{MARKER}'"
        ))
        .await
        .unwrap();
    assert_eq!(found, "1");
    // A statement that fails is logged by the server with its text.
    server
        .ask(&format!("SELECT '{MARKER}', no_such_column FROM events"))
        .await
        .unwrap_err();
    server.ask("SYSTEM FLUSH LOGS").await.unwrap();
    let logged = server
        .ask(&format!(
            "SELECT count() > 0 FROM system.query_log WHERE query LIKE '%{MARKER}%'"
        ))
        .await
        .unwrap();
    assert_eq!(logged, "1");
    assert_eq!(files_with(MARKER, server.data()), [] as [&str; 0]);
    assert_eq!(files_with(DISK_KEY, server.data()), [] as [&str; 0]);
    assert_eq!(
        files_with("writer-password", server.data()),
        [] as [&str; 0]
    );
    drop(store);
    let status = server.stop().await;
    assert!(
        status.success(),
        "SIGTERM ends it in order, not by {status}"
    );
    assert_eq!(files_with(MARKER, server.data()), [] as [&str; 0]);
    server.restart();
    assert_eq!(
        server.ask("SELECT count() FROM events").await.unwrap(),
        "11",
        "the key opens it again"
    );
}

#[test]
fn without_its_key_it_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    for key in [None, Some(""), Some("1234")] {
        let mut command = command(folder.path(), &Ports::take(2));
        if let Some(key) = key {
            command.env("GATEWATCH_DISK_KEY", key);
        }
        let output = command.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("openssl rand -hex 32"), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_key_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "too short\n").unwrap();
    let output = command(&folder.path().join("data"), &Ports::take(2))
        .env("GATEWATCH_DISK_KEY_FILE", &key)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("is not 64 digits long"), "{message}");
}

#[tokio::test]
async fn a_table_outside_the_encrypted_disk_stops_the_start() {
    let server = Server::start();
    let store = server.store().await;
    store.check_schema().await.unwrap();
    server
        .ask("CREATE TABLE gatewatch.stray (a String) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'default'")
        .await
        .unwrap();
    let error = store.check_schema().await.unwrap_err().to_string();
    assert!(
        error.contains("stray") && error.contains("encrypted"),
        "{error}"
    );
}

#[tokio::test]
async fn a_policy_that_the_server_lacks_is_a_clear_error() {
    let server = Server::start();
    let config = config::Store {
        storage_policy: "tape".to_owned(),
        ..server.config()
    };
    let error = Store::connect(&config)
        .await
        .unwrap()
        .migrate()
        .await
        .unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        error.to_string().contains("store.storage_policy"),
        "{error}"
    );
}

#[tokio::test]
async fn a_dead_letter_is_sealed_and_opens_to_the_record() {
    let server = Server::start();
    let store = server.store().await;
    let sealer = Sealer::from_config(&server.config()).unwrap();
    let raw = format!("{{\"{MARKER}\": \u{0}\n not json").into_bytes();
    let mut letters = DeadLetterBlock::new(&sealer, "requests", 4);
    letters
        .push(&DeadLetter {
            offset: 77,
            stamped: Some(recent()),
            reason: "not_json",
            detail: "expected a value at byte 18",
            raw: &raw,
            beginning: "{\"***\"",
        })
        .unwrap();
    let insert = letters.finish();
    for _ in 0..2 {
        store.insert("t", &insert).await.unwrap();
    }
    let row = server
        .ask("SELECT count(), any(hex(sealed)), any(hex(nonce)), any(key_id), any(reason), any(length), any(received > now() - 60) FROM dead_letters")
        .await
        .unwrap();
    let cells: Vec<&str> = row.split('\t').collect();
    assert_eq!(
        [cells[0], cells[3], cells[4], cells[5], cells[6]],
        ["1", "1", "not_json", &raw.len().to_string(), "1"]
    );
    let letter = Sealed {
        bytes: unhex(cells[1]),
        nonce: unhex(cells[2]).try_into().unwrap(),
    };
    let origin = Origin {
        topic: "requests",
        partition: 4,
        offset: 77,
    };
    assert_eq!(sealer.open(origin, &letter).unwrap(), raw);
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
