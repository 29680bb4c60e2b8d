//! The `midframe` command.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Usage errors end here, with status 2.
    let arguments = midframe::cli::Arguments::parse();
    midframe::run::run(&arguments).into()
}
