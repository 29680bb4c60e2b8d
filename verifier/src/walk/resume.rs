//! Preemption on the way: what an injected call destroys, and where execution
//! resumes (rules `restart` and `below-sp`).

use super::{TMP, Walk, declared, is_restartable, plain};
use crate::decode::{Access, Data, Reg, decode};
use crate::effect::{Effect, Transfer, effect};
use crate::operands::Operands;
use crate::report::{Observer, Observers, Reason, Rule};
use crate::rules::below_sp::{SignalStack, overwritten_by_signal};
use crate::rules::restart::Sequence;
use crate::state::KnownId;
use unwind::{Depth, Index, RESTART_LIMIT, RowTable, Span, UnsafePoint, Word};

impl Walk<'_, '_> {
    /// The walk comes to a span, at its start or inside.
    #[inline(always)]
    pub(super) fn enter(&mut self, at: u32, span: &Span, position: usize) {
        let rows = self.function.rows;
        let next = rows.spans().get(position + 1);
        let Index(start) = span.start;
        self.line.position = position;
        self.line.span_start = start;
        self.line.span_end = next.map_or(rows.end(), |next| next.start).0;
        self.line.is_plain = plain(span).is_some();
        if self.line.is_plain {
            self.line.declared = Some(span.row.depth);
            let is_safe = span.row.unsafe_point == UnsafePoint::Safe;
            self.line.tmp_kept_from = if is_safe { u32::MAX } else { start.saturating_sub(1) };
            (self.line.is_restartable, self.line.is_resuming) = (false, false);
        } else {
            self.enter_resuming(at, span);
        }
        self.be_careful();
    }

    /// The walk comes to a span in which preemption resumes elsewhere.
    #[inline(never)]
    fn enter_resuming(&mut self, at: u32, span: &Span) {
        let rows = self.function.rows;
        self.line.declared = declared(rows, span);
        self.line.tmp_kept_from = tmp_kept_from(rows, span).max(span.start.0.saturating_sub(1));
        (self.line.is_restartable, self.line.is_resuming) = (false, self.is_preemptible);
        if is_restartable(span) {
            let class = rows.class(span);
            if at == class.start.0 || at == self.line.from {
                self.line.sequence = Sequence::starting(class.start);
            }
            self.line.has_long_sequence |= self.line.span_end > class.start.0 + RESTART_REACH + 1;
            self.line.is_restartable = self.is_preemptible;
        }
    }

    /// From which boundary on a word below SP is not lost, of those in the span.
    #[inline]
    pub(super) fn below_kept_from(&self) -> u32 {
        let span = self.function.rows.spans().get(self.line.position);
        match span.map(|span| span.row.unsafe_point) {
            Some(UnsafePoint::Unsafe) if self.function.signals == SignalStack::Own => {
                self.line.span_start
            }
            _ => u32::MAX,
        }
    }

    /// Whether the next instructions have to be looked at one by one.
    #[inline(always)]
    pub(super) fn be_careful(&mut self) {
        if !self.is_short {
            self.line.is_careful = !self.line.is_settled || self.line.is_resuming;
        }
    }

    /// An instruction runs, or runs again after preemption.
    #[inline(always)]
    pub(super) fn resumes_with(&mut self, at: u32, operands: &Operands, span: &Span) {
        if self.line.is_restartable {
            self.line.sequence.step(operands);
            self.line.is_changed |= self.line.sequence.is_changed();
        }
        let is_lost = |defined| defined < self.line.tmp_kept_from;
        if operands.reads.meets(self.lost) && self.line.tmp.is_none_or(is_lost) {
            self.read_tmp(at, span);
        }
    }

    /// Holds the boundary `at` against rule `restart`, if a goroutine that is
    /// preempted there resumes elsewhere.
    #[inline]
    pub(super) fn judge_resumption(&mut self, at: u32, span: &Span) {
        let Index(start) = self.line.sequence.start;
        match span.row.unsafe_point {
            UnsafePoint::RestartAtEntry if at > 0 => self.note(Reason::UntrackedResumption, at),
            UnsafePoint::Restart1 | UnsafePoint::Restart2 if at > start => {
                let is_spoiled = self.line.sequence.is_spoiled();
                if is_spoiled {
                    self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE);
                }
                if self.line.sequence.is_doubtful() {
                    self.note(Reason::UntrackedResumption, at);
                }
                if is_spoiled || self.line.changed > start {
                    self.resume_at_start(span);
                }
            }
            _ => {}
        }
    }

    /// Preemption that would resume further back than the runtime allows ends the
    /// program.
    pub(crate) fn judge_lengths(&mut self) {
        if !(self.line.has_long_sequence && self.is_preemptible) {
            return;
        }
        let rows = self.function.rows;
        let ends = rows.spans().iter().skip(1).map(|next| next.start).chain([rows.end()]);
        for (span, end) in rows.spans().iter().zip(ends).filter(|(span, _)| is_restartable(span)) {
            let beyond = rows.class(span).start.0 + RESTART_REACH + 1;
            for at in beyond.max(span.start.0)..end.0 {
                if self.scratch.visited.contains(at) {
                    self.line.depth = span.row.depth;
                    self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE);
                }
            }
        }
    }

    /// An edge leads into the middle of a sequence: resumed, execution runs what it
    /// jumped over.
    #[cold]
    pub(super) fn enter_sequence(&mut self, at: u32, span: &Span, known: KnownId) {
        if self.is_preemptible {
            self.note(Reason::UntrackedResumption, at);
            let class = self.function.rows.class(span);
            self.arrive(class.start.0, class.row.depth, known);
        }
    }

    /// A goroutine that is preempted in a span resumes at the start of the sequence.
    /// If SP is not where the row says there, rule `sp-row` has said so.
    #[cold]
    fn resume_at_start(&mut self, span: &Span) {
        let known = self.known();
        let class = self.function.rows.class(span);
        self.arrive(class.start.0, class.row.depth, known);
    }

    /// R27 is read: it must not have been lost on the way from its definition.
    #[cold]
    fn read_tmp(&mut self, at: u32, span: &Span) {
        let Some(defined) = self.line.tmp else {
            return match span.row.unsafe_point {
                UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => {
                    self.note(Reason::UntrackedTemporary, at);
                }
                _ => self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE),
            };
        };
        for boundary in defined + 1..=at {
            let Some(span) = self.function.rows.span(Index(boundary)) else { continue };
            if defined < tmp_kept_from(self.function.rows, span) {
                self.breaks(Rule::Restart, boundary, span.row.depth, ASYNC, Observers::NONE);
                self.scratch.registers.forget(TMP);
            }
        }
    }

    /// The word at a depth, below SP since a boundary, is still needed at `at`:
    /// wherever a call could be injected in between it was lost.
    pub(super) fn needed_below(&mut self, since: u32, at: u32, word: Depth) {
        for boundary in since..=at {
            let Some(span) = self.function.rows.span(Index(boundary)) else { continue };
            let unsafe_point = span.row.unsafe_point == UnsafePoint::Unsafe;
            if !unsafe_point || self.function.signals == SignalStack::Goroutine {
                self.lost_below(boundary, at, word, span);
            }
        }
    }

    /// The word at a depth was lost at a boundary if a call was injected there, or
    /// if a signal's handler ran on this stack.
    #[cold]
    fn lost_below(&mut self, boundary: u32, at: u32, word: Depth, span: &Span) {
        let mut observers = Observers::NONE;
        if self.is_injectable(span) {
            observers = ASYNC;
        }
        if overwritten_by_signal(self.function.signals, word, self.line.depth) {
            // Who unwinds from a boundary behind `at` finds it overwritten, until it is
            // stored again.
            observers = observers.with(Observer::Profiler);
            let behind = self.function.words.get(at as usize + 1..).unwrap_or_default();
            let sp = self.function.rows.span(Index(at + 1)).map(|span| span.row.depth);
            let restores = |other: &Word| sp.is_some_and(|sp| stores_to(*other, sp, word));
            let lost = (at + 1..).zip(behind.iter().take(MAX_LOST));
            let until = behind.iter().position(restores).unwrap_or(MAX_LOST);
            let spans =
                lost.take(until + 1).filter_map(|(at, _)| self.function.rows.span(Index(at)));
            if spans.into_iter().any(|span| self.is_injectable(span)) {
                observers = observers.union(ASYNC);
            }
        }
        let unpreempted = observers.without(Observer::AsyncPreemption);
        self.breaks(Rule::BelowSp, boundary, span.row.depth, observers, unpreempted);
    }

    /// Whether a call can be injected at the boundaries of a span.
    #[inline]
    pub(super) fn is_injectable(&self, span: &Span) -> bool {
        self.is_preemptible && span.row.unsafe_point != UnsafePoint::Unsafe
    }
}

/// Whether an instruction stores a general register to the word at a depth, with SP at
/// another.
fn stores_to(word: Word, Depth(sp): Depth, Depth(place): Depth) -> bool {
    let Effect::Transfer(transfer) = effect(&decode(word)) else { return false };
    let Transfer { access, data, second, base, offset, back, .. } = transfer;
    let first = sp.wrapping_sub(i64::from(offset));
    (access, data, base, back) == (Access::Store, Data::X, Reg::SP, None)
        && (place == first || second.is_some() && place == first.wrapping_sub(8))
}

/// From which instruction on a definition of R27 is made again, or still there, where a
/// goroutine resumes that was preempted in the span.
#[inline(always)]
fn tmp_kept_from(rows: &RowTable, span: &Span) -> u32 {
    match span.row.unsafe_point {
        UnsafePoint::Safe => u32::MAX,
        UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => 0,
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => rows.class(span).start.0,
    }
}

/// How many instructions into a sequence a goroutine can be stopped.
pub(crate) const RESTART_REACH: u32 = (RESTART_LIMIT / Word::BYTES) as u32;

/// How far behind a move of SP the store of what a signal overwrote is looked for.
const MAX_LOST: usize = 8;

/// Preemption alone.
pub(super) const ASYNC: Observers = Observers::NONE.with(Observer::AsyncPreemption);
