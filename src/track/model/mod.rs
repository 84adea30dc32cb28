//! Models: what learns from numbers alone and says how rare what it sees is. No event, no entity, no clock.
//!
//! [`Stream`] watches one series of numbers, [`Ensemble`] looks for rows of a table that are unlike the others, [`Values`] for values of
//! parameters that are unlike those sent before.

mod digest;
mod ensemble;
mod forest;
mod neighbours;
mod ranks;
mod rows;
mod scale;
mod stream;
mod tails;
mod value;

pub(crate) use digest::{Digest, Ends};
pub use ensemble::{Ensemble, Member};
pub use forest::Forest;
pub use rows::{Rows, RowsError};
pub use stream::{Signs, Stream};
pub use value::{Desk, Judgement, Learning, Oddity, Values};
