//! Access: who may do what in the console and over its API.
//!
//! An account has one role, a role has permissions ([`Role::may`]); a page says which permission it needs. Accounts, sessions and tokens are kept in ClickHouse, so any
//! instance knows them; secrets are kept as hashes, second factors sealed ([`Vault`]).

mod account;
mod attempts;
mod bucket;
mod device;
mod link;
mod password;
mod proposal;
mod role;
mod session;
mod totp;
mod vault;

pub use account::{Account, NameError, name};
pub use attempts::{Attempts, Try, Wait, network_of};
pub use bucket::{Buckets, Poured};
pub use device::{Device, KNOWN_SECONDS as DEVICE_KNOWN_SECONDS};
pub use link::Acknowledgement;
pub use password::{
    Busy, PasswordError, SHORTEST as SHORTEST_PASSWORD, Verifier, check as check_password,
};
pub use proposal::{Change, PROPOSAL_US, Proposal};
pub use role::{Permission, Role};
pub use session::{Kind, Session, Standing};
pub use totp::{Enrolment, recovery_codes, recovery_hash, second_factor};
pub use vault::{KeyError, Vault, mark, random, token_hash};
