//! Unsafe points, restartable sequences, marked functions: who
//! sees a wrong row.

use super::{Case, check};
use crate::report::{Observer, Verdict};
use unwind::{FuncFlags, NotPreemptible, Preemption};

#[test]
fn at_an_unsafe_point_only_the_profiler_sees() {
    let listing = "d10043ff 0 -1 sub sp, sp, #16
         d503201f 0 -2 nop
         910043ff 16 -1 add sp, sp, #16
         d65f03c0 0 -1 ret";
    check(listing, &["refuted", "1: declared 0, actual 16: profiler"]);
    let report = Case::new(listing).sp_row();
    assert_eq!(report.verdict_for(Observer::Profiler), Verdict::Refuted);
    assert_eq!(report.verdict_for(Observer::AsyncPreemption), Verdict::Proved);
}

#[test]
fn where_nobody_is_preempted_only_the_profiler_sees() {
    let report = Case::new(
        "d10043ff 0 -1 sub sp, sp, #16
         00000000 0 -1 udf #0",
    )
    .sp_row();
    let violation = report.violations.first().expect("a violation");
    let never = Preemption::Never(NotPreemptible::Assembly);
    assert!(violation.observers(Preemption::Async).contains(Observer::AsyncPreemption));
    assert!(!violation.observers(never).contains(Observer::AsyncPreemption));
    assert!(violation.observers(never).contains(Observer::Profiler));
}

/// The branch leads to 4, into a sequence that resumes at 2, in front of another span.
/// From 4 on the rows are those of 4, though the analysis has been at 2 meanwhile.
#[test]
fn a_branch_into_a_sequence_is_followed_by_the_rows_where_it_leads() {
    let listing = |wrong: i64| {
        format!(
            "f81f0ffe 0 -1 str x30, [sp, #-16]!
             b4000060 16 -1 cbz x0, +12
             910043ff 16 -3 add sp, sp, #16
             d65f03c0 0 -3 ret
             d503201f 16 -3 nop
             d503201f {wrong} -1 nop
             d503201f 16 -1 nop
             f84107fe 16 -1 ldr x30, [sp], #16
             d65f03c0 0 -1 ret"
        )
    };
    let resumed = "3: declared 16, actual 0: async-preemption";
    let wrong = "5: declared 32, actual 16: async-preemption profiler";
    let open = "3: BehindBrokenRow";
    check(&listing(16), &["refuted", resumed, open]);
    check(&listing(32), &["refuted", resumed, wrong, open]);
}

#[test]
fn a_restartable_sequence_is_judged_by_the_row_of_its_start() {
    // The row of the boundary itself is true: only preemption goes wrong, and what
    // profilers see once execution was preempted there is not known.
    check(
        "d503201f 0 -1 nop
         d10043ff 0 -3 sub sp, sp, #16
         910043ff 16 -3 add sp, sp, #16
         d65f03c0 0 -1 ret",
        &["refuted", "2: declared 0, actual 16: async-preemption", "2: BehindBrokenRow"],
    );
    // The row is not, but that of the start is: only profiles go wrong.
    check(
        "d503201f 0 -1 nop
         d503201f 0 -4 nop
         d503201f 16 -4 nop
         d65f03c0 0 -1 ret",
        &["refuted", "2: declared 16, actual 0: profiler"],
    );
    // Neither is.
    check(
        "d503201f 0 -1 nop
         d10083ff 0 -3 sub sp, sp, #32
         910083ff 16 -3 add sp, sp, #32
         d65f03c0 0 -1 ret",
        &["refuted", "2: declared 0, actual 32: async-preemption profiler", "2: BehindBrokenRow"],
    );
}

#[test]
fn two_adjacent_restartable_sequences_resume_apart() {
    // ADD $4104, RSP, R29; ADD $4112, RSP as go1.24.11 emits them, and the same
    // with one class: then the second resumes at the first.
    let listing = "d10083ff 0 -1 sub sp, sp, #32
         d280021b 32 -4 movz x27, #16
         8b3b63fd 32 -4 add x29, sp, x27
         d280041b 32 -3 movz x27, #32
         8b3b63ff 32 -3 add sp, sp, x27
         d65f03c0 0 -1 ret";
    check(listing, &["proved"]);
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         d10043ff 16 -3 sub sp, sp, #16
         d280041b 32 -4 movz x27, #32
         8b3b63ff 32 -4 add sp, sp, x27
         d65f03c0 0 -1 ret",
        &["proved"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         d10043ff 16 -3 sub sp, sp, #16
         d280041b 32 -3 movz x27, #32
         8b3b63ff 32 -3 add sp, sp, x27
         d65f03c0 0 -1 ret",
        &[
            "refuted",
            "2: declared 16, actual 32: async-preemption",
            "3: declared 16, actual 32: async-preemption",
            "2: BehindBrokenRow",
            "3: BehindBrokenRow",
        ],
    );
}

#[test]
fn the_start_of_a_restartable_sequence_is_reached_by_resuming() {
    // Execution jumps into the middle of the sequence; resumed at its start it
    // runs the SUB before.
    check(
        "14000002 0 -1 b .+8
         d10043ff 0 -3 sub sp, sp, #16
         d503201f 0 -3 nop
         d65f03c0 0 -1 ret",
        &[
            "refuted",
            "2: declared 0, actual 16: async-preemption profiler",
            "3: declared 0, actual 16: async-preemption profiler",
            "2: BehindBrokenRow",
        ],
    );
}

#[test]
fn a_restart_at_the_entry_is_judged_by_the_row_there() {
    check(
        "d503201f 0 -1 nop
         d503201f 0 -5 nop
         d65f03c0 0 -1 ret",
        &["proved"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         910043ff 16 -5 add sp, sp, #16
         d65f03c0 0 -1 ret",
        &["refuted", "1: declared 0, actual 16: async-preemption", "1: BehindBrokenRow"],
    );
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         910043ff 32 -5 add sp, sp, #16
         d65f03c0 0 -1 ret",
        &["refuted", "1: declared 0, actual 16: async-preemption profiler", "1: BehindBrokenRow"],
    );
    // At depth 0 behind the entry, with a wrong row.
    check(
        "d503201f 0 -1 nop
         d503201f 16 -5 nop
         d65f03c0 0 -1 ret",
        &["refuted", "1: declared 16, actual 0: profiler"],
    );
}

#[test]
fn a_boundary_without_a_row_is_undecided() {
    check(
        "d503201f 0 -1 nop
         d65f03c0 ret",
        &["undecided", "1: NoRow"],
    );
    check(
        "14000001 0 -1 b .+4
         d65f03c0 ret",
        &["undecided", "1: NoRow"],
    );
    check("d65f03c0 ret", &["undecided", "0: NoRow"]);
    // Behind a return nothing is reached.
    check(
        "d65f03c0 0 -1 ret
         d503201f nop",
        &["proved"],
    );
}

#[test]
fn in_marked_assembly_sp_may_be_written() {
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::SP_WRITE.0);
    let switch = "d503201f 0 -1 nop
         9100003f 0 -1 mov sp, x1
         d65f03c0 0 -1 ret";
    let case = Case { flags, ..Case::new(switch) };
    case.check(&["undecided", "1: BehindSpWrite", "1: marked as a write of SP"]);
    // The mark is what makes the difference,
    let case = Case { flags: FuncFlags::ASM, ..Case::new(switch) };
    case.check(&["undecided", "1: UntrackedStackPointer"]);
    // and only of assembly: what the compiler makes can be preempted.
    let case = Case { flags: FuncFlags::SP_WRITE, ..Case::new(switch) };
    case.check(&["undecided", "1: UntrackedStackPointer", "1: marked as a write of SP"]);
}

#[test]
fn in_marked_assembly_profilers_do_not_see_a_wrong_row() {
    let listing = "d10043ff 0 -1 sub sp, sp, #16
         910043ff 0 -1 add sp, sp, #16
         d65f03c0 0 -1 ret";
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::SP_WRITE.0);
    Case { flags, ..Case::new(listing) }.check(&[
        "refuted",
        "1: declared 0, actual 16: async-preemption",
        "1: marked as a write of SP",
    ]);
    let listing = listing.replacen("0 -1 add", "0 -2 add", 1);
    Case { flags, ..Case::new(&listing) }.check(&["proved", "1: marked as a write of SP"]);
}

#[test]
fn a_boundary_is_reported_once_for_all_who_see_it() {
    // Two paths with the same wrong depth.
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         b4000040 16 -1 cbz x0, .+8
         d503201f 16 -1 nop
         00000000 0 -1 udf #0",
        &["refuted", "3: declared 0, actual 16: async-preemption profiler"],
    );
    // Two paths with different depths, each wrong for one observer: the one that
    // the profiler sees arrives first,
    let expected =
        ["refuted", "4: declared 0, actual 16: async-preemption profiler", "4: BehindBrokenRow"];
    let listing = "b4000080 0 -1 cbz x0, .+16
         d10043ff 0 -1 sub sp, sp, #16
         14000002 16 -1 b .+8
         d503201f 0 -3 nop
         00000000 16 -3 udf #0";
    check(listing, &expected);
    // or the other.
    check(
        "d10043ff 0 -1 sub sp, sp, #16
         b4000060 16 -1 cbz x0, .+12
         910043ff 16 -1 add sp, sp, #16
         d503201f 0 -3 nop
         00000000 16 -3 udf #0",
        &expected,
    );
}

#[test]
fn behind_a_row_that_only_the_profiler_sees_to_be_wrong_preemption_is_not_proved() {
    // At 3 SP is at 0 or at 16, and goes on with both; the row of 4 is true of one
    // other only.
    for declared in ["0", "16"] {
        let listing = format!(
            "b4000060 0 -1 cbz x0, .+12
             d10043ff 0 -2 sub sp, sp, #16
             d503201f 16 -2 nop
             d503201f 0 -2 nop
             00000000 {declared} -1 udf #0"
        );
        let report = Case::new(&listing).sp_row();
        assert_ne!(report.verdict_for(Observer::AsyncPreemption), Verdict::Proved, "{listing}");
    }
    // The same with the edge to 1 found while the analysis is past it.
    let report = Case::new(
        "d10043ff 0 -1 sub sp, sp, #16
         d503201f 0 -2 nop
         910043ff 16 -1 add sp, sp, #16
         b4ffffc0 0 -1 cbz x0, .-8
         d65f03c0 0 -1 ret",
    )
    .sp_row();
    assert_ne!(report.verdict_for(Observer::AsyncPreemption), Verdict::Proved);
}

#[test]
fn resuming_at_the_wrong_depth_misleads_the_profiler_too() {
    // Preempted at 4 it resumes at 1 with SP at 16, where the row is 0.
    let listing = "910003f4 0 -1 mov x20, sp
         d10043f4 0 -4 sub x20, sp, #16
         b4000060 0 -4 cbz x0, .+12
         d10043ff 0 -4 sub sp, sp, #16
         14000000 16 -4 b .
         00000000 0 -4 udf #0";
    let report = Case::new(listing).sp_row();
    assert_eq!(report.verdict_for(Observer::AsyncPreemption), Verdict::Refuted);
    assert_eq!(report.verdict_for(Observer::Profiler), Verdict::Undecided);
    // Assembly is not preempted.
    let report = Case { flags: FuncFlags::ASM, ..Case::new(listing) }.sp_row();
    assert_eq!(report.verdict_for(Observer::Profiler), Verdict::Proved);
}
