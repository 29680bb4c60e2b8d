//! Tests of the rules. Each function is a listing: word, declared depth,
//! value of `PCDATA_UnsafePoint`, instruction. The words come from GNU as 2.40
//! (binutils-aarch64-linux-gnu) for the instruction behind them; what follows
//! for SP is worked out by hand.

mod callee;
mod depths;
mod flow;
mod frame_pointer;
mod long;
mod preemption;
mod recovery;
mod rows;
mod saved_lr;
mod straight;
mod values;

use crate::report::{Observer, Observers, Reason, Report, Rule, Verdict};
use crate::sweep::Sweep;
use crate::{Callee, Checker, Function, SignalStack, Surroundings};
use a64::DecodeCache;
use core::fmt::Write;
use unwind::{Columns, Depth, FuncFlags, Index, Pc, Row, RowTable, Rows as _, UnsafePoint, Word};

/// Where the functions are.
const ENTRY: u64 = 0x1_0000;

/// A function to check, with what the image says of it.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) listing: &'a str,
    flags: FuncFlags,
    pub(crate) recovery: Option<Index>,
    signals: SignalStack,
    /// What the image holds, by address.
    pub(crate) pointers: &'a [(u64, u64)],
    /// What is known of all functions that it calls.
    callee: Callee,
    is_runtime: bool,
    ignores_mark: bool,
}

impl Surroundings for Case<'_> {
    fn pointer(&self, address: u64) -> Option<u64> {
        self.pointers.iter().find(|(known, _)| *known == address).map(|&(_, value)| value)
    }

    fn callee(&self, _: u64) -> Callee {
        self.callee
    }

    fn is_runtime(&self) -> bool {
        self.is_runtime
    }

    fn ignores_mark(&self) -> bool {
        self.ignores_mark
    }
}

/// Checks a function without flags or jump tables for rule `sp-row`. The expected
/// report is a line for the verdict, each violation and each undecided place.
#[track_caller]
fn check(listing: &str, expected: &[&str]) {
    Case::new(listing).check(expected);
}

/// Checks that a function without flags is refuted, and that the report for rule `sp-row` has
/// these lines among others.
#[track_caller]
fn check_finds(listing: &str, expected: &[&str]) {
    let report = Case::new(listing).sp_row();
    let lines = rendered(&report);
    assert_eq!(report.verdict(), Verdict::Refuted, "{listing}");
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
    }
}

/// Checks a function without flags for all rules but `sp-row`. The expected report is
/// a line for each violation and each undecided place.
#[track_caller]
fn check_rules(listing: &str, expected: &[&str]) {
    Case::new(listing).check_rules(expected);
}

impl<'a> Case<'a> {
    pub(crate) fn new(listing: &'a str) -> Self {
        Self {
            listing,
            flags: FuncFlags(0),
            recovery: None,
            signals: SignalStack::Own,
            pointers: &[],
            callee: Callee::Unknown,
            is_runtime: false,
            ignores_mark: false,
        }
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(rendered(&self.sp_row()), expected, "{}", self.listing);
    }

    #[track_caller]
    fn check_rules(&self, expected: &[&str]) {
        assert_eq!(other_rules(&self.report()), expected, "{}", self.listing);
    }

    /// What the report says of rule `sp-row`: most of the listings save neither LR
    /// nor R29.
    fn sp_row(&self) -> Report {
        sp_row(self.report())
    }

    /// What a check says of the function, and the analysis alone too.
    pub(crate) fn report(&self) -> Report {
        self.with_function(|function| {
            let (mut report, mut again, mut checker) = <_>::default();
            Checker::check(&mut checker, function, &mut report);
            // The memory of a checker does not change what it finds.
            checker.check(function, &mut again);
            assert_eq!(again, report);
            // Nor does the form that the rows have.
            let mut columns = Columns::new();
            checker.check(&function.with(function.rows.columns(&mut columns)), &mut again);
            assert_eq!(again, report);
            // Nor does the fast path.
            checker.analyse(function, &mut again);
            assert_eq!(again, report, "{}", self.listing);
            report
        })
    }

    /// What a sweep proves of it.
    pub(crate) fn swept(&self) -> Option<u32> {
        self.with_sweep(|proved, _| proved)
    }

    /// Sweeps it, and calls `act` with what that proves and what it worked on.
    pub(crate) fn with_sweep<T>(&self, act: impl FnOnce(Option<u32>, &Sweep) -> T) -> T {
        self.with_function(|function| {
            let (mut sweep, mut columns) = (Sweep::default(), Columns::new());
            let function = function.with(function.rows.columns(&mut columns));
            act(sweep.prove(&function, &mut DecodeCache::new()), &sweep)
        })
    }

    pub(crate) fn with_function<T>(&self, act: impl FnOnce(&Function<'_>) -> T) -> T {
        let (mut words, mut rows) = (Vec::new(), RowTable::new());
        for line in self.listing.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut fields = line.split_ascii_whitespace();
            let word = fields.next().expect("a word");
            words.push(Word::new(u32::from_str_radix(word, 16).expect("a word in hexadecimal")));
            // A line that goes on with the instruction has no row.
            let Ok(depth) = fields.next().expect("a depth").parse() else { continue };
            let class = fields.next().and_then(|class| class.parse().ok()).expect("a class");
            let unsafe_point = UnsafePoint::from_pcdata(class).expect("a class of Go's");
            rows.push(Row { depth: Depth(depth), unsafe_point }, 1);
        }
        let function = Function::new(Pc(ENTRY), &words, &rows)
            .with_flags(self.flags)
            .with_recovery(self.recovery)
            .with_signals(self.signals)
            .with_surroundings(self);
        act(&function)
    }
}

/// What a report says but of rule `sp-row`.
fn other_rules(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for violation in report.violations.iter().filter(|found| found.rule != Rule::SpRow) {
        let mut line = format!("{}: {}:", violation.at.0, violation.rule);
        for observer in Observer::ALL {
            if violation.observers.contains(observer) {
                write!(line, " {observer}").expect("a string takes all");
            }
        }
        if violation.unpreempted != Observers::NONE {
            line += ", unpreempted:";
            for observer in Observer::ALL {
                if violation.unpreempted.contains(observer) {
                    write!(line, " {observer}").expect("a string takes all");
                }
            }
        }
        lines.push(line);
    }
    for undecided in &report.undecided {
        lines.push(format!("{}: {:?}", undecided.at.0, undecided.reason));
    }
    lines
}

fn sp_row(mut report: Report) -> Report {
    report.violations.retain(|violation| violation.rule == Rule::SpRow);
    report.undecided.retain(|undecided| {
        !matches!(
            undecided.reason,
            Reason::UntrackedReturnAddress
                | Reason::UntrackedFramePointer
                | Reason::UntrackedResumption
                | Reason::UntrackedTemporary
                | Reason::UntrackedCallee
        )
    });
    report
}

fn rendered(report: &Report) -> Vec<String> {
    let mut lines = vec![report.verdict().to_string()];
    for violation in &report.violations {
        let mut line = format!(
            "{}: declared {}, actual {}:",
            violation.at.0, violation.declared, violation.actual
        );
        for observer in Observer::ALL {
            if violation.observers.contains(observer) {
                write!(line, " {observer}").expect("a string takes all");
            }
        }
        lines.push(line);
    }
    for undecided in &report.undecided {
        lines.push(format!("{}: {:?}", undecided.at.0, undecided.reason));
    }
    if let Some(at) = report.sp_write {
        lines.push(format!("{}: marked as a write of SP", at.0));
    }
    lines
}
