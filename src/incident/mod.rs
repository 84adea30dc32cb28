//! Incidents with personal data: an alert that a person declared to be one, and what the law asks for from then on.
//!
//! The operator has 24 hours from the moment of detection to tell Roskomnadzor, and 72 for the results of its inquiry (152-FZ, article 21,
//! part 3.1); a controller has 72 to tell the supervisory authority (GDPR, article 33). An incident is the sum of its steps, which are only
//! ever added to.

mod clock;
mod notice;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Locale;
use crate::event::Timestamp;
pub use clock::{Clock, Reminder, State};
pub use notice::{Operator, notice};

/// Ids of incidents and reminders are UUID v5 in this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x3b8f_52d0_9c17_4e0a_8a55_0d9e_6f21_b7c4);

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The incident.
    pub incident: Uuid,
    /// When it was done.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub what: What,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum What {
    /// An alert was declared an incident.
    Declared(Box<Declared>),
    /// Something became known.
    Said {
        /// What it is about.
        about: About,
        /// What was said.
        text: String,
    },
    /// An authority was told.
    Notified {
        /// By which duty.
        clock: Clock,
        /// When.
        at: Timestamp,
        /// Number of the notice, or how it was sent.
        reference: String,
    },
    /// It is over.
    Closed {
        /// With what result.
        text: String,
    },
}

/// What a declaration says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// The alert.
    pub alert: Uuid,
    /// Other alerts that belong to it: those that were linked to it when it was declared.
    #[serde(default)]
    pub linked: Vec<Uuid>,
    /// Its title.
    pub title: String,
    /// The same in Russian, where its rule has it.
    pub title_ru: Option<String>,
    /// Whom it is about; with linked alerts whom all are about.
    pub entity: String,
    /// When it was detected: the clocks run from here.
    pub detected: Timestamp,
    /// First and last event of the alert, or of all of them.
    pub events: (Timestamp, Timestamp),
    /// Which duties there are.
    pub clocks: Vec<Clock>,
    /// Categories of personal data, in a person's words.
    pub categories: Vec<String>,
    /// What the log shows of the data; `None` when nothing picks the calls of the alert.
    pub affected: Option<Affected>,
}

impl Declared {
    /// What happened, in the reader's language where there are words.
    #[must_use]
    pub fn title(&self, locale: Locale) -> &str {
        match locale {
            Locale::Ru => self.title_ru.as_deref().unwrap_or(&self.title),
            Locale::En => &self.title,
        }
    }
}

/// What the log shows of data that answered calls of the alert's entity handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Answered calls.
    pub calls: u64,
    /// Calls that were refused or failed.
    pub refused: u64,
    /// Different persons in whose name calls were made.
    pub subjects: u64,
    /// Records that the answers carried.
    pub records: u64,
    /// Types of resources with how many different ones.
    pub resources: Vec<(String, u64)>,
    /// Names of fields that answers carried.
    pub fields: Vec<String>,
    /// Integrations.
    pub integrations: Vec<String>,
    /// Countries of the addresses that called.
    pub countries: Vec<String>,
}

/// What something that became known is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// What brought it about
    Cause,
    /// What harm there may be to persons
    Harm,
    /// What was done against it
    Measure,
    /// Whose actions brought it about
    Culprit,
    /// Anything else
    Note,
}

impl About {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            About::Cause => "cause",
            About::Harm => "harm",
            About::Measure => "measure",
            About::Culprit => "culprit",
            About::Note => "note",
        }
    }
}

impl What {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            What::Declared(_) => "declared",
            What::Said { .. } => "said",
            What::Notified { .. } => "notified",
            What::Closed { .. } => "closed",
        }
    }

    /// What it is about: the kind of what was said, or the clock.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        match self {
            What::Said { about, .. } => about.name(),
            What::Notified { clock, .. } => clock.name(),
            What::Declared(_) | What::Closed { .. } => "",
        }
    }

    /// What was said, in one text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            What::Declared(declared) => &declared.title,
            What::Said { text, .. } | What::Closed { text } => text,
            What::Notified { reference, .. } => reference,
        }
    }
}

/// The incident of an alert: there is one at most.
#[must_use]
pub fn incident_id(alert: Uuid) -> Uuid {
    Uuid::new_v5(&NAMESPACE, alert.as_bytes())
}

/// An incident as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Its id.
    pub id: Uuid,
    /// When it was declared.
    pub time: Timestamp,
    /// Who declared it.
    pub by: String,
    /// What was declared.
    pub declared: Declared,
    /// What was done since, oldest first.
    pub steps: Vec<Step>,
}

impl Incident {
    /// The incidents of steps that come in any order, oldest incident first. Steps of an incident that nobody declared are left out, and
    /// of several declarations the first counts.
    #[must_use]
    pub fn of(mut steps: Vec<Step>) -> Vec<Incident> {
        steps.sort_by_key(|step| step.time);
        let mut incidents: Vec<Incident> = Vec::new();
        for step in &steps {
            let is_new = incidents
                .iter()
                .all(|incident| incident.id != step.incident);
            if let (What::Declared(declared), true) = (&step.what, is_new) {
                incidents.push(Incident {
                    id: step.incident,
                    time: step.time,
                    by: step.actor.clone(),
                    declared: (**declared).clone(),
                    steps: Vec::new(),
                });
            }
        }
        for step in steps {
            if matches!(step.what, What::Declared(_)) {
                continue;
            }
            let mut of = incidents.iter_mut();
            if let Some(incident) = of.find(|incident| incident.id == step.incident) {
                incident.steps.push(step);
            }
        }
        incidents
    }

    /// When and with what result it was closed.
    #[must_use]
    pub fn closed(&self) -> Option<(Timestamp, &str)> {
        self.steps.iter().rev().find_map(|step| match &step.what {
            What::Closed { text } => Some((step.time, text.as_str())),
            _ => None,
        })
    }

    /// What was said about something, oldest first.
    pub fn said(&self, about: About) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(move |step| match &step.what {
            What::Said { about: what, text } if *what == about => Some(text.as_str()),
            _ => None,
        })
    }

    /// Each duty with its state.
    pub fn clocks(&self) -> impl Iterator<Item = (Clock, State)> {
        self.declared.clocks.iter().map(|clock| {
            let told = self.steps.iter().find_map(|step| match &step.what {
                What::Notified {
                    clock: which,
                    at,
                    reference,
                } if which == clock => Some((*at, reference.clone())),
                _ => None,
            });
            let due = self.declared.detected.plus_micros(clock.micros());
            (*clock, State { due, told })
        })
    }

    /// What people are to be reminded of now: of each duty that is open the newest step that was reached, and the declaration itself.
    #[must_use]
    pub fn reminders(&self, now: Timestamp) -> Vec<Reminder> {
        if self.closed().is_some() {
            return Vec::new();
        }
        let open = self.clocks().filter(|(_, state)| state.told.is_none());
        let reached = open.filter_map(|(clock, state)| {
            let step = clock.reached(state.due, self.time, now)?;
            Some(Reminder::step(self.id, clock, step))
        });
        std::iter::once(Reminder::declared(self.id))
            .chain(reached)
            .collect()
    }
}

#[cfg(test)]
mod tests;
