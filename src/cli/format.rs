//! What a flag can be set to: forms of output, colour, and what fails a scan.

use clap::{ColorChoice, ValueEnum};
use std::ffi::OsString;
use verifier::{Observer, Severity};

/// When text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is named in it.
    Json,
}

/// The form of the output of what has drawings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is named in it.
    Json,
    /// A page with drawings, for a browser.
    Html,
}

/// The form of the output of a review.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReviewFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is named in it.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// A page with drawings, for a browser.
    Html,
}

/// The form of the output of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people, as the images end.
    #[default]
    Text,
    /// For programs; the schema is named in it.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For a ticket.
    Markdown,
    /// A page with drawings, for a browser.
    Html,
}

/// What makes the exit status of a scan 1: an observer, what can happen at worst, or that
/// something is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Whoever executes the function: it does not return as it was called.
    Everybody,
    /// The runtime's asynchronous preemption: a crash in the garbage collector.
    AsyncPreemption,
    /// The frame-pointer unwinder: a crash in the execution tracer.
    FramePointer,
    /// A profiler's signal: a lost or wrong sample, or a crash.
    Profiler,
    /// A finding whose severity is crash, whoever observes it.
    Crash,
    /// A finding whose severity is hang: those of severity crash do not count.
    Hang,
    /// A finding whose severity is wrong-sample: graver ones do not count.
    WrongSample,
    /// A function that could not be decided, for whomever. If no observer and no severity
    /// is named, the default counts too.
    Undecided,
    /// Nothing that is not named.
    Never,
}

impl FailOn {
    /// What counts if nothing is named.
    pub const DEFAULT: [Self; 2] = [Self::AsyncPreemption, Self::Everybody];

    /// The observer that it is.
    #[must_use]
    pub const fn observer(self) -> Option<Observer> {
        match self {
            Self::Everybody => Some(Observer::Everybody),
            Self::AsyncPreemption => Some(Observer::AsyncPreemption),
            Self::FramePointer => Some(Observer::FramePointer),
            Self::Profiler => Some(Observer::Profiler),
            _ => None,
        }
    }

    /// The severity that it is.
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Crash => Some(Severity::Crash),
            Self::Hang => Some(Severity::Hang),
            Self::WrongSample => Some(Severity::WrongSample),
            _ => None,
        }
    }
}

/// What `--color` says on a command line that is not parsed yet: the help and the messages
/// about wrong usage obey it too. What is no value is left to the parser, which complains.
#[must_use]
pub fn color_of(line: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    let mut words = line.into_iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            _ if word == "--" => break,
            Some("") => words.next(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        let color = value.and_then(|value| Color::from_str(&value, false).ok());
        choice = color.map_or(choice, ColorChoice::from);
    }
    choice
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}
