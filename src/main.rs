//! Parses the command line and calls it.

use std::process::ExitCode;

use clap::Parser;
use gatewatch::cli::{self, Cli};
use gatewatch::memory;

fn main() -> ExitCode {
    memory::return_large_buffers();
    match cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gatewatch: {error:#}");
            cli::exit_code(&error)
        }
    }
}
