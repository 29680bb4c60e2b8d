//! Strategies for property tests, here and in code that builds on this crate:
//! they make valid inputs only, and often those near which the emitted sequence
//! changes.

use crate::policy::Policy;
use crate::{Frame, FrameSize, Kind, Os, StackCheck};
use proptest::prelude::*;
use proptest::sample::select;

/// Any frame size: near a power of two, near a sum of two, or anywhere.
pub fn frame_size() -> impl Strategy<Value = FrameSize> {
    let near = |rank: u64, step: i64| {
        let rank = rank.saturating_add_signed(step).min(u64::from(FrameSize::COUNT) - 1);
        u32::try_from(rank).ok().and_then(FrameSize::nth).unwrap_or(FrameSize::MAX)
    };
    prop_oneof![
        (0..27_u32, -3..=3_i64).prop_map(move |(bit, step)| near(1 << bit, step)),
        (0..26_u32, 0..26_u32, -3..=3_i64)
            .prop_map(move |(high, low, step)| near((1 << high) + (1 << low), step)),
        (0..FrameSize::COUNT).prop_map(move |rank| near(u64::from(rank), 0)),
    ]
}

/// Leaf or not.
pub fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Leaf, Kind::NonLeaf])
}

/// Any frame, on any operating system, with or without the stack check.
pub fn frame() -> impl Strategy<Value = Frame> {
    let check = select(vec![StackCheck::WhereNeeded, StackCheck::NoSplit]);
    let os = select(vec![Os::Linux, Os::Darwin, Os::Ios]);
    (frame_size(), kind(), check, os).prop_map(|(size, kind, check, os)| Frame {
        size,
        kind,
        check,
        os,
    })
}

/// Any built-in policy.
pub fn policy() -> impl Strategy<Value = Policy> {
    select(Policy::BUILT_IN.to_vec())
}
