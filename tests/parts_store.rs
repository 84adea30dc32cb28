//! The `ClickHouse` of the harness is up, keeps what it acknowledged through a kill, and lets an analyst in, but not write.

mod parts;

use parts::{ClickHouse, Request};

#[test]
fn a_server_keeps_rows_through_a_kill_and_a_start_on_the_same_ports() {
    let mut clickhouse = ClickHouse::start();
    let make = "CREATE TABLE gatewatch.kept (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = 'encrypted'";
    clickhouse
        .ask("CREATE DATABASE IF NOT EXISTS gatewatch")
        .unwrap();
    clickhouse.ask(make).unwrap();
    clickhouse
        .ask("INSERT INTO gatewatch.kept SELECT number FROM numbers(1000)")
        .unwrap();
    assert!(clickhouse.ask("no such statement").is_err());

    clickhouse.process().kill9();
    clickhouse.start_again();
    assert_eq!(
        clickhouse.number("SELECT count() FROM gatewatch.kept"),
        1000
    );

    let analyst = |sql| {
        Request::with_body("POST", clickhouse.http_port(), "/", sql)
            .header("X-ClickHouse-User", ClickHouse::ANALYST)
            .header("X-ClickHouse-Key", ClickHouse::ANALYST_PASSWORD)
            .send()
            .unwrap()
    };
    assert_eq!(analyst("SELECT 1").body, "1\n");
    assert_ne!(analyst("INSERT INTO gatewatch.kept VALUES (1)").status, 200);
}
