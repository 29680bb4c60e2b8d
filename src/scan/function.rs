//! One function of an image against the rules.

use super::remedy::{Place, remedy};
use super::{Finding, Near, Options, Summary};
use crate::surroundings::Surrounded;
use a64::decode::{Inst, decode};
use image::{Error, Function, Image};
use unwind::{Columns, Depth, FuncFlags, Index, Pc, Preemption, Word};
use verifier::{Checker, Observer, Observers, Reason, Report};

/// What cannot be read concerns all who look at rows. Functions without any, such as those of
/// C, are not held to what Go's leave their callers.
const ALL: Observers = Observers::ALL.without(Observer::Everybody);

/// How many boundaries before and behind a finding are kept with it: an epilogue's.
const AROUND: u32 = 4;

/// The memory of one thread. Nothing is allocated for a function without
/// findings once the first few have been checked.
#[derive(Debug, Default)]
pub struct Scanner {
    rows: Columns,
    checker: Checker,
    report: Report,
}

impl Scanner {
    /// Checks one function. The ordinals of the findings are not known yet, and 0.
    pub fn function(
        &mut self,
        image: &Image<'_>,
        index: usize,
        options: &Options,
        summary: &mut Summary,
        findings: &mut Vec<Finding>,
    ) {
        let function = match image.function(index) {
            Ok(function) => function,
            // It could be one of those that are asked for.
            Err(error) => {
                summary.functions += 1;
                let example = || error.to_string();
                return summary.unsettled(reason(&error), ALL, Preemption::Async, example);
            }
        };
        if options.only.as_ref().is_some_and(|only| !only.is_match(function.name())) {
            summary.filtered += 1;
            return;
        }
        summary.functions += 1;
        match function.columns(&mut self.rows) {
            Ok(()) => {}
            // Markers between parts of the text have neither rows nor code.
            Err(Error::NoStackTable { .. }) if is_marker(&function) => return,
            Err(error) => {
                let example = || format!("{}: {error}", name(&function));
                let preemption = function.function_preemption();
                let observers = match preemption {
                    Preemption::Async => ALL,
                    Preemption::Never(_) => ALL.without(Observer::AsyncPreemption),
                };
                return summary.unsettled(reason(&error), observers, preemption, example);
            }
        }
        let surrounded = Surrounded::new(image, &function);
        let subject = surrounded.subject(&self.rows);
        self.checker.check(&subject, &mut self.report);
        summary.boundaries += u64::from(self.report.boundaries);
        summary.sp_write += u64::from(self.report.sp_write.is_some());
        if !self.report.undecided.is_empty() {
            self.undecided(&function, surrounded.is_runtime(), summary);
        }
        self.violations(image, &function, summary, findings);
    }

    /// A function counts once for each reason. The runtime's own switch stacks, and need not
    /// return to their callers: nothing is decided of them for everybody. A function that is
    /// never preempted is unwound precisely only where it calls another one.
    fn undecided(&mut self, function: &Function<'_>, is_runtime: bool, summary: &mut Summary) {
        let mut last = None;
        self.report.undecided.sort_by_key(|undecided| (undecided.reason, undecided.at));
        for undecided in &self.report.undecided {
            if last == Some(undecided.reason) {
                continue;
            }
            last = Some(undecided.reason);
            let preemption = function.function_preemption();
            let (reason, mut observers) =
                (undecided.reason.to_string(), undecided.reason.observers());
            if is_runtime {
                observers = observers.without(Observer::Everybody);
            }
            let is_called_from = undecided.reason == Reason::SpWriteCall;
            if preemption != Preemption::Async && !is_called_from {
                observers = observers.without(Observer::AsyncPreemption);
            }
            summary.unsettled(reason, observers, preemption, || {
                let pc = pc(function, undecided.at);
                match undecided.word {
                    Some(word) => format!("{} at {pc}: {word}", name(function)),
                    None => format!("{} at {pc}", name(function)),
                }
            });
        }
    }

    fn violations(
        &self,
        image: &Image<'_>,
        function: &Function<'_>,
        summary: &mut Summary,
        findings: &mut Vec<Finding>,
    ) {
        if self.report.violations.is_empty() {
            return;
        }
        let (frame_size, leaf) = (self.frame_size(), self.is_leaf(function));
        for violation in &self.report.violations {
            // Where the inline tree contradicts itself the boundary is taken to be
            // preemptible: the graver reading.
            let preemption = function.preemption(pc(function, violation.at));
            let seen = violation.observers(preemption.unwrap_or(Preemption::Async));
            let observers = seen.difference(summary.unobserving);
            if observers == Observers::NONE {
                summary.unobserved += u64::from(seen != Observers::NONE);
            } else {
                summary.refuted_for = summary.refuted_for.union(observers);
                let place = Place { image, function, violation, frame_size, leaf };
                findings.extend(finding(&place, observers, self.around(&place)));
            }
        }
    }

    /// The boundaries around a violation, with what the table declares: those that
    /// run one after the other.
    fn around(&self, place: &Place<'_>) -> Vec<Near> {
        let (Index(at), code) = (place.violation.at, place.function.code);
        let leaves = |index: u32| code.get(index as usize).is_none_or(|word| leaves(*word));
        let before = (1..=AROUND).map_while(|back| at.checked_sub(back));
        let first = before.take_while(|index| !leaves(*index)).last().unwrap_or(at);
        let last = (at..at.saturating_add(AROUND)).find(|index| leaves(*index));
        let near = (first..=last.unwrap_or(at.saturating_add(AROUND))).map(Index);
        let near = near.filter_map(|at| {
            let word = *code.get(at.0 as usize)?;
            Some(Near { at, word, row: self.rows.row(at) })
        });
        near.collect()
    }

    fn frame_size(&self) -> Depth {
        self.rows.depths.runs().iter().map(|run| run.value).max().unwrap_or_default()
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

/// Whether what follows an instruction need not run after it.
fn leaves(word: Word) -> bool {
    matches!(
        decode(word),
        Inst::Return { .. } | Inst::Branch { .. } | Inst::Call { .. } | Inst::CallReg { .. }
    )
}

/// The finding that a violation is to those who can see it.
fn finding(place: &Place<'_>, observers: Observers, around: Vec<Near>) -> Option<Finding> {
    let Place { function, violation, frame_size, leaf, .. } = *place;
    let pc = pc(function, violation.at);
    let position = function.position(pc);
    Some(Finding {
        rule: violation.rule,
        observer: observers.gravest()?,
        observers,
        severity: violation.worst(observers)?,
        returns_to_itself: violation.returns_to_itself,
        function: name(function),
        entry: function.entry,
        pc,
        ordinal: 0,
        declared: violation.declared,
        actual: violation.actual,
        frame_size,
        leaf,
        word: function.code.get(violation.at.0 as usize).copied().unwrap_or(Word::new(0)),
        position: position.map(|at| (String::from_utf8_lossy(at.file).into_owned(), at.line)),
        around,
        remedy: remedy(place),
        accepted: None,
    })
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
