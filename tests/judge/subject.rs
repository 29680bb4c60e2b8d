//! The functions under test: words with the row of each boundary. What the checker
//! is asked, is asked here.

use core::fmt;
use std::collections::BTreeSet;
use unwind::{Depth, FuncFlags, Pc, Row, RowTable, UnsafePoint, Word};
use verifier::{Checker, Function, Observer, Report, SignalStack};

/// A boundary as the table declares it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Line {
    /// The instruction.
    pub(crate) word: u32,
    /// The depth of SP below the CFA.
    pub(crate) depth: i64,
    /// The value of `PCDATA_UnsafePoint`.
    pub(crate) class: i32,
}

/// Which stack signal handlers run on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Signals {
    /// One of their own (`SA_ONSTACK`).
    #[default]
    Own,
    /// That of the goroutine: ios.
    Goroutine,
}

/// A function with what is known of it besides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Subject {
    /// Its boundaries.
    pub(crate) lines: Vec<Line>,
    /// Where signals are handled.
    pub(crate) signals: Signals,
    /// The flags in the table (`internal/abi/symtab.go`).
    pub(crate) flags: u8,
}

/// The rules, by what breaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Rule {
    SpRow,
    SavedLr,
    FramePointer,
    BelowSp,
    Restart,
    SpAlign,
    Callee,
}

impl Rule {
    /// All rules.
    pub(crate) const ALL: [Self; 7] = [
        Self::SpRow,
        Self::SavedLr,
        Self::FramePointer,
        Self::BelowSp,
        Self::Restart,
        Self::SpAlign,
        Self::Callee,
    ];

    /// The id, which is the verifier's.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::SpRow => "sp-row",
            Self::SavedLr => "saved-lr",
            Self::FramePointer => "frame-pointer",
            Self::BelowSp => "below-sp",
            Self::Restart => "restart",
            Self::SpAlign => "sp-align",
            Self::Callee => "callee",
        }
    }
}

/// A rule broken at a boundary for an observer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Finding {
    /// The boundary.
    pub(crate) at: usize,
    /// The rule.
    pub(crate) rule: Rule,
    /// Who is misled.
    pub(crate) observer: Observer,
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} for {}", self.rule.id(), self.at, self.observer)
    }
}

impl Subject {
    /// An ordinary function on linux.
    pub(crate) fn new(lines: Vec<Line>) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Reads a listing: a line for each boundary with word, depth, class and
    /// whatever comes behind; no line for a word without a row.
    pub(crate) fn read(listing: &str) -> Self {
        let lines = listing.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = |line: &str| {
            let mut fields = line.split_ascii_whitespace();
            let mut field = || fields.next().expect("a word, a depth, a class");
            let word = u32::from_str_radix(field(), 16).expect("a word in hexadecimal");
            let depth = field().parse().expect("a depth");
            let class = field().parse().expect("a class");
            Line { word, depth, class }
        };
        Self::new(lines.map(line).collect())
    }

    /// The lines as a listing.
    pub(crate) fn listing(&self) -> String {
        let line = |line: &Line| {
            let syntax = a64::syntax::GoSyntax(Word::new(line.word));
            format!("{:08x} {:>9} {} {syntax}\n", line.word, line.depth, line.class)
        };
        self.lines.iter().map(line).collect()
    }

    /// Whether all of these flags are set.
    pub(crate) const fn has(&self, flags: FuncFlags) -> bool {
        FuncFlags(self.flags).contains(flags)
    }

    /// Where a goroutine resumes that is preempted at `at` (`isAsyncSafePoint` in
    /// runtime/preempt.go of go1.24): nowhere at an unsafe point and in assembly,
    /// where it cannot be.
    pub(crate) fn resumption(&self, at: usize) -> Option<usize> {
        if self.has(FuncFlags::ASM) {
            return None;
        }
        let class = self.lines[at].class;
        match class {
            -1 => Some(at),
            -3 | -4 => {
                let other = self.lines[..at].iter().rposition(|line| line.class != class);
                Some(other.map_or(0, |position| position + 1))
            }
            -5 => Some(0),
            _ => None,
        }
    }

    /// What the verifier's analysis finds, without the fast path.
    pub(crate) fn analysed(&self, checker: &mut Checker) -> Report {
        let (words, rows) = self.parts();
        let mut report = Report::new();
        checker.analyse(&self.function(&words, &rows), &mut report);
        report
    }

    /// What the verifier finds.
    pub(crate) fn report(&self, checker: &mut Checker) -> Report {
        let (words, rows) = self.parts();
        let mut report = Report::new();
        checker.check(&self.function(&words, &rows), &mut report);
        report
    }

    /// Its instructions and rows.
    pub(crate) fn parts(&self) -> (Vec<Word>, RowTable) {
        let mut rows = RowTable::new();
        for line in &self.lines {
            let unsafe_point = UnsafePoint::from_pcdata(line.class).expect("a class of Go's");
            rows.push(Row { depth: Depth(line.depth), unsafe_point }, 1);
        }
        (self.lines.iter().map(|line| Word::new(line.word)).collect(), rows)
    }

    /// What the verifier is given.
    pub(crate) fn function<'a>(&self, words: &'a [Word], rows: &'a RowTable) -> Function<'a> {
        let signals = match self.signals {
            Signals::Own => SignalStack::Own,
            Signals::Goroutine => SignalStack::Goroutine,
        };
        Function::new(Pc(0x1_0000), words, rows)
            .with_flags(FuncFlags(self.flags))
            .with_signals(signals)
    }
}

/// The verifier's findings in the terms of the judge.
pub(crate) fn findings(report: &Report) -> BTreeSet<Finding> {
    let mut findings = BTreeSet::new();
    for violation in &report.violations {
        let id = violation.rule.id();
        let rule = Rule::ALL.into_iter().find(|rule| rule.id() == id).expect("a rule");
        let observers = Observer::ALL.into_iter();
        for observer in observers.filter(|&observer| violation.observers.contains(observer)) {
            findings.insert(Finding { at: violation.at.0 as usize, rule, observer });
        }
    }
    findings
}
