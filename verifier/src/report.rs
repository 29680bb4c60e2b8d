//! What a check found, as data.

mod observer;
mod reason;
mod severity;

pub use observer::{Observer, Observers};
pub use reason::Reason;
pub use severity::Severity;

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
    /// The function leaves its caller what the caller's own proof assumes: R29 and the
    /// caller's saved pair, the caller's frame, SP and LR at RET, and `g` (R28) where a
    /// signal can come.
    Callee,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 7] = [
        Self::SpRow,
        Self::SavedLr,
        Self::FramePointer,
        Self::BelowSp,
        Self::Restart,
        Self::SpAlign,
        Self::Callee,
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
            Self::Callee => "callee",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
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
    /// Whether the return address in force is the boundary itself, or a RET jumps to
    /// itself: an unwinder makes no progress there, and neither does who executes it.
    pub returns_to_itself: bool,
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

    /// What can happen at worst to one observer of it.
    #[must_use]
    pub const fn severity(&self, observer: Observer) -> Severity {
        Severity::of(self.rule, observer, self.returns_to_itself)
    }

    /// What can happen at worst to any of these observers; none if there are none.
    #[must_use]
    pub fn worst(&self, observers: Observers) -> Option<Severity> {
        let seen = Observer::ALL.into_iter().filter(|&observer| observers.contains(observer));
        seen.map(|observer| self.severity(observer)).max()
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

/// What follows from a report, for one observer or for all of them.
///
/// Of several verdicts the largest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// There is no observer of this kind, so nothing is claimed for it. This is not a
    /// proof: what such an observer would see was not asked. [`Report::verdict_for`]
    /// does not know who exists and never says it; a scan knows the release.
    NotObserved,
    /// Every reachable boundary was checked and every rule holds.
    Proved,
    /// Something could not be decided, and nothing was refuted.
    Undecided,
    /// A rule does not hold.
    Refuted,
}

impl Verdict {
    /// All verdicts, from the smallest to the largest.
    pub const ALL: [Self; 4] = [Self::NotObserved, Self::Proved, Self::Undecided, Self::Refuted];

    /// The id: one word, as documents have it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::NotObserved => "not-observed",
            Self::Proved => "proved",
            Self::Undecided => "undecided",
            Self::Refuted => "refuted",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotObserved => "not observed",
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
