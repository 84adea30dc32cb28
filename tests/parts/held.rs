//! A process that does not outlive us.
//!
//! Between us and the process stands `scripts/hold.sh`, which watches its standard input: when that ends, however we
//! died, it ends the process in order. It is a process group of its own, so that Ctrl-C in a terminal reaches us alone
//! and we stop things in our order.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end in order before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// A running process; dropping it ends it in order.
#[derive(Debug)]
pub struct Held {
    name: String,
    holder: Child,
    /// Lines here are signals; its end is the end of the process.
    orders: Option<ChildStdin>,
    pid: u32,
    log: PathBuf,
}

impl Held {
    /// Starts `command` with its output appended to `log`. Its standard streams are not the caller's to set.
    pub fn spawn(name: &str, log: &Path, command: &Command) -> Self {
        let mut held = Command::new("bash");
        held.arg(super::script("hold.sh"))
            .arg(log)
            .arg(GRACE.as_secs().to_string())
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => held.env(key, value),
                None => held.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            held.current_dir(folder);
        }
        let mut holder = held.spawn().expect("bash starts");
        let orders = holder.stdin.take();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the holder can be read");
        let pid = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{name}: the holder said {line:?}, not a pid"));
        Self {
            name: name.into(),
            holder,
            orders,
            pid,
            log: log.into(),
        }
    }

    /// The process itself, not its holder.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by its short name, as `TERM`.
    pub fn signal(&mut self, signal: &str) {
        let orders = self.orders.as_mut().expect("open until dropped");
        // An error means that the process is gone already, which whoever waits for it will see.
        let _ = writeln!(orders, "{signal}");
    }

    /// Ends it at once, as a crash would, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.signal("KILL");
        self.wait(GRACE)
            .unwrap_or_else(|| panic!("{} survives KILL", self.name));
    }

    /// Ends it in order and waits until it is gone; what is too slow is killed. `None`: it could not be waited for.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        self.orders = None;
        self.wait(GRACE + Duration::from_secs(5))
    }

    /// How it ended, if it has: the code is the process's own, or 128 and the signal.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.holder
            .try_wait()
            .expect("our own child can be waited for")
    }

    /// Waits for its end, but not for longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || began.elapsed() > limit {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The file that its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Everything it has said.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of what it has said, to say why it failed.
    pub fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Asks until there is an answer.
    ///
    /// # Panics
    /// With the end of its log, when the process ends first or `limit` passes.
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Option<T>,
    ) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            let ended = self.ended();
            assert!(
                ended.is_none() && began.elapsed() < limit,
                "{} did not come to be {what} ({ended:?}, {:?}):\n{}",
                self.name,
                began.elapsed(),
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("last words of {}:\n{}", self.name, self.last_words());
        }
        if self.ended().is_none() && self.stop().is_none() {
            eprintln!("{} (pid {}) did not end", self.name, self.pid);
        }
    }
}
