//! Parses the command line and calls it.

use std::process::ExitCode;

use clap::Parser;
use gatewatch::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gatewatch: {error:#}");
            cli::exit_code(&error)
        }
    }
}
