//! Source: yields raw batches of one partition in offset order, from Kafka, a file or standard input.
//!
//! A source never moves an offset: what was read counts as delivered only when the pipeline says so.

mod batch;
mod budget;
mod consumer;
pub mod kafka;
pub mod lines;
mod reader;

pub use batch::RawBatch;
pub use budget::Budget;
pub use consumer::{Assigned, Consumer, GroupContext, GroupEvent, Lag};
pub use reader::poll_loop;
