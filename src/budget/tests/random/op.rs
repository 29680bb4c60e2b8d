//! Operations and their words (Arm ARM, C6.2).

/// An operation on registers 0 to 7, 29 and, where the manual has it, SP (31).
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// ADD, SUB (immediate), shifted by 12 or not; with SP as 31.
    AddImm {
        sub: bool,
        rd: u32,
        rn: u32,
        imm: u32,
        shifted: bool,
    },
    /// ADD, SUB (extended register): UXTW, UXTX, SXTW or SXTX, shifted left by 0 to 3.
    AddExt {
        sub: bool,
        rd: u32,
        rn: u32,
        rm: u32,
        option: u32,
        shift: u32,
    },
    /// MOVZ and MOVK of 64 bits.
    Movz {
        rd: u32,
        imm: u32,
    },
    Movk {
        rd: u32,
        imm: u32,
    },
    /// MOVN: a small negative number.
    Movn {
        rd: u32,
        imm: u32,
    },
    /// AND with so many low bits, and with all but so many.
    AndLow {
        rd: u32,
        rn: u32,
        bits: u32,
    },
    AndHigh {
        rd: u32,
        rn: u32,
        bits: u32,
    },
    /// EOR (shifted register).
    Eor {
        rd: u32,
        rn: u32,
        rm: u32,
    },
    /// STUR, and STR with write-back before or after.
    Store {
        rn: u32,
        imm: i32,
        mode: Mode,
    },
    /// LDURB: a byte.
    LoadByte {
        rt: u32,
        rn: u32,
        imm: i32,
    },
    /// STR and STRB with a register offset, shifted by the size or not.
    StoreIndexed {
        rn: u32,
        rm: u32,
        option: u32,
        is_byte: bool,
        shifted: bool,
    },
    /// SUBS to ZR, of an immediate or a register.
    CmpImm {
        is_wide: bool,
        rn: u32,
        imm: u32,
    },
    CmpReg {
        is_wide: bool,
        rn: u32,
        rm: u32,
    },
    /// SUBS (immediate), which keeps the result.
    SubsImm {
        rd: u32,
        rn: u32,
        imm: u32,
    },
    /// UBFM: LSR.
    Lsr {
        rd: u32,
        rn: u32,
        by: u32,
    },
    /// SBFM: SXTW.
    Sxtw {
        rd: u32,
        rn: u32,
    },
    Csel {
        rd: u32,
        rn: u32,
        rm: u32,
        condition: u32,
    },
    /// B.cond and CBZ or CBNZ, to an instruction of the function.
    BranchIf {
        condition: u32,
        by: i32,
    },
    CompareBranch {
        is_wide: bool,
        if_not: bool,
        rt: u32,
        by: i32,
    },
    /// MOV to or from SP: ADD (immediate) of 0.
    Move {
        rd: u32,
        rn: u32,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Unscaled,
    Post,
    Pre,
}

impl Op {
    pub(super) fn word(self) -> u32 {
        let three = |base: u32, rd: u32, rn: u32, rm: u32| base | rm << 16 | rn << 5 | rd;
        let imm9 = |imm: i32| (imm as u32 & 0x1ff) << 12;
        let imm19 = |by: i32| (by as u32 & 0x7_ffff) << 5;
        match self {
            Self::AddImm { sub, rd, rn, imm, shifted } => {
                0x9100_0000
                    | u32::from(sub) << 30
                    | u32::from(shifted) << 22
                    | imm << 10
                    | rn << 5
                    | rd
            }
            Self::AddExt { sub, rd, rn, rm, option, shift } => {
                three(0x8b20_0000 | u32::from(sub) << 30 | option << 13 | shift << 10, rd, rn, rm)
            }
            Self::Movz { rd, imm } => 0xd280_0000 | imm << 5 | rd,
            Self::Movk { rd, imm } => 0xf2a0_0000 | imm << 5 | rd,
            Self::Movn { rd, imm } => 0x9280_0000 | imm << 5 | rd,
            // A run of ones from bit 0, or rotated up to bit 63 (`DecodeBitMasks`).
            Self::AndLow { rd, rn, bits } => 0x9240_0000 | (bits - 1) << 10 | rn << 5 | rd,
            Self::AndHigh { rd, rn, bits } => {
                0x9240_0000 | (64 - bits) << 16 | (63 - bits) << 10 | rn << 5 | rd
            }
            Self::Eor { rd, rn, rm } => three(0xca00_0000, rd, rn, rm),
            Self::Store { rn, imm, mode } => {
                let mode = match mode {
                    Mode::Unscaled => 0b00,
                    Mode::Post => 0b01,
                    Mode::Pre => 0b11,
                };
                0xf800_0000 | imm9(imm) | mode << 10 | rn << 5 | 31
            }
            Self::LoadByte { rt, rn, imm } => 0x3840_0000 | imm9(imm) | rn << 5 | rt,
            Self::StoreIndexed { rn, rm, option, is_byte, shifted } => {
                let size = if is_byte { 0x3820_0800 } else { 0xf820_0800 };
                three(size | option << 13 | u32::from(shifted) << 12, 31, rn, rm)
            }
            Self::CmpImm { is_wide, rn, imm } => {
                0x7100_0000 | u32::from(is_wide) << 31 | imm << 10 | rn << 5 | 31
            }
            Self::CmpReg { is_wide, rn, rm } => {
                three(0x6b00_0000 | u32::from(is_wide) << 31, 31, rn, rm)
            }
            Self::SubsImm { rd, rn, imm } => 0xf100_0000 | imm << 10 | rn << 5 | rd,
            Self::Lsr { rd, rn, by } => 0xd340_fc00 | by << 16 | rn << 5 | rd,
            Self::Sxtw { rd, rn } => 0x9340_7c00 | rn << 5 | rd,
            Self::Csel { rd, rn, rm, condition } => {
                three(0x9a80_0000 | condition << 12, rd, rn, rm)
            }
            Self::BranchIf { condition, by } => 0x5400_0000 | imm19(by) | condition,
            Self::CompareBranch { is_wide, if_not, rt, by } => {
                0x3400_0000 | u32::from(is_wide) << 31 | u32::from(if_not) << 24 | imm19(by) | rt
            }
            Self::Move { rd, rn } => 0x9100_0000 | rn << 5 | rd,
        }
    }
}
