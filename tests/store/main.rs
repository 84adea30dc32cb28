//! The store against the real server: the embedded ClickHouse, started from the built binary.
//!
//! `GATEWATCH_CHDB` names libchdb.so; without it these tests fail, so that nobody takes them for passed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the numbers are small and made here"
)]

mod accounts;
mod chain;
mod cluster;
mod deeds;
mod encryption;
mod history;
mod incident_list;
mod inserts;
mod links;
mod measure;
mod migrations;
mod people;
#[path = "../parts/ports.rs"]
mod ports;
mod proposals;
mod rarest;
mod reopened;
mod response;
mod search;
mod series;
mod server;
mod triage;
