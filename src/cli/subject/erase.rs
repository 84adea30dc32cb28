//! `gatewatch subject erase`: mutations, new links of the hash chain, proof, act and audit.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;
use uuid::Uuid;

use super::act::{self, Act};
use super::in_kafka;
use super::who::Who;
use crate::cli::terminal;
use crate::config::{self, Config};
use crate::notify::now;
use crate::store::{AuditRow, ChainKey, Store, Subject, SubjectRows};

/// Erases all that is stored of a person; without --yes it says what would go
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    who: Who,
    /// Erase; without it nothing is changed
    #[arg(long, requires = "by", requires = "basis")]
    yes: bool,
    /// Who erases: name and post, for the act and the audit
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why: a request, a withdrawn consent, a purpose that was reached
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    /// Name of the operator (152-FZ) or controller (GDPR), for the act
    #[arg(long, value_name = "NAME", default_value = "PropDevelopment")]
    operator: String,
    /// File for the act of destruction with its log extract (HTML, Russian); `act-ID.html` without it
    #[arg(long, value_name = "FILE")]
    act: Option<PathBuf>,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = config::load(args.who.config.as_deref())?;
    let store = Store::connect(&config.store).await?;
    store.check_schema().await?;
    let subject = args.who.find(&config, &store).await?;
    let rows = store.subject_rows(&subject).await?;
    say(&rows, "stored");
    if subject.unopened > 0 {
        eprintln!(
            "{} dead letters are sealed with keys that are not at hand and were not searched: give the keys with --letter-key NAME=FILE",
            subject.unopened
        );
    }
    if !args.yes {
        eprintln!("nothing was changed: say --yes, --by and --basis to erase");
        return Ok(ExitCode::SUCCESS);
    }
    if rows.total() == 0 {
        eprintln!("there is nothing to erase");
        return Ok(ExitCode::SUCCESS);
    }
    let act = erase(args, &config, &store, &subject, rows).await?;
    let path = args
        .act
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("act-{}.html", act.id)));
    std::fs::write(&path, act::html(&act)).with_context(|| {
        format!(
            "the rows are erased, but {} cannot be written",
            path.display()
        )
    })?;
    say(&act.left, "left");
    for line in &act.in_kafka {
        eprintln!("in Kafka until its retention takes it: {line}");
    }
    for alert in &act.alerts {
        eprintln!(
            "mails may have been sent about alert {}",
            terminal::escaped(alert)
        );
    }
    for incident in &act.incidents {
        eprintln!("the record of incident {incident} names the pseudonym and is kept");
    }
    eprintln!("act {}: {}", act.id, path.display());
    if act.left.total() > 0 {
        eprintln!(
            "rows came while it was done: a running instance writes them anew. Stop it, erase again, start it"
        );
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

async fn erase(
    args: &Args,
    config: &Config,
    store: &Store,
    subject: &Subject,
    rows: SubjectRows,
) -> anyhow::Result<Act> {
    let (Some(by), Some(basis)) = (args.by.clone(), args.basis.clone()) else {
        bail!("say --by and --basis");
    };
    let in_kafka = in_kafka(&store.subject_in_kafka(subject).await?);
    let alerts = store.subject_alerts(subject).await?;
    let incidents = store.subject_incidents(subject).await?;
    let key = ChainKey::from_config(&config.store)?;
    let mut keys = vec![key.clone()];
    for (name, digits) in args.who.older_letter_keys()? {
        keys.push(ChainKey::new(&digits, &name)?);
    }
    let places = store.subject_places(subject).await?;
    let covering = store.links_over(&keys, &places, now()).await?;
    let begun = now();
    let seed = format!("{begun} {by} {basis} {}", rows.total());
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes()).to_string();
    store.erase_subject(subject).await?;
    store
        .replace_links(&key, &covering, &id, now())
        .await
        .context("the rows are erased, but the hash chain does not say so yet")?;
    let left = store.subject_rows(subject).await?;
    let act = Act {
        id,
        time: now(),
        operator: args.operator.clone(),
        system: format!("gatewatch, {}", config.store.database),
        by,
        basis,
        subject: subject.code(),
        rows,
        left,
        links: covering.len(),
        in_kafka,
        alerts: alerts
            .into_iter()
            .map(|alert| format!("{}: {}", alert.id, alert.title))
            .collect(),
        incidents,
    };
    record(store, &act).await?;
    Ok(act)
}

async fn record(store: &Store, act: &Act) -> anyhow::Result<()> {
    let detail = json!({
        "basis": act.basis,
        "subject": act.subject,
        "erased": act.rows,
        "left": act.left,
        "links": act.links,
        "in_kafka": act.in_kafka,
        "alerts": act.alerts.len(),
    });
    let row = AuditRow {
        time: act.time,
        actor: act.by.clone(),
        action: "erased",
        object_kind: "subject".to_owned(),
        object: act.id.clone(),
        title: format!("erasure on {}", act.basis),
        detail: detail.to_string(),
        before: 0,
    };
    store
        .record_changes(&[row])
        .await
        .context("the rows are erased, but the audit does not say so")
}

fn say(rows: &SubjectRows, what: &str) {
    let lines = [
        ("events", rows.events),
        ("alerts", rows.alerts),
        ("actions on alerts", rows.alert_actions),
        ("dead letters", rows.dead_letters),
        ("snapshots of detectors", rows.snapshots),
    ];
    for (name, count) in lines {
        eprintln!("{count:>9} {name} {what}");
    }
}
