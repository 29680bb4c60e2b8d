//! Vector structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R, LDAP1, STL1 (C4.1.94.1 to 4).

use super::NEW;
use crate::decode::{bit, field, reg};
use crate::parts::Parts;
use crate::semantics::{Access, Semantics};

pub(super) fn structure(word: u32) -> Option<Semantics> {
    let (is_post, is_load) = (bit(word, 23), bit(word, 22));
    if bit(word, 31) || !is_post && field(word, 20, 17) != 0 {
        return None;
    }
    let (registers, bytes, is_part) = if bit(word, 24) { lane(word)? } else { whole(word)? };
    let (n, index) = (reg(word, 5), reg(word, 16));
    let list = (0..registers).map(|next| Parts::vector(reg(word, 0).0 + next));
    let list = list.fold(Parts::NONE, Parts::with);
    let access = Access::at(n, 0, bytes);
    let moved = if is_load {
        NEW.reads(list.when(is_part)).loads(access).writes(list)
    } else {
        NEW.reads(list).stores(access)
    };
    if !is_post {
        return Some(moved);
    }
    // 31 is the size of the structure, not ZR.
    Some(moved.reads(Parts::or_zero(index)).writes(Parts::or_sp(n)))
}

/// Whole registers: how many, the bytes of them all, and that none is kept in part.
fn whole(word: u32) -> Option<(u8, u32, bool)> {
    let registers = match field(word, 15, 12) {
        0b0000 | 0b0010 => 4,
        0b0100 | 0b0110 => 3,
        0b1000 | 0b1010 => 2,
        0b0111 => 1,
        _ => return None,
    };
    let is_interleaved = matches!(field(word, 15, 12), 0b0000 | 0b0100 | 0b1000);
    let has_one_element = !bit(word, 30) && field(word, 11, 10) == 0b11;
    // Without a register to add, bits 21 to 16 are 0.
    let is_odd = bit(word, 21) || !bit(word, 23) && bit(word, 16);
    let is_allocated = !(is_odd || is_interleaved && has_one_element);
    let bytes = if bit(word, 30) { 16 } else { 8 };
    is_allocated.then_some((registers, u32::from(registers) * bytes, false))
}

/// One element of each register, or one for all of its elements.
fn lane(word: u32) -> Option<(u8, u32, bool)> {
    let (scale, size, s) = (field(word, 15, 14), field(word, 11, 10), bit(word, 12));
    let registers = (field(word, 13, 13) << 1 | field(word, 21, 21)) as u8 + 1;
    // LDAP1, STL1: of 8 bytes, with bit 16.
    if !bit(word, 23) && bit(word, 16) {
        let is_ordered = scale == 0b10 && size == 0b01 && !s && registers == 1;
        return is_ordered.then_some((1, 8, true));
    }
    let (bytes, is_part) = match (scale, size) {
        (0b00, _) => (1, true),
        (0b01, 0b00 | 0b10) => (2, true),
        (0b10, 0b00) => (4, true),
        (0b10, 0b01) if !s => (8, true),
        (0b11, _) if bit(word, 22) && !s => (1 << size, false),
        _ => return None,
    };
    Some((registers, u32::from(registers) * bytes, is_part))
}
