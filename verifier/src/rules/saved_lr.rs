//! Rule `saved-lr`: the return address is where an unwinder looks for it.
//!
//! # Claim
//! At every boundary that is reached with SP where its row says: at depth 0 LR holds
//! the return address, and below the CFA the word at SP does. Above the CFA a
//! profiler takes LR, and an unwinder that comes from an injected call the word at
//! SP.
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
//! - Stores through pointers other than SP do not touch the frame's own saved words
//!   (in functions of up to 64 instructions those through R29 are followed); nor does
//!   a store through SP with an index, or a callee.
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

use crate::registers::Kind;
use crate::state::{Frame, Holding};
use unwind::{Depth, FuncFlags};

/// Whether an unwinder looks for a return address in such a function.
pub(crate) const fn applies(flags: FuncFlags) -> bool {
    !flags.contains(FuncFlags::TOP_FRAME) && !flags.contains(FuncFlags::SP_WRITE)
}

/// Whether it holds with SP at a depth and what LR holds.
#[inline(always)]
pub(crate) fn holds(frame: &Frame, sp: Depth, lr: Kind) -> Holding {
    if sp.0 > 0 {
        return frame.return_at.holds(sp);
    }
    match lr {
        Kind::Return => Holding::Holds,
        Kind::Unknown | Kind::Element => Holding::Unknown,
        _ => Holding::Broken,
    }
}

/// The same for an unwinder that comes from an injected call: it finds the LR that
/// this pushed if the declared depth is 0, and otherwise reads the word at SP.
pub(crate) fn holds_injected(frame: &Frame, sp: Depth, lr: Kind) -> Holding {
    if sp.0 < 0 { frame.return_at.holds(sp) } else { holds(frame, sp, lr) }
}
