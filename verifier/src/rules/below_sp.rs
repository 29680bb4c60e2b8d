//! Rule `below-sp`: nothing that is still needed lies where a call can be injected.
//!
//! # Claim
//! At every boundary where a goroutine can be preempted no word below the one
//! under SP is live. A word is live until it is read or overwritten, and when SP
//! moves below it so that it becomes the saved return address or the saved R29.
//!
//! # Abstract state
//! The words of the stack that hold something that matters, and from which boundary on one
//! of them lies below SP.
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
//! one. What words below SP hold is not known in another block, but in assembly where
//! handlers have a stack of their own.
//!
//! # Assumptions
//! Those of [`super::saved_lr`].
//!
//! # Cost
//! Nothing but where a word lies below SP.
//!
//! # Not checked
//! Assembly, which is not preempted; in compiled code loads through other registers than SP
//! and R29; a word that holds neither a register of the caller nor a place of the stack,
//! between its store and its load.

use unwind::{Depth, RED_ZONE};

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
