//! The normalised event: one exchange through an API gateway, whatever the log format it came in.
//!
//! Types only, no I/O. The inventory in [`field`] is the one place where a field is added: the struct, the slots that
//! rules are compiled to, the JSON schema and the reference in `docs/events.md` all come from it.
//! Text is borrowed from the raw record where it can be, so a decoded event costs no allocation for most fields.

mod fact;
mod field;
mod position;
mod read;
pub mod schema;
mod target;
mod text;
mod time;

pub use fact::{Fact, FactSet};
pub use field::{Event, Field, Kind, Slot, Value};
pub use position::Position;
pub use read::EventSeed;
pub(crate) use read::by_name as field_by_key;
pub use target::Target;
pub use text::Text;
pub(crate) use text::is_hidden;
pub use time::{TimePart, Timestamp};
