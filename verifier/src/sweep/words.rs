//! The look at each word.

use super::bits::each;
use super::special::spoils_caller;
use super::{Processor, Sweep};
use crate::screen::{self, Kinds};
use a64::decode::{NOP, is_trap};
use fearless_simd::{Simd, dispatch};
use unwind::Word;

/// Whether a word is BL.
#[inline(always)]
pub(super) fn is_call(word: Word) -> bool {
    word.get() >> 26 == 0x25
}

/// Whether a word is BR.
#[inline(always)]
pub(super) fn is_jump_register(word: Word) -> bool {
    word.get() & 0xffff_fc1f == 0xd61f_0000
}

/// How far a direct branch goes, in instructions. The fields for it begin and end at
/// different bits in B, in TBZ and TBNZ, and in the others.
#[inline(always)]
pub(super) fn distance(word: Word) -> i32 {
    let word = word.get();
    let is_always = word >> 26 == 5;
    let is_bit = word >> 25 & 1 == 1;
    let (left, right) = if is_always {
        (6, 6)
    } else if is_bit {
        (13, 18)
    } else {
        (8, 13)
    };
    (word << left).cast_signed() >> right
}

/// Whether a store through SP with an offset, of one register or a pair, is to one of the two
/// words that the caller saved, with SP at a depth.
fn spoils(word: Word, depth: u32) -> bool {
    let word = word.get();
    let is_vector = word >> 26 & 1 == 1;
    let is_pair = word >> 28 & 0b11 == 0b10;
    // Of what the offset is a multiple, and how much each register stores, as powers of two.
    let (scale, size) = match (is_pair, is_vector, word >> 30) {
        (true, true, size) => (size + 2, size + 2),
        (true, false, 0) => (2, 2),
        // STGP: two registers of 8 bytes, and a tag for 16.
        (true, false, 1) => (4, 3),
        (true, false, _) => (3, 3),
        (false, true, _) if word >> 23 & 1 == 1 => (4, 4),
        (false, _, size) => (size, size),
    };
    let offset = if is_pair {
        i64::from((word << 10).cast_signed() >> 25)
    } else {
        i64::from(word >> 10 & 0xfff)
    };
    spoils_caller(offset << scale, (1 << size) << u32::from(is_pair), depth)
}

impl Sweep {
    /// Takes down branches, calls and what is special. `text` is what begins with the
    /// words and goes on behind them.
    pub(super) fn words(&mut self, words: &[Word], text: &[Word]) -> Option<()> {
        self.jumps.clear();
        let text = if core::ptr::eq(text.as_ptr(), words.as_ptr()) { text } else { words };
        let Processor(level) = self.processor;
        dispatch!(level, simd => self.words_by(simd, words, text))
    }

    /// The same, in code for one processor.
    #[inline(always)]
    fn words_by<S: Simd>(&mut self, simd: S, words: &[Word], text: &[Word]) -> Option<()> {
        let (blocks, rest) = words.as_chunks();
        let mut is_right = true;
        let mut position = 0;
        for block in blocks {
            let kinds = screen::sort(simd, block);
            is_right &= self.block(position, kinds, block, words)?;
            position += 1;
        }
        if !rest.is_empty() {
            let kinds = match text.get(blocks.len() * screen::WORDS..)?.first_chunk() {
                Some(block) => screen::sort(simd, block),
                None => {
                    let mut block = [NOP; screen::WORDS];
                    block.get_mut(..rest.len())?.copy_from_slice(rest);
                    screen::sort(simd, &block)
                }
            };
            let kinds = kinds.within(u64::MAX >> (screen::WORDS - rest.len()));
            is_right &= self.block(position, kinds, rest, words)?;
        }
        is_right.then_some(())
    }

    /// Takes down one block. Returns whether its edges lead into the states that they
    /// come from.
    #[inline(always)]
    fn block(
        &mut self,
        position: u32,
        kinds: Kinds,
        block: &[Word],
        words: &[Word],
    ) -> Option<bool> {
        let first = position * 64;
        let deep = self.bits.block(position).deep;
        let branches = kinds.branches | kinds.branches_if;
        let mut is_wrong = kinds.returns & deep != 0;
        each(branches, |bit| {
            let distance = block.get(bit as usize).map_or(0, |&word| distance(word));
            is_wrong |= self.bits.aim(first + bit, distance, deep >> bit & 1);
        });
        let depth = self.depth;
        each(kinds.sp_stores & deep, |bit| {
            is_wrong |= block.get(bit as usize).is_none_or(|&word| spoils(word, depth));
        });
        each(kinds.register_jumps, |bit| self.jumps.push(first + bit));
        let calls = kinds.calls | kinds.register_calls & deep;
        // Behind a call that does not return there is a trap, or nothing.
        let next = words.get(first as usize + 64).is_some_and(|&word| is_trap(word));
        let left = words.len() - first as usize;
        let last = if left <= 64 { 1 << (left - 1) } else { 0 };
        let ends = calls & (kinds.traps >> 1 | u64::from(next) << 63) | kinds.calls & last;
        let block = self.bits.block_mut(position)?;
        (block.makes_tmp, block.uses_tmp) = (kinds.makes_tmp, kinds.uses_tmp);
        (block.remakes_tmp, block.links) = (kinds.remakes_tmp, kinds.links);
        block.branches = branches | kinds.register_jumps;
        block.stops = kinds.branches | kinds.returns | kinds.register_jumps | kinds.traps | ends;
        block.calls = calls;
        block.special =
            kinds.others | kinds.register_jumps | (kinds.calls | kinds.register_calls) & !deep;
        Some(!is_wrong)
    }
}
