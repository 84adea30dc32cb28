//! Changes of accounts that need two administrators: one proposes, another confirms within a day, and each tells one half of a new password.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;

use super::accounts::{self, Fresh, Wanted};
use crate::access::{Permission, Proposal, mark};
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::names;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::{Deed, Shared};
use crate::event::Timestamp;
use crate::notify::mail::Clean;
use crate::notify::now;

/// A proposal as the page of accounts shows it.
pub(super) struct Row {
    pub(super) link: String,
    pub(super) account: Clean,
    pub(super) what: Clean,
    pub(super) role_name: &'static str,
    pub(super) by: Clean,
    pub(super) time: Timestamp,
    pub(super) until: Timestamp,
    pub(super) is_readers: bool,
}

/// Proposals that wait.
pub(super) async fn rows(
    shared: &Shared,
    reader: &Reader,
    page: &Page,
) -> Result<Vec<Row>, Failure> {
    let open = shared.store.open_proposals(now()).await?;
    let rows = open.into_iter().map(|it| Row {
        link: format!("/proposals/{}", it.id),
        account: Clean::of(&it.account, 64),
        what: names::said(names::REASONS, it.change.name(), page.locale()),
        role_name: page.role_name(it.role),
        by: Clean::of(&it.by, 64),
        time: it.time,
        until: it.until(),
        is_readers: it.by == reader.name(),
    });
    Ok(rows.collect())
}

/// Proposes a change, where another administrator can confirm it.
pub(super) async fn propose(
    shared: &Shared,
    reader: &Reader,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Response, Failure> {
    let accounts = shared.store.accounts().await?;
    let mut others = accounts.iter().filter(|it| it.name != reader.name());
    if !others.any(|it| it.is_let(Permission::Administer)) {
        return Ok(answer::elsewhere("/accounts?said=alone"));
    }
    let half = wanted.change.makes_password().then(accounts::half_password);
    let sealed = half.as_ref().map(|half| {
        let owner = owner(wanted.name);
        shared.vault.seal(&owner, half.as_bytes())
    });
    let proposal = Proposal {
        id: mark(),
        account: wanted.name.to_owned(),
        change: wanted.change,
        role: wanted.role,
        before: wanted.before.map_or(0, |account| account.revision),
        half: sealed.unwrap_or_default(),
        by: reader.name().to_owned(),
        time: now,
    };
    shared.store.propose(&proposal).await?;
    audit(shared, reader, &proposal, "proposed", now).await?;
    let Some(half) = half else {
        return Ok(answer::elsewhere("/accounts?said=proposed"));
    };
    let page = Page::new(shared, reader, "administration");
    let fresh = Fresh {
        name: Clean::of(wanted.name, 64),
        password: half,
        part: page.say(
            "Это первая половина. Вторую увидит администратор, который подтвердит; пароль состоит из обеих подряд.",
            "This is the first half. Whoever confirms it sees the second; the password is both, one after the other.",
        ),
    };
    accounts::shown(shared, page, reader, Some(fresh), None).await
}

/// For whom the half of a password is sealed: not as the second factor of the account is.
fn owner(account: &str) -> String {
    format!("proposal {account}")
}

async fn audit(
    shared: &Shared,
    reader: &Reader,
    proposal: &Proposal,
    action: &'static str,
    now: Timestamp,
) -> Result<(), Failure> {
    let (change, by) = (proposal.change.name(), &proposal.by);
    let deed = Deed {
        actor: reader.name(),
        action,
        kind: "account",
        object: &proposal.account,
        title: format!(
            "{change} of {}: {action}, proposed by {by}",
            proposal.account
        ),
        detail: json!({
            "role": proposal.role.name(), "reason": change, "proposal": proposal.id, "proposed_by": by, "address": reader.from(),
        }),
    };
    Ok(shared.audit(deed, now).await?)
}

/// Confirms a proposal of somebody else, or rejects one.
pub(in crate::console) async fn settle(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let now = now();
    let open = shared.store.open_proposals(now).await?;
    let proposal = open.into_iter().find(|it| it.id == id);
    let proposal = proposal.ok_or(Failure::NotFound)?;
    match form.get("deed") {
        "confirm" => confirm(&shared, &reader, &proposal, now).await,
        "reject" => {
            take(&shared, &reader, &proposal, "rejected", now).await?;
            Ok(answer::elsewhere("/accounts?said=done"))
        }
        _ => Err(Failure::Wrong("Что сделать?", "What is to be done?")),
    }
}

/// Settles it, unless somebody else did.
async fn take(
    shared: &Shared,
    reader: &Reader,
    proposal: &Proposal,
    state: &'static str,
    now: Timestamp,
) -> Result<(), Failure> {
    let store = &shared.store;
    if !store
        .settle_proposal(proposal, state, reader.name())
        .await?
    {
        return Err(Failure::Changed);
    }
    audit(shared, reader, proposal, state, now).await
}

async fn confirm(
    shared: &Shared,
    reader: &Reader,
    proposal: &Proposal,
    now: Timestamp,
) -> Result<Response, Failure> {
    if proposal.by == reader.name() {
        return Err(Failure::Wrong(
            "Своё предложение подтверждает другой администратор.",
            "Another administrator confirms what you proposed.",
        ));
    }
    let proposer = shared.store.account(&proposal.by).await?;
    if !proposer.is_some_and(|it| it.is_let(Permission::Administer)) {
        return Err(Failure::Wrong(
            "Кто это предложил, больше не администратор.",
            "Whoever proposed it is no administrator any more.",
        ));
    }
    let before = shared.store.account(&proposal.account).await?;
    if before.as_ref().map_or(0, |it| it.revision) != proposal.before {
        return Err(Failure::Changed);
    }
    let second = accounts::half_password();
    let password = whole_password(shared, proposal, &second)?;
    take(shared, reader, proposal, "approved", now).await?;
    let wanted = Wanted {
        change: proposal.change,
        name: &proposal.account,
        before: before.as_ref(),
        role: proposal.role,
    };
    let said = accounts::make(shared, reader, &wanted, password.as_deref(), now).await?;
    if said != "done" || password.is_none() {
        return Ok(answer::elsewhere(&format!("/accounts?said={said}")));
    }
    let page = Page::new(shared, reader, "administration");
    let fresh = Fresh {
        name: Clean::of(&proposal.account, 64),
        password: second,
        part: page.say(
            "Это вторая половина. Первую видел администратор, который это предложил.",
            "This is the second half. The administrator who proposed it saw the first.",
        ),
    };
    accounts::shown(shared, page, reader, Some(fresh), None).await
}

/// The password of both halves; `None` where the change makes none.
fn whole_password(
    shared: &Shared,
    proposal: &Proposal,
    second: &str,
) -> Result<Option<String>, Failure> {
    if !proposal.change.makes_password() {
        return Ok(None);
    }
    let first = shared.vault.open(&owner(&proposal.account), &proposal.half);
    let first = first.and_then(|bytes| String::from_utf8(bytes).ok());
    let first = first.ok_or(Failure::Wrong(
        "Первая половина пароля не читается: предложите заново.",
        "The first half of the password cannot be read: propose it again.",
    ))?;
    Ok(Some(first + second))
}
