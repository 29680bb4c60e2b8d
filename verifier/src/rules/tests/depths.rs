//! Blocks that are reached with SP at several depths, values that go on from one block to
//! another, and what ends an analysis.

use super::{Case, SignalStack, check, check_finds, check_rules};
use crate::Callee;
use unwind::FuncFlags;

fn assembly(listing: &str) -> Case<'_> {
    Case { flags: FuncFlags::ASM, ..Case::new(listing) }
}

/// Both paths go on behind where they meet, each with its own depth.
#[test]
fn each_depth_is_judged_behind_where_paths_meet() {
    let listing = "b4000040 0 -1 cbz x0, .+8
         d10043ff 0 -1 sub sp, sp, #16
         d503201f 16 -1 nop
         910043ff 16 -1 add sp, sp, #16
         d65f03c0 0 -1 ret";
    check(
        listing,
        &[
            "refuted",
            "2: declared 16, actual 0: async-preemption profiler",
            "3: declared 16, actual 0: async-preemption profiler",
            "4: declared 0, actual -16: async-preemption profiler",
        ],
    );
    let lines = super::other_rules(&Case::new(listing).report());
    let callee = "4: callee: everybody, unpreempted: everybody".to_owned();
    assert!(lines.contains(&callee), "{lines:?}");
    // The rows of the other path.
    let other = listing.replace(" 16 -1", " 0 -1");
    check(
        &other,
        &[
            "refuted",
            "2: declared 0, actual 16: async-preemption profiler",
            "3: declared 0, actual 16: async-preemption profiler",
            "4: declared 0, actual -16: async-preemption profiler",
        ],
    );
}

/// Branches to one place from one depth after the other, and what is fallen through with.
#[test]
fn paths_may_meet_with_four_depths_and_not_with_five() {
    let meeting = |depths: u32| {
        let mut listing = String::new();
        for number in 0..depths - 1 {
            let (depth, distance) = (number * 16, 2 * (depths - 1 - number));
            let cbz = 0xb400_0000 | distance << 5;
            listing += &format!("{cbz:08x} {depth} -1 cbz x0, the end\n");
            listing += &format!("d10043ff {depth} -1 sub sp, sp, #16\n");
        }
        listing + &format!("00000000 {} -1 udf #0", (depths - 1) * 16)
    };
    check(&meeting(1), &["proved"]);
    for depths in 2..=4 {
        let (at, declared) = (2 * (depths - 1), (depths - 1) * 16);
        let line = format!("{at}: declared {declared}, actual 0: async-preemption profiler");
        check(&meeting(depths), &["refuted", &line]);
    }
    check_finds(
        &meeting(5),
        &["8: declared 64, actual 0: async-preemption profiler", "8: TooManyStates"],
    );
}

/// A word that is saved on both paths is saved behind them; one that only one has is not.
#[test]
fn what_one_path_has_not_saved_is_not_saved() {
    let saved = |store: &str| {
        format!(
            "f81e0ffe 0 -1 str x30, [sp, #-32]!
             b4000040 32 -1 cbz x0, .+8
             {store}
             f84207fe 32 -1 ldr x30, [sp], #32
             d65f03c0 0 -1 ret"
        )
    };
    check_rules(&saved("f90003fe 32 -1 str x30, [sp]"), &[]);
    let lost = "saved-lr: async-preemption profiler, unpreempted: profiler";
    check_rules(
        &saved("f90003e0 32 -1 str x0, [sp]"),
        &[
            &format!("3: {lost}"),
            &format!("4: {lost}"),
            "4: callee: everybody, unpreempted: everybody",
        ],
    );
}

/// `asm7.go` and `obj7.go` keep nothing in other registers across branches; who writes
/// assembly may.
#[test]
fn in_assembly_all_registers_go_on_into_other_blocks() {
    let lr = "aa1e03f4 0 -2 mov x20, x30
         b4000020 0 -2 cbz x0, .+4
         aa1403fe 0 -2 mov x30, x20
         d65f03c0 0 -2 ret";
    assembly(lr).check_rules(&[]);
    check_rules(lr, &["3: UntrackedReturnAddress", "3: UntrackedCallee"]);
    let sp = "910003f4 0 -1 mov x20, sp
         d10083ff 0 -1 sub sp, sp, #32
         b4000020 32 -1 cbz x0, .+4
         9100029f 32 -1 mov sp, x20
         d65f03c0 0 -1 ret";
    assembly(sp).check(&["proved"]);
    check(sp, &["undecided", "3: UntrackedStackPointer"]);
    // The two paths have not the same there.
    // On one of two paths another instruction.
    let parted = |line: &str| {
        format!(
            "910003f4 0 -1 mov x20, sp
             d10083ff 0 -1 sub sp, sp, #32
             b4000040 32 -1 cbz x0, .+8
             {line}
             9100029f 32 -1 mov sp, x20
             d65f03c0 0 -1 ret"
        )
    };
    assembly(&parted("d503201f 32 -1 nop")).check(&["proved"]);
    assembly(&parted("910083f4 32 -1 add x20, sp, #32")).check(&["proved"]);
    let undecided = ["undecided", "4: UntrackedStackPointer"];
    assembly(&parted("aa0103f4 32 -1 mov x20, x1")).check(&undecided);
    assembly(&parted("910043f4 32 -1 add x20, sp, #16")).check(&undecided);
}

/// A frame may be larger on one path, if SP is kept in a register: the rows are wrong for it.
#[test]
fn in_assembly_sp_comes_back_from_a_register_at_each_depth() {
    let listing = "910003f4 0 -1 mov x20, sp
         b4000040 0 -1 cbz x0, .+8
         d10043ff 0 -1 sub sp, sp, #16
         9100029f 16 -1 mov sp, x20
         d65f03c0 0 -1 ret";
    assembly(listing).check(&["refuted", "3: declared 16, actual 0: async-preemption profiler"]);
    assembly(listing).check_rules(&["3: saved-lr: profiler, unpreempted: profiler"]);
}

#[test]
fn a_breakpoint_is_undecided() {
    check("d4200000 0 -1 brk #0", &["undecided", "0: Breakpoint"]);
    check("d43e0000 0 -1 brk #0xf000\nd503201f 0 -1 nop", &["undecided", "0: Breakpoint"]);
    check("d65f03c0 0 -1 ret\nd4200000 0 -1 brk #0", &["proved"]);
}

/// Precise unwinding throws at a function that is marked so (`runtime/traceback.go`, `next`).
#[test]
fn in_a_marked_function_a_call_is_undecided() {
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::SP_WRITE.0);
    let listing = "f81f0ffe 0 -1 str x30, [sp, #-16]!
         940003e8 16 -1 bl .+4000
         f84107fe 16 -1 ldr x30, [sp], #16
         d65f03c0 0 -1 ret";
    let case = Case { flags, ..Case::new(listing) };
    let call = "1: SpWriteCall";
    let lines = super::rendered(&case.report());
    assert!(lines.iter().any(|line| line == call), "{lines:?}");
    // A leaf is never unwound but by a profiler.
    let leaf = super::rendered(&Case { callee: Callee::Leaf, ..case }.report());
    assert!(!leaf.iter().any(|line| line == call), "{leaf:?}");
    // Unwinders read the rows of some functions that are marked, and of those that are not.
    Case { ignores_mark: true, ..case }.check(&["proved"]);
    assembly(listing).check(&["proved"]);
}

/// Unwinders read the rows of a marked function that they know.
#[test]
fn the_rows_of_a_function_whose_mark_is_ignored_are_judged() {
    let flags = FuncFlags(FuncFlags::ASM.0 | FuncFlags::SP_WRITE.0);
    let listing = "d10043ff 0 -1 sub sp, sp, #16
         910043ff 0 -2 add sp, sp, #16
         d65f03c0 0 -1 ret";
    let case = Case { flags, ..Case::new(listing) };
    case.check(&["proved", "1: marked as a write of SP"]);
    Case { ignores_mark: true, ..case }.check(&["refuted", "1: declared 0, actual 16: profiler"]);
}

/// What is stored below SP in front of the frame may be lost before another block.
#[test]
fn words_below_sp_do_not_go_on_into_other_blocks() {
    let saved = |between: &str| {
        format!(
            "f81e03fe 0 -2 stur x30, [sp, #-32]
             {between}
             d10083ff 0 -2 sub sp, sp, #32
             00000000 32 -1 udf #0"
        )
    };
    let (straight, branch) = (saved("d503201f 0 -2 nop"), saved("b4000020 0 -2 cbz x0, .+4"));
    check_rules(&straight, &[]);
    check_rules(&branch, &["3: UntrackedReturnAddress"]);
    // Assembly is not preempted, and a handler has a stack of its own but on ios.
    assembly(&branch).check_rules(&[]);
    let signals = SignalStack::Goroutine;
    Case { signals, ..assembly(&branch) }.check_rules(&["3: UntrackedReturnAddress"]);
    // A callee overwrites it.
    let called = saved("940003e8 0 -2 bl .+4000");
    let lost = "saved-lr: async-preemption profiler, unpreempted: profiler";
    let lines = super::other_rules(&Case::new(&called).report());
    assert!(lines.contains(&format!("3: {lost}")), "{lines:?}");
}

/// A callee leaves the word under SP alone, where Go keeps R29, and none below it.
#[test]
fn a_callee_keeps_the_word_below_sp_alone() {
    let kept = |offset: i32| {
        let field = offset.cast_unsigned() << 12 & 0x001f_f000;
        let (store, load) = (0xf800_03fd_u32 | field, 0xf840_03fd | field);
        format!(
            "f81e0ffe 0 -1 str x30, [sp, #-32]!
             {store:08x} 32 -2 stur x29, [sp, #{offset}]
             d63f0020 32 -2 blr x1
             {load:08x} 32 -2 ldur x29, [sp, #{offset}]
             f84207fe 32 -1 ldr x30, [sp], #32
             d65f03c0 0 -1 ret"
        )
    };
    check_rules(&kept(-8), &[]);
    check_rules(&kept(8), &[]);
    let lines = super::other_rules(&Case::new(&kept(-16)).report());
    let lost = "5: callee: frame-pointer, unpreempted: frame-pointer".to_owned();
    assert!(lines.contains(&lost), "{lines:?}");
}
