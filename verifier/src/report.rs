//! What a check found, as data.

use core::fmt;
use unwind::{Depth, Index, Preemption, Word};

/// A rule. The ids are stable; they appear in output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// The actual depth of SP is the declared depth of the boundary where
    /// execution would resume ([`crate::rules::sp_row`]).
    SpRow,
    /// The return address is in LR at depth 0, and at SP otherwise
    /// ([`crate::rules::saved_lr`]).
    SavedLr,
    /// R29 is the caller's, or points at the saved pair
    /// ([`crate::rules::frame_pointer`]).
    FramePointer,
    /// No word below SP is live where a call can be injected
    /// ([`crate::rules::below_sp`]).
    BelowSp,
    /// Going on after preemption gives the same state
    /// ([`crate::rules::restart`]).
    Restart,
    /// SP is a multiple of 16 ([`crate::rules::sp_align`]).
    SpAlign,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 6] = [
        Self::SpRow,
        Self::SavedLr,
        Self::FramePointer,
        Self::BelowSp,
        Self::Restart,
        Self::SpAlign,
    ];

    /// The id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SpRow => "sp-row",
            Self::SavedLr => "saved-lr",
            Self::FramePointer => "frame-pointer",
            Self::BelowSp => "below-sp",
            Self::Restart => "restart",
            Self::SpAlign => "sp-align",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Who reads a row while a thread stands at the boundary, the gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Observer {
    /// The runtime preempts the goroutine here and the garbage collector
    /// unwinds it: a wrong row is a crash.
    AsyncPreemption,
    /// The execution tracer and the profilers of blocking walk frame pointers:
    /// a wrong one is a crash.
    FramePointer,
    /// A profiler's signal unwinds from here: a wrong row is a lost or a wrong
    /// sample.
    Profiler,
}

impl Observer {
    /// All observers, the gravest first.
    pub const ALL: [Self; 3] = [Self::AsyncPreemption, Self::FramePointer, Self::Profiler];

    /// The id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::AsyncPreemption => "async-preemption",
            Self::FramePointer => "frame-pointer",
            Self::Profiler => "profiler",
        }
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A set of observers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Observers(u8);

impl Observers {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// Everybody.
    pub const ALL: Self = Self::NONE
        .with(Observer::AsyncPreemption)
        .with(Observer::FramePointer)
        .with(Observer::Profiler);

    /// These and one more.
    #[must_use]
    pub const fn with(self, observer: Observer) -> Self {
        Self(self.0 | 1 << observer as u8)
    }

    /// These but one.
    #[must_use]
    pub const fn without(self, observer: Observer) -> Self {
        Self(self.0 & !(1 << observer as u8))
    }

    /// Whether an observer is among them.
    #[must_use]
    pub const fn contains(self, observer: Observer) -> bool {
        self.0 >> observer as u8 & 1 == 1
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The gravest of them.
    #[must_use]
    pub fn gravest(self) -> Option<Observer> {
        Observer::ALL.into_iter().find(|&observer| self.contains(observer))
    }
}

/// A boundary at which a rule does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The boundary.
    pub at: Index,
    /// The depth that the table declares where execution would resume; at an
    /// unsafe point, at the boundary itself.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
    /// Who would see it if the function can be preempted.
    pub observers: Observers,
    /// Who sees it if the function is never preempted.
    pub unpreempted: Observers,
}

impl Violation {
    /// Who sees it in a function that can be preempted or not.
    #[must_use]
    pub const fn observers(&self, preemption: Preemption) -> Observers {
        match preemption {
            Preemption::Async => self.observers,
            Preemption::Never(_) => self.unpreempted,
        }
    }
}

/// Why the verifier cannot decide a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A word that the decoder does not know.
    UnknownInstruction,
    /// SP is written with a value that is not followed.
    UntrackedStackPointer,
    /// A jump through a register, inside a frame, to where is not known.
    IndirectJump,
    /// A jump to another function, or a return, with a frame still open.
    JumpOutOfFrame,
    /// A boundary that can be reached has no row.
    NoRow,
    /// Execution runs past the end of the function.
    RunsPastEnd,
    /// Execution goes on from a boundary whose row is wrong, which not every
    /// observer sees: what follows is not known for the others.
    BehindBrokenRow,
    /// The return address is in a place that is not followed, if anywhere.
    UntrackedReturnAddress,
    /// R29 has a value that is not followed.
    UntrackedFramePointer,
    /// A goroutine resumes where it is not known whether that gives the same
    /// state.
    UntrackedResumption,
    /// R27 is read, and not known to be written before.
    UntrackedTemporary,
}

impl Reason {
    /// To whom nothing is proved for this reason.
    #[must_use]
    pub const fn observers(self) -> Observers {
        let none = Observers::NONE;
        match self {
            Self::UntrackedReturnAddress => {
                none.with(Observer::AsyncPreemption).with(Observer::Profiler)
            }
            Self::UntrackedFramePointer => none.with(Observer::FramePointer),
            Self::UntrackedResumption | Self::UntrackedTemporary => {
                none.with(Observer::AsyncPreemption)
            }
            _ => Observers::ALL,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownInstruction => "an instruction that the decoder does not know",
            Self::UntrackedStackPointer => "SP is written with a value that is not followed",
            Self::IndirectJump => "a jump through a register to an unknown place in the frame",
            Self::JumpOutOfFrame => "a jump to another function with the frame still open",
            Self::NoRow => "a boundary without a row",
            Self::RunsPastEnd => "execution runs past the end of the function",
            Self::BehindBrokenRow => "code behind a row that is wrong for some observers",
            Self::UntrackedReturnAddress => "the return address is not followed",
            Self::UntrackedFramePointer => "R29 is written with a value that is not followed",
            Self::UntrackedResumption => "a resumption whose effect is not followed",
            Self::UntrackedTemporary => "R27 is read with a value that is not followed",
        })
    }
}

/// A place that the verifier cannot decide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Undecided {
    /// Why.
    pub reason: Reason,
    /// The instruction.
    pub at: Index,
    /// Its encoding, if there is one.
    pub word: Option<Word>,
}

/// What follows from a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// Every reachable boundary was checked and every rule holds.
    Proved,
    /// Something could not be decided, and nothing was refuted.
    Undecided,
    /// A rule does not hold.
    Refuted,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proved => "proved",
            Self::Undecided => "undecided",
            Self::Refuted => "refuted",
        })
    }
}

/// What a check of one function found. Made to be reused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How many boundaries were reached and held against their rows.
    pub boundaries: u32,
    /// The broken rules, by boundary, each once a boundary and rule.
    pub violations: Vec<Violation>,
    /// What could not be decided, by boundary.
    pub undecided: Vec<Undecided>,
    /// Where, in a function that is marked `SPWRITE`, SP first is not what the
    /// table says, or is written with a value that is not followed: unwinders
    /// stop at such a function.
    pub sp_write: Option<Index>,
}

impl Report {
    /// Takes over what was found in a part of the function that starts at `first`; its
    /// boundaries are counted already.
    pub(crate) fn take(&mut self, part: &mut Self, first: Index) {
        let place = |Index(at): Index| Index(first.0 + at);
        let violations = part.violations.drain(..);
        self.violations.extend(violations.map(|found| Violation { at: place(found.at), ..found }));
        let undecided = part.undecided.drain(..);
        self.undecided.extend(undecided.map(|found| Undecided { at: place(found.at), ..found }));
    }

    /// An empty report.
    #[must_use]
    pub const fn new() -> Self {
        Self { boundaries: 0, violations: Vec::new(), undecided: Vec::new(), sp_write: None }
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.violations.is_empty() && self.undecided.is_empty() && self.sp_write.is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.boundaries = 0;
        self.violations.clear();
        self.undecided.clear();
        self.sp_write = None;
    }

    /// The verdict for everybody who looks at all.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let is_seen = |violation: &Violation| violation.observers != Observers::NONE;
        self.verdict_where(is_seen, |_| true)
    }

    /// The verdict for one observer of a function that can be preempted.
    #[must_use]
    pub fn verdict_for(&self, observer: Observer) -> Verdict {
        self.verdict_where(
            |violation| violation.observers.contains(observer),
            |undecided| undecided.reason.observers().contains(observer),
        )
    }

    fn verdict_where(
        &self,
        breaks: impl Fn(&Violation) -> bool,
        doubts: impl Fn(&Undecided) -> bool,
    ) -> Verdict {
        if self.violations.iter().any(breaks) {
            Verdict::Refuted
        } else if self.boundaries == 0 || self.undecided.iter().any(doubts) {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }
}
