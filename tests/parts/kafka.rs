//! A Kafka broker of one node, by `scripts/kafka.sh`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;

use super::{Held, Ports, fetched, script};

/// How long an answer of the broker may take.
const ANSWER: Duration = Duration::from_secs(30);

/// How clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No encryption, no authentication.
    Plain,
    /// TLS, SCRAM-SHA-512 and ACLs.
    Sasl,
}

/// A record to send.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// `None`: by the key.
    pub partition: Option<i32>,
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// Milliseconds since 1970; `None`: now.
    pub timestamp: Option<i64>,
}

/// A running broker.
#[derive(Debug)]
pub struct Kafka {
    process: Held,
    folder: TempDir,
    ports: Ports,
    mode: Mode,
}

impl Kafka {
    /// The super user of [`Mode::Sasl`].
    pub const ADMIN: &'static str = "admin";
    /// The password of [`Self::ADMIN`].
    pub const ADMIN_PASSWORD: &'static str = "admin-secret";
    /// A user of [`Mode::Sasl`] that may do nothing until [`Self::allow`] says so.
    pub const USER: &'static str = "gatewatch";
    /// The password of [`Self::USER`].
    pub const PASSWORD: &'static str = "kafka-secret";

    /// Starts an empty one.
    pub fn start(mode: Mode) -> Self {
        let folder =
            TempDir::with_prefix("gatewatch-kafka-").expect("a temporary folder can be made");
        let ports = Ports::take(2);
        let process = run(&folder, &ports, mode);
        Self {
            process,
            folder,
            ports,
            mode,
        }
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.get(0))
    }

    /// The authority behind its certificate, PEM; there in [`Mode::Sasl`] only.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("broker/tls/ca.crt")
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Held {
        &mut self.process
    }

    /// Starts it again on the same ports and data; it must have been stopped or killed.
    pub fn start_again(&mut self) {
        self.process = run(&self.folder, &self.ports, self.mode);
    }

    /// Settings of a client that may do everything.
    pub fn client(&self) -> ClientConfig {
        self.client_as(Self::ADMIN, Self::ADMIN_PASSWORD)
    }

    /// Settings of a client that logs in as someone; in [`Mode::Plain`] nobody asks who it is.
    pub fn client_as(&self, user: &str, password: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap());
        if self.mode == Mode::Sasl {
            client
                .set("security.protocol", "SASL_SSL")
                .set("sasl.mechanism", "SCRAM-SHA-512")
                .set("sasl.username", user)
                .set("sasl.password", password)
                .set("ssl.ca.location", self.ca().display().to_string());
        }
        client
    }

    /// Makes a topic; one that is there already is left as it is.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are good");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        let results = wait(admin.create_topics([&topic], &options)).expect("the broker answers");
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => panic!("topic {topic}: {code}"),
            }
        }
    }

    /// Deletes what lies before these offsets, one a partition, as retention would.
    pub fn delete_before(&self, topic: &str, offsets: &[i64]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("the settings are good");
        let mut list = TopicPartitionList::new();
        for (partition, offset) in (0..).zip(offsets) {
            list.add_partition_offset(topic, partition, Offset::Offset(*offset))
                .expect("an offset is a number");
        }
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        wait(admin.delete_records(&list, &options)).expect("the broker deletes");
    }

    /// Gives [`Self::USER`] rights on a resource, as `["--topic", "requests"]`. Slow: it starts a JVM.
    pub fn allow(&self, operations: &[&str], resource: &[&str]) {
        let settings = self.folder.path().join("admin.properties");
        std::fs::write(&settings, self.tool_settings()).expect("the folder is ours");
        let output = Command::new("bash")
            .arg(script("kafka-tool.sh"))
            .args([
                "AclCommand",
                "--bootstrap-server",
                &self.bootstrap(),
                "--command-config",
            ])
            .arg(settings)
            .args([
                "--add",
                "--allow-principal",
                &format!("User:{}", Self::USER),
            ])
            .args(
                operations
                    .iter()
                    .flat_map(|operation| ["--operation", operation]),
            )
            .args(resource)
            .env("GATEWATCH_KAFKA", jars())
            .output()
            .expect("bash starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The same for values alone, each with its partition.
    pub fn produce_to_partitions<'a, V: AsRef<[u8]> + 'a>(
        &self,
        topic: &str,
        values: impl IntoIterator<Item = &'a (i32, V)>,
    ) {
        let records = values.into_iter().map(|(partition, value)| Record {
            partition: Some(*partition),
            key: b"",
            value: value.as_ref(),
            timestamp: None,
        });
        self.produce(topic, records);
    }

    /// Sends records with `acks=all` and waits until the broker has them.
    pub fn produce<'a>(&self, topic: &str, records: impl IntoIterator<Item = Record<'a>>) {
        let producer: BaseProducer = self
            .client()
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .expect("the settings are good");
        for record in records {
            let mut message = BaseRecord::to(topic).key(record.key).payload(record.value);
            message.partition = record.partition;
            message.timestamp = record.timestamp;
            while let Err((error, back)) = producer.send(message) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                assert!(error == full, "{topic}: {error}");
                producer.poll(Duration::from_millis(10));
                message = back;
            }
        }
        producer
            .flush(ANSWER)
            .expect("the broker takes what it was sent");
    }

    /// First and end offset of each partition, in their order.
    pub fn offsets(&self, topic: &str) -> Vec<(i64, i64)> {
        let consumer: BaseConsumer = self.client().create().expect("the settings are good");
        (0..partitions(&consumer, topic))
            .map(|partition| {
                consumer
                    .fetch_watermarks(topic, partition, ANSWER)
                    .expect("the broker answers")
            })
            .collect()
    }

    /// How many offsets a topic holds over all partitions: its ends less its beginnings.
    pub fn count(&self, topic: &str) -> u64 {
        let held: i64 = self
            .offsets(topic)
            .iter()
            .map(|(first, end)| end - first)
            .sum();
        u64::try_from(held).expect("an end is not before its beginning")
    }

    /// The values of a whole topic as it is now, partition after partition.
    pub fn read(&self, topic: &str) -> Vec<Vec<u8>> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "harness")
            .set("enable.auto.commit", "false")
            .create()
            .expect("the settings are good");
        let mut values = Vec::new();
        for (partition, (first, end)) in (0..).zip(self.offsets(topic)) {
            let mut here = TopicPartitionList::new();
            here.add_partition_offset(topic, partition, Offset::Offset(first))
                .expect("a plain offset");
            consumer.assign(&here).expect("the partition is there");
            let mut next = first;
            while next < end {
                let message = consumer
                    .poll(ANSWER)
                    .expect("a record comes")
                    .expect("it can be read");
                next = message.offset() + 1;
                values.push(message.payload().unwrap_or_default().to_vec());
            }
        }
        values
    }

    fn tool_settings(&self) -> String {
        match self.mode {
            Mode::Plain => String::new(),
            Mode::Sasl => format!(
                "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
                 ssl.truststore.type=PEM\nssl.truststore.location={}\n\
                 sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
                 username=\"{}\" password=\"{}\";\n",
                self.ca().display(),
                Self::ADMIN,
                Self::ADMIN_PASSWORD
            ),
        }
    }
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> i32 {
    let metadata = consumer
        .fetch_metadata(Some(topic), ANSWER)
        .expect("the broker answers");
    i32::try_from(metadata.topics()[0].partitions().len()).expect("a topic has few partitions")
}

/// Waits for the broker's answer, also when the caller is inside a runtime, which must not be blocked by another.
fn wait<T: Send>(answer: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a small runtime can be made")
                .block_on(answer)
        });
        waiting.join().expect("waiting does not panic")
    })
}

fn jars() -> PathBuf {
    fetched("GATEWATCH_KAFKA", "kafka-4.3.1")
}

fn run(folder: &TempDir, ports: &Ports, mode: Mode) -> Held {
    let broker = folder.path().join("broker");
    // A new log for each start: what is looked for in it must not come from the start before.
    let log = (0..1_000)
        .map(|start| folder.path().join(format!("log.{start}")))
        .find(|path| !path.exists());
    let mut command = Command::new("bash");
    command
        .arg(script("kafka.sh"))
        .arg(&broker)
        .arg(ports.get(0).to_string())
        .arg(if mode == Mode::Sasl { "sasl" } else { "plain" })
        .env("GATEWATCH_KAFKA", jars())
        .env("KAFKA_PASSWORD", Kafka::ADMIN_PASSWORD)
        .env(
            "KAFKA_USERS",
            format!("{}={}", Kafka::USER, Kafka::PASSWORD),
        );
    let mut process = Held::spawn("Kafka", &log.expect("some number is free"), &command);
    let started = |said: &str| said.contains("Kafka Server started").then_some(());
    let log = process.log().to_owned();
    process.wait_until("ready", Duration::from_secs(90), || {
        started(&std::fs::read_to_string(&log).ok()?)
    });
    process
}
