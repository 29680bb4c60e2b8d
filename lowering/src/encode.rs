//! Stage 4: machine words, for the instruction forms that frames need. The
//! fields are those of the Arm ARM (DDI 0487, C6.2); the instruction's page is
//! named at each function. All forms are the 64-bit ones.
//!
//! Operands are checked by construction where a type can do it and by a debug
//! assertion where it cannot: stage 3 never asks for what is not encodable.

use unwind::Word;

/// A general register, or register 31: SP or ZR, as the instruction says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reg(u8);

impl Reg {
    /// R3, which carries LR to morestack.
    pub const R3: Self = Self(3);
    /// R16, the assembler's first scratch register (`REGRT1`).
    pub const RT1: Self = Self(16);
    /// R17, the assembler's second scratch register (`REGRT2`).
    pub const RT2: Self = Self(17);
    /// R20, which holds the new SP while a large frame is opened.
    pub const R20: Self = Self(20);
    /// R27, in which the assembler builds constants (`REGTMP`).
    pub const TMP: Self = Self(27);
    /// R28, the current goroutine (`REGG`).
    pub const G: Self = Self(28);
    /// R29, the frame pointer (`REGFP`).
    pub const FP: Self = Self(29);
    /// R30, the link register (`REGLINK`).
    pub const LR: Self = Self(30);
    /// Register 31 as the stack pointer (`REGSP`).
    pub const SP: Self = Self(31);
    /// Register 31 as zero (`REGZERO`).
    pub const ZR: Self = Self(31);

    /// The register with this number, 0 to 30.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 31 { Some(Self(number)) } else { None }
    }

    /// The number, 0 to 31.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    const fn at(self, shift: u32) -> u32 {
        (self.0 as u32) << shift
    }
}

/// A condition of `B.cond`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Condition {
    /// Unsigned lower.
    Lo = 0b0011,
    /// Unsigned lower or same.
    Ls = 0b1001,
}

/// What an addition does: the opcode bits shared by its immediate and its
/// register forms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arith {
    /// `ADD`
    Add,
    /// `SUB`
    Sub,
    /// `SUBS`
    Subs,
}

impl Arith {
    /// op:S, bits 30 and 29.
    const fn bits(self) -> u32 {
        match self {
            Self::Add => 0,
            Self::Sub => 1 << 30,
            Self::Subs => 0b11 << 29,
        }
    }
}

/// A 12-bit unsigned immediate, shifted left by 0 or 12: what the immediate
/// forms of ADD and SUB take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Imm12 {
    field: u32,
}

impl Imm12 {
    /// The immediate for a value, or `None` when there is none. A multiple of
    /// 4096 takes the shifted form.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value < 1 << 12 {
            Some(Self { field: (value as u32) << 10 })
        } else if value & 0xfff == 0 && value < 1 << 24 {
            Some(Self { field: 1 << 22 | ((value >> 12) as u32) << 10 })
        } else {
            None
        }
    }
}

/// ADD, SUB or SUBS (immediate).
#[inline]
#[must_use]
pub const fn arith_immediate(op: Arith, to: Reg, from: Reg, by: Imm12) -> Word {
    Word::new(0x9100_0000 | op.bits() | by.field | from.at(5) | to.at(0))
}

/// ADD, SUB or SUBS (extended register), `UXTX #0`: the form in which register
/// 31 is SP.
#[inline]
#[must_use]
pub const fn arith_extended(op: Arith, to: Reg, from: Reg, by: Reg) -> Word {
    Word::new(0x8b20_6000 | op.bits() | by.at(16) | from.at(5) | to.at(0))
}

/// SUBS (shifted register) into ZR: CMP of two registers other than SP.
#[inline]
#[must_use]
pub const fn compare(left: Reg, right: Reg) -> Word {
    Word::new(0xeb00_0000 | right.at(16) | left.at(5) | Reg::ZR.at(0))
}

/// MOV (to or from SP): ADD immediate of 0.
#[inline]
#[must_use]
pub const fn move_sp(to: Reg, from: Reg) -> Word {
    Word::new(0x9100_0000 | from.at(5) | to.at(0))
}

/// MOV (register): ORR with ZR.
#[inline]
#[must_use]
pub const fn move_register(to: Reg, from: Reg) -> Word {
    Word::new(0xaa00_0000 | from.at(16) | Reg::ZR.at(5) | to.at(0))
}

/// What a wide move does with the rest of the register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wide {
    /// MOVN: writes the complement.
    Not,
    /// MOVZ: clears the rest.
    Zero,
    /// MOVK: keeps the rest.
    Keep,
}

/// MOVN, MOVZ or MOVK of a 16-bit half at position `half` (0 to 3).
#[inline]
#[must_use]
pub const fn move_wide(op: Wide, to: Reg, immediate: u16, half: u32) -> Word {
    debug_assert!(half < 4);
    let op = match op {
        Wide::Not => 0b00,
        Wide::Zero => 0b10,
        Wide::Keep => 0b11,
    };
    Word::new(0x9280_0000 | op << 29 | half << 21 | (immediate as u32) << 5 | to.at(0))
}

/// A logical immediate: the fields N, immr and imms (Arm ARM,
/// `DecodeBitMasks`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BitMask {
    fields: u32,
}

impl BitMask {
    /// The immediate for a value: a pattern of 2, 4, 8, 16, 32 or 64 bits,
    /// repeated, that is a rotated run of ones. `None` when the value is not
    /// one.
    #[inline]
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value == 0 || value == u64::MAX {
            return None;
        }
        // A pattern that leaves the upper half empty has a period of 64: it is
        // one run, and adding its lowest bit carries through all of it.
        if value >> 32 == 0 && value & (value + (value & value.wrapping_neg())) != 0 {
            return None;
        }
        let mut period = 64;
        while period > 2 && value.rotate_right(period / 2) == value {
            period /= 2;
        }
        // Rotate a run of ones down to bit 0. The value repeats itself, so the
        // run that wraps around at bit 63 continues at bit 0.
        let start = if value & 1 == 0 { value.trailing_zeros() } else { 64 - value.leading_ones() };
        let ones = value.rotate_right(start % 64).trailing_ones();
        let mask = u64::MAX >> (64 - period);
        if value.rotate_right(start % 64) & mask != (1 << ones) - 1 {
            return None;
        }
        let n = (period == 64) as u32;
        let immr = (period - start % period) % period;
        let imms = (ones - 1) | (!(period * 2 - 1) & 0x3f);
        Some(Self { fields: n << 22 | immr << 16 | imms << 10 })
    }
}

/// ORR (immediate) with ZR: MOV of a bitmask immediate.
#[inline]
#[must_use]
pub const fn move_bitmask(to: Reg, immediate: BitMask) -> Word {
    Word::new(0xb200_0000 | immediate.fields | Reg::ZR.at(5) | to.at(0))
}

/// How a load or a store forms its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Base plus offset.
    Offset,
    /// Base plus offset, which the base then becomes (Go's `.W`).
    PreIndex,
    /// Base, which then becomes base plus offset (Go's `.P`).
    PostIndex,
}

/// Whether memory is read or written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// A load.
    Load,
    /// A store.
    Store,
}

/// LDR or STR (immediate) of 8 bytes at an offset from -256 to 255, in the
/// unscaled form (LDUR, STUR) when there is no write-back.
#[inline]
#[must_use]
pub const fn access(access: Access, register: Reg, base: Reg, offset: i32, mode: Mode) -> Word {
    debug_assert!(-256 <= offset && offset <= 255);
    let load = match access {
        Access::Load => 1 << 22,
        Access::Store => 0,
    };
    let mode = match mode {
        Mode::Offset => 0b00,
        Mode::PostIndex => 0b01,
        Mode::PreIndex => 0b11,
    };
    let offset = (offset as u32 & 0x1ff) << 12;
    Word::new(0xf800_0000 | load | offset | mode << 10 | base.at(5) | register.at(0))
}

/// LDR (immediate, unsigned offset) of 8 bytes; the offset is a multiple of 8
/// up to 32760.
#[inline]
#[must_use]
pub const fn load_scaled(register: Reg, base: Reg, offset: u32) -> Word {
    debug_assert!(offset.is_multiple_of(8) && offset <= 32760);
    Word::new(0xf940_0000 | (offset / 8) << 10 | base.at(5) | register.at(0))
}

/// LDP or STP of two 8-byte registers at an offset that is a multiple of 8 from
/// -512 to 504.
#[inline]
#[must_use]
pub const fn access_pair(access: Access, first: Reg, second: Reg, base: Reg, offset: i32) -> Word {
    debug_assert!(offset % 8 == 0 && -512 <= offset && offset <= 504);
    let load = match access {
        Access::Load => 1 << 22,
        Access::Store => 0,
    };
    let offset = ((offset / 8) as u32 & 0x7f) << 15;
    Word::new(0xa900_0000 | load | offset | second.at(10) | base.at(5) | first.at(0))
}

/// `B.cond` over `distance` instructions, within 19 bits.
#[inline]
#[must_use]
pub const fn branch_if(condition: Condition, distance: i32) -> Word {
    debug_assert!(-(1 << 18) <= distance && distance < 1 << 18);
    Word::new(0x5400_0000 | (distance as u32 & 0x7_ffff) << 5 | condition as u32)
}

/// B over `distance` instructions, within 26 bits.
#[inline]
#[must_use]
pub const fn branch(distance: i32) -> Word {
    debug_assert!(-(1 << 25) <= distance && distance < 1 << 25);
    Word::new(0x1400_0000 | distance as u32 & 0x3ff_ffff)
}

/// BL with a displacement of 0, as it stands before the linker relocates it.
pub const CALL: Word = Word::new(0x9400_0000);

/// RET through R30.
pub const RETURN: Word = Word::new(0xd65f_03c0);

/// NOP, Go's `NOOP`.
pub const NOP: Word = Word::new(0xd503_201f);

#[cfg(test)]
mod tests;
