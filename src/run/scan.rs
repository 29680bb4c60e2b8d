//! `midframe scan`: which output, which baseline, and what the exit status is.

use super::{Outcome, Screen, print, written};
use crate::baseline::{self, Baseline, FileOfEntries};
use crate::cli::{FailOn, Scan, ScanFormat};
use crate::inputs::Inputs;
use crate::progress::Progress;
use crate::report::text::ScanText;
use crate::report::{html, json, markdown, sarif};
use crate::scan::{Item, Options, Scanned, ScannedImage, Skip, each};
use crate::settings;
use anyhow::{Result, anyhow, bail};
use regex::bytes::Regex;
use serde::Serialize;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use verifier::{Observer, Severity, Verdict};

/// Does what the arguments of `scan` say.
///
/// # Errors
/// On wrong usage, and when output or a baseline cannot be read or written. A file
/// that cannot be scanned is an outcome.
pub(super) fn run(arguments: &Scan, screen: Screen) -> Result<Outcome> {
    let mut run = Run::new(arguments, screen)?;
    let options = options(arguments)?;
    let mut baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    let mut new = match &arguments.write_baseline {
        Some(path) => Some((path, FileOfEntries::new(path)?)),
        None => None,
    };
    settings::threads(arguments.jobs)?;
    let progress = Progress::on_terminal();
    progress.begin(0);
    let mut result = Ok(());
    each(&Inputs::new(arguments.paths.clone()), &options, &progress, |item| {
        result = progress.aside(|| match item {
            Item::Image(mut image) => {
                baseline.iter_mut().for_each(|baseline| baseline.accept(&mut image));
                new.iter_mut().try_for_each(|(_, new)| new.add(&image))?;
                run.image(image)
            }
            Item::Skipped { path, reason } => {
                run.skipped(path, reason);
                Ok(())
            }
            Item::Failed { path, error } => {
                run.failed(path, error);
                Ok(())
            }
        });
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    progress.end();
    result?;
    let asked =
        |name: &str| options.only.as_ref().is_none_or(|only| only.is_match(name.as_bytes()));
    run.scanned.baseline = baseline.map(|baseline| baseline.used(asked));
    run.end()?;
    if let Some((path, new)) = new {
        baseline::write(path, &new)?;
    }
    Ok(run.tally.outcome())
}

fn options(arguments: &Scan) -> Result<Options> {
    let only = arguments.only_function.as_deref().map(|pattern| {
        Regex::new(pattern).map_err(|error| {
            // The message is a drawing of several lines; the last says what is wrong.
            let message = error.to_string();
            let message = message.lines().last().unwrap_or_default().trim();
            let message = message.trim_start_matches("error: ").to_owned();
            anyhow!("{pattern:?} is not a regular expression for --only-function: {message}")
        })
    });
    Ok(Options { only: only.transpose()? })
}

/// A run with its output.
struct Run {
    screen: Screen,
    format: ScanFormat,
    summary: bool,
    text: ScanText,
    /// What is written at the end; the images not for text, which has written them.
    scanned: Scanned,
    tally: Tally,
}

impl Run {
    fn new(arguments: &Scan, screen: Screen) -> Result<Self> {
        let (format, summary) = (arguments.format, arguments.summary);
        if summary && !matches!(format, ScanFormat::Text | ScanFormat::Markdown) {
            bail!("--summary is for text and markdown: expected one of these as --format");
        }
        Ok(Self {
            screen,
            format,
            text: ScanText::new(summary, screen.width),
            summary,
            scanned: Scanned::default(),
            tally: Tally::new(&arguments.fail_on),
        })
    }

    fn image(&mut self, image: ScannedImage) -> Result<()> {
        self.tally.image(&image);
        if self.format == ScanFormat::Text {
            return self.screen.print(&self.text.image(&image));
        }
        self.scanned.images.push(image);
        Ok(())
    }

    fn skipped(&mut self, path: PathBuf, reason: Skip) {
        self.text.skipped(&path, &reason);
        if self.format != ScanFormat::Text {
            self.scanned.skipped.push((path, reason));
        }
    }

    fn failed(&mut self, path: PathBuf, error: String) {
        self.screen.complain(&format!("{}: {error}", path.display()));
        self.tally.failed = true;
        self.text.error();
        if self.format != ScanFormat::Text {
            self.scanned.errors.push((path, error));
        }
    }

    fn end(&mut self) -> Result<()> {
        let scanned = &self.scanned;
        match self.format {
            ScanFormat::Text => self.screen.print(&self.text.end(scanned.baseline.as_ref())),
            ScanFormat::Json => print_document(&json::scan(scanned)),
            ScanFormat::Sarif => print_document(&sarif::sarif(scanned)),
            ScanFormat::Markdown => print(&markdown::markdown(scanned, self.summary)),
            ScanFormat::Html => print(&html::scan(scanned)),
        }
    }
}

/// Writes a document as it is made. A reader that went away has seen what it wanted.
fn print_document(document: &impl Serialize) -> Result<()> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    let result = serde_json::to_writer_pretty(&mut output, document);
    let result = result.map_err(std::io::Error::from);
    written(result.and_then(|()| writeln!(output)).and_then(|()| output.flush()))
}

/// What the exit status follows from. A failed file outranks findings, and findings
/// outrank what is undecided. Only the observers and severities that count decide.
struct Tally {
    observers: Vec<Observer>,
    severities: Vec<Severity>,
    undecided_fails: bool,
    failed: bool,
    verdict: Verdict,
    /// Whether there was an image with something to be checked.
    checked: bool,
}

impl Tally {
    fn new(fail_on: &[FailOn]) -> Self {
        let mut observers: Vec<_> = fail_on.iter().filter_map(|what| what.observer()).collect();
        let severities: Vec<_> = fail_on.iter().filter_map(|what| what.severity()).collect();
        let names_none = observers.is_empty() && severities.is_empty();
        if names_none && !fail_on.contains(&FailOn::Never) {
            observers.extend(FailOn::DEFAULT.into_iter().filter_map(FailOn::observer));
        }
        Self {
            observers,
            severities,
            undecided_fails: fail_on.contains(&FailOn::Undecided),
            failed: false,
            verdict: Verdict::Proved,
            checked: false,
        }
    }

    fn image(&mut self, image: &ScannedImage) {
        if image.is_filtered_out() {
            return;
        }
        self.checked = true;
        let observers = self.observers.iter().map(|&observer| image.open_verdict(observer));
        let severities = self.severities.iter().map(|&severity| image.open_severity(severity));
        let verdicts = observers.chain(severities);
        self.verdict = verdicts.max().unwrap_or(Verdict::Proved).max(self.verdict);
        if self.undecided_fails && image.is_undecided() {
            self.verdict = Verdict::Refuted;
        }
    }

    /// Whether there is anything that counts.
    const fn names_some(&self) -> bool {
        !self.observers.is_empty() || !self.severities.is_empty()
    }

    fn outcome(&self) -> Outcome {
        // Without an image, or where no name matched anywhere, nothing is known.
        match self.verdict {
            _ if self.failed => Outcome::Failed,
            _ if !self.checked && self.undecided_fails => Outcome::Refuted,
            _ if !self.checked && self.names_some() => Outcome::Undecided,
            verdict => verdict.into(),
        }
    }
}
