//! Boundaries held against the rules that are about the state there.

use super::resume::ASYNC;
use super::{Step, Walk};
use crate::decode::{Inst, Reg, decode};
use crate::registers::Value;
use crate::report::{Observer, Observers, Reason, Rule, Violation};
use crate::rules::{frame_pointer, saved_lr, sp_align};
use crate::state::Holding;
use unwind::{Depth, FuncFlags, Index, Span, UnsafePoint, Word};

impl Walk<'_, '_> {
    /// Takes down whether the rules about the state hold, as they do nearly
    /// everywhere.
    #[inline(always)]
    pub(super) fn settle_state(&mut self) {
        // Above the CFA, observers differ.
        self.line.is_settled = self.line.depth.0 >= 0
            && self.saved_lr() == Holding::Holds
            && self.frame_pointer() == Holding::Holds
            && sp_align::holds(self.line.depth);
    }

    #[inline(always)]
    fn saved_lr(&self) -> Holding {
        saved_lr::holds(&self.line.frame, self.line.depth, self.register(Reg::LR).kind)
    }

    #[inline(always)]
    pub(super) fn frame_pointer(&self) -> Holding {
        frame_pointer::holds(&self.line.frame, self.line.depth, self.register(Reg::FP))
    }

    /// Holds the boundary `at` against the rules about the state.
    #[cold]
    pub(super) fn judge(&mut self, at: u32, span: &Span) {
        let depth = span.row.depth;
        let is_injectable = self.is_injectable(span);
        if saved_lr::applies(self.function.flags) {
            self.judge_return(at, span);
        }
        let word = self.function.words.get(at as usize).copied();
        let is_call = matches!(word.map(decode), Some(Inst::Call { .. } | Inst::CallReg { .. }));
        if is_injectable || is_call {
            let walker = Observers::NONE.with(Observer::FramePointer);
            let unpreempted = if is_call { walker } else { Observers::NONE };
            match self.frame_pointer() {
                Holding::Holds => {}
                Holding::Unknown => self.note(Reason::UntrackedFramePointer, at),
                Holding::Broken if !is_injectable && self.is_linked(at) => {}
                Holding::Broken if self.ends_chain() => {}
                Holding::Broken => {
                    self.breaks(Rule::FramePointer, at, depth, walker, unpreempted);
                }
            }
        }
        if is_injectable && !sp_align::holds(self.line.depth) {
            self.breaks(Rule::SpAlign, at, depth, ASYNC, Observers::NONE);
        }
    }

    /// Whether R29 is 0 in a function that is the last on its stack: a walk ends
    /// there.
    fn ends_chain(&self) -> bool {
        self.function.flags.contains(FuncFlags::TOP_FRAME)
            && self.register(Reg::FP) == Value::constant(0)
    }

    /// Holds the boundary `at` against rule `saved-lr`, for those who read a row that
    /// is true.
    fn judge_return(&mut self, at: u32, span: &Span) {
        let depth = span.row.depth;
        let (mut observers, mut is_unknown) = (Observers::NONE, false);
        if depth == self.line.depth {
            match self.saved_lr() {
                Holding::Holds => {}
                Holding::Unknown => is_unknown = true,
                Holding::Broken => observers = observers.with(Observer::Profiler),
            }
        }
        let resumed = self.function.rows.resume_depth(span).filter(|_| self.is_preemptible);
        if resumed == Some(self.line.depth) {
            match saved_lr::holds_injected(
                &self.line.frame,
                self.line.depth,
                self.register(Reg::LR).kind,
            ) {
                Holding::Holds => {}
                Holding::Unknown => is_unknown = true,
                Holding::Broken => observers = observers.union(ASYNC),
            }
        }
        if is_unknown {
            self.note(Reason::UntrackedReturnAddress, at);
        }
        let unpreempted = observers.without(Observer::AsyncPreemption);
        self.breaks(Rule::SavedLr, at, depth, observers, unpreempted);
    }

    /// Whether R29 points at a pair that was made for the call at `at`: the R29 of
    /// this frame and the address behind the call.
    fn is_linked(&self, at: u32) -> bool {
        let behind = self.function.entry.0.wrapping_add(Index(at).offset() + Word::BYTES);
        self.line.link.is_some_and(|link| {
            self.register(Reg::FP).depth() == Some(link.place) && link.returns_to == Some(behind)
        })
    }

    /// The row of the boundary `at`, which execution falls through to, declares
    /// another depth.
    #[cold]
    pub(super) fn contradicted(&mut self, at: u32, span: &Span) -> Step {
        if span.row.depth != self.line.depth
            && (self.behind_call_without_return(at, span) || self.behind_impossible_case(at, span))
        {
            return Step::Stop;
        }
        self.judge_row(at, span, self.line.depth);
        Step::Next
    }

    /// Judges one boundary whose row, or that of whose resumption, may have another
    /// depth.
    #[cold]
    pub(super) fn judge_row(&mut self, at: u32, span: &Span, actual: Depth) {
        let mut observers = Observers::NONE;
        let mut declared = span.row.depth;
        if self.function.flags.contains(FuncFlags::SP_WRITE) {
            // Profilers stop at such a function without reading its rows
            // (`runtime/traceback.go`, `resolveInternal`).
            if declared != actual || span.row.unsafe_point != UnsafePoint::RestartAtEntry {
                self.sp_write(at);
            }
        } else if declared != actual {
            observers = observers.with(Observer::Profiler);
        }
        if let Some(resumed) =
            self.function.rows.resume_depth(span).filter(|&depth| depth != actual)
        {
            declared = resumed;
            observers = observers.union(ASYNC);
        }
        let unpreempted = observers.without(Observer::AsyncPreemption);
        self.record(Violation {
            rule: Rule::SpRow,
            at: Index(at),
            declared,
            actual,
            observers,
            unpreempted,
        });
    }

    /// A rule is broken at a boundary, for these observers, and for those if the
    /// function is never preempted.
    pub(super) fn breaks(
        &mut self,
        rule: Rule,
        at: u32,
        declared: Depth,
        observers: Observers,
        unpreempted: Observers,
    ) {
        let actual = self.line.depth;
        self.record(Violation { rule, at: Index(at), declared, actual, observers, unpreempted });
    }

    fn record(&mut self, violation: Violation) {
        if violation.observers != Observers::NONE {
            self.report.violations.push(violation);
        }
    }

    /// A rule cannot be decided from here on; once a function is enough.
    pub(super) fn note(&mut self, reason: Reason, at: u32) {
        if self.report.undecided.iter().all(|undecided| undecided.reason != reason) {
            let word = self.function.words.get(at as usize).copied();
            self.undecided(reason, at, word);
        }
    }
}
