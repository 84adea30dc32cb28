//! What the demo says at its end.

use std::fs;
use std::io;
use std::path::Path;

use crate::account::Account;
use crate::console;
use crate::parts::ClickHouse;
use crate::screen::plain;
use crate::stage::Stage;

/// The table of planted attacks and the account.
pub fn print(account: &Account) {
    let name = |scenario: &crate::account::Scenario| scenario.outcome.name.clone();
    let width = account
        .scenarios
        .iter()
        .map(|scenario| name(scenario).len())
        .max()
        .unwrap_or(0)
        .max(8);
    println!();
    println!(
        "{:<width$}  {:<6}  {:>7}  MAIL",
        "PLANTED", "FOUND", "SECONDS"
    );
    for scenario in &account.scenarios {
        let seconds = scenario
            .outcome
            .wall_seconds
            .map_or("-".to_owned(), |seconds| format!("{seconds:.1}"));
        println!(
            "{:<width$}  {:<6}  {seconds:>7}  {}",
            name(scenario),
            if scenario.outcome.found { "yes" } else { "NO" },
            plain(scenario.subject.as_deref().unwrap_or("-"))
        );
    }
    println!();
    for alarm in &account.false_alarms {
        let twin = alarm
            .twin
            .as_deref()
            .map_or(String::new(), |twin| format!(" (harmless: {twin})"));
        println!(
            "false alarm: {} | {}{twin}",
            plain(&alarm.title),
            plain(&alarm.entity)
        );
    }
    println!(
        "sent {} = stored {} + dead-lettered {}; planted attacks found {} of {}; alerts {}, false {}; mails {}",
        account.sent,
        account.stored,
        account.dead_lettered,
        account.found(),
        account.scenarios.len(),
        account.alerts,
        account.false_alarms.len(),
        account.mails
    );
    if let Ok(milliseconds) = account.overview {
        println!("console overview p95: {milliseconds:.0} ms");
    }
    for failure in account.failures() {
        println!("FAILED: {failure}");
    }
}

/// Keeps the summary in `.cache/demo/summary.json` of the project.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn save(account: &Account) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/demo");
    fs::create_dir_all(&folder)?;
    let file = folder.join("summary.json");
    let mut text = serde_json::to_string_pretty(&account.summary())?;
    text.push('\n');
    fs::write(&file, text)?;
    println!("summary: {}", file.display());
    Ok(())
}

/// Where to look around while everything is still up.
pub fn print_addresses(stage: &Stage) {
    println!();
    println!("Everything is still up; Ctrl-C stops it.");
    println!(
        "  ClickHouse  {}/play  user {}, password {}; try: SELECT * FROM gatewatch.alerts_latest",
        stage.clickhouse.url(),
        ClickHouse::ANALYST,
        ClickHouse::ANALYST_PASSWORD
    );
    println!(
        "  console     http://127.0.0.1:{}  name {}, password {}",
        stage.console_port(),
        console::ACCOUNT,
        console::PASSWORD
    );
    println!(
        "  mails       http://127.0.0.1:{0}/api/v1/messages, the newest: http://127.0.0.1:{0}/view/latest.html",
        stage.mailpit.http_port()
    );
    println!(
        "  metrics     http://127.0.0.1:{}/metrics",
        stage.http_port()
    );
    println!("  Kafka       {}", stage.kafka.bootstrap());
    println!("  log         {}", stage.log().display());
}
