//! Where the CFA of the running function is, from the steps of a trace alone.
//!
//! # Claim
//! [`Place::In`] gives the SP with which the function at the pc was entered, as the
//! trace showed it: by a call, a tail call, an injected call or the kernel. No table
//! of the program is asked.
//!
//! # State
//! For each thread a stack of frames, one for each call that has not returned: the
//! function, its CFA, and where and with which SP its caller goes on. Stacks belong
//! to goroutines (R28) and outlive the thread's stay on them.
//!
//! # Transfer
//! - BL, BLR: a frame, with the CFA at SP and the instruction behind as the return
//!   address (whatever LR holds later).
//! - An arrival where the innermost call returns to, with the SP that it was made
//!   with, is its return, however control got there. An arrival where an outer call
//!   returns to is the return of that one.
//! - A jump to another function with SP at the CFA is a tail call.
//! - A write of SP with R28 no longer the stack's goroutine: the thread is on that
//!   goroutine's stack from then on (`mcall`, `systemstack`, `gogo`, `morestack`,
//!   `asmcgocall`). The function that did it is not on that stack itself.
//! - A jump from such a function to where the innermost call of the new stack
//!   returns to, with another SP: the stack was moved (`copystack`), and all its
//!   frames with it. To the entry of a function: a new goroutine. Into the body of
//!   a function that is on the stack: a recovered panic.
//! - An arrival at the handler of signals: what was going on is put aside until
//!   the handler has returned to the kernel; then it is taken up, or taken to have
//!   called the function that the handler injected.
//!
//! # Direction of error
//! What does not fit any of these loses the frames ([`Counts::lost`]); they are
//! regained with the next calls. A place without a frame is never compared.
//!
//! # Not followed
//! Code that is in no function of the program (C, the dynamic linker, the kernel's
//! return from a signal): only that it was entered and left.

mod follow;
#[cfg(test)]
mod tests;

use super::code::{Code, FunctionId};
use super::log::Step;
use follow::Follower;
use std::collections::{BTreeMap, HashMap};

/// What is known of a boundary that is about to be executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In this function, entered with SP at `cfa`.
    In {
        /// The function.
        function: FunctionId,
        /// SP at its entry.
        cfa: u64,
    },
    /// Not followed.
    Not(Gap),
}

/// Why a boundary is not followed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Gap {
    /// The emulator came back to the boundary without having executed it.
    Again,
    /// In no function of the program's table.
    Foreign,
    /// The function was entered on another stack, which it has left.
    OtherStack,
    /// The function was not seen to be entered: where threads and goroutines start
    /// and end.
    NoEntry,
    /// The frames were lost.
    Lost,
}

/// What happened in a trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Calls.
    pub calls: u64,
    /// Tail calls.
    pub tail_calls: u64,
    /// Threads.
    pub threads: u64,
    /// Goroutines that were started.
    pub goroutines: u64,
    /// Switches to another stack.
    pub switches: u64,
    /// Stacks that were moved.
    pub moved: u64,
    /// Signals.
    pub signals: u64,
    /// Calls that handlers injected.
    pub injected: u64,
    /// Returns past a frame or more: recovered panics among them.
    pub unwound: u64,
    /// How often the frames were lost: what was executed before, and the pc that it
    /// led to.
    pub lost: BTreeMap<(&'static str, u64, u64), u64>,
}

/// The shadow stacks of all threads.
#[derive(Debug)]
pub struct Shadow<'c, 'i> {
    code: &'c Code<'i>,
    threads: HashMap<u32, Thread>,
    /// The stacks that no thread is on, by goroutine.
    parked: HashMap<u64, Vec<Frame>>,
    counts: Counts,
}

/// A call that has not returned.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// What was called; `None` outside of the program's functions.
    function: Option<FunctionId>,
    cfa: u64,
    returns_to: u64,
    /// SP when it has returned: the CFA, except below an injected call.
    returns_sp: u64,
}

/// Whose stack a thread is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    /// Not known before the first call.
    Unknown,
    Goroutine(u64),
    /// A handler's; it returns to the kernel at this address.
    Handler(u64),
}

#[derive(Clone, Debug)]
struct Stack {
    owner: Owner,
    frames: Vec<Frame>,
    /// Whether frames were lost that may still be run in.
    lost: bool,
}

/// The last boundary of a thread.
#[derive(Clone, Copy, Debug)]
struct Last {
    pc: u64,
    sp: u64,
    function: Option<FunctionId>,
}

#[derive(Debug)]
struct Thread {
    last: Option<Last>,
    stack: Stack,
    /// What signals have interrupted, the innermost last.
    interrupted: Vec<(Option<Last>, Stack)>,
}

impl<'c, 'i> Shadow<'c, 'i> {
    /// No threads yet.
    #[must_use]
    pub fn new(code: &'c Code<'i>) -> Self {
        let (threads, parked) = (HashMap::new(), HashMap::new());
        Self { code, threads, parked, counts: Counts::default() }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Follows a thread to a boundary.
    pub fn step(&mut self, step: &Step) -> Place {
        let (counts, parked, code) = (&mut self.counts, &mut self.parked, self.code);
        let thread = self.threads.entry(step.cpu).or_insert_with(|| {
            counts.threads += 1;
            Thread { last: None, stack: Stack::new(Owner::Unknown), interrupted: Vec::new() }
        });
        let again = thread.last.is_some_and(|last| last.pc == step.pc && last.sp == step.sp);
        if again {
            return Place::Not(Gap::Again);
        }
        let likely = thread.last.and_then(|last| last.function);
        let here = code.find_near(likely, step.pc);
        Follower { code, parked, counts, thread: &mut *thread }.arrive(step, here);
        thread.last = Some(Last { pc: step.pc, sp: step.sp, function: here });
        thread.stack.place(here)
    }
}

impl Stack {
    const fn new(owner: Owner) -> Self {
        Self { owner, frames: Vec::new(), lost: false }
    }

    /// Whether this was a handler's stack, and the kernel has restored what the
    /// signal had interrupted. Its return to the kernel takes two instructions
    /// (`linux-user/aarch64/signal.c`).
    fn has_returned_to_kernel(&self, pc: u64) -> bool {
        match self.owner {
            Owner::Handler(address) => {
                self.frames.is_empty() && !(address..address.saturating_add(8)).contains(&pc)
            }
            Owner::Unknown | Owner::Goroutine(_) => false,
        }
    }

    fn place(&self, here: Option<FunctionId>) -> Place {
        let Some(function) = here else { return Place::Not(Gap::Foreign) };
        match self.frames.last() {
            Some(top) if top.function == here => Place::In { function, cfa: top.cfa },
            Some(_) => Place::Not(Gap::OtherStack),
            None if self.lost => Place::Not(Gap::Lost),
            None => Place::Not(Gap::NoEntry),
        }
    }
}
