//! An alert on the terminal.

use std::fmt::Write as _;

use crate::alert::Alert;
use crate::cli::terminal::{escaped, grouped};
use crate::track::{Feature, Reason};
use crate::triage::{self, Action, Deed, Narrowing, Seen};

/// All that is known of it.
pub(super) fn whole(alert: &Alert, actions: &[Action]) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut text, alert, actions);
    text
}

fn write(text: &mut String, alert: &Alert, actions: &[Action]) -> std::fmt::Result {
    let state = triage::state(actions, Seen::of(alert));
    writeln!(text, "alert     {}", alert.id)?;
    writeln!(text, "state     {}", state.name())?;
    writeln!(text, "level     {}", alert.rule.level.name())?;
    writeln!(text, "what      {}", escaped(&alert.rule.title))?;
    let kind = alert.entity.kind.name();
    writeln!(text, "who       {kind} {}", escaped(&alert.entity.value))?;
    let count = grouped(alert.count);
    writeln!(text, "events    {count}, {} to {}", alert.first, alert.last)?;
    writeln!(text, "why       {}", reason(&alert.reason))?;
    for it in alert.features() {
        writeln!(text, "feature   {}", feature(it))?;
    }
    for note in alert.other_notes() {
        writeln!(text, "note      {}", escaped(&note.to_string()))?;
    }
    for event in &alert.evidence {
        writeln!(
            text,
            "evidence  {} {} {} {}",
            event.time,
            event.status,
            escaped(&event.method),
            escaped(&event.target)
        )?;
    }
    for action in actions {
        let comment = match (&action.deed, action.comment.as_str()) {
            (Deed::Assign { to }, _) if to.is_empty() => " to nobody".to_owned(),
            (Deed::Assign { to }, _) => format!(" to {}", escaped(to)),
            (_, "") => String::new(),
            (_, comment) => format!(": {}", escaped(comment)),
        };
        writeln!(
            text,
            "{}  {} by {}{comment}",
            action.time,
            action.deed.name(),
            escaped(&action.actor)
        )?;
    }
    if let Some(advice) = &alert.rule.advice {
        writeln!(text, "advice    {}", escaped(advice))?;
    }
    Ok(())
}

fn feature(feature: &Feature) -> String {
    let Feature {
        metric,
        value,
        observed,
        expected,
        probability,
    } = feature;
    let value = if value.is_empty() {
        String::new()
    } else {
        format!(" ({})", escaped(value))
    };
    format!(
        "{}{value}: {observed:.4}, usually {expected:.4}, share of hours {probability:.1e}",
        escaped(metric)
    )
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Pattern { hits } => {
            let fields = hits
                .iter()
                .map(|hit| escaped(&format!("{} {}", hit.field, hit.pattern)));
            let fields: Vec<String> = fields.collect();
            format!("pattern: {}", fields.join(", "))
        }
        Reason::Correlation {
            observed, window_s, ..
        } => format!("{observed} in {window_s} s"),
        Reason::Baseline {
            metric,
            observed,
            expected,
            probability,
            ..
        } => format!(
            "{}: {observed:.4}, usually {expected:.4}, probability {probability:.1e}",
            escaped(metric)
        ),
        Reason::Expectation {
            observed, expected, ..
        } => format!("{observed:.4}, expected {expected:.4}"),
        Reason::Service { state } => escaped(&format!("{state:?}")),
    }
}

/// What is narrowed, and by whom.
pub(super) fn narrowing(narrowing: &Narrowing) -> String {
    format!(
        "{}  {} {}: {} is told only when less probable than {:.1e}, since {} called it false on {}; `gatewatch alert reopen {}` ends this\n",
        narrowing.alert,
        narrowing.entity.kind.name(),
        escaped(&narrowing.entity.value),
        escaped(&narrowing.metric),
        narrowing.told_from(),
        escaped(&narrowing.actor),
        narrowing.time,
        &narrowing.alert.to_string()[..8]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::samples;
    use crate::track::Note;

    #[test]
    fn features_are_lines_and_are_not_told_twice() {
        let mut alert = samples::baseline();
        let feature = |metric: &str, value: &str| Feature {
            metric: metric.to_owned(),
            value: value.to_owned(),
            observed: 52.0,
            expected: 0.25,
            probability: 0.002,
        };
        let told = vec![
            feature("different records an hour", ""),
            feature("hours with a new network", "198.51.100.0/24\u{1b}[2J"),
        ];
        alert.notes = told.iter().cloned().map(Note::Feature).collect();
        alert.notes.push(Note::Through {
            integration: "faces".into(),
        });
        if let Reason::Baseline { features, .. } = &mut alert.reason {
            *features = told;
        }
        let text = whole(&alert, &[]);
        for line in [
            "why       requests a minute: 950.0000, usually 12.5000, probability 3.0e-12\n",
            "feature   different records an hour: 52.0000, usually 0.2500, share of hours 2.0e-3\n",
            "feature   hours with a new network (198.51.100.0/24\\u{1b}[2J): 52.0000, ",
            "note      through the integration faces\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(text.matches("note ").count(), 1, "{text}");
    }
}
