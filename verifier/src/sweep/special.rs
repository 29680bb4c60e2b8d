//! What else concerns SP, LR, R29 or R27 and keeps the state: jump tables, sequences that
//! start again, uses of R27, calls of morestack, and the pair that is made for DUFFZERO.

use super::Sweep;
use super::frame::SET_FP;
use super::words::{is_call, is_jump_register};
use crate::checker::Function;
use crate::decode::Reg;
use crate::decoded::{Decoded, Memory};
use crate::effect::Effect;
use crate::operands::{Regs, is_indexed};
use crate::registers::{Kind, Registers};
use crate::rules::restart::Sequence;
use crate::value::{Block, Context, MAX_STEPS, Operand, Search};
use crate::walk::{MORESTACK, RESTART_REACH, is_restartable};
use unwind::{Depth, Index, RowTable, UnsafePoint, Word};

/// `ADR 16(PC), R27`; `STP (R29, R27), -24(RSP)`; `SUB $24, RSP, R29`; `CALL`;
/// `SUB $8, RSP, R29`: the pair is R29 and the address behind the call.
const RETURNS_TO: u32 = 0x1000_009b;
const SAVE_LINK: u32 = 0xa93e_effd;
const SET_LINK: u32 = 0xd100_63fd;

/// How many instructions in front of a jump name its table: ADRP, ADD and LDR.
const NAMES_TABLE: u32 = 3;

/// The most entries that the jump tables of a function have together: so few that the walk
/// follows them as often as it may have to.
const MAX_TABLE_ENTRIES: usize = 1 << 13;

/// How far behind its definition R27 is read.
const MAX_KEPT: u32 = 8;

const TMP: Regs = Regs::or_zero(Reg::TMP);
const LR: Regs = Regs::or_zero(Reg::LR);
const FRAME: Regs = Regs::SP.with(Regs::or_zero(Reg::FP));

impl Sweep {
    /// Follows jumps through a register, by a table of addresses in the function.
    pub(super) fn jumps(&mut self, function: &Function<'_>) -> Option<()> {
        self.tables.clear();
        for position in 0..self.jumps.len() {
            let at = *self.jumps.get(position)?;
            let start = at.checked_sub(NAMES_TABLE)?;
            let table = self.table(function, start, at)?;
            let is_deep = self.bits.is(at, |block| block.deep);
            let mut entries = (0..).map(|entry| {
                let address = (function.pointer)(table.wrapping_add(entry * 8))?;
                function.index_of(address)
            });
            let first = self.tables.len();
            while let Some(target) = entries.next().flatten() {
                self.aim(target, is_deep)?;
                self.tables.push((at, target));
                if self.tables.len() > MAX_TABLE_ENTRIES {
                    return None;
                }
            }
            if self.tables.len() == first {
                return None;
            }
        }
        let is_entered = |&at: &u32| self.bits.has_target(at + 1 - NAMES_TABLE..at + 1);
        (!self.jumps.iter().any(is_entered)).then_some(())
    }

    /// The address of the table that the jump at `at` takes its target from, as the
    /// instructions from `start` on name it.
    fn table(&self, function: &Function<'_>, start: u32, at: u32) -> Option<u64> {
        let Function { words, entry, pointer, .. } = *function;
        let register = Reg((words.get(at as usize)?.get() >> 5 & 31) as u8);
        let (mut block, registers, mut steps) = (Block::default(), Registers::new(), MAX_STEPS);
        block.begin(start, Depth(i64::from(self.depth)));
        let context = Context { words, entry, block: &block, registers: &registers, pointer };
        let value = Search { context, at, steps: &mut steps }.or_zero(register);
        (value.kind == Kind::Element).then_some(value.number)
    }

    /// Holds sequences that start again against rule `restart`.
    pub(super) fn restarts(
        &self,
        words: &[Word],
        rows: &RowTable,
        memory: &mut Memory,
    ) -> Option<()> {
        let spans = rows.spans();
        let ends = spans.iter().skip(1).map(|next| next.start).chain([rows.end()]);
        for (span, Index(end)) in spans.iter().zip(ends) {
            if !is_restartable(span) {
                continue;
            }
            // It is run through, in one state.
            let Index(start) = span.start;
            let is_whole = rows.class(span).start == span.start && end - start <= RESTART_REACH + 1;
            let leaves = |at| self.bits.is(at, |block| block.stops | block.calls);
            if !is_whole || self.bits.has_target(start + 1..end) || (start..end).any(leaves) {
                return None;
            }
            let mut sequence = Sequence::starting(span.start);
            for (at, &word) in (start..end).zip(words.get(start as usize..end as usize)?) {
                let decoded = memory.get(word);
                // R27 may be read by what does not name it.
                let is_seen = self.bits.is(at, |block| block.special);
                let reads_tmp = decoded.operands.reads.meets(TMP) && !is_seen;
                if sequence.is_changed() || reads_tmp || !is_harmless(word, decoded, false) {
                    return None;
                }
                sequence.step(&decoded.operands);
            }
        }
        Some(())
    }

    /// Looks at what is part of no shape yet.
    pub(super) fn specials(
        &mut self,
        words: &[Word],
        rows: &RowTable,
        memory: &mut Memory,
    ) -> Option<()> {
        // Where R27 was written last, and up to where a shape goes.
        let (mut defined, mut until) = (None, 0);
        // The span that was looked at last.
        let mut cursor = 0;
        for position in 0..self.bits.len() {
            let block = self.bits.block(position);
            if self.needs_lr && block.calls & block.deep & block.reached != 0 {
                return None;
            }
            let mut special = block.special & block.reached;
            while special != 0 {
                let at = position * 64 + special.trailing_zeros();
                special &= special - 1;
                if at < until {
                    continue;
                }
                let word = *words.get(at as usize)?;
                if is_call(word) {
                    self.morestack(at, words)?;
                    continue;
                }
                if word.get() == SAVE_LINK {
                    until = self.link(at, words, rows)?;
                    defined = None;
                    continue;
                }
                let decoded = memory.get(word);
                let may_write_lr = block.deep >> (at % 64) & 1 == 1 && !self.needs_lr;
                if !is_jump_register(word) && !is_harmless(word, decoded, may_write_lr) {
                    return None;
                }
                if decoded.operands.reads.meets(TMP) {
                    self.keeps_tmp(defined?, at, rows, &mut cursor)?;
                }
                if decoded.operands.writes.meets(TMP) {
                    defined = Some(at);
                }
            }
        }
        Some(())
    }

    /// A call outside of the frame is that of morestack, which comes back with LR as it is
    /// in R3.
    fn morestack(&self, at: u32, words: &[Word]) -> Option<()> {
        let before = words.get(at.checked_sub(1)? as usize)?;
        (*before == MORESTACK && !self.bits.has_target(at..at + 1)).then_some(())
    }

    /// A pair below SP is made for a callee without a frame. While R29 points at it, nobody
    /// is preempted. Returns where R29 is again what it was.
    fn link(&self, at: u32, words: &[Word], rows: &RowTable) -> Option<u32> {
        let first = at.checked_sub(1)?;
        let [adr, _, set, call, back] = *words.get(first as usize..)?.first_chunk()?;
        let is_shape = [adr, set, back].map(Word::get) == [RETURNS_TO, SET_LINK, SET_FP];
        let end = at + 4;
        let position = rows.position(Index(at))?;
        let next = rows.spans().get(position + 1).map_or(rows.end(), |next| next.start);
        let is_unsafe = rows.spans().get(position)?.row.unsafe_point == UnsafePoint::Unsafe;
        let is_deep = self.bits.is(at, |block| block.deep);
        let is_run = is_deep && is_unsafe && next.0 >= end && !self.bits.has_target(at..end);
        (is_shape && is_call(call) && is_run).then_some(end)
    }

    /// R27 has at `at` what was written to it at `defined`: no preemption in between loses
    /// it, or it goes on no further than there.
    fn keeps_tmp(&self, defined: u32, at: u32, rows: &RowTable, cursor: &mut usize) -> Option<()> {
        let leaves = |at| self.bits.is(at, |block| block.calls | block.stops);
        let is_near = at - defined <= MAX_KEPT;
        if !is_near || self.bits.has_target(defined + 1..at + 1) || (defined..at).any(leaves) {
            return None;
        }
        let spans = rows.spans();
        for boundary in defined + 1..=at {
            while spans.get(*cursor + 1).is_some_and(|next| next.start.0 <= boundary) {
                *cursor += 1;
            }
            while spans.get(*cursor).is_some_and(|span| span.start.0 > boundary) {
                *cursor -= 1;
            }
            let span = spans.get(*cursor)?;
            let is_unsafe = span.row.unsafe_point == UnsafePoint::Unsafe;
            let is_restarted = is_restartable(span) && rows.class(span).start.0 <= defined;
            if !is_unsafe && !is_restarted {
                return None;
            }
        }
        Some(())
    }
}

/// Whether an instruction leaves everything as it is that the rules are about, but for
/// R27 and, if it may, LR.
fn is_harmless(word: Word, decoded: &Decoded, may_write_lr: bool) -> bool {
    let operands = &decoded.operands;
    let kept = if may_write_lr { FRAME } else { FRAME.with(LR) };
    if operands.writes.meets(kept) {
        return false;
    }
    match decoded.effect {
        Effect::Const { .. }
        | Effect::Insert { .. }
        | Effect::Add { .. }
        | Effect::AddRegister { .. }
        | Effect::Copy { .. }
        | Effect::Address { .. }
        | Effect::Literal { .. }
        | Effect::Element { .. }
        | Effect::BranchIf { .. } => true,
        Effect::StoreIndexed { rt: Reg::LR | Reg::FP, .. } => false,
        Effect::Plain | Effect::StoreIndexed { .. } => {
            !operands.reads.meets(FRAME) || !operands.stores() || is_indexed(word)
        }
        Effect::Transfer(ref transfer) => {
            // Above what is saved.
            let is_above = transfer.offset >= 8 && transfer.back.is_none();
            let is_elsewhere = match transfer.base {
                Reg::SP => is_above,
                base => base != Reg::FP,
            };
            is_elsewhere && !transfer.concerns_caller()
        }
        _ => false,
    }
}
