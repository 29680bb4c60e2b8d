//! Preemption on the way: what an injected call destroys, and where execution
//! resumes (rules `restart` and `below-sp`).

use super::{Walk, declared, is_restartable};
use crate::decode::{Reg, decode};
use crate::operands::{Operands, Regs, operands};
use crate::report::{Observer, Observers, Reason, Rule};
use crate::rules::below_sp::{SignalStack, overwritten_by_signal};
use crate::rules::restart::Sequence;
use crate::state::Known;
use unwind::{Depth, Index, Extent, UnsafePoint, Word};

const TMP: Regs = Regs::or_zero(Reg::TMP);

impl Walk<'_, '_> {
    /// The walk comes to a span, at its start or inside.
    #[inline]
    pub(super) fn enter(&mut self, at: u32, span: &Extent) {
        self.declared = declared(span);
        self.tmp_kept_from = tmp_kept_from(span).max(span.start.0.saturating_sub(1));
        self.is_restartable = self.is_preemptible && is_restartable(span);
        if self.is_restartable && (at == span.class_start.0 || at == self.from) {
            self.sequence = Sequence::starting(span.class_start);
        }
        self.is_resuming = self.is_restartable
            || self.is_preemptible && span.row.unsafe_point == UnsafePoint::RestartAtEntry;
        self.be_careful();
    }

    /// Whether the next instructions have to be looked at one by one.
    #[inline(always)]
    pub(super) fn be_careful(&mut self) {
        if !self.is_short {
            self.is_careful = !self.is_settled
                || self.is_resuming
                || self.tmp.is_some() && self.is_preemptible;
        }
    }

    /// An instruction runs, or runs again after preemption.
    #[inline(always)]
    pub(super) fn resumes_with(&mut self, at: u32, operands: &Operands, span: &Extent) {
        if self.is_restartable {
            self.sequence.step(operands);
            self.is_changed |= self.sequence.is_spoiled || self.sequence.is_doubtful;
        }
        let is_kept = |defined| defined >= self.tmp_kept_from;
        if operands.reads.meets(TMP) && !self.tmp.is_some_and(is_kept) {
            self.read_tmp(at, span);
        }
    }

    /// Holds the boundary `at` against rule `restart`, if a goroutine that is
    /// preempted there resumes elsewhere.
    #[inline]
    pub(super) fn judge_resumption(&mut self, at: u32, span: &Extent) {
        let Sequence { start: Index(start), is_spoiled, is_doubtful, .. } = self.sequence;
        match span.row.unsafe_point {
            UnsafePoint::RestartAtEntry if at > 0 => self.note(Reason::UntrackedResumption, at),
            UnsafePoint::Restart1 | UnsafePoint::Restart2 if at > start => {
                if is_spoiled {
                    self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE);
                }
                if is_doubtful {
                    self.note(Reason::UntrackedResumption, at);
                }
                if is_spoiled || self.changed > start {
                    self.resume_at_start(span);
                }
            }
            _ => {}
        }
    }

    /// An edge leads into the middle of a sequence: resumed, execution runs what it
    /// jumped over.
    #[cold]
    pub(super) fn enter_sequence(&mut self, at: u32, span: &Extent, known: &Known) {
        if self.is_preemptible {
            self.note(Reason::UntrackedResumption, at);
            self.arrive(span.class_start.0, span.class_depth, known);
        }
    }

    /// A goroutine that is preempted in a span resumes at the start of the sequence.
    /// If SP is not where the row says there, rule `sp-row` has said so.
    #[cold]
    fn resume_at_start(&mut self, span: &Extent) {
        let known = self.known();
        self.arrive(span.class_start.0, span.class_depth, &known);
    }

    /// R27 is read: it must not have been lost on the way from its definition.
    #[cold]
    fn read_tmp(&mut self, at: u32, span: &Extent) {
        let Some(defined) = self.tmp else {
            return match span.row.unsafe_point {
                UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => {
                    self.note(Reason::UntrackedTemporary, at);
                }
                _ => self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE),
            };
        };
        for boundary in defined + 1..=at {
            let Some(span) = self.function.rows.span(Index(boundary)) else { continue };
            if defined < tmp_kept_from(&span) {
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
                self.lost_below(boundary, at, word, &span);
            }
        }
    }

    /// The word at a depth was lost at a boundary if a call was injected there, or
    /// if a signal's handler ran on this stack.
    #[cold]
    fn lost_below(&mut self, boundary: u32, at: u32, word: Depth, span: &Extent) {
        let mut observers = Observers::NONE;
        if self.is_injectable(span) {
            observers = ASYNC;
        }
        if overwritten_by_signal(self.function.signals, word, self.depth) {
            // Who unwinds from a boundary behind `at` finds it overwritten, until it is
            // stored again.
            observers = observers.with(Observer::Profiler);
            let behind = self.function.words.get(at as usize + 1..).unwrap_or_default();
            let stores = |word: &Word| operands(*word, &decode(*word)).stores;
            let lost = (at + 1..).zip(behind.iter().take(MAX_LOST));
            let until = behind.iter().position(stores).unwrap_or(MAX_LOST);
            let spans = lost.take(until + 1).filter_map(|(at, _)| self.function.rows.span(Index(at)));
            if spans.into_iter().any(|span| self.is_injectable(&span)) {
                observers = observers.union(ASYNC);
            }
        }
        let unpreempted = observers.without(Observer::AsyncPreemption);
        self.breaks(Rule::BelowSp, boundary, span.row.depth, observers, unpreempted);
    }

    /// Whether a call can be injected at the boundaries of a span.
    #[inline]
    pub(super) fn is_injectable(&self, span: &Extent) -> bool {
        self.is_preemptible && span.row.unsafe_point != UnsafePoint::Unsafe
    }
}

/// From which instruction on a definition of R27 is made again, or still there, where a
/// goroutine resumes that was preempted in the span.
#[inline(always)]
fn tmp_kept_from(span: &Extent) -> u32 {
    match span.row.unsafe_point {
        UnsafePoint::Safe => u32::MAX,
        UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => 0,
        UnsafePoint::Restart1 | UnsafePoint::Restart2 => span.class_start.0,
    }
}

/// How far behind a move of SP the store of what a signal overwrote is looked for.
const MAX_LOST: usize = 8;

/// Preemption alone.
pub(super) const ASYNC: Observers = Observers::NONE.with(Observer::AsyncPreemption);
