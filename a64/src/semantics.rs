//! What a word reads, writes, loads and stores (Arm ARM, DDI 0487, C4.1).
//!
//! [`semantics`] is exact about general registers, SP, the flags and what is stored
//! where. Of vector and predicate registers, and of system state, it may name more than
//! an instruction reads or writes, never fewer. A word that is not allocated, or not known,
//! has no semantics: it may do anything.
//!
//! The call of a function is described as what BL itself does, which is to write LR; what
//! the callee does is not in the word.

mod branch;
mod data;
mod memory;
mod system;
mod vector;

use crate::decode::{Inst, Reg, decode, field};
use crate::parts::{May, Must, Parts};
use unwind::Word;

/// What an instruction does to the machine's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Semantics {
    /// The parts that the instruction's result may depend on.
    pub reads: May,
    /// The parts that the instruction may change.
    pub writes: May,
    /// The parts that the instruction replaces in every state, by what follows from what it reads: neither merged under a
    /// predicate, nor left alone on a condition, nor made by chance.
    pub surely: Must,
    /// The place that the instruction loads from; of a copy of memory, its source.
    pub loads: Option<Access>,
    /// The place that the instruction stores to.
    pub stores: Option<Access>,
}

/// One place of memory that an instruction loads from or stores to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// What the address is formed from.
    pub base: Base,
    /// From the base, as it is before the instruction, to the first byte. `None`: added by
    /// a register, scaled by the length of vectors, or not known.
    pub offset: Option<i64>,
    /// How many bytes it takes, from the first to the last. `None`: as many as a vector
    /// has, or not known.
    pub bytes: Option<u32>,
    /// Whether it takes place whatever the state: not under a predicate, not if a monitor
    /// or a comparison allows.
    pub surely: bool,
}

/// What an address is formed from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Base {
    /// A general register; 31 is SP.
    Register(Reg),
    /// The program counter.
    Pc,
    /// Several registers, a vector of addresses, or what is not known.
    Anywhere,
}

/// What a word does, or `None` if it is not known.
#[must_use]
pub fn semantics(word: Word) -> Option<Semantics> {
    let word = word.get();
    // C4.1: op0 is bits 28 to 25.
    match field(word, 28, 25) {
        0b0000 if field(word, 31, 16) == 0 => Some(Semantics::NOTHING),
        0b0000 if word >> 31 == 1 => vector::matrix(word),
        0b0010 => vector::scalable(word),
        0b1000 | 0b1001 => data::immediate(word),
        0b1010 | 0b1011 => branch::branch(word),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory::memory(word),
        0b0101 | 0b1101 => data::register(word),
        // What Go's assembler emits for UNDEF.
        0b0111 | 0b1111 if word == crate::decode::GO_UNDEF => Some(Semantics::NOTHING),
        0b0111 | 0b1111 => vector::float(word),
        _ => None,
    }
}

/// Whether a word may write a general register, or SP, which is 31. A call may write all general
/// registers, and what is not known all of them.
#[must_use]
pub fn may_write(word: Word, register: Reg) -> bool {
    let is_call = matches!(decode(word), Inst::Call { .. } | Inst::CallReg { .. });
    let writes = |known: Semantics| known.writes.meets(Parts::or_sp(register));
    is_call && register != Reg::SP || semantics(word).is_none_or(writes)
}

impl Semantics {
    /// Neither reads nor writes anything.
    pub(crate) const NOTHING: Self = Self {
        reads: May(Parts::NONE),
        writes: May(Parts::NONE),
        surely: Must(Parts::NONE),
        loads: None,
        stores: None,
    };

    /// Its result depends on these parts too.
    const fn reads(self, parts: Parts) -> Self {
        Self { reads: May(self.reads.0.with(parts)), ..self }
    }

    /// It replaces these parts too.
    const fn writes(self, parts: Parts) -> Self {
        let surely = Must(self.surely.0.with(parts));
        Self { surely, ..self.may_write(parts) }
    }

    /// It may write these parts too.
    const fn may_write(self, parts: Parts) -> Self {
        Self { writes: May(self.writes.0.with(parts)), ..self }
    }

    /// It loads from a place too.
    const fn loads(self, access: Access) -> Self {
        let base = access.base.register();
        Self { loads: Some(access), ..self }.reads(base.with(Parts::MEMORY))
    }

    /// It stores to a place too.
    const fn stores(self, access: Access) -> Self {
        let base = access.base.register();
        let stored = Self { stores: Some(access), ..self }.reads(base);
        if access.surely { stored.writes(Parts::MEMORY) } else { stored.may_write(Parts::MEMORY) }
    }
}

impl Access {
    /// An access that may take place, anywhere.
    const ANYWHERE: Self = Self { base: Base::Anywhere, offset: None, bytes: None, surely: false };

    /// An access of so many bytes at a distance from a register.
    const fn at(base: Reg, offset: i64, bytes: u32) -> Self {
        let (base, offset, bytes) = (Base::Register(base), Some(offset), Some(bytes));
        Self { base, offset, bytes, surely: true }
    }

    /// The same at a distance that is not known.
    const fn indexed(self) -> Self {
        Self { offset: None, ..self }
    }

    /// The same of an unknown number of bytes.
    const fn of_unknown_size(self) -> Self {
        Self { bytes: None, ..self }
    }

    /// The same, where it may not take place.
    const fn perhaps(self) -> Self {
        Self { surely: false, ..self }
    }
}

impl Base {
    const fn register(self) -> Parts {
        match self {
            Self::Register(register) => Parts::or_sp(register),
            Self::Pc | Self::Anywhere => Parts::NONE,
        }
    }
}
