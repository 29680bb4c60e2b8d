//! `midframe completions` and `midframe man`: what is made of the syntax of the command
//! line.

use super::{Outcome, print};
use crate::cli::{Arguments, Completions, Man};
use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man as Page;
use std::fs;

/// Writes what a shell needs.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn completions(arguments: &Completions) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "midframe", &mut script);
    print(&String::from_utf8(script).context("the script is not UTF-8")?)?;
    Ok(Outcome::Clean)
}

/// Writes the manual pages.
///
/// # Errors
/// When they cannot be written.
pub(super) fn man(arguments: &Man) -> Result<Outcome> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &arguments.directory else {
        print(&page(command)?)?;
        return Ok(Outcome::Clean);
    };
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let subcommands = command.get_subcommands().cloned().map(|subcommand| {
        let name = format!("midframe-{}", subcommand.get_name());
        // What stands behind the usage is what is typed, not the name of the page.
        let usage = format!("midframe {}", subcommand.get_name());
        (name.clone(), subcommand.display_name(name).bin_name(usage))
    });
    let pages: Vec<_> = subcommands.collect();
    for (name, command) in [("midframe".to_owned(), command)].into_iter().chain(pages) {
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page(command)?).with_context(|| path.display().to_string())?;
    }
    Ok(Outcome::Clean)
}

/// One page, in roff.
fn page(command: Command) -> Result<String> {
    let mut page = Vec::new();
    let page_of = Page::new(command).source(concat!("midframe ", env!("CARGO_PKG_VERSION")));
    page_of.render(&mut page).context("cannot make the page")?;
    String::from_utf8(page).context("the page is not UTF-8")
}
