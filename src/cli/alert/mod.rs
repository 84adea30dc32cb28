//! `gatewatch alert …`: what people do to alerts.

mod list;
mod show;

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use super::register::{Place, beginning, block_on, filled, the_one};
use super::terminal;
use crate::alert::Alert;
use crate::notify::now;
use crate::response::{AUTOMATIC, Decision, Standing};
use crate::store::Store;
use crate::triage::{
    self, Action, Basis, CHECK, Deed, Draft, Narrowing, Seen, Verdict, is_of_rules,
};

/// Lists alerts, shows one, and puts on record what people do to them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch alert list --state new --level high\n  \
    gatewatch alert show 0b5f\n  \
    gatewatch alert acknowledge 0b5f --by 'Ivan Sidorov'\n  \
    gatewatch alert assign 0b5f --to 'Anna Petrova' --by 'Ivan Sidorov'\n  \
    gatewatch alert close 0b5f --as false --by 'Anna Petrova' 'load test of the partner, announced'\n  \
    gatewatch alert narrowings\n  \
    gatewatch alert reopen 0b5f --by 'Anna Petrova' 'was no load test after all'\n\n\
    An alert is named by its id or the beginning of it. A closed one comes back when it shows more than was seen: another rule, a higher level, ten times as many \
    events. One of statistics that was closed as false narrows what is told of that entity and feature, until it is opened again.\n\
    Exit codes: 0 done, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(ShowArgs),
    Acknowledge(Act),
    Assign(AssignArgs),
    Comment(CommentArgs),
    Close(CloseArgs),
    /// Opens a closed alert again, and ends what its verdict narrowed
    Reopen(CommentArgs),
    Narrowings(NarrowingsArgs),
}

/// Shows all that is known of an alert, and what was done to it
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// Id of the alert, or its beginning
    alert: String,
}

/// Says that somebody has seen an alert
#[derive(Debug, clap::Args)]
struct Act {
    #[command(flatten)]
    place: Place,
    /// Id of the alert, or its beginning
    alert: String,
    /// Who does it: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Says who is to work on an alert
#[derive(Debug, clap::Args)]
struct AssignArgs {
    #[command(flatten)]
    act: Act,
    /// Who
    #[arg(long, value_name = "NAME")]
    to: String,
}

/// Says something of an alert
#[derive(Debug, clap::Args)]
struct CommentArgs {
    #[command(flatten)]
    act: Act,
    /// What
    text: String,
}

/// Closes an alert, and says what it was found to be
#[derive(Debug, clap::Args)]
struct CloseArgs {
    #[command(flatten)]
    act: Act,
    /// What it was found to be
    #[arg(long = "as", value_enum, value_name = "VERDICT")]
    verdict: Verdict,
    /// Why
    text: String,
}

/// Lists what is narrowed since somebody called an alert false
#[derive(Debug, clap::Args)]
struct NarrowingsArgs {
    #[command(flatten)]
    place: Place,
}

/// Runs the command.
///
/// # Errors
/// No such alert, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    block_on(async {
        match &args.command {
            Command::List(args) => list::run(args).await,
            Command::Show(args) => show(args).await,
            Command::Acknowledge(act) => act.record(Deed::Acknowledge, "").await,
            Command::Assign(args) => {
                let to = filled(&args.to, "--to")?;
                args.act.record(Deed::Assign { to }, "").await
            }
            Command::Comment(args) => args.record(Deed::Comment).await,
            Command::Close(args) => close(args).await,
            Command::Reopen(args) => args.record(Deed::Reopen).await,
            Command::Narrowings(args) => narrowings(args).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Act {
    async fn record(&self, deed: Deed, comment: &str) -> anyhow::Result<()> {
        let store = self.place.store().await?;
        let alert = find(&store, &self.alert).await?;
        self.record_of(&store, &alert, deed, comment).await?;
        Ok(())
    }

    async fn record_of(
        &self,
        store: &Store,
        alert: &Alert,
        deed: Deed,
        comment: &str,
    ) -> anyhow::Result<Action> {
        let seen = Seen::of(alert);
        let mut actions = store.actions_of(alert.id).await?;
        let before = triage::state(&actions, seen);
        if !deed.fits(before) {
            let hint = if before.is_open() {
                ""
            } else {
                ": reopen it first"
            };
            bail!("alert {} is {}{hint}", alert.id, before.name());
        }
        let basis = Basis::of(&actions);
        let action = Action {
            alert: alert.id,
            time: basis.after(now()),
            actor: filled(&self.by, "--by")?,
            deed,
            comment: comment.to_owned(),
            seen,
        };
        let done = store.record_upon(&[(action.clone(), basis)]).await?;
        if done.is_empty() {
            bail!(
                "somebody else did something to alert {} at the same time: look at it again",
                alert.id
            );
        }
        actions.push(action.clone());
        let after = triage::state(&actions, seen);
        eprintln!("{}: {}", alert.id, after.name());
        Ok(action)
    }
}

impl CommentArgs {
    async fn record(&self, deed: Deed) -> anyhow::Result<()> {
        let text = filled(&self.text, "the text")?;
        self.act.record(deed, &text).await
    }
}

async fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let alert = find(&store, &args.alert).await?;
    let actions = store.actions_of(alert.id).await?;
    terminal::say(&show::whole(&alert, &actions))?;
    Ok(())
}

async fn close(args: &CloseArgs) -> anyhow::Result<()> {
    let text = filled(&args.text, "the text")?;
    let store = args.act.place.store().await?;
    let alert = find(&store, &args.act.alert).await?;
    let deed = Deed::Close(args.verdict);
    let closed = args.act.record_of(&store, &alert, deed, &text).await?;
    if args.verdict == Verdict::True {
        return Ok(());
    }
    for decision in blocks(&store, &alert).await? {
        eprintln!(
            "decision {} still blocks {} because of it: `gatewatch decision revoke` ends that",
            decision.id,
            terminal::escaped(&decision.proposal.target.value())
        );
    }
    if is_of_rules(&alert) {
        return except(&args.act.place, &alert, &closed);
    }
    let narrowing = Narrowing::of(&alert, &args.act.by, now());
    if let Some(narrowing) = narrowing.filter(|_| args.verdict == Verdict::False) {
        eprint!("{}", show::narrowing(&narrowing));
    }
    Ok(())
}

/// Shows an exception for the rules that raised an alert: they learn nothing of its verdict.
fn except(place: &Place, alert: &Alert, closed: &Action) -> anyhow::Result<()> {
    let draft = place.rules().map(|(settings, rules)| {
        let now = now();
        Draft::of(alert, closed, &rules, &settings, now)
    });
    match draft {
        Ok(Some(draft)) => {
            eprintln!(
                "rules learn nothing of this: where it will come again, put this into {} and run `{CHECK}`",
                terminal::escaped(&draft.file.display().to_string())
            );
            terminal::say(&draft.text)?;
        }
        Ok(None) => eprintln!(
            "rules learn nothing of this, and nothing tells it apart that they see: where it will come again, write an exception by hand (docs/rules.md)"
        ),
        Err(problem) => eprintln!(
            "rules learn nothing of this: where it will come again, write an exception (docs/rules.md); none is drafted, since the rules cannot be read here: {problem}"
        ),
    }
    Ok(())
}

/// What is blocked because of an alert since a person approved it; what the configuration let it block ends by itself.
async fn blocks(store: &Store, alert: &Alert) -> anyhow::Result<Vec<Decision>> {
    let now = now();
    let of_it = store.decisions_about(alert.id).await?.into_iter();
    let in_force = of_it.filter(|decision| decision.standing(now) == Standing::Approved);
    let approved = in_force.filter(|decision| {
        let last = decision.last_deed();
        last.is_some_and(|step| step.actor != AUTOMATIC)
    });
    Ok(approved.collect())
}

async fn narrowings(args: &NarrowingsArgs) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let decided = store.decided().await?;
    let text: String = decided.narrowings.iter().map(show::narrowing).collect();
    terminal::say(&text)?;
    Ok(())
}

/// The alert whose id begins so.
async fn find(store: &Store, text: &str) -> anyhow::Result<Alert> {
    let found = store.alerts_beginning(&beginning(text)?).await?;
    let hint = "`gatewatch alert list` shows them; its retention may be over";
    the_one(found, "alert", text, hint)
}
