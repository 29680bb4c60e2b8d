//! The judge before judges: functions small enough to be worked out by hand. The
//! words are those of GNU as 2.40 for the instruction behind each row; for each rule
//! there is a function that keeps it and the same one with the rule broken.

use crate::judge::judge;
use crate::memory::Memory;
use crate::subject::{Signals, Subject};
use unwind::FuncFlags;

/// Judges a function on linux without flags.
#[track_caller]
pub(crate) fn check(listing: &str, expected: &[&str]) {
    check_subject(&Subject::read(listing), expected);
}

#[track_caller]
fn check_subject(subject: &Subject, expected: &[&str]) {
    assert_eq!(judged_findings(subject), expected, "{}", subject.listing());
}

/// What the judge finds.
#[track_caller]
pub(crate) fn judged_findings(subject: &Subject) -> Vec<String> {
    let judged = judge(subject);
    assert!(judged.is_complete(), "{judged:?}");
    judged.findings.iter().map(|found| format!("{found:?}")).collect()
}

/// The pop of golang/go#73259, with what a rule looks at left open.
fn large_frame(class_of_move: i32, class_of_pop: i32) -> String {
    format!(
        "d10143f4     0 -1  sub x20, sp, #80
         d1404294     0 -1  sub x20, x20, #16, lsl #12
         a93ffa9d     0 -1  stp x29, x30, [x20, #-8]
         9100029f     0 {class_of_move}  mov sp, x20
         d10023fd 65616 -1  sub x29, sp, #8
         94000000 65616 -1  bl
         a97ffbfd 65616 -1  ldp x29, x30, [sp, #-8]
         910143ff 65616 -1  add sp, sp, #80
         914043ff 65616 {class_of_pop}  add sp, sp, #16, lsl #12
         d65f03c0     0 -1  ret"
    )
}

#[test]
fn a_small_frame_is_right() {
    // SP is at CFA - 16 behind the first instruction and at the CFA behind the
    // third; the word at SP is LR. R29 stays the caller's.
    check(
        "f81f0ffe  0 -1  str x30, [sp, #-16]!
         d503201f 16 -1  nop
         f84107fe 16 -1  ldr x30, [sp], #16
         d65f03c0  0 -1  ret",
        &[],
    );
}

#[test]
fn sp_row() {
    // Between the two ADDs SP is at CFA - 65536, and the row says 65616.
    check(&large_frame(-2, -1), &["sp-row at 8 for async-preemption", "sp-row at 8 for profiler"]);
    check(&large_frame(-2, -2), &["sp-row at 8 for profiler"]);
    // The row of boundary 2 is right, but who is preempted there resumes at 1, whose
    // row is not. The load runs again, from the CFA, and leaves SP above it.
    check(
        "f81f0ffe  0 -1  str x30, [sp, #-16]!
         f84107fe 16 -3  ldr x30, [sp], #16
         d503201f  0 -3  nop
         d65f03c0  0 -1  ret",
        &["sp-row at 2 for async-preemption", "restart at 2 for async-preemption"],
    );
}

#[test]
fn saved_lr() {
    // The local is stored eight bytes above the saved LR, or over it, or over one of
    // its bytes. LR itself is still right for the return.
    let function = |store| {
        let listing = format!(
            "f81e0ffe  0 -1  str x30, [sp, #-32]!
             {store}
             910083ff 32 -1  add sp, sp, #32
             d65f03c0  0 -1  ret"
        );
        Subject::read(&listing)
    };
    check_subject(&function("f90007e0 32 -1  str x0, [sp, #8]"), &[]);
    let over = function("f90003e0 32 -1  str x0, [sp]");
    let everybody = ["saved-lr at 2 for async-preemption", "saved-lr at 2 for profiler"];
    check_subject(&over, &everybody);
    check_subject(&function("39000fe0 32 -1  strb w0, [sp, #3]"), &everybody);
    // Assembly is not preempted; at the last frame of a stack nobody goes on.
    let flagged = |flags: FuncFlags| Subject { flags: flags.0, ..over.clone() };
    check_subject(&flagged(FuncFlags::ASM), &["saved-lr at 2 for profiler"]);
    check_subject(&flagged(FuncFlags::TOP_FRAME), &[]);
}

#[test]
fn saved_lr_at_depth_0() {
    // The call of morestack: LR comes back from R3.
    check(
        "b4000040  0 -1  cbz x0, .+8
         d65f03c0  0 -1  ret
         aa1e03e3  0 -2  mov x3, x30
         94000000  0 -2  bl
         17fffffc  0 -1  b .-16",
        &[],
    );
    // A call without a frame leaves its own return address in LR.
    check(
        "94000000  0 -1  bl
         d2800000  0 -2  movz x0, #0
         d65f03c0  0 -2  ret",
        &["saved-lr at 1 for profiler", "saved-lr at 2 for profiler", "callee at 2 for everybody"],
    );
}

#[test]
fn frame_pointer() {
    // R29 is set to the caller's, CFA - 8, before SP moves up.
    let prologue = "f81e0ffe  0 -1  str x30, [sp, #-32]!
                    f81f83fd 32 -1  stur x29, [sp, #-8]
                    d10023fd 32 -1  sub x29, sp, #8\n";
    let right = "910063fd 32 -1  add x29, sp, #24
                 910083ff 32 -1  add sp, sp, #32
                 d65f03c0  0 -1  ret";
    check(&format!("{prologue}{right}"), &[]);
    // As until golang/go#63830 was fixed: behind the pop R29 is below SP - 8.
    let late = "910083ff 32 -1  add sp, sp, #32
                d10023fd  0 -1  sub x29, sp, #8
                d65f03c0  0 -1  ret";
    check(&format!("{prologue}{late}"), &["frame-pointer at 4 for frame-pointer"]);
    // At an unsafe point nobody walks from, but at a call. The pair at SP - 8 is right
    // once R29 points there, and not when R29 was not saved.
    check(
        "f81e0ffe  0 -1  str x30, [sp, #-32]!
         d10023fd 32 -2  sub x29, sp, #8
         d503201f 32 -2  nop
         94000000 32 -2  bl
         910063fd 32 -2  add x29, sp, #24
         f84207fe 32 -1  ldr x30, [sp], #32
         d65f03c0  0 -1  ret",
        &["frame-pointer at 3 for frame-pointer"],
    );
}

#[test]
fn below_sp() {
    // The pair is stored at CFA - 65624 while SP is the CFA.
    let linux = large_frame(-1, -2);
    let found = ["below-sp at 3 for async-preemption", "sp-row at 8 for profiler"];
    check(&linux, &found);
    // The word at SP - 8 is left alone, that at SP - 16 is not. At the entry the one is where
    // the caller keeps R29.
    check(
        "f81f83fe  0 -1  stur x30, [sp, #-8]
         f85f83fe  0 -1  ldur x30, [sp, #-8]
         d65f03c0  0 -1  ret",
        &["callee at 1 for frame-pointer", "callee at 2 for frame-pointer"],
    );
    check(
        "f81f03fe  0 -1  stur x30, [sp, #-16]
         f85f03fe  0 -1  ldur x30, [sp, #-16]
         d65f03c0  0 -1  ret",
        &["below-sp at 1 for async-preemption"],
    );
    // Dead words are nobody's loss, and neither are those that nobody stored.
    check(
        "f81f03fe  0 -1  stur x30, [sp, #-16]
         f85e83e0  0 -1  ldur x0, [sp, #-24]
         d65f03c0  0 -1  ret",
        &[],
    );
}

#[test]
fn below_sp_where_signals_run_on_the_same_stack() {
    let function = |subtraction| {
        let (sub, depth, add) = subtraction;
        let listing = format!(
            "{sub}        0 -1  sub x20, sp, #{depth}
             a93ffa9d     0 -1  stp x29, x30, [x20, #-8]
             9100029f     0 -2  mov sp, x20
             {add}  {depth} -1  add sp, sp, #{depth}
             d65f03c0     0 -1  ret"
        );
        Subject { signals: Signals::Goroutine, ..Subject::read(&listing) }
    };
    // The lower word of the pair is 104 or 152 bytes below SP, the upper one 144.
    check_subject(&function(("d10183f4", 96, "910183ff")), &[]);
    let deep = function(("d10243f4", 144, "910243ff"));
    let found = ["below-sp at 2 for async-preemption", "below-sp at 2 for profiler"];
    check_subject(&deep, &found);
    check_subject(&Subject { signals: Signals::Own, ..deep }, &[]);
}

#[test]
fn restart_loses_r27() {
    let function = |class| {
        format!(
            "f81f0ffe  0 -1  str x30, [sp, #-16]!
             d280021b 16 {class}  mov x27, #16
             8b3b63ff 16 {class}  add sp, sp, x27
             d65f03c0  0 -1  ret"
        )
    };
    for class in [-2, -3, -4] {
        check(&function(class), &[]);
    }
    check(&function(-1), &["restart at 2 for async-preemption"]);
    // From the entry LR would be stored again, sixteen bytes further down.
    check(
        &function(-5),
        &[
            "sp-row at 1 for async-preemption",
            "restart at 1 for async-preemption",
            "sp-row at 2 for async-preemption",
            "restart at 2 for async-preemption",
        ],
    );
}

#[test]
fn restart_runs_again() {
    // At 2 R0 is R1 already, and comes out the same; at 3 R1 is no longer what it was.
    check(
        "aa0103e0  0 -1  mov x0, x1
         aa0103e0  0 -3  mov x0, x1
         aa0203e1  0 -3  mov x1, x2
         d503201f  0 -3  nop
         d65f03c0  0 -1  ret",
        &["restart at 3 for async-preemption"],
    );
    check(
        "91004294  0 -3  add x20, x20, #16
         d503201f  0 -3  nop
         d65f03c0  0 -1  ret",
        &["restart at 1 for async-preemption"],
    );
    // A call that is made twice is made once too often.
    check(
        "f81f0ffe  0 -1  str x30, [sp, #-16]!
         94000000 16 -3  bl
         d503201f 16 -3  nop
         f84107fe 16 -1  ldr x30, [sp], #16
         d65f03c0  0 -1  ret",
        &["restart at 2 for async-preemption"],
    );
}

#[test]
fn restart_decides_as_before_unless_what_it_tests_has_changed() {
    check(
        "b4000060  0 -3  cbz x0, .+12
         aa0103e2  0 -3  mov x2, x1
         d65f03c0  0 -3  ret
         aa0303e2  0 -1  mov x2, x3
         d65f03c0  0 -1  ret",
        &[],
    );
    check(
        "b4000060  0 -3  cbz x0, .+12
         aa0103e0  0 -3  mov x0, x1
         d65f03c0  0 -3  ret
         aa0303e2  0 -1  mov x2, x3
         d65f03c0  0 -1  ret",
        &["restart at 2 for async-preemption"],
    );
    // The flags of CMP are tested by both; of a register that CMP reads and the
    // sequence changes they come out anew.
    check(
        "f1000e9f  0 -3  cmp x20, #3
         91004294  0 -3  add x20, x20, #16
         54000040  0 -3  b.eq .+8
         d65f03c0  0 -1  ret
         d65f03c0  0 -1  ret",
        &["restart at 2 for async-preemption"],
    );
}

#[test]
fn sp_align() {
    let function = |class| {
        format!(
            "f81f8ffe  0 -1  str x30, [sp, #-8]!
             f84087fe  8 {class}  ldr x30, [sp], #8
             d65f03c0  0 -1  ret"
        )
    };
    // Eight bytes below the CFA is where the caller keeps R29.
    let stored = "callee at 2 for frame-pointer";
    let walked = "callee at 1 for frame-pointer";
    check(&function(-1), &["sp-align at 1 for async-preemption", walked, stored]);
    check(&function(-2), &[stored]);
}

#[test]
fn what_is_not_executed_is_told() {
    for (listing, unjudged) in [
        ("1e604000 0 -1 fmov d0, d0", 0),
        ("d61f0000 0 -1 br x0", 0),
        ("d503201f 0 -1 nop", 1),
        ("f8408400 0 -1 ldr x0, [x0], #8", 0), // CONSTRAINED UNPREDICTABLE
    ] {
        let judged = judge(&Subject::read(listing));
        assert!(judged.unjudged.contains(&unjudged), "{listing}: {judged:?}");
    }
    // A loop that counts for ever and looks at what it counts has no end of paths.
    let judged = judge(&Subject::read(
        "d280021b  0 -1  mov x27, #16
         91004294  0 -1  add x20, x20, #16
         b5fffff4  0 -1  cbnz x20, .-4
         d65f03c0  0 -1  ret",
    ));
    assert!(judged.findings.is_empty() && !judged.is_complete(), "{judged:?}");
}

/// A saved word that is stored over through R20 is what the verifier assumes not to
/// happen; one that is stored again, or stored over through SP or R29, is not.
#[test]
fn a_store_astray_is_told() {
    let function = |store: &str| {
        let listing = format!(
            "d10043f4  0 -1  sub x20, sp, #16
             f81f0ffe  0 -1  str x30, [sp, #-16]!
             {store}
             f84107fe 16 -1  ldr x30, [sp], #16
             d65f03c0  0 -1  ret"
        );
        judge(&Subject::read(&listing))
    };
    for (store, expected) in [
        ("f900029e 16 -1  str x30, [x20]", false),
        ("f9000280 16 -1  str x0, [x20]", true),
        ("39000280 16 -1  strb w0, [x20]", true),
        ("3c9f8280 16 -1  stur q0, [x20, #-8]", true),
        ("f8208281 16 -1  swp x0, x1, [x20]", true),
        ("f81f8280 16 -1  stur x0, [x20, #-8]", false),
        // Where the caller keeps R29.
        ("f9000680 16 -1  str x0, [x20, #8]", true),
        ("f90003e0 16 -1  str x0, [sp]", false),
    ] {
        assert_eq!(function(store).is_astray, expected, "{store}");
    }
}

#[test]
fn stores_overlap_by_the_byte() {
    let mut memory = Memory::default();
    memory.write(0x1000, 8, 0x8877_6655_4433_2211);
    memory.write(0x1008, 8, 0x1111_1111_1111_1111);
    assert_eq!(memory.read(0x1004, 8), 0x1111_1111_8877_6655);
    memory.write(0x1006, 4, 0xaabb_ccdd);
    assert_eq!(memory.read(0x1000, 8), 0xccdd_6655_4433_2211);
    assert_eq!(memory.read(0x1008, 8), 0x1111_1111_1111_aabb);
    assert_eq!(memory.read(0x1007, 1), 0xcc);
    // Whoever writes below 0x1004 leaves the upper half of the word alone.
    let unwritten = memory.read(0xff8, 8);
    memory.overwrite_below(0x1004, 1);
    assert_eq!(memory.read(0x1004, 4), 0xccdd_6655);
    assert_ne!(memory.read(0x1000, 4), 0x4433_2211);
    assert_eq!(memory.read(0xff8, 8), unwritten);
    memory.lose_below(0x1008, 2);
    assert_ne!(memory.read(0xff8, 8), unwritten);
    assert_eq!(memory.read(0x1008, 8), 0x1111_1111_1111_aabb);
}
