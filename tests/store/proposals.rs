//! Changes of accounts that wait for another administrator, as several instances settle them.

use gatewatch::access::{Change, PROPOSAL_US, Proposal, Role};
use gatewatch::event::Timestamp;

use super::server::Server;

fn proposal(id: &str, time: Timestamp) -> Proposal {
    Proposal {
        id: id.into(),
        account: "officer".into(),
        change: Change::Password,
        role: Role::DataProtectionOfficer,
        before: 7,
        half: "sealed".into(),
        by: "anna".into(),
        time,
    }
}

#[tokio::test]
async fn a_proposal_waits_for_a_day_and_is_settled_by_one() {
    let server = Server::start();
    let store = server.store().await;
    // Proposals are kept for thirty days.
    let now = Timestamp::from_seconds(store.clock().await.unwrap().into());
    let (first, second) = (proposal("a", now), proposal("b", now.plus_micros(1)));
    for it in [&first, &second] {
        store.propose(it).await.unwrap();
    }
    let open = store.open_proposals(now).await.unwrap();
    assert_eq!(open, [first.clone(), second.clone()]);
    let last = now.plus_micros(PROPOSAL_US);
    let open = store.open_proposals(last).await.unwrap();
    assert_eq!(open, std::slice::from_ref(&second), "a day is over");
    let tasks: Vec<_> = (1..=8)
        .map(|number| {
            let (store, second) = (store.clone(), second.clone());
            let state = if number % 2 == 0 {
                "approved"
            } else {
                "rejected"
            };
            tokio::spawn(async move { store.settle_proposal(&second, state, "ivan").await })
        })
        .collect();
    let mut settled = 0;
    for task in tasks {
        settled += usize::from(task.await.unwrap().unwrap());
    }
    assert_eq!(settled, 1);
    let open = store.open_proposals(now).await.unwrap();
    assert_eq!(open, std::slice::from_ref(&first));
    let halves = server.ask("SELECT half FROM account_proposals FINAL WHERE id = 'b'");
    let halves = halves.await.unwrap();
    assert_eq!(halves.trim(), "", "what is settled keeps no half");
}
