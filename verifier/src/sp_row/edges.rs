//! Where execution goes from a branch, a jump, a call or the function's end.

use super::Walk;
use crate::decode::{Inst, Reg, decode};
use crate::flow::target;
use crate::report::Reason;
use crate::value::Value;
use unwind::{Depth, Span, Word};

/// The most entries that a jump table is believed to have.
const MAX_TABLE: u64 = 1 << 16;

impl Walk<'_, '_> {
    #[inline]
    pub(super) fn branch(&mut self, at: u32, offset: i64, word: Word, depth: Depth) {
        match target(at, offset, self.function.words.len()) {
            Some(target) => self.arrive(target, depth),
            None if depth == Depth(0) => {}
            None => self.undecided(Reason::JumpOutOfFrame, at, Some(word)),
        }
    }

    /// A jump through a register: by a table, or out of the function.
    pub(super) fn jump(&mut self, at: u32, rn: Reg, word: Word, depth: Depth) {
        let known = match self.follow(at, |context| context.register(rn, at)) {
            Value::Element(Some(table)) => self.table(table, depth) > 0,
            Value::Element(None) => false,
            Value::Const(address) | Value::Address(address) => match self.index_of(address) {
                Some(target) => {
                    self.arrive(target, depth);
                    true
                }
                None => depth == Depth(0),
            },
            Value::BelowCfa(_) | Value::Unknown => depth == Depth(0),
        };
        if !known {
            self.undecided(Reason::IndirectJump, at, Some(word));
        }
    }

    /// Follows a jump table: the words from its start on that are addresses in
    /// this function. It may run on into the function's next table, which only
    /// adds edges. Returns how many there are.
    fn table(&mut self, table: u64, depth: Depth) -> u64 {
        let mut count = 0;
        while count < MAX_TABLE {
            let pointer = (self.function.pointer)(table.wrapping_add(count * 8));
            let Some(target) = pointer.and_then(|address| self.index_of(address)) else { break };
            self.arrive(target, depth);
            count += 1;
        }
        count
    }

    /// The instruction at an address, if it is one of this function.
    fn index_of(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.function.entry.0)?;
        let inside =
            offset % Word::BYTES == 0 && offset / Word::BYTES < self.function.words.len() as u64;
        if inside { u32::try_from(offset / Word::BYTES).ok() } else { None }
    }

    /// Execution reaches the end of the function's words behind `at`.
    pub(super) fn end(&mut self, at: u32, word: Word) {
        // A call of a function that never returns can be the last instruction.
        let call = matches!(decode(word), Inst::Call { .. } | Inst::CallReg { .. });
        if !call && !self.behind_padded_call(at + 1) {
            self.undecided(Reason::RunsPastEnd, at, Some(word));
        }
    }

    /// Whether the row changes at `at` behind a call and NOPs: the mark of a call
    /// that does not return.
    pub(super) fn behind_call_without_return(&mut self, at: u32, span: &Span) -> bool {
        span.start.0 == at && self.behind_padded_call(at)
    }

    /// Whether there is, in this block, a call before `at` with nothing but NOPs,
    /// at least one, in between.
    fn behind_padded_call(&mut self, at: u32) -> bool {
        let start = self.checker.block.start();
        let before = self.function.words.get(start as usize..at as usize).unwrap_or_default();
        let nops = before.iter().rev().take_while(|&&word| decode(word) == Inst::Nop).count();
        let call = before.len().checked_sub(nops + 1).and_then(|position| before.get(position));
        let padded =
            nops > 0 && call.is_some_and(|&word| matches!(decode(word), Inst::Call { .. }));
        if padded {
            // True only if the NOPs are reached through the call alone.
            self.rely_on(at - 1 - nops as u32, at - 1);
        }
        padded
    }
}
