//! What the subject and the first screen of a mail say.

use uuid::Uuid;

use super::*;
use crate::sigma::Level;
use crate::triage::{Closing, Seen, Verdict};

#[test]
fn what_a_reader_can_do_stands_right_under_the_facts() {
    for (locale, after) in [(Locale::Ru, "Что произошло"), (Locale::En, "What happened")]
    {
        let mail = render(
            &samples::correlation(),
            None,
            Stage::Opened,
            locale,
            &context(),
        );
        for part in [&mail.text, &mail.html] {
            let place = |what: &str| part.find(what).unwrap_or_else(|| panic!("{what}: {part}"));
            let places = [
                "attack.t1213",
                "https://watch.example.org/alerts/5f3a0000",
                "https://watch.example.org/acknowledge?alert=1",
                after,
                "SELECT time",
            ];
            assert!(places.map(place).is_sorted(), "{part}");
            assert_eq!(part.matches("/acknowledge?").count(), 1, "{part}");
        }
        // Two buttons with colours of their own in the dark, and nothing from elsewhere.
        assert_eq!(mail.html.matches("class=\"way").count(), 2);
        assert_eq!(mail.html.matches("class=\"way first\"").count(), 1);
        let dark = mail.html.split("prefers-color-scheme:dark").nth(1).unwrap();
        assert!(dark.contains(".way{") && dark.contains(".first{"), "{dark}");
        assert!(!mail.html.contains("url(") && !mail.html.contains(" src="));
    }
    let mut nowhere = context();
    nowhere.console_url.clear();
    nowhere.acknowledge.clear();
    let mail = render(
        &samples::correlation(),
        None,
        Stage::Opened,
        Locale::En,
        &nowhere,
    );
    assert!(!mail.html.contains("class=\"way"), "{}", mail.html);
}

#[test]
fn a_mail_about_what_was_told_before_says_in_its_subject_what_is_new() {
    let subject = |stage, locale| {
        let mail = render(&samples::correlation(), None, stage, locale, &context());
        mail.subject
    };
    for (stage, english, russian) in [
        (Stage::Opened, "HIGH: One", "ВЫСОКИЙ: Один"),
        (
            Stage::Grown(1),
            "HIGH, grown: One",
            "ВЫСОКИЙ, выросло: Один",
        ),
        (
            Stage::Escalated(0),
            "HIGH, not acknowledged: One",
            "ВЫСОКИЙ, никто не принял: Один",
        ),
    ] {
        let subjects = [(Locale::En, english), (Locale::Ru, russian)];
        for (locale, begins) in subjects {
            let subject = subject(stage, locale);
            let begins = format!("[propdev] {begins}");
            assert!(subject.starts_with(&begins), "{subject}");
        }
    }
}

#[test]
fn a_mail_about_what_was_reopened_says_by_what_and_how_it_had_been_closed() {
    let mut alert = samples::correlation();
    alert.rules.push(Uuid::from_u128(0xa2));
    let closing = Closing {
        time: Timestamp::from_seconds(START + 60),
        verdict: Verdict::False,
        seen: Seen {
            count: 1_200,
            level: Level::High,
            rules: 1,
        },
    };
    let mut context = context();
    context.closing = Some(closing);
    let stage = Stage::Reopened(closing.time);
    let english = render(&alert, None, stage, Locale::En, &context);
    assert!(
        english
            .subject
            .starts_with("[propdev] HIGH, reopened (another rule): One client"),
        "{}",
        english.subject
    );
    let facts = "HIGH · was closed, is reopened\nOne client reads many residents\n\n\
                 Reopened    another rule fired: 00000000-0000-0000-0000-0000000000a2\n\
                 Was closed  2026-03-01 13:01:00 as false\n\
                 Who         client mobile-app\n";
    assert!(english.text.starts_with(facts), "{}", english.text);

    context.closing = Some(Closing {
        verdict: Verdict::Harmless,
        seen: Seen {
            count: 100,
            level: Level::Medium,
            rules: 2,
        },
        ..closing
    });
    let russian = render(&alert, None, stage, Locale::Ru, &context);
    assert!(
        russian.subject.starts_with(
            "[propdev] ВЫСОКИЙ, открыто снова (уровень выше, событий в 10 раз больше): Один"
        ),
        "{}",
        russian.subject
    );
    for fact in [
        "ВЫСОКИЙ · было закрыто, открыто снова\n",
        "Открыто снова      уровень был СРЕДНИЙ, стал ВЫСОКИЙ; событий было 100, стало 1\u{a0}262\n",
        "Было закрыто       01.03.2026 13:01:00, решение: безобидно\n",
    ] {
        assert!(russian.text.contains(fact), "{fact}: {}", russian.text);
    }
}

#[test]
fn a_mail_says_how_long_before_it_the_last_event_was() {
    let alert = samples::correlation();
    let text = |seconds: i64, locale| {
        let context = Context {
            written: Some(alert.last.plus_micros(seconds * 1_000_000)),
            ..context()
        };
        render(&alert, None, Stage::Opened, locale, &context).text
    };
    let english = text(30, Locale::En);
    let expected = "Last event  2026-03-01 13:04:10 (30 seconds before this mail)\n";
    assert!(english.contains(expected), "{english}");
    let russian = text(21 * 60, Locale::Ru);
    let expected = "Последнее событие  01.03.2026 13:04:10 (до письма прошло: 21 минута)\n";
    assert!(russian.contains(expected), "{russian}");
    // Clocks of hosts differ a little: an event of the future is no reason for nonsense.
    let early = text(-5, Locale::En);
    assert!(
        early.contains("Last event  2026-03-01 13:04:10\n"),
        "{early}"
    );
}
