//! Loads and stores (C4.1, op0 x1x0). The base register is SP where it is 31;
//! what matters here is whether it is written back.

use super::{Access, Data, Inst, Mode, Reg, bit, field, reg, signed};

pub(super) fn memory(word: u32) -> Inst {
    let vector = bit(word, 26);
    match (field(word, 29, 28), vector) {
        // Vector structures: with bit 23 the base is written back.
        (0b00, true) => other(word, bit(word, 23)),
        // Exclusive, ordered and compare-and-swap: never written back.
        (0b00, false) => Inst::Other,
        (0b01, false) if !bit(word, 24) && field(word, 31, 30) == 0b01 => {
            let offset = i64::from(signed(word, 23, 5)) << 2;
            Inst::LoadLiteral { rt: reg(word, 0), offset }
        }
        (0b01, _) if !bit(word, 24) => Inst::Other, // LDR (literal) of other sizes
        // Memory tags, memory copies, ordered accesses with a small offset.
        (0b01, _) => tags_and_ordered(word),
        (0b10, _) => pair(word),
        _ => single(word),
    }
}

/// A form whose fields are not needed, or not known: harmless unless it writes
/// back to SP.
fn other(word: u32, writes_back: bool) -> Inst {
    if writes_back && reg(word, 5) == Reg::SP { Inst::Unknown } else { Inst::Other }
}

/// Bits 29 to 24 are 01x001: the tag accesses of FEAT_MTE, the memory copies of
/// FEAT_MOPS, the ordered accesses of FEAT_LRCPC2 and 3.
fn tags_and_ordered(word: u32) -> Inst {
    let kind = field(word, 11, 10);
    if bit(word, 21) {
        // STG and its like write back with bit 10.
        return other(word, bit(word, 10));
    }
    if kind == 0b01 {
        // A copy writes back three registers, none of which can be 31.
        let registers = [reg(word, 0), reg(word, 5), reg(word, 16)];
        return if registers.contains(&Reg::SP) { Inst::Unknown } else { Inst::Other };
    }
    // LDAPUR and STLUR do not write back; some of the others do.
    other(word, kind != 0b00)
}

fn mode(bits: u32) -> Mode {
    match bits {
        0b01 => Mode::PostIndex,
        0b11 => Mode::PreIndex,
        _ => Mode::Offset,
    }
}

fn access(load: bool) -> Access {
    if load { Access::Load } else { Access::Store }
}

/// LDP, STP, LDPSW, LDNP, STNP and STGP, general or vector.
fn pair(word: u32) -> Inst {
    let (opc, vector, load) = (field(word, 31, 30), bit(word, 26), bit(word, 22));
    let mode = mode(field(word, 24, 23));
    let (data, scale) = match (opc, vector) {
        (0b00, false) => (Data::Part(4), 2),
        (0b00, true) => (Data::Vector(4), 2),
        (0b01, false) if load => (Data::Part(4), 2),
        // STGP stores two whole registers, and tags with them.
        (0b01, false) => (Data::Part(8), 4),
        (0b01, true) => (Data::Vector(8), 3),
        (0b10, false) => (Data::X, 3),
        (0b10, true) => (Data::Vector(16), 4),
        _ => return other(word, mode != Mode::Offset),
    };
    Inst::Pair {
        access: access(load),
        data,
        rt: reg(word, 0),
        rt2: reg(word, 10),
        rn: reg(word, 5),
        offset: signed(word, 21, 15) << scale,
        mode,
    }
}

/// Accesses of one register, size in bits 31 and 30.
fn single(word: u32) -> Inst {
    let (size, vector, opc) = (field(word, 31, 30), bit(word, 26), field(word, 23, 22));
    // For general registers opc 00 stores, 01 loads and 1x loads with sign
    // extension, but for size 11, where it prefetches.
    let access = match (vector, opc) {
        (false, 0b00) | (true, 0b00 | 0b10) => Access::Store,
        _ => Access::Load,
    };
    let data = match (vector, opc) {
        (true, 0b10 | 0b11) => Data::Vector(16),
        (true, _) => Data::Vector(1 << size),
        (false, 0b10) if size == 0b11 => Data::Nothing,
        (false, _) if size == 0b11 => Data::X,
        (false, _) => Data::Part(1 << size),
    };
    let (rt, rn) = (reg(word, 0), reg(word, 5));
    if bit(word, 24) {
        let scale = if vector && bit(word, 23) { 4 } else { size };
        let offset = (field(word, 21, 10) << scale).cast_signed();
        return Inst::Single { access, data, rt, rn, offset, mode: Mode::Offset };
    }
    let kind = field(word, 11, 10);
    if !bit(word, 21) {
        // Unscaled, post-indexed, unprivileged, pre-indexed.
        let offset = signed(word, 20, 12);
        return Inst::Single { access, data, rt, rn, offset, mode: mode(kind) };
    }
    match kind {
        0b10 if data == Data::X && opc <= 0b01 => {
            let shift = if bit(word, 12) { 3 } else { 0 };
            let (rm, option) = (reg(word, 16), field(word, 15, 13) as u8);
            match access {
                Access::Load => Inst::LoadIndexed { rt, rn, rm, option, shift },
                Access::Store => Inst::StoreIndexed { rt, rn, rm, option, shift },
            }
        }
        0b10 => Inst::Other,
        // Atomic memory operations.
        0b00 => Inst::Other,
        // LDRAA and LDRAB; bit 11 writes back.
        _ => other(word, bit(word, 11) || size != 0b11 || vector),
    }
}
