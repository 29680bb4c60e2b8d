//! Stage 2: pseudo-instructions, as `obj7.go` makes them from the function's
//! frame (`preprocess` and `stacksplit`).
//!
//! A pseudo-instruction may stand for several machine instructions; nothing
//! here knows for how many. It carries what the assembler's tables are made
//! from: by how much it moves SP ([`Prog::sp_adjust`], Go's `Spadj`) and
//! whether it lies between `StartUnsafePoint` and `EndUnsafePoint`.

use crate::encode::{Arith, Condition, Mode, Reg};
use crate::epilogue::epilogue;
use crate::frame::{Frame, Kind, Os, StackCheck};
use crate::policy::{IosStore, Policy};

/// `abi.StackSmall`: a frame up to this size is compared with SP itself.
pub const STACK_SMALL: u32 = 128;
/// `abi.StackBig`: above it SP minus the frame may wrap around.
pub const STACK_BIG: u32 = 4096;
/// The largest frame that a pre-indexed store opens: the largest multiple of 16
/// within its range of -256.
pub const MAX_PRE_INDEX: u32 = 0xf0;
/// The offset of `stackguard0` in a `g`.
const STACK_GUARD: i32 = 16;

/// The pseudo-instructions of one function.
pub type Progs = Vec<Prog>;

/// Where a branch goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Label {
    /// The start of the function.
    Entry,
    /// The call of morestack at its end.
    MoreStack,
}

/// What a call calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Callee {
    /// `runtime.morestack_noctxt`.
    MoreStack,
    /// Some function, called by the placeholder body.
    Body,
}

/// One pseudo-instruction. Operands are named by their role, since Go's order
/// is not Arm's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the operands are named by their role")]
pub enum Op {
    /// MOVD of a register.
    Move { from: Reg, to: Reg },
    /// MOVD of a constant.
    MoveConst { value: i64, to: Reg },
    /// ADD, SUB or SUBS of a constant.
    ArithConst { op: Arith, value: i64, from: Reg, to: Reg },
    /// ADD of a register.
    AddReg { by: Reg, from: Reg, to: Reg },
    /// CMP.
    Compare { left: Reg, right: Reg },
    /// MOVD from memory.
    Load { base: Reg, offset: i32, mode: Mode, to: Reg },
    /// MOVD to memory.
    Store { from: Reg, base: Reg, offset: i32, mode: Mode },
    /// LDP.
    LoadPair { base: Reg, offset: i32, to: (Reg, Reg) },
    /// STP.
    StorePair { from: (Reg, Reg), base: Reg, offset: i32 },
    /// A conditional branch.
    BranchIf { condition: Condition, to: Label },
    /// An unconditional one.
    Jump { to: Label },
    /// CALL.
    Call { callee: Callee },
    /// RET.
    Return,
    /// NOOP.
    Nop,
}

/// Which part of the function a pseudo-instruction belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Region {
    /// The stack-split check at entry.
    Check,
    /// What opens the frame.
    Prologue,
    /// The placeholder: a call in a function that is not a leaf, a NOOP in one
    /// that is. Without a frame nothing can be called: a call would lose LR, and Go
    /// marks the function as a leaf.
    Body,
    /// What pops the frame, up to the return.
    Epilogue,
    /// The call of morestack behind the return.
    MoreStack,
}

/// A pseudo-instruction with what the tables need to know of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Prog {
    /// What it does.
    pub op: Op,
    /// Bytes that SP is lower behind it than before it (`Spadj`).
    pub sp_adjust: i64,
    /// Whether stage 2 marks it as an unsafe point.
    pub marked_unsafe: bool,
    /// Which part of the function it belongs to.
    pub region: Region,
}

impl Op {
    /// `ADD $value, from, to`.
    #[inline(always)]
    #[must_use]
    pub const fn add(value: i64, from: Reg, to: Reg) -> Self {
        Self::ArithConst { op: Arith::Add, value, from, to }
    }

    /// `MOVD offset(RSP), to`.
    #[inline(always)]
    #[must_use]
    pub const fn load(offset: i32, to: Reg) -> Self {
        Self::Load { base: Reg::SP, offset, mode: Mode::Offset, to }
    }

    /// `LDP offset(RSP), (first, second)`.
    #[inline(always)]
    #[must_use]
    pub const fn load_pair(offset: i32, first: Reg, second: Reg) -> Self {
        Self::LoadPair { base: Reg::SP, offset, to: (first, second) }
    }

    /// Whether an operand is R27, which makes the pseudo-instruction an unsafe
    /// point (`asm7.go`, `isUnsafePoint`): the injected call overwrites it.
    #[inline(always)]
    #[must_use]
    pub fn names_tmp(&self) -> bool {
        let registers = match *self {
            Self::Move { from, to } => [from, to, to],
            Self::MoveConst { to, .. } => [to, to, to],
            Self::ArithConst { from, to, .. } => [from, to, to],
            Self::AddReg { by, from, to } => [by, from, to],
            Self::Compare { left, right } => [left, right, right],
            Self::Load { base, to, .. } => [base, to, to],
            Self::Store { from, base, .. } => [from, base, base],
            Self::LoadPair { base, to: (first, second), .. } => [base, first, second],
            Self::StorePair { from: (first, second), base, .. } => [first, second, base],
            Self::BranchIf { .. }
            | Self::Jump { .. }
            | Self::Call { .. }
            | Self::Return
            | Self::Nop => return false,
        };
        registers.contains(&Reg::TMP)
    }
}

/// Takes pseudo-instructions as stage 2 makes them: [`Progs`] keeps them, the
/// lowering goes on with each at once.
pub trait Sink {
    /// The next pseudo-instruction.
    fn emit(&mut self, prog: Prog);
}

impl Sink for Progs {
    fn emit(&mut self, prog: Prog) {
        self.push(prog);
    }
}

/// Emits pseudo-instructions region by region.
pub(crate) struct Builder<'a, S> {
    sink: &'a mut S,
    region: Region,
    marked_unsafe: bool,
}

impl<S: Sink> Builder<'_, S> {
    #[inline(always)]
    pub(crate) fn emit(&mut self, op: Op) {
        self.emit_moving_sp(op, 0);
    }

    /// SP is `sp_adjust` bytes lower behind the pseudo-instruction.
    #[inline(always)]
    pub(crate) fn emit_moving_sp(&mut self, op: Op, sp_adjust: i64) {
        let (marked_unsafe, region) = (self.marked_unsafe, self.region);
        self.sink.emit(Prog { op, sp_adjust, marked_unsafe, region });
    }

    /// A pseudo-instruction that was made elsewhere.
    #[inline(always)]
    pub(crate) fn pass_on(&mut self, prog: Prog) {
        self.sink.emit(prog);
    }
}

/// Emits the pseudo-instructions of a function with this frame.
#[inline(always)]
pub fn preprocess<S: Sink>(frame: &Frame, policy: &Policy, sink: &mut S) {
    opening(frame, policy, sink);
    closing(frame, policy, sink);
}

/// Those up to the body. Policies that [`Policy::opens_like`] another emit the same.
#[inline(always)]
pub(crate) fn opening<S: Sink>(frame: &Frame, policy: &Policy, sink: &mut S) {
    let size = frame.size.bytes();
    let mut builder = Builder { sink, region: Region::Check, marked_unsafe: false };
    if checks_stack(frame) {
        stack_check(size, &mut builder);
    }
    builder.region = Region::Prologue;
    prologue(size, frame.os, policy, &mut builder);
    builder.region = Region::Body;
    builder.emit(match frame.kind {
        Kind::NonLeaf if size > 0 => Op::Call { callee: Callee::Body },
        Kind::Leaf | Kind::NonLeaf => Op::Nop,
    });
}

/// Those behind the body.
#[inline(always)]
pub(crate) fn closing<S: Sink>(frame: &Frame, policy: &Policy, sink: &mut S) {
    let mut builder = Builder { sink, region: Region::Epilogue, marked_unsafe: false };
    epilogue(frame, policy, &mut builder);
    builder.region = Region::MoreStack;
    if checks_stack(frame) {
        call_morestack(frame.size.bytes(), &mut builder);
    }
}

/// Whether the function starts with a stack-split check. A function without a
/// frame has none, leaf or not: Go marks both as leaves and stops there.
#[must_use]
pub fn checks_stack(frame: &Frame) -> bool {
    let size = frame.size.bytes();
    frame.check == StackCheck::WhereNeeded
        && size != 0
        && (frame.kind == Kind::NonLeaf || size >= STACK_SMALL)
}

/// `stacksplit`, up to the branch to morestack.
#[inline(always)]
fn stack_check<S: Sink>(size: u32, builder: &mut Builder<'_, S>) {
    let mode = Mode::Offset;
    builder.emit(Op::Load { base: Reg::G, offset: STACK_GUARD, mode, to: Reg::RT1 });
    builder.marked_unsafe = true;
    let value = i64::from(size) - i64::from(STACK_SMALL);
    let left = if size <= STACK_SMALL {
        Reg::SP
    } else {
        let op = if size <= STACK_BIG { Arith::Sub } else { Arith::Subs };
        builder.emit(Op::ArithConst { op, value, from: Reg::SP, to: Reg::RT2 });
        Reg::RT2
    };
    if size > STACK_BIG {
        builder.emit(Op::BranchIf { condition: Condition::Lo, to: Label::MoreStack });
    }
    builder.emit(Op::Compare { left, right: Reg::RT1 });
    builder.emit(Op::BranchIf { condition: Condition::Ls, to: Label::MoreStack });
    builder.marked_unsafe = false;
}

/// `stacksplit`, from the label that its branches go to. It stands behind the
/// return, but its depth is that of the entry.
#[inline(always)]
fn call_morestack<S: Sink>(size: u32, builder: &mut Builder<'_, S>) {
    builder.marked_unsafe = true;
    builder.emit(Op::Move { from: Reg::LR, to: Reg::R3 });
    builder.emit(Op::Call { callee: Callee::MoreStack });
    builder.marked_unsafe = false;
    builder.emit_moving_sp(Op::Jump { to: Label::Entry }, i64::from(size));
}

/// What opens a frame: one store with write-back when the frame is within its
/// range, else through R20, saving FP and LR before SP moves.
#[inline(always)]
fn prologue<S: Sink>(size: u32, os: Os, policy: &Policy, builder: &mut Builder<'_, S>) {
    if size == 0 {
        return;
    }
    let saved = (Reg::FP, Reg::LR);
    if size <= MAX_PRE_INDEX {
        let offset = -(size.cast_signed());
        let store = Op::Store { from: Reg::LR, base: Reg::SP, offset, mode: Mode::PreIndex };
        builder.emit_moving_sp(store, i64::from(size));
        builder.emit(Op::Store { from: Reg::FP, base: Reg::SP, offset: -8, mode: Mode::Offset });
    } else {
        let value = i64::from(size);
        builder.emit(Op::ArithConst { op: Arith::Sub, value, from: Reg::SP, to: Reg::R20 });
        builder.emit(Op::StorePair { from: saved, base: Reg::R20, offset: -8 });
        // A frame opened at the current SP would overwrite the saved LR.
        builder.marked_unsafe = true;
        builder.emit_moving_sp(Op::Move { from: Reg::R20, to: Reg::SP }, value);
        builder.marked_unsafe = false;
        if os == Os::Ios {
            // The signal handler runs on this stack and may have overwritten
            // what was stored below SP.
            builder.marked_unsafe = policy.ios_store == IosStore::Marked;
            builder.emit(Op::StorePair { from: saved, base: Reg::SP, offset: -8 });
            builder.marked_unsafe = false;
        }
    }
    builder.emit(Op::ArithConst { op: Arith::Sub, value: 8, from: Reg::SP, to: Reg::FP });
}
