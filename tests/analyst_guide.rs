//! The analyst's guide on a real store: every query runs as the analyst's role, within its bounds, and finds what was planted.

mod analyst;
#[path = "dashboards/mod.rs"]
mod dashboards;
mod parts;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use analyst::{Day, answers, questions, root};

/// What a reader waits for at most on these days; the role's own limit is 60 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn every_question_of_the_guide_finds_what_was_planted() {
    let questions = questions();
    assert!(questions.len() >= 20, "{}", questions.len());
    let day = Day::stored();
    for question in &questions {
        let began = Instant::now();
        answers::assert_answered(&day, question);
        assert!(
            began.elapsed() < PATIENCE,
            "{} took {:?}",
            question.title,
            began.elapsed()
        );
    }
    assert_dashboards_show(&day);
    assert_bounded(&day);
    assert_everything_is_explained(&day);
}

/// Grafana asks as the analyst: each panel answers, and few are empty.
fn assert_dashboards_show(day: &Day) {
    for dashboard in dashboards::dashboards() {
        let shown = dashboard.run(|sql| day.ask_as_analyst(sql));
        let empty: Vec<&str> = shown
            .iter()
            .filter(|panel| panel.answer.is_empty())
            .map(|panel| &*panel.place)
            .collect();
        let quiet: BTreeSet<&str> = ["detectors: On trial", "entity: Decisions"].into();
        assert!(
            empty.iter().all(|place| quiet.contains(place)),
            "empty: {empty:?}"
        );
    }
}

/// What an analyst may not do, and the beginning of what the server says.
const REFUSED: &[(&str, &str)] = &[
    ("SELECT sealed FROM dead_letters", "Not enough privileges"),
    (
        "SELECT nonce, key_id FROM dead_letters",
        "Not enough privileges",
    ),
    ("SELECT * FROM dead_letters", "Not enough privileges"),
    ("SELECT data FROM snapshots", "Not enough privileges"),
    ("SELECT count() FROM chain", "Not enough privileges"),
    (
        "SELECT query FROM system.query_log",
        "Not enough privileges",
    ),
    ("SELECT * FROM system.users", "Not enough privileges"),
    (
        "INSERT INTO events (gateway) VALUES ('x')",
        "Not enough privileges",
    ),
    (
        "INSERT INTO alert_actions (actor) VALUES ('x')",
        "Not enough privileges",
    ),
    ("ALTER TABLE events DELETE WHERE 1", "Not enough privileges"),
    ("CREATE VIEW mine AS SELECT 1", "Not enough privileges"),
    (
        "SELECT number FROM numbers(100001)",
        "Limit for result exceeded",
    ),
    (
        "SELECT sum(number) FROM numbers(1000000000000) SETTINGS max_execution_time = 1",
        "Timeout exceeded",
    ),
    (
        "SELECT groupArray(number) FROM numbers(1000000000)",
        "memory limit exceeded",
    ),
    (
        "SELECT 1 SETTINGS max_execution_time = 0",
        "max_execution_time",
    ),
    (
        "SELECT 1 SETTINGS max_execution_time = 61",
        "max_execution_time",
    ),
    ("SELECT 1 SETTINGS max_memory_usage = 0", "max_memory_usage"),
    ("SELECT 1 SETTINGS max_result_rows = 0", "max_result_rows"),
    (
        "SELECT 1 SETTINGS max_result_rows = 100001",
        "max_result_rows",
    ),
    (
        "SELECT 1 SETTINGS result_overflow_mode = 'break'",
        "result_overflow_mode",
    ),
    ("SELECT 1 SETTINGS readonly = 0", "readonly"),
    ("SELECT 1 SETTINGS log_queries = 0", "log_queries"),
    (
        "SELECT 1 SETTINGS log_queries_probability = 0",
        "log_queries_probability",
    ),
    (
        "SELECT 1 SETTINGS log_queries_cut_to_length = 1",
        "log_queries_cut_to_length",
    ),
];

/// The role holds, cannot be lifted, and all that it asks is on record, refused or not.
fn assert_bounded(day: &Day) {
    for (sql, reason) in REFUSED {
        let Err(error) = day.ask_as_analyst(sql) else {
            panic!("{sql} is answered");
        };
        assert!(error.contains(reason), "{sql}: {error}");
    }
    assert_eq!(
        day.ask_as_analyst("SELECT count(), any(beginning) != '' FROM dead_letters"),
        Ok("20\t1".to_owned())
    );
    let longest = "SELECT count() FROM numbers(100000)";
    assert_eq!(day.ask_as_analyst(longest), Ok("100000".to_owned()));
    day.ask("SYSTEM FLUSH LOGS").expect("the owner may");
    let mark = "SELECT countIf(query LIKE 'SELECT sealed FROM%' AND exception_code != 0), countIf(query LIKE '%numbers(100000)%' AND type = 'QueryFinish') \
                FROM system.query_log WHERE user = 'analyst'";
    let logged = day.ask(mark).expect("the owner may");
    assert_eq!(logged, "1\t1", "queries on record");
}

/// Every table and view says what it is, and each of its columns what it means.
fn assert_everything_is_explained(day: &Day) {
    let views = "SELECT name FROM system.tables WHERE database = 'gatewatch' AND engine != 'MaterializedView'";
    let bare = format!("{views} AND comment = ''");
    assert_eq!(day.ask(&bare), Ok(String::new()), "without a comment");
    let bare = format!(
        "SELECT table || '.' || name FROM system.columns WHERE database = 'gatewatch' AND comment = '' AND table IN ({views})"
    );
    assert_eq!(
        day.ask(&bare),
        Ok(String::new()),
        "columns without a comment"
    );
}

/// The role is the same in the embedded server, in the stack, and in the statements for a server of one's own.
#[test]
fn the_role_is_one_wherever_it_is_written() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("readable");
    let of_file = |path: &str| {
        let text = read(path);
        let (_, role) = text
            .split_once("<gatewatch_analyst><grants>")
            .expect("the role");
        let (role, _) = role.split_once("</grants>").expect("it ends");
        let grants = role.lines().filter_map(|line| {
            let line = line.trim().strip_prefix("<query>")?;
            Some(
                line.strip_suffix("</query>")
                    .expect("a query is a line")
                    .to_owned(),
            )
        });
        // Tables over all shards are of the embedded server's own tests.
        let local = grants.filter(|grant| !grant.contains("gatewatch_cluster."));
        local.collect::<BTreeSet<String>>()
    };
    let page = read("docs/clickhouse.md");
    let of_page: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_suffix(" TO gatewatch_analyst;"))
        .filter(|line| line.starts_with("GRANT "))
        .map(str::to_owned)
        .collect();
    assert!(of_page.len() > 20);
    assert_eq!(of_page, of_file("src/store/embedded/users.xml"));
    assert_eq!(of_page, of_file("deploy/clickhouse/users.xml"));

    let profile = |path: &str| {
        let text = read(path);
        let (_, rest) = text.split_once("<gatewatch_analyst>").expect("a profile");
        let (profile, _) = rest.split_once("</gatewatch_analyst>").expect("it ends");
        profile.to_owned()
    };
    assert_eq!(
        profile("src/store/embedded/users.xml"),
        profile("deploy/clickhouse/users.xml")
    );
}
