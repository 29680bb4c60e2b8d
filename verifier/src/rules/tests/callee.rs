//! Rule `callee`: what a function leaves its caller.

use super::{Case, check_rules};
use crate::{Callee, Rule};
use unwind::FuncFlags;

const EVERYBODY: &str = "callee: everybody, unpreempted: everybody";
const WALKER: &str = "callee: frame-pointer, unpreempted: frame-pointer";
/// Where the caller's saved return address is lost: all who unwind through the caller are misled.
const UNWINDERS: &str =
    "callee: everybody async-preemption frame-pointer profiler, unpreempted: everybody profiler";
/// Where both of the caller's words are lost.
const BOTH: &str = "callee: everybody async-preemption frame-pointer profiler, unpreempted: everybody frame-pointer profiler";
/// The same at an unsafe point.
const SAMPLED: &str = "callee: everybody profiler, unpreempted: everybody profiler";
const SIGNALS: &str = "callee: async-preemption profiler, unpreempted: async-preemption profiler";

/// What is found at some boundaries.
fn at(found: &[(u32, &str)]) -> Vec<String> {
    found.iter().map(|(at, what)| format!("{at}: {what}")).collect()
}

/// What a case says of rule `callee`, and what is undecided.
#[track_caller]
fn check_callee(case: Case<'_>, expected: &[(u32, &str)]) {
    let lines = super::other_rules(&case.report());
    let is_other = |line: &String| {
        Rule::ALL.iter().any(|&rule| rule != Rule::Callee && line.contains(&format!(": {rule}:")))
    };
    let found: Vec<_> = lines.into_iter().filter(|line| !is_other(line)).collect();
    assert_eq!(found, at(expected), "{}", case.listing);
}

fn assembly(listing: &str) -> Case<'_> {
    Case { flags: FuncFlags::ASM, ..Case::new(listing) }
}

/// A frame of 32 bytes, with these lines in it: the caller's R29 is at SP + 24, its return
/// address at SP + 32.
fn in_frame(lines: &str) -> String {
    format!(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f81f83fd 32 -1 stur x29, [sp, #-8]
         d10023fd 32 -1 sub x29, sp, #8
         {lines}
         f85f83fd 32 -1 ldur x29, [sp, #-8]
         f84207fe 32 -1 ldr x30, [sp], #32
         d65f03c0 0 -1 ret"
    )
}

#[test]
fn sp_is_the_cfa_at_the_return() {
    let moved = |by: &str, depth: i64| format!("{by}\nd65f03c0 {depth} -2 ret\n");
    check_callee(Case::new(&moved("d503201f 0 -1 nop", 0)), &[]);
    check_callee(Case::new(&moved("d10043ff 0 -1 sub sp, sp, #16", 16)), &[(1, EVERYBODY)]);
    check_callee(Case::new(&moved("910043ff 0 -1 add sp, sp, #16", -16)), &[(1, EVERYBODY)]);
    check_callee(
        Case::new(
            "d10043ff 0 -1 sub sp, sp, #16\n910043ff 16 -1 add sp, sp, #16\nd65f03c0 0 -1 ret",
        ),
        &[],
    );
}

#[test]
fn lr_is_the_return_address_at_the_return() {
    let changed = |line: &str| format!("{line}\nd65f03c0 0 -2 ret\n");
    check_callee(Case::new(&changed("aa0003fe 0 -1 mov x30, x0")), &[(1, EVERYBODY)]);
    check_callee(Case::new(&changed("aa1e03e0 0 -1 mov x0, x30")), &[]);
    // On one of two paths.
    check_callee(
        Case::new("b4000040 0 -1 cbz x0, .+8\naa0003fe 0 -1 mov x30, x0\nd65f03c0 0 -2 ret"),
        &[(2, EVERYBODY)],
    );
    // What may have changed it.
    let select = changed("9a8003de 0 -1 csel x30, x30, x0, eq");
    check_callee(Case::new(&select), &[(1, "UntrackedReturnAddress"), (1, "UntrackedCallee")]);
}

#[test]
fn a_ret_that_jumps_to_itself_is_told_from_others() {
    for (adr, is_itself) in
        [("1000003e 0 -2 adr x30, .+4", true), ("1000005e 0 -2 adr x30, .+8", false)]
    {
        let listing = format!("{adr}\nd65f03c0 0 -2 ret\nd65f03c0 0 -2 ret\n");
        let report = Case::new(&listing).report();
        let callee = report.violations.iter().filter(|found| found.rule == Rule::Callee);
        let found: Vec<_> = callee.map(|found| (found.at.0, found.returns_to_itself)).collect();
        assert_eq!(found, [(1, is_itself)], "{listing}");
    }
}

#[test]
fn r29_is_the_caller_s_or_points_at_its_pair() {
    let changed = |line: &str| format!("{line}\nd65f03c0 0 -2 ret\n");
    check_callee(Case::new(&changed("d10023fd 0 -1 sub x29, sp, #8")), &[]);
    check_callee(Case::new(&changed("d10043fd 0 -1 sub x29, sp, #16")), &[(1, WALKER)]);
    check_callee(Case::new(&changed("aa0003fd 0 -1 mov x29, x0")), &[(1, WALKER)]);
    let select = changed("9a8003bd 0 -1 csel x29, x29, x0, eq");
    check_callee(Case::new(&select), &[(1, "UntrackedFramePointer")]);
}

/// Stores of each size, with the first byte and the last in the caller's words or next to
/// them.
#[test]
fn the_caller_s_words_are_as_they_were() {
    check_rules(&in_frame("d503201f 32 -1 nop"), &[]);
    for line in [
        "f9000be0 32 -1 str x0, [sp, #16]",
        "39005fe0 32 -1 strb w0, [sp, #23]",
        "b90017e0 32 -1 str w0, [sp, #20]",
        "a90087e0 32 -1 stp x0, x1, [sp, #8]",
        "f90017e0 32 -1 str x0, [sp, #40]",
        "3900a3e0 32 -1 strb w0, [sp, #40]",
        "3d800fe0 32 -1 str q0, [sp, #48]",
    ] {
        check_rules(&in_frame(line), &[]);
    }
    for line in [
        "f9000fe0 32 -1 str x0, [sp, #24]",
        "390063e0 32 -1 strb w0, [sp, #24]",
        "39007fe0 32 -1 strb w0, [sp, #31]",
        "79003fe0 32 -1 strh w0, [sp, #30]",
        "b9001fe0 32 -1 str w0, [sp, #28]",
        "fd000fe0 32 -1 str d0, [sp, #24]",
        "3c8093e0 32 -1 stur q0, [sp, #9]",
        "3d8007e0 32 -1 str q0, [sp, #16]",
        "a90107e0 32 -1 stp x0, x1, [sp, #16]",
        "290287e0 32 -1 stp w0, w1, [sp, #20]",
    ] {
        check_rules(&in_frame(line), &[&format!("3: {WALKER}")]);
    }
    for line in [
        "f90013e0 32 -1 str x0, [sp, #32]",
        "390083e0 32 -1 strb w0, [sp, #32]",
        "39009fe0 32 -1 strb w0, [sp, #39]",
        "b90027e0 32 -1 str w0, [sp, #36]",
        "3d800be0 32 -1 str q0, [sp, #32]",
        "290487e0 32 -1 stp w0, w1, [sp, #36]",
    ] {
        check_rules(&in_frame(line), &[&format!("3: {UNWINDERS}")]);
    }
    for line in [
        "a90187e0 32 -1 stp x0, x1, [sp, #24]",
        "3c8183e0 32 -1 stur q0, [sp, #24]",
        "ad0087e0 32 -1 stp q0, q1, [sp, #16]",
        "290387e0 32 -1 stp w0, w1, [sp, #28]",
    ] {
        check_rules(&in_frame(line), &[&format!("3: {BOTH}")]);
    }
}

#[test]
fn the_caller_s_words_may_be_put_back() {
    let load = "f9400fe1 32 -1 ldr x1, [sp, #24]\nf9000fe0 32 -1 str x0, [sp, #24]";
    let back = |class| format!("{load}\nf9000fe1 32 {class} str x1, [sp, #24]");
    // In between the caller's frame is gone for whoever walks from there: it has to be at a
    // boundary where nobody does.
    check_rules(&in_frame(&back(-1)), &["4: callee: frame-pointer"]);
    check_rules(&in_frame(&back(-2)), &[]);
    let elsewhere = format!("{load}\nf9000be1 32 -1 str x1, [sp, #16]");
    check_rules(&in_frame(&elsewhere), &[&format!("4: {WALKER}")]);
}

/// Where the function is left without a frame, those words are below SP and at it.
#[test]
fn a_leaf_leaves_the_caller_s_words_alone() {
    let stores = |line: &str| format!("{line}\nd65f03c0 0 -1 ret\n");
    check_rules(&stores("f90007e0 0 -1 str x0, [sp, #8]"), &[]);
    check_rules(&stores("f81f03e0 0 -1 stur x0, [sp, #-16]"), &[]);
    check_rules(&stores("f90003e0 0 -1 str x0, [sp]"), &[&format!("0: {UNWINDERS}")]);
    check_rules(&stores("f81f83e0 0 -1 stur x0, [sp, #-8]"), &[&format!("0: {WALKER}")]);
    check_rules(&stores("a93f87e0 0 -1 stp x0, x1, [sp, #-8]"), &[&format!("0: {BOTH}")]);
}

#[test]
fn stores_by_an_index_and_of_vectors_without_a_size_are_seen() {
    // An index that is known.
    let known = |place: u32| {
        let movz = 0xd280_0001_u32 | place << 5;
        in_frame(&format!("{movz:08x} 32 -1 movz x1\nf8216be0 32 -1 str x0, [sp, x1]"))
    };
    check_rules(&known(16), &[]);
    check_rules(&known(24), &[&format!("4: {WALKER}")]);
    check_rules(&known(32), &[&format!("4: {UNWINDERS}")]);
    check_rules(&known(40), &[]);
    // One that is not: compiled code stays in an object of its own.
    let unknown = in_frame("f8216be0 32 -1 str x0, [sp, x1]");
    check_rules(&unknown, &[]);
    // In assembly it may be any word; so may a store of a vector of which the machine knows the
    // size.
    let perhaps =
        [(0, "UntrackedReturnAddress"), (0, "UntrackedFramePointer"), (0, "UntrackedCallee")];
    for store in [
        "f8216be0 0 -1 str x0, [sp, x1]",
        "e58043e0 0 -1 str z0, [sp]",
        "e5e0e3e0 0 -1 st1d {z0.d}, p0, [sp]",
    ] {
        check_callee(assembly(&format!("{store}\nd65f03c0 0 -1 ret")), &perhaps);
    }
    for store in [
        "e58043e0 0 -1 str z0, [sp]",
        "e58047e0 0 -1 str z0, [sp, #1, mul vl]",
        "e5e0e3e0 0 -1 st1d {z0.d}, p0, [sp]",
    ] {
        check_callee(Case::new(&format!("{store}\nd65f03c0 0 -1 ret")), &perhaps);
    }
}

/// R29 is 8 bytes below SP.
#[test]
fn stores_through_r29_are_seen() {
    check_rules(&in_frame("f9000fa0 32 -1 str x0, [x29, #24]"), &[]);
    check_rules(&in_frame("f90013a0 32 -1 str x0, [x29, #32]"), &[&format!("3: {WALKER}")]);
    check_rules(&in_frame("f90017a0 32 -1 str x0, [x29, #40]"), &[&format!("3: {UNWINDERS}")]);
    // Outside of the frame it is the caller's, which points at the word below the CFA.
    let leaf = "f90003a0 0 -1 str x0, [x29]\nd65f03c0 0 -1 ret";
    check_rules(leaf, &["0: UntrackedFramePointer"]);
}

/// In assembly a store through any register that holds a place of the stack is one there.
#[test]
fn assembly_may_store_through_a_copy_of_sp() {
    let listing = in_frame("910063e1 32 -1 add x1, sp, #24\nf9000020 32 -1 str x0, [x1]");
    check_callee(assembly(&listing), &[(4, WALKER)]);
    let listing = in_frame("910063e1 32 -1 add x1, sp, #24\n0c007020 32 -1 st1 {v0.8b}, [x1]");
    check_callee(assembly(&listing), &[(4, WALKER)]);
    let listing = in_frame("910043e1 32 -1 add x1, sp, #16\nf9000020 32 -1 str x0, [x1]");
    check_callee(assembly(&listing), &[]);
}

#[test]
fn r28_is_g_at_each_boundary() {
    let moves = "aa1c03e3 0 -1 mov x3, x28
         aa0003fc 0 -1 mov x28, x0
         d503201f 0 -2 nop
         aa0303fc 0 -1 mov x28, x3
         d65f03c0 0 -1 ret";
    // Compiled code or assembly, preempted or not: a signal comes where it wants.
    for flags in [FuncFlags(0), FuncFlags::ASM] {
        let case = Case { flags, ..Case::new(moves) };
        check_callee(case, &[(2, SIGNALS), (3, SIGNALS)]);
        check_callee(Case { is_runtime: true, ..case }, &[]);
    }
    let loads = "f940001c 0 -1 ldr x28, [x0]\nd65f03c0 0 -1 ret";
    check_callee(Case::new(loads), &[(1, SIGNALS)]);
    check_callee(Case { is_runtime: true, ..assembly(loads) }, &[]);
    // From where it was stored it may come back.
    let stored = "f900001c 0 -1 str x28, [x0]\nf940001c 0 -1 ldr x28, [x0]\nd65f03c0 0 -1 ret";
    check_callee(Case::new(stored), &[(2, "UntrackedCallee")]);
    // What may have changed it.
    let select = "9a80039c 0 -1 csel x28, x28, x0, eq\nd65f03c0 0 -1 ret";
    check_callee(Case::new(select), &[(1, "UntrackedCallee")]);
}

#[test]
fn a_function_that_jumps_to_another_leaves_the_same_to_it() {
    for jump in [
        "140003e8 0 -2 b .+4000",
        "d61f0020 0 -2 br x1",
        "b4007d00 0 -2 cbz x0, .+4000\n00000000 0 -2 udf #0",
    ] {
        let behind = |line: &str| format!("{line}\n{jump}\n");
        check_callee(Case::new(&behind("d503201f 0 -1 nop")), &[]);
        check_callee(Case::new(&behind("aa0003fd 0 -1 mov x29, x0")), &[(1, WALKER)]);
        check_callee(Case::new(&behind("f81f83e0 0 -1 stur x0, [sp, #-8]")), &[(0, WALKER)]);
        check_callee(Case::new(&behind("f90003e0 0 -1 str x0, [sp]")), &[(0, SAMPLED)]);
        // The other one may return by another register.
        let moved = behind("aa0003fe 0 -1 mov x30, x0");
        check_callee(Case::new(&moved), &[(1, "UntrackedCallee")]);
    }
}

/// What never returns has no use for what its caller left there.
#[test]
fn a_jump_to_what_never_returns_leaves_nothing() {
    let listing = "aa0003fd 0 -1 mov x29, x0\naa0003fe 0 -1 mov x30, x0\n140003e8 0 -1 b .+4000";
    check_callee(assembly(listing), &[(2, WALKER), (2, "UntrackedCallee")]);
    check_callee(Case { callee: Callee::NoReturn, ..assembly(listing) }, &[]);
}

/// The last function of a stack has no caller, but a goroutine.
#[test]
fn the_last_function_of_a_stack_owes_nothing() {
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::TOP_FRAME.0);
    for listing in [
        "d10043ff 0 -1 sub sp, sp, #16\nd65f03c0 16 -1 ret",
        "aa0003fe 0 -1 mov x30, x0\nd65f03c0 0 -1 ret",
        "aa0003fd 0 -1 mov x29, x0\nd65f03c0 0 -1 ret",
        "f90003e0 0 -1 str x0, [sp]\nd65f03c0 0 -1 ret",
        "f81f83e0 0 -1 stur x0, [sp, #-8]\nd65f03c0 0 -1 ret",
    ] {
        check_callee(Case { flags, ..Case::new(listing) }, &[]);
        let other = super::other_rules(&assembly(listing).report());
        assert!(other.iter().any(|line| line.contains("callee")), "{listing}: {other:?}");
    }
    let listing = "aa0003fc 0 -1 mov x28, x0\nd65f03c0 0 -1 ret";
    check_callee(Case { flags, ..Case::new(listing) }, &[(1, SIGNALS)]);
}

/// What is loaded is the caller's only if that was stored, or went to where it is not
/// followed.
#[test]
fn what_is_loaded_is_the_caller_s_if_that_escaped() {
    let load = "f940001e 0 -2 ldr x30, [x0]\nd65f03c0 0 -2 ret";
    let unknown = |at| [(at, "UntrackedReturnAddress"), (at, "UntrackedCallee")];
    check_callee(Case::new(load), &[(1, EVERYBODY)]);
    check_callee(Case { is_runtime: true, ..Case::new(load) }, &unknown(1));
    for first in [
        // Stored: alone, as the second of a pair, by an index, into the caller's frame.
        "f900001e 0 -2 str x30, [x0]",
        "a9007801 0 -2 stp x1, x30, [x0]",
        "f821681e 0 -2 str x30, [x0, x1]",
        "f9000bfe 0 -2 str x30, [sp, #16]",
        // Moved to a vector; swapped with memory; copied, and passed to a callee.
        "9e6703c0 0 -2 fmov d0, x30",
        "f83e8001 0 -2 swp x30, x1, [x0]",
    ] {
        check_callee(Case::new(&format!("{first}\n{load}")), &unknown(2));
    }
    let called = "aa1e03e3 0 -2 mov x3, x30\nd63f0020 0 -2 blr x1\n";
    check_callee(Case::new(&format!("{called}{load}")), &unknown(3));
    let called = "aa0403e3 0 -2 mov x3, x4\nd63f0020 0 -2 blr x1\n";
    check_callee(Case::new(&format!("{called}{load}")), &[(3, EVERYBODY)]);
    // What is stored in the frame is followed there.
    let kept = in_frame("f9000bfe 32 -1 str x30, [sp, #16]");
    check_callee(Case::new(&format!("{kept}\n{load}")), &[]);
    // Another register's value.
    for first in ["f9000013 0 -2 str x19, [x0]", "9e670020 0 -2 fmov d0, x1"] {
        check_callee(Case::new(&format!("{first}\n{load}")), &[(2, EVERYBODY)]);
    }
    // On one of two paths.
    let one = "b4000040 0 -2 cbz x0, .+8\nf900001e 0 -2 str x30, [x0]\n";
    check_callee(Case::new(&format!("{one}{load}")), &unknown(3));
}
