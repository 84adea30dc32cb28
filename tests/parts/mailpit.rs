//! An SMTP server that keeps what it gets: mailpit, by `scripts/mailpit.sh`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Held, Ports, Request, fetched, script};

/// A running mail server that wants STARTTLS and then AUTH.
#[derive(Debug)]
pub struct Mailpit {
    process: Held,
    folder: TempDir,
    ports: Ports,
}

impl Mailpit {
    /// Who may send.
    pub const USER: &'static str = "gatewatch";
    /// The password of `USER`.
    pub const PASSWORD: &'static str = "mail-secret";

    /// Starts an empty one.
    pub fn start() -> Self {
        let folder =
            TempDir::with_prefix("gatewatch-mail-").expect("a temporary folder can be made");
        let ports = Ports::take(2);
        let process = run(&folder, &ports);
        Self {
            process,
            folder,
            ports,
        }
    }

    /// Where mail is taken, on 127.0.0.1 (the certificate is also good for `localhost`).
    pub fn smtp_port(&self) -> u16 {
        self.ports.get(0)
    }

    /// Where the REST interface listens.
    pub fn http_port(&self) -> u16 {
        self.ports.get(1)
    }

    /// The authority behind its certificate, PEM.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("tls/ca.crt")
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Held {
        &mut self.process
    }

    /// Starts it again on the same ports with the mails it had; it must have been stopped or killed.
    pub fn start_again(&mut self) {
        self.process = run(&self.folder, &self.ports);
    }

    /// How many mails it holds.
    pub fn count(&self) -> u64 {
        self.api("/api/v1/messages?limit=1")["total"]
            .as_u64()
            .expect("mailpit counts its mails")
    }

    /// Summaries of all mails, newest first: `ID`, `MessageID`, `From`, `To`, `Subject`, `Created`.
    pub fn mails(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.api(&format!("/api/v1/messages?limit=500&start={}", all.len()));
            let mails = page["messages"]
                .as_array()
                .expect("mailpit lists its mails");
            if mails.is_empty() {
                return all;
            }
            all.extend(mails.iter().cloned());
        }
    }

    /// A mail whole: `Subject`, `Text`, `HTML`, `To`, …
    pub fn mail(&self, id: &str) -> Value {
        self.api(&format!("/api/v1/message/{id}"))
    }

    /// The headers of a mail: name to list of values.
    pub fn headers(&self, id: &str) -> Value {
        self.api(&format!("/api/v1/message/{id}/headers"))
    }

    /// Makes it refuse: `stage` is `Sender`, `Recipient` or `Authentication`, `probability` in percent (0 ends it).
    pub fn refuse(&self, stage: &str, code: u16, probability: u8) {
        let body = serde_json::json!({ stage: { "ErrorCode": code, "Probability": probability } })
            .to_string();
        let reply = Request::with_body("PUT", self.http_port(), "/api/v1/chaos", &body)
            .header("Content-Type", "application/json")
            .send()
            .expect("mailpit answers");
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    fn api(&self, path: &str) -> Value {
        let reply = Request::get(self.http_port(), path)
            .send()
            .expect("mailpit answers");
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str(&reply.body).expect("mailpit answers in JSON")
    }
}

fn run(folder: &TempDir, ports: &Ports) -> Held {
    let mut command = Command::new("bash");
    command
        .arg(script("mailpit.sh"))
        .arg(folder.path())
        .arg(ports.get(0).to_string())
        .arg(ports.get(1).to_string())
        .env(
            "GATEWATCH_MAILPIT",
            fetched("GATEWATCH_MAILPIT", "mailpit-1.27.11/mailpit"),
        );
    let mut process = Held::spawn("mailpit", &folder.path().join("log"), &command);
    process.wait_until("ready", Duration::from_secs(30), || {
        let api = Request::get(ports.get(1), "/readyz").send().ok()?;
        std::net::TcpStream::connect(("127.0.0.1", ports.get(0))).ok()?;
        (api.status == 200).then_some(())
    });
    process
}
