//! Where execution goes from a branch, a jump, a call or the function's end.

use super::{Step, Walk};
use crate::decode::{Inst, Reg, decode};
use crate::flow::target;
use crate::operands::Regs;
use crate::report::Reason;
use crate::state::{Lr, Saved};
use crate::value::Value;
use unwind::{Depth, Span, Word};

/// The most entries that the jump tables of a function have together.
const MAX_TABLE_ENTRIES: u64 = 1 << 17;

/// The most NOPs behind a call that does not return; Go puts one.
const MAX_PADDING: usize = 8;

impl Walk<'_, '_> {
    #[inline]
    pub(super) fn branch(&mut self, at: u32, offset: i64, word: Word) {
        match target(at, offset, self.function.words.len()) {
            Some(target) => {
                let state = self.state;
                self.arrive(target, &state);
            }
            None if self.state.depth == Depth(0) => {}
            None => self.undecided(Reason::JumpOutOfFrame, at, Some(word)),
        }
    }

    /// A call, by its address or through a register.
    #[inline]
    pub(super) fn call(&mut self, at: u32, is_direct: bool, span: &Span) -> Step {
        let lr = match self.state.depth {
            Depth(0) if is_direct && self.context().register(Reg(3), at) == Value::Return => {
                Lr::Return
            }
            _ => Lr::Other,
        };
        self.set_lr(at, lr);
        // The callee's frame takes the place of what is below SP.
        let state = self.state;
        let kept = |saved| if state.is_below(saved) { Saved::Nowhere } else { saved };
        self.state.return_at = kept(state.return_at);
        self.state.caller_at = kept(state.caller_at);
        self.ahead = Regs::NONE;
        self.tmp = None;
        self.settle_state();
        self.be_careful(span);
        let behind = self.function.words.get(at as usize + 1);
        if behind.is_some_and(|&word| decode(word) == Inst::Trap) {
            return Step::Stop;
        }
        Step::Next
    }

    /// A jump through a register: by a table, or out of the function.
    pub(super) fn jump(&mut self, at: u32, rn: Reg, word: Word) {
        let depth = self.state.depth;
        let known = match self.context().register(rn, at) {
            Value::Element(Some(table)) => self.table(table),
            Value::Element(None) => false,
            Value::Const(address) | Value::Address(address) => match self.index_of(address) {
                Some(target) => {
                    let state = self.state;
                    self.arrive(target, &state);
                    true
                }
                None => depth == Depth(0),
            },
            Value::BelowCfa(_) | Value::Return | Value::Caller | Value::Unknown => {
                depth == Depth(0)
            }
        };
        if !known {
            self.undecided(Reason::IndirectJump, at, Some(word));
        }
    }

    /// Follows a jump table: the words from its start on that are addresses in
    /// this function. It may run on into the function's next table, which only
    /// adds edges. Returns whether it has an entry and could be followed to its
    /// end.
    fn table(&mut self, table: u64) -> bool {
        let state = self.state;
        let first = self.table_entries;
        loop {
            let entry = table.wrapping_add((self.table_entries - first) * 8);
            let target = (self.function.pointer)(entry).and_then(|address| self.index_of(address));
            let Some(target) = target else { return self.table_entries > first };
            if self.table_entries == MAX_TABLE_ENTRIES {
                return false;
            }
            self.arrive(target, &state);
            self.table_entries += 1;
        }
    }

    /// The instruction at an address, if it is one of this function.
    fn index_of(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.function.entry.0)?;
        let inside =
            offset % Word::BYTES == 0 && offset / Word::BYTES < self.function.words.len() as u64;
        if inside { u32::try_from(offset / Word::BYTES).ok() } else { None }
    }

    /// Execution reaches the end of the function, which has `len` words.
    pub(super) fn end(&mut self, len: u32) {
        let last = len - 1;
        let word = self.function.words.get(last as usize).copied();
        // A call of a function that never returns can be the last instruction.
        let call = matches!(word.map(decode), Some(Inst::Call { .. } | Inst::CallReg { .. }));
        if !call && !self.behind_padded_call(len) {
            self.undecided(Reason::RunsPastEnd, last, word);
        }
    }

    /// Whether the row changes at `at` behind a call and NOPs: the mark of a call
    /// that does not return.
    pub(super) fn behind_call_without_return(&self, at: u32, span: &Span) -> bool {
        span.start.0 == at && self.behind_padded_call(at)
    }

    /// Whether there is, in this block, a call before `at` with nothing but NOPs,
    /// at least one, in between.
    fn behind_padded_call(&self, at: u32) -> bool {
        let start = self.checker.block.start();
        let before = self.function.words.get(start as usize..at as usize).unwrap_or_default();
        let nops = before.iter().rev().take(MAX_PADDING + 1);
        let nops = nops.take_while(|&&word| decode(word) == Inst::Nop).count();
        let call = before.len().checked_sub(nops + 1).and_then(|position| before.get(position));
        nops > 0 && call.is_some_and(|&word| matches!(decode(word), Inst::Call { .. }))
    }
}
