//! Triage: what people do to alerts, and what follows from it.
//!
//! A case is the sum of its actions, which are only ever added to; its state is read off them. An alert that was closed comes back when it shows more than whoever closed
//! it saw ([`Seen::shows_more`]), and not for more of the same. One that statistics raised and a person called false narrows what is told of that entity and feature
//! ([`Narrowing`]) until the alert is opened again; it is stored all the same.

mod exception;

use std::collections::HashMap;
use std::fmt;

use uuid::Uuid;

use crate::alert::Alert;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::track::{Entity, Reason, is_statistical};
pub use exception::{CHECK, Draft, is_of_rules};

/// So many times as many events are more than was seen.
const STEP: u64 = 10;
/// So many times rarer has to be what is told although the like was called false.
const RARER: f64 = 10.0;

/// Something that a person did to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The alert.
    pub alert: Uuid,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub deed: Deed,
    /// What was said of it.
    pub comment: String,
    /// What the alert showed then.
    pub seen: Seen,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody has seen it.
    Acknowledge,
    /// Somebody works on it.
    Assign {
        /// Who; empty where nobody does any more.
        to: String,
    },
    /// Something was said of it.
    Comment,
    /// It is over.
    Close(Verdict),
    /// It is to be looked at again.
    Reopen,
}

/// What an alert was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Verdict {
    /// What it says is so, and was dealt with
    True,
    /// What it says is not so
    False,
    /// It is so, and does no harm
    Harmless,
}

/// What of an alert was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Events behind it.
    pub count: u64,
    /// How bad it was.
    pub level: Level,
    /// Rules whose findings it merged.
    pub rules: u32,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked.
    New,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody works on it.
    InWork,
    /// It is over.
    Closed(Verdict),
    /// It was over, and was opened again by a person or by what came since.
    Reopened,
}

impl Deed {
    /// The stable name, as it is stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Deed::Acknowledge => "acknowledge",
            Deed::Assign { .. } => "assign",
            Deed::Comment => "comment",
            Deed::Close(Verdict::True) => "close",
            Deed::Close(Verdict::False) => "false_positive",
            Deed::Close(Verdict::Harmless) => "harmless",
            Deed::Reopen => "reopen",
        }
    }

    /// What is stored under a name; `None` for one that this version does not know.
    #[must_use]
    pub fn of(name: &str, assignee: &str) -> Option<Deed> {
        Some(match name {
            "acknowledge" => Deed::Acknowledge,
            "assign" => Deed::Assign {
                to: assignee.to_owned(),
            },
            "comment" => Deed::Comment,
            "close" => Deed::Close(Verdict::True),
            "false_positive" => Deed::Close(Verdict::False),
            "harmless" => Deed::Close(Verdict::Harmless),
            "reopen" => Deed::Reopen,
            _ => return None,
        })
    }
}

impl Deed {
    /// Whether it can be done to an alert that stands so: what is open is not opened, nobody works on what is closed, another verdict needs that it be opened
    /// first, and to have seen what somebody works on is no step back.
    #[must_use]
    pub const fn fits(&self, state: State) -> bool {
        match self {
            Deed::Reopen => !state.is_open(),
            Deed::Acknowledge => state.is_open() && !matches!(state, State::InWork),
            Deed::Assign { .. } | Deed::Close(_) => state.is_open(),
            Deed::Comment => true,
        }
    }
}

/// What a deed builds on: when the newest one before it was done, comments aside, as whoever does it saw the alert. As text it is that in microseconds, `0` where nobody
/// had done anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis(i64);

impl Basis {
    /// That of an alert to which this was done.
    #[must_use]
    pub fn of(actions: &[Action]) -> Basis {
        let deeds = actions.iter().filter(|it| it.deed != Deed::Comment);
        Basis(deeds.map(|it| it.time.micros()).max().unwrap_or(0))
    }

    /// That of an alert to which the newest deed was done then.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Basis {
        Basis(micros)
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Basis> {
        text.parse().ok().map(Basis)
    }

    /// What was done since, comments aside.
    #[must_use]
    pub fn missed(self, actions: &[Action]) -> Vec<&Action> {
        let deeds = actions.iter().filter(|it| it.deed != Deed::Comment);
        deeds.filter(|it| it.time.micros() > self.0).collect()
    }

    /// When a deed that builds on it is done: behind what it builds on, whatever the clock says, or it would change nothing.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_micros(self.0.saturating_add(1)))
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl State {
    /// All of them, those that somebody has to do something about first.
    pub const ALL: [State; 7] = [
        State::New,
        State::Acknowledged,
        State::InWork,
        State::Reopened,
        State::Closed(Verdict::True),
        State::Closed(Verdict::False),
        State::Closed(Verdict::Harmless),
    ];

    /// The state of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The stable name, as the view `alerts_latest` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::New => "new",
            State::Acknowledged => "acknowledged",
            State::InWork => "in_work",
            State::Closed(Verdict::True) => "closed_true",
            State::Closed(Verdict::False) => "closed_false",
            State::Closed(Verdict::Harmless) => "closed_harmless",
            State::Reopened => "reopened",
        }
    }

    /// Whether somebody has to do something about it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, State::Closed(_))
    }
}

impl Seen {
    /// What an alert shows now.
    #[must_use]
    pub fn of(alert: &Alert) -> Seen {
        Seen {
            count: alert.count,
            level: alert.rule.level,
            rules: u32::try_from(alert.rules.len()).unwrap_or(u32::MAX),
        }
    }

    /// Whether it is more than somebody saw: another rule, a higher level, ten times as many events.
    #[must_use]
    pub fn shows_more(self, than: Seen) -> bool {
        self.beyond(than) != Beyond::default()
    }

    /// What is more of it than somebody saw.
    #[must_use]
    pub fn beyond(self, than: Seen) -> Beyond {
        Beyond {
            rules: self.rules > than.rules,
            level: self.level > than.level,
            events: self.count >= than.count.max(1).saturating_mul(STEP),
        }
    }
}

/// What an alert shows more than somebody saw of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Another rule fired.
    pub rules: bool,
    /// Its level is higher.
    pub level: bool,
    /// Its events are ten times as many.
    pub events: bool,
}

/// How an alert was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When. An alert may be closed again, so this stands for the closing wherever it is kept that it was told.
    pub time: Timestamp,
    /// What it was found to be.
    pub verdict: Verdict,
    /// What it showed then.
    pub seen: Seen,
}

/// An alert that was closed and shows more since, which nobody has done anything about.
#[derive(Clone, Debug, PartialEq)]
pub struct Reopened {
    /// The alert.
    pub alert: Alert,
    /// How it had been closed.
    pub closing: Closing,
}

/// Where an alert stands that shows so much, by what was done to it, oldest first.
#[must_use]
pub fn state(actions: &[Action], now: Seen) -> State {
    let mut state = State::New;
    for action in actions {
        state = match &action.deed {
            Deed::Comment => state,
            Deed::Assign { to } if !to.is_empty() => State::InWork,
            Deed::Acknowledge | Deed::Assign { .. } => State::Acknowledged,
            Deed::Close(verdict) if !now.shows_more(action.seen) => State::Closed(*verdict),
            Deed::Close(_) | Deed::Reopen => State::Reopened,
        };
    }
    state
}

/// An open alert that nobody has done anything about.
#[derive(Clone, Debug, PartialEq)]
pub struct Unacknowledged {
    /// The alert.
    pub alert: Alert,
    /// Since then: its first event, or when it was opened again.
    pub since: Timestamp,
}

/// What follows from what people did, for those who tell people of alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// How alerts were closed that nobody has done anything about since.
    pub closed: HashMap<Uuid, Closing>,
    /// What was called false.
    pub narrowings: Vec<Narrowing>,
}

/// An entity and a feature of which only what is much rarer is told, since a person called the like false.
#[derive(Clone, Debug, PartialEq)]
pub struct Narrowing {
    /// The alert that was called false.
    pub alert: Uuid,
    /// Whom it is about.
    pub entity: Entity,
    /// The feature, as its reason names it.
    pub metric: String,
    /// How probable the reason was.
    pub probability: f64,
    /// Who said so.
    pub actor: String,
    /// When.
    pub time: Timestamp,
}

/// Why nobody is told of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Untold<'d> {
    /// It was closed, and shows no more than was seen then.
    Closed,
    /// The like was called false.
    Narrowed(&'d Narrowing),
}

impl Narrowing {
    /// What calling an alert false narrows; `None` where it says nothing of statistics: there an exception of the rule is the way ([`Draft`]).
    #[must_use]
    pub fn of(alert: &Alert, actor: &str, time: Timestamp) -> Option<Narrowing> {
        let (metric, probability) = feature(alert)?;
        Some(Narrowing {
            alert: alert.id,
            entity: alert.entity.clone(),
            metric: metric.to_owned(),
            probability,
            actor: actor.to_owned(),
            time,
        })
    }

    /// Probability from which on it is told again.
    #[must_use]
    pub fn told_from(&self) -> f64 {
        self.probability / RARER
    }

    fn holds_back(&self, alert: &Alert) -> bool {
        let Some((metric, probability)) = feature(alert) else {
            return false;
        };
        self.alert != alert.id
            && self.entity == alert.entity
            && self.metric == metric
            && probability > self.told_from()
    }
}

/// The feature by which statistics raised an alert, and how probable it was.
fn feature(alert: &Alert) -> Option<(&str, f64)> {
    match &alert.reason {
        Reason::Baseline {
            metric,
            probability,
            ..
        } if is_statistical(&alert.rule.family) => Some((metric, *probability)),
        _ => None,
    }
}

impl Decided {
    /// Why nobody is told of an alert now; `None` where there is no reason.
    #[must_use]
    pub fn untold(&self, alert: &Alert) -> Option<Untold<'_>> {
        if self.closed.contains_key(&alert.id) && self.reopened(alert).is_none() {
            return Some(Untold::Closed);
        }
        let mut narrowings = self.narrowings.iter();
        narrowings
            .find(|narrowing| narrowing.holds_back(alert))
            .map(Untold::Narrowed)
    }

    /// An alert that was closed and of which it is to be told that it shows more since, by what is known here.
    #[must_use]
    pub fn reopening(&self, alert: Alert) -> Option<Reopened> {
        let closing = *self.reopened(&alert)?;
        self.untold(&alert)
            .is_none()
            .then_some(Reopened { alert, closing })
    }

    /// How an alert was closed that shows more since; `None` where it was not closed, or shows no more.
    #[must_use]
    pub fn reopened(&self, alert: &Alert) -> Option<&Closing> {
        let closing = self.closed.get(&alert.id)?;
        Seen::of(alert).shows_more(closing.seen).then_some(closing)
    }
}

#[cfg(test)]
mod tests;
