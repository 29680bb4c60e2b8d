//! The policy `complete`: its words, and what its documentation says of them.

use lowering::pseudo::Region;
use lowering::{Frame, FrameSize, Kind, Os, Policy, expansions, lower, strategies};
use proptest::prelude::*;
use unwind::{UnsafePoint, Word};

fn complete() -> &'static Policy {
    Policy::resolve("complete").expect("a built-in policy")
}

fn frame(size: u64, kind: Kind) -> Frame {
    Frame::new(FrameSize::new(size).expect("a frame size"), kind)
}

/// The words between the body and the return.
fn pop(frame: &Frame, policy: &Policy) -> Vec<Word> {
    let lowered = lower(frame, policy);
    let expansions = expansions(frame, policy);
    let mut epilogue = expansions.iter().filter(|e| e.prog.region == Region::Epilogue);
    let start = epilogue.next().expect("an epilogue").start;
    let end = epilogue.next_back().map_or(start, |ret| ret.start);
    lowered.words()[start.0 as usize..end.0 as usize].to_vec()
}

/// A frame size with the words that pop it, of a function that is not a leaf and
/// of a leaf.
type Case = (u64, &'static [u32], &'static [u32]);

// `go tool asm -S` of go1.19.8, go1.24.3 and go1.27.3, linux/arm64, which agree,
// of the instructions that `LargePop::AtOnce` and `LeafPop::AtOnce` name. GNU as
// 2.40 makes the same words of `ldur`, `ldp`, `add` and `mov`.
const CASES: [Case; 15] = [
    (16, &[0xf85f_83fd, 0xf841_07fe], &[0x9100_23fd, 0x9100_43ff]),
    (240, &[0xf85f_83fd, 0xf84f_07fe], &[0x9103_a3fd, 0x9103_c3ff]),
    (256, &[0xa97f_fbfd, 0x9104_03ff], &[0x9103_e3fd, 0x9104_03ff]),
    (4080, &[0xa97f_fbfd, 0x913f_c3ff], &[0x913f_a3fd, 0x913f_c3ff]),
    (4096, &[0xa97f_fbfd, 0x9140_07ff], &[0x913f_e3fd, 0x9140_07ff]),
    (4112, &[0xa97f_fbfd, 0x9100_43f4, 0x9140_069f], &[0xf85f_83fd, 0x9100_43f4, 0x9140_069f]),
    (65536, &[0xa97f_fbfd, 0x9140_43ff], &[0xf85f_83fd, 0x9140_43ff]),
    (65552, &[0xa97f_fbfd, 0x9100_43f4, 0x9140_429f], &[0xf85f_83fd, 0x9100_43f4, 0x9140_429f]),
    (65616, &[0xa97f_fbfd, 0x9101_43f4, 0x9140_429f], &[0xf85f_83fd, 0x9101_43f4, 0x9140_429f]),
    (
        (1 << 24) - 16,
        &[0xa97f_fbfd, 0x913f_c3f4, 0x917f_fe9f],
        &[0xf85f_83fd, 0x913f_c3f4, 0x917f_fe9f],
    ),
    (1 << 24, &[0xa97f_fbfd, 0xd2a0_2014, 0x8b34_63ff], &[0xf85f_83fd, 0xd2a0_2014, 0x8b34_63ff]),
    (
        (1 << 24) + 16,
        &[0xa97f_fbfd, 0xd280_0214, 0xf2a0_2014, 0x8b34_63ff],
        &[0xf85f_83fd, 0xd280_0214, 0xf2a0_2014, 0x8b34_63ff],
    ),
    (
        (1 << 24) + (1 << 16),
        &[0xa97f_fbfd, 0xd2a0_2034, 0x8b34_63ff],
        &[0xf85f_83fd, 0xd2a0_2034, 0x8b34_63ff],
    ),
    (
        (1 << 30) - 16,
        &[0xa97f_fbfd, 0xb27c_67f4, 0x8b34_63ff],
        &[0xf85f_83fd, 0xb27c_67f4, 0x8b34_63ff],
    ),
    (1 << 30, &[0xa97f_fbfd, 0xd2a8_0014, 0x8b34_63ff], &[0xf85f_83fd, 0xd2a8_0014, 0x8b34_63ff]),
];

#[test]
fn frames_are_popped_by_the_words_of_the_assembler() {
    for (size, non_leaf, leaf) in CASES {
        for (kind, expected) in [(Kind::NonLeaf, non_leaf), (Kind::Leaf, leaf)] {
            let expected: Vec<Word> = expected.iter().map(|&word| Word::new(word)).collect();
            assert_eq!(pop(&frame(size, kind), complete()), expected, "{kind} {size}");
        }
    }
}

/// Whether the word is an ADD (immediate) or (extended register) that writes this
/// register, or an LDR (immediate) that writes it back (Arm ARM, C6.2).
fn adds_to(word: Word, register: u32) -> bool {
    let word = word.get();
    let add = word & 0xff80_0000 == 0x9100_0000 || word & 0xffe0_0000 == 0x8b20_0000;
    let write_back = word & 0xffe0_0c00 == 0xf840_0400;
    add && word & 31 == register || write_back && word >> 5 & 31 == register
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// SP is moved by the last word and by no other; R27 is not used, so nothing
    /// needs to be an unsafe point or a restartable sequence.
    #[test]
    fn one_instruction_moves_sp(frame in strategies::frame()) {
        prop_assume!(frame.size.bytes() > 0);
        let pop = pop(&frame, complete());
        let (last, before) = pop.split_last().expect("words");
        prop_assert!(adds_to(*last, 31));
        prop_assert!(before.iter().all(|&word| !adds_to(word, 31)));
        prop_assert_eq!(before.iter().filter(|&&word| adds_to(word, 29)).count(),
            usize::from(frame.kind == Kind::Leaf && frame.size.bytes() <= 4096));
        let lowered = lower(&frame, complete());
        let expansions = expansions(&frame, complete());
        for expansion in expansions.iter().filter(|e| e.prog.region == Region::Epilogue) {
            let row = lowered.rows().row(expansion.start).expect("a row");
            prop_assert_eq!(row.unsafe_point, UnsafePoint::Safe);
        }
    }

    /// It never takes more instructions than what was shipped.
    #[test]
    fn it_costs_no_more_than_the_shipped_fix(frame in strategies::frame()) {
        let shipped = Policy::resolve("go1.26").expect("a release");
        let words = |policy| lower(&frame, policy).words().len();
        prop_assert!(words(complete()) <= words(shipped));
    }
}

/// What stands between the entry and the body is what releases emit, but that
/// nobody is preempted on ios before FP and LR are stored again.
#[test]
fn the_prologue_is_the_shipped_one() {
    let shipped = Policy::resolve("go1.26").expect("a release");
    for (size, ..) in CASES {
        for os in [Os::Linux, Os::Darwin, Os::Ios] {
            let frame = Frame { os, ..frame(size, Kind::NonLeaf) };
            let [mine, theirs] = [complete(), shipped].map(|policy| {
                let expansions = expansions(&frame, policy);
                let body = expansions.iter().find(|e| e.prog.region == Region::Body);
                let body = body.expect("a body").start;
                let rows =
                    (0..body.0).map(|at| lower(&frame, policy).rows().row(unwind::Index(at)));
                (
                    lower(&frame, policy).words()[..body.0 as usize].to_vec(),
                    rows.collect::<Vec<_>>(),
                )
            });
            // The branches of the check go over what differs.
            let alike =
                |(a, b): (&Word, &Word)| a == b || a.get() >> 24 == 0x54 && b.get() >> 24 == 0x54;
            assert!(mine.0.iter().zip(&theirs.0).all(alike), "{size} {os:?}");
            let differing: Vec<_> =
                (0..mine.1.len()).filter(|&at| mine.1[at] != theirs.1[at]).collect();
            let marked = if os == Os::Ios && size > 240 { 1 } else { 0 };
            assert_eq!(differing.len(), marked, "{size} {os:?}");
            for at in differing {
                // STP (R29, R30), -8(RSP), by GNU as 2.40.
                assert_eq!(mine.0[at], Word::new(0xa93f_fbfd));
                assert_eq!(mine.1[at].map(|row| row.unsafe_point), Some(UnsafePoint::Unsafe));
            }
        }
    }
}
