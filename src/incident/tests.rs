use super::*;

const HOUR: i64 = 3_600_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000).plus_micros(hours * HOUR)
}

fn declaration(declared: i64) -> Step {
    let alert = Uuid::from_u128(7);
    Step {
        incident: incident_id(alert),
        time: at(declared),
        actor: "Анна".to_owned(),
        what: What::Declared(Box::new(Declared {
            alert,
            title: "Records of <others> were read".to_owned(),
            linked: Vec::new(),
            title_ru: None,
            entity: "crm".to_owned(),
            detected: at(0),
            events: (at(-1), at(0)),
            clocks: Clock::ALL.to_vec(),
            categories: vec!["биометрия".to_owned()],
            affected: Some(Affected {
                calls: 12,
                records: 340,
                resources: vec![("resident".to_owned(), 120)],
                ..Affected::default()
            }),
        })),
    }
}

fn step(hours: i64, what: What) -> Step {
    Step {
        incident: incident_id(Uuid::from_u128(7)),
        time: at(hours),
        actor: "Анна".to_owned(),
        what,
    }
}

fn one(steps: Vec<Step>) -> Incident {
    let mut incidents = Incident::of(steps);
    assert_eq!(incidents.len(), 1);
    incidents.remove(0)
}

fn told(hours: i64, clock: Clock) -> Step {
    let what = What::Notified {
        clock,
        at: at(hours),
        reference: "RKN-1".to_owned(),
    };
    step(hours, what)
}

/// The duties that are reminded of, and whether each reminder was given in the hour before, too.
fn reminded(incident: &Incident, hours: i64) -> Vec<(Option<Clock>, bool)> {
    let before = incident.reminders(at(hours - 1));
    let now = incident.reminders(at(hours));
    now.iter()
        .map(|reminder| (reminder.clock, before.contains(reminder)))
        .collect()
}

#[test]
fn each_step_of_a_clock_is_told_once_and_the_newest_only() {
    let incident = one(vec![declaration(1)]);
    assert_eq!(reminded(&incident, 11), [(None, true)]);
    assert_eq!(
        reminded(&incident, 12),
        [(None, true), (Some(Clock::First), false)]
    );
    assert_eq!(
        reminded(&incident, 13),
        [(None, true), (Some(Clock::First), true)]
    );
    for hours in [20, 23, 24, 48, 72] {
        let told = reminded(&incident, hours);
        assert!(
            told.contains(&(Some(Clock::First), false)),
            "{hours}: {told:?}"
        );
    }
    let told = reminded(&incident, 48);
    assert!(told.contains(&(Some(Clock::Inquiry), false)), "{told:?}");
    assert!(told.contains(&(Some(Clock::Gdpr), false)), "{told:?}");
    let late = reminded(&incident, 24 * 30);
    assert!(
        late.iter().all(|(_, before)| *before),
        "nobody is told for ever: {late:?}"
    );
}

#[test]
fn what_was_done_is_not_reminded_of_and_a_closed_incident_of_nothing() {
    let mut steps = vec![declaration(1), told(5, Clock::First)];
    let incident = one(steps.clone());
    assert_eq!(reminded(&incident, 23), [(None, true)]);
    let state: Vec<bool> = incident
        .clocks()
        .map(|(_, state)| state.told.is_some())
        .collect();
    assert_eq!(state, [true, false, false]);
    steps.push(step(
        30,
        What::Closed {
            text: "no data left".to_owned(),
        },
    ));
    let incident = one(steps);
    assert_eq!(incident.closed(), Some((at(30), "no data left")));
    assert!(incident.reminders(at(70)).is_empty());
}

#[test]
fn steps_that_lay_behind_at_the_declaration_come_with_it() {
    let incident = one(vec![declaration(30)]);
    assert_eq!(reminded(&incident, 31), [(None, true)]);
    assert_eq!(
        reminded(&incident, 48)[1],
        (Some(Clock::First), false),
        "a day past its end"
    );
}

#[test]
fn the_order_of_steps_and_a_second_declaration_do_not_matter() {
    let again = Step {
        actor: "Борис".to_owned(),
        ..declaration(2)
    };
    let steps = vec![told(5, Clock::First), again, declaration(1)];
    let incident = one(steps);
    assert_eq!((incident.time, incident.by.as_str()), (at(1), "Анна"));
    assert_eq!(incident.steps.len(), 1);
    assert!(Incident::of(vec![told(1, Clock::First)]).is_empty());
}

#[test]
fn a_notice_has_what_is_known_and_leaves_open_what_is_not() {
    let said = |about, text: &str| {
        let text = text.to_owned();
        step(2, What::Said { about, text })
    };
    let incident = one(vec![
        declaration(1),
        said(About::Cause, "украден ключ клиента"),
        said(About::Measure, "ключ отозван"),
        said(About::Culprit, "бывший сотрудник партнёра"),
    ]);
    let operator = Operator {
        name: "ООО «ПропДевелопмент»".to_owned(),
        ..Operator::default()
    };
    let first = notice(&incident, Clock::First, &operator, at(3));
    for expected in [
        "ООО «ПропДевелопмент»",
        "&lt;others&gt;",
        "биометрия",
        "resident: 120",
        "<td>340</td>",
        "украден ключ клиента",
        "ключ отозван",
        "<th>Предполагаемый вред правам субъектов</th><td></td>",
    ] {
        assert!(first.contains(expected), "{expected}: {first}");
    }
    assert!(!first.contains("бывший сотрудник"), "not asked for yet");
    let inquiry = notice(&incident, Clock::Inquiry, &operator, at(3));
    assert!(inquiry.contains("бывший сотрудник партнёра"), "{inquiry}");
    assert!(inquiry.contains("Установленные причины"), "{inquiry}");
    assert!(notice(&incident, Clock::Gdpr, &operator, at(3)).contains("ст. 33"));
}

#[test]
fn a_step_is_read_back() {
    for step in [declaration(1), told(2, Clock::Gdpr)] {
        let json = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), step, "{json}");
    }
}
