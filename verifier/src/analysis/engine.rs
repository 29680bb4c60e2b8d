//! The engine: blocks, their variants, and the straight lines between them.

use super::resume::Resumption;
use super::state::{Carried, Live};
use super::value::{Registers, Value};
use super::words::Words;
use crate::checker::Function;
use crate::flow::{IndexSet, SparseSet, branch_targets};
use crate::report::{Reason, Report, Undecided};
use crate::state::State;
use a64::decode::Reg;
use a64::{DecodeCache, Decoded};
use unwind::{Depth, FuncFlags, Index, Span, Word};

/// The most depths with which a block is analysed.
pub(crate) const MAX_VARIANTS: u32 = 4;

/// How many states are kept at most, beside one for each instruction.
const MAX_STATES: usize = 1 << 16;

/// How often an analysis begins again because a block turned out to start inside of another.
const MAX_PASSES: u32 = 16;

/// How many of the last states are looked at before the same is added again: more than most
/// functions have.
const LOOKED_AT: usize = 8;

/// The memory that an analysis works in.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Where blocks start.
    pub(super) leaders: SparseSet,
    /// The first variant of the block at each index.
    starts: Vec<Start>,
    variants: Vec<Variant>,
    /// What blocks start with. It is the same for most of a function's.
    carried: Vec<Carried>,
    /// The number of the pass; a [`Start`] of another one is old.
    pass: u32,
    pub(super) visited: IndexSet,
    /// Variants that are to be analysed.
    pending: Vec<u32>,
    pub(super) live: Live,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    pass: u32,
    first: u32,
}

/// A block as it is entered with SP at one depth.
#[derive(Clone, Copy, Debug)]
struct Variant {
    at: u32,
    depth: Depth,
    carried: CarriedId,
    /// The next variant of the block, or [`NONE`].
    next: u32,
    /// Whether the block was analysed with what is carried.
    is_walked: bool,
}

const NONE: u32 = u32::MAX;

/// A [`Carried`] by its place among those of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CarriedId(u32);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            leaders: SparseSet::default(),
            starts: Vec::new(),
            variants: Vec::new(),
            carried: Vec::new(),
            pass: 0,
            visited: IndexSet::default(),
            pending: Vec::new(),
            live: Live {
                registers: Registers::UNKNOWN,
                depth: Depth(0),
                words: Words::at_entry(),
                has_escaped: false,
                has_copies: false,
                trusts_memory: false,
            },
        }
    }

    fn next_pass(&mut self, len: usize) {
        if self.pass == u32::MAX {
            self.starts.clear();
            self.pass = 0;
        }
        self.pass += 1;
        if self.starts.len() < len {
            self.starts.resize(len, Start { pass: 0, first: NONE });
        }
        self.visited.reset(len);
        self.variants.clear();
        self.carried.clear();
        self.pending.clear();
    }

    /// The place of a state, which may be in there twice.
    pub(super) fn intern(&mut self, carried: Carried) -> CarriedId {
        let first = self.carried.len().saturating_sub(LOOKED_AT);
        let last = self.carried.get(first..).unwrap_or_default();
        let place = last.iter().rposition(|other| *other == carried);
        let place = place.map_or(self.carried.len(), |place| first + place);
        if place == self.carried.len() {
            self.carried.push(carried);
        }
        CarriedId(place as u32)
    }
}

/// Whether execution goes on with the next instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    Stop,
}

/// Where the analysis is, and what it knows there beside [`Scratch::live`].
#[derive(Debug)]
pub(super) struct Line {
    /// Where the line starts, and the instruction that it is at.
    pub(super) from: u32,
    pub(super) here: u32,
    /// Where the next block starts.
    next_leader: u32,
    /// The span of rows that the line is in.
    pub(super) position: usize,
    pub(super) span_end: u32,
    /// What is carried on from here, if it was asked for since it changed.
    pub(super) carried: Option<CarriedId>,
    /// Whether the next boundary has to be held against the rules about the state: it has
    /// changed, or one of them is broken.
    pub(super) is_changed: bool,
    /// Whether a block turned out to start inside what was analysed as one.
    through_leader: bool,
}

/// One analysis of a function.
pub(crate) struct Analysis<'a, 'r> {
    pub(super) function: &'a Function<'a>,
    pub(super) report: &'r mut Report,
    pub(super) scratch: &'r mut Scratch,
    /// Whether goroutines can be preempted in the function, as far as its flags say.
    pub(super) is_preemptible: bool,
    pub(super) is_assembly: bool,
    /// Whether the function is marked as one that writes SP behind the table's back, and
    /// unwinders heed the mark.
    pub(super) is_marked: bool,
    pub(super) line: Line,
    pub(super) resumption: Resumption,
    /// What was known of the stack where a recovered panic last resumed the function.
    pub(super) recovered: Option<(Depth, Words)>,
    /// The boundary at which somebody wants to know the state, and what it is there.
    watched: Option<u32>,
    seen: Option<State>,
    /// That boundary, if no direct branch leads there: it starts no block, and all that is
    /// known goes on.
    passed: Option<u32>,
}

/// How a function is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// At its first instruction.
    AtEntry,
    /// With the frame that the first row declares: for a part of a function, in which LR holds
    /// the return address or not.
    WithFrame { keeps_lr: bool },
}

impl<'a, 'r> Analysis<'a, 'r> {
    /// Analyses a function and holds each boundary against the rules. `report` is
    /// overwritten.
    pub(crate) fn run(
        function: &'a Function<'a>,
        entered: Entered,
        scratch: &'r mut Scratch,
        cache: &mut DecodeCache,
        report: &'r mut Report,
    ) {
        Self::watch(function, entered, None, scratch, cache, report);
    }

    /// Does the same, and returns the state at a boundary, if execution comes there.
    pub(crate) fn watch(
        function: &'a Function<'a>,
        entered: Entered,
        watched: Option<u32>,
        scratch: &'r mut Scratch,
        cache: &mut DecodeCache,
        report: &'r mut Report,
    ) -> Option<State> {
        scratch.leaders.reset(function.words.len());
        branch_targets(function.words, |target| scratch.leaders.insert(target));
        let passed = watched.filter(|&at| !scratch.leaders.contains(at));
        if let Some(at) = watched {
            scratch.leaders.insert(at);
        }
        let mut analysis = Self::new(function, watched, scratch, report);
        analysis.passed = passed;
        for pass in 1..=MAX_PASSES {
            analysis.begin();
            analysis.pass(entered, cache);
            // A block turned out to start inside what was taken for one. Again, with that
            // start known; there is at least one more each time.
            if !analysis.line.through_leader {
                break;
            }
            if pass == MAX_PASSES {
                analysis.undecided(Reason::UntrackedStackPointer, 0, None);
            }
        }
        analysis.judge_lengths();
        analysis.finish();
        analysis.seen
    }

    fn new(
        function: &'a Function<'a>,
        watched: Option<u32>,
        scratch: &'r mut Scratch,
        report: &'r mut Report,
    ) -> Self {
        let is_assembly = function.flags.contains(FuncFlags::ASM);
        scratch.live.trusts_memory = function.surroundings.is_runtime();
        let has_mark = function.flags.contains(FuncFlags::SP_WRITE);
        Self {
            function,
            report,
            scratch,
            is_preemptible: !is_assembly,
            is_assembly,
            is_marked: has_mark && !function.surroundings.ignores_mark(),
            line: Line {
                from: 1,
                here: 0,
                next_leader: 0,
                position: 0,
                span_end: 0,
                carried: None,
                is_changed: false,
                through_leader: false,
            },
            resumption: Resumption::new(),
            recovered: None,
            watched,
            seen: None,
            passed: None,
        }
    }

    fn begin(&mut self) {
        self.report.clear();
        self.scratch.next_pass(self.function.words.len());
        self.line.through_leader = false;
        self.resumption = Resumption::new();
        self.recovered = None;
        self.seen = None;
    }

    fn pass(&mut self, entered: Entered, cache: &mut DecodeCache) {
        if self.function.words.is_empty() {
            return;
        }
        match entered {
            Entered::AtEntry => {
                let carried = Carried::at_entry(self.function.flags);
                let carried = self.scratch.intern(carried);
                self.arrive(0, Depth(0), carried);
            }
            Entered::WithFrame { keeps_lr } => match self.function.rows.row(Index(0)) {
                Some(row) => self.arrive_with_frame(0, row.depth, keeps_lr),
                None => self.undecided(Reason::NoRow, 0, None),
            },
        }
        let most = MAX_STATES.saturating_add(self.function.words.len());
        while let Some(variant) = self.scratch.pending.pop() {
            if self.scratch.carried.len() > most {
                return self.note(Reason::TooManyStates, 0);
            }
            let known = self.scratch.variants.get(variant as usize);
            if known.is_some_and(|known| !known.is_walked) {
                self.straight_on(variant, cache);
            }
        }
    }

    /// An edge leads to a boundary with the frame made and saved, as Go keeps it: the return
    /// address at SP, and the pair that R29 points at below it.
    fn arrive_with_frame(&mut self, at: u32, depth: Depth, keeps_lr: bool) {
        let mut carried = Carried::at_entry(FuncFlags::default());
        let sp = depth.0.wrapping_neg();
        carried.lr = if keeps_lr { Value::RETURN } else { Value::LOADED };
        carried.fp = Value::stack(sp.wrapping_sub(8));
        carried.words.store(sp, 8, Value::RETURN, at);
        carried.words.store(sp.wrapping_sub(8), 8, Value::CALLER_FP, at);
        let carried = Carried { words: carried.words.settled(), ..carried };
        let carried = self.scratch.intern(carried);
        self.arrive(at, depth, carried);
    }

    /// An edge leads to the boundary `at` with SP at a depth.
    pub(super) fn arrive(&mut self, at: u32, depth: Depth, carried: CarriedId) {
        let Scratch { starts, variants, pending, pass, leaders, visited, .. } = &mut *self.scratch;
        let Some(start) = starts.get_mut(at as usize) else { return };
        if start.pass != *pass {
            *start = Start { pass: *pass, first: NONE };
            if !leaders.contains(at) {
                leaders.insert(at);
                if at > self.line.here {
                    self.line.next_leader = self.line.next_leader.min(at);
                }
                self.line.through_leader |=
                    visited.contains(at) || (self.line.from..=self.line.here).contains(&at);
            }
        }
        let (mut count, mut next) = (0, start.first);
        while let Some(variant) = variants.get_mut(next as usize) {
            if variant.depth == depth {
                if variant.carried != carried {
                    self.arrive_again(next, carried);
                }
                return;
            }
            count += 1;
            next = variant.next;
        }
        if count == MAX_VARIANTS {
            return self.note(Reason::TooManyStates, at);
        }
        let number = variants.len() as u32;
        variants.push(Variant { at, depth, carried, next: start.first, is_walked: false });
        start.first = number;
        pending.push(number);
    }

    /// An edge leads to a variant with something else than before.
    #[inline(never)]
    fn arrive_again(&mut self, number: u32, carried: CarriedId) {
        let scratch = &mut *self.scratch;
        let Some(variant) = scratch.variants.get(number as usize) else { return };
        let known = |CarriedId(id)| scratch.carried.get(id as usize);
        let (Some(before), Some(other)) = (known(variant.carried), known(carried)) else { return };
        let both = before.meet(other);
        if both == *before {
            return;
        }
        let carried = scratch.intern(both);
        let Some(variant) = scratch.variants.get_mut(number as usize) else { return };
        variant.carried = carried;
        if variant.is_walked {
            variant.is_walked = false;
            scratch.pending.push(number);
        }
    }

    /// What is carried on from where the analysis is.
    #[inline(always)]
    pub(super) fn carried(&mut self) -> CarriedId {
        match self.line.carried {
            Some(carried) => carried,
            None => {
                let pc = self.pc(self.line.here + 1);
                let mut carried = Carried::of(&self.scratch.live, pc, self.is_assembly);
                self.forget_below(&mut carried.words);
                let carried = self.scratch.intern(carried);
                self.line.carried = Some(carried);
                carried
            }
        }
    }

    /// Analyses from a variant on until execution goes elsewhere or where it has been.
    fn straight_on(&mut self, number: u32, cache: &mut DecodeCache) {
        let Some(mut span) = self.set_out(number) else { return };
        let words = self.function.words;
        let (start, mut at) = (self.line.from, self.line.from);
        let stop = loop {
            if self.line.is_changed || self.resumption.is_at_work() {
                self.boundary(at, span);
            }
            let Some(&word) = words.get(at as usize) else { break at };
            self.line.here = at;
            if self.instruction(at, word, cache.get(word), span) == Step::Stop {
                break at + 1;
            }
            at += 1;
            if at as usize == words.len() {
                self.end();
                break at;
            }
            if at == self.line.span_end {
                let Some(next) = self.next_span(at) else { break at };
                span = next;
            }
            if at == self.line.next_leader {
                let carried = match self.passed == Some(at) {
                    true => self.scratch.intern(Carried::of(&self.scratch.live, self.pc(at), true)),
                    false => self.carried(),
                };
                let depth = self.scratch.live.depth;
                self.scratch.visited.insert_range(start, at);
                self.arrive(at, depth, carried);
                match self.variant_to_walk(at, depth) {
                    Some(next) => match self.set_out(next) {
                        Some(next) => span = next,
                        None => break at,
                    },
                    None => break at,
                }
            }
        };
        self.scratch.visited.insert_range(start, stop);
    }

    /// The variant of the block at `at` with SP at a depth, if it is to be analysed.
    fn variant_to_walk(&self, at: u32, depth: Depth) -> Option<u32> {
        let mut number = self.scratch.starts.get(at as usize)?.first;
        loop {
            let variant = self.scratch.variants.get(number as usize)?;
            if variant.depth == depth {
                return (!variant.is_walked).then_some(number);
            }
            number = variant.next;
        }
    }

    /// A line begins with a variant; returns the span of its first boundary.
    fn set_out(&mut self, number: u32) -> Option<&'a Span> {
        let scratch = &mut *self.scratch;
        let variant = scratch.variants.get_mut(number as usize)?;
        variant.is_walked = true;
        let Variant { at, depth, carried, .. } = *variant;
        let CarriedId(id) = carried;
        scratch.carried.get(id as usize)?.begin(depth, &mut scratch.live);
        self.line.carried = Some(carried);
        self.line.is_changed = true;
        self.line.from = at;
        self.line.here = at;
        self.line.next_leader =
            scratch.leaders.next(at + 1).unwrap_or(self.function.words.len() as u32);
        let Some(position) = self.function.rows.position(Index(at)) else {
            self.undecided(Reason::NoRow, at, None);
            return None;
        };
        self.resumption.begin(at);
        let span = self.enter_span(at, position)?;
        if self.watched == Some(at) {
            self.see(span);
        }
        Some(span)
    }

    /// What is known at the boundary that is watched. Of several depths it is the one that is
    /// reported: the smallest that the row does not declare.
    #[cold]
    fn see(&mut self, span: &Span) {
        let shown = self.scratch.live.shown();
        let order = |state: &State| (state.depth == span.row.depth, state.depth);
        if self.seen.is_none_or(|seen| order(&shown) <= order(&seen)) {
            self.seen = Some(shown);
        }
    }

    fn next_span(&mut self, at: u32) -> Option<&'a Span> {
        let position = self.line.position + 1;
        if self.function.rows.spans().get(position).is_none() {
            self.undecided(Reason::NoRow, at, None);
            return None;
        }
        if self.is_behind_no_return(at, position) {
            return None;
        }
        self.line.is_changed = true;
        self.enter_span(at, position)
    }

    /// The line comes to a span, at its start or inside.
    fn enter_span(&mut self, at: u32, position: usize) -> Option<&'a Span> {
        let rows = self.function.rows;
        let span = rows.spans().get(position)?;
        let next = rows.spans().get(position + 1);
        self.line.position = position;
        self.line.span_end = next.map_or(rows.end(), |next| next.start).0;
        self.resumption.enter(at, span, rows, self.line.from, self.is_preemptible);
        if self.resumption.is_entered_inside(at, span, rows) {
            self.enter_sequence(at, span);
        }
        Some(span)
    }

    /// One instruction, at whose boundary the rules were asked.
    #[inline(always)]
    fn instruction(&mut self, at: u32, word: Word, decoded: &Decoded, span: &Span) -> Step {
        self.resumes_with(at, decoded, span);
        self.execute(at, word, decoded)
    }

    /// A general register or SP, where 31 is SP.
    #[inline(always)]
    pub(super) fn register(&self, register: Reg) -> Value {
        self.scratch.live.registers.or_sp(register)
    }

    pub(super) fn undecided(&mut self, reason: Reason, at: u32, word: Option<Word>) {
        self.report.undecided.push(Undecided { reason, at: Index(at), word });
    }

    /// A rule cannot be decided from here on; once a function is enough.
    #[cold]
    pub(super) fn note(&mut self, reason: Reason, at: u32) {
        if self.report.undecided.iter().all(|undecided| undecided.reason != reason) {
            let word = self.function.words.get(at as usize).copied();
            self.undecided(reason, at, word);
        }
    }
}
