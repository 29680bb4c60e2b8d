//! The boundaries that execution comes to: the same that the analysis comes to.

use super::Sweep;
use super::bits::{each, flood};
use crate::flow::target;
use a64::decode::direct_branch;
use unwind::{Index, Word};

impl Sweep {
    /// Finds what is reached from the entry and from where a recovered panic resumes, and
    /// counts it; `None` if execution runs past the end.
    pub(super) fn reach(&mut self, words: &[Word], recovery: Option<Index>) -> Option<u32> {
        if !self.flow(recovery) {
            self.follow(words, recovery);
        }
        let is_past = self.bits.is(words.len() as u32, |block| block.reached);
        (!is_past).then(|| self.bits.count(|block| block.reached))
    }

    /// Flows through the function once, as if all branches were reached. Returns whether
    /// they are.
    ///
    /// What branches forward and falling through come to is reached if all branches are
    /// in it: by induction from the entry on, each is in front of what it leads to. Then
    /// what the branches backward lead to is reached as well, and no branch is left in it.
    fn flow(&mut self, recovery: Option<Index>) -> bool {
        // Execution comes to the entry.
        let (mut ahead, mut on) = (1, 1);
        for position in 0..self.bits.len() {
            let root = match recovery {
                Some(Index(at)) if at / 64 == position => 1 << (at % 64),
                _ => 0,
            };
            let Some(block) = self.bits.block_mut(position) else { continue };
            let by_forward;
            (by_forward, ahead) = flood(block.forward | root | ahead, !block.stops);
            if block.branches & !by_forward != 0 {
                return false;
            }
            (block.reached, on) = flood(block.targets | root | on, !block.stops);
        }
        true
    }

    /// Follows execution from the entry and from where a recovered panic resumes.
    fn follow(&mut self, words: &[Word], recovery: Option<Index>) {
        self.bits.forget_reached();
        self.pending.clear();
        self.pending.push(0);
        self.pending.extend(recovery.map(|Index(at)| at));
        while let Some(start) = self.pending.pop() {
            let mut next = Some(start);
            while let Some(at) = next {
                next = self.run(at, words);
            }
        }
    }

    /// Runs straight on from `at`, up to where execution stops, where it was before, or to
    /// the next block. Returns where that block starts.
    #[inline(always)]
    fn run(&mut self, at: u32, words: &[Word]) -> Option<u32> {
        let first = at / 64 * 64;
        let block = self.bits.block_mut(at / 64)?;
        let (run, on) = flood(1 << (at % 64), !block.stops);
        let new = run & !block.reached;
        block.reached |= new;
        let jumps = new & block.stops;
        each(block.branches & new, |bit| {
            let at = first + bit;
            let branch = words.get(at as usize).copied().and_then(direct_branch);
            let target = branch.and_then(|branch| target(at, branch.offset, words.len()));
            let further = target.filter(|&target| !self.bits.is(target, |block| block.reached));
            self.pending.extend(further);
        });
        if jumps != 0 && !self.tables.is_empty() {
            let at = first + jumps.trailing_zeros();
            let from = self.tables.partition_point(|&(jump, _)| jump < at);
            let table = self.tables.get(from..).unwrap_or_default();
            let entries = table.iter().take_while(|&&(jump, _)| jump == at);
            self.pending.extend(entries.map(|&(_, target)| target));
        }
        (on & new >> 63 != 0).then_some(first + 64)
    }
}
