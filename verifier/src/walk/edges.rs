//! Where execution goes from a branch, a jump, a call or the function's end.

use super::alike::Edge;
use super::{Step, Walk, declared, is_restartable, plain};
use crate::checker::{Scratch, Start};
use crate::decode::{
    Access, DirectBranch, Inst, LINK, RETURN, Reg, decode, direct_branch, is_trap,
};
use crate::effect::{Effect, Transfer, effect};
use crate::flow::target;
use crate::operands::may_write;
use crate::registers::{Kind, Value};
use crate::report::Reason;
use crate::state::KnownId;
use unwind::{Depth, Span, Word};

/// The most entries that the jump tables of a function have together.
const MAX_TABLE_ENTRIES: u64 = 1 << 17;

/// The most NOPs behind a call that does not return; Go puts one.
pub(crate) const MAX_PADDING: usize = 8;

/// The most stores in front of that: there are 16 registers for integers and 16 for
/// floating-point numbers (`abi-internal.md`).
const MAX_SPILLS: usize = 32;

impl<'a> Walk<'a, '_> {
    /// An edge reaches the boundary `at` with SP at `depth`.
    pub(super) fn arrive(&mut self, at: u32, depth: Depth, known: KnownId) {
        // Another edge, from where the same is known.
        let start = self.scratch.starts.get(at as usize);
        if let Some(&Start { pass, known: before, position, .. }) = start
            && (pass, before) == (self.scratch.pass, known)
            && self.function.rows.spans().get(position as usize).and_then(plain) == Some(depth)
        {
            return;
        }
        // Most branches stay in their span.
        let is_here = (self.line.span_start..self.line.span_end).contains(&at);
        let position = if is_here && self.line.is_plain && self.line.declared == Some(depth) {
            self.line.position
        } else {
            let Some(span) = self.span(at) else {
                return self.undecided(Reason::NoRow, at, None);
            };
            let position = self.line.cursor;
            if plain(span) != Some(depth) {
                self.arrive_elsewhere(at, depth, known, span);
            }
            position
        };
        let pass = self.scratch.pass;
        let Some(start) = self.scratch.starts.get_mut(at as usize) else { return };
        if start.pass != pass {
            *start = Start { pass, known, position: position as u32, is_walked: false };
            self.scratch.pending.push(at);
            if !self.scratch.leaders.contains(at) {
                self.scratch.leaders.insert(at);
                self.line.next_leader = self.line.next_leader.min(at);
                self.line.through_leader |= self.scratch.visited.contains(at)
                    || (self.line.from..=self.line.here).contains(&at);
            }
        } else if start.known != known {
            self.arrive_again(at, depth, known);
        }
    }

    /// An edge reaches a boundary where less was known, or something else.
    #[inline(never)]
    fn arrive_again(&mut self, at: u32, depth: Depth, known: KnownId) {
        let Scratch { starts, knowns, pending, .. } = &mut *self.scratch;
        let Some(start) = starts.get_mut(at as usize) else { return };
        let row = self.function.rows.spans().get(start.position as usize).map(|span| span.row);
        if row.is_none_or(|row| row.depth != depth) {
            return;
        }
        let before = knowns.get(start.known);
        let both = before.meet(&knowns.get(known));
        if both != before {
            start.known = knowns.intern(both);
            if start.is_walked {
                start.is_walked = false;
                pending.push(at);
            }
        }
    }

    /// An edge reaches a boundary whose row declares another depth, or that has another
    /// one to resume at.
    #[cold]
    fn arrive_elsewhere(&mut self, at: u32, depth: Depth, known: KnownId, span: &Span) {
        let rows = self.function.rows;
        if declared(rows, span) != Some(depth) {
            self.judge_row(at, span, depth);
        }
        if is_restartable(span) && at > rows.class(span).start.0 {
            self.enter_sequence(at, span, known);
        }
    }
}

impl Walk<'_, '_> {
    /// A direct branch that is no call.
    #[inline(always)]
    pub(super) fn direct(&mut self, at: u32, word: Word) -> Step {
        let Some(DirectBranch { offset, conditional }) = direct_branch(word) else {
            return Step::Next;
        };
        self.line.here = at;
        let edge = Edge { from: at, depth: self.line.depth, known: self.known() };
        self.follow(edge, offset, word);
        if conditional { Step::Branched } else { Step::Stop }
    }

    /// Goes where a branch leads, or keeps it if that is beyond what is walked.
    #[inline(always)]
    pub(super) fn follow(&mut self, edge: Edge, offset: i64, word: Word) {
        let Edge { from, depth, known } = edge;
        let len = self.function.words.len();
        match target(from, offset, len) {
            Some(target) if target < self.len => self.arrive(target, depth, known),
            _ if (self.len as usize) < len => self.scratch.beyond.push(edge),
            _ if depth == Depth(0) => {}
            _ => self.undecided(Reason::JumpOutOfFrame, from, Some(word)),
        }
    }

    /// A call, by its address or through a register.
    #[inline]
    pub(super) fn call(&mut self, at: u32, is_direct: bool) -> Step {
        // morestack comes back with LR as R3 says.
        let is_back = self.line.depth == Depth(0)
            && is_direct
            && self.value_of(at, Reg(3)).kind == Kind::Return;
        let registers = &mut self.scratch.registers;
        registers.forget_general();
        // The callee's frame takes the place of what is below SP.
        let frame = self.line.frame.without_words_below(self.line.depth);
        let lr = if is_back { Value::RETURN } else { Value::OTHER };
        self.scratch.block.write(Reg::LR, at + 1);
        self.line.tmp = None;
        if registers.or_sp(Reg::LR) != lr || frame != self.line.frame {
            registers.set(Reg::LR, lr);
            self.line.frame = frame;
            self.changes(at);
        }
        // Nor does a call return if the return behind it would come back to itself.
        let behind = self.function.words.get(at as usize + 1);
        let lost = self.line.depth == Depth(0) && !is_back;
        if behind.is_some_and(|&word| is_trap(word) || lost && word == RETURN) {
            return Step::Stop;
        }
        Step::Next
    }

    /// A jump through a register: by a table, or out of the function.
    pub(super) fn jump(&mut self, at: u32, rn: Reg, word: Word) {
        let target = self.value_of(at, rn);
        let known = match target.kind {
            Kind::Element => self.table(target.number),
            Kind::Unknown if self.is_element(at, rn) => false,
            Kind::Const | Kind::Address => match self.function.index_of(target.number) {
                Some(target) => {
                    let known = self.known();
                    self.arrive(target, self.line.depth, known);
                    true
                }
                None => self.line.depth == Depth(0),
            },
            _ => self.line.depth == Depth(0),
        };
        if !known {
            self.undecided(Reason::IndirectJump, at, Some(word));
        }
    }

    /// Whether a register is loaded by an index in this block, as from a table.
    fn is_element(&self, at: u32, register: Reg) -> bool {
        let from = self.scratch.block.start() as usize;
        let before = self.function.words.get(from..at as usize).unwrap_or_default();
        let mut writers = before.iter().rev().filter(|&&word| may_write(word, register));
        writers.next().is_some_and(|&word| matches!(decode(word), Inst::LoadIndexed { .. }))
    }

    /// Follows a jump table: the words from its start on that are addresses in
    /// this function. It may run on into the function's next table, which only
    /// adds edges. Returns whether it has an entry and could be followed to its
    /// end.
    fn table(&mut self, table: u64) -> bool {
        let known = self.known();
        let first = self.line.table_entries;
        loop {
            let entry = table.wrapping_add((self.line.table_entries - first) * 8);
            let target =
                (self.function.pointer)(entry).and_then(|address| self.function.index_of(address));
            let Some(target) = target else { return self.line.table_entries > first };
            if self.line.table_entries == MAX_TABLE_ENTRIES {
                return false;
            }
            self.arrive(target, self.line.depth, known);
            self.line.table_entries += 1;
        }
    }

    /// Execution reaches the end of the function, which is returned.
    #[cold]
    pub(super) fn end(&mut self) -> u32 {
        let (len, last) = (self.len, self.len - 1);
        let word = self.function.words.get(last as usize).copied();
        // A call of a function that never returns can be the last instruction.
        let call = matches!(word.map(decode), Some(Inst::Call { .. } | Inst::CallReg { .. }));
        if !call && !self.behind_padded_call(len) {
            self.undecided(Reason::RunsPastEnd, last, word);
        }
        len
    }

    /// Whether the row changes at `at` behind a call and NOPs: the mark of a call
    /// that does not return.
    pub(super) fn behind_call_without_return(&self, at: u32, span: &Span) -> bool {
        span.start.0 == at && self.behind_padded_call(at)
    }

    /// Whether what leads to `at` are NOPs alone that a branch goes to, and behind them
    /// morestack is called before there is a frame: the mark of a case that cannot be.
    pub(super) fn behind_impossible_case(&self, at: u32, span: &Span) -> bool {
        let words = self.function.words;
        let start = self.scratch.block.start();
        let nops = words.get(start as usize..at as usize).unwrap_or_default();
        // Arguments in registers are kept in their places in the caller's frame first.
        let mut behind = words.get(at as usize..).unwrap_or_default().iter().take(MAX_SPILLS + 1);
        let is_morestack = behind.find(|&&word| !is_spill(word)) == Some(&LINK);
        is_morestack
            && span.row.depth == Depth(0)
            && (1..=MAX_PADDING).contains(&nops.len())
            && nops.iter().all(|&word| decode(word) == Inst::Nop)
    }

    /// Whether there is, in this block, a call before `at` with nothing but NOPs,
    /// at least one, in between.
    fn behind_padded_call(&self, at: u32) -> bool {
        let start = self.scratch.block.start();
        let before = self.function.words.get(start as usize..at as usize).unwrap_or_default();
        let nops = before.iter().rev().take(MAX_PADDING + 1);
        let nops = nops.take_while(|&&word| decode(word) == Inst::Nop).count();
        let call = before.len().checked_sub(nops + 1).and_then(|position| before.get(position));
        nops > 0 && call.is_some_and(|&word| matches!(decode(word), Inst::Call { .. }))
    }
}

/// Whether a word stores registers above SP, and does nothing else.
fn is_spill(word: Word) -> bool {
    matches!(
        effect(&decode(word)),
        Effect::Transfer(Transfer {
            access: Access::Store,
            base: Reg::SP,
            offset: 0..,
            back: None,
            ..
        })
    )
}
