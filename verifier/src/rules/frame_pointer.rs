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
//! What R29 and the words of the stack hold ([`crate::State`]).
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
//!   its own frame, which is where its caller's frame keeps R29: rule [`super::callee`] shows
//!   it of each function.
//!
//! # Cost
//! As for [`super::saved_lr`].
//!
//! # Not checked
//! R29 at boundaries where nobody walks from: unsafe points, and assembly between
//! calls.

use crate::analysis::state::{Holding, Live};
use crate::analysis::value::{Kind, Value};
use a64::decode::Reg;
use unwind::{FuncFlags, KEPT_BELOW_SP};

/// How far below its own SP a function keeps its R29: `PtrSize`, `obj7.go`.
const PAIR: i64 = 8;

/// Whether it holds.
#[inline(always)]
pub(crate) fn holds(live: &Live) -> Holding {
    let fp = live.registers.or_sp(Reg::FP);
    // The caller's points at the pair below the CFA.
    let at = if fp == Value::CALLER_FP { Some(-PAIR) } else { fp.offset() };
    match at {
        Some(at) if at < -live.depth.0.saturating_add(KEPT_BELOW_SP) => Holding::Broken,
        _ => leads_on(live, fp),
    }
}

/// Whether a frame pointer is the caller's, or points at the pair that this frame saved.
fn leads_on(live: &Live, fp: Value) -> Holding {
    match fp.offset() {
        Some(at) if at == -PAIR => Holding::Holds,
        None => live.is_entry(fp, Reg::FP),
        Some(at) => {
            let saved = live.words.get(at);
            let caller = match saved {
                saved if saved == Value::stack(-PAIR) => Holding::Holds,
                saved => live.is_entry(saved, Reg::FP),
            };
            match (caller, live.is_return(at.saturating_add(PAIR))) {
                (Holding::Holds, Holding::Holds) => Holding::Holds,
                (Holding::Broken, _) | (_, Holding::Broken) => Holding::Broken,
                _ => Holding::Unknown,
            }
        }
    }
}

/// Whether R29 points at a pair that was made for a callee without a frame: a frame pointer
/// that leads on, and above it the address behind the call.
pub(crate) fn is_linked(live: &Live, behind: u64) -> bool {
    live.registers.or_sp(Reg::FP).offset().is_some_and(|at| {
        leads_on(live, live.words.get(at)) == Holding::Holds
            && live.words.get(at.saturating_add(PAIR)) == Value::address(behind)
    })
}

/// Whether R29 is 0 in a function that is the last on its stack: a walk ends there.
pub(crate) fn ends_chain(live: &Live, flags: FuncFlags) -> bool {
    let fp = live.registers.or_sp(Reg::FP);
    flags.contains(FuncFlags::TOP_FRAME) && fp.kind == Kind::Const && fp.number == 0
}
