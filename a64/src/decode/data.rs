//! Data processing with an immediate (C4.1, op0 100x) and with registers (op0
//! x101).

use super::{Arith, Flags, Inst, Logic, Reg, Wide, Width, bit, field, reg, signed, width};

pub(super) fn immediate(word: u32) -> Inst {
    let (rd, rn) = (reg(word, 0), reg(word, 5));
    match field(word, 25, 23) {
        0b000 | 0b001 => pc_relative(word, rd),
        0b010 => {
            let shift = if bit(word, 22) { 12 } else { 0 };
            let imm = field(word, 21, 10) << shift;
            Inst::ArithImm { op: arith(word), flags: flags(word), width: width(word), rd, rn, imm }
        }
        // ADDG and SUBG write SP, the minimum and maximum forms (bit 22) do not.
        0b011 if rd == Reg::SP && !bit(word, 22) => Inst::Unknown,
        0b100 => logic_immediate(word, rd, rn),
        0b101 => move_wide(word, rd),
        // Bitfield and extract; AUTIASPPC among the latter writes LR only.
        _ => Inst::Other,
    }
}

fn pc_relative(word: u32, rd: Reg) -> Inst {
    let offset = i64::from(signed(word, 23, 5)) << 2 | i64::from(field(word, 30, 29));
    if bit(word, 31) { Inst::Adrp { rd, offset: offset << 12 } } else { Inst::Adr { rd, offset } }
}

fn logic_immediate(word: u32, rd: Reg, rn: Reg) -> Inst {
    let width = width(word);
    let fields = (field(word, 22, 22), field(word, 21, 16), field(word, 15, 10));
    let op = logic(word);
    match bit_mask(fields, width) {
        Some(imm) => Inst::LogicImm { op, width, rd, rn, imm },
        None => unallocated(rd == Reg::SP && op != Logic::Ands),
    }
}

/// A reserved encoding, which traps: harmless unless its allocated neighbours
/// would write SP.
fn unallocated(near_sp: bool) -> Inst {
    if near_sp { Inst::Unknown } else { Inst::Other }
}

/// The value of a bitmask immediate (`DecodeBitMasks`, J1.3), or `None` for
/// fields that are reserved.
pub(crate) fn bit_mask((n, immr, imms): (u32, u32, u32), width: Width) -> Option<u64> {
    if n == 1 && width == Width::W {
        return None;
    }
    let size_log = (n << 6 | !imms & 0x3f).checked_ilog2().filter(|&log| log >= 1)?;
    let size = 1_u32 << size_log;
    let (ones, rotation) = ((imms & (size - 1)) + 1, immr & (size - 1));
    if ones == size {
        return None;
    }
    // A run of ones, rotated right within `size` bits, then repeated.
    let element = u64::MAX >> (64 - size);
    let run = (1_u64 << ones) - 1;
    let left = if rotation == 0 { 0 } else { run << (size - rotation) };
    let mut value = (run >> rotation | left) & element;
    let mut filled = size;
    while filled < 64 {
        value |= value << filled;
        filled *= 2;
    }
    Some(if width == Width::W { value & 0xffff_ffff } else { value })
}

fn move_wide(word: u32, rd: Reg) -> Inst {
    let width = width(word);
    let op = match field(word, 30, 29) {
        0b00 => Wide::Movn,
        0b10 => Wide::Movz,
        0b11 => Wide::Movk,
        _ => return Inst::Unknown,
    };
    let half = field(word, 22, 21);
    if width == Width::W && half > 1 {
        return Inst::Unknown;
    }
    let imm = field(word, 20, 5) as u16;
    Inst::MoveWide { op, width, rd, imm, shift: (half * 16) as u8 }
}

pub(super) fn register(word: u32) -> Inst {
    let (rd, rn, rm) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (width, kind, amount) = (width(word), field(word, 23, 22) as u8, field(word, 15, 10) as u8);
    match (bit(word, 28), bit(word, 24), bit(word, 21)) {
        (false, false, invert) => {
            Inst::LogicReg { op: logic(word), invert, width, rd, rn, rm, kind, amount }
        }
        (false, true, false) => {
            let (op, flags) = (arith(word), flags(word));
            Inst::ArithReg { op, flags, width, rd, rn, rm, kind, amount }
        }
        (false, true, true) => {
            let (option, shift) = (field(word, 15, 13) as u8, field(word, 12, 10) as u8);
            let (op, flags) = (arith(word), flags(word));
            if kind != 0 || shift > 4 {
                return unallocated(rd == Reg::SP && flags == Flags::Keep);
            }
            Inst::ArithExt { op, flags, width, rd, rn, rm, option, shift }
        }
        (true, ..) if rd == Reg::SP && !writes_zero_register(word) => Inst::Unknown,
        (true, ..) => Inst::Other,
    }
}

/// Whether register 31 as the destination of one of the remaining forms with
/// registers is ZR, or the form has no destination. IRG and the checked pointer
/// arithmetic write SP.
fn writes_zero_register(word: u32) -> bool {
    let set_flags = bit(word, 29);
    match field(word, 28, 21) {
        // Carry arithmetic; RMIF and SETF have no destination.
        0b1101_0000 => field(word, 15, 13) != 0b001,
        // Conditional compare and conditional select.
        0b1101_0010 | 0b1101_0100 => true,
        // One source; two sources without IRG.
        0b1101_0110 => bit(word, 30) || set_flags || field(word, 15, 10) != 0b00_0100,
        // Three sources.
        0b1101_1000..=0b1101_1111 => true,
        _ => false,
    }
}

fn arith(word: u32) -> Arith {
    if bit(word, 30) { Arith::Sub } else { Arith::Add }
}

fn flags(word: u32) -> Flags {
    if bit(word, 29) { Flags::Set } else { Flags::Keep }
}

fn logic(word: u32) -> Logic {
    match field(word, 30, 29) {
        0b00 => Logic::And,
        0b01 => Logic::Orr,
        0b10 => Logic::Eor,
        _ => Logic::Ands,
    }
}
