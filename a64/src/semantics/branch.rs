//! Branches and exception generation (C4.1, op0 101x).

use super::{Access, Semantics, system};
use crate::decode::{Reg, bit, field, is_compare_and_branch, reg};
use crate::parts::Parts;
use unwind::Word;

const NEW: Semantics = Semantics::NOTHING;
const LR: Parts = Parts::or_zero(Reg::LR);

pub(super) fn branch(word: u32) -> Option<Semantics> {
    let t = Parts::or_zero(reg(word, 0));
    match field(word, 31, 29) {
        0b000 => Some(NEW),
        0b100 => Some(NEW.writes(LR)),
        // CBZ, CBNZ, TBZ, TBNZ.
        0b001 | 0b101 => Some(NEW.reads(t)),
        // B.cond and BC.cond.
        0b010 if field(word, 28, 24) == 0b1_0100 => Some(NEW.reads(Parts::FLAGS)),
        // RETAASPPC, RETABSPPC.
        0b010 if field(word, 28, 22) == 0b101_0100 && field(word, 4, 0) == 31 => {
            Some(NEW.reads(LR.with(Parts::SP).with(Parts::SYSTEM)))
        }
        0b011 | 0b111 => compare(word),
        0b110 => match field(word, 28, 24) {
            0b1_0100 => exception(word),
            0b1_0101 => system::system(word),
            0b1_0110 | 0b1_0111 => register(word),
            _ => None,
        },
        _ => None,
    }
}

/// The compare-and-branch of FEAT_CMPBR: CB, CBB and CBH with a condition.
fn compare(word: u32) -> Option<Semantics> {
    let (t, m) = (Parts::or_zero(reg(word, 0)), Parts::or_zero(reg(word, 16)));
    is_compare_and_branch(Word::new(word)).then(|| NEW.reads(t.with(m.when(!bit(word, 24)))))
}

/// SVC, HVC, SMC and BRK; the rest is not for programs, or not allocated.
fn exception(word: u32) -> Option<Semantics> {
    match (field(word, 23, 21), field(word, 4, 0)) {
        (0b000, 0b00001..=0b00011) => Some(system_call()),
        (0b001, 0) => Some(NEW),
        _ => None,
    }
}

/// A system call takes the registers that are its arguments (X0 to X5 and X8 on Linux, X16
/// on Darwin), and may write memory. No system writes LR, R29 or R28, where Go keeps the
/// goroutine across system calls (`runtime/sys_linux_arm64.s`); of the other registers nothing
/// is relied upon.
const fn system_call() -> Semantics {
    let arguments = Parts(0x1_01ff);
    let state = Parts::MEMORY.with(Parts::SYSTEM).with(Parts::COUNT);
    let kept = LR.with(Parts::or_zero(Reg::FP)).with(Parts::or_zero(Reg(28)));
    let general = Parts::GENERAL.without(kept);
    NEW.reads(arguments.with(state))
        .may_write(general.with(Parts::FLAGS).with(state))
        .loads(Access::ANYWHERE)
        .stores(Access::ANYWHERE)
}

/// Unconditional branch (register).
fn register(word: u32) -> Option<Semantics> {
    let (rn, rm) = (reg(word, 5), reg(word, 0));
    let target = Parts::or_zero(rn);
    let (op3, op4) = (field(word, 15, 10), field(word, 4, 0));
    if field(word, 20, 16) != 0b11111 {
        return None;
    }
    let plain = op3 == 0 && op4 == 0;
    let signed = matches!(op3, 0b000010 | 0b000011);
    let key = Parts::SYSTEM;
    match field(word, 24, 21) {
        0b0000 | 0b0010 if plain => Some(NEW.reads(target)),
        0b0001 if plain => Some(NEW.reads(target).writes(LR)),
        // BRAAZ, BRABZ, BLRAAZ, BLRABZ.
        0b0000 if signed && op4 == 31 => Some(NEW.reads(target.with(key))),
        0b0001 if signed && op4 == 31 => Some(NEW.reads(target.with(key)).writes(LR)),
        // BRAA, BRAB, BLRAA, BLRAB.
        0b1000 if signed => Some(NEW.reads(target.with(Parts::or_sp(rm)).with(key))),
        0b1001 if signed => Some(NEW.reads(target.with(Parts::or_sp(rm)).with(key)).writes(LR)),
        // RETAA, RETAB, RETAASPPCR, RETABSPPCR.
        0b0010 if signed && rn.0 == 31 => {
            Some(NEW.reads(LR.with(Parts::SP).with(Parts::or_zero(rm)).with(key)))
        }
        // ERET and DRPS are not for programs.
        _ => None,
    }
}
