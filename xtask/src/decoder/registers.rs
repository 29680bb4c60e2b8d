//! Which general registers the other decoder sees an instruction write, for the
//! claim that the verifier errs towards yes: `a64::may_write`.
//!
//! The destination is mostly the first operand. What the forms below do otherwise
//! is from their pages in the Arm ARM (C6.2).

use a64::decode::Reg;
use a64::may_write;
use unwind::Word;
use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand};

/// Whether the other decoder sees a write of a register (0 to 30) that the
/// verifier rules out.
#[must_use]
pub(super) fn write_unseen(word: Word, other: &Instruction) -> bool {
    writes(word, other, |register| register < 31 && !may_write(word, Reg(register as u8)))
}

/// Whether the other decoder sees a write of one of the registers that are `wanted`.
#[must_use]
pub(super) fn writes(word: Word, other: &Instruction, wanted: impl Fn(u16) -> bool) -> bool {
    let written_back = other.operands.iter().any(|operand| match *operand {
        Operand::RegPreIndex(base, _, true)
        | Operand::RegPostIndex(base, _)
        | Operand::RegPostIndexReg(base, _) => wanted(base),
        _ => false,
    });
    let operand = |position: usize| match other.operands.get(position) {
        Some(&(Operand::Register(_, register) | Operand::RegisterOrSP(_, register))) => {
            wanted(register)
        }
        Some(&Operand::RegisterPair(_, first)) => wanted(first) || wanted(first + 1),
        _ => false,
    };
    written_back || destinations(word, other).iter().any(|&position| operand(position))
}

/// The positions of the operands that are written.
fn destinations(word: Word, other: &Instruction) -> &'static [usize] {
    // C4.1: op0 is bits 28 to 25.
    match word.get() >> 25 & 0xf {
        0b0100 | 0b0110 | 0b1100 | 0b1110 => of_memory(&other.opcode.to_string()),
        0b1010 | 0b1011 if other.opcode == Opcode::MRS => &[0],
        0b1010 | 0b1011 => &[],
        _ => match other.opcode {
            // The first operand is compared, or set flags from.
            Opcode::CCMP | Opcode::CCMN | Opcode::RMIF | Opcode::SETF8 | Opcode::SETF16 => &[],
            // The other decoder takes some vector instructions for these, of which
            // bits 23 to 21 are 0 (C4.1.96, "Advanced SIMD copy"); llvm-mc 14 does not.
            Opcode::SMOV | Opcode::UMOV if word.get() >> 21 & 7 != 0 => &[],
            // The operand is what authenticates; the destination is LR.
            Opcode::AUTIASPPCR | Opcode::AUTIBSPPCR => &[],
            _ => &[0],
        },
    }
}

/// The same for a load or a store, by its mnemonic: loads write one or two
/// registers, atomic operations the second operand, exclusive stores and
/// compare-and-swap the first, other stores and prefetches none.
fn of_memory(mnemonic: &str) -> &'static [usize] {
    if is_atomic(mnemonic) {
        return &[1];
    }
    if ["ldp", "ldnp", "ldpsw", "ldxp", "ldaxp"].contains(&mnemonic) {
        return &[0, 1];
    }
    let status = ["stx", "stlx", "cas"].iter().any(|prefix| mnemonic.starts_with(prefix));
    if status || mnemonic.starts_with("ld") { &[0] } else { &[] }
}

/// Whether it is of an atomic operation that loads what was there.
pub(super) fn is_atomic(mnemonic: &str) -> bool {
    const ATOMIC: [&str; 9] =
        ["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp"];
    ATOMIC.iter().any(|prefix| mnemonic.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaxpeax_arch::{Decoder, U8Reader};
    use yaxpeax_arm::armv8::a64::InstDecoder;

    fn decode(word: u32) -> Instruction {
        let bytes = word.to_le_bytes();
        InstDecoder::default().decode(&mut U8Reader::new(&bytes)).expect("an instruction")
    }

    /// Expectations: the Arm ARM's page of each instruction.
    #[test]
    fn destinations_are_those_of_the_manual() {
        for (word, expected) in [
            (0x8b02_0020, &[0][..]), // add x0, x1, x2
            (0xf940_0420, &[0]),     // ldr x0, [x1, #8]
            (0xf900_0420, &[]),      // str x0, [x1, #8]
            (0xa940_0420, &[0, 1]),  // ldp x0, x1, [x1]
            (0xa900_0420, &[]),      // stp x0, x1, [x1]
            (0xf820_0041, &[1]),     // ldadd x0, x1, [x2]
            (0xf820_8041, &[1]),     // swp x0, x1, [x2]
            (0xc8a0_7c41, &[0]),     // cas x0, x1, [x2]
            (0xc800_7c41, &[0]),     // stxr w0, x1, [x2]
            (0xfa41_0000, &[]),      // ccmp x0, x1, #0, eq
            (0xd53b_d040, &[0]),     // mrs x0, tpidr_el0
            (0xd51b_d040, &[]),      // msr tpidr_el0, x0
        ] {
            assert_eq!(destinations(Word::new(word), &decode(word)), expected, "{word:08x}");
        }
    }

    /// A word whose registers are read as another's is noticed: the other decoder's
    /// view of LDR X0, [X1], #8 beside a word that writes X2 only.
    #[test]
    fn a_write_that_is_ruled_out_is_noticed() {
        let load = decode(0xf840_8420);
        assert!(!write_unseen(Word::new(0xf840_8420), &load));
        // add x2, x3, x4
        assert!(write_unseen(Word::new(0x8b04_0062), &load));
    }
}
