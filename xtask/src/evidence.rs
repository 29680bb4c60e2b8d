//! `cargo xtask evidence`: the claims of this project, each made to happen. An
//! experiment builds what it needs with real toolchains, runs it under an emulator or
//! scans it, and holds what it observes against what is claimed. Nothing is run a
//! second time because it came out otherwise.
//!
//! [`crash`] has the programs that die or survive, [`library`] the library that was
//! blamed, [`observers`] (with [`profile`]) the tracer and the profiler, [`proposal`] the
//! changed compiler; [`program`] and [`trial`] build and run,
//! [`bounded`] runs commands, [`report`] is what comes out.

pub mod bounded;
pub mod crash;
pub mod library;
pub mod observers;
pub mod profile;
pub mod program;
pub mod proposal;
pub mod report;
pub mod trial;

use anyhow::{Result, bail};
use core::fmt;
pub use report::{Report, Row};
use std::time::Instant;

/// What is to be shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// The experiments, by number; those of the form for none.
    pub experiments: Vec<u8>,
    /// A few minutes instead of all: one case of each claim.
    pub is_short: bool,
    /// The date of the records, if there are to be some.
    pub date: Option<String>,
}

/// An experiment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Experiment {
    /// The reported crash, before the fix and after it.
    Reported,
    /// The crash of a leaf, which is not fixed.
    Leaf,
    /// Frames that one instruction pops, and nobody preempted.
    Controls,
    /// The library that was blamed.
    Library,
    /// The tracer and the profiler.
    Observers,
    /// The policy `complete` in the real compiler.
    Proposal,
}

impl Experiment {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Reported,
        Self::Leaf,
        Self::Controls,
        Self::Library,
        Self::Observers,
        Self::Proposal,
    ];

    /// Those that have a short form.
    pub const SHORT: [Self; 3] = [Self::Reported, Self::Leaf, Self::Library];

    /// The number in RFCs and arguments.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Reported => 1,
            Self::Leaf => 2,
            Self::Controls => 3,
            Self::Library => 4,
            Self::Observers => 5,
            Self::Proposal => 6,
        }
    }

    /// A heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Reported => "the reported crash",
            Self::Leaf => "the crash of a leaf",
            Self::Controls => "controls",
            Self::Library => "the library that was blamed",
            Self::Observers => "the other observers",
            Self::Proposal => "the proposal in the real compiler",
        }
    }

    /// What is claimed, in a sentence or two.
    #[must_use]
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Reported => {
                "A function that makes calls, with a frame of 65616 bytes, is called in a loop while \
                 another goroutine collects. Programs of releases before the fix die; those of \
                 later ones survive."
            }
            Self::Leaf => {
                "The same with a function that makes no calls. Programs of every release die, up to \
                 go1.27.3: the fix does not concern leaves."
            }
            Self::Controls => {
                "Frames that one instruction pops survive, on both sides of every threshold, 4096 \
                 bytes among them; the first frame that takes two ADDs has 65552 bytes, and dies. \
                 Where nobody is preempted asynchronously, the same code survives."
            }
            Self::Library => {
                "A scan of netlink's Receive names the boundary of the core dumps if go1.24.3 built \
                 it, and is clean if go1.24.11 did, from one source."
            }
            Self::Observers => {
                "While an execution trace is taken, a leaf whose R29 takes two ADDs is fatal: the \
                 tracer follows a local variable as a frame pointer. Where the stack holds zeros \
                 there, the program survives. A profiler's signal at a mid-frame boundary in assembly loses all callers, and does no more harm."
            }
            Self::Proposal => {
                "The sources of go1.27.3 with the lowering of complete: what died survives, every \
                 prologue and epilogue is as the model predicts and nothing is refuted for whoever \
                 collects, Go's own tests pass, and only functions with large frames change their \
                 length."
            }
        }
    }

    fn run(self, is_short: bool, report: &mut Report) -> Result<()> {
        match self {
            Self::Reported => crash::run(&crash::REPORTED_CRASH, is_short, report),
            Self::Leaf => {
                crash::run(&crash::LEAF_CRASH, is_short, report)?;
                if is_short { Ok(()) } else { crash::run_reported(report) }
            }
            Self::Controls => crash::run(&crash::CONTROLS, is_short, report),
            Self::Library => library::run(report),
            Self::Observers => observers::run(report),
            Self::Proposal => proposal::run(report),
        }
    }
}

/// What became of a case, claimed or observed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The runtime ended the program because it could not unwind a stack.
    Dies,
    /// The program came to its end.
    Survives,
    /// The scan names the boundary that is claimed and no other.
    Named,
    /// The scan finds nothing.
    Clean,
    /// Samples have no callers where a boundary is mid-frame, and have them elsewhere.
    Lost,
    /// Every sample has its callers.
    Kept,
    /// It is as it is said to be.
    Holds,
    /// It did not end in its time.
    TimesOut,
    /// Anything else.
    Fails,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dies => "dies",
            Self::Survives => "survives",
            Self::Named => "named",
            Self::Clean => "clean",
            Self::Lost => "callers lost",
            Self::Kept => "callers kept",
            Self::Holds => "holds",
            Self::TimesOut => "timed out",
            Self::Fails => "failed",
        })
    }
}

/// Runs the experiments, one after the other, and prints and records each as it ends.
///
/// # Errors
/// When a number is of no experiment or a date is none, or something cannot be had.
pub fn gather(options: &Options) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let date = options.date.as_deref().map(report::check).transpose()?;
    for experiment in experiments(options)? {
        let started = Instant::now();
        let mut report = Report::new(experiment, options.is_short);
        experiment.run(options.is_short, &mut report)?;
        report.seconds = started.elapsed().as_secs_f64();
        println!("{report}");
        if let Some(date) = date {
            println!("{}", report.record(date)?.display());
        }
        reports.push(report);
    }
    Ok(reports)
}

fn experiments(options: &Options) -> Result<Vec<Experiment>> {
    let known = if options.is_short { &Experiment::SHORT[..] } else { &Experiment::ALL };
    if options.experiments.is_empty() {
        return Ok(known.to_vec());
    }
    let find = |&number: &u8| match known.iter().find(|known| known.number() == number) {
        Some(experiment) => Ok(*experiment),
        None => {
            let numbers: Vec<_> = known.iter().map(|known| known.number().to_string()).collect();
            let form = if options.is_short { " with a short form" } else { "" };
            bail!("{number} is no experiment{form}: expected one of {}", numbers.join(", "))
        }
    };
    options.experiments.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::{Experiment, Options, experiments};

    #[test]
    fn numbers_select_experiments_and_an_unknown_one_is_an_error() {
        let select = |numbers: &[u8], is_short| {
            experiments(&Options { experiments: numbers.to_vec(), is_short, date: None })
        };
        assert_eq!(select(&[], false).expect("all").len(), Experiment::ALL.len());
        assert_eq!(select(&[4, 2], false).expect("two"), [Experiment::Library, Experiment::Leaf]);
        let error = select(&[9], false).expect_err("no such experiment").to_string();
        assert!(error.contains("9 is no experiment") && error.contains("1, 2, 3"), "{error}");
        let error = select(&[3], true).expect_err("no short form").to_string();
        assert!(error.contains("with a short form") && error.contains("1, 2, 4"), "{error}");
    }

    #[test]
    fn numbers_are_those_of_the_order() {
        let numbers: Vec<_> = Experiment::ALL.map(Experiment::number).into();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}
