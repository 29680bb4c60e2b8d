//! `midframe budget`: the exit status is that of the worst function.

use super::{Outcome, Screen, print_json};
use crate::budget::measure_file;
use crate::cli::{Budget, Format};
use crate::report::{json, text};
use crate::settings;
use anyhow::{Context as _, Result};

/// Does what the arguments of `budget` say.
///
/// # Errors
/// On wrong usage, and when the file cannot be read or has no such function.
pub(super) fn run(arguments: &Budget, screen: Screen) -> Result<Outcome> {
    let bytes = settings::bytes(&arguments.bytes)?;
    settings::threads(arguments.jobs)?;
    let path = &arguments.path;
    let budget = measure_file(path, &arguments.functions, bytes)
        .with_context(|| path.display().to_string())?;
    match arguments.format {
        Format::Text => screen.print(&text::budget(&budget))?,
        Format::Json => print_json(&json::budget(&budget))?,
    }
    Ok(budget.verdict().into())
}
