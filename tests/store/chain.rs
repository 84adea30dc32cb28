//! The hash chain: what was stored stays as it was, or it shows.

use gatewatch::event::Timestamp;
use gatewatch::store::{ChainKey, ChainTable, Counts, Store, Verification, What};

use super::server::{Server, block, recent};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn key() -> ChainKey {
    ChainKey::new(KEY, "1").unwrap()
}

fn now() -> Timestamp {
    recent().plus_micros(3_600_000_000)
}

/// A chain over a hundred events in two links, with an audit of two changes in the first.
async fn sealed(server: &Server) -> Store {
    let store = server.store().await;
    server
        .ask("INSERT INTO audit (time, action, object) VALUES (now64(6) - 1000, 'added', 'a'), (now64(6) - 1000, 'added', 'b')")
        .await
        .unwrap();
    for (begin, links) in [(0, 4), (50, 4)] {
        let rows = block(begin, 50, recent()).finish();
        store.insert(&format!("{begin}"), &rows).await.unwrap();
        let until = [(0, begin + 50)];
        let (key, then) = (key(), now().plus_micros(begin));
        let added = store.extend_chain(&key, "requests", &until, then).await;
        assert_eq!(added.unwrap(), links);
    }
    store
}

async fn verify(store: &Store) -> Verification {
    let key = [key()];
    store
        .verify_chain(&key, None, now(), |_, _| {})
        .await
        .unwrap()
}

fn problems(found: &Verification) -> Vec<(u64, What)> {
    let problems = found.problems.iter();
    problems
        .map(|problem| (problem.link, problem.what.clone()))
        .collect()
}

#[tokio::test]
async fn what_was_not_touched_verifies() {
    let server = Server::start();
    let store = sealed(&server).await;
    let more = block(100, 5, recent()).finish();
    store.insert("more", &more).await.unwrap();
    let found = verify(&store).await;
    assert_eq!(found.problems, []);
    assert_eq!(found.links, 8);
    assert!(found.unsigned.is_empty());
    let events = Counts {
        same: 100,
        expired: 0,
        unsealed: 5,
    };
    assert_eq!(found.tables[&ChainTable::Events], events);
    assert_eq!(found.tables[&ChainTable::Audit].same, 2);
    assert_eq!(found.head, store.chain_head().await.unwrap());
}

#[tokio::test]
async fn rows_changed_removed_or_added_show_with_their_place() {
    let server = Server::start();
    let store = sealed(&server).await;
    let change = async |sql: &str| {
        let sql = format!("{sql} SETTINGS mutations_sync = 2");
        server.ask(&sql).await.unwrap();
    };
    change("ALTER TABLE events UPDATE status = 200 WHERE offset = 60").await;
    let found = verify(&store).await;
    // The second round begins with link 5, and events come first in it.
    assert_eq!(problems(&found), [(5, What::RowsChanged)]);
    let stretch = found.problems[0].stretch.clone().unwrap();
    assert_eq!((stretch.first, stretch.until), (50, 100));
    change("ALTER TABLE events DELETE WHERE offset IN (3, 4)").await;
    let found = verify(&store).await;
    assert_eq!(
        problems(&found),
        [(1, What::RowsMissing(2)), (5, What::RowsChanged)]
    );
    let again = block(10, 3, recent()).finish();
    store.insert("again", &again).await.unwrap();
    assert_eq!(problems(&verify(&store).await)[0], (1, What::RowsAdded(1)));
    change("ALTER TABLE audit UPDATE actor = 'nobody' WHERE object = 'a'").await;
    let found = verify(&store).await;
    assert!(
        problems(&found).contains(&(3, What::RowsChanged)),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_chain_cut_or_rewritten_shows() {
    let server = Server::start();
    let store = sealed(&server).await;
    let head = store.chain_head().await.unwrap().unwrap();
    let change = async |sql: &str| {
        let sql = format!("{sql} SETTINGS mutations_sync = 2");
        server.ask(&sql).await.unwrap();
    };
    // Rows changed and their link with them: hash and all, but for the key.
    change(
        "ALTER TABLE chain UPDATE content = replaceOne(content, '\"rows\":50', '\"rows\":49'), \
         hash = lower(hex(SHA256(replaceOne(content, '\"rows\":50', '\"rows\":49')))) WHERE number = 5",
    )
    .await;
    let found = problems(&verify(&store).await);
    for expected in [
        (5, What::Forged),
        (6, What::Unchained),
        (5, What::RowsAdded(1)),
    ] {
        assert!(found.contains(&expected), "{found:?}");
    }
    change("ALTER TABLE chain UPDATE content = '{}' WHERE number = 7").await;
    let found = problems(&verify(&store).await);
    assert!(found.contains(&(7, What::Altered)), "{found:?}");
    change("ALTER TABLE chain DELETE WHERE number = 2").await;
    let found = problems(&verify(&store).await);
    assert!(found.contains(&(3, What::LinksMissing)), "{found:?}");
    // Cut short, it fits again: but not what the mail said.
    change("ALTER TABLE chain DELETE WHERE number > 1").await;
    let found = verify(&store).await;
    assert_eq!(found.problems, []);
    assert_eq!(found.tables[&ChainTable::Events].unsealed, 50);
    let key = [key()];
    let found = store
        .verify_chain(&key, Some(&head.hash), now(), |_, _| {})
        .await;
    assert_eq!(problems(&found.unwrap()), [(1, What::HeadMissing)]);
}

#[tokio::test]
async fn what_retention_took_is_not_missed_but_what_it_would_have_kept_is() {
    let server = Server::start();
    let store = sealed(&server).await;
    let delete = "ALTER TABLE events DELETE WHERE offset < 10 SETTINGS mutations_sync = 2";
    server.ask(delete).await.unwrap();
    let keep = store_days() * 86_400_000_000;
    let keys = [key()];
    for (late, missing) in [
        (keep - 2 * 86_400_000_000, true),
        (keep + 86_400_000_000, false),
    ] {
        let then = now().plus_micros(late);
        let found = store
            .verify_chain(&keys, None, then, |_, _| {})
            .await
            .unwrap();
        assert_eq!(found.problems.is_empty(), !missing, "{found:?}");
        let expired = if missing { 0 } else { 10 };
        assert_eq!(found.tables[&ChainTable::Events].expired, expired);
    }
}

fn store_days() -> i64 {
    gatewatch::config::Retention::default().events_days.into()
}

#[tokio::test]
async fn links_of_another_key_are_counted_as_not_tested() {
    let server = Server::start();
    let store = sealed(&server).await;
    let other = ChainKey::new(KEY, "2").unwrap();
    let found = store
        .verify_chain(&[other], None, now(), |_, _| {})
        .await
        .unwrap();
    assert_eq!(found.problems, []);
    assert_eq!(found.unsigned, [("1".to_owned(), 8)].into());
    let forged = ChainKey::new(&KEY.replace('0', "1"), "1").unwrap();
    let found = store
        .verify_chain(&[forged], None, now(), |_, _| {})
        .await
        .unwrap();
    assert_eq!(
        problems(&found),
        (1..=8).map(|link| (link, What::Forged)).collect::<Vec<_>>()
    );
}
