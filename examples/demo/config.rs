//! The configuration that the demo writes for `gatewatch run`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::parts::{ClickHouse, Kafka, Mailpit};
use crate::stage::TOPIC;

/// Writes the file, and the secrets it names, into `folder`, which only this user can read.
pub fn write(
    folder: &Path,
    kafka: &Kafka,
    clickhouse: &ClickHouse,
    mailpit: &Mailpit,
    http: u16,
    console: u16,
) -> PathBuf {
    let secret = |name: &str, value: &str| {
        let path = folder.join(name);
        fs::write(&path, value).expect("the folder is ours");
        path.display().to_string()
    };
    let text = format!(
        r#"[kafka]
brokers = "{brokers}"
topic = "{TOPIC}"

[enrich]
pseudonym_key_file = "{pseudonym_key}"

[rules]
folder = "{rules}"

[contracts]
folder = "{contracts}"

[store]
url = "{url}"
user = "{store_user}"
password_file = "{store_password}"
dead_letter_key_file = "{dead_letter_key}"

[mail]
enabled = true
from = "gatewatch <gatewatch@demo.example>"
console_url = "http://127.0.0.1:{console}"
daily_at = ""
# A day of event time passes in a minute: an alert of its beginning is not an old one.
max_age_minutes = 4320
hourly_limit = 5000
[[mail.recipients]]
address = "duty@demo.example"
minimum_level = "informational"
[mail.smtp]
host = "localhost"
port = {smtp}
security = "starttls"
user = "{mail_user}"
password_file = "{mail_password}"
ca_file = "{mail_ca}"

[console]
enabled = true
listen = "127.0.0.1:{console}"
key_file = "{console_key}"

[http]
listen = "127.0.0.1:{http}"
"#,
        brokers = kafka.bootstrap(),
        pseudonym_key = secret("pseudonym.key", &"5a".repeat(32)),
        rules = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("rules")
            .display(),
        contracts = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("contracts")
            .display(),
        url = clickhouse.url(),
        store_user = ClickHouse::USER,
        store_password = secret("store.password", ClickHouse::PASSWORD),
        dead_letter_key = secret("dead-letter.key", &"a5".repeat(32)),
        smtp = mailpit.smtp_port(),
        mail_user = Mailpit::USER,
        mail_password = secret("mail.password", Mailpit::PASSWORD),
        mail_ca = mailpit.ca().display(),
        console_key = secret("console.key", &"c3".repeat(32)),
    );
    let file = folder.join("gatewatch.toml");
    fs::write(&file, text).expect("the folder is ours");
    file
}
