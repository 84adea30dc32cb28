//! `gatewatch train`, `model` and `backtest` through the built program, over files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with simulated history and a configuration that keeps its models there.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(days: u32, more: &[&str]) -> Place {
        let place = Place {
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        let config = format!(
            "[track.behaviour]\nenabled = true\nmodels = {:?}\n",
            place.models()
        );
        fs::write(place.path("gatewatch.toml"), config).unwrap();
        let days = format!("{days}d");
        let history = place.path("history.jsonl");
        let simulate = [
            "simulate",
            "--seed",
            "5",
            "--start",
            "2026-03-01T21:00:00Z",
            "--span",
            &days,
            "--events",
            "60000",
            "--output",
            history.to_str().unwrap(),
        ];
        let (code, _, error) = place.run(&[&simulate, more].concat());
        assert_eq!(code, 0, "{error}");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn models(&self) -> PathBuf {
        self.path("models")
    }

    /// Exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
            .current_dir(ROOT)
            .env("GATEWATCH_CONFIG", self.path("gatewatch.toml"))
            .env("GATEWATCH_ENRICH__PSEUDONYM_KEY", "k".repeat(32))
            .env("GATEWATCH_STORE__DEAD_LETTER_KEY", "ab".repeat(32))
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the output is text");
        let code = output.status.code().expect("the program ended by itself");
        (code, text(&output.stdout), text(&output.stderr))
    }

    fn history(&self) -> String {
        self.path("history.jsonl").to_str().unwrap().to_owned()
    }

    /// Names of versions, and the one in use.
    fn versions(&self) -> (Vec<String>, Option<String>) {
        let (code, listed, error) = self.run(&["model", "list"]);
        assert_eq!(code, 0, "{error}");
        let name = |line: &str| {
            let line = line.trim_start_matches(['→', ' ']);
            line.split_whitespace().next().map(str::to_owned)
        };
        let used = listed.lines().find(|line| line.starts_with('→'));
        let versions = listed.lines().filter_map(name).collect();
        (versions, used.and_then(name))
    }
}

#[test]
fn history_makes_a_model_that_is_used_shown_and_rolled_back() {
    let place = Place::new(4, &["--no-scenarios"]);
    let history = place.history();
    let train: &[&str] = &["train", "--validate-days", "1"];
    let (code, _, error) = place.run(&[train, &[&history]].concat());
    assert_eq!(code, 0, "{error}");
    for said in [
        "Learned from 60,",
        "Judged on the last 1 days",
        "is in use",
        "services of all",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    let (versions, used) = place.versions();
    let [first] = &versions[..] else {
        panic!("one version: {versions:?}")
    };
    assert_eq!(used.as_ref(), Some(first));
    let file =
        |version: &str| fs::read(place.models().join(version).join("behaviour.model")).unwrap();
    let bytes = file(first);
    // The same history makes the same model.
    assert_eq!(place.run(&[train, &[&history]].concat()).0, 0);
    assert_eq!(place.versions(), (versions.clone(), used));
    assert!(file(first) == bytes);
    let (_, card, _) = place.run(&["model", "show", first]);
    assert!(
        card.contains("# Model of behaviour") && card.contains("Where it fails"),
        "{card}"
    );
    let (_, checked, _) = place.run(&["check"]);
    assert!(checked.contains(&format!("# model of behaviour: {first}: ok")));

    // A shorter history makes another; back again by one command.
    let lines = fs::read_to_string(&history).unwrap();
    let shorter: Vec<&str> = lines.lines().take(45_000).collect();
    fs::write(place.path("shorter.jsonl"), shorter.join("\n")).unwrap();
    let shorter = place.path("shorter.jsonl").to_str().unwrap().to_owned();
    assert_eq!(place.run(&[train, &[&shorter]].concat()).0, 0);
    let (versions, used) = place.versions();
    assert_eq!(versions.len(), 2);
    assert_ne!(used.as_ref(), Some(first));
    assert_eq!(place.run(&["model", "roll-back"]).0, 0);
    assert_eq!(place.versions().1.as_ref(), Some(first));
    let (code, _, error) = place.run(&["model", "roll-back"]);
    assert!(
        code == 2 && error.contains("no version was in use before"),
        "{error}"
    );
    let (code, _, error) = place.run(&["model", "use", "19990101-00000000"]);
    assert!(code == 2 && error.contains("model list"), "{error}");

    // A damaged one is refused by name, and what runs goes on without.
    let path = place.models().join(first).join("behaviour.model");
    let mut damaged = bytes;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&path, damaged).unwrap();
    let (code, _, error) = place.run(&["check"]);
    assert!(code == 2 && error.contains("damaged"), "{error}");
    let (code, _, _) = place.run(&["replay", &shorter]);
    assert_eq!(code, 0);
}

#[test]
fn a_history_that_is_too_short_is_said_to_be() {
    let place = Place::new(1, &["--no-scenarios"]);
    let (code, _, error) = place.run(&["train", &place.history()]);
    assert_eq!(code, 2);
    assert!(
        error.contains("history is too short") && error.contains("--validate-days"),
        "{error}"
    );
    let (code, _, error) =
        place.run(&["train", "--since", "2026-03-01T21:00:00Z", &place.history()]);
    assert!(
        code == 2 && error.contains("files are read whole"),
        "{error}"
    );
    assert!(!place.models().exists());
}

#[test]
fn two_sets_of_rules_are_compared_on_the_same_history() {
    let place = Place::new(1, &[]);
    let history = place.history();
    let rules = place.path("rules");
    copy(&Path::new(ROOT).join("rules"), &rules);
    let alike: &[&str] = &[
        "backtest",
        "--output",
        "json",
        "--fail-on-difference",
        "--against-rules",
    ];
    let (code, out, error) = place.run(&[alike, &[rules.to_str().unwrap(), &history]].concat());
    assert_eq!(code, 0, "{error}{out}");
    let counts: Value = serde_json::from_str(&out).unwrap();
    let counts = counts.as_array().unwrap().clone();
    assert!(!counts.is_empty(), "a day of scenarios has alerts");
    for rule in &counts {
        assert_eq!(
            (&rule["against"], &rule["only_here"]),
            (&rule["alerts"], &Value::from(0))
        );
    }
    // Without the folder of what alerts most, all of its alerts are only here.
    let most = counts[0]["rule"].as_str().unwrap();
    let gone = folder_of(&rules, most);
    fs::remove_dir_all(&gone).unwrap();
    let (code, out, error) = place.run(&[alike, &[rules.to_str().unwrap(), &history]].concat());
    assert_eq!(code, 1, "{error}{out}");
    let counts: Value = serde_json::from_str(&out).unwrap();
    let rule = counts
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["rule"] == most)
        .unwrap();
    assert_eq!(rule["against"], 0);
    assert_eq!(rule["only_here"], rule["alerts"]);
}

const TRAIN: [&str; 4] = ["train", "--keep", "--validate-days", "1"];

#[test]
fn hours_of_alerts_that_were_so_are_not_learned() {
    let place = Place::new(4, &["--no-scenarios"]);
    let history = place.history();
    let lines = fs::read_to_string(&history).unwrap();
    // Clients that call for nobody, and the hours of the first day in which they do.
    let (first, last) = ("2026-03-01T21:00:00Z", "2026-03-02T20:59:59.999999Z");
    let mut hours: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let records = lines.lines().filter_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| Some(record.get(name)?.as_str()?.to_owned());
        let is_own = text("subject").is_none() && text("observer").is_none();
        Some((text("client_id").filter(|_| is_own)?, text("time")?))
    });
    for (client, time) in records {
        let hour = &time[..13];
        if (&first[..13]..=&last[..13]).contains(&hour) {
            hours.entry(client).or_default().insert(hour.to_owned());
        }
    }
    let most = hours.iter().max_by_key(|(_, hours)| hours.len());
    let (client, hours) = most.expect("devices call for nobody");
    let alert = |id: u32, family: &str, last: &str| {
        serde_json::json!({
            "id": format!("00000000-0000-0000-0000-{id:012}"), "rule": {"family": family},
            "entity": {"kind": "client", "value": client}, "first": first, "last": last,
        })
    };
    // An alert that went on, and one that is none of behaviour.
    let confirmed = [
        alert(1, "behaviour", first),
        alert(1, "behaviour", last),
        alert(2, "rate", "2026-03-09T00:00:00Z"),
    ];
    let path = place.path("confirmed.jsonl").to_str().unwrap().to_owned();
    fs::write(&path, confirmed.map(|it| it.to_string()).join("\n")).unwrap();

    let (code, _, error) = place.run(&[&TRAIN[..], &[&history]].concat());
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("**Left out**: 0 hours of entities, of 0 alerts"));
    let (usual, _) = place.versions();
    let leaving_out: &[&str] = &["--confirmed", &path, &history];
    let (code, _, error) = place.run(&[&TRAIN[..], leaving_out].concat());
    assert!(code < 2, "{error}");
    let hours = hours.len();
    let said = format!("**Left out**: {hours} hours of entities, of 1 alerts");
    assert!(hours > 0 && error.contains(&said), "{said}: {error}");
    let (both, _) = place.versions();
    assert_eq!((usual.len(), both.len()), (1, 2), "another model: {both:?}");
    // The same history with the same verdicts makes the same model.
    assert_eq!(place.run(&[&TRAIN[..], leaving_out].concat()).0, code);
    assert_eq!(place.versions().0, both);

    fs::write(&path, "{\"id\": 1}\n").unwrap();
    let (code, _, error) = place.run(&[&TRAIN[..], leaving_out].concat());
    assert!(code == 2 && error.contains("line 1 is no alert"), "{error}");
}

#[test]
fn two_models_are_compared_on_the_same_history() {
    let place = Place::new(5, &["--no-scenarios"]);
    // So many that two models surely differ in some.
    let config = format!(
        "[track.behaviour]\nenabled = true\nfalse_alarms_per_day = 50\nmodels = {:?}\n",
        place.models()
    );
    fs::write(place.path("gatewatch.toml"), config).unwrap();
    let lines = fs::read_to_string(place.history()).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let part = |name: &str, lines: &[&str]| {
        fs::write(place.path(name), lines.join("\n")).unwrap();
        place.path(name).to_str().unwrap().to_owned()
    };
    let (past, less) = (
        part("past.jsonl", &lines[..48_000]),
        part("less.jsonl", &lines[..40_000]),
    );
    let day = part("day.jsonl", &lines[50_000..]);
    let train = |history: &str, known: &[String]| {
        let (code, _, error) = place.run(&[&TRAIN[..], &[history]].concat());
        assert!(code < 2, "it is written: {error}");
        let (mut versions, _) = place.versions();
        versions.retain(|version| !known.contains(version));
        versions.pop().expect("another version")
    };
    let of_past = train(&past, &[]);
    let of_less = train(&less, std::slice::from_ref(&of_past));
    // What is alerted of behaviour, and whether anything else differs.
    let backtest = |more: &[&str]| {
        let begin: &[&str] = &["backtest", "--output", "json", "--fail-on-difference"];
        let (code, out, error) = place.run(&[begin, more, &[&day]].concat());
        assert!(code < 2, "{error}");
        let rules: Vec<Value> = serde_json::from_str(&out).unwrap();
        let is_behaviour = |rule: &&Value| {
            rule["title"]
                .as_str()
                .is_some_and(|title| title.starts_with("Behaviour unlike"))
        };
        let others = rules.iter().filter(|rule| !is_behaviour(rule));
        let differing = others
            .filter(|rule| rule["against"] != Value::Null && rule["against"] != rule["alerts"]);
        assert_eq!(
            differing.count(),
            0,
            "a model changes behaviour alone: {out}"
        );
        (code, rules.iter().find(is_behaviour).cloned())
    };
    // Less than a day, in which nothing is told without a model, and none is in use.
    assert_eq!(backtest(&[]), (0, None));
    let (code, rule) = backtest(&["--model", &of_past]);
    let rule = rule.expect("what was learned tells from the first hour");
    assert!(code == 0 && rule["alerts"].as_u64() > Some(0), "{rule}");
    assert!(rule.get("against").is_none(), "{rule}");
    let (code, same) = backtest(&["--model", &of_past, "--against-model", &of_past]);
    let same = same.unwrap();
    assert_eq!((code, &same["alerts"]), (0, &rule["alerts"]));
    assert_eq!(
        (&same["against"], &same["only_here"]),
        (&rule["alerts"], &Value::from(0))
    );
    let (code, other) = backtest(&["--model", &of_past, "--against-model", &of_less]);
    let other = other.unwrap();
    let count = |name: &str| other[name].as_u64().unwrap();
    assert_eq!((code, &other["alerts"]), (1, &rule["alerts"]));
    assert!(count("only_here") + count("only_there") > 0, "{other}");
    assert_eq!(
        count("alerts") - count("only_here"),
        count("against") - count("only_there")
    );

    let unknown: &[&str] = &[
        "backtest",
        "--model",
        &of_past,
        "--against-model",
        "19990101-00000000",
        &day,
    ];
    let (code, _, error) = place.run(unknown);
    assert!(
        code == 2 && error.contains("has no version 19990101-00000000"),
        "{error}"
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The folder of the file that holds an id.
fn folder_of(rules: &Path, id: &str) -> PathBuf {
    for entry in fs::read_dir(rules).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(files) = fs::read_dir(&folder) else {
            continue;
        };
        for file in files {
            let text = fs::read_to_string(file.unwrap().path()).unwrap_or_default();
            if text.contains(id) {
                return folder;
            }
        }
    }
    panic!("no rule {id}");
}
