//! Rule `below-sp`: nothing that is still needed lies where a call can be injected.
//!
//! # Claim
//! At every boundary where a goroutine can be preempted no word below the one
//! under SP is live. A word is live until it is read or overwritten, and when SP
//! moves below it so that it becomes the saved return address or the saved R29.
//!
//! # Abstract state
//! The places of the two saved words, and from which boundary on one of them lies
//! below SP.
//!
//! # Transfer
//! A store below SP, and a move of SP over a saved word, begin the time in which
//! it can be lost; a load of it, and a move of SP back under it, show that it was
//! needed.
//!
//! # Observers
//! Preemption: the call that it injects stores LR at SP - 16 and R29 at SP - 24,
//! and `asyncPreempt` uses what is below (`runtime/signal_arm64.go`, `pushCall`;
//! `runtime/preempt_arm64.s`). The word at SP - 8 is left alone, and Go keeps a
//! frame's R29 there. On ios handlers of signals run on the goroutine's stack
//! (`obj7.go` says so of its prologue), and each signal, at unsafe points too,
//! overwrites what is more than 128 bytes below SP; then whoever unwinds from the
//! next boundary is misled.
//!
//! # Direction of error
//! A load from below SP of a word that was not seen stored is taken for a live
//! one. Words below SP are not followed from one block into another.
//!
//! # Assumptions
//! Those of [`super::saved_lr`].
//!
//! # Cost
//! Nothing but where a word lies below SP.
//!
//! # Not checked
//! Assembly, which is not preempted; loads through other registers than SP; a word that
//! is neither LR nor R29 between its store and the boundary of its load.

use crate::state::Frame;
use unwind::{Depth, KEPT_BELOW_SP, RED_ZONE};

/// On whose stack a signal's handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SignalStack {
    /// On one of its own (`SA_ONSTACK`).
    #[default]
    Own,
    /// On the goroutine's, below the red zone: on ios.
    Goroutine,
}

/// Whether a word at a depth lies where a handler of a signal overwrites it while
/// SP is at another.
pub(crate) fn overwritten_by_signal(stack: SignalStack, word: Depth, sp: Depth) -> bool {
    stack == SignalStack::Goroutine && word.0 > sp.0.saturating_add(RED_ZONE)
}

/// The saved words of a frame that lie below SP, and no longer if SP moves to
/// another depth.
pub(crate) fn uncovered(frame: &Frame, from: Depth, to: Depth) -> [Option<Depth>; 2] {
    let [from, to] = [from, to].map(|sp| sp.0.saturating_add(KEPT_BELOW_SP));
    [frame.return_at, frame.caller_at]
        .map(|place| place.depth().filter(|at| at.0 > from && at.0 <= to))
}
