//! What is counted of frames, and what was found of one sequence.

use lowering::FrameSize;
use verifier::{Observer, Report, Rule, Severity, Verdict};

/// Counts over frame sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were decided.
    pub frames: u64,
    /// How many boundaries they have.
    pub boundaries: u64,
    /// How many frames break a rule.
    pub refuted: u64,
    /// How many are undecided.
    pub undecided: u64,
    /// The smallest one that breaks a rule.
    pub smallest: Option<FrameSize>,
    /// How many frames break each rule, in the order of [`Rule::ALL`].
    pub rules: [u64; Rule::ALL.len()],
    /// What can happen at worst to each observer, in the order of [`Observer::ALL`].
    pub worst: [Option<Severity>; Observer::ALL.len()],
}

/// What can happen at worst to each observer, in the order of [`Observer::ALL`].
type Worst = [Option<Severity>; Observer::ALL.len()];

impl Tally {
    /// The verdict on all frames.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.refuted > 0 {
            Verdict::Refuted
        } else if self.undecided > 0 || self.frames == 0 {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }

    /// One frame more.
    pub(super) fn count(&mut self, size: FrameSize, outcome: &Outcome) {
        self.frames += 1;
        self.boundaries += u64::from(outcome.boundaries);
        match outcome.verdict {
            Verdict::NotObserved | Verdict::Proved => {}
            Verdict::Undecided => self.undecided += 1,
            Verdict::Refuted => {
                self.refuted += 1;
                self.smallest = Some(self.smallest.map_or(size, |smallest| smallest.min(size)));
                for (count, is_broken) in self.rules.iter_mut().zip(outcome.broken) {
                    *count += u64::from(is_broken);
                }
                for (mine, worst) in self.worst.iter_mut().zip(outcome.worst) {
                    *mine = (*mine).max(worst);
                }
            }
        }
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.frames += other.frames;
        self.boundaries += other.boundaries;
        self.refuted += other.refuted;
        self.undecided += other.undecided;
        self.smallest = match (self.smallest, other.smallest) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            *mine += theirs;
        }
        for (mine, theirs) in self.worst.iter_mut().zip(other.worst) {
            *mine = (*mine).max(theirs);
        }
        self
    }
}

/// What was found of one sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    boundaries: u32,
    pub(super) verdict: Verdict,
    /// Which rules are broken, in the order of [`Rule::ALL`].
    broken: [bool; Rule::ALL.len()],
    worst: Worst,
}

impl Outcome {
    pub(super) fn of(report: &Report) -> Self {
        let is_broken = |rule| report.violations.iter().any(|violation| violation.rule == rule);
        let worst = |observer| {
            let seen = report.violations.iter().filter(|found| found.observers.contains(observer));
            seen.map(|violation| violation.severity(observer)).max()
        };
        let (broken, worst) = if report.violations.is_empty() {
            ([false; Rule::ALL.len()], Worst::default())
        } else {
            (Rule::ALL.map(is_broken), Observer::ALL.map(worst))
        };
        Self { boundaries: report.boundaries, verdict: report.verdict(), broken, worst }
    }
}
