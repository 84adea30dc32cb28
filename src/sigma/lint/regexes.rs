//! Lints of regular expressions: what costs more than it has to.

use regex::RegexBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::{LARGE_REGEX, Report, SLOW_REGEX, tree};
use crate::sigma::detection::REGEX_SIZE_LIMIT;
use crate::sigma::search::Check;

/// A repetition of more than so many is copied that often into the program.
const MANY: u32 = 100;

/// Largest program that needs no word, in bytes.
const ORDINARY_SIZE: usize = 64 << 10;

pub(super) fn check(report: &mut Report<'_>) {
    let rule = report.rule;
    for selection in &rule.selections {
        for (part, item) in tree::tests(&selection.part) {
            let Check::Regex(source) = &item.test.check else {
                continue;
            };
            let Ok(hir) = regex_syntax::Parser::new().parse(source) else {
                continue;
            };
            if begins_with_anything(&hir) {
                let message =
                    "the expression begins with `.*`, and `re` finds it anywhere as it is";
                report.add(SLOW_REGEX, part.place, message, "leave `.*` out");
            }
            if let Some((times, copies)) = counted(&hir, 1) {
                let message = format!(
                    "a repetition of up to {times} makes {copies} copies of what it repeats"
                );
                let hint = "write `+` or `*`, or a smaller count";
                report.add(SLOW_REGEX, part.place, message, hint);
            }
            if let Some(size) = large(source) {
                let message = format!("the expression compiles to more than {} KiB", size >> 10);
                let hint = "without `i`, or with ASCII classes such as `[0-9]` in place of `\\d`, it is smaller";
                report.add(LARGE_REGEX, part.place, message, hint);
            }
        }
    }
}

fn begins_with_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let is_dot = matches!(repetition.sub.kind(), HirKind::Class(class)
                if class.minimum_len() == Some(1) && is_nearly_everything(class));
            repetition.min == 0 && repetition.max.is_none() && is_dot
        }
        HirKind::Capture(capture) => begins_with_anything(&capture.sub),
        HirKind::Concat(parts) => parts.first().is_some_and(begins_with_anything),
        _ => false,
    }
}

/// `.` with or without the end of a line.
fn is_nearly_everything(class: &regex_syntax::hir::Class) -> bool {
    match class {
        regex_syntax::hir::Class::Unicode(class) => {
            class.ranges().len() <= 2
                && class
                    .ranges()
                    .last()
                    .is_some_and(|range| range.end() == char::MAX)
                && class
                    .ranges()
                    .first()
                    .is_some_and(|range| range.start() == '\0')
        }
        regex_syntax::hir::Class::Bytes(_) => false,
    }
}

/// The greatest count of a repetition that is copied more than [`MANY`] times, with the copies that those around it make.
fn counted(hir: &Hir, around: u32) -> Option<(u32, u32)> {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            let copies = around.saturating_mul(times);
            let inner = counted(&repetition.sub, copies);
            inner.or_else(|| (copies > MANY && times > 1).then_some((times, copies)))
        }
        HirKind::Capture(capture) => counted(&capture.sub, around),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| counted(part, around))
        }
        _ => None,
    }
}

/// The size that the program is larger than, where that is beyond the ordinary.
fn large(source: &str) -> Option<usize> {
    let fits = |size| RegexBuilder::new(source).size_limit(size).build().is_ok();
    if fits(ORDINARY_SIZE) {
        return None;
    }
    let mut size = ORDINARY_SIZE;
    while size * 2 < REGEX_SIZE_LIMIT && !fits(size * 2) {
        size *= 2;
    }
    Some(size)
}
