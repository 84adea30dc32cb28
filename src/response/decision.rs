//! A decision and its steps: what was done, where it stands, what renews it.

use uuid::Uuid;

use super::Target;
use crate::alert::Alert;
use crate::event::Timestamp;

/// Ids of proposals are UUID v5 of their alert and its round in this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x54c1_0e6b_7a3d_4f90_9d28_b3e7_1fa4_60c5);

/// Who approves where the configuration lets it.
pub const AUTOMATIC: &str = "gatewatch: response.automatic";
/// Who proposes and renews.
const OURSELVES: &str = "gatewatch";

/// A decision is renewed when less than half of its time is left.
const NEAR: i64 = 2;
/// And not before a sixteenth of it has gone by since its end was set: while a backlog is read, the newest event is hours old and each end is near.
const RARELY: i64 = 16;

/// One thing that was done about a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The decision.
    pub decision: Uuid,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub what: What,
    /// Why.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody should decide.
    Proposed(Proposal),
    /// It is in force.
    Approved {
        /// Until then, where a person has said for how long; else as the proposal says.
        until: Option<Timestamp>,
    },
    /// The alert behind it goes on, so it ends later.
    Renewed {
        /// Until then.
        until: Timestamp,
    },
    /// It will not be.
    Rejected,
    /// It is no longer.
    Revoked,
}

/// What is to be blocked, until when, and because of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What.
    pub target: Target,
    /// Until then.
    pub until: Timestamp,
    /// The alert, where one proposed it.
    pub alert: Option<Uuid>,
    /// The rule family of the alert; `manual` where a person proposed it.
    pub family: String,
}

impl What {
    /// The stable name, as it is stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            What::Proposed(_) => "proposed",
            What::Approved { .. } => "approved",
            What::Renewed { .. } => "renewed",
            What::Rejected => "rejected",
            What::Revoked => "revoked",
        }
    }

    /// The end that it sets; `None` where it sets none.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            What::Proposed(proposal) => Some(proposal.until),
            What::Approved { until } => *until,
            What::Renewed { until } => Some(*until),
            What::Rejected | What::Revoked => None,
        }
    }

    /// How a decision has to stand for a person to do it.
    #[must_use]
    pub const fn follows(&self) -> Option<Standing> {
        match self {
            What::Proposed(_) | What::Renewed { .. } => None,
            What::Approved { .. } | What::Rejected => Some(Standing::Proposed),
            What::Revoked => Some(Standing::Approved),
        }
    }
}

/// Where a decision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody should decide.
    Proposed,
    /// It is in force, until it ends.
    Approved,
    /// It never was in force.
    Rejected,
    /// It was, and is no longer.
    Revoked,
    /// Its time is over.
    Ended,
}

impl Standing {
    /// All of them, those that somebody has to do something about first.
    pub const ALL: [Standing; 5] = [
        Standing::Proposed,
        Standing::Approved,
        Standing::Rejected,
        Standing::Revoked,
        Standing::Ended,
    ];

    /// The standing of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Proposed => "proposed",
            Standing::Approved => "approved",
            Standing::Rejected => "rejected",
            Standing::Revoked => "revoked",
            Standing::Ended => "ended",
        }
    }
}

/// A decision with all that was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: Uuid,
    /// What is to be blocked.
    pub proposal: Proposal,
    /// What was done, oldest first.
    pub steps: Vec<Step>,
}

/// What a person decides at once: proposed and approved in one.
#[must_use]
pub fn blocked(
    target: Target,
    lasts_us: i64,
    actor: &str,
    reason: &str,
    now: Timestamp,
) -> [Step; 2] {
    let decision = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{target:?}/{}/{actor}", now.micros()).as_bytes(),
    );
    let step = |what: What| Step {
        decision,
        time: now,
        actor: actor.to_owned(),
        what,
        reason: reason.to_owned(),
    };
    let proposal = Proposal {
        target,
        until: now.plus_micros(lasts_us),
        alert: None,
        family: "manual".to_owned(),
    };
    [
        step(What::Proposed(proposal)),
        step(What::Approved { until: None }),
    ]
}

impl Decision {
    /// Decisions that steps, oldest first, make; steps of none that was proposed are left out.
    #[must_use]
    pub fn of(steps: Vec<Step>) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for step in steps {
            if let Some(at) = places.get(&step.decision) {
                let decision: &mut Decision = &mut decisions[*at];
                decision.steps.push(step);
            } else if let What::Proposed(proposal) = &step.what {
                places.insert(step.decision, decisions.len());
                decisions.push(Decision {
                    id: step.decision,
                    proposal: proposal.clone(),
                    steps: vec![step],
                });
            }
        }
        decisions
    }

    /// What was decided and until when, whether that is over or not. What was rejected or revoked stays so; of several ends the last that was set counts.
    fn course(&self) -> (Standing, Timestamp) {
        let mut course = (Standing::Proposed, self.proposal.until);
        for step in &self.steps {
            let (standing, until) = course;
            let later = step.what.until().unwrap_or(until);
            course = match (&step.what, standing) {
                (What::Approved { .. }, Standing::Proposed | Standing::Approved) => {
                    (Standing::Approved, later)
                }
                (What::Renewed { .. }, Standing::Proposed | Standing::Approved) => {
                    (standing, later)
                }
                (What::Rejected, Standing::Proposed) => (Standing::Rejected, until),
                (What::Revoked, Standing::Approved) => (Standing::Revoked, until),
                _ => course,
            };
        }
        course
    }

    /// Where it stands.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.course() {
            (Standing::Proposed | Standing::Approved, until) if until <= now => Standing::Ended,
            (standing, _) => standing,
        }
    }

    /// What was decided, whether its time is over or not.
    #[must_use]
    pub fn decided(&self) -> Standing {
        self.course().0
    }

    /// When it ends by itself.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.course().1
    }

    /// Whether a person can do this to it now. What nobody decided can be approved after its end too: it is in force from then on.
    #[must_use]
    pub fn takes(&self, what: &What, now: Timestamp) -> bool {
        let stands = match what {
            What::Approved { .. } => self.decided(),
            _ => self.standing(now),
        };
        what.follows() == Some(stands)
    }

    /// The last step that was more than to go on.
    #[must_use]
    pub fn last_deed(&self) -> Option<&Step> {
        let mut newest_first = self.steps.iter().rev();
        newest_first.find(|step| !matches!(step.what, What::Renewed { .. }))
    }

    /// Its renewals, oldest first.
    #[must_use]
    pub fn renewals(&self) -> impl DoubleEndedIterator<Item = &Step> {
        let steps = self.steps.iter();
        steps.filter(|step| matches!(step.what, What::Renewed { .. }))
    }

    /// When its end was set last.
    fn end_set(&self) -> Timestamp {
        let mut newest_first = self.steps.iter().rev();
        let step = newest_first.find(|step| step.what.until().is_some());
        step.map_or_else(Timestamp::default, |step| step.time)
    }

    /// Since when it is in force until the end that it has now.
    pub(super) fn in_force_since(&self) -> Timestamp {
        let mut newest_first = self.steps.iter().rev();
        let step = newest_first
            .find(|step| matches!(step.what, What::Approved { .. } | What::Renewed { .. }));
        step.map_or_else(Timestamp::default, |step| step.time)
    }

    /// The end that it had before it was renewed last.
    pub(super) fn earlier_end(&self) -> Option<Timestamp> {
        let newest_first = self.steps.iter().rev();
        let mut ends = newest_first.skip_while(|step| !matches!(step.what, What::Renewed { .. }));
        ends.next()?;
        ends.find_map(|step| step.what.until())
    }

    /// For how long a person approved it, in microseconds; `None` where nobody has said so.
    fn chosen_us(&self) -> Option<i64> {
        self.steps.iter().find_map(|step| match step.what {
            What::Approved { until } => Some(until?.since(step.time)),
            _ => None,
        })
    }
}

/// What renews the decision of an alert whose newest event this is: its end counts from there, for as long as the person who approved it has said, else for so many
/// microseconds. `None` where the end is not near or is late enough, and where somebody has decided against it.
#[must_use]
pub fn renewal(
    decision: &Decision,
    newest: Timestamp,
    lasts_us: i64,
    now: Timestamp,
) -> Option<Step> {
    let (Standing::Proposed | Standing::Approved, until) = decision.course() else {
        return None;
    };
    let lasts = decision.chosen_us().unwrap_or(lasts_us);
    let later = newest.plus_micros(lasts);
    let is_near = until.since(now) < lasts / NEAR;
    let is_rare = now.since(decision.end_set()) >= lasts / RARELY;
    let round = decision.renewals().count() + 1;
    (is_near && is_rare && later > until.max(now)).then(|| Step {
        decision: decision.id,
        time: now,
        actor: OURSELVES.to_owned(),
        what: What::Renewed { until: later },
        // Whoever else renews it now says the same.
        reason: format!("the alert goes on: renewal {round}"),
    })
}

/// The first step of what an alert proposes, for so many microseconds from its newest event on. The same alert proposes the same decision, and another one in each round: after
/// so many of its decisions.
#[must_use]
pub fn proposal(alert: &Alert, round: u32, lasts_us: i64, now: Timestamp) -> Option<Step> {
    let target = Target::of(alert)?;
    let mut name = alert.id.as_bytes().to_vec();
    if round > 0 {
        name.extend(round.to_be_bytes());
    }
    Some(Step {
        decision: Uuid::new_v5(&NAMESPACE, &name),
        time: now,
        actor: OURSELVES.to_owned(),
        what: What::Proposed(Proposal {
            target,
            until: alert.last.plus_micros(lasts_us),
            alert: Some(alert.id),
            family: alert.rule.family.clone(),
        }),
        reason: alert.rule.title.clone(),
    })
}
