//! Names and releases of policies.

use lowering::constant::LongConstants;
use lowering::encode::Reg;
use lowering::epilogue::{Epilogue, OwnPop};
use lowering::policy::{LargePop, LeafPop, Policy, SmallPop};
use lowering::pseudo::Op;
use lowering::{Frame, FrameSize, Kind, Lowered, ResolveError, lower, lower_each, strategies};
use proptest::prelude::*;
use std::collections::HashSet;

/// The policy that a release resolves to.
fn check(release: &str, policy: &str) {
    let resolved = Policy::resolve(release).map(|policy| policy.name);
    assert_eq!(resolved, Ok(policy), "{release}");
}

// Where golang/go#73259 was fixed: go1.23.12, go1.24.6, go1.25.0. Where
// golang/go#63830 was not: go1.21.3 (reported), go1.19.8 (its sources).
#[test]
fn releases_have_their_policies() {
    for (release, policy) in [
        ("go1.19", "go1.19"),
        ("go1.19.8", "go1.19"),
        ("go1.21.3", "go1.19"),
        ("go1.21.13", "go1.22"),
        ("go1.22.0", "go1.22"),
        ("go1.22.10", "go1.22"),
        ("go1.23.0", "go1.22"),
        ("go1.23.11", "go1.22"),
        ("go1.23.12", "go1.23.12"),
        ("go1.24", "go1.24"),
        ("go1.24.0", "go1.24"),
        ("go1.24.5", "go1.24"),
        ("go1.24.6", "go1.24.6"),
        ("go1.24.11", "go1.24.6"),
        ("go1.25.0", "go1.24.6"),
        ("go1.25.5", "go1.24.6"),
        ("go1.26", "go1.26"),
        ("go1.27.3", "go1.26"),
        ("go1.24.3-1~deb13u1", "go1.24"),
        ("go1.24.3 X:nocoverageredesign", "go1.24"),
    ] {
        check(release, policy);
    }
}

/// Expectations: `go tool asm -S` for linux/arm64, of `MOVD $0xaaaaaaaaaaaaaaab,
/// R1`, which takes a MOVZ and three MOVK up to go1.25.5, an ORR and a MOVK from
/// go1.26.0 on. No go1.23 with the fix was to be had; those before and behind it
/// agree.
#[test]
fn long_constants_are_built_as_the_release_builds_them() {
    for (release, expected) in [
        ("go1.19.8", LongConstants::WideMoves),
        ("go1.21.13", LongConstants::WideMoves),
        ("go1.22.10", LongConstants::WideMoves),
        ("go1.23.9", LongConstants::WideMoves),
        ("go1.23.12", LongConstants::WideMoves),
        ("go1.24.3", LongConstants::WideMoves),
        ("go1.24.11", LongConstants::WideMoves),
        ("go1.25.5", LongConstants::WideMoves),
        ("go1.26.0", LongConstants::BitMaskAndKeep),
        ("go1.27.3", LongConstants::BitMaskAndKeep),
    ] {
        let policy = Policy::resolve(release).expect("a supported release");
        assert_eq!(policy.long_constants, expected, "{release}");
    }
}

#[test]
fn an_unsupported_release_names_the_supported_ones() {
    for release in ["go1.18.10", "go1.21.4", "go1.21.12", "go1.28", "go1.2"] {
        let error = Policy::resolve(release).unwrap_err();
        assert!(matches!(error, ResolveError::Unsupported { .. }), "{release}: {error}");
        let text = error.to_string();
        let supported = "go1.19.0 to go1.21.3, go1.21.13 to go1.21.x, go1.22.0 to go1.23.11, \
                         go1.23.12 to go1.23.x, go1.24.0 to go1.24.5, go1.24.6 to go1.25.x, \
                         go1.26.0 to go1.27.x";
        assert!(text.ends_with(supported), "{text}");
    }
    for name in [
        "", "go", "go1", "go1.", "go1.x", "go1.24.", "go1.24.x", "go2.1", "1.24.5", "go1.-1",
        "go1.+24",
    ] {
        let error = Policy::resolve(name).unwrap_err();
        assert!(matches!(error, ResolveError::Unknown { .. }), "{name}: {error}");
        assert!(error.to_string().contains("go1.23.12"), "{error}");
    }
}

#[test]
fn names_are_unique_and_ranges_do_not_overlap() {
    let names: HashSet<_> = Policy::BUILT_IN.iter().map(|policy| policy.name).collect();
    assert_eq!(names.len(), Policy::BUILT_IN.len());
    let mut ranges: Vec<_> = Policy::BUILT_IN.iter().flat_map(|policy| policy.releases).collect();
    ranges.sort_by_key(|range| range.first);
    for pair in ranges.windows(2) {
        assert!(pair[0].last < pair[1].first, "{} and {}", pair[0], pair[1]);
    }
}

proptest! {
    /// No go1.23 with the fix can be had. What it does follows from the fix alone
    /// (golang/go#73259): the others pop frames from 4096 bytes on as go1.24.6 does,
    /// and all else is as in go1.23.11. Both are recorded from toolchains.
    #[test]
    fn go1_23_12_is_the_one_before_with_the_fix(frame in strategies::frame()) {
        let large = frame.kind == Kind::NonLeaf && frame.size.bytes() >= 4096;
        let alike = if large { "go1.24.6" } else { "go1.23.11" };
        let [fixed, alike] = ["go1.23.12", alike].map(|release| {
            lower(&frame, Policy::resolve(release).expect("a supported release"))
        });
        prop_assert_eq!(fixed.words(), alike.words());
        prop_assert_eq!(fixed.rows(), alike.rows());
    }
}

#[test]
fn every_policy_but_complete_has_releases() {
    let released: Vec<_> = Policy::released().map(|policy| policy.name).collect();
    assert_eq!(released, ["go1.19", "go1.22", "go1.23.12", "go1.24", "go1.24.6", "go1.26"]);
    let all: Vec<_> = Policy::BUILT_IN.iter().map(|policy| policy.name).collect();
    assert_eq!(all.split_last(), Some((&"complete", &released[..])));
}

/// A policy of one's own is a value, made without touching this crate.
#[test]
fn a_policy_can_be_made_outside() {
    let base = *Policy::resolve("go1.22").unwrap();
    let mine = Policy {
        name: "mine",
        small_pop: SmallPop::PostIndex,
        large_pop: LargePop::Register,
        releases: &[],
        ..base
    };
    let fixed = Policy::resolve("go1.24.6").unwrap();
    for size in [16, 240, 256, 4096, 65616, 1 << 24] {
        let frame = Frame::new(FrameSize::new(size).unwrap(), Kind::NonLeaf);
        assert_eq!(lower(&frame, &mine).words(), lower(&frame, fixed).words(), "{size}");
    }
}

/// The pop of the fix, written outside.
fn pop_by_r27(frame: &Frame, epilogue: &mut Epilogue) {
    let size = i64::from(frame.size.bytes());
    epilogue.emit(Op::load_pair(-8, Reg::FP, Reg::LR));
    epilogue.emit(Op::MoveConst { value: size, to: Reg::TMP });
    let pop = Op::AddReg { by: Reg::TMP, from: Reg::SP, to: Reg::SP };
    epilogue.emit_popping(pop, size);
}

/// The pop of leaves, written outside, and not preemptible.
fn pop_leaf_unsafely(frame: &Frame, epilogue: &mut Epilogue) {
    let size = i64::from(frame.size.bytes());
    epilogue.unsafe_points(|epilogue| {
        epilogue.emit(Op::add(size - 8, Reg::SP, Reg::FP));
        epilogue.emit_popping(Op::add(size, Reg::SP, Reg::SP), size);
    });
}

/// What is popped in one's own way is lowered as what is built in, R27's unsafe
/// points included.
#[test]
fn an_epilogue_can_be_written_outside() {
    let base = *Policy::resolve("go1.26").unwrap();
    let mine = Policy {
        name: "mine",
        releases: &[],
        leaf_pop: LeafPop::Own(OwnPop(pop_leaf_unsafely)),
        large_pop: LargePop::Own(OwnPop(pop_by_r27)),
        ..base
    };
    for size in [0, 16, 240, 4096, 65616, 1 << 24, (1 << 24) + 80, 1 << 30] {
        let frame = |kind| Frame::new(FrameSize::new(size).unwrap(), kind);
        let [own, built_in] = [&mine, &base].map(|policy| lower(&frame(Kind::NonLeaf), policy));
        assert_eq!(own.words(), built_in.words(), "{size}");
        assert_eq!(own.rows(), built_in.rows(), "{size}");
        let [own, built_in] = [&mine, &base].map(|policy| lower(&frame(Kind::Leaf), policy));
        assert_eq!(own.words(), built_in.words(), "{size}");
        assert_eq!(own.rows() == built_in.rows(), size == 0, "{size}");
    }
    assert_eq!(mine, Policy { ..mine });
    assert_ne!(mine.large_pop, LargePop::Own(OwnPop(pop_leaf_unsafely)));
}

proptest! {
    /// What [`Policy::for_frame`] leaves out makes no difference.
    #[test]
    fn a_policy_lowers_a_frame_as_what_is_left_of_it_does(
        frame in strategies::frame(),
        policy in strategies::policy(),
    ) {
        let left = policy.for_frame(&frame);
        let (first, second) = (lower(&frame, &policy), lower(&frame, &left));
        prop_assert_eq!(first.words(), second.words());
        prop_assert_eq!(first.rows(), second.rows());
    }

    /// Lowered with others, a frame becomes what it is alone, whatever was lowered before.
    #[test]
    fn each_of_several_policies_lowers_a_frame_as_it_does_alone(
        frames in prop::collection::vec(strategies::frame(), 1..4),
        policies in prop::collection::vec(strategies::policy(), 0..8),
    ) {
        let mut lowered = vec![Lowered::new(); policies.len()];
        for frame in frames {
            lower_each(&frame, policies.iter(), &mut lowered);
            for (policy, lowered) in policies.iter().zip(&lowered) {
                let alone = lower(&frame, policy);
                prop_assert_eq!(alone.words(), lowered.words(), "{} {:?}", policy.name, frame);
                prop_assert_eq!(alone.rows(), lowered.rows(), "{} {:?}", policy.name, frame);
            }
        }
    }
}

/// And nothing is left out by which two policies of releases differ: go1.24 and
/// go1.24.6 pop a frame of 4112 bytes in two ways (golang/go#73259), go1.22 and go1.24
/// one of 32.
#[test]
fn policies_that_differ_for_a_frame_are_told_apart() {
    let policy = |name| Policy::resolve(name).expect("a policy");
    let same = |first, second, bytes, kind| {
        let frame = Frame::new(FrameSize::new(bytes).expect("a frame size"), kind);
        policy(first).for_frame(&frame) == policy(second).for_frame(&frame)
    };
    assert!(!same("go1.24", "go1.24.6", 4112, Kind::NonLeaf));
    assert!(same("go1.24", "go1.24.6", 4112, Kind::Leaf));
    assert!(!same("go1.22", "go1.24", 32, Kind::NonLeaf));
    assert!(same("go1.22", "go1.24", 256, Kind::NonLeaf));
    assert!(!same("go1.19", "go1.22", 256, Kind::Leaf));
    assert!(!same("complete", "go1.26", 65616, Kind::Leaf));
    assert!(same("go1.26", "go1.24.6", 65616, Kind::NonLeaf));
}
