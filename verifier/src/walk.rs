//! The walk over a function's control-flow graph that all rules share.
//!
//! # Idea
//! Rows are the invariant for SP: at the start of a block SP is taken to be where
//! the row says, and each edge that leads there is held against it. What is known
//! of LR, R29 and the words saved of them ([`crate::State`]) is carried along the edges:
//! where two meet, what holds on both goes on, and a block is walked again if that
//! is less than before, a few times at most. Other registers are looked at only
//! where SP, LR, R29 or a place in the stack is computed from them (module
//! `value`).
//!
//! # Transfer
//! An instruction changes the depth by its effect on SP ([`crate::sp_effect`]), and
//! the rest as the rules say ([`crate::rules`]). Edges are: the next instruction,
//! unless the instruction jumps, returns or traps; the target of a direct branch;
//! the entries of a jump table that a jump through a register reads; and from
//! inside a restartable sequence its start, if what is known has changed since.
//!
//! # Direction of error
//! What is not understood makes the function undecided, each reason for those
//! observers whom it concerns. Only what is reached from the entries is judged, so
//! that literals and padding between the instructions are not.
//!
//! # Cost
//! Linear in the code: every search is bounded, backwards for a definition (256
//! instructions), through jump tables (131,072 entries), and over again when a
//! block turns out to start inside what was walked as one (16 passes; real code
//! takes one or two). What exceeds a bound is undecided. No allocation once a
//! [`crate::Checker`] has seen its longest function.

mod access;
mod alike;
mod block;
mod edges;
mod judge;
mod line;
mod moves;
mod resume;
mod settle;
mod spans;

use crate::checker::{Function, SHORT, Scratch};
use crate::decode::{Reg, Screen, screen};
use crate::decoded::{Decoded, Memory};
use crate::effect::Effect;
use crate::operands::{Regs, is_indexed};
use crate::report::{Reason, Report, Undecided};
use crate::state::Known;
pub(crate) use alike::{Beginning, Edge};
pub(crate) use edges::MAX_PADDING;
use line::Line;
pub(crate) use resume::RESTART_REACH;
pub(crate) use settle::settle;
pub(crate) use spans::is_restartable;
use spans::{declared, plain};
use unwind::{Depth, FuncFlags, Index, Span, Word};

/// A pair of a frame that a call without a frame is given: `place` holds R29, and
/// the word above it an address.
#[derive(Clone, Copy, Debug)]
struct Link {
    place: Depth,
    returns_to: Option<u64>,
}

const TMP: Regs = Regs::or_zero(Reg::TMP);

/// Whether execution goes on with the next instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    /// It does, and a block may start nearer than was known.
    Branched,
    Stop,
}

/// One pass over a function.
pub(crate) struct Walk<'a, 'r> {
    function: &'a Function<'a>,
    report: &'r mut Report,
    scratch: &'r mut Scratch,
    /// Whether goroutines can be preempted in the function, as far as its flags
    /// say.
    is_preemptible: bool,
    /// Whether each instruction is looked at.
    is_short: bool,
    /// The register that is lost where a call is injected, if one can be.
    lost: Regs,
    /// The number of its instructions; in front of the boundary where functions that
    /// begin alike part, that of those.
    len: u32,
    /// Whether something hangs on words that are not walked yet.
    looks_beyond: bool,
    /// Where the walk is.
    pub(crate) line: Line,
}

impl<'a, 'r> Walk<'a, 'r> {
    pub(crate) fn new(
        function: &'a Function<'a>,
        scratch: &'r mut Scratch,
        report: &'r mut Report,
    ) -> Self {
        let line = Line::new(function.words.len() <= SHORT);
        Self::at(line, function, scratch, report)
    }

    /// A walk that has come somewhere.
    fn at(
        line: Line,
        function: &'a Function<'a>,
        scratch: &'r mut Scratch,
        report: &'r mut Report,
    ) -> Self {
        let is_preemptible = !function.flags.contains(FuncFlags::ASM);
        Self {
            function,
            report,
            scratch,
            is_preemptible,
            is_short: function.words.len() <= SHORT,
            lost: if is_preemptible { TMP } else { Regs::NONE },
            len: function.words.len() as u32,
            looks_beyond: false,
            line,
        }
    }

    pub(crate) fn run(&mut self, memory: &mut Memory) {
        if self.function.words.is_empty() {
            return;
        }
        self.arrive_at_entry();
        if let Some(Index(recovery)) = self.function.recovery {
            match self.span(recovery).map(|span| span.row.depth) {
                Some(depth) if (recovery as usize) < self.function.words.len() => {
                    let known = self.scratch.knowns.intern(Known::recovered(depth));
                    self.arrive(recovery, depth, known);
                }
                _ => self.undecided(Reason::NoRow, recovery, None),
            }
        }
        self.run_pending(memory);
    }

    /// Walks what is entered with a frame, as one that a recovered panic left.
    pub(crate) fn run_framed(&mut self, memory: &mut Memory) {
        if let Some(depth) = self.span(0).map(|span| span.row.depth) {
            let known = self.scratch.knowns.intern(Known::recovered(depth));
            self.arrive(0, depth, known);
            self.run_pending(memory);
        }
    }

    fn arrive_at_entry(&mut self) {
        let entry = self.scratch.knowns.intern(Known::ENTRY);
        self.arrive(0, Depth(0), entry);
    }

    /// Walks the blocks that were reached, and those that are reached from there.
    fn run_pending(&mut self, memory: &mut Memory) {
        while let Some(start) = self.scratch.pending.pop() {
            if self.scratch.starts.get(start as usize).is_some_and(|start| !start.is_walked) {
                let stop = self.straight_on(start, memory);
                self.scratch.visited.insert_range(start, stop);
            }
        }
    }

    /// Walks from `start` on until execution goes elsewhere or where it has been;
    /// returns the index behind the last instruction.
    fn straight_on(&mut self, start: u32, memory: &mut Memory) -> u32 {
        // A missing row is reported by the edge that leads here.
        match self.set_out(start) {
            Some(span) => self.further(start, span, memory).unwrap_or_else(|| self.end()),
            None => start + 1,
        }
    }

    /// A line begins at `start`, with what its [`crate::checker::Start`] says; returns the
    /// span that it lies in.
    #[inline(always)]
    fn set_out(&mut self, start: u32) -> Option<&'a Span> {
        let position = self.scratch.starts.get(start as usize)?.position as usize;
        let span = self.function.rows.spans().get(position)?;
        self.line.from = start;
        self.line.here = start;
        self.line.next_leader = self.scratch.leaders.next(start + 1).unwrap_or(self.len);
        self.begin_block(start, span);
        self.enter(start, span, position);
        self.line.is_changed = !self.line.is_settled || self.line.declared != Some(self.line.depth);
        if !self.line.is_settled {
            self.judge(start, span);
        }
        if self.line.is_resuming {
            self.judge_resumption(start, span);
        }
        Some(span)
    }

    /// Walks on from the boundary `at`, which has been judged; returns the index behind the
    /// last instruction, or `None` if execution goes on behind that of the function.
    #[inline(never)]
    fn further(&mut self, mut at: u32, mut span: &'a Span, memory: &mut Memory) -> Option<u32> {
        let words = self.function.words;
        let mut limit = self.limit();
        // Nothing changes before `limit` but by events.
        while let Some(&word) = words.get(at as usize) {
            let screened = if self.line.is_careful { Screen::Decode } else { screen(word) };
            let step = match screened {
                Screen::Plain => {
                    let plain = |&word: &Word| screen(word) == Screen::Plain;
                    while at + 1 < limit && words.get(at as usize + 1).is_some_and(plain) {
                        at += 1;
                    }
                    self.scratch.registers.forget_general();
                    Step::Next
                }
                Screen::Branch => self.direct(at, word),
                Screen::Call => self.call(at, true),
                Screen::Decode => self.event(at, word, memory.get(word), span),
            };
            match step {
                Step::Next => {}
                Step::Branched => limit = self.limit(),
                Step::Stop => return Some(at + 1),
            }
            at += 1;
            if at < limit && !self.line.is_changed {
                continue;
            }
            if at == self.len {
                break;
            }
            match self.come_to(at, span) {
                Some(here) => span = here,
                None => return Some(at),
            }
            limit = self.limit();
        }
        None
    }

    /// Up to where a span and a block go.
    #[inline(always)]
    fn limit(&self) -> u32 {
        self.line.span_end.min(self.line.next_leader)
    }

    /// Execution falls through from a span to the boundary `at`; returns the span that
    /// it lies in, or `None` if nothing goes on there.
    #[inline(always)]
    fn come_to(&mut self, at: u32, mut span: &'a Span) -> Option<&'a Span> {
        if at == self.line.span_end {
            // Spans follow one another; branches in between look elsewhere.
            let position = self.line.position + 1;
            let Some(following) = self.function.rows.spans().get(position) else {
                self.undecided(Reason::NoRow, at, None);
                return None;
            };
            span = following;
            self.enter(at, span, position);
        }
        (self.boundary(at, span) != Step::Stop).then_some(span)
    }

    /// Execution falls through to the boundary `at`.
    #[inline(always)]
    fn boundary(&mut self, at: u32, span: &Span) -> Step {
        let is_declared = self.line.declared == Some(self.line.depth);
        if !is_declared && self.contradicted(at, span) == Step::Stop {
            return Step::Stop;
        }
        if self.line.is_changed {
            self.settle_state();
            self.be_careful();
        }
        self.line.is_changed = !self.line.is_settled || !is_declared;
        if !self.line.is_settled {
            self.judge(at, span);
        }
        if self.line.is_resuming {
            self.judge_resumption(at, span);
        }
        if at == self.line.next_leader { self.next_block(at, span) } else { Step::Next }
    }

    /// An instruction that is not plain. On [`Step::Next`] execution goes on
    /// behind it.
    #[inline(always)]
    fn event(&mut self, at: u32, word: Word, decoded: &Decoded, span: &Span) -> Step {
        self.line.here = at;
        let operands = &decoded.operands;
        self.resumes_with(at, operands, span);
        match decoded.effect {
            Effect::Branch { .. } | Effect::BranchIf { .. } => return self.direct(at, word),
            Effect::Return if self.line.depth != Depth(0) => {
                self.undecided(Reason::JumpOutOfFrame, at, Some(word));
                return Step::Stop;
            }
            Effect::Return | Effect::Trap => return Step::Stop,
            Effect::Jump { rn } => {
                self.jump(at, rn, word);
                return Step::Stop;
            }
            Effect::Unknown => {
                self.undecided(Reason::UnknownInstruction, at, Some(word));
                return Step::Stop;
            }
            Effect::Call { is_direct } => return self.call(at, is_direct),
            Effect::Transfer(ref transfer) => self.transfer(at, transfer, operands.writes),
            Effect::StoreIndexed { rt: rt @ (Reg::LR | Reg::FP), rn, rm, shift } => {
                self.store_indexed(at, rt, rn, (rm, shift));
            }
            Effect::LoseSp => return self.lose_sp(at, word),
            Effect::Plain | Effect::StoreIndexed { .. } => {
                let by_frame = operands.reads.meets(Regs::SP.with(Regs::or_zero(Reg::FP)));
                if by_frame && operands.stores() && !is_indexed(word) {
                    self.store_otherwise();
                }
                self.scratch.registers.forget(operands.writes);
            }
            Effect::Insert { rd, imm, shift } if rd.0 < Reg::FP.0 => {
                self.scratch.registers.insert(rd, imm, shift);
            }
            // The frequent ones each in an arm of its own: there it is known which it is.
            ref effect @ Effect::Const { .. } => self.compute(at, effect),
            ref effect @ Effect::Add { .. } => self.compute(at, effect),
            ref effect @ Effect::AddRegister { .. } => self.compute(at, effect),
            ref effect @ Effect::Literal { .. } => {
                self.looks_beyond = true;
                self.compute(at, effect);
            }
            ref effect => self.compute(at, effect),
        }
        self.wrote(at, operands.writes, word)
    }

    pub(crate) fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }
}
