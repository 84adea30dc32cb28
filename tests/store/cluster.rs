//! Two shards: a block goes to one of them, and when it is sent again it meets the same one.

use gatewatch::config;
use gatewatch::store::{EventBlock, Store, StoredCount, Verdict};

use super::server::{Server, event, recent};
use crate::ports::Ports;

#[tokio::test]
async fn two_shards_hold_each_row_once() {
    let ports = [Ports::take(2), Ports::take(2)];
    let folder = tempfile::tempdir().unwrap();
    let extra = folder.path().join("cluster.xml");
    let shard = |tcp: u16| {
        format!(
            "<shard><replica><host>127.0.0.1</host><port>{tcp}</port><user>gatewatch</user><password>writer-password</password></replica></shard>"
        )
    };
    let shards = shard(ports[0].get(1)) + &shard(ports[1].get(1));
    let text =
        format!("<clickhouse><remote_servers><pair>{shards}</pair></remote_servers></clickhouse>");
    std::fs::write(&extra, text).unwrap();
    let servers = ports.map(|ports| Server::start_with(Some(&extra), ports));
    let clustered = |server: &Server| config::Store {
        cluster: Some("pair".to_owned()),
        ..server.config()
    };
    for server in &servers {
        Store::connect(&clustered(server))
            .await
            .unwrap()
            .migrate()
            .await
            .unwrap();
    }
    let store = Store::connect(&clustered(&servers[0])).await.unwrap();
    for partition in 0..8 {
        let mut block = EventBlock::new("requests", partition, "k1");
        for offset in 0..100 {
            block.push(
                &event(offset as u64, recent()),
                &Verdict::default(),
                offset,
                None,
            );
        }
        let insert = block.finish();
        for _ in 0..2 {
            store
                .insert(&format!("t/{partition}"), &insert)
                .await
                .unwrap();
        }
    }
    let mut each = Vec::new();
    for server in &servers {
        each.push(
            server
                .ask("SELECT count() FROM events")
                .await
                .unwrap()
                .parse::<u64>()
                .unwrap(),
        );
        let rolled =
            "SELECT (SELECT sum(requests) FROM traffic_minute) = (SELECT count() FROM events)";
        assert_eq!(server.ask(rolled).await.unwrap(), "1");
    }
    assert_eq!(each.iter().sum::<u64>(), 800);
    assert!(each.iter().all(|rows| *rows > 0), "{each:?}");
    assert_eq!(
        store.count_range("requests", 5, 0, 100).await.unwrap(),
        StoredCount {
            events: 100,
            dead_letters: 0
        }
    );
}
