//! Accounts and sessions of the console, as several instances change and read them.

use gatewatch::access::{Account, Kind, Permission, Role, Session, Standing};
use gatewatch::event::Timestamp;

use super::server::Server;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + second)
}

#[tokio::test]
async fn an_account_is_changed_by_one_who_knows_how_it_stands() {
    let server = Server::start();
    let store = server.store().await;
    let added = Account::new("anna".into(), Role::Administrator, "h".into(), "b", at(0));
    store.add_account(&added).await.unwrap();
    let mut disabled = added.changed("ivan", at(1));
    disabled.disabled = true;
    assert!(store.change_account(&added, &disabled).await.unwrap());
    // Built on what was read before that, and later.
    let mut password = added.changed("anna", at(2));
    password.password = "other".into();
    assert!(!store.change_account(&added, &password).await.unwrap());
    let stored = store.account("anna").await.unwrap();
    assert_eq!(stored.as_ref(), Some(&disabled));
    let enabled = disabled.changed("ivan", at(3));
    assert!(store.change_account(&disabled, &enabled).await.unwrap());
}

#[tokio::test]
async fn of_many_changes_at_once_one_is_taken() {
    let server = Server::start();
    let store = server.store().await;
    let added = Account::new("anna".into(), Role::Viewer, "h".into(), "b", at(0));
    store.add_account(&added).await.unwrap();
    // In the same microsecond, as two instances use up one recovery code.
    let tasks: Vec<_> = (1..=8)
        .map(|_| {
            let (store, added) = (store.clone(), added.clone());
            let changed = added.changed("anna", at(1));
            tokio::spawn(async move { store.change_account(&added, &changed).await })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(task.await.unwrap().unwrap());
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn two_who_take_the_right_from_one_another_leave_an_administrator() {
    let server = Server::start();
    let store = server.store().await;
    let added = ["anna", "ivan"]
        .map(|name| Account::new(name.into(), Role::Administrator, "h".into(), "b", at(0)));
    for account in &added {
        store.add_account(account).await.unwrap();
    }
    let [anna, ivan] = &added;
    let may = async |name: &str| {
        let account = store.account(name).await.unwrap().unwrap();
        account.is_let(Permission::Administer)
    };
    // Each saw that the other is there still.
    let demoted = Account {
        role: Role::Viewer,
        sessions_since: at(1),
        ..anna.changed("ivan", at(1))
    };
    let disabled = Account {
        disabled: true,
        ..ivan.changed("anna", at(1))
    };
    assert!(store.change_account(anna, &demoted).await.unwrap());
    assert!(store.change_account(ivan, &disabled).await.unwrap());
    assert!(!may("anna").await && !may("ivan").await);
    let kept = store.keep_administrator(anna, "ivan", at(2)).await;
    assert!(kept.unwrap() && may("anna").await);
    let stored = store.account("anna").await.unwrap().unwrap();
    assert_eq!(stored.sessions_since, at(1), "what else was changed stays");
    // There is one now, so that this change stands.
    let kept = store.keep_administrator(ivan, "anna", at(3)).await;
    assert!(!kept.unwrap() && !may("ivan").await);
}

#[tokio::test]
async fn a_code_that_many_show_at_once_is_taken_once() {
    let server = Server::start();
    let store = server.store().await;
    // Codes are kept for a day.
    let now = Timestamp::from_seconds(store.clock().await.unwrap().into());
    let tasks: Vec<_> = (1..=8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take_code("anna", 7, now).await })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(task.await.unwrap().unwrap());
    }
    assert_eq!(taken, 1);
    for (account, step, is_taken) in [
        ("anna", 7, false),
        ("anna", 6, false),
        ("anna", 8, true),
        ("ivan", 7, true),
    ] {
        let found = store.take_code(account, step, now).await.unwrap();
        assert_eq!(found, is_taken, "{account} {step}");
    }
}

/// A session that a host of this clock begins.
fn begun(account: &Account, id: &str, now: Timestamp) -> Session {
    Session {
        id: id.into(),
        account: account.name.clone(),
        kind: Kind::Whole,
        title: String::new(),
        started: account.session_start(now),
        until: now.plus_micros(3_600_000_000),
        ended: false,
        address: String::new(),
        agent: String::new(),
    }
}

#[tokio::test]
async fn what_a_host_began_whose_clock_is_ahead_ends_by_one_whose_clock_is_behind() {
    let server = Server::start();
    let store = server.store().await;
    // Sessions are kept for thirty days after their end.
    let clock = i64::from(store.clock().await.unwrap());
    let at = |second: i64| Timestamp::from_seconds(clock + second);
    let mut account = Account::new("anna".into(), Role::Analyst, "h".into(), "b", at(0));
    account.must_change = false;
    store.add_account(&account).await.unwrap();
    let (behind, ahead) = (at(10), at(40));
    for id in ["one", "other"] {
        let session = begun(&account, id, ahead);
        store.record_session(&session, ahead).await.unwrap();
    }
    let of = async |id: &str| store.session(id).await.unwrap().unwrap();
    // One is ended.
    let ended = Session {
        ended: true,
        ..of("one").await
    };
    store.record_session(&ended, behind).await.unwrap();
    assert!(of("one").await.ended, "the end counts, not the beginning");
    assert!(!of("other").await.ended);
    // All are ended.
    let mut changed = account.changed("ivan", behind);
    changed.sessions_since = store.end_of_sessions("anna", behind).await.unwrap();
    assert!(store.change_account(&account, &changed).await.unwrap());
    let stored = store.account("anna").await.unwrap().unwrap();
    let standing = of("other").await.standing(&stored, behind);
    assert_eq!(standing, Standing::Over);
    // Who signs in after that is in, whatever the clock says.
    let session = begun(&stored, "next", behind);
    store.record_session(&session, behind).await.unwrap();
    let standing = of("next").await.standing(&stored, behind);
    assert_eq!(standing, Standing::Whole);
    assert_eq!(
        store.end_of_sessions("nobody", behind).await.unwrap(),
        behind.plus_micros(1)
    );
}

#[tokio::test]
async fn the_newest_use_of_a_session_counts() {
    let server = Server::start();
    let store = server.store().await;
    assert_eq!(
        store.last_use("s").await.unwrap(),
        Timestamp::from_seconds(0)
    );
    for second in [60, 180, 120] {
        store.record_use("s", at(second)).await.unwrap();
    }
    store.record_use("t", at(999)).await.unwrap();
    assert_eq!(store.last_use("s").await.unwrap(), at(180));
}
