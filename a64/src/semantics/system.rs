//! System instructions (C4.1.93): hints, barriers, PSTATE, system registers, and what SYS
//! does to caches, tags and stacks.

use super::{Access, Semantics};
use crate::decode::{Reg, bit, field, reg};
use crate::parts::Parts;

const NEW: Semantics = Semantics::NOTHING;
const LR: Parts = Parts::or_zero(Reg::LR);
/// A barrier, or what only caches and other processors see.
const ORDER: Semantics = NEW;
/// What is done to state that no register names.
const STATE: Semantics = NEW.reads(Parts::SYSTEM).may_write(Parts::SYSTEM);
/// What starting and stopping streaming mode may change: it clears the vectors.
const STREAMING: Parts = Parts::VECTORS
    .with(Parts::PREDICATES)
    .with(Parts::FIRST_FAULT)
    .with(Parts::MATRIX)
    .with(Parts::SYSTEM);

pub(super) fn system(word: u32) -> Option<Semantics> {
    let is_read = bit(word, 21);
    match (field(word, 23, 22), field(word, 20, 19)) {
        (0b00, 0b00) if is_read => None,
        (0b00, 0b00) => without_register(word),
        // SYS, SYSL.
        (0b00, 0b01) if is_read => Some(sysl(word)),
        (0b00, 0b01) => Some(sys(word)),
        (0b00, _) if is_read => Some(read(word)),
        (0b00, _) => write(word),
        // SYSP; with 31 the pair is zero.
        (0b01, 0b01) if !is_read => Some(STATE.reads(pair(word)?)),
        // MRRS, MSRR.
        (0b01, 0b10 | 0b11) if is_read => Some(STATE.may_write(even(word)?)),
        (0b01, 0b10 | 0b11) => Some(STATE.reads(even(word)?)),
        _ => None,
    }
}

/// A register and the next one, of which the first has an even number.
fn even(word: u32) -> Option<Parts> {
    let first = field(word, 4, 0);
    (first & 1 == 0).then(|| Parts(0b11 << first).and(Parts::GENERAL))
}

/// The same, or none for 31.
fn pair(word: u32) -> Option<Parts> {
    if field(word, 4, 0) == 31 { Some(Parts::NONE) } else { even(word) }
}

/// SYSL: GCSPOPM and GCSSS2 are of guarded control stacks. Where there are none, the register
/// is kept.
fn sysl(word: u32) -> Semantics {
    let t = Parts::or_zero(reg(word, 0));
    let result = STATE.reads(t).may_write(t);
    if field(word, 18, 8) == 0b011_0111_0111 {
        result.loads(Access::ANYWHERE).stores(Access::ANYWHERE)
    } else {
        result
    }
}

fn without_register(word: u32) -> Option<Semantics> {
    let (op1, crn, crm) = (field(word, 18, 16), field(word, 15, 12), field(word, 11, 8));
    let (op2, t) = (field(word, 7, 5), field(word, 4, 0));
    match (op1, crn, op2) {
        // WFET, WFIT.
        (0b011, 0b0001, 0b000 | 0b001) if crm == 0 => {
            Some(ORDER.reads(Parts::or_zero(reg(word, 0)).with(Parts::SYSTEM)))
        }
        _ if t != 31 => None,
        (0b011, 0b0010, _) => Some(hint(crm << 3 | op2)),
        // CLREX; DSB, DMB, ISB, SB; DSB with nXS.
        (0b011, 0b0011, 0b010) => Some(NEW.writes(Parts::SYSTEM)),
        (0b011, 0b0011, 0b100..=0b110) => Some(ORDER),
        (0b011, 0b0011, 0b111) if crm == 0 => Some(ORDER),
        (0b011, 0b0011, 0b001) if crm & 0b0011 == 0b0010 => Some(ORDER),
        // CFINV, XAFLAG, AXFLAG.
        (0b000, 0b0100, 0b000..=0b010) if crm == 0 => {
            Some(NEW.reads(Parts::FLAGS).writes(Parts::FLAGS))
        }
        // SMSTART, SMSTOP.
        (0b011, 0b0100, 0b011) => Some(NEW.reads(Parts::SYSTEM).may_write(STREAMING)),
        // SPSel.
        (0b000, 0b0100, 0b101) => None,
        // UAO, PAN, ALLINT, PM, SSBS, DIT, TCO, DAIFSet, DAIFClr.
        (0b000, 0b0100, 0b011 | 0b100)
        | (0b001, 0b0100, 0b000)
        | (0b011, 0b0100, 0b001 | 0b010 | 0b100 | 0b110 | 0b111) => Some(STATE),
        _ => None,
    }
}

/// HINT with a number (C6.2). One that is not allocated does nothing, and what it will do
/// some day is not known: it may write what hints have written until now.
fn hint(number: u32) -> Semantics {
    let register = |number| Parts::or_zero(Reg(number));
    let key = Parts::SYSTEM;
    let signs = |pointer: Parts, modifier: Parts| {
        NEW.reads(pointer.with(modifier).with(key)).may_write(pointer)
    };
    match number {
        // NOP, YIELD, WFE, WFI, SEV, SEVL, DGH; ESB, PSB, TSB, CSDB, CLRBHB, BTI, STSHH.
        0..=6 | 16 | 17 | 18 | 20 | 22 | 32 | 34 | 36 | 38 | 48 | 49 => ORDER,
        // XPACLRI.
        7 => NEW.reads(LR).may_write(LR),
        // PACIA1716, PACIB1716, AUTIA1716, AUTIB1716.
        8 | 10 | 12 | 14 => signs(register(17), register(16)),
        // GCSB.
        19 => STATE,
        // PACIAZ, PACIBZ, AUTIAZ, AUTIBZ.
        24 | 26 | 28 | 30 => signs(LR, Parts::NONE),
        // PACIASP, PACIBSP, AUTIASP, AUTIBSP.
        25 | 27 | 29 | 31 => signs(LR, Parts::SP),
        // PACM.
        39 => STATE,
        // CHKFEAT.
        40 => NEW.reads(register(16).with(key)).may_write(register(16)),
        _ => {
            let hinted = register(16).with(register(17)).with(LR);
            NEW.reads(hinted.with(Parts::SP).with(key)).may_write(hinted.with(key))
        }
    }
}

/// MRS.
fn read(word: u32) -> Semantics {
    let t = Parts::or_zero(reg(word, 0));
    match field(word, 20, 5) {
        NZCV => NEW.reads(Parts::FLAGS).writes(t),
        FPCR | FPSR | TPIDR | TPIDRRO => NEW.reads(Parts::SYSTEM).writes(t),
        // RNDR, RNDRRS say in the flags whether there was a number.
        RNDR | RNDRRS => STATE.may_write(t).writes(Parts::FLAGS),
        // It may trap, or count.
        _ => NEW.reads(Parts::SYSTEM.with(Parts::MATRIX)).may_write(t),
    }
}

/// MSR. A write of SP by another name, which traps in a program, is not followed.
fn write(word: u32) -> Option<Semantics> {
    let t = Parts::or_zero(reg(word, 0));
    match field(word, 20, 5) {
        NZCV => Some(NEW.reads(t).writes(Parts::FLAGS)),
        SP_EL0 | SP_EL1 | SP_EL2 | SP_SEL => None,
        SVCR => Some(NEW.reads(t).may_write(STREAMING)),
        _ => Some(NEW.reads(t).may_write(Parts::SYSTEM)),
    }
}

// As op0, op1, CRn, CRm and op2 (Arm ARM, D24).
const NZCV: u32 = name(3, 3, 4, 2, 0);
const SVCR: u32 = name(3, 3, 4, 2, 2);
const FPCR: u32 = name(3, 3, 4, 4, 0);
const FPSR: u32 = name(3, 3, 4, 4, 1);
const TPIDR: u32 = name(3, 3, 13, 0, 2);
const TPIDRRO: u32 = name(3, 3, 13, 0, 3);
const RNDR: u32 = name(3, 3, 2, 4, 0);
const RNDRRS: u32 = name(3, 3, 2, 4, 1);
const SP_EL0: u32 = name(3, 0, 4, 1, 0);
const SP_EL1: u32 = name(3, 4, 4, 1, 0);
const SP_EL2: u32 = name(3, 6, 4, 1, 0);
const SP_SEL: u32 = name(3, 0, 4, 2, 0);

/// Bits 20 to 5 of the access of a system register.
const fn name(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

/// SYS.
fn sys(word: u32) -> Semantics {
    let rt = reg(word, 0);
    let (t, base) = (Parts::or_zero(rt), super::Base::Register(rt));
    // With ZR the address is 0.
    let base = if rt.0 == 31 { super::Base::Anywhere } else { base };
    let block = Access { base, offset: None, bytes: None, surely: false };
    let anywhere = Access::ANYWHERE;
    match (field(word, 18, 16), field(word, 15, 12), field(word, 11, 8), field(word, 7, 5)) {
        // DC ZVA, GVA, GZVA: the aligned block around an address. Whether it is allowed, and
        // how long a block is, the system decides.
        (3, 7, 4, 1) => NEW.reads(t.with(Parts::SYSTEM)).stores(block),
        (3, 7, 4, 3) => NEW.reads(t.with(Parts::SYSTEM)).may_write(Parts::TAGS),
        (3, 7, 4, 4) => NEW.reads(t.with(Parts::SYSTEM)).may_write(Parts::TAGS).stores(block),
        // GCSPUSHM and its like: guarded control stacks.
        (0 | 3, 7, 7, _) => STATE.reads(t).loads(anywhere).stores(anywhere),
        // IC, DC by address or set, TLBI, AT, CFP, DVP, COSP, CPP: caches and translations.
        (_, 7..=9, ..) => NEW.reads(t.with(Parts::SYSTEM)).may_write(Parts::SYSTEM),
        // What the implementation defines.
        _ => STATE.reads(t).loads(anywhere).stores(anywhere),
    }
}
