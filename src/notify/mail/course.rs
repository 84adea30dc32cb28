//! The picture of an alert's course in its mail, and the same in words.

use super::Context;
use super::clean::Clean;
use super::document::{Block, Picture};
use super::words::{self, HOURS, MINUTES, counted, pick, say};
use crate::alert::{Counted, Series};
use crate::config::Locale;
use crate::picture;

/// The picture with its line of text.
pub(super) fn block(series: &Series, locale: Locale, context: &Context) -> Block {
    let windows = u64::try_from(series.values.len()).unwrap_or(u64::MAX);
    let short = |window: usize| words::minute(locale, &context.zone, series.begin(window));
    let until = short(series.values.len());
    let mut pieces = vec![Clean::fill(
        pick(
            locale,
            "{}: столбцов {}, в каждом {}, до {}. Наибольшее: {}.",
            "{}: {} bars of {} each, until {}. Highest: {}.",
        ),
        &[
            what(series.counted, locale),
            Clean::from(windows),
            window(series.minutes, locale),
            until.clone(),
            words::amount(locale, series.highest()),
        ],
    )];
    if let Some(expected) = series.expected {
        pieces.push(Clean::fill(
            pick(
                locale,
                "Обычно около {} (пунктир).",
                "Usually about {} (dashed line).",
            ),
            &[words::amount(locale, expected)],
        ));
    }
    pieces.push(say(
        locale,
        "Время оповещения выделено тёмным и подчёркнуто.",
        "The time of the alert is dark and underlined.",
    ));
    Block::Picture(Picture {
        png: picture::png(&series.bars()),
        line: Clean::of(&picture::line(&series.values), picture::MOST),
        words: Clean::join(&pieces, " "),
        ends: (short(0), until),
    })
}

fn window(minutes: u32, locale: Locale) -> Clean {
    if minutes.is_multiple_of(60) {
        counted(locale, (minutes / 60).into(), &HOURS)
    } else {
        counted(locale, minutes.into(), &MINUTES)
    }
}

/// What is counted; the first word of a sentence.
fn what(counted: Counted, locale: Locale) -> Clean {
    let field = |template: (&'static str, &'static str), field: crate::event::Field| {
        Clean::fill(
            pick(locale, template.0, template.1),
            &[Clean::of(field.name(), 64)],
        )
    };
    match counted {
        Counted::Calls => say(locale, "Вызовы", "Calls"),
        Counted::Refused => say(locale, "Отклонённые вызовы", "Refused calls"),
        Counted::Missing => say(
            locale,
            "Обращения к несуществующему",
            "Calls for what is not there",
        ),
        Counted::Failed => say(locale, "Сбои", "Failed calls"),
        Counted::FailedShare => say(locale, "Доля сбоев", "Share of failed calls"),
        Counted::Changes => say(locale, "Изменения", "Changes"),
        Counted::BusyMinutes => say(locale, "Минуты с вызовами", "Minutes with calls"),
        Counted::CallsABusyMinute => say(
            locale,
            "Вызовы в минуту с вызовами",
            "Calls in a busy minute",
        ),
        Counted::Different(it) => field(("Разные значения {}", "Different values of {}"), it),
        Counted::Sum(it) => field(("Сумма {}", "Sum of {}"), it),
        Counted::Mean(it) => field(("Среднее {}", "Mean of {}"), it),
        Counted::BytesACall => say(locale, "Байт в ответе на вызов", "Bytes answered a call"),
        Counted::MillisecondsACall => say(locale, "Миллисекунд на вызов", "Milliseconds a call"),
    }
}
