//! A screen before the decoder: most words of a program neither branch nor concern SP, LR,
//! R29 or R27, and a look at a few fields shows it. [`Kinds`] are what it sorts words into.

mod planes;

pub(crate) use planes::sort;
pub use planes::{Kinds, WORDS};
#[cfg(test)]
pub(crate) use planes::{sort_by_planes, sort_singly};

use a64::decode::{GO_UNDEF, bit, field};
use unwind::Word;

/// Whether a word may branch, make or use R27, write SP, LR, R29 or R28, store LR or R29, or
/// store through SP next to it or below, by a look at a few of its fields.
#[inline(always)]
pub(crate) fn is_event(word: Word) -> bool {
    let word = word.get();
    let Pattern { first, second, bias, tmp } = PATTERNS[(class(word) & 63) as usize];
    let matches = |word: u32, (mask, value): (u32, u32)| word & mask == value;
    matches(word, first) | matches(word.wrapping_add(bias), second) | names_tmp(word, tmp)
}

/// What kind of instruction a word is that is not plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// B.
    Branch,
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ.
    BranchIf,
    /// BL.
    Call,
    Other,
}

#[inline(always)]
pub(crate) fn kind(word: Word) -> Kind {
    match class(word.get()) {
        BRANCH => Kind::Branch,
        BRANCH_IF => Kind::BranchIf,
        CALL => Kind::Call,
        _ => Kind::Other,
    }
}

#[inline(always)]
fn class(word: u32) -> u8 {
    CLASSES[(word >> 21) as usize]
}

const BRANCH: u8 = Class::Branch as u8;
const BRANCH_IF: u8 = Class::BranchIf as u8;
const CALL: u8 = Class::Call as u8;

/// Whether one of the register fields of a word is 27, of those whose highest bits are
/// given. Where a field below is 27 one that is not may be taken for it.
#[inline(always)]
const fn names_tmp(word: u32, fields: u32) -> bool {
    const ONES: u32 = D >> 4 | N >> 4 | A >> 4 | M >> 4;
    // A field that is 0 borrows from the bit above it.
    let others = (word ^ (ONES * 27)) & (ONES * 31);
    others.wrapping_sub(ONES) & !others & fields != 0
}

/// The highest bits of the register fields: Rd or Rt, Rn, Ra or Rt2, and Rm or Rs.
const D: u32 = 1 << 4;
const N: u32 = 1 << 9;
const A: u32 = 1 << 14;
const M: u32 = 1 << 20;

/// A word has to be decoded if those of its bits that are in a mask have a value,
/// in one of two ways. The bias, 0 or 1, is added before the second: with it the
/// registers 29 and 30 are told from 31, which is ZR in the forms concerned.
#[derive(Clone, Copy)]
struct Pattern {
    first: (u32, u32),
    second: (u32, u32),
    bias: u32,
    /// The highest bits of the fields that can name R27.
    tmp: u32,
}

const NEVER: (u32, u32) = (0, 1);
const ALWAYS: (u32, u32) = (0, 0);
/// Bits 4 to 0 are 28 to 31; bits 14 to 10 are.
const HIGH: (u32, u32) = (0x1c, 0x1c);
const HIGH_SECOND: (u32, u32) = (0x1c << 10, 0x1c << 10);
/// Bits 4 to 0 are 28.
const IS_G: (u32, u32) = (0x1f, 0x1c);
/// Bits 4 to 0, plus one, are 30 or 31.
const LR_OR_FP: (u32, u32) = (0x1e, 0x1e);
/// Bits 9 to 5 are 31; 28 to 31.
const SP_BASE: (u32, u32) = (0x1f << 5, 0x1f << 5);
const HIGH_BASE: (u32, u32) = (0x1c << 5, 0x1c << 5);

/// What the top eleven bits say of a word: the place of its pattern.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    Decode,
    /// B.
    Branch,
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ.
    BranchIf,
    Call,
    /// A destination that is SP where it is 31, and one source, two or three.
    SpImmediate,
    SpDestination,
    ThreeSources,
    /// A destination that is ZR where it is 31, and no source; one or two.
    Wide,
    Destination,
    /// The same, where it often is 31.
    FlagsImmediate,
    FlagsDestination,
    /// Conversions to general registers; moves out of vectors.
    Conversion,
    VectorElement,
    Load,
    LoadPair,
    /// A store of a register of 1, 2, 4 or 8 bytes, general or vector, with an
    /// unsigned offset.
    Store1,
    Store2,
    Store4,
    Store8,
    Vector1,
    Vector2,
    Vector4,
    Vector8,
    /// The store of a pair with an offset of at least 0, of 4 bytes each or more, or
    /// below it.
    StorePair4,
    VectorPair4,
    StorePair,
    StorePairBelow,
    VectorPair,
    VectorPairBelow,
    /// A load of vectors that moves no base.
    VectorLoad,
    /// An access with a base that may be written back.
    Base,
    /// An access with a register offset, or an atomic one.
    Indexed,
    /// A vector access of which only a base written back matters.
    VectorBase,
}

/// The number of classes.
const COUNT: usize = Class::VectorBase as usize + 1;

const fn pattern(class: Class) -> Pattern {
    /// A store next to SP: base SP and an offset of less than 8 bytes, in units of
    /// `1 << scale`.
    const fn near(scale: u32) -> (u32, u32) {
        let mask = 0xfff & !((8 >> scale) - 1);
        (mask << 10 | 0x1f << 5, 0x1f << 5)
    }
    // The pair's offset in bits 20 to 15; its sign is in bit 21.
    const NEAR_PAIR: (u32, u32) = (0x3f << 15 | 0x1f << 5, 0x1f << 5);
    const NEAR_PAIR_4: (u32, u32) = (0x3e << 15 | 0x1f << 5, 0x1f << 5);
    let (first, second, bias) = match class {
        Class::Plain | Class::VectorLoad => (NEVER, NEVER, 0),
        Class::Decode | Class::Branch | Class::BranchIf | Class::Call => (ALWAYS, ALWAYS, 0),
        Class::SpImmediate | Class::SpDestination | Class::ThreeSources => (HIGH, NEVER, 0),
        Class::Wide | Class::Destination | Class::Load => (HIGH, NEVER, 0),
        Class::FlagsImmediate | Class::FlagsDestination => (IS_G, LR_OR_FP, 1),
        Class::Conversion => ((0xfc1c, 0x001c), NEVER, 0),
        Class::VectorElement => ((0xec1c, 0x2c1c), NEVER, 0),
        Class::LoadPair => (HIGH, HIGH_SECOND, 0),
        Class::Store1 => (near(0), LR_OR_FP, 1),
        Class::Store2 => (near(1), LR_OR_FP, 1),
        Class::Store4 => (near(2), LR_OR_FP, 1),
        Class::Store8 => (near(3), LR_OR_FP, 1),
        Class::Vector1 => (near(0), NEVER, 0),
        Class::Vector2 => (near(1), NEVER, 0),
        Class::Vector4 => (near(2), NEVER, 0),
        Class::Vector8 => (near(3), NEVER, 0),
        Class::StorePair4 => (NEAR_PAIR_4, LR_OR_FP, 1),
        Class::VectorPair4 => (NEAR_PAIR_4, NEVER, 0),
        Class::StorePair => (NEAR_PAIR, LR_OR_FP, 1),
        Class::StorePairBelow => (SP_BASE, LR_OR_FP, 1),
        Class::VectorPair => (NEAR_PAIR, NEVER, 0),
        Class::VectorPairBelow => (SP_BASE, NEVER, 0),
        Class::VectorBase => (HIGH_BASE, NEVER, 0),
        Class::Base | Class::Indexed => (HIGH_BASE, HIGH, 0),
    };
    let tmp = match class {
        Class::Plain | Class::Decode | Class::Branch | Class::BranchIf | Class::Call => 0,
        Class::Wide => D,
        Class::SpImmediate | Class::FlagsImmediate => D | N,
        Class::Conversion | Class::VectorElement | Class::Load | Class::Base => D | N,
        Class::Store1 | Class::Store2 | Class::Store4 | Class::Store8 => D | N,
        Class::SpDestination | Class::Destination | Class::FlagsDestination => D | N | M,
        Class::Indexed => D | N | A | M,
        Class::ThreeSources => D | N | A | M,
        Class::LoadPair | Class::StorePair4 | Class::StorePair | Class::StorePairBelow => D | N | A,
        Class::Vector1 | Class::Vector2 | Class::Vector4 | Class::Vector8 => N,
        Class::VectorPair4 | Class::VectorPair | Class::VectorPairBelow | Class::VectorLoad => N,
        Class::VectorBase => N | M,
    };
    Pattern { first, second, bias, tmp }
}

static PATTERNS: [Pattern; 64] = {
    let never = Pattern { first: NEVER, second: NEVER, bias: 0, tmp: 0 };
    let mut patterns = [never; 64];
    let mut top = 0;
    while top < 2048 {
        let class = classify(top << 21);
        patterns[class as usize] = pattern(class);
        top += 1;
    }
    patterns
};

static CLASSES: [u8; 2048] = {
    assert!(COUNT <= 64);
    let mut classes = [0; 2048];
    let mut top = 0;
    while top < 2048 {
        classes[top as usize] = classify(top << 21) as u8;
        top += 1;
    }
    classes
};

/// The class of all words with these top eleven bits.
const fn classify(word: u32) -> Class {
    match field(word, 28, 25) {
        // SVE: any form may write a general register, or SP.
        0b0010 => Class::SpDestination,
        0b1000 | 0b1001 => match field(word, 25, 23) {
            // Addresses.
            0b000 | 0b001 => Class::Wide,
            // Additions that set flags write ZR. Tagged additions too have
            // bit 29 clear.
            0b010 if bit(word, 29) => Class::FlagsImmediate,
            0b010 | 0b011 => Class::SpImmediate,
            0b100 if field(word, 30, 29) == 0b11 => Class::FlagsImmediate,
            0b100 => Class::SpImmediate,
            0b101 if field(word, 30, 29) == 0b01 => Class::Decode,
            // A 32-bit wide move has only two halves.
            0b101 if !bit(word, 31) && bit(word, 22) => Class::Decode,
            0b101 => Class::Wide,
            _ => Class::Destination,
        },
        0b1010 | 0b1011 => branch(word),
        0b0101 | 0b1101 => match (bit(word, 28), bit(word, 24), bit(word, 21)) {
            (false, true, true) if bit(word, 29) && field(word, 23, 22) == 0 => {
                Class::FlagsDestination
            }
            (false, true, true) => Class::SpDestination,
            (true, true, _) => Class::ThreeSources,
            (true, ..) => Class::SpDestination,
            (false, true, false) if bit(word, 29) => Class::FlagsDestination,
            (false, false, _) if field(word, 30, 29) == 0b11 => Class::FlagsDestination,
            _ => Class::Destination,
        },
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(word),
        0b0111 | 0b1111 if word >> 21 == GO_UNDEF >> 21 => Class::Decode,
        0b0111 | 0b1111 => vector(word),
        _ => Class::Decode,
    }
}

const fn vector(word: u32) -> Class {
    match field(word, 30, 24) {
        0b001_1110 if bit(word, 21) => Class::Conversion,
        0b001_1110 => Class::Destination,
        0b000_1110 | 0b100_1110 if field(word, 23, 21) == 0 => Class::VectorElement,
        _ => Class::Plain,
    }
}

const fn branch(word: u32) -> Class {
    match field(word, 31, 24) {
        // SVC and its like, BRK: rare enough to be decoded. MRS (bit 21) has a
        // destination, MRRS (bit 22) two.
        0b1101_0101 if bit(word, 21) && !bit(word, 22) => Class::Wide,
        0x14..=0x17 => Class::Branch,
        0x94..=0x97 => Class::Call,
        0x54 | 0x34..=0x37 | 0xb4..=0xb7 => Class::BranchIf,
        _ => Class::Decode,
    }
}

const fn memory(word: u32) -> Class {
    let (is_vector, is_load) = (bit(word, 26), bit(word, 22));
    match field(word, 29, 28) {
        0b00 if is_vector => Class::VectorBase,
        // Exclusive and ordered accesses name up to five registers.
        0b00 => Class::Decode,
        // LDR (literal).
        0b01 if !bit(word, 24) && is_vector => Class::Plain,
        0b01 if !bit(word, 24) => Class::Wide,
        0b01 => Class::Decode,
        0b10 if bit(word, 23) || field(word, 31, 30) == 0b11 => Class::Decode,
        0b10 => match (is_vector, is_load, bit(word, 21)) {
            (false, true, false) => Class::LoadPair,
            // Of loads below SP one is in every epilogue.
            (false, true, true) => Class::Decode,
            (false, false, false) if field(word, 31, 30) == 0 => Class::StorePair4,
            (false, false, false) => Class::StorePair,
            (false, false, true) => Class::StorePairBelow,
            // Loads below SP count too.
            (true, false, false) if field(word, 31, 30) == 0 => Class::VectorPair4,
            (true, false, false) => Class::VectorPair,
            (true, _, true) => Class::VectorPairBelow,
            (true, true, false) => Class::VectorLoad,
        },
        _ if bit(word, 24) => unsigned_offset(word),
        _ if !bit(word, 21) && is_vector => Class::VectorBase,
        _ if !bit(word, 21) => Class::Base,
        _ if is_vector => Class::VectorBase,
        // LD64B and its like fill eight registers, or write a status.
        _ if word >> 21 == 0b111_1100_0001 => Class::Decode,
        _ => Class::Indexed,
    }
}

const fn unsigned_offset(word: u32) -> Class {
    let size = field(word, 31, 30);
    match (bit(word, 26), field(word, 23, 22), size) {
        (false, 0, 0) => Class::Store1,
        (false, 0, 1) => Class::Store2,
        (false, 0, 2) => Class::Store4,
        (false, 0, _) => Class::Store8,
        (false, ..) => Class::Load,
        (true, 0, 0) => Class::Vector1,
        (true, 0, 1) => Class::Vector2,
        (true, 0, 2) => Class::Vector4,
        // Of 16 bytes only that at offset 0 is near.
        (true, 0, _) | (true, 2, _) => Class::Vector8,
        (true, ..) => Class::VectorLoad,
    }
}

#[cfg(test)]
mod tests;
