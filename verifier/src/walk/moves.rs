//! Instructions that write registers, and the values that they write.

use super::{Step, TMP, Walk};
use crate::decode::Reg;
use crate::effect::Effect;
use crate::operands::Regs;
use crate::registers::{Kind, Value};
use crate::report::Reason;
use crate::rules::below_sp::uncovered;
use crate::state::{Frame, KnownId};
use crate::value::{Context, Forwards, MAX_STEPS, Operand, Search, destination, evaluate};
use unwind::{Depth, FuncFlags, Index, KEPT_BELOW_SP, Word};

const LR: Regs = Regs::or_zero(Reg::LR);
const FP: Regs = Regs::or_zero(Reg::FP);
/// The registers that the rules are about.
const OURS: Regs = LR.with(FP).with(Regs::SP);

impl Walk<'_, '_> {
    /// An instruction computes a value.
    #[inline(always)]
    pub(super) fn compute(&mut self, at: u32, effect: &Effect) {
        let Some(rd) = destination(effect) else { return };
        let can_be_sp = matches!(effect, Effect::Add { .. } | Effect::AddRegister { sp: true, .. });
        if rd == Reg::ZR && !can_be_sp {
            return;
        }
        let mut value = evaluate(effect, &mut Forwards { context: self.context(), at });
        if value.kind == Kind::Unknown && rd.0 >= Reg::FP.0 {
            value = self.search(at, |search| evaluate(effect, search));
        }
        self.scratch.registers.set(rd, value);
    }

    /// An instruction wrote registers, SP among them.
    #[inline(always)]
    pub(super) fn wrote(&mut self, at: u32, writes: Regs, word: Word) -> Step {
        if writes.meets(TMP) {
            self.line.tmp = Some(at);
        }
        if writes.meets(OURS) {
            if writes.meets(LR.with(FP)) {
                if writes.meets(LR) {
                    self.scratch.block.write(Reg::LR, at + 1);
                }
                if writes.meets(FP) {
                    self.scratch.block.write(Reg::FP, at + 1);
                }
                self.line.changed = at + 1;
            }
            if writes.meets(Regs::SP) {
                match self.register(Reg::SP).depth() {
                    Some(depth) => self.move_sp(at, depth),
                    None => return self.lose_sp(at, word),
                }
            }
            self.line.known = KnownId::NONE;
            self.line.is_changed = true;
        }
        Step::Next
    }

    /// SP becomes a value that is not followed.
    #[cold]
    pub(super) fn lose_sp(&mut self, at: u32, word: Word) -> Step {
        if self.function.flags.contains(FuncFlags::SP_WRITE) {
            self.sp_write(at);
        } else {
            self.undecided(Reason::UntrackedStackPointer, at, Some(word));
        }
        Step::Stop
    }

    #[inline]
    fn move_sp(&mut self, at: u32, new: Depth) {
        let old = self.line.depth;
        if self.line.frame.has_words_below(old) && self.below_since() < self.below_kept_from() {
            self.uncover(at, new);
        }
        self.line.depth = new;
        self.scratch.block.move_sp(at + 1, new);
        if self.line.frame.has_words_below(new) {
            self.cover(at, old, new);
        }
    }

    /// From which boundary on the first of the saved words has been below SP.
    #[inline(always)]
    fn below_since(&self) -> u32 {
        self.line.below_since[0].min(self.line.below_since[1])
    }

    /// SP moves to another depth, with words that can be lost where they are now.
    #[cold]
    fn uncover(&mut self, at: u32, new: Depth) {
        let words = uncovered(&self.line.frame, self.line.depth, new);
        for (word, since) in words.into_iter().zip(self.line.below_since) {
            if let Some(word) = word {
                self.needed_below(since, at, word);
            }
        }
    }

    /// SP has moved from one depth to another, over saved words perhaps.
    fn cover(&mut self, at: u32, old: Depth, new: Depth) {
        let [old, new] = [old, new].map(|sp| sp.0.saturating_add(KEPT_BELOW_SP));
        let Frame { return_at, caller_at } = self.line.frame;
        for (place, since) in [return_at, caller_at].into_iter().zip(&mut self.line.below_since) {
            if place.is_below(new) && !place.is_below(old) {
                *since = at + 1;
            }
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

    /// The value of a register before the instruction `at`, where 31 is ZR.
    #[inline]
    pub(super) fn value_of(&self, at: u32, register: Reg) -> Value {
        let value = self.scratch.registers.or_zero(register);
        if value.kind == Kind::Unknown {
            return self.search(at, |search| search.or_zero(register));
        }
        value
    }

    /// Looks backwards for what was passed over.
    #[cold]
    fn search(&self, at: u32, find: impl FnOnce(&mut Search<'_, '_>) -> Value) -> Value {
        let (context, mut steps) = (self.context(), MAX_STEPS);
        find(&mut Search { context, at, steps: &mut steps })
    }

    /// What is known of a register.
    #[inline(always)]
    pub(super) fn register(&self, register: Reg) -> Value {
        self.scratch.registers.or_sp(register)
    }

    /// What values are looked for in.
    #[inline(always)]
    fn context(&self) -> Context<'_> {
        Context {
            words: self.function.words,
            entry: self.function.entry,
            block: &self.scratch.block,
            registers: &self.scratch.registers,
            pointer: self.function.pointer,
        }
    }
}
