//! The console of the demo: an account for whoever looks around, and how long its first page takes.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::parts::{Reply, binary};
use crate::stage::Stage;
use crate::visitor::Visitor;

/// Whose account it is.
pub const ACCOUNT: &str = "demo";
/// The password of `ACCOUNT`, of no worth outside the demo.
pub const PASSWORD: &str = "responder-secret";
/// What they may: triage and block. Administrators would need a second factor.
const ROLE: &str = "responder";
/// Times that the overview is asked for.
const TIMES: usize = 20;

/// Makes the account, signs in with it and asks for the overview again and again: the 95th percentile of what that
/// takes, in milliseconds.
///
/// # Errors
/// What answered otherwise than it has to, in words.
pub fn overview_p95(stage: &Stage) -> Result<f64, String> {
    let first = add_account(stage.config())?;
    let visitor = sign_in(stage.console_port(), &first)?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begin = Instant::now();
        let reply = visitor.get("/");
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
        expect(&reply, 200, "the overview")?;
    }
    times.sort_by(f64::total_cmp);
    // The nearest rank: nineteen of twenty took no longer.
    Ok(times[(TIMES * 95).div_ceil(100) - 1])
}

/// Adds the account as an administrator would; its first password.
fn add_account(config: &Path) -> Result<String, String> {
    let output = Command::new(binary())
        .args(["account", "add", ACCOUNT, "--role", ROLE, "--by", "demo"])
        .arg("--config")
        .arg(config)
        .output()
        .map_err(|error| format!("gatewatch account: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("gatewatch account: {}", said.trim()))
    }
}

/// Signs in for the first time, which means to change the password.
fn sign_in(port: u16, first: &str) -> Result<Visitor, String> {
    let mut visitor = Visitor::nobody(port);
    expect(&visitor.sign_in(ACCOUNT, first), 303, "signing in")?;
    visitor.read_signature("/account/password");
    let pairs = [("old", first), ("new", PASSWORD), ("again", PASSWORD)];
    let reply = visitor.post("/account/password", &pairs);
    expect(&reply, 303, "changing the password")?;
    visitor.keep(&reply);
    Ok(visitor)
}

fn expect(reply: &Reply, status: u16, what: &str) -> Result<(), String> {
    if reply.status == status {
        return Ok(());
    }
    Err(format!("{what} was answered with {}", reply.status))
}
