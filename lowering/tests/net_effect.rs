//! The net effect of a lowered function is its frame, whatever the policy: run on
//! a machine that knows nothing of the lowering.

mod machine;

use lowering::policy::Policy;
use lowering::pseudo::{Op, Progs, Region, preprocess};
use lowering::{Frame, FrameSize, Kind, expansions, lower, strategies};
use machine::{CFA, Machine};
use proptest::prelude::*;
use unwind::Word;

/// Runs the function behind its stack check and holds the machine against what a
/// frame is for.
fn check(frame: &Frame, policy: &Policy) {
    let lowered = lower(frame, policy);
    let expansions = expansions(frame, policy);
    let start = |region: Region| {
        let of_region = expansions.iter().find(|expansion| expansion.prog.region == region);
        of_region.map(|expansion| expansion.start.0 as usize)
    };
    let words: &[Word] = lowered.words();
    let (body, epilogue) = (start(Region::Body).unwrap(), start(Region::Epilogue).unwrap());
    let mut machine = Machine::new();
    let size = u64::from(frame.size.bytes());
    for &word in &words[start(Region::Prologue).unwrap_or(body)..body] {
        assert!(!machine.step(word));
    }
    assert_eq!(machine.registers[31], CFA - size, "{frame:?}: SP in the body");
    if size > 0 {
        let sp = machine.registers[31];
        assert_eq!(machine.registers[29], sp - 8, "{frame:?}: FP in the body");
        assert_eq!(machine.memory.get(&sp), Some(&0x4000), "{frame:?}: saved LR");
        assert_eq!(machine.memory.get(&(sp - 8)), Some(&(CFA - 8)), "{frame:?}: saved FP");
    }
    for &word in &words[body..epilogue] {
        assert!(!machine.step(word));
    }
    let returned = words[epilogue..].iter().any(|&word| machine.step(word));
    assert!(returned, "{frame:?} returns");
    assert_eq!(machine.registers[31], CFA, "{frame:?}: SP at the return");
    assert_eq!(machine.registers[29], CFA - 8, "{frame:?}: FP at the return");
    if size > 0 || frame.kind == Kind::Leaf {
        assert_eq!(machine.registers[30], 0x4000, "{frame:?}: LR at the return");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Stage 2 by itself makes the pseudo-instructions that the stages behind it
    /// expand, whether they are kept or not.
    #[test]
    fn pseudo_instructions_can_be_kept(
        frame in strategies::frame(),
        policy in strategies::policy(),
    ) {
        let mut kept = Progs::new();
        preprocess(&frame, &policy, &mut kept);
        let expanded = expansions(&frame, &policy).into_iter().map(|expansion| expansion.prog);
        prop_assert!(kept.iter().copied().eq(expanded));
        prop_assert!(kept.iter().any(|prog| prog.op == Op::Return));
    }

    #[test]
    fn the_net_effect_is_the_frame(frame in strategies::frame(), policy in strategies::policy()) {
        check(&frame, &policy);
    }
}

#[test]
fn the_net_effect_is_the_frame_for_every_small_frame() {
    for policy in Policy::BUILT_IN {
        for rank in 0..1200 {
            let size = FrameSize::nth(rank).unwrap();
            for kind in [Kind::Leaf, Kind::NonLeaf] {
                check(&Frame::new(size, kind), &policy);
            }
        }
    }
}

/// The split is born between the stages: one pseudo-instruction, two words.
#[test]
fn the_pop_is_one_pseudo_instruction_and_two_words() {
    let frame = Frame::new(FrameSize::new(65616).unwrap(), Kind::NonLeaf);
    let policy = Policy::resolve("go1.24.5").unwrap();
    let words_of_pop = |frame: &Frame| {
        let expansions = expansions(frame, policy);
        let pop = expansions.iter().find(|expansion| expansion.prog.sp_adjust < 0).unwrap();
        (pop.class.map(|class| class.to_string()), pop.end.0 - pop.start.0)
    };
    assert_eq!(words_of_pop(&frame), (Some("C_ADDCON2".to_owned()), 2));
    let frame = Frame::new(FrameSize::new(65536).unwrap(), Kind::NonLeaf);
    assert_eq!(words_of_pop(&frame), (Some("C_ABCON".to_owned()), 1));
}
