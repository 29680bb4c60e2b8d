//! Branches, loops, calls, jump tables and the end of the function.

use super::{Case, Checker, ENTRY, Function, check, check_finds, rendered, sp_row};
use crate::report::{Observer, Report, Rule};
use unwind::{Depth, FuncFlags, Index, Pc, Row, RowTable, Word};

#[test]
fn a_loop_that_keeps_sp_is_proved_and_one_that_moves_it_is_refuted() {
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         d1000400 32 -1 sub x0, x0, #1
         b5ffffe0 32 -1 cbnz x0, .-4
         910083ff 32 -1 add sp, sp, #32
         d65f03c0 0 -1 ret",
        &["proved"],
    );
    check(
        "d10083ff 0 -1 sub sp, sp, #32
         d10043ff 32 -1 sub sp, sp, #16
         b5ffffe0 48 -1 cbnz x0, .-4
         9100c3ff 48 -1 add sp, sp, #48
         d65f03c0 0 -1 ret",
        // With each turn SP is deeper by 16: at four depths it is followed.
        &[
            "refuted",
            "1: declared 32, actual 48: async-preemption profiler",
            "2: declared 48, actual 64: async-preemption profiler",
            "3: declared 48, actual 64: async-preemption profiler",
            "4: declared 0, actual 16: async-preemption profiler",
            "1: TooManyStates",
        ],
    );
}

#[test]
fn every_branch_is_followed_both_ways() {
    for branch in [
        "54000061 32 -1 b.ne .+12",
        "34000061 32 -1 cbz w1, .+12",
        "b5000061 32 -1 cbnz x1, .+12",
        "36180061 32 -1 tbz w1, #3, .+12",
        "b7f80061 32 -1 tbnz x1, #63, .+12",
    ] {
        let listing = format!(
            "d10083ff 0 -1 sub sp, sp, #32
             {branch}
             d10043ff 32 -1 sub sp, sp, #16
             00000000 32 -1 udf #0
             00000000 16 -1 udf #0"
        );
        let three = "3: declared 32, actual 48: async-preemption profiler";
        let four = "4: declared 16, actual 32: async-preemption profiler";
        check(&listing, &["refuted", three, four]);
    }
}

#[test]
fn a_call_keeps_sp() {
    check(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         940003e8 16 -1 bl .+4000
         d63f0020 16 -1 blr x1
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret",
        &["proved"],
    );
}

#[test]
fn behind_a_call_that_never_returns_the_row_may_change() {
    // CALL runtime.panicIndex; NOOP; then code of another path.
    check(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         b4000060 16 -1 cbz x0, .+12
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret
         940003e8 16 -1 bl .+4000
         d503201f 16 -1 nop
         00000000 0 -1 udf #0",
        &["proved"],
    );
}

#[test]
fn behind_a_call_without_padding_a_change_of_the_row_is_refuted() {
    let listing = "f81f0ffe 0 -1 str x30, [sp, #-16]!
         940003e8 16 -1 bl .+4000
         d65f03c0 0 -1 ret";
    check(listing, &["refuted", "2: declared 0, actual 16: async-preemption profiler"]);
    // RET jumps to itself: LR is the address behind the call.
    let report = Case::new(listing).report();
    let callee = report.violations.iter().find(|found| found.rule == Rule::Callee);
    let callee = callee.expect("a return with the frame open");
    assert_eq!((callee.at, callee.actual), (Index(2), Depth(16)));
    assert!(callee.observers.contains(Observer::Everybody) && callee.returns_to_itself);
}

#[test]
fn padding_that_is_reached_in_another_way_is_no_mark_of_a_call_without_return() {
    // The branch to the NOP is known before the analysis gets there,
    check(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         b4000040 16 -1 cbz x0, .+8
         940003e8 16 -1 bl .+4000
         d503201f 16 -1 nop
         00000000 0 -1 udf #0",
        &["refuted", "4: declared 0, actual 16: async-preemption profiler"],
    );
    // or found later.
    check(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         b4000080 16 -1 cbz x0, .+16
         940003e8 16 -1 bl .+4000
         d503201f 16 -1 nop
         00000000 0 -1 udf #0
         17fffffe 16 -1 b .-8",
        &["refuted", "4: declared 0, actual 16: async-preemption profiler"],
    );
}

#[test]
fn a_change_of_class_alone_is_no_mark_of_a_call_without_return() {
    check(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         940003e8 16 -1 bl .+4000
         d503201f 16 -1 nop
         00000000 16 -5 udf #0",
        &["refuted", "3: declared 0, actual 16: async-preemption", "3: BehindBrokenRow"],
    );
}

/// go1.16 to go1.18 end a select whose result is none of its cases so: the NOP is gone to
/// if it is not 0 and not 1 (`llvm-objdump -d` of `crypto/internal/randutil.MaybeReadByte`
/// in esbuild 0.11.20, 0.14.0 and 0.14.34).
#[test]
fn a_select_can_end_where_no_case_is_left() {
    let select = |last: &str| {
        format!(
            "b4000100 0 -1 cbz x0, .+32
             f81f0ffe 0 -1 str x30, [sp, #-16]!
             940003e8 16 -1 bl .+4000
             f100041f 16 -1 cmp x0, #1
             54000061 16 -1 b.ne .+12
             f84107fe 16 -1 ldr x30, [sp], #16
             d65f03c0 0 -1 ret
             {last} 0 -1 mov x3, x30
             940003e8 0 -1 bl .+4000
             17fffff6 0 -1 b .-40"
        )
    };
    check(&select("d503201f 16 -1 nop\naa1e03e3"), &["proved"]);
    // Arguments in registers are spilled first.
    check(&select("d503201f 16 -1 nop\nf90007e0 0 -1 str x0, [sp, #8]\naa1e03e3"), &["proved"]);
    // Falling through, SP is at 16 there, and 16 deeper with each call of morestack.
    let refuted = ["8: declared 0, actual 16: async-preemption profiler", "8: TooManyStates"];
    let check_refuted = |last| check_finds(&select(last), &refuted);
    // An instruction that does something is there to be run.
    check_refuted("d2800000 16 -1 mov x0, #0\naa1e03e3");
    // So is a NOP before anything else than that call.
    check_refuted("d503201f 16 -1 nop\naa1e03e4");
    check_refuted("d503201f 16 -1 nop\nf90007e0 0 -1 str x0, [sp, #8]\nd503201f");
}

#[test]
fn code_that_falls_off_the_end_is_undecided() {
    check("d503201f 0 -1 nop", &["undecided", "0: RunsPastEnd"]);
    check(
        "b4000020 0 -1 cbz x0, .+4
         b4ffffe0 0 -1 cbz x0, .-4",
        &["undecided", "1: RunsPastEnd"],
    );
    check("d4000001 0 -1 svc #0", &["undecided", "0: RunsPastEnd"]);
}

#[test]
fn a_call_at_the_end_does_not_return() {
    check("940003e8 0 -1 bl .+4000", &["proved"]);
    check("d63f0020 0 -1 blr x1", &["proved"]);
    check(
        "940003e8 0 -1 bl .+4000
         d503201f 0 -1 nop",
        &["proved"],
    );
    // The padding has another way in.
    check(
        "b4000040 0 -1 cbz x0, .+8
         940003e8 0 -1 bl .+4000
         d503201f 0 -1 nop",
        &["undecided", "2: RunsPastEnd"],
    );
}

#[test]
fn a_tail_call_leaves_at_depth_0_only() {
    check("140003e8 0 -1 b .+4000", &["proved"]);
    check("17fffc18 0 -1 b .-4000", &["proved"]);
    check("d61f0020 0 -1 br x1", &["proved"]);
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         140003e8 16 -1 b .+4000",
        &["undecided", "1: JumpOutOfFrame"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         b4007d00 16 -1 cbz x0, .+4000
         910043ff 16 -1 add sp, sp, #16
         d65f03c0 0 -1 ret",
        &["undecided", "1: JumpOutOfFrame"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         d61f0020 16 -1 br x1",
        &["undecided", "1: IndirectJump"],
    );
}

#[test]
fn a_branch_to_the_entry_with_the_frame_open_is_refuted() {
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         17ffffff 16 -1 b .-4",
        &[
            "refuted",
            "0: declared 0, actual 16: async-preemption profiler",
            "1: declared 16, actual 32: async-preemption profiler",
            "0: TooManyStates",
        ],
    );
}

/// A jump by a table: ADRP and ADD of its address, LDR of an element, BR. The
/// table is at 0x10100.
const SWITCH: &str = "d10043ff 0 -1 sub sp, sp, #16
     90000001 16 -1 adrp x1, .
     91040021 16 -1 add x1, x1, #0x100
     f860783b 16 -1 ldr x27, [x1, x0, lsl #3]
     d61f0360 16 -1 br x27
     910043ff 16 -1 add sp, sp, #16
     d65f03c0 0 -1 ret
     17fffffe 16 -1 b .-8";

#[test]
fn a_jump_table_with_good_targets_is_proved() {
    let pointers = &[(0x1_0100, ENTRY + 5 * 4), (0x1_0108, ENTRY + 7 * 4), (0x1_0110, 0x9_0000)];
    Case { pointers, ..Case::new(SWITCH) }.check(&["proved"]);
}

#[test]
fn a_jump_table_with_a_bad_target_is_refuted() {
    let pointers = &[(0x1_0100, ENTRY + 5 * 4), (0x1_0108, ENTRY + 6 * 4)];
    Case { pointers, ..Case::new(SWITCH) }
        .check(&["refuted", "6: declared 0, actual 16: async-preemption profiler"]);
}

#[test]
fn a_jump_table_that_cannot_be_read_is_undecided() {
    Case::new(SWITCH).check(&["undecided", "4: IndirectJump"]);
    let pointers = &[(0x1_0100, ENTRY + 5 * 4 + 2)];
    Case { pointers, ..Case::new(SWITCH) }.check(&["undecided", "4: IndirectJump"]);
}

#[test]
fn a_jump_table_is_no_tail_call_even_outside_of_a_frame() {
    let table = "90000001 0 -1 adrp x1, .
         91040021 0 -1 add x1, x1, #0x100
         f860783b 0 -1 ldr x27, [x1, x0, lsl #3]
         d61f0360 0 -1 br x27
         d65f03c0 0 -1 ret
         d65f03c0 16 -1 ret";
    let pointers = &[(0x1_0100, ENTRY + 4 * 4)];
    Case { pointers, ..Case::new(table) }.check(&["proved"]);
    let pointers = &[(0x1_0100, ENTRY + 5 * 4)];
    Case { pointers, ..Case::new(table) }
        .check(&["refuted", "5: declared 16, actual 0: async-preemption profiler"]);
    Case::new(table).check(&["undecided", "3: IndirectJump"]);
    // Nor is one whose address comes from another block.
    check(
        "f860783b 0 -1 ldr x27, [x1, x0, lsl #3]
         d61f0360 0 -1 br x27",
        &["undecided", "1: IndirectJump"],
    );
}

#[test]
fn a_jump_table_is_found_through_the_global_offset_table() {
    // What go build -buildmode=pie emits: ADRP; LDR of the address; LDR; BR.
    let pie = "d10043ff 0 -1 sub sp, sp, #16
         90000001 16 -1 adrp x1, .
         f9404021 16 -1 ldr x1, [x1, #0x80]
         f860783b 16 -1 ldr x27, [x1, x0, lsl #3]
         d61f0360 16 -1 br x27
         910043ff 16 -1 add sp, sp, #16
         d65f03c0 0 -1 ret";
    let pointers = &[(0x1_0080, 0x5_0000), (0x5_0000, ENTRY + 5 * 4)];
    Case { pointers, ..Case::new(pie) }.check(&["proved"]);
    let pointers = &[(0x1_0080, 0x5_0000), (0x5_0000, ENTRY + 6 * 4)];
    Case { pointers, ..Case::new(pie) }
        .check(&["refuted", "6: declared 0, actual 16: async-preemption profiler"]);
}

/// Wherever in a block of 64 words the jump is.
#[test]
fn a_jump_table_of_a_long_function_is_followed() {
    for padding in [0, 60, 100] {
        let listing = format!(
            "f81e0ffe 0 -1 str x30, [sp, #-32]!
             f81f83fd 32 -1 stur x29, [sp, #-8]
             d10023fd 32 -1 sub x29, sp, #8
             {}
             90000001 32 -1 adrp x1, .
             91200021 32 -1 add x1, x1, #0x800
             f860783b 32 -1 ldr x27, [x1, x0, lsl #3]
             d61f0360 32 -2 br x27
             f85f83fd 32 -1 ldur x29, [sp, #-8]
             f84207fe 32 -1 ldr x30, [sp], #32
             d65f03c0 0 -1 ret
             17fffffd 32 -1 b .-12",
            "d503201f 32 -1 nop\n".repeat(padding)
        );
        let target = |index: usize| ENTRY + 4 * (padding + index) as u64;
        let pointers = &[(0x1_0800, target(7)), (0x1_0808, target(10)), (0x1_0810, 0)];
        let case = Case { pointers, ..Case::new(&listing) };
        assert_eq!(rendered(&case.report()), ["proved"], "{padding}");
    }
}

#[test]
fn a_jump_to_a_known_address_is_followed() {
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         10000061 16 -1 adr x1, .+12
         d61f0020 16 -1 br x1
         d65f03c0 0 -1 ret
         910043ff 16 -1 add sp, sp, #16
         d65f03c0 0 -1 ret",
        &["proved"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         10000041 16 -1 adr x1, .+8
         d61f0020 16 -1 br x1
         00000000 0 -1 udf #0",
        &["refuted", "3: declared 0, actual 16: async-preemption profiler"],
    );
    // BR XZR goes to address 0, whatever was last written to 31.
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         1000005f 16 -1 adr xzr, .+8
         d61f03e0 16 -1 br xzr
         00000000 16 -1 udf #0",
        &["undecided", "2: IndirectJump"],
    );
}

#[test]
fn a_padded_call_does_not_excuse_an_assembly_function_either() {
    let case = Case::new(
        "d10043ff 0 -1 sub sp, sp, #16
         940003e8 0 -1 bl .+4000
         00000000 16 -1 udf #0",
    );
    Case { flags: FuncFlags::ASM, ..case }
        .check(&["refuted", "1: declared 0, actual 16: async-preemption profiler"]);
}

/// Jump tables are followed over 131,072 entries in all; what goes on behind them
/// is not known.
#[test]
fn a_jump_table_without_end_is_undecided() {
    // The table starts at 0x20000, and every word behind it is an address of the
    // function: a file can say so.
    // movz x1, #2, lsl #16; ldr x27, [x1, x2, lsl #3]; br x27; ret
    let words = [0xd2a0_0041, 0xf862_783b, 0xd61f_0360, 0xd65f_03c0].map(Word::new);
    let mut rows = RowTable::new();
    rows.push(Row::default(), 4);
    let mut report = Report::new();
    let pointer = |_| Some(ENTRY + 12);
    let function = Function::new(Pc(ENTRY), &words, &rows).with_surroundings(&pointer);
    Checker::new().check(&function, &mut report);
    assert_eq!(rendered(&sp_row(report)), ["undecided", "2: IndirectJump"]);
}
