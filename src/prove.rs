//! `midframe prove`: every frame size, each policy. Each frame is lowered and
//! its words verified on their own; no verdict is carried from one frame to
//! another.

use crate::progress::Progress;
use core::ops::Range;
use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use rayon::prelude::*;
use std::time::{Duration, Instant};
use unwind::{FuncFlags, Pc};
use verifier::{Checker, Function, Report, Rule, SignalStack, Verdict};

/// How many frames a thread takes at a time.
const CHUNK: u32 = 1 << 15;

/// What to prove.
#[derive(Clone, Debug)]
pub struct Request {
    /// The policies.
    pub policies: Vec<Policy>,
    /// The ranks of the frame sizes.
    pub frames: Range<u32>,
    /// Whether functions check for stack space.
    pub check: StackCheck,
    /// The operating system.
    pub os: Os,
}

/// All theorems, and how long they took.
#[derive(Clone, Debug)]
pub struct Proof {
    /// One for each policy and kind of function.
    pub theorems: Vec<Theorem>,
    /// The time spent.
    pub elapsed: Duration,
}

/// What holds for all frame sizes under one policy.
#[derive(Clone, Debug)]
pub struct Theorem {
    /// The policy.
    pub policy: Policy,
    /// Leaf functions, or the others.
    pub kind: Kind,
    /// What was counted.
    pub tally: Tally,
}

/// Counts over frame sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were lowered and verified.
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
}

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

    fn merge(mut self, other: Self) -> Self {
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
        self
    }
}

/// Proves or refutes the theorems, on all threads.
#[must_use]
pub fn prove(request: &Request, progress: &Progress) -> Proof {
    let start = Instant::now();
    let kinds = [Kind::Leaf, Kind::NonLeaf];
    progress.begin(request.frames.len() as u64 * request.policies.len() as u64 * 2);
    let theorems = request.policies.iter().flat_map(|&policy| {
        kinds.map(|kind| Theorem { policy, kind, tally: theorem(request, &policy, kind, progress) })
    });
    let theorems = theorems.collect();
    progress.end();
    Proof { theorems, elapsed: start.elapsed() }
}

fn theorem(request: &Request, policy: &Policy, kind: Kind, progress: &Progress) -> Tally {
    let (first, last) = (request.frames.start, request.frames.end);
    let chunks = (last - first).div_ceil(CHUNK);
    (0..chunks)
        .into_par_iter()
        .map_init(Prover::default, |prover, chunk| {
            let start = first + chunk * CHUNK;
            let tally = prover.prove(start..(start + CHUNK).min(last), request, policy, kind);
            progress.advance(tally.frames);
            tally
        })
        .reduce(Tally::default, Tally::merge)
}

/// The memory of one thread.
#[derive(Debug, Default)]
pub struct Prover {
    lowered: Lowered,
    checker: Checker,
    report: Report,
}

impl Prover {
    /// Lowers and verifies the frames with these ranks.
    pub fn prove(
        &mut self,
        ranks: Range<u32>,
        request: &Request,
        policy: &Policy,
        kind: Kind,
    ) -> Tally {
        let mut tally = Tally::default();
        for size in ranks.filter_map(FrameSize::nth) {
            let frame = Frame { size, kind, check: request.check, os: request.os };
            lower_into(&frame, policy, &mut self.lowered);
            verify(&self.lowered, request.os, &mut self.checker, &mut self.report);
            tally.frames += 1;
            tally.boundaries += u64::from(self.report.boundaries);
            match self.report.verdict() {
                Verdict::Proved => {}
                Verdict::Undecided => tally.undecided += 1,
                Verdict::Refuted => {
                    tally.refuted += 1;
                    tally.smallest = tally.smallest.or(Some(size));
                    for (count, rule) in tally.rules.iter_mut().zip(Rule::ALL) {
                        let broken = self.report.violations.iter().any(|v| v.rule == rule);
                        *count += u64::from(broken);
                    }
                }
            }
        }
        tally
    }
}

/// Verifies a lowered function.
pub fn verify(lowered: &Lowered, os: Os, checker: &mut Checker, report: &mut Report) {
    checker.check(&function(lowered, os), report);
}

/// What the verifier gets of a lowered function: words, rows, and how the system
/// handles signals (`obj7.go`, on ios: no `SA_ONSTACK`).
#[must_use]
pub fn function(lowered: &Lowered, os: Os) -> Function<'_> {
    Function {
        entry: Pc(0),
        words: lowered.words(),
        rows: lowered.rows(),
        flags: FuncFlags(0),
        recovery: None,
        signals: match os {
            Os::Ios => SignalStack::Goroutine,
            Os::Linux | Os::Darwin => SignalStack::Own,
        },
        pointer: &|_| None,
    }
}
