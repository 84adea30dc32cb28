//! The service over a broker inside the process, writing letters into a folder.

use std::collections::{BTreeSet, HashMap};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::alert::Alert;
use crate::notify::mail::samples;
use crate::notify::{Entry, RecipientKey, State};
use crate::triage::{Closing, Decided, Reopened, Seen, Verdict};

const SOON: Duration = Duration::from_secs(30);

/// The mock waits so long for a member that has left.
const SESSION_MS: u32 = 6_000;

struct Rig {
    cluster: MockCluster<'static, DefaultProducerContext>,
    folder: tempfile::TempDir,
    mail: config::Mail,
}

struct Running {
    stop: watch::Sender<bool>,
    outcomes: Arc<Outcomes>,
    task: JoinHandle<Result<(), NotifyError>>,
}

impl Rig {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        let topics = Topics::default();
        cluster.create_topic(&topics.alerts, 1, 1).unwrap();
        cluster.create_topic(&topics.mailed, 1, 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mail = config::Mail {
            enabled: true,
            directory: folder.path().join("mails"),
            recipients: serde_json::from_str(r#"[{"address": "soc@example.org"}]"#).unwrap(),
            daily_at: String::new(),
            hourly_limit: 1_000,
            ..config::Mail::default()
        };
        Rig {
            cluster,
            folder,
            mail,
        }
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.cluster.bootstrap_servers());
        client
    }

    fn start(&self) -> Running {
        self.start_with(Topics {
            session_timeout_ms: SESSION_MS,
            ..Topics::default()
        })
    }

    fn start_with(&self, topics: Topics) -> Running {
        self.start_knowing(topics, Bulletin::default())
    }

    fn start_knowing(&self, topics: Topics, bulletin: Bulletin) -> Running {
        let (stop, stopping) = watch::channel(false);
        let (_, daily) = watch::channel(bulletin);
        let outcomes = Arc::new(Outcomes::default());
        let (client, mail, counted) = (self.client(), self.mail.clone(), Arc::clone(&outcomes));
        let task = tokio::spawn(async move {
            run(
                client,
                topics,
                &mail,
                daily,
                Extras::default(),
                stopping,
                counted,
            )
            .await
        });
        Running {
            stop,
            outcomes,
            task,
        }
    }

    async fn publish(&self, record: &[u8]) {
        let producer: FutureProducer = self.client().create().unwrap();
        let topics = Topics::default();
        let record = FutureRecord::<(), [u8]>::to(&topics.alerts).payload(record);
        producer.send(record, SOON).await.unwrap();
    }

    async fn raise(&self, id: u128, count: u64) {
        self.publish(&ocsf::encode(&fresh(id, count)).unwrap())
            .await;
    }

    fn letters(&self) -> BTreeSet<String> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("mails")) else {
            return BTreeSet::new();
        };
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension() == Some("eml".as_ref()))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    }

    fn ledger(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let (_open, stop) = watch::channel(false);
        let topics = Topics::default();
        read_ledger(
            &self.client(),
            &topics.mailed,
            &Outcomes::default(),
            &stop,
            |entry| {
                entries.push(entry);
            },
        )
        .unwrap();
        entries
    }

    fn committed(&self) -> Option<i64> {
        let topics = Topics::default();
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", &topics.group)
            .create()
            .unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&topics.alerts, 0);
        let offsets = consumer.committed_offsets(asked, SOON).unwrap();
        offsets.elements()[0]
            .offset()
            .to_raw()
            .filter(|offset| *offset >= 0)
    }
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        let stopped = tokio::time::timeout(Duration::from_secs(10), self.task).await;
        stopped.expect("it stops in time").unwrap().unwrap();
    }
}

fn fresh(id: u128, count: u64) -> Alert {
    let mut alert = samples::correlation();
    alert.id = Uuid::from_u128(id);
    alert.count = count;
    alert.last = now();
    alert
}

fn name(id: u128, stage: &str) -> String {
    format!(
        "{}.{stage}.{}",
        Uuid::from_u128(id),
        RecipientKey::of("soc@example.org")
    )
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !so() {
        assert!(began.elapsed() < SOON, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_recorded_and_committed_and_not_sent_again_after_a_restart() {
    let rig = Rig::new();
    rig.raise(1, 5).await;
    rig.publish(b"{}").await;
    rig.raise(1, 6).await;
    let running = rig.start();
    until("the mail", || rig.letters().len() == 1).await;
    until("the offset", || rig.committed() == Some(3)).await;
    assert_eq!(running.outcomes.unreadable.get(), 1);
    assert_eq!(running.outcomes.quiet.get(), 1);
    running.stop().await;
    let ledger = rig.ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(
        (ledger[0].key.to_string(), &ledger[0].state),
        (name(1, "opened"), &State::Sent)
    );

    rig.raise(1, 7).await;
    rig.raise(1, 60).await;
    let running = rig.start();
    until("the follow-up", || rig.letters().len() == 2).await;
    until("the offset", || rig.committed() == Some(5)).await;
    assert_eq!(
        rig.letters(),
        BTreeSet::from([name(1, "opened"), name(1, "grown-1")])
    );
    assert_eq!(running.outcomes.sent.get(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_has_is_not_sent_again_though_its_offset_was_never_committed() {
    let rig = Rig::new();
    rig.raise(1, 5).await;
    // As after a kill between the ledger's write and the commit.
    let ledger = LedgerTopic::new(&rig.client(), &Topics::default().mailed).unwrap();
    let entry = Entry {
        key: crate::notify::Key {
            subject: Uuid::from_u128(1),
            stage: crate::notify::Stage::Opened,
            recipient: RecipientKey::of("soc@example.org"),
        },
        at: now(),
        count: 5,
        level: crate::sigma::Level::High,
        state: State::Sent,
    };
    let (_open, mut stop) = watch::channel(false);
    assert!(
        ledger
            .write(&[entry], &Outcomes::default(), &mut stop)
            .await
    );
    let running = rig.start();
    until("the offset", || rig.committed() == Some(1)).await;
    assert_eq!(rig.letters(), BTreeSet::new());
    running.stop().await;
}

/// What a kill between the server's 250 and the ledger's write leaves: a mail that is out, nothing noted, nothing
/// committed. A group and a ledger that know of nothing stand for it.
#[tokio::test(flavor = "multi_thread")]
async fn notifier_killed_after_mail() {
    let rig = Rig::new();
    rig.raise(1, 5).await;
    let running = rig.start();
    until("the mail", || rig.letters().len() == 1).await;
    running.stop().await;
    let letter = rig
        .mail
        .directory
        .join(format!("{}.eml", name(1, "opened")));
    let first = std::fs::read_to_string(&letter).unwrap();
    std::fs::remove_file(&letter).unwrap();

    let unknowing = Topics {
        mailed: "unwritten".to_owned(),
        group: "unknowing".to_owned(),
        session_timeout_ms: SESSION_MS,
        ..Topics::default()
    };
    rig.cluster.create_topic(&unknowing.mailed, 1, 1).unwrap();
    let running = rig.start_with(unknowing);
    until("the mail again", || rig.letters().len() == 1).await;
    running.stop().await;
    let again = std::fs::read_to_string(&letter).unwrap();
    let id = |letter: &str| {
        let line = letter.lines().find(|line| line.starts_with("Message-ID: "));
        line.unwrap().to_owned()
    };
    assert_eq!(id(&first), id(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_is_not_committed_while_its_mail_cannot_be_sent() {
    let mut rig = Rig::new();
    // A file where the folder should be: nothing can be written there.
    std::fs::write(&rig.mail.directory, "in the way").unwrap();
    rig.raise(1, 5).await;
    let running = rig.start();
    until("a failure", || running.outcomes.put_off.get() > 0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.committed().unwrap_or(0), 0);
    running.stop().await;

    std::fs::remove_file(&rig.mail.directory).unwrap();
    rig.mail.hourly_limit = 1_000;
    let running = rig.start();
    until("the mail", || rig.letters().contains(&name(1, "opened"))).await;
    until("the offset", || rig.committed() == Some(1)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_topic_is_one_summary_that_is_remembered() {
    let rig = Rig::new();
    for id in 0..40 {
        let mut alert = fresh(id, 5);
        alert.last = alert.last.plus_micros(-7 * 86_400_000_000);
        rig.publish(&ocsf::encode(&alert).unwrap()).await;
    }
    let running = rig.start();
    until("the offset", || rig.committed() == Some(40)).await;
    assert_eq!(running.outcomes.backlog.get(), 40);
    assert_eq!(
        rig.letters(),
        BTreeSet::new(),
        "it waits for more of the same"
    );
    running.stop().await;
    let held = rig.ledger();
    assert_eq!(held.len(), 40);
    assert!(
        held.iter()
            .all(|entry| matches!(entry.state, State::Held { .. }))
    );
}

/// An alert of which another rule fired since it was closed is told again, once for each closing: by its revision, or by the store where that came before the closing was
/// known. A notifier that starts anew goes by the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_and_reopened_is_told_once_for_each_closing() {
    let rig = Rig::new();
    let topics = || Topics {
        session_timeout_ms: SESSION_MS,
        ..Topics::default()
    };
    let noise = fresh(1, 5);
    rig.publish(&ocsf::encode(&noise).unwrap()).await;
    let running = rig.start();
    until("the mail", || rig.letters().len() == 1).await;
    until("the offset", || rig.committed() == Some(1)).await;
    running.stop().await;

    let closing = |alert: &Alert, seconds: i64| Closing {
        time: noise.last.plus_micros(seconds * 1_000_000),
        verdict: Verdict::False,
        seen: Seen::of(alert),
    };
    let closed = |closing: Closing| Bulletin {
        decided: Decided {
            closed: HashMap::from([(noise.id, closing)]),
            ..Decided::default()
        },
        ..Bulletin::default()
    };
    let reopened = |closing: Closing| format!("reopened-{}", closing.time.micros());
    let first = closing(&noise, 1);
    let mut attack = noise.clone();
    attack.revision += 1;
    attack.rules.push(Uuid::from_u128(77));
    rig.publish(&ocsf::encode(&attack).unwrap()).await;
    let running = rig.start_knowing(topics(), closed(first));
    until("that it was reopened", || rig.letters().len() == 2).await;
    until("the offset", || rig.committed() == Some(2)).await;
    running.stop().await;
    let letter = rig
        .mail
        .directory
        .join(format!("{}.eml", name(1, &reopened(first))));
    let letter = std::fs::read_to_string(letter)
        .unwrap()
        .replace("\r\n ", " ");
    let answered = format!("In-Reply-To: <{}@", name(1, "opened"));
    assert!(letter.contains(&answered), "{letter}");

    // The revision that undid the second closing came before anybody knew of it.
    let second = closing(&attack, 2);
    attack.revision += 1;
    attack.rules.push(Uuid::from_u128(78));
    rig.publish(&ocsf::encode(&attack).unwrap()).await;
    let running = rig.start();
    until("the offset", || rig.committed() == Some(3)).await;
    assert_eq!(rig.letters().len(), 2);
    running.stop().await;
    for _ in 0..2 {
        let mut bulletin = closed(second);
        bulletin.reopened = vec![Reopened {
            alert: attack.clone(),
            closing: second,
        }];
        let running = rig.start_knowing(topics(), bulletin);
        until("that it was reopened", || rig.letters().len() == 3).await;
        tokio::time::sleep(TICK * 4).await;
        running.stop().await;
    }
    let stages = ["opened".to_owned(), reopened(first), reopened(second)];
    let expected = BTreeSet::from(stages.map(|stage| name(1, &stage)));
    assert_eq!(rig.letters(), expected);
    let ledger = rig.ledger();
    assert_eq!(ledger.len(), 3, "{ledger:?}");
}

#[tokio::test]
async fn nothing_happens_when_mail_is_off_and_it_stops_at_once() {
    let mut rig = Rig::new();
    rig.mail.enabled = false;
    let running = rig.start();
    running.stop().await;
    assert_eq!(rig.letters(), BTreeSet::new());
}
