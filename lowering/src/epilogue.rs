//! Stage 2 for what pops a frame: the variants that releases have, and room for
//! one of one's own.

use crate::complete;
use crate::encode::{Arith, Mode, Reg};
use crate::frame::{Frame, Kind};
use crate::policy::{LargePop, LeafPop, Policy, SmallPop};
use crate::pseudo::{Builder, MAX_PRE_INDEX, Op, Prog, Progs, Region, Sink};
use core::hash::{Hash, Hasher};

/// From this size on the fixed releases pop a frame by a register.
pub const REGISTER_POP: u32 = 1 << 12;

/// A way of popping that is written outside of this crate: it emits what stands
/// between the body and the return of a frame that is not empty.
///
/// Two are equal when they are the same function. (Should the compiler give two
/// functions of the same code one address, they pop alike.)
#[derive(Clone, Copy, Debug)]
pub struct OwnPop(pub fn(&Frame, &mut Epilogue));

impl PartialEq for OwnPop {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for OwnPop {}

impl Hash for OwnPop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 as usize).hash(state);
    }
}

/// Takes the pseudo-instructions of an [`OwnPop`], in order. A pseudo-instruction
/// that names R27 becomes an unsafe point by itself, as in the assembler
/// ([`Op::names_tmp`]). Branches are for the stack check; an epilogue has none.
#[derive(Debug, Default)]
pub struct Epilogue {
    progs: Progs,
    marked_unsafe: bool,
}

impl Epilogue {
    /// A pseudo-instruction that leaves SP where it is.
    pub fn emit(&mut self, op: Op) {
        self.emit_popping(op, 0);
    }

    /// A pseudo-instruction behind which the row declares SP `bytes` higher than
    /// before it.
    pub fn emit_popping(&mut self, op: Op, bytes: i64) {
        let (marked_unsafe, region) = (self.marked_unsafe, Region::Epilogue);
        self.progs.push(Prog { op, sp_adjust: -bytes, marked_unsafe, region });
    }

    /// No goroutine is preempted before what `emit` emits (`StartUnsafePoint`,
    /// `EndUnsafePoint`).
    pub fn unsafe_points(&mut self, emit: impl FnOnce(&mut Self)) {
        let before = core::mem::replace(&mut self.marked_unsafe, true);
        emit(self);
        self.marked_unsafe = before;
    }
}

/// What pops a frame, and the return. Go's `Spadj` of the return restores the
/// depth for what follows; in a function with a stack check an empty instruction
/// takes it back at once (`stacksplit`, `spfix`), and in one without nothing
/// follows.
#[inline(always)]
pub(crate) fn epilogue<S: Sink>(frame: &Frame, policy: &Policy, builder: &mut Builder<'_, S>) {
    let size = frame.size.bytes();
    match frame.kind {
        _ if size == 0 => {}
        Kind::Leaf => pop_leaf(frame, policy.leaf_pop, builder),
        Kind::NonLeaf if size <= MAX_PRE_INDEX && policy.small_pop == SmallPop::PostIndex => {
            builder.emit(Op::load(-8, Reg::FP));
            let (offset, mode) = (size.cast_signed(), Mode::PostIndex);
            let pop = Op::Load { base: Reg::SP, offset, mode, to: Reg::LR };
            builder.emit_moving_sp(pop, -i64::from(size));
        }
        Kind::NonLeaf => pop_large(frame, policy.large_pop, builder),
    }
    builder.emit(Op::Return);
}

/// A leaf's LR is still in its register; only FP and SP come back.
#[inline(always)]
fn pop_leaf<S: Sink>(frame: &Frame, variant: LeafPop, builder: &mut Builder<'_, S>) {
    let value = i64::from(frame.size.bytes());
    match variant {
        LeafPop::FramePointerFirst => {
            builder.emit(Op::add(value - 8, Reg::SP, Reg::FP));
            builder.emit_moving_sp(Op::add(value, Reg::SP, Reg::SP), -value);
        }
        LeafPop::StackPointerFirst => {
            builder.emit_moving_sp(Op::add(value, Reg::SP, Reg::SP), -value);
            builder.emit(Op::ArithConst { op: Arith::Sub, value: 8, from: Reg::SP, to: Reg::FP });
        }
        LeafPop::AtOnce => {
            builder.emit(complete::restore_frame_pointer(value));
            complete::pop(value, builder);
        }
        LeafPop::Own(pop) => pop_own(frame, pop, builder),
    }
}

/// FP and LR are loaded together, then SP moves.
#[inline(always)]
fn pop_large<S: Sink>(frame: &Frame, variant: LargePop, builder: &mut Builder<'_, S>) {
    let size = frame.size.bytes();
    let value = i64::from(size);
    if let LargePop::Own(pop) = variant {
        return pop_own(frame, pop, builder);
    }
    builder.emit(Op::load_pair(-8, Reg::FP, Reg::LR));
    match variant {
        LargePop::AtOnce => complete::pop(value, builder),
        LargePop::Register if size >= REGISTER_POP => {
            builder.emit(Op::MoveConst { value, to: Reg::TMP });
            let pop = Op::AddReg { by: Reg::TMP, from: Reg::SP, to: Reg::SP };
            builder.emit_moving_sp(pop, -value);
        }
        LargePop::Constant | LargePop::Register | LargePop::Own(_) => {
            builder.emit_moving_sp(Op::add(value, Reg::SP, Reg::SP), -value);
        }
    }
}

/// Always inlined, so that the sink can stay in registers.
#[inline(always)]
fn pop_own<S: Sink>(frame: &Frame, pop: OwnPop, builder: &mut Builder<'_, S>) {
    for prog in run(frame, pop) {
        builder.pass_on(prog);
    }
}

#[cold]
fn run(frame: &Frame, OwnPop(pop): OwnPop) -> Progs {
    let mut epilogue = Epilogue::default();
    pop(frame, &mut epilogue);
    epilogue.progs
}
