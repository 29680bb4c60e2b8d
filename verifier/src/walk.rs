//! The walk over a function's control-flow graph that all rules share.
//!
//! # Idea
//! Rows are the invariant for SP: at the start of a block SP is taken to be where
//! the row says, and each edge that leads there is held against it. What is known
//! of LR, R29 and the words saved of them ([`State`]) is carried along the edges:
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
//! [`Checker`] has seen its longest function.

mod access;
mod edges;
mod judge;
mod moves;
mod resume;
mod settle;

use crate::decode::{Inst, Screen, decode, direct_branch, screen};
use crate::flow::{IndexSet, SparseSet, branch_targets};
use crate::operands::{Regs, operands};
use crate::report::{Reason, Report, Undecided};
use crate::rules::below_sp::SignalStack;
use crate::rules::restart::Sequence;
use crate::state::State;
use crate::value::{Block, Value};
use settle::settle;
use unwind::{Depth, FuncFlags, Index, Pc, RowTable, Span, UnsafePoint, Word};

/// One function to check: all that is known of it.
#[derive(Clone, Copy)]
pub struct Function<'a> {
    /// The address of the first instruction.
    pub entry: Pc,
    /// The instructions, up to the next function.
    pub words: &'a [Word],
    /// What the table declares.
    pub rows: &'a RowTable,
    /// The flags in the table.
    pub flags: FuncFlags,
    /// A further entry: where a panic that was recovered resumes the function
    /// (Go's `deferreturn`).
    pub recovery: Option<Index>,
    /// On whose stack handlers of signals run.
    pub signals: SignalStack,
    /// The pointer that the image holds at an address, for jump tables.
    pub pointer: &'a dyn Fn(u64) -> Option<u64>,
}

/// Checks functions, one after the other, in the same memory.
#[derive(Debug)]
pub struct Checker {
    /// Where blocks start.
    leaders: SparseSet,
    /// What is known there.
    starts: Vec<Start>,
    /// The number of the pass; a [`Start`] of another one is old.
    pass: u32,
    visited: IndexSet,
    /// Blocks that are to be walked.
    pending: Vec<u32>,
    block: Block,
    /// The values of registers that were computed ahead.
    values: [Value; 32],
}

/// What is known where a block starts.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// In which pass.
    pass: u32,
    /// Whether the block was walked with it.
    is_walked: bool,
    state: State,
}

/// A pair of a frame that a call without a frame is given: `place` holds R29, and
/// the word above it an address.
#[derive(Clone, Copy, Debug)]
struct Link {
    place: Depth,
    returns_to: Option<u64>,
}

/// How often a function is walked before it is given up.
const MAX_PASSES: u32 = 16;

/// Up to how many instructions a function is walked once without knowing where
/// its branches go: most that are so short have no loop.
const SHORT: usize = 64;

impl Default for Checker {
    fn default() -> Self {
        Self {
            leaders: SparseSet::default(),
            starts: Vec::new(),
            pass: 0,
            visited: IndexSet::default(),
            pending: Vec::new(),
            block: Block::default(),
            values: [Value::Unknown; 32],
        }
    }
}

impl Checker {
    /// A checker with no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a function; `report` is overwritten.
    pub fn check(&mut self, function: &Function<'_>, report: &mut Report) {
        self.leaders.reset(function.words.len());
        if function.words.len() > SHORT {
            branch_targets(function.words, |target| self.leaders.insert(target));
        }
        self.walk(function, report);
    }

    /// What is known at a boundary, or `None` if it is not reached.
    #[must_use]
    pub fn state_at(&mut self, function: &Function<'_>, at: Index) -> Option<State> {
        self.leaders.reset(function.words.len());
        if at.0 as usize >= function.words.len() {
            return None;
        }
        self.leaders.insert(at.0);
        branch_targets(function.words, |target| self.leaders.insert(target));
        let mut report = Report::new();
        self.walk(function, &mut report);
        let start = self.starts.get(at.0 as usize)?;
        // A wrong row hides the depth that SP really has.
        let actual = report.violations.iter().find(|violation| violation.at == at);
        let depth = actual.map_or(start.state.depth, |violation| violation.actual);
        (start.pass == self.pass).then_some(State { depth, ..start.state })
    }

    fn walk(&mut self, function: &Function<'_>, report: &mut Report) {
        let len = function.words.len();
        if self.starts.len() < len {
            self.starts.resize(len, Start { pass: 0, is_walked: false, state: State::ENTRY });
        }
        for pass in 1..=MAX_PASSES {
            report.clear();
            self.visited.reset(len);
            self.pending.clear();
            self.next_pass();
            let mut walk = Walk::new(function, self, report);
            walk.run();
            // A block turned out to start inside what was walked as one. Walk again,
            // with that start known; there is at least one more each time.
            if !walk.through_leader {
                break;
            }
            if pass == MAX_PASSES {
                walk.undecided(Reason::UntrackedStackPointer, 0, None);
            }
            branch_targets(function.words, |target| self.leaders.insert(target));
        }
        report.boundaries = self.visited.len();
        settle(report, &self.leaders, function.flags);
    }

    fn next_pass(&mut self) {
        self.pass = self.pass.wrapping_add(1);
        if self.pass == 0 {
            self.starts.clear();
        }
    }
}

/// Whether execution goes on with the next instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    Stop,
}

/// Whether the rows of a span declare this depth, for those who read the row and
/// for those who read it where execution resumes.
#[inline]
fn declares(span: &Span, depth: Depth) -> bool {
    span.row.depth == depth
        && (span.class_depth == depth || !is_restartable(span))
        && span.row.unsafe_point != UnsafePoint::RestartAtEntry
}

#[inline]
fn is_restartable(span: &Span) -> bool {
    matches!(span.row.unsafe_point, UnsafePoint::Restart1 | UnsafePoint::Restart2)
}

/// One pass over a function.
struct Walk<'a, 'r> {
    function: &'a Function<'a>,
    report: &'r mut Report,
    checker: &'r mut Checker,
    /// Whether goroutines can be preempted in the function, as far as its flags
    /// say.
    is_preemptible: bool,
    /// What is known at the boundary that the walk is at.
    state: State,
    /// From where on what is known but for SP has been the same.
    changed: u32,
    /// Whether all rules about the state hold.
    is_settled: bool,
    /// Whether each instruction has to be looked at.
    is_careful: bool,
    /// The registers whose values were computed ahead.
    ahead: Regs,
    /// Which instruction of the block last wrote R27.
    tmp: Option<u32>,
    sequence: Sequence,
    /// The last pair that was made for a callee in this block.
    link: Option<Link>,
    /// From which boundary on a saved word has been below SP.
    below_since: u32,
    /// Where the straight line that is walked starts.
    from: u32,
    /// The span that the last boundary was found in.
    cursor: usize,
    /// Where the next block starts, or before it: from where the walk is up to
    /// here, none does.
    next_leader: u32,
    /// How many entries of jump tables were followed.
    table_entries: u64,
    through_leader: bool,
}

impl<'a, 'r> Walk<'a, 'r> {
    fn new(function: &'a Function<'a>, checker: &'r mut Checker, report: &'r mut Report) -> Self {
        Self {
            function,
            report,
            checker,
            is_preemptible: !function.flags.contains(FuncFlags::ASM),
            state: State::ENTRY,
            changed: 0,
            is_settled: true,
            is_careful: false,
            ahead: Regs::NONE,
            tmp: None,
            sequence: Sequence::default(),
            link: None,
            below_since: 0,
            from: 0,
            cursor: 0,
            next_leader: 0,
            table_entries: 0,
            through_leader: false,
        }
    }

    fn run(&mut self) {
        if self.function.words.is_empty() {
            return;
        }
        self.arrive(0, &State::ENTRY);
        if let Some(Index(recovery)) = self.function.recovery {
            match self.span(recovery).map(|span| span.row.depth) {
                Some(depth) if (recovery as usize) < self.function.words.len() => {
                    self.arrive(recovery, &State::recovered(depth));
                }
                _ => self.undecided(Reason::NoRow, recovery, None),
            }
        }
        while let Some(start) = self.checker.pending.pop() {
            if self.checker.starts.get(start as usize).is_some_and(|start| !start.is_walked) {
                let stop = self.straight_on(start);
                self.checker.visited.insert_range(start, stop);
            }
        }
    }

    /// An edge reaches the boundary `at`.
    fn arrive(&mut self, at: u32, state: &State) {
        let Some(span) = self.span(at) else {
            return self.undecided(Reason::NoRow, at, None);
        };
        let declared = span.row.depth;
        if !declares(span, state.depth) {
            self.judge_row(at, span, state.depth);
        }
        let pass = self.checker.pass;
        let Some(start) = self.checker.starts.get_mut(at as usize) else { return };
        let incoming = state.at_block(declared);
        if start.pass != pass {
            *start = Start { pass, is_walked: false, state: incoming };
            self.checker.pending.push(at);
            if !self.checker.leaders.contains(at) {
                self.checker.leaders.insert(at);
                self.next_leader = self.next_leader.min(at);
                self.through_leader |= self.checker.visited.contains(at) || self.from < at;
            }
        } else if state.depth == declared {
            let both = start.state.meet(&incoming);
            if both != start.state {
                start.state = both;
                if start.is_walked {
                    start.is_walked = false;
                    self.checker.pending.push(at);
                }
            }
        }
    }

    /// Walks from `start` on until execution goes elsewhere or where it has been;
    /// returns the index behind the last instruction.
    fn straight_on(&mut self, start: u32) -> u32 {
        let words = self.function.words;
        let len = words.len() as u32;
        // A missing row is reported by the edge that leads here.
        let Some(mut span) = self.span(start) else { return start + 1 };
        // Spans follow one another; branches in between look elsewhere.
        let mut position = self.cursor;
        self.from = start;
        self.next_leader = start;
        self.begin_block(start, span);
        self.enter(start, span);
        if !self.is_settled {
            self.judge(start, span);
        }
        let mut at = start;
        // The boundary `at` has been judged.
        while let Some(&word) = words.get(at as usize) {
            if self.is_careful || screen(word) == Screen::Decode {
                if self.event(at, word, span) == Step::Stop {
                    return at + 1;
                }
                at += 1;
            } else {
                // Plain instructions, up to the next span or block.
                if self.next_leader <= at {
                    self.next_leader = self.checker.leaders.next(at + 1).unwrap_or(len);
                }
                let limit = span.end.0.min(self.next_leader).min(len);
                at += 1;
                while at < limit
                    && words.get(at as usize).is_some_and(|&word| screen(word) == Screen::Plain)
                {
                    at += 1;
                }
            }
            if at == len {
                break;
            }
            if at == span.end.0 {
                position += 1;
                let Some(following) = self.function.rows.spans().get(position) else {
                    self.undecided(Reason::NoRow, at, None);
                    return at;
                };
                span = following;
                self.enter(at, span);
            }
            if !declares(span, self.state.depth) && self.contradicted(at, span) == Step::Stop {
                return at;
            }
            if !self.is_settled {
                self.judge(at, span);
            }
            if self.is_careful {
                self.judge_resumption(at, span);
            }
            if self.checker.leaders.contains(at) && self.next_block(at, span) == Step::Stop {
                return at;
            }
        }
        self.end(len);
        len
    }

    /// A block starts at `at`, with what its [`Start`] says.
    fn begin_block(&mut self, at: u32, span: &Span) {
        let Some(start) = self.checker.starts.get_mut(at as usize) else { return };
        start.is_walked = true;
        self.state = start.state;
        self.state.depth = span.row.depth;
        self.changed = at;
        self.ahead = Regs::NONE;
        self.tmp = None;
        self.link = None;
        self.checker.block.begin(at, self.state.depth);
        self.settle_state();
    }

    /// Execution falls through to `at`, where a block starts.
    fn next_block(&mut self, at: u32, span: &Span) -> Step {
        let incoming = self.state.at_block(span.row.depth);
        let pass = self.checker.pass;
        let Some(start) = self.checker.starts.get_mut(at as usize) else { return Step::Stop };
        if start.pass != pass {
            *start = Start { pass, is_walked: false, state: incoming };
        } else {
            let both = start.state.meet(&incoming);
            if both != start.state {
                start.state = both;
            } else if start.is_walked {
                return Step::Stop;
            }
        }
        self.begin_block(at, span);
        self.be_careful(span);
        if !self.is_settled {
            self.judge(at, span);
        }
        Step::Next
    }

    /// The span that a boundary lies in, or `None` when it has no row. Branches go
    /// to where the last one went, to the function's entry, or to its last span,
    /// where morestack is called: those are tried first.
    #[inline]
    fn span(&mut self, at: u32) -> Option<&'a Span> {
        let spans = self.function.rows.spans();
        let holds = |span: &Span| span.start.0 <= at && at < span.end.0;
        let (first, last) = (spans.first()?, spans.len() - 1);
        if holds(first) {
            self.cursor = 0;
        } else if spans.get(self.cursor).is_none_or(|span| !holds(span)) {
            let behind = |span: &Span| span.start.0 <= at;
            let is_last = spans.get(last).is_some_and(behind);
            self.cursor =
                if is_last { last } else { spans.partition_point(behind).saturating_sub(1) };
        }
        spans.get(self.cursor).filter(|span| holds(span))
    }

    /// An instruction that is not plain. On [`Step::Next`] execution goes on
    /// behind it.
    #[inline]
    fn event(&mut self, at: u32, word: Word, span: &Span) -> Step {
        if let Some(branch) = direct_branch(word) {
            if self.is_careful {
                self.resumes_with(at, &operands(word, &decode(word)), span);
            }
            self.branch(at, branch.offset, word);
            return if branch.conditional { Step::Next } else { Step::Stop };
        }
        let inst = decode(word);
        let operands = operands(word, &inst);
        if self.is_careful {
            self.resumes_with(at, &operands, span);
        }
        match inst {
            Inst::Return { .. } if self.state.depth != Depth(0) => {
                self.undecided(Reason::JumpOutOfFrame, at, Some(word));
                Step::Stop
            }
            Inst::Return { .. } | Inst::Trap => Step::Stop,
            Inst::JumpReg { rn } => {
                self.jump(at, rn, word);
                Step::Stop
            }
            Inst::Unknown => {
                self.undecided(Reason::UnknownInstruction, at, Some(word));
                Step::Stop
            }
            Inst::Call { .. } => self.call(at, true, span),
            Inst::CallReg { .. } => self.call(at, false, span),
            _ => self.compute(at, &inst, operands.writes, word, span),
        }
    }

    fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }
}
