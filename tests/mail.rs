//! Mails as a real SMTP server gets them: protection, login, refusals, threads.

mod parts;

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gatewatch::access::{Acknowledgement, Vault};
use gatewatch::alert::Alert;
use gatewatch::config::{Mail, Smtp, SmtpSecurity};
use gatewatch::event::Timestamp;
use gatewatch::notify::mail::Bulletin;
use gatewatch::notify::{self, Entry, Ledger, NotifyError, Outcomes, SendError, State};
use gatewatch::sigma::{Level, RuleMeta};
use gatewatch::track::{Entity, EntityKind, Evidence, Reason};
use gatewatch::triage::Unacknowledged;
use parts::{Held, Mailpit, Ports, wait_for};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

fn settings(server: &Mailpit) -> Mail {
    Mail {
        enabled: true,
        from: "Ворота <gatewatch@example.org>".to_owned(),
        daily_at: String::new(),
        recipients: serde_json::from_str(r#"[{"address": "soc@example.org", "locale": "ru"}]"#)
            .expect("it is JSON"),
        smtp: Smtp {
            host: "localhost".to_owned(),
            port: server.smtp_port(),
            user: Mailpit::USER.to_owned(),
            password: gatewatch::config::Secret::new(Mailpit::PASSWORD),
            ca_file: server.ca(),
            timeout_seconds: 10,
            ..Smtp::default()
        },
        ..Mail::default()
    }
}

fn alert(id: u128, count: u64) -> Alert {
    let now = Timestamp::from_seconds(
        i64::try_from(
            std::time::SystemTime::UNIX_EPOCH
                .elapsed()
                .expect("it is after 1970")
                .as_secs(),
        )
        .expect("it is before 2262"),
    );
    let rule = Uuid::from_u128(0xa1);
    Alert {
        id: Uuid::from_u128(id),
        revision: count,
        rule: RuleMeta {
            id: rule,
            title: "Injection".to_owned(),
            title_ru: Some("Внедрение кода".to_owned()),
            description: "Somebody tries <script>.".to_owned(),
            description_ru: None,
            false_positives_ru: Vec::new(),
            family: "web".to_owned(),
            level: Level::High,
            tags: vec!["requirement.sec-07".to_owned()],
            false_positives: vec![],
            advice: None,
            advice_ru: None,
            entity: None,
            shadow: false,
        },
        rules: vec![rule],
        entity: Entity {
            kind: EntityKind::Address,
            value: "203.0.113.9".into(),
        },
        first: now,
        last: now,
        count,
        findings: 1,
        reason: Reason::Pattern { hits: vec![] },
        evidence: vec![Evidence {
            time: now,
            position: gatewatch::event::Position {
                partition: 0,
                offset: 0,
                stamped: None,
            },
            request_id: "r".into(),
            client_address: None,
            client_id: "".into(),
            subject: "".into(),
            token_id: "".into(),
            integration: "".into(),
            method: "GET".into(),
            target: "/?q=<script>alert(1)</script>\r\n.\r\n".into(),
            status: 400,
            user_agent: "".into(),
            hits: vec![],
        }],
        notes: vec![],
        shadow: false,
    }
}

/// A notifier that is fed by hand.
struct Running {
    alerts: mpsc::Sender<Alert>,
    entries: mpsc::Receiver<Entry>,
    stop: watch::Sender<bool>,
    outcomes: Arc<Outcomes>,
    task: JoinHandle<Result<(), NotifyError>>,
}

fn start(mail: Mail) -> Running {
    start_with(mail, Bulletin::default(), notify::Extras::default())
}

fn start_with(mail: Mail, bulletin: Bulletin, extras: notify::Extras) -> Running {
    let (alerts, inbox) = mpsc::channel(10);
    let (written, entries) = mpsc::channel(100);
    let (stop, stopping) = watch::channel(false);
    let outcomes = Arc::new(Outcomes::default());
    let counted = Arc::clone(&outcomes);
    let task = tokio::spawn(async move {
        let ledger = Ledger::Kept {
            earlier: vec![],
            written,
        };
        let (_, daily) = watch::channel(bulletin);
        notify::run_direct(inbox, ledger, &mail, daily, extras, stopping, counted).await
    });
    Running {
        alerts,
        entries,
        stop,
        outcomes,
        task,
    }
}

impl Running {
    async fn raise(&self, alert: Alert) {
        self.alerts.send(alert).await.expect("the notifier runs");
    }

    async fn entry(&mut self) -> Entry {
        tokio::time::timeout(SOON, self.entries.recv())
            .await
            .expect("an entry comes soon")
            .expect("the notifier runs")
    }

    /// Waits until a counter is above zero.
    async fn until(&self, name: &str) {
        let began = std::time::Instant::now();
        while self.count(name) == 0 {
            assert!(
                began.elapsed() < SOON,
                "waited for {name}: {:?}",
                self.outcomes
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn count(&self, name: &str) -> u64 {
        let all = self.outcomes.all();
        all.iter()
            .find(|(it, _)| *it == name)
            .expect("there is such a counter")
            .1
    }

    /// The alerts end: what waits goes out, then it ends.
    async fn end(self) {
        drop(self.alerts);
        let ended = tokio::time::timeout(SOON, self.task).await;
        ended
            .expect("it ends")
            .expect("it does not panic")
            .expect("it ends well");
    }
}

fn header(server: &Mailpit, id: &str, name: &str) -> String {
    let headers = server.headers(id);
    let value = headers[name][0].as_str();
    value
        .unwrap_or_else(|| panic!("no {name} in {headers}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_arrive_over_starttls_with_login_and_form_a_thread() {
    let server = Mailpit::start();
    let running = start(settings(&server));
    running.raise(alert(7, 5)).await;
    running.raise(alert(7, 6)).await;
    running.raise(alert(7, 50)).await;
    running.end().await;

    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    let ids: Vec<&str> = mails
        .iter()
        .rev()
        .map(|mail| mail["ID"].as_str().expect("it has one"))
        .collect();
    let opened = header(&server, ids[0], "Message-Id");
    let recipient = notify::RecipientKey::of("soc@example.org");
    assert_eq!(
        opened,
        format!("<{}.opened.{recipient}@example.org>", Uuid::from_u128(7))
    );
    assert_eq!(header(&server, ids[1], "In-Reply-To"), opened);
    assert_eq!(header(&server, ids[1], "References"), opened);
    assert_eq!(header(&server, ids[0], "Auto-Submitted"), "auto-generated");
    assert_eq!(
        header(&server, ids[0], "X-Gatewatch-Alert"),
        Uuid::from_u128(7).to_string()
    );
    assert!(header(&server, ids[0], "List-Id").contains("<alerts.example.org>"));

    let mail = server.mail(ids[0]);
    assert_eq!(
        mail["Subject"],
        "[gatewatch] ВЫСОКИЙ: Внедрение кода — адрес 203.0.113.9, 5 событий"
    );
    assert_eq!(mail["From"]["Name"], "Ворота");
    let (text, html) = (
        mail["Text"].as_str().expect("text"),
        mail["HTML"].as_str().expect("html"),
    );
    assert!(
        text.contains("/?q=<script>alert(1)</script>␍␊.␍␊"),
        "{text}"
    );
    assert!(
        html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"),
        "{html}"
    );
    assert!(
        text.contains("client_address = toIPv6('203.0.113.9')"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_tells_a_wrong_password_and_an_unknown_authority() {
    let server = Mailpit::start();
    let mut mail = settings(&server);
    assert_eq!(notify::send_test_mail(&mail).await.expect("it is taken"), 1);
    assert_eq!(server.count(), 1);

    mail.smtp.password = gatewatch::config::Secret::new("wrong");
    let error = notify::send_test_mail(&mail)
        .await
        .expect_err("it is refused");
    assert!(
        matches!(error, NotifyError::Send(SendError::Login { code: 535 })),
        "{error}"
    );
    assert!(error.to_string().contains("mail.smtp.user"), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    mail.smtp.password_file = folder.path().join("password");
    std::fs::write(&mail.smtp.password_file, format!("{}\n", Mailpit::PASSWORD)).expect("written");
    assert_eq!(
        notify::send_test_mail(&mail).await.expect("the file wins"),
        1
    );

    mail.smtp.ca_file = PathBuf::new();
    let error = notify::send_test_mail(&mail)
        .await
        .expect_err("nobody vouches for it");
    assert!(error.is_retryable());
    assert!(error.to_string().contains("certificate"), "{error}");

    mail.smtp.ca_file = server.ca();
    mail.smtp.security = SmtpSecurity::Plaintext;
    assert!(
        notify::send_test_mail(&mail).await.is_err(),
        "this server wants STARTTLS"
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_from_the_first_byte_is_spoken_to_so() {
    let authority = Mailpit::start();
    let tls = authority
        .ca()
        .parent()
        .expect("it lies in a folder")
        .to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let ports = Ports::take(2);
    let program =
        std::env::var_os("GATEWATCH_MAILPIT").map_or_else(|| program_of(&authority), PathBuf::from);
    let mut command = Command::new(program);
    command
        .args([
            "--smtp-require-tls",
            "--smtp-auth-accept-any",
            "--disable-version-check",
            "--smtp-disable-rdns",
        ])
        .args(["--smtp", &format!("127.0.0.1:{}", ports.get(0))])
        .args(["--listen", &format!("127.0.0.1:{}", ports.get(1))])
        .arg("--smtp-tls-cert")
        .arg(tls.join("server.crt"))
        .arg("--smtp-tls-key")
        .arg(tls.join("server.key"));
    let _process = Held::spawn("mailpit with TLS", &folder.path().join("log"), &command);
    wait_for("mailpit with TLS", SOON, || {
        TcpStream::connect(("127.0.0.1", ports.get(0))).ok()
    });

    let mut mail = settings(&authority);
    mail.smtp.port = ports.get(0);
    mail.smtp.security = SmtpSecurity::Tls;
    assert_eq!(notify::send_test_mail(&mail).await.expect("it is taken"), 1);
}

/// The running program of the harness: the variable may be unset when the cache is used.
fn program_of(_server: &Mailpit) -> PathBuf {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .expect("there is a home");
    let cache = std::env::var_os("GATEWATCH_CACHE")
        .map_or_else(|| home.join(".cache/gatewatch"), PathBuf::from);
    cache.join("mailpit-1.27.11/mailpit")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_is_recorded_and_passed_over() {
    let server = Mailpit::start();
    server.refuse("Recipient", 550, 100);
    let mut running = start(settings(&server));
    running.raise(alert(1, 5)).await;
    assert_eq!(running.entry().await.state, State::Refused { code: 550 });
    server.refuse("Recipient", 550, 0);
    running.raise(alert(2, 5)).await;
    let entry = running.entry().await;
    assert_eq!(
        (entry.key.subject, entry.state),
        (Uuid::from_u128(2), State::Sent)
    );
    assert_eq!((running.count("refused"), running.count("sent")), (1, 1));
    running.end().await;
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_put_off_comes_later_and_once() {
    let server = Mailpit::start();
    server.refuse("Sender", 451, 100);
    let mut running = start(settings(&server));
    running.raise(alert(1, 5)).await;
    running.until("put_off").await;
    assert_eq!(server.count(), 0);
    server.refuse("Sender", 451, 0);
    assert_eq!(running.entry().await.state, State::Sent);
    running.end().await;
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_not_taken_for_a_refused_mail() {
    let server = Mailpit::start();
    server.refuse("Authentication", 535, 100);
    let mut running = start(settings(&server));
    running.raise(alert(1, 5)).await;
    running.until("login_failed").await;
    server.refuse("Authentication", 535, 0);
    assert_eq!(running.entry().await.state, State::Sent);
    assert_eq!(running.count("refused"), 0);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_while_the_server_is_down() {
    let mut server = Mailpit::start();
    let mut running = start(settings(&server));
    running.raise(alert(1, 5)).await;
    assert_eq!(running.entry().await.state, State::Sent);
    server.process().kill9();
    running.raise(alert(2, 5)).await;
    running.raise(alert(3, 5)).await;
    running.until("put_off").await;
    server.start_again();
    assert_eq!(running.entry().await.state, State::Sent);
    assert_eq!(running.entry().await.state, State::Sent);
    running.end().await;
    assert_eq!(server.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_within_seconds_though_the_server_never_answers() {
    let server = Mailpit::start();
    // Takes connections and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut mail = settings(&server);
    mail.smtp.port = mute.local_addr().expect("it is bound").port();
    mail.smtp.timeout_seconds = 600;
    let running = start(mail);
    running.raise(alert(1, 5)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(8), running.task).await;
    ended
        .expect("it ends")
        .expect("it does not panic")
        .expect("it ends well");
}

/// Alerts that nobody acknowledged go to those who are there for it, once each; every reader has a link of their own.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_acknowledged_is_escalated_once_and_links_are_for_one_reader() {
    let server = Mailpit::start();
    let mut mail = settings(&server);
    mail.console_url = "https://watch.example.org/".to_owned();
    mail.recipients = serde_json::from_str(
        r#"[{"address": "soc@example.org"}, {"address": "boss@example.org", "minimum_level": "critical", "escalation": true}]"#,
    )
    .expect("it is JSON");
    let bulletin = Bulletin {
        unacknowledged: vec![Unacknowledged {
            since: alert(7, 5).first,
            alert: alert(7, 5),
        }],
        ..Bulletin::default()
    };
    let vault = Arc::new(Vault::new(&"ab".repeat(32)).expect("it is a key"));
    let extras = notify::Extras {
        links: Some(notify::Links {
            vault: Arc::clone(&vault),
            lasts_us: 3_600_000_000,
        }),
        ..notify::Extras::default()
    };
    let mut running = start_with(mail, bulletin, extras);
    running.raise(alert(7, 5)).await;
    let stages = [running.entry().await, running.entry().await].map(|entry| entry.key.stage);
    assert!(stages.contains(&notify::Stage::Opened), "{stages:?}");
    assert!(stages.contains(&notify::Stage::Escalated(0)), "{stages:?}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    running.end().await;
    let mails = server.mails();
    assert_eq!(
        mails.len(),
        2,
        "one each, however often it is looked: {mails:?}"
    );
    for summary in mails {
        let to = summary["To"][0]["Address"].as_str().expect("it has one");
        let whole = server.mail(summary["ID"].as_str().expect("it has one"));
        let text = whole["Text"].as_str().expect("it has one");
        let is_escalated = text.contains("nobody has acknowledged it");
        assert_eq!(is_escalated, to == "boss@example.org", "{text}");
        let (_, query) = text
            .split_once("https://watch.example.org/acknowledge?")
            .expect(text);
        let query = query
            .split_whitespace()
            .next()
            .expect("it does not end here");
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let get = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| key == name);
            pair.map_or("", |(_, value)| value.as_str())
        };
        let now = alert(7, 5).last;
        let link = Acknowledgement::read(&vault, get, now).expect("it is signed");
        assert_eq!((link.alert, link.who.as_str()), (Uuid::from_u128(7), to));
    }
}
