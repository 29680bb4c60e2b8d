//! From one boundary of a thread to the next: what happened in between.

use super::{Counts, Frame, Last, Owner, Stack, Thread};
use crate::truth::code::{Code, Flow, FunctionId, Role};
use crate::truth::log::Step;
use std::collections::HashMap;

/// One thread, on its way from its last boundary to the next.
pub(super) struct Follower<'a, 'i> {
    pub(super) code: &'a Code<'i>,
    pub(super) parked: &'a mut HashMap<u64, Vec<Frame>>,
    pub(super) counts: &'a mut Counts,
    pub(super) thread: &'a mut Thread,
}

impl Follower<'_, '_> {
    pub(super) fn arrive(&mut self, step: &Step, here: Option<FunctionId>) {
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
