//! gatewatch: a security monitor and anomaly detector for API gateways.
//!
//! The modules stand in the order in which a record flows through them; imports go one way (`tests/imports.rs`).

pub mod config;
pub mod telemetry;

pub mod event;

pub mod source;

pub mod decode;

pub mod enrich;

pub mod sigma;

pub mod track;

pub mod alert;

pub mod store;

pub mod notify;

pub mod pipeline;

pub mod simulate;

pub mod cli;
