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
//! reads; from inside a restartable sequence, its start.
//!
//! # Direction of error
//! What is not understood makes the function undecided: a word that the decoder
//! does not know, a write of SP that is not followed, a jump whose targets are
//! not known, a return with the frame still open, a boundary without a row. Only
//! what is reached from the entries is judged, so that literals and padding
//! between the instructions are not. Behind a row that only some observers see to
//! be wrong, nothing is known for the others.
//!
//! # Assumptions
//! - A call goes to the entry of a function, and returns to the instruction
//!   behind it with SP as it was; so does a system call.
//! - A direct call does not return at all if behind it, after one or more NOPs
//!   that are reached in no other way, the declared depth changes without a write
//!   of SP, or the function ends. Go
//!   marks calls of functions that never return so (`cmd/compile`, `BlockExit`):
//!   the NOP keeps the return address inside the caller's row. A call that is
//!   the last instruction does not return either.
//! - Unwinders do not read the rows of an assembly function that is marked
//!   `SPWRITE`, where goroutines are not preempted either.
//! - A jump through a register outside of any frame (depth 0) leaves the
//!   function, unless the register is loaded by an index, as from a jump table.
//! - Code is not modified while it runs; jump tables are not either.
//!
//! # Cost
//! Linear in the code: every search is bounded, backwards for a definition (256
//! instructions), through jump tables (131,072 entries), and over again when a
//! block turns out to start inside what was searched (16 passes; real code takes
//! one or two). What exceeds a bound is undecided. No allocation once a
//! [`Checker`] has seen its longest function.
//!
//! # Not checked
//! What the stack holds; LR and R29; that a jump out of the function lands at a
//! boundary with depth 0; functions that are not in the table.

mod edges;
mod moves;
mod settle;

use crate::decode::{Inst, Screen, decode, direct_branch, screen};
use crate::flow::{IndexSet, SparseSet};
use crate::report::{Observer, Observers, Reason, Report, Rule, Undecided, Violation};
use crate::value::Block;
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
    /// The pointer that the image holds at an address, for jump tables.
    pub pointer: &'a dyn Fn(u64) -> Option<u64>,
}

/// Checks functions, one after the other, in the same memory.
#[derive(Debug, Default)]
pub struct Checker {
    /// The instructions that are not plain.
    events: IndexSet,
    /// Where blocks start.
    leaders: SparseSet,
    visited: IndexSet,
    /// The instructions that values were followed through: a block that starts at
    /// one of them would have changed what was concluded.
    relied_on: IndexSet,
    /// Blocks that are to be walked.
    pending: Vec<u32>,
    block: Block,
}

/// How often a function is walked before it is given up.
const MAX_PASSES: u32 = 16;

impl Checker {
    /// A checker with no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a function; `report` is overwritten.
    pub fn check(&mut self, function: &Function<'_>, report: &mut Report) {
        self.events.fill(function.words, |&word| screen(word) == Screen::Decode);
        self.leaders.reset(function.words.len());
        for pass in 1..=MAX_PASSES {
            report.clear();
            self.visited.reset(function.words.len());
            self.relied_on.reset(function.words.len());
            self.pending.clear();
            let mut walk = Walk {
                function,
                report,
                checker: self,
                cursor: 0,
                next_leader: 0,
                table_entries: 0,
                through_leader: false,
            };
            walk.run();
            // A block turned out to start inside a stretch that a value was
            // followed through. Walk again, with that start known; there is at
            // least one more each time.
            if !walk.through_leader {
                break;
            }
            if pass == MAX_PASSES {
                walk.undecided(Reason::UntrackedStackPointer, 0, None);
            }
        }
        report.boundaries = self.visited.len();
        settle(report, &self.leaders, function.flags);
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
    /// Where the next block starts, or before it: from where the walk is up to
    /// here, none does.
    next_leader: u32,
    /// How many entries of jump tables were followed.
    table_entries: u64,
    through_leader: bool,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self) {
        if self.function.words.is_empty() {
            return;
        }
        self.arrive(0, Depth(0));
        if let Some(Index(recovery)) = self.function.recovery {
            match self.span(recovery).map(|span| span.row.depth) {
                Some(depth) if (recovery as usize) < self.function.words.len() => {
                    self.arrive(recovery, depth);
                }
                _ => self.undecided(Reason::NoRow, recovery, None),
            }
        }
        while let Some(start) = self.checker.pending.pop() {
            if !self.checker.visited.contains(start) {
                let stop = self.straight_on(start);
                self.checker.visited.insert_range(start, stop);
            }
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

    /// The walk comes to a span. A goroutine that is preempted in a restartable
    /// sequence resumes at its start.
    #[inline]
    fn enter(&mut self, span: &Span) {
        if matches!(span.row.unsafe_point, UnsafePoint::Restart1 | UnsafePoint::Restart2) {
            self.leader(span.class_start.0);
        }
    }

    /// A block starts at `at`.
    #[inline]
    fn leader(&mut self, at: u32) {
        if !self.checker.leaders.contains(at) {
            self.checker.leaders.insert(at);
            self.next_leader = self.next_leader.min(at);
            self.through_leader |= self.checker.relied_on.contains(at);
        }
        if !self.checker.visited.contains(at) {
            self.checker.pending.push(at);
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
        self.enter(span);
        let mut depth = span.row.depth;
        self.checker.block.begin(start, depth);
        self.next_leader = start;
        let mut at = start;
        // The boundary `at` has been compared.
        while let Some(&word) = words.get(at as usize) {
            let event = self.checker.events.next(at).unwrap_or(len);
            let stop = if event == at {
                if self.event(at, word, &mut depth) == Step::Stop {
                    return at + 1;
                }
                at + 1
            } else {
                // Plain instructions, up to an event or to the next block.
                if self.next_leader <= at {
                    self.next_leader = self.checker.leaders.next(at + 1).unwrap_or(len);
                }
                event.min(self.next_leader)
            };
            if stop < span.end.0 && holds(span, depth) {
                at = stop;
            } else {
                while at < stop && at + 1 < len {
                    at += 1;
                    if at == span.end.0 {
                        position += 1;
                        let Some(following) = self.function.rows.spans().get(position) else {
                            self.undecided(Reason::NoRow, at, None);
                            return at;
                        };
                        span = following;
                        self.enter(span);
                    }
                    if !holds(span, depth) && self.contradicted(at, span, depth) == Step::Stop {
                        return at;
                    }
                    if self.checker.leaders.contains(at) {
                        break;
                    }
                }
                if at + 1 == len && stop == len {
                    break;
                }
            }
            if self.checker.leaders.contains(at) {
                // The end of the block. The next one starts from its row.
                if self.checker.visited.contains(at) {
                    return at;
                }
                depth = span.row.depth;
                self.checker.block.begin(at, depth);
            }
        }
        self.end(len);
        len
    }

    /// The row of the boundary `at`, which execution falls through to, declares
    /// another depth.
    #[cold]
    fn contradicted(&mut self, at: u32, span: &Span, depth: Depth) -> Step {
        if span.row.depth != depth && self.behind_call_without_return(at, span) {
            return Step::Stop;
        }
        self.judge(at, span, depth);
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
            Inst::Return { .. } if *depth != Depth(0) => {
                self.undecided(Reason::JumpOutOfFrame, at, Some(word));
                Step::Stop
            }
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

    fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }
}

#[cfg(test)]
mod tests;
