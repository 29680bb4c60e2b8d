//! Preemption on the way: what an injected call destroys, and where execution
//! resumes (rules `restart` and `below-sp`).

use super::{Walk, is_restartable};
use crate::decode::Reg;
use crate::operands::{Operands, Regs};
use crate::report::{Observer, Observers, Reason, Rule};
use crate::rules::below_sp::overwritten_by_signal;
use crate::rules::restart::Sequence;
use crate::state::State;
use unwind::{Depth, Index, Span, UnsafePoint};

const TMP: Regs = Regs::or_zero(Reg::TMP);

impl Walk<'_, '_> {
    /// The walk comes to a span, at its start or inside.
    pub(super) fn enter(&mut self, at: u32, span: &Span) {
        if self.is_preemptible && is_restartable(span) {
            if at == span.class_start.0 {
                self.sequence = Sequence::starting(span.class_start);
            } else if at == self.from {
                // Resumed, execution runs what it had jumped over.
                self.sequence = Sequence::entered(span.class_start);
                self.resume_at_start(span);
            }
        }
        self.be_careful(span);
    }

    /// Whether each instruction from here on has to be looked at.
    #[inline]
    pub(super) fn be_careful(&mut self, span: &Span) {
        self.is_careful = !self.is_settled
            || self.ahead != Regs::NONE
            || self.tmp.is_some() && self.is_preemptible
            || self.is_preemptible
                && matches!(
                    span.row.unsafe_point,
                    UnsafePoint::Restart1 | UnsafePoint::Restart2 | UnsafePoint::RestartAtEntry
                );
    }

    /// An instruction runs, or runs again after preemption.
    #[inline]
    pub(super) fn resumes_with(&mut self, at: u32, operands: &Operands, span: &Span) {
        if !self.is_preemptible {
            return;
        }
        if is_restartable(span) {
            self.sequence.step(operands);
        }
        if operands.reads.meets(TMP) {
            self.read_tmp(at, span);
        }
    }

    /// Holds the boundary `at` against rule `restart`, if a goroutine that is
    /// preempted there resumes elsewhere.
    #[inline]
    pub(super) fn judge_resumption(&mut self, at: u32, span: &Span) {
        let Sequence { start: Index(start), is_spoiled, is_doubtful, .. } = self.sequence;
        match span.row.unsafe_point {
            _ if !self.is_preemptible => {}
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

    /// A goroutine that is preempted in a span resumes at the start of the sequence.
    /// If SP is not where the row says there, rule `sp-row` has said so.
    #[cold]
    fn resume_at_start(&mut self, span: &Span) {
        let state = State { depth: span.class_depth, ..self.state };
        self.arrive(span.class_start.0, &state);
    }

    /// R27 is read: it must not have been lost on the way from its definition.
    fn read_tmp(&mut self, at: u32, span: &Span) {
        let Some(defined) = self.tmp else {
            return match span.row.unsafe_point {
                UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => {
                    self.note(Reason::UntrackedTemporary, at);
                }
                _ => self.breaks(Rule::Restart, at, span.row.depth, ASYNC, Observers::NONE),
            };
        };
        if span.start.0 <= defined + 1 && self.keeps_tmp(span, defined) {
            return;
        }
        for boundary in defined + 1..=at {
            let Some(&span) = self.function.rows.span(Index(boundary)) else { continue };
            if !self.keeps_tmp(&span, defined) {
                self.breaks(Rule::Restart, boundary, span.row.depth, ASYNC, Observers::NONE);
                self.ahead = self.ahead.without(TMP);
            }
        }
    }

    /// Whether R27 is defined again, or still there, where a goroutine resumes that
    /// was preempted in the span.
    fn keeps_tmp(&self, span: &Span, defined: u32) -> bool {
        match span.row.unsafe_point {
            UnsafePoint::Safe => false,
            UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => true,
            UnsafePoint::Restart1 | UnsafePoint::Restart2 => span.class_start.0 <= defined,
        }
    }

    /// The word at a depth, below SP since a boundary, is still needed at `at`:
    /// wherever a call could be injected in between it was lost.
    pub(super) fn needed_below(&mut self, since: u32, at: u32, word: Depth) {
        let sp = self.state.depth;
        for boundary in since..=at {
            let Some(&span) = self.function.rows.span(Index(boundary)) else { continue };
            let mut observers = Observers::NONE;
            if self.is_injectable(&span) {
                observers = ASYNC;
            }
            if overwritten_by_signal(self.function.signals, word, sp) {
                // Who unwinds from the next boundary finds it overwritten.
                observers = observers.with(Observer::Profiler);
                let next = self.function.rows.span(Index(at + 1));
                if next.is_some_and(|next| self.is_injectable(next)) {
                    observers = observers.union(ASYNC);
                }
            }
            let unpreempted = observers.without(Observer::AsyncPreemption);
            self.breaks(Rule::BelowSp, boundary, span.row.depth, observers, unpreempted);
        }
    }

    /// Whether a call can be injected at the boundaries of a span.
    #[inline]
    pub(super) fn is_injectable(&self, span: &Span) -> bool {
        self.is_preemptible && span.row.unsafe_point != UnsafePoint::Unsafe
    }
}

/// Preemption alone.
pub(super) const ASYNC: Observers = Observers::NONE.with(Observer::AsyncPreemption);
