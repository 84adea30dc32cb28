//! What is said of an alert besides its reason, in the reader's language.

use super::clean::Clean;
use super::metric;
use super::words::{self, amount, grouped};
use crate::config::Locale;
use crate::impact::Impact;
use crate::sigma::Level;
use crate::track::{Feature, NEW, Note, NotedStep, Promise, UsualStep, per_cent};

/// Longest note that is shown.
const LONGEST: usize = 400;

/// A note for people.
pub(super) fn say(note: &Note, locale: Locale) -> Clean {
    match locale {
        Locale::En => Clean::of(&note.to_string(), LONGEST),
        Locale::Ru => russian(note).shorten(LONGEST),
    }
}

fn russian(note: &Note) -> Clean {
    let number = |number: u64| grouped(Locale::Ru, number);
    match note {
        Note::Late { events } => Clean::fill(
            "событий, опоздавших к окну и в нём не учтённых: {}",
            &[number(u64::from(*events))],
        ),
        Note::WindowFull { left_out } => Clean::fill(
            "окно заполнено, самых старых событий отброшено: {}; настоящие числа больше",
            &[number(*left_out)],
        ),
        Note::SummedUp => Clean::fixed(
            "событий слишком много, чтобы хранить каждое: в счётчиках и суммах может не хватать старейшей 1/64 окна, разные значения оценены с точностью около 3 %",
        ),
        Note::Again { times } => Clean::fill(
            "до ожидаемого продолжения случилось несколько раз: {}; повторы учтены вместе с первым",
            &[number(u64::from(*times))],
        ),
        Note::Feature(feature) => self::feature(feature),
        Note::Step(step) => self::step(step),
        Note::Through { integration } => {
            Clean::fill("через интеграцию {}", &[Clean::of(integration, 64)])
        }
        Note::Extrapolated { hours } => Clean::fill(
            "среди виденных часов ({}) столь странных не было: вероятность экстраполирована",
            &[number(u64::from(*hours))],
        ),
        Note::AsOdd { more } => Clean::fill(
            "столь же странно в этот час вели себя и другие подобные: {}; ищите общую причину",
            &[number(*more)],
        ),
        Note::Course => Clean::fixed("такого хода ещё не было"),
        Note::Spread => Clean::fixed("разброс больше или меньше, чем когда-либо"),
        Note::Mean => Clean::fixed("среднее там, где его ещё не было"),
        Note::Missing { first, last } => Clean::fill(
            "недостающие номера: от {} до {}",
            &[Clean::from(*first), Clean::from(*last)],
        ),
        Note::Promised {
            operations,
            promise,
            minutes,
        } => promised(operations, promise, *minutes),
        Note::Weighed {
            from,
            to,
            integration,
            impact,
        } => Clean::fill(
            "по правилу уровень {}, здесь {}: по контракту ущерб от нарушения {} {}",
            &[
                level(*from),
                level(*to),
                Clean::of(integration, 64),
                Clean::fixed(match impact {
                    Impact::Low => "небольшой",
                    Impact::Moderate => "серьёзный",
                    Impact::High => "тяжёлый",
                }),
            ],
        ),
        Note::Answers => Clean::fixed("часть снова отвечает"),
        Note::ClosedEarly => Clean::fixed(
            "открытых оповещений слишком много: это закрыто раньше срока, дальнейшее находится в другом",
        ),
        Note::Text(words) => Clean::of(words, LONGEST),
    }
}

fn feature(feature: &Feature) -> Clean {
    let share = |share: f64| amount(Locale::Ru, 100.0 * share);
    match feature.metric.strip_prefix(NEW) {
        Some(kind) => Clean::fill(
            "впервые у этой стороны: {} {} (новое бывает в {} % её часов, столь редкое в {} % всех часов)",
            &[
                metric::russian_kind(kind),
                Clean::of(&feature.value, 120),
                share(feature.expected),
                share(feature.probability),
            ],
        ),
        None => Clean::fill(
            "{}: {}, обычно {}",
            &[
                metric::name(&feature.metric, Locale::Ru),
                amount(Locale::Ru, feature.observed),
                amount(Locale::Ru, feature.expected),
            ],
        ),
    }
}

fn step(step: &NotedStep) -> Clean {
    let named = |name: &str, unknown: &'static str| match name {
        "" => Clean::fixed(unknown),
        _ => Clean::fill("«{}»", &[Clean::of(name, 64)]),
    };
    let before = |name: &str| named(name, "неизвестной операции");
    let name = |name: &str| named(name, "неизвестная операция");
    let after = match step.before.as_slice() {
        [] => Clean::fixed("первым вызовом"),
        [last] => Clean::fill("в начале после {}", &[before(last)]),
        [older, last, ..] => Clean::fill("после {} и {}", &[before(older), before(last)]),
    };
    let came = name(&step.came);
    match &step.usual {
        None => Clean::fill("{}: {}", &[after, came]),
        Some(UsualStep {
            times,
            calls,
            most,
            most_times,
        }) => {
            let number = |number: u32| grouped(Locale::Ru, u64::from(number));
            Clean::fill(
                "{}: {} ({} из {}); обычно {} ({} из {})",
                &[
                    after,
                    came,
                    number(*times),
                    number(*calls),
                    name(most),
                    number(*most_times),
                    number(*calls),
                ],
            )
        }
    }
}

fn promised(operations: &[compact_str::CompactString], promise: &Promise, minutes: u32) -> Clean {
    let share = |share: f64| amount(Locale::Ru, per_cent(share));
    let promise = match promise {
        Promise::Availability { share: of } => Clean::fill("{} % вызовов без сбоя", &[share(*of)]),
        Promise::Latency {
            share: of,
            within_us,
        } => Clean::fill(
            "{} % вызовов не дольше {} мс",
            &[share(*of), grouped(Locale::Ru, within_us / 1_000)],
        ),
        Promise::Traffic { calls, minutes } => Clean::fill(
            "не меньше {} вызовов за любые {} мин",
            &[
                Clean::from(u64::from(*calls)),
                Clean::from(u64::from(*minutes)),
            ],
        ),
    };
    let window = words::span(Locale::Ru, i64::from(minutes) * 60_000_000);
    if operations.is_empty() {
        Clean::fill("обещано: {}; окно: {}", &[promise, window])
    } else {
        let names: Vec<Clean> = operations.iter().map(|name| Clean::of(name, 64)).collect();
        Clean::fill(
            "обещано для {}: {}; окно: {}",
            &[Clean::join(&names, ", "), promise, window],
        )
    }
}

/// A level inside a sentence.
fn level(level: Level) -> Clean {
    Clean::fixed(match level {
        Level::Informational => "справочный",
        Level::Low => "низкий",
        Level::Medium => "средний",
        Level::High => "высокий",
        Level::Critical => "критический",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that has words of its own.
    fn all() -> Vec<Note> {
        let feature = |metric: &str, value: &str| Feature {
            metric: metric.to_owned(),
            value: value.to_owned(),
            observed: 310.0,
            expected: 0.02,
            probability: 0.001,
        };
        let usual = UsualStep {
            times: 0,
            calls: 1_200,
            most: "list".into(),
            most_times: 1_100,
        };
        let step = |before: &[&str], usual| {
            Note::Step(NotedStep {
                before: before.iter().map(|name| (*name).into()).collect(),
                came: "open".into(),
                usual,
            })
        };
        let promised = |promise, operations: &[&str]| Note::Promised {
            operations: operations.iter().map(|name| (*name).into()).collect(),
            promise,
            minutes: 60,
        };
        vec![
            Note::Late { events: 3 },
            Note::WindowFull { left_out: 12_000 },
            Note::SummedUp,
            Note::Again { times: 4 },
            Note::Feature(feature("different records an hour", "")),
            Note::Feature(feature("hours with a new network", "198.51.100.0/24")),
            step(&[], None),
            step(&["sign in"], Some(usual.clone())),
            step(&["sign in", ""], Some(usual)),
            Note::Through {
                integration: "faces".into(),
            },
            Note::Extrapolated { hours: 100_000 },
            Note::AsOdd { more: 17 },
            Note::Course,
            Note::Spread,
            Note::Mean,
            Note::Missing {
                first: 100,
                last: 120,
            },
            promised(Promise::Availability { share: 0.999 }, &[]),
            promised(
                Promise::Latency {
                    share: 0.95,
                    within_us: 300_000,
                },
                &["match"],
            ),
            promised(
                Promise::Traffic {
                    calls: 10,
                    minutes: 30,
                },
                &["match", "enrol"],
            ),
            Note::Weighed {
                from: Level::High,
                to: Level::Critical,
                integration: "faces".into(),
                impact: Impact::High,
            },
            Note::Answers,
            Note::ClosedEarly,
        ]
    }

    #[test]
    fn every_note_is_said_in_both_languages() {
        let lines = all().into_iter().map(|note| {
            let [english, russian] = [Locale::En, Locale::Ru].map(|locale| say(&note, locale));
            format!("{}\n{}\n", english.as_str(), russian.as_str())
        });
        insta::assert_snapshot!("notes", lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn words_of_earlier_versions_are_clean() {
        let note = Note::Text("a\u{1b}[31m\u{202e}b".repeat(200));
        let said = say(&note, Locale::Ru);
        assert!(!said.as_str().contains(['\u{1b}', '\u{202e}']));
        assert!(said.as_str().chars().count() <= LONGEST + 1);
    }
}
