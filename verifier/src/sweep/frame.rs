//! How a frame is made and popped: the shapes in which execution goes from one state to
//! the other.
//!
//! Each is a few words, and the state at each boundary between them is said with it. No
//! branch goes to a boundary at which neither of the two states holds.

use super::Sweep;
use crate::decode::RETURN;
use core::ops::Range;
use unwind::{Index, RowTable, UnsafePoint, Word};

/// `MOVD R29, -8(RSP)`; `SUB $8, RSP, R29`.
const SAVE_FP: u32 = 0xf81f_83fd;
pub(super) const SET_FP: u32 = 0xd100_23fd;
/// `STP (R29, R30), -8(R20)`; `MOVD R20, RSP`.
const SAVE_PAIR: u32 = 0xa93f_fa9d;
const SET_SP: u32 = 0x9100_029f;
/// `LDP -8(RSP), (R29, R30)`; `MOVD -8(RSP), R29`.
const LOAD_PAIR: u32 = 0xa97f_fbfd;
const LOAD_FP: u32 = 0xf85f_83fd;

/// The instructions of a shape that are special, and the boundaries inside of it.
type Shape = (Range<u32>, Range<u32>);

/// The largest operand of an addition that is not shifted.
const MAX_OPERAND: u32 = super::MAX_OPERAND as u32;

/// The deepest frame that MOVD.W makes; MOVD.P pops one that is less deep.
const MAX_STORE: u32 = 256;

impl Sweep {
    /// Holds each boundary at which the depth changes against the shapes.
    pub(super) fn frames(&mut self, words: &[Word], rows: &RowTable) -> Option<()> {
        for position in 0..self.steps.len() {
            let at = *self.steps.get(position)?;
            if !self.bits.is(at - 1, |block| block.reached) {
                continue;
            }
            // What holds in between is neither of the two states.
            let (settled, inside) = match self.bits.is(at, |block| block.deep) {
                true => self.made(at, words, rows)?,
                false => self.popped(at, words)?,
            };
            if self.bits.has_target(inside) {
                return None;
            }
            self.bits.settle(settled);
        }
        Some(())
    }

    /// From `at` on the frame is there.
    ///
    /// `MOVD.W R30, -depth(RSP)` with `MOVD R29, -8(RSP)` and `SUB $8, RSP, R29` behind it:
    /// from `at` on the return address is at SP, and R29 is the caller's up to where it
    /// points at the pair.
    ///
    /// `SUB $depth, RSP, R20`; `STP (R29, R30), -8(R20)`; `MOVD R20, RSP`;
    /// `SUB $8, RSP, R29`: the same, but the pair is below SP at the boundary in front of
    /// `at`, where nobody may be preempted.
    fn made(&self, at: u32, words: &[Word], rows: &RowTable) -> Option<Shape> {
        let word = |at: u32| words.get(at as usize).map_or(0, |word| word.get());
        let store = 0xf800_0ffe | (self.depth.wrapping_neg() & 0x1ff) << 12;
        if self.depth <= MAX_STORE && word(at - 1) == store {
            let is_shape = [at, at + 1].map(word) == [SAVE_FP, SET_FP];
            return is_shape.then_some((at - 1..at + 2, at..at + 2));
        }
        let first = at.checked_sub(3)?;
        let subtract = 0xd100_03f4 | operand(self.depth);
        let is_shape =
            [first, at - 2, at - 1, at].map(word) == [subtract, SAVE_PAIR, SET_SP, SET_FP];
        let is_unsafe = rows.row(Index(at - 1))?.unsafe_point == UnsafePoint::Unsafe;
        (is_shape && is_unsafe).then_some((first..at + 1, first + 1..at + 1))
    }

    /// At `at` the frame is gone.
    ///
    /// `LDP -8(RSP), (R29, R30)`; `ADD $depth, RSP`; `RET`: R29 is the caller's from the
    /// first on, and LR the return address. The same with `MOVD -8(RSP), R29` and
    /// `MOVD.P depth(RSP), R30`.
    ///
    /// `ADD $(depth-8), RSP, R29`; `ADD $depth, RSP`; `RET`: the same, if LR was never
    /// written.
    fn popped(&mut self, at: u32, words: &[Word]) -> Option<Shape> {
        let first = at.checked_sub(2)?;
        let [load, pop, last] = words.get(first as usize..)?.first_chunk()?.map(Word::get);
        let add = 0x9100_03ff | operand(self.depth);
        let is_shape = match load {
            LOAD_PAIR => pop == add,
            LOAD_FP => self.depth < MAX_STORE && pop == 0xf840_07fe | self.depth << 12,
            _ => {
                self.needs_lr = true;
                let up_to = self.depth - 8;
                pop == add && up_to <= MAX_OPERAND && load == 0x9100_03fd | operand(up_to)
            }
        };
        (is_shape && last == RETURN.get()).then_some((first..at, first + 1..at + 1))
    }
}

/// The field of an operand of an addition, for one that can be.
const fn operand(value: u32) -> u32 {
    if value <= MAX_OPERAND { value << 10 } else { value >> 12 << 10 | 1 << 22 }
}
