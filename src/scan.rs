//! `midframe scan`: the Go functions of executable files.
//!
//! [`each`] scans files, several at a time, and hands them over in their order;
//! [`scan_image`] checks the functions of one image on all threads; [`Scanner`]
//! checks one function.

mod each;
mod finding;
mod function;
mod remedy;
mod summary;
mod totals;

pub use each::{Item, Skip, each};
pub use finding::{Accepted, Finding, Near};
pub use function::Scanner;
pub use remedy::{Cause, NEWEST, Remedy};
pub use summary::{Summary, Unsettled};
pub use totals::Totals;

use crate::baseline::Used;
use crate::map::FileBytes;
use crate::progress::Progress;
use anyhow::Result;
use core::ops::RangeInclusive;
use image::{Error, Image};
use regex::bytes::Regex;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use unwind::{FramePointerWalk, Release};
use verifier::{Observer, Observers, Rule, Severity, Verdict};

/// How many functions a thread takes at a time: many in a row, for they are near each other
/// in the file, and fewer towards the end, for all to be done at once.
const CHUNK: RangeInclusive<usize> = 64..=1024;

/// What is checked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only the functions whose names match; all for none.
    pub only: Option<Regex>,
}

/// What a scan of several files found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The files that could be read, in the order of the scan.
    pub images: Vec<ScannedImage>,
    /// Those that could not, with what was wrong.
    pub errors: Vec<(PathBuf, String)>,
    /// Those that were passed over, in directories and archives.
    pub skipped: Vec<(PathBuf, Skip)>,
    /// What became of the baseline, if there was one.
    pub baseline: Option<Used>,
}

/// What was found in one file.
#[derive(Debug)]
pub struct ScannedImage {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub container: String,
    /// Its architecture.
    pub architecture: &'static str,
    /// The system that it is for, as `GOOS` names it, if it says.
    pub os: Option<&'static str>,
    /// The path of its main module, if it says.
    pub main_module: Option<String>,
    /// The version of Go that built it, if it says.
    pub go_version: Option<String>,
    /// Whether inlined functions could be told from those that they are inlined
    /// in, which decides whether a boundary can be preempted.
    pub has_inline_trees: bool,
    /// How much was checked, and what was not.
    pub summary: Summary,
    /// The broken rules, by address.
    pub findings: Vec<Finding>,
}

impl Scanned {
    /// The counts over all of it.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        totals.errors = self.errors.len() as u64;
        totals.skipped = self.skipped.len() as u64;
        self.images.iter().for_each(|image| totals.add(image));
        totals
    }
}

impl ScannedImage {
    /// Puts together what is known of an image.
    #[must_use]
    pub fn new(
        path: &Path,
        image: &Image<'_>,
        (summary, findings): (Summary, Vec<Finding>),
    ) -> Self {
        Self {
            path: path.to_owned(),
            container: image.container().to_string(),
            architecture: image.architecture(),
            os: image.os().map(image::Os::goos),
            main_module: image.main_module().map(str::to_owned),
            go_version: image.go_version().map(str::to_owned),
            has_inline_trees: image.has_inline_trees(),
            summary,
            findings,
        }
    }

    /// The verdict for one observer with the accepted findings left out: what
    /// the exit status goes by.
    #[must_use]
    pub fn open_verdict(&self, observer: Observer) -> Verdict {
        let open = |finding: &Finding| finding.accepted.is_none();
        if self.findings.iter().any(|found| found.observers.contains(observer) && open(found)) {
            Verdict::Refuted
        } else {
            self.summary.verdict_unless_refuted(observer)
        }
    }

    /// The verdict on one severity with the accepted findings left out: whether a finding
    /// has it as its worst, and whether something is undecided for who could meet it.
    #[must_use]
    pub fn open_severity(&self, severity: Severity) -> Verdict {
        let open = |finding: &Finding| finding.accepted.is_none();
        if self.findings.iter().any(|found| found.severity == severity && open(found)) {
            return Verdict::Refuted;
        }
        let meets = |observer: &Observer| severity.is_met_by(*observer);
        let verdicts = Observer::ALL.into_iter().filter(meets);
        let verdicts = verdicts.map(|observer| self.summary.verdict_unless_refuted(observer));
        verdicts.max().unwrap_or(Verdict::Undecided)
    }

    /// How many findings the baseline accepts.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.accepted.is_some()).count() as u64
    }

    /// Whether something is undecided, for whomever.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        !self.summary.undecided.is_empty() || self.summary.boundaries == 0
    }

    /// Whether there was nothing to check, because no name matched
    /// ([`Options::only`]).
    #[must_use]
    pub fn is_filtered_out(&self) -> bool {
        self.summary.functions == 0 && self.summary.filtered > 0
    }
}

/// Scans one file: everything in it.
///
/// # Errors
/// When it cannot be read, or is not an executable with Go functions for arm64.
pub fn scan_file(path: &Path) -> Result<ScannedImage> {
    let file = FileBytes::open(path)?;
    Ok(scan_bytes(path, file.bytes(), &Options::default(), &Progress::hidden())?)
}

/// Scans the bytes of a file.
///
/// # Errors
/// When they are not an executable with Go functions for arm64.
pub fn scan_bytes(
    path: &Path,
    bytes: &[u8],
    options: &Options,
    progress: &Progress,
) -> Result<ScannedImage, Error> {
    let image = Image::parse(bytes)?;
    Ok(ScannedImage::new(path, &image, scan_image_with(&image, options, progress)))
}

/// Checks all functions of an image.
#[must_use]
pub fn scan_image(image: &Image<'_>) -> (Summary, Vec<Finding>) {
    scan_image_with(image, &Options::default(), &Progress::hidden())
}

/// Checks the functions of an image that the options name.
#[must_use]
pub fn scan_image_with(
    image: &Image<'_>,
    options: &Options,
    progress: &Progress,
) -> (Summary, Vec<Finding>) {
    let count = image.function_count();
    let unobserving = unobserving(image.release());
    progress.more(count as u64);
    let threads = rayon::current_num_threads();
    let (next, parts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let chunk = || {
        let end = |start: usize| {
            let left = count.checked_sub(start).filter(|&left| left > 0)?;
            let size = (left / (4 * threads)).clamp(*CHUNK.start(), *CHUNK.end());
            Some(start + size.min(left))
        };
        let start = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end).ok()?;
        Some(start..end(start)?)
    };
    let scan = || {
        // There may be nothing left for a thread.
        let Some(first) = chunk() else { return };
        let (mut scanner, mut mine) = (Scanner::default(), Vec::new());
        for functions in core::iter::once(first).chain(core::iter::from_fn(chunk)) {
            let mut summary = Summary { unobserving, ..Summary::default() };
            let mut findings = Vec::new();
            let first = functions.start;
            progress.advance(functions.len() as u64);
            for index in functions {
                scanner.function(image, index, options, &mut summary, &mut findings);
            }
            mine.push((first, summary, findings));
        }
        parts.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
    };
    // This thread is one of those that scan: it would only wait for them.
    let helpers = (threads - 1).min(count / CHUNK.start());
    rayon::in_place_scope(|scope| {
        (0..helpers).for_each(|_| scope.spawn(|_| scan()));
        scan();
    });
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.sort_unstable_by_key(|&(first, ..)| first);
    let (mut summary, mut findings) = (Summary { unobserving, ..Summary::default() }, Vec::new());
    for (_, part, found) in parts {
        summary.merge(part);
        findings.extend(found);
    }
    number(&mut findings);
    (summary, findings)
}

/// The observers that the runtime of a release does not have; none if the release is
/// not known.
pub(crate) fn unobserving(release: Option<Release>) -> Observers {
    match FramePointerWalk::of(release) {
        [] => Observers::NONE.with(Observer::FramePointer),
        _ => Observers::NONE,
    }
}

/// Counts the findings of each rule in each function, by name: a name can occur
/// more than once in an image.
fn number(findings: &mut [Finding]) {
    let mut counts: HashMap<(Rule, String), u32> = HashMap::new();
    for found in findings.chunk_by_mut(|a, b| (a.rule, &a.function) == (b.rule, &b.function)) {
        let Some(first) = found.first() else { continue };
        let count = counts.entry((first.rule, first.function.clone())).or_default();
        for finding in found {
            *count = count.saturating_add(1);
            finding.ordinal = *count;
        }
    }
}
