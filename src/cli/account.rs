//! `gatewatch account …`: who may use the console.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::register::{Place, block_on, filled};
use super::terminal;
use crate::access::{self, Account, Role, Verifier, check_password};
use crate::console::first_password;
use crate::notify::now;
use crate::store::{AuditRow, Store};

/// Adds, lists, resets, disables and enables accounts of the console, and gives them roles
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gatewatch account add anna.petrova --role administrator --by 'Ivan Sidorov'\n  \
    gatewatch account add soc --role analyst --by 'Ivan Sidorov' --password-stdin < password\n  \
    gatewatch account list\n  \
    gatewatch account reset anna.petrova --by 'Ivan Sidorov'\n  \
    gatewatch account role soc --role responder --by 'Ivan Sidorov'\n  \
    gatewatch account disable soc --by 'Ivan Sidorov'\n\n\
    A first password is printed once and changed at the first sign-in. Administrators and data protection officers set up a second factor then.\n\
    Exit codes: 0 done, 2 wrong use or configuration, 3 a part is unreachable.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(AddArgs),
    List(ListArgs),
    /// Gives an account a new first password, takes its second factor away and ends its sessions
    Reset(Act),
    Role(RoleArgs),
    /// Lets nobody in with an account any more, and ends its sessions
    Disable(Act),
    /// Lets in with it again
    Enable(Act),
}

/// Adds an account
#[derive(Debug, clap::Args)]
struct AddArgs {
    #[command(flatten)]
    act: Act,
    /// What they may do
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Role,
    /// Read the first password from standard input instead of making one
    #[arg(long)]
    password_stdin: bool,
}

/// Gives an account another role, and ends its sessions
#[derive(Debug, clap::Args)]
struct RoleArgs {
    #[command(flatten)]
    act: Act,
    /// What they may do from then on
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Role,
}

/// Lists the accounts
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: Place,
}

/// Changes an account
#[derive(Debug, clap::Args)]
struct Act {
    #[command(flatten)]
    place: Place,
    /// Name of the account
    name: String,
    /// Who does it: name and post
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Runs the command.
///
/// # Errors
/// No such account, one that is there already, or ClickHouse cannot be reached or refuses.
pub fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        match &args.command {
            Command::Add(args) => add(args).await,
            Command::List(args) => list(args).await,
            Command::Reset(act) => reset(act).await,
            Command::Role(args) => give(args).await,
            Command::Disable(act) => switch(act, true).await,
            Command::Enable(act) => switch(act, false).await,
        }
    })
}

async fn add(args: &AddArgs) -> anyhow::Result<()> {
    let store = args.act.place.store().await?;
    let name = access::name(&args.act.name)?;
    if store.account(&name).await?.is_some() {
        bail!(
            "account {name} is there already: `gatewatch account reset` gives it a new first password"
        );
    }
    let password = if args.password_stdin {
        read_password(&name)?
    } else {
        first_password()
    };
    let hash = Verifier::default().hash(password.clone()).await?;
    let by = filled(&args.act.by, "--by")?;
    let account = Account::new(name, args.role, hash, &by, now());
    store.add_account(&account).await?;
    audit(&store, &account, &by, "added").await?;
    eprintln!("{}: added as {}", account.name, args.role.name());
    if !args.password_stdin {
        say_password(&password)?;
    }
    Ok(())
}

fn read_password(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .context("the password cannot be read from standard input")?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    check_password(&password, name)?;
    Ok(password)
}

/// The password is the answer of the command, and on no other line.
fn say_password(password: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        eprintln!("first password, shown once:");
    }
    terminal::say(&format!("{password}\n"))?;
    Ok(())
}

async fn found(store: &Store, name: &str) -> anyhow::Result<Account> {
    let account = store.account(&access::name(name)?).await?;
    account
        .with_context(|| format!("there is no account {name}: `gatewatch account list` shows them"))
}

async fn change(store: &Store, before: &Account, changed: &Account) -> anyhow::Result<()> {
    if !store.change_account(before, changed).await? {
        bail!(
            "account {} was changed by somebody else meanwhile: run the command again",
            changed.name
        );
    }
    Ok(())
}

async fn reset(act: &Act) -> anyhow::Result<()> {
    let store = act.place.store().await?;
    let account = found(&store, &act.name).await?;
    let by = filled(&act.by, "--by")?;
    let password = first_password();
    let now = now();
    let mut changed = account.changed(&by, now);
    changed.password = Verifier::default().hash(password.clone()).await?;
    changed.must_change = true;
    changed.second_factor = String::new();
    changed.recovery = Vec::new();
    changed.sessions_since = store.end_of_sessions(&account.name, now).await?;
    change(&store, &account, &changed).await?;
    audit(&store, &changed, &by, "reset").await?;
    if account.has_second_factor() {
        audit(&store, &changed, &by, "factor_reset").await?;
    }
    eprintln!("{}: reset", changed.name);
    say_password(&password)
}

async fn give(args: &RoleArgs) -> anyhow::Result<()> {
    let store = args.act.place.store().await?;
    let account = found(&store, &args.act.name).await?;
    let by = filled(&args.act.by, "--by")?;
    let now = now();
    let mut changed = account.changed(&by, now);
    changed.role = args.role;
    changed.sessions_since = store.end_of_sessions(&account.name, now).await?;
    change(&store, &account, &changed).await?;
    audit(&store, &changed, &by, "changed").await?;
    eprintln!("{}: {}", changed.name, changed.role.name());
    Ok(())
}

async fn switch(act: &Act, disabled: bool) -> anyhow::Result<()> {
    let store = act.place.store().await?;
    let account = found(&store, &act.name).await?;
    let by = filled(&act.by, "--by")?;
    let now = now();
    let mut changed = account.changed(&by, now);
    changed.disabled = disabled;
    changed.sessions_since = store.end_of_sessions(&account.name, now).await?;
    change(&store, &account, &changed).await?;
    let action = if disabled { "disabled" } else { "enabled" };
    audit(&store, &changed, &by, action).await?;
    eprintln!("{}: {action}", changed.name);
    Ok(())
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let store = args.place.store().await?;
    let mut text = String::new();
    for account in store.accounts().await? {
        let factor = match (
            account.has_second_factor(),
            account.role.needs_second_factor(),
        ) {
            (true, _) => "second factor",
            (false, true) => "no second factor yet",
            (false, false) => "",
        };
        let state = if account.disabled { "disabled" } else { "" };
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "{:<32}  {:<24}  {factor:<20}  {state}",
            account.name,
            account.role.name()
        );
    }
    terminal::say(&text)?;
    Ok(())
}

async fn audit(
    store: &Store,
    account: &Account,
    by: &str,
    action: &'static str,
) -> anyhow::Result<()> {
    let now = now();
    let row = AuditRow {
        time: now,
        actor: by.to_owned(),
        action,
        object_kind: "account".to_owned(),
        object: account.name.clone(),
        title: format!("account {} {action} on the command line", account.name),
        detail: serde_json::json!({ "role": account.role.name() }).to_string(),
        before: now.micros(),
    };
    Ok(store.record_changes(&[row]).await?)
}
