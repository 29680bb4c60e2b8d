//! Preemption on the way: what an injected call destroys, and where execution resumes (rules
//! `restart` and `below-sp`).

use super::engine::Analysis;
use super::judge::ASYNC;
use super::value::{Kind, Value};
use super::words::{MAX_WORDS, Slot, Words};
use crate::report::{Observer, Observers, Reason, Rule};
use crate::rules::below_sp::{SignalStack, overwritten_by_signal};
use crate::rules::restart::Sequence;
use a64::Decoded;
use a64::decode::{Access, Data, Reg, decode};
use a64::effect::{Effect, Transfer, effect};
use arrayvec::ArrayVec;
use unwind::{Depth, Index, RESTART_LIMIT, RowTable, Span, UnsafePoint, Word};

/// How many instructions into a sequence a goroutine can be stopped.
pub(crate) const RESTART_REACH: u32 = (RESTART_LIMIT / Word::BYTES) as u32;

/// How far behind a move of SP the store of what a signal overwrote is looked for.
const MAX_LOST: usize = 8;

/// What the rules about resumption know of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resumption {
    /// Whether preemption resumes elsewhere than it stops, and whether at the start of a
    /// sequence.
    is_resuming: bool,
    is_restartable: bool,
    /// From which instruction on a definition of R27 is not lost in the span.
    tmp_kept_from: u32,
    /// Which instruction of the line last wrote R27.
    tmp: Option<u32>,
    sequence: Sequence,
    /// Whether a sequence is longer than the runtime allows.
    has_long_sequence: bool,
    /// From where on what is known but for SP has been the same.
    changed: u32,
}

impl Resumption {
    pub(super) const fn new() -> Self {
        Self {
            is_resuming: false,
            is_restartable: false,
            tmp_kept_from: 0,
            tmp: None,
            sequence: Sequence::NONE,
            has_long_sequence: false,
            changed: 0,
        }
    }

    /// A line begins.
    pub(super) const fn begin(&mut self, at: u32) {
        self.tmp = None;
        self.changed = at;
    }

    /// Whether each boundary has to be looked at.
    #[inline(always)]
    pub(super) const fn is_at_work(&self) -> bool {
        self.is_resuming
    }

    pub(super) const fn define_tmp(&mut self, at: u32) {
        self.tmp = Some(at);
    }

    pub(super) const fn forget_tmp(&mut self) {
        self.tmp = None;
    }

    /// What is known is another behind the instruction `at`.
    pub(super) const fn changes(&mut self, at: u32) {
        self.changed = at + 1;
    }

    /// The line, which began at `from`, comes to a span, at its start or inside.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        at: u32,
        span: &Span,
        rows: &RowTable,
        from: u32,
        is_preemptible: bool,
    ) {
        (self.is_restartable, self.is_resuming) = (false, false);
        self.tmp_kept_from = match span.row.unsafe_point {
            UnsafePoint::Safe => u32::MAX,
            UnsafePoint::Unsafe => span.start.0.saturating_sub(1),
            _ => tmp_kept_from(rows, span).max(span.start.0.saturating_sub(1)),
        };
        if matches!(span.row.unsafe_point, UnsafePoint::Safe | UnsafePoint::Unsafe) {
            return;
        }
        self.is_resuming = is_preemptible;
        if is_restartable(span) {
            let class = rows.class(span);
            if at == class.start.0 || at == from {
                self.sequence = Sequence::starting(class.start);
            }
            let end = rows.position(span.start).and_then(|at| rows.spans().get(at + 1));
            let end = end.map_or(rows.end(), |next| next.start).0;
            self.has_long_sequence |= end > class.start.0 + RESTART_REACH + 1;
            self.is_restartable = is_preemptible;
        }
    }

    /// Whether a line begins at `at` in the middle of a sequence.
    pub(super) fn is_entered_inside(&self, at: u32, span: &Span, rows: &RowTable) -> bool {
        self.is_restartable && at > rows.class(span).start.0
    }
}

impl Analysis<'_, '_> {
    /// An instruction runs, or runs again after preemption.
    #[inline(always)]
    pub(super) fn resumes_with(&mut self, at: u32, decoded: &Decoded, span: &Span) {
        let resumption = &mut self.resumption;
        if resumption.is_restartable {
            resumption.sequence.step(decoded);
        }
        let is_lost = |defined| defined < resumption.tmp_kept_from;
        if self.is_preemptible && decoded.reads_tmp() && resumption.tmp.is_none_or(is_lost) {
            self.read_tmp(at, span);
        }
    }

    /// Holds the boundary `at` against rule `restart`, if a goroutine that is preempted there
    /// resumes elsewhere.
    pub(super) fn judge_resumption(&mut self, at: u32, span: &Span) {
        let Index(start) = self.resumption.sequence.start;
        match span.row.unsafe_point {
            UnsafePoint::RestartAtEntry if at > 0 => self.note(Reason::UntrackedResumption, at),
            UnsafePoint::Restart1 | UnsafePoint::Restart2 if at > start => {
                let is_spoiled = self.resumption.sequence.is_spoiled();
                if is_spoiled {
                    self.breaks(Rule::Restart, at, ASYNC, Observers::NONE);
                } else if self.resumption.sequence.is_changed() {
                    self.note(Reason::UntrackedResumption, at);
                }
                if is_spoiled || self.resumption.changed > start {
                    self.resume_at_start(span);
                }
            }
            _ => {}
        }
    }

    /// Preemption that would resume further back than the runtime allows ends the program.
    pub(super) fn judge_lengths(&mut self) {
        if !(self.resumption.has_long_sequence && self.is_preemptible) {
            return;
        }
        let rows = self.function.rows;
        let ends = rows.spans().iter().skip(1).map(|next| next.start).chain([rows.end()]);
        for (span, end) in rows.spans().iter().zip(ends).filter(|(span, _)| is_restartable(span)) {
            let beyond = rows.class(span).start.0 + RESTART_REACH + 1;
            for at in beyond.max(span.start.0)..end.0 {
                if self.scratch.visited.contains(at) {
                    self.scratch.live.depth = span.row.depth;
                    self.breaks(Rule::Restart, at, ASYNC, Observers::NONE);
                }
            }
        }
    }

    /// A line begins in the middle of a sequence: resumed, execution runs what it jumped over.
    #[cold]
    pub(super) fn enter_sequence(&mut self, at: u32, span: &Span) {
        if at == self.line_start() {
            self.note(Reason::UntrackedResumption, at);
            self.resume_at_start(span);
        }
    }

    /// A goroutine that is preempted in a span resumes at the start of the sequence. If SP is
    /// not where the row says there, rule `sp-row` has said so.
    #[cold]
    fn resume_at_start(&mut self, span: &Span) {
        let class = *self.function.rows.class(span);
        if class.row.depth == self.scratch.live.depth {
            let carried = self.carried();
            self.arrive(class.start.0, class.row.depth, carried);
        }
    }

    /// R27 is read: it must not have been lost on the way from its definition.
    #[cold]
    fn read_tmp(&mut self, at: u32, span: &Span) {
        let Some(defined) = self.resumption.tmp else {
            return match span.row.unsafe_point {
                UnsafePoint::Unsafe | UnsafePoint::RestartAtEntry => {
                    self.note(Reason::UntrackedTemporary, at);
                }
                _ => self.breaks(Rule::Restart, at, ASYNC, Observers::NONE),
            };
        };
        for boundary in defined + 1..=at {
            let Some(span) = self.function.rows.span(Index(boundary)) else { continue };
            if defined < tmp_kept_from(self.function.rows, span) {
                self.breaks(Rule::Restart, boundary, ASYNC, Observers::NONE);
            }
        }
        // What was lost up to here is not told again.
        self.resumption.tmp = Some(at);
    }

    /// SP has moved to another depth: words that are now below it can be lost, and those that
    /// were and no longer are have to be as they were.
    #[inline(always)]
    pub(super) fn move_sp(&mut self, at: u32, new: Depth) {
        let old = core::mem::replace(&mut self.scratch.live.depth, new);
        let slots = self.scratch.live.words.slots();
        if slots.iter().any(|slot| slot.is_below(old) || slot.is_below(new)) {
            self.move_over_words(at, old, new);
        }
    }

    #[cold]
    fn move_over_words(&mut self, at: u32, old: Depth, new: Depth) {
        let slots: ArrayVec<Slot, MAX_WORDS> =
            self.scratch.live.words.slots().iter().copied().collect();
        for slot in slots.iter().filter(|slot| slot.is_below(old) && !slot.is_below(new)) {
            if matches!(slot.value.kind, Kind::Entry | Kind::Stack | Kind::Near) {
                self.scratch.live.depth = old;
                self.needed_below(slot.since, at, slot.depth());
                self.scratch.live.depth = new;
            }
        }
        for slot in self.scratch.live.words.slots_mut() {
            if slot.is_below(new) && !slot.is_below(old) {
                slot.since = at + 1;
            }
        }
    }

    /// A word below SP is loaded.
    #[cold]
    pub(super) fn loads_below(&mut self, at: u32, word: Depth) {
        let slots = self.scratch.live.words.slots();
        let since = slots.iter().find(|slot| slot.depth() == word).map(|slot| slot.since);
        self.needed_below(since.unwrap_or(at), at, word);
        // What was lost up to here is not told again.
        let mut slots = self.scratch.live.words.slots_mut().iter_mut();
        if let Some(slot) = slots.find(|slot| slot.depth() == word) {
            slot.since = at + 1;
        }
    }

    /// The word at a depth, below SP since a boundary, is still needed at `at`: wherever a
    /// call could be injected in between it was lost.
    fn needed_below(&mut self, since: u32, at: u32, word: Depth) {
        for boundary in since..=at {
            let Some(span) = self.function.rows.span(Index(boundary)) else { continue };
            let is_unsafe = span.row.unsafe_point == UnsafePoint::Unsafe;
            if !is_unsafe || self.function.signals == SignalStack::Goroutine {
                self.lost_below(boundary, at, word, span);
            }
        }
    }

    /// The word at a depth was lost at a boundary if a call was injected there, or if a
    /// signal's handler ran on this stack.
    #[cold]
    fn lost_below(&mut self, boundary: u32, at: u32, word: Depth, span: &Span) {
        let mut observers = Observers::NONE;
        if self.is_injectable(span) {
            observers = ASYNC;
        }
        if overwritten_by_signal(self.function.signals, word, self.scratch.live.depth) {
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
        self.breaks(Rule::BelowSp, boundary, observers, unpreempted);
    }

    /// Forgets, for another block, the words below SP that may be lost by then.
    pub(super) fn forget_below(&self, words: &mut Words) {
        let depth = self.scratch.live.depth;
        if self.is_assembly && self.function.signals == SignalStack::Own {
            return;
        }
        for slot in words.slots_mut().iter_mut().filter(|slot| slot.is_below(depth)) {
            slot.value = Value::UNKNOWN;
        }
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

/// Whether execution that is stopped in a span resumes at the start of a sequence.
#[inline]
pub(crate) fn is_restartable(span: &Span) -> bool {
    matches!(span.row.unsafe_point, UnsafePoint::Restart1 | UnsafePoint::Restart2)
}
