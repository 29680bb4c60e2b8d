//! `midframe scan`: the Go functions of executable files.

use crate::map::FileBytes;
use crate::progress::Progress;
use anyhow::Result;
use image::{Error, Function, Image};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use unwind::{Depth, FuncFlags, Index, Pc, Preemption, RowTable, Word};
use verifier::decode::{Inst, decode};
use verifier::{Checker, Observer, Observers, Report, Rule, SignalStack, Verdict, Violation};

/// What cannot be read concerns everybody.
const ALL: Observers = Observers::ALL;

/// How many functions a thread takes at a time.
const CHUNK: usize = 64;

/// What a scan of several files found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The files that could be read, in the order that they were named.
    pub images: Vec<ScannedImage>,
    /// The others, with what was wrong.
    pub errors: Vec<(PathBuf, String)>,
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

/// Counts over the functions of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many functions there are.
    pub functions: u64,
    /// How many boundaries were reached and held against their rows.
    pub boundaries: u64,
    /// How many functions write SP in a way that the table does not describe and
    /// say so (`SPWRITE`): nothing is promised behind the write.
    pub sp_write: u64,
    /// The functions that could not be decided, by reason.
    pub undecided: BTreeMap<String, Unsettled>,
    /// Who sees a broken rule.
    pub refuted_for: Observers,
}

/// The functions that one reason leaves undecided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// How many.
    pub functions: u64,
    /// How many of them can be preempted; in the others only a profiler's signal
    /// can find SP astray.
    pub preemptible: u64,
    /// Whom the reason concerns.
    pub observers: Observers,
    /// The first of them, and where.
    pub example: String,
}

/// A broken rule at a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The gravest observer.
    pub observer: Observer,
    /// All observers.
    pub observers: Observers,
    /// The function's name.
    pub function: String,
    /// The function's first instruction.
    pub entry: Pc,
    /// The boundary.
    pub pc: Pc,
    /// The depth that is declared where execution would resume.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
    /// The largest depth that the function declares.
    pub frame_size: Depth,
    /// Whether the function calls no other from inside its frame.
    pub leaf: bool,
    /// The instruction that is about to run.
    pub word: Word,
    /// The source, if the table says.
    pub position: Option<(String, u32)>,
}

impl Summary {
    /// The verdict for one observer.
    #[must_use]
    pub fn verdict(&self, observer: Observer) -> Verdict {
        let matters = |unsettled: &Unsettled| {
            unsettled.observers.contains(observer)
                && (observer != Observer::AsyncPreemption || unsettled.preemptible > 0)
        };
        if self.refuted_for.contains(observer) {
            Verdict::Refuted
        } else if self.boundaries == 0 || self.undecided.values().any(matters) {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }

    fn unsettled(
        &mut self,
        reason: String,
        observers: Observers,
        preemption: Preemption,
        example: impl FnOnce() -> String,
    ) {
        let new = || Unsettled { functions: 0, preemptible: 0, observers, example: example() };
        let unsettled = self.undecided.entry(reason).or_insert_with(new);
        unsettled.functions += 1;
        unsettled.preemptible += u64::from(preemption == Preemption::Async);
    }

    fn merge(&mut self, other: Self) {
        self.functions += other.functions;
        self.boundaries += other.boundaries;
        self.sp_write += other.sp_write;
        self.refuted_for = self.refuted_for.union(other.refuted_for);
        for (reason, theirs) in other.undecided {
            match self.undecided.get_mut(&reason) {
                Some(mine) => {
                    mine.functions += theirs.functions;
                    mine.preemptible += theirs.preemptible;
                }
                None => {
                    self.undecided.insert(reason, theirs);
                }
            }
        }
    }
}

/// Scans files, one after the other, each on all threads.
#[must_use]
pub fn scan(paths: &[PathBuf], progress: &Progress) -> Scanned {
    let mut scanned = Scanned::default();
    progress.begin(paths.len() as u64);
    for path in paths {
        match scan_file(path) {
            Ok(image) => scanned.images.push(image),
            Err(error) => scanned.errors.push((path.clone(), format!("{error:#}"))),
        }
        progress.advance(1);
    }
    progress.end();
    scanned
}

/// Scans one file.
///
/// # Errors
/// When it cannot be read, or is not an executable with Go functions for arm64.
pub fn scan_file(path: &Path) -> Result<ScannedImage> {
    let file = FileBytes::open(path)?;
    let image = Image::parse(file.bytes())?;
    let (summary, findings) = scan_image(&image);
    Ok(ScannedImage {
        path: path.to_owned(),
        container: image.container().to_string(),
        architecture: image.architecture(),
        go_version: image.go_version().map(str::to_owned),
        has_inline_trees: image.has_inline_trees(),
        summary,
        findings,
    })
}

/// Checks all functions of an image.
#[must_use]
pub fn scan_image(image: &Image<'_>) -> (Summary, Vec<Finding>) {
    let chunks = image.function_count().div_ceil(CHUNK);
    let parts: Vec<_> = (0..chunks)
        .into_par_iter()
        .map_init(Scanner::default, |scanner, chunk| {
            let (mut summary, mut findings) = (Summary::default(), Vec::new());
            let end = ((chunk + 1) * CHUNK).min(image.function_count());
            for index in chunk * CHUNK..end {
                scanner.function(image, index, &mut summary, &mut findings);
            }
            (summary, findings)
        })
        .collect();
    let (mut summary, mut findings) = (Summary::default(), Vec::new());
    for (part, found) in parts {
        summary.merge(part);
        findings.extend(found);
    }
    (summary, findings)
}

/// The memory of one thread.
#[derive(Debug, Default)]
pub struct Scanner {
    rows: RowTable,
    checker: Checker,
    report: Report,
}

impl Scanner {
    /// Checks one function.
    pub fn function(
        &mut self,
        image: &Image<'_>,
        index: usize,
        summary: &mut Summary,
        findings: &mut Vec<Finding>,
    ) {
        summary.functions += 1;
        let function = match image.function(index) {
            Ok(function) => function,
            Err(error) => {
                let example = || error.to_string();
                return summary.unsettled(reason(&error), ALL, Preemption::Async, example);
            }
        };
        match function.rows(&mut self.rows) {
            Ok(()) => {}
            // Markers between parts of the text have neither rows nor code.
            Err(Error::NoStackTable { .. }) if is_marker(&function) => return,
            Err(error) => {
                let example = || format!("{}: {error}", name(&function));
                let preemption = function.function_preemption();
                return summary.unsettled(reason(&error), ALL, preemption, example);
            }
        }
        let subject = verifier::Function {
            entry: function.entry,
            words: function.code,
            rows: &self.rows,
            flags: function.flags,
            recovery: function.recovery(),
            signals: SignalStack::Own,
            pointer: &|address| image.pointer(address),
        };
        self.checker.check(&subject, &mut self.report);
        summary.boundaries += u64::from(self.report.boundaries);
        summary.sp_write += u64::from(self.report.sp_write.is_some());
        self.undecided(&function, summary);
        for violation in &self.report.violations {
            if let Some(finding) = self.finding(&function, violation) {
                summary.refuted_for = summary.refuted_for.union(finding.observers);
                findings.push(finding);
            }
        }
    }

    /// A function counts once for each reason.
    fn undecided(&self, function: &Function<'_>, summary: &mut Summary) {
        let mut last = None;
        let mut undecided = self.report.undecided.clone();
        undecided.sort_by_key(|undecided| (undecided.reason, undecided.at));
        for undecided in undecided {
            if last == Some(undecided.reason) {
                continue;
            }
            last = Some(undecided.reason);
            let preemption = function.function_preemption();
            let (reason, observers) = (undecided.reason.to_string(), undecided.reason.observers());
            summary.unsettled(reason, observers, preemption, || {
                let pc = pc(function, undecided.at);
                match undecided.word {
                    Some(word) => format!("{} at {pc}: {word}", name(function)),
                    None => format!("{} at {pc}", name(function)),
                }
            });
        }
    }

    /// The finding that a violation is, if anybody can see it.
    fn finding(&self, function: &Function<'_>, violation: &Violation) -> Option<Finding> {
        let pc = pc(function, violation.at);
        // Where the inline tree contradicts itself the boundary is taken to be
        // preemptible: the graver reading.
        let preemption = function.preemption(pc).unwrap_or(Preemption::Async);
        let observers = violation.observers(preemption);
        let position = function.position(pc);
        Some(Finding {
            rule: violation.rule,
            observer: observers.gravest()?,
            observers,
            function: name(function),
            entry: function.entry,
            pc,
            declared: violation.declared,
            actual: violation.actual,
            frame_size: self.frame_size(),
            leaf: self.is_leaf(function),
            word: function.code.get(violation.at.0 as usize).copied().unwrap_or(Word::new(0)),
            position: position.map(|at| (String::from_utf8_lossy(at.file).into_owned(), at.line)),
        })
    }

    fn frame_size(&self) -> Depth {
        self.rows.spans().iter().map(|span| span.row.depth).max().unwrap_or_default()
    }

    /// Whether no call is made with a frame open; that of morestack is made
    /// before.
    fn is_leaf(&self, function: &Function<'_>) -> bool {
        let mut calls = (0_u32..)
            .map(Index)
            .zip(function.code)
            .filter(|(_, word)| matches!(decode(**word), Inst::Call { .. } | Inst::CallReg { .. }));
        let framed = |at| self.rows.row(at).is_some_and(|row| row.depth > Depth(0));
        !calls.any(|(at, _)| framed(at))
    }
}

fn pc(function: &Function<'_>, at: Index) -> Pc {
    Pc(function.entry.0.wrapping_add(at.offset()))
}

fn name(function: &Function<'_>) -> String {
    String::from_utf8_lossy(function.name()).into_owned()
}

/// Whether a function holds nothing that could run.
fn is_marker(function: &Function<'_>) -> bool {
    function.code.iter().all(|&word| decode(word) == Inst::Trap)
        && !function.flags.contains(FuncFlags::ASM)
}

/// An error as a reason, without what is particular to one function.
fn reason(error: &Error) -> String {
    match error {
        Error::NoStackTable { .. } => "no pcsp table",
        Error::PcTable { .. } => "a contradictory pc-value table",
        Error::UnsafePoint { .. } => "an unknown unsafe-point class",
        _ => "a contradictory function record",
    }
    .to_owned()
}
