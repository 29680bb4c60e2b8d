//! What is checked, and the memory that checks are made in.

use crate::analysis::{Analysis, Entered, Scratch};
use crate::report::Report;
use crate::rules::below_sp::SignalStack;
use crate::state::State;
use crate::sweep::Sweep;
use a64::DecodeCache;
use unwind::{Columns, FuncFlags, Index, Pc, RowTable, Rows, Word};

/// What is known of a function that another one calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Callee {
    /// Nothing.
    #[default]
    Unknown,
    /// It is one of the runtime's that get a larger stack, and returns to LR as R3 has it.
    Morestack,
    /// It calls nothing, and is not preempted: nobody unwinds it but a profiler.
    Leaf,
    /// It never returns.
    NoReturn,
}

/// What is known of the program around a function. A function that maps addresses to the
/// pointers there is one of which nothing else is known.
pub trait Surroundings {
    /// The pointer that the image holds at an address, for jump tables.
    fn pointer(&self, address: u64) -> Option<u64>;

    /// What is known of the function at an address, for calls.
    fn callee(&self, address: u64) -> Callee {
        let _ = address;
        Callee::Unknown
    }

    /// Whether the function is one of the runtime's, which keeps goroutines, and where they
    /// go on, in memory ([`crate::rules::callee`]).
    fn is_runtime(&self) -> bool {
        false
    }

    /// Whether unwinders read the function's rows although it is marked `SPWRITE`, as they do
    /// those of `cgocallback` and `systemstack` (`runtime/traceback.go`, `resolveInternal`).
    fn ignores_mark(&self) -> bool {
        false
    }
}

impl<F: Fn(u64) -> Option<u64>> Surroundings for F {
    fn pointer(&self, address: u64) -> Option<u64> {
        self(address)
    }
}

/// One function to check: its words, its rows, and what else is known of it.
#[non_exhaustive]
pub struct Function<'a, R = RowTable> {
    /// The address of the first instruction.
    pub entry: Pc,
    /// The instructions, up to the next function.
    pub words: &'a [Word],
    /// The instructions with what lies behind them in memory, as far as it is at hand: that
    /// makes it faster to read the last ones, and is not looked at.
    pub text: &'a [Word],
    /// What the table declares.
    pub rows: &'a R,
    /// The flags in the table.
    pub flags: FuncFlags,
    /// A further entry: where a panic that was recovered resumes the function (Go's
    /// `deferreturn`).
    pub recovery: Option<Index>,
    /// On whose stack handlers of signals run.
    pub signals: SignalStack,
    /// The program around it.
    pub surroundings: &'a dyn Surroundings,
}

impl<R> Clone for Function<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Function<'_, R> {}

impl<'a, R> Function<'a, R> {
    /// A function without flags, whose first instruction is at `entry`, and of which nothing
    /// is known but its instructions, up to the next function, and its rows.
    #[must_use]
    pub fn new(entry: Pc, words: &'a [Word], rows: &'a R) -> Self {
        Self {
            entry,
            words,
            text: words,
            rows,
            flags: FuncFlags(0),
            recovery: None,
            signals: SignalStack::Own,
            surroundings: &(|_: u64| None),
        }
    }

    /// Gives it the flags that the table has.
    #[must_use]
    pub const fn with_flags(mut self, flags: FuncFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Gives it its words with what lies behind them in memory.
    #[must_use]
    pub const fn with_text(mut self, text: &'a [Word]) -> Self {
        self.text = text;
        self
    }

    /// Gives it a further entry.
    #[must_use]
    pub const fn with_recovery(mut self, at: Option<Index>) -> Self {
        self.recovery = at;
        self
    }

    /// Says on whose stack handlers of signals run.
    #[must_use]
    pub const fn with_signals(mut self, signals: SignalStack) -> Self {
        self.signals = signals;
        self
    }

    /// Puts it into a program.
    #[must_use]
    pub const fn with_surroundings(mut self, surroundings: &'a dyn Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// The same function with its rows in another form.
    pub(crate) fn with<'b, S>(&self, rows: &'b S) -> Function<'b, S>
    where
        'a: 'b,
    {
        let Self { entry, words, text, flags, recovery, signals, surroundings, .. } = *self;
        Function { entry, words, text, rows, flags, recovery, signals, surroundings }
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
    cache: DecodeCache,
    sweep: Sweep,
    part: Part,
    columns: Columns,
    rows: RowTable,
}

/// Scratch memory for checking one part of a function.
#[derive(Debug, Default)]
struct Part {
    rows: RowTable,
    report: Report,
}

impl Default for Checker {
    fn default() -> Self {
        Self {
            scratch: Scratch::new(),
            cache: DecodeCache::new(),
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

    /// Checks a function; `report` is overwritten. Functions of the usual shapes are proved
    /// in a faster way, which proves nothing that [`Checker::analyse`] does not.
    pub fn check<R: Rows>(&mut self, function: &Function<'_, R>, report: &mut Report) {
        let mut columns = core::mem::take(&mut self.columns);
        let swept = function.with(function.rows.columns(&mut columns));
        match self.sweep.prove(&swept, &mut self.cache) {
            Some(boundaries) => {
                report.clear();
                self.check_parts(&swept, report);
                report.boundaries = boundaries;
            }
            None => self.analyse(function, report),
        }
        self.columns = columns;
    }

    /// Checks a function by the analysis alone; `report` is overwritten.
    pub fn analyse<R: Rows>(&mut self, function: &Function<'_, R>, report: &mut Report) {
        let mut rows = core::mem::take(&mut self.rows);
        let Self { scratch, cache, .. } = self;
        let function = function.with(function.rows.table(&mut rows));
        Analysis::run(&function, Entered::AtEntry, scratch, cache, report);
        self.rows = rows;
    }

    /// Analyses what the fast path left of a function: each part as a function of its own,
    /// which is entered with the frame there.
    fn check_parts(&mut self, function: &Function<'_, Columns>, report: &mut Report) {
        let Self { scratch, cache, sweep, part, .. } = self;
        let entered = Entered::WithFrame { keeps_lr: sweep.keeps_lr() };
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
            Analysis::run(&function, entered, scratch, cache, &mut part.report);
            report.take(&mut part.report, Index(range.start));
        }
    }

    /// What is known at a boundary, or `None` if it is not reached.
    #[must_use]
    pub fn state_at(&mut self, function: &Function<'_>, at: Index) -> Option<State> {
        function.words.get(at.0 as usize)?;
        let (mut report, entered) = (Report::new(), Entered::AtEntry);
        let Self { scratch, cache, .. } = self;
        Analysis::watch(function, entered, Some(at.0), scratch, cache, &mut report)
    }
}
