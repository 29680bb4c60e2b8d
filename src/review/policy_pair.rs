//! Two policies, frame by frame: leaf functions and the others, of every size asked for.

use super::group::{Both, Groups};
use super::parts::Parts;
use super::step::Code;
use super::verdict::{Judged, classify};
use super::{Class, Pair, Review, Side, Subject};
use crate::explain::release;
use crate::progress::Progress;
use crate::prove::verify;
use crate::scan::unobserving;
use core::ops::Range;
use lowering::{Frame, FrameSize, Kind, Lowered, Os, Policy, StackCheck, lower_into};
use rayon::prelude::*;
use unwind::Pc;
use verifier::{Checker, Report};

/// How many sizes a thread takes at a time.
const CHUNK: u32 = 1 << 12;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Request {
    /// The two policies.
    pub policies: [Policy; 2],
    /// What was asked for: releases, or names of policies.
    pub asked: [String; 2],
    /// The ranks of the frame sizes.
    pub frames: Range<u32>,
    /// Whether functions check for stack space.
    pub check: StackCheck,
    /// The operating system.
    pub os: Os,
    /// How many examples a change has at most.
    pub examples: usize,
}

/// Holds two policies against each other.
#[must_use]
pub fn review_policies(request: &Request, progress: &Progress) -> Review {
    let Range { start, end } = request.frames;
    progress.begin(u64::from(end.saturating_sub(start)));
    let parts: Vec<_> = (0..end.saturating_sub(start).div_ceil(CHUNK))
        .into_par_iter()
        .map_init(Worker::default, |worker, chunk| {
            let (mut pair, mut groups) = (Pair::default(), Groups::new(request.examples));
            let first = start + chunk * CHUNK;
            let sizes = first..first.saturating_add(CHUNK).min(end);
            progress.advance(sizes.len() as u64);
            for size in sizes.filter_map(FrameSize::nth) {
                for kind in [Kind::Leaf, Kind::NonLeaf] {
                    let frame = Frame { size, kind, check: request.check, os: request.os };
                    worker.review(&frame, request, &mut pair, &mut groups);
                }
            }
            (pair, groups)
        })
        .collect();
    progress.end();
    let mut all = Groups::new(request.examples);
    let mut pair = Pair::default();
    for (part, groups) in parts {
        all.merge(groups);
        for (mine, theirs) in pair.counts.iter_mut().zip(part.counts) {
            *mine += theirs;
        }
        pair.costs.merge(&part.costs);
    }
    let functions = pair.compared();
    let side = |name: &String| Side { name: name.clone(), functions, ..Side::default() };
    let [old, new] = &request.asked;
    pair.sides = [side(old), side(new)];
    let mut review = Review::new(Subject::Frames, request.asked.clone());
    review.pairs.push(pair);
    review.finish(all)
}

/// The memory of one thread.
#[derive(Debug, Default)]
struct Worker {
    lowered: [Lowered; 2],
    parts: [Parts<'static>; 2],
    judged: [Judged; 2],
    checker: Checker,
    report: Report,
}

impl Worker {
    fn review(&mut self, frame: &Frame, request: &Request, pair: &mut Pair, groups: &mut Groups) {
        let Self { lowered, parts, judged, checker, report } = self;
        let sides = request.policies.iter().zip(lowered.iter_mut()).zip(parts.iter_mut());
        let sides = sides.zip(judged.iter_mut()).zip(&request.asked);
        for ((((policy, lowered), parts), judged), asked) in sides {
            lower_into(frame, policy, lowered);
            let code = Code { entry: Pc(0), words: lowered.words(), rows: lowered.rows() };
            parts.read(&code, &|_| None);
            verify(lowered, frame.os, checker, report);
            judged.begin(unobserving(release(policy, asked)));
            judged.report(report);
        }
        let ([old, new], [before, now]) = (&*parts, &*judged);
        let both = Both { old, new, judged: [before, now] };
        let is_same = both.is_same();
        let (class, changes) = classify(before, now, is_same);
        pair.add(class);
        pair.costs.add([old.frame, new.frame], old.instructions(), new.instructions());
        if !is_same && class != Class::Unchanged {
            let name = || format!("{} with a frame of {}", frame.kind, frame.size);
            groups.add(&both, (class, &changes), name);
        }
    }
}
