//! The pages: a file each, with its template of the same name.

pub(super) mod account;
pub(super) mod accounts;
pub(super) mod acknowledge;
mod agreement;
pub(super) mod alert;
pub(super) mod alerts;
pub(super) mod api;
pub(super) mod asset;
pub(super) mod audit;
pub(super) mod decisions;
mod deeds;
pub(super) mod entity;
mod event;
pub(super) mod events;
pub(super) mod incidents;
pub(super) mod integrations;
pub(super) mod overview;
pub(super) mod persons;
pub(super) mod proposals;
pub(super) mod rules;
pub(super) mod sign_in;
pub(super) mod sources;
