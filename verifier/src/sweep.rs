//! Functions as compilers make nearly all of them, proved without a walk.
//!
//! # Idea
//! Such a function has one frame, and with it two states. *Shallow*, there is none: LR
//! holds the return address and R29 the caller's frame pointer. *Deep*, it is made: the
//! return address is saved at SP, the caller's R29 in the word below, where R29 points.
//! Which of the two a boundary is in, its row says. So nothing is carried along edges. It
//! is enough that each edge leads from a state into the same one, that the few
//! instructions which concern SP, LR, R29 or R27 stand in shapes that are known to keep a
//! state or to lead to the other one (`frame`, `special`), and that no branch goes to the
//! middle of such a shape.
//!
//! # Claim
//! Where [`Sweep::prove`] gives a number, the walk finds nothing and reaches as many
//! boundaries.
//!
//! # Direction of error
//! What stands in no such shape is left to the walk. Broken rules are found by that alone,
//! and so are the reasons for what is undecided.
//!
//! # Cost
//! A look at each word, a few bits for each branch, and a decoded instruction where R27 is
//! used.

mod bits;
mod frame;
mod reach;
mod special;
#[cfg(test)]
mod tests;
mod words;

use crate::checker::Function;
use crate::decode::NOP;
use crate::decoded::Memory;
use crate::rules::below_sp::SignalStack;
use crate::walk::MAX_PADDING;
use bits::Bits;
use unwind::{FuncFlags, Index, RowTable, UnsafePoint, Word};

/// What a sweep works on.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    bits: Bits,
    /// Boundaries of another depth than the one before, from which execution falls through.
    steps: Vec<u32>,
    /// Jumps through a register, ascending.
    jumps: Vec<u32>,
    /// Where each of them goes, in their order.
    tables: Vec<(u32, u32)>,
    /// What is still to be reached.
    pending: Vec<u32>,
    /// How deep the frame is, in bytes; 0 if there is none.
    depth: u32,
    /// Whether there is a sequence that starts again when it is preempted.
    has_restarts: bool,
    /// Whether LR still has to hold the return address where the frame is popped.
    needs_lr: bool,
}

/// Functions to which other rules apply.
const OTHERS: [FuncFlags; 3] = [FuncFlags::ASM, FuncFlags::TOP_FRAME, FuncFlags::SP_WRITE];

/// The largest operand of an addition, if it is no multiple of 4096.
const MAX_OPERAND: i64 = 0xfff;

impl Sweep {
    /// Proves that all rules hold at all boundaries that are reached, and counts those;
    /// `None` if the function has to be walked.
    pub(crate) fn prove(&mut self, function: &Function<'_>, memory: &mut Memory) -> Option<u32> {
        let Function { words, rows, flags, recovery, .. } = *function;
        let is_other = OTHERS.iter().any(|&other| flags.contains(other));
        let is_covered = rows.end().0 as usize == words.len();
        if is_other || !is_covered || function.signals != SignalStack::Own {
            return None;
        }
        self.bits.reset(words.len());
        self.depths(rows)?;
        self.words(words)?;
        if let Some(Index(recovery)) = recovery {
            self.aim(recovery, true)?;
        }
        self.jumps(function)?;
        self.changes(words)?;
        let reached = self.reach(words, recovery)?;
        self.frames(words, rows)?;
        // A panic that was recovered leaves LR as it is.
        if self.needs_lr && recovery.is_some() {
            return None;
        }
        if self.has_restarts {
            self.restarts(words, rows, memory)?;
        }
        self.specials(words, rows, memory)?;
        Some(reached)
    }

    /// Takes down which boundaries are deep. All of them have the same depth, which one
    /// addition can pop; the entry is not among them.
    fn depths(&mut self, rows: &RowTable) -> Option<()> {
        (self.depth, self.has_restarts, self.needs_lr) = (0, false, false);
        let mut depth = 0;
        let mut deep_from = None;
        for span in rows.spans() {
            match span.row.unsafe_point {
                UnsafePoint::Safe | UnsafePoint::Unsafe => {}
                UnsafePoint::Restart1 | UnsafePoint::Restart2 => self.has_restarts = true,
                UnsafePoint::RestartAtEntry => return None,
            }
            let (Index(start), here) = (span.start, span.row.depth.0);
            match deep_from {
                Some(from) if here == 0 => {
                    self.bits.deepen(from..start);
                    deep_from = None;
                }
                None if here != 0 && (depth == 0 || depth == here) => {
                    (depth, deep_from) = (here, Some(start));
                }
                None if here == 0 => {}
                Some(_) if here == depth => {}
                _ => return None,
            }
        }
        if let Some(from) = deep_from {
            self.bits.deepen(from..rows.end().0);
        }
        let is_operand = match depth {
            0..=MAX_OPERAND => true,
            _ => depth & MAX_OPERAND == 0 && depth >> 12 <= MAX_OPERAND,
        };
        if depth < 0 || depth % 16 != 0 || !is_operand || self.bits.is(0, |block| block.deep) {
            return None;
        }
        self.depth = u32::try_from(depth).ok()?;
        Some(())
    }

    /// An edge leads to a boundary of the function, in the same state.
    fn aim(&mut self, target: u32, is_deep: bool) -> Option<()> {
        let is_wrong = self.bits.aim(target, u64::from(is_deep));
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
