//! `gatewatch incident …`: personal-data incidents, for those who have to tell the authority.

mod declare;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use uuid::Uuid;

use super::register::{Place, beginning, block_on, filled, the_one, time};
use super::terminal;
use crate::event::Timestamp;
use crate::incident::{About, Clock, Incident, Operator, Step, What, notice};
use crate::notify::now;
use crate::store::Store;

/// Declares alerts personal-data incidents, keeps their record and their clocks, drafts the notices
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch incident declare 0b5f… --by 'Anna Petrova, DPO' --category 'contact details of residents'\n  \
    gatewatch incident list\n  \
    gatewatch incident say 7c21 --by 'Anna Petrova' --about cause 'a stolen key of the partner'\n  \
    gatewatch incident notice 7c21 --clock 152-fz-24h --operator 'PropDevelopment' --output notice.html\n  \
    gatewatch incident notified 7c21 --by 'Anna Petrova' --clock 152-fz-24h --reference 'RKN 12345'\n  \
    gatewatch incident close 7c21 --by 'Anna Petrova' 'key revoked, residents told'\n\n\
    An incident is named by the beginning of its id. While the service runs, the recipients of mail.recipients are reminded of each clock.\n\
    Exit codes: 0 done, 1 a clock has run out (list), 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Declare(declare::Args),
    List(ListArgs),
    Show(ShowArgs),
    Say(SayArgs),
    Notice(NoticeArgs),
    Notified(NotifiedArgs),
    Close(CloseArgs),
}

/// Which incident, and who does something.
#[derive(Debug, clap::Args)]
struct Act {
    #[command(flatten)]
    place: Place,
    /// Id of the incident, or its beginning
    incident: String,
    /// Who does it: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Lists the open incidents and how their clocks stand
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Closed ones too
    #[arg(long)]
    all: bool,
}

/// Shows all that is on record of an incident
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// Id of the incident, or its beginning
    incident: String,
}

/// Puts on record what became known
#[derive(Debug, clap::Args)]
struct SayArgs {
    #[command(flatten)]
    act: Act,
    /// What it is about
    #[arg(long, value_enum, default_value_t = About::Note)]
    about: About,
    /// What became known
    text: String,
}

/// Writes the draft of a notice to the authority, in Russian (HTML that prints on A4)
#[derive(Debug, clap::Args)]
struct NoticeArgs {
    #[command(flatten)]
    place: Place,
    /// Id of the incident, or its beginning
    incident: String,
    /// By which duty
    #[arg(long, value_enum, default_value_t = Clock::First)]
    clock: Clock,
    /// Name of the operator (152-FZ) or controller (GDPR)
    #[arg(long, value_name = "NAME", default_value = "PropDevelopment")]
    operator: String,
    /// Its taxpayer number
    #[arg(long, value_name = "INN", default_value = "")]
    taxpayer: String,
    /// Its address
    #[arg(long, value_name = "TEXT", default_value = "")]
    address: String,
    /// Who talks to the authority: name, telephone, mail
    #[arg(long, value_name = "TEXT", default_value = "")]
    contact: String,
    /// File to write; standard output without it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Puts on record that an authority was told: nobody is reminded of that clock any more
#[derive(Debug, clap::Args)]
struct NotifiedArgs {
    #[command(flatten)]
    act: Act,
    /// Which duty was done
    #[arg(long, value_enum)]
    clock: Clock,
    /// Number of the notice, or how it was sent
    #[arg(long, value_name = "TEXT")]
    reference: String,
    /// When (RFC 3339); now without it
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
}

/// Closes an incident: all that is to be done was done
#[derive(Debug, clap::Args)]
struct CloseArgs {
    #[command(flatten)]
    act: Act,
    /// Close it although a duty is open, as when the authority need not be told
    #[arg(long)]
    open_duties: bool,
    /// With what result
    text: String,
}

/// Runs the command.
///
/// # Errors
/// No such alert or incident, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    block_on(async {
        match &args.command {
            Command::Declare(args) => declare::run(args).await?,
            Command::List(args) => return list(args).await,
            Command::Show(args) => show(args).await?,
            Command::Say(args) => say(args).await?,
            Command::Notice(args) => draft(args).await?,
            Command::Notified(args) => notified(args).await?,
            Command::Close(args) => close(args).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

impl Act {
    /// Adds a step to an incident; gives the incident as it was before.
    async fn record(
        &self,
        check: impl FnOnce(&Incident) -> anyhow::Result<What>,
    ) -> anyhow::Result<Incident> {
        let actor = filled(&self.by, "--by")?;
        let store = self.place.store().await?;
        let incident = find(&store, &self.incident).await?;
        if let Some((at, _)) = incident.closed() {
            bail!("incident {} was closed at {at}", incident.id);
        }
        let what = check(&incident)?;
        let step = Step {
            incident: incident.id,
            time: now(),
            actor,
            what,
        };
        store.record_step(&step).await?;
        Ok(incident)
    }
}

/// The incident whose id begins so.
async fn find(store: &Store, text: &str) -> anyhow::Result<Incident> {
    let wanted = beginning(text)?;
    let incidents = store.incidents().await?.into_iter();
    let found = incidents.filter(|incident| incident.id.to_string().starts_with(&wanted));
    let hint = "`gatewatch incident list --all` shows them, `declare` makes one of an alert";
    the_one(found, "incident", text, hint)
}

async fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let store = args.place.store().await?;
    let now = now();
    let mut late = false;
    let mut text = String::new();
    for incident in store.incidents().await? {
        let is_open = incident.closed().is_none();
        if args.all || is_open {
            text.push_str(&show::line(&incident, now));
            let mut clocks = incident.clocks();
            late |= is_open && clocks.any(|(_, state)| state.told.is_none() && state.due <= now);
        }
    }
    terminal::say(&text)?;
    Ok(ExitCode::from(u8::from(late)))
}

async fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let incident = find(&store, &args.incident).await?;
    terminal::say(&show::whole(&incident, now()))?;
    Ok(())
}

async fn say(args: &SayArgs) -> anyhow::Result<()> {
    let text = filled(&args.text, "the text")?;
    let about = args.about;
    args.act.record(|_| Ok(What::Said { about, text })).await?;
    Ok(())
}

async fn notified(args: &NotifiedArgs) -> anyhow::Result<()> {
    let reference = filled(&args.reference, "--reference")?;
    let at = args.at.unwrap_or_else(now);
    let clock = args.clock;
    if at > now() {
        bail!("--at {at} is in the future");
    }
    let incident = args
        .act
        .record(|incident| {
            match incident.clocks().find(|(which, _)| *which == clock) {
                None => bail!("the incident was declared without {}", clock.name()),
                Some((_, state)) if state.told.is_some() => {
                    bail!("{} is done already", clock.name())
                }
                Some(_) if at < incident.declared.detected => {
                    bail!("--at {at} is before the incident was detected")
                }
                Some(_) => {}
            }
            Ok(What::Notified {
                clock,
                at,
                reference,
            })
        })
        .await?;
    let due = incident.declared.detected.plus_micros(clock.micros());
    let when = if at <= due { "in time" } else { "late" };
    eprintln!("{}: {when}, due was {due}", clock.name());
    Ok(())
}

async fn close(args: &CloseArgs) -> anyhow::Result<()> {
    let text = filled(&args.text, "the text")?;
    let open_duties = args.open_duties;
    args.act
        .record(|incident| {
            let open: Vec<&str> = incident
                .clocks()
                .filter(|(_, state)| state.told.is_none())
                .map(|(clock, _)| clock.name())
                .collect();
            if !open.is_empty() && !open_duties {
                bail!(
                    "nobody was told yet by {}: record it with `notified`, or say --open-duties when the law does not ask for it here",
                    open.join(", ")
                );
            }
            Ok(What::Closed { text })
        })
        .await?;
    Ok(())
}

async fn draft(args: &NoticeArgs) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let incident = find(&store, &args.incident).await?;
    let operator = Operator {
        name: args.operator.clone(),
        taxpayer: args.taxpayer.clone(),
        address: args.address.clone(),
        contact: args.contact.clone(),
    };
    let html = notice(&incident, args.clock, &operator, now());
    match &args.output {
        Some(path) => {
            std::fs::write(path, html)
                .with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("{}", path.display());
        }
        None => terminal::say(&html)?,
    }
    Ok(())
}

fn id(text: &str) -> Result<Uuid, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not the id of an alert, which has 36 characters"))
}
