//! Lints of the condition as a whole.

use super::{
    ALWAYS_MATCHES, NEVER_MATCHES, NO_POSITIVE_TEST, NO_WITNESS, Report, UNUSED_SELECTION,
    possible, tree,
};
use crate::event::Event;
use crate::sigma::annotated::DocumentKind;
use crate::sigma::fold::Folds;
use crate::sigma::predicate::Predicate;
use crate::sigma::search::Search;
use crate::sigma::witness;

pub(super) fn check(report: &mut Report<'_>) {
    unused(report);
    let Some(root) = &report.rule.root else {
        return;
    };
    if report.rule.kind == DocumentKind::Filter {
        return;
    }
    let section = report.rule.node.get("detection");
    let place = section
        .and_then(|section| section.get("condition"))
        .map_or(report.rule.place, |node| node.place);
    let search = root.search();
    if !possible::can_hold(&search) {
        let (place, message) = impossible_part(report).unwrap_or((
            place,
            "no event can match: what the condition asks excludes itself".to_owned(),
        ));
        let hint = "`gatewatch rule explain` shows each test against an event";
        report.add(NEVER_MATCHES, place, message, hint);
    } else if !possible::can_fail(&search) {
        let message = "every event matches";
        report.add(
            ALWAYS_MATCHES,
            place,
            message,
            "ask for something that most events do not have",
        );
    } else if holds_for_nothing(&search) {
        let message =
            "an event with no fields at all matches: the condition only says what must not be";
        let hint = "ask for something that has to be there, such as `field|exists: true`";
        report.add(NO_POSITIVE_TEST, place, message, hint);
    } else if witness::of(&search).is_none() {
        let message = format!(
            "no rare literal has to be there, so all {} of the rule are asked of every event",
            plural(tree::tests(root).len(), "test")
        );
        let hint = "join a distinctive literal or a fact by `and`; `gatewatch rule bench` says what the rule costs";
        report.add(NO_WITNESS, place, message, hint);
    }
}

/// `3 tests`.
fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn unused(report: &mut Report<'_>) {
    let rule = report.rule;
    if rule.root.is_none() {
        return;
    }
    // `of them` passes over names that begin with `_`; they may be anchors for others.
    for selection in rule.selections.iter().filter(|one| !one.used) {
        let message = format!("`{}` is not used by the condition", selection.name);
        let hint = format!("name it in `{}`, or take it out", rule.condition);
        report.add(UNUSED_SELECTION, selection.place, message, hint);
    }
}

/// The selection that no event can meet by itself, where it is one that does it.
fn impossible_part(report: &Report<'_>) -> Option<(crate::sigma::Place, String)> {
    report.rule.selections.iter().find_map(|selection| {
        let is_impossible = selection.used && !possible::can_hold(&selection.part.search());
        is_impossible.then(|| {
            let message = format!("no event can match: `{}` excludes itself", selection.name);
            (selection.place, message)
        })
    })
}

/// Whether an event without any field but the time meets the condition.
fn holds_for_nothing(search: &Search) -> bool {
    fn holds(search: &Search, event: &Event<'_>, folds: &mut Folds) -> bool {
        match search {
            Search::All(terms) => terms.iter().all(|term| holds(term, event, folds)),
            Search::Any(terms) => terms.iter().any(|term| holds(term, event, folds)),
            Search::Not(term) => !holds(term, event, folds),
            Search::Item(item) => {
                folds.next_event();
                Predicate::new(&item.test).holds(event, folds)
            }
        }
    }
    holds(search, &Event::default(), &mut Folds::new())
}
