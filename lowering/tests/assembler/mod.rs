//! The instruction forms of stage 4 in Cranelift's terms, and what its emitter
//! makes of them.

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{ExternalName, LibCall, MemFlagsData};
use cranelift_codegen::isa::CallConv;
use cranelift_codegen::isa::aarch64::inst::emit::EmitInfo;
use cranelift_codegen::isa::aarch64::inst::{
    self as cl, ALUOp, AMode, BranchTarget, Cond, CondBrKind, ExtendOp, ImmLogic, Inst,
    MoveWideConst, MoveWideOp, OperandSize, PairAMode, SImm7Scaled, SImm9, UImm12Scaled,
};
use cranelift_codegen::isa::aarch64::settings as aarch64;
use cranelift_codegen::{CallInfo, MachBuffer, MachInstEmit, Writable, settings};
use lowering::encode::{Access, Arith, Condition, Mode, Reg, Wide};
use unwind::Word;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Opcode, Operand, SizeCode};

const SIZE: OperandSize = OperandSize::Size64;

/// The first word that an instruction emits.
fn emit(inst: &Inst) -> Word {
    let flags = settings::Flags::new(settings::builder());
    let isa = aarch64::Flags::new(&flags, &aarch64::builder());
    let mut buffer = MachBuffer::new();
    inst.emit(&mut buffer, &EmitInfo::new(flags, isa), &mut Default::default());
    let buffer = buffer.finish(&Default::default(), &mut Default::default());
    let bytes = buffer.data().first_chunk().expect("a word");
    Word::new(u32::from_le_bytes(*bytes))
}

/// A register in a place where 31 is ZR.
fn or_zero(register: Reg) -> cranelift_codegen::Reg {
    if register == Reg::ZR { cl::zero_reg() } else { cl::xreg(register.number()) }
}

/// A register in a place where 31 is SP.
fn or_sp(register: Reg) -> cranelift_codegen::Reg {
    if register == Reg::SP { cl::stack_reg() } else { cl::xreg(register.number()) }
}

const fn to(register: cranelift_codegen::Reg) -> Writable<cranelift_codegen::Reg> {
    Writable::from_reg(register)
}

const fn operation(op: Arith) -> ALUOp {
    match op {
        Arith::Add => ALUOp::Add,
        Arith::Sub => ALUOp::Sub,
        Arith::Subs => ALUOp::SubS,
    }
}

/// The destination of an addition is SP, or ZR if the flags are set.
fn destination(op: Arith, register: Reg) -> Writable<cranelift_codegen::Reg> {
    to(if op == Arith::Subs { or_zero(register) } else { or_sp(register) })
}

/// `None` when Cranelift has no immediate for the value.
pub(crate) fn assemble_arith_immediate(op: Arith, rd: Reg, rn: Reg, value: u64) -> Option<Word> {
    let imm12 = cl::Imm12::maybe_from_u64(value)?;
    let (alu_op, rd, rn) = (operation(op), destination(op, rd), or_sp(rn));
    Some(emit(&Inst::AluRRImm12 { alu_op, size: SIZE, rd, rn, imm12 }))
}

pub(crate) fn assemble_arith_extended(op: Arith, rd: Reg, rn: Reg, rm: Reg) -> Word {
    let (alu_op, rd, rn, rm) = (operation(op), destination(op, rd), or_sp(rn), or_zero(rm));
    emit(&Inst::AluRRRExtend { alu_op, size: SIZE, rd, rn, rm, extendop: ExtendOp::UXTX })
}

pub(crate) fn assemble_compare(rn: Reg, rm: Reg) -> Word {
    let (rd, rn, rm) = (cl::writable_zero_reg(), or_zero(rn), or_zero(rm));
    emit(&Inst::AluRRR { alu_op: ALUOp::SubS, size: SIZE, rd, rn, rm })
}

/// Cranelift's own move takes SP as its source alone.
pub(crate) fn assemble_move_sp(rd: Reg, rn: Reg) -> Word {
    let (rd, rn) = (to(or_sp(rd)), or_sp(rn));
    if rn == cl::stack_reg() && rd.to_reg() != rn {
        return emit(&Inst::Mov { size: SIZE, rd, rm: rn });
    }
    emit(&Inst::AluRRImm12 { alu_op: ALUOp::Add, size: SIZE, rd, rn, imm12: cl::Imm12::ZERO })
}

pub(crate) fn assemble_move_register(rd: Reg, rm: Reg) -> Word {
    emit(&Inst::Mov { size: SIZE, rd: to(or_zero(rd)), rm: or_zero(rm) })
}

pub(crate) fn assemble_move_wide(op: Wide, rd: Reg, immediate: u16, half: u32) -> Word {
    let imm = MoveWideConst::maybe_with_shift(immediate, 16 * half as u8).expect("a half");
    let (rn, rd) = (or_zero(rd), to(or_zero(rd)));
    emit(&match op {
        Wide::Not => Inst::MovWide { op: MoveWideOp::MovN, rd, imm, size: SIZE },
        Wide::Zero => Inst::MovWide { op: MoveWideOp::MovZ, rd, imm, size: SIZE },
        Wide::Keep => Inst::MovK { rd, rn, imm, size: SIZE },
    })
}

/// `None` when Cranelift has no immediate for the value.
pub(crate) fn assemble_move_bitmask(rd: Reg, value: u64) -> Option<Word> {
    let imml = ImmLogic::maybe_from_u64(value, I64)?;
    let (rd, rn) = (to(or_sp(rd)), cl::zero_reg());
    Some(emit(&Inst::AluRRImmLogic { alu_op: ALUOp::Orr, size: SIZE, rd, rn, imml }))
}

fn load_or_store(access: Access, register: Reg, mem: AMode) -> Word {
    let (rd, flags) = (or_zero(register), MemFlagsData::trusted());
    emit(&match access {
        Access::Load => Inst::ULoad64 { rd: to(rd), mem, flags },
        Access::Store => Inst::Store64 { rd, mem, flags },
    })
}

/// `None` when the base is written back and is not SP.
pub(crate) fn assemble_access(
    access: Access,
    register: Reg,
    base: Reg,
    offset: i32,
    mode: Mode,
) -> Option<Word> {
    let simm9 = SImm9::maybe_from_i64(offset.into()).expect("nine bits");
    let mem = match mode {
        Mode::Offset => AMode::Unscaled { rn: or_sp(base), simm9 },
        Mode::PreIndex if base == Reg::SP => AMode::SPPreIndexed { simm9 },
        Mode::PostIndex if base == Reg::SP => AMode::SPPostIndexed { simm9 },
        Mode::PreIndex | Mode::PostIndex => return None,
    };
    Some(load_or_store(access, register, mem))
}

pub(crate) fn assemble_load_scaled(register: Reg, base: Reg, offset: u32) -> Word {
    let uimm12 = UImm12Scaled::maybe_from_i64(offset.into(), I64).expect("a multiple of 8");
    load_or_store(Access::Load, register, AMode::UnsignedOffset { rn: or_sp(base), uimm12 })
}

pub(crate) fn assemble_access_pair(
    access: Access,
    first: Reg,
    second: Reg,
    base: Reg,
    offset: i32,
) -> Word {
    let simm7 = SImm7Scaled::maybe_from_i64(offset.into(), I64).expect("seven bits, times 8");
    let mem = PairAMode::SignedOffset { reg: or_sp(base), simm7 };
    let (rt, rt2, flags) = (or_zero(first), or_zero(second), MemFlagsData::trusted());
    emit(&match access {
        Access::Load => Inst::LoadP64 { rt: to(rt), rt2: to(rt2), mem, flags },
        Access::Store => Inst::StoreP64 { rt, rt2, mem, flags },
    })
}

/// The first of the two words of Cranelift's conditional branch.
pub(crate) fn assemble_branch_if(condition: Condition, distance: i32) -> Word {
    let kind = CondBrKind::Cond(match condition {
        Condition::Lo => Cond::Lo,
        Condition::Ls => Cond::Ls,
    });
    let taken = BranchTarget::ResolvedOffset(4 * distance);
    emit(&Inst::CondBr { taken, not_taken: BranchTarget::ResolvedOffset(4), kind })
}

pub(crate) fn assemble_branch(distance: i32) -> Word {
    emit(&Inst::Jump { dest: BranchTarget::ResolvedOffset(4 * distance) })
}

/// BL before its relocation, RET, NOP.
pub(crate) fn assemble_words_without_operands() -> [Word; 3] {
    let callee = ExternalName::LibCall(LibCall::Memcpy);
    let info = Box::new(CallInfo::empty(callee, CallConv::SystemV));
    [Inst::Call { info }, Inst::Ret {}, Inst::Nop4].map(|inst| emit(&inst))
}

/// LDR or STR with write-back, as `yaxpeax-arm` reads it.
pub(crate) fn disassemble_write_back(word: Word) -> Option<(Access, Reg, Reg, i32, Mode)> {
    let bytes = word.get().to_le_bytes();
    let inst = InstDecoder::default().decode(&mut U8Reader::new(&bytes)).ok()?;
    let access = match inst.opcode {
        Opcode::LDR => Access::Load,
        Opcode::STR => Access::Store,
        _ => return None,
    };
    let (base, offset, mode) = match inst.operands[1] {
        Operand::RegPreIndex(base, offset, true) => (base, offset, Mode::PreIndex),
        Operand::RegPostIndex(base, offset) => (base, offset, Mode::PostIndex),
        _ => return None,
    };
    let Operand::Register(SizeCode::X, register) = inst.operands[0] else { return None };
    let register_of = |number: u16| Reg::new(number as u8).unwrap_or(Reg::SP);
    Some((access, register_of(register), register_of(base), offset, mode))
}
