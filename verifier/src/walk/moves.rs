//! Instructions that write the registers that the rules are about, and the values
//! that they write.

use super::{Step, Walk};
use crate::decode::{Inst, Reg};
use crate::effect::{SpEffect, sp_effect};
use crate::operands::Regs;
use crate::report::Reason;
use crate::rules::below_sp::uncovered;
use crate::state::{Fp, Lr};
use crate::value::{Context, Value, destination};
use unwind::{Depth, FuncFlags, Index, Span, Word};

const LR: Regs = Regs::or_zero(Reg::LR);
const FP: Regs = Regs::or_zero(Reg::FP);
const TMP: Regs = Regs::or_zero(Reg::TMP);

/// The registers whose values are computed ahead, since SP is computed from them
/// in every large frame of Go (`obj7.go`): R20 and R27.
const AHEAD: Regs = Regs::or_zero(Reg(20)).with(TMP);

impl Walk<'_, '_> {
    /// An instruction that is neither a branch nor a call.
    #[inline]
    pub(super) fn compute(
        &mut self,
        at: u32,
        inst: &Inst,
        writes: Regs,
        word: Word,
        span: &Span,
    ) -> Step {
        if let Inst::Pair { .. } | Inst::Single { .. } = inst {
            self.access(at, inst);
            self.ahead = self.ahead.without(writes);
        } else if let Inst::StoreIndexed { rt, rn, rm, option: 0b011, shift } = *inst
            && matches!(rt, Reg::LR | Reg::FP)
        {
            self.store_indexed(at, rt, (rn, rm), u32::from(shift));
        } else if writes.meets(LR.with(FP).with(AHEAD)) {
            self.assign(at, inst, writes);
        }
        if writes.meets(TMP) {
            self.tmp = Some(at);
        }
        if writes.meets(Regs::SP) && self.write_sp(at, inst, word) == Step::Stop {
            return Step::Stop;
        }
        self.settle_state();
        self.be_careful(span);
        Step::Next
    }

    /// An instruction that is no access writes registers that are followed.
    fn assign(&mut self, at: u32, inst: &Inst, writes: Regs) {
        let single = destination(inst).filter(|&rd| Regs::or_zero(rd) == writes);
        let value = match single {
            Some(_) => self.context().result(inst, at),
            None => Value::Unknown,
        };
        if writes.meets(LR) {
            self.set_lr(at, match value {
                Value::Return => Lr::Return,
                Value::Unknown | Value::Element(_) => Lr::Unknown,
                _ => Lr::Other,
            });
        }
        if writes.meets(FP) {
            self.set_fp(at, match value {
                Value::Caller => Fp::Caller,
                Value::BelowCfa(depth) => Fp::Below(depth),
                Value::Unknown | Value::Element(_) => Fp::Unknown,
                _ => Fp::Other,
            });
        }
        let Some(rd) = single.filter(|_| writes.meets(AHEAD)) else {
            self.ahead = self.ahead.without(writes);
            return;
        };
        self.ahead = self.ahead.without(writes);
        if value != Value::Unknown
            && let Some(slot) = self.checker.values.get_mut(rd.0 as usize)
        {
            *slot = value;
            self.ahead = self.ahead.with(writes);
            self.checker.block.write(rd, at + 1);
        }
    }

    pub(super) fn set_lr(&mut self, at: u32, lr: Lr) {
        self.state.lr = lr;
        self.changed = at + 1;
        self.checker.block.write(Reg::LR, at + 1);
    }

    pub(super) fn set_fp(&mut self, at: u32, fp: Fp) {
        self.state.fp = fp;
        self.changed = at + 1;
        self.checker.block.write(Reg::FP, at + 1);
    }

    fn write_sp(&mut self, at: u32, inst: &Inst, word: Word) -> Step {
        let new = match sp_effect(inst) {
            SpEffect::Unchanged => return Step::Next,
            SpEffect::Add(bytes) => Some(Depth(self.state.depth.0.wrapping_sub(bytes))),
            SpEffect::Computed => match self.context().result(inst, at) {
                Value::BelowCfa(depth) => Some(depth),
                _ => None,
            },
            SpEffect::Unknown => None,
        };
        if let Some(new) = new {
            self.move_sp(at, new);
            return Step::Next;
        }
        if self.function.flags.contains(FuncFlags::SP_WRITE) {
            self.sp_write(at);
        } else {
            self.undecided(Reason::UntrackedStackPointer, at, Some(word));
        }
        Step::Stop
    }

    fn move_sp(&mut self, at: u32, new: Depth) {
        if self.is_preemptible {
            let needed: [Option<Depth>; 2] = {
                let mut words = uncovered(&self.state, new);
                [words.next(), words.next()]
            };
            for word in needed.into_iter().flatten() {
                self.needed_below(self.below_since, at, word);
            }
        }
        let had_words_below = self.state.has_words_below();
        self.state.depth = new;
        self.checker.block.move_sp(at + 1, new);
        if !had_words_below && self.state.has_words_below() {
            self.below_since = at + 1;
        }
    }

    /// In a function that is marked so, SP is from `at` on not what the table says.
    /// Unwinders and preemption are ready for that in assembly only.
    pub(super) fn sp_write(&mut self, at: u32) {
        let first = self.report.sp_write.map_or(Index(at), |known| known.min(Index(at)));
        self.report.sp_write = Some(first);
        if !self.function.flags.contains(FuncFlags::ASM) {
            let word = self.function.words.get(at as usize).copied();
            self.undecided(Reason::UntrackedStackPointer, at, word);
        }
    }

    /// What values are looked for in, at the instruction `at`.
    #[inline]
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            words: self.function.words,
            entry: self.function.entry,
            block: &self.checker.block,
            state: &self.state,
            ahead: self.ahead,
            values: &self.checker.values,
            pointer: self.function.pointer,
        }
    }
}
