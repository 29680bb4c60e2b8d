//! The prologue, the call of morestack and the epilogue that `review` finds in a
//! function, from its words and rows alone, against the regions that the lowering made
//! them in: for every policy, around every threshold and for some patterns of constants.

use lowering::pseudo::Region;
use lowering::{Frame, Os, Policy, expansions, lower};
use midframe::review::parts::Parts;
use midframe::review::step::{Code, Step, Target};
use unwind::Pc;
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
