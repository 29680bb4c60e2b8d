//! A64 instructions, as far as the verifier needs them (Arm ARM, DDI 0487,
//! C4.1, "A64 instruction set encoding").
//!
//! [`decode`] is total. A word is one of three things: an [`Inst`] whose effect
//! on SP, on the general registers and on control flow is known; an
//! [`Inst::Other`], of which it is known that it writes neither SP nor the
//! program counter; or [`Inst::Unknown`], which may do anything.

mod branch;
mod data;
mod memory;

pub use branch::{DirectBranch, direct_branch, is_compare_and_branch};
pub(crate) use data::bit_mask;

use unwind::Word;

/// A register operand: 0 to 31, where 31 is SP or ZR as the instruction says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reg(pub u8);

impl Reg {
    /// Register 31 where it is the stack pointer.
    pub const SP: Self = Self(31);
    /// Register 31 where it reads as zero.
    pub const ZR: Self = Self(31);
    /// The link register.
    pub const LR: Self = Self(30);
    /// The frame pointer.
    pub const FP: Self = Self(29);
    /// Go's REGTMP: left to the assembler, lost when a call is injected.
    pub const TMP: Self = Self(27);
}

/// Whether an instruction adds or subtracts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the architecture's mnemonics")]
pub enum Arith {
    Add,
    Sub,
}

/// A bitwise operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the architecture's mnemonics")]
pub enum Logic {
    And,
    Orr,
    Eor,
    Ands,
}

/// A wide move.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the architecture's mnemonics")]
pub enum Wide {
    Movn,
    Movz,
    Movk,
}

/// Operand width.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Width {
    /// 32 bits; the upper half of the destination becomes zero.
    W,
    /// 64 bits.
    X,
}

/// Whether an arithmetic instruction sets the condition flags. When it does,
/// register 31 as its destination is ZR.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flags {
    /// Not.
    Keep,
    /// It does.
    Set,
}

/// How a load or a store forms its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Base plus offset.
    Offset,
    /// Base plus offset, written back to the base before the access.
    PreIndex,
    /// Base; base plus offset is written back after the access.
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

/// What is loaded or stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Data {
    /// A 64-bit general register.
    X,
    /// A part of a general register, or a whole one with a tag: this many bytes of
    /// memory.
    Part(u8),
    /// A vector register, or a part of it: this many bytes.
    Vector(u8),
    /// Nothing: a prefetch.
    Nothing,
}

impl Data {
    /// How many bytes of memory it takes.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        match self {
            Self::X => 8,
            Self::Part(bytes) | Self::Vector(bytes) => bytes,
            Self::Nothing => 0,
        }
    }
}

/// Which condition decides a branch within the function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Test {
    /// `B.cond`, with the condition's number.
    Flags(u8),
    /// CBZ (false) or CBNZ (true) of a register.
    Zero(bool, Width, Reg),
    /// TBZ (false) or TBNZ (true) of a bit of a register.
    Bit(bool, u8, Reg),
    /// CB, CBB or CBH with a condition: a register against another one, or against a number.
    Compare(Reg, Option<Reg>),
}

/// A decoded instruction. Offsets of branches are in bytes from the
/// instruction's own address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the fields are named as in the architecture manual")]
#[non_exhaustive]
pub enum Inst {
    /// ADD, ADDS, SUB, SUBS (immediate). `rn`, and `rd` unless flags are set,
    /// can be SP.
    ArithImm { op: Arith, flags: Flags, width: Width, rd: Reg, rn: Reg, imm: u32 },
    /// The same (extended register): `rm` extended by `option`, shifted left.
    /// `rn`, and `rd` unless flags are set, can be SP.
    ArithExt {
        op: Arith,
        flags: Flags,
        width: Width,
        rd: Reg,
        rn: Reg,
        rm: Reg,
        option: u8,
        shift: u8,
    },
    /// The same (shifted register); 31 is ZR everywhere.
    ArithReg {
        op: Arith,
        flags: Flags,
        width: Width,
        rd: Reg,
        rn: Reg,
        rm: Reg,
        kind: u8,
        amount: u8,
    },
    /// AND, ORR, EOR, ANDS (immediate). `rd` can be SP, unless ANDS.
    LogicImm { op: Logic, width: Width, rd: Reg, rn: Reg, imm: u64 },
    /// The same (shifted register), with `invert` BIC, ORN, EON, BICS; 31 is ZR
    /// everywhere.
    LogicReg {
        op: Logic,
        invert: bool,
        width: Width,
        rd: Reg,
        rn: Reg,
        rm: Reg,
        kind: u8,
        amount: u8,
    },
    /// MOVN, MOVZ, MOVK: `imm` shifted left by `shift` bits.
    MoveWide { op: Wide, width: Width, rd: Reg, imm: u16, shift: u8 },
    /// ADR.
    Adr { rd: Reg, offset: i64 },
    /// ADRP: the offset, in bytes, from the instruction's 4 KiB page.
    Adrp { rd: Reg, offset: i64 },
    /// LDP, STP and their like; `rn` can be SP.
    Pair { access: Access, data: Data, rt: Reg, rt2: Reg, rn: Reg, offset: i32, mode: Mode },
    /// LDR, STR and their like with an immediate; `rn` can be SP.
    Single { access: Access, data: Data, rt: Reg, rn: Reg, offset: i32, mode: Mode },
    /// LDR of 64 bits with a register offset, extended by `option` and shifted
    /// left; `rn` can be SP.
    LoadIndexed { rt: Reg, rn: Reg, rm: Reg, option: u8, shift: u8 },
    /// STR of 64 bits with a register offset, as [`Inst::LoadIndexed`].
    StoreIndexed { rt: Reg, rn: Reg, rm: Reg, option: u8, shift: u8 },
    /// LDR (literal) of 64 bits.
    LoadLiteral { rt: Reg, offset: i64 },
    /// B.
    Branch { offset: i64 },
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ, and the compare-and-branch of FEAT_CMPBR.
    BranchIf { test: Test, offset: i64 },
    /// BL.
    Call { offset: i64 },
    /// BLR and its authenticating forms.
    CallReg { rn: Reg },
    /// BR and its authenticating forms.
    JumpReg { rn: Reg },
    /// RET and its authenticating forms.
    Return { rn: Reg },
    /// UDF, and the word that Go's assembler emits for UNDEF (`asm7.go`, case
    /// 90): execution does not go on.
    Trap,
    /// NOP.
    Nop,
    /// Writes neither SP nor the program counter.
    Other,
    /// May do anything.
    Unknown,
}

/// `bits[high:low]` of a word.
#[must_use]
pub const fn field(word: u32, high: u32, low: u32) -> u32 {
    (word >> low) & (u32::MAX >> (31 - (high - low)))
}

/// One bit of a word.
#[must_use]
pub const fn bit(word: u32, position: u32) -> bool {
    word >> position & 1 == 1
}

/// A register field.
pub(crate) const fn reg(word: u32, low: u32) -> Reg {
    Reg(field(word, low + 4, low) as u8)
}

/// `bits[high:low]` as a two's complement number.
pub(crate) const fn signed(word: u32, high: u32, low: u32) -> i32 {
    (word << (31 - high)).cast_signed() >> (31 - high + low)
}

/// Bit 31 as the width of the operation.
const fn width(word: u32) -> Width {
    if bit(word, 31) { Width::X } else { Width::W }
}

/// The instruction that a word encodes.
#[inline]
#[must_use]
pub fn decode(word: Word) -> Inst {
    let word = word.get();
    // C4.1: op0 is bits 28 to 25.
    match field(word, 28, 25) {
        0b0000 if field(word, 31, 16) == 0 => Inst::Trap,
        0b0010 => scalable(word),
        0b1000 | 0b1001 => data::immediate(word),
        0b1010 | 0b1011 => branch::branch(word),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory::memory(word),
        0b0101 | 0b1101 => data::register(word),
        0b0111 | 0b1111 if word == GO_UNDEF => Inst::Trap,
        // Advanced SIMD and floating point: no form has SP as its destination.
        0b0111 | 0b1111 => Inst::Other,
        // Reserved, SME and unallocated space.
        _ => Inst::Unknown,
    }
}

/// Whether [`decode`] gives a trap.
#[inline(always)]
#[must_use]
pub const fn is_trap(word: Word) -> bool {
    word.get() >> 16 == 0 || word.get() == GO_UNDEF
}

/// Whether a word is BRK, which stops in a debugger.
#[must_use]
pub const fn is_breakpoint(word: Word) -> bool {
    word.get() & 0xffe0_001f == 0xd420_0000
}

/// NOP.
pub const NOP: Word = Word::new(0xd503_201f);

/// `MOVD R30, R3`: what stands in front of the call of morestack (`obj7.go`, `stacksplit`).
pub const LINK: Word = Word::new(0xaa1e_03e3);

/// RET.
pub const RETURN: Word = Word::new(0xd65f_03c0);

/// What Go's assembler emits for UNDEF.
pub const GO_UNDEF: u32 = 0xbea7_1700;

/// SVE. ADDVL, ADDPL, ADDSVL and ADDSPL are the forms with SP as destination.
const fn scalable(word: u32) -> Inst {
    let frame =
        field(word, 31, 24) == 0b0000_0100 && bit(word, 21) && field(word, 15, 12) == 0b0101;
    if frame && reg(word, 0).0 == 31 { Inst::Unknown } else { Inst::Other }
}

#[cfg(test)]
mod tests;
