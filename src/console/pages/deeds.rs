//! What people do to alerts: what a form wants, whether it fits how the alerts stand, and what was done since whoever sent it looked.

use std::collections::HashMap;

use uuid::Uuid;

use crate::access::{self, Permission};
use crate::alert::Alert;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::notify::now;
use crate::triage::{self, Action, Basis, Deed, Seen, Verdict};

/// Longest comment.
pub(super) const COMMENT: usize = 2_000;

/// What is to be done, and what was said of it.
pub(super) struct Wanted<'f> {
    pub(super) deed: Deed,
    pub(super) comment: &'f str,
}

/// An alert to which it was not done, as it stands now.
pub(super) struct Left {
    pub(super) alert: Alert,
    pub(super) actions: Vec<Action>,
    /// What was seen of it.
    pub(super) seen: Option<Basis>,
}

/// What became of it.
#[derive(Default)]
pub(super) struct Outcome {
    /// Alerts to which it was done.
    pub(super) done: usize,
    pub(super) left: Vec<Left>,
    /// Alerts that are no longer there.
    pub(super) gone: usize,
}

impl Left {
    /// What was done since the alert was seen, comments aside.
    pub(super) fn missed(&self) -> Vec<&Action> {
        let missed = self.seen.map(|seen| seen.missed(&self.actions));
        missed.unwrap_or_default()
    }

    /// Where it stands.
    pub(super) fn state(&self) -> triage::State {
        triage::state(&self.actions, Seen::of(&self.alert))
    }
}

/// What a form wants done.
pub(super) async fn wanted<'f>(
    shared: &Shared,
    form: &'f Form,
    reader: &str,
) -> Result<Wanted<'f>, Failure> {
    let comment = form.get("comment");
    let deed = deed(shared, form, reader).await?;
    Ok(Wanted { deed, comment })
}

async fn deed(shared: &Shared, form: &Form, reader: &str) -> Result<Deed, Failure> {
    let comment = form.get("comment");
    if comment.chars().count() > COMMENT {
        return Err(Failure::Wrong(
            "Комментарий длиннее 2000 знаков.",
            "The comment is longer than 2,000 characters.",
        ));
    }
    let wants_words = |deed: Deed| {
        if comment.is_empty() {
            Err(Failure::Wrong(
                "Напишите, почему: без этого решение не поймёт тот, кто придёт после.",
                "Say why: without it whoever comes later will not understand the decision.",
            ))
        } else {
            Ok(deed)
        }
    };
    match form.get("deed") {
        "acknowledge" => Ok(Deed::Acknowledge),
        "take" => Ok(Deed::Assign {
            to: reader.to_owned(),
        }),
        "assign" if form.all("to").next().is_none() => Err(Failure::Wrong("Кому?", "To whom?")),
        "assign" => Ok(Deed::Assign {
            to: assignee(shared, form.get("to")).await?,
        }),
        "comment" => wants_words(Deed::Comment),
        "true" => wants_words(Deed::Close(Verdict::True)),
        "false" => wants_words(Deed::Close(Verdict::False)),
        "harmless" => wants_words(Deed::Close(Verdict::Harmless)),
        "reopen" => wants_words(Deed::Reopen),
        _ => Err(Failure::Wrong("Что сделать?", "What is to be done?")),
    }
}

/// The name of an account as a form has it, if whoever signs in with it works on alerts; empty stands for nobody.
async fn assignee(shared: &Shared, text: &str) -> Result<String, Failure> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let account = match access::name(text) {
        Ok(name) => shared.store.account(&name).await?,
        Err(_) => None,
    };
    let account = account.filter(|it| it.is_let(Permission::Triage));
    account.map(|it| it.name).ok_or(Failure::Wrong(
        "Поручить некому: такой учётной записи нет, она отключена, или её роль не разбирает оповещения.",
        "It cannot be assigned so: there is no such account, it is disabled, or its role does not work on alerts.",
    ))
}

/// Does to alerts, each with what was seen of it, what is wanted, where that fits how they stand and nobody did anything since; of an alert of which nothing is said
/// to have been seen it is enough that it fits. Comments are always taken.
pub(super) async fn record(
    shared: &Shared,
    reader: &Reader,
    asked: &[(Uuid, Option<Basis>)],
    wanted: &Wanted<'_>,
) -> Result<Outcome, Failure> {
    let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
    let store = &shared.store;
    // One after the other, so that nothing builds on what another is just changing.
    let _turn = shared.deeds.lock().await;
    let (alerts, mut actions) =
        tokio::try_join!(store.alerts_by_ids(&ids), store.actions_of_all(&ids))?;
    let mut alerts: HashMap<Uuid, Alert> = alerts.into_iter().map(|it| (it.id, it)).collect();
    let mut outcome = Outcome::default();
    let (mut deeds, mut fitting) = (Vec::new(), Vec::new());
    for (id, seen) in asked {
        let Some(alert) = alerts.remove(id) else {
            outcome.gone += 1;
            continue;
        };
        let left = Left {
            actions: actions.remove(id).unwrap_or_default(),
            alert,
            seen: *seen,
        };
        let basis = Basis::of(&left.actions);
        let is_seen = wanted.deed == Deed::Comment || seen.is_none_or(|seen| seen == basis);
        if is_seen && wanted.deed.fits(left.state()) {
            deeds.push((action(reader, &left.alert, wanted, basis), basis));
            fitting.push(left);
        } else {
            outcome.left.push(left);
        }
    }
    let done = store.record_upon(&deeds).await?;
    outcome.done = done.len();
    fitting.retain(|it| !done.contains(&it.alert.id));
    if !fitting.is_empty() {
        let ids: Vec<Uuid> = fitting.iter().map(|it| it.alert.id).collect();
        let mut actions = store.actions_of_all(&ids).await?;
        for left in &mut fitting {
            left.seen = left.seen.or(Some(Basis::of(&left.actions)));
            left.actions = actions.remove(&left.alert.id).unwrap_or_default();
        }
        outcome.left.append(&mut fitting);
    }
    Ok(outcome)
}

fn action(reader: &Reader, alert: &Alert, wanted: &Wanted<'_>, basis: Basis) -> Action {
    let time = match wanted.deed {
        Deed::Comment => now(),
        _ => basis.after(now()),
    };
    Action {
        alert: alert.id,
        time,
        actor: reader.name().to_owned(),
        deed: wanted.deed.clone(),
        comment: wanted.comment.to_owned(),
        seen: Seen::of(alert),
    }
}
