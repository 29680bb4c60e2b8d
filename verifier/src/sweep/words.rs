//! The look at each word.

use super::Sweep;
use super::bits::each;
use crate::checker::SHORT;
use crate::decode::{Kind, NOP, RETURN, is_event, is_trap, kind};
use unwind::Word;

/// Whether a word is BL.
#[inline(always)]
pub(super) fn is_call(word: Word) -> bool {
    word.get() >> 26 == 0x25
}

/// Whether a word is BLR of another register than R27.
#[inline(always)]
fn is_call_register(word: Word) -> bool {
    word.get() & 0xffff_fc1f == 0xd63f_0000 && word.get() >> 5 & 31 != 27
}

/// Whether a word is BR.
#[inline(always)]
pub(super) fn is_jump_register(word: Word) -> bool {
    word.get() & 0xffff_fc1f == 0xd61f_0000
}

/// How far B goes, in instructions.
#[inline(always)]
fn offset(word: u32) -> i32 {
    (word << 6).cast_signed() >> 6
}

/// The same of a conditional branch. TBZ and TBNZ have fewer bits for it.
#[inline(always)]
fn offset_if(word: u32) -> i32 {
    let is_bit = word >> 25 & 1 == 1;
    if is_bit { (word << 13).cast_signed() >> 18 } else { (word << 8).cast_signed() >> 13 }
}

impl Sweep {
    /// Takes down branches, calls and what is special.
    pub(super) fn words(&mut self, words: &[Word]) -> Option<()> {
        self.jumps.clear();
        let mut is_wrong = false;
        for (position, chunk) in (0..).zip(words.chunks(64)) {
            let first = position * 64;
            let deep = self.bits.block(position).deep;
            let word = |bit: u32| chunk.get(bit as usize).copied().unwrap_or(NOP);
            let (mut stops, mut conditional, mut calls, mut others) = (0, 0, 0, 0);
            let events = events(chunk);
            each(events, |bit| {
                let kinds = match kind(word(bit)) {
                    Kind::Branch => &mut stops,
                    Kind::BranchIf => &mut conditional,
                    Kind::Call => &mut calls,
                    Kind::Other => &mut others,
                };
                *kinds |= 1_u64 << bit;
            });
            if words.len() <= SHORT {
                let mut plain = chunk.iter().zip(0..).filter(|(_, bit)| events >> bit & 1 == 0);
                is_wrong |= plain.any(|(&word, _)| is_followed(word));
            }
            let branches = stops | conditional;
            let mut special = calls & !deep;
            each(branches & !conditional, |bit| {
                let target = (first + bit).wrapping_add_signed(offset(word(bit).get()));
                is_wrong |= self.bits.aim(target, deep >> bit & 1);
            });
            each(conditional, |bit| {
                let target = (first + bit).wrapping_add_signed(offset_if(word(bit).get()));
                is_wrong |= self.bits.aim(target, deep >> bit & 1);
                // It may read R27.
                special |= u64::from(word(bit).get() & 31 == 27) << bit;
            });
            each(others, |bit| {
                let (word, own) = (word(bit), 1 << bit);
                if word == RETURN || is_trap(word) {
                    stops |= own;
                    is_wrong |= word == RETURN && deep & own != 0;
                } else if is_call_register(word) && deep & own != 0 {
                    calls |= own;
                } else if word != NOP {
                    special |= own;
                    if is_jump_register(word) {
                        stops |= own;
                        self.jumps.push(first + bit);
                    }
                }
            });
            each(calls, |bit| {
                let behind = words.get((first + bit) as usize + 1);
                stops |= u64::from(behind.is_some_and(|&word| is_trap(word))) << bit;
            });
            let block = self.bits.block_mut(position)?;
            (block.stops, block.branches) = (stops, branches);
            (block.calls, block.special) = (calls, special);
        }
        (!is_wrong).then_some(())
    }
}

/// Whether a plain word is one in which the walk sees more, as it does where it looks at
/// each: an access by R29, or one that can be of LR or R29 for it; instructions some of
/// whose registers are not in their fields.
fn is_followed(word: Word) -> bool {
    let word = word.get();
    let names = |low: u32| matches!(word >> low & 31, 29 | 30);
    let is_system = word >> 24 == 0xd5;
    let is_structure = word & 0x3e00_0000 == 0x0c00_0000;
    let is_atomic = word & 0x3b20_0000 == 0x3820_0000 && word >> 10 & 3 != 0b10;
    let is_pair = word & 0x3a00_0000 == 0x2800_0000;
    let is_access = word >> 25 & 0b101 == 0b100;
    let is_by_fp = word >> 5 & 31 == 29;
    is_system
        || is_access && (is_by_fp || is_structure || is_atomic || names(0) || is_pair && names(10))
}

/// Which of up to 64 words are not plain.
#[inline(always)]
fn events(words: &[Word]) -> u64 {
    let (eights, rest) = words.as_chunks::<8>();
    let mut events = 0;
    for (eight, shift) in eights.iter().zip((0_u32..).step_by(8)) {
        let pairs = eight.iter().zip(0..);
        let bits = pairs.fold(0, |bits, (&word, bit)| bits | u64::from(is_event(word)) << bit);
        events |= bits << shift;
    }
    for (&word, shift) in rest.iter().zip(eights.len() as u32 * 8..) {
        events |= u64::from(is_event(word)) << shift;
    }
    events
}
