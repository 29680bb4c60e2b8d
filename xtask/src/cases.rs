//! The frames that the model and the toolchains are compared on.

use lowering::{Frame, FrameSize, Kind, Os, StackCheck};
use std::collections::BTreeSet;

/// Where the emitted sequence changes, in bytes: below, at or just above each of
/// these something in it does. Sources: `obj7.go` and `asm7.go`.
pub const THRESHOLDS: [u64; 16] = [
    // No frame at all; the smallest.
    0,
    // abi.StackSmall: leaves have a check from here, others compare SP itself
    // up to here.
    128,
    // The largest frame that a pre-indexed store opens.
    0xf0,
    // Twelve bits; the register pop of the fixed releases; abi.StackBig.
    1 << 12,
    // The same for the operand of the check (the frame less 128) and of a
    // leaf's R29 (less 8).
    (1 << 12) + 128,
    // A bitmask that is no 12-bit immediate.
    0x7ff0,
    // One wide move.
    1 << 16,
    (1 << 16) + 128,
    // A multiple of 4096 above one wide move.
    (1 << 16) + (1 << 12),
    (1 << 17) - 16,
    // The most that 12 shifted bits hold.
    0xff_f000,
    0xff_f000 + 128,
    // 24 bits, the end of the pair of additions.
    1 << 24,
    (1 << 24) + 128,
    (1 << 24) + (1 << 16),
    // The end of the domain.
    1 << 30,
];

/// The sizes around each threshold.
#[must_use]
pub fn around_thresholds() -> BTreeSet<u64> {
    let near =
        |threshold: u64| (-2..=2).filter_map(move |step| threshold.checked_add_signed(step * 16));
    THRESHOLDS.into_iter().flat_map(near).filter(|&size| FrameSize::new(size).is_ok()).collect()
}

/// Sizes with every kind of bit pattern: all up to 128 KiB, sums of two powers of
/// two and their neighbours, runs of ones, and a fixed pseudo-random sample of
/// 20,000 and more over the whole domain.
#[must_use]
pub fn patterns() -> BTreeSet<u64> {
    let mut sizes = around_thresholds();
    sizes.extend((0..=128 * 1024).step_by(16));
    for high in 4..=30 {
        for low in 4..=high {
            // A run of ones from bit `low` to bit `high - 1`.
            sizes.insert((1_u64 << high) - (1 << low));
            for step in [-32_i64, -16, 0, 16, 32] {
                sizes.extend(((1_u64 << high) + (1 << low)).checked_add_signed(step));
            }
        }
    }
    // A linear congruential generator (Knuth's MMIX constants): the same sizes
    // on every machine. Half of them are below 16 MiB.
    let mut state = 73259_u64;
    for draw in 0..24_000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let bits = if draw % 2 == 0 { 26 } else { 20 };
        sizes.insert((state >> (64 - bits)) * 16);
    }
    sizes.retain(|&size| FrameSize::new(size).is_ok());
    sizes
}

/// The frames of these sizes that the assembler can be asked for: every kind of
/// function, with and without the stack check.
#[must_use]
pub fn frames(sizes: &BTreeSet<u64>, os: Os) -> Vec<Frame> {
    let mut frames = Vec::new();
    for size in sizes.iter().filter_map(|&size| FrameSize::new(size).ok()) {
        for kind in [Kind::Leaf, Kind::NonLeaf] {
            for check in [StackCheck::WhereNeeded, StackCheck::NoSplit] {
                // A leaf with locals has at least 32 bytes.
                if size.bytes() != 16 || kind == Kind::NonLeaf {
                    frames.push(Frame { size, kind, check, os });
                }
            }
        }
    }
    frames
}
