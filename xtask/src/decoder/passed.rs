//! The claim of [`verifier::screen::Kinds::plain`], held against the description of words
//! and against the other decoder: what a word must not do that nobody looks at.
//!
//! Such a word neither writes SP, LR, R29, R28 or R27 nor changes control flow; it stores
//! neither LR nor R29, and neither stores through SP to the word at SP or below, or to where
//! a register says, nor loads from below the word under it. A word that makes or uses R27
//! does nothing else of this either.
//!
//! Not held against the other decoder: which words read R27.

use super::registers;
use a64::decode::{Access, Data, Inst, Reg};
use a64::{Base, Parts, Semantics};
use unwind::Word;
use yaxpeax_arm::armv8::a64::{Instruction, Operand};

/// The register that holds `g` (`internal/abi`).
const G: Reg = Reg(28);

/// The registers that a plain word does not write: SP is looked at elsewhere.
pub(super) const FOLLOWED: &[Reg] = &[Reg::LR, Reg::FP, G, Reg::TMP];

/// Those that a word does not write that is concerned with R27 alone.
pub(super) const ONLY_TMP: &[Reg] = &[Reg::LR, Reg::FP, G];

/// The lowest place a store through SP may have, in bytes from SP: above the word at SP.
const STORE: i64 = 8;

/// The same of a load: the word under SP, where a callee's R29 lies.
const LOAD: i64 = -8;

/// Whether an instruction does what it must not by the verifier's own description; branches
/// apart. `followed` are the registers that it must not write.
#[must_use]
pub(super) fn concerns(word: Word, known: &Semantics, inst: &Inst, followed: &[Reg]) -> bool {
    let is_below = |access: a64::semantics::Access, lowest: i64| {
        access.base == Base::Register(Reg::SP) && access.offset.is_none_or(|at| at < lowest)
    };
    let is_low = known.stores.is_some_and(|access| is_below(access, STORE))
        || known.loads.is_some_and(|access| is_below(access, LOAD));
    let saves = match *inst {
        Inst::Pair { access, data, rt, rt2, .. } => {
            saves(access, data, rt) || saves(access, data, rt2)
        }
        Inst::Single { access, data, rt, .. } => saves(access, data, rt),
        Inst::StoreIndexed { rt, .. } => saves(Access::Store, Data::X, rt),
        // What it stores may be any register that it reads.
        _ if !is_plain_store(word) => known.stores.is_some() && known.reads.meets(LINKS),
        _ => known.stores.is_some() && !is_vector(word) && matches!(word.get() & 31, 29 | 30),
    };
    let writes = |&register: &Reg| known.writes.meets(Parts::or_zero(register));
    is_low || saves || known.writes.meets(Parts::SP) || followed.iter().any(writes)
}

/// Whether an access is one of vector registers, or has an index: then it stores Rt, and the
/// other registers that it reads are its address (Arm ARM, C4.1, "Loads and Stores").
const fn is_plain_store(word: Word) -> bool {
    is_vector(word) || word.get() & 0x3b20_0c00 == 0x3820_0800
}

/// Whether an access is one of vector registers.
const fn is_vector(word: Word) -> bool {
    word.get() >> 26 & 1 == 1
}

/// LR and R29.
const LINKS: Parts = Parts::or_zero(Reg::LR).with(Parts::or_zero(Reg::FP));

fn saves(access: Access, data: Data, register: Reg) -> bool {
    let is_general = matches!(data, Data::X | Data::Part(_));
    access == Access::Store && is_general && matches!(register, Reg::LR | Reg::FP)
}

/// Whether the other decoder sees it do so.
#[must_use]
pub(super) fn concerns_in_other(word: Word, other: &Instruction, followed: &[Reg]) -> bool {
    let is_followed = |register| followed.iter().any(|&Reg(ours)| u16::from(ours) == register);
    registers::writes(word, other, is_followed) || is_access(word) && is_low_or_saves(other)
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
        Operand::RegRegOffset(31, ..) => is_store,
        _ => false,
    });
    let is_link = |operand: &Operand| matches!(operand, Operand::Register(_, 29 | 30));
    let stored = if mnemonic.ends_with('p') { 2 } else { 1 };
    low || is_store && other.operands.iter().take(stored).any(is_link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use a64::decode::decode;
    use a64::semantics;
    use yaxpeax_arch::{Decoder, U8Reader};
    use yaxpeax_arm::armv8::a64::InstDecoder;

    /// Expectations: the Arm ARM's page of each instruction; words by GNU as 2.40.
    #[test]
    fn both_decoders_say_what_concerns_the_rules() {
        for (word, expected) in [
            (0x8b02_0020, false), // add x0, x1, x2
            (0x8b02_003b, true),  // add x27, x1, x2
            (0x8b02_003c, true),  // add x28, x1, x2
            (0x8b02_003d, true),  // add x29, x1, x2
            (0x8b02_003e, true),  // add x30, x1, x2
            (0x8b1e_0020, false), // add x0, x1, x30
            (0xf900_07e0, false), // str x0, [sp, #8]
            (0xf900_03e0, true),  // str x0, [sp]
            (0xfd00_03e0, true),  // str d0, [sp]
            (0x3900_1fe0, true),  // strb w0, [sp, #7]
            (0x3900_23e0, false), // strb w0, [sp, #8]
            (0xf900_0020, false), // str x0, [x1]
            (0xf821_6be0, true),  // str x0, [sp, x1]
            (0xf900_03c0, false), // str x0, [x30]
            (0xf900_003e, true),  // str x30, [x1]
            (0xa900_f83d, true),  // stp x29, x30, [x1, #8]
            (0xa901_7be0, true),  // stp x0, x30, [sp, #16]
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
            let known = semantics(word).expect("a known word");
            assert_eq!(concerns(word, &known, &decode(word), FOLLOWED), expected, "{word}");
            assert_eq!(concerns_in_other(word, &other, FOLLOWED), expected, "{word} {other}");
        }
    }

    /// Atomic operations through SP.
    #[test]
    fn the_other_decoder_sees_atomic_operations_on_the_word_at_sp() {
        for (word, expected) in [
            (0xf820_83e1, true),  // swp x0, x1, [sp]
            (0xf820_03ff, true),  // stadd x0, [sp]
            (0xc8a0_7fe1, true),  // cas x0, x1, [sp]
            (0xf820_8041, false), // swp x0, x1, [x2]
        ] {
            let bytes = u32::to_le_bytes(word);
            let other = InstDecoder::default().decode(&mut U8Reader::new(&bytes));
            let (word, other) = (Word::new(word), other.expect("an instruction"));
            assert_eq!(concerns_in_other(word, &other, FOLLOWED), expected, "{other}");
            let known = semantics(word).expect("a known word");
            assert_eq!(concerns(word, &known, &decode(word), FOLLOWED), expected, "{other}");
        }
    }
}
