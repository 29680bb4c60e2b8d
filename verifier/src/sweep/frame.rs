//! How a frame is made and popped: the shapes in which execution goes from one state to
//! the other.
//!
//! Each is a few words, and the state at each boundary between them is said with it. No
//! branch goes to a boundary at which neither of the two states holds.

use super::Sweep;
use a64::decode::{RETURN, Reg};
use core::ops::Range;
use unwind::Word;

/// `MOVD R29, -8(RSP)`; `SUB $8, RSP, R29`.
const SAVE_FP: u32 = 0xf81f_83fd;
pub(super) const SET_FP: u32 = 0xd100_23fd;
/// `STP (R29, R30), -8(R20)`; `MOVD R20, RSP`.
const SAVE_PAIR: u32 = 0xa93f_fa9d;
const SET_SP: u32 = 0x9100_029f;
/// `LDP -8(RSP), (R29, R30)`; `MOVD -8(RSP), R29`.
const LOAD_PAIR: u32 = 0xa97f_fbfd;
const LOAD_FP: u32 = 0xf85f_83fd;
/// `SUB R27, RSP, R20`; `ADD R27, RSP, RSP`.
const SUB_TMP: u32 = 0xcb3b_63f4;
pub(super) const ADD_TMP: u32 = 0x8b3b_63ff;
/// `ADD R27, RSP, R29`; `ADD R20, RSP, RSP`.
pub(super) const ADD_TMP_FP: u32 = 0x8b3b_63fd;
const ADD_R20: u32 = 0x8b34_63ff;

/// The instructions of a shape that are special, and the boundaries inside of it.
type Shape = (Range<u32>, Range<u32>);

/// The largest operand of an addition that is not shifted.
const MAX_OPERAND: u32 = 0xfff;

/// The deepest frame that MOVD.W makes; MOVD.P pops one that is less deep.
const MAX_STORE: u32 = 256;

impl Sweep {
    /// Holds each boundary at which the depth changes against the shapes.
    pub(super) fn frames(&mut self, words: &[Word]) -> Option<()> {
        for position in 0..self.steps.len() {
            let at = *self.steps.get(position)?;
            if !self.bits.is(at - 1, |block| block.reached) {
                continue;
            }
            // What holds in between is neither of the two states.
            let (settled, inside) = match self.bits.is(at, |block| block.deep) {
                true => self.made(at, words)?,
                false => match self.popped(at, words) {
                    Some(shape) => shape,
                    None => {
                        let part = match self.popped_late(at, words) {
                            Some(part) => part,
                            None => self.popped_twice(at, words)?..at + 1,
                        };
                        self.parts.push(part.clone());
                        (part.start..part.end - 1, part.start + 1..part.end)
                    }
                },
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
    /// `at`, where nobody may be preempted. The first may be two subtractions, or one of
    /// R27, which has the depth.
    fn made(&self, at: u32, words: &[Word]) -> Option<Shape> {
        let word = |at: u32| words.get(at as usize).map_or(0, |word| word.get());
        let store = 0xf800_0ffe | (self.depth.wrapping_neg() & 0x1ff) << 12;
        if self.depth <= MAX_STORE && word(at - 1) == store {
            let is_shape = [at, at + 1].map(word) == [SAVE_FP, SET_FP];
            return is_shape.then_some((at - 1..at + 2, at..at + 2));
        }
        let pair = at.checked_sub(2)?;
        let first = self.subtracted(pair, words)?;
        let is_shape = [pair, at - 1, at].map(word) == [SAVE_PAIR, SET_SP, SET_FP];
        let is_unsafe = self.bits.is(at - 1, |block| block.is_unsafe);
        (is_shape && is_unsafe).then_some((pair..at + 1, first + 1..at + 1))
    }

    /// Where the instructions in front of `end` begin that subtract the depth from SP into
    /// R20: one subtraction, two, or one of R27, of which others see to it that it is kept.
    fn subtracted(&self, end: u32, words: &[Word]) -> Option<u32> {
        let from_sp = |field| 0xd100_03f4 | field;
        let (last, before) = words.get(..end as usize)?.split_last()?;
        if last.get() == SUB_TMP {
            let (value, count) = constant(Reg::TMP, before)?;
            return (value == self.depth).then_some(end - 1 - count);
        }
        if let Some(field) = operand(self.depth) {
            return (last.get() == from_sp(field)).then_some(end - 1);
        }
        let high = 0xd100_0294 | operand(self.depth & !MAX_OPERAND)?;
        let low = from_sp(operand(self.depth & MAX_OPERAND)?);
        (before.last()?.get() == low && last.get() == high).then_some(end - 2)
    }

    /// At `at` the frame is gone, behind a load of what it saved and an addition to SP,
    /// and in front of RET.
    ///
    /// `LDP -8(RSP), (R29, R30)`; `ADD $depth, RSP`: R29 is the caller's from the first on,
    /// and LR the return address. The same with `MOVD -8(RSP), R29` and
    /// `MOVD.P depth(RSP), R30`.
    ///
    /// `ADD $(depth-8), RSP, R29`; `ADD $depth, RSP`: the same, if LR was never written. So are
    /// `MOVD -8(RSP), R29` and `ADD $depth, RSP`. Both operands may be in a register.
    fn popped(&mut self, at: u32, words: &[Word]) -> Option<Shape> {
        let word = |at: u32| words.get(at as usize).map_or(0, |word| word.get());
        let pop = self.added(at, words)?;
        let load = pop.checked_sub(1)?;
        let is_post_index = word(pop) == 0xf840_07fe | self.depth << 12;
        let is_shape = match word(load) {
            LOAD_PAIR => !is_post_index,
            LOAD_FP => {
                self.needs_lr |= !is_post_index;
                true
            }
            ADD_TMP_FP => {
                self.needs_lr = true;
                let first = self.made_tmp(load, self.depth - 8, words)?;
                let is_return = !is_post_index && word(at) == RETURN.get();
                return is_return.then_some((first..at, first + 1..at + 1));
            }
            add => {
                self.needs_lr = true;
                !is_post_index && add == 0x9100_03fd | operand(self.depth - 8)?
            }
        };
        (is_shape && word(at) == RETURN.get()).then_some((load..at, load + 1..at + 1))
    }

    /// At `at` SP is back, in a leaf that restores R29 behind that: `ADD $depth, RSP`;
    /// `SUB $8, RSP, R29`; `RET`, as releases up to go1.21.3 have it. What is true in between the
    /// analysis finds out. Returns from where on it does not matter how execution came there,
    /// if LR was never written, up to behind the return.
    fn popped_late(&mut self, at: u32, words: &[Word]) -> Option<Range<u32>> {
        let behind: [Word; 2] = *words.get(at as usize..)?.first_chunk()?;
        let first = self.added(at, words)?;
        let has_begun = self.bits.is(first, |block| block.begins);
        let is_whole = has_begun || !self.bits.has(first..at + 2, |block| block.restarts);
        let is_shape = behind.map(Word::get) == [SET_FP, RETURN.get()] && is_whole;
        self.needs_lr |= is_shape;
        is_shape.then_some(first..at + 2)
    }

    /// At `at` the frame is gone, behind two additions: what is true in between the analysis
    /// finds out. Returns where the load in front of them is, from which on it does not
    /// matter how execution came there.
    fn popped_twice(&self, at: u32, words: &[Word]) -> Option<u32> {
        let first = at.checked_sub(3)?;
        let shape = words.get(first as usize..)?.first_chunk()?.map(Word::get);
        let add = |value| Some(0x9100_03ff | operand(value)?);
        let [low, high] = [add(self.depth & MAX_OPERAND)?, add(self.depth & !MAX_OPERAND)?];
        let is_plain = !self.bits.has(first..at + 1, |block| block.restarts);
        (shape == [LOAD_PAIR, low, high, RETURN.get()] && is_plain).then_some(first)
    }

    /// Where the instructions in front of `at` begin that leave a value in R27, which nothing
    /// loses.
    fn made_tmp(&self, at: u32, expected: u32, words: &[Word]) -> Option<u32> {
        let (value, count) = constant(Reg::TMP, words.get(..at as usize)?)?;
        let first = at - count;
        for at in first..at {
            self.keeps_tmp(at, at + 1)?;
        }
        (value == expected).then_some(first)
    }

    /// Where the instructions in front of `end` begin that add the depth to SP at once:
    /// an addition, one of R27, or `MOVD.P`.
    fn added(&self, end: u32, words: &[Word]) -> Option<u32> {
        let before = words.get(..end as usize)?;
        let (last, before) = before.split_last()?;
        if last.get() == ADD_TMP {
            return self.made_tmp(end - 1, self.depth, words);
        }
        if last.get() == ADD_R20 {
            let (value, count) = constant(Reg(20), before)?;
            return (value == self.depth).then_some(end - 1 - count);
        }
        let is_post_index = self.depth < MAX_STORE && last.get() == 0xf840_07fe | self.depth << 12;
        let is_addition = || Some(last.get() == 0x9100_03ff | operand(self.depth)?);
        (is_post_index || is_addition()?).then_some(end - 1)
    }
}

/// The constant that the last of these instructions leave in a register, and how many they
/// are: `MOVD $n, R27` as MOVZ, or as that and MOVK.
fn constant(register: Reg, words: &[Word]) -> Option<(u32, u32)> {
    let [before @ .., last] = words else { return None };
    let field = |word: Word| word.get() >> 5 & 0xffff;
    let (low, register) = (0xd280_0000, u32::from(register.0));
    if last.get() & 31 != register {
        return None;
    }
    match last.get() & 0xffe0_0000 {
        0xd280_0000 => Some((field(*last), 1)),
        0xd2a0_0000 => Some((field(*last) << 16, 1)),
        0xf2a0_0000 => {
            let low_word = low | register;
            let low = *before.last()?;
            let is_low = low.get() & 0xffe0_001f == low_word;
            is_low.then_some((field(*last) << 16 | field(low), 2))
        }
        _ => None,
    }
}

/// The field of an operand of an addition, if one can be that much.
const fn operand(value: u32) -> Option<u32> {
    match (value & MAX_OPERAND, value >> 12) {
        (_, 0) => Some(value << 10),
        (0, high @ ..=MAX_OPERAND) => Some(high << 10 | 1 << 22),
        _ => None,
    }
}
