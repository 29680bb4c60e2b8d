//! Straight code: frames made and popped.

use super::{Case, check, check_rules};
use crate::report::{Report, Verdict};

#[test]
fn a_frame_made_and_popped_in_one_step_each_is_proved() {
    check(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f81f83fd 32 -1 stur x29, [sp, #-8]
         d10023fd 32 -1 sub x29, sp, #8
         910083ff 32 -1 add sp, sp, #32
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn a_pop_in_two_steps_is_refuted_between_them() {
    // golang/go#73259: ADD $80, RSP; ADD $(16<<12), RSP.
    check(
        "d10143f4 0 -1 sub x20, sp, #80
         d1404294 0 -1 sub x20, x20, #16, lsl #12
         a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
         9100029f 0 -2 mov sp, x20
         a97ffbfd 65616 -1 ldp x29, x30, [sp, #-8]
         910143ff 65616 -1 add sp, sp, #80
         914043ff 65616 -1 add sp, sp, #16, lsl #12
         d65f03c0 0 -1 ret",
        &["refuted", "6: declared 65616, actual 65536: async-preemption profiler"],
    );
}

#[test]
fn a_pop_in_two_steps_that_are_both_declared_is_proved() {
    check(
        "d14043ff 0 -1 sub sp, sp, #16, lsl #12
         d10143ff 65536 -1 sub sp, sp, #80
         910143ff 65616 -1 add sp, sp, #80
         914043ff 65536 -1 add sp, sp, #16, lsl #12
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn a_pop_in_the_other_order_is_refuted_where_the_rows_are_for_the_first() {
    check(
        "d14043ff 0 -1 sub sp, sp, #16, lsl #12
         d10143ff 65536 -1 sub sp, sp, #80
         914043ff 65616 -1 add sp, sp, #16, lsl #12
         910143ff 65536 -1 add sp, sp, #80
         d65f03c0 0 -1 ret",
        &["refuted", "3: declared 65536, actual 80: async-preemption profiler"],
    );
}

#[test]
fn a_row_that_does_not_change_with_sp_is_refuted() {
    check(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         d503201f 0 -1 nop
         f84207fe 0 -1 ldr x30, [sp], #32
         d65f03c0 0 -1 ret",
        &[
            "refuted",
            "1: declared 0, actual 32: async-preemption profiler",
            "2: declared 0, actual 32: async-preemption profiler",
        ],
    );
}

#[test]
fn a_row_that_changes_without_sp_is_refuted() {
    check(
        "d503201f 0 -1 nop
         d65f03c0 16 -1 ret",
        &["refuted", "1: declared 16, actual 0: async-preemption profiler"],
    );
}

#[test]
fn a_depth_that_is_wrong_by_16_is_refuted_at_each_boundary() {
    check(
        "a9bd7bfd 0 -1 stp x29, x30, [sp, #-48]!
         d503201f 32 -1 nop
         a8c37bfd 32 -1 ldp x29, x30, [sp], #48
         d65f03c0 0 -1 ret",
        &[
            "refuted",
            "1: declared 32, actual 48: async-preemption profiler",
            "2: declared 32, actual 48: async-preemption profiler",
        ],
    );
}

#[test]
fn a_row_other_than_0_at_the_entry_is_refuted() {
    check(
        "00000000 16 -1 udf #0",
        &["refuted", "0: declared 16, actual 0: async-preemption profiler"],
    );
}

#[test]
fn pre_and_post_indexed_accesses_of_every_kind_move_sp() {
    check(
        "3c9f0fe0 0 -1 str q0, [sp, #-16]!
         6dbc27e8 16 -1 stp d8, d9, [sp, #-64]!
         69bf87e0 80 -1 stgp x0, x1, [sp, #-16]!
         68c207e0 96 -1 ldpsw x0, x1, [sp], #16
         acc207e0 80 -1 ldp q0, q1, [sp], #64
         388107e0 16 -1 ldrsb x0, [sp], #16
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn writes_of_sp_that_are_not_followed_are_undecided() {
    for listing in [
        "510043ff 0 -1 sub wsp, wsp, #16
         d65f03c0 0 -1 ret",
        "927cec3f 0 -1 and sp, x1, #0xfffffffffffffff0
         d65f03c0 0 -1 ret",
        "b27403ff 0 -1 orr sp, xzr, #0x1000
         d65f03c0 0 -1 ret",
        "8b2143ff 0 -1 add sp, sp, w1, uxtw
         d65f03c0 0 -1 ret",
        "9100003f 0 -1 mov sp, x1
         d65f03c0 0 -1 ret",
    ] {
        check(listing, &["undecided", "0: UntrackedStackPointer"]);
    }
}

#[test]
fn forms_with_31_that_do_not_write_sp_are_harmless() {
    check(
        "f10043ff 0 -1 cmp sp, #16
         310043ff 0 -1 cmn wsp, #16
         cb0203ff 0 -1 neg xzr, x2
         7200083f 0 -1 tst w1, #7
         d280003f 0 -1 movz xzr, #1
         f8008c3f 0 -1 str xzr, [x1, #8]!
         9a82003f 0 -1 csel xzr, x1, x2, eq
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn an_unknown_instruction_that_is_reached_is_undecided() {
    for listing in [
        "918107ff 0 -1 addg sp, sp, #16, #1
         d65f03c0 0 -1 ret",
        "4cdf73e0 0 -1 ld1 {v0.16b}, [sp], #16
         d65f03c0 0 -1 ret",
        "d69f03e0 0 -1 eret
         d65f03c0 0 -1 ret",
        "043f503f 0 -1 addvl sp, sp, #1
         d65f03c0 0 -1 ret",
    ] {
        check(listing, &["undecided", "0: UnknownInstruction"]);
    }
}

#[test]
fn an_unknown_instruction_that_is_data_is_not_judged() {
    check(
        "d65f03c0 0 -1 ret
         918107ff 0 -1 addg sp, sp, #16, #1
         d10043ff 0 -1 sub sp, sp, #16",
        &["proved"],
    );
}

#[test]
fn execution_stops_at_a_trap() {
    // bea71700 is what go1.24.3's assembler emits for UNDEF.
    check("bea71700 0 -1 UNDEF", &["proved"]);
    check("00000000 0 -1 udf #0", &["proved"]);
}

#[test]
fn an_empty_function_is_never_proved() {
    check("", &["undecided"]);
    let report = Case::new("").sp_row();
    assert_eq!(report.boundaries, 0);
    assert_eq!(Report::new().verdict(), Verdict::Undecided);
}

#[test]
fn a_return_with_the_frame_open_is_refuted() {
    // Callers are judged as if each call gave SP back as it was. The word at SP is not LR
    // either.
    check_rules(
        "d10083ff 0 -1 sub sp, sp, #32
         d65f03c0 32 -1 ret",
        &[
            "1: saved-lr: async-preemption profiler, unpreempted: profiler",
            "1: callee: everybody, unpreempted: everybody",
        ],
    );
}

#[test]
fn only_boundaries_that_are_reached_are_counted() {
    let report = Case::new(
        "d503201f 0 -1 nop
         d65f03c0 0 -1 ret
         d503201f 0 -1 nop",
    )
    .sp_row();
    assert_eq!(report.boundaries, 2);
}
