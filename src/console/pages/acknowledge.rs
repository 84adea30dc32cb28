//! The link of a mail that says: somebody has seen this alert. Its signature lets in for that alone, once; a button does it, as programs that look at mails follow links.
//! An alert that is opened again later is another matter: its next mail has a link of its own.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use uuid::Uuid;

use super::alert;
use crate::access::Acknowledgement;
use crate::alert::Alert;
use crate::console::answer;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::reader::Reader;
use crate::console::shared::Shared;
use crate::notify::mail::{self, Clean};
use crate::notify::now;
use crate::triage::{self, Action, Basis, Deed, Seen};

const HOUR_US: i64 = 3_600_000_000;

#[derive(Template)]
#[template(path = "acknowledge.html")]
struct Shown {
    page: Page,
    title: Clean,
    id: Uuid,
    who: Clean,
    pairs: [(&'static str, String); 4],
    stands: Stands,
}

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// It acknowledges its alert.
    Open,
    /// It did just now.
    Done,
    /// It did before, and the alert was opened again since.
    Spent,
    /// Somebody has seen the alert already, or is at work on it.
    Seen,
}

impl Stands {
    fn of(link: &Acknowledgement, lasts_us: i64, actions: &[Action], seen: Seen) -> Stands {
        let state = triage::state(actions, seen);
        if !matches!(state, triage::State::New | triage::State::Reopened) {
            return Stands::Seen;
        }
        // Mails carry the link from the newest event on that they tell of.
        let mailed = link.until.plus_micros(-lasts_us);
        let is_spent = actions
            .iter()
            .any(|it| it.deed == Deed::Acknowledge && it.actor == link.who && it.time >= mailed);
        if is_spent {
            Stands::Spent
        } else {
            Stands::Open
        }
    }
}

fn read<'q>(shared: &Shared, get: impl Fn(&str) -> &'q str) -> Result<Acknowledgement, Failure> {
    Acknowledgement::read(&shared.vault, get, now()).ok_or(Failure::Wrong(
        "Ссылка не отсюда или её срок истёк. Войдите и примите оповещение на его странице.",
        "This link is not from here, or has run out. Sign in and acknowledge the alert on its page.",
    ))
}

/// Where it stands with a link and its alert, and what the link's deed builds on.
async fn found(link: &Acknowledgement, shared: &Shared) -> Result<(Alert, Stands, Basis), Failure> {
    let found = alert::find(shared, link.alert).await?;
    let (alert, actions) = found.ok_or(Failure::NotFound)?;
    let lasts_us = i64::from(shared.config.console.acknowledge_hours) * HOUR_US;
    let stands = Stands::of(link, lasts_us, &actions, Seen::of(&alert));
    Ok((alert, stands, Basis::of(&actions)))
}

fn shown(
    link: &Acknowledgement,
    shared: &Shared,
    reader: &Reader,
    alert: &Alert,
    stands: Stands,
) -> Result<Response, Failure> {
    answer::page(&Shown {
        page: Page::new(shared, reader, ""),
        title: mail::title(alert, reader.locale),
        id: link.alert,
        who: Clean::of(&link.who, 120),
        pairs: link.pairs(&shared.vault),
        stands,
    })
}

pub(in crate::console) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let link = read(&shared, |name| query.get(name).map_or("", String::as_str))?;
    let (alert, stands, _) = found(&link, &shared).await?;
    shown(&link, &shared, &reader, &alert, stands)
}

pub(in crate::console) async fn take(
    State(shared): State<Arc<Shared>>,
    Extension(reader): Extension<Reader>,
    Extension(form): Extension<Form>,
) -> Result<Response, Failure> {
    let link = read(&shared, |name| form.exactly(name))?;
    // One after the other, as all that is done to alerts.
    let _turn = shared.deeds.lock().await;
    let (alert, mut stands, basis) = found(&link, &shared).await?;
    if stands == Stands::Open {
        let action = Action {
            alert: alert.id,
            time: basis.after(now()),
            actor: link.who.clone(),
            deed: Deed::Acknowledge,
            comment: String::new(),
            seen: Seen::of(&alert),
        };
        let done = shared.store.record_upon(&[(action, basis)]).await?;
        stands = if done.is_empty() {
            Stands::Seen
        } else {
            Stands::Done
        };
    }
    shown(&link, &shared, &reader, &alert, stands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;
    use crate::sigma::Level;
    use crate::triage::Verdict;

    const ALERT: Uuid = Uuid::from_u128(7);
    const SEEN: Seen = Seen {
        count: 30,
        level: Level::High,
        rules: 1,
    };

    fn action(second: i64, actor: &str, deed: Deed) -> Action {
        Action {
            alert: ALERT,
            time: Timestamp::from_seconds(second),
            actor: actor.to_owned(),
            deed,
            comment: String::new(),
            seen: SEEN,
        }
    }

    #[test]
    fn a_link_acknowledges_once_and_that_of_a_later_mail_again() {
        let hours = 72 * HOUR_US;
        let mut actions = Vec::new();
        let stands = |who: &str, mailed: i64, actions: &[Action]| {
            let link = Acknowledgement {
                alert: ALERT,
                who: who.to_owned(),
                until: Timestamp::from_seconds(mailed).plus_micros(hours),
            };
            Stands::of(&link, hours, actions, SEEN)
        };
        assert_eq!(stands("soc", 100, &actions), Stands::Open);
        actions.push(action(200, "soc", Deed::Acknowledge));
        assert_eq!(stands("soc", 100, &actions), Stands::Seen);
        actions.push(action(300, "anna", Deed::Close(Verdict::True)));
        actions.push(action(400, "anna", Deed::Reopen));
        assert_eq!(stands("soc", 100, &actions), Stands::Spent);
        assert_eq!(stands("noc", 100, &actions), Stands::Open);
        assert_eq!(stands("soc", 350, &actions), Stands::Open);
    }
}
