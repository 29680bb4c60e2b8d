//! Atomic operations: FEAT_LSE, FEAT_LSE128, FEAT_LSUI, FEAT_THE, FEAT_LSFE; accesses of 64
//! bytes; LDAPR.

use super::NEW;
use crate::decode::{Reg, bit, field, reg};
use crate::parts::Parts;
use crate::semantics::{Access, Semantics};

/// What has size 111 and bits 11 and 10 clear.
pub(super) fn atomic(word: u32) -> Option<Semantics> {
    let (size, orders) = (field(word, 31, 30), field(word, 23, 22));
    let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (zero, bytes) = (Parts::or_zero, 1 << size);
    if bit(word, 26) {
        return floating(word);
    }
    match (bit(word, 15), field(word, 14, 12)) {
        // LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN; SWP.
        (false, _) | (true, 0b000) => Some(modify(zero(s), zero(t), n, bytes)),
        // LDAPR.
        (true, 0b100) if orders == 0b10 && s.0 == 31 => {
            Some(NEW.loads(Access::at(n, 0, bytes)).writes(zero(t)))
        }
        // ST64B, ST64BV0, ST64BV, LD64B.
        (true, opc @ (0b001 | 0b010 | 0b011 | 0b101)) if size == 0b11 && orders == 0 => {
            eight_registers(word, opc)
        }
        // RCWCLR, RCWSWP, RCWSET and their checked forms.
        (true, 0b001..=0b011) if size < 0b10 => {
            Some(perhaps_modify(zero(s), zero(t), n, 8).reads(Parts::SYSTEM))
        }
        _ => None,
    }
}

/// What was in memory comes into a register, and another value, made of it, into memory.
fn modify(source: Parts, loaded: Parts, base: Reg, bytes: u32) -> Semantics {
    let access = Access::at(base, 0, bytes);
    NEW.reads(source).loads(access).writes(loaded).stores(access).writes(Parts::COUNT)
}

/// The same where the flags say whether it was allowed.
fn perhaps_modify(source: Parts, loaded: Parts, base: Reg, bytes: u32) -> Semantics {
    let access = Access::at(base, 0, bytes);
    let checked = NEW.reads(source).loads(access).writes(loaded).stores(access.perhaps());
    checked.may_write(Parts::COUNT.with(Parts::FLAGS))
}

/// Atomic operations of FEAT_LSFE: LDFADD, LDBFADD and their like, and stores alone.
fn floating(word: u32) -> Option<Semantics> {
    let (size, opc, stores) = (field(word, 31, 30), field(word, 14, 12), bit(word, 15));
    if !matches!(opc, 0b000 | 0b100..=0b111) || stores && (bit(word, 23) || reg(word, 0).0 != 31) {
        return None;
    }
    let bytes = if size == 0 { 2 } else { 1 << size };
    let loaded = Parts::vector(reg(word, 0).0).when(!stores);
    let source = Parts::vector(reg(word, 16).0).with(Parts::SYSTEM);
    Some(modify(source, loaded, reg(word, 5), bytes))
}

/// LD64B and ST64B have eight registers, of which the first has an even number up to 22;
/// ST64BV and ST64BV0 also a status.
fn eight_registers(word: u32, opc: u32) -> Option<Semantics> {
    let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let eight = Parts(0xff << t.0).and(Parts::GENERAL);
    let access = Access::at(n, 0, 64);
    if t.0 & 1 != 0 || t.0 > 22 || opc & 1 != 0 && opc != 0b011 && s.0 != 31 {
        return None;
    }
    Some(match opc {
        0b101 => NEW.loads(access).writes(eight),
        0b001 => NEW.reads(eight).stores(access),
        // The device may refuse it.
        _ => {
            let status = Parts::or_zero(s).with(Parts::COUNT);
            NEW.reads(eight.with(Parts::SYSTEM)).stores(access.perhaps()).may_write(status)
        }
    })
}

/// What has size 011 and bit 21, with size 00 or 01: operations of 128 bits (bits 11 and 10
/// are 00), unprivileged ones (01), and read-check-write ones (1x).
pub(super) fn pairs_and_unprivileged(word: u32) -> Option<Semantics> {
    let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let (zero, size) = (Parts::or_zero, field(word, 31, 30));
    let (o3, opc) = (bit(word, 15), field(word, 14, 12));
    let both = zero(t).with(zero(s));
    let has_zero = t.0 == 31 || s.0 == 31;
    match (field(word, 11, 10), o3, opc) {
        // Of 128 bits: LDCLRP, LDSETP, SWPP.
        (0b00, ..) if has_zero => None,
        (0b00, false, 0b001 | 0b011) | (0b00, true, 0b000) if size == 0 => {
            Some(modify(both, both, n, 16))
        }
        // RCWCLRP, RCWSWPP, RCWSETP and their checked forms.
        (0b00, true, 0b001..=0b011) => Some(perhaps_modify(both, both, n, 16).reads(Parts::SYSTEM)),
        // LDTADD, LDTCLR, LDTSET, SWPT.
        (0b01, false, 0b000 | 0b001 | 0b011) | (0b01, true, 0b000) => {
            Some(modify(zero(s), zero(t), n, 4 << size))
        }
        // RCWCAS, RCWCASP and their checked forms.
        (0b10, false, 0b000) => Some(perhaps_modify(both, zero(s), n, 8).reads(Parts::SYSTEM)),
        (0b11, false, 0b000) if (t.0 | s.0) & 1 == 0 => {
            let pair = |first: Reg| zero(first).with(zero(Reg(first.0 + 1)));
            Some(perhaps_modify(pair(s).with(pair(t)), pair(s), n, 16).reads(Parts::SYSTEM))
        }
        _ => None,
    }
}
