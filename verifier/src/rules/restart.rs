//! Rule `restart`: going on after preemption is as if there had been none.
//!
//! # Claim
//! At every boundary where a goroutine can be preempted, going on where it resumes
//! gives the same state as going on there: inside a restartable sequence no
//! register that the sequence reads before it writes it has been written since its
//! start; R27, which is lost when a call is injected, is computed again before it is
//! read; and the sequence's start is no further back than the runtime allows, which
//! otherwise ends the program ([`unwind::RESTART_LIMIT`]).
//!
//! # Abstract state
//! Of the restartable sequence that the analysis is in: its start, the registers that
//! it read before writing them, and those that it wrote. Where in the block R27
//! was written.
//!
//! # Transfer
//! By the operands of each instruction.
//!
//! # Observers
//! Preemption alone: it is what resumes at another place (`runtime/preempt.go`,
//! `isAsyncSafePoint`) and what loses R27: `asyncPreempt` returns through it
//! (`runtime/preempt_arm64.s`). Assembly is never preempted.
//!
//! # Direction of error
//! A sequence that is entered in its middle, that loads and then stores, or that
//! resumes at the function's entry, is undecided. A read of R27 that is not written in the
//! same block breaks the rule where a call can be injected, and is undecided elsewhere.
//!
//! # Assumptions
//! An instruction of which not all is known reads at most the registers that its
//! group can name.
//!
//! # Cost
//! A test at each instruction, and the operands of those in a restartable sequence.
//!
//! # Not checked
//! Memory that the sequence stores to and others read meanwhile.

use a64::effect::Effect;
use a64::{Core, Decoded, Parts};
use unwind::Index;

/// The restartable sequence that the analysis is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    /// Where it starts, and with it where it resumes.
    pub(crate) start: Index,
    /// What it may have read before writing it.
    inputs: Core,
    /// What it has surely written.
    written: Core,
    /// What of the inputs it then may have written, and what surely.
    maybe_changed: Core,
    changed: Core,
    /// The inputs among vectors, predicates and system state, and whether one of them may have
    /// been written.
    beyond: Parts,
    changes_beyond: bool,
}

impl Sequence {
    /// No sequence yet.
    pub(crate) const NONE: Self = Self {
        start: Index(0),
        inputs: Core::NONE,
        written: Core::NONE,
        maybe_changed: Core::NONE,
        changed: Core::NONE,
        beyond: Parts::NONE,
        changes_beyond: false,
    };

    pub(crate) const fn starting(start: Index) -> Self {
        Self { start, inputs: Core::COUNT, ..Self::NONE }
    }

    /// Goes over one instruction.
    #[inline(always)]
    pub(crate) fn step(&mut self, decoded: &Decoded) {
        // What is called twice is done twice.
        let is_call = matches!(decoded.effect, Effect::Call { .. });
        let writes = if is_call { decoded.writes.with(Core::COUNT) } else { decoded.writes };
        let read = decoded.reads.without(self.written);
        // An instruction that loads and stores, but accumulates nothing, is done twice as
        // once.
        let inputs = self.inputs.with(read.without(Core::MEMORY));
        self.maybe_changed = self.maybe_changed.with(writes.and(inputs));
        self.changed = self.changed.with(decoded.surely.and(inputs));
        self.inputs = inputs.with(read);
        self.written = self.written.with(decoded.surely.without(Core::MEMORY));
        if decoded.reads_beyond || decoded.writes_beyond {
            let semantics = decoded.semantics();
            self.beyond = self.beyond.with(semantics.reads.0.without(Parts::CORE));
            self.changes_beyond |= semantics.writes.meets(self.beyond);
        }
    }

    /// Whether going back to the start is not known to give the same state.
    #[inline(always)]
    pub(crate) fn is_changed(&self) -> bool {
        self.maybe_changed != Core::NONE || self.changed != Core::NONE || self.changes_beyond
    }

    /// Whether it is known not to. Of memory that is not known: what is stored may be what was
    /// loaded.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.changed.without(Core::MEMORY) != Core::NONE
    }
}
