//! gatewatch: a security monitor and anomaly detector for API gateways.
//!
//! The modules stand in the order in which a record flows through them; imports go one way (`tests/imports.rs`).
//! Those that detect are deterministic: `clippy.toml` lists what they must not call.

pub mod config;
pub mod diagnostic;
pub mod memory;
mod paper;
pub mod picture;
mod random;
pub mod requirement;
pub mod telemetry;
mod tls;
mod yaml;

pub mod event;

pub mod source;

#[deny(clippy::disallowed_methods)]
pub mod decode;

#[deny(clippy::disallowed_methods)]
pub mod contract;

#[deny(clippy::disallowed_methods)]
pub mod enrich;

#[deny(clippy::disallowed_methods)]
pub mod sigma;

#[deny(clippy::disallowed_methods)]
pub mod track;

pub mod alert;

pub mod impact;
pub mod incident;

pub mod triage;

pub mod response;

pub mod webhook;

pub mod access;

pub mod store;

pub mod notify;

pub mod report;

pub mod console;

pub mod pipeline;

pub mod simulate;

pub mod cli;
