//! Frames that one addition does not make or pop. Sequences as `go tool asm -S` of go1.24.3
//! and go1.27.3 has them for frames of 4112 and 65616 bytes (`tests/recorded`).

use super::{Case, leaves, proves, with};
use crate::report::{Observer, Rule};
use unwind::{Depth, Index};

/// A frame of 4112 bytes, by R27.
const BY_REGISTER: &str = "d282021b 0 -4 mov x27, #4112
    cb3b63f4 0 -4 sub x20, sp, x27
    a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
    9100029f 0 -2 mov sp, x20
    d10023fd 4112 -1 sub x29, sp, #8
    94000000 4112 -1 bl
    a97ffbfd 4112 -1 ldp x29, x30, [sp, #-8]
    d282021b 4112 -3 mov x27, #4112
    8b3b63ff 4112 -3 add sp, sp, x27
    d65f03c0 0 -1 ret";

/// One of 65616 bytes: made by two subtractions, popped by R27, which takes two moves.
const FIXED: &str = "d10143f4 0 -1 sub x20, sp, #80
    d1404294 0 -1 sub x20, x20, #16, lsl #12
    a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
    9100029f 0 -2 mov sp, x20
    d10023fd 65616 -1 sub x29, sp, #8
    94000000 65616 -1 bl
    a97ffbfd 65616 -1 ldp x29, x30, [sp, #-8]
    d2800a1b 65616 -2 mov x27, #80
    f2a0003b 65616 -2 movk x27, #1, lsl #16
    8b3b63ff 65616 -2 add sp, sp, x27
    d65f03c0 0 -1 ret";

const FIXED_POP: &str = "d2800a1b 65616 -2 mov x27, #80
    f2a0003b 65616 -2 movk x27, #1, lsl #16
    8b3b63ff 65616 -2 add sp, sp, x27";
const SPLIT_POP: &str = "910143ff 65616 -1 add sp, sp, #80
    914043ff 65616 -1 add sp, sp, #16, lsl #12";

#[test]
fn r27_has_the_depth() {
    proves(BY_REGISTER);
    proves(&with(BY_REGISTER, "4112 -3", "4112 -2").replacen("4112 -3", "4112 -2", 1));
    // Another constant in the prologue, and in the epilogue.
    leaves(&with(BY_REGISTER, "d282021b 0", "d284021b 0"));
    leaves(&with(BY_REGISTER, "d282021b 4112", "d284021b 4112"));
    // Where R27 is lost.
    leaves(&with(BY_REGISTER, "8b3b63ff 4112 -3", "8b3b63ff 4112 -1"));
    leaves(&with(BY_REGISTER, "cb3b63f4 0 -4", "cb3b63f4 0 -1"));
    leaves(&with(BY_REGISTER, "cb3b63f4", "cb3b63f3"));
    // Something in between; CBZ to the addition.
    let between = "8b3b63ff 4112 -3";
    leaves(&with(BY_REGISTER, between, &format!("d503201f 4112 -3 nop\n{between}")));
    leaves(&with(BY_REGISTER, "94000000 4112 -1 bl", "b4000060 4112 -1 cbz x0, .+12"));
}

#[test]
fn what_one_instruction_does_not_do_two_and_three_do() {
    proves(FIXED);
    for (part, other) in [
        ("d10143f4", "d10183f4"),
        ("d1404294", "d1408294"),
        ("d1404294", "d1404294 0 -1 sub\nd503201f"),
        ("d2800a1b", "d280121b"),
        ("f2a0003b", "f2a0005b"),
        ("f2a0003b 65616 -2", "f2a0003b 65616 -1"),
        ("8b3b63ff 65616 -2", "8b3b63ff 65616 -1"),
    ] {
        leaves(&with(FIXED, part, other));
    }
}

/// What stands between the two additions is found by the analysis of that part alone.
#[test]
fn a_pop_in_two_steps_is_left_to_the_analysis_and_the_rest_is_proved() {
    let split = with(FIXED, FIXED_POP, SPLIT_POP);
    let case = Case::new(&split);
    // It is held against an analysis of the whole.
    let report = case.report();
    assert_eq!(case.swept(), Some(report.boundaries));
    let [found] = *report.violations else { panic!("{report:?}") };
    assert_eq!((found.rule, found.at), (Rule::SpRow, Index(8)));
    assert_eq!((found.declared, found.actual), (Depth(65616), Depth(65536)));
    assert!(found.observers.contains(Observer::AsyncPreemption));
    let parts = case.with_sweep(|_, sweep| sweep.parts().to_vec());
    let [part] = &*parts else { panic!("{parts:?}") };
    assert_eq!(*part, 6..10);
    // In an unsafe point a profiler sees it all the same.
    Case::new(&with(&split, "914043ff 65616 -1", "914043ff 65616 -2")).report();
    // CBZ to the second addition; to the first.
    leaves(&with(&split, "94000000 65616 -1 bl", "b4000060 65616 -1 cbz x0, .+12"));
    leaves(&with(&split, "94000000 65616 -1 bl", "b4000040 65616 -1 cbz x0, .+8"));
    // By other amounts, in the other order, in a sequence that starts again.
    leaves(&with(&split, "910143ff", "910183ff"));
    leaves(&with(&split, "914043ff", "914083ff"));
    let [first, second] = ["910143ff", "914043ff"];
    leaves(&with(&split, first, "X").replace(second, first).replace('X', second));
    leaves(&split.replace("65616 -1 add", "65616 -4 add"));
}

#[test]
fn a_function_has_one_depth() {
    // 16 has no bit that 80 has not.
    let listing = "f81b0ffe 0 -1 str x30, [sp, #-80]!
        f81f83fd 80 -1 stur x29, [sp, #-8]
        d10023fd 80 -1 sub x29, sp, #8
        94000000 80 -1 bl
        a97ffbfd 80 -1 ldp x29, x30, [sp, #-8]
        910143ff 80 -1 add sp, sp, #80
        d65f03c0 0 -1 ret";
    proves(listing);
    leaves(&with(listing, "f81f83fd 80", "f81f83fd 16"));
}
