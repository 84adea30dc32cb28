//! Parses the command line and calls it.

fn main() {}
