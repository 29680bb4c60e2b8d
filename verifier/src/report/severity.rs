//! What can happen where a rule does not hold.

use super::{Observer, Rule};
use core::fmt;

/// What can happen at worst where a rule does not hold, from the least to the gravest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// A profile has a sample that is cut short, lost, or names functions that did not run.
    WrongSample,
    /// The thread does not get on: a RET jumps to itself.
    Hang,
    /// The program ends, or goes on with wrong values.
    Crash,
}

impl Severity {
    /// All severities, the gravest first.
    pub const ALL: [Self; 3] = [Self::Crash, Self::Hang, Self::WrongSample];

    /// The id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::WrongSample => "wrong-sample",
            Self::Hang => "hang",
            Self::Crash => "crash",
        }
    }

    /// Whether it can happen to an observer at all.
    #[must_use]
    pub const fn is_met_by(self, observer: Observer) -> bool {
        match self {
            Self::Crash => true,
            Self::Hang => matches!(observer, Observer::Everybody),
            Self::WrongSample => matches!(observer, Observer::Profiler),
        }
    }

    /// The worst that a broken rule does to an observer, in the releases where it is worst.
    ///
    /// A profiler's sample is wrong where the unwinder is misled. If the return address is
    /// the boundary itself (`returns_to_itself`), the unwinder finds no way on and ends the
    /// program: `fatal error: traceback stuck` (`runtime/traceback.go`, `next`;
    /// golang/go#62086, golang/go#80771). A word below SP that a handler overwrites is lost
    /// to the function, whoever sent the signal.
    #[must_use]
    pub const fn of(rule: Rule, observer: Observer, returns_to_itself: bool) -> Self {
        match observer {
            Observer::Everybody if returns_to_itself => Self::Hang,
            Observer::Profiler if !returns_to_itself && !matches!(rule, Rule::BelowSp) => {
                Self::WrongSample
            }
            Observer::Everybody
            | Observer::AsyncPreemption
            | Observer::FramePointer
            | Observer::Profiler => Self::Crash,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expectations: what programs did, golang/go#73259 (the collector), golang/go#63830 (the
    // tracer), golang/go#62086 and golang/go#80771 (`traceback stuck` from SIGPROF), and under
    // `qemu-aarch64 -cpu max` a RET whose LR is its own address, which runs for ever.
    #[test]
    fn what_happens_at_worst() {
        use Observer::{AsyncPreemption, Everybody, FramePointer, Profiler};
        for (observer, itself, severity) in [
            (Everybody, false, Severity::Crash),
            (Everybody, true, Severity::Hang),
            (AsyncPreemption, false, Severity::Crash),
            (AsyncPreemption, true, Severity::Crash),
            (FramePointer, false, Severity::Crash),
            (FramePointer, true, Severity::Crash),
            (Profiler, false, Severity::WrongSample),
            (Profiler, true, Severity::Crash),
        ] {
            for rule in [Rule::SpRow, Rule::SavedLr, Rule::FramePointer, Rule::Callee] {
                assert_eq!(Severity::of(rule, observer, itself), severity, "{rule} {observer}");
            }
        }
        assert_eq!(Severity::of(Rule::BelowSp, Profiler, false), Severity::Crash);
    }

    #[test]
    fn a_crash_is_the_gravest() {
        assert!(Severity::ALL.is_sorted_by(|graver, less| graver > less));
    }
}
