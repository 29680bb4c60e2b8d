//! Functions whose reach is counted by hand, one for each thing that is followed and one
//! for each thing that is not.

mod random;
mod words;

use super::code::{Code, Routine};
use super::step::Convention;
use super::subject::Link;
use super::{Measured, Reason, measure};
use std::collections::BTreeMap;
use unwind::Word;
use verifier::Verdict;
use words::*;

/// Where the first function is put; the others follow, 256 bytes apart.
const START: u64 = 0x1_0000;

const APART: u64 = 0x100;

fn routine(rank: u64, name: &str, words: &[u32], convention: Convention) -> Routine {
    Routine {
        names: vec![name.to_owned()],
        entry: START + rank * APART,
        words: words.iter().map(|&word| Word::new(word)).collect(),
        convention,
        links: BTreeMap::new(),
    }
}

/// Functions `f0`, `f1` and so on, with what is known of `f0`.
fn first(functions: &[&[u32]]) -> Measured {
    let routines = functions.iter().zip(0..);
    let routines =
        routines.map(|(words, rank)| routine(rank, &format!("f{rank}"), words, Convention::C));
    measured(routines.collect(), "f0")
}

fn measured(routines: Vec<Routine>, name: &str) -> Measured {
    let code = Code::of(routines);
    let mut measured = measure(&code, &[name.to_owned()]).expect("a function");
    assert_eq!(measured.len(), 1, "{measured:?}");
    measured.remove(0)
}

/// The function reaches so deep: one byte less is too little, one more is not needed.
fn reaches(functions: &[&[u32]], depth: u64) {
    let measured = first(functions);
    assert_eq!(measured.open, [], "{measured:?}");
    assert_eq!(measured.depth, depth, "{measured:?}");
    assert_eq!(measured.verdict(depth + 1), Verdict::Proved);
    assert_eq!(measured.verdict(depth), Verdict::Proved);
    if depth > 0 {
        assert_eq!(measured.verdict(depth - 1), Verdict::Refuted);
    }
}

/// It is not known how deep the function reaches, for this reason alone.
fn is_open(functions: &[&[u32]], reason: Reason) -> Measured {
    let measured = first(functions);
    let reasons: Vec<_> = measured.open.iter().map(|open| open.reason).collect();
    assert_eq!(reasons, [reason], "{measured:?}");
    assert_eq!(measured.verdict(u64::MAX), Verdict::Undecided);
    measured
}

#[test]
fn what_moves_sp_and_what_touches_below_it() {
    for (words, depth) in [
        (LEAF, 0),
        (PRE_INDEXED, 48),
        (PROBE, 104),
        (LOAD_PROBE, 104),
        (BYTE_PROBE, 97),
        // A prefetch touches nothing.
        (PREFETCH, 0),
        // Two pages down and 4080 bytes up.
        (FAR_PROBE, 4112),
        (SYSTEM, 0),
        // What a pointer leads to is the object of who passed it.
        (POINTER, 0),
        (STRUCTURE, 48),
        (ATOMIC, 48),
        (UNSCALED, 64),
    ] {
        reaches(&[words], depth);
    }
}

#[test]
fn constants_in_registers() {
    reaches(&[FROM_REGISTER], 0x1390);
    reaches(&[FROM_MOVK], 0x1_2340);
    reaches(&[FROM_LITERAL], 0x2_0010);
    reaches(&[SELF_XOR], 0);
    reaches(&[SELECT], 64);
    // 100 bytes, rounded to 112; 96, and up to 48 that SP at entry is above a multiple of 64.
    reaches(&[ALIGN], 112);
    reaches(&[ALIGN64], 144);
}

#[test]
fn loops() {
    // The last probe of the first is at 20480; the second pops what it pushed.
    reaches(&[PROBE_LOOP], 20480);
    reaches(&[CLASH_LOOP], 5 * 65536 + 32);
    reaches(&[UP_LOOP], 64);
    let endless = first(&[ENDLESS_LOOP]);
    let reasons: Vec<_> = endless.open.iter().map(|open| open.reason).collect();
    assert_eq!(reasons, [Reason::SpNotFollowed, Reason::SpAtReturn]);
}

#[test]
fn indices() {
    reaches(&[MASK_INDEX], 64);
    reaches(&[CHECKED_INDEX], 64);
    reaches(&[SMALL_INDEX], 0);
    is_open(&[FREE_INDEX], Reason::StackAddress);
    // A comparison with signs lets negative indices pass.
    is_open(&[CHECKED_WRONG], Reason::StackAddress);
}

/// What is compared in between counts: behind a conditional compare (`ccmp x1, #8, #2, ne`)
/// or SUBPS (`subps xzr, x1, x2`), by GNU as, the flags do not say that an index is small.
#[test]
fn flags_are_those_of_the_last_comparison() {
    for between in [0xfa48_1822, 0xbac2_003f] {
        let mut words = CHECKED_INDEX.to_vec();
        words.insert(2, between);
        is_open(&[&words], Reason::StackAddress);
        // A NOP changes nothing.
        words[2] = 0xd503_201f;
        reaches(&[&words], 64);
    }
}

#[test]
fn what_is_not_followed_is_said() {
    for (words, reason, depth) in [
        (ALLOCA, Reason::SpNotFollowed, 0),
        (LOST, Reason::SpNotFollowed, 0),
        (MULTIPLIED, Reason::StackAddress, 0),
        (BITS, Reason::StackAddress, 0),
        (UNBALANCED, Reason::SpAtReturn, 16),
        (INDIRECT, Reason::IndirectCall, 0),
        (JUMP, Reason::IndirectJump, 0),
        (OFF_END, Reason::RunsPastEnd, 16),
        (UNALLOCATED, Reason::UnknownInstruction, 0),
    ] {
        assert_eq!(is_open(&[words], reason).depth, depth);
    }
    // A word that no instruction has: reserved space (C4.1, op0 0001).
    is_open(&[&[0x0200_0000]], Reason::UnknownInstruction);
}

/// What is known to exceed a budget exceeds it, whatever else is not known.
#[test]
fn what_is_known_is_enough_to_exceed() {
    let unbalanced = first(&[UNBALANCED]);
    assert_eq!(unbalanced.verdict(15), Verdict::Refuted);
    assert_eq!(unbalanced.verdict(16), Verdict::Undecided);
}

/// `STP X29, X30, [SP, #-32]!; BL f1; LDP X29, X30, [SP], #32; RET`; the distance of the
/// BL is counted in words.
const CALLER: &[u32] = &[0xa9be_7bfd, bl(APART - 4), 0xa8c2_7bfd, 0xd65f_03c0];

/// C6.2, "BL".
const fn bl(bytes: u64) -> u32 {
    0x9400_0000 | (bytes / 4) as u32
}

/// C6.2, "B".
const fn b(bytes: u64) -> u32 {
    0x1400_0000 | (bytes / 4) as u32
}

#[test]
fn calls_add_up() {
    reaches(&[CALLER, LEAF], 32);
    reaches(&[CALLER, PROBE], 32 + 104);
    reaches(&[CALLER, FAR_PROBE], 32 + 4112);
    reaches(&[CALLER, CALLER, PROBE], 32 + 32 + 104);
    let measured = first(&[CALLER, CALLER, PROBE]);
    let chain: Vec<_> =
        measured.chain.iter().map(|step| (step.at.function.as_str(), step.depth)).collect();
    assert_eq!(chain, [("f0", 32), ("f1", 32)]);
    let at = measured.at.expect("an instruction");
    assert_eq!((at.function.as_str(), at.pc.0), ("f2", START + 2 * APART));
    // What a callee does not know, its callers do not.
    assert_eq!(is_open(&[CALLER, INDIRECT], Reason::IndirectCall).depth, 32);
}

#[test]
fn jumps_to_other_functions() {
    // SUB SP, SP, #16; ADD SP, SP, #16; B f1: as deep as the function that is jumped to.
    let tail = &[0xd100_43ff, 0x9100_43ff, b(APART - 8)][..];
    reaches(&[tail, LEAF], 16);
    reaches(&[tail, PROBE], 104);
    // The same with SP still 16 bytes down: the other function pops them, which it may.
    let deep = &[0xd100_43ff, b(APART - 4)][..];
    reaches(&[deep, PROBE], 120);
    // CBZ X0, f1; RET: either way.
    let conditional = &[0xb400_0000 | (APART as u32 / 4) << 5, 0xd65f_03c0][..];
    reaches(&[conditional, PROBE], 104);
}

#[test]
fn recursion_is_open_for_all_that_lead_into_it() {
    // BL 0 calls the function itself.
    let alone = &[0xa9be_7bfd, 0x97ff_ffff, 0xa8c2_7bfd, 0xd65f_03c0][..];
    is_open(&[alone], Reason::Recursion);
    is_open(&[CALLER, alone], Reason::Recursion);
    // f1 calls f0 back: BL -260.
    let back = &[0xa9be_7bfd, 0x9400_0000 | (0x03ff_ffff - APART as u32 / 4), 0xd65f_03c0][..];
    let measured = first(&[CALLER, back]);
    assert!(measured.open.iter().any(|open| open.reason == Reason::Recursion), "{measured:?}");
    // A function that is called twice is no circle.
    let twice = &[0xa9be_7bfd, bl(APART - 4), bl(APART - 8), 0xa8c2_7bfd, 0xd65f_03c0][..];
    reaches(&[twice, PROBE], 32 + 104);
}

#[test]
fn what_is_not_in_the_file_is_open() {
    assert_eq!(is_open(&[CALLER], Reason::LeavesImage).depth, 32);
    let mut caller = routine(0, "f0", CALLER, Convention::C);
    caller.links.insert(1, Link::Elsewhere("memcpy".to_owned()));
    let measured = measured(vec![caller.clone(), routine(1, "f1", PROBE, Convention::C)], "f0");
    let details: Vec<_> = measured.open.iter().map(|open| open.detail.as_deref()).collect();
    assert_eq!(details, [Some("memcpy")]);
    // What a linker would put there counts, not what is there.
    caller.links.insert(1, Link::To(START + 2 * APART));
    let others = [PROBE, FAR_PROBE].into_iter().zip(1..);
    let others = others.map(|(words, rank)| routine(rank, "other", words, Convention::C));
    let routines = core::iter::once(caller).chain(others).collect();
    assert_eq!(self::measured(routines, "f0").depth, 32 + 4112);
}

/// A call that ends a function does not return (`abort`).
#[test]
fn a_call_may_end_a_function() {
    let ends = &[0xa9be_7bfd, bl(APART - 4)][..];
    reaches(&[ends, PROBE], 32 + 104);
    let padded = &[0xa9be_7bfd, bl(APART - 4), 0xd503_201f][..];
    reaches(&[padded, PROBE], 32 + 104);
}

/// In C R19 to R28 survive a call; in Go they do not.
#[test]
fn a_call_keeps_what_the_convention_says() {
    // MOV X19, SP; SUB SP, SP, #64; BL f1; MOV SP, X19; RET
    let words = [0x9100_03f3, 0xd101_03ff, bl(APART - 8), 0x9100_027f, 0xd65f_03c0];
    reaches(&[&words, LEAF], 64);
    let routines = [&words[..], LEAF].into_iter().zip(0..);
    let go =
        routines.map(|(words, rank)| routine(rank, &format!("f{rank}"), words, Convention::Go));
    let measured = measured(go.collect(), "f0");
    assert_eq!(measured.open.first().map(|open| open.reason), Some(Reason::SpNotFollowed));
}

/// A function of Go with a stack check, by go1.27.3's assembler (`TEXT ·f(SB), $112-0`): what
/// comes behind the check is not its caller's concern, and execution starts anew behind
/// the call of morestack. Without a check it is.
#[test]
fn a_function_that_asks_for_stack_takes_nothing() {
    let body = [
        0xf81f_0ffe, // MOVD.W R30, -16(RSP)
        0xd101_c3ff, // SUB $112, RSP
        bl(2 * APART - 5 * 4),
        0x9102_03ff, // ADD $128, RSP
        0xd65f_03c0, // RET
    ];
    let check = [
        0xf940_0b90, // MOVD 16(R28), R16
        0xeb30_63ff, // CMP R16, RSP
        0x5400_00c9, // BLS to the call of morestack
    ];
    let mut checked: Vec<_> = check.into_iter().chain(body).collect();
    checked[5] = bl(2 * APART - 5 * 4);
    checked.push(0xaa1e_03e3); // MOVD R30, R3
    checked.push(bl(APART - 9 * 4));
    checked.push(0x17ff_fff6); // JMP to the entry
    let of = |words: &[u32]| {
        let routines = vec![
            routine(0, "main.f", words, Convention::Go),
            routine(1, "runtime.morestack_noctxt", LOST, Convention::Go),
            routine(2, "main.g", PROBE, Convention::Go),
        ];
        measured(routines, "main.f")
    };
    let with_check = of(&checked);
    assert_eq!((with_check.depth, with_check.open.len()), (0, 0), "{with_check:?}");
    let mut body = body;
    body[2] = bl(2 * APART - 2 * 4);
    let without = of(&body);
    assert_eq!((without.depth, without.open.len()), (128 + 104, 0), "{without:?}");
}
