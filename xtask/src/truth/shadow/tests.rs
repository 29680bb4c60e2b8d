//! Traces written by hand: what each step does to the shadow stacks is known from
//! what the instruction before it does (Arm ARM) and from Go's assembly
//! (`asm_arm64.s`).

mod signals;

use super::{Gap, Place, Shadow};
use crate::truth::code::{Code, Function, FunctionId, Role};
use crate::truth::log::Step;
use unwind::Word;

const NOP: u32 = 0xd503_201f;
const RET: u32 = 0xd65f_03c0;
/// `BR X6`, as at the end of `gogo`.
const BR: u32 = 0xd61f_00c0;
/// `BLR X3`, as in `systemstack`.
const BLR: u32 = 0xd63f_0060;
const SVC: u32 = 0xd400_0001;

const fn bl(from: u64, to: u64) -> u32 {
    0x9400_0000 | (to.wrapping_sub(from) >> 2) as u32 & 0x03ff_ffff
}

const fn b(from: u64, to: u64) -> u32 {
    bl(from, to) & !0x8000_0000
}

/// Calls `CALLEE` at +8, returns at +16.
const MAIN: u64 = 0x1000;
/// Calls `SWITCH` at +4, returns at +12.
const CALLEE: u64 = 0x2000;
/// Writes SP at +4, calls through a register at +8, writes SP at +12, returns at +16.
const SWITCH: u64 = 0x3000;
/// Writes SP at +4, jumps through a register at +8.
const GOGO: u64 = 0x4000;
/// Jumps to `CALLEE`.
const TAIL: u64 = 0x5000;
const HANDLER: u64 = 0x6000;
const PREEMPT: u64 = 0x7000;
/// Makes a system call at +4.
const CLONE: u64 = 0x8000;
/// Where the kernel has a handler return to; not in the program.
const TRAMPOLINE: u64 = 0xf000;
/// A C function.
const FOREIGN: u64 = 0x10_0000;

/// What is traced: a thread's steps, and the place that each has to have.
struct Trace<'c> {
    shadow: Shadow<'c, 'c>,
    cpu: u32,
    g: u64,
}

impl Trace<'_> {
    fn at(&mut self, pc: u64, sp: u64) -> Place {
        self.with_lr(pc, sp, 0)
    }

    fn with_lr(&mut self, pc: u64, sp: u64, lr: u64) -> Place {
        self.shadow.step(&Step { cpu: self.cpu, pc, sp, lr, g: self.g })
    }

    /// Several steps with the same SP; the place of the last.
    fn run(&mut self, pcs: impl IntoIterator<Item = u64>, sp: u64) -> Place {
        let places: Vec<_> = pcs.into_iter().map(|pc| self.at(pc, sp)).collect();
        *places.last().expect("a step")
    }

    /// `main` up to where `CALLEE` is entered with SP 0x9f00.
    fn call(&mut self) -> Place {
        self.run([MAIN], 0x9f20);
        self.run([MAIN + 4, MAIN + 8, CALLEE], 0x9f00)
    }
}

/// Traces a program of the functions above, on goroutine 0x100.
fn trace(test: impl FnOnce(&mut Trace<'_>)) {
    let words =
        |words: &[u32]| -> Vec<Word> { words.iter().map(|&word| Word::new(word)).collect() };
    let functions = [
        (MAIN, Role::Plain, words(&[NOP, NOP, bl(MAIN + 8, CALLEE), NOP, RET])),
        (CALLEE, Role::Plain, words(&[NOP, bl(CALLEE + 4, SWITCH), NOP, RET])),
        (SWITCH, Role::Plain, words(&[NOP, NOP, BLR, NOP, RET])),
        (GOGO, Role::Plain, words(&[NOP, NOP, BR])),
        (TAIL, Role::Plain, words(&[b(TAIL, CALLEE)])),
        (HANDLER, Role::Handler, words(&[NOP, RET])),
        (PREEMPT, Role::Injected, words(&[NOP, BR])),
        (CLONE, Role::Plain, words(&[NOP, SVC, BLR, RET])),
    ];
    let functions = functions.iter();
    let functions =
        functions.map(|(entry, role, words)| Function { entry: *entry, words, role: *role });
    let code = Code::new(functions.collect());
    test(&mut Trace { shadow: Shadow::new(&code), cpu: 0, g: 0x100 });
}

/// In the function that starts there, with this CFA.
fn inside(entry: u64, cfa: u64) -> Place {
    let order = [MAIN, CALLEE, SWITCH, GOGO, TAIL, HANDLER, PREEMPT, CLONE];
    let position = order.iter().position(|&other| other == entry).expect("a function");
    Place::In { function: FunctionId(position), cfa }
}

#[test]
fn a_call_has_its_cfa_at_sp_and_a_return_goes_back_to_the_callers() {
    trace(|trace| {
        assert_eq!(trace.at(MAIN, 0x9f20), inside(MAIN, 0x9f20));
        assert_eq!(trace.at(MAIN + 4, 0x9f00), inside(MAIN, 0x9f20));
        assert_eq!(trace.run([MAIN + 8, CALLEE], 0x9f00), inside(CALLEE, 0x9f00));
        assert_eq!(trace.run([CALLEE + 4], 0x9e00), inside(CALLEE, 0x9f00));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.run([SWITCH + 4, SWITCH + 8], 0x9e00), inside(SWITCH, 0x9e00));
        // A recursion: the same function again, with another CFA.
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.at(SWITCH + 4, 0x9d00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.at(SWITCH + 8, 0x9d00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.at(SWITCH, 0x9d00), inside(SWITCH, 0x9d00));
        trace.run([SWITCH + 4, SWITCH + 8, MAIN, MAIN + 4], 0x9d00);
        assert_eq!(trace.shadow.counts().calls, 5);
    });
}

#[test]
fn a_return_in_a_recursion_pops_its_own_frame() {
    trace(|trace| {
        trace.call();
        trace.run([CALLEE + 4, SWITCH, SWITCH + 4], 0x9f00);
        assert_eq!(trace.at(SWITCH + 8, 0x9e00), inside(SWITCH, 0x9f00));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        trace.run([SWITCH + 4, SWITCH + 8, FOREIGN], 0x9e00);
        assert_eq!(trace.run([SWITCH + 12, SWITCH + 16], 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.at(SWITCH + 12, 0x9e00), inside(SWITCH, 0x9f00));
        assert_eq!(trace.at(SWITCH + 16, 0x9f00), inside(SWITCH, 0x9f00));
        assert_eq!(trace.at(CALLEE + 8, 0x9f00), inside(CALLEE, 0x9f00));
        assert!(trace.shadow.counts().lost.is_empty());
    });
}

#[test]
fn a_return_with_sp_elsewhere_shows_in_the_caller() {
    trace(|trace| {
        trace.call();
        trace.run([CALLEE + 4, SWITCH], 0x9f00);
        trace.run([SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12, SWITCH + 16], 0x9ef0);
        // The caller's CFA is what it was: the depth is 16 more than declared.
        assert_eq!(trace.at(CALLEE + 8, 0x9ef0), inside(CALLEE, 0x9f00));
    });
}

#[test]
fn a_tail_call_keeps_the_cfa() {
    trace(|trace| {
        trace.call();
        trace.run([CALLEE + 4, SWITCH, SWITCH + 4, SWITCH + 8], 0x9f00);
        assert_eq!(trace.at(TAIL, 0x9f00), inside(TAIL, 0x9f00));
        assert_eq!(trace.at(CALLEE, 0x9f00), inside(CALLEE, 0x9f00));
        trace.at(CALLEE + 4, 0x9f00);
        assert_eq!(trace.shadow.counts().tail_calls, 1);
    });
}

/// `mcall` to `g0` (0x200), `gogo` back, to SP + `moved`.
fn switch_and_back(trace: &mut Trace<'_>, moved: u64) -> Place {
    trace.call();
    trace.run([CALLEE + 4], 0x9e00);
    assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
    trace.g = 0x200;
    assert_eq!(trace.at(SWITCH + 4, 0x9e00), inside(SWITCH, 0x9e00));
    // SP is g0's from here on: `mcall` was not entered there.
    assert_eq!(trace.at(SWITCH + 8, 0x5000), Place::Not(Gap::NoEntry));
    assert_eq!(trace.at(MAIN, 0x5000), inside(MAIN, 0x5000));
    trace.run([MAIN + 4, MAIN + 8, CALLEE, CALLEE + 4, SWITCH, SWITCH + 4, SWITCH + 8], 0x4f00);
    assert_eq!(trace.at(GOGO, 0x4f00), inside(GOGO, 0x4f00));
    trace.g = 0x100;
    assert_eq!(trace.at(GOGO + 4, 0x4f00), inside(GOGO, 0x4f00));
    assert_eq!(trace.at(GOGO + 8, 0x9e00 + moved), Place::Not(Gap::OtherStack));
    trace.at(CALLEE + 8, 0x9e00 + moved)
}

#[test]
fn a_goroutine_goes_on_where_it_has_left() {
    trace(|trace| {
        assert_eq!(switch_and_back(trace, 0), inside(CALLEE, 0x9f00));
        assert_eq!(trace.at(CALLEE + 12, 0x9f00), inside(CALLEE, 0x9f00));
        assert_eq!(trace.at(MAIN + 12, 0x9f00), inside(MAIN, 0x9f20));
        assert_eq!((trace.shadow.counts().switches, trace.shadow.counts().moved), (2, 0));
    });
}

#[test]
fn a_stack_that_was_copied_has_all_its_frames_moved() {
    trace(|trace| {
        assert_eq!(switch_and_back(trace, 0x10_0000), inside(CALLEE, 0x10_9f00));
        assert_eq!(trace.at(CALLEE + 12, 0x10_9f00), inside(CALLEE, 0x10_9f00));
        assert_eq!(trace.at(MAIN + 12, 0x10_9f00), inside(MAIN, 0x10_9f20));
        assert_eq!(trace.shadow.counts().moved, 1);
    });
}

#[test]
fn what_was_left_on_the_stack_of_g0_is_forgotten() {
    trace(|trace| {
        switch_and_back(trace, 0);
        trace.run([CALLEE + 12, MAIN + 12], 0x9f00);
        // Again to g0, at the same place: the frames below it are those of before.
        trace.at(MAIN + 16, 0x9f20);
        trace.g = 0x100;
        let foreign = trace.at(FOREIGN, 0x9f20);
        assert_eq!(foreign, Place::Not(Gap::Foreign));
        trace.run([MAIN, MAIN + 4, MAIN + 8, CALLEE, CALLEE + 4, SWITCH], 0x9e00);
        trace.g = 0x200;
        trace.at(SWITCH + 4, 0x9e00);
        assert_eq!(trace.at(SWITCH + 8, 0x5000), Place::Not(Gap::OtherStack));
        assert_eq!(trace.at(CALLEE, 0x5000), inside(CALLEE, 0x5000));
        trace.run([CALLEE + 4, SWITCH, SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12], 0x5000);
        trace.run([SWITCH + 16, CALLEE + 8, CALLEE + 12], 0x5000);
        assert_eq!(trace.at(SWITCH + 12, 0x5000), Place::Not(Gap::NoEntry));
    });
}

#[test]
fn a_new_goroutine_starts_at_its_function() {
    trace(|trace| {
        switch_and_back(trace, 0);
        trace.run([CALLEE + 12, MAIN + 12], 0x9f00);
        trace.run([MAIN + 16, FOREIGN], 0x9f20);
        trace.run([SWITCH, SWITCH + 4, SWITCH + 8, GOGO], 0x9000);
        trace.g = 0x300;
        trace.run([GOGO + 4], 0x9000);
        trace.at(GOGO + 8, 0x2_0000);
        assert_eq!(trace.with_lr(CALLEE, 0x2_0000, MAIN + 12), inside(CALLEE, 0x2_0000));
        trace.run([CALLEE + 4, SWITCH], 0x2_0000);
        assert_eq!((trace.shadow.counts().switches, trace.shadow.counts().goroutines), (3, 1));
    });
}

#[test]
fn a_recovered_panic_goes_on_in_the_frame_that_deferred() {
    trace(|trace| {
        trace.call();
        trace.run([CALLEE + 4, SWITCH], 0x9e00);
        trace.g = 0x200;
        trace.at(SWITCH + 4, 0x9e00);
        trace.run([SWITCH + 8, GOGO], 0x5000);
        trace.g = 0x100;
        trace.at(GOGO + 4, 0x5000);
        trace.at(GOGO + 8, 0x9f00);
        assert_eq!(trace.at(MAIN + 4, 0x9f00), inside(MAIN, 0x9f20));
        assert_eq!(trace.shadow.counts().unwound, 1);
        assert!(trace.shadow.counts().lost.is_empty());
    });
}

#[test]
fn a_boundary_that_was_not_executed_is_not_counted_twice() {
    trace(|trace| {
        trace.call();
        trace.at(CALLEE + 4, 0x9e00);
        assert_eq!(trace.at(CALLEE + 4, 0x9e00), Place::Not(Gap::Again));
        assert_eq!(trace.at(SWITCH, 0x9e00), inside(SWITCH, 0x9e00));
        assert_eq!(trace.shadow.counts().calls, 2);
    });
}

#[test]
fn code_of_others_is_left_out_and_may_call_back() {
    trace(|trace| {
        trace.call();
        trace.run([CALLEE + 4, SWITCH, SWITCH + 4, SWITCH + 8], 0x9e00);
        assert_eq!(trace.at(FOREIGN, 0x9e00), Place::Not(Gap::Foreign));
        assert_eq!(trace.at(FOREIGN + 4, 0x9d00), Place::Not(Gap::Foreign));
        assert_eq!(trace.with_lr(CALLEE, 0x9d00, FOREIGN + 8), inside(CALLEE, 0x9d00));
        trace.run([CALLEE + 4, SWITCH, SWITCH + 4, SWITCH + 8, FOREIGN, SWITCH + 12], 0x9d00);
        trace.run([SWITCH + 16, CALLEE + 8, CALLEE + 12, FOREIGN + 8], 0x9d00);
        assert_eq!(trace.at(FOREIGN + 12, 0x9e00), Place::Not(Gap::Foreign));
        assert_eq!(trace.at(SWITCH + 12, 0x9e00), inside(SWITCH, 0x9e00));
        assert!(trace.shadow.counts().lost.is_empty());
    });
}

#[test]
fn threads_have_stacks_of_their_own() {
    trace(|trace| {
        trace.run([CLONE, CLONE + 4], 0x9f00);
        // The new thread stands behind the system call, with a stack of its own.
        trace.cpu = 1;
        assert_eq!(trace.at(CLONE + 8, 0x7000), Place::Not(Gap::NoEntry));
        trace.cpu = 0;
        assert_eq!(trace.at(CLONE + 8, 0x9f00), inside(CLONE, 0x9f00));
        trace.cpu = 1;
        assert_eq!(trace.at(MAIN, 0x7000), inside(MAIN, 0x7000));
        assert_eq!(trace.shadow.counts().threads, 2);
    });
}

#[test]
fn a_cpu_that_is_given_to_another_thread_starts_anew() {
    trace(|trace| {
        trace.run([CLONE, CLONE + 4], 0x9f00);
        assert_eq!(trace.at(MAIN + 4, 0x8000), Place::Not(Gap::NoEntry));
        assert_eq!(trace.run([MAIN + 8, CALLEE], 0x8000), inside(CALLEE, 0x8000));
        assert_eq!(trace.shadow.counts().threads, 2);
    });
}

#[test]
fn what_cannot_be_explained_loses_the_frames_until_the_next_call() {
    trace(|trace| {
        trace.call();
        assert_eq!(trace.at(MAIN + 4, 0x9f00), Place::Not(Gap::Lost));
        assert_eq!(trace.at(MAIN + 8, 0x9f00), Place::Not(Gap::Lost));
        assert_eq!(trace.at(CALLEE, 0x9f00), inside(CALLEE, 0x9f00));
        let lost = trace.shadow.counts().lost.iter().next().map(|(key, times)| (*key, *times));
        let ((_, from, to), times) = lost.expect("a loss");
        assert_eq!((from, to, times), (CALLEE, MAIN + 4, 1));
        // A call that goes elsewhere than it says.
        trace.at(CALLEE + 4, 0x9f00);
        assert_eq!(trace.at(GOGO, 0x9f00), Place::Not(Gap::Lost));
        assert_eq!(trace.shadow.counts().lost.len(), 2);
    });
}
