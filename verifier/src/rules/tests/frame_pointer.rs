//! Rule `frame-pointer`.

use super::{Case, check_rules};
use unwind::FuncFlags;

/// golang/go#63830: until it was fixed leaves moved SP before R29. In between R29
/// points at a pair below SP, which an injected call overwrites.
#[test]
fn a_leaf_that_moves_sp_before_r29_is_refuted() {
    let listing = |first: &str, second: &str| {
        format!(
            "f81e0ffe 0 -1 str x30, [sp, #-32]!
             f81f83fd 32 -1 stur x29, [sp, #-8]
             d10023fd 32 -1 sub x29, sp, #8
             d503201f 32 -1 nop
             {first}
             {second}
             d65f03c0 0 -1 ret"
        )
    };
    check_rules(
        &listing("910083ff 32 -1 add sp, sp, #32", "d10023fd 0 -1 sub x29, sp, #8"),
        &["5: frame-pointer: frame-pointer"],
    );
    // As go1.22 has it.
    check_rules(&listing("910063fd 32 -1 add x29, sp, #24", "910083ff 32 -1 add sp, sp, #32"), &[]);
    // By eight too little.
    check_rules(
        &listing("910043fd 32 -1 add x29, sp, #16", "910083ff 32 -1 add sp, sp, #32"),
        &[
            "5: frame-pointer: frame-pointer",
            "6: frame-pointer: frame-pointer",
            "6: callee: frame-pointer, unpreempted: frame-pointer",
        ],
    );
}

/// `ADD $n-8, RSP, R29` of a large leaf takes two instructions, to go1.27.3.
#[test]
fn r29_computed_in_two_steps_is_refuted_between_them() {
    check_rules(
        "d10143f4 0 -1 sub x20, sp, #80
         d1408294 0 -1 sub x20, x20, #32, lsl #12
         a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
         9100029f 0 -2 mov sp, x20
         d10023fd 131152 -1 sub x29, sp, #8
         d503201f 131152 -1 nop
         910123fd 131152 -1 add x29, sp, #72
         914083bd 131152 -1 add x29, x29, #32, lsl #12
         910143f4 131152 -1 add x20, sp, #80
         9140829f 131152 -1 add sp, x20, #32, lsl #12
         d65f03c0 0 -1 ret",
        &["7: frame-pointer: frame-pointer"],
    );
}

/// DUFFZERO: a pair below SP for a callee without a frame (`obj7.go`). It serves the
/// call, but an injected call would overwrite it.
#[test]
fn a_pair_made_for_a_call_serves_at_that_call_alone() {
    let listing = |class: &str| {
        format!(
            "f81e0ffe 0 -1 str x30, [sp, #-32]!
             f81f83fd 32 -1 stur x29, [sp, #-8]
             d10023fd 32 -1 sub x29, sp, #8
             1000009b 32 -2 adr x27, .+16
             a93eeffd 32 -2 stp x29, x27, [sp, #-24]
             d10063fd 32 -2 sub x29, sp, #24
             940003e8 32 {class} bl .+4000
             d10023fd 32 {class} sub x29, sp, #8
             f85f83fd 32 -1 ldur x29, [sp, #-8]
             f84207fe 32 -1 ldr x30, [sp], #32
             d65f03c0 0 -1 ret"
        )
    };
    check_rules(&listing("-2"), &[]);
    check_rules(
        &listing("-1"),
        &[
            "6: frame-pointer: frame-pointer, unpreempted: frame-pointer",
            "7: frame-pointer: frame-pointer",
        ],
    );
    // With another address than that behind the call.
    let wrong =
        listing("-2").replacen("1000009b 32 -2 adr x27, .+16", "1000007b 32 -2 adr x27, .+12", 1);
    check_rules(&wrong, &["6: frame-pointer: frame-pointer, unpreempted: frame-pointer"]);
}

#[test]
fn in_assembly_r29_matters_at_calls_and_at_the_return_alone() {
    let flags = FuncFlags::ASM;
    let case = "d28000fd 0 -1 movz x29, #7
         f94003a0 0 -1 ldr x0, [x29]
         d65f03c0 0 -1 ret";
    let lost = "2: callee: frame-pointer, unpreempted: frame-pointer";
    Case { flags, ..Case::new(case) }.check_rules(&[lost]);
    let [first, second] = [1, 2].map(|at| format!("{at}: frame-pointer: frame-pointer"));
    check_rules(case, &[&first, &second, lost]);
    // Nobody calls where a trap follows.
    let ends = case.replace("d65f03c0 0 -1 ret", "00000000 0 -1 udf #0");
    Case { flags, ..Case::new(&ends) }.check_rules(&[]);
    let case = "f81e0ffe 0 -1 str x30, [sp, #-32]!
         d28000fd 32 -1 movz x29, #7
         d63f0020 32 -1 blr x1
         f84207fe 32 -1 ldr x30, [sp], #32
         d65f03c0 0 -1 ret";
    Case { flags, ..Case::new(case) }.check_rules(&[
        "2: frame-pointer: frame-pointer, unpreempted: frame-pointer",
        "4: callee: frame-pointer, unpreempted: frame-pointer",
    ]);
}

/// `rt0_go` and `mstart` of go1.27 call with R29 at 0, where a walk ends.
#[test]
fn the_last_function_of_a_stack_ends_the_chain() {
    let listing = "aa1f03fd 0 -1 mov x29, xzr
         b4000020 0 -1 cbz x0, .+4
         940003e8 0 -1 bl .+4000
         00000000 0 -1 udf #0";
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::TOP_FRAME.0);
    Case { flags, ..Case::new(listing) }.check_rules(&[]);
    Case { flags: FuncFlags::ASM, ..Case::new(listing) }
        .check_rules(&["2: frame-pointer: frame-pointer, unpreempted: frame-pointer"]);
}

#[test]
fn r29_loaded_from_elsewhere_is_refuted() {
    // It is the return address.
    check_rules(
        "f81e0ffe 0 -1 str x30, [sp, #-32]!
         f94003fd 32 -1 ldr x29, [sp]
         00000000 32 -1 udf #0",
        &["2: frame-pointer: frame-pointer"],
    );
    // What is loaded through another register is the caller's R29 only if that was stored
    // there.
    let load = "d503201f 0 -1 nop
         f940003d 0 -1 ldr x29, [x1]
         00000000 0 -1 udf #0";
    check_rules(load, &["2: frame-pointer: frame-pointer"]);
    let stored = load.replace("d503201f 0 -1 nop", "f900003d 0 -1 str x29, [x1]");
    check_rules(&stored, &["2: UntrackedFramePointer"]);
}
