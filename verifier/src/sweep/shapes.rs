//! Shapes of which bits tell everything: those of a block at once.

use super::Sweep;
use super::bits::flood;

/// What a block hands on to the next one.
#[derive(Default)]
struct Behind {
    /// Its last instruction leaves a value in R27.
    made: u64,
    /// It is `MOVD R30, R3`.
    link: u64,
}

impl Sweep {
    /// Settles values that are made in R27 and what reads them right behind, where nothing
    /// goes in between and no preemption loses them; calls of morestack, which comes back
    /// with LR as it is in R3; and of sequences that start again those that do nothing else
    /// than to make a value and, with the last instruction, to use it.
    ///
    /// Returns whether there are other such sequences.
    pub(super) fn shapes(&mut self) -> bool {
        let mut doubtful = 0;
        let mut behind = Behind::default();
        let mut blocks = self.bits.blocks_mut();
        while let [block, rest @ ..] = blocks {
            let keeps = block.uses_tmp & block.held() & !block.targets;
            let (made, out) = flood(block.makes_tmp << 1 | behind.made, keeps);
            let used = keeps & made;
            let morestack = block.calls & !block.deep & (block.links << 1 | behind.link);
            block.special &= !(block.makes_tmp | used | morestack & !block.targets);
            block.uses_tmp = used;

            let inner = block.restarts & !block.begins;
            let next = rest.first().map_or(0, |next| next.restarts & !next.begins);
            let is_last = !(inner >> 1 | next << 63);
            let is_whole = block.begins & block.makes_tmp | inner & used;
            let is_made = block.makes_tmp | block.remakes_tmp;
            block.doubtful = block.restarts & !(is_whole & (is_last | is_made));

            doubtful |= block.doubtful;
            behind = Behind { made: out | block.makes_tmp >> 63, link: block.links >> 63 };
            blocks = rest;
        }
        doubtful != 0
    }
}
