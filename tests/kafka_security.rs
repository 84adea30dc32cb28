//! A broker with TLS, SCRAM and ACLs: what is wrong is said clearly at the start, what is right works.

mod parts;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use parts::{ClickHouse, Held, Kafka, Mode, Ports, Record, SECRETS, binary, wait_for};

/// What one case does differently.
#[derive(Clone, Copy)]
struct Case<'c> {
    topic: &'c str,
    password: &'c str,
    ca: &'c Path,
}

fn config(
    folder: &Path,
    kafka: &Kafka,
    clickhouse: &ClickHouse,
    listen: u16,
    case: Case<'_>,
) -> std::path::PathBuf {
    let password = folder.join("kafka.password");
    std::fs::write(&password, case.password).unwrap();
    let mut text = String::new();
    write!(
        text,
        "[kafka]\nbrokers = \"{}\"\ntopic = \"{}\"\nsecurity = \"sasl_tls\"\nuser = \"{}\"\npassword_file = {password:?}\nca_file = {:?}\n\
         [store]\nurl = \"{}\"\n[rules]\nfolder = {:?}\n[http]\nlisten = \"127.0.0.1:{listen}\"\n[decode]\nmax_age_days = 3650\n",
        kafka.bootstrap(),
        case.topic,
        Kafka::USER,
        case.ca,
        clickhouse.url(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"),
    )
    .unwrap();
    let file = folder.join("gatewatch.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn check(file: &Path) -> Output {
    Command::new(binary())
        .args(["check", "--connections", "--config"])
        .arg(file)
        .envs(SECRETS)
        .output()
        .unwrap()
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(
        !said.contains("not-the-password"),
        "a password was shown: {said}"
    );
}

#[test]
fn what_is_wrong_is_said_at_the_start_and_what_is_right_works() {
    let kafka = Kafka::start(Mode::Sasl);
    let clickhouse = ClickHouse::start();
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::take(1);
    kafka.create_topic("requests", 2, &[]);
    let ca = kafka.ca();
    let right = Case {
        topic: "requests",
        password: Kafka::PASSWORD,
        ca: &ca,
    };
    let written = |case| config(folder.path(), &kafka, &clickhouse, ports.get(0), case);

    let output = check(&written(Case {
        password: "not-the-password",
        ..right
    }));
    assert_refused(
        &output,
        &["refused the login", Kafka::USER, "kafka.password_file"],
    );

    let other = folder.path().join("other.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-noenc",
            "-days",
            "1",
            "-subj",
            "/CN=other",
            "-keyout",
            "/dev/null",
            "-out",
        ])
        .arg(&other)
        .output()
        .unwrap();
    assert!(made.status.success());
    assert_refused(
        &check(&written(Case {
            ca: &other,
            ..right
        })),
        &["TLS to the broker failed", "kafka.ca_file"],
    );

    assert_refused(
        &check(&written(right)),
        &["does not allow", "requests", "ACL"],
    );

    kafka.allow(&["All"], &["--topic", "*", "--group", "*"]);
    assert_refused(
        &check(&written(Case {
            topic: "absent",
            ..right
        })),
        &["topic `absent` does not exist"],
    );

    let output = check(&written(right));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("topic requests has 2 partitions"));

    let value = br#"{"time":"2026-11-20T10:00:00Z","method":"GET","scheme":"https","path":"/","status":200}"#;
    kafka.produce(
        "requests",
        [Record {
            partition: Some(1),
            key: b"",
            value,
            timestamp: None,
        }],
    );
    let mut command = Command::new(binary());
    command
        .args(["run", "--config"])
        .arg(written(right))
        .envs(SECRETS);
    let mut gatewatch = Held::spawn("gatewatch", &folder.path().join("gatewatch.log"), &command);
    wait_for("the event", Duration::from_secs(90), || {
        (clickhouse
            .ask("SELECT count() FROM gatewatch.events")
            .ok()?
            == "1")
            .then_some(())
    });
    assert!(
        gatewatch.stop().is_some_and(|status| status.success()),
        "{}",
        gatewatch.said()
    );
}
