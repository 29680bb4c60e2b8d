//! The judge before judges, at exits: what a caller gets back. The words are those of GNU as 2.40
//! for the instruction behind each row.

use crate::cases::{check, judged_findings};
use crate::judge::judge;
use crate::subject::Subject;
use verifier::Observer;

/// The caller's return address, at the CFA, is lost: at an unsafe point a profiler sees it too.
const LOST: [&str; 2] = ["callee at 1 for everybody", "callee at 1 for profiler"];

/// What a caller gets back.
#[test]
fn callee() {
    let with = |words: &str| judged_findings(&Subject::read(&format!("{words}d65f03c0 0 -2 ret")));
    for (words, expected) in [
        ("d503201f 0 -2 nop\n", &[][..]),
        // mov x29, x0; a word of the caller stored over, by SP and by R29; restored.
        ("aa0003fd 0 -2 mov\n", &["callee at 1 for frame-pointer"]),
        ("f81f83e0 0 -2 stur x0, [sp, #-8]\n", &["callee at 1 for frame-pointer"]),
        ("f90003e0 0 -2 str x0, [sp]\n", &LOST),
        ("f80083a0 0 -2 stur x0, [x29, #8]\n", &LOST),
        ("f90007e0 0 -2 str x0, [sp, #8]\n", &[]),
        ("f94003e0 0 -2 ldr x0, [sp]\n f90003e0 0 -2 str x0, [sp]\n", &[]),
        ("aa1d03e0 0 -2 mov x0, x29\n aa1f03fd 0 -2 mov\n aa0003fd 0 -2 mov x29, x0\n", &[]),
        // SP stays sixteen bytes down.
        (
            "d10043ff 0 -2 sub sp, sp, #16\n",
            &["sp-row at 1 for profiler", "callee at 1 for everybody"],
        ),
        // mov x30, x0, and by way of another register.
        (
            "aa0003fe 0 -2 mov x30, x0\n",
            &["saved-lr at 1 for profiler", "callee at 1 for everybody"],
        ),
    ] {
        assert_eq!(with(words), expected, "{words}");
    }
}

/// R28 is `g` at each boundary.
#[test]
fn callee_keeps_g() {
    check(
        "aa1c03e0 0 -2 mov x0, x28
         aa1f03fc 0 -2 mov x28, xzr
         aa0003fc 0 -2 mov x28, x0
         d65f03c0 0 -2 ret",
        &["callee at 2 for async-preemption", "callee at 2 for profiler"],
    );
}

/// Jumps out of the function, and returns by another register.
#[test]
fn callee_at_a_jump() {
    let mends = "aa0203fd 0 -2 mov x29, x2\n";
    let jump = |first: &str, last: &str| judged_findings(&Subject::read(&format!("{first}{last}")));
    let out = "14000010 0 -2 b .+64";
    assert_eq!(jump("d503201f 0 -2 nop\n", out), [""; 0]);
    assert_eq!(jump(mends, out), ["callee at 1 for frame-pointer"]);
    assert_eq!(
        jump(mends, "b4000200 0 -2 cbz x0, .+64\n 00000000 0 -2 udf"),
        ["callee at 1 for frame-pointer"]
    );
    let link = "aa1e03e3 0 -2 mov x3, x30\n";
    assert_eq!(jump(link, "d65f0060 0 -2 ret x3"), [""; 0]);
    let lost = "aa1e03e3 0 -2 mov x3, x30\n aa1f03fe 0 -2 mov x30, xzr\n";
    assert_eq!(jump(lost, "d65f0060 0 -2 ret x3"), ["saved-lr at 2 for profiler"]);
}

/// `qemu-aarch64` runs a RET whose LR is its own address for ever.
#[test]
fn a_return_to_itself_is_told() {
    let judged = judge(&Subject::read("94000000 0 -2 bl\n d65f03c0 0 -2 ret"));
    assert!(judged.hangs.contains(&1) && judged.misleads(Observer::Everybody), "{judged:?}");
    let judged = judge(&Subject::read("94000000 0 -2 bl\n d503201f 0 -2 nop\n d65f03c0 0 -2 ret"));
    assert!(judged.hangs.is_empty() && judged.misleads(Observer::Everybody), "{judged:?}");
}
