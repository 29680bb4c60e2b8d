//! Exclusive and ordered accesses, compare and swap (C4.1.94.7 and after).

use super::NEW;
use crate::decode::{Reg, bit, field, reg};
use crate::parts::Parts;
use crate::semantics::{Access, Semantics};

const fn zero(register: Reg) -> Parts {
    Parts::or_zero(register)
}

pub(super) fn exclusive(word: u32) -> Option<Semantics> {
    let (size, is_load) = (field(word, 31, 30), bit(word, 22));
    let (t, n, second, s) = (reg(word, 0), reg(word, 5), reg(word, 10), reg(word, 16));
    let bytes = 1 << size;
    // Fields that have to be ones, where a register has no place.
    let (no_second, no_status) = (second.0 == 31, s.0 == 31);
    match (bit(word, 23), bit(word, 21)) {
        (false, false) if is_load && !(no_second && no_status) => None,
        (false, true) if size >= 0b10 && is_load && (t == second || !no_status) => None,
        (true, false) if !(no_second && no_status) => None,
        // LDXR, LDAXR, STXR, STLXR.
        (false, false) => Some(exclusively(is_load, zero(t), n, s, bytes)),
        // LDXP, LDAXP, STXP, STLXP.
        (false, true) if size >= 0b10 => {
            Some(exclusively(is_load, zero(t).with(zero(second)), n, s, 2 * bytes))
        }
        // CASP and its like.
        (false, true) if no_second => compare_and_swap_pair(word, if size == 1 { 8 } else { 4 }),
        // LDAR, LDLAR, STLR, STLLR.
        (true, false) if is_load => Some(NEW.loads(Access::at(n, 0, bytes)).writes(zero(t))),
        (true, false) => Some(NEW.reads(zero(t)).stores(Access::at(n, 0, bytes))),
        // CAS and its like.
        (true, true) if no_second => Some(compare_and_swap(word, bytes)),
        _ => None,
    }
}

/// The exclusive accesses and the compare and swap of FEAT_LSUI.
pub(super) fn unprivileged(word: u32) -> Option<Semantics> {
    let (size, is_load) = (field(word, 31, 30), bit(word, 22));
    if bit(word, 21) || reg(word, 10).0 != 31 {
        return None;
    }
    match (bit(word, 23), size) {
        // LDTXR, LDATXR, STTXR, STLTXR.
        (false, 0b10 | 0b11) => {
            let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
            (!is_load || s.0 == 31).then(|| exclusively(is_load, zero(t), n, s, 1 << size))
        }
        // CAST, CASPT and their like.
        (true, 0b11) => Some(compare_and_swap(word, 8)),
        (true, 0b01) => compare_and_swap_pair(word, 8),
        _ => None,
    }
}

/// Whether a store takes place, the monitor decides; the status, which is written in either case,
/// says it (Arm ARM, STXR: `X[s, 32] = ZeroExtend(status, 32)`).
fn exclusively(is_load: bool, data: Parts, base: Reg, status: Reg, bytes: u32) -> Semantics {
    let access = Access::at(base, 0, bytes);
    if is_load {
        return NEW.loads(access).writes(data).may_write(Parts::SYSTEM);
    }
    let stored = NEW.reads(data.with(Parts::SYSTEM)).stores(access.perhaps());
    stored.writes(zero(status)).may_write(Parts::SYSTEM.with(Parts::COUNT))
}

/// `Rs` becomes what was in memory, also if nothing is stored.
fn compare_and_swap(word: u32, bytes: u32) -> Semantics {
    let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let access = Access::at(n, 0, bytes);
    let compared = NEW.reads(zero(s).with(zero(t))).loads(access).writes(zero(s));
    compared.stores(access.perhaps()).may_write(Parts::COUNT)
}

/// The same with two registers each, of which the first has an even number.
fn compare_and_swap_pair(word: u32, bytes: u32) -> Option<Semantics> {
    let (t, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    if (t.0 | s.0) & 1 != 0 {
        return None;
    }
    let pair = |first: Reg| zero(first).with(zero(Reg(first.0 + 1)));
    let access = Access::at(n, 0, 2 * bytes);
    let compared = NEW.reads(pair(s).with(pair(t))).loads(access).writes(pair(s));
    Some(compared.stores(access.perhaps()).may_write(Parts::COUNT))
}
