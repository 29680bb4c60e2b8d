//! Rule `callee`: a function leaves its caller what the caller's own proof assumes.
//!
//! # Claim
//! Where the function returns, or jumps to another one that returns for it: SP is the CFA, and
//! LR holds the return address; R29 is the caller's, or points at the pair below the CFA where
//! the caller keeps its own; the words at CFA - 8 and CFA, which hold the R29 and the return
//! address that the caller saved, are as they were. At every boundary from which somebody
//! unwinds these two words are as they were, and R28 is `g`.
//!
//! This is what [`super::saved_lr`], [`super::frame_pointer`] and [`super::sp_row`] assume of
//! the functions that are called: what callers assume there callees have to show here.
//!
//! # State
//! SP, LR, R29, R28, and what became of the two words of the caller ([`crate::State`]).
//!
//! # Observers
//! Whoever executes the function, where SP or LR is wrong at RET or the caller's return
//! address is overwritten: no unwinder is needed. The frame-pointer unwinder, where R29 or the
//! caller's saved R29 is lost: the caller's frame and all above it are gone for it. Those who
//! come by a signal, where R28 is something else: the handler takes it for the goroutine
//! (`runtime/signal_unix.go`, `sigFetchG`), in programs without cgo.
//!
//! # Direction of error
//! That of the analysis ([`crate::State`]). A function that jumps to another one with another
//! LR is undecided: that one need not return by it.
//!
//! # Assumptions
//! - In the runtime a goroutine that is loaded from memory into R28 is the right one, as is
//!   what is loaded into LR and R29.
//! - The last function of a stack (`TOPFRAME`) has no caller.
//!
//! # Cost
//! Five comparisons at each exit.
//!
//! # Not checked
//! The caller's words above its saved return address, of which the first are arguments and
//! results of the function; vector registers, flags, and registers that C functions keep.

use crate::analysis::state::{Holding, Live};
use crate::analysis::value::Value;
use a64::decode::Reg;

/// Whether it holds where the function is left with SP at the CFA.
#[inline(always)]
pub(crate) fn holds(live: &Live) -> Holding {
    match (live.words.keep_caller(), return_address(live), frame_pointer(live)) {
        (true, Holding::Holds, Holding::Holds) => Holding::Holds,
        (true, Holding::Broken, _) | (true, _, Holding::Broken) | (false, ..) => Holding::Broken,
        _ => Holding::Unknown,
    }
}

/// Whether LR holds the return address.
#[inline(always)]
pub(crate) fn return_address(live: &Live) -> Holding {
    live.is_entry(live.registers.or_sp(Reg::LR), Reg::LR)
}

/// Whether R29 is the caller's.
#[inline(always)]
pub(crate) fn frame_pointer(live: &Live) -> Holding {
    match live.registers.or_sp(Reg::FP) {
        // Its caller keeps the pair below its SP.
        fp if fp == Value::stack(-8) => Holding::Holds,
        fp => live.is_entry(fp, Reg::FP),
    }
}
