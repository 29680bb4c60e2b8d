//! Functions of fewer than 64 instructions and of more, which is how many words are sorted at
//! once: what concerns a rule is seen in both.

use super::{Case, check_rules};
use crate::report::Verdict;

/// A function with these lines in its frame, as short as it is or, with NOPs behind
/// it, long.
fn in_frame(lines: &str, padding: usize) -> String {
    format!(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f81f83fd 32 -1 stur x29, [sp, #-8]
         d10023fd 32 -1 sub x29, sp, #8
         {lines}
         94000000 32 -1 bl .
         f85f83fd 32 -1 ldur x29, [sp, #-8]
         f84207fe 32 -1 ldr x30, [sp], #32
         d65f03c0 0 -1 ret
         {}",
        "d503201f 0 -1 nop\n".repeat(padding)
    )
}

fn verdicts(lines: &str) -> [Verdict; 2] {
    [0, 80].map(|padding| Case::new(&in_frame(lines, padding)).report().verdict())
}

#[test]
fn what_overwrites_r29_or_a_saved_word_is_seen() {
    assert_eq!(verdicts("f90007e1 32 -1 str x1, [sp, #8]"), [Verdict::Proved; 2]);
    for line in [
        "4cdf73a0 32 -1 ld1 {v0.16b}, [x29], #16",
        "3cc107a0 32 -1 ldr q0, [x29], #16",
        "4e042c1d 32 -1 smov x29, v0.s[0]",
        "0e0c3c1d 32 -1 umov w29, v0.s[1]",
        "9e66001d 32 -1 fmov x29, d0",
        "ab02003d 32 -1 adds x29, x1, x2",
        "4c0073e0 32 -1 st1 {v0.16b}, [sp]",
        "c89fffe1 32 -1 stlr x1, [sp]",
        "f82183e2 32 -1 swp x1, x2, [sp]",
        "c8017fe3 32 -1 stxr w1, x3, [sp]",
        "b90007e2 32 -1 str w2, [sp, #4]",
        "29008fe2 32 -1 stp w2, w3, [sp, #4]",
        "39001fe2 32 -1 strb w2, [sp, #7]",
        "ad3f87e0 32 -1 stp q0, q1, [sp, #-16]",
    ] {
        assert!(!verdicts(line).contains(&Verdict::Proved), "{line}");
    }
}

#[test]
fn what_is_loaded_from_below_sp_is_seen() {
    for line in ["a97e0be1 32 -1 ldp x1, x2, [sp, #-32]", "3cde03e0 32 -1 ldr q0, [sp, #-32]"] {
        assert_eq!(verdicts(line), [Verdict::Refuted; 2], "{line}");
    }
}

#[test]
fn r27_that_is_written_is_followed() {
    for write in [
        "ab02003b 32 -1 adds x27, x1, x2",
        "8b22403b 32 -1 add x27, x1, w2, uxtw",
        "9e66001b 32 -1 fmov x27, d0",
        "38001761 32 -1 strb w1, [x27], #1",
    ] {
        let lines = format!("{write}\n d503201f 32 -1 nop\n 8b020361 32 -1 add x1, x27, x2");
        assert_eq!(verdicts(&lines), [Verdict::Refuted; 2], "{write}");
    }
}

/// Each of the two saved words is lost from its own store on.
#[test]
fn a_second_store_below_sp_does_not_save_the_first() {
    check_rules(
        "f81e03fe 0 -1 stur x30, [sp, #-32]
         f81d83fd 0 -1 stur x29, [sp, #-40]
         d10083ff 0 -2 sub sp, sp, #32
         d10023fd 32 -1 sub x29, sp, #8
         00000000 32 -1 udf #0",
        &["1: below-sp: async-preemption"],
    );
}

/// An ordered load may be made twice.
#[test]
fn a_load_in_a_restartable_sequence_is_no_change() {
    check_rules(
        "d503201f 0 -1 nop
         c8dffc41 0 -3 ldar x1, [x2]
         91000423 0 -3 add x3, x1, #1
         00000000 0 -1 udf #0",
        &[],
    );
}
