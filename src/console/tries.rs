//! Tries to sign in: let through by browser, or by name and address, and put on record where they fail.

use std::net::IpAddr;
use std::sync::Arc;

use metrics::counter;
use serde_json::{Value, json};
use tracing::warn;

use super::reader::Reader;
use super::shared::{Deed, Shared};
use crate::access::{Account, Device, Poured, Try, Wait, network_of};
use crate::event::Timestamp;
use crate::store::StoreError;
use crate::telemetry::metric;

/// A try to sign in that was let through.
pub(super) enum Tried {
    /// From a browser that signed in with this name before.
    Known(Try<String>),
    /// From any other, by name and by address.
    Stranger(Try<String>, Option<Poured<IpAddr>>),
}

impl Tried {
    pub(super) fn begin(
        shared: &Shared,
        reader: &Reader,
        name: &str,
        device: Option<Device>,
        now: Timestamp,
    ) -> Result<Tried, Wait> {
        if let Some(device) = device {
            return Ok(Tried::Known(shared.by_device.begin(device.id, now)?));
        }
        let address = reader.address.map(network_of);
        let address = address.map(|it| shared.by_address.begin(it, now));
        let address = address.transpose()?;
        match shared.by_name.begin(name.to_owned(), now) {
            Ok(name) => Ok(Tried::Stranger(name, address)),
            Err(wait) => {
                if let Some(address) = address {
                    shared.by_address.take_back(&address);
                }
                Err(wait)
            }
        }
    }

    /// It was right, and does not count.
    pub(super) fn take_back(self, shared: &Shared) {
        match self {
            Tried::Known(device) => shared.by_device.take_back(&device),
            Tried::Stranger(name, address) => {
                shared.by_name.take_back(&name);
                if let Some(address) = address {
                    shared.by_address.take_back(&address);
                }
            }
        }
    }
}

/// The browser that asks, where somebody signed in with this name from it before. ClickHouse is asked only where it shows something.
pub(super) async fn device(
    shared: &Shared,
    reader: &Reader,
    name: &str,
    now: Timestamp,
) -> Result<Option<Device>, StoreError> {
    if reader.device.is_empty() {
        return Ok(None);
    }
    let account = shared.store.account(name).await?;
    let usable = account.filter(|account| !account.disabled);
    Ok(usable.and_then(|it| Device::read(&shared.vault, &it, &reader.device, now)))
}

/// Somebody is in: what failed before is forgotten, of the browser where it is known, else of the name.
pub(super) fn is_in(shared: &Shared, reader: &Reader, account: &Account, now: Timestamp) {
    match Device::read(&shared.vault, account, &reader.device, now) {
        Some(device) => shared.by_device.succeeded(&device.id),
        None => shared.by_name.succeeded(&account.name),
    }
    shared.by_account.succeeded(&account.name);
}

/// Puts a refusal on record beside the answer: one that came later for names that exist would tell which do.
pub(super) fn failed(
    shared: &Arc<Shared>,
    reader: &Reader,
    name: &str,
    what: &'static str,
    now: Timestamp,
) {
    counter!(metric::SIGN_INS, "outcome" => "refused").increment(1);
    let (shared, name) = (Arc::clone(shared), name.to_owned());
    let detail = json!({ "address": reader.from(), "agent": reader.agent });
    tokio::spawn(async move {
        let recorded = record_refusal(&shared, &name, what, detail, now).await;
        if let Err(problem) = recorded {
            warn!(%problem, "a refused sign-in is not on record");
        }
    });
}

async fn record_refusal(
    shared: &Shared,
    name: &str,
    what: &'static str,
    detail: Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Who tries any name writes no audit: the counter is for them.
    if shared.store.account(name).await?.is_none() {
        return Ok(());
    }
    let deed = Deed {
        actor: name,
        action: "refused",
        kind: "session",
        object: name,
        title: format!("sign-in refused: {what}"),
        detail,
    };
    shared.audit(deed, now).await
}
