//! Tries to sign in: let through by name and by address, put on record where they fail.

use std::net::IpAddr;
use std::sync::Arc;

use metrics::counter;
use serde_json::{Value, json};
use tracing::warn;

use super::reader::Reader;
use super::shared::{Deed, Shared};
use crate::access::{Try, Wait, network_of};
use crate::event::Timestamp;
use crate::store::StoreError;
use crate::telemetry::metric;

/// A try that was let through, by name and by address.
pub(super) struct Tried {
    name: Try<String>,
    address: Option<Try<IpAddr>>,
}

impl Tried {
    pub(super) fn begin(
        shared: &Shared,
        reader: &Reader,
        name: &str,
        now: Timestamp,
    ) -> Result<Tried, Wait> {
        let address = reader.address.map(network_of);
        let address = address.map(|it| shared.by_address.begin(it, now));
        let address = address.transpose()?;
        match shared.by_name.begin(name.to_owned(), now) {
            Ok(name) => Ok(Tried { name, address }),
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
        shared.by_name.take_back(&self.name);
        if let Some(address) = self.address {
            shared.by_address.take_back(&address);
        }
    }
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
