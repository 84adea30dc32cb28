//! What is said of a finding besides its reason: as facts, so that mails and pages say it in the reader's language.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Feature, NEW, Promise};
use crate::impact::Impact;
use crate::sigma::Level;

/// One thing that is said; displayed in English.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Events that came too late for the window of a correlation.
    Late {
        /// How many.
        events: u32,
    },
    /// The window of a correlation was full.
    WindowFull {
        /// The oldest events, which were left out.
        left_out: u64,
    },
    /// Counts, sums and distinct values are approximate: the window held too many events to keep each.
    SummedUp,
    /// What has to be followed happened more than once before anything could follow.
    Again {
        /// How often.
        times: u32,
    },
    /// What stood out.
    Feature(Feature),
    /// The most surprising step among the calls of an hour.
    Step(NotedStep),
    /// Through which integration it was.
    Through {
        /// Its name.
        integration: CompactString,
    },
    /// The probability is below what was ever seen.
    Extrapolated {
        /// Hours seen.
        hours: u32,
    },
    /// Further findings of like entities in the same hour that were not told.
    AsOdd {
        /// How many.
        more: u64,
    },
    /// The course of a series is like none before.
    Course,
    /// The spread of a series is unlike all before.
    Spread,
    /// The mean of a series lies where it never lay.
    Mean,
    /// Running numbers of a gateway that never came.
    Missing {
        /// The lowest of them.
        first: u64,
        /// The highest of them.
        last: u64,
    },
    /// The service level that is concerned.
    Promised {
        /// Of which operations; empty for all.
        operations: Vec<CompactString>,
        /// What the contract says.
        promise: Promise,
        /// The window, in minutes.
        minutes: u32,
    },
    /// The level is not the rule's: the impact of a breach was weighed in.
    Weighed {
        /// The rule's level.
        from: Level,
        /// The alert's level.
        to: Level,
        /// The integration at stake.
        integration: CompactString,
        /// What its contract says.
        impact: Impact,
    },
    /// A part of gatewatch that did not answer does so again.
    Answers,
    /// The alert had to be closed although more may come: too many were open.
    ClosedEarly,
    /// In words of an earlier version.
    Text(String),
}

/// A call, what came before it, and what usually comes there. A name that is not known is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotedStep {
    /// At most two calls before it, the older first; fewer when the caller had just begun.
    pub before: Vec<CompactString>,
    /// What came.
    pub came: CompactString,
    /// What is known of calls after those before; `None` when they never came so.
    pub usual: Option<UsualStep>,
}

/// What usually comes after some calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsualStep {
    /// How often what came had come there.
    pub times: u32,
    /// Of so many calls there.
    pub calls: u32,
    /// What comes there most.
    pub most: CompactString,
    /// How often.
    pub most_times: u32,
}

/// Reads the notes of a stored alert; those of earlier versions are words.
///
/// # Errors
/// When one is neither.
pub fn notes_or_words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Note>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Note(Note),
        Words(String),
    }
    let stored = Vec::<Stored>::deserialize(from)?.into_iter();
    let notes = stored.map(|stored| match stored {
        Stored::Note(note) => note,
        Stored::Words(words) => Note::Text(words),
    });
    Ok(notes.collect())
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Late { events } => write!(
                out,
                "{events} events came too late for the window and were not counted in it"
            ),
            Note::WindowFull { left_out } => write!(
                out,
                "the window was full: its {left_out} oldest events were left out, so the real numbers are higher"
            ),
            Note::SummedUp => out.write_str(
                "there were too many events to keep each: counts and sums may lack the oldest 64th part of the window, distinct values are \
                 estimated within about 3 %",
            ),
            Note::Again { times } => write!(
                out,
                "it happened {times} times before anything could follow; those after the first are counted with it"
            ),
            Note::Feature(feature) => feature.fmt(out),
            Note::Step(step) => step.fmt(out),
            Note::Through { integration } => write!(out, "through the integration {integration}"),
            Note::Extrapolated { hours } => write!(
                out,
                "none of {hours} hours seen was so odd: the probability is extrapolated"
            ),
            Note::AsOdd { more } => write!(
                out,
                "{more} more of its like were as odd in this hour: look for a cause that they share"
            ),
            Note::Course => out.write_str("its course is like none before"),
            Note::Spread => out.write_str("it varies more, or less, than it ever did"),
            Note::Mean => out.write_str("its mean lies where it never lay"),
            Note::Missing { first, last } => {
                write!(out, "the missing numbers are from {first} to {last}")
            }
            Note::Promised {
                operations,
                promise,
                minutes,
            } => {
                out.write_str("promised")?;
                if !operations.is_empty() {
                    write!(out, " of {}", operations.join(", "))?;
                }
                write!(out, ": {promise}, over {minutes} minutes")
            }
            Note::Weighed {
                from,
                to,
                integration,
                impact,
            } => write!(
                out,
                "{} by its rule, {} since the contract says that the impact of a breach of {integration} is {}",
                from.name(),
                to.name(),
                impact.name()
            ),
            Note::Answers => out.write_str("the part answers again"),
            Note::ClosedEarly => out.write_str(
                "too many alerts were open: this one was closed early, later findings are in another",
            ),
            Note::Text(words) => out.write_str(words),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Feature {
            metric,
            value,
            observed,
            expected,
            probability,
        } = self;
        match metric.strip_prefix(NEW) {
            Some(kind) => write!(
                out,
                "{kind} never seen of it: {value} ({:.2} % of its hours have a new one, {:.2} % of all hours one so rare)",
                100.0 * expected,
                100.0 * probability
            ),
            None => write!(out, "{metric}: {observed:.1}, usually {expected:.1}"),
        }
    }
}

impl fmt::Display for NotedStep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &'_ CompactString| match name.as_str() {
            "" => CompactString::const_new("an operation"),
            _ => name.clone(),
        };
        match self.before.as_slice() {
            [] => out.write_str("first")?,
            [last] => write!(out, "after {} at the beginning", name(last))?,
            [older, last, ..] => write!(out, "after {} and {}", name(older), name(last))?,
        }
        write!(out, " came {}", name(&self.came))?;
        match &self.usual {
            None => Ok(()),
            Some(UsualStep {
                times,
                calls,
                most,
                most_times,
            }) => write!(
                out,
                ", {times} of {calls} times; usually {}, {most_times} times",
                name(most)
            ),
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Promise::Availability { share } => {
                write!(out, "{} % of calls do not fail", per_cent(*share))
            }
            Promise::Latency { share, within_us } => {
                let within = within_us / 1_000;
                write!(
                    out,
                    "{} % of calls take {within} ms at most",
                    per_cent(*share)
                )
            }
            Promise::Traffic { calls, minutes } => {
                write!(out, "at least {calls} calls in any {minutes} minutes")
            }
        }
    }
}

/// A promised share as people write it: at most four digits behind the point.
#[must_use]
pub fn per_cent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Stored {
        #[serde(deserialize_with = "notes_or_words")]
        notes: Vec<Note>,
    }

    #[test]
    fn words_of_earlier_versions_are_read_beside_notes() {
        let late = Note::Late { events: 3 };
        let json = serde_json::json!({"notes": ["3 events came too late", late, Note::SummedUp]});
        let stored: Stored = serde_json::from_value(json).unwrap();
        let words = Note::Text("3 events came too late".to_owned());
        assert_eq!(stored.notes, [words, late, Note::SummedUp]);
        let unknown = serde_json::json!({"notes": [{"later": 1}]});
        assert!(serde_json::from_value::<Stored>(unknown).is_err());
    }

    #[test]
    fn a_step_is_told_with_what_is_usual_there() {
        let step = |before: &[&str], usual| NotedStep {
            before: before.iter().map(|name| (*name).into()).collect(),
            came: "open".into(),
            usual,
        };
        let usual = UsualStep {
            times: 0,
            calls: 200,
            most: "list".into(),
            most_times: 199,
        };
        let told = step(&["sign in", ""], Some(usual)).to_string();
        let expected =
            "after sign in and an operation came open, 0 of 200 times; usually list, 199 times";
        assert_eq!(told, expected);
        assert_eq!(step(&[], None).to_string(), "first came open");
    }
}
