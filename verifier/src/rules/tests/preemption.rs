//! Rules `below-sp`, `restart` and `sp-align`: what preemption alone observes.

use super::{Case, check_rules};
use crate::SignalStack;
use unwind::FuncFlags;

/// A large frame opened as Go does: R29 and LR are stored below SP, then SP moves.
fn prologue(class: &str, restored: &str) -> String {
    format!(
        "d10803f4 0 -1 sub x20, sp, #512
         a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
         9100029f 0 {class} mov sp, x20
         {restored}
         d10023fd 512 -1 sub x29, sp, #8
         a97ffbfd 512 -1 ldp x29, x30, [sp, #-8]
         910803ff 512 -1 add sp, sp, #512
         d65f03c0 0 -1 ret"
    )
}

#[test]
fn the_prologue_of_a_large_frame_needs_its_unsafe_point() {
    check_rules(&prologue("-2", ""), &[]);
    check_rules(&prologue("-1", ""), &["2: below-sp: async-preemption"]);
    // Assembly is not preempted.
    let listing = prologue("-1", "");
    Case { flags: FuncFlags::ASM, ..Case::new(&listing) }.check_rules(&[]);
}

/// On ios handlers run on this stack (`obj7.go`): what was stored below SP may be
/// lost at an unsafe point too, and go1.19 to go1.27 store the pair again. Whoever
/// unwinds in between is misled; preemption too, unless that is an unsafe point.
#[test]
fn on_ios_a_signal_overwrites_what_is_below_the_red_zone() {
    let signals = SignalStack::Goroutine;
    let again = "a93ffbfd 512 -1 stp x29, x30, [sp, #-8]";
    let listing = prologue("-2", again);
    Case { signals, ..Case::new(&listing) }
        .check_rules(&["2: below-sp: async-preemption profiler, unpreempted: profiler"]);
    let listing = prologue("-2", &again.replacen("-1", "-2", 1));
    Case { signals, ..Case::new(&listing) }
        .check_rules(&["2: below-sp: profiler, unpreempted: profiler"]);
    // Inside the red zone of 128 bytes nothing is lost: R29 is stored 8 bytes below
    // the frame.
    let sized = |sub, add, size| {
        prologue("-2", "").replace("d10803f4", sub).replace("910803ff", add).replace("512", size)
    };
    let small = sized("d101c3f4", "9101c3ff", "112");
    Case { signals, ..Case::new(&small) }.check_rules(&[]);
    let small = sized("d10203f4", "910203ff", "128");
    Case { signals, ..Case::new(&small) }
        .check_rules(&["2: below-sp: async-preemption profiler, unpreempted: profiler"]);
}

/// `pushCall` leaves the word under SP alone, where Go keeps R29, and no other.
#[test]
fn a_word_below_the_one_under_sp_is_lost() {
    let listing = |store: &str, load: &str| format!("{store}\n{load}\n00000000 0 -1 udf #0");
    check_rules(
        &listing("f81f83e0 0 -1 str x0, [sp, #-8]", "f85f83e0 0 -1 ldr x0, [sp, #-8]"),
        // It is kept, but it is the word where the caller saved its own caller's R29.
        &["0: callee: frame-pointer"],
    );
    check_rules(
        &listing("f81e83e0 0 -1 str x0, [sp, #-24]", "f85e83e0 0 -1 ldr x0, [sp, #-24]"),
        &["1: below-sp: async-preemption"],
    );
    check_rules(
        &listing("f81e83e0 0 -1 str x0, [sp, #-24]", "f85e83e0 0 -2 ldr x0, [sp, #-24]"),
        &[],
    );
    // Two words, of which one is kept.
    check_rules(
        "a97f07e0 0 -1 ldp x0, x1, [sp, #-16]\n00000000 0 -1 udf #0",
        &["0: below-sp: async-preemption"],
    );
}

/// A sequence that is restartable from its second instruction to its fourth.
fn sequence(lines: [&str; 3]) -> String {
    let [first, second, third] = lines;
    format!("d503201f 0 -1 nop\n{first}\n{second}\n{third}\n00000000 0 -1 udf #0")
}

#[test]
fn a_sequence_that_computes_r27_again_is_proved() {
    check_rules(
        &sequence([
            "d2800a1b 0 -3 movz x27, #80",
            "f2a0003b 0 -3 movk x27, #1, lsl #16",
            "f87b6be0 0 -3 ldr x0, [sp, x27]",
        ]),
        &[],
    );
}

#[test]
fn r27_that_is_lost_before_it_is_read_is_refuted() {
    // No mark at all; marked too late; marked as unsafe points.
    let listing = |classes: [&str; 3]| {
        sequence([
            &format!("d2800a1b 0 {} movz x27, #80", classes[0]),
            &format!("f2a0003b 0 {} movk x27, #1, lsl #16", classes[1]),
            &format!("f87b6be0 0 {} ldr x0, [sp, x27]", classes[2]),
        ])
    };
    check_rules(
        &listing(["-1", "-1", "-1"]),
        &["2: restart: async-preemption", "3: restart: async-preemption"],
    );
    check_rules(
        &listing(["-1", "-3", "-3"]),
        &["2: restart: async-preemption", "3: restart: async-preemption"],
    );
    check_rules(&listing(["-3", "-3", "-1"]), &["3: restart: async-preemption"]);
    check_rules(&listing(["-1", "-2", "-2"]), &[]);
    // Two sequences: the second does not compute it.
    check_rules(
        &listing(["-3", "-4", "-4"]),
        &["2: restart: async-preemption", "3: restart: async-preemption"],
    );
}

#[test]
fn a_sequence_that_changes_its_own_input_is_refuted() {
    let add = "91002000 0 -3 add x0, x0, #8";
    let nop = "d503201f 0 -3 nop";
    check_rules(
        &sequence([add, nop, nop]),
        &["2: restart: async-preemption", "3: restart: async-preemption"],
    );
    // As its last instruction it may.
    check_rules(&sequence([nop, nop, add]), &[]);
    for input in [
        "f9400000 0 -3 ldr x0, [x0]",
        "f8408420 0 -3 ldr x0, [x1], #8",
        "f1000421 0 -3 subs x1, x1, #1",
        "f8200041 0 -3 ldadd x0, x1, [x2]",
    ] {
        check_rules(
            &sequence([input, nop, nop]),
            &["2: restart: async-preemption", "3: restart: async-preemption"],
        );
    }
    // Flags are an input too: CSEL, then SUBS.
    let csel = "9a840063 0 -3 csel x3, x3, x4, eq";
    let select = "9a840065 0 -3 csel x5, x3, x4, eq";
    let subs = "f1000422 0 -3 subs x2, x1, #1";
    check_rules(&sequence([select, subs, nop]), &["3: restart: async-preemption"]);
    check_rules(&sequence([subs, select, nop]), &[]);
    check_rules(&sequence([nop, csel, nop]), &["3: restart: async-preemption"]);
}

/// `isAsyncSafePoint` throws `bad restart PC` more than 20 bytes behind the start.
#[test]
fn a_sequence_is_at_most_five_instructions_behind_its_start() {
    let listing = |count: usize| {
        let nops = "d503201f 0 -3 nop\n".repeat(count);
        format!("d503201f 0 -1 nop\n{nops}d503201f 0 -1 nop\n00000000 0 -1 udf #0")
    };
    check_rules(&listing(6), &[]);
    check_rules(&listing(7), &["7: restart: async-preemption"]);
    let listing = listing(7);
    Case { flags: FuncFlags::ASM, ..Case::new(&listing) }.check_rules(&[]);
}

#[test]
fn a_sequence_that_moves_sp_first_is_refuted() {
    let listing = "f81e0ffe 0 -1 str x30, [sp, #-32]!
         910083ff 32 -3 add sp, sp, #32
         d503201f 0 -3 nop
         d65f03c0 0 -1 ret";
    let expected = "2: restart: async-preemption";
    let lines = super::other_rules(&Case::new(listing).report());
    assert!(lines.contains(&expected.to_owned()), "{lines:?}");
}

#[test]
fn a_sequence_that_loads_and_then_stores_is_undecided() {
    check_rules(
        &sequence([
            "f9400041 0 -3 ldr x1, [x2]",
            "f9000043 0 -3 str x3, [x2]",
            "d503201f 0 -3 nop",
        ]),
        &["3: UntrackedResumption"],
    );
}

#[test]
fn a_sequence_that_is_entered_in_its_middle_is_undecided() {
    check_rules(
        "b4000040 0 -1 cbz x0, .+8
         d503201f 0 -3 nop
         d503201f 0 -3 nop
         00000000 0 -1 udf #0",
        &["2: UntrackedResumption"],
    );
}

#[test]
fn sp_that_is_no_multiple_of_16_is_refuted_where_a_call_can_be_injected() {
    let listing = "f81e0ffe 0 -1 str x30, [sp, #-32]!
         d10023ff 32 -1 sub sp, sp, #8
         910023ff 40 -2 add sp, sp, #8
         d10043ff 32 -1 sub sp, sp, #16
         910043ff 48 -2 add sp, sp, #16
         d10023ff 32 -1 sub sp, sp, #8
         910023ff 40 -1 add sp, sp, #8
         f84207fe 32 -1 ldr x30, [sp], #32
         d65f03c0 0 -1 ret";
    let aligned = |flags| {
        let report = Case { flags, ..Case::new(listing) }.report();
        let lines = super::other_rules(&report).into_iter();
        lines.filter(|line| line.contains("sp-align")).collect::<Vec<_>>()
    };
    assert_eq!(aligned(FuncFlags(0)), ["6: sp-align: async-preemption"]);
    assert!(aligned(FuncFlags::ASM).is_empty());
}
