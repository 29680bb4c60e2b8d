//! Which general registers a word may write, also of the forms that are not decoded in
//! full.

use super::{Regs, leaves_vectors, transferred};
use crate::decode::{Access, Inst, Mode, Reg, decode};
use unwind::Word;

/// Whether a word may write a general register (0 to 30). Errs towards yes: of
/// the forms that are not decoded in full, the fields that can name a
/// destination are compared.
#[must_use]
pub fn may_write(word: Word, register: Reg) -> bool {
    written(word).meets(Regs::or_zero(register))
}

/// The registers that a word may write.
pub(super) fn written(word: Word) -> Regs {
    let bits = word.get();
    let field = |low: u32| Reg((bits >> low & 0x1f) as u8);
    let first = Regs::or_zero(field(0));
    match bits >> 25 & 0xf {
        // Instructions of FEAT_PAuth_LR that name LR or X17 nowhere: AUTIASPPC and
        // AUTIBSPPC; PACIA171615 and its like.
        0b1001 if bits >> 22 == 0xf380_0000 >> 22 && field(0) == Reg::ZR => Regs::GENERAL,
        0b1101 if bits >> 16 == 0xdac1 && field(5) == Reg::ZR && field(0) == Reg::LR => {
            Regs::GENERAL
        }
        // Data processing and SVE: bits 4 to 0.
        0b0010 | 0b1000 | 0b1001 | 0b0101 | 0b1101 => first,
        0b0111 | 0b1111 => first.when(leaves_vectors(bits)),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => match decode(word) {
            Inst::Pair { access, data, rt, rt2, rn, mode, .. } => {
                let pair = transferred(data, rt).with(transferred(data, rt2));
                let base = Regs::or_zero(rn).when(mode != Mode::Offset);
                pair.when(access == Access::Load).with(base)
            }
            Inst::Single { access, data, rt, rn, mode, .. } => {
                let base = Regs::or_zero(rn).when(mode != Mode::Offset);
                transferred(data, rt).when(access == Access::Load).with(base)
            }
            Inst::LoadIndexed { rt, .. } | Inst::LoadLiteral { rt, .. } => Regs::or_zero(rt),
            _ => loaded(bits).unwrap_or_else(|| named(bits)),
        },
        // Branches and system instructions: calls write anything; MRS and SYSL
        // write bits 4 to 0 or the pair there. Branches that are not calls write
        // nothing.
        0b1010 | 0b1011 => match decode(word) {
            Inst::Branch { .. } | Inst::BranchIf { .. } | Inst::Nop => Regs::NONE,
            // Hints: pointer authentication writes X17 or LR, CHKFEAT writes X16.
            Inst::Other if bits & 0xffff_f01f == 0xd503_201f => {
                let hinted = [Reg(16), Reg(17), Reg::LR].map(Regs::or_zero);
                let hinted = hinted.into_iter().fold(Regs::NONE, Regs::with);
                hinted.when(authenticates(bits >> 5 & 0x7f))
            }
            Inst::Other if bits >> 24 == 0xd5 => {
                let second = Regs(first.0 << 1).and(Regs::GENERAL);
                first.with(second.when(bits >> 22 & 1 == 1))
            }
            // A system call, as a call, keeps R29, and LR too.
            Inst::Other if bits >> 24 == 0xd4 => {
                Regs::GENERAL.without(Regs::or_zero(Reg::LR)).without(Regs::or_zero(Reg::FP))
            }
            _ => Regs::GENERAL,
        },
        _ => Regs::GENERAL,
    }
}

/// Whether a hint of this number may write X16, X17 or LR; YIELD, the events, the
/// barriers and BTI do not (Arm ARM, C6.2, "HINT").
const fn authenticates(hint: u32) -> bool {
    !matches!(hint, 1..=6 | 16..=18 | 20 | 22 | 32 | 34 | 36 | 38)
}

/// What the loads and stores that are not decoded in full write, for the groups
/// in which that is plain (Arm ARM, C4.1.94).
fn loaded(bits: u32) -> Option<Regs> {
    let bit = |position: u32| bits >> position & 1 == 1;
    let zero = |low: u32| Regs::or_zero(Reg((bits >> low & 0x1f) as u8));
    let next = |low: u32| Regs::or_zero(Reg(((bits >> low & 0x1f) as u8 + 1) & 31));
    let (t, n, a, m) = (zero(0), zero(5), zero(10), zero(16));
    let is_load = bit(22);
    match (bits >> 28 & 3, bit(26)) {
        // Vector structures write back with bit 23.
        (0b00, true) => Some(if bit(23) { n } else { Regs::NONE }),
        (0b00, false) => Some(match (bit(23), bit(21)) {
            (false, false) | (true, false) if is_load => t,
            (false, false) => m,
            (true, false) => Regs::NONE,
            // LDXP and STXP have two sizes of eight; CASP has the others.
            (false, true) if bit(31) && is_load => t.with(a),
            (false, true) if bit(31) => m,
            (false, true) => m.with(next(16)),
            // CAS.
            (true, true) => m,
        }),
        // LDR (literal); 11 prefetches.
        (0b01, false) if !bit(24) => Some(if bits >> 30 == 0b11 { Regs::NONE } else { t }),
        (0b01, true) if !bit(24) => Some(Regs::NONE),
        // Pairs of a kind that is not decoded.
        (0b10, is_vector) => {
            let loaded = if is_load && !is_vector { t.with(a) } else { Regs::NONE };
            Some(if bit(23) { loaded.with(n) } else { loaded })
        }
        (0b11, is_vector) if !bit(24) && bit(21) => match bits >> 10 & 3 {
            0b10 => Some(if is_vector || bits >> 22 & 3 == 0 { Regs::NONE } else { t }),
            0b00 if is_vector => Some(Regs::NONE),
            // Of 64 bytes: LD64B, ST64B, ST64BV and ST64BV0.
            0b00 if bits >> 21 == 0b111_1100_0001 && bits >> 12 & 0xf == 0b1101 => {
                Some(Regs(0xff << (bits & 0x1f) & Regs::GENERAL.0))
            }
            0b00 if bits >> 21 == 0b111_1100_0001
                && matches!(bits >> 12 & 0xf, 0b1001..=0b1011) =>
            {
                Some(m)
            }
            // Atomic operations, and LDAPR.
            0b00 => Some(t),
            // LDRAA and LDRAB; other sizes are unallocated.
            0b01 | 0b11 if is_vector || bits >> 30 != 0b11 => Some(Regs::NONE),
            0b01 => Some(t),
            0b11 => Some(t.with(n)),
            _ => None,
        },
        _ => None,
    }
}

/// What a load or a store may write, by the four fields that can name it, the register
/// behind each (CASP names a pair by its first) and the eight that LD64B fills.
fn named(bits: u32) -> Regs {
    if bits & 0xffff_fc00 == 0xf83f_d000 {
        return Regs::GENERAL;
    }
    let near = |low: u32| Regs(0b11 << (bits >> low & 0x1f));
    let any = [0, 5, 10, 16].map(near).into_iter().fold(Regs::NONE, Regs::with);
    any.and(Regs::GENERAL)
}
