//! Where a panic that was recovered resumes a function.

use super::Case;
use unwind::Index;

/// A function with a frame of 16 bytes and these calls in it. Behind its RET are the instructions
/// where a panic that was recovered resumes it.
fn recovering(calls: &str, recovery: &str) -> String {
    format!(
        "f81f0ffe 0 -1 str x30, [sp, #-16]!
         {calls}
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret
         {recovery}
         d65f03c0 0 -1 ret"
    )
}

/// `recovery` of `runtime/panic.go` puts SP back to where the call was made that deferred.
#[test]
fn a_recovery_goes_on_with_the_depth_of_each_call() {
    let call = "940003e8 16 -1 bl .+4000\nd503201f 16 -1 nop\nd503201f 16 -1 nop";
    let check = |calls, recovery, expected: &[&str]| {
        let listing = recovering(calls, recovery);
        Case { recovery: Some(Index(6)), ..Case::new(&listing) }.check(expected);
    };
    let load = "f84107fe 16 -1 ldr x30, [sp], #16";
    check(call, load, &["proved"]);
    check(
        call,
        "f84107fe 32 -1 ldr x30, [sp], #16",
        &["refuted", "6: declared 32, actual 16: async-preemption profiler"],
    );
    // Preempted there it resumes elsewhere, at another depth.
    check(
        call,
        "f84107fe 16 -5 ldr x30, [sp], #16",
        &["refuted", "6: declared 0, actual 16: async-preemption", "6: BehindBrokenRow"],
    );
    // A call that is made deeper: both depths come there.
    let deeper = "d10043ff 16 -1 sub sp, sp, #16
         940003e8 32 -1 bl .+4000
         910043ff 32 -1 add sp, sp, #16";
    check(
        deeper,
        load,
        &[
            "refuted",
            "6: declared 16, actual 32: async-preemption profiler",
            "7: declared 0, actual 16: async-preemption profiler",
        ],
    );
    let both = deeper
        .replace("940003e8 32 -1 bl .+4000", "940003e8 32 -1 bl .+4000\n940003e8 32 -1 bl .+4000");
    let listing =
        recovering(&both.replacen("d10043ff", "940003e8 16 -1 bl .+4000\nd10043ff", 1), load);
    let case = Case { recovery: Some(Index(8)), ..Case::new(&listing) };
    case.check(&[
        "refuted",
        "8: declared 16, actual 32: async-preemption profiler",
        "9: declared 0, actual 16: async-preemption profiler",
    ]);
    // Without a call in the frame nothing comes there.
    let nop = "d503201f 16 -1 nop";
    check(&[nop; 3].join("\n"), "f84107fe 32 -1 ldr x30, [sp], #16", &["proved"]);
}

/// morestack is called outside of the frame: no panic is recovered from there.
#[test]
fn a_recovery_is_not_reached_from_a_call_of_morestack() {
    let listing = "b40000e0 0 -1 cbz x0, .+28
         f81f0ffe 0 -1 str x30, [sp, #-16]!
         940003e8 16 -1 bl .+4000
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret
         aa1e03e3 0 -1 mov x3, x30
         940003e8 0 -1 bl .+4000
         17fffff7 0 -1 b .-36";
    let case = Case { recovery: Some(Index(5)), ..Case::new(listing) };
    case.check(&["proved"]);
}

/// What a recovery finds in LR is what `gogo` jumped by, and R29 is the word below SP.
#[test]
fn a_recovery_finds_sp_and_r29_as_they_were_and_lr_lost() {
    let call = "f81f83fd 16 -1 stur x29, [sp, #-8]
         d10023fd 16 -1 sub x29, sp, #8
         940003e8 16 -1 bl .+4000
         f85f83fd 16 -1 ldur x29, [sp, #-8]";
    let check = |recovery: &str, expected: &[&str]| {
        let listing = recovering(call, recovery);
        Case { recovery: Some(Index(7)), ..Case::new(&listing) }.check_rules(expected);
    };
    let load = "f85f83fd 16 -1 ldur x29, [sp, #-8]";
    check(&format!("{load}\nf84107fe 16 -1 ldr x30, [sp], #16"), &[]);
    // LR is not restored; R29 is not.
    check(
        &format!("{load}\n910043ff 16 -1 add sp, sp, #16"),
        &[
            "9: saved-lr: async-preemption profiler, unpreempted: profiler",
            "9: callee: everybody, unpreempted: everybody",
        ],
    );
    check(
        "f84107fe 16 -1 ldr x30, [sp], #16",
        &[
            "8: frame-pointer: frame-pointer",
            "8: callee: frame-pointer, unpreempted: frame-pointer",
        ],
    );
}

#[test]
fn a_recovery_without_a_row_or_an_instruction_is_undecided() {
    let call = "940003e8 16 -1 bl .+4000";
    let listing = recovering(call, "d65f03c0 ret").replace("\n         d65f03c0 0 -1 ret", "");
    let listing = listing.replace("d65f03c0 ret", "d65f03c0 0 -1 ret\nd65f03c0 ret");
    let case = Case { recovery: Some(Index(4)), ..Case::new(&listing) };
    case.check(&["undecided", "4: NoRow"]);
    let case = Case { recovery: Some(Index(7)), ..Case::new(&listing) };
    case.check(&["undecided", "7: NoRow"]);
}
