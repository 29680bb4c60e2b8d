//! Rule `restart`: going on after preemption is as if there had been none.
//!
//! # Claim
//! At every boundary where a goroutine can be preempted, going on where it resumes
//! gives the same state as going on there: inside a restartable sequence no
//! register that the sequence reads before it writes it has been written since its
//! start; R27, which is lost when a call is injected, is computed again before it is
//! read; and the sequence's start is no further back than the runtime allows, which
//! otherwise ends the program ([`unwind::RESTART_LIMIT`]).
//!
//! # Abstract state
//! Of the restartable sequence that the walk is in: its start, the registers that
//! it read before writing them, and those that it wrote. Where in the block R27
//! was written.
//!
//! # Transfer
//! By the operands of each instruction.
//!
//! # Observers
//! Preemption alone: it is what resumes at another place (`runtime/preempt.go`,
//! `isAsyncSafePoint`) and what loses R27: `asyncPreempt` returns through it
//! (`runtime/preempt_arm64.s`). Assembly is never preempted.
//!
//! # Direction of error
//! A sequence that is entered in its middle, that loads and then stores, or that
//! resumes at the function's entry, is undecided; so is a read of R27 that is not
//! written in the same block.
//!
//! # Assumptions
//! An instruction that is not decoded in full reads at most the registers that its
//! group can name. R27 is read in no block that does not write it, but by
//! instructions that concern SP, LR or R29: compilers leave it to the assembler
//! (`asm7.go`, REGTMP), which uses it inside the expansion of one instruction.
//!
//! # Cost
//! Each instruction of a restartable sequence is decoded, and each one behind a
//! write of R27 up to the end of the block.
//!
//! # Not checked
//! Memory that the sequence stores to and others read meanwhile; vector registers,
//! which are not counted among the inputs.

use crate::operands::{Operands, Regs};
use unwind::Index;

/// The restartable sequence that the walk is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    /// Where it starts, and with it where it resumes.
    pub(crate) start: Index,
    /// What it read before writing it.
    inputs: Regs,
    written: Regs,
    /// What of that it then wrote.
    changed: Regs,
}

impl Sequence {
    /// No sequence yet.
    pub(crate) const NONE: Self =
        Self { start: Index(0), inputs: Regs::NONE, written: Regs::NONE, changed: Regs::NONE };

    pub(crate) const fn starting(start: Index) -> Self {
        Self { start, inputs: Regs::COUNT, ..Self::NONE }
    }

    /// Goes over one instruction.
    #[inline(always)]
    pub(crate) fn step(&mut self, operands: &Operands) {
        let read = operands.reads.without(self.written);
        // An instruction that loads and stores, but accumulates nothing, is done twice as
        // once.
        let inputs = self.inputs.with(read.without(Regs::MEMORY));
        self.changed = self.changed.with(operands.writes.and(inputs));
        self.inputs = inputs.with(read);
        self.written = self.written.with(operands.writes.without(Regs::MEMORY));
    }

    /// Whether going back to the start is not known to give the same state.
    #[inline(always)]
    pub(crate) fn is_changed(&self) -> bool {
        self.changed != Regs::NONE
    }

    /// Whether it is known not to.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.changed.without(Regs::MEMORY) != Regs::NONE
    }

    /// Whether that hangs on memory: what is stored may be what was loaded.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.changed.meets(Regs::MEMORY)
    }
}
