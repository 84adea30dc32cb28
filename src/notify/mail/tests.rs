//! Whole mails: as snapshots, and against hostile content.

mod first_screen;

use proptest::prelude::*;

use super::*;
use crate::alert::own;
use crate::alert::{Alert, Counted, Series};
use crate::event::{Field, Timestamp};
use crate::notify::Stage;
use crate::track::{Feature, Note, Reason};
use samples::START;

fn context() -> Context {
    Context {
        kin: crate::alert::Kin::default(),
        closing: None,
        written: None,
        zone: TimeZone::get("Europe/Moscow").unwrap(),
        name: "propdev".to_owned(),
        console_url: "https://watch.example.org/".to_owned(),
        acknowledge: "https://watch.example.org/acknowledge?alert=1".to_owned(),
        events_table: "gatewatch.events".to_owned(),
    }
}

fn daily() -> DailyCounts {
    DailyCounts {
        since: Timestamp::from_seconds(START - 86_400),
        until: Timestamp::from_seconds(START),
        events: 1_204_331,
        stored: 1_204_300,
        dead_letters: 31,
        alerts: [0, 0, 5, 2, 1],
        mails_sent: 8,
        mails_held: 0,
        mails_failed: 0,
        chain: Some((
            412,
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        )),
        gaps: vec![],
    }
}

#[test]
fn a_russian_mail() {
    let mail = render(
        &samples::correlation(),
        None,
        Stage::Opened,
        Locale::Ru,
        &context(),
    );
    insta::assert_snapshot!("russian_subject", mail.subject);
    insta::assert_snapshot!("russian_text", mail.text);
    insta::assert_snapshot!("russian_html", mail.html);
}

#[test]
fn a_mail_about_gatewatch_itself_has_no_query() {
    let at = Timestamp::from_seconds;
    let down = own::unreachable("ClickHouse", at(START), at(START + 60), "refused\r\n<b>");
    let mail = render(&down, None, Stage::Opened, Locale::Ru, &context());
    insta::assert_snapshot!("russian_unreachable", mail.text);
    let lost = own::lost("gateway", 3, 10, 15, at(START));
    let mail = render(&lost, None, Stage::Opened, Locale::En, &context());
    insta::assert_snapshot!("english_lost", mail.text);
}

#[test]
fn the_daily_mail_names_the_gaps() {
    let mut counts = daily();
    let at = |hour: i64| Timestamp::from_seconds(START + hour * 3_600);
    counts.gaps = vec![
        Gap {
            source: "gw-2".to_owned(),
            since: at(-9),
            until: at(-7),
            lost: None,
        },
        Gap {
            source: "gateway/3".to_owned(),
            since: at(-1),
            until: at(-1),
            lost: Some("offsets 10 to 14".to_owned()),
        },
    ];
    insta::assert_snapshot!(
        "russian_gaps",
        render_daily(&counts, Locale::Ru, &context()).text
    );
}

#[test]
fn an_english_mail() {
    let mail = render(
        &samples::baseline(),
        None,
        Stage::Grown(1),
        Locale::En,
        &context(),
    );
    insta::assert_snapshot!("english_subject", mail.subject);
    insta::assert_snapshot!("english_text", mail.text);
    insta::assert_snapshot!("english_html", mail.html);
}

/// An hour in which a person read what was new to it, after two quiet days.
fn odd_hour() -> (Alert, Series) {
    let mut alert = samples::baseline();
    alert.rule.family = "behaviour".to_owned();
    let feature =
        |metric: &str, value: &str, [observed, expected, probability]: [f64; 3]| Feature {
            metric: metric.to_owned(),
            value: value.to_owned(),
            observed,
            expected,
            probability,
        };
    let features = vec![
        feature("different records an hour", "", [310.2, 4.2, 0.001]),
        feature("calls an hour", "", [330.0, 11.0, 0.002]),
        feature(
            "hours with a new network",
            "198.51.100.0/24 <b>\u{202e}",
            [1.0, 0.0031, 0.0007],
        ),
    ];
    alert
        .notes
        .extend(features.iter().cloned().map(Note::Feature));
    alert.reason = Reason::Baseline {
        metric: "different records an hour".to_owned(),
        observed: 310.2,
        expected: 4.2,
        probability: 2e-6,
        features,
    };
    let mut values: Vec<f64> = (0..48).map(|at| f64::from(at * 5 % 9)).collect();
    values[47] = 310.0;
    let series = Series {
        counted: Counted::Different(Field::ResourceId),
        from: Timestamp::from_seconds(START - 47 * 3_600),
        minutes: 60,
        values,
        marked: 47..48,
        expected: Some(4.2),
    };
    (alert, series)
}

#[test]
fn a_mail_about_an_odd_hour_has_its_features_and_a_picture() {
    let (alert, series) = odd_hour();
    let drawn = Drawn::of(series.clone());
    let render = |locale| render(&alert, Some(&drawn), Stage::Opened, locale, &context());
    let (russian, english) = (render(Locale::Ru), render(Locale::En));
    insta::assert_snapshot!("russian_odd_hour", russian.text);
    insta::assert_snapshot!("english_odd_hour", english.text);
    assert_eq!(russian.pictures, english.pictures, "no letter is in it");
    let [picture] = &russian.pictures[..] else {
        panic!("one picture");
    };
    assert_eq!(picture.png, crate::picture::png(&series.bars()));
    for mail in [&russian, &english] {
        let source = format!("<img src=\"cid:{}\"", picture.content_id);
        assert_eq!(mail.html.matches(&source).count(), 1, "{}", mail.html);
        assert_eq!(mail.html.matches("<img").count(), 1);
        assert!(!mail.html.contains("<b>"), "{}", mail.html);
        // What the table says is not said again.
        assert!(!mail.text.contains("never seen of it"), "{}", mail.text);
        assert!(!mail.text.contains("330.0"), "{}", mail.text);
        assert_harmless(mail);
    }
    assert!(russian.text.contains("К оповещению относится последний."));
    assert!(russian.html.contains("alt=\"Разные записи: "));
}

#[test]
fn a_digest_in_both_languages() {
    for (locale, name) in [
        (Locale::Ru, "russian_digest"),
        (Locale::En, "english_digest"),
    ] {
        let lines = [
            Line::of(&samples::hostile(), locale),
            Line::of(&samples::correlation(), locale),
        ];
        let mail = render_bundle(BundleKind::Digest, 41, &lines, locale, &context());
        insta::assert_snapshot!(name, format!("{}\n\n{}", mail.subject, mail.text));
    }
}

#[test]
fn a_quiet_day_and_one_with_a_gap() {
    let mail = render_daily(&daily(), Locale::Ru, &context());
    insta::assert_snapshot!(
        "russian_daily",
        format!("{}\n\n{}", mail.subject, mail.text)
    );
    let mut counts = daily();
    counts.gaps.push(Gap {
        source: "gateway-2".to_owned(),
        since: Timestamp::from_seconds(START - 7_200),
        until: Timestamp::from_seconds(START - 3_600),
        lost: None,
    });
    let mail = render_daily(&counts, Locale::En, &context());
    insta::assert_snapshot!(
        "english_daily",
        format!("{}\n\n{}", mail.subject, mail.text)
    );
}

#[test]
fn a_day_without_events_is_not_called_well() {
    let counts = DailyCounts {
        events: 0,
        ..daily()
    };
    let mail = render_daily(&counts, Locale::En, &context());
    assert!(!mail.subject.contains("All is well"), "{}", mail.subject);
}

/// Everything between `<` and `>` outside of text: what the reader's program takes for markup.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

#[test]
fn hostile_content_is_text_and_never_markup() {
    for locale in [Locale::Ru, Locale::En] {
        let mail = render(&samples::hostile(), None, Stage::Opened, locale, &context());
        for tag in tags(&mail.html) {
            assert!(
                !tag.starts_with("script") && !tag.starts_with("img") && !tag.contains("onerror"),
                "{tag}"
            );
        }
        assert!(mail.html.contains("&lt;script&gt;"));
        assert_harmless(&mail);
    }
}

#[test]
fn no_address_of_the_log_is_one_in_a_mail() {
    let mut alert = samples::correlation();
    let evil = "see http://evil.example/login or www.evil.example";
    alert.rule.entity = Some(Field::UserAgent);
    alert.entity.value = evil.into();
    alert.rule.tags = vec!["attack.discovery".to_owned()];
    alert.notes = vec![Note::Text(evil.to_owned())];
    for evidence in &mut alert.evidence {
        evidence.user_agent = evil.into();
        evidence.target = "http://evil.example/x".into();
        evidence.client_id = "evil.example".into();
    }
    let mail = render(&alert, None, Stage::Opened, Locale::En, &context());
    let line = Line::of(&alert, Locale::En);
    let digest = render_bundle(BundleKind::Digest, 1, &[line], Locale::En, &context());
    for part in [
        &mail.subject,
        &mail.text,
        &mail.html,
        &digest.text,
        &digest.html,
    ] {
        assert!(!part.contains("evil.example"), "{part}");
        assert!(!part.contains("http://"), "{part}");
    }
    assert!(
        mail.text.contains("hxxp://evil[.]example/x"),
        "{}",
        mail.text
    );
    // Ours lead where they led.
    assert!(mail.text.contains("https://watch.example.org/alerts/"));
    assert!(mail.text.contains("attack.discovery"));
    assert!(mail.text.contains(r"http:\x2F/evil\x2Eexample/login"));
}

/// No control character but our own line feeds, none that reorders or hides, one line of subject.
fn assert_harmless(mail: &Mail) {
    assert!(
        !mail.subject.chars().any(char::is_control),
        "{:?}",
        mail.subject
    );
    for part in [&mail.subject, &mail.text, &mail.html] {
        assert!(
            !part.chars().any(|c| c.is_control() && c != '\n'),
            "{part:?}"
        );
        assert!(!part.chars().any(clean::is_hidden), "{part:?}");
    }
}

#[test]
fn a_log_line_cannot_add_a_line_to_the_text() {
    let mail = render(
        &samples::hostile(),
        None,
        Stage::Opened,
        Locale::En,
        &context(),
    );
    assert!(!mail.text.lines().any(|line| line.starts_with("Bcc:")));
}

#[test]
fn code_in_the_words_of_a_rule_is_shown_as_code_and_still_as_text() {
    let mut alert = samples::hostile();
    alert.rule.description = "Asked for `<b>` or `.env`".to_owned();
    alert.rule.false_positives = vec!["A site of `.git/`".to_owned()];
    let mail = render(&alert, None, Stage::Opened, Locale::En, &context());
    for code in [
        ">&lt;b&gt;</code> or <code",
        ">.env</code>",
        ">.git/</code></li>",
    ] {
        assert!(mail.html.contains(code), "{code}: {}", mail.html);
    }
    assert!(mail.text.contains("Asked for `<b>` or `.env`"));
}

#[test]
fn a_mail_stays_small_whatever_the_alert_holds() {
    let mut alert = samples::hostile();
    let long = "<\u{202e}".repeat(100_000);
    alert.rule.title.clone_from(&long);
    alert.rule.description.clone_from(&long);
    alert.entity.value = long.as_str().into();
    alert.notes = vec![Note::Text(long.clone()); 1_000];
    alert.rule.tags = vec![format!("requirement.{long}"); 1_000];
    alert.rule.false_positives = vec![long.clone(); 1_000];
    for evidence in &mut alert.evidence {
        evidence.target = long.as_str().into();
        evidence.request_id = long.as_str().into();
    }
    let mail = render(&alert, None, Stage::Opened, Locale::En, &context());
    assert!(
        mail.subject.chars().count() <= 141,
        "{}",
        mail.subject.chars().count()
    );
    assert!(mail.html.len() < 200_000, "{}", mail.html.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_in_a_log_gives_a_harmless_mail(text in any::<String>(), seconds in any::<i64>()) {
        let mut alert = samples::hostile();
        alert.rule.title.clone_from(&text);
        alert.entity.value = text.as_str().into();
        alert.first = Timestamp::from_micros(seconds);
        alert.evidence[0].target = text.as_str().into();
        alert.evidence[0].time = Timestamp::from_micros(seconds);
        assert_harmless(&render(&alert, None, Stage::Opened, Locale::Ru, &context()));
    }
}

#[test]
fn other_alerts_of_the_same_callers_are_named() {
    let mut context = context();
    context.kin.alerts = vec![samples::baseline()];
    let alert = samples::correlation();
    let text =
        |locale, context: &Context| render(&alert, None, Stage::Opened, locale, context).text;
    let english = text(Locale::En, &context);
    assert!(
        english.to_lowercase().contains("of the same callers"),
        "{english}"
    );
    let and_more = |english: &str| english.contains("and 3 alerts more");
    assert!(!and_more(&english), "{english}");
    context.kin.more = 3;
    assert!(and_more(&text(Locale::En, &context)));
    let russian = text(Locale::Ru, &context);
    assert!(russian.contains("и ещё 3 оповещения"), "{russian}");
    context.kin = crate::alert::Kin::default();
    assert!(
        !text(Locale::En, &context)
            .to_lowercase()
            .contains("same callers")
    );
}
