//! Loads and stores (C4.1.94, op0 x1x0), but for those of SVE and SME.

mod atomic;
mod exclusive;
mod structure;
mod tags;

use super::{Access, Base, Semantics};
use crate::decode::{Mode, Reg, bit, field, reg, signed};
use crate::parts::Parts;

const NEW: Semantics = Semantics::NOTHING;

pub(super) fn memory(word: u32) -> Option<Semantics> {
    let (is_vector, scaled) = (bit(word, 26), bit(word, 24));
    match field(word, 29, 28) {
        0b00 if is_vector => structure::structure(word),
        0b00 if scaled => exclusive::unprivileged(word),
        0b00 => exclusive::exclusive(word),
        0b01 if !scaled => literal(word),
        0b01 => tags::tags_and_ordered(word),
        0b10 => pair(word),
        _ if scaled => immediate(word),
        _ if !bit(word, 21) => immediate(word),
        _ if field(word, 11, 10) == 0b10 => indexed(word),
        _ if field(word, 11, 10) == 0b00 => atomic::atomic(word),
        _ => authenticated(word),
    }
}

/// The part that a register field names as data: a vector register, or a general one, of
/// which 31 is ZR.
fn data(is_vector: bool, register: Reg) -> Parts {
    if is_vector { Parts::vector(register.0) } else { Parts::or_zero(register) }
}

/// A load of registers or a store of them at an immediate offset, which may be written back. What
/// happens to a register that is both written back and data is not defined (Arm ARM, K1.2).
fn transfer(
    is_load: bool,
    data: Parts,
    rn: Reg,
    offset: i64,
    bytes: u32,
    mode: Mode,
) -> Option<Semantics> {
    let base = Parts::or_sp(rn).when(mode != Mode::Offset);
    let access = Access::at(rn, if mode == Mode::PostIndex { 0 } else { offset }, bytes);
    (!data.meets(base)).then(|| {
        if is_load {
            NEW.loads(access).writes(data.with(base))
        } else {
            NEW.reads(data).stores(access).writes(base)
        }
    })
}

const fn mode(bits: u32) -> Mode {
    match bits {
        0b01 => Mode::PostIndex,
        0b11 => Mode::PreIndex,
        _ => Mode::Offset,
    }
}

/// LDR, LDRSW (literal); PRFM (literal).
fn literal(word: u32) -> Option<Semantics> {
    let (is_vector, size, t) = (bit(word, 26), field(word, 31, 30), reg(word, 0));
    let bytes = match (is_vector, size) {
        (false, 0b11) => return Some(NEW),
        (true, 0b11) => return None,
        (false, 0b10) => 4,
        _ => 4 << size,
    };
    let offset = Some(i64::from(signed(word, 23, 5)) << 2);
    let access = Access { base: Base::Pc, offset, bytes: Some(bytes), surely: true };
    Some(NEW.loads(access).writes(data(is_vector, t)))
}

/// LDP, STP, LDNP, STNP, LDPSW, STGP, and the unprivileged ones of FEAT_LSUI.
fn pair(word: u32) -> Option<Semantics> {
    let (opc, is_vector, is_load) = (field(word, 31, 30), bit(word, 26), bit(word, 22));
    let is_temporal = field(word, 24, 23) != 0;
    let is_tagged = opc == 0b01 && !is_vector && !is_load;
    let (bytes, scale) = match (opc, is_vector) {
        (0b00, _) => (4, 2),
        (0b01, false) if !is_temporal => return None,
        (0b01, false) if is_load => (4, 2),
        (0b01, false) => (8, 4),
        (0b01, true) | (0b10 | 0b11, false) => (8, 3),
        _ => (16, 4),
    };
    let (t, second) = (reg(word, 0), reg(word, 10));
    if is_load && t == second {
        return None;
    }
    let registers = data(is_vector, t).with(data(is_vector, second));
    let offset = i64::from(signed(word, 21, 15) << scale);
    let mode = mode(field(word, 24, 23));
    let pair = transfer(is_load, registers, reg(word, 5), offset, 2 * bytes, mode)?;
    Some(if is_tagged { pair.may_write(Parts::TAGS) } else { pair })
}

/// What one register loads or stores, by size (bits 31 and 30) and opc (bits 23 and 22):
/// whether it is a load, and how many bytes it has. 0 bytes are a prefetch.
fn single(word: u32) -> Option<(bool, u32)> {
    let (size, opc) = (field(word, 31, 30), field(word, 23, 22));
    match (bit(word, 26), opc) {
        (_, 0b00 | 0b01) => Some((opc == 0b01, 1 << size)),
        (true, _) => (size == 0).then_some((opc == 0b11, 16)),
        (false, 0b10) if size == 0b11 => Some((true, 0)),
        (false, 0b10) => Some((true, 1 << size)),
        (false, _) => (size < 0b10).then_some((true, 1 << size)),
    }
}

/// LDR, STR, LDUR, STUR, LDTR, STTR and their like.
fn immediate(word: u32) -> Option<Semantics> {
    let (is_load, bytes) = single(word)?;
    let (is_vector, kind) = (bit(word, 26), field(word, 11, 10));
    let (offset, mode) = if bit(word, 24) {
        (i64::from(field(word, 21, 10)) * i64::from(bytes), Mode::Offset)
    } else {
        // Vectors have no unprivileged forms.
        if kind == 0b10 && is_vector {
            return None;
        }
        (i64::from(signed(word, 20, 12)), mode(kind))
    };
    if bytes == 0 {
        return (bit(word, 24) || kind == 0b00).then_some(NEW);
    }
    transfer(is_load, data(is_vector, reg(word, 0)), reg(word, 5), offset, bytes, mode)
}

/// LDR, STR and their like with a register offset.
fn indexed(word: u32) -> Option<Semantics> {
    let (is_load, bytes) = single(word)?;
    if !bit(word, 14) {
        return None;
    }
    if bytes == 0 {
        return Some(NEW);
    }
    let (t, index) = (data(bit(word, 26), reg(word, 0)), Parts::or_zero(reg(word, 16)));
    let access = Access::at(reg(word, 5), 0, bytes).indexed();
    Some(if is_load {
        NEW.reads(index).loads(access).writes(t)
    } else {
        NEW.reads(index.with(t)).stores(access)
    })
}

/// LDRAA, LDRAB: what they load from is authenticated first.
fn authenticated(word: u32) -> Option<Semantics> {
    if field(word, 31, 30) != 0b11 || bit(word, 26) {
        return None;
    }
    let offset = i64::from(signed(word, 22, 22) << 9).wrapping_add(i64::from(field(word, 20, 12)));
    let (t, n) = (reg(word, 0), reg(word, 5));
    let mode = if bit(word, 11) { Mode::PreIndex } else { Mode::Offset };
    Some(transfer(true, Parts::or_zero(t), n, offset << 3, 8, mode)?.reads(Parts::SYSTEM))
}
