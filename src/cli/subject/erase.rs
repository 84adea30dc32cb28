//! `gatewatch subject erase`: mutations, new links of the hash chain, proof, act and audit.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::act::{self, Act};
use super::in_kafka;
use super::who::Who;
use crate::cli::terminal;
use crate::config::{self, Config};
use crate::notify::now;
use crate::store::{AuditRow, ChainKey, Covering, Store, Subject, SubjectRows};

/// What to do when an erasure fails half-way.
const UNFINISHED: &str =
    "the erasure was begun and is not finished: give the same command again when the cause is gone";

/// What the audit says before the first row goes, so that an erasure that dies can be finished.
#[derive(Serialize, Deserialize)]
struct Begun {
    #[serde(flatten)]
    act: Act,
    covering: Vec<Covering>,
}

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
    let begun = unfinished(&store, &subject).await?;
    if let Some(Begun { act, .. }) = &begun {
        eprintln!(
            "act {} was begun {} by {} and is not finished: erasing again finishes it",
            act.id,
            act.time,
            terminal::escaped(&act.by)
        );
    }
    if !args.yes {
        eprintln!("nothing was changed: say --yes, --by and --basis to erase");
        return Ok(ExitCode::SUCCESS);
    }
    if rows.total() == 0 && begun.is_none() {
        eprintln!("there is nothing to erase");
        return Ok(ExitCode::SUCCESS);
    }
    let act = erase(args, &config, &store, &subject, rows, begun).await?;
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
    begun: Option<Begun>,
) -> anyhow::Result<Act> {
    let (Some(by), Some(basis)) = (args.by.clone(), args.basis.clone()) else {
        bail!("say --by and --basis");
    };
    let key = ChainKey::from_config(&config.store)?;
    let mut keys = vec![key.clone()];
    for (name, digits) in args.who.older_letter_keys()? {
        keys.push(ChainKey::new(&digits, &name)?);
    }
    // Links that hold for rows of the person must fit now; those of an erasure that was begun were held against them then.
    let mut covering = begun
        .as_ref()
        .map_or_else(Vec::new, |begun| begun.covering.clone());
    let mut places = store.subject_places(subject).await?;
    places.retain(|place| !covering.iter().any(|link| link.has(place)));
    covering.extend(store.links_over(&keys, &places, now()).await?);
    let mut act = match begun {
        Some(Begun { mut act, .. }) => {
            if act.by != by {
                act.by = format!("{}; {by}", act.by);
            }
            act
        }
        None => begin(args, config, store, subject, rows, (by.clone(), basis)).await?,
    };
    act.links = covering.len();
    let begun = Begun { act, covering };
    record(store, "erasing", &by, &begun.act, &json!(begun)).await?;
    let Begun { mut act, covering } = begun;
    store.erase_subject(subject).await.context(UNFINISHED)?;
    store
        .replace_links(&key, &covering, &act.id, now())
        .await
        .context(UNFINISHED)?;
    act.left = store.subject_rows(subject).await.context(UNFINISHED)?;
    act.time = now();
    let detail = json!({
        "basis": act.basis,
        "subject": act.subject,
        "erased": act.rows,
        "left": act.left,
        "links": act.links,
        "in_kafka": act.in_kafka,
        "alerts": act.alerts.len(),
    });
    record(store, "erased", &by, &act, &detail)
        .await
        .context(UNFINISHED)?;
    Ok(act)
}

/// The act of an erasure that begins.
async fn begin(
    args: &Args,
    config: &Config,
    store: &Store,
    subject: &Subject,
    rows: SubjectRows,
    (by, basis): (String, String),
) -> anyhow::Result<Act> {
    let alerts = store.subject_alerts(subject).await?;
    let time = now();
    let seed = format!("{time} {by} {basis} {}", rows.total());
    Ok(Act {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes()).to_string(),
        time,
        operator: args.operator.clone(),
        system: format!("gatewatch, {}", config.store.database),
        by,
        basis,
        subject: subject.code(),
        rows,
        left: SubjectRows::default(),
        links: 0,
        in_kafka: in_kafka::lines(config, &store.subject_in_kafka(subject).await?, &rows).await,
        alerts: alerts
            .into_iter()
            .map(|alert| format!("{}: {}", alert.id, alert.title))
            .collect(),
        incidents: store.subject_incidents(subject).await?,
    })
}

/// An erasure of this person that was begun and not finished.
async fn unfinished(store: &Store, subject: &Subject) -> anyhow::Result<Option<Begun>> {
    let Some(detail) = store.unfinished_erasure(&subject.code()).await? else {
        return Ok(None);
    };
    let begun = serde_json::from_str(&detail)
        .context("the audit says that an erasure of this person was begun, in words that this version cannot read")?;
    Ok(Some(begun))
}

async fn record(
    store: &Store,
    action: &'static str,
    by: &str,
    act: &Act,
    detail: &serde_json::Value,
) -> anyhow::Result<()> {
    let row = AuditRow {
        time: now(),
        actor: by.to_owned(),
        action,
        object_kind: "subject".to_owned(),
        object: act.id.clone(),
        title: format!("erasure on {}", act.basis),
        detail: detail.to_string(),
        before: 0,
    };
    store.record_changes(&[row]).await?;
    Ok(())
}

fn say(rows: &SubjectRows, what: &str) {
    let lines = [
        ("events", rows.events),
        ("alerts", rows.alerts),
        ("actions on alerts", rows.alert_actions),
        ("steps of decisions", rows.decision_steps),
        ("dead letters", rows.dead_letters),
        ("snapshots of detectors", rows.snapshots),
    ];
    for (name, count) in lines {
        eprintln!("{count:>9} {name} {what}");
    }
}
