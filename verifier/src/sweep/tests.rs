//! What a sweep proves and what it leaves to the analysis. Every shape is there with what it is
//! not, one change away from it. Words as in [`crate::rules::tests`].

mod blocks;
mod kinds;
mod large;
mod words;

use super::Sweep;
use crate::rules::tests::Case;
use a64::DecodeCache;
use unwind::{Columns, Index, Rows as _};

const CALL: &str = "94000000 32 -1 bl";
/// ADRP; LDR of a global, as one sequence.
const GLOBAL: [&str; 2] = ["9000001b 32 -4 adrp x27, .", "f9400760 32 -4 ldr x0, [x27, #8]"];
/// The pair for DUFFZERO.
const LINK: [&str; 5] = [
    "1000009b 32 -2 adr x27, .+16",
    "a93eeffd 32 -2 stp x29, x27, [sp, #-24]",
    "d10063fd 32 -2 sub x29, sp, #24",
    "94000000 32 -2 bl",
    "d10023fd 32 -2 sub x29, sp, #8",
];
const POP: [&str; 3] = [
    "a97ffbfd 32 -1 ldp x29, x30, [sp, #-8]",
    "910083ff 32 -1 add sp, sp, #32",
    "d65f03c0 0 -1 ret",
];

/// A function with a frame of 32 bytes, with these lines behind where it is made.
fn framed(body: &[&str]) -> String {
    let tail = 4 + body.len() as u32;
    let check = format!("{:08x} 0 -2 b.ls to morestack", 0x5400_0009 | tail << 5);
    let back = format!("{:08x} 0 -1 b to the entry", 0x1800_0000 - (tail + 4));
    let start = ["f9400b90 0 -1 ldr x16, [x28, #16]", "eb3063ff 0 -2 cmp sp, x16", &check];
    let make = [
        "f81e0ffe 0 -1 str x30, [sp, #-32]!",
        "f81f83fd 32 -1 stur x29, [sp, #-8]",
        "d10023fd 32 -1 sub x29, sp, #8",
    ];
    let end = ["aa1e03e3 0 -2 mov x3, x30", "94000000 0 -2 bl morestack", &back];
    [&start, &make, body, &end].concat().join("\n")
}

/// The same, popped at its end.
fn popped(body: &[&str]) -> String {
    framed(&[body, &POP].concat())
}

#[track_caller]
fn proves(listing: &str) {
    let case = Case::new(listing);
    let report = case.report();
    assert_eq!(case.swept(), Some(report.boundaries), "{listing}");
}

/// A sweep does not prove it, whatever the analysis says.
#[track_caller]
fn leaves(listing: &str) {
    let case = Case::new(listing);
    // It is held against the analysis.
    case.report();
    assert_eq!(case.swept(), None, "{listing}");
}

/// The listing with one part replaced.
#[track_caller]
fn with(listing: &str, part: &str, other: &str) -> String {
    assert!(listing.contains(part), "{listing}");
    listing.replacen(part, other, 1)
}

#[test]
fn a_frame_is_made_and_popped() {
    let function = popped(&[CALL]);
    proves(&function);
    proves(&with(&function, "d65f03c0 0 -1 ret", "d65f03c0 0 -1 ret\n00000000 0 -1 udf"));
    // The depth, the order, what is saved, where it is saved.
    leaves(&with(&function, "910083ff", "9100c3ff"));
    leaves(&with(&function, "f81e0ffe", "f81d0ffe"));
    leaves(&with(&function, "f81f83fd", "f81f83fc"));
    leaves(&with(&function, "f81f83fd", "f81f03fd"));
    leaves(&with(&function, "d10023fd 32", "d10043fd 32"));
    leaves(&with(&function, "a97ffbfd", "a97feffd"));
    leaves(&with(&function, "d65f03c0 0", "d65f03c0 32"));
    leaves(&with(&function, "d65f03c0 0 -1 ret", "d65f0060 0 -1 ret x3"));
    leaves(&with(&function, "aa1e03e3", "aa0003e3"));
}

/// The seed of the fuzz target `checker`: no fuzzer finds its way here without one.
#[test]
fn shapes_follow_one_another() {
    proves(&popped(&[&GLOBAL[..], &LINK, &["b4000040 32 -1 cbz x0, .+8", CALL]].concat()));
}

/// The second is 24 bytes deep, of which frames are not made.
#[test]
fn frames_keep_sp_aligned() {
    let leaf = |size: [&str; 3], depth: &str| {
        let [push, pop, restore] = size;
        let lines = [
            format!("{push} 0 -1 str x30, [sp, #-depth]!"),
            format!("f81f83fd {depth} -1 stur x29, [sp, #-8]"),
            format!("d10023fd {depth} -1 sub x29, sp, #8"),
            format!("{restore} {depth} -1 ldur x29, [sp, #-8]"),
            format!("{pop} {depth} -1 ldr x30, [sp], #depth"),
            "d65f03c0 0 -1 ret".to_owned(),
        ];
        lines.join("\n")
    };
    proves(&leaf(["f81e0ffe", "f84207fe", "f85f83fd"], "32"));
    leaves(&leaf(["f81e8ffe", "f84187fe", "f85f83fd"], "24"));
}

/// Rows that end before the code does are left to the analysis, whichever column it is that ends.
#[test]
fn both_columns_cover_the_code() {
    let proves = |spared: [u32; 2]| {
        Case::new(&popped(&[CALL])).with_function(|function| {
            let (mut whole, mut columns) = (Columns::new(), Columns::new());
            let whole = function.rows.columns(&mut whole);
            let [depths, classes] = spared.map(|spared| function.words.len() as u32 - spared);
            for at in 0..function.words.len() as u32 {
                let (row, end) = (whole.row(Index(at)).expect("a row"), at + 1);
                columns.depths.push(row.depth, Index(end.min(depths)));
                columns.classes.push(row.unsafe_point, Index(end.min(classes)));
            }
            let function = function.with(&columns);
            Sweep::default().prove(&function, &mut DecodeCache::new()).is_some()
        })
    };
    assert!(proves([0, 0]));
    assert!(![[0, 1], [1, 0], [1, 1]].into_iter().any(proves));
}

#[test]
fn nothing_enters_the_middle_of_a_shape() {
    // CBZ to each instruction that is deep: the first that is in no shape is the CBZ itself.
    for to in -6..=4_i32 {
        let branch =
            format!("{:08x} 32 -1 cbz x0", 0xb400_0000 | to.cast_unsigned() << 5 & 0x00ff_ffe0);
        let function = popped(&[&branch, CALL]);
        match to {
            0..=2 => proves(&function),
            _ => leaves(&function),
        }
    }
    // From outside of the frame into it.
    let function = popped(&["d503201f 32 -1 nop", CALL]);
    leaves(&with(&function, "f9400b90 0 -1 ldr x16, [x28, #16]", "b40000c0 0 -1 cbz x0, .+24"));
}

#[test]
fn the_pops_of_older_releases() {
    let load = "f85f83fd 32 -1 ldur x29, [sp, #-8]";
    let function = framed(&[CALL, load, "f84207fe 32 -1 ldr x30, [sp], #32", POP[2]]);
    proves(&function);
    leaves(&with(&function, "f84207fe", "f84307fe"));
    leaves(&with(&function, "f85f83fd", "f85f03fd"));
}

#[test]
fn a_leaf_keeps_lr() {
    let add = "910063fd 32 -1 add x29, sp, #24";
    let function = framed(&["d503201f 32 -1 nop", add, POP[1], POP[2]]);
    proves(&function);
    leaves(&with(&function, "d503201f", "94000000"));
    leaves(&with(&function, "d503201f", "d63f0020"));
    leaves(&with(&function, "d503201f", "aa0003fe"));
    leaves(&with(&function, "910063fd", "910043fd"));
    // A panic that was recovered leaves LR as it is.
    let mut case = Case::new(&function);
    case.recovery = Some(Index(6));
    case.report();
    assert_eq!(case.swept(), None);
    // Of a call that ends in a panic: without one nothing is resumed.
    let popped_again = popped(&["d503201f 32 -1 nop"]);
    case.listing = &popped_again;
    assert_eq!(case.swept(), None);
    let calls = popped(&["94000000 32 -1 bl"]);
    case.listing = &calls;
    assert_eq!(case.swept(), Some(case.report().boundaries));
    // Where LR is loaded again it may be written.
    proves(&popped(&["aa0003fe 32 -1 mov x30, x0"]));
}

#[test]
fn a_pair_is_saved_in_front_of_the_frame_where_nobody_is_preempted() {
    let make = "d10803f4 0 -1 sub x20, sp, #512
        a93ffa9d 0 -1 stp x29, x30, [x20, #-8]
        9100029f 0 -2 mov sp, x20
        d10023fd 512 -1 sub x29, sp, #8
        94000000 512 -1 bl
        a97ffbfd 512 -1 ldp x29, x30, [sp, #-8]
        910803ff 512 -1 add sp, sp, #512
        d65f03c0 0 -1 ret";
    proves(make);
    leaves(&with(make, "9100029f 0 -2", "9100029f 0 -1"));
    leaves(&with(make, "a93ffa9d", "a93f7a9d"));
    leaves(&with(make, "d10803f4", "d10c03f4"));
    // CBZ to the MOV.
    leaves(&with(make, "94000000 512 -1 bl", "b4ffffc0 512 -1 cbz x0, .-8"));
}

#[test]
fn r27_is_kept() {
    let [adrp, load] = GLOBAL;
    proves(&popped(&[adrp, load, CALL]));
    // Two sequences, one behind the other: the second starts again without what the first made.
    leaves(&popped(&[adrp, &with(load, "-4", "-3")]));
    proves(&popped(&[adrp, load, &with(adrp, "-4", "-3"), &with(load, "-4", "-3")]));
    let unsafe_load = with(load, "-4", "-2");
    proves(&popped(&[adrp, &unsafe_load]));
    // Where it is lost; where it was never written, or before a call.
    leaves(&popped(&[adrp, &with(load, "-4", "-1")]));
    leaves(&popped(&[load]));
    leaves(&popped(&[&with(adrp, "-4", "-2"), &with(CALL, "-1", "-2"), &unsafe_load]));
    // CBZ to the load.
    leaves(&popped(&["b4000040 32 -1 cbz x0, .+8", adrp, load]));
    // Read by a branch.
    let branch = "b400005b 32 -2 cbz x27, .+8";
    proves(&popped(&[&with(adrp, "-4", "-2"), branch, CALL]));
    leaves(&popped(&[&with(adrp, "-4", "-1"), &with(branch, "-2", "-1"), CALL]));
}

#[test]
fn a_sequence_starts_again_as_it_started() {
    let [adrp, load] = GLOBAL;
    // ADD X1, X1, #1 is not done twice as it is done once.
    leaves(&popped(&[adrp, load, "91000421 32 -4 add x1, x1, #1", "91000421 32 -4 add"]));
    leaves(&popped(&[adrp, "94000000 32 -4 bl", load]));
    // Stored by R29.
    let store = "f90007a0 32 -4 str x0, [x29, #8]";
    leaves(&popped(&[&[adrp, load, store][..], &["d503201f 32 -1 nop"; 64]].concat()));
    let long = [&[adrp][..], &["d503201f 32 -4 nop"; 6]].concat();
    leaves(&popped(&long));
    proves(&popped(&long[..5]));
}

#[test]
fn a_pair_is_made_for_duffzero() {
    let function = popped(&LINK);
    proves(&function);
    leaves(&with(&function, "94000000 32 -2", "94000000 32 -1"));
    leaves(&with(&function, "d10023fd 32 -2", "d10023fd 32 -1"));
    leaves(&with(&function, "d10023fd 32 -2 sub x29, sp, #8", "d503201f 32 -2 nop"));
    leaves(&with(&function, "1000009b", "100000bb"));
    leaves(&with(&function, "d10063fd", "d10083fd"));
    leaves(&with(&function, "94000000 32 -2 bl", "d503201f 32 -2 nop"));
    // CBZ to the call.
    leaves(&popped(&[&["b4000080 32 -1 cbz x0, .+16"][..], &LINK].concat()));
}

#[test]
fn what_is_stored_by_sp_is_above_the_frame_s_own_words() {
    proves(&popped(&["f90007e0 32 -1 str x0, [sp, #8]"]));
    leaves(&popped(&["f90003e0 32 -1 str x0, [sp]"]));
    leaves(&popped(&["f81f03e0 32 -1 stur x0, [sp, #-16]"]));
    // By R29.
    leaves(&popped(&["f90007a0 32 -1 str x0, [x29, #8]"]));
    leaves(&popped(&["d10043ff 32 -1 sub sp, sp, #16", "910043ff 48 -1 add sp, sp, #16"]));
}

#[test]
fn a_call_does_not_return_to_nops_in_front_of_another_depth() {
    let function = framed(&[CALL, "d503201f 32 -1 nop"]);
    proves(&function);
    leaves(&with(&function, CALL, "d503201f 32 -1 nop"));
    // CBZ to the NOP.
    leaves(&framed(&["b4000040 32 -1 cbz x0, .+8", CALL, "d503201f 32 -1 nop"]));
}

#[test]
fn a_jump_goes_where_its_table_says() {
    let body = [
        "90000002 32 -1 adrp x2, .",
        "91040042 32 -1 add x2, x2, #256",
        "f861785b 32 -1 ldr x27, [x2, x1, lsl #3]",
        "d61f0360 32 -2 br x27",
        CALL,
    ];
    let function = popped(&body);
    // The call and what is behind it, and no address any more.
    let pointers = [(0x1_0100, 0x1_0028), (0x1_0108, 0x1_002c), (0x1_0110, 5)];
    let swept = |listing: &str, pointers: &[(u64, u64)]| {
        let mut case = Case::new(listing);
        case.pointers = pointers;
        let boundaries = case.report().boundaries;
        assert!(case.swept().is_none_or(|swept| swept == boundaries));
        case.swept()
    };
    assert_eq!(swept(&function, &pointers), Some(17));
    // To the second alone: the call is not reached.
    assert_eq!(swept(&function, &pointers[1..]), None);
    assert_eq!(swept(&function, &[(0x1_0100, 0x1_002c)]), Some(16));
    // No entry; one in the middle of a shape, or in the other state.
    assert_eq!(swept(&function, &[]), None);
    assert_eq!(swept(&function, &[(0x1_0100, 0x1_0030)]), None);
    assert_eq!(swept(&function, &[(0x1_0100, 0x1_0000)]), None);
    assert_eq!(swept(&with(&function, "d61f0360 32 -2", "d61f0360 32 -1"), &pointers), None);
    // BRAAZ.
    assert_eq!(swept(&with(&function, "d61f0360", "d61f0b60"), &pointers), None);
}

#[test]
fn what_nothing_leads_to_is_not_counted() {
    // A loop behind the RET, and a literal behind one of a single instruction.
    let dead = ["d503201f 32 -1 nop", "17ffffff 32 -1 b .-4", "14000000 32 -1 b ."];
    let literal = ["d2800000 32 -1 mov x0, #0"];
    let function = framed(&[&[CALL][..], &POP, &dead, &literal].concat());
    assert_eq!(Case::new(&function).report().boundaries, 13);
    proves(&function);
}
