//! `midframe prove`: every frame size, each policy.
//!
//! What is verified is words and rows, of one frame at a time: a size, and leaf or
//! not. Each frame is lowered under every policy; those that make the same choices
//! for such a frame ([`Policy::for_frame`]) are lowered as one. Policies that emit the
//! very same words and the very same rows for the frame share one verification; every
//! distinct sequence gets its own. What those of one frame have in common, the prologue
//! mostly, is lowered once ([`lower_each`]). No verdict is carried from one frame size to
//! another, nor from leaf functions to others: nothing is inferred from what two frames
//! have in common.

pub mod map;
mod tally;

pub use tally::Tally;

use crate::progress::Progress;
use crate::scan::unobserving;
use core::ops::Range;
use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_each};
use map::Map;
use rayon::prelude::*;
use std::time::{Duration, Instant};
use tally::Outcome;
use unwind::{Pc, Release, Word};
use verifier::{Checker, Function, Observer, Report, Severity, SignalStack, Verdict};

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

impl Theorem {
    /// What can happen at worst to those that the releases of the policy have.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let absent =
            unobserving(self.policy.releases.last().map(|range| Release(range.last.minor)));
        let worst = Observer::ALL.into_iter().zip(self.tally.worst);
        worst
            .filter(|&(observer, _)| !absent.contains(observer))
            .filter_map(|(_, worst)| worst)
            .max()
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

    /// Adds what was counted of groups of policies, for each kind, to each of their members.
    fn add(&mut self, groups: &[Vec<Group>; KINDS.len()]) {
        for (kind, groups) in groups.iter().enumerate() {
            for group in groups {
                for &member in &group.members {
                    if let Some(tally) = place(&mut self.tallies, member, kind) {
                        *tally = tally.merge(group.tally);
                    }
                    if let Some(map) = place(&mut self.maps, member, kind) {
                        map.merge(&group.map);
                    }
                }
            }
        }
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

/// What there is of a policy and a kind.
fn place<T>(all: &mut [[T; KINDS.len()]], policy: usize, kind: usize) -> Option<&mut T> {
    all.get_mut(policy)?.get_mut(kind)
}

/// Policies that make the same choices for some frames, and what was counted of those.
#[derive(Clone, Debug)]
struct Group {
    /// The choices.
    policy: Policy,
    /// The positions of the policies.
    members: Vec<usize>,
    tally: Tally,
    map: Map,
}

impl Group {
    fn all(policies: &[Policy], frame: &Frame) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (position, policy) in policies.iter().enumerate() {
            let policy = policy.for_frame(frame);
            match groups.iter_mut().find(|group| group.policy == policy) {
                Some(group) => group.members.push(position),
                None => {
                    let (members, tally, map) = (vec![position], Tally::default(), Map::default());
                    groups.push(Self { policy, members, tally, map });
                }
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
    distinct: Vec<usize>,
    /// Which of them each group emits.
    emitted: Vec<usize>,
    /// What was found of each.
    outcomes: Vec<Outcome>,
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
                counts.add(&groups);
                groups = KINDS.map(|kind| Group::all(&request.policies, &frame(kind)));
            }
            for (kind, groups) in KINDS.into_iter().zip(&mut groups) {
                counts.sequences += self.decide(&frame(kind), groups);
            }
        }
        counts.add(&groups);
        counts
    }

    /// Decides a frame under each policy; returns how many distinct sequences it has.
    fn decide(&mut self, frame: &Frame, groups: &mut [Group]) -> u64 {
        lower_all(frame, groups, &mut self.lowered);
        self.tell_apart(groups.len());
        self.verify_distinct(frame.os);
        for (group, &sequence) in groups.iter_mut().zip(&self.emitted) {
            if let Some(outcome) = self.outcomes.get(sequence) {
                group.tally.count(frame.size, outcome);
                if outcome.verdict == Verdict::Refuted {
                    group.map.count(frame.size);
                }
            }
        }
        self.distinct.len() as u64
    }

    /// Finds the distinct ones of the first `count` sequences.
    fn tell_apart(&mut self, count: usize) {
        let Self { lowered, distinct, emitted, .. } = self;
        distinct.clear();
        emitted.clear();
        for (position, sequence) in lowered.iter().enumerate().take(count) {
            let is_same =
                |&first: &usize| lowered.get(first).is_some_and(|first| is_same(first, sequence));
            let known = distinct.iter().rposition(is_same);
            emitted.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(position);
            }
        }
    }

    /// Verifies the distinct sequences.
    fn verify_distinct(&mut self, os: Os) {
        let Self { lowered, distinct, outcomes, checker, report, .. } = self;
        outcomes.clear();
        for sequence in distinct.iter().filter_map(|&first| lowered.get(first)) {
            checker.check(&function(sequence, os), report);
            outcomes.push(Outcome::of(report));
        }
    }
}

/// Lowers a frame under each policy.
#[inline(never)]
fn lower_all(frame: &Frame, groups: &[Group], lowered: &mut [Lowered]) {
    lower_each(frame, groups.iter().map(|group| &group.policy), lowered);
}

/// Whether the verifier would be given the very same words and rows.
fn is_same(first: &Lowered, second: &Lowered) -> bool {
    Word::are_same(first.words(), second.words()) && first.rows() == second.rows()
}

/// Verifies a lowered function.
pub fn verify(lowered: &Lowered, os: Os, checker: &mut Checker, report: &mut Report) {
    checker.check(&function(lowered, os), report);
}

/// What the verifier gets of a lowered function: words, rows, and how the system
/// handles signals (`obj7.go`, on ios: no `SA_ONSTACK`).
#[must_use]
pub fn function(lowered: &Lowered, os: Os) -> Function<'_> {
    let signals = match os {
        Os::Ios => SignalStack::Goroutine,
        Os::Linux | Os::Darwin => SignalStack::Own,
    };
    Function::new(Pc(0), lowered.words(), lowered.rows()).with_signals(signals)
}
