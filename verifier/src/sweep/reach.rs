//! What execution comes to: the same that the walk comes to.

use super::Sweep;
use super::bits::each;
use super::words::is_call;
use crate::decode::direct_branch;
use crate::flow::target;
use unwind::{Index, Word};

impl Sweep {
    /// Finds what is reached from the entry and from where a recovered panic resumes, and
    /// counts it; `None` if execution runs past the end.
    pub(super) fn reach(&mut self, words: &[Word], recovery: Option<Index>) -> Option<u32> {
        self.pending.clear();
        self.pending.push(0);
        self.pending.extend(recovery.map(|Index(at)| at));
        let mut reached = 0;
        while let Some(start) = self.pending.pop() {
            let mut next = Some(start);
            while let Some(at) = next {
                let (count, further) = self.run(at, words)?;
                (next, reached) = (further, reached + count);
            }
        }
        Some(reached)
    }

    /// Runs straight on from `at`, up to where execution stops, where it was before, or to
    /// the next block. Returns how many instructions that are, and where that block starts.
    #[inline(always)]
    fn run(&mut self, at: u32, words: &[Word]) -> Option<(u32, Option<u32>)> {
        let first = at / 64 * 64;
        let left = words.len() as u32 - first;
        let block = self.bits.block_mut(at / 64)?;
        let onwards = u64::MAX << (at % 64);
        let stop = lowest(block.stops & onwards);
        let seen = lowest(block.reached & onwards);
        // Up to the stop, and up to what is in front of what was seen.
        let mut run = onwards & (stop | stop.wrapping_sub(1)) & seen.wrapping_sub(1);
        if left <= 64 && run >> (left - 1) & !(stop >> (left - 1)) & 1 == 1 {
            // A call at the end does not return.
            if !words.last().is_some_and(|&word| is_call(word)) {
                return None;
            }
            run &= u64::MAX >> (64 - left);
        }
        block.reached |= run;
        each(block.branches & run, |bit| {
            let at = first + bit;
            let branch = words.get(at as usize).copied().and_then(direct_branch);
            let target = branch.and_then(|branch| target(at, branch.offset, words.len()));
            let new = target.filter(|&target| !self.bits.is(target, |block| block.reached));
            self.pending.extend(new);
        });
        if run & stop != 0 && !self.tables.is_empty() {
            let at = first + stop.trailing_zeros();
            let from = self.tables.partition_point(|&(jump, _)| jump < at);
            let table = self.tables.get(from..).unwrap_or_default();
            let entries = table.iter().take_while(|&&(jump, _)| jump == at);
            self.pending.extend(entries.map(|&(_, target)| target));
        }
        let goes_on = left > 64 && run & !stop & 1 << 63 != 0;
        Some((run.count_ones(), goes_on.then_some(first + 64)))
    }
}

/// The lowest bit that is set, or none.
#[inline(always)]
const fn lowest(bits: u64) -> u64 {
    bits & bits.wrapping_neg()
}
