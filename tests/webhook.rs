//! Alerts go to a webhook, signed, each once, again and again until they are taken.

mod parts;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatewatch::event::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use parts::{ClickHouse, Held, Ports, Request, SECRETS, binary, wait_for};
use serde_json::Value;
use sha2::Sha256;

const LIMIT: Duration = Duration::from_mins(1);
const KEY: [u8; 32] = [7; 32];

/// A message as it came.
struct Message {
    id: String,
    signed: String,
    signature: String,
    body: Value,
}

/// Takes messages; the first two of all are put off, each in its own way.
fn listener() -> (u16, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            let message = read(&stream);
            let answer = match at {
                0 => {
                    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                }
                1 => "",
                _ => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
            };
            (&stream).write_all(answer.as_bytes()).unwrap();
            drop(stream);
            if at > 1 && sender.send(message).is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

fn read(stream: &TcpStream) -> Message {
    let mut reader = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        headers.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = headers
            .iter()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found
            .unwrap_or_else(|| panic!("{name} in {headers:?}"))
            .to_owned()
    };
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    Message {
        signed: format!(
            "{}.{}.{body}",
            header("webhook-id"),
            header("webhook-timestamp")
        ),
        id: header("webhook-id"),
        signature: header("webhook-signature"),
        body: serde_json::from_str(&body).unwrap(),
    }
}

/// Two attackers, and a last call that lets the others have their turn.
fn records() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_micros()).unwrap();
    let mut text = String::new();
    let calls = [
        (300, "/etc/passwd", 7),
        (290, "/etc/passwd", 8),
        (-60, "/", 9),
    ];
    for (seconds, path, host) in calls {
        let time = Timestamp::from_micros(now - seconds * 1_000_000);
        writeln!(
            text,
            r#"{{"time":"{time}","method":"GET","scheme":"https","path":"{path}","status":404,"client_address":"198.51.100.{host}"}}"#
        )
        .unwrap();
    }
    text
}

#[test]
fn each_alert_is_told_once_however_often_it_was_put_off() {
    let clickhouse = ClickHouse::start();
    let ports = Ports::take(1);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (port, messages) = listener();
    std::fs::create_dir(path("rules")).unwrap();
    let rule = "title: Climb\nlogsource: {category: api_gateway}\ndetection: {s: {path|contains: /etc/passwd}, condition: s}\nlevel: high\n";
    std::fs::write(path("rules/climb.yml"), rule).unwrap();
    std::fs::write(path("records.ndjson"), records()).unwrap();
    let config = format!(
        "[store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n[mail]\nconsole_url = \"https://watch.example.org\"\n\
         [webhook]\nurl = \"http://127.0.0.1:{port}/hook\"\ntimeout_seconds = 5\n",
        clickhouse.url(),
        path("rules"),
        ports.get(0),
    );
    std::fs::write(path("gatewatch.toml"), config).unwrap();
    let start = || {
        let mut command = std::process::Command::new(binary());
        command
            .args(["run", "--follow", "--file"])
            .arg(path("records.ndjson"))
            .envs(SECRETS);
        command.env("GATEWATCH_CONFIG", path("gatewatch.toml"));
        command.env(
            "GATEWATCH_WEBHOOK__SECRET",
            format!("whsec_{}", STANDARD.encode(KEY)),
        );
        Held::spawn("gatewatch", &path("gatewatch.log"), &command)
    };
    let mut service = start();
    let mut told: Vec<Message> = (0..2)
        .map(|_| messages.recv_timeout(LIMIT).expect("a message"))
        .collect();
    for message in &told {
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        mac.update(message.signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(message.signature, expected);
        let data = &message.body["data"];
        assert_eq!(data["level"], "high");
        let url = data["url"].as_str().unwrap();
        assert!(
            url.starts_with("https://watch.example.org/alerts/"),
            "{url}"
        );
    }
    told.sort_by_key(|message| message.body["data"]["entity"].to_string());
    let entities: Vec<&Value> = told
        .iter()
        .map(|message| &message.body["data"]["entity"])
        .collect();
    assert_eq!(entities, ["198.51.100.7", "198.51.100.8"]);
    assert_ne!(told[0].id, told[1].id);
    let recorded = || {
        let sql = "SELECT countIf(outcome = 'sent' AND status = 204), max(attempts) > 1 FROM webhook_deliveries";
        clickhouse.ask_in("gatewatch", sql).unwrap()
    };
    wait_for("the record of both", LIMIT, || {
        (recorded().trim() == "2\t1").then_some(())
    });
    let metrics = Request::get(ports.get(0), "/metrics").send().unwrap().body;
    for (outcome, messages) in [("sent", 2), ("refused", 0), ("given_up", 0)] {
        let line =
            format!("gatewatch_webhook_messages_total{{outcome=\"{outcome}\"}} {messages}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    // Another process knows what was told.
    service.stop();
    let _again = start();
    assert!(
        messages.recv_timeout(Duration::from_secs(8)).is_err(),
        "nothing is told twice"
    );
}
