//! Counts over the functions of an image, and the verdicts that follow.

use std::collections::BTreeMap;
use unwind::Preemption;
use verifier::{Observer, Observers, Verdict};

/// Counts over the functions of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many functions there are, of those that were to be checked.
    pub functions: u64,
    /// How many functions were left out because their names do not match.
    pub filtered: u64,
    /// How many boundaries were reached and held against their rows.
    pub boundaries: u64,
    /// How many functions write SP in a way that the table does not describe and
    /// say so (`SPWRITE`): nothing is promised behind the write.
    pub sp_write: u64,
    /// The functions that could not be decided, by reason.
    pub undecided: BTreeMap<String, Unsettled>,
    /// Who sees a broken rule.
    pub refuted_for: Observers,
    /// The observers that the runtime of this release does not have. For them
    /// nothing is refuted, undecided or proved.
    pub unobserving: Observers,
    /// How many boundaries break a rule that only one of those could see.
    pub unobserved: u64,
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

impl Summary {
    /// The verdict for one observer: for one that the release does not have, that it does
    /// not observe.
    #[must_use]
    pub fn verdict(&self, observer: Observer) -> Verdict {
        if self.refuted_for.contains(observer) {
            Verdict::Refuted
        } else {
            self.verdict_unless_refuted(observer)
        }
    }

    /// What the verdict for one observer is if nothing is refuted for it.
    pub(super) fn verdict_unless_refuted(&self, observer: Observer) -> Verdict {
        let matters = |unsettled: &Unsettled| unsettled.observers.contains(observer);
        if self.unobserving.contains(observer) {
            Verdict::NotObserved
        } else if self.boundaries == 0 || self.undecided.values().any(matters) {
            Verdict::Undecided
        } else {
            Verdict::Proved
        }
    }

    pub(super) fn unsettled(
        &mut self,
        reason: String,
        observers: Observers,
        preemption: Preemption,
        example: impl FnOnce() -> String,
    ) {
        let new = || Unsettled { functions: 0, preemptible: 0, observers, example: example() };
        let unsettled = self.undecided.entry(reason).or_insert_with(new);
        unsettled.observers = unsettled.observers.union(observers);
        unsettled.functions += 1;
        unsettled.preemptible += u64::from(preemption == Preemption::Async);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.functions += other.functions;
        self.filtered += other.filtered;
        self.boundaries += other.boundaries;
        self.sp_write += other.sp_write;
        self.unobserved += other.unobserved;
        self.refuted_for = self.refuted_for.union(other.refuted_for);
        for (reason, theirs) in other.undecided {
            match self.undecided.get_mut(&reason) {
                Some(mine) => {
                    mine.functions += theirs.functions;
                    mine.preemptible += theirs.preemptible;
                    mine.observers = mine.observers.union(theirs.observers);
                }
                None => {
                    self.undecided.insert(reason, theirs);
                }
            }
        }
    }
}
