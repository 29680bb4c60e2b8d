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
mod block;
mod edges;
mod judge;
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
use crate::rules::restart::Sequence;
use crate::state::{Frame, Known, KnownId};
pub(crate) use settle::settle;
use spans::{declared, is_restartable, plain};
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
    /// What is known at the boundary that the walk is at: how deep SP is, what the
    /// stack holds, and the registers.
    depth: Depth,
    frame: Frame,
    /// The same for another block, if it was asked for since it changed.
    known: KnownId,
    /// From where on what is known but for SP has been the same.
    changed: u32,
    /// Whether all rules about the state held at the last boundary that was held
    /// against them.
    is_settled: bool,
    /// Whether the next boundary has to be held against the rules: what is known has
    /// changed, or a rule is broken.
    is_changed: bool,
    /// Whether the next instructions have to be looked at one by one.
    is_careful: bool,
    /// Of the span that the walk is in: its position, where it starts and ends, what
    /// [`declared`] says of it, and whether nobody resumes elsewhere from there.
    position: usize,
    span_start: u32,
    span_end: u32,
    declared: Option<Depth>,
    is_plain: bool,
    /// Whether preemption resumes elsewhere than it stops, and whether at the start of a
    /// sequence.
    is_resuming: bool,
    is_restartable: bool,
    /// From which instruction on a definition of R27 is not lost in the span.
    tmp_kept_from: u32,
    /// The register that is lost where a call is injected, if one can be.
    lost: Regs,
    /// Which instruction of the block last wrote R27.
    tmp: Option<u32>,
    sequence: Sequence,
    /// Whether a sequence is longer than the runtime allows.
    has_long_sequence: bool,
    /// The last pair that was made for a callee in this block.
    link: Option<Link>,
    /// From which boundary on a saved word has been below SP.
    below_since: [u32; 2],
    /// Where the straight line that is walked starts, and how far it was walked.
    from: u32,
    here: u32,
    /// The span that the last boundary was found in.
    cursor: usize,
    /// Where the next block starts, or before it: from where the walk is up to
    /// here, none does.
    next_leader: u32,
    /// How many entries of jump tables were followed.
    table_entries: u64,
    pub(crate) through_leader: bool,
}

impl<'a, 'r> Walk<'a, 'r> {
    pub(crate) fn new(
        function: &'a Function<'a>,
        scratch: &'r mut Scratch,
        report: &'r mut Report,
    ) -> Self {
        let is_short = function.words.len() <= SHORT;
        let is_preemptible = !function.flags.contains(FuncFlags::ASM);
        Self {
            function,
            report,
            scratch,
            is_preemptible,
            is_short,
            depth: Depth(0),
            frame: Frame::EMPTY,
            known: KnownId::NONE,
            changed: 0,
            is_settled: true,
            is_changed: false,
            is_careful: is_short,
            position: 0,
            span_start: 0,
            span_end: 0,
            declared: None,
            is_plain: false,
            is_resuming: false,
            is_restartable: false,
            tmp_kept_from: 0,
            lost: if is_preemptible { TMP } else { Regs::NONE },
            tmp: None,
            sequence: Sequence::default(),
            has_long_sequence: false,
            link: None,
            below_since: [0; 2],
            // Nothing yet.
            from: 1,
            here: 0,
            cursor: 0,
            next_leader: 0,
            table_entries: 0,
            through_leader: false,
        }
    }

    pub(crate) fn run(&mut self, memory: &mut Memory) {
        if self.function.words.is_empty() {
            return;
        }
        let entry = self.scratch.knowns.intern(Known::ENTRY);
        self.arrive(0, Depth(0), entry);
        if let Some(Index(recovery)) = self.function.recovery {
            match self.span(recovery).map(|span| span.row.depth) {
                Some(depth) if (recovery as usize) < self.function.words.len() => {
                    let known = self.scratch.knowns.intern(Known::recovered(depth));
                    self.arrive(recovery, depth, known);
                }
                _ => self.undecided(Reason::NoRow, recovery, None),
            }
        }
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
        let words = self.function.words;
        let len = words.len() as u32;
        // Spans follow one another; branches in between look elsewhere. A missing row is
        // reported by the edge that leads here.
        let position = self.scratch.starts.get(start as usize).map(|start| start.position as usize);
        let Some((mut position, mut span)) = position
            .and_then(|position| Some((position, self.function.rows.spans().get(position)?)))
        else {
            return start + 1;
        };
        self.from = start;
        self.here = start;
        self.next_leader = self.scratch.leaders.next(start + 1).unwrap_or(len);
        self.begin_block(start, span);
        self.enter(start, span, position);
        self.is_changed = !self.is_settled || self.declared != Some(self.depth);
        if !self.is_settled {
            self.judge(start, span);
        }
        if self.is_resuming {
            self.judge_resumption(start, span);
        }
        let mut at = start;
        let mut limit = self.limit();
        // The boundary `at` has been judged, and nothing changes before `limit` but by
        // events.
        while let Some(&word) = words.get(at as usize) {
            let screened = if self.is_careful { Screen::Decode } else { screen(word) };
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
                Step::Stop => return at + 1,
            }
            at += 1;
            if at < limit && !self.is_changed {
                continue;
            }
            if at == len {
                break;
            }
            if at == self.span_end {
                position += 1;
                let Some(following) = self.function.rows.spans().get(position) else {
                    self.undecided(Reason::NoRow, at, None);
                    return at;
                };
                span = following;
                self.enter(at, span, position);
            }
            if self.boundary(at, span) == Step::Stop {
                return at;
            }
            limit = self.limit();
        }
        self.end(len);
        len
    }

    /// Up to where a span and a block go.
    #[inline(always)]
    fn limit(&self) -> u32 {
        self.span_end.min(self.next_leader)
    }

    /// Execution falls through to the boundary `at`.
    #[inline(always)]
    fn boundary(&mut self, at: u32, span: &Span) -> Step {
        let is_declared = self.declared == Some(self.depth);
        if !is_declared && self.contradicted(at, span) == Step::Stop {
            return Step::Stop;
        }
        if self.is_changed {
            self.settle_state();
            self.be_careful();
        }
        self.is_changed = !self.is_settled || !is_declared;
        if !self.is_settled {
            self.judge(at, span);
        }
        if self.is_resuming {
            self.judge_resumption(at, span);
        }
        if at == self.next_leader { self.next_block(at, span) } else { Step::Next }
    }

    /// An instruction that is not plain. On [`Step::Next`] execution goes on
    /// behind it.
    #[inline(always)]
    fn event(&mut self, at: u32, word: Word, decoded: &Decoded, span: &Span) -> Step {
        self.here = at;
        let operands = &decoded.operands;
        self.resumes_with(at, operands, span);
        match decoded.effect {
            Effect::Branch { .. } | Effect::BranchIf { .. } => return self.direct(at, word),
            Effect::Return if self.depth != Depth(0) => {
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
            ref effect => self.compute(at, effect),
        }
        self.wrote(at, operands.writes, word)
    }

    pub(crate) fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }
}
