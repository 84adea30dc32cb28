//! Pipeline: wires source, detection, shards and store; delivery, recovery and shutdown.
//!
//! `docs/delivery.md` is its contract. The way of a record: [`worker`] and [`builder`] make blocks, [`deliver`] takes each
//! block through its steps, [`tracking`] applies it to the shards, [`outbox`] publishes what they find.
//! [`reload`] puts edited rules in force. [`session`] (Kafka) and [`file_session`] own the threads; [`service`] runs sessions until it is told to stop.

pub mod active;
mod alert_store;
mod audit;
pub mod background;
mod builder;
mod bulletin;
mod chain;
mod control;
mod daily;
mod deliver;
pub mod detection;
mod file_session;
mod health;
mod http;
mod killpoint;
mod linking;
mod looks;
mod mailing;
mod measures;
pub mod models;
pub mod offline;
mod offsets;
mod outage;
mod outbox;
mod plan;
mod promises;
mod publish;
mod recover;
mod reload;
pub mod responder;
mod retry;
pub mod service;
mod session;
pub mod shards;
mod state;
mod tracking;

pub mod webhook;
mod worker;
mod workers;

pub use plan::Plan;
