//! The clocks of the law, and when people are reminded of them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NAMESPACE;
use crate::event::Timestamp;

const HOUR: i64 = 3_600_000_000;
/// Days after its end on which a duty that nobody did is told again.
const DAYS_PAST: i64 = 7;

/// A duty with a time.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
pub enum Clock {
    /// Tell Roskomnadzor of the incident: 152-FZ, article 21, part 3.1, item 1
    #[serde(rename = "152-fz-24h")]
    #[value(name = "152-fz-24h")]
    First,
    /// Tell Roskomnadzor the results of the inquiry: 152-FZ, article 21, part 3.1, item 2
    #[serde(rename = "152-fz-72h")]
    #[value(name = "152-fz-72h")]
    Inquiry,
    /// Tell the supervisory authority: GDPR, article 33, paragraph 1
    #[serde(rename = "gdpr-72h")]
    #[value(name = "gdpr-72h")]
    Gdpr,
}

/// How a duty stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// When it has to be done.
    pub due: Timestamp,
    /// When it was done, and the number of the notice.
    pub told: Option<(Timestamp, String)>,
}

/// What a reminder is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// The same step has the same id, so that it is sent once.
    pub id: Uuid,
    /// Which duty; `None`: that the incident was declared.
    pub clock: Option<Clock>,
}

impl Clock {
    /// All.
    pub const ALL: [Clock; 3] = [Clock::First, Clock::Inquiry, Clock::Gdpr];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Clock::First => "152-fz-24h",
            Clock::Inquiry => "152-fz-72h",
            Clock::Gdpr => "gdpr-72h",
        }
    }

    /// What has to be done and where that is written: in Russian and in English.
    #[must_use]
    pub const fn duty(self) -> (&'static str, &'static str) {
        match self {
            Clock::First => (
                "Уведомить Роскомнадзор об инциденте (152-ФЗ, ст. 21, ч. 3.1, п. 1)",
                "Tell Roskomnadzor of the incident (152-FZ, art. 21, part 3.1, item 1)",
            ),
            Clock::Inquiry => (
                "Сообщить Роскомнадзору о результатах расследования (152-ФЗ, ст. 21, ч. 3.1, п. 2)",
                "Tell Roskomnadzor the results of the inquiry (152-FZ, art. 21, part 3.1, item 2)",
            ),
            Clock::Gdpr => (
                "Уведомить надзорный орган (GDPR, ст. 33, п. 1)",
                "Tell the supervisory authority (GDPR, art. 33, para. 1)",
            ),
        }
    }

    /// How long it runs from the detection, in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        match self {
            Clock::First => 24 * HOUR,
            Clock::Inquiry | Clock::Gdpr => 72 * HOUR,
        }
    }

    /// Hours before the end at which people are reminded.
    const fn hours_left(self) -> [i64; 4] {
        match self {
            Clock::First => [12, 4, 1, 0],
            Clock::Inquiry | Clock::Gdpr => [24, 4, 1, 0],
        }
    }

    /// The newest step that was reached, in hours before the end; below 0 once it is past. Steps that lay behind when the incident was
    /// declared are told with the declaration.
    pub(super) fn reached(
        self,
        due: Timestamp,
        declared: Timestamp,
        now: Timestamp,
    ) -> Option<i64> {
        let past = (1..=DAYS_PAST).map(|day| -24 * day);
        let steps = self.hours_left().into_iter().chain(past);
        steps.rev().find(|hours| {
            let at = due.plus_micros(-hours * HOUR);
            at > declared && at <= now
        })
    }
}

impl Reminder {
    pub(super) fn declared(incident: Uuid) -> Self {
        Reminder {
            id: Uuid::new_v5(&NAMESPACE, format!("{incident} declared").as_bytes()),
            clock: None,
        }
    }

    pub(super) fn step(incident: Uuid, clock: Clock, hours: i64) -> Self {
        let name = format!("{incident} {} {hours}", clock.name());
        Reminder {
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            clock: Some(clock),
        }
    }
}
