//! What an instruction does to SP.

use crate::decode::{Arith, Flags, Inst, Logic, Mode, Reg, Width};

/// What an instruction does to SP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpEffect {
    /// SP stays as it is.
    Unchanged,
    /// SP grows by this many bytes.
    Add(i64),
    /// SP becomes a value that depends on other registers.
    Computed,
    /// Anything may happen to SP.
    Unknown,
}

/// What an instruction does to SP. Branches leave it alone.
#[must_use]
pub fn sp_effect(inst: &Inst) -> SpEffect {
    match *inst {
        Inst::ArithImm { op, flags: Flags::Keep, width, rd: Reg::SP, rn, imm } => match (width, rn)
        {
            (Width::X, Reg::SP) => SpEffect::Add(signed(op, imm)),
            (Width::X, _) => SpEffect::Computed,
            (Width::W, _) => SpEffect::Unknown,
        },
        Inst::ArithExt { flags: Flags::Keep, width, rd: Reg::SP, .. } => match width {
            Width::X => SpEffect::Computed,
            Width::W => SpEffect::Unknown,
        },
        Inst::LogicImm { op: Logic::And | Logic::Orr | Logic::Eor, rd: Reg::SP, .. } => {
            SpEffect::Unknown
        }
        Inst::Pair { rn: Reg::SP, offset, mode: Mode::PreIndex | Mode::PostIndex, .. }
        | Inst::Single { rn: Reg::SP, offset, mode: Mode::PreIndex | Mode::PostIndex, .. } => {
            SpEffect::Add(i64::from(offset))
        }
        Inst::Unknown => SpEffect::Unknown,
        _ => SpEffect::Unchanged,
    }
}

/// `imm` as what `op` adds.
pub(crate) fn signed(op: Arith, imm: u32) -> i64 {
    match op {
        Arith::Add => i64::from(imm),
        Arith::Sub => -i64::from(imm),
    }
}
