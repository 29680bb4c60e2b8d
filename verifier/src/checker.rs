//! What is checked, and the memory that checks are made in.

use crate::decoded::Memory;
use crate::flow::{IndexSet, SparseSet, branch_targets};
use crate::registers::Registers;
use crate::report::{Reason, Report};
use crate::rules::below_sp::SignalStack;
use crate::state::{KnownId, Knowns, State};
use crate::sweep::Sweep;
use crate::value::Block;
use crate::walk::{Beginning, Edge, Walk, settle};
use unwind::{Columns, FuncFlags, Index, Pc, RowTable, Rows, Word};

/// One function to check: all that is known of it. Its rows are in one form or the other.
pub struct Function<'a, R = RowTable> {
    /// The address of the first instruction.
    pub entry: Pc,
    /// The instructions, up to the next function.
    pub words: &'a [Word],
    /// The same with what lies behind it in memory, as far as it is at hand: that makes it
    /// faster to read the last ones, and is not looked at.
    pub text: &'a [Word],
    /// What the table declares.
    pub rows: &'a R,
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

impl<R> Clone for Function<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Function<'_, R> {}

impl<'a, R> Function<'a, R> {
    /// The same with its rows in another form.
    pub(crate) fn with<'b, S>(&self, rows: &'b S) -> Function<'b, S>
    where
        'a: 'b,
    {
        let Self { entry, words, text, flags, recovery, signals, pointer, .. } = *self;
        Function { entry, words, text, rows, flags, recovery, signals, pointer }
    }

    /// The instruction at an address, if it is one of this function.
    pub(crate) fn index_of(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.entry.0)?;
        let index = offset / Word::BYTES;
        let is_inside = offset % Word::BYTES == 0 && index < self.words.len() as u64;
        if is_inside { u32::try_from(index).ok() } else { None }
    }
}

/// Checks functions, one after the other, in the same memory.
#[derive(Debug)]
pub struct Checker {
    scratch: Scratch,
    memory: Memory,
    sweep: Sweep,
    part: Part,
    columns: Columns,
    rows: RowTable,
}

/// What a part of a function is checked in.
#[derive(Debug, Default)]
struct Part {
    rows: RowTable,
    report: Report,
}

/// What a walk works on.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Where blocks start.
    pub(crate) leaders: SparseSet,
    /// What is known there.
    pub(crate) starts: Vec<Start>,
    pub(crate) knowns: Knowns,
    /// The number of the pass; a [`Start`] of another one is old.
    pub(crate) pass: u32,
    pub(crate) visited: IndexSet,
    /// Blocks that are to be walked.
    pub(crate) pending: Vec<u32>,
    /// Edges beyond what is walked, if that is the beginning of several functions.
    pub(crate) beyond: Vec<Edge>,
    pub(crate) block: Block,
    pub(crate) registers: Registers,
}

/// What is known where a block starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// In which pass.
    pub(crate) pass: u32,
    pub(crate) known: KnownId,
    /// The position of the row's span.
    pub(crate) position: u32,
    /// Whether the block was walked with it.
    pub(crate) is_walked: bool,
}

impl Start {
    pub(crate) const NONE: Self =
        Self { pass: 0, known: KnownId::NONE, position: 0, is_walked: false };
}

/// How often a function is walked before it is given up.
const MAX_PASSES: u32 = 16;

/// Up to how many instructions each one of a function is looked at, and the function
/// walked once without knowing where its branches go: most that are so short have no
/// loop.
pub(crate) const SHORT: usize = 64;

impl Default for Checker {
    fn default() -> Self {
        let scratch = Scratch {
            leaders: SparseSet::default(),
            starts: Vec::new(),
            knowns: Knowns::default(),
            pass: 0,
            visited: IndexSet::default(),
            pending: Vec::new(),
            beyond: Vec::new(),
            block: Block::default(),
            registers: Registers::new(),
        };
        Self {
            scratch,
            memory: Memory::new(),
            sweep: Sweep::default(),
            part: Part::default(),
            columns: Columns::new(),
            rows: RowTable::new(),
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
    pub fn check<R: Rows>(&mut self, function: &Function<'_, R>, report: &mut Report) {
        let mut columns = core::mem::take(&mut self.columns);
        let swept = function.with(function.rows.columns(&mut columns));
        match self.sweep.prove(&swept, &mut self.memory) {
            Some(boundaries) => {
                report.clear();
                self.check_parts(&swept, report);
                report.boundaries = boundaries;
            }
            None => {
                let mut rows = core::mem::take(&mut self.rows);
                self.check_closely(&function.with(function.rows.table(&mut rows)), report);
                self.rows = rows;
            }
        }
        self.columns = columns;
    }

    /// Walks what a sweep left of a function: each part as a function of its own, which
    /// is entered with the frame there.
    fn check_parts(&mut self, function: &Function<'_, Columns>, report: &mut Report) {
        let Self { scratch, memory, sweep, part, .. } = self;
        for range in sweep.parts() {
            let Some(words) = function.words.get(range.start as usize..range.end as usize) else {
                continue;
            };
            part.rows.clear();
            for row in range.clone().filter_map(|at| function.rows.row(Index(at))) {
                part.rows.push(row, 1);
            }
            let entry = Pc(function.entry.0.wrapping_add(Index(range.start).offset()));
            let function = function.with(&part.rows);
            let function = Function { entry, words, text: words, recovery: None, ..function };
            scratch.leaders.reset(words.len());
            scratch.next_pass(words.len());
            part.report.clear();
            Walk::new(&function, scratch, &mut part.report).run_framed(memory);
            scratch.finish(&function, &mut part.report);
            report.take(&mut part.report, Index(range.start));
        }
    }

    /// Checks a function by a walk.
    fn check_closely(&mut self, function: &Function<'_>, report: &mut Report) {
        let leaders = &mut self.scratch.leaders;
        leaders.reset(function.words.len());
        if function.words.len() > SHORT {
            branch_targets(function.words, |target| leaders.insert(target));
        }
        self.walk(function, report);
    }

    /// Checks functions that differ in their words and rows alone: one, and then the
    /// others, in their order. What they have in common from the entry on is walked once.
    /// Calls `told` with each report, the same that [`Checker::check`] makes.
    pub fn check_alike<'a>(
        &mut self,
        function: &Function<'a>,
        others: impl Iterator<Item = (&'a [Word], &'a RowTable)> + Clone,
        report: &mut Report,
        mut told: impl FnMut(&Report),
    ) {
        // A bit for each of the first that has a beginning in common with `function`.
        let (mut sharing, mut until) = (0_u64, u32::MAX);
        for (bit, (words, rows)) in (0..u64::BITS).zip(others.clone()) {
            if let Some(common) = Beginning::common(function, words, rows) {
                sharing |= 1 << bit;
                until = until.min(common);
            }
        }
        let Self { scratch, memory, .. } = &mut *self;
        let beginning = match sharing {
            0 => None,
            _ => Beginning::walk(function, until, scratch, memory, report),
        };
        self.check_from(beginning.as_ref(), function, report);
        told(report);
        for (position, (words, rows)) in others.enumerate() {
            let is_sharing = position < 64 && sharing >> position & 1 == 1;
            let beginning = beginning.as_ref().filter(|_| is_sharing);
            self.check_from(beginning, &Function { words, rows, ..*function }, report);
            told(report);
        }
    }

    /// Checks a function, whose beginning may have been walked.
    fn check_from(
        &mut self,
        beginning: Option<&Beginning>,
        function: &Function<'_>,
        report: &mut Report,
    ) {
        let Self { scratch, memory, .. } = &mut *self;
        match beginning {
            Some(beginning) if beginning.go_on(function, scratch, memory, report).is_some() => {
                scratch.finish(function, report);
            }
            _ => self.check_closely(function, report),
        }
    }

    /// What is known at a boundary, or `None` if it is not reached.
    #[must_use]
    pub fn state_at(&mut self, function: &Function<'_>, at: Index) -> Option<State> {
        let declared = function.rows.row(at)?.depth;
        function.words.get(at.0 as usize)?;
        let leaders = &mut self.scratch.leaders;
        leaders.reset(function.words.len());
        leaders.insert(at.0);
        branch_targets(function.words, |target| leaders.insert(target));
        let mut report = Report::new();
        self.walk(function, &mut report);
        let start = self.scratch.starts.get(at.0 as usize)?;
        // A wrong row hides the depth that SP really has.
        let actual = report.violations.iter().find(|violation| violation.at == at);
        let depth = actual.map_or(declared, |violation| violation.actual);
        let known = self.scratch.knowns.get(start.known);
        (start.pass == self.scratch.pass).then(|| known.state(depth))
    }

    fn walk(&mut self, function: &Function<'_>, report: &mut Report) {
        let Self { scratch, memory, .. } = self;
        for pass in 1..=MAX_PASSES {
            report.clear();
            scratch.next_pass(function.words.len());
            let mut walk = Walk::new(function, scratch, report);
            walk.run(memory);
            walk.judge_lengths();
            // A block turned out to start inside what was walked as one. Walk again,
            // with that start known; there is at least one more each time.
            if !walk.line.through_leader {
                break;
            }
            if pass == MAX_PASSES {
                walk.undecided(Reason::UntrackedStackPointer, 0, None);
            }
            branch_targets(function.words, |target| scratch.leaders.insert(target));
        }
        scratch.finish(function, report);
    }
}

impl Scratch {
    /// Begins a pass over a function of so many instructions.
    pub(crate) fn next_pass(&mut self, len: usize) {
        self.knowns.clear();
        self.next_rest(len);
    }

    /// The same, without forgetting what is known.
    pub(crate) fn next_rest(&mut self, len: usize) {
        if self.pass == u32::MAX {
            self.starts.clear();
            self.pass = 0;
        }
        self.pass += 1;
        if self.starts.len() < len {
            self.starts.resize(len, Start::NONE);
        }
        self.visited.reset(len);
        self.pending.clear();
    }

    /// Completes a report.
    fn finish(&self, function: &Function<'_>, report: &mut Report) {
        report.boundaries = self.visited.len();
        if !report.is_empty() {
            settle(report, &self.leaders, function.flags);
        }
    }
}
