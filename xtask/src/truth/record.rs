//! What came of the traces, as text.

use super::cases::Case;
use super::code::Code;
use super::compare::{Disagreement, Outcome};
use super::emulator::End;
use super::examine::Tally;
use super::shadow::{Counts, Gap};
use crate::toolchain::repository;
use anyhow::{Context as _, Result};
use core::fmt;
use image::Image;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The traces of all cases.
#[derive(Debug)]
pub struct Truth {
    /// The version of the emulator.
    pub emulator: String,
    /// The cases.
    pub traced: Vec<Traced>,
}

/// The trace of one case.
#[derive(Debug)]
pub struct Traced {
    /// What was executed.
    pub case: Case,
    /// The release of Go that built it.
    pub go_version: String,
    /// What came of the comparison.
    pub tally: Tally,
    /// What happened in the trace.
    pub counts: Counts,
    /// The function and the offset of each disagreement.
    pub names: BTreeMap<u64, (String, u64)>,
    /// How many registers could have been of two threads.
    pub ambiguous: u64,
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub seconds: f64,
}

/// The function that an address lies in, and the offset there, in bytes.
#[must_use]
pub fn name_at(image: &Image<'_>, code: &Code<'_>, pc: u64) -> (String, u64) {
    let found = code.find(pc).and_then(|id| image.function(id.0).ok());
    found.map_or_else(
        || ("?".to_owned(), 0),
        |function| {
            let name = String::from_utf8_lossy(function.name()).into_owned();
            (name, pc.wrapping_sub(function.entry.0))
        },
    )
}

impl Truth {
    /// The sum of one figure over all cases.
    pub fn total(&self, figure: impl Fn(&Traced) -> u64) -> u64 {
        self.traced.iter().map(figure).sum()
    }

    /// What is wrong, a line each: the scan, or the trace that shows too little.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.traced.iter().flat_map(Traced::failures).collect()
    }

    /// Writes the record, and returns the file.
    ///
    /// # Errors
    /// As writing.
    pub fn record(&self, date: &str, boundaries: u64) -> Result<PathBuf> {
        let path = repository().join("xtask/records/truth.txt");
        let text = format!(
            "# what: the depth of SP at executed boundaries against rows and findings\n\
             # from: qemu-aarch64 {}, one instruction at a time\n\
             # command: cargo run --release --package xtask -- truth --boundaries {boundaries} --date {date}\n\
             # date: {date}\n\
             # boundaries: {} executed, {} compared\n\
             # disagreements: {}, {} with a finding; failures: {}\n\
             {self}",
            self.emulator,
            self.total(|traced| traced.tally.steps),
            self.total(|traced| traced.tally.compared),
            self.total(Traced::disagreements),
            self.total(|traced| traced.tally.outcome(Outcome::Found)),
            self.failures().len(),
        );
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Traced {
    /// How many comparisons did not agree.
    #[must_use]
    pub fn disagreements(&self) -> u64 {
        let outcomes = [Outcome::Found, Outcome::Undecided, Outcome::Missed, Outcome::Misjudged];
        outcomes.into_iter().map(|outcome| self.tally.outcome(outcome)).sum()
    }

    /// One line for a reader who waits.
    #[must_use]
    pub fn summary(&self) -> String {
        let rate = self.tally.steps as f64 / self.seconds.max(0.001);
        format!(
            "{}: {} steps in {:.0} s ({rate:.0}/s), {} compared, {} disagree, {} with a finding",
            self.case.title(),
            self.tally.steps,
            self.seconds,
            self.tally.compared,
            self.disagreements(),
            self.tally.outcome(Outcome::Found),
        )
    }

    /// What is wrong, a line each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let title = self.case.title();
        let wrong = |disagreement: &Disagreement| {
            let Disagreement { pc, declared, claimed, actual, outcome } = disagreement;
            let (function, offset) = self.name(*pc);
            let claimed = claimed.map_or("none".to_owned(), |claimed| claimed.to_string());
            format!(
                "{title}: {outcome} at {pc:#x}, {function}+{offset:#x}: \
                 declared {declared}, actual {actual}, by the scan {claimed}"
            )
        };
        let mut failures: Vec<_> = self.tally.failures().map(wrong).collect();
        if let Some(control) = self.case.control
            && !self.has_found(control.function, control.declared, control.actual)
        {
            failures.push(format!("{title}: not executed, or not found: {control:?}"));
        }
        // Otherwise the comparison would say little.
        let reasons: u64 = NOT_COMPARED_IN_GO.iter().map(|(_, figure)| figure(self)).sum();
        if self.tally.compared == 0 || reasons * 10 > self.tally.compared {
            let compared = self.tally.compared;
            failures.push(format!("{title}: {compared} boundaries compared, {reasons} not"));
        }
        failures
    }

    fn has_found(&self, function: &str, declared: i64, actual: i64) -> bool {
        self.tally.disagreements.values().any(|(disagreement, _)| {
            disagreement.outcome == Outcome::Found
                && (disagreement.declared, disagreement.actual) == (declared, actual)
                && self.name(disagreement.pc).0 == function
        })
    }

    fn name(&self, pc: u64) -> (&str, u64) {
        self.names.get(&pc).map_or(("?", 0), |(name, offset)| (name.as_str(), *offset))
    }

    fn how_it_ended(&self) -> String {
        match self.end {
            End::Exited(_) => "to its end",
            End::Stopped => "stopped at the bound",
            End::TimedOut => "stopped for time",
        }
        .to_owned()
    }
}

/// The columns of figures: a heading and the figure.
type Column = (&'static str, fn(&Traced) -> u64);

const COMPARED: [Column; 7] = [
    ("executed", |traced| traced.tally.steps),
    ("compared", |traced| traced.tally.compared),
    ("different", |traced| traced.tally.distinct),
    ("disagree", Traced::disagreements),
    ("found", |traced| traced.tally.outcome(Outcome::Found)),
    ("undecided", |traced| traced.tally.outcome(Outcome::Undecided)),
    ("missed", |traced| {
        traced.tally.outcome(Outcome::Missed) + traced.tally.outcome(Outcome::Misjudged)
    }),
];

/// What is not compared although it is in a function of the program.
const NOT_COMPARED_IN_GO: [Column; 5] = [
    ("other stack", |traced| traced.tally.gap(Gap::OtherStack)),
    ("SPWRITE", |traced| traced.tally.outcome(Outcome::OwnedUp)),
    ("no entry", |traced| traced.tally.gap(Gap::NoEntry)),
    ("lost", |traced| traced.tally.gap(Gap::Lost)),
    ("no row", |traced| traced.tally.outcome(Outcome::NoRow)),
];

const NOT_COMPARED: [Column; 2] = [
    ("not Go", |traced| traced.tally.gap(Gap::Foreign)),
    ("again", |traced| traced.tally.gap(Gap::Again)),
];

const HAPPENED: [Column; 9] = [
    ("calls", |traced| traced.counts.calls),
    ("tail calls", |traced| traced.counts.tail_calls),
    ("threads", |traced| traced.counts.threads),
    ("goroutines", |traced| traced.counts.goroutines),
    ("switches", |traced| traced.counts.switches),
    ("moved", |traced| traced.counts.moved),
    ("signals", |traced| traced.counts.signals),
    ("injected", |traced| traced.counts.injected),
    ("unwound", |traced| traced.counts.unwound),
];

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# compared: boundaries, each time that they were executed")?;
        self.table(f, &COMPARED)?;
        writeln!(f, "\n# not compared, by reason")?;
        self.table(f, &[NOT_COMPARED_IN_GO.as_slice(), &NOT_COMPARED].concat())?;
        writeln!(f, "\n# what happened in the traces")?;
        self.table(f, &HAPPENED)?;
        writeln!(f, "\n# cases: built by, how far, registers of one of several threads")?;
        for traced in &self.traced {
            let (title, version) = (traced.case.title(), &traced.go_version);
            let end = traced.how_it_ended();
            writeln!(f, "{title}: {version}, {end}, {}", traced.ambiguous)?;
        }
        writeln!(f, "\n# frames lost: what was executed before, where it led, how often")?;
        for traced in &self.traced {
            for ((why, from, to), times) in &traced.counts.lost {
                writeln!(f, "{}: {why}, {from:#x} to {to:#x}, {times}", traced.case.title())?;
            }
        }
        writeln!(f, "\n# disagreements: boundary, declared, actual, by the scan, how often")?;
        for traced in &self.traced {
            for (disagreement, times) in traced.tally.disagreements.values() {
                let Disagreement { pc, declared, actual, outcome, .. } = disagreement;
                let (name, offset) = traced.name(*pc);
                let program = &traced.case.program;
                writeln!(
                    f,
                    "{program}: {name}+{offset:#x}, {declared}, {actual}, {outcome}, {times}"
                )?;
            }
        }
        Ok(())
    }
}

impl Truth {
    fn table(&self, f: &mut fmt::Formatter<'_>, columns: &[Column]) -> fmt::Result {
        let titles = self.traced.iter().map(|traced| traced.case.title());
        let width = titles.map(|title| title.len()).max().unwrap_or(0);
        write!(f, "{:width$}", "")?;
        for (heading, _) in columns {
            write!(f, " {heading:>11}")?;
        }
        writeln!(f)?;
        for traced in &self.traced {
            write!(f, "{:width$}", traced.case.title())?;
            for (_, figure) in columns {
                write!(f, " {:>11}", figure(traced))?;
            }
            writeln!(f)?;
        }
        write!(f, "{:width$}", "all")?;
        for (_, figure) in columns {
            write!(f, " {:>11}", self.total(figure))?;
        }
        writeln!(f)
    }
}
