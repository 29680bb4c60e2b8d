//! The `midframe` command.

use clap::{CommandFactory as _, FromArgMatches as _};
use midframe::cli::{Arguments, color_of};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Help and usage errors end here, the latter with status 2. They are coloured as the
    // text of the subcommands is, so that is looked for first.
    let command = Arguments::command().color(color_of(std::env::args_os()));
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    midframe::run::run(&arguments).into()
}
