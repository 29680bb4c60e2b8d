//! The pops of the policy `complete`, which no release has: they satisfy every
//! rule for leaf and other frames of every size, and none of the ways considered
//! takes fewer instructions without asking more of callers. Prologues are the
//! releases' own; on ios theirs has one boundary at which a profiler's signal still
//! overwrites what is needed ([`crate::policy::IosStore`]).
//!
//! What a boundary between the body and the return asks for:
//!
//! * SP is at the declared depth. A row declares one depth for all instructions of
//!   a pseudo-instruction, and in the midst of a frame the word at SP is not the
//!   return address, so no second row would help: one instruction moves SP, all
//!   the way.
//! * R29 is the caller's frame pointer or this frame's. One instruction writes it:
//!   `ADD $(n-8), RSP, R29` where there is such an instruction, otherwise a load
//!   of the caller's R29 from where the prologue stored it.
//! * What is still needed survives a call injected at the boundary. Hence R20:
//!   `asyncPreempt` saves and restores it (`runtime/preempt_arm64.s`), the prologue
//!   of a large frame goes through it already (`obj7.go`), and no result is
//!   returned in it (ABIInternal: R0 to R15).
//!
//! A size that no ADD takes is added in two parts below 16 MiB, the low one into
//! R20 and the high one from there into SP: the prologue's own way, turned round.
//! From 16 MiB on R20 takes the size itself.
//!
//! For no frame size does that take more instructions than before the fix of
//! golang/go#73259: functions that are not leaves take exactly as many, one or two
//! fewer than with the fix where that differs, and leaves from 4112 bytes on one or
//! two fewer than either (`examples/cost.rs` counts them all).
//!
//! # Alternatives
//!
//! The discussion of golang/go#73259 weighed four:
//!
//! * *Unsafe points* around the two ADDs: no instruction more, and nobody is
//!   preempted in between. But a signal is delivered there all the same, and a
//!   profiler's finds SP at no declared depth.
//! * *A register for the size*, R27, which is what was shipped. The assembler then
//!   has to mark what uses R27 as an unsafe point, a size of two halves takes three
//!   instructions where an ADD into R20 makes it two, and leaves stayed as they
//!   were.
//! * *Restartable sequences*: the assembler's own way with R27, as it pops from
//!   16 MiB on. Every rule holds, at the cost of the register: three instructions
//!   for two halves, and a sequence that must never change what it starts from.
//! * *Popping from R29*: it is CFA - 8 again before SP moves, so `ADD $8, R29, RSP`
//!   would pop any frame, in one instruction. It makes SP depend on what the caller
//!   had in R29, which Go treats as a hint: 0 in the first function of a goroutine
//!   (`newproc1`, `gogo`), and whatever assembly without a frame left in it. There
//!   a 0 ends the walk of the frame pointers; here it would end the program.

use crate::encode::{Imm12, Reg};
use crate::pseudo::{Builder, Op, Sink};

/// From this size on two ADDs do not make up the size.
const LONG: i64 = 1 << 24;

/// Restores the caller's R29 in one instruction, from the frame of a leaf of
/// `size` bytes, more than 0.
#[inline(always)]
pub(crate) fn restore_frame_pointer(size: i64) -> Op {
    if is_immediate(size - 8) { Op::add(size - 8, Reg::SP, Reg::FP) } else { Op::load(-8, Reg::FP) }
}

/// Moves SP up by `size` bytes, more than 0, in one instruction, behind at most
/// two that prepare R20.
#[inline(always)]
pub(crate) fn pop<S: Sink>(size: i64, builder: &mut Builder<'_, S>) {
    let (low, high) = (size & 0xfff, size & !0xfff);
    let pop = if is_immediate(size) {
        Op::add(size, Reg::SP, Reg::SP)
    } else if size < LONG {
        builder.emit(Op::add(low, Reg::SP, Reg::R20));
        Op::add(high, Reg::R20, Reg::SP)
    } else {
        builder.emit(Op::MoveConst { value: size, to: Reg::R20 });
        Op::AddReg { by: Reg::R20, from: Reg::SP, to: Reg::SP }
    };
    builder.emit_moving_sp(pop, -size);
}

/// Whether an ADD takes the value.
const fn is_immediate(value: i64) -> bool {
    Imm12::new(value.cast_unsigned()).is_some()
}
