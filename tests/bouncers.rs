//! From a request to the firewall: an alert becomes a decision, and two public clients of CrowdSec's API, as they are published, do what it says.

mod parts;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use gatewatch::event::Timestamp;
use parts::{ClickHouse, Held, Ports, Request, SECRETS, binary, wait_for};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);
const KEYS: &str = "edge 0123456789abcdef-edge\nwaf 0123456789abcdef-waf\n";
const EDGE: &str = "0123456789abcdef-edge";
const WAF: &str = "0123456789abcdef-waf";

/// Two families: one that is answered at once, one that a person decides about.
const RULES: [(&str, &str); 2] = [
    (
        "climb.yml",
        "title: Climb\nlogsource: {category: api_gateway}\ndetection: {s: {path|contains: /etc/passwd}, condition: s}\nlevel: high\n\
         gatewatch: {family: climb}\n",
    ),
    (
        "probe.yml",
        "title: Probe\nlogsource: {category: api_gateway}\ndetection: {s: {path|contains: /.git/}, condition: s}\nlevel: high\n\
         gatewatch: {family: probe}\n",
    ),
];

fn records(paths: &[(&str, &str)]) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_micros()).unwrap();
    let mut text = String::new();
    for (at, (path, address)) in (0..).zip(paths) {
        // A minute apart: the last lets the others have their turn.
        let time = Timestamp::from_micros(now + 60_000_000 * (at - 5));
        writeln!(
            text,
            r#"{{"time":"{time}","method":"GET","scheme":"https","path":"{path}","status":404,"client_address":"{address}"}}"#
        )
        .unwrap();
    }
    text
}

struct Place {
    clickhouse: ClickHouse,
    folder: tempfile::TempDir,
    ports: Ports,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            clickhouse: ClickHouse::start(),
            folder: tempfile::tempdir().unwrap(),
            ports: Ports::take(2),
        };
        std::fs::create_dir(place.path("rules")).unwrap();
        for (name, text) in RULES {
            std::fs::write(place.path("rules").join(name), text).unwrap();
        }
        std::fs::write(place.path("keys"), KEYS).unwrap();
        let config = format!(
            "[store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n[response]\nenabled = true\nlisten = \"127.0.0.1:{}\"\n\
             keys_file = {:?}\nallow = [\"203.0.113.0/28\"]\nautomatic = [\"climb\"]\npropose = [\"probe\"]\n",
            place.clickhouse.url(),
            place.path("rules"),
            place.ports.get(0),
            place.ports.get(1),
            place.path("keys"),
        );
        std::fs::write(place.path("gatewatch.toml"), config).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).envs(SECRETS);
        command.env("GATEWATCH_CONFIG", self.path("gatewatch.toml"));
        command
    }

    fn start(&self, file: &Path) -> Held {
        let file = file.to_str().unwrap();
        let command = self.command(&["run", "--follow", "--file", file]);
        Held::spawn("gatewatch", &self.path("gatewatch.log"), &command)
    }

    /// Runs `gatewatch decision …`: whether it was done, and what it said.
    fn decision(&self, arguments: &[&str]) -> (bool, String) {
        let output = self
            .command(&["decision"])
            .args(arguments)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    /// The same by a person, with a reason.
    fn done(&self, arguments: &[&str]) -> (bool, String) {
        self.decision(&[arguments, &["--by", "Анна Петрова", "as seen"]].concat())
    }

    fn list(&self) -> String {
        self.decision(&["list"]).1
    }

    /// The line of the list that says this, with a space behind it.
    fn line(&self, of: &str) -> String {
        let text = self.list();
        let line = text.lines().find(|line| line.contains(&format!("{of} ")));
        line.unwrap_or_else(|| panic!("{of}: {text}")).to_owned()
    }

    /// The beginning of the id of that decision.
    fn id(&self, of: &str) -> String {
        self.line(of)[..8].to_owned()
    }

    fn get(&self, path: &str, key: &str) -> (u16, String) {
        let request = Request::get(self.ports.get(1), path).header("X-Api-Key", key);
        let answer = request.send().expect("the listener answers");
        (answer.status, answer.body)
    }
}

/// A client that was given a line of addresses and says what it does with each.
struct Client {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(mut command: Command) -> Client {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client runs; scripts/fetch.sh fetches it");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Client {
            process,
            input,
            output,
        }
    }

    fn ask(&mut self, addresses: &[&str]) -> Vec<Value> {
        writeln!(self.input, "{}", addresses.join(" ")).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line:?}"));
        addresses
            .iter()
            .map(|address| answer[address].clone())
            .collect()
    }

    fn until(&mut self, addresses: &[&str], expected: &Value) {
        let expected = expected.as_array().unwrap();
        let mut last = Vec::new();
        let seen = std::time::Instant::now();
        while seen.elapsed() < LIMIT {
            last = self.ask(addresses);
            if last == *expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        panic!("{addresses:?}: {last:?}, not {expected:?}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bouncers() -> PathBuf {
    let folder = std::env::var_os("GATEWATCH_BOUNCERS");
    PathBuf::from(folder.expect("GATEWATCH_BOUNCERS names the fetched clients: use make test"))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/bouncers")
        .join(name)
}

fn python(url: &str) -> Client {
    let mut command = Command::new("python3");
    command
        .arg(script("read.py"))
        .args([&format!("{url}/"), EDGE])
        .env("PYTHONPATH", bouncers().join("python"));
    Client::start(command)
}

fn node(url: &str) -> Client {
    let mut command = Command::new("node");
    command
        .arg(script("read.mjs"))
        .arg(bouncers().join("node"))
        .args([url, WAF]);
    Client::start(command)
}

/// What both clients are asked about, in this order: attacked, attacked from the allow-list, probed, in a network that is blocked later.
const ADDRESSES: [&str; 4] = [
    "198.51.100.9",
    "203.0.113.9",
    "198.51.100.20",
    "198.51.100.77",
];

/// Waits until both clients block these of them and no others.
fn expect(python: &mut Client, node: &mut Client, blocked: [bool; 4]) {
    let of = |yes: Value, no: Value| {
        let each = blocked
            .iter()
            .map(|is| if *is { yes.clone() } else { no.clone() });
        Value::from(each.collect::<Vec<Value>>())
    };
    python.until(&ADDRESSES, &of(json!(["ban", ["ban"]]), json!([null, []])));
    node.until(
        &ADDRESSES,
        &of(json!(["ban", "ban"]), json!(["bypass", "bypass"])),
    );
}

#[test]
fn what_is_decided_is_what_two_public_bouncers_do() {
    let place = Place::new();
    let file = place.path("access.log");
    let attacks = [
        ("/../etc/passwd", "198.51.100.9"),
        ("/../etc/passwd", "203.0.113.9"), // on the allow-list
        ("/.git/config", "198.51.100.20"),
        ("/residents", "198.51.100.30"),
    ];
    std::fs::write(&file, records(&attacks)).unwrap();
    let mut service = place.start(&file);
    wait_for("a decision and a proposal", LIMIT, || {
        let text = place.list();
        (text.contains("198.51.100.9 ") && text.contains("198.51.100.20")).then_some(())
    });
    let text = place.list();
    assert!(
        text.lines().count() == 2 && !text.contains("203.0.113.9"),
        "{text}"
    );
    let automatic = place.line("198.51.100.9");
    assert!(
        automatic.contains("approved") && automatic.contains("response.automatic"),
        "{automatic}"
    );
    assert!(place.line("198.51.100.20").contains("proposed"));

    let url = format!("http://127.0.0.1:{}", place.ports.get(1));
    let (mut python, mut node) = (python(&url), node(&url));
    expect(&mut python, &mut node, [true, false, false, false]);
    a_person_decides(&place);
    expect(&mut python, &mut node, [true, false, true, true]);
    python.until(&["lost-phone"], &json!([["ban", []]]));
    readers_need_a_key_and_get_what_they_ask_for(&place);

    // Revoked, also while nobody was there to tell of it.
    assert!(place.done(&["revoke", &place.id("198.51.100.9")]).0);
    expect(&mut python, &mut node, [false, false, true, true]);
    assert!(
        service.stop().is_some_and(|status| status.success()),
        "{}",
        service.said()
    );
    assert!(place.done(&["revoke", &place.id("198.51.100.20")]).0);
    let mut service = place.start(&file);
    wait_for("the list after a start", LIMIT, || {
        let request = Request::get(place.ports.get(1), "/blocklist.txt").header("X-Api-Key", EDGE);
        (request.send().ok()?.body.trim() == "198.51.100.64/26").then_some(())
    });
    expect(&mut python, &mut node, [false, false, false, true]);
    // What was revoked is not proposed again by the same alert.
    assert_eq!(place.list().lines().count(), 2, "{}", place.list());
    let (_, all) = place.decision(&["list", "--all"]);
    assert_eq!(all.matches("revoked").count(), 2, "{all}");
    assert!(service.stop().is_some_and(|status| status.success()));
}

/// Approves the one, blocks a network and a client, and finds the allow-list in the way of another.
fn a_person_decides(place: &Place) {
    let proposed = place.id("198.51.100.20");
    let (ok, said) = place.done(&["approve", &proposed, "--minutes", "30"]);
    assert!(ok && said.contains("approved"), "{said}");
    // From then on, and not from the newest event of its alert.
    let line = place.line("198.51.100.20");
    assert!(line.contains(" 29 min left"), "{line}");
    let (_, found) = place.decision(&["list", "--value", "198.51.100.20", "--scope", "ip"]);
    assert_eq!(found.trim_end(), line);
    let (_, found) = place.decision(&["list", "--value", "198.51.100.20", "--scope", "client"]);
    assert_eq!(found, "");
    let (ok, said) = place.done(&["approve", &proposed]);
    assert!(!ok && said.contains("only what is proposed"), "{said}");
    let (ok, said) = place.done(&["block", "range", "198.51.100.64/26", "--minutes", "10"]);
    assert!(ok, "{said}");
    let (ok, said) = place.done(&["block", "range", "203.0.0.0/16"]);
    assert!(!ok && said.contains("allow-list"), "{said}");
    let (ok, said) = place.done(&["block", "range", "0.0.0.0/0"]);
    assert!(!ok && said.contains("too wide"), "{said}");
    let (ok, said) = place.done(&["block", "ip", "::ffff:203.0.113.9"]);
    assert!(!ok && said.contains("allow-list"), "{said}");
    let (ok, said) = place.done(&["block", "ip", "somewhere"]);
    assert!(!ok && said.contains("is no ip"), "{said}");
    assert!(place.done(&["block", "client", "lost-phone"]).0);
}

fn readers_need_a_key_and_get_what_they_ask_for(place: &Place) {
    let (status, text) = place.get("/blocklist.txt", EDGE);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let all = ["198.51.100.20", "198.51.100.64/26", "198.51.100.9"];
    assert_eq!((status, &lines[..]), (200, &all[..]));
    for (path, key) in [
        ("/blocklist.txt", ""),
        ("/v1/decisions", "0123456789abcdef-none"),
        ("/v1/decisions/stream?startup=true", "x"),
    ] {
        let (status, body) = place.get(path, key);
        assert_eq!(status, 403, "{path}");
        assert!(body.contains("access forbidden"), "{body}");
    }
    let (_, found) = place.get("/v1/decisions?ip=198.51.100.77", WAF);
    assert_eq!(found.matches("\"value\"").count(), 1, "{found}");
    assert_eq!(place.get("/v1/decisions?ip=198.51.100.30", WAF).1, "null");
    assert_eq!(place.get("/v1/decisions?origins=cscli", WAF).1, "null");
    assert_eq!(place.get("/v1/decisions?ip=nowhere", WAF).0, 400);
}
