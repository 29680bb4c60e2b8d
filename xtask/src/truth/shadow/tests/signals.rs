//! Handlers of signals, and the calls that they inject.

use super::{CALLEE, FOREIGN, HANDLER, PREEMPT, SWITCH, TRAMPOLINE, Trace, inside, trace};
use crate::truth::shadow::{Gap, Place};

#[test]
fn a_signal_puts_aside_what_it_interrupts() {
    trace(|trace| {
        trace.call();
        assert_eq!(trace.with_lr(HANDLER, 0x3000, TRAMPOLINE), inside(HANDLER, 0x3000));
        trace.at(HANDLER + 4, 0x3000);
        assert_eq!(trace.at(TRAMPOLINE, 0x3000), Place::Not(Gap::Foreign));
        assert_eq!(trace.at(TRAMPOLINE + 4, 0x3000), Place::Not(Gap::Foreign));
        assert_eq!(trace.at(CALLEE + 4, 0x9e00), inside(CALLEE, 0x9f00));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.shadow.counts().signals, 1);
    });
}

#[test]
fn a_call_that_a_signal_interrupts_is_made_when_it_has_returned() {
    trace(|trace| {
        trace.call();
        // BL was executed, and the signal came before anything at its target.
        trace.at(CALLEE + 4, 0x9e00);
        trace.with_lr(HANDLER, 0x3000, TRAMPOLINE);
        trace.run([HANDLER + 4, TRAMPOLINE, TRAMPOLINE + 4], 0x3000);
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        trace.run([SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12, SWITCH + 16], 0x9e00);
        assert_eq!(trace.at(CALLEE + 8, 0x9e00), inside(CALLEE, 0x9f00));
    });
}

#[test]
fn a_signal_can_come_when_another_has_just_been_handled() {
    trace(|trace| {
        trace.call();
        for _ in 0..3 {
            trace.with_lr(HANDLER, 0x3000, TRAMPOLINE);
            trace.run([HANDLER + 4, TRAMPOLINE, TRAMPOLINE + 4], 0x3000);
        }
        assert_eq!(trace.at(CALLEE + 4, 0x9e00), inside(CALLEE, 0x9f00));
        // Or before it has returned to the kernel.
        trace.with_lr(HANDLER, 0x3000, TRAMPOLINE);
        trace.run([HANDLER + 4, TRAMPOLINE], 0x3000);
        trace.with_lr(HANDLER, 0x2000, TRAMPOLINE);
        trace.run([HANDLER + 4, TRAMPOLINE, TRAMPOLINE + 4], 0x2000);
        assert_eq!(trace.at(TRAMPOLINE + 4, 0x3000), Place::Not(Gap::Foreign));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.shadow.counts().signals, 5);
        assert!(trace.shadow.counts().lost.is_empty());
    });
}

/// A handler that injects a call; what was interrupted has SP 0x9e00 and resumes at
/// `resume`.
fn inject(trace: &mut Trace<'_>, resume: u64) {
    trace.with_lr(HANDLER, 0x3000, TRAMPOLINE);
    trace.run([HANDLER + 4, TRAMPOLINE, TRAMPOLINE + 4], 0x3000);
    assert_eq!(trace.with_lr(PREEMPT, 0x9df0, resume), inside(PREEMPT, 0x9df0));
    // It gives back the 16 bytes that were pushed for it.
    assert_eq!(trace.at(PREEMPT + 4, 0x9e00), inside(PREEMPT, 0x9df0));
}

#[test]
fn an_injected_call_returns_to_what_was_interrupted() {
    trace(|trace| {
        trace.call();
        trace.at(CALLEE + 4, 0x9e00);
        inject(trace, CALLEE + 4);
        assert_eq!(trace.at(CALLEE + 4, 0x9e00), inside(CALLEE, 0x9f00));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.shadow.counts().injected, 1);
    });
}

#[test]
fn an_injected_call_can_resume_behind_a_call_or_a_return_or_earlier() {
    trace(|trace| {
        trace.call();
        trace.at(CALLEE + 4, 0x9e00);
        // At the entry of what was just called.
        inject(trace, SWITCH);
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        // Earlier: a restartable sequence.
        trace.run([SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12], 0x9e00);
        inject(trace, SWITCH);
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        // Behind a return that was just made.
        trace.run([SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12, SWITCH + 16], 0x9e00);
        inject(trace, CALLEE + 8);
        assert_eq!(trace.at(CALLEE + 8, 0x9e00), inside(CALLEE, 0x9f00));
        assert!(trace.shadow.counts().lost.is_empty());
    });
}
