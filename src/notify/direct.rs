//! The notifier without Kafka: alerts come through a channel, entries of the ledger go back through another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::desk::{Desk, Office};
use super::mail::Bulletin;
use super::service::now;
use super::topic::stopped;
use super::{Entry, Extras, NotifyError, Outcomes, SendError};
use crate::alert::Alert;
use crate::config;

const TICK: Duration = Duration::from_millis(250);
/// A letter on its way when the stop comes gets so long to land.
const LANDING: Duration = Duration::from_secs(5);

/// Where the ledger lies without Kafka.
#[derive(Debug)]
pub enum Ledger {
    /// In memory: what was mailed is forgotten with the process.
    Memory,
    /// With the caller, who keeps it in a table.
    Kept {
        /// What was written before, oldest first.
        earlier: Vec<Entry>,
        /// Takes what is to be written. An entry lost by a kill costs one mail sent twice, with the same Message-ID.
        written: mpsc::Sender<Entry>,
    },
}

/// Runs until the alerts end or `stop` says so. When the alerts end, letters that wait still go out, as long as the
/// server takes them (the caller may set a limit by `stop`); summaries that are not due yet go out at once. With
/// `mail.enabled` off alerts are taken and nothing is sent.
///
/// # Errors
/// For settings that cannot work.
pub async fn run_direct(
    mut alerts: mpsc::Receiver<Alert>,
    ledger: Ledger,
    mail: &config::Mail,
    bulletin: watch::Receiver<Bulletin>,
    extras: Extras,
    mut stop: watch::Receiver<bool>,
    outcomes: Arc<Outcomes>,
) -> Result<(), NotifyError> {
    if !mail.enabled {
        while alerts.recv().await.is_some() {}
        return Ok(());
    }
    let mut desk = Office::new(mail, extras, outcomes)?.open();
    let written = match ledger {
        Ledger::Memory => None,
        Ledger::Kept { earlier, written } => {
            for entry in &earlier {
                desk.restore(entry);
            }
            Some(written)
        }
    };
    let mut ticks = tokio::time::interval(TICK);
    let mut open = true;
    while open || desk.waiting() > 0 {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some((number, result)) = desk.landed() => settle(&mut desk, number, &result, written.as_ref()).await,
            _ = ticks.tick() => {
                let held = desk.tick(&bulletin.borrow(), now());
                keep(held, written.as_ref()).await;
            }
            alert = alerts.recv(), if open && desk.has_room() => {
                if let Some(alert) = alert {
                    // There is no offset to hold back: the caller keeps alerts and ledger.
                    let decided = desk.decide(&alert, &bulletin.borrow().decided, now());
                    desk.write(&alert, &decided, 0, now()).await;
                    keep(decided.held, written.as_ref()).await;
                } else {
                    open = false;
                    desk.flush(now());
                }
            }
        }
        desk.launch(now());
    }
    let landing = async {
        while let Some((number, result)) = desk.landed().await {
            settle(&mut desk, number, &result, written.as_ref()).await;
        }
    };
    if tokio::time::timeout(LANDING, landing).await.is_err() {
        warn!(
            "a mail was on its way when the time to stop was over; it may go out again with the same Message-ID"
        );
    }
    info!(waiting = desk.waiting(), "notifier stops");
    Ok(())
}

async fn settle(
    desk: &mut Desk,
    number: u64,
    result: &Result<(), SendError>,
    written: Option<&mpsc::Sender<Entry>>,
) {
    if let Some(finished) = desk.settle(number, result, now()) {
        keep(vec![finished.entry], written).await;
        desk.acknowledged(finished.number);
    }
}

async fn keep(entries: Vec<Entry>, written: Option<&mpsc::Sender<Entry>>) {
    let Some(written) = written else { return };
    for entry in entries {
        if written.send(entry).await.is_err() {
            warn!("nobody keeps the ledger any more; after a restart mails may go out again");
        }
    }
}
