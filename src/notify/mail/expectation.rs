//! What is not as it was promised or has to be, in words.

use super::clean::Clean;
use super::words;
use crate::config::Locale;
use crate::track::Measure;

/// What was seen and what was wanted of it.
pub(super) fn missed(measure: Measure, observed: f64, expected: f64, locale: Locale) -> Clean {
    let seen = words::amount(locale, observed);
    let wanted = words::amount(locale, expected);
    let (ru, en) = template(measure);
    let template = match locale {
        Locale::Ru => ru,
        Locale::En => en,
    };
    match measure {
        // Nothing is what has to be.
        Measure::RecordsMissing
        | Measure::NumbersRepeated
        | Measure::RowsOfNumbers
        | Measure::RunMissed
        | Measure::RunDoubled
        | Measure::RequestsOfOneId => Clean::fill(template, &[seen]),
        _ => Clean::fill(template, &[seen, wanted]),
    }
}

const fn template(measure: Measure) -> (&'static str, &'static str) {
    match measure {
        Measure::RecordsMissing => (
            "Не пришло записей журнала: {}. Номера идут подряд, поэтому записи были.",
            "Records that never came: {}. Their numbers follow each other, so the records did exist.",
        ),
        Measure::NumbersRepeated => (
            "Номеров, повторившихся за минуту: {}.",
            "Numbers that came twice within a minute: {}.",
        ),
        Measure::RowsOfNumbers => (
            "Рядов номеров, идущих одновременно: {}.",
            "Rows of numbers that go on side by side: {}.",
        ),
        Measure::Records => (
            "Записей за десять минут: {}, ожидалось около {}.",
            "Records in ten minutes: {}, expected about {}.",
        ),
        Measure::MedianDuration => (
            "Медиана длительности вызова: {} мс, раньше {} мс.",
            "Median duration of a call: {} ms, before it was {} ms.",
        ),
        Measure::BurnRate => (
            "Бюджет ошибок расходуется в {} раза быстрее допустимого (порог: {}).",
            "The error budget is used up {} times as fast as it may be (worth an alert from {} on).",
        ),
        Measure::Calls => (
            "Вызовов: {}, должно быть не меньше {}.",
            "Calls: {}, there have to be at least {}.",
        ),
        Measure::RunMissed => (
            "Запусков в назначенное время: {}.",
            "Runs at the time of the schedule: {}.",
        ),
        Measure::RunLate => (
            "Запуск опоздал на {} мин, допустимо {} мин.",
            "The run began {} minutes late, where {} are allowed.",
        ),
        Measure::RunDoubled => (
            "Запусков вместо одного: {}.",
            "Runs where there should be one: {}.",
        ),
        Measure::RunShort => (
            "Передано записей: {}, должно быть не меньше {}.",
            "Records of the run: {}, there have to be at least {}.",
        ),
        Measure::RunLarge => (
            "Передано записей: {}, допустимо не больше {}.",
            "Records of the run: {}, {} are allowed.",
        ),
        Measure::RunDeletions => (
            "Удалений: {}, допустимо не больше {}.",
            "Deletions of the run: {}, {} are allowed.",
        ),
        Measure::RequestsOfOneId => (
            "Запросов под одним номером: {}.",
            "Requests under one id: {}.",
        ),
        Measure::RunLong => (
            "Запуск длится {} мин, допустимо {} мин.",
            "The run has gone on for {} minutes, where {} are allowed.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_says_what_was_seen_in_both_languages() {
        for measure in [
            Measure::RecordsMissing,
            Measure::NumbersRepeated,
            Measure::RowsOfNumbers,
            Measure::Records,
            Measure::MedianDuration,
            Measure::BurnRate,
            Measure::Calls,
            Measure::RunMissed,
            Measure::RunLate,
            Measure::RunDoubled,
            Measure::RunShort,
            Measure::RunLarge,
            Measure::RunDeletions,
            Measure::RunLong,
            Measure::RequestsOfOneId,
        ] {
            for locale in [Locale::Ru, Locale::En] {
                let text = missed(measure, 37.0, 5.0, locale).to_string();
                assert!(text.contains("37") && !text.contains("{}"), "{text}");
                assert!(text.ends_with('.'), "{text}");
            }
        }
        let text = missed(Measure::MedianDuration, 1_240.5, 210.0, Locale::En).to_string();
        assert_eq!(
            text,
            "Median duration of a call: 1,241 ms, before it was 210 ms."
        );
    }
}
