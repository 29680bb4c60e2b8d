//! Where in the domain of frame sizes the refuted ones are: how many in each of some
//! buckets, and size by size near the sizes at which the code of a frame changes.

use super::{KINDS, Prover, Request};
use core::ops::{Range, RangeInclusive};
use lowering::FrameSize;
use rayon::prelude::*;

/// How many buckets there are between a power of two and the next.
const PARTS: u32 = 16;

/// The exponent of the smallest size that is not 0.
const FIRST: u32 = FrameSize::STEP.ilog2();

/// How many buckets there are: one for 0, then 16 for each power of two.
pub const BUCKETS: usize = 1 + ((FrameSize::MAX.bytes().ilog2() - FIRST + 1) * PARTS) as usize;

/// How many frame sizes are refuted in each bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    refuted: Vec<u32>,
}

impl Default for Map {
    fn default() -> Self {
        Self { refuted: vec![0; BUCKETS] }
    }
}

impl Map {
    /// One refuted size more.
    pub(super) fn count(&mut self, size: FrameSize) {
        if let Some(count) = self.refuted.get_mut(bucket(size.bytes())) {
            *count += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.refuted.iter_mut().zip(&other.refuted) {
            *mine += theirs;
        }
    }

    /// The buckets: the sizes of each in bytes, and how many of them are refuted.
    pub fn buckets(&self) -> impl Iterator<Item = (RangeInclusive<u32>, u32)> {
        (0..).map(sizes).zip(self.refuted.iter().copied())
    }
}

/// The bucket of a size in bytes.
const fn bucket(size: u32) -> usize {
    match size.checked_ilog2() {
        Some(power) if power >= FIRST => {
            let part = (size >> (power - FIRST)) % PARTS;
            1 + ((power - FIRST) * PARTS + part) as usize
        }
        _ => 0,
    }
}

/// The sizes of a bucket, in bytes.
fn sizes(bucket: u32) -> RangeInclusive<u32> {
    let Some(rest) = bucket.checked_sub(1) else { return 0..=0 };
    let (power, part) = (rest / PARTS, rest % PARTS);
    let first = (PARTS + part) << power;
    first..=first + ((1 << power) - 1)
}

/// How many frame sizes of a range of ranks lie in a range of bytes.
#[must_use]
pub fn count(sizes: &RangeInclusive<u32>, ranks: &Range<u32>) -> u32 {
    let first = sizes.start().div_ceil(FrameSize::STEP).max(ranks.start);
    let end = (sizes.end() / FrameSize::STEP + 1).min(ranks.end);
    end.saturating_sub(first)
}

/// A size from which on the code of a frame is another, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The size in bytes.
    pub size: u32,
    /// Its name.
    pub name: &'static str,
    /// What changes there (`obj7.go`, `asm7.go`).
    pub reason: &'static str,
}

/// Where the code of a frame changes.
pub const THRESHOLDS: [Threshold; 4] = [
    Threshold {
        size: 256,
        name: "256",
        reason: "from here on SP is moved by an instruction of its own, not by the store that \
                 saves LR",
    },
    Threshold {
        size: 4 << 10,
        name: "4 KiB",
        reason: "a multiple of 4096 is one ADD; any other size takes a second instruction, and \
                 the fix of golang/go#73259 begins",
    },
    Threshold {
        size: 64 << 10,
        name: "64 KiB",
        reason: "one MOVD no longer holds the size; it is added to SP in two steps, of which \
                 SP is mid-frame after the first; but a multiple of 4096 is still one ADD, \
                 and a bitmask one MOVD",
    },
    Threshold {
        size: 16 << 20,
        name: "16 MiB",
        reason: "two ADDs no longer make the size; it goes through a register again, and SP \
                 moves once",
    },
];

/// A page, by which the sizes near a threshold are shown.
pub const PAGE: u32 = 4 << 10;

/// How many pages before and behind a threshold are shown.
const PAGES: u32 = 3;

/// The frame sizes of a page, each proved or refuted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The threshold that it is near, by its position in [`THRESHOLDS`].
    pub threshold: usize,
    /// The ranks of its sizes.
    pub ranks: Range<u32>,
    /// Of each theorem, in their order, and each size whether it is refuted.
    pub refuted: Vec<Vec<bool>>,
}

/// The pages around the thresholds, as far as they are asked for. Their sizes are proved
/// again, one by one: the buckets do not tell them apart.
#[must_use]
pub fn pages(request: &Request) -> Vec<Page> {
    let mut starts: Vec<(u32, usize)> = Vec::new();
    for (threshold, Threshold { size, .. }) in THRESHOLDS.into_iter().enumerate() {
        let middle = size / PAGE;
        let pages = middle.saturating_sub(PAGES)..middle + PAGES;
        let is_new = |page: &u32| !starts.iter().any(|(known, _)| known == page);
        let new: Vec<_> = pages.filter(is_new).map(|page| (page, threshold)).collect();
        starts.extend(new);
    }
    let pages = starts.into_par_iter().map_init(Prover::default, |prover, (page, threshold)| {
        let rank = |page: u32| page * (PAGE / FrameSize::STEP);
        let start = rank(page).max(request.frames.start);
        let ranks = start..rank(page + 1).min(request.frames.end);
        let mut refuted = vec![Vec::new(); request.policies.len() * KINDS.len()];
        for size in ranks.clone() {
            let counts = prover.prove(size..size + 1, request);
            for (theorem, tally) in refuted.iter_mut().zip(counts.tallies.iter().flatten()) {
                theorem.push(tally.refuted > 0);
            }
        }
        Page { threshold, ranks, refuted }
    });
    pages.filter(|page| !page.ranks.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_one_bucket() {
        let mut next = 0;
        let mut all = 0;
        for number in 0..BUCKETS as u32 {
            let sizes = sizes(number);
            if number > 0 {
                next = if number == 1 { 16 } else { next };
                assert_eq!(*sizes.start(), next, "buckets follow each other");
                next = sizes.end() + 1;
            }
            all += count(&sizes, &(0..FrameSize::COUNT));
            assert_eq!(bucket(*sizes.start()), number as usize);
            assert_eq!(bucket(*sizes.end()), number as usize);
        }
        assert_eq!(all, FrameSize::COUNT);
        assert_eq!(bucket(FrameSize::MAX.bytes()) as u32, BUCKETS as u32 - PARTS);
    }

    #[test]
    fn a_range_of_ranks_is_cut_out() {
        // 65536 to 69631 has 256 sizes; ranks from 4096 (65536) on.
        assert_eq!(count(&(65536..=69631), &(0..FrameSize::COUNT)), 256);
        assert_eq!(count(&(65536..=69631), &(4097..4099)), 2);
        assert_eq!(count(&(65536..=69631), &(0..4096)), 0);
    }
}
