//! The demo: planted attacks through a real Kafka broker, a real `ClickHouse` server and a real mail server.
//!
//! `make demo` runs it. Event time runs faster than the clock, so that the baselines have a day to learn from; the
//! account at the end is made from what the parts themselves hold, and the demo fails when it does not come out.

mod account;
mod alerts;
mod config;
mod console;
mod metrics;
mod report;
mod screen;
mod stage;
mod stop;

#[path = "../../tests/parts/mod.rs"]
mod parts;

#[path = "../../tests/console/visitor.rs"]
#[expect(dead_code, reason = "tests take more of it")]
mod visitor;

use std::io::IsTerminal;
use std::panic;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use account::Account;
use alerts::Watch;
use screen::Screen;
use stage::Stage;

/// Event time that passes.
pub const SPAN: &str = "1d";
/// How often the live line is renewed.
const TICK: Duration = Duration::from_millis(500);
/// How long everything under way may take to arrive once the traffic has ended.
const SETTLE: Duration = Duration::from_secs(90);
/// Nothing new for so long means that it has arrived.
const QUIET: Duration = Duration::from_secs(6);

fn main() -> ExitCode {
    // A part that fails panics with words for people; unwinding then stops the other parts in order.
    panic::set_hook(Box::new(|panicked| {
        eprintln!("demo: {}", panicked.payload_as_str().unwrap_or("failed"));
    }));
    panic::catch_unwind(demo).unwrap_or(ExitCode::FAILURE)
}

fn demo() -> ExitCode {
    let Some(seconds) = seconds() else {
        eprintln!("demo: DEMO_SECONDS must be a number of seconds from 10 to 3600");
        return ExitCode::from(2);
    };
    let stop = stop::listen();
    println!("A day of event time passes in {seconds} s; everything runs on 127.0.0.1.");
    println!("Starting Kafka, ClickHouse, the mail server and gatewatch ...");
    let mut stage = Stage::set();
    if stop.told() {
        return interrupted();
    }
    let mut watch = Watch::default();
    stage.play(seconds);
    if !watch_until_quiet(&mut stage, &mut watch, &stop) {
        return interrupted();
    }
    let account = Account::take(&stage, &watch);
    report::print(&account);
    if let Err(error) = report::save(&account) {
        eprintln!("demo: the summary cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if std::io::stdout().is_terminal() {
        report::print_addresses(&stage);
        stop.wait();
        println!("Stopping ...");
    }
    if account.failures().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// `DEMO_SECONDS`, 60 by default.
fn seconds() -> Option<u64> {
    let text = std::env::var("DEMO_SECONDS").unwrap_or_else(|_| "60".to_owned());
    text.parse()
        .ok()
        .filter(|seconds| (10..=3600).contains(seconds))
}

/// Shows what happens until the traffic has ended and all of it has arrived. `false` when told to stop before.
fn watch_until_quiet(stage: &mut Stage, watch: &mut Watch, stop: &stop::Stop) -> bool {
    let mut screen = Screen::new();
    let mut ended: Option<Instant> = None;
    let mut changed = (Instant::now(), (0, 0, 0));
    while !stop.told() {
        let fresh = watch.look(&stage.clickhouse);
        let live = stage.live();
        for alert in &fresh {
            screen.alert(alert);
        }
        screen.live(&live, watch.count());
        let now = (
            live.stored + live.dead_lettered,
            watch.findings(),
            live.mails,
        );
        if now != changed.1 {
            changed = (Instant::now(), now);
        }
        if ended.is_none() && stage.traffic_ended() {
            ended = Some(Instant::now());
        }
        if let Some(ended) = ended {
            let arrived = changed.0.elapsed() > QUIET && stage.all_stored();
            if arrived || ended.elapsed() > SETTLE {
                screen.close();
                return true;
            }
        }
        std::thread::sleep(TICK);
    }
    false
}

fn interrupted() -> ExitCode {
    println!("Stopping ...");
    ExitCode::from(130)
}
