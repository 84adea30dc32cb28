//! Telemetry: gatewatch's own log and the inventory of its metrics.

mod log;
pub mod metric;

pub use log::init as init_log;
