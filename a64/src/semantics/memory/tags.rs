//! What has bits 29 to 24 01x001: memory tags, memory copies, ordered accesses with an offset,
//! guarded control stacks, and some atomic operations.

use super::{NEW, atomic, data, transfer};
use crate::decode::{Mode, Reg, bit, field, reg, signed};
use crate::parts::Parts;
use crate::semantics::{Access, Semantics};

pub(super) fn tags_and_ordered(word: u32) -> Option<Semantics> {
    let (is_vector, size, kind) = (bit(word, 26), field(word, 31, 30), field(word, 11, 10));
    match (bit(word, 21), kind) {
        (true, _) if is_vector => None,
        (true, _) if size == 0b11 => tags(word),
        (true, _) if size < 0b10 => atomic::pairs_and_unprivileged(word),
        (true, _) => None,
        (false, 0b00) if !is_vector => ordered(word),
        (false, 0b10) if is_vector => ordered(word),
        (false, 0b10) => ordered_pair(word),
        (false, 0b01) if size == 0 => copy(word),
        // GCSSTR, GCSSTTR.
        (false, 0b11) if word & 0xffff_ec00 == 0xd91f_0c00 => {
            let t = Parts::or_zero(reg(word, 0));
            Some(NEW.reads(t.with(Parts::SYSTEM)).stores(Access::at(reg(word, 5), 0, 8)))
        }
        _ => None,
    }
}

/// STG, STZG, ST2G, STZ2G, LDG, and what takes a block of tags.
fn tags(word: u32) -> Option<Semantics> {
    let (t, n, kind, opc) = (reg(word, 0), reg(word, 5), field(word, 11, 10), field(word, 23, 22));
    let offset = i64::from(signed(word, 20, 12) << 4);
    let is_block = kind == 0 && opc != 0b01;
    if is_block && offset != 0 {
        return None;
    }
    let base = Parts::or_sp(n);
    match (kind, opc) {
        (0b00, 0b01) => {
            // LDG puts the tag into the address that is in the register.
            let sources = Parts::or_zero(t).with(base).with(Parts::TAGS);
            Some(NEW.reads(sources).writes(Parts::or_zero(t)))
        }
        // STZGM, STGM, LDGM.
        (0b00, 0b00) => {
            let block = Access::at(n, 0, 0).indexed().of_unknown_size();
            let tagged = NEW.reads(Parts::or_zero(t).with(Parts::SYSTEM)).stores(block);
            Some(tagged.may_write(Parts::TAGS))
        }
        (0b00, 0b10) => Some(NEW.reads(Parts::or_zero(t).with(base)).may_write(Parts::TAGS)),
        (0b00, _) => Some(NEW.reads(base.with(Parts::TAGS)).writes(Parts::or_zero(t))),
        _ => {
            let at = if kind == 0b01 { 0 } else { offset };
            let moved = base.when(kind != 0b10);
            let tagged = NEW.reads(Parts::or_sp(t).with(base)).may_write(Parts::TAGS).writes(moved);
            // STZG and STZ2G store zero too.
            let bytes = if bit(word, 23) { 32 } else { 16 };
            Some(if bit(word, 22) { tagged.stores(Access::at(n, at, bytes)) } else { tagged })
        }
    }
}

/// LDAPUR, STLUR and their like.
fn ordered(word: u32) -> Option<Semantics> {
    let (is_load, bytes) = super::single(word)?;
    if bytes == 0 {
        return None;
    }
    let offset = i64::from(signed(word, 20, 12));
    let t = data(bit(word, 26), reg(word, 0));
    transfer(is_load, t, reg(word, 5), offset, bytes, Mode::Offset)
}

/// LDIAPP, STILP, and LDAPR and STLR that move their base (FEAT_LRCPC3); LDAP, LDAPP, STLP
/// (FEAT_LSCP).
fn ordered_pair(word: u32) -> Option<Semantics> {
    let (size, is_load) = (field(word, 31, 30), bit(word, 22));
    let (t, second) = (Parts::or_zero(reg(word, 0)), Parts::or_zero(reg(word, 16)));
    let rest = field(word, 15, 12);
    if size < 0b10 {
        return None;
    }
    let (registers, bytes) = if bit(word, 23) { (t, 1) } else { (t.with(second), 2) };
    let bytes = bytes << size;
    // Loads move the base up behind the access, stores down before it.
    let (offset, moved) = if is_load {
        (i64::from(bytes), Mode::PostIndex)
    } else {
        (-i64::from(bytes), Mode::PreIndex)
    };
    match (bit(word, 23), rest) {
        (true, 0) if field(word, 20, 16) == 0 => {
            transfer(is_load, registers, reg(word, 5), offset, bytes, moved)
        }
        (false, 0) => transfer(is_load, registers, reg(word, 5), offset, bytes, moved),
        (false, 1) => transfer(is_load, registers, reg(word, 5), 0, bytes, Mode::Offset),
        // LDAP, STLP; LDAPP.
        (false, 0b0101) | (false, 0b0111) if size == 0b11 && (is_load || rest == 0b0101) => {
            transfer(is_load, registers, reg(word, 5), 0, bytes, Mode::Offset)
        }
        _ => None,
    }
}

/// CPY, CPYF, SET and SETG, each in three parts: how much each part does the machine decides.
/// A copy may go downwards.
fn copy(word: u32) -> Option<Semantics> {
    let (d, n, s) = (reg(word, 0), reg(word, 5), reg(word, 16));
    let sets = field(word, 23, 22) == 0b11;
    let is_distinct = d != n && d != s && n != s;
    let has_zero = d.0 == 31 || n.0 == 31 || s.0 == 31 && !sets;
    if !is_distinct || has_zero || sets && field(word, 15, 12) > 0b1011 {
        return None;
    }
    // The first part leaves in the flags how the other two have to go on.
    let is_first = if sets { field(word, 15, 14) == 0 } else { field(word, 23, 22) == 0 };
    let registers = [d, n, s].map(Parts::or_zero).into_iter().fold(Parts::NONE, Parts::with);
    let moved = if sets { registers.without(Parts::or_zero(s)) } else { registers };
    let read = registers.with(Parts::FLAGS.when(!is_first));
    let written = moved.with(Parts::FLAGS.when(is_first));
    let tags = Parts::TAGS.when(sets && bit(word, 26));
    let place = |base: Reg| Access::at(base, 0, 0).indexed().of_unknown_size().perhaps();
    let copied = NEW.reads(read).may_write(written.with(tags)).stores(place(d));
    Some(if sets { copied } else { copied.loads(place(s)) })
}
