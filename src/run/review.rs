//! `midframe review`: which sides, which output, and what the exit status is.

use super::{Outcome, Screen, print, print_json};
use crate::cli::{Review as Arguments, ReviewFormat};
use crate::progress::Progress;
use crate::report::{html, json, markdown, text};
use crate::review::{Request, Review, review_directories, review_files, review_policies};
use crate::settings;
use anyhow::{Context as _, Result, bail};
use lowering::Os;
use std::path::Path;

/// Does what the arguments of `review` say.
///
/// # Errors
/// On wrong usage, and when what is named cannot be read. A file in a directory that
/// cannot be read is an outcome.
pub(super) fn run(arguments: &Arguments, screen: Screen) -> Result<Outcome> {
    let sides = [&*arguments.old, &*arguments.new];
    settings::threads(arguments.jobs)?;
    let review = match arguments.policy {
        true => policies(sides, arguments)?,
        false => paths(sides, arguments)?,
    };
    for (path, error) in &review.errors {
        screen.complain(&format!("{}: {error}", path.display()));
    }
    match arguments.format {
        ReviewFormat::Text => screen.print(&text::review(&review, screen.width))?,
        ReviewFormat::Json => print_json(&json::review(&review))?,
        ReviewFormat::Markdown => print(&markdown::review(&review))?,
        ReviewFormat::Html => print(&html::review(&review))?,
    }
    Ok(outcome(&review))
}

fn policies(sides: [&Path; 2], arguments: &Arguments) -> Result<Review> {
    let [old, new] = sides.map(|side| side.display().to_string());
    let os = arguments.target.as_deref().map(settings::target).transpose()?;
    let request = Request {
        policies: [settings::policy(Some(&old))?, settings::policy(Some(&new))?],
        asked: [old, new],
        frames: settings::frames(arguments.frames.as_deref())?,
        check: settings::stack_check(arguments.nosplit),
        os: os.unwrap_or(Os::Linux),
        examples: usize::from(arguments.examples),
    };
    Ok(review_policies(&request, &Progress::on_terminal()))
}

fn paths(sides: [&Path; 2], arguments: &Arguments) -> Result<Review> {
    let progress = Progress::on_terminal();
    let examples = usize::from(arguments.examples);
    for side in sides {
        std::fs::metadata(side)
            .context("cannot be read")
            .with_context(|| side.display().to_string())?;
    }
    let [old, new] = sides;
    progress.begin(0);
    let review = match (old.is_dir(), new.is_dir()) {
        (true, true) => review_directories(sides, examples, &progress),
        (false, false) => review_files(sides, examples, &progress),
        (is_old, _) => {
            let (directory, file) = if is_old { (old, new) } else { (new, old) };
            let (directory, file) = (directory.display(), file.display());
            bail!("{directory} is a directory and {file} is not: expected two of the same kind")
        }
    };
    progress.end();
    review
}

/// What could not be read outranks what is worse. Where nothing was compared nothing
/// is known.
fn outcome(review: &Review) -> Outcome {
    if !review.errors.is_empty() {
        Outcome::Failed
    } else if review.is_worse() {
        Outcome::Refuted
    } else if review.compared() == 0 {
        Outcome::Undecided
    } else {
        Outcome::Clean
    }
}
