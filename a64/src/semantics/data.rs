//! Data processing with an immediate (C4.1, op0 100x) and with registers (op0 x101).

use super::Semantics;
use crate::decode::{Flags, Inst, Logic, Reg, Wide, Width, bit, decode, field, reg};
use crate::parts::Parts;
use unwind::Word;

const NEW: Semantics = Semantics::NOTHING;
const LR: Parts = Parts::or_zero(Reg::LR);

pub(super) fn immediate(word: u32) -> Option<Semantics> {
    let (d, n, m) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (sf, opc) = (bit(word, 31), field(word, 30, 29));
    let (zero, or_sp) = (Parts::or_zero, Parts::or_sp);
    match (field(word, 25, 23), decode(Word::new(word))) {
        (_, Inst::Adr { rd, .. } | Inst::Adrp { rd, .. }) => Some(NEW.writes(zero(rd))),
        (_, Inst::ArithImm { flags, rd, rn, .. }) => {
            Some(NEW.reads(or_sp(rn)).writes(destination(flags, rd)))
        }
        (_, Inst::LogicImm { op, rd, rn, .. }) => {
            let flags = if op == Logic::Ands { Flags::Set } else { Flags::Keep };
            Some(NEW.reads(zero(rn)).writes(destination(flags, rd)))
        }
        (_, Inst::MoveWide { op, rd, .. }) => {
            Some(NEW.reads(zero(rd).when(op == Wide::Movk)).writes(zero(rd)))
        }
        // ADDG, SUBG: which tags there may be is system state.
        (0b011, _) if !bit(word, 22) && sf && !bit(word, 29) && field(word, 15, 14) == 0 => {
            Some(NEW.reads(or_sp(n).with(Parts::SYSTEM)).writes(or_sp(d)))
        }
        // SMAX, UMAX, SMIN, UMIN.
        (0b011, _) if bit(word, 22) && opc == 0 && field(word, 21, 18) < 4 => {
            Some(NEW.reads(zero(n)).writes(zero(d)))
        }
        // SBFM, BFM, UBFM: BFM keeps bits of its destination.
        (0b110, _) if opc != 0b11 && sf == bit(word, 22) && (sf || word & 0x0020_8000 == 0) => {
            Some(NEW.reads(zero(n).with(zero(d).when(opc == 0b01))).writes(zero(d)))
        }
        // EXTR.
        (0b111, _) if opc == 0 && sf == bit(word, 22) && !bit(word, 21) => {
            (sf || !bit(word, 15)).then(|| NEW.reads(zero(n).with(zero(m))).writes(zero(d)))
        }
        // AUTIASPPC, AUTIBSPPC.
        (0b111, _) if sf && opc == 0b11 && !bit(word, 22) && d.0 == 31 => Some(authenticate(LR)),
        _ => None,
    }
}

fn destination(flags: Flags, rd: Reg) -> Parts {
    match flags {
        Flags::Keep => Parts::or_sp(rd),
        Flags::Set => Parts::or_zero(rd).with(Parts::FLAGS),
    }
}

/// A pointer is signed or authenticated with SP. Where a key is switched off, nothing is done.
const fn authenticate(pointer: Parts) -> Semantics {
    NEW.reads(pointer.with(Parts::SP).with(Parts::SYSTEM)).may_write(pointer)
}

pub(super) fn register(word: u32) -> Option<Semantics> {
    let (zero, or_sp) = (Parts::or_zero, Parts::or_sp);
    match decode(Word::new(word)) {
        Inst::LogicReg { op, width, rd, rn, rm, amount, .. } => {
            let flags = Parts::FLAGS.when(op == Logic::Ands);
            let result = NEW.reads(zero(rn).with(zero(rm))).writes(zero(rd).with(flags));
            is_amount(width, amount).then_some(result)
        }
        Inst::ArithReg { flags, width, rd, rn, rm, kind, amount, .. } => {
            let flags = Parts::FLAGS.when(flags == Flags::Set);
            let result = NEW.reads(zero(rn).with(zero(rm))).writes(zero(rd).with(flags));
            (kind != 3 && is_amount(width, amount)).then_some(result)
        }
        Inst::ArithExt { flags, rd, rn, rm, .. } => {
            Some(NEW.reads(or_sp(rn).with(zero(rm))).writes(destination(flags, rd)))
        }
        _ if bit(word, 28) => match field(word, 24, 21) {
            0b0000 => carry(word),
            0b0010 => conditional_compare(word),
            0b0100 => conditional_select(word),
            0b0110 if !bit(word, 30) => two_sources(word),
            0b0110 => one_source(word),
            0b1000..=0b1111 => three_sources(word),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a register of that width can be shifted by so much.
fn is_amount(width: Width, amount: u8) -> bool {
    width == Width::X || amount < 32
}

/// ADC, SBC, the checked additions of FEAT_CPA, RMIF and SETF.
fn carry(word: u32) -> Option<Semantics> {
    let (d, n, m) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (zero, or_sp) = (Parts::or_zero, Parts::or_sp);
    let sets = bit(word, 29);
    if field(word, 15, 10) == 0 {
        let sources = zero(n).with(zero(m)).with(Parts::FLAGS);
        return Some(NEW.reads(sources).writes(zero(d).with(Parts::FLAGS.when(sets))));
    }
    // ADDPT, SUBPT.
    if bit(word, 31) && !sets && field(word, 15, 13) == 0b001 {
        return Some(NEW.reads(or_sp(n).with(zero(m))).writes(or_sp(d)));
    }
    let kept = |mask| Parts::FLAGS.when(mask != 0b1111);
    match (field(word, 31, 29), field(word, 14, 10), bit(word, 4)) {
        // RMIF writes the flags in its mask.
        (0b101, 0b00001, false) => {
            let mask = field(word, 3, 0);
            let inserted = NEW.reads(zero(n).with(kept(mask))).may_write(Parts::FLAGS);
            Some(inserted.writes(Parts::FLAGS.when(mask != 0)))
        }
        // SETF8, SETF16 leave the carry.
        (0b001, 0b00010 | 0b10010, false)
            if field(word, 20, 15) == 0 && field(word, 3, 0) == 0b1101 =>
        {
            Some(NEW.reads(zero(n).with(Parts::FLAGS)).writes(Parts::FLAGS))
        }
        _ => None,
    }
}

/// CCMN, CCMP.
fn conditional_compare(word: u32) -> Option<Semantics> {
    let other = Parts::or_zero(reg(word, 16)).when(!bit(word, 11));
    let sources = Parts::or_zero(reg(word, 5)).with(other).with(Parts::FLAGS);
    let is_allocated = bit(word, 29) && !bit(word, 10) && !bit(word, 4);
    is_allocated.then(|| NEW.reads(sources).writes(Parts::FLAGS))
}

/// CSEL, CSINC, CSINV, CSNEG.
fn conditional_select(word: u32) -> Option<Semantics> {
    let sources = Parts::or_zero(reg(word, 5)).with(Parts::or_zero(reg(word, 16)));
    let is_allocated = !bit(word, 29) && !bit(word, 11);
    is_allocated.then(|| NEW.reads(sources.with(Parts::FLAGS)).writes(Parts::or_zero(reg(word, 0))))
}

fn two_sources(word: u32) -> Option<Semantics> {
    let (d, n, m) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (zero, or_sp) = (Parts::or_zero, Parts::or_sp);
    let (sf, sets) = (bit(word, 31), bit(word, 29));
    let plain = NEW.reads(zero(n).with(zero(m))).writes(zero(d));
    match (sf, sets, field(word, 15, 10)) {
        // UDIV, SDIV, the shifts, SMAX, UMAX, SMIN, UMIN.
        (_, false, 0b00_0010 | 0b00_0011 | 0b00_1000..=0b00_1011 | 0b01_1000..=0b01_1011) => {
            Some(plain)
        }
        // CRC32 and CRC32C of up to 32 bits, and of 64.
        (false, false, 0b01_0000..=0b01_0010 | 0b01_0100..=0b01_0110) => Some(plain),
        (true, false, 0b01_0011 | 0b01_0111) => Some(plain),
        // SUBP, SUBPS.
        (true, _, 0b00_0000) => {
            let flags = Parts::FLAGS.when(sets);
            Some(NEW.reads(or_sp(n).with(or_sp(m))).writes(zero(d).with(flags)))
        }
        // IRG makes a tag by chance.
        (true, false, 0b00_0100) => {
            let sources = or_sp(n).with(zero(m)).with(Parts::SYSTEM);
            Some(NEW.reads(sources).may_write(or_sp(d).with(Parts::SYSTEM)))
        }
        // GMI.
        (true, false, 0b00_0101) => Some(NEW.reads(or_sp(n).with(zero(m))).writes(zero(d))),
        // PACGA.
        (true, false, 0b00_1100) => {
            Some(NEW.reads(zero(n).with(or_sp(m)).with(Parts::SYSTEM)).writes(zero(d)))
        }
        _ => None,
    }
}

fn one_source(word: u32) -> Option<Semantics> {
    let (d, n) = (Parts::or_zero(reg(word, 0)), Parts::or_zero(reg(word, 5)));
    let (sf, opcode) = (bit(word, 31), field(word, 15, 10));
    if bit(word, 29) {
        return None;
    }
    match (field(word, 20, 16), opcode) {
        // RBIT, REV16, REV32 or REV, CLZ, CLS, CTZ, CNT, ABS; REV of 64 bits.
        (0, 0b000..=0b010 | 0b100..=0b1000) => Some(NEW.reads(n).writes(d)),
        (0, 0b011) if sf => Some(NEW.reads(n).writes(d)),
        (1, _) if sf => pointer_authentication(word),
        _ => None,
    }
}

/// PACIA and its like. Where a key is switched off, nothing is done.
fn pointer_authentication(word: u32) -> Option<Semantics> {
    let (rd, rn) = (reg(word, 0), reg(word, 5));
    let d = Parts::or_zero(rd);
    let modified =
        |modifier: Parts| Some(NEW.reads(d.with(modifier).with(Parts::SYSTEM)).may_write(d));
    match field(word, 15, 10) {
        0b00_0000..=0b00_0111 => modified(Parts::or_sp(rn)),
        // With zero; XPACI and XPACD.
        0b00_1000..=0b01_0001 if rn.0 == 31 => modified(Parts::NONE),
        // AUTIASPPCR, AUTIBSPPCR: the register is the address that was signed at.
        0b10_0100 | 0b10_0101 if rd == Reg::LR => Some(authenticate(LR).reads(Parts::or_zero(rn))),
        // PACNBIASPPC, PACNBIBSPPC, PACIASPPC, PACIBSPPC.
        0b10_0000 | 0b10_0001 | 0b10_1000 | 0b10_1001 if rd == Reg::LR && rn.0 == 31 => {
            Some(authenticate(LR))
        }
        // PACIA171615, PACIB171615, AUTIA171615, AUTIB171615.
        0b10_0010 | 0b10_0011 | 0b10_1110 | 0b10_1111 if rd == Reg::LR && rn.0 == 31 => {
            let sources = Parts(0b111 << 15).with(Parts::SYSTEM);
            Some(NEW.reads(sources).may_write(Parts::or_zero(Reg(17))))
        }
        _ => None,
    }
}

fn three_sources(word: u32) -> Option<Semantics> {
    let zero = Parts::or_zero;
    let (d, n, m, a) = (reg(word, 0), reg(word, 5), reg(word, 16), reg(word, 10));
    let (sf, o0) = (bit(word, 31), bit(word, 15));
    let is_allocated = match field(word, 23, 21) {
        _ if field(word, 30, 29) != 0 => false,
        // MADD, MSUB.
        0b000 => true,
        // SMADDL, UMADDL and their like; MADDPT, MSUBPT.
        0b001 | 0b101 | 0b011 => sf,
        // SMULH, UMULH.
        0b010 | 0b110 => sf && !o0 && a.0 == 31,
        _ => false,
    };
    // The high halves of products have no third source.
    let third = zero(a).when(!matches!(field(word, 23, 21), 0b010 | 0b110));
    is_allocated.then(|| NEW.reads(zero(n).with(zero(m)).with(third)).writes(zero(d)))
}
