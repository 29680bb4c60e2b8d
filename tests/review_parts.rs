//! The prologue, the call of morestack and the epilogue that `review` finds in a
//! function, from its words and rows alone, against the regions that the lowering made
//! them in: for every policy, around every threshold and for some patterns of constants.

use lowering::pseudo::Region;
use lowering::{Frame, Os, Policy, expansions, lower};
use midframe::review::parts::Parts;
use midframe::review::step::{Code, Step, Target};
use proptest::prelude::*;
use unwind::{Depth, Pc, Row, RowTable, UnsafePoint, Word};
use xtask::cases::{around_thresholds, frames, patterns};

/// Where each of the regions lies: the first index, and the one behind the last.
fn region(frame: &Frame, policy: &Policy, regions: &[Region]) -> Vec<u32> {
    let parts = expansions(frame, policy);
    let parts = parts.iter().filter(|part| regions.contains(&part.prog.region));
    parts.flat_map(|part| part.start.0..part.end.0).collect()
}

fn indices(steps: &[Step<'_>]) -> Vec<u32> {
    steps.iter().map(|step| step.at.0).collect()
}

#[test]
fn parts_are_the_regions_of_the_lowering() {
    let mut sizes = around_thresholds();
    sizes.extend(patterns().into_iter().step_by(37));
    let mut parts = Parts::default();
    let mut checked = 0_u32;
    for os in [Os::Linux, Os::Darwin, Os::Ios] {
        for frame in frames(&sizes, os) {
            for policy in &Policy::BUILT_IN {
                let lowered = lower(&frame, policy);
                let code = Code { entry: Pc(0), words: lowered.words(), rows: lowered.rows() };
                parts.read(&code, &|_| None);
                let at = |regions: &[Region]| region(&frame, policy, regions);
                let name = format!("{} {frame:?}", policy.name);
                if frame.size.bytes() == 0 {
                    assert!(parts.prologue().is_empty(), "{name}");
                    assert_eq!(parts.epilogues().count(), 0, "{name}");
                    continue;
                }
                let prologue = at(&[Region::Check, Region::Prologue]);
                assert_eq!(indices(parts.prologue()), prologue, "{name}");
                assert_eq!(indices(parts.more_stack()), at(&[Region::MoreStack]), "{name}");
                let epilogues: Vec<_> = parts.epilogues().map(indices).collect();
                assert_eq!(epilogues, [at(&[Region::Epilogue])], "{name}");
                assert_eq!(parts.frame.0, i64::from(frame.size.bytes()), "{name}");
                let goes = |step: &&Step<'_>| step.target == Target::MoreStack;
                let branches = parts.prologue().iter().filter(goes).count();
                assert_eq!(branches > 0, !parts.more_stack().is_empty(), "{name}");
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}

/// Words that open and close frames, and branches of any distance.
fn word() -> impl Strategy<Value = u32> {
    // LDP, ADD, ADD, MOVD, MOVK, ADD, RET, STP, MOVD, SUB, MOVD.W, LDR (literal), ADR.
    const FRAME: [u32; 13] = [
        0xa97f_fbfd,
        0x9101_43ff,
        0x9140_43ff,
        0xd280_0a1b,
        0xf2a0_003b,
        0x8b3b_63ff,
        0xd65f_03c0,
        0xa93f_fa9d,
        0x9100_029f,
        0xd100_23fd,
        0xf81e_0ffe,
        0x5800_0060,
        0x1000_0063,
    ];
    prop_oneof![
        4 => proptest::sample::select(FRAME.to_vec()),
        1 => any::<u32>(),
        1 => any::<u32>().prop_map(|word| 0x1400_0000 | word & 0x03ff_ffff),
        1 => any::<u32>().prop_map(|word| 0x5400_0000 | word & 0x00ff_ffef),
    ]
}

proptest! {
    /// Whatever a file holds: parts lie in the function, in order, and no epilogue is
    /// empty or lies in the prologue.
    #[test]
    fn parts_of_anything_lie_in_the_function(
        words in proptest::collection::vec(word(), 0..60),
        runs in proptest::collection::vec((0_u32..12, -2_i64..3, 0_usize..5), 0..12),
    ) {
        const CLASSES: [UnsafePoint; 5] = [
            UnsafePoint::Safe,
            UnsafePoint::Unsafe,
            UnsafePoint::Restart1,
            UnsafePoint::Restart2,
            UnsafePoint::RestartAtEntry,
        ];
        let words: Vec<_> = words.into_iter().map(Word::new).collect();
        let mut rows = RowTable::new();
        for (count, depth, class) in runs {
            let row = Row { depth: Depth(depth * 16), unsafe_point: CLASSES[class] };
            rows.push(row, count);
        }
        let code = Code { entry: Pc(u64::MAX - 64), words: &words, rows: &rows };
        let mut parts = Parts::default();
        parts.read(&code, &|_| None);
        let prologue = indices(parts.prologue());
        let expected: Vec<u32> = (0..prologue.len() as u32).collect();
        prop_assert_eq!(&prologue, &expected);
        prop_assert!(parts.frame != Depth(0) || prologue.is_empty());
        let inside = |steps: &[Step<'_>]| {
            let at = indices(steps);
            at.is_sorted() && at.iter().all(|&at| (at as usize) < words.len())
        };
        prop_assert!(inside(parts.more_stack()));
        for epilogue in parts.epilogues() {
            prop_assert!(inside(epilogue) && !epilogue.is_empty());
            prop_assert!(epilogue[0].at.0 as usize >= prologue.len());
        }
        prop_assert!(parts.distinct_epilogues().len() <= parts.epilogues().count());
    }
}
