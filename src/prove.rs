//! `midframe prove`: every frame size, each policy.
//!
//! What is verified is words and rows, of one frame at a time: a size, and leaf or
//! not. Each frame is lowered under every policy; those that make the same choices
//! for such a frame ([`Policy::for_frame`]) are lowered as one. Policies that emit the
//! very same words and the very same rows for the frame share one verification; every
//! distinct sequence gets its own. No verdict is carried from one frame size to
//! another, nor from leaf functions to others: nothing is inferred from what two
//! frames have in common.

pub mod map;

use crate::progress::Progress;
use core::ops::Range;
use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use map::Map;
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
    /// How many distinct sequences were verified, counted for each frame anew.
    pub sequences: u64,
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
    /// Where the refuted frame sizes are.
    pub map: Map,
}

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

    /// One frame more.
    fn count(&mut self, size: FrameSize, outcome: &Outcome) {
        self.frames += 1;
        self.boundaries += u64::from(outcome.boundaries);
        match outcome.verdict {
            Verdict::Proved => {}
            Verdict::Undecided => self.undecided += 1,
            Verdict::Refuted => {
                self.refuted += 1;
                self.smallest = Some(self.smallest.map_or(size, |smallest| smallest.min(size)));
                for (count, is_broken) in self.rules.iter_mut().zip(outcome.broken) {
                    *count += u64::from(is_broken);
                }
            }
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

/// The kinds of functions, in the order of the theorems of a policy.
const KINDS: [Kind; 2] = [Kind::Leaf, Kind::NonLeaf];

/// Proves or refutes the theorems, on all threads.
#[must_use]
pub fn prove(request: &Request, progress: &Progress) -> Proof {
    let start = Instant::now();
    let theorems = || request.policies.iter().flat_map(|policy| KINDS.map(|kind| (policy, kind)));
    progress.begin(request.frames.len() as u64 * theorems().count() as u64);
    let (first, last) = (request.frames.start, request.frames.end);
    let chunks = (last - first).div_ceil(CHUNK);
    let counts = (0..chunks)
        .into_par_iter()
        .map_init(Prover::default, |prover, chunk| {
            let start = first + chunk * CHUNK;
            let counts = prover.prove(start..(start + CHUNK).min(last), request);
            progress.advance(counts.tallies.iter().flatten().map(|tally| tally.frames).sum());
            counts
        })
        .reduce(|| Counts::none(request), Counts::merge);
    progress.end();
    let counted = counts.tallies.into_iter().flatten().zip(counts.maps.into_iter().flatten());
    let theorems = theorems().zip(counted).map(|((&policy, kind), (tally, map))| Theorem {
        policy,
        kind,
        tally,
        map,
    });
    let sequences = counts.sequences;
    Proof { theorems: theorems.collect(), sequences, elapsed: start.elapsed() }
}

/// What was counted over some frame sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// For each policy that of leaf functions and that of the others.
    pub tallies: Vec<[Tally; KINDS.len()]>,
    /// The same for where the refuted sizes are.
    pub maps: Vec<[Map; KINDS.len()]>,
    /// How many distinct sequences were verified, counted for each frame anew.
    pub sequences: u64,
}

impl Counts {
    fn none(request: &Request) -> Self {
        let count = request.policies.len();
        let (tallies, maps) = (vec![Default::default(); count], vec![Default::default(); count]);
        Self { tallies, maps, sequences: 0 }
    }

    fn merge(mut self, other: Self) -> Self {
        let theirs = other.tallies.into_iter().flatten();
        for (mine, theirs) in self.tallies.iter_mut().flatten().zip(theirs) {
            *mine = mine.merge(theirs);
        }
        for (mine, theirs) in self.maps.iter_mut().flatten().zip(other.maps.iter().flatten()) {
            mine.merge(theirs);
        }
        self.sequences += other.sequences;
        self
    }
}

/// What was found of one sequence.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    boundaries: u32,
    verdict: Verdict,
    /// Which rules are broken, in the order of [`Rule::ALL`].
    broken: [bool; Rule::ALL.len()],
}

impl Outcome {
    fn of(report: &Report) -> Self {
        let is_broken = |rule| report.violations.iter().any(|violation| violation.rule == rule);
        let broken = if report.violations.is_empty() {
            [false; Rule::ALL.len()]
        } else {
            Rule::ALL.map(is_broken)
        };
        Self { boundaries: report.boundaries, verdict: report.verdict(), broken }
    }
}

/// Policies that make the same choices for some frames.
#[derive(Clone, Debug)]
struct Group {
    /// The choices.
    policy: Policy,
    /// The positions of the policies.
    members: Vec<usize>,
}

impl Group {
    fn all(policies: &[Policy], frame: &Frame) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (position, policy) in policies.iter().enumerate() {
            let policy = policy.for_frame(frame);
            match groups.iter_mut().find(|group| group.policy == policy) {
                Some(group) => group.members.push(position),
                None => groups.push(Self { policy, members: vec![position] }),
            }
        }
        groups
    }
}

/// The memory of one thread.
#[derive(Debug, Default)]
pub struct Prover {
    /// The frame as each group of policies lowers it.
    lowered: Vec<Lowered>,
    /// Its distinct sequences, by the first group that emits each.
    distinct: Vec<(usize, Outcome)>,
    checker: Checker,
    report: Report,
}

impl Prover {
    /// Lowers the frames with these ranks under every policy, and verifies each
    /// frame's distinct sequences.
    pub fn prove(&mut self, ranks: Range<u32>, request: &Request) -> Counts {
        self.lowered.resize_with(request.policies.len(), Lowered::new);
        let mut counts = Counts::none(request);
        let (mut is_small, mut groups) = (None, KINDS.map(|_| Vec::new()));
        for size in ranks.filter_map(FrameSize::nth) {
            let frame = |kind| Frame { size, kind, check: request.check, os: request.os };
            if is_small != Some(size.is_pre_indexed()) {
                is_small = Some(size.is_pre_indexed());
                groups = KINDS.map(|kind| Group::all(&request.policies, &frame(kind)));
            }
            for (position, (kind, groups)) in KINDS.into_iter().zip(&groups).enumerate() {
                counts.sequences += self.decide(&frame(kind), groups, position, &mut counts);
            }
        }
        counts
    }

    /// Decides a frame under each policy; returns how many distinct sequences it has.
    fn decide(&mut self, frame: &Frame, groups: &[Group], kind: usize, counts: &mut Counts) -> u64 {
        let Self { lowered, distinct, checker, report } = self;
        for (lowered, group) in lowered.iter_mut().zip(groups) {
            lower_one(frame, &group.policy, lowered);
        }
        distinct.clear();
        for ((position, sequence), group) in lowered.iter().enumerate().zip(groups) {
            let is_same = |&&(first, _): &&(usize, Outcome)| {
                lowered.get(first).is_some_and(|first| is_same(first, sequence))
            };
            let outcome = match distinct.iter().rev().find(is_same) {
                Some(&(_, outcome)) => outcome,
                None => {
                    verify(sequence, frame.os, checker, report);
                    let outcome = Outcome::of(report);
                    distinct.push((position, outcome));
                    outcome
                }
            };
            for &member in &group.members {
                let tally = counts.tallies.get_mut(member).and_then(|both| both.get_mut(kind));
                if let Some(tally) = tally {
                    tally.count(frame.size, &outcome);
                }
                let map = counts.maps.get_mut(member).and_then(|both| both.get_mut(kind));
                if let Some(map) = map.filter(|_| outcome.verdict == Verdict::Refuted) {
                    map.count(frame.size);
                }
            }
        }
        distinct.len() as u64
    }
}

/// Lowers a frame under one policy. Apart, so that nothing which only some policies
/// need is computed for all beforehand.
#[inline(never)]
fn lower_one(frame: &Frame, policy: &Policy, lowered: &mut Lowered) {
    lower_into(frame, policy, lowered);
}

/// Whether the verifier would be given the very same words and rows.
fn is_same(first: &Lowered, second: &Lowered) -> bool {
    first.words() == second.words() && first.rows() == second.rows()
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
