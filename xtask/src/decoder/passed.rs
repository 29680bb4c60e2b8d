//! The claim of the screen, held against the decoder and the operands behind it, and
//! against the other decoder: what a word must not do that the walk passes over.
//!
//! The screen's own words, in `verifier::decode::Screen`: such a word neither writes SP,
//! LR, R29 or R27 nor changes control flow; it stores neither LR nor R29, and neither
//! stores through SP to the word at SP or below nor loads from below the word under it.
//!
//! Not held: LR or R29 as the second register of a pair, which is stored elsewhere than
//! at SP or below: such a store saves nothing that the walk then relies on. A store through
//! SP with an index is passed over, as is one through another register than SP:
//! `verifier::rules` states what is assumed of these. Reads of R27 are looked at behind a
//! write of it, which is not passed over.

use super::registers;
use unwind::Word;
use verifier::decode::{Access, Data, Inst, Reg};
use verifier::may_write;
use yaxpeax_arm::armv8::a64::{Instruction, Operand};

/// R27, R29 and LR: SP is looked at elsewhere.
const OURS: [Reg; 3] = [Reg::TMP, Reg::FP, Reg::LR];

/// The lowest place a store through SP may have, in bytes from SP: above the word at SP.
const STORE: i64 = 8;

/// The same of a load: the word under SP, where a callee's R29 lies.
const LOAD: i64 = -8;

/// Whether the verifier itself sees an instruction do what it must not; writes of SP and
/// branches apart.
#[must_use]
pub(super) fn concerns(word: Word, inst: &Inst) -> bool {
    let transfers = match *inst {
        Inst::Pair { access, data, rt, rn, offset, .. }
        | Inst::Single { access, data, rt, rn, offset, .. } => {
            saves(access, data, rt) || is_low(access, data, rn, offset)
        }
        Inst::StoreIndexed { rt, .. } => saves(Access::Store, Data::X, rt),
        _ => false,
    };
    transfers || OURS.into_iter().any(|register| may_write(word, register))
}

fn saves(access: Access, data: Data, register: Reg) -> bool {
    let is_general = matches!(data, Data::X | Data::Part(_));
    access == Access::Store && is_general && matches!(register, Reg::LR | Reg::FP)
}

fn is_low(access: Access, data: Data, base: Reg, offset: i32) -> bool {
    let lowest = if access == Access::Store { STORE } else { LOAD };
    base == Reg::SP && data != Data::Nothing && i64::from(offset) < lowest
}

/// Whether the other decoder sees it do so.
#[must_use]
pub(super) fn concerns_in_other(word: Word, other: &Instruction) -> bool {
    let is_ours = |register| OURS.iter().any(|&Reg(ours)| u16::from(ours) == register);
    registers::writes(word, other, is_ours) || is_access(word) && is_low_or_saves(other)
}

/// Loads and stores (Arm ARM, C4.1: op0 is bits 28 to 25).
fn is_access(word: Word) -> bool {
    matches!(word.get() >> 25 & 0xf, 0b0100 | 0b0110 | 0b1100 | 0b1110)
}

fn is_low_or_saves(other: &Instruction) -> bool {
    let mnemonic = other.opcode.to_string();
    let is_atomic = registers::is_atomic(&mnemonic) || mnemonic.starts_with("cas");
    let (is_store, is_prefetch) = (mnemonic.starts_with("st"), mnemonic.starts_with("prf"));
    let low = other.operands.iter().any(|operand| match *operand {
        Operand::RegPreIndex(31, offset, _) if is_store || is_atomic => i64::from(offset) < STORE,
        Operand::RegPreIndex(31, offset, _) => !is_prefetch && i64::from(offset) < LOAD,
        _ => false,
    });
    low || is_store && matches!(other.operands[0], Operand::Register(_, 29 | 30))
}

#[cfg(test)]
mod tests {
    use super::*;
    use verifier::decode::decode;
    use yaxpeax_arch::{Decoder, U8Reader};
    use yaxpeax_arm::armv8::a64::InstDecoder;

    /// Expectations: the Arm ARM's page of each instruction; words by GNU as 2.40.
    #[test]
    fn both_decoders_say_what_concerns_the_walk() {
        for (word, expected) in [
            (0x8b02_0020, false), // add x0, x1, x2
            (0x8b02_003b, true),  // add x27, x1, x2
            (0x8b02_003d, true),  // add x29, x1, x2
            (0x8b02_003e, true),  // add x30, x1, x2
            (0x8b1e_0020, false), // add x0, x1, x30
            (0xf900_07e0, false), // str x0, [sp, #8]
            (0xf900_03e0, true),  // str x0, [sp]
            (0xfd00_03e0, true),  // str d0, [sp]
            (0x3900_1fe0, true),  // strb w0, [sp, #7]
            (0x3900_23e0, false), // strb w0, [sp, #8]
            (0xf900_0020, false), // str x0, [x1]
            (0xf900_003e, true),  // str x30, [x1]
            (0xa900_f83d, true),  // stp x29, x30, [x1, #8]
            (0xa901_7be0, false), // stp x0, x30, [sp, #16]
            (0xa901_07e0, false), // stp x0, x1, [sp, #16]
            (0xad00_07e0, true),  // stp q0, q1, [sp]
            (0xf85f_83e0, false), // ldur x0, [sp, #-8]
            (0xf85f_03e0, true),  // ldur x0, [sp, #-16]
            (0xfc5f_03e0, true),  // ldur d0, [sp, #-16]
            (0xa97f_07e0, true),  // ldp x0, x1, [sp, #-16]
            (0xf95f_fffe, true),  // ldr x30, [sp, #16376]
            (0xf840_8c3b, true),  // ldr x27, [x1, #8]!
            (0xf81f_8fc0, true),  // str x0, [x30, #-8]!
            (0xd53b_d05b, true),  // mrs x27, tpidr_el0
        ] {
            let bytes = u32::to_le_bytes(word);
            let other = InstDecoder::default().decode(&mut U8Reader::new(&bytes));
            let (word, other) = (Word::new(word), other.expect("an instruction"));
            assert_eq!(concerns(word, &decode(word)), expected, "{word}");
            assert_eq!(concerns_in_other(word, &other), expected, "{word} {other}");
        }
    }

    /// Atomic operations through SP, and a store with an index: the verifier does not
    /// decode the one and passes over the other.
    #[test]
    fn the_other_decoder_sees_atomic_operations_on_the_word_at_sp() {
        for (word, expected) in [
            (0xf820_83e1, true),  // swp x0, x1, [sp]
            (0xf820_03ff, true),  // stadd x0, [sp]
            (0xc8a0_7fe1, true),  // cas x0, x1, [sp]
            (0xf820_8041, false), // swp x0, x1, [x2]
            (0xf821_6be0, false), // str x0, [sp, x1]
        ] {
            let bytes = u32::to_le_bytes(word);
            let other = InstDecoder::default().decode(&mut U8Reader::new(&bytes));
            let other = other.expect("an instruction");
            assert_eq!(concerns_in_other(Word::new(word), &other), expected, "{other}");
        }
    }
}
