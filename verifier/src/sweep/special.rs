//! What else concerns SP, LR, R29 or R27 and keeps the state: jump tables, sequences that
//! start again, uses of R27, calls of morestack, and the pair that is made for DUFFZERO.

use super::Sweep;
use super::frame::{ADD_TMP, ADD_TMP_FP, SET_FP};
use super::words::{is_call, is_jump_register};
use crate::analysis::value::{Kind, Operands, Registers, Value, destination, evaluate};
use crate::checker::{Function, Surroundings};
use crate::rules::restart::Sequence;
use crate::screen::is_event;
use a64::decode::{self, Data, Reg, decode};
use a64::effect::{Effect, Transfer, effect};
use a64::semantics::Access;
use a64::{Base, Core, DecodeCache, Decoded, Semantics};
use core::ops::Range;
use unwind::{Column, Columns, Index, UnsafePoint, Word};

/// `ADR 16(PC), R27`; `STP (R29, R27), -24(RSP)`; `SUB $24, RSP, R29`; `CALL`;
/// `SUB $8, RSP, R29`: the pair is R29 and the address behind the call.
const RETURNS_TO: u32 = 0x1000_009b;
const SAVE_LINK: u32 = 0xa93e_effd;
const SET_LINK: u32 = 0xd100_63fd;

/// How many instructions in front of a jump name its table: ADRP, ADD and LDR.
const NAMES_TABLE: u32 = 3;

/// The most entries that the jump tables of a function have together: so few that the analysis
/// follows them as often as it may have to.
const MAX_TABLE_ENTRIES: usize = 1 << 13;

/// How far behind its definition R27 is read.
const MAX_KEPT: u32 = 8;

const LR: Core = Core::or_zero(Reg::LR);
/// LR and R29.
const SAVED: Core = LR.with(Core::or_zero(Reg::FP));
/// SP and R29.
const BY_FRAME: Core = Core::SP.with(Core::or_zero(Reg::FP));
/// SP, R29 and R28.
const KEPT: Core = BY_FRAME.with(Core::or_zero(Reg(28)));

impl Sweep {
    /// Follows jumps through a register, by a table of addresses in the function.
    pub(super) fn jumps(&mut self, function: &Function<'_, Columns>) -> Option<()> {
        self.tables.clear();
        for position in 0..self.jumps.len() {
            let at = *self.jumps.get(position)?;
            let start = at.checked_sub(NAMES_TABLE)?;
            let table = self.table(function, start, at)?;
            let is_deep = self.bits.is(at, |block| block.deep);
            let mut entries = (0..).map(|entry| {
                let address = function.surroundings.pointer(table.wrapping_add(entry * 8))?;
                function.index_of(address)
            });
            let first = self.tables.len();
            while let Some(target) = entries.next().flatten() {
                self.aim(at, target, is_deep)?;
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
    fn table(&self, function: &Function<'_, Columns>, start: u32, at: u32) -> Option<u64> {
        let Function { words, entry, surroundings, .. } = *function;
        let register = Reg((words.get(at as usize)?.get() >> 5 & 31) as u8);
        let mut registers = Registers::UNKNOWN;
        for at in start..at {
            let effect = effect(&decode(*words.get(at as usize)?));
            let named = Named {
                registers: &registers,
                pc: entry.0.wrapping_add(Index(at).offset()),
                surroundings,
            };
            let value = evaluate(&effect, &named);
            registers.set(destination(&effect)?, value);
        }
        let value = registers.or_zero(register);
        (value.kind == Kind::Element).then_some(value.number)
    }

    /// Holds sequences that start again against rule `restart`.
    pub(super) fn restarts(
        &self,
        words: &[Word],
        classes: &Column<UnsafePoint>,
        memory: &mut DecodeCache,
    ) -> Option<()> {
        // Up to where sequences were looked at.
        let mut until = 0;
        for position in 0..self.bits.len() {
            let mut doubtful = self.bits.block(position).doubtful;
            while doubtful != 0 {
                let at = position * 64 + doubtful.trailing_zeros();
                doubtful &= doubtful - 1;
                if at >= until {
                    until = self.restart(at, words, classes, memory)?;
                }
            }
        }
        Some(())
    }

    /// Holds one sequence, to which `at` belongs, against it. Returns where it ends.
    fn restart(
        &self,
        at: u32,
        words: &[Word],
        classes: &Column<UnsafePoint>,
        memory: &mut DecodeCache,
    ) -> Option<u32> {
        let Range { start: first, end: Index(end) } = classes.range(Index(at))?;
        let Index(start) = first;
        // It is run through, in one state.
        let leaves = self.bits.has(start..end, |block| block.stops | block.calls);
        if self.bits.has_target(start + 1..end) || leaves {
            return None;
        }
        let words = words.get(start as usize..end as usize)?;
        let mut sequence = Sequence::starting(first);
        for (at, &word) in (start..end).zip(words) {
            let decoded = memory.get(word);
            // Where it may go, the bits do not say.
            if a64::decode::is_compare_and_branch(word) {
                return None;
            }
            // R27 may be read by what does not name it.
            let is_special = self.bits.is(at, |block| block.special);
            // The last may pop the frame.
            let is_pop = matches!(word.get(), ADD_TMP | ADD_TMP_FP) && at + 1 == end && !is_special;
            let is_by_address = self.bits.is(at, |block| block.uses_tmp);
            let is_seen = is_pop || is_by_address || is_event(word) && is_special;
            let reads_tmp = decoded.reads_tmp() && !is_seen;
            let is_harmless = is_pop || is_harmless(decoded, self.depth_at(at), false);
            if sequence.is_changed() || reads_tmp || !is_harmless {
                return None;
            }
            sequence.step(decoded);
        }
        Some(end)
    }

    /// Looks at what is part of no shape yet.
    pub(super) fn specials(&mut self, words: &[Word], memory: &mut DecodeCache) -> Option<()> {
        // Up to where a shape goes.
        let mut until = 0;
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
                // It is not that of morestack; where the other may go, the bits do not say.
                if is_call(word) || a64::decode::is_compare_and_branch(word) {
                    return None;
                }
                if word.get() == SAVE_LINK {
                    until = self.link(at, words)?;
                    continue;
                }
                let decoded = memory.get(word);
                let may_write_lr = block.deep >> (at % 64) & 1 == 1 && !self.needs_lr;
                if !is_jump_register(word) && !is_harmless(decoded, self.depth_at(at), may_write_lr)
                {
                    return None;
                }
                if decoded.reads_tmp() {
                    let defined = definition(at, words, memory)?;
                    self.keeps_tmp(defined, at)?;
                }
            }
        }
        Some(())
    }

    /// A pair below SP is made for a callee without a frame. While R29 points at it, nobody
    /// is preempted. Returns where R29 is again what it was.
    fn link(&self, at: u32, words: &[Word]) -> Option<u32> {
        let first = at.checked_sub(1)?;
        let [adr, _, set, call, back] = *words.get(first as usize..)?.first_chunk()?;
        let is_shape = [adr, set, back].map(Word::get) == [RETURNS_TO, SET_LINK, SET_FP];
        let end = at + 4;
        let is_unsafe = self.bits.all(at..end, |block| block.is_unsafe & block.deep);
        let is_run = is_unsafe && !self.bits.has_target(at..end);
        (is_shape && is_call(call) && is_run).then_some(end)
    }

    /// How deep SP is at a boundary.
    fn depth_at(&self, at: u32) -> u32 {
        if self.bits.is(at, |block| block.deep) { self.depth } else { 0 }
    }

    /// R27 has at `at` what was written to it at `defined`: no preemption in between loses
    /// it, or it goes on no further than there.
    pub(super) fn keeps_tmp(&self, defined: u32, at: u32) -> Option<()> {
        let between = defined + 1..at + 1;
        let is_near = at - defined <= MAX_KEPT;
        let leaves = || self.bits.has(defined..at, |block| block.calls | block.stops);
        let is_held = || self.bits.all(between.clone(), |block| block.held() & !block.targets);
        (is_near && is_held() && !leaves()).then_some(())
    }
}

/// Where the value that R27 has at `at` was written, as far as nothing goes in between.
fn definition(at: u32, words: &[Word], memory: &mut DecodeCache) -> Option<u32> {
    let before = (at.saturating_sub(MAX_KEPT)..at).rev();
    let mut writes = before.filter(|&before| {
        let word = words.get(before as usize).copied();
        word.is_some_and(|word| memory.get(word).writes.meets(Core::TMP))
    });
    writes.next()
}

/// Whether an instruction, with SP at a depth, leaves everything as it is that the rules are
/// about, but for R27 and, if it may, LR.
pub(super) fn is_harmless(decoded: &Decoded, depth: u32, may_write_lr: bool) -> bool {
    let kept = if may_write_lr { KEPT } else { KEPT.with(LR) };
    if decoded.writes.meets(kept) {
        return false;
    }
    match decoded.effect {
        Effect::Branch { .. }
        | Effect::Call { .. }
        | Effect::Jump { .. }
        | Effect::Return { .. }
        | Effect::Trap
        | Effect::Breakpoint
        | Effect::LoseSp
        | Effect::Unknown => false,
        Effect::StoreIndexed { rt, rn, .. } => {
            !matches!(rt, Reg::LR | Reg::FP) && !matches!(rn, Reg::SP | Reg::FP)
        }
        Effect::LoadIndexed { rn, .. } => !matches!(rn, Reg::SP | Reg::FP),
        Effect::Transfer(ref transfer) => is_harmless_transfer(transfer, depth),
        // An atomic operation may save LR or R29.
        Effect::Plain if decoded.loads && decoded.stores && decoded.reads.meets(SAVED) => false,
        Effect::Plain if decoded.loads || decoded.stores => {
            // The base is an input.
            !decoded.reads.meets(BY_FRAME) || {
                let Semantics { loads, stores, .. } = decoded.semantics();
                let is_by_frame =
                    |access: Access| matches!(access.base, Base::Register(Reg::SP | Reg::FP));
                !loads.is_some_and(is_by_frame) && !stores.is_some_and(is_by_frame)
            }
        }
        Effect::Plain => true,
        Effect::Const { .. }
        | Effect::Insert { .. }
        | Effect::Add { .. }
        | Effect::AddRegister { .. }
        | Effect::Copy { .. }
        | Effect::Address { .. }
        | Effect::Literal { .. }
        | Effect::BranchIf { .. } => true,
    }
}

/// Whether a load or a store leaves alone what is saved, and what the caller saved.
fn is_harmless_transfer(transfer: &Transfer, depth: u32) -> bool {
    let Transfer { access, data, second, base, offset, .. } = *transfer;
    let is_general = matches!(data, Data::X | Data::Part(_));
    let offset = i64::from(offset);
    let bytes = i64::from(data.bytes()) << u32::from(second.is_some());
    let is_elsewhere = match (base, access) {
        (Reg::FP, _) => false,
        (Reg::SP, decode::Access::Load) => offset >= 0,
        (Reg::SP, decode::Access::Store) => offset >= 8 && !spoils_caller(offset, bytes, depth),
        _ => true,
    };
    is_elsewhere && !(is_general && transfer.concerns_caller())
}

/// The operands of the instructions that name a table.
struct Named<'a> {
    registers: &'a Registers,
    pc: u64,
    surroundings: &'a dyn Surroundings,
}

impl Operands for Named<'_> {
    fn or_zero(&self, register: Reg) -> Value {
        self.registers.or_zero(register)
    }

    fn or_sp(&self, register: Reg) -> Value {
        self.registers.or_sp(register)
    }

    fn pc(&self) -> u64 {
        self.pc
    }

    fn literal(&self, _: i64) -> Value {
        Value::UNKNOWN
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        self.surroundings.pointer(address)
    }
}

/// Whether so many bytes from an offset to SP on are of the two words that the caller saved,
/// with SP at a depth.
pub(super) const fn spoils_caller(offset: i64, bytes: i64, depth: u32) -> bool {
    let cfa = depth as i64;
    offset < cfa + 8 && offset + bytes > cfa - 8
}
