//! The configuration: complete built-in defaults, one commented file, environment overrides.
//!
//! A section is a file here, in the words of the part that it is for; parts get their section by value.

mod decode;
mod enrich;
mod mail;
mod store;
mod track;

pub use decode::Decode;
pub use enrich::Enrich;
pub use mail::Mail;
pub use store::Store;
pub use track::Track;
