//! `gatewatch check`: configuration and rules, without starting anything; connections on request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::{Config, SourceKind};
use crate::console::Console;
use crate::contract::Contracts;
use crate::pipeline::detection::Detection;
use crate::pipeline::models::Models;
use crate::pipeline::responder::Responder;
use crate::pipeline::webhook::Webhook;
use crate::sigma::RuleSet;
use crate::source::kafka;
use crate::store::Store;

/// Checks configuration and rules; prints the effective configuration with secrets masked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch check --config gatewatch.toml\n  \
    gatewatch check --config gatewatch.toml --connections\n  \
    gatewatch check --config gatewatch.toml --send-test-mail\n\n\
    Exit codes: 0 all is well, 2 configuration or rules are wrong, 3 a part is unreachable.")]
pub struct Args {
    /// Configuration file (TOML); built-in defaults without it
    #[arg(short, long, env = "GATEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Connect to Kafka and ClickHouse as the service would
    #[arg(long)]
    connections: bool,
    /// Send a test mail to every recipient
    #[arg(long)]
    send_test_mail: bool,
}

/// Checks and prints.
///
/// # Errors
/// What is wrong, with place and hint.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = super::configuration(args.config.as_deref())?;
    println!(
        "{}",
        toml::to_string(&config).context("the configuration cannot be shown")?
    );
    let rules = RuleSet::load(&config.rules)?;
    println!(
        "# rules: {}, correlations: {}: ok",
        rules.rules().len(),
        rules.correlations().len()
    );
    Detection::new(&config, Arc::new(rules))?;
    let contracts = Contracts::configured(&config.contracts)?;
    println!("# contracts: {}: ok", contracts.len());
    for name in unknown_integrations(&config, &contracts) {
        println!(
            "# mail: a recipient is there for the integration `{}` alone, and no contract has that name",
            name.escape_debug()
        );
    }
    if let Some(models) = Models::configured(&config.track.behaviour) {
        models.in_use()?;
        let version = models.current()?;
        println!(
            "# model of behaviour: {}: ok",
            version.as_deref().unwrap_or("none yet")
        );
    }
    if Responder::configured(&config.response)?.is_some() {
        println!("# response: {}: ok", config.response.listen);
    }
    if config.console.enabled {
        Console::configured(&config)?;
        println!("# console: {}: ok", config.console.listen);
    }
    if Webhook::configured(&config)?.is_some() {
        println!("# webhook: ok");
    }
    println!("# decode, enrich, pseudonym key: ok");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if args.connections {
        check_connections(&config, &runtime)?;
    }
    if args.send_test_mail {
        runtime.block_on(crate::notify::send_test_mail(&config.mail))?;
        println!("# test mail: sent");
    }
    Ok(())
}

/// Integrations that recipients of mail are there for and that no contract describes: a name of the log, or one that is mistyped.
fn unknown_integrations<'c>(config: &'c Config, contracts: &Contracts) -> Vec<&'c str> {
    let known: Vec<&str> = contracts
        .documents()
        .map(|document| document.integration.as_str())
        .collect();
    let wanted = config
        .mail
        .recipients
        .iter()
        .flat_map(|it| &it.integrations);
    let wanted = wanted.map(String::as_str);
    wanted.filter(|name| !known.contains(name)).collect()
}

fn check_connections(config: &Config, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    if config.source.kind == SourceKind::Kafka {
        let client = kafka::client_config(&config.kafka)?;
        let cluster = kafka::check(&client, &config.kafka, Duration::from_secs(10))?;
        println!(
            "# Kafka: ok, cluster {}, topic {} has {} partitions",
            cluster.id, config.kafka.topic, cluster.partitions
        );
    }
    let version = runtime.block_on(async { Store::connect(&config.store).await?.ping().await })?;
    println!("# ClickHouse: ok, version {version}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_for_an_integration_without_a_contract_is_told() {
        let mut config = Config::default();
        config.contracts.folder = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/contracts").into());
        let contracts = Contracts::configured(&config.contracts).unwrap();
        let recipient =
            toml::from_str("address = 'a@example.org'\nintegrations = ['barriers', 'bariers']");
        config.mail.recipients = vec![recipient.unwrap()];
        assert_eq!(unknown_integrations(&config, &contracts), ["bariers"]);
    }
}
