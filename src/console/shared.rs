//! What all pages share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::sync::{Mutex, Semaphore, watch};

use super::failure::Failure;
use super::live::News;
use super::reader::Visitor;
use super::refusals::Refusals;
use super::sessions::Sessions;
use super::turns::Turns;
use crate::access::{Account, Attempts, Buckets, Standing, Vault, Verifier};
use crate::alert::Kin;
use crate::config::Config;
use crate::contract::Contracts;
use crate::event::Timestamp;
use crate::notify::mail::Context;
use crate::response::AllowList;
use crate::sigma::RuleSet;
use crate::store::{AuditRow, Store, StoreError};

const HOUR_US: i64 = 3_600_000_000;
/// Failures of a name, a browser or an account that cost nothing.
const FREE: u32 = 3;
/// Failures of an address that cost nothing; one of them is forgotten each minute.
const FROM_ADDRESS: u32 = 30;
const LEAK_US: i64 = 60_000_000;
/// Pages that stay open for news at most.
const MOST_LISTENING: usize = 256;

/// How the service does that the console is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `active`, `standby` or `stopping`; empty where the console is served alone.
    pub state: &'static str,
    /// Parts that do not answer, and why.
    pub missing: Vec<(String, String)>,
    /// What is wrong with the rule files, while an earlier set stays in force.
    pub rules_refused: Option<String>,
    /// Nanoseconds that a rule's condition takes on one event, by the rule's id; empty where the console is served alone.
    pub costs: HashMap<String, u64>,
    /// What the service counts of itself; empty where it was not asked for, and where the console is served alone.
    pub measures: Vec<Measure>,
}

/// A number of the service's own, as `/metrics` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The metric: one of [`crate::telemetry::metric`].
    pub metric: &'static str,
    /// The partition or outcome that it is of; empty where it is of the whole.
    pub label: String,
    /// How much.
    pub value: i64,
}

impl Condition {
    /// The values of a metric with what each is of.
    pub(super) fn of<'c>(&'c self, metric: &'static str) -> impl Iterator<Item = (&'c str, i64)> {
        let all = self.measures.iter().filter(move |it| it.metric == metric);
        all.map(|it| (it.label.as_str(), it.value))
    }
}

/// What is handed in.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) vault: Vault,
    pub(super) allow: AllowList,
    pub(super) store: Arc<Store>,
    pub(super) rules: watch::Receiver<Arc<RuleSet>>,
    pub(super) contracts: Arc<Contracts>,
    /// Asked with `true` it says what the service counts of itself, too.
    pub(super) condition: Box<dyn Fn(bool) -> Condition + Send + Sync>,
}

/// What all pages share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) vault: Vault,
    pub(super) allow: AllowList,
    /// Every question goes by the bounds that are configured.
    pub(super) store: Arc<Store>,
    pub(super) turns: Turns,
    pub(super) rules: watch::Receiver<Arc<RuleSet>>,
    pub(super) contracts: Arc<Contracts>,
    pub(super) condition: Box<dyn Fn(bool) -> Condition + Send + Sync>,
    /// Zone of readers who have not said theirs.
    pub(super) zone: TimeZone,
    pub(super) sessions: Sessions,
    pub(super) verifier: Verifier,
    /// Failed sign-ins by name, and by address.
    pub(super) by_name: Attempts<String>,
    pub(super) by_address: Buckets<IpAddr>,
    /// Those of browsers that signed in before, by browser: others hold them up neither by name nor by address.
    pub(super) by_device: Attempts<String>,
    /// Codes and present passwords that were wrong, by account: whoever shows them has shown the password before.
    pub(super) by_account: Attempts<String>,
    /// Refusals that are on record, of accounts and of those who have not signed in.
    pub(super) refusals: Refusals,
    pub(super) strangers: Refusals,
    /// Held while a code is taken.
    pub(super) codes: Mutex<()>,
    /// Held while something is done to alerts.
    pub(super) deeds: Mutex<()>,
    pub(super) news: watch::Sender<News>,
    pub(super) listening: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Result<Arc<Shared>, jiff::Error> {
        let zone = TimeZone::get(&parts.config.mail.time_zone)?;
        let idle = i64::from(parts.config.console.idle_minutes.max(1)) * 60_000_000;
        let store = parts.store.bounded(&parts.config.console.bounds);
        Ok(Arc::new(Shared {
            zone,
            store: Arc::new(store),
            turns: Turns::new(&parts.config.console.bounds),
            sessions: Sessions::new(idle),
            verifier: Verifier::default(),
            by_name: Attempts::new(FREE),
            // Many may come from one address.
            by_address: Buckets::new(FROM_ADDRESS, LEAK_US),
            by_device: Attempts::new(FREE),
            by_account: Attempts::new(FREE),
            refusals: Refusals::default(),
            strangers: Refusals::default(),
            codes: Mutex::default(),
            deeds: Mutex::default(),
            news: watch::Sender::new(News::default()),
            listening: Arc::new(Semaphore::new(MOST_LISTENING)),
            config: parts.config,
            vault: parts.vault,
            allow: parts.allow,
            rules: parts.rules,
            contracts: parts.contracts,
            condition: parts.condition,
        }))
    }

    /// Where what is stored ends: behind the newest event, and not in the future. Of traffic that ended long ago pages show its end, and not an empty day.
    pub(super) async fn end_of_events(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let newest = self.store.newest_event().await?;
        Ok(newest.map_or(now, |newest| newest.min(now)).plus_micros(1))
    }

    /// What the words of alerts need, for a reader in this zone.
    pub(super) fn context(&self, zone: &TimeZone) -> Context {
        Context {
            zone: zone.clone(),
            name: self.config.mail.name.clone(),
            console_url: String::new(),
            acknowledge: String::new(),
            events_table: self.config.mail.events_table.clone(),
            kin: Kin::default(),
            closing: None,
            written: None,
        }
    }

    /// The account of a session as it is stored now: what changes it, or lets somebody in, goes by nothing that was read seconds ago.
    pub(super) async fn account_now(
        &self,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Account, Failure> {
        let name = &visitor.account.name;
        let account = self.store.account(name).await?;
        let is_good = |it: &Account| visitor.session.standing(it, now) != Standing::Over;
        account.filter(is_good).ok_or_else(|| {
            self.sessions.forget_account(name);
            Failure::Changed
        })
    }

    /// Puts a change of an account on record, unless somebody changed it since `before` was read.
    pub(super) async fn change(&self, before: &Account, changed: &Account) -> Result<(), Failure> {
        let is_done = self.store.change_account(before, changed).await?;
        self.sessions.forget_account(&changed.name);
        is_done.then_some(()).ok_or(Failure::Changed)
    }

    /// Puts on record what somebody did.
    pub(super) async fn audit(&self, deed: Deed<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.record(deed, now, now).await
    }

    /// Puts on record what somebody looked at: once an hour, however often and in whichever instance.
    pub(super) async fn audit_look(
        &self,
        deed: Deed<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.record(deed, now, now.floor_to(HOUR_US)).await
    }

    /// ClickHouse drops the same deed of the same `before`.
    async fn record(
        &self,
        deed: Deed<'_>,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let row = AuditRow {
            time: now,
            actor: deed.actor.to_owned(),
            action: deed.action,
            object_kind: deed.kind.to_owned(),
            object: deed.object.to_owned(),
            title: deed.title,
            detail: deed.detail.to_string(),
            before: before.micros(),
        };
        self.store.record_changes(&[row]).await
    }
}

/// What somebody did, for the audit.
pub(super) struct Deed<'d> {
    /// Who.
    pub(super) actor: &'d str,
    /// What was done.
    pub(super) action: &'static str,
    /// To what kind of thing.
    pub(super) kind: &'static str,
    /// To which one.
    pub(super) object: &'d str,
    /// One line for people.
    pub(super) title: String,
    /// What else is to be known.
    pub(super) detail: serde_json::Value,
}
