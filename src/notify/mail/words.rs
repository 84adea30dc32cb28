//! Numbers, times, spans and names in the reader's language.

use jiff::tz::TimeZone;

use super::clean::Clean;
use crate::config::Locale;
use crate::event::Timestamp;
use crate::sigma::Level;
use crate::track::EntityKind;

/// The text of the reader's language.
pub(crate) fn pick(locale: Locale, russian: &'static str, english: &'static str) -> &'static str {
    match locale {
        Locale::Ru => russian,
        Locale::En => english,
    }
}

/// As [`pick`], as a piece of a document.
pub(crate) fn say(locale: Locale, russian: &'static str, english: &'static str) -> Clean {
    Clean::fixed(pick(locale, russian, english))
}

/// Forms of a counted noun: Russian for 1, 2 and 5, English for 1 and 2.
pub(crate) struct Noun {
    russian: [&'static str; 3],
    english: [&'static str; 2],
}

macro_rules! noun {
    ($(#[$doc:meta])* $name:ident: $one:literal $few:literal $many:literal, $singular:literal $plural:literal) => {
        $(#[$doc])*
        pub(crate) const $name: Noun = Noun { russian: [$one, $few, $many], english: [$singular, $plural] };
    };
}

noun!(/** Events. */ EVENTS: "событие" "события" "событий", "event" "events");
noun!(/** Alerts. */ ALERTS: "оповещение" "оповещения" "оповещений", "alert" "alerts");
noun!(/** Distinct values. */ VALUES: "разное значение" "разных значения" "разных значений", "distinct value" "distinct values");
noun!(/** Gaps. */ GAPS: "пробел" "пробела" "пробелов", "gap" "gaps");
noun!(SECONDS: "секунда" "секунды" "секунд", "second" "seconds");
noun!(/** Minutes. */ MINUTES: "минута" "минуты" "минут", "minute" "minutes");
noun!(/** Hours. */ HOURS: "час" "часа" "часов", "hour" "hours");
noun!(DAYS: "день" "дня" "дней", "day" "days");

/// The number with its noun: `21 событие`, `1,200 events`.
pub(crate) fn counted(locale: Locale, number: u64, noun: &Noun) -> Clean {
    let form = match locale {
        Locale::Ru => noun.russian[russian_form(number)],
        Locale::En => noun.english[usize::from(number != 1)],
    };
    Clean::fill("{} {}", &[grouped(locale, number), Clean::fixed(form)])
}

/// Which form a Russian noun takes (CLDR plural rules: one, few, many).
fn russian_form(number: u64) -> usize {
    match (number % 10, number % 100) {
        (_, 11..=14) => 2,
        (1, _) => 0,
        (2..=4, _) => 1,
        _ => 2,
    }
}

/// A whole number with its thousands apart: `12 500`, `12,500`.
pub(crate) fn grouped(locale: Locale, number: u64) -> Clean {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(match locale {
                Locale::Ru => '\u{a0}',
                Locale::En => ',',
            });
        }
        grouped.push(digit);
    }
    Clean::of(&grouped, 40)
}

/// A count that need not be whole, to one decimal below a hundred: `3,5`, `3.5`, `1 250`; what is smaller, to two digits: `0,0021`.
pub(crate) fn amount(locale: Locale, number: f64) -> Clean {
    if !number.is_finite() {
        return Clean::fixed("?");
    }
    if number >= 100.0 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not below 100, and the cast saturates"
        )]
        return grouped(locale, number.round() as u64);
    }
    let text = if number > 0.0 && number < 0.05 {
        small(number)
    } else {
        format!("{number:.1}")
    };
    let text = text.strip_suffix(".0").unwrap_or(&text);
    Clean::of(
        &match locale {
            Locale::Ru => text.replace('.', ","),
            Locale::En => text.to_owned(),
        },
        40,
    )
}

/// Two digits that count; what is below a millionth is hardly anything.
fn small(number: f64) -> String {
    const FINEST: f64 = 1e-6;
    if number < FINEST {
        return format!("< {FINEST:.6}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 6"
    )]
    let zeros = -number.log10().floor() as usize;
    let text = format!("{number:.*}", zeros + 1);
    text.trim_end_matches('0').to_owned()
}

/// A span in its largest fitting unit: `4 минуты`, `2 hours`. Rounded down, at least a second.
pub(crate) fn span(locale: Locale, micros: i64) -> Clean {
    let seconds = u64::try_from(micros / 1_000_000).unwrap_or(0).max(1);
    match seconds {
        0..=119 => counted(locale, seconds, &SECONDS),
        120..=7_199 => counted(locale, seconds / 60, &MINUTES),
        7_200..=172_799 => counted(locale, seconds / 3_600, &HOURS),
        _ => counted(locale, seconds / 86_400, &DAYS),
    }
}

/// A span in hours, below two of them in minutes: what is left of a time that the law sets. Rounded down, at least a minute.
pub(crate) fn hours(locale: Locale, micros: i64) -> Clean {
    let minutes = u64::try_from(micros / 60_000_000).unwrap_or(0).max(1);
    match minutes {
        0..=119 => counted(locale, minutes, &MINUTES),
        _ => counted(locale, minutes / 60, &HOURS),
    }
}

/// How rare a probability is, in words, rounded to a power of ten: `about 1 in 10 million`.
pub(crate) fn rarity(locale: Locale, probability: f64) -> Clean {
    let russian = [
        "чаще, чем один раз из ста",
        "примерно 1 из 100",
        "примерно 1 из тысячи",
        "примерно 1 из 10 тысяч",
        "примерно 1 из 100 тысяч",
        "примерно 1 из миллиона",
        "примерно 1 из 10 миллионов",
        "примерно 1 из 100 миллионов",
        "примерно 1 из миллиарда",
        "реже, чем 1 из миллиарда",
    ];
    let english = [
        "more often than one in a hundred",
        "about 1 in 100",
        "about 1 in a thousand",
        "about 1 in 10 thousand",
        "about 1 in 100 thousand",
        "about 1 in a million",
        "about 1 in 10 million",
        "about 1 in 100 million",
        "about 1 in a billion",
        "less than 1 in a billion",
    ];
    let power = if probability > 0.0 {
        (-probability.log10()).round()
    } else {
        f64::INFINITY
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the indices of the tables; NaN becomes 0"
    )]
    let index = (power - 1.0).clamp(0.0, 9.0) as usize;
    say(locale, russian[index], english[index])
}

/// A time in the reader's zone and order: `01.03.2026 13:00:05`, `2026-03-01 13:00:05`.
pub(crate) fn time(locale: Locale, zone: &TimeZone, time: Timestamp) -> Clean {
    let format = pick(locale, "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S");
    formatted(zone, time, format)
}

/// A time for a table whose zone and year stand elsewhere: `01.03 13:00:05`, `03-01 13:00:05`.
pub(crate) fn short_time(locale: Locale, zone: &TimeZone, time: Timestamp) -> Clean {
    formatted(zone, time, pick(locale, "%d.%m %H:%M:%S", "%m-%d %H:%M:%S"))
}

/// A time to the minute: `01.03 13:00`, `03-01 13:00`.
pub(crate) fn minute(locale: Locale, zone: &TimeZone, time: Timestamp) -> Clean {
    formatted(zone, time, pick(locale, "%d.%m %H:%M", "%m-%d %H:%M"))
}

/// The zone as people know it: `Europe/Moscow, UTC+03:00`.
pub(crate) fn zone_name(zone: &TimeZone, at: Timestamp) -> Clean {
    let offset = formatted(zone, at, "UTC%:z");
    match zone.iana_name() {
        Some("UTC") => Clean::fixed("UTC"),
        Some(name) => Clean::fill("{}, {}", &[Clean::of(name, 64), offset]),
        None => offset,
    }
}

fn formatted(zone: &TimeZone, time: Timestamp, format: &'static str) -> Clean {
    match jiff::Timestamp::from_microsecond(time.micros()) {
        Ok(instant) => Clean::of(
            &instant
                .to_zoned_datetime(zone.clone())
                .strftime(format)
                .to_string(),
            64,
        ),
        Err(_) => Clean::of(&time.to_string(), 64),
    }
}

/// A level, in capitals.
pub(crate) fn level(locale: Locale, level: Level) -> Clean {
    match level {
        Level::Informational => say(locale, "СПРАВКА", "INFO"),
        Level::Low => say(locale, "НИЗКИЙ", "LOW"),
        Level::Medium => say(locale, "СРЕДНИЙ", "MEDIUM"),
        Level::High => say(locale, "ВЫСОКИЙ", "HIGH"),
        Level::Critical => say(locale, "КРИТИЧЕСКИЙ", "CRITICAL"),
    }
}

/// What an entity is.
pub(crate) fn entity(locale: Locale, kind: EntityKind) -> Clean {
    match kind {
        EntityKind::Client => say(locale, "клиент", "client"),
        EntityKind::Subject => say(locale, "субъект", "subject"),
        EntityKind::Address => say(locale, "адрес", "address"),
        EntityKind::Token => say(locale, "токен", "token"),
        EntityKind::Resource => say(locale, "ресурс", "resource"),
        EntityKind::Operation => say(locale, "операция", "operation"),
        EntityKind::Integration => say(locale, "интеграция", "integration"),
        EntityKind::Gateway => say(locale, "шлюз", "gateway"),
        EntityKind::Part => say(locale, "часть системы", "part"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_nouns_take_the_form_of_their_number() {
        let expected = [
            (0, "событий"),
            (1, "событие"),
            (2, "события"),
            (5, "событий"),
            (11, "событий"),
            (12, "событий"),
            (14, "событий"),
            (21, "событие"),
            (22, "события"),
            (111, "событий"),
            (1_001, "событие"),
        ];
        for (number, noun) in expected {
            let text = counted(Locale::Ru, number, &EVENTS);
            assert!(text.as_str().ends_with(noun), "{text}");
        }
    }

    #[test]
    fn english_nouns_are_singular_for_one_alone() {
        assert_eq!(counted(Locale::En, 1, &EVENTS).as_str(), "1 event");
        assert_eq!(counted(Locale::En, 0, &EVENTS).as_str(), "0 events");
        assert_eq!(
            counted(Locale::En, 1_234_567, &EVENTS).as_str(),
            "1,234,567 events"
        );
    }

    #[test]
    fn amounts_keep_what_counts_of_them() {
        let told = |number| amount(Locale::Ru, number).as_str().to_owned();
        let expected = [
            (0.0, "0"),
            (0.002_13, "0,0021"),
            (0.03, "0,03"),
            (0.04, "0,04"),
            (1e-9, "< 0,000001"),
            (0.25, "0,2"),
            (12.5, "12,5"),
            (12.0, "12"),
            (12_500.4, "12\u{a0}500"),
            (f64::NAN, "?"),
        ];
        for (number, text) in expected {
            assert_eq!(told(number), text);
        }
    }

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        assert_eq!(span(Locale::Ru, 240_000_000).as_str(), "4 минуты");
        assert_eq!(span(Locale::En, 0).as_str(), "1 second");
        assert_eq!(span(Locale::En, -5).as_str(), "1 second");
        assert_eq!(span(Locale::Ru, 86_400_000_000 * 5).as_str(), "5 дней");
    }

    #[test]
    fn probabilities_are_told_in_words() {
        assert_eq!(rarity(Locale::En, 1e-6).as_str(), "about 1 in a million");
        assert_eq!(rarity(Locale::En, 3e-7).as_str(), "about 1 in 10 million");
        assert_eq!(rarity(Locale::Ru, 0.0).as_str(), "реже, чем 1 из миллиарда");
        assert_eq!(
            rarity(Locale::En, 0.5).as_str(),
            "more often than one in a hundred"
        );
        assert_eq!(
            rarity(Locale::En, f64::NAN).as_str(),
            "less than 1 in a billion"
        );
    }

    #[test]
    fn times_are_told_in_the_zone_of_the_reader() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let at = Timestamp::from_seconds(1_772_359_205);
        assert_eq!(time(Locale::Ru, &zone, at).as_str(), "01.03.2026 13:00:05");
        assert_eq!(time(Locale::En, &zone, at).as_str(), "2026-03-01 13:00:05");
        assert_eq!(zone_name(&zone, at).as_str(), "Europe/Moscow, UTC+03:00");
        assert!(!time(Locale::Ru, &zone, Timestamp::MIN).is_empty());
    }
}
