//! The words of the stack around SP, by what the verifier knows of them.

use super::{Story, word};
use a64::decode::{Access, Data, Inst, Mode, Reg, decode};
use a64::{SpEffect, sp_effect};
use unwind::frame_pointer::BELOW_SP;
use unwind::{Depth, Index, InjectedCall, ReturnAddress, Stopped, inject, signal};
use verifier::{Function, Saved, SignalStack, State};

/// What a word of the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Words of the caller's frame.
    Caller,
    /// The LR that the caller saved: it leads to the caller's caller.
    CallersLr,
    /// The R29 that the caller saved.
    CallersR29,
    /// The return address of this function.
    ReturnAddress,
    /// The caller's R29, saved by this function.
    SavedR29,
    /// A local of this function, or what an earlier call left there.
    Local,
    /// R29, in the pair that is made for a callee without a frame.
    CalleesR29,
    /// The address behind the call, in that pair.
    CalleesReturn,
    /// Nothing that this function uses.
    Unused,
}

/// A word of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where it begins, in bytes from SP.
    pub offset: i64,
    /// The same below the CFA.
    pub depth: Depth,
    /// What it holds.
    pub content: Content,
    /// Whether an unwinder takes it for the return address.
    pub is_taken: bool,
    /// What an injected call stores there, if it is known.
    pub pushed: Option<inject::Pushed>,
    /// Whether an injected call overwrites it, or a handler of signals that runs on
    /// this stack.
    pub is_lost: bool,
}

/// What the word holds that begins at a depth below the CFA.
pub(super) fn content(state: &State, frame_size: Depth, depth: Depth) -> Content {
    if state.return_at == Saved::At(depth) {
        Content::ReturnAddress
    } else if state.caller_at == Saved::At(depth) {
        Content::SavedR29
    } else if depth < Depth(0) {
        Content::Caller
    } else if depth == Depth(0) {
        Content::CallersLr
    } else if depth == Depth(BELOW_SP) {
        Content::CallersR29
    } else if depth.0 <= frame_size.0.max(state.depth.0) {
        Content::Local
    } else {
        Content::Unused
    }
}

/// How far before a boundary the pair of a callee is looked for, in instructions: Go's
/// call of DUFFZERO takes five (`asm7.go`, `obj7.go`: ADR, STP, SUB, BL, SUB).
const PAIR: u32 = 5;

/// Where R29 points at a pair that was made for a callee without a frame: R29 as it
/// was, and the address behind the call above it, stored through SP on the straight line
/// up to a boundary at which SP is at `depth`.
pub(super) fn callees_pair(function: &Function<'_>, at: Index, depth: Depth) -> Option<Depth> {
    let mut stored = None;
    for back in 1..=PAIR {
        let inst = decode(*word(function, Index(at.0.checked_sub(back)?))?);
        match (inst, stored) {
            (
                Inst::Pair {
                    access: Access::Store,
                    data: Data::X,
                    rt: Reg::FP,
                    rt2,
                    rn: Reg::SP,
                    offset,
                    mode: Mode::Offset,
                },
                None,
            ) => stored = Some((rt2, Depth(depth.0.saturating_sub(i64::from(offset))))),
            (Inst::Adr { rd, .. }, Some((returns_to, place))) if rd == returns_to => {
                return Some(place);
            }
            (Inst::Call { .. }, None) => {}
            (Inst::Branch { .. } | Inst::JumpReg { .. } | Inst::Return { .. }, _) => return None,
            _ if sp_effect(&inst) != SpEffect::Unchanged => return None,
            _ => {}
        }
    }
    None
}

/// What a word of the pair of a callee holds, which is at `pair`.
fn of_callee(pair: Option<Depth>, depth: Depth) -> Option<Content> {
    match pair?.0.wrapping_sub(depth.0) {
        0 => Some(Content::CalleesR29),
        8 => Some(Content::CalleesReturn),
        _ => None,
    }
}

/// The words around SP, and those that hold what the caller needs again.
pub(super) fn around(story: &Story) -> Vec<Slot> {
    let Some(state) = &story.state else { return Vec::new() };
    let mut offsets: Vec<i64> = vec![8, 0, -8, -16, -24];
    for saved in [state.return_at, state.caller_at] {
        if let Saved::At(at) = saved {
            offsets.push(state.depth.0.saturating_sub(at.0));
        }
    }
    offsets.sort_unstable_by(|first, second| second.cmp(first));
    offsets.dedup();
    let call = InjectedCall::of(story.release);
    let stopped = if story.is_injectable() { Stopped::Preempted } else { Stopped::Signal };
    let declared = match story.resume {
        Some((_, depth)) if story.is_injectable() => depth,
        _ => story.row.depth,
    };
    let taken = match ReturnAddress::of(declared, stopped, story.flags) {
        ReturnAddress::WordAtSp => Some(0),
        ReturnAddress::PushedWord => Some(-inject::INJECTED_SP_MOVE),
        _ => None,
    };
    let slot = |offset: i64| {
        let depth = Depth(state.depth.0.saturating_sub(offset));
        let below = offset.saturating_neg();
        let is_pushed = story.is_injectable() && inject::is_lost(below);
        let on_this_stack = story.signals == SignalStack::Goroutine;
        let is_lost = is_pushed || on_this_stack && signal::is_lost_to_signal(below);
        let push = call.writes().iter().find(|push| is_pushed && push.below_sp == below);
        Slot {
            offset,
            depth,
            content: of_callee(story.callees_pair, depth)
                .unwrap_or_else(|| content(state, story.frame_size, depth)),
            pushed: push.map(|push| push.value),
            is_taken: taken == Some(offset),
            is_lost,
        }
    };
    offsets.into_iter().map(slot).collect()
}
