//! What came of an experiment: a table, and a dated record.

use super::{Experiment, Outcome};
use crate::toolchain::repository;
use crate::truth::emulator::Emulator;
use anyhow::{Context as _, Result, bail};
use core::fmt;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;
use verifier::Verdict;

/// One case of an experiment.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Which toolchain built it.
    pub toolchain: String,
    /// The kind of function, or what else it is about.
    pub subject: String,
    /// The size of its frame, in bytes.
    pub frame: Option<u64>,
    /// What else was set.
    pub setting: String,
    /// The verdict of a scan for asynchronous preemption: claimed, and found.
    pub scan: Option<(Verdict, Verdict)>,
    /// What is claimed.
    pub expected: Outcome,
    /// What happened.
    pub observed: Outcome,
    /// How much could have happened.
    pub exposure: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What a dying program said first, or what a scan found.
    pub message: Vec<String>,
}

impl Row {
    /// What is claimed and what happened, and nothing else yet.
    #[must_use]
    pub fn of(expected: Outcome, observed: Outcome) -> Self {
        let (toolchain, subject, setting) = (String::new(), String::new(), String::new());
        let (frame, scan, exposure, message) = (None, None, String::new(), Vec::new());
        let seconds = 0.0;
        Self {
            toolchain,
            subject,
            frame,
            setting,
            scan,
            expected,
            observed,
            exposure,
            seconds,
            message,
        }
    }

    /// Whether it came out as claimed.
    #[must_use]
    pub fn is_as_claimed(&self) -> bool {
        let is_foreseen = self.scan.is_none_or(|(claimed, found)| claimed == found);
        self.expected == self.observed && is_foreseen
    }

    fn name(&self) -> String {
        let frame = self.frame.map_or_else(String::new, |frame| format!(", frame {frame}"));
        let setting = if self.setting.is_empty() { "" } else { ", " };
        format!("{}, {}{frame}{setting}{}", self.toolchain, self.subject, self.setting)
    }
}

/// What came of an experiment.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    experiment: Experiment,
    is_short: bool,
    emulator: Option<String>,
    rows: Vec<Row>,
    notes: Vec<String>,
    /// How long all of it took, installations and builds included.
    pub seconds: f64,
}

impl Report {
    /// Nothing observed yet.
    #[must_use]
    pub fn new(experiment: Experiment, is_short: bool) -> Self {
        let (rows, notes) = (Vec::new(), Vec::new());
        Self { experiment, is_short, emulator: None, rows, notes, seconds: 0.0 }
    }

    /// Programs were run by this emulator.
    pub fn emulated_by(&mut self, emulator: &Emulator) {
        self.emulator = Some(emulator.version.clone());
    }

    /// Takes a case, and says so to a reader who waits.
    pub fn add(&mut self, row: Row) {
        eprintln!("{}: {} after {:.1} s", row.name(), row.observed, row.seconds);
        self.rows.push(row);
    }

    /// Something to know about the experiment.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What did not come out as claimed, a line each. An experiment without a case
    /// shows nothing.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let number = self.experiment.number();
        if self.rows.is_empty() {
            return vec![format!("experiment {number}: no case")];
        }
        let failed = self.rows.iter().filter(|row| !row.is_as_claimed());
        let line = |row: &Row| {
            let scan = row.scan.map_or_else(String::new, |(claimed, found)| {
                format!("; by the scan {claimed} is claimed, {found} was found")
            });
            let (expected, observed) = (row.expected, row.observed);
            let name = row.name();
            format!("experiment {number}: {name}: {expected} is claimed, {observed}{scan}")
        };
        failed.map(line).collect()
    }

    /// Writes the record with a date ([`check`]), and returns the file.
    ///
    /// # Errors
    /// As writing.
    pub fn record(&self, date: &str) -> Result<PathBuf> {
        let directory = repository().join("rfcs/evidence");
        fs::create_dir_all(&directory)?;
        let number = self.experiment.number();
        let path = directory.join(format!("{date}-experiment-{number}.md"));
        let short = if self.is_short { " --short" } else { "" };
        let cores = available_parallelism().map_or(0, usize::from);
        let emulator = self.emulator.as_ref().map_or_else(String::new, |version| {
            format!("- Emulator: qemu-aarch64 {version}, one instruction at a time\n")
        });
        let text = format!(
            "# Experiment {number}: {}\n\n\
             - Command: `cargo xtask evidence --experiment {number}{short} --date {date}`\n\
             - Date: {date}\n{emulator}\
             - Machine: {}, {cores} cores\n\
             - Not as claimed: {} of {} cases\n\n{}",
            self.experiment.title(),
            std::env::consts::ARCH,
            self.failures().len(),
            self.rows.len(),
            self.body(),
        );
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn body(&self) -> String {
        let mut text = format!("{}\n\n{}", self.experiment.claim(), self.table());
        for note in &self.notes {
            text += &format!("\n{note}\n");
        }
        for row in self.rows.iter().filter(|row| !row.message.is_empty()) {
            text += &format!("\n{}:\n\n```\n{}\n```\n", row.name(), row.message.join("\n"));
        }
        text + &format!("\n{:.0} s in all, installations and builds included.\n", self.seconds)
    }

    fn table(&self) -> String {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.rows.iter().map(cells));
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(String::len).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..HEADINGS.len()).map(width).collect();
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(&widths) {
                text += &format!("| {cell:width$} ");
            }
            text += "|\n";
            if number == 0 {
                for width in &widths {
                    text += &format!("| {} ", "-".repeat(*width));
                }
                text += "|\n";
            }
        }
        text
    }
}

/// Fails unless a text is of the form of a date, which goes into the name of a file.
///
/// # Errors
/// When it is not.
pub fn check(date: &str) -> Result<&str> {
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_date {
        bail!("{date:?} is not a date: expected a form like 2026-11-21");
    }
    Ok(date)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.experiment.number();
        writeln!(f, "# Experiment {number}: {}\n\n{}", self.experiment.title(), self.body())
    }
}

const HEADINGS: [&str; 9] =
    ["toolchain", "what", "frame", "setting", "scan", "claimed", "observed", "exposure", "s"];

fn cells(row: &Row) -> [String; 9] {
    let mark = if row.is_as_claimed() { "" } else { " (!)" };
    [
        row.toolchain.clone(),
        row.subject.clone(),
        row.frame.map_or_else(String::new, |frame| frame.to_string()),
        row.setting.clone(),
        row.scan.map_or_else(String::new, |(_, found)| found.to_string()),
        row.expected.to_string(),
        format!("{}{mark}", row.observed),
        row.exposure.clone(),
        format!("{:.1}", row.seconds),
    ]
}

#[cfg(test)]
mod tests;
