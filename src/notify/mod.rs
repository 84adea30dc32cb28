//! Notify: alerts become mails, each recipient's in their language, none twice, none in a flood.
//!
//! Delivery contract. Alerts are read from their topic in order. What is to be said of an alert is decided by
//! [`policy`] alone, from the alert, the clock that is handed in and the ledger of what was said before. After the
//! server took a mail, that is written to the ledger and acknowledged; only then the offset of the alert may be committed.
//! So a kill at any instant costs at most one mail sent twice, and the second has the Message-ID of the first.

mod about;
mod background;
mod daily;
mod desk;
mod direct;
mod error;
mod ledger;
mod links;
pub mod mail;
mod message;
mod outbox;
mod outcomes;
pub mod policy;
mod service;
mod settings;
mod stage;
mod test_mail;
mod topic;
mod transport;

pub use background::{Backgrounds, Found, Wanted};
pub use direct::{Ledger, run_direct};
pub use error::{NotifyError, SendError};
pub use ledger::{Entry, Key, RecipientKey, State};
pub use links::Links;
pub use outcomes::{Counter, Outcomes};
pub(crate) use service::now;
pub use service::{Topics, run};
pub use stage::Stage;

/// What mails have beyond their words, where somebody provides it.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Asked for what a mail says beyond its alert.
    pub backgrounds: Option<Backgrounds>,
    /// Makes links that acknowledge an alert.
    pub links: Option<Links>,
}

pub use test_mail::send_test_mail;
