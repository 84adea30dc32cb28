//! The picture of an alert's course in its mail, and the same in words.

use super::Context;
use super::clean::Clean;
use super::document::{Block, Picture};
use super::words::{self, HOURS, MINUTES, counted, pick, say};
use crate::alert::{Counted, Series};
use crate::config::Locale;
use crate::event::Field;
use crate::picture;

/// A course with its picture, which has no letter in it and is the same in every language.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    series: Series,
    png: Vec<u8>,
}

impl Drawn {
    /// Draws it, which takes some two milliseconds.
    #[must_use]
    pub fn of(series: Series) -> Drawn {
        let png = picture::png(&series.bars());
        Drawn { series, png }
    }
}

/// The picture with its line of text.
pub(super) fn block(drawn: &Drawn, locale: Locale, context: &Context) -> Block {
    let Drawn { series, png } = drawn;
    let at = |window: usize| words::minute(locale, &context.zone, series.begin(window));
    let ends = (at(0), at(series.values.len()));
    Block::Picture(Picture {
        png: png.clone(),
        line: Clean::of(&picture::line(&series.values), picture::MOST),
        words: words(series, &ends.1, locale),
        legend: match series.expected {
            Some(_) => say(
                locale,
                "Время оповещения тёмное и подчёркнуто, обычное значение показано пунктиром.",
                "The time of the alert is dark and underlined, what is usual is dashed.",
            ),
            None => say(
                locale,
                "Время оповещения тёмное и подчёркнуто.",
                "The time of the alert is dark and underlined.",
            ),
        },
        ends,
    })
}

/// What the picture shows, for those who do not see it.
fn words(series: &Series, until: &Clean, locale: Locale) -> Clean {
    let count = |many: usize| Clean::from(u64::try_from(many).unwrap_or(u64::MAX));
    let mut pieces = vec![Clean::fill(
        pick(
            locale,
            "{}: столбцов {}, в каждом {}, до {}. Наибольшее: {}.",
            "{}: {} bars of {} each, until {}. Highest: {}.",
        ),
        &[
            what(series.counted, locale),
            count(series.values.len()),
            window(series.minutes, locale),
            until.clone(),
            words::amount(locale, series.highest()),
        ],
    )];
    if let Some(expected) = series.expected {
        let usual = pick(locale, "Обычно около {}.", "Usually about {}.");
        pieces.push(Clean::fill(usual, &[words::amount(locale, expected)]));
    }
    pieces.push(match series.marked.len() {
        1 => say(
            locale,
            "К оповещению относится последний.",
            "The last is the alert's.",
        ),
        many => Clean::fill(
            pick(
                locale,
                "К оповещению относятся последние: {}.",
                "The last {} are the alert's.",
            ),
            &[count(many)],
        ),
    });
    Clean::join(&pieces, " ")
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
    let (russian, english) = match counted {
        Counted::Calls => ("Вызовы", "Calls"),
        Counted::Refused => ("Отклонённые вызовы", "Refused calls"),
        Counted::Missing => ("Обращения к несуществующему", "Calls for what is not there"),
        Counted::Failed => ("Сбои", "Failed calls"),
        Counted::FailedShare => ("Доля сбоев", "Share of failed calls"),
        Counted::Changes => ("Изменения", "Changes"),
        Counted::BusyMinutes => ("Минуты с вызовами", "Minutes with calls"),
        Counted::CallsABusyMinute => ("Вызовы в минуту с вызовами", "Calls in a busy minute"),
        Counted::Different(Field::ResourceId) => ("Разные записи", "Different records"),
        Counted::Different(Field::Operation) => ("Разные операции", "Different operations"),
        Counted::Different(Field::ClientAddress) => ("Разные адреса", "Different addresses"),
        Counted::Different(Field::UserAgent) => {
            ("Разные программы-клиенты", "Different user agents")
        }
        Counted::Sum(Field::RecordCount) => ("Записи в ответах", "Records answered"),
        Counted::BytesACall => ("Байт в ответе на вызов", "Bytes answered a call"),
        Counted::MillisecondsACall => ("Миллисекунд на вызов", "Milliseconds a call"),
        Counted::Different(field) => {
            return of_field(
                ("Разные значения {}", "Different values of {}"),
                field,
                locale,
            );
        }
        Counted::Sum(field) => return of_field(("Сумма {}", "Sum of {}"), field, locale),
        Counted::Mean(field) => return of_field(("Среднее {}", "Mean of {}"), field, locale),
    };
    say(locale, russian, english)
}

fn of_field(
    (russian, english): (&'static str, &'static str),
    field: Field,
    locale: Locale,
) -> Clean {
    let name = Clean::of(field.name(), 64);
    Clean::fill(pick(locale, russian, english), &[name])
}
