//! `gatewatch decision …`: what is to be blocked, and who decides.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::register::{Place, beginning, block_on, filled, the_one};
use super::terminal::{self, Paint, escaped};
use crate::config::Config;
use crate::event::Timestamp;
use crate::notify::now;
use crate::response::{
    self, AllowList, Decision, LONGEST_MINUTES, Standing, Step, Target, WIDEST_V4, WIDEST_V6, What,
};
use crate::store::{DecisionFilter, Store};

const MINUTE_US: i64 = 60_000_000;

/// Lists decisions to block, makes one, approves, rejects and revokes them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch decision list\n  \
    gatewatch decision list --value 192.0.2. --all\n  \
    gatewatch decision approve 7c21 --minutes 60 --by 'Anna Petrova' 'scans for an hour already'\n  \
    gatewatch decision block ip 192.0.2.7 --minutes 240 --by 'Anna Petrova' 'scan of plates'\n  \
    gatewatch decision revoke 7c21 --by 'Anna Petrova' 'was the load test of the partner'\n\n\
    What is approved is published within seconds, by CrowdSec's bouncer API and as /blocklist.txt (section response of the configuration), until it ends or is\n\
    revoked. The allow-list of the configuration always wins.\n\
    Exit codes: 0 done, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
    Block(BlockArgs),
    Approve(ApproveArgs),
    /// Says that a proposed decision will not be taken
    Reject(Act),
    /// Ends a decision that is in force
    Revoke(Act),
}

/// Lists what waits for a person and what is in force
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
    /// Those alone that have this in the address, network or id
    #[arg(long, value_name = "TEXT", default_value = "")]
    value: String,
    /// Those alone that block this
    #[arg(long, value_enum)]
    scope: Option<Scope>,
    /// So many, the newest
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    limit: u32,
}

/// What is blocked.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Scope {
    /// An address
    Ip,
    /// A network, as 192.0.2.0/24
    Range,
    /// A client, by its id
    Client,
    /// A subject, by its pseudonym
    Subject,
    /// A token, by its pseudonym
    Token,
}

impl Scope {
    const fn name(self) -> &'static str {
        match self {
            Scope::Ip => "ip",
            Scope::Range => "range",
            Scope::Client => "client",
            Scope::Subject => "subject",
            Scope::Token => "token",
        }
    }
}

/// Makes a decision, in force at once
#[derive(Debug, clap::Args)]
struct BlockArgs {
    #[command(flatten)]
    place: Place,
    /// What it is
    #[arg(value_enum)]
    scope: Scope,
    /// Which one
    value: String,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST_MINUTES)))]
    minutes: u32,
    /// Who decides: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    reason: String,
}

/// Puts a proposed decision in force, from now on
#[derive(Debug, clap::Args)]
struct ApproveArgs {
    #[command(flatten)]
    act: Act,
    /// How long; as the configuration has it (response.minutes) without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST_MINUTES)))]
    minutes: Option<u32>,
}

/// Says what becomes of a decision
#[derive(Debug, clap::Args)]
struct Act {
    #[command(flatten)]
    place: Place,
    /// Id of the decision, or its beginning
    decision: String,
    /// Who decides: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    reason: String,
}

/// Runs the command.
///
/// # Errors
/// No such decision, one that cannot be taken, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        match &args.command {
            Command::List(args) => list(args).await,
            Command::Block(args) => block(args).await,
            Command::Approve(args) => args.record().await,
            Command::Reject(act) => act.record(|_, _| What::Rejected).await,
            Command::Revoke(act) => act.record(|_, _| What::Revoked).await,
        }
    })
}

impl ApproveArgs {
    async fn record(&self) -> anyhow::Result<()> {
        let approved = |config: &Config, now: Timestamp| {
            let minutes = self.minutes.unwrap_or(config.response.minutes.max(1));
            let until = now.plus_micros(i64::from(minutes) * MINUTE_US);
            What::Approved { until: Some(until) }
        };
        self.act.record(approved).await
    }
}

impl Act {
    /// Adds a step to a decision, where it follows from how that stands.
    async fn record(&self, what: impl FnOnce(&Config, Timestamp) -> What) -> anyhow::Result<()> {
        let (config, store) = self.place.open().await?;
        let now = now();
        let what = what(&config, now);
        let decision = find(&store, &self.decision).await?;
        if let Some(wanted) = what.follows()
            && !decision.takes(&what, now)
        {
            bail!(
                "decision {} is {}, and only what is {} can be {}",
                decision.id,
                decision.standing(now).name(),
                wanted.name(),
                what.name()
            );
        }
        if matches!(what, What::Approved { .. }) {
            warn_of_allowed(&config, &decision.proposal.target)?;
        }
        let step = Step {
            decision: decision.id,
            time: now,
            actor: filled(&self.by, "--by")?,
            what,
            reason: filled(&self.reason, "the reason")?,
        };
        let said = step.what.name();
        store.record_decisions(&[step]).await?;
        eprintln!("{}: {said}", decision.id);
        Ok(())
    }
}

fn warn_of_allowed(config: &Config, target: &Target) -> anyhow::Result<()> {
    if AllowList::parse(&config.response.allow)?.covers(target) {
        bail!(
            "{} {} is on the allow-list (response.allow), which always wins",
            target.scope(),
            escaped(&target.value())
        );
    }
    Ok(())
}

async fn block(args: &BlockArgs) -> anyhow::Result<()> {
    let target = Target::parse(args.scope.name(), args.value.trim());
    let target = target.with_context(|| format!("{:?} is no {}", args.value, args.scope.name()))?;
    if target.is_too_wide() {
        bail!(
            "{} is too wide: the widest network that can be blocked is /{WIDEST_V4}, of IPv6 /{WIDEST_V6}",
            target.value()
        );
    }
    let (config, store) = args.place.open().await?;
    warn_of_allowed(&config, &target)?;
    let (now, actor) = (now(), filled(&args.by, "--by")?);
    let reason = filled(&args.reason, "the reason")?;
    let lasts = i64::from(args.minutes) * MINUTE_US;
    let steps = response::blocked(target, lasts, &actor, &reason, now);
    let decision = steps[0].decision;
    store.record_decisions(&steps).await?;
    eprintln!("{decision}: approved");
    Ok(())
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let (config, store) = args.place.open().await?;
    let now = now();
    let live = [Standing::Proposed, Standing::Approved];
    let filter = DecisionFilter {
        value: args.value.clone(),
        scope: args.scope.map_or("", Scope::name).to_owned(),
        standings: if args.all { Vec::new() } else { live.into() },
        before: None,
        limit: args.limit,
    };
    let decisions = store.list_decisions(&filter, now).await?;
    let allow = AllowList::parse(&config.response.allow)?;
    let paint = Paint::of_stdout();
    let mut text = String::new();
    // The newest stand next to the prompt.
    for decision in decisions.iter().rev() {
        // Writing into a string does not fail.
        let _ = line(&mut text, decision, now, &allow, paint);
    }
    terminal::say(&text)?;
    if decisions.len() >= args.limit as usize {
        eprintln!("there may be more: say --limit, --value or --scope");
    }
    Ok(())
}

fn line(
    text: &mut String,
    decision: &Decision,
    now: Timestamp,
    allow: &AllowList,
    paint: Paint,
) -> std::fmt::Result {
    let (proposal, standing) = (&decision.proposal, decision.standing(now));
    let name = format!("{:<8}", standing.name());
    let name = match standing {
        Standing::Proposed => paint.warn(&name),
        Standing::Approved if allow.covers(&proposal.target) => paint.faint("allowed "),
        Standing::Approved => paint.bad(&name),
        _ => paint.faint(&name),
    };
    let left = decision.until().since(now).max(0) / MINUTE_US;
    let last = decision.last_deed();
    let renewed = match decision.renewals().count() {
        0 => String::new(),
        times => format!(", renewed {times} times"),
    };
    writeln!(
        text,
        "{}  {name}  {} {}  {left} min left{renewed}  {}: {}  by {}",
        decision.id,
        proposal.target.scope(),
        escaped(&proposal.target.value()),
        escaped(&proposal.family),
        last.map_or_else(String::new, |step| escaped(&step.reason)),
        last.map_or_else(String::new, |step| escaped(&step.actor)),
    )
}

/// The decision whose id begins so.
async fn find(store: &Store, text: &str) -> anyhow::Result<Decision> {
    let wanted = beginning(text)?;
    let found = store.decisions_beginning(&wanted).await?;
    let hint = "`gatewatch decision list --all` shows them";
    the_one(found, "decision", text, hint)
}
