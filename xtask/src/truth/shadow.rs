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

use super::code::{Code, Flow, FunctionId, Role};
use super::log::Step;
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

/// One thread, on its way from its last boundary to the next.
struct Follower<'a, 'i> {
    code: &'a Code<'i>,
    parked: &'a mut HashMap<u64, Vec<Frame>>,
    counts: &'a mut Counts,
    thread: &'a mut Thread,
}

impl Follower<'_, '_> {
    fn arrive(&mut self, step: &Step, here: Option<FunctionId>) {
        if self.is_signal(step, here) {
            self.counts.signals += 1;
            let last = self.thread.last.take();
            let handler = Stack::new(Owner::Handler(step.lr));
            let stack = std::mem::replace(&mut self.thread.stack, handler);
            self.thread.interrupted.push((last, stack));
            return self.enter(step, here, step.lr);
        }
        // A signal that came as the kernel was restoring what another had interrupted
        // is seen to interrupt the return to the kernel.
        let mut has_resumed = false;
        while self.thread.stack.has_returned_to_kernel(step.pc)
            && let Some((last, stack)) = self.thread.interrupted.pop()
        {
            (self.thread.last, self.thread.stack) = (last, stack);
            has_resumed = true;
        }
        if has_resumed && self.is_injected(step, here) {
            return self.inject(step, here);
        }
        match self.thread.last {
            Some(last) if last.pc == step.pc && last.sp == step.sp => {}
            Some(last) => self.follow(last, step, here),
            None if self.is_entry(step, here) => self.enter(step, here, step.lr),
            None => {}
        }
    }

    /// Whether the kernel has called a handler: no instruction has.
    fn is_signal(&self, step: &Step, here: Option<FunctionId>) -> bool {
        let is = |id| self.code.role(id) == Role::Handler && self.code.is_entry(id, step.pc);
        let from = self.thread.last.and_then(|last| last.function);
        // cgoSigtramp goes on in sigtramp.
        here.is_some_and(is) && !from.is_some_and(|id| self.code.role(id) == Role::Handler)
    }

    fn is_injected(&self, step: &Step, here: Option<FunctionId>) -> bool {
        let is = |id| self.code.role(id) == Role::Injected && self.code.is_entry(id, step.pc);
        here.is_some_and(is)
    }

    /// What was interrupted goes on with a call that it has not made: SP is 16 lower,
    /// LR says where it resumes (`runtime/signal_arm64.go`, `pushCall`).
    fn inject(&mut self, step: &Step, here: Option<FunctionId>) {
        self.counts.injected += 1;
        let resumed = Step { pc: step.lr, sp: step.sp.wrapping_add(16), ..*step };
        if let Some(last) = self.thread.last {
            let there = self.code.find_near(last.function, resumed.pc);
            // Whether the last instruction was executed and led away. In the same
            // function it may also be the start of a restartable sequence.
            let has_left = match self.flow(last) {
                Some(Flow::Call(Some(target))) => target == resumed.pc,
                Some(Flow::Call(None)) => self.is_entry(&resumed, there),
                Some(Flow::Return | Flow::JumpReg) => true,
                _ => there != last.function,
            };
            if has_left && resumed.pc != last.pc {
                self.follow(last, &resumed, there);
            }
        }
        let (returns_to, returns_sp) = (resumed.pc, resumed.sp);
        self.push(Frame { function: here, cfa: step.sp, returns_to, returns_sp });
    }

    fn follow(&mut self, last: Last, step: &Step, here: Option<FunctionId>) {
        let behind = last.pc.wrapping_add(4);
        match self.flow(last) {
            None if here.is_some() => self.behind_foreign(step, here),
            None => {}
            Some(Flow::Call(target)) => {
                if target.is_some_and(|target| target != step.pc) {
                    return self.lose("a call", last, step);
                }
                self.call(last, step, here, behind);
            }
            Some(Flow::Jump(target)) if target == step.pc => self.jump(last, step, here),
            Some(Flow::JumpIf(target)) if target == step.pc => self.jump(last, step, here),
            Some(Flow::JumpReg | Flow::Return) => self.jump(last, step, here),
            Some(Flow::Next | Flow::System | Flow::JumpIf(_)) if behind == step.pc => {
                self.fall_through(last, step);
            }
            // The thread has ended, and another has its CPU.
            Some(Flow::System) => {
                self.counts.threads += 1;
                self.leave_stack(Stack::new(Owner::Unknown));
                self.thread.interrupted.clear();
            }
            Some(Flow::Next | Flow::Jump(_) | Flow::JumpIf(_)) => {
                self.lose("an instruction that does not lead there", last, step);
            }
        }
    }

    fn call(&mut self, last: Last, step: &Step, here: Option<FunctionId>, returns_to: u64) {
        self.counts.calls += 1;
        let stack = &mut self.thread.stack;
        if stack.owner == Owner::Unknown && step.g != 0 {
            stack.owner = Owner::Goroutine(step.g);
            self.parked.remove(&step.g);
        }
        // A function that has come here from another stack. What is left from before
        // at or below SP was abandoned when this stack was switched away from.
        if stack.frames.last().is_some_and(|top| top.function != last.function) {
            while stack.frames.last().is_some_and(|top| top.cfa <= step.sp) {
                stack.frames.pop();
            }
        }
        self.enter(step, here, returns_to);
    }

    fn jump(&mut self, last: Last, step: &Step, here: Option<FunctionId>) {
        if self.returns(step) {
            return;
        }
        if here.is_some() && here == last.function {
            return;
        }
        let Some(top) = self.thread.stack.frames.last_mut() else {
            if self.is_entry(step, here) {
                self.counts.goroutines += u64::from(!self.thread.stack.lost);
                self.enter(step, here, step.lr);
            }
            return;
        };
        if top.function == last.function {
            if step.sp == top.cfa {
                self.counts.tail_calls += 1;
                top.function = here;
            } else if top.returns_to == step.pc {
                // With an SP that its caller did not have: the comparison will tell.
                self.thread.stack.frames.pop();
            } else if !self.returns_past(step) {
                self.lose("a jump out of an open frame", last, step);
            }
            return;
        }
        self.resume(last, step, here);
    }

    /// A jump by a function that has come from another stack.
    fn resume(&mut self, last: Last, step: &Step, here: Option<FunctionId>) {
        let frames = &mut self.thread.stack.frames;
        if let Some(top) = frames.last().copied()
            && top.returns_to == step.pc
        {
            self.counts.moved += 1;
            let distance = step.sp.wrapping_sub(top.returns_sp);
            frames.pop();
            for frame in frames {
                frame.cfa = frame.cfa.wrapping_add(distance);
                frame.returns_sp = frame.returns_sp.wrapping_add(distance);
            }
        } else if self.is_entry(step, here) {
            self.counts.goroutines += 1;
            self.thread.stack.frames.clear();
            self.enter(step, here, step.lr);
        } else if !self.recovers(step, here) {
            self.lose("a switch to an unknown place", last, step);
        }
    }

    /// Goes on in the body of a function that is on the stack, with the SP that it
    /// made calls with.
    fn recovers(&mut self, step: &Step, here: Option<FunctionId>) -> bool {
        let frames = &mut self.thread.stack.frames;
        let body = |at: usize, frame: &Frame| {
            let callee = frames.get(at + 1);
            here.is_some()
                && frame.function == here
                && callee.is_some_and(|callee| callee.cfa == step.sp)
        };
        let found = frames.iter().enumerate().rposition(|(at, frame)| body(at, frame));
        if let Some(at) = found {
            frames.truncate(at + 1);
            self.counts.unwound += 1;
        }
        found.is_some()
    }

    /// The innermost call returns.
    fn returns(&mut self, step: &Step) -> bool {
        let frames = &mut self.thread.stack.frames;
        let is = |top: &Frame| top.returns_to == step.pc && top.returns_sp == step.sp;
        frames.pop_if(|top| is(top)).is_some()
    }

    /// A call further out returns.
    fn returns_past(&mut self, step: &Step) -> bool {
        let frames = &mut self.thread.stack.frames;
        let is = |frame: &Frame| frame.returns_to == step.pc && frame.returns_sp == step.sp;
        let found = frames.iter().rposition(is);
        if let Some(at) = found {
            frames.truncate(at);
            self.counts.unwound += 1;
        }
        found.is_some()
    }

    fn fall_through(&mut self, last: Last, step: &Step) {
        let Owner::Goroutine(owner) = self.thread.stack.owner else { return };
        if step.sp != last.sp && step.g != 0 && step.g != owner {
            self.counts.switches += 1;
            let frames = self.parked.remove(&step.g).unwrap_or_default();
            let owner = Owner::Goroutine(step.g);
            self.leave_stack(Stack { owner, frames, lost: false });
        }
    }

    /// Code that is not followed returns to the program, or calls it.
    fn behind_foreign(&mut self, step: &Step, here: Option<FunctionId>) {
        if self.returns(step) {
            return;
        }
        let is_called = self.thread.stack.frames.last().is_none_or(|top| top.function.is_none());
        if self.is_entry(step, here) {
            // A thread of C's may have the CPU of one that has ended.
            if !is_called {
                self.leave_stack(Stack::new(Owner::Unknown));
            }
            self.enter(step, here, step.lr);
        } else if !self.returns_past(step) {
            let last = Last { pc: 0, sp: step.sp, function: None };
            self.lose("code that is not followed", last, step);
        }
    }

    /// Goes to another stack. That of a goroutine waits for its return.
    fn leave_stack(&mut self, stack: Stack) {
        let left = std::mem::replace(&mut self.thread.stack, stack);
        if let Owner::Goroutine(goroutine) = left.owner {
            self.parked.insert(goroutine, left.frames);
        }
    }

    fn lose(&mut self, why: &'static str, last: Last, step: &Step) {
        *self.counts.lost.entry((why, last.pc, step.pc)).or_default() += 1;
        self.thread.stack.frames.clear();
        self.thread.stack.lost = true;
    }

    fn enter(&mut self, step: &Step, here: Option<FunctionId>, returns_to: u64) {
        let (cfa, returns_sp) = (step.sp, step.sp);
        self.push(Frame { function: here, cfa, returns_to, returns_sp });
    }

    fn push(&mut self, frame: Frame) {
        self.thread.stack.frames.push(frame);
    }

    fn is_entry(&self, step: &Step, here: Option<FunctionId>) -> bool {
        here.is_some_and(|id| self.code.is_entry(id, step.pc))
    }

    /// What the last instruction does, unless it is not followed.
    fn flow(&self, last: Last) -> Option<Flow> {
        last.function.map(|function| self.code.flow(function, last.pc))
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

#[cfg(test)]
mod tests;
