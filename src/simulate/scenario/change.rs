//! What becomes of ordinary traffic: records that are lost, calls that fail, a gateway that falls silent.

use serde::Deserialize;

use super::{Offset, Scenario, Span};
use crate::event::Timestamp;
use crate::random::{splitmix, stable_hash};
use crate::simulate::SimulateError;

/// A part of a scenario that changes ordinary traffic for a while instead of adding to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When it begins in the simulated span.
    pub start: Offset,
    /// How long it lasts.
    pub duration: Span,
    /// Which calls.
    pub of: Of,
    /// How many of them, per cent.
    #[serde(default = "all")]
    pub share: u32,
    /// What becomes of them.
    pub becomes: Becomes,
}

/// Which ordinary calls: all that fit everything that is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Of {
    /// Those of this gateway.
    pub gateway: Option<String>,
    /// Those of this integration.
    pub integration: Option<String>,
    /// Those of this client.
    pub client: Option<String>,
    /// Those of this route.
    pub route: Option<String>,
}

/// What becomes of an ordinary call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Becomes {
    /// It happens and has its running number, and its record never arrives.
    Lost,
    /// It never happens.
    Unsent,
    /// It fails, and is tried again as usual.
    Failed,
    /// It fails, and nobody tries again.
    Abandoned,
    /// Its record comes without status: the answer was never logged.
    Unanswered,
    /// It takes so many times as long.
    Slow(u32),
    /// A cache answers it, with what is so old.
    Stale(Span),
    /// Its record says that it came through this gateway.
    Misnamed(String),
    /// The partner logs it too, whatever else becomes of it.
    Mirrored,
    /// It goes past the gateway: only the partner logs it.
    Bypassed,
    /// The clock of its record is ahead by so much.
    Ahead(Span),
}

const fn all() -> u32 {
    100
}

impl Change {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=100).contains(&self.share) {
            return Err("share is per cent, from 1 to 100".to_owned());
        }
        match self.becomes {
            Becomes::Slow(times) if !(2..=1_000).contains(&times) => {
                Err("slow is from 2 to 1000 times".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// One ordinary call, as far as changes ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordinary<'a> {
    pub(crate) time: Timestamp,
    pub(crate) gateway: &'a str,
    /// Of a passer-by there is none of these.
    pub(crate) integration: Option<&'a str>,
    pub(crate) client: Option<&'a str>,
    pub(crate) route: Option<&'a str>,
    /// What the share is rolled from.
    pub(crate) bits: u64,
}

/// The changes of all scenarios.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    planned: Vec<Planned>,
    begin: Timestamp,
    end: Timestamp,
}

#[derive(Debug)]
struct Planned {
    scenario: usize,
    begin: Timestamp,
    end: Timestamp,
    salt: u64,
    change: Change,
}

impl Changes {
    /// Places the changes of all scenarios in the span.
    pub(crate) fn plan(
        scenarios: &[Scenario],
        seed: u64,
        start: Timestamp,
        span_us: i64,
    ) -> Result<Self, SimulateError> {
        let mut planned = Vec::new();
        for (scenario, of) in scenarios.iter().enumerate() {
            let draw = of.draw(seed);
            for change in &of.ordinary {
                let begin = change.start.micros(span_us, draw);
                let end = begin + change.duration.micros();
                if end > span_us {
                    return Err(SimulateError::DoesNotFit {
                        name: of.name.clone(),
                        needs_s: end / 1_000_000 + 1,
                        span_s: span_us / 1_000_000,
                    });
                }
                planned.push(Planned {
                    scenario,
                    begin: start.plus_micros(begin),
                    end: start.plus_micros(end),
                    salt: stable_hash(&of.name),
                    change: change.clone(),
                });
            }
        }
        Ok(Changes {
            begin: planned.iter().map(|p| p.begin).min().unwrap_or_default(),
            end: planned.iter().map(|p| p.end).max().unwrap_or_default(),
            planned,
        })
    }

    /// What becomes of an ordinary call, and by which scenario; `None` for nothing.
    pub(crate) fn of(&self, call: &Ordinary<'_>) -> Option<(usize, &Becomes)> {
        if call.time < self.begin || call.time >= self.end {
            return None;
        }
        let mut planned = self.planned.iter().filter(|planned| !planned.mirrors());
        let found = planned.find(|planned| planned.holds(call))?;
        Some((found.scenario, &found.change.becomes))
    }

    /// The scenario by which the partner logs a call too.
    pub(crate) fn mirrored(&self, call: &Ordinary<'_>) -> Option<usize> {
        let mut planned = self.planned.iter().filter(|planned| planned.mirrors());
        let found = planned.find(|planned| planned.holds(call))?;
        Some(found.scenario)
    }

    /// Whether nothing of a gateway arrives at that time.
    pub(crate) fn silences(&self, gateway: &str, time: Timestamp) -> bool {
        self.planned.iter().any(|planned| {
            planned.begin <= time
                && time < planned.end
                && planned.change.of.gateway.as_deref() == Some(gateway)
                && matches!(planned.change.becomes, Becomes::Lost | Becomes::Unsent)
        })
    }
}

impl Planned {
    fn mirrors(&self) -> bool {
        matches!(self.change.becomes, Becomes::Mirrored)
    }

    fn holds(&self, call: &Ordinary<'_>) -> bool {
        let of = &self.change.of;
        let fits = |wanted: &Option<String>, seen: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| seen == Some(wanted))
        };
        self.begin <= call.time
            && call.time < self.end
            && fits(&of.gateway, Some(call.gateway))
            && fits(&of.integration, call.integration)
            && fits(&of.client, call.client)
            && fits(&of.route, call.route)
            && splitmix(call.bits ^ self.salt) % 100 < u64::from(self.change.share)
    }
}
