//! Words decoded before: the words of a program repeat.

use crate::decode::{decode, is_breakpoint};
use crate::effect::{Effect, effect};
use crate::parts::{Core, Parts};
use crate::semantics::{Semantics, semantics};
use unwind::Word;

/// A word with what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    word: u32,
    /// What the word does to the values of registers, and where execution goes behind it.
    pub effect: Effect,
    /// The parts that the instruction's result may depend on: a superset.
    pub reads: Core,
    /// The parts that the instruction may change: a superset.
    pub writes: Core,
    /// The parts that the instruction replaces in every state: a subset of `writes`.
    pub surely: Core,
    /// Whether the result may depend on parts outside of [`Core`]: vectors, predicates, system
    /// state.
    pub reads_beyond: bool,
    /// Whether the instruction may change parts outside of [`Core`].
    pub writes_beyond: bool,
    /// Whether the instruction loads; [`Decoded::semantics`] says from where.
    pub loads: bool,
    /// Whether the instruction stores; [`Decoded::semantics`] says where.
    pub stores: bool,
}

impl Decoded {
    fn of(word: Word) -> Self {
        let (mut effect, semantics) = (effect(&decode(word)), semantics(word));
        if is_breakpoint(word) {
            effect = Effect::Breakpoint;
        } else if semantics.is_none() {
            effect = Effect::Unknown;
        }
        let known = semantics.unwrap_or(Semantics::NOTHING);
        let is_beyond = |parts: Parts| !parts.without(Parts::CORE).is_empty();
        Self {
            word: word.get(),
            effect,
            reads: known.reads.0.core(),
            writes: known.writes.0.core(),
            surely: known.surely.0.core(),
            reads_beyond: is_beyond(known.reads.0),
            writes_beyond: is_beyond(known.writes.0),
            loads: known.loads.is_some(),
            stores: known.stores.is_some(),
        }
    }

    /// All that the word reads, writes, loads and stores: nothing, if that is not known
    /// ([`Effect::Unknown`]).
    #[must_use]
    pub fn semantics(&self) -> Semantics {
        semantics(Word::new(self.word)).unwrap_or(Semantics::NOTHING)
    }

    /// Whether the instruction's result may depend on R27, Go's REGTMP.
    #[inline(always)]
    #[must_use]
    pub const fn reads_tmp(&self) -> bool {
        self.reads.meets(Core::TMP)
    }
}

/// How many words are remembered.
const SIZE: usize = 1 << BITS;
/// Enough for most words of a function to have a place of their own.
const BITS: u32 = 10;

/// A memory of decoded words, one for each value of a hash: the words of a program repeat.
#[derive(Clone, Debug)]
pub struct DecodeCache(Box<[Decoded; SIZE]>);

impl Default for DecodeCache {
    fn default() -> Self {
        Self::new()
    }
}

impl DecodeCache {
    /// A cache with no word in it but 0.
    #[must_use]
    pub fn new() -> Self {
        Self(Box::new([Decoded::of(Word::new(0)); SIZE]))
    }

    /// A word, decoded now or before.
    #[inline(always)]
    pub fn get(&mut self, word: Word) -> &Decoded {
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
