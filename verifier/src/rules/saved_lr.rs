//! Rule `saved-lr`: the return address is where an unwinder looks for it.
//!
//! # Claim
//! At every boundary that is reached with SP where its row says: at depth 0 LR holds
//! the return address, and below the CFA the word at SP does. Above the CFA a
//! profiler takes LR, and an unwinder that comes from an injected call the word at
//! SP.
//!
//! # Abstract state
//! What LR and the words of the stack hold ([`crate::State`]).
//!
//! # Transfer
//! That of the analysis. A call leaves its own return address in LR. A store of the return
//! address to a known place of the stack saves it there; another store that touches that
//! place spoils it. A load from that place brings it back. A move between registers copies it.
//!
//! # Observers
//! Everybody who unwinds from the boundary: a profiler's signal, and where the
//! goroutine can be preempted, the garbage collector. The innermost frame's return
//! address is LR if no frame is declared, and otherwise the word at SP
//! (`runtime/traceback.go`, `resolveInternal`; behind an injected call the LR that
//! it pushed takes the place of LR). Unwinding ends at a function that is marked
//! `TOPFRAME`, and stops at one that is marked `SPWRITE`: these are not judged.
//!
//! # Direction of error
//! A value of which nothing is known, in LR or over the saved word, leaves the rule
//! undecided; one that is known to be something else on one path breaks it. What is loaded
//! from memory is something else, unless what the caller had in a register went there before.
//! Where a row of `sp-row` is wrong this rule is silent: the word at SP means
//! nothing there.
//!
//! # Assumptions
//! - A system call returns with LR and R29 as they were.
//! - Stores through registers that hold no known place of the stack do not touch the frame's
//!   own saved words; nor, in compiled code, do those through other registers than SP and
//!   R29, or through SP with an index that is not known. Nor does a callee, as
//!   [`super::callee`] shows of each.
//! - A call made outside of any frame with the return address in R3 is that of
//!   morestack, which resumes the function with LR restored from R3
//!   (`runtime/asm_arm64.s`, `morestack`).
//! - A call with a trap behind it does not return.
//!
//! # Cost
//! A few instructions at each call, each write of LR and each store near SP.
//!
//! # Not checked
//! Return addresses of frames further up, but for what [`super::callee`] says of the caller's.

use crate::analysis::state::{Holding, Live};
use a64::decode::Reg;

/// Whether it holds.
#[inline(always)]
pub(crate) fn holds(live: &Live) -> Holding {
    if live.depth.0 > 0 {
        return live.is_return(live.depth.0.wrapping_neg());
    }
    live.is_entry(live.registers.or_sp(Reg::LR), Reg::LR)
}

/// Whether it holds for an unwinder that comes from an injected call: it finds the LR that
/// this pushed if the declared depth is 0, and otherwise reads the word at SP.
pub(crate) fn holds_injected(live: &Live) -> Holding {
    if live.depth.0 < 0 { live.is_return(live.depth.0.wrapping_neg()) } else { holds(live) }
}
