//! Rule `sp-row`: SP is where the table says.
//!
//! # Claim
//! If a [`Report`] has neither a violation nor anything undecided, then in every
//! execution that enters the function at its entry (or at one of the given
//! further entries, with the depth declared there) and obeys the assumptions
//! below, at every boundary that is reached SP equals the CFA minus the depth
//! declared for that boundary, and where a goroutine may be preempted, also
//! minus the depth declared for the boundary where it would resume.
//!
//! # Abstract state
//! The depth of SP below the CFA. At the start of a block it is what the row
//! declares: rows are the loop invariant, so there is no fixpoint. Inside a
//! block it is followed exactly. Other registers are looked at only where SP is
//! computed from them (module `value`): as constants and as distances from the
//! CFA.
//!
//! # Transfer
//! An instruction changes the depth by its effect on SP ([`crate::sp_effect`]).
//! Each boundary on the way is compared with its row, and so is the boundary at
//! the end of each edge with the depth at its start. Edges are: the next
//! instruction, unless the instruction jumps, returns or traps; the target of a
//! direct branch; the entries of a jump table that a jump through a register
//! reads.
//!
//! # Direction of error
//! What is not understood makes the function undecided: a word that the decoder
//! does not know, a write of SP that is not followed, a jump whose targets are
//! not known, a boundary without a row. Only what is reached from the entries is
//! judged, so that literals and padding between the instructions are not.
//!
//! # Assumptions
//! - A call returns to the instruction behind it with SP as it was; so does a
//!   system call.
//! - A direct call does not return at all if behind it, after one or more NOPs,
//!   the declared depth changes without a write of SP, or the function ends. Go
//!   marks calls of functions that never return so (`cmd/compile`, `BlockExit`):
//!   the NOP keeps the return address inside the caller's row. A call that is
//!   the last instruction does not return either.
//! - Unwinders do not read the rows of a function that is marked `SPWRITE`.
//! - A jump through a register outside of any frame (depth 0) leaves the
//!   function, unless it reads a jump table.
//! - Code is not modified while it runs; jump tables are not either.
//!
//! # Cost
//! Linear in the code, but for a search backwards inside the block for each
//! write of SP from a register. No allocation once a [`Checker`] has seen its
//! longest function.
//!
//! # Not checked
//! What the stack holds; LR and R29; that a jump out of the function lands at a
//! boundary with depth 0; functions that are not in the table.

use crate::decode::{Inst, Reg, Screen, decode, direct_branch, screen};
use crate::effect::{SpEffect, sp_effect};
use crate::flow::{IndexSet, target};
use crate::report::{Observer, Observers, Reason, Report, Rule, Undecided, Violation};
use crate::value::{Block, Context, Value};
use core::cell::Cell;
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
    /// The pointer that the image holds at an address, for jump tables.
    pub pointer: &'a dyn Fn(u64) -> Option<u64>,
}

/// The most entries that a jump table is believed to have.
const MAX_TABLE: u64 = 1 << 16;

/// Checks functions, one after the other, in the same memory.
#[derive(Debug, Default)]
pub struct Checker {
    /// Where blocks start.
    leaders: IndexSet,
    visited: IndexSet,
    /// Stretches of code that values were followed through, from the definition
    /// (not included) to the use.
    followed: Vec<(u32, u32)>,
    block: Block,
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
        loop {
            report.clear();
            self.visited.reset(function.words.len());
            self.followed.clear();
            let mut walk =
                Walk { function, report, checker: self, cursor: 0, through_leader: false };
            walk.run();
            // A block turned out to start inside a stretch that a value was
            // followed through. Walk again, with that start known; there is at
            // least one more each time.
            if !walk.through_leader {
                break;
            }
        }
        report.boundaries = self.visited.len();
        report.violations.sort_by_key(|violation| violation.at);
        report.violations.dedup_by_key(|violation| (violation.rule, violation.at));
        report.undecided.sort_by_key(|undecided| (undecided.at, undecided.reason));
        report.undecided.dedup();
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
fn holds(span: &Span, depth: Depth) -> bool {
    span.row.depth == depth
        && (span.class_depth == depth
            || !matches!(span.row.unsafe_point, UnsafePoint::Restart1 | UnsafePoint::Restart2))
        && span.row.unsafe_point != UnsafePoint::RestartAtEntry
}

/// One pass over a function.
struct Walk<'a, 'r> {
    function: &'a Function<'a>,
    report: &'r mut Report,
    checker: &'r mut Checker,
    /// The span that the last boundary was found in.
    cursor: usize,
    through_leader: bool,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self) {
        if self.function.words.is_empty() {
            return;
        }
        self.arrive(0, Depth(0));
        if let Some(recovery) = self.function.recovery {
            self.leader(recovery.0);
        }
        while let Some(start) = self.checker.leaders.first_not_in(&self.checker.visited) {
            self.walk(start);
        }
    }

    /// An edge reaches the boundary `at` with SP at `depth`.
    #[inline]
    fn arrive(&mut self, at: u32, depth: Depth) {
        match self.span(at) {
            Some(span) if holds(span, depth) => {}
            Some(span) => self.judge(at, span, depth),
            None => self.undecided(Reason::NoRow, at, None),
        }
        self.leader(at);
    }

    /// A block starts at `at`.
    #[inline]
    fn leader(&mut self, at: u32) {
        if self.checker.leaders.contains(at) {
            return;
        }
        self.checker.leaders.insert(at);
        let inside = |&(from, to): &(u32, u32)| from < at && at <= to;
        self.through_leader |= self.checker.followed.iter().any(inside);
    }

    /// Walks blocks from `start` on until execution goes elsewhere.
    fn walk(&mut self, start: u32) {
        let stop = self.straight_on(start);
        self.checker.visited.insert_range(start, stop);
    }

    /// Walks from `start` on; returns the index behind the last instruction.
    fn straight_on(&mut self, start: u32) -> u32 {
        let words = self.function.words;
        let len = words.len() as u32;
        // A missing row is reported by the edge that leads here.
        let Some(mut span) = self.span(start) else { return start + 1 };
        let mut depth = span.row.depth;
        self.checker.block.begin(start, depth);
        let mut at = start;
        loop {
            // The boundary `at` has been compared; execute the instruction.
            let Some(&word) = words.get(at as usize) else { return at };
            let next = at + 1;
            if screen(word) == Screen::Decode && self.event(at, word, &mut depth) == Step::Stop {
                return next;
            }
            if next == len {
                self.end(at, word);
                return next;
            }
            if next == span.end.0 {
                let Some(following) = self.span(next) else {
                    self.undecided(Reason::NoRow, next, None);
                    return next;
                };
                span = following;
            }
            if !holds(span, depth) {
                if self.behind_call_without_return(next, span) {
                    return next;
                }
                self.judge(next, span, depth);
            }
            if self.checker.leaders.contains(next) {
                // The end of the block. The next one starts from its row.
                if self.checker.visited.contains(next) {
                    return next;
                }
                depth = span.row.depth;
                self.checker.block.begin(next, depth);
            }
            at = next;
        }
    }

    /// Whether there is a call before `at` with nothing but NOPs, at least one,
    /// in between.
    fn behind_padded_call(&self, at: u32) -> bool {
        let before = self.function.words.get(..at as usize).unwrap_or_default();
        let mut nops = 0;
        for &word in before.iter().rev() {
            match decode(word) {
                Inst::Nop => nops += 1,
                Inst::Call { .. } => return nops > 0,
                _ => return false,
            }
        }
        false
    }

    /// Whether the row changes at `at` behind such a call: the mark of a call that
    /// does not return.
    fn behind_call_without_return(&self, at: u32, span: &Span) -> bool {
        span.start.0 == at && self.behind_padded_call(at)
    }

    /// The span that a boundary lies in, or `None` when it has no row.
    /// Boundaries are mostly asked for in order, so the neighbourhood of the last
    /// answer is tried first.
    #[inline]
    fn span(&mut self, at: u32) -> Option<&'a Span> {
        let spans = self.function.rows.spans();
        let holds = |span: &&Span| span.start.0 <= at && at < span.end.0;
        for position in [self.cursor, self.cursor + 1] {
            if let Some(span) = spans.get(position).filter(holds) {
                self.cursor = position;
                return Some(span);
            }
        }
        self.cursor = spans.partition_point(|span| span.start.0 <= at).checked_sub(1)?;
        spans.get(self.cursor).filter(holds)
    }

    /// Judges one boundary whose row, or that of whose resumption, has another
    /// depth.
    #[cold]
    fn judge(&mut self, at: u32, span: &Span, actual: Depth) {
        let mut observers = Observers::NONE;
        let mut declared = span.row.depth;
        if self.function.flags.contains(FuncFlags::SP_WRITE) {
            // Profilers stop at such a function without reading its rows
            // (`runtime/traceback.go`, `resolveInternal`).
            self.sp_write(at);
        } else if declared != actual {
            observers = observers.with(Observer::Profiler);
        }
        if let Some(resumed) =
            self.function.rows.resume_depth(span).filter(|&depth| depth != actual)
        {
            declared = resumed;
            observers = observers.with(Observer::AsyncPreemption);
        }
        if observers != Observers::NONE {
            let (rule, at) = (Rule::SpRow, Index(at));
            self.report.violations.push(Violation { rule, at, declared, actual, observers });
        }
    }

    /// An instruction that is not plain. On [`Step::Next`] execution goes on
    /// behind it with `depth`.
    #[inline]
    fn event(&mut self, at: u32, word: Word, depth: &mut Depth) -> Step {
        if let Some(branch) = direct_branch(word) {
            self.branch(at, branch.offset, word, *depth);
            return if branch.conditional { Step::Next } else { Step::Stop };
        }
        let inst = decode(word);
        match inst {
            Inst::Return { .. } | Inst::Trap => Step::Stop,
            Inst::JumpReg { rn } => {
                self.jump(at, rn, word, *depth);
                Step::Stop
            }
            Inst::Unknown => {
                self.undecided(Reason::UnknownInstruction, at, Some(word));
                Step::Stop
            }
            _ => self.write_sp(at, &inst, word, depth),
        }
    }

    fn write_sp(&mut self, at: u32, inst: &Inst, word: Word, depth: &mut Depth) -> Step {
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
    fn sp_write(&mut self, at: u32) {
        let first = self.report.sp_write.map_or(Index(at), |known| known.min(Index(at)));
        self.report.sp_write = Some(first);
    }

    #[inline]
    fn branch(&mut self, at: u32, offset: i64, word: Word, depth: Depth) {
        match target(at, offset, self.function.words.len()) {
            Some(target) => self.arrive(target, depth),
            None if depth == Depth(0) => {}
            None => self.undecided(Reason::JumpOutOfFrame, at, Some(word)),
        }
    }

    /// A jump through a register: by a table, or out of the function.
    fn jump(&mut self, at: u32, rn: Reg, word: Word, depth: Depth) {
        let targets = match self.follow(at, |context| context.register(rn, at)) {
            Value::Element(table) => self.table(table, depth),
            Value::Const(address) => match self.index_of(address) {
                Some(target) => {
                    self.arrive(target, depth);
                    1
                }
                None => 0,
            },
            _ => 0,
        };
        if targets == 0 && depth != Depth(0) {
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
    fn end(&mut self, at: u32, word: Word) {
        // A call of a function that never returns can be the last instruction.
        let call = matches!(decode(word), Inst::Call { .. } | Inst::CallReg { .. });
        if !call && !self.behind_padded_call(at + 1) {
            self.undecided(Reason::RunsPastEnd, at, Some(word));
        }
    }

    /// Looks for a value at `at`, and remembers how far it looked.
    fn follow(&mut self, at: u32, find: impl FnOnce(&Context<'_>) -> Value) -> Value {
        let context = Context {
            words: self.function.words,
            entry: self.function.entry,
            block: &self.checker.block,
            pointer: self.function.pointer,
            earliest: Cell::new(at),
        };
        let value = find(&context);
        let from = context.earliest.get();
        self.checker.followed.push((from, at));
        value
    }

    fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }
}
