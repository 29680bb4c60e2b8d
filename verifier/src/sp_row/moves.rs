//! Instructions that write SP, and the values that they write.

use super::{Step, Walk};
use crate::decode::Inst;
use crate::effect::{SpEffect, sp_effect};
use crate::report::Reason;
use crate::value::{Context, Value};
use core::cell::Cell;
use unwind::{Depth, FuncFlags, Index, Word};

impl Walk<'_, '_> {
    pub(super) fn write_sp(&mut self, at: u32, inst: &Inst, word: Word, depth: &mut Depth) -> Step {
        let new = match sp_effect(inst) {
            SpEffect::Unchanged => return Step::Next,
            SpEffect::Add(bytes) => Some(Depth(depth.0.wrapping_sub(bytes))),
            SpEffect::Computed => match self.follow(at, |context| context.result(inst, at)) {
                Value::BelowCfa(depth) => Some(depth),
                _ => None,
            },
            SpEffect::Unknown => None,
        };
        if let Some(new) = new {
            *depth = new;
            self.checker.block.move_sp(at + 1, new);
            return Step::Next;
        }
        if self.function.flags.contains(FuncFlags::SP_WRITE) {
            self.sp_write(at);
        } else {
            self.undecided(Reason::UntrackedStackPointer, at, Some(word));
        }
        Step::Stop
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

    /// Looks for a value at `at`, and remembers how far it looked.
    pub(super) fn follow(&mut self, at: u32, find: impl FnOnce(&Context<'_>) -> Value) -> Value {
        let context = Context {
            words: self.function.words,
            entry: self.function.entry,
            block: &self.checker.block,
            pointer: self.function.pointer,
            earliest: Cell::new(at),
        };
        let value = find(&context);
        let from = context.earliest.get();
        self.rely_on(from, at);
        value
    }

    /// What was concluded at `to` is true only if no block starts behind `from`:
    /// neither one that is known by now nor one that will be.
    pub(super) fn rely_on(&mut self, from: u32, to: u32) {
        self.through_leader |= self.checker.leaders.any_in(from + 1..to + 1);
        self.checker.relied_on.insert_range(from + 1, to + 1);
    }
}
