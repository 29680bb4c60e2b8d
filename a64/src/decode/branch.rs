//! Branches, exception generation and system instructions (C4.1, op0 101x).

use super::{Inst, Test, bit, field, reg, signed, width};
use unwind::Word;

pub(super) fn branch(word: u32) -> Inst {
    match field(word, 31, 29) {
        0b000 | 0b100 => {
            let offset = i64::from(signed(word, 25, 0)) << 2;
            if bit(word, 31) { Inst::Call { offset } } else { Inst::Branch { offset } }
        }
        0b001 | 0b101 => compare_or_test(word),
        0b010 if field(word, 28, 24) == 0b1_0100 => {
            let offset = i64::from(signed(word, 23, 5)) << 2;
            Inst::BranchIf { test: Test::Flags(field(word, 3, 0) as u8), offset }
        }
        0b110 => match field(word, 28, 24) {
            0b1_0100 => exception(word),
            0b1_0101 => system(word),
            0b1_0110 | 0b1_0111 => register(word),
            _ => Inst::Unknown,
        },
        // RETAASPPC and RETABSPPC.
        0b010 if field(word, 28, 22) == 0b101_0100 && field(word, 4, 0) == 31 => {
            Inst::Return { rn: super::Reg::LR }
        }
        0b011 | 0b111 if is_compare_and_branch(Word::new(word)) => {
            let offset = i64::from(signed(word, 13, 5)) << 2;
            let other = (!bit(word, 24)).then(|| reg(word, 16));
            Inst::BranchIf { test: Test::Compare(reg(word, 0), other), offset }
        }
        _ => Inst::Unknown,
    }
}

/// A direct branch that is not a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirectBranch {
    /// The distance from the instruction's own address, in bytes.
    pub offset: i64,
    /// Whether execution may also go on behind it.
    pub conditional: bool,
}

/// Recognizes what [`super::decode`] gives as `Branch` and `BranchIf`, without
/// decoding the rest.
#[inline(always)]
#[must_use]
pub fn direct_branch(word: Word) -> Option<DirectBranch> {
    let word = word.get();
    let (offset, conditional) = match word >> 24 {
        0x14..=0x17 => (signed(word, 25, 0), false),
        0x54 | 0x34 | 0x35 | 0xb4 | 0xb5 => (signed(word, 23, 5), true),
        0x36 | 0x37 | 0xb6 | 0xb7 => (signed(word, 18, 5), true),
        0x74 | 0x75 | 0xf4 | 0xf5 if is_compare_and_branch(Word::new(word)) => {
            (signed(word, 13, 5), true)
        }
        _ => return None,
    };
    Some(DirectBranch { offset: i64::from(offset) << 2, conditional })
}

fn compare_or_test(word: u32) -> Inst {
    let (negate, rt) = (bit(word, 24), reg(word, 0));
    if bit(word, 25) {
        let position = field(word, 31, 31) << 5 | field(word, 23, 19);
        let offset = i64::from(signed(word, 18, 5)) << 2;
        Inst::BranchIf { test: Test::Bit(negate, position as u8, rt), offset }
    } else {
        let offset = i64::from(signed(word, 23, 5)) << 2;
        Inst::BranchIf { test: Test::Zero(negate, width(word), rt), offset }
    }
}

/// Whether a word is CB, CBB or CBH with a condition (FEAT_CMPBR).
#[must_use]
pub const fn is_compare_and_branch(word: Word) -> bool {
    let word = word.get();
    let is_condition = !matches!(field(word, 23, 21), 0b100 | 0b101);
    match field(word, 30, 24) {
        // With a register; CBB and CBH have 32 bits alone.
        0b111_0100 => {
            let size = field(word, 15, 14);
            is_condition && (size == 0 || size >= 0b10 && !bit(word, 31))
        }
        // With an immediate.
        0b111_0101 => is_condition && !bit(word, 14),
        _ => false,
    }
}

/// SVC, HVC and SMC return behind themselves and so does BRK under a debugger;
/// the rest is not for programs.
fn exception(word: u32) -> Inst {
    match (field(word, 23, 21), field(word, 4, 0)) {
        (0b000, 0b00001..=0b00011) | (0b001, 0) => Inst::Other,
        _ => Inst::Unknown,
    }
}

/// Hints, barriers, MSR, MRS and SYS. Only a write of SP_EL0 or SPSel, which
/// traps at EL0, concerns SP.
fn system(word: u32) -> Inst {
    if word == super::NOP.get() {
        return Inst::Nop;
    }
    // MSR SP_EL0, Xt is S3_0_C4_C1_0; MSR SPSel, #imm is op1 0, CRn 4, op2 5.
    let sp_el0 = field(word, 31, 5) == 0xd518_4100 >> 5;
    let sp_sel = field(word, 31, 12) == 0xd500_4000 >> 12 && field(word, 7, 0) == 0xbf;
    let sp_sel_register = field(word, 31, 5) == 0xd518_4200 >> 5;
    if sp_el0 || sp_sel || sp_sel_register { Inst::Unknown } else { Inst::Other }
}

/// Unconditional branch (register). The forms that authenticate the address
/// have op3 00001x.
fn register(word: u32) -> Inst {
    let rn = reg(word, 5);
    let plain = field(word, 15, 10) == 0 && field(word, 4, 0) == 0;
    let authenticated = field(word, 15, 11) == 0b00001;
    if field(word, 20, 16) != 0b11111 || !(plain || authenticated) {
        return Inst::Unknown;
    }
    match (field(word, 24, 21), plain) {
        (0b0000, _) | (0b1000, false) => Inst::JumpReg { rn },
        (0b0001, _) | (0b1001, false) => Inst::CallReg { rn },
        (0b0010, true) => Inst::Return { rn },
        // RETAA and RETAB return through LR.
        (0b0010, false) => Inst::Return { rn: super::Reg::LR },
        _ => Inst::Unknown,
    }
}
