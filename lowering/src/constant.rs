//! Stage 3: operand classes, as `asm7.go` sorts constants, and the sequence
//! that an instruction with a constant of that class expands to.
//!
//! This is where one pseudo-instruction becomes several machine instructions.
//! Whether the words in between move SP is decided by the class alone:
//! [`Class::AddCon2`] adds the low and the high twelve bits *to the destination*
//! one after the other, every other long class first builds the constant in
//! R27.

use crate::encode::{
    Arith, BitMask, Imm12, Reg, Wide, arith_extended, arith_immediate, move_bitmask, move_wide,
};
pub use crate::words::{WordSink, Words};
use arrayvec::ArrayVec;
use core::fmt;
use unwind::Word;

/// The class of a constant operand (`asm7.go`, `aclass` refined by
/// `con64class`), named as there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// `C_ZCON`: 0.
    ZCon,
    /// `C_ABCON0`: 12 bits, and a bitmask.
    AbCon0,
    /// `C_ADDCON0`: 12 bits.
    AddCon0,
    /// `C_ABCON`: 12 bits shifted by 12, and a bitmask.
    AbCon,
    /// `C_AMCON`: 12 bits shifted by 12, and one wide move.
    AmCon,
    /// `C_ADDCON`: 12 bits shifted by 12.
    AddCon,
    /// `C_MBCON`: one wide move, and a bitmask.
    MbCon,
    /// `C_MOVCON`: one wide move (MOVZ or MOVN).
    MovCon,
    /// `C_BITCON`: a bitmask.
    BitCon,
    /// `C_ADDCON2`: 24 bits, added in two parts.
    AddCon2,
    /// `C_MOVCON2`: two moves.
    MovCon2,
    /// `C_MOVCON3`: three moves.
    MovCon3,
    /// `C_VCON`: four moves.
    VCon,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ZCon => "C_ZCON",
            Self::AbCon0 => "C_ABCON0",
            Self::AddCon0 => "C_ADDCON0",
            Self::AbCon => "C_ABCON",
            Self::AmCon => "C_AMCON",
            Self::AddCon => "C_ADDCON",
            Self::MbCon => "C_MBCON",
            Self::MovCon => "C_MOVCON",
            Self::BitCon => "C_BITCON",
            Self::AddCon2 => "C_ADDCON2",
            Self::MovCon2 => "C_MOVCON2",
            Self::MovCon3 => "C_MOVCON3",
            Self::VCon => "C_VCON",
        })
    }
}

/// How a constant of several halves is put into a register (`asm7.go`,
/// `omovlconst`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LongConstants {
    /// MOVZ or MOVN, then a MOVK for each further half: up to go1.25.
    WideMoves,
    /// As before for two halves; a constant of three or four takes a bitmask
    /// and one MOVK where that makes it: from go1.26 on. No frame size has more
    /// than two halves.
    BitMaskAndKeep,
}

/// How an instruction with a constant is expanded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Selection {
    /// The class of the constant.
    pub class: Class,
    /// Whether the sequence builds the constant in R27 behind the back of the
    /// pseudo-instruction, which makes it restartable (`asm7.go`,
    /// `isRestartable`: more than one word, not flagged `NOTUSETMP`).
    pub uses_tmp: bool,
}

/// The position of the only half that is not zero, or `None` (`movcon`).
const fn single_half(value: u64) -> Option<u32> {
    let mut half = 0;
    while half < 4 {
        if value & !(0xffff << (16 * half)) == 0 {
            return Some(half);
        }
        half += 1;
    }
    None
}

/// How many 16-bit halves of a value equal `half`.
const fn halves_equal(value: u64, half: u16) -> u32 {
    let mut count = 0;
    let mut position = 0;
    while position < 4 {
        count += ((value >> (16 * position)) as u16 == half) as u32;
        position += 1;
    }
    count
}

/// The bitmask of which a value differs in one half only, as go1.26 looks for
/// it: halves from low to high, periods from short to long, the half filled
/// with bits from outside of it.
fn bitmask_with_fixup(value: u64) -> Option<(BitMask, u32)> {
    for half in 0..4 {
        let mask = 0xffff << (16 * half);
        for period in [2, 4, 8, 16, 32_u32] {
            let filled = value & !mask | value.rotate_left(period.max(16)) & mask;
            if let Some(bits) = BitMask::new(filled) {
                return Some((bits, half));
            }
        }
    }
    None
}

/// The class of a constant of an ADD, SUB or MOVD.
#[inline(always)]
#[must_use]
pub fn classify(value: i64, long: LongConstants) -> Class {
    let bits = value.cast_unsigned();
    if value == 0 {
        return Class::ZCon;
    }
    let is_mask = BitMask::new(bits).is_some();
    if (1 << 24..1 << 32).contains(&bits) {
        return two_halves(bits, is_mask);
    }
    if Imm12::new(bits).is_some() {
        return match (bits < 1 << 12, is_mask) {
            (true, true) => Class::AbCon0,
            (true, false) => Class::AddCon0,
            (false, true) => Class::AbCon,
            (false, false) if single_half(bits).is_some() => Class::AmCon,
            (false, false) => Class::AddCon,
        };
    }
    if single_half(bits).is_some() || single_half(!bits).is_some() {
        return if is_mask { Class::MbCon } else { Class::MovCon };
    }
    if is_mask {
        return Class::BitCon;
    }
    if bits < 1 << 24 {
        return Class::AddCon2;
    }
    long_class(bits, long)
}

/// The class of a constant of 25 to 32 bits: where nearly all frame sizes lie.
/// What [`classify`] asks of others has one answer here.
#[inline(always)]
const fn two_halves(bits: u64, is_mask: bool) -> Class {
    match (bits & 0xffff == 0, is_mask) {
        (true, true) => Class::MbCon,
        (true, false) => Class::MovCon,
        (false, true) => Class::BitCon,
        (false, false) => Class::MovCon2,
    }
}

/// `con64class`: how many moves build a constant that no shorter class holds.
fn long_class(bits: u64, long: LongConstants) -> Class {
    let same = halves_equal(bits, 0).max(halves_equal(bits, 0xffff));
    if same >= 3 {
        Class::MovCon
    } else if same == 2
        || long == LongConstants::BitMaskAndKeep && bitmask_with_fixup(bits).is_some()
    {
        Class::MovCon2
    } else if same == 1 {
        Class::MovCon3
    } else {
        Class::VCon
    }
}

/// Appends MOVD of a constant into a register, as `omovconst` and `omovlconst`
/// emit it. The class comes from [`classify`].
#[inline(always)]
pub fn move_constant(
    to: Reg,
    value: i64,
    class: Class,
    long: LongConstants,
    words: &mut impl WordSink,
) {
    let bits = value.cast_unsigned();
    if matches!(class, Class::BitCon | Class::AbCon | Class::AbCon0)
        && let Some(mask) = BitMask::new(bits)
    {
        words.push(move_bitmask(to, mask));
        return;
    }
    if bits < 1 << 32 {
        let (low, high) = (bits as u16, (bits >> 16) as u16);
        if low != 0 || high == 0 {
            words.push(move_wide(Wide::Zero, to, low, 0));
        }
        if high != 0 {
            let op = if low == 0 { Wide::Zero } else { Wide::Keep };
            words.push(move_wide(op, to, high, 1));
        }
        return;
    }
    // A function of its own that does not see where the words go.
    for word in move_halves(to, bits, long) {
        words.push(word);
    }
}

/// The moves of a constant that does not fit 32 bits.
fn move_halves(to: Reg, bits: u64, long: LongConstants) -> ArrayVec<Word, 4> {
    let mut words = ArrayVec::new();
    let (zeros, ones) = (halves_equal(bits, 0), halves_equal(bits, 0xffff));
    if long == LongConstants::BitMaskAndKeep
        && zeros.max(ones) < 2
        && let Some((mask, half)) = bitmask_with_fixup(bits)
    {
        words.push(move_bitmask(to, mask));
        words.push(move_wide(Wide::Keep, to, (bits >> (16 * half)) as u16, half));
        return words;
    }
    let (first, background) = if zeros >= ones { (Wide::Zero, 0) } else { (Wide::Not, 0xffff) };
    let mut op = first;
    for half in 0..4 {
        let part = (bits >> (16 * half)) as u16;
        if part == background {
            continue;
        }
        let immediate = if op == Wide::Not { !part } else { part };
        words.push(move_wide(op, to, immediate, half));
        op = Wide::Keep;
    }
    if words.is_empty() {
        words.push(move_wide(first, to, 0, 0));
    }
    words
}

/// How ADD, SUB or SUBS of a constant is expanded: `optab`'s rows for AADD in
/// their order. The instructions that set flags are never broken up
/// (`oplook`): for them a 24-bit constant is a long one.
#[inline(always)]
#[must_use]
pub fn select_arith(op: Arith, value: i64, long: LongConstants) -> Selection {
    let class = match classify(value, long) {
        Class::AddCon2 if op == Arith::Subs => long_class(value.cast_unsigned(), long),
        class => class,
    };
    let uses_tmp = match class {
        Class::ZCon
        | Class::AbCon0
        | Class::AddCon0
        | Class::AbCon
        | Class::AmCon
        | Class::AddCon
        | Class::AddCon2 => false,
        Class::MbCon
        | Class::MovCon
        | Class::BitCon
        | Class::MovCon2
        | Class::MovCon3
        | Class::VCon => true,
    };
    Selection { class, uses_tmp }
}

/// Appends ADD, SUB or SUBS of a constant, as [`select_arith`] decided.
#[inline(always)]
pub fn expand_arith(
    op: Arith,
    to: Reg,
    from: Reg,
    value: i64,
    selection: Selection,
    long: LongConstants,
    words: &mut impl WordSink,
) {
    let bits = value.cast_unsigned();
    if selection.uses_tmp {
        move_constant(Reg::TMP, value, selection.class, long, words);
        words.push(arith_extended(op, to, from, Reg::TMP));
    } else if let Some(immediate) = Imm12::new(bits) {
        words.push(arith_immediate(op, to, from, immediate));
    } else if let (Some(low), Some(high)) = (Imm12::new(bits & 0xfff), Imm12::new(bits & !0xfff)) {
        // Case 48: the low part first. Between the two, `to` holds neither the
        // old value nor the new one.
        words.push(arith_immediate(op, to, from, low));
        words.push(arith_immediate(op, to, to, high));
    }
}

#[cfg(test)]
mod tests;
