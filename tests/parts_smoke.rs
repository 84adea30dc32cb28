//! The parts that the other tests stand on do what they are said to do, and leave nothing behind.

mod parts;

use std::io::{BufRead, BufReader};
use std::panic;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use parts::{Held, Kafka, Mailpit, Mode, Record, wait_for};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::{Mutex, PoisonError};

const SOON: Duration = Duration::from_secs(20);

fn record(key: &'static str, value: &'static str) -> Record<'static> {
    Record {
        partition: None,
        key: key.as_bytes(),
        value: value.as_bytes(),
        timestamp: None,
    }
}

#[test]
fn a_broker_keeps_records_through_a_kill_and_a_start_on_the_same_port() {
    let mut kafka = Kafka::start(Mode::Plain);
    kafka.create_topic("requests", 3, &[]);
    kafka.create_topic("requests", 3, &[]);
    kafka.produce(
        "requests",
        [record("a", "one"), record("b", "two"), record("c", "three")],
    );
    assert_eq!(kafka.count("requests"), 3);

    kafka.process().kill9();
    kafka.start_again();
    kafka.produce("requests", [record("a", "four")]);
    let mut values = kafka.read("requests");
    values.sort();
    assert_eq!(
        values,
        [
            b"four".to_vec(),
            b"one".to_vec(),
            b"three".to_vec(),
            b"two".to_vec()
        ]
    );
}

#[tokio::test]
async fn topics_can_be_made_from_within_a_runtime() {
    let kafka = Kafka::start(Mode::Plain);
    kafka.create_topic("compacted", 1, &[("cleanup.policy", "compact")]);
    assert_eq!(kafka.count("compacted"), 0);
}

#[test]
fn a_sasl_broker_refuses_a_wrong_password_and_whatever_no_acl_allows() {
    let kafka = Kafka::start(Mode::Sasl);
    kafka.create_topic("requests", 1, &[]);
    kafka.produce("requests", [record("a", "one")]);
    assert_eq!(kafka.read("requests"), [b"one".to_vec()]);

    let wrong = errors_of(&kafka, "not-the-password");
    assert!(
        wrong.iter().any(|error| error.contains("Authentication")),
        "{wrong:?}"
    );

    let user: BaseConsumer = kafka
        .client_as(Kafka::USER, Kafka::PASSWORD)
        .create()
        .unwrap();
    let refusal = || {
        let metadata = user.fetch_metadata(Some("requests"), SOON).unwrap();
        metadata.topics()[0].error().map(RDKafkaErrorCode::from)
    };
    assert_eq!(refusal(), Some(RDKafkaErrorCode::TopicAuthorizationFailed));
    kafka.allow(
        &["Read", "Describe"],
        &["--topic", "requests", "--group", "*"],
    );
    wait_for("the ACL", SOON, || refusal().is_none().then_some(()));
}

/// What librdkafka tells a client that logs in with `password`.
fn errors_of(kafka: &Kafka, password: &str) -> Vec<String> {
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);
    impl ClientContext for Told {
        fn error(&self, error: KafkaError, reason: &str) {
            self.0.lock().unwrap().push(format!("{error}: {reason}"));
        }
    }
    impl ConsumerContext for Told {}

    let client: BaseConsumer<Told> = kafka
        .client_as(Kafka::USER, password)
        .create_with_context(Told::default())
        .unwrap();
    wait_for("an error", SOON, || {
        client.poll(Duration::from_millis(100));
        let told = client.context().0.lock().unwrap();
        (!told.is_empty()).then(|| told.clone())
    })
}

#[test]
fn the_mail_server_takes_mail_by_starttls_and_login_only() {
    let mailpit = Mailpit::start();
    let good = Credentials::new(Mailpit::USER.into(), Mailpit::PASSWORD.into());
    smtp(&mailpit, true, Some(good.clone()))
        .send(&letter("first"))
        .unwrap();
    assert_eq!(mailpit.count(), 1);
    let mails = mailpit.mails();
    assert_eq!(mails[0]["Subject"], "first");
    let id = mails[0]["ID"].as_str().unwrap();
    assert!(mailpit.mail(id)["Text"].as_str().unwrap().contains("hello"));
    assert!(mailpit.headers(id)["Subject"].is_array());

    let bad = Credentials::new(Mailpit::USER.into(), "not-the-password".into());
    assert!(
        smtp(&mailpit, true, Some(bad))
            .send(&letter("second"))
            .is_err()
    );
    assert!(
        smtp(&mailpit, false, Some(good.clone()))
            .send(&letter("third"))
            .is_err()
    );
    assert!(smtp(&mailpit, true, None).send(&letter("fourth")).is_err());

    mailpit.refuse("Recipient", 451, 100);
    let refused = smtp(&mailpit, true, Some(good.clone()))
        .send(&letter("fifth"))
        .unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    mailpit.refuse("Recipient", 451, 0);
    smtp(&mailpit, true, Some(good))
        .send(&letter("sixth"))
        .unwrap();
    assert_eq!(mailpit.count(), 2);
}

fn smtp(mailpit: &Mailpit, tls: bool, login: Option<Credentials>) -> SmtpTransport {
    let authority = Certificate::from_pem(&std::fs::read(mailpit.ca()).unwrap()).unwrap();
    let parameters = TlsParameters::builder("localhost".into())
        .add_root_certificate(authority)
        .build_rustls()
        .unwrap();
    let builder = SmtpTransport::builder_dangerous("127.0.0.1")
        .port(mailpit.smtp_port())
        .tls(if tls {
            Tls::Required(parameters)
        } else {
            Tls::None
        });
    login.map_or_else(
        || builder.clone().build(),
        |login| builder.clone().credentials(login).build(),
    )
}

fn letter(subject: &str) -> Message {
    let someone: Mailbox = "someone@example.org".parse().unwrap();
    Message::builder()
        .from(someone.clone())
        .to(someone)
        .subject(subject)
        .body("hello".to_owned())
        .unwrap()
}

fn sleeper(folder: &Path) -> Held {
    Held::spawn(
        "sleep",
        &folder.join("log"),
        Command::new("sleep").arg("1000"),
    )
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_held_process_ends_with_its_owner_and_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let held = sleeper(folder.path());
    let dropped = held.pid();
    assert!(alive(dropped));
    drop(held);
    assert!(!alive(dropped));

    let pid = Mutex::new(0);
    let panicked = panic::catch_unwind(|| {
        let held = sleeper(folder.path());
        *pid.lock().unwrap() = held.pid();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert!(!alive(
        pid.into_inner().unwrap_or_else(PoisonError::into_inner)
    ));
}

#[test]
fn a_held_process_hears_signals_and_tells_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = sleeper(folder.path());
    held.signal("STOP");
    assert!(held.stop().is_some(), "even a stopped process ends");

    let mut held = Held::spawn(
        "sh",
        &folder.path().join("said"),
        Command::new("sh")
            .args(["-c", "echo $GREETING; exit 7"])
            .env("GREETING", "hello"),
    );
    assert_eq!(held.wait(SOON).unwrap().code(), Some(7));
    assert_eq!(held.said(), "hello\n");
}

#[test]
fn nothing_is_left_behind_when_the_owner_is_killed_or_interrupted() {
    for signal in ["KILL", "INT", "TERM", "HUP"] {
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "owns_a_process_until_it_is_killed",
                "--nocapture",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = BufReader::new(owner.stdout.take().unwrap())
            .lines()
            .find_map(|line| line.unwrap().split_once("holds ")?.1.parse().ok())
            .unwrap();
        assert!(alive(pid));
        let kill = Command::new("kill")
            .args(["-s", signal, &owner.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        owner.wait().unwrap();
        wait_for(
            &format!("the end of the process after {signal}"),
            SOON,
            || (!alive(pid)).then_some(()),
        );
    }
}

#[test]
fn nothing_is_left_behind_when_the_holder_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let held = sleeper(folder.path());
    let status = std::fs::read_to_string(format!("/proc/{}/status", held.pid())).unwrap();
    let holder = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .unwrap()
        .trim();
    assert!(
        Command::new("kill")
            .args(["-s", "KILL", holder])
            .status()
            .unwrap()
            .success()
    );
    wait_for("the end of the process", SOON, || {
        (!alive(held.pid())).then_some(())
    });
}

#[test]
#[ignore = "only another test starts it, to kill it"]
fn owns_a_process_until_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let held = sleeper(folder.path());
    println!("holds {}", held.pid());
    std::thread::sleep(Duration::from_secs(1000));
}
