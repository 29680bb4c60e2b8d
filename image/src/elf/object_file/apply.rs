//! Relocations of code: the words as a linker would leave them.

use crate::bytes::u32_at;
use crate::error::Error;
use crate::relocations::Relocation;
use crate::space::{AddressSpace, Patch};
use object::elf::{self, RelocationType};

/// A relocation that is to be applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The address that it changes.
    pub(super) at: u64,
    /// Its type.
    pub(super) kind: RelocationType,
    /// The symbol's address plus the addend, `None` where this file does not
    /// define the symbol.
    pub(super) target: Option<u64>,
    /// An address where nothing is, at the start of a page.
    pub(super) nowhere: u64,
}

/// Applies a relocation in a section of code: as a change of the word or, where
/// the code holds a pointer, as one of the loader's.
///
/// # Errors
/// [`Error::RelocationKind`], [`Error::BranchRange`].
pub(super) fn apply(
    space: &mut AddressSpace<'_>,
    place: Place,
    relocations: &mut Vec<Relocation>,
) -> Result<(), Error> {
    let Place { at, kind, .. } = place;
    let unsupported = Error::RelocationKind { kind: kind.0, address: at };
    let word = space.bytes(at, 4).and_then(|bytes| u32_at(bytes, 0));
    let word = word.ok_or_else(|| unsupported.clone())?;
    let target = place.target.unwrap_or(place.nowhere);
    let relocated = match Kind::of(kind).ok_or(unsupported)? {
        Kind::None => return Ok(()),
        Kind::Pointer => {
            relocations.push(Relocation { at, value: place.target });
            let value = place.target.unwrap_or(0);
            space.patches.push(Patch { at, word: (value & 0xffff_ffff) as u32 });
            space.patches.push(Patch { at: at.wrapping_add(4), word: (value >> 32) as u32 });
            return Ok(());
        }
        Kind::Branch { bits, shift } => branch(word, place, target, bits, shift)?,
        Kind::Page => page(word, at, target),
        Kind::UnknownPage => page(word, at, place.nowhere),
        Kind::Low { scale } => low(word, (target & 0xfff) as u32 >> scale),
        Kind::Unknown => return Ok(()),
    };
    space.patches.push(Patch { at, word: relocated });
    Ok(())
}

/// What is done with a word.
#[derive(Clone, Copy)]
enum Kind {
    /// Nothing.
    None,
    /// It is half of an address.
    Pointer,
    /// It branches: so many bits at that shift are the distance in words.
    Branch { bits: u32, shift: u32 },
    /// It forms the address of a page (`ADRP`).
    Page,
    /// It forms the address of a page that only a linker makes.
    UnknownPage,
    /// Its immediate of 12 bits is the low part of an address, in units of
    /// `1 << scale` bytes.
    Low { scale: u32 },
    /// Its immediate is an offset that only a linker knows. It goes into a
    /// register that no branch and no stack pointer is made of.
    Unknown,
}

impl Kind {
    fn of(kind: RelocationType) -> Option<Self> {
        Some(match kind {
            elf::R_AARCH64_NONE | RelocationType(256) => Self::None,
            elf::R_AARCH64_ABS64 => Self::Pointer,
            elf::R_AARCH64_CALL26 | elf::R_AARCH64_JUMP26 => Self::Branch { bits: 26, shift: 0 },
            elf::R_AARCH64_CONDBR19 => Self::Branch { bits: 19, shift: 5 },
            elf::R_AARCH64_TSTBR14 => Self::Branch { bits: 14, shift: 5 },
            elf::R_AARCH64_ADR_PREL_PG_HI21 | elf::R_AARCH64_ADR_PREL_PG_HI21_NC => Self::Page,
            elf::R_AARCH64_ADR_GOT_PAGE
            | elf::R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21
            | elf::R_AARCH64_TLSDESC_ADR_PAGE21 => Self::UnknownPage,
            elf::R_AARCH64_ADD_ABS_LO12_NC | elf::R_AARCH64_LDST8_ABS_LO12_NC => {
                Self::Low { scale: 0 }
            }
            elf::R_AARCH64_LDST16_ABS_LO12_NC => Self::Low { scale: 1 },
            elf::R_AARCH64_LDST32_ABS_LO12_NC => Self::Low { scale: 2 },
            elf::R_AARCH64_LDST64_ABS_LO12_NC => Self::Low { scale: 3 },
            elf::R_AARCH64_LDST128_ABS_LO12_NC => Self::Low { scale: 4 },
            elf::R_AARCH64_LD64_GOT_LO12_NC
            | elf::R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC
            | elf::R_AARCH64_TLSLE_MOVW_TPREL_G0
            | elf::R_AARCH64_TLSDESC_LD64_LO12
            | elf::R_AARCH64_TLSDESC_ADD_LO12
            | elf::R_AARCH64_TLSDESC_CALL => Self::Unknown,
            _ => return None,
        })
    }
}

fn branch(word: u32, place: Place, target: u64, bits: u32, shift: u32) -> Result<u32, Error> {
    let distance = target.wrapping_sub(place.at).cast_signed() >> 2;
    let half = 1i64 << (bits - 1);
    if !(-half..half).contains(&distance) {
        return Err(Error::BranchRange { address: place.at, target });
    }
    let mask = ((1u32 << bits) - 1) << shift;
    Ok(word & !mask | ((distance as u32) << shift) & mask)
}

/// `ADRP`: bits 0 and 1 of the distance in pages are bits 29 and 30 of the word,
/// the other 19 start at bit 5 (Arm ARM, C6.2.13).
fn page(word: u32, at: u64, target: u64) -> u32 {
    let pages = (target >> 12).wrapping_sub(at >> 12) as u32;
    word & 0x9f00_001f | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5
}

fn low(word: u32, immediate: u32) -> u32 {
    word & !(0xfff << 10) | immediate << 10
}
