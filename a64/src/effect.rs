//! What an instruction does, as far as the rules are concerned.

use crate::decode::{Access, Arith, Data, Flags, Inst, Logic, Mode, Reg, Wide, Width};

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
    match effect(inst) {
        Effect::Add { rd: Reg::SP, rn: Reg::SP, by } => SpEffect::Add(by),
        Effect::Add { rd: Reg::SP, .. } | Effect::AddRegister { rd: Reg::SP, sp: true, .. } => {
            SpEffect::Computed
        }
        Effect::Transfer(Transfer { base: Reg::SP, back: Some(by), .. }) => {
            SpEffect::Add(i64::from(by))
        }
        Effect::LoseSp if matches!(inst, Inst::ArithExt { width: Width::X, .. }) => {
            SpEffect::Computed
        }
        Effect::LoseSp | Effect::Unknown => SpEffect::Unknown,
        _ => SpEffect::Unchanged,
    }
}

/// What an instruction does. Where nothing else is said of them, the registers that
/// it writes have unknown values behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
// The verifier tells them apart for each instruction, at least cost by a byte of its own.
#[repr(u8)]
#[allow(missing_docs, reason = "the fields are named as those of `Inst`")]
pub enum Effect {
    /// A number.
    Const { rd: Reg, value: u64 },
    /// 16 bits are put into a register.
    Insert { rd: Reg, imm: u16, shift: u8 },
    /// An addition; 31 is SP in both places.
    Add { rd: Reg, rn: Reg, by: i64 },
    /// `rn`, and `rm` shifted left added to it or, if `negates`, subtracted. If `sp`,
    /// 31 is SP in `rd` and `rn`, and ZR otherwise; in `rm` it is ZR.
    AddRegister { rd: Reg, rn: Reg, rm: Reg, shift: u8, negates: bool, sp: bool },
    /// A copy; 31 is ZR.
    Copy { rd: Reg, rm: Reg },
    /// An address so many bytes away, or from the start of the page.
    Address { rd: Reg, offset: i64, is_page: bool },
    /// A constant so many bytes away.
    Literal { rd: Reg, offset: i64 },
    /// A load of `rt` from `rn` and `rm`, extended as `option` says and shifted left.
    LoadIndexed { rt: Reg, rn: Reg, rm: Reg, option: u8, shift: u8 },
    /// A load or a store.
    Transfer(Transfer),
    /// A store of `rt` to `rn` and `rm` shifted left.
    StoreIndexed { rt: Reg, rn: Reg, rm: Reg, shift: u8 },
    /// B.
    Branch { offset: i64 },
    /// B.cond, CBZ, CBNZ, TBZ, TBNZ.
    BranchIf { offset: i64 },
    /// BL, or BLR and its like.
    Call {
        /// From the instruction to the callee, if it is called by its address.
        offset: Option<i64>,
    },
    /// BR and its like.
    Jump { rn: Reg },
    /// RET and its like.
    Return { rn: Reg },
    /// Execution does not go on.
    Trap,
    /// SP becomes a value that is not followed.
    LoseSp,
    /// Nothing but what the operands say.
    Plain,
    /// BRK.
    Breakpoint,
    /// Anything.
    Unknown,
}

/// A load or a store of one or two registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Whether memory is read or written.
    pub access: Access,
    /// What each register takes of memory.
    pub data: Data,
    /// The register at the lower address.
    pub first: Reg,
    /// The register behind it, of a pair.
    pub second: Option<Reg>,
    /// The register that the address is formed from; 31 is SP.
    pub base: Reg,
    /// From the base to the first byte.
    pub offset: i32,
    /// What is added to the base.
    pub back: Option<i32>,
}

impl Transfer {
    /// Whether LR or R29 is loaded or stored.
    #[inline(always)]
    #[must_use]
    pub fn concerns_caller(&self) -> bool {
        let concerns = |register| matches!(register, Reg::LR | Reg::FP);
        concerns(self.first) || self.second.is_some_and(concerns)
    }
}

/// What an instruction does.
#[must_use]
pub fn effect(inst: &Inst) -> Effect {
    match *inst {
        Inst::ArithImm { flags: Flags::Keep, width: Width::W, rd: Reg::SP, .. }
        | Inst::ArithExt { flags: Flags::Keep, width: Width::W, rd: Reg::SP, .. } => Effect::LoseSp,
        Inst::ArithImm { op, flags: Flags::Keep, width: Width::X, rd, rn, imm } => {
            Effect::Add { rd, rn, by: signed(op, imm) }
        }
        // UXTX and SXTX take all 64 bits.
        Inst::ArithExt {
            op,
            flags: Flags::Keep,
            width: Width::X,
            rd,
            rn,
            rm,
            option: 0b011 | 0b111,
            shift,
        } => Effect::AddRegister { rd, rn, rm, shift, negates: op == Arith::Sub, sp: true },
        Inst::ArithExt { flags: Flags::Keep, rd: Reg::SP, .. } => Effect::LoseSp,
        Inst::ArithReg { op, flags: Flags::Keep, width: Width::X, rd, rn, rm, kind: 0, amount } => {
            let negates = op == Arith::Sub;
            Effect::AddRegister { rd, rn, rm, shift: amount, negates, sp: false }
        }
        Inst::LogicImm { op: Logic::And | Logic::Orr | Logic::Eor, rd: Reg::SP, .. } => {
            Effect::LoseSp
        }
        Inst::LogicImm { op: Logic::Orr, rd, rn: Reg::ZR, imm, .. } => {
            Effect::Const { rd, value: imm }
        }
        Inst::LogicReg {
            op: Logic::Orr,
            invert: false,
            width: Width::X,
            rd,
            rn: Reg::ZR,
            rm,
            kind: 0,
            amount: 0,
        } => Effect::Copy { rd, rm },
        Inst::MoveWide { op, width, rd, imm, shift } => wide(op, width, rd, imm, shift),
        Inst::Adr { rd, offset } => Effect::Address { rd, offset, is_page: false },
        Inst::Adrp { rd, offset } => Effect::Address { rd, offset, is_page: true },
        Inst::LoadLiteral { rt, offset } => Effect::Literal { rd: rt, offset },
        Inst::LoadIndexed { rt, rn, rm, option, shift } => {
            Effect::LoadIndexed { rt, rn, rm, option, shift }
        }
        Inst::StoreIndexed { rt, rn, rm, option: 0b011, shift } => {
            Effect::StoreIndexed { rt, rn, rm, shift }
        }
        Inst::Pair { access, data, rt, rt2, rn, offset, mode } => {
            transfer(access, data, (rt, Some(rt2)), rn, offset, mode)
        }
        Inst::Single { access, data, rt, rn, offset, mode } => {
            transfer(access, data, (rt, None), rn, offset, mode)
        }
        Inst::Branch { offset } => Effect::Branch { offset },
        Inst::BranchIf { offset, .. } => Effect::BranchIf { offset },
        Inst::Call { offset } => Effect::Call { offset: Some(offset) },
        Inst::CallReg { .. } => Effect::Call { offset: None },
        Inst::JumpReg { rn } => Effect::Jump { rn },
        Inst::Return { rn } => Effect::Return { rn },
        Inst::Trap => Effect::Trap,
        Inst::Unknown => Effect::Unknown,
        _ => Effect::Plain,
    }
}

fn wide(op: Wide, width: Width, rd: Reg, imm: u16, shift: u8) -> Effect {
    let part = u64::from(imm) << shift;
    match (op, width) {
        (Wide::Movz, _) => Effect::Const { rd, value: part },
        (Wide::Movn, Width::X) => Effect::Const { rd, value: !part },
        (Wide::Movk, Width::X) => Effect::Insert { rd, imm, shift },
        (Wide::Movn | Wide::Movk, Width::W) => Effect::Plain,
    }
}

fn transfer(
    access: Access,
    data: Data,
    (first, second): (Reg, Option<Reg>),
    base: Reg,
    offset: i32,
    mode: Mode,
) -> Effect {
    let (offset, back) = match mode {
        Mode::Offset => (offset, None),
        Mode::PreIndex => (offset, Some(offset)),
        Mode::PostIndex => (0, Some(offset)),
    };
    Effect::Transfer(Transfer { access, data, first, second, base, offset, back })
}

/// `imm` as what `op` adds.
fn signed(op: Arith, imm: u32) -> i64 {
    match op {
        Arith::Add => i64::from(imm),
        Arith::Sub => -i64::from(imm),
    }
}
