//! Rule `saved-lr`.

use super::{Case, check_rules};
use crate::Callee;
use unwind::FuncFlags;

/// A function that calls another, as go1.24.11 compiles it, and its call of
/// morestack.
const NON_LEAF: &str = "f9400b90 0 -1 ldr x16, [x28, #16]
     eb3063ff 0 -1 cmp sp, x16
     54000109 0 -1 b.ls .+32
     f81e0ffe 0 -1 str x30, [sp, #-32]!
     f81f83fd 32 -1 stur x29, [sp, #-8]
     d10023fd 32 -1 sub x29, sp, #8
     94000000 32 -1 bl .
     f85f83fd 32 -1 ldur x29, [sp, #-8]
     f84207fe 32 -1 ldr x30, [sp], #32
     d65f03c0 0 -1 ret
     aa1e03e3 0 -1 mov x3, x30
     940003e8 0 -2 bl .+4000
     17fffff4 0 -1 b .-48";

/// What is found where that returns by another LR.
const RETURNS_ELSEWHERE: &str = "9: callee: everybody, unpreempted: everybody";

/// The listing with the line `at` replaced.
fn with(listing: &str, at: usize, line: &str) -> String {
    let mut lines: Vec<_> = listing.lines().map(str::trim).collect();
    lines[at] = line;
    lines.join("\n")
}

#[test]
fn a_function_that_saves_lr_and_restores_it_is_proved() {
    check_rules(NON_LEAF, &[]);
}

#[test]
fn a_frame_without_the_return_address_at_sp_is_refuted_at_each_boundary() {
    // STR X0 in place of STR LR; then R29 leads nowhere either, and the function returns to
    // whatever X0 was.
    let found = Case::new(&with(NON_LEAF, 3, "f81e0fe0 0 -1 str x0, [sp, #-32]!")).report();
    let lines = super::other_rules(&found);
    for at in 4..=9 {
        let line = format!("{at}: saved-lr: async-preemption profiler, unpreempted: profiler");
        assert!(lines.contains(&line), "{lines:?}");
    }
    assert!(lines.contains(&RETURNS_ELSEWHERE.to_owned()), "{lines:?}");
}

#[test]
fn lr_that_is_not_restored_is_refuted_at_the_return() {
    // ADD $32 in place of the post-indexed load.
    check_rules(
        &with(NON_LEAF, 8, "910083ff 32 -1 add sp, sp, #32"),
        &["9: saved-lr: async-preemption profiler, unpreempted: profiler", RETURNS_ELSEWHERE],
    );
    // Restored before the call, lost in it.
    check_rules(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f84207fe 32 -1 ldr x30, [sp], #32
         940003e8 0 -1 bl .+4000
         d2800000 0 -2 movz x0, #0
         d65f03c0 0 -1 ret",
        &[
            "3: saved-lr: profiler, unpreempted: profiler",
            "4: saved-lr: async-preemption profiler, unpreempted: profiler",
            "4: callee: everybody, unpreempted: everybody",
        ],
    );
}

#[test]
fn morestack_restores_lr_from_r3_and_no_other_call_does() {
    // MOV X3, X0: LR comes back as whatever X0 was.
    let unknown = "saved-lr: async-preemption profiler, unpreempted: profiler";
    let report = Case::new(&with(NON_LEAF, 10, "aa0003e3 0 -1 mov x3, x0")).report();
    let lines = super::other_rules(&report);
    assert!(lines.contains(&format!("12: {unknown}")), "{lines:?}");
    assert!(lines.contains(&format!("0: {unknown}")), "{lines:?}");
}

/// klauspost/compress pull request 1176: a local at 0(RSP) of an assembly function
/// lies over the saved LR. So it does in internal/chacha8rand of go1.22 to go1.27.
#[test]
fn an_assembly_function_with_a_local_over_the_saved_lr_misleads_the_profiler_alone() {
    let listing = "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f81f83fd 32 -1 stur x29, [sp, #-8]
         d10023fd 32 -1 sub x29, sp, #8
         b90003e2 32 -1 str w2, [sp]
         b94003e3 32 -1 ldr w3, [sp]
         910063fd 32 -1 add x29, sp, #24
         910083ff 32 -1 add sp, sp, #32
         d65f03c0 0 -1 ret";
    let found = |at| format!("{at}: saved-lr: profiler, unpreempted: profiler");
    let case = Case { flags: FuncFlags::ASM, ..Case::new(listing) };
    case.check_rules(&[&found(4), &found(5), &found(6)]);
    // The same with a whole word of an argument, and with a byte of the slot.
    for store in ["f90003e2 32 -1 str x2, [sp]", "39001fe2 32 -1 strb w2, [sp, #7]"] {
        let case = with(listing, 3, store);
        let case = Case { flags: FuncFlags::ASM, ..Case::new(&case) };
        case.check_rules(&[&found(4), &found(5), &found(6)]);
    }
    // Next to it nothing is lost.
    for store in ["f90007e2 32 -1 str x2, [sp, #8]", "390023e2 32 -1 strb w2, [sp, #8]"] {
        let case = with(listing, 3, store);
        Case { flags: FuncFlags::ASM, ..Case::new(&case) }.check_rules(&[]);
    }
    // Nobody unwinds through functions marked so.
    for mark in [FuncFlags::SP_WRITE, FuncFlags::TOP_FRAME] {
        let flags = FuncFlags(FuncFlags::ASM.0 | mark.0);
        Case { flags, ..Case::new(listing) }.check_rules(&[]);
    }
}

#[test]
fn a_call_outside_of_any_frame_overwrites_lr() {
    let lost = "saved-lr: async-preemption profiler, unpreempted: profiler";
    let elsewhere = "callee: everybody, unpreempted: everybody";
    check_rules(
        "940003e8 0 -1 bl .+4000
         d2800000 0 -1 movz x0, #0
         d65f03c0 0 -1 ret",
        &[&format!("1: {lost}"), &format!("2: {lost}"), &format!("2: {elsewhere}")],
    );
    // On one of two paths.
    check_rules(
        "b4000060 0 -1 cbz x0, .+12
         940003e8 0 -1 bl .+4000
         d2800000 0 -1 movz x0, #0
         d65f03c0 0 -1 ret",
        &[&format!("2: {lost}"), &format!("3: {lost}"), &format!("3: {elsewhere}")],
    );
    // RET jumps to itself if the callee returns. `gosave_systemstack_switch` calls abort so,
    // and assembly does not mark such calls.
    let itself = "940003e8 0 -1 bl .+4000\n d65f03c0 0 -1 ret";
    check_rules(itself, &[&format!("1: {lost}"), &format!("1: {elsewhere}")]);
    assert!(Case::new(itself).report().violations.iter().all(|found| found.returns_to_itself));
    let case = Case { flags: FuncFlags::ASM, ..Case::new(itself) };
    case.check_rules(&["1: saved-lr: profiler, unpreempted: profiler", &format!("1: {elsewhere}")]);
    Case { callee: Callee::NoReturn, ..case }.check_rules(&[]);
    // A trap behind it says that it does not return.
    check_rules("940003e8 0 -1 bl .+4000\n 00000000 0 -1 udf #0", &[]);
}

#[test]
fn lr_moved_away_and_back_is_followed_unless_a_call_is_between() {
    check_rules(
        "aa1e03ea 0 -1 mov x10, x30
         d28000fe 0 -2 movz x30, #7
         aa0a03fe 0 -2 mov x30, x10
         d65f03c0 0 -1 ret",
        &["2: saved-lr: profiler, unpreempted: profiler"],
    );
    check_rules(
        "aa1e03ea 0 -1 mov x10, x30
         940003e8 0 -1 bl .+4000
         aa0a03fe 0 -1 mov x30, x10
         d65f03c0 0 -1 ret",
        &[
            "2: saved-lr: async-preemption profiler, unpreempted: profiler",
            "3: UntrackedReturnAddress",
            "3: UntrackedCallee",
        ],
    );
}

#[test]
fn a_copy_of_lr_saved_elsewhere_restores_it_but_is_not_where_unwinders_look() {
    check_rules(
        "d10083ff 0 -1 sub sp, sp, #32
         f9000bfe 32 -2 str x30, [sp, #16]
         f9400bfe 32 -2 ldr x30, [sp, #16]
         910083ff 32 -2 add sp, sp, #32
         d65f03c0 0 -1 ret",
        &[
            "1: saved-lr: profiler, unpreempted: profiler",
            "2: saved-lr: profiler, unpreempted: profiler",
            "3: saved-lr: profiler, unpreempted: profiler",
        ],
    );
}

/// `asyncPreempt` of go1.19.8 stores LR through an index that is a literal.
#[test]
fn a_store_of_lr_by_a_literal_index_is_followed() {
    let listing = |literal: &str| {
        format!(
            "580000bb 0 -1 ldr x27, .+20
             f83b6bfe 0 -1 str x30, [sp, x27]
             d107c3ff 0 -1 sub sp, sp, #496
             9107c3ff 496 -1 add sp, sp, #496
             d65f03c0 0 -1 ret
             {literal}
             ffffffff 0 -1 .word 0xffffffff"
        )
    };
    // -496, as go1.19.8 has it, and -512.
    let check = |literal: &str, expected: &[&str]| {
        let listing = listing(literal);
        Case { flags: FuncFlags::ASM, ..Case::new(&listing) }.check_rules(expected);
    };
    check("fffffe10 0 -1 .word -496", &[]);
    check("fffffe00 0 -1 .word -512", &["3: saved-lr: profiler, unpreempted: profiler"]);
}
