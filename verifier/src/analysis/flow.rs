//! Where execution goes: branches, jumps, calls, exits and the function's end.

use super::engine::{Analysis, Step};
use super::exit::Exit;
use super::state::Live;
use super::value::{Kind, Value};
use crate::Callee;
use crate::flow::target;
use crate::report::Reason;
use a64::Decoded;
use a64::decode::{Access, Inst, LINK, NOP, Reg, decode, is_trap};
use a64::effect::{Effect, Transfer, effect};
use unwind::{Depth, Index, Word};

/// The most entries that the jump tables of a function have together.
const MAX_TABLE_ENTRIES: u64 = 1 << 17;

/// The most NOPs behind a call that does not return; Go puts one.
pub(crate) const MAX_PADDING: usize = 8;

/// The most stores in front of a call of morestack: there are 16 registers for integers and
/// 16 for floating-point numbers (`abi-internal.md`).
const MAX_SPILLS: usize = 32;

impl Analysis<'_, '_> {
    /// Executes one instruction.
    #[inline(always)]
    pub(super) fn execute(&mut self, at: u32, word: Word, decoded: &Decoded) -> Step {
        match decoded.effect {
            Effect::Branch { offset } => {
                self.branch(at, offset);
                return Step::Stop;
            }
            Effect::BranchIf { offset } => {
                self.branch(at, offset);
                return Step::Next;
            }
            Effect::Return { rn: Reg::LR } => {
                self.leave(at, Exit::Return);
                return Step::Stop;
            }
            Effect::Return { rn } | Effect::Jump { rn } => {
                self.jump(at, rn);
                return Step::Stop;
            }
            Effect::Call { offset } => return self.call(at, offset),
            Effect::Trap => return Step::Stop,
            Effect::Breakpoint => {
                self.undecided(Reason::Breakpoint, at, Some(word));
                return Step::Stop;
            }
            Effect::Unknown => {
                self.undecided(Reason::UnknownInstruction, at, Some(word));
                return Step::Stop;
            }
            Effect::LoseSp => return self.lose_sp(at),
            _ => self.apply(at, decoded),
        }
        self.wrote(at, decoded)
    }

    /// A direct branch that is no call.
    #[inline(always)]
    fn branch(&mut self, at: u32, offset: i64) {
        match target(at, offset, self.function.words.len()) {
            Some(target) => {
                let carried = self.carried();
                self.arrive(target, self.scratch.live.depth, carried);
            }
            None if self.is_assembly && self.callee(at, Some(offset)) == Callee::NoReturn => {}
            None => self.leave(at, Exit::Jump),
        }
    }

    /// A call: by its address, so many bytes from the instruction, or through a register.
    fn call(&mut self, at: u32, offset: Option<i64>) -> Step {
        let behind = self.function.entry.0.wrapping_add(Index(at + 1).offset());
        let kept = self.is_morestack(at, offset).then(|| self.register(Reg(3)));
        let comes_back = kept == Some(Value::RETURN);
        self.judge_marked_call(at, offset);
        // What assembly calls in the middle of itself is not followed. (A call of itself stands
        // for one that is not linked yet.)
        let inside = offset.and_then(|by| target(at, by, self.function.words.len()));
        if self.is_assembly && inside.is_some_and(|inside| inside != 0 && inside != at) {
            self.note(Reason::UntrackedCallee, at);
        }
        // Compiled code marks such calls itself.
        let does_return = !self.is_assembly || self.callee(at, offset) != Callee::NoReturn;
        let live = &mut self.scratch.live;
        live.has_escaped |= !comes_back && live.has_copies;
        live.registers.forget_general(Value::LOADED);
        live.has_copies = false;
        let lr = match kept {
            Some(kept @ (Value::RETURN | Value::UNKNOWN)) => kept,
            _ => Value::address(behind),
        };
        live.registers.set(Reg::LR, lr);
        live.words.drop_below(live.depth, at);
        self.resumption.forget_tmp();
        self.changes(at);
        if let Some(recovery) = self.function.recovery
            && live_is_deep(self.scratch.live.depth)
        {
            self.recover(recovery);
        }
        // A callee that came back to a trap would end the program.
        let next = self.function.words.get(at as usize + 1);
        let is_over = !does_return || next.is_some_and(|&word| is_trap(word));
        if is_over { Step::Stop } else { Step::Next }
    }

    /// A function that is marked `SPWRITE` calls another one, from which a precise unwinder
    /// comes to the mark and throws. It takes a marked function for one that gets a larger stack
    /// at its entry, if it is the innermost (`runtime/traceback.go`, `resolveInternal`), and
    /// knows of the runtime's own where they go on, or does not come to them: they call on another
    /// stack.
    pub(super) fn judge_marked_call(&mut self, at: u32, offset: Option<i64>) {
        if self.is_marked && !self.scratch.live.trusts_memory {
            let callee = self.callee(at, offset);
            if !matches!(callee, Callee::Leaf | Callee::Morestack | Callee::NoReturn) {
                self.note(Reason::SpWriteCall, at);
            }
        }
    }

    /// Looks for calls behind the instruction `at`, where a marked function loses SP and is not
    /// followed any further.
    pub(super) fn judge_marked_calls(&mut self, at: u32) {
        let words = self.function.words;
        for (index, &word) in (0..).zip(words).skip(at as usize + 1) {
            match decode(word) {
                Inst::Call { offset } => self.judge_marked_call(index, Some(offset)),
                Inst::CallReg { .. } => self.judge_marked_call(index, None),
                _ => {}
            }
        }
    }

    /// What is known of the function that a call goes to.
    fn callee(&self, at: u32, offset: Option<i64>) -> Callee {
        let callee = |by| self.function.surroundings.callee(self.pc(at).wrapping_add_signed(by));
        offset.map_or(Callee::Unknown, callee)
    }

    /// Whether a call can be one of morestack, made outside of a frame, which comes back with LR
    /// as it is in R3. Compiled code is taken to keep LR there for it alone.
    fn is_morestack(&self, at: u32, offset: Option<i64>) -> bool {
        self.scratch.live.depth == Depth(0)
            && offset.is_some()
            && (!self.is_assembly || self.callee(at, offset) == Callee::Morestack)
    }

    /// The call may end in a panic that is recovered: execution goes on where that resumes the
    /// function, with SP as it is here, R29 at the word below it, and nothing else in registers
    /// (`runtime/panic.go`, `recovery`).
    fn recover(&mut self, Index(at): Index) {
        if at as usize >= self.function.words.len() {
            return self.note(Reason::NoRow, at);
        }
        // It is the same at most calls.
        let Live { depth, words, .. } = &self.scratch.live;
        if self.recovered.as_ref().is_some_and(|known| (known.0, &known.1) == (*depth, words)) {
            return;
        }
        self.recovered = Some((*depth, words.clone()));
        let carried = self.carried_with(|live| {
            live.registers.forget_general(Value::LOADED);
            live.registers.set(Reg::LR, Value::LOADED);
            live.registers.set(Reg::FP, Value::below_cfa(live.depth).plus(-unwind::KEPT_BELOW_SP));
        });
        self.arrive(at, self.scratch.live.depth, carried);
    }

    /// A jump through a register: by a table, or out of the function.
    fn jump(&mut self, at: u32, rn: Reg) {
        let target = self.scratch.live.registers.or_zero(rn);
        let is_known = match target.kind {
            Kind::Element => self.table(target.number),
            Kind::Const | Kind::Address => match self.function.index_of(target.number) {
                Some(target) => {
                    let carried = self.carried();
                    self.arrive(target, self.scratch.live.depth, carried);
                    true
                }
                None => self.leaves_by_jump(at),
            },
            _ => self.leaves_by_jump(at),
        };
        if !is_known {
            let word = self.function.words.get(at as usize).copied();
            self.undecided(Reason::IndirectJump, at, word);
        }
    }

    /// A jump through a register out of the function; returns whether it is known to be one.
    fn leaves_by_jump(&mut self, at: u32) -> bool {
        if self.scratch.live.depth != Depth(0) {
            return false;
        }
        self.leave(at, Exit::Jump);
        true
    }

    /// Follows a jump table: the words from its start on that are addresses in this function.
    /// It may run on into the function's next table, which only adds edges. Returns whether
    /// it has an entry and could be followed to its end.
    fn table(&mut self, table: u64) -> bool {
        let carried = self.carried();
        let depth = self.scratch.live.depth;
        let mut entries = 0;
        loop {
            let entry = table.wrapping_add(entries * Word::BYTES * 2);
            let target = self
                .function
                .surroundings
                .pointer(entry)
                .and_then(|address| self.function.index_of(address));
            let Some(target) = target else { return entries > 0 };
            if entries == MAX_TABLE_ENTRIES {
                return false;
            }
            self.arrive(target, depth, carried);
            entries += 1;
        }
    }

    /// Execution reaches the end of the function.
    #[cold]
    pub(super) fn end(&mut self) {
        let len = self.function.words.len() as u32;
        let word = self.function.words.last().copied();
        // In compiled code a call of a function that never returns can be the last instruction.
        let is_call = matches!(word.map(decode), Some(Inst::Call { .. } | Inst::CallReg { .. }));
        if self.is_assembly || !is_call && !self.is_behind_padded_call(len) {
            self.undecided(Reason::RunsPastEnd, len - 1, word);
        }
    }

    /// Whether nothing falls through to the boundary `at`, where compiled code has another
    /// row: behind a call that the compiler marks as one that does not return, or behind a
    /// case that cannot be.
    pub(super) fn is_behind_no_return(&self, at: u32, position: usize) -> bool {
        let declared = self.function.rows.spans().get(position).map(|span| span.row.depth);
        !self.is_assembly
            && declared != Some(self.scratch.live.depth)
            && (self.is_behind_padded_call(at)
                || declared == Some(Depth(0)) && self.is_behind_impossible_case(at))
    }

    /// Whether what leads to `at` are NOPs alone that a branch goes to, and behind them
    /// morestack is called before there is a frame: the mark of a case that cannot be.
    fn is_behind_impossible_case(&self, at: u32) -> bool {
        let words = self.function.words;
        let nops = words.get(self.line_start() as usize..at as usize).unwrap_or_default();
        // Arguments in registers are kept in their places in the caller's frame first.
        let mut behind = words.get(at as usize..).unwrap_or_default().iter().take(MAX_SPILLS + 1);
        behind.find(|&&word| !is_spill(word)) == Some(&LINK)
            && (1..=MAX_PADDING).contains(&nops.len())
            && nops.iter().all(|&word| word == NOP)
    }

    /// Whether there is, in this line, a call before `at` with nothing but NOPs, at least
    /// one, in between.
    fn is_behind_padded_call(&self, at: u32) -> bool {
        let start = self.line_start() as usize;
        let before = self.function.words.get(start..at as usize).unwrap_or_default();
        let nops = before.iter().rev().take(MAX_PADDING + 1);
        let nops = nops.take_while(|&&word| word == NOP).count();
        let call = before.len().checked_sub(nops + 1).and_then(|position| before.get(position));
        nops > 0 && call.is_some_and(|&word| matches!(decode(word), Inst::Call { .. }))
    }
}

const fn live_is_deep(Depth(depth): Depth) -> bool {
    depth > 0
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
