//! Boundaries held against the rules that are about the state there.

use super::engine::Analysis;
use super::state::Holding;
use super::words::CallerWord;
use crate::report::{Observer, Observers, Reason, Rule, Violation};
use crate::rules::{frame_pointer, saved_lr, sp_align};
use a64::decode::{Inst, Reg, decode};
use unwind::{Depth, FuncFlags, Index, Span, UnsafePoint, Word};

/// Preemption alone.
pub(super) const ASYNC: Observers = Observers::NONE.with(Observer::AsyncPreemption);

/// Those who come by a signal.
const SIGNALS: Observers = ASYNC.with(Observer::Profiler);

impl Analysis<'_, '_> {
    /// Holds the boundary `at` against the rules.
    #[inline(always)]
    pub(super) fn boundary(&mut self, at: u32, span: &Span) {
        if self.line.is_changed {
            // Above the CFA, observers differ.
            let live = &self.scratch.live;
            let is_settled = live.depth.0 >= 0
                && self.declared(span) == Some(live.depth)
                && saved_lr::holds(live) == Holding::Holds
                && frame_pointer::holds(live) == Holding::Holds
                && live.has_g() == Holding::Holds
                && live.words.keep_caller()
                && sp_align::holds(live.depth);
            if !is_settled {
                self.judge(at, span);
            }
            self.line.is_changed = !is_settled;
        }
        if self.resumption.is_at_work() {
            self.judge_resumption(at, span);
        }
    }

    /// The depth that the rows of a span declare, if it is one for those who read the row
    /// and for those who read it where execution resumes.
    #[inline(always)]
    fn declared(&self, span: &Span) -> Option<Depth> {
        let depth = span.row.depth;
        match span.row.unsafe_point {
            UnsafePoint::Safe | UnsafePoint::Unsafe => Some(depth),
            _ => (self.function.rows.resume_depth(span) == Some(depth)).then_some(depth),
        }
    }

    #[cold]
    fn judge(&mut self, at: u32, span: &Span) {
        let depth = self.scratch.live.depth;
        if self.declared(span) != Some(depth) {
            self.judge_row(at, span);
        }
        if !self.is_marked && !self.function.flags.contains(FuncFlags::TOP_FRAME) {
            self.judge_return(at, span);
        }
        self.judge_frame_pointer(at, span);
        if self.is_injectable(span) && !sp_align::holds(depth) {
            self.breaks(Rule::SpAlign, at, ASYNC, Observers::NONE);
        }
        if !self.function.flags.contains(FuncFlags::TOP_FRAME) {
            self.judge_caller_words(at, span);
        }
        match self.scratch.live.has_g() {
            Holding::Holds => {}
            Holding::Unknown => self.note(Reason::UntrackedCallee, at),
            Holding::Broken => self.breaks(Rule::Callee, at, SIGNALS, SIGNALS),
        }
    }

    /// Holds the boundary against rule `callee` for those who unwind from it through the
    /// caller: its saved return address, and its saved R29, have to be there.
    fn judge_caller_words(&mut self, at: u32, span: &Span) {
        let words = &self.scratch.live.words;
        let (caller_fp, caller_lr) = (words.caller_fp, words.caller_lr);
        // Whoever unwinds from the callee of a call comes through here too.
        let is_call = self.is_call(at);
        let all = ASYNC.with(Observer::FramePointer);
        let seen = |is_walked: bool| if is_walked { all } else { Observers::NONE };
        let (observers, unpreempted) = (seen(is_call || self.is_injectable(span)), seen(is_call));
        let walker = Observers::NONE.with(Observer::FramePointer);
        for (word, who, reason) in [
            (caller_fp, walker, Reason::UntrackedFramePointer),
            (caller_lr, all.with(Observer::Profiler), Reason::UntrackedReturnAddress),
        ] {
            let profiler = Observers::NONE.with(Observer::Profiler);
            let [observers, unpreempted] =
                [observers, unpreempted].map(|seen| seen.union(profiler).and(who));
            match word {
                CallerWord::Lost(by) => self.spoils(by, (observers, unpreempted), false),
                CallerWord::Perhaps(by) if observers != Observers::NONE => {
                    self.note(reason, by);
                    if observers.contains(Observer::FramePointer) {
                        self.note(Reason::UntrackedFramePointer, by);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the instruction at `at` is a call.
    fn is_call(&self, at: u32) -> bool {
        let word = self.function.words.get(at as usize).copied();
        matches!(word.map(decode), Some(Inst::Call { .. } | Inst::CallReg { .. }))
    }

    /// Holds the depth against the row of the boundary, and that of its resumption.
    fn judge_row(&mut self, at: u32, span: &Span) {
        let actual = self.scratch.live.depth;
        let mut observers = Observers::NONE;
        let mut declared = span.row.depth;
        if self.is_marked {
            if declared != actual || span.row.unsafe_point != UnsafePoint::RestartAtEntry {
                self.sp_write(at);
            }
        } else if declared != actual {
            observers = observers.with(Observer::Profiler);
        }
        let resumed = self.function.rows.resume_depth(span);
        if let Some(resumed) = resumed.filter(|&depth| depth != actual) {
            declared = resumed;
            observers = observers.union(ASYNC);
            // It resumes elsewhere with SP where nobody expects it.
            if self.is_preemptible && span.row.unsafe_point != UnsafePoint::Safe {
                self.undecided(Reason::BehindBrokenRow, at, None);
            }
        }
        let unpreempted = observers.without(Observer::AsyncPreemption);
        self.record(Violation {
            rule: Rule::SpRow,
            at: Index(at),
            declared,
            actual,
            observers,
            unpreempted,
            returns_to_itself: false,
        });
    }

    /// Holds the boundary against rule `saved-lr`, for those who read a row that is true.
    fn judge_return(&mut self, at: u32, span: &Span) {
        let (mut observers, mut is_unknown) = (Observers::NONE, false);
        let live = &self.scratch.live;
        if span.row.depth == live.depth {
            match saved_lr::holds(live) {
                Holding::Holds => {}
                Holding::Unknown => is_unknown = true,
                Holding::Broken => observers = observers.with(Observer::Profiler),
            }
        }
        let resumed = self.function.rows.resume_depth(span).filter(|_| self.is_preemptible);
        if resumed == Some(live.depth) {
            match saved_lr::holds_injected(live) {
                Holding::Holds => {}
                Holding::Unknown => is_unknown = true,
                Holding::Broken => observers = observers.union(ASYNC),
            }
        }
        // The unwinder compares pc with LR where no frame is declared.
        let is_outside = live.depth == Depth(0) && span.row.depth == Depth(0);
        if is_unknown {
            self.note(Reason::UntrackedReturnAddress, at);
        }
        let violation = Violation {
            rule: Rule::SavedLr,
            at: Index(at),
            declared: span.row.depth,
            actual: self.scratch.live.depth,
            observers,
            unpreempted: observers.without(Observer::AsyncPreemption),
            returns_to_itself: is_outside && self.returns_to(at),
        };
        self.record(violation);
    }

    /// Whether LR holds the address of the boundary `at`.
    pub(super) fn returns_to(&self, at: u32) -> bool {
        self.register(Reg::LR) == super::value::Value::address(self.pc(at))
    }

    /// The address of a boundary.
    pub(super) fn pc(&self, at: u32) -> u64 {
        self.function.entry.0.wrapping_add(Index(at).offset())
    }

    /// Holds the boundary against rule `frame-pointer`, where somebody walks from.
    fn judge_frame_pointer(&mut self, at: u32, span: &Span) {
        let is_call = self.is_call(at);
        let is_injectable = self.is_injectable(span);
        if !is_injectable && !is_call {
            return;
        }
        let walker = Observers::NONE.with(Observer::FramePointer);
        let unpreempted = if is_call { walker } else { Observers::NONE };
        let live = &self.scratch.live;
        let behind = self.pc(at).wrapping_add(Word::BYTES);
        match frame_pointer::holds(live) {
            Holding::Holds => {}
            Holding::Unknown => self.note(Reason::UntrackedFramePointer, at),
            Holding::Broken if !is_injectable && frame_pointer::is_linked(live, behind) => {}
            Holding::Broken if !is_injectable && live.words.is_lost() => {
                self.note(Reason::UntrackedFramePointer, at);
            }
            Holding::Broken if frame_pointer::ends_chain(live, self.function.flags) => {}
            Holding::Broken => self.breaks(Rule::FramePointer, at, walker, unpreempted),
        }
    }

    /// Whether a call can be injected at the boundaries of a span.
    #[inline]
    pub(super) fn is_injectable(&self, span: &Span) -> bool {
        self.is_preemptible && span.row.unsafe_point != UnsafePoint::Unsafe
    }

    /// A rule is broken at a boundary, for these observers, and for those if the function is
    /// never preempted.
    pub(super) fn breaks(
        &mut self,
        rule: Rule,
        at: u32,
        observers: Observers,
        unpreempted: Observers,
    ) {
        let declared = self.function.rows.row(Index(at)).map(|row| row.depth);
        let actual = self.scratch.live.depth;
        let declared = declared.unwrap_or(actual);
        let at = Index(at);
        let returns_to_itself = false;
        self.record(Violation {
            rule,
            at,
            declared,
            actual,
            observers,
            unpreempted,
            returns_to_itself,
        });
    }

    pub(super) fn record(&mut self, violation: Violation) {
        if violation.observers != Observers::NONE {
            self.report.violations.push(violation);
        }
    }

    /// Completes the report: one violation a boundary and rule, the gravest, for the observers
    /// of all of them, since paths can arrive with different depths.
    pub(super) fn finish(&mut self) {
        let report = &mut *self.report;
        report.boundaries = self.scratch.visited.len();
        report.violations.sort_by_key(|violation| {
            (violation.at, violation.rule, violation.observers.gravest(), violation.actual)
        });
        report.violations.dedup_by(|next, kept| {
            let same = (next.rule, next.at) == (kept.rule, kept.at);
            if same {
                kept.observers = kept.observers.union(next.observers);
                kept.unpreempted = kept.unpreempted.union(next.unpreempted);
                kept.returns_to_itself |= next.returns_to_itself;
            }
            same
        });
        report.undecided.sort_by_key(|undecided| (undecided.at, undecided.reason));
        report.undecided.dedup();
    }
}
