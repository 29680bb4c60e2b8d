//! Rule `saved-lr`: the return address is where an unwinder looks for it.
//!
//! # Claim
//! At every boundary that is reached with SP where its row says: at depth 0, and
//! above the CFA, LR holds the return address, below it the word at SP does.
//!
//! # Abstract state
//! What LR holds, and where in the stack the return address is saved
//! ([`crate::State`]).
//!
//! # Transfer
//! A call leaves its own return address in LR. A store of the return address to a
//! known place of the stack saves it there; another store that touches that place
//! spoils it. A load from that place brings it back. A move between registers
//! copies it.
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
//! A register that is not followed, moved to LR or stored over the saved word,
//! leaves the rule undecided; a value that is known to be something else breaks it.
//! Where a row of `sp-row` is wrong this rule is silent: the word at SP means
//! nothing there.
//!
//! # Assumptions
//! - A system call returns with LR and R29 as they were.
//! - Stores through pointers other than SP, R29 and what is computed from them do
//!   not touch the frame's own saved words; nor does a store through SP with an
//!   index, or a callee.
//! - A call made outside of any frame with the return address in R3 is that of
//!   morestack, which resumes the function with LR restored from R3
//!   (`runtime/asm_arm64.s`, `morestack`).
//! - A call with a trap behind it does not return.
//!
//! # Cost
//! A few instructions at each call, each write of LR and each store near SP.
//!
//! # Not checked
//! What LR holds at depth 0 behind a jump out of the function; return addresses of
//! frames further up.

use crate::state::{Holding, Lr, Saved, State};
use unwind::FuncFlags;

/// Whether an unwinder looks for a return address in such a function.
pub(crate) const fn applies(flags: FuncFlags) -> bool {
    !flags.contains(FuncFlags::TOP_FRAME) && !flags.contains(FuncFlags::SP_WRITE)
}

#[inline]
pub(crate) fn holds(state: &State) -> Holding {
    if state.depth.0 <= 0 {
        match state.lr {
            Lr::Return => Holding::Holds,
            Lr::Unknown => Holding::Unknown,
            Lr::Other => Holding::Broken,
        }
    } else {
        match state.return_at {
            Saved::At(at) if at == state.depth => Holding::Holds,
            Saved::Unknown => Holding::Unknown,
            Saved::At(_) | Saved::Nowhere => Holding::Broken,
        }
    }
}
