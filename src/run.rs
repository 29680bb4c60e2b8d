//! From parsed arguments to an exit status.

mod budget;
mod review;
mod scan;
mod screen;
mod shell;
mod snapshot;

use crate::cli::{
    Arguments, Command, Conform, Explain, FailOn, Format, Lower, PageFormat, Policies, Prove,
};
use crate::conform::{Conformed, conform_file};
use crate::progress::Progress;
use crate::report::{html, json, text};
use crate::{explain, lower, prove, settings};
use anyhow::{Context as _, Result, bail};
use lowering::{Frame, Kind, Policy};
use screen::Screen;
use serde::Serialize;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use verifier::{Observer, Verdict};

/// How a run ended, by the exit status that it has in every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: nothing is refuted.
    Clean,
    /// 1: a rule is refuted for an observer that counts.
    Refuted,
    /// 2: wrong usage, or something could not be read or written.
    Failed,
    /// 3: the run is complete, and something is undecided.
    Undecided,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Refuted => 1,
            Outcome::Failed => 2,
            Outcome::Undecided => 3,
        })
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            // Where nobody looks nothing is seen to go wrong.
            Verdict::NotObserved | Verdict::Proved => Self::Clean,
            Verdict::Undecided => Self::Undecided,
            Verdict::Refuted => Self::Refuted,
        }
    }
}

/// Does what the arguments say. Errors go to standard error.
#[must_use]
pub fn run(arguments: &Arguments) -> Outcome {
    let screen = Screen::new(arguments.color);
    let outcome = match &arguments.command {
        Command::Prove(arguments) => run_prove(arguments, screen),
        Command::Lower(arguments) => run_lower(arguments, screen),
        Command::Explain(arguments) => run_explain(arguments, screen),
        Command::Scan(arguments) => scan::run(arguments, screen),
        Command::Conform(arguments) => run_conform(arguments, screen),
        Command::Budget(arguments) => budget::run(arguments, screen),
        Command::Review(arguments) => review::run(arguments, screen),
        Command::Snapshot(arguments) => snapshot::run(&arguments.command, screen),
        Command::Policies(arguments) => run_policies(arguments, screen),
        Command::Completions(arguments) => shell::completions(arguments),
        Command::Man(arguments) => shell::man(arguments),
    };
    outcome.unwrap_or_else(|error| {
        screen.complain(&format!("{error:#}"));
        Outcome::Failed
    })
}

fn run_prove(arguments: &Prove, screen: Screen) -> Result<Outcome> {
    let request = prove::Request {
        policies: settings::policies(&arguments.policies)?,
        frames: settings::frames(arguments.frames.as_deref())?,
        check: settings::stack_check(arguments.nosplit),
        os: settings::target(&arguments.target)?,
    };
    settings::threads(arguments.jobs)?;
    let proof = prove::prove(&request, &Progress::on_terminal());
    match arguments.format {
        PageFormat::Text => screen.print(&text::prove(&proof))?,
        PageFormat::Json => print_json(&json::prove(&proof))?,
        PageFormat::Html => print(&html::prove(&request, &proof))?,
    }
    let verdicts = proof.theorems.iter().map(|theorem| theorem.tally.verdict());
    Ok(verdicts.max().map_or(Outcome::Clean, Outcome::from))
}

fn run_lower(arguments: &Lower, screen: Screen) -> Result<Outcome> {
    let frame = Frame {
        size: settings::frame_size(&arguments.frame)?,
        kind: if arguments.leaf { Kind::Leaf } else { Kind::NonLeaf },
        check: settings::stack_check(arguments.nosplit),
        os: settings::target(&arguments.target)?,
    };
    let policy = settings::policy(arguments.policy.as_deref())?;
    let asked = arguments.policy.as_deref().unwrap_or(policy.name);
    let listing = lower::list(frame, policy, asked);
    match arguments.format {
        Format::Text => screen.print(&text::lower(&listing))?,
        Format::Json => print_json(&json::lower(&listing))?,
    }
    Ok(counted(|observer| listing.verdict(observer)))
}

fn run_explain(arguments: &Explain, screen: Screen) -> Result<Outcome> {
    let place = arguments.boundary.as_deref().map(settings::place).transpose()?;
    let explained = match (&arguments.binary, &arguments.function, &arguments.frame) {
        (Some(path), Some(function), _) => explain::explain_binary(path, function, place)
            .with_context(|| path.display().to_string())?,
        (_, _, Some(frame)) => {
            let frame = Frame {
                size: settings::frame_size(frame)?,
                kind: if arguments.leaf { Kind::Leaf } else { Kind::NonLeaf },
                check: settings::stack_check(arguments.nosplit),
                os: settings::target(&arguments.target)?,
            };
            let policy = settings::policy(arguments.policy.as_deref())?;
            let asked = arguments.policy.as_deref().unwrap_or(policy.name);
            explain::explain_frame(frame, &policy, asked, place)?
        }
        _ => bail!("there is nothing to explain: expected --frame, or BINARY FUNCTION"),
    };
    match arguments.format {
        PageFormat::Text => screen.print(&text::explain(&explained))?,
        PageFormat::Json => print_json(&json::explain(&explained))?,
        PageFormat::Html => print(&html::explain(&explained))?,
    }
    Ok(counted(|observer| explained.story.verdict(observer)))
}

/// The outcome for the observers that count where none is named.
fn counted(verdict: impl Fn(Observer) -> Verdict) -> Outcome {
    let observers = FailOn::DEFAULT.into_iter().filter_map(FailOn::observer);
    observers.map(verdict).max().unwrap_or(Verdict::Undecided).into()
}

fn run_conform(arguments: &Conform, screen: Screen) -> Result<Outcome> {
    settings::threads(arguments.jobs)?;
    let path = &arguments.path;
    let conformed = conform_file(path).with_context(|| path.display().to_string())?;
    match arguments.format {
        Format::Text => screen.print(&text::conform(&conformed))?,
        Format::Json => print_json(&json::conform(&conformed))?,
    }
    Ok(conform_outcome(&conformed))
}

/// What is not explained is a refutation of every policy; where nothing could be
/// compared, or not everything, the question is open.
fn conform_outcome(conformed: &Conformed) -> Outcome {
    let survey = &conformed.survey;
    if conformed.unexplained() > 0 {
        Outcome::Refuted
    } else if survey.pieces.is_empty() || survey.unreadable.0 > 0 {
        Outcome::Undecided
    } else {
        Outcome::Clean
    }
}

fn run_policies(arguments: &Policies, screen: Screen) -> Result<Outcome> {
    match arguments.format {
        Format::Text => screen.print(&text::policies(&Policy::BUILT_IN))?,
        Format::Json => print_json(&json::policies(&Policy::BUILT_IN))?,
    }
    Ok(Outcome::Clean)
}

fn print_json(document: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(document).context("cannot write JSON")?;
    text.push('\n');
    print(&text)
}

/// Writes a document to standard output, which is never coloured.
fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    written(output.write_all(text.as_bytes()).and_then(|()| output.flush()))
}

/// What became of writing to standard output. A reader that went away early has seen
/// what it wanted: the outcome stands.
fn written(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}
