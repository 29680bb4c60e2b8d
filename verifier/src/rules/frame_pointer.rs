//! Rule `frame-pointer`: R29 leads to a chain of frames.
//!
//! # Claim
//! At every boundary from which frame pointers can be walked R29 is the caller's
//! frame pointer, or points at the pair that this frame saved: the caller's R29,
//! and above it the return address. The pair lies no lower than the word below SP,
//! which is the last that an injected call leaves alone. At a call that is no place
//! for preemption it may lie lower and hold this frame's R29 and the address behind
//! the call: so the calls of `duffzero` and `duffcopy` get a frame that these do not
//! make (`obj7.go`, case `ADUFFZERO`). In the last function of a stack (`TOPFRAME`) it
//! may be 0.
//!
//! # Abstract state
//! What R29 holds, and where in the stack the caller's R29 and the return address
//! are saved ([`crate::State`]).
//!
//! # Transfer
//! As for [`super::saved_lr`], for R29: an addition to SP or R29 gives a place of
//! the stack, a load from where the caller's R29 is saved brings it back.
//!
//! # Observers
//! The frame-pointer unwinder: the execution tracer and the profiles of blocking
//! (`runtime/tracestack.go`, `fpTracebackPCs`). It starts in the runtime, from a
//! goroutine that called it or was preempted, and never from a signal: so it reads
//! the R29 of boundaries where the goroutine can be preempted, and of calls, those
//! of assembly among them.
//!
//! # Direction of error
//! As for [`super::saved_lr`].
//!
//! # Assumptions
//! Those of [`super::saved_lr`], and:
//! - The caller keeps R29 eight bytes below its SP, as Go's functions do
//!   (`obj7.go`, `preprocess`): CFA - 8 is the caller's frame pointer, and what a
//!   leaf computes to restore it.
//! - A callee that is given such a pair does not use the stack.
//! - A callee returns with R29 as it was, and does not write the highest word of
//!   its own frame, which is where its caller's frame keeps R29.
//!
//! # Cost
//! As for [`super::saved_lr`].
//!
//! # Not checked
//! R29 at boundaries where nobody walks from: unsafe points, and assembly between
//! calls.

use crate::registers::{Kind, Value};
use crate::state::{Frame, Holding};
use unwind::{Depth, KEPT_BELOW_SP};

/// How far below its own SP a function keeps its R29: `PtrSize`, `obj7.go`.
const PAIR: i64 = 8;

/// Whether it holds with SP at a depth and what R29 holds.
#[inline(always)]
pub(crate) fn holds(frame: &Frame, sp: Depth, fp: Value) -> Holding {
    match (fp.kind, fp.depth()) {
        (Kind::Caller, _) | (_, Some(Depth(PAIR))) => Holding::Holds,
        (_, Some(at)) if at.0 > sp.0.saturating_add(KEPT_BELOW_SP) => Holding::Broken,
        (_, Some(at)) => {
            let caller = frame.caller_at.holds(at);
            let returns = frame.return_at.holds(Depth(at.0.saturating_sub(PAIR)));
            match (caller, returns) {
                (Holding::Holds, Holding::Holds) => Holding::Holds,
                (Holding::Broken, _) | (_, Holding::Broken) => Holding::Broken,
                _ => Holding::Unknown,
            }
        }
        (Kind::Unknown | Kind::Element, _) => Holding::Unknown,
        _ => Holding::Broken,
    }
}
