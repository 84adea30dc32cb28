//! What the planted days answer to each question of the guide.

use serde_json::{Value, json};

use super::{BROKEN, Day, Question};

/// Holds the rows of a question against what was planted.
type Check = fn(&Day, &[Value]);

/// Every question whose answer is known, which must be all of the guide.
const CHECKS: &[(&str, Check)] = &[
    ("Who called from a new country?", new_country),
    ("What did this person touch?", newest_person),
    ("Which clients are refused most, and why?", refused_most),
    ("Who reads many records slowly, over days?", slow_walk),
    ("Which calls have a given fact?", calls_with_a_fact),
    ("Who used one token from two networks?", shared_token),
    ("What changed since yesterday for an integration?", changes),
    ("Where do dead letters come from, and why?", dead_letters),
    ("Which alerts are open, and how old are they?", open_alerts),
    ("Which rules are noisy?", noisy_rules),
    (
        "Which matches did exceptions and silences hold back?",
        held_back,
    ),
    ("Which requirements are breached?", requirements),
    ("What happened around an alert?", around_the_worst_alert),
    ("Who exports data at night?", night_export),
    ("Who does what their role does not allow?", role_denied),
    ("Who administers without a second factor?", second_factor),
    ("Which operations fail or are slow?", failing_operations),
    (
        "Which failed calls were never tried again?",
        abandoned_calls,
    ),
    (
        "Which tokens are odd, expired or live too long?",
        odd_tokens,
    ),
    ("Which webhooks came more than once?", repeated_webhooks),
    ("Who fell silent?", silent_clients),
    ("Who blocked what?", decisions),
    ("Who changed what?", deeds),
    ("Who looked at what?", readers),
    ("How complete is the journal?", journal),
];

/// Asks a question as it stands and holds the answer against what was planted.
///
/// # Panics
/// When it is another one, or nobody planted any.
pub fn assert_answered(day: &Day, question: &Question) {
    let (_, check) = CHECKS
        .iter()
        .find(|(title, _)| *title == question.title)
        .unwrap_or_else(|| panic!("plant an answer to: {}", question.title));
    let rows = day.rows(&question.sql);
    println!("{}: {} rows", question.title, rows.len());
    check(day, &rows);
}

/// The only row in which the columns have these values.
fn the_row<'a>(rows: &'a [Value], cells: &[(&str, &str)]) -> &'a Value {
    let fits = |row: &&Value| cells.iter().all(|(column, value)| row[*column] == **value);
    let found: Vec<&Value> = rows.iter().filter(fits).collect();
    let [row] = found[..] else {
        panic!("{} rows with {cells:?} in {rows:#?}", found.len());
    };
    row
}

/// The row has these values.
fn assert_cells(row: &Value, cells: &[(&str, Value)]) {
    for (column, value) in cells {
        assert_eq!(row[*column], *value, "{column} of {row:#}");
    }
}

/// A number of a row.
fn number(row: &Value, column: &str) -> u64 {
    row[column]
        .as_u64()
        .unwrap_or_else(|| panic!("{column} of {row:#}"))
}

fn new_country(_: &Day, rows: &[Value]) {
    let [row] = rows else {
        panic!("one client called from elsewhere: {rows:#?}");
    };
    let at = "203.0.113.14";
    assert_cells(
        row,
        &[
            ("client_id", json!("app-0160")),
            ("country", json!("VN")),
            ("calls", json!(25)),
            ("answered", json!(25)),
            ("addresses", json!(at)),
        ],
    );
}

/// As it stands, and about the resident that reads of neighbours.
fn newest_person(day: &Day, rows: &[Value]) {
    assert!(!rows.is_empty(), "an alert is about a person");
    let default = "(SELECT entity FROM alerts_latest WHERE entity_kind = 'subject' ORDER BY last DESC LIMIT 1) AS who";
    let resident = format!("'{}' AS who", day.pseudonym("resident-0026"));
    let questions = super::questions();
    let sql = &questions[1].sql;
    let rows = day.rows(&sql.replace(default, &resident));
    assert_ne!(
        *sql,
        sql.replace(default, &resident),
        "the line that a reader changes"
    );
    let [row] = &rows[..] else {
        panic!("the resident touches residents alone: {rows:#?}");
    };
    assert_cells(
        row,
        &[
            ("client_id", json!("app-0026")),
            ("operation", json!("GET /v1/residents/{id}")),
            ("resources", json!(24)),
            ("calls", json!(24)),
            ("refused", json!(8)),
            ("purposes", json!(["visit"])),
        ],
    );
}

fn refused_most(_: &Day, rows: &[Value]) {
    let first = [
        ("who", json!("203.0.113.71")),
        ("why", json!("token bad_signature")),
        ("refused", json!(90)),
    ];
    assert_cells(&rows[0], &first);
    let injection = the_row(rows, &[("who", "203.0.113.21"), ("why", "not allowed")]);
    assert_eq!(number(injection, "refused"), 20);
    let role = the_row(rows, &[("who", "app-0026"), ("why", "role")]);
    assert_eq!(number(role, "refused"), 8);
}

fn slow_walk(_: &Day, rows: &[Value]) {
    let row = the_row(
        rows,
        &[("client_id", "app-0140"), ("resource_type", "pass")],
    );
    assert_eq!(*row, rows[0], "nobody stands out more");
    assert!(
        number(row, "resources") >= 90 && number(row, "most_in_an_hour") <= 9,
        "{row:#}"
    );
}

fn calls_with_a_fact(_: &Day, rows: &[Value]) {
    let row = the_row(
        rows,
        &[("client_id", "desk-0002"), ("operation", "GET /v1/plates")],
    );
    assert_cells(row, &[("calls", json!(15)), ("let_through", json!(15))]);
}

fn shared_token(_: &Day, rows: &[Value]) {
    let row = the_row(rows, &[("client", "app-0029")]);
    assert_cells(row, &[("total", json!(15)), ("overlapping", json!(1))]);
    let networks = row["networks"].as_array().expect("a list");
    assert_eq!(networks.len(), 2);
    assert!(
        networks
            .iter()
            .any(|one| one[0] == "192.0.2.43" && one[1] == 6),
        "{row:#}"
    );
}

fn changes(_: &Day, rows: &[Value]) {
    for (what, value) in [
        ("client", "parking-operator"),
        ("program", "okhttp/4.9.3"),
        ("field received", "owner"),
    ] {
        let row = the_row(rows, &[("what", what), ("value", value)]);
        let new = [
            ("calls_before", json!(0)),
            ("calls_since", json!(30)),
            ("change", json!("new")),
        ];
        assert_cells(row, &new);
    }
}

fn dead_letters(day: &Day, rows: &[Value]) {
    let records: u64 = rows.iter().map(|row| number(row, "records")).sum();
    assert_eq!(records, BROKEN);
    let reasons = day
        .ask("SELECT uniqExact(reason) FROM dead_letters")
        .expect("readable");
    assert_eq!(
        rows.len().to_string(),
        reasons,
        "one file, one row a reason"
    );
}

fn open_alerts(day: &Day, rows: &[Value]) {
    let row = the_row(rows, &[("title", "Unsigned token was accepted")]);
    let cells = [
        ("level", json!("critical")),
        ("entity", json!("app-0021")),
        ("state", json!("in_work")),
        ("assignee", json!("Ivan Sidorov")),
        ("hours_open", json!(0)),
    ];
    assert_cells(row, &cells);
    let open = day.ask("SELECT count() FROM alerts_latest WHERE NOT startsWith(state, 'closed')");
    assert_eq!(Ok(rows.len().to_string()), open);
}

fn noisy_rules(day: &Day, rows: &[Value]) {
    let all = "SELECT count() FROM alerts_latest WHERE title = 'Operation that needs a second factor was allowed without it'";
    let all: u64 = day.ask(all).expect("readable").parse().expect("a number");
    let row = the_row(
        rows,
        &[(
            "name",
            "Operation that needs a second factor was allowed without it",
        )],
    );
    assert_eq!(
        *row, rows[0],
        "the rule whose alert was closed as false stands first"
    );
    assert_cells(
        row,
        &[
            ("alerts", json!(all)),
            ("was_not_so", json!(1)),
            ("false_share", json!(1)),
        ],
    );
}

fn held_back(_: &Day, rows: &[Value]) {
    let [row] = rows else {
        panic!("there is one exception: {rows:#?}");
    };
    assert_cells(
        row,
        &[
            ("events", json!(15)),
            ("clients", json!(1)),
            ("let_through", json!(15)),
        ],
    );
}

fn requirements(_: &Day, rows: &[Value]) {
    for breached in ["SEC-04", "SEC-07", "AUT-03", "AUT-04", "AUT-06", "INT-08"] {
        let row = the_row(rows, &[("requirement", breached)]);
        assert!(number(row, "alerts") >= 1, "{row:#}");
    }
    let unsigned = the_row(rows, &[("requirement", "AUT-03")]);
    assert_eq!(unsigned["worst"], "Unsigned token was accepted");
}

fn around_the_worst_alert(_: &Day, rows: &[Value]) {
    assert!(
        rows.iter().all(|row| row["client_id"] == "app-0021"),
        "{rows:#?}"
    );
    let unsigned = |row: &&Value| {
        let facts = row["facts"].as_array().expect("a list");
        facts.contains(&json!("token.unsigned"))
    };
    assert_eq!(rows.iter().filter(unsigned).count(), 7);
}

fn night_export(_: &Day, rows: &[Value]) {
    let row = the_row(
        rows,
        &[
            ("client_id", "desk-0003"),
            ("operation", "GET /v1/residents"),
        ],
    );
    assert_eq!(*row, rows[0], "nobody takes more by night");
    assert!(
        number(row, "by_night") >= 3_000 && number(row, "calls_by_night") >= 150,
        "{row:#}"
    );
}

fn role_denied(day: &Day, rows: &[Value]) {
    let [row] = rows else {
        panic!("one person leaves their role: {rows:#?}");
    };
    let cells = [
        ("subject", json!(day.pseudonym("resident-0026"))),
        ("roles", json!(["resident"])),
        ("calls", json!(24)),
        ("let_through", json!(16)),
        ("refused", json!(8)),
        ("resources", json!(24)),
    ];
    assert_cells(row, &cells);
}

fn second_factor(_: &Day, rows: &[Value]) {
    let calls: u64 = rows.iter().map(|row| number(row, "let_through")).sum();
    assert_eq!(calls, 8);
    assert!(
        rows.iter()
            .all(|row| row["client_id"] == "admin-console-0001"),
        "{rows:#?}"
    );
}

fn failing_operations(_: &Day, rows: &[Value]) {
    let row = the_row(
        rows,
        &[
            ("integration", "barrier-operator"),
            ("operation", "POST /v1/webhooks/passages"),
        ],
    );
    assert!(
        rows[..4].contains(row) && number(row, "failed") >= 20,
        "{rows:#?}"
    );
    // The partner fails from 16:00 on for three quarters of an hour.
    let worst = row["worst_minute"].as_str().expect("a time");
    let time = worst.split(' ').nth(1).expect("a time of day");
    assert!(("16:00"..="16:45").contains(&&time[..5]), "{row:#}");
}

fn abandoned_calls(_: &Day, rows: &[Value]) {
    let row = the_row(
        rows,
        &[
            ("client_id", "face-recognition"),
            ("operation", "POST /v1/webhooks/faces"),
        ],
    );
    assert_eq!(*row, rows[0], "nobody gives up more often");
    assert!(number(row, "gave_up") >= 5, "{row:#}");
}

fn odd_tokens(_: &Day, rows: &[Value]) {
    for (client, oddity, planted, answered) in [
        ("app-0023", "expired", 12, 12),
        ("app-0021", "unsigned", 7, 7),
        ("", "bad_signature", 90, 0),
    ] {
        // Expired tokens that are refused come by themselves, too.
        let row = the_row(rows, &[("client_id", client), ("oddity", oddity)]);
        assert_eq!(number(row, "answered"), answered);
        assert!(number(row, "calls") >= planted, "{row:#}");
    }
}

fn repeated_webhooks(_: &Day, rows: &[Value]) {
    let twice: Vec<&Value> = rows.iter().filter(|row| number(row, "taken") > 1).collect();
    let [row] = twice[..] else {
        panic!("one webhook was taken twice: {twice:#?}");
    };
    let cells = [
        ("webhook_id", json!("d29c40b7715ea100")),
        ("answers", json!([202, 202])),
    ];
    assert_cells(row, &cells);
    assert!(
        (150..=210).contains(&number(row, "seconds_apart")),
        "{row:#}"
    );
}

fn silent_clients(_: &Day, rows: &[Value]) {
    let row = the_row(rows, &[("client_id", "terminal-0003")]);
    assert_eq!(*row, rows[0], "nobody who fell silent calls more");
    assert!(number(row, "silent_hours") >= 14, "{row:#}");
}

fn decisions(_: &Day, rows: &[Value]) {
    let row = the_row(rows, &[("value", "203.0.113.21")]);
    let cells = [
        ("scope", json!("ip")),
        ("last_step", json!("approved")),
        ("last_actor", json!("Anna Petrova")),
        ("in_force", json!(1)),
        ("reason", json!("injects SQL")),
    ];
    assert_cells(row, &cells);
}

fn deeds(_: &Day, rows: &[Value]) {
    let said = |cells: &[(&str, &str)]| the_row(rows, cells)["said"].clone();
    let her = ("actor", "Anna Petrova");
    assert_eq!(
        said(&[her, ("about", "alert"), ("action", "assign")]),
        "to Ivan Sidorov"
    );
    assert_eq!(
        said(&[her, ("action", "false_positive")]),
        "the console passed it on, the log has not"
    );
    assert_eq!(
        said(&[her, ("about", "decision"), ("action", "proposed")]),
        "ip 203.0.113.21: injects SQL"
    );
    the_row(
        rows,
        &[
            ("about", "exception"),
            ("action", "added"),
            ("actor", "a.petrova"),
        ],
    );
}

/// The questions before this one are in the log of queries.
fn readers(day: &Day, _: &[Value]) {
    day.ask("SYSTEM FLUSH LOGS").expect("the owner may");
    let questions = super::questions();
    let question = questions
        .iter()
        .find(|one| one.title == "Who looked at what?");
    let rows = day.rows(&question.expect("it is there").sql);
    let row = the_row(&rows, &[("user", "analyst"), ("what", "gatewatch.events")]);
    assert!(number(row, "queries") >= 10, "{row:#}");
}

fn journal(day: &Day, rows: &[Value]) {
    let lost = day.lost();
    assert!(lost["gw-msk-2"] > 10, "{lost:?}");
    for row in rows {
        let gateway = row["gateway"].as_str().expect("a name");
        assert_eq!(number(row, "lost"), lost[gateway], "{row:#}");
    }
    assert_eq!(rows.len(), lost.len());
}
