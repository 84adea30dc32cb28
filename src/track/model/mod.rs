//! Models: what learns from numbers alone and says how rare what it sees is. No event, no entity, no clock.
//!
//! [`Stream`] watches one series of numbers, [`Ensemble`] looks for rows of a table that are unlike the others.

mod digest;
mod ensemble;
mod forest;
mod neighbours;
mod ranks;
mod rows;
mod scale;
mod stream;
mod tails;

pub(crate) use digest::{Digest, Ends, Tail};
pub use ensemble::{Ensemble, Member};
pub use forest::Forest;
pub use rows::{Rows, RowsError};
pub use stream::{Signs, Stream};
