//! `midframe snapshot`: which files, what is told of them, and what the exit status is.

use super::{Outcome, Screen};
use crate::cli::{SnapshotCheck, SnapshotCommand, SnapshotUpdate};
use crate::report::text::{Tone, difference, paint, printable};
use crate::snapshot::{Problem, Snapshot, names};
use anyhow::{Result, bail};
use core::fmt::Write as _;
use std::path::Path;

/// Does what the arguments of `snapshot` say.
///
/// # Errors
/// On wrong usage, and when the directory cannot be read. A file that cannot be read is an
/// outcome.
pub(super) fn run(command: &SnapshotCommand, screen: Screen) -> Result<Outcome> {
    match command {
        SnapshotCommand::Check(arguments) => check(arguments, screen),
        SnapshotCommand::Update(arguments) => update(arguments, screen),
    }
}

/// What is said of a file that needs nothing.
const AS_ACCEPTED: &str = "as accepted";

/// The exit status of what became of several files: what could not be read outranks what
/// is not as it should be.
struct Tally {
    failed: bool,
    refused: bool,
}

impl Tally {
    const fn outcome(&self) -> Outcome {
        match (self.failed, self.refused) {
            (true, _) => Outcome::Failed,
            (_, true) => Outcome::Refuted,
            _ => Outcome::Clean,
        }
    }
}

fn check(arguments: &SnapshotCheck, screen: Screen) -> Result<Outcome> {
    let directory = &arguments.directory;
    let (mut text, mut tally) = (String::new(), Tally { failed: false, refused: false });
    for name in names(directory, &arguments.only)? {
        let Some(snapshot) = read(directory, &name, screen, &mut tally) else { continue };
        let problems = snapshot.problems();
        tally.refused |= problems.iter().any(Problem::fails);
        let shown = name.display().to_string();
        let shown = printable(&shown);
        if problems.is_empty() {
            let _ = writeln!(text, "{shown}: {}", paint(Tone::Good, AS_ACCEPTED));
        }
        for problem in &problems {
            let tone = if problem.fails() { Tone::Bad } else { Tone::Open };
            let _ = writeln!(text, "{shown}: {}", paint(tone, problem.message()));
        }
        text.push_str(&difference(&snapshot.difference()));
        if let Some(command) = accept(directory, &name, &problems) {
            let _ = writeln!(text, "{command}");
        }
    }
    screen.print(&text)?;
    Ok(tally.outcome())
}

/// How to accept what is there now, if that can be accepted.
fn accept(directory: &Path, name: &Path, problems: &[Problem]) -> Option<String> {
    if problems.contains(&Problem::Stale) {
        return Some("nothing is left to accept: delete the file, or mend its pattern".to_owned());
    }
    let changes = |problem: &Problem| {
        matches!(problem, Problem::Differs | Problem::New | Problem::Rebase(..))
    };
    if !problems.iter().any(changes) {
        return None;
    }
    let rebases = problems.iter().any(|problem| matches!(problem, Problem::Rebase(..)));
    let rebase = if rebases { " --rebase" } else { "" };
    let [directory, name] = [directory, name].map(quoted);
    let waivers = problems.iter().any(|problem| matches!(problem, Problem::Unwaived(_)));
    let first = if waivers { "a waiver in the header, and " } else { "" };
    Some(format!(
        "to accept after a review of the difference: {first}midframe snapshot update {directory} \
         --only {name}{rebase}"
    ))
}

/// A path as a word for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_alphanumeric() || "/._-+,@%".contains(character);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", printable(&text).replace('\'', r"'\''"))
    }
}

fn update(arguments: &SnapshotUpdate, screen: Screen) -> Result<Outcome> {
    if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        bail!("CI is set: snapshots are accepted by people, where they can be reviewed");
    }
    let directory = &arguments.directory;
    let (mut text, mut tally) = (String::new(), Tally { failed: false, refused: false });
    for name in names(directory, &arguments.only)? {
        let Some(snapshot) = read(directory, &name, screen, &mut tally) else { continue };
        let shown = name.display().to_string();
        let shown = printable(&shown);
        let problems = snapshot.problems();
        let refused = |problem: &&Problem| match problem {
            Problem::Unwaived(_) | Problem::Stale => true,
            Problem::Rebase(..) => !arguments.rebase,
            _ => false,
        };
        let reasons: Vec<_> = problems.iter().filter(refused).collect();
        let mut reasons = reasons.into_iter().peekable();
        let is_current = problems.iter().all(|problem| matches!(problem, Problem::IdleWaiver(_)));
        if reasons.peek().is_some() {
            tally.refused = true;
            for reason in reasons {
                let message = reason.message();
                let rebase = match reason {
                    Problem::Rebase(..) => ": --rebase accepts that",
                    _ => "",
                };
                let refused = paint(Tone::Bad, "refused");
                let _ = writeln!(text, "{shown}: {refused}: {message}{rebase}");
            }
        } else if is_current {
            let _ = writeln!(text, "{shown}: {}", paint(Tone::Good, AS_ACCEPTED));
        } else {
            match snapshot.write() {
                Ok(()) => {
                    let _ = writeln!(text, "{shown}: {}", paint(Tone::Good, "accepted"));
                }
                Err(error) => {
                    screen.complain(&format!("{}: {error:#}", snapshot.path.display()));
                    tally.failed = true;
                }
            }
        }
    }
    screen.print(&text)?;
    Ok(tally.outcome())
}

/// Reads a file, or complains.
fn read(directory: &Path, name: &Path, screen: Screen, tally: &mut Tally) -> Option<Snapshot> {
    match Snapshot::read(directory, name) {
        Ok(snapshot) => Some(snapshot),
        Err(error) => {
            screen.complain(&format!("{}: {error:#}", directory.join(name).display()));
            tally.failed = true;
            None
        }
    }
}
