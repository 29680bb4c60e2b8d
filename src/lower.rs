//! `midframe lower`: one frame, boundary by boundary.

use crate::explain::{Broken, release};
use crate::prove::verify;
use crate::scan::unobserving;
use lowering::{Frame, Policy, lower};
use unwind::{Depth, Index, Preemption, UnsafePoint, Word};
use verifier::{Checker, Observer, Report, Rule, Verdict, Violation};

/// A lowered function with what the verifier found.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The frame.
    pub frame: Frame,
    /// What was asked for: a release, or the name of a policy.
    pub asked: String,
    /// The policy that it stands for.
    pub policy: Policy,
    /// Its boundaries, in order.
    pub boundaries: Vec<Boundary>,
    verdicts: [Verdict; Observer::ALL.len()],
}

impl Listing {
    /// The verdict for one observer. The exit status is that of preemption and of whoever
    /// executes the function.
    #[must_use]
    pub const fn verdict(&self, observer: Observer) -> Verdict {
        self.verdicts[observer as usize]
    }
}

/// One boundary.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// Which.
    pub at: Index,
    /// The instruction that is about to run.
    pub word: Word,
    /// The depth that the row declares.
    pub declared: Depth,
    /// The depth that SP has.
    pub actual: Depth,
    /// The row's unsafe-point class.
    pub unsafe_point: UnsafePoint,
    /// The rules that do not hold here, each once.
    pub broken: Vec<Broken>,
}

impl Boundary {
    /// The rules that do not hold here.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        self.broken.iter().map(|broken| broken.rule)
    }
}

/// Lowers and verifies one frame under a policy that was asked for by this name.
#[must_use]
pub fn list(frame: Frame, policy: Policy, asked: &str) -> Listing {
    let lowered = lower(&frame, &policy);
    let mut report = Report::new();
    verify(&lowered, frame.os, &mut Checker::new(), &mut report);
    let unobserving = unobserving(release(&policy, asked));
    let broken = |violation| {
        let observers = Violation::observers(violation, Preemption::Async);
        Broken::new(violation, observers, unobserving)
    };
    let verdict = |observer| match unobserving.contains(observer) {
        true => Verdict::NotObserved,
        false => report.verdict_for(observer),
    };
    let boundaries = (0_u32..).map(Index).zip(lowered.words()).map(|(at, &word)| {
        let row = lowered.rows().row(at).unwrap_or_default();
        let here = || report.violations.iter().filter(|violation| violation.at == at);
        Boundary {
            at,
            word,
            declared: row.depth,
            actual: here().next().map_or(row.depth, |violation| violation.actual),
            unsafe_point: row.unsafe_point,
            broken: here().filter_map(broken).collect(),
        }
    });
    Listing {
        frame,
        asked: asked.to_owned(),
        policy,
        boundaries: boundaries.collect(),
        verdicts: Observer::ALL.map(verdict),
    }
}
