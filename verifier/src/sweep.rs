//! Functions as compilers make nearly all of them, proved without an analysis.
//!
//! # Idea
//! Such a function has one frame, and with it two states. *Shallow*, there is none: LR
//! holds the return address and R29 the caller's frame pointer. *Deep*, it is made: the
//! return address is saved at SP, the caller's R29 in the word below, where R29 points.
//! Which of the two a boundary is in, its row says. So nothing is carried along edges. It
//! is enough that each edge leads from a state into the same one, that the few
//! instructions which concern SP, LR, R29 or R27 stand in shapes that are known to keep a
//! state or to lead to the other one (`frame`, `shapes`, `special`), and that no branch goes
//! to the middle of such a shape.
//!
//! # Claim
//! Where [`Sweep::prove`] gives a number, the analysis ([`crate::Checker::analyse`]) reaches as
//! many boundaries of the function, and finds nothing but what it finds in [`Sweep::parts`].
//!
//! # Direction of error
//! What stands in no such shape is left to the analysis: a store over what the frame or the
//! caller saved, a write of R28, a word that is no instruction. Broken rules are found by the
//! analysis alone, and so are the reasons for what is undecided.
//!
//! # Cost
//! A look at 64 words at a time, a few bits for each run and branch, and a decoded
//! instruction where SP, LR or R27 is used in another way than nearly always.

mod bits;
mod frame;
mod reach;
mod rows;
mod shapes;
mod special;
#[cfg(test)]
mod tests;
mod words;

use crate::analysis::MAX_PADDING;
use crate::checker::Function;
use crate::rules::below_sp::SignalStack;
use a64::DecodeCache;
use a64::decode::NOP;
use bits::Bits;
use core::ops::Range;
use fearless_simd::Level;
use unwind::{Columns, FuncFlags, Index, Word};

/// What a sweep works on.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    processor: Processor,
    bits: Bits,
    /// Boundaries of another depth than the one before, from which execution falls through.
    steps: Vec<u32>,
    /// Jumps through a register, ascending.
    jumps: Vec<u32>,
    /// Where each of them goes, in their order.
    tables: Vec<(u32, u32)>,
    /// What is still to be reached.
    pending: Vec<u32>,
    /// What of a function that was proved otherwise was left to the analysis.
    parts: Vec<Range<u32>>,
    /// How deep the frame is, in bytes; 0 if there is none.
    depth: u32,
    /// Whether LR still has to hold the return address where the frame is popped.
    needs_lr: bool,
}

/// Functions to which other rules apply.
const OTHERS: [FuncFlags; 3] = [FuncFlags::ASM, FuncFlags::TOP_FRAME, FuncFlags::SP_WRITE];

/// What the processor has for looks at many words at once.
#[derive(Clone, Copy, Debug)]
struct Processor(Level);

impl Default for Processor {
    fn default() -> Self {
        Self(Level::new())
    }
}

impl Sweep {
    /// Proves that all rules hold at all boundaries that are reached but for those of
    /// [`Self::parts`], and counts those; `None` if the function has to be analysed.
    pub(crate) fn prove(
        &mut self,
        function: &Function<'_, Columns>,
        memory: &mut DecodeCache,
    ) -> Option<u32> {
        let Function { words, rows, flags, recovery, .. } = *function;
        let is_other = OTHERS.iter().any(|&other| flags.contains(other));
        let ends = [rows.depths.end(), rows.classes.end()];
        let is_covered = ends.iter().all(|end| end.0 as usize == words.len());
        if is_other || !is_covered || function.signals != SignalStack::Own {
            return None;
        }
        self.bits.reset(words.len());
        (self.depth, self.needs_lr) = (0, false);
        self.parts.clear();
        self.rows(rows)?;
        self.words(words, function.text)?;
        if let Some(Index(recovery)) = recovery {
            self.aim(recovery, recovery, true)?;
        }
        self.jumps(function)?;
        self.changes(words)?;
        let reached = self.reach(words, recovery)?;
        // It is a call that ends in a panic.
        let has_call = self.bits.any(|block| block.calls & block.deep & block.reached);
        if recovery.is_some() && !has_call {
            return None;
        }
        self.frames(words)?;
        // A panic that was recovered leaves LR as it is.
        if self.needs_lr && recovery.is_some() {
            return None;
        }
        if self.shapes() {
            self.restarts(words, &rows.classes, memory)?;
        }
        self.specials(words, memory)?;
        Some(reached)
    }

    /// Whether LR was shown to hold the return address wherever the frame is popped.
    pub(crate) const fn keeps_lr(&self) -> bool {
        self.needs_lr
    }

    /// Pops that the analysis has to look at, from where the frame is there.
    pub(crate) fn parts(&self) -> &[Range<u32>] {
        &self.parts
    }

    /// An edge leads to a boundary of the function, in the same state.
    fn aim(&mut self, from: u32, target: u32, is_deep: bool) -> Option<()> {
        let distance = target.wrapping_sub(from).cast_signed();
        let is_wrong = self.bits.aim(from, distance, u64::from(is_deep));
        (self.bits.contains(target) && !is_wrong).then_some(())
    }

    /// Finds where execution falls through to a boundary of another depth. Where NOPs lead
    /// there from a call, that does not return.
    fn changes(&mut self, words: &[Word]) -> Option<()> {
        self.steps.clear();
        let (mut deep, mut stopped) = (0, 1);
        for position in 0..self.bits.len() {
            let block = self.bits.block(position);
            let mut changes = block.deep ^ (block.deep << 1 | deep);
            changes &= !(block.stops << 1 | stopped);
            (deep, stopped) = (block.deep >> 63, block.stops >> 63);
            while changes != 0 {
                let at = position * 64 + changes.trailing_zeros();
                changes &= changes - 1;
                if at as usize >= words.len() {
                    break;
                }
                let before = words.get(..at as usize)?;
                if before.last() == Some(&NOP) {
                    self.call_without_return(before)?;
                } else {
                    self.steps.push(at);
                }
            }
        }
        Some(())
    }

    /// These words end with a call and NOPs behind it: it does not return.
    fn call_without_return(&mut self, words: &[Word]) -> Option<()> {
        let padding = words.iter().rev().take(MAX_PADDING + 1).take_while(|&&word| word == NOP);
        let nops = padding.count();
        let call = words.len().checked_sub(nops + 1)?;
        let (first, end) = (call as u32 + 1, words.len() as u32);
        let is_call = words::is_call(*words.get(call)?);
        if nops > MAX_PADDING || !is_call || self.bits.has_target(first..end) {
            return None;
        }
        self.bits.stop(end - 1);
        Some(())
    }
}
