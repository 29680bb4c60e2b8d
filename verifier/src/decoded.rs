//! Words decoded before: the words of a program repeat.

use crate::decode::decode;
use crate::effect::{Effect, effect};
use crate::operands::{Operands, operands};
use unwind::Word;

/// A decoded word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded {
    word: u32,
    pub(crate) operands: Operands,
    pub(crate) effect: Effect,
}

impl Decoded {
    fn of(word: Word) -> Self {
        let inst = decode(word);
        Self { word: word.get(), operands: operands(word, &inst), effect: effect(&inst) }
    }
}

/// How many words are remembered.
const SIZE: usize = 1 << BITS;
/// Enough for most words of a function to have a place of their own.
const BITS: u32 = 10;

/// A memory of decoded words, one for each value of a hash.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Box<[Decoded; SIZE]>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Box::new([Decoded::of(Word::new(0)); SIZE]))
    }

    /// A word, decoded now or before.
    #[inline(always)]
    pub(crate) fn get(&mut self, word: Word) -> &Decoded {
        // Fibonacci hashing: the top bits of a product.
        let hash = word.get().wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS);
        let slot = &mut self.0[hash as usize & (SIZE - 1)];
        if slot.word != word.get() {
            *slot = Self::decode(word);
        }
        slot
    }

    #[cold]
    #[inline(never)]
    fn decode(word: Word) -> Decoded {
        Decoded::of(word)
    }
}
