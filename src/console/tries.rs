//! Tries to sign in: let through by browser, or by name and address, and put on record where they fail.

use std::net::IpAddr;
use std::sync::Arc;

use metrics::counter;
use serde_json::json;
use tracing::warn;

use super::reader::Reader;
use super::shared::{Deed, Shared};
use crate::access::{Account, Device, Poured, Try, Wait, network_of};
use crate::event::Timestamp;
use crate::store::StoreError;
use crate::telemetry::metric;

/// A try that has to wait.
pub(super) struct Held {
    /// So many seconds.
    pub(super) seconds: u64,
    /// Whether all of its address have to, whatever name they type.
    pub(super) is_address: bool,
}

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
    ) -> Result<Tried, Held> {
        if let Some(device) = device {
            let device = shared.by_device.begin(device.id, now);
            return device.map(Tried::Known).map_err(|wait| held(wait, false));
        }
        let address = reader.address.map(network_of);
        let address = address.map(|it| shared.by_address.begin(it, now));
        let address = address.transpose().map_err(|wait| held(wait, true))?;
        match shared.by_name.begin(name.to_owned(), now) {
            Ok(name) => Ok(Tried::Stranger(name, address)),
            Err(wait) => {
                if let Some(address) = address {
                    shared.by_address.take_back(&address);
                }
                Err(held(wait, false))
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

fn held(Wait(seconds): Wait, is_address: bool) -> Held {
    Held {
        seconds,
        is_address,
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

/// Why somebody is not let in, by its name in the audit.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    /// `session` of a sign-in, else `account`.
    pub(super) kind: &'static str,
    /// Where it was tried.
    pub(super) route: &'static str,
    /// One of [`super::names::REASONS`].
    pub(super) reason: &'static str,
}

/// A sign-in failed: it is counted, and put on record.
pub(super) fn failed(
    shared: &Arc<Shared>,
    reader: &Reader,
    name: &str,
    refusal: Refusal,
    now: Timestamp,
) {
    counter!(metric::SIGN_INS, "outcome" => "refused").increment(1);
    wrong(shared, reader, name, refusal, now);
}

/// Puts a refusal on record beside the answer: one that came later for names that exist would tell which do.
pub(super) fn wrong(
    shared: &Arc<Shared>,
    reader: &Reader,
    name: &str,
    refusal: Refusal,
    now: Timestamp,
) {
    let asked = Asked::by(reader, name);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        said(asked.record_wrong(&shared, refusal, now).await);
    });
}

/// The same of a try that has to wait, at most once a minute: nothing holds those up.
pub(super) fn delayed(
    shared: &Arc<Shared>,
    reader: &Reader,
    name: &str,
    refusal: Refusal,
    now: Timestamp,
) {
    let asked = Asked::by(reader, name);
    let who = if name.is_empty() {
        asked.network.as_str()
    } else {
        name
    };
    if !shared.strangers.is_due(who, refusal.route, now) {
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let is_known = asked.is_known(&shared).await;
        let recorded = match is_known {
            Ok(is_known) => asked.record(&shared, is_known, refusal, now).await,
            Err(problem) => Err(problem),
        };
        said(recorded);
    });
}

fn said(recorded: Result<(), StoreError>) {
    if let Err(problem) = recorded {
        warn!(%problem, "a refused sign-in is not on record");
    }
}

/// Who tried something, for the record.
struct Asked {
    name: String,
    /// The network that it came from.
    network: String,
    address: String,
    agent: String,
}

impl Asked {
    fn by(reader: &Reader, name: &str) -> Asked {
        let network = reader.address.map(|it| network_of(it).to_string());
        Asked {
            name: name.to_owned(),
            network: network.unwrap_or_default(),
            address: reader.from(),
            agent: reader.agent.clone(),
        }
    }

    async fn is_known(&self, shared: &Shared) -> Result<bool, StoreError> {
        Ok(shared.store.account(&self.name).await?.is_some())
    }

    /// Each failure of an account is on record; of names that are nobody's one a minute from a network.
    async fn record_wrong(
        &self,
        shared: &Shared,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.is_known(shared).await? {
            return self.record(shared, true, refusal, now).await;
        }
        let (network, route) = (&self.network, "unknown name");
        if !shared.strangers.is_due(network, route, now) {
            return Ok(());
        }
        let unknown = Refusal {
            reason: "unknown_name",
            ..refusal
        };
        let recorded = self.record(shared, false, unknown, now).await;
        if recorded.is_err() {
            shared.strangers.forget(network, route);
        }
        recorded
    }

    /// What is typed for a name may be a password: only names of accounts are kept.
    async fn record(
        &self,
        shared: &Shared,
        is_known: bool,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let name = if is_known { self.name.as_str() } else { "" };
        let deed = Deed {
            actor: name,
            action: "refused",
            kind: refusal.kind,
            object: name,
            title: format!("refused at {}: {}", refusal.route, refusal.reason),
            detail: json!({
                "address": self.address, "agent": self.agent, "route": refusal.route, "reason": refusal.reason,
            }),
        };
        shared.audit(deed, now).await
    }
}
